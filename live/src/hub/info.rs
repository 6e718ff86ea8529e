//! What the hub says of a repository. Members that are missing, or of another type than they should be, are not known.

use mcc_catalogs::{GatedFrom, ModelId, WeightFile as File, is_believable};
use serde_json::{Map, Value};

use super::json::{short, text};
use super::weights::Totals;

/// Most files of a repository that are looked at; there are datasets' worth in some.
const MOST_FILES: usize = 20_000;
/// Number formats that are looked at: there are some fifteen.
const MOST_FORMATS: usize = 64;
/// What the hub says was the day of all that was there before it kept days.
const FIRST_DAY: &str = "2022-03-02";

/// How a repository is gated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gate {
    /// It is not.
    Open,
    /// Who accepts its terms is let in.
    Auto,
    /// Its authors decide on each request.
    Manual,
}

/// A repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Info {
    pub(super) id: Option<ModelId>,
    /// The commit: 40 hexadecimal digits.
    pub(super) sha: Option<String>,
    pub(super) gate: Option<Gate>,
    /// It is shown to those alone who may read it.
    pub(super) private: bool,
    pub(super) disabled: bool,
    pub(super) task: Option<String>,
    pub(super) license: Option<String>,
    /// The day that it was made.
    pub(super) created: Option<String>,
    /// The first class of its configuration.
    pub(super) class: Option<String>,
    /// The class of its diffusion pipeline.
    pub(super) pipeline: Option<String>,
    /// The model that it is an adapter for.
    pub(super) base: Option<ModelId>,
    /// Its files. None where they were not listed.
    pub(super) files: Option<Vec<File>>,
    pub(super) totals: Option<Totals>,
    /// Files whose sizes are none, and so are not known.
    pub(super) odd_sizes: usize,
    /// The hub's count of the weights is none.
    pub(super) odd_totals: bool,
    /// Parameters that a header of llama.cpp's files tells.
    pub(super) gguf: Option<u64>,
}

impl Info {
    pub(super) fn of(said: &Map<String, Value>) -> Self {
        let object = |key: &str| said.get(key).and_then(Value::as_object);
        let config = object("config");
        let inner = |key: &str| config?.get(key)?.as_object();
        let id = text(said, "id").or_else(|| text(said, "modelId"));
        let class = config.and_then(|config| config.get("architectures")?.get(0)?.as_str());
        let pipeline = inner("diffusers").and_then(|part| part.get("_class_name")?.as_str());
        let card = object("cardData");
        let counted = object("safetensors");
        let read = counted.and_then(totals);
        let siblings = said.get("siblings").and_then(Value::as_array);
        Self {
            id: id.and_then(|id| id.parse().ok()),
            sha: said
                .get("sha")
                .and_then(Value::as_str)
                .filter(|sha| is_commit(sha))
                .map(str::to_owned),
            gate: gate(said),
            private: said.get("private").and_then(Value::as_bool).unwrap_or(false),
            disabled: said.get("disabled").and_then(Value::as_bool).unwrap_or(false),
            task: text(said, "pipeline_tag"),
            license: card.and_then(of_card).or_else(|| tagged(said, "license:")),
            created: text(said, "createdAt").and_then(|time| day(&time)),
            class: class.and_then(class_name),
            pipeline: pipeline.and_then(class_name),
            base: inner("peft")
                .and_then(|part| text(part, "base_model_name_or_path"))
                .or_else(|| card.and_then(|card| first(card, "base_model")))
                .and_then(|id| id.parse().ok()),
            files: siblings.map(|all| files(all)),
            odd_sizes: siblings
                .map_or(0, |all| all.iter().take(MOST_FILES).filter(|one| is_odd(one)).count()),
            odd_totals: read.is_none()
                && counted.is_some_and(|said| said.contains_key("parameters")),
            totals: read,
            gguf: object("gguf")
                .and_then(|part| part.get("total")?.as_u64())
                .filter(|n| *n > 0 && is_believable(*n)),
        }
    }

    /// Whether its files take a token, and how that is known. A container without one is refused those of a private
    /// repository as it is those of a gated one.
    pub(super) fn takes_token(&self) -> Option<(bool, GatedFrom)> {
        match self.gate {
            Some(Gate::Auto | Gate::Manual) => Some((true, GatedFrom::Hub)),
            _ if self.private => Some((true, GatedFrom::Private)),
            Some(Gate::Open) => Some((false, GatedFrom::Hub)),
            None => None,
        }
    }

    /// The file of that name, if it was listed.
    pub(super) fn file(&self, name: &str) -> Option<&File> {
        self.files.as_ref()?.iter().find(|file| file.name == name)
    }

    /// Whether there may be a file of that name: it was listed, or nothing was.
    pub(super) fn may_have(&self, name: &str) -> bool {
        self.files.is_none() || self.file(name).is_some()
    }

    /// Bytes of all files, if all are known.
    pub(super) fn bytes(&self) -> Option<u64> {
        let files = self.files.as_ref().filter(|files| (1..MOST_FILES).contains(&files.len()))?;
        let sum = files.iter().try_fold(0_u64, |sum, file| sum.checked_add(file.size?));
        sum.filter(|bytes| is_believable(*bytes))
    }
}

/// `text` as the name of a class, where it can be one.
pub(super) fn class_name(text: &str) -> Option<String> {
    let is_class = (1..=128).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.'));
    is_class.then(|| text.to_owned())
}

fn is_commit(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn gate(said: &Map<String, Value>) -> Option<Gate> {
    match said.get("gated")? {
        Value::Bool(false) => Some(Gate::Open),
        Value::Bool(true) => Some(Gate::Auto),
        Value::String(how) if how == "auto" => Some(Gate::Auto),
        Value::String(how) if how == "manual" => Some(Gate::Manual),
        _ => None,
    }
}

/// The day of a time: `2024-07-18`.
fn day(time: &str) -> Option<String> {
    let day = time.get(..10)?;
    let digits = |at: usize, byte: u8| match at {
        4 | 7 => byte == b'-',
        _ => byte.is_ascii_digit(),
    };
    let is_day = day.bytes().enumerate().all(|(at, byte)| digits(at, byte));
    (is_day && day > FIRST_DAY).then(|| day.to_owned())
}

/// A text, or the first of several.
fn first(object: &Map<String, Value>, key: &str) -> Option<String> {
    match object.get(key)? {
        Value::Array(all) => short(all.first()?.as_str()?),
        Value::String(one) => short(one),
        _ => None,
    }
}

/// The licence, by its own name where it is none of the usual.
fn of_card(card: &Map<String, Value>) -> Option<String> {
    let usual = first(card, "license")?;
    let own = text(card, "license_name").filter(|_| usual == "other");
    Some(own.unwrap_or(usual))
}

/// What a tag says that begins with `start`.
fn tagged(said: &Map<String, Value>, start: &str) -> Option<String> {
    let tags = said.get("tags")?.as_array()?;
    short(tags.iter().filter_map(Value::as_str).find_map(|tag| tag.strip_prefix(start))?)
}

fn files(all: &[Value]) -> Vec<File> {
    let file = |one: &Value| {
        let name = one.get("rfilename")?.as_str()?.to_owned();
        let size = said_size(one).and_then(Value::as_u64).filter(|size| is_believable(*size));
        Some(File { name, size })
    };
    all.iter().take(MOST_FILES).filter_map(file).collect()
}

/// What is said of the size of a file: of what is kept elsewhere, not of the pointer to it.
fn said_size(one: &Value) -> Option<&Value> {
    one.get("lfs").and_then(|lfs| lfs.get("size")).or_else(|| one.get("size"))
}

/// Whether something is said of the size of a file that is no size.
fn is_odd(one: &Value) -> bool {
    let size = said_size(one).filter(|said| !said.is_null());
    size.is_some_and(|said| said.as_u64().is_none_or(|size| !is_believable(size)))
}

fn totals(said: &Map<String, Value>) -> Option<Totals> {
    let count = |said: &Value| said.as_u64().filter(|count| is_believable(*count));
    let by_format = said.get("parameters").and_then(Value::as_object)?;
    let by_format = by_format.iter().take(MOST_FORMATS);
    let by_format = by_format.map(|(format, said)| Some((short(format)?, count(said)?)));
    let by_format = by_format.collect::<Option<_>>()?;
    let total = said.get("total").and_then(count).filter(|total| *total > 0);
    Some(Totals { by_format, total })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(said: Value) -> Info {
        Info::of(said.as_object().unwrap())
    }

    #[test]
    fn what_is_not_as_it_should_be_is_not_known() {
        let odd = of(json!({
            "id": "../x", "sha": "main", "gated": 7, "disabled": "no", "pipeline_tag": ["a"],
            "cardData": {"license": 3, "base_model": {}}, "createdAt": "yesterday, or so",
            "config": {"architectures": ["a\u{1b}[2J"], "diffusers": 1}, "siblings": [1, {}, {"rfilename": 2}],
            "safetensors": {"parameters": {"BF16": -1}}, "gguf": {"total": "7"}, "tags": "license:mit"
        }));
        let none = of(json!({"siblings": []}));
        assert_eq!(odd, Info { odd_totals: true, ..none });
        assert_eq!((odd.bytes(), odd.may_have("config.json")), (None, false));
        assert!(of(json!({})).may_have("config.json"));
    }

    #[test]
    fn sizes_that_are_none_are_not_known_and_counted() {
        let sizes = json!([-1, 1e300, 2_000_000_000_000_000_000_u64, "7", [], null, 7]);
        let file = |size: &Value| json!({"rfilename": "model.safetensors", "size": size});
        let all: Vec<Value> = sizes.as_array().unwrap().iter().map(file).collect();
        let info = of(json!({ "siblings": all }));
        let known: Vec<u64> = info.files.iter().flatten().filter_map(|file| file.size).collect();
        assert_eq!((known, info.odd_sizes, info.bytes()), (vec![7], 5, None));
        for count in [json!(-1), json!(1e300), json!(u64::MAX), json!("7")] {
            let info = of(json!({"safetensors": {"parameters": {"BF16": count}}}));
            assert_eq!((info.totals, info.odd_totals), (None, true), "{count}");
        }
    }

    #[test]
    fn licences_and_days_are_read_in_all_their_forms() {
        let license = |said: Value| of(said).license;
        assert_eq!(license(json!({"cardData": {"license": ["mit", "x"]}})).as_deref(), Some("mit"));
        let own = json!({"cardData": {"license": "other", "license_name": "flux-1-dev"}});
        assert_eq!(license(own).as_deref(), Some("flux-1-dev"));
        assert_eq!(license(json!({"tags": ["a", "license:gemma"]})).as_deref(), Some("gemma"));
        let long = license(json!({"cardData": {"license": "a".repeat(5000)}})).unwrap();
        assert!(long.len() < 150, "{long}");
        let created = |time: &str| of(json!({"createdAt": time})).created;
        assert_eq!(created("2024-07-18T08:56:00.000Z").as_deref(), Some("2024-07-18"));
        // The hub's first day says nothing.
        assert_eq!(created("2022-03-02T23:29:04.000Z"), None);
        assert_eq!(created("2024-07-1é"), None);
    }
}
