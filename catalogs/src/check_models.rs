//! What cannot be right about a model's row, by the row alone. What its configuration says is checked where that is read
//! (`fit/tests/catalog.rs`).

use crate::{Model, Models, ParametersFrom};

/// Words in a name, and what the precision of a variant with that word is.
const NAMED: [(&str, &str); 4] =
    [("nvfp4", "nvfp4"), ("mxfp8", "mxfp8"), ("mxfp4", "mxfp4"), ("fp8", "fp8")];

/// The faults of `row`, as sentences.
pub(crate) fn faults(row: &Model, all: &Models) -> Vec<String> {
    let mut faults = Vec::new();
    if let (Some(parameters), Some(active)) = (row.parameters, row.active_parameters)
        && active > parameters
    {
        faults.push("has more active parameters than parameters".to_owned());
    }
    if row.parameters.is_some() != row.parameters_from.is_some()
        || row.weight_bytes.is_some() != row.weight_bytes_from.is_some()
    {
        faults.push("has a total and does not say where it is from, or the reverse".to_owned());
    }
    if row.gated.is_some() != row.gated_from.is_some() {
        faults.push("is gated or not, and does not say how that is known".to_owned());
    }
    if row.source.as_deref().unwrap_or_default().is_empty() {
        faults.push("does not say where it is from".to_owned());
    }
    if let Some(parameters) = row.parameters {
        faults.extend(size_in_name(row.id.as_str(), parameters));
        faults.extend(label(parameters, row.parameters_from));
        faults.extend(row.weight_bytes.and_then(|bytes| share(bytes, parameters)));
    }
    faults.extend(row.variants.iter().filter_map(|variant| {
        let id = variant.id.as_str();
        let precision = variant.precision.as_deref();
        let (_, named) = NAMED.iter().find(|(word, _)| id.to_lowercase().contains(word))?;
        (precision != Some(named)).then(|| {
            format!("`{id}` is {named} by its name, and {} here", precision.unwrap_or("nothing"))
        })
    }));
    for variant in &row.variants {
        if matches!(variant.precision.as_deref(), Some("bf16" | "bfloat16")) {
            faults.push(format!("`{}` is no quantization: another model", variant.id));
        }
        if let Some(other) = all.get(variant.id.as_str()).and_then(|other| other.parameters)
            && let Some(own) = row.parameters
            && (other > own / 100 * 125 || other < own / 100 * 75)
        {
            faults.push(format!("`{}` has {other} parameters: another model", variant.id));
        }
    }
    faults
}

/// A name such as `Llama-3.1-8B` says how many parameters there are, within a third.
fn size_in_name(id: &str, parameters: u64) -> Option<String> {
    let name = id.rsplit('/').next().unwrap_or(id).to_uppercase();
    // `8X7B` counts experts that share the rest, `17B-16E`, `E4B` and `A3B` what one token uses.
    let experts = |word: &str| word.strip_suffix('E').is_some_and(|n| n.parse::<u32>().is_ok());
    if name.split('-').any(experts) {
        return None;
    }
    let size = name.split('-').find_map(|word| {
        let number = word.strip_suffix('B')?;
        number.parse::<f64>().ok().filter(|n| *n > 0.0)
    })?;
    #[expect(clippy::cast_precision_loss, reason = "no model has 2^53 parameters")]
    let share = parameters as f64 / (size * 1e9);
    // Small ones are rounded most.
    let most = if size < 2.0 { 1.75 } else { 1.35 };
    (!(0.75..=most).contains(&share))
        .then(|| format!("has {parameters} parameters, and {size} billion by its name"))
}

/// A number of parameters that ends in six zeros is a label, and no count.
fn label(parameters: u64, from: Option<ParametersFrom>) -> Option<String> {
    (parameters.is_multiple_of(1_000_000) && from.is_some())
        .then(|| format!("{parameters} parameters are a label, and no count"))
}

/// Four bits to a parameter at least, and 32 at most.
fn share(bytes: u64, parameters: u64) -> Option<String> {
    let half = bytes.saturating_mul(2);
    (half < parameters || bytes > parameters.saturating_mul(41) / 10)
        .then(|| format!("has {bytes} bytes for {parameters} parameters"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Catalogs;

    fn model(change: impl FnOnce(&mut Model)) -> Vec<String> {
        let models = Catalogs::embedded().models();
        let mut row = models.get("Qwen/Qwen3-8B").expect("a known model").clone();
        assert_eq!(faults(&row, models), Vec::<String>::new());
        change(&mut row);
        faults(&row, models)
    }

    fn variant(id: &str, precision: &str) -> crate::Variant {
        crate::Variant { id: id.parse().expect("an id"), precision: Some(precision.to_owned()) }
    }

    /// Checks C1, C2, C5, C18 and C19 of the rows, each with a fault that it finds.
    #[test]
    fn each_fault_is_found() {
        let finds = |word: &str, change: &dyn Fn(&mut Model)| {
            let found = model(|row| change(row));
            assert!(found.iter().any(|fault| fault.contains(word)), "{word}: {found:?}");
        };
        finds("by its name", &|row| row.parameters = Some(16_381_470_721));
        finds("label", &|row| row.parameters = Some(8_000_000_000));
        finds("bytes for", &|row| row.weight_bytes = Some(1_000_000_000));
        finds("bytes for", &|row| row.weight_bytes = Some(80_000_000_000));
        finds("active", &|row| row.active_parameters = Some(9_000_000_000));
        finds("where it is from", &|row| row.source = None);
        finds("where it is from", &|row| row.parameters_from = None);
        finds("how that is known", &|row| row.gated_from = None);
        finds("another model", &|row| row.variants.push(variant("Qwen/Qwen3-32B", "fp8")));
        finds("another model", &|row| row.variants.push(variant("Qwen/Qwen3-8B-Base", "bf16")));
        finds("by its name", &|row| row.variants.push(variant("me/Qwen3-8B-NVFP4", "fp8")));
    }
}
