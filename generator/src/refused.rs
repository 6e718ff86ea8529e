//! What to do about values that inputs do not take, and names that no input has.

use serde_json::Value;

use crate::finding::{Finding, shorten};
use crate::fix::{Fix, Fixes};
use crate::inputs::{self, Field, Kind};
use crate::source::Source;
use crate::{lenient, meaning, values};

/// Inputs whose value is a secret: they are refused by name so that no secret reaches a file or an answer.
const SECRETS: [(&str, &str); 2] = [
    (
        "hfToken",
        "store it in Secrets Manager and give hfTokenArn, or set HF_TOKEN in the shell that runs do/run",
    ),
    ("ngcToken", "log in to nvcr.io with `docker login` before do/build"),
];

/// Inputs of other tools that have another name here.
const ELSEWHERE: [(&str, &str); 4] = [
    ("serverEnv", "give modelEnv: engine and container read the same environment"),
    ("icEnv", "give modelEnv: the container's environment is the same in an inference component"),
    ("modelServer", "give deploymentConfig, which names architecture and server"),
    ("ngcTokenArn", "log in to nvcr.io with `docker login` before do/build"),
];

/// What values of a kind look like.
fn form(kind: Kind) -> &'static str {
    match kind {
        Kind::Integer(..) => "a whole number",
        Kind::Number(..) => "a number",
        Kind::Boolean => "true or false",
        Kind::Text(_) | Kind::Choice(_) | Kind::Named(_) => "text",
        Kind::List(_) => "a list of texts",
        Kind::Map(..) => "an object of names and values",
    }
}

/// Nearest values that a fix names; the choices have all of them.
const NAMED: usize = 5;

/// What to do about a value that is not taken.
pub(crate) fn refused(field: &Field, own: Option<Fixes>, choices: &[String]) -> Fixes {
    let key = field.key.as_str();
    // Without these another model would be served, or with less protection than was asked for.
    let spared = field.group != "sagemaker" && !MODELS.contains(&key);
    let left_out = || spared.then(|| Fix::unset(key));
    if let Some(fixes) = own {
        let words_alone = fixes.data().next().is_none();
        return if words_alone { fixes.or(left_out()) } else { fixes };
    }
    if !choices.is_empty() {
        let typed = |choice: &String| match field.kind {
            Kind::Integer(..) | Kind::Number(..) | Kind::Boolean => {
                serde_json::from_str(choice).unwrap_or_else(|_| Value::from(choice.as_str()))
            }
            _ => Value::from(choice.as_str()),
        };
        return Fix::choose(key, choices.iter().take(NAMED).map(typed)).into();
    }
    let what = match field.kind {
        Kind::Text(format) => format!("give {}", format.expected()),
        kind => format!("give {} ({})", form(kind), field.help.trim_end_matches('.')),
    };
    Fixes::from(what).or(left_out())
}

/// Inputs that say which model is served, and with what.
const MODELS: [&str; 5] =
    ["modelName", "modelPath", "modelConfig", "requirementsFile", "modelRevision"];

/// What to say of a name that is no input.
pub(crate) fn unknown(source: &Source, key: &str, value: &Value) -> Finding {
    let place = match source {
        Source::Flag | Source::Argument => "the call".to_owned(),
        other => other.to_string(),
    };
    if let Some((_, fix)) = SECRETS.iter().find(|(k, _)| *k == key) {
        return Finding::error(
            "MCC-SEC-001",
            format!("{key} in {place} is a secret, and secrets are not taken as inputs"),
            Fix::unset(key).and(Fix::say(*fix)),
        )
        .on(key);
    }
    let elsewhere = ELSEWHERE.iter().find(|(k, _)| *k == key);
    let nearest = meaning::inputs(key);
    let hint = match (elsewhere, nearest.as_slice()) {
        (Some((_, fix)), _) => (*fix).to_owned(),
        (None, [_, ..]) => format!("did you mean {}?", nearest.join(" or ")),
        (None, []) => "see the list of inputs: mcc inputs, or list_deployments".to_owned(),
    };
    let name = shorten(key);
    let left_out = Fix::unset(name.as_str()).and(Fix::say(hint));
    let fixes: Fixes = match renamed(&nearest, value).filter(|_| elsewhere.is_none()) {
        Some(fix) => fix.and(Fix::unset(name.as_str())).into(),
        None => left_out.into(),
    };
    Finding::error("MCC-INP-002", format!("{name} in {place} is not an input"), fixes)
        .on(&name)
        .choices(nearest)
}

/// The value under the name of the input that is meant, where one of those near takes it and nothing in it is to be kept
/// from an answer.
fn renamed(nearest: &[&str], value: &Value) -> Option<Fix> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(_) | Value::Bool(_) => value.to_string(),
        Value::Null | Value::Array(_) | Value::Object(_) => return None,
    };
    if lenient::left_out(value)
        || shorten(&text) != text
        || mcc_catalogs::secret_in(&text).is_some()
    {
        return None;
    }
    nearest.iter().find_map(|key| {
        let taken = values::normalise(inputs::find(key)?, value).ok()?;
        Some(Fix::set(*key, taken))
    })
}
