//! The serving engine: its release, and the options that the user gives it, in the form of its command line.

use std::collections::BTreeMap;

use mcc_catalogs::{EngineOption, EngineOptions, OptionKind};
use serde_json::{Map, Value};

use super::{Context, Drafting};
use crate::finding::{Finding, Severity, shorten};
use crate::fix::{self, Fix, Fixes};
use crate::manifest::{OptionRoles, SizingRole};
use crate::render::plain;
use crate::spec::InstanceSpec;
use mcc_fit::engine_in;
use mcc_fit::sizing::Wanted;

impl Context<'_> {
    /// Name of the serving engine in the catalogs.
    pub(crate) fn engine(&self) -> Option<String> {
        self.deployment.engine.clone()
    }

    /// Release of the engine in the image; none where nothing is known of the user's own image, or where it is not known
    /// which release is in it: an image around an engine has a version of its own.
    pub(super) fn engine_release(&self, instance: &InstanceSpec) -> Option<String> {
        let (_, release) = engine_in(&self.deployment, self.base(instance)?)?;
        Some(release.to_owned())
    }

    pub(crate) fn option_roles(&self) -> OptionRoles {
        let mut roles = OptionRoles::default();
        for layer in &self.layers {
            roles.inputs.extend(layer.manifest.options.inputs.clone());
            roles.refused.extend(layer.manifest.options.refused.clone());
            roles.server.extend(layer.manifest.options.server.clone());
            if !layer.manifest.options.prefix.is_empty() {
                roles.prefix.clone_from(&layer.manifest.options.prefix);
            }
            roles.sizing.extend(layer.manifest.options.sizing.clone());
            roles.task.extend(layer.manifest.options.task.clone());
        }
        roles
    }

    /// The options that the user gives, checked and written as the command line takes them.
    pub(super) fn engine_options(&mut self, release: Option<&str>) -> Option<Map<String, Value>> {
        let given = self.inputs.engine_args.clone()?;
        let engine = self.engine().unwrap_or_default();
        let catalogs = self.catalogs;
        let known = catalogs.engines().options(&engine);
        let roles = self.option_roles();
        let mut options = Map::new();
        for (own, value) in &given {
            let name = own.strip_prefix(roles.prefix.as_str()).unwrap_or(own);
            let name = canonical(name);
            if let Some(finding) = self.misplaced((own, value), &name, &roles) {
                self.option_finding(finding);
                continue;
            }
            let stem = name.split('.').next().unwrap_or(&name);
            let of_engine = known.as_ref().filter(|_| !roles.server.iter().any(|own| own == stem));
            let value = match of_engine {
                Some(known) => self.written(&engine, (own, &name), value, known, release),
                None => Some(value.clone()),
            };
            let Some(value) = value else { continue };
            if options.insert(name.clone(), value).is_some() {
                self.option_finding(Finding::error(
                    "MCC-ENG-003",
                    format!("{} is given twice, once with _ and once with -", shorten(&name)),
                    Fix::unset(option(own)),
                ));
            }
        }
        (!options.is_empty()).then_some(options)
    }

    /// One option as its kind wants it; `None` with a finding if it is none of the engine's.
    fn written(
        &mut self,
        engine: &str,
        (own, name): (&str, &str),
        value: &Value,
        known: &EngineOptions<'_>,
        release: Option<&str>,
    ) -> Option<Value> {
        let stem = name.split('.').next().unwrap_or(name);
        let Some(row) = known.get(stem) else {
            // Options come and go between releases: only the one that was read is known for certain.
            let certain =
                known.engine == engine && release.is_some_and(|r| minor(r) == minor(known.version));
            let severity = if certain { Severity::Error } else { Severity::Warning };
            let release = release.map_or_else(|| "of that image".to_owned(), str::to_owned);
            let message = if certain {
                format!("{engine} {release} has no option {}", shorten(name))
            } else {
                format!(
                    "{} is no option of {} {}; whether the release {release} has it is not known",
                    shorten(name),
                    known.engine,
                    known.version,
                )
            };
            let nearest = known.nearest(stem);
            let renamed = nearest
                .first()
                .filter(|_| stem == name)
                .map(|best| Fix::set(option(best), value.clone()).and(Fix::unset(option(own))));
            let fixes = Fixes::from(renamed).or(Fix::unset(option(own)));
            let finding = Finding::new("MCC-ENG-001", severity, message, fixes).choices(nearest);
            self.option_finding(finding);
            return Some(value.clone());
        };
        match as_words(row, name, value) {
            Ok(value) => Some(value),
            Err(reason) => {
                let message = format!("{} {reason}", shorten(name));
                let fixes: Fixes = match row.choices.as_slice() {
                    [] => expected(row.kind).into(),
                    choices => Fix::choose(option(own), nearest_of(value, choices)).into(),
                };
                let finding =
                    Finding::error("MCC-ENG-002", message, fixes.or(Fix::unset(option(own))));
                self.option_finding(finding.choices(row.choices.clone()));
                None
            }
        }
    }

    /// The value of `engineArgs` may be long and is not quoted: the message names the option.
    fn option_finding(&mut self, finding: Finding) {
        let mut finding = self.merged.about("engineArgs", finding);
        finding.value = None;
        self.findings.push(finding);
    }

    /// Takes from the options what sizing has to know.
    pub(super) fn size_by_options(
        &self,
        options: Option<&Map<String, Value>>,
        wanted: &mut Wanted,
    ) {
        let roles: BTreeMap<String, SizingRole> = self.option_roles().sizing;
        if let Drafting::Known(draft) = self.drafting(options) {
            wanted.draft = Some(draft);
        }
        let mut shared = false;
        for (name, value) in options.into_iter().flatten() {
            let number = plain(value).parse::<u64>().ok();
            let small = number.and_then(|n| u32::try_from(n).ok()).filter(|n| *n > 0);
            match roles.get(name) {
                Some(SizingRole::CacheFormat) => {
                    let format = plain(value);
                    wanted.eight_bit_cache =
                        format.starts_with("fp8") || format.starts_with("int8");
                }
                Some(SizingRole::Eager) => wanted.eager = *value == Value::Bool(true),
                Some(SizingRole::BatchedTokens) => wanted.max_num_batched_tokens = number,
                Some(SizingRole::Pipeline) => wanted.pipeline_parallel = small.unwrap_or(1),
                Some(SizingRole::Copies) => wanted.copies = small.unwrap_or(1),
                Some(SizingRole::ExpertParallel) => {
                    // A flag spreads them over all devices, a number over that many.
                    let all = (*value == Value::Bool(true)).then_some(u32::MAX);
                    wanted.split.expert_ranks = all.or(small).unwrap_or(0);
                }
                Some(SizingRole::SharedCopies) => shared = *value == Value::Bool(true),
                Some(SizingRole::Draft | SizingRole::Other) | None => {}
            }
        }
        if shared {
            // The copies are of attention only, on the devices of one.
            wanted.copies = 1;
        }
    }

    /// An option that is not the user's to give here.
    fn misplaced(
        &self,
        (own, value): (&str, &Value),
        name: &str,
        roles: &OptionRoles,
    ) -> Option<Finding> {
        let stem = name.split('.').next().unwrap_or(name);
        let stem =
            stem.strip_prefix("no-").filter(|s| roles.inputs.contains_key(*s)).unwrap_or(stem);
        let input = roles.inputs.get(stem);
        let refused = input
            .and_then(|input| self.layers.iter().find_map(|layer| layer.manifest.without(input)));
        if let (Some(input), None) = (input, refused) {
            return Some(Finding::error(
                "MCC-ENG-003",
                format!(
                    "{stem} is set by the input {input}, by which memory and limits are checked"
                ),
                moved(input, own, value),
            ));
        }
        let reason = refused.or_else(|| roles.refused.get(stem))?;
        let message = format!("{stem} is not taken: {reason}");
        Some(Finding::error("MCC-ENG-003", message, Fix::unset(option(own))))
    }

    /// Options that change the memory in ways that are not estimated.
    pub(crate) fn unsized_options(&self, options: Option<&Map<String, Value>>) -> Vec<String> {
        let roles = self.option_roles().sizing;
        let counted = self.facts.wanted.draft.is_some();
        let other = |name: &&String| {
            let stem = name.split('.').next().unwrap_or_default();
            match roles.get(stem) {
                Some(SizingRole::Other) => true,
                Some(SizingRole::Draft) => !counted,
                _ => false,
            }
        };
        options.into_iter().flat_map(|m| m.keys()).filter(other).cloned().collect()
    }
}

/// The key of an option that was given under the name `own`.
fn option(own: &str) -> String {
    fix::entry("engineArgs", own)
}

/// The value of an option as that of the input that sets it, if that takes it and is not given itself.
fn moved(input: &str, own: &str, value: &Value) -> Fixes {
    let left_out = Fix::unset(option(own));
    let taken = crate::inputs::find(input)
        .and_then(|field| crate::values::normalise(field, value).ok())
        .filter(|value| !matches!(value, Value::Object(_) | Value::Array(_)));
    match taken {
        Some(value) => Fix::set(input, value).and(left_out.clone()).or(left_out),
        None => left_out.and(Fix::say(format!("give {input} instead"))).into(),
    }
}

/// The choices that are spelled most like `value`, and otherwise the first.
fn nearest_of(value: &Value, choices: &[String]) -> Vec<String> {
    let all = || choices.iter().map(String::as_str);
    let near = mcc_catalogs::nearest(&plain(value), all(), NAMED);
    let near = if near.is_empty() { all().take(NAMED).collect() } else { near };
    near.into_iter().map(str::to_owned).collect()
}

/// Most values that a fix names.
const NAMED: usize = 4;

/// The name as the command line spells it: `max_model_len` is `max-model-len`, and what follows a dot is a
/// key of a JSON document, which is left alone.
fn canonical(name: &str) -> String {
    match name.split_once('.') {
        Some((stem, key)) => format!("{}.{key}", stem.replace('_', "-")),
        None => name.replace('_', "-"),
    }
}

fn minor(version: &str) -> Vec<&str> {
    version.split('.').take(2).collect()
}

/// `value` for an option of this kind, in the form from which the container makes words of a command line:
/// `true` is a flag, a list is several words, everything else is one.
fn as_words(option: &EngineOption, name: &str, value: &Value) -> Result<Value, String> {
    if name.contains('.') {
        // A key of a JSON document: one word, which the engine reads as JSON if it can.
        return Ok(Value::from(plain(value)));
    }
    let text = plain(value);
    let flag = match text.to_ascii_lowercase().as_str() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    };
    match option.kind {
        OptionKind::Flag => {
            let on = flag.ok_or("is on or off: it takes true or false")?;
            let off = name != option.name && name.starts_with("no-");
            if off && !on {
                return Err("says no twice".to_owned());
            }
            Ok(Value::Bool(on))
        }
        OptionKind::Switch => match flag {
            Some(true) => Ok(Value::Bool(true)),
            _ => Err("is off unless it is given, and takes no value".to_owned()),
        },
        _ if matches!(value, Value::Bool(_) | Value::Null) && option.kind != OptionKind::Json => {
            Err("needs a value".to_owned())
        }
        OptionKind::Int => text.parse::<i64>().map(|_| value.clone()).map_err(|_| not(option)),
        OptionKind::Size => {
            let plain = text.strip_suffix(['k', 'K', 'm', 'M', 'g', 'G', 't', 'T']);
            let size = plain.unwrap_or(&text).parse::<f64>().is_ok_and(f64::is_finite);
            if size || text == "auto" { Ok(value.clone()) } else { Err(not(option)) }
        }
        OptionKind::Float => {
            let number = text.parse::<f64>().is_ok_and(f64::is_finite);
            if number { Ok(value.clone()) } else { Err(not(option)) }
        }
        OptionKind::Choice => {
            let listed = option.choices.is_empty() || option.choices.contains(&text);
            if listed { Ok(value.clone()) } else { Err(not(option)) }
        }
        OptionKind::String => match value {
            Value::Array(_) | Value::Object(_) => Ok(Value::from(text)),
            _ => Ok(value.clone()),
        },
        OptionKind::Json => match value {
            // A list would become several words.
            Value::Array(_) => Ok(Value::from(text)),
            Value::String(json) if json.trim_start().starts_with(['{', '[']) => {
                match serde_json::from_str::<Value>(json) {
                    Ok(_) => Ok(value.clone()),
                    Err(e) => Err(format!("is not JSON: {e}")),
                }
            }
            _ => Ok(value.clone()),
        },
        OptionKind::List => {
            let items = match value {
                Value::Array(items) => items.iter().map(plain).collect(),
                _ => vec![text],
            };
            if items.iter().any(|item| item.starts_with('-')) {
                return Err(
                    "has a value that begins with a dash, which the engine takes for an option"
                        .to_owned(),
                );
            }
            Ok(Value::from(items))
        }
    }
}

fn not(option: &EngineOption) -> String {
    match option.kind {
        OptionKind::Int => "is not a whole number",
        OptionKind::Size => "is not a number of tokens or bytes",
        OptionKind::Float => "is not a number",
        _ => "is not one of its values",
    }
    .to_owned()
}

fn expected(kind: OptionKind) -> &'static str {
    match kind {
        OptionKind::Flag => "give the name alone, or true or false",
        OptionKind::Switch => "give the name alone, or leave it out",
        OptionKind::Int => "give a whole number",
        OptionKind::Size => "give a whole number, or one with a suffix such as 32k",
        OptionKind::Float => "give a number",
        OptionKind::Json => "give a JSON document",
        OptionKind::List => "give a list of values",
        OptionKind::String | OptionKind::Choice => "give a value",
    }
}

#[cfg(test)]
mod tests {
    use mcc_catalogs::Catalogs;
    use serde_json::json;

    use super::*;

    fn word(name: &str, value: Value) -> Result<Value, String> {
        let options = Catalogs::embedded().engines().options("vllm").expect("options");
        as_words(
            options.get(name.split('.').next().expect("name")).expect("an option"),
            name,
            &value,
        )
    }

    #[test]
    fn values_take_the_form_of_their_kind() {
        assert_eq!(word("enforce-eager", json!("true")), Ok(json!(true)));
        assert_eq!(word("no-enable-prefix-caching", json!(true)), Ok(json!(true)));
        assert_eq!(word("allowed-origins", json!(["*"])), Ok(json!("[\"*\"]")), "JSON, not words");
        assert_eq!(word("speculative-config", json!({"a": 1})), Ok(json!({"a": 1})));
        assert_eq!(word("speculative-config", json!("{\"a\":  1}")), Ok(json!("{\"a\":  1}")));
        assert_eq!(word("lora-modules", json!([{"name": "x"}])), Ok(json!(["{\"name\":\"x\"}"])));
        assert_eq!(word("lora-modules", json!("a=b")), Ok(json!(["a=b"])));
        assert_eq!(word("max-num-batched-tokens", json!("8k")), Ok(json!("8k")));
        assert_eq!(word("compilation-config.mode", json!(3)), Ok(json!("3")));
    }

    #[test]
    fn values_of_another_kind_are_refused() {
        for (name, value) in [
            ("enforce-eager", json!("yes please")),
            ("headless", json!(false)),
            ("seed", json!("x")),
            ("seed", json!(true)),
            ("kv-cache-dtype", json!("fp9")),
            ("speculative-config", json!("{\"a\":")),
            ("lora-modules", json!(["-x"])),
        ] {
            assert!(word(name, value.clone()).is_err(), "{name} {value}");
        }
    }

    #[test]
    fn names_are_spelt_as_on_the_command_line() {
        assert_eq!(canonical("max_model_len"), "max-model-len");
        assert_eq!(
            canonical("compilation_config.cudagraph_mode"),
            "compilation-config.cudagraph_mode"
        );
    }
}
