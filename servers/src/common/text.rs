//! Answers as text. Some clients give a model nothing else, so it says everything that matters.

use std::fmt::Display;

use crate::mcp::told;

/// Bytes that most texts have at most.
const USUAL: usize = 2048;

/// A text that is written in paragraphs.
#[derive(Debug, Default)]
pub(crate) struct Text(String);

impl Text {
    /// Begins with one sentence.
    pub(crate) fn new(first: &str) -> Self {
        let mut text = String::with_capacity(USUAL);
        text.push_str(&told::line(first));
        Self(text)
    }

    /// Adds a heading with one line per item, unless there are none: what is foreign in an item makes no other.
    pub(crate) fn list(mut self, heading: &str, items: impl IntoIterator<Item: Display>) -> Self {
        let mut items = items.into_iter().peekable();
        if items.peek().is_some() {
            self.add(&["\n\n", heading, ":"]);
            for item in items {
                self.add(&["\n- ", &told::line(&item.to_string())]);
            }
        }
        self
    }

    /// Adds a heading with items of several lines each, unless there are none.
    pub(crate) fn blocks(
        mut self,
        heading: &str,
        items: impl IntoIterator<Item: IntoIterator<Item = String>>,
    ) -> Self {
        let mut items = items.into_iter().peekable();
        if items.peek().is_some() {
            self.add(&["\n\n", heading, ":"]);
            for item in items {
                for (at, line) in item.into_iter().enumerate() {
                    self.add(&[if at == 0 { "\n- " } else { "\n  " }, &told::line(&line)]);
                }
            }
        }
        self
    }

    /// Adds a line.
    pub(crate) fn line(mut self, line: Option<String>) -> Self {
        if let Some(line) = line {
            self.add(&["\n\n", &line]);
        }
        self
    }

    fn add(&mut self, parts: &[&str]) {
        for part in parts {
            self.0.push_str(part);
        }
    }

    /// The text.
    pub(crate) fn done(self) -> String {
        self.0
    }
}
