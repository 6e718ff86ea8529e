//! The eight sources of inputs, merged by rank; every value keeps where it came from.

use std::collections::BTreeMap;
use std::path::Path;

use mcc_catalogs::HubAddress;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::finding::{Finding, Severity, shorten};
use crate::format::Format;
use crate::inputs::{self, Field, Inputs, Kind};
use crate::refused::{refused, unknown};
use crate::source::{Derived, FileAccess, LookedUp, Saved, Source, Sourced};
use crate::{lenient, values};

/// Inputs of all sources, merged.
#[derive(Debug, Clone, Default)]
pub struct Merged {
    /// The winning value of each input that was given.
    pub values: BTreeMap<String, Sourced>,
    /// What was wrong with what was given.
    pub findings: Vec<Finding>,
    /// Which files inputs may name.
    pub files: FileAccess,
    /// The texts of the files that inputs name, by input, or why they cannot be read.
    pub(crate) texts: BTreeMap<String, Result<String, String>>,
}

/// Collects sources; [`Sources::merge`] ranks them.
#[derive(Debug, Default)]
pub struct Sources {
    given: Vec<(Source, Map<String, Value>)>,
    findings: Vec<Finding>,
    files: FileAccess,
}

impl Sources {
    /// No sources yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Allows inputs to name these files.
    #[must_use]
    pub fn files(mut self, access: FileAccess) -> Self {
        self.files = access;
        self
    }

    /// Adds a source: a map of configuration keys to values.
    #[must_use]
    pub fn with(mut self, source: Source, values: Map<String, Value>) -> Self {
        self.given.push((source, values));
        self
    }

    /// Adds the inputs that are saved in a project, of which some were looked up.
    #[must_use]
    pub fn saved(mut self, source: Source, saved: Saved) -> Self {
        let Saved { mut inputs, looked_up } = saved;
        for (key, looked) in looked_up {
            if let Some(value) = inputs.remove(&key) {
                self = self.with(Source::LookedUp(looked), Map::from_iter([(key, value)]));
            }
        }
        self.with(source, inputs)
    }

    /// Adds the `ML_*` variables among `variables`.
    #[must_use]
    pub fn environment(self, variables: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut values = Map::new();
        let mut unknown = Vec::new();
        let mut sorted: Vec<_> =
            variables.into_iter().filter(|(n, _)| n.starts_with("ML_")).collect();
        sorted.sort();
        for (name, value) in sorted {
            match inputs::fields().iter().find(|f| f.env.contains(&name)) {
                Some(field) => {
                    values.insert(field.key.clone(), Value::from(value));
                }
                None => unknown.push(name),
            }
        }
        let mut this = self.with(Source::Environment, values);
        let names: Vec<&str> =
            inputs::fields().iter().flat_map(|f| &f.env).map(String::as_str).collect();
        for name in unknown {
            // Other programs use the prefix too, so an unknown variable is no reason to stop.
            let nearest = mcc_catalogs::nearest(&name, names.iter().copied(), 3);
            this.findings.push(
                Finding::warning(
                    "MCC-INP-002",
                    format!(
                        "the environment variable {} names no input and is ignored",
                        shorten(&name)
                    ),
                    "unset it, or use the name of an input",
                )
                .choices(nearest),
            );
        }
        this
    }

    /// Takes the Region from the variables that AWS's own tools read, where no other source says one. What is no Region
    /// there was not meant for this program: it is told, and left alone.
    #[must_use]
    pub fn surroundings(self, variable: impl Fn(&str) -> Option<String>) -> Self {
        let mut this = self;
        for name in REGION_VARIABLES {
            let Some(value) = variable(name).filter(|value| !value.trim().is_empty()) else {
                continue;
            };
            if Format::Region.accepts(&value) {
                let region = Map::from_iter([("region".to_owned(), Value::from(value))]);
                return this.with(Source::Surroundings(name.to_owned()), region);
            }
            this.findings.push(Finding::warning(
                "MCC-REG-003",
                format!("{name} is {}, which is not a Region, and is ignored", shorten(&value)),
                format!("correct {name}, or give region"),
            ));
        }
        this
    }

    /// Adds a finding met while reading a source, such as an unreadable file.
    #[must_use]
    pub fn finding(mut self, finding: Finding) -> Self {
        self.findings.push(finding);
        self
    }

    /// Reads a JSON file of inputs; `required` tells whether its absence is an error.
    #[must_use]
    pub fn json_file(
        self,
        path: &Path,
        required: bool,
        pick: impl Fn(Value) -> Option<Value>,
        source: Source,
    ) -> Self {
        let parse = |text: &str| serde_json::from_str(text).map_err(|e| e.to_string());
        self.file(path, required, parse, pick, source)
    }

    /// Reads a TOML file of inputs that need not exist.
    #[must_use]
    pub fn toml_file(
        self,
        path: &Path,
        pick: impl Fn(Value) -> Option<Value>,
        source: Source,
    ) -> Self {
        let parse = |text: &str| toml::from_str::<Value>(text).map_err(|e| e.to_string());
        self.file(path, false, parse, pick, source)
    }

    fn file(
        self,
        path: &Path,
        required: bool,
        parse: impl Fn(&str) -> Result<Value, String>,
        pick: impl Fn(Value) -> Option<Value>,
        source: Source,
    ) -> Self {
        let name = path.display();
        // Only a file that is named may be a pipe.
        let read = if required { mcc_files::read_text_or_drain } else { mcc_files::read_text };
        let text = match read(path, MAX_FILE) {
            Ok(text) => text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text),
            Err(e) if e.is_missing() && !required => return self,
            Err(e) => {
                return self.finding(Finding::error(
                    "MCC-INP-003",
                    format!("{name} cannot be read: {}", e.reason),
                    e.fix(),
                ));
            }
        };
        match parse(&text).map(pick) {
            Ok(Some(Value::Object(values))) => self.with(source, values),
            Ok(None) => self,
            Ok(Some(_)) => self.finding(Finding::error(
                "MCC-INP-003",
                format!("{name} does not hold an object of inputs"),
                "write {\"projectName\": …, \"deploymentConfig\": …}",
            )),
            Err(e) => {
                let yaml = path.extension().is_some_and(|e| e == "yaml" || e == "yml");
                let fix = if yaml {
                    "write the same as JSON: {\"projectName\": …, \"deploymentConfig\": …}; YAML is not read"
                } else {
                    "correct the file"
                };
                let message = format!("{name} cannot be parsed: {}", shorten(e.trim()));
                self.finding(Finding::error("MCC-INP-003", message, fix))
            }
        }
    }

    /// Checks every value and keeps the one of highest rank for each input.
    pub fn merge(mut self) -> Merged {
        self.given.sort_by(|a, b| a.0.cmp(&b.0));
        let mut merged =
            Merged { findings: self.findings, files: self.files, ..<Merged as Default>::default() };
        for (source, values) in self.given {
            if let Source::LookedUp(looked) = &source
                && !looked.holds(&merged.values)
            {
                continue;
            }
            for (key, value) in merged.with_revision(&source, values) {
                merged.take(&source, &key, &value);
            }
        }
        merged
    }
}

/// Variables in which AWS's own tools keep the Region, the one that wins first.
const REGION_VARIABLES: [&str; 2] = ["AWS_REGION", "AWS_DEFAULT_REGION"];
/// Largest file of inputs.
const MAX_FILE: u64 = 1024 * 1024;

impl Merged {
    /// The same values, where the name of a model that names its revision too is the name and the revision.
    fn with_revision(
        &mut self,
        source: &Source,
        mut values: Map<String, Value>,
    ) -> Map<String, Value> {
        let given = values.get("modelName").and_then(Value::as_str).unwrap_or_default().to_owned();
        // Of a name that is not taken the revision is none either.
        let page = HubAddress::of(&given).filter(|_| !self.values.contains_key("modelName"));
        let Some((model, revision)) = page.and_then(|page| Some((page.model, page.revision?)))
        else {
            return values;
        };
        let own = values.get("modelRevision").filter(|own| !lenient::left_out(own));
        let own = own.or(self.get("modelRevision")).cloned();
        let mut message = format!("modelName is read as {model}, and modelRevision as {revision}");
        if let Some(own) = own.as_ref().filter(|own| **own != revision) {
            let own = shorten(own.as_str().unwrap_or_default());
            message = format!(
                "modelName is read as {model}; its revision {revision} is left out, since modelRevision is {own}"
            );
        }
        let note = Finding::new(
            "MCC-INP-008",
            Severity::Note,
            message,
            format!("give modelName {model} and the modelRevision that is meant"),
        );
        let label = inputs::find("modelName").map(|field| source.label(field)).unwrap_or_default();
        self.findings.push(note.on("modelName").given(&given, &label));
        if own.is_none() {
            values.insert("modelRevision".to_owned(), revision.into());
        }
        values.insert("modelName".to_owned(), model.to_string().into());
        values
    }

    fn take(&mut self, source: &Source, key: &str, value: &Value) {
        let Some(field) = inputs::find(key) else {
            self.findings.push(unknown(source, key, value));
            return;
        };
        // A flag that is empty was meant to have a value; a file or a variable is a form with blanks.
        let typed = matches!(source, Source::Flag | Source::Argument) && !value.is_null();
        if self.values.contains_key(key) || (lenient::left_out(value) && !typed) {
            return;
        }
        match values::normalise(field, value) {
            Ok(taken) => {
                if let (Kind::Text(_), Some(taken), true) =
                    (field.kind, taken.as_str(), taken != *value)
                {
                    self.findings.push(
                        Finding::new(
                            "MCC-INP-008",
                            Severity::Note,
                            format!("{key} is read as {taken}"),
                            format!("give {taken} if that is what is meant"),
                        )
                        .on(key)
                        .given(value.as_str().unwrap_or_default(), &source.label(field)),
                    );
                }
                self.values
                    .insert(key.to_owned(), Sourced { value: taken, source: source.clone() });
            }
            Err(refusal) => {
                let shown = match value {
                    Value::String(text) => text.clone(),
                    other => other.to_string(),
                };
                let fixes = refused(field, refusal.fix, &refusal.choices);
                self.findings.push(
                    Finding::error("MCC-INP-001", format!("{key} {}", refusal.message), fixes)
                        .on(key)
                        .given(&shown, &source.label(field))
                        .choices(refusal.choices),
                );
            }
        }
    }

    /// The typed inputs.
    pub fn inputs(&self) -> Inputs {
        let map: Map<String, Value> =
            self.values.iter().map(|(k, v)| (k.clone(), v.value.clone())).collect();
        // Every value passed its field's check, so the struct always takes the map.
        serde_json::from_value(Value::Object(map)).unwrap_or_default()
    }

    /// The value of `key`, if one was given.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.values.get(key).map(|s| &s.value)
    }

    /// The text of `key`, if one was given.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.get(key).and_then(Value::as_str)
    }

    /// Sets `key` unless something of a higher rank did.
    pub(crate) fn default(&mut self, key: &str, value: &Value, layer: &str) {
        self.take(&Source::Default(layer.to_owned()), key, value);
    }

    /// Sets `key` to what follows from the input `from`, unless somebody gave it; `others` would do as well.
    pub(crate) fn derive(&mut self, key: &str, value: &str, from: &str, others: Vec<String>) {
        let source = Source::Derived(Derived { from: from.to_owned(), others });
        self.take(&source, key, &Value::from(value));
    }

    /// Sets `key` to what follows from what was looked up, unless somebody gave it.
    pub(crate) fn look_up(&mut self, key: &str, value: &Value, looked: (String, String)) {
        let source = Source::LookedUp(LookedUp::of(looked, &self.values));
        self.take(&source, key, value);
    }

    /// Sets `key` to what the catalogs recommend, unless something else did.
    pub(crate) fn recommend(&mut self, key: &str, value: &Value) {
        self.take(&Source::Recommended, key, value);
    }

    /// A finding about `key`, with its value and source.
    pub fn about(&self, key: &str, finding: Finding) -> Finding {
        let finding = finding.on(key);
        match (self.values.get(key), inputs::find(key)) {
            (Some(sourced), Some(field)) => {
                let shown = match &sourced.value {
                    Value::String(text) => text.clone(),
                    other => other.to_string(),
                };
                finding.given(&shown, &sourced.source.label(field))
            }
            _ => finding,
        }
    }

    /// Whether a value was given but refused: then the refusal is the message, and nothing takes its place.
    pub(crate) fn is_refused(&self, key: &str) -> bool {
        self.findings.iter().any(|f| f.is_error() && f.field.as_deref() == Some(key))
    }

    /// Whether `key` was given by somebody, rather than by a default or a recommendation.
    pub fn is_given(&self, key: &str) -> bool {
        self.values.get(key).is_some_and(|s| s.source.is_somebody())
    }
}

/// One resolved input, for answers.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct ResolvedInput {
    /// The configuration key.
    pub key: String,
    /// The value.
    pub value: Value,
    /// Where it came from, in words.
    pub source: String,
    /// Whether it came with the call itself.
    #[serde(skip)]
    pub from_call: bool,
    /// Whether it says something that nobody said: it is no default, or one that decides what is paid for and where.
    #[serde(skip)]
    pub telling: bool,
}

impl Merged {
    /// Every value with its source, in the order of the reference.
    pub fn resolved(&self) -> Vec<ResolvedInput> {
        let one = |f: &Field| {
            self.values.get(&f.key).map(|s| ResolvedInput {
                key: f.key.clone(),
                value: s.value.clone(),
                source: s.source.label(f),
                from_call: s.source.is_call(),
                telling: !is_long(&s.value)
                    && (!s.source.is_chosen() || TELLING.contains(&f.key.as_str())),
            })
        };
        inputs::fields().iter().filter_map(one).collect()
    }
}

/// Inputs that are told with their defaults too: they decide what it costs and where it is.
const TELLING: [&str; 3] = ["deploymentTarget", "region", "instanceType"];

/// Whether a value is the text of a whole file, which is no news to whoever gave it.
fn is_long(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.len() > 1000)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(value: Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap_or_default()
    }

    #[test]
    fn the_highest_source_wins_whatever_the_order() {
        let merged = Sources::new()
            .with(Source::Default("x".into()), object(json!({"region": "eu-west-1"})))
            .with(Source::Flag, object(json!({"region": "us-west-2"})))
            .environment([("ML_REGION".to_owned(), "us-east-1".to_owned())])
            .merge();
        assert_eq!(merged.text("region"), Some("us-west-2"));
        assert_eq!(merged.findings, []);
    }

    #[test]
    fn refusals_name_field_value_source_and_fix() {
        let merged = Sources::new()
            .environment([("ML_DEPLOYMENT_TARGET".to_owned(), "async".to_owned())])
            .with(Source::ConfigFile("my.json".into()), object(json!({"instancetype": "x"})))
            .merge();
        let finding = &merged.findings[0];
        assert_eq!(finding.field.as_deref(), Some("deploymentTarget"));
        assert_eq!(finding.value.as_deref(), Some("async"));
        assert_eq!(
            finding.source.as_deref(),
            Some("the environment variable ML_DEPLOYMENT_TARGET")
        );
        assert_eq!(finding.fix, "give deploymentTarget: async-inference");
        assert_eq!(merged.findings[1].fix, "leave instancetype out (did you mean instanceType?)");
    }

    #[test]
    fn hints_say_the_form_of_a_value_and_what_it_is() {
        let given = json!({"maxModelLen": "long", "vpcSubnets": ["é"]});
        let merged = Sources::new().with(Source::Flag, object(given)).merge();
        let fixes: Vec<&str> = merged.findings.iter().map(|f| f.fix.as_str()).collect();
        for (field, form) in
            [("maxModelLen", "give a whole number ("), ("vpcSubnets", "give a list of texts (")]
        {
            let help = inputs::find(field).expect("an input").help.trim_end_matches('.');
            let said = format!("{form}{help})");
            assert!(fixes.iter().any(|fix| fix.starts_with(&said)), "{field}: {fixes:?}");
        }
    }

    #[test]
    fn a_revision_in_the_name_of_a_model_is_its_revision() {
        let page = "https://huggingface.co/Qwen/Qwen3-8B/tree/v1";
        let read = |sources: Sources| {
            let merged = sources.merge();
            let told =
                merged.findings.iter().map(|f| (f.id, f.message.clone())).collect::<Vec<_>>();
            let text = |key| merged.text(key).map(str::to_owned);
            (text("modelName"), text("modelRevision"), told)
        };
        let named =
            |name: &str| Sources::new().with(Source::Flag, object(json!({"modelName": name})));
        for name in [page, "Qwen/Qwen3-8B@v1", "hf.co/Qwen/Qwen3-8B/blob/v1/config.json"] {
            let (model, revision, told) = read(named(name));
            assert_eq!(
                (model.as_deref(), revision.as_deref()),
                (Some("Qwen/Qwen3-8B"), Some("v1"))
            );
            let words = "modelName is read as Qwen/Qwen3-8B, and modelRevision as v1";
            assert_eq!(told, [("MCC-INP-008".to_owned(), words.to_owned())], "{name}");
        }
        // A revision that is given wins, whoever gives it, and it is told.
        let given = json!({"modelName": page, "modelRevision": "v2"});
        let (_, revision, told) = read(Sources::new().with(Source::Flag, object(given)));
        assert_eq!(revision.as_deref(), Some("v2"));
        assert!(told[0].1.contains("v1 is left out, since modelRevision is v2"), "{told:?}");
        let file = object(json!({"modelName": page}));
        let sources = Sources::new().with(Source::ConfigFile("my.json".into()), file.clone());
        let (model, revision, _) =
            read(sources.environment([("ML_MODEL_REVISION".to_owned(), "v3".to_owned())]));
        assert_eq!((model.as_deref(), revision.as_deref()), (Some("Qwen/Qwen3-8B"), Some("v3")));
        // That of a model that is not taken is no revision of another.
        let (model, revision, told) =
            read(named("org/other").with(Source::ConfigFile("my.json".into()), file));
        assert_eq!((model.as_deref(), revision), (Some("org/other"), None));
        assert!(told.is_empty(), "{told:?}");
    }

    #[test]
    fn secrets_are_refused_without_being_quoted() {
        let merged =
            Sources::new().with(Source::Flag, object(json!({"hfToken": "hf_abc"}))).merge();
        let text = serde_json::to_string(&merged.findings).expect("json");
        assert!(text.contains("MCC-SEC-001") && !text.contains("hf_abc"), "{text}");
    }
}
