//! Two kinds of failure: a server that cannot be started ([`ServeError`], for the person who
//! started it) and a tool call that cannot be answered ([`ToolError`], for the model that made it).

use std::borrow::Cow;
use std::net::SocketAddr;
use std::path::PathBuf;

use mcc_catalogs::{ECHOED, cut, echo};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

/// Why a server could not be started or had to stop.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// No server has this name.
    #[error("no server is called `{name}`; there is {known}")]
    UnknownServer {
        /// The name asked for.
        name: String,
        /// All names, separated by commas.
        known: String,
    },
    /// A `--root` is not a folder that can be used.
    #[error("root `{}` is not a usable folder", path.display())]
    Root {
        /// The folder given.
        path: PathBuf,
        /// What the system said.
        source: mcc_files::Reason,
    },
    /// Listening beyond loopback needs the names under which clients come in.
    #[error(
        "`{address}` can be reached from other machines, and no host name is allowed for it; \
         add `--allow-host NAME` for each name that clients use"
    )]
    NoAllowedHost {
        /// The address asked for.
        address: SocketAddr,
    },
    /// Listening beyond loopback needs a token, or the word that it does not.
    #[error(
        "`{address}` can be reached from other machines, and no token is asked of them; set \
         MCC_SERVE_TOKEN, or add `--without-token` where a gateway in front checks who calls"
    )]
    NoToken {
        /// The address asked for.
        address: SocketAddr,
    },
    /// A token that is too easy to guess.
    #[error("the token has {length} characters; give one of at least {least}")]
    WeakToken {
        /// Its length.
        length: usize,
        /// The least length.
        least: usize,
    },
    /// A key for the state of forms that is no key.
    #[error(
        "the state key has {length} bytes; give one of at least {least} and at most {most}, \
         such as `openssl rand -base64 32` makes"
    )]
    StateKeyLength {
        /// Its length.
        length: usize,
        /// The least length.
        least: usize,
        /// The greatest length.
        most: usize,
    },
    /// The file with the key for the state of forms cannot be read.
    #[error("cannot read the state key `{}`", path.display())]
    StateKey {
        /// The file given.
        path: PathBuf,
        /// What the system said.
        source: mcc_files::Reason,
    },
    /// An `--allow-host` or `--allow-origin` is not of the right form.
    #[error("`{value}` is not {expected}")]
    Allowed {
        /// The value given.
        value: String,
        /// What it should look like.
        expected: &'static str,
    },
    /// The address cannot be listened on.
    #[error("cannot listen on `{address}`")]
    Bind {
        /// The address asked for.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The folder of `--catalogs` cannot be used.
    #[error(transparent)]
    Catalogs(#[from] mcc_catalogs::CatalogError),
    /// The session ended in an error.
    #[error("session failed: {0}")]
    Session(String),
    /// The system refused something else, such as a signal handler or a thread.
    #[error("{what}")]
    System {
        /// What was being done.
        what: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
}

/// One thing that is wrong with a call, in a form that a model can act on.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Problem {
    /// Stable id of the rule that was broken; `explain_rule` tells more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) rule: Option<String>,
    /// The argument concerned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) field: Option<String>,
    /// The value given, shortened; left out when it may be a secret.
    // A schema without any keyword is refused or misread by some clients; this one holds for every value.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("maxLength" = ECHOED + 40))]
    pub(crate) value: Option<Value>,
    /// Where the value came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) source: Option<String>,
    /// What is wrong.
    pub(crate) message: String,
    /// Why it is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) why: Option<String>,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) fix: Option<String>,
    /// The valid values, nearest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) choices: Vec<String>,
}

impl Problem {
    /// A problem with one argument.
    pub(crate) fn of(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: Some(echo(&field.into())), message: message.into(), ..Self::default() }
    }

    /// Adds what to do about it.
    pub(crate) fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into());
        self
    }

    /// Adds the value given, shortened so that an answer never repeats a megabyte.
    pub(crate) fn value(mut self, value: &Value) -> Self {
        self.value = Some(shortened(value));
        self
    }

    /// Adds the valid values.
    pub(crate) fn choices(mut self, choices: Vec<String>) -> Self {
        self.choices = choices;
        self
    }
}

/// Most characters of a sentence of an error: an end to what is foreign in it.
const MOST: usize = 2000;
/// Most problems of one call that are told one by one.
const PROBLEMS: usize = 50;

/// `value`, or its text as messages repeat it if it is long or has what cannot be seen.
pub(crate) fn shortened(value: &Value) -> Value {
    let text = match value {
        Value::String(text) => Cow::Borrowed(text.as_str()),
        Value::Array(_) | Value::Object(_) => Cow::Owned(value.to_string()),
        Value::Null | Value::Bool(_) | Value::Number(_) => return value.clone(),
    };
    match cut(&text, ECHOED) {
        Cow::Borrowed(_) => value.clone(),
        Cow::Owned(short) => Value::String(short),
    }
}

fn line(text: &mut String) {
    if let Cow::Owned(short) = cut(text, MOST) {
        *text = short;
    }
}

/// A tool call that could not be answered. It becomes a result with `isError`, never a protocol
/// error, because most clients hide protocol errors from the model.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ToolError {
    /// Stable word for the kind of failure.
    pub(crate) code: String,
    /// What happened, in one sentence.
    pub(crate) message: String,
    /// Everything that has to be put right.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) problems: Vec<Problem>,
}

impl ToolError {
    /// An error without details.
    pub(crate) fn new(code: &str, message: impl Into<String>) -> Self {
        Self { code: code.to_owned(), message: message.into(), problems: Vec::new() }
    }

    /// An error about one argument.
    pub(crate) fn of(code: &str, problem: Problem) -> Self {
        Self::all(code, vec![problem])
    }

    /// An error about several arguments at once.
    pub(crate) fn all(code: &str, problems: Vec<Problem>) -> Self {
        let message = match problems.as_slice() {
            [one] => one
                .field
                .as_ref()
                .map_or_else(|| one.message.clone(), |field| format!("{field}: {}", one.message)),
            many => format!("{} inputs have to be put right", many.len()),
        };
        Self { code: code.to_owned(), message, problems }
    }

    /// The failure of this server itself.
    pub(crate) fn internal(what: &str) -> Self {
        Self::new(
            "internal_error",
            format!("{what}; this is a fault of the server, not of the call"),
        )
    }

    /// The same, with an end to what is foreign in it, and only of what can be seen.
    pub(crate) fn told(mut self) -> Self {
        line(&mut self.message);
        let more = self.problems.len().saturating_sub(PROBLEMS);
        self.problems.truncate(PROBLEMS);
        if more > 0 {
            self.message.push_str(&format!("; the first {PROBLEMS} follow"));
        }
        for problem in &mut self.problems {
            let texts =
                [&mut problem.field, &mut problem.source, &mut problem.why, &mut problem.fix];
            texts.into_iter().flatten().for_each(line);
            line(&mut problem.message);
            problem.choices.iter_mut().for_each(line);
            problem.value = problem.value.as_ref().map(shortened);
        }
        self
    }

    /// The same content as text, for clients that show a model only that.
    pub(crate) fn text(&self) -> String {
        let mut text = format!("Error ({}): {}", self.code, self.message);
        for problem in &self.problems {
            text.push_str("\n- ");
            text.push_str(&problem.text());
        }
        text
    }
}

impl Problem {
    /// One line with everything that is known about the problem.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        if let Some(rule) = &self.rule {
            text.push_str(&format!("[{rule}] "));
        }
        if let Some(field) = &self.field {
            text.push_str(field);
            if let Some(value) = &self.value {
                text.push_str(&format!(" = {value}"));
            }
            if let Some(source) = &self.source {
                text.push_str(&format!(" (from {source})"));
            }
            text.push_str(": ");
        }
        text.push_str(&self.message);
        if let Some(why) = &self.why {
            text.push_str(&format!(". Why: {why}"));
        }
        if let Some(fix) = &self.fix {
            text.push_str(&format!(". Fix: {fix}"));
        }
        if !self.choices.is_empty() {
            let end = if text.ends_with('?') { "" } else { "." };
            text.push_str(&format!("{end} Valid: {}", self.choices.join(", ")));
        }
        text
    }
}
