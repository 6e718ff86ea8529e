//! What to do about a finding, as data: inputs to give and to leave out. Each face writes it in its own words.

use serde::Serialize;
use serde_json::{Map, Value};

mod words;

pub(crate) use words::Face;

/// One thing to do. A key is that of an input, or `input.name` for one entry of an input that is a map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fix {
    /// Give the input this value.
    Set(String, Value),
    /// Leave the input out.
    Unset(String),
    /// Give the input one of these values, the best first.
    Choose(String, Vec<Value>),
    /// What only words say. Beside other fixes of a remedy it is a remark about them.
    Say(String),
}

impl Fix {
    /// Give `key` the value.
    pub fn set(key: impl Into<String>, value: impl Into<Value>) -> Self {
        Self::Set(key.into(), value.into())
    }

    /// Leave `key` out.
    pub fn unset(key: impl Into<String>) -> Self {
        Self::Unset(key.into())
    }

    /// Give `key` one of `values`, the best first.
    pub fn choose<V: Into<Value>>(
        key: impl Into<String>,
        values: impl IntoIterator<Item = V>,
    ) -> Self {
        Self::Choose(key.into(), values.into_iter().map(Into::into).collect())
    }

    /// Do what the words say.
    pub fn say(text: impl Into<String>) -> Self {
        Self::Say(text.into())
    }

    /// This and the other, together.
    #[must_use]
    pub fn and(self, other: impl Into<Remedy>) -> Remedy {
        Remedy::from(self).and(other)
    }

    /// This or the other.
    #[must_use]
    pub fn or(self, other: impl Into<Fixes>) -> Fixes {
        Fixes::from(self).or(other)
    }
}

/// The key of an entry of a map.
pub(crate) fn entry(input: &str, name: &str) -> String {
    format!("{input}.{name}")
}

/// The input of a key, and the entry in it.
pub(crate) fn parts(key: &str) -> (&str, Option<&str>) {
    key.split_once('.').map_or((key, None), |(input, name)| (input, Some(name)))
}

/// One way out of a finding: everything in it is done together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Remedy(pub Vec<Fix>);

/// The ways out of a finding, the best first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(into = "Vec<Written>")]
pub struct Fixes(pub Vec<Remedy>);

/// One way to put it right, done as a whole.
#[derive(Debug, Clone, Default, PartialEq, Serialize, schemars::JsonSchema)]
#[schemars(inline)]
pub struct Written {
    /// Inputs to give, with their values; `input.name` is one entry of a map.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub set: Map<String, Value>,
    /// Inputs to give, each with one of the listed values, the best first.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub choose: Map<String, Value>,
    /// Inputs to leave out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unset: Vec<String>,
}

impl Remedy {
    /// All of this and of the other.
    #[must_use]
    pub fn and(mut self, other: impl Into<Self>) -> Self {
        self.0.extend(other.into().0);
        self
    }

    /// This or the other.
    #[must_use]
    pub fn or(self, other: impl Into<Fixes>) -> Fixes {
        Fixes::from(self).or(other)
    }

    /// Whether it says what to do with inputs, so that it can be done without reading its words.
    pub fn is_data(&self) -> bool {
        self.0.iter().any(|fix| !matches!(fix, Fix::Say(_)))
    }

    /// How many values there are to choose from; 1 where there is nothing to choose.
    pub fn choices(&self) -> usize {
        let values = |fix: &Fix| match fix {
            Fix::Choose(_, values) => Some(values.len()),
            _ => None,
        };
        self.0.iter().find_map(values).unwrap_or(1)
    }

    /// The same with the values of a choice that `keep` takes, by their position.
    #[must_use]
    pub(crate) fn choosing(mut self, keep: &[usize]) -> Self {
        for fix in &mut self.0 {
            if let Fix::Choose(_, values) = fix {
                *values = keep.iter().filter_map(|at| values.get(*at).cloned()).collect();
            }
        }
        self
    }

    /// What becomes of inputs, with the value at `choice` of a choice: none means left out.
    pub(crate) fn changes(&self, choice: usize) -> impl Iterator<Item = (&str, Option<&Value>)> {
        self.0.iter().filter_map(move |fix| match fix {
            Fix::Set(key, value) => Some((key.as_str(), Some(value))),
            Fix::Unset(key) => Some((key.as_str(), None)),
            Fix::Choose(key, values) => Some((key.as_str(), Some(values.get(choice)?))),
            Fix::Say(_) => None,
        })
    }
}

impl Fixes {
    /// These or the other.
    #[must_use]
    pub fn or(mut self, other: impl Into<Self>) -> Self {
        self.0.extend(other.into().0);
        self
    }

    /// Those that can be done without reading their words.
    pub fn data(&self) -> impl Iterator<Item = &Remedy> {
        self.0.iter().filter(|remedy| remedy.is_data())
    }

    /// The same as data, for answers.
    pub fn written(&self) -> Vec<Written> {
        self.data().map(Written::from).collect()
    }

    /// Whether `value` is among those to give the input `key`.
    pub(crate) fn names(&self, key: &str, value: &str) -> bool {
        let is = |one: &Value| crate::render::plain(one) == value;
        self.0.iter().flat_map(|remedy| &remedy.0).any(|fix| match fix {
            Fix::Set(own, one) => own == key && is(one),
            Fix::Choose(own, values) => own == key && values.iter().any(is),
            Fix::Unset(_) | Fix::Say(_) => false,
        })
    }
}

impl From<Fix> for Remedy {
    fn from(fix: Fix) -> Self {
        Self(vec![fix])
    }
}

impl From<Remedy> for Fixes {
    fn from(remedy: Remedy) -> Self {
        Self(vec![remedy])
    }
}

impl From<Fix> for Fixes {
    fn from(fix: Fix) -> Self {
        Remedy::from(fix).into()
    }
}

impl From<String> for Fixes {
    fn from(text: String) -> Self {
        if text.is_empty() { Self::default() } else { Fix::Say(text).into() }
    }
}

impl From<&String> for Fixes {
    fn from(text: &String) -> Self {
        text.clone().into()
    }
}

impl From<&str> for Fixes {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl<T: Into<Remedy>> From<Option<T>> for Fixes {
    fn from(remedy: Option<T>) -> Self {
        remedy.into_iter().collect()
    }
}

impl<T: Into<Remedy>> FromIterator<T> for Fixes {
    fn from_iter<I: IntoIterator<Item = T>>(remedies: I) -> Self {
        Self(remedies.into_iter().map(Into::into).collect())
    }
}

impl From<&Remedy> for Written {
    fn from(remedy: &Remedy) -> Self {
        let mut this = Self::default();
        for fix in remedy.0.clone() {
            match fix {
                Fix::Set(key, value) => _ = this.set.insert(key, value),
                Fix::Choose(key, values) => _ = this.choose.insert(key, values.into()),
                Fix::Unset(key) => this.unset.push(key),
                Fix::Say(_) => {}
            }
        }
        this
    }
}

impl From<Fixes> for Vec<Written> {
    fn from(fixes: Fixes) -> Self {
        fixes.written()
    }
}

#[cfg(test)]
mod tests;
