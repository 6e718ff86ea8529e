//! Rules about what takes memory while a model is loaded, and no longer.

use mcc_fit::sizing::{loads_by_layer, too_much_while_loading};

use super::Rule;
use crate::finding::{Finding, Severity};
use crate::fix::{Fix, Fixes, entry};
use crate::resolve::Context;
use crate::spec::Spec;

pub(super) const RULES: &[Rule] = &[Rule {
    id: "MCC-MEM-030",
    severity: Severity::Warning,
    title: "quantizing while loading may need the memory of the whole model first",
    why: "an engine that quantizes after all layers are loaded holds the model at 16 bits for a moment, and ends if there \
          is no room for that",
    source: "vLLM 0.5.5 to 0.10, docs/quantization/fp8 (the model is loaded at its original precision first), 0.20.0, \
             docs/features/quantization/online (converted during loading); SGLang, LayeredModelLoader in \
             srt/model_loader/loader.py",
    check: Some(peak),
}];

/// The option by which an engine is told how to load, and the value by which it loads layer by layer.
const BY_LAYER: (&str, &str) = ("load-format", "layered");

fn peak(context: &Context<'_>, spec: &Spec, findings: &mut Vec<Finding>) {
    let facts = &context.facts;
    let (Some(plan), Some(shape), Some(device)) = (&facts.plan, &facts.shape, &facts.device) else {
        return;
    };
    let Some(method) = plan.serving.in_flight.as_ref().filter(|one| one.method.contains("fp8"))
    else {
        return;
    };
    let (option, layered) = BY_LAYER;
    let given = spec.model.engine_options.as_ref().and_then(|options| options.get(option));
    let engine = context.engine().unwrap_or_default();
    let by_layer = loads_by_layer(&engine, facts.release.as_deref());
    if shape.quantization.is_some()
        || device.compiled
        || given.is_some_and(|value| value == layered)
        || by_layer == Some(true)
    {
        return;
    }
    // The weights that stay are judged by other rules.
    let Some((whole, has)) = too_much_while_loading(shape, plan, device, method) else {
        return;
    };
    let takes = |value: &str| {
        let options = context.catalogs.engines().options(&engine);
        let row = options.as_ref().and_then(|known| known.get(option));
        row.is_some_and(|row| row.choices.iter().any(|one| one == value))
    };
    let fixes = Fixes::from(takes(layered).then(|| Fix::set(entry("engineArgs", option), layered)))
        .or("name a copy of the model that is quantized already, or use an instance type with more memory");
    let how = match &facts.release {
        Some(release) if by_layer == Some(false) => {
            format!("{engine} {release} loads all of them before it quantizes")
        }
        _ => "whether the engine quantizes each layer as it comes is not known".to_owned(),
    };
    let finding = Finding::warning(
        "MCC-MEM-030",
        format!(
            "at 16 bits the weights take about {whole:.1} GiB of each {}, which has {has:.1}, and {how}",
            device.name
        ),
        fixes,
    );
    findings.push(context.merged.about("quantization", finding));
}
