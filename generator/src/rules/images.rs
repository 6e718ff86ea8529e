//! Rules about images in requests to models that read them.

use mcc_catalogs::ImageTokens;

use super::Rule;
use crate::finding::{Finding, Severity};
use crate::resolve::Context;
use crate::spec::Spec;

pub(super) const RULES: &[Rule] = &[Rule {
    id: "MCC-MDL-004",
    severity: Severity::Warning,
    title: "one image can be longer than the context",
    why: "an image becomes as many tokens as it has squares of pixels, and a request that is longer than the context is \
          refused",
    source: "preprocessor_config.json of the models (catalogs/data/vision.json)",
    check: Some(longer),
}];

/// The option by which an engine is told how large an image may be.
const OPTION: &str = "mm-processor-kwargs";
/// Options without which, or with which, no such image comes.
const OTHERWISE: [&str; 3] = [OPTION, "language-model-only", "limit-mm-per-prompt"];

/// What becomes of images, where one can be longer than the context.
fn too_long(context: &Context<'_>, tokens: u64) -> Option<ImageTokens> {
    let class = context.facts.class.as_deref()?;
    let row = context.row().filter(|_| context.inputs.model_config.is_none());
    let images = context.catalogs.vision().images(class)?;
    let images = images.with_pixels(row.and_then(|row| row.image_pixels));
    (images.most() > tokens).then_some(images)
}

fn longer(context: &Context<'_>, spec: &Spec, findings: &mut Vec<Finding>) {
    let Some(tokens) = spec.model.max_model_len else { return };
    let Some(images) = too_long(context, tokens) else { return };
    let options = spec.model.engine_options.iter().flatten();
    let stems = options.map(|(name, _)| name.split('.').next().unwrap_or_default());
    if stems.into_iter().any(|stem| OTHERWISE.contains(&stem)) {
        return;
    }
    let engine = context.engine().unwrap_or_default();
    let known = context.catalogs.engines().options(&engine);
    let has = known.is_some_and(|known| known.get(OPTION).is_some());
    let fix = crate::reasons::fewer_pixels(&images, tokens, has.then_some(OPTION));
    let finding = Finding::warning("MCC-MDL-004", crate::reasons::long_image(&images, tokens), fix);
    let key = if context.merged.is_given("maxModelLen") { "maxModelLen" } else { "modelName" };
    findings.push(context.merged.about(key, finding));
}
