//! Escaping by language: a value reaches its place byte for byte, or is refused.

/// The language that a text template's output is written in; its escaping follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Language {
    /// bash: every value is one single-quoted word.
    Shell,
    /// Dockerfile: values of a safe alphabet only.
    Dockerfile,
    /// Markdown: values of a safe alphabet as they are, others as code spans.
    Markdown,
    /// Everything else: values of a safe alphabet only.
    Plain,
}

/// Characters that mean nothing special in any of the languages here.
const SAFE: &str = "._/:@=+,-";

fn safe(value: &str) -> bool {
    value.chars().all(|c| c.is_ascii_alphanumeric() || SAFE.contains(c))
}

impl Language {
    /// The language of the file at `path`, whose template starts with `head`.
    pub fn of(path: &str, head: &str) -> Self {
        let name = path.rsplit('/').next().unwrap_or(path);
        let bash = head.lines().next().is_some_and(|l| l.starts_with("#!") && l.ends_with("sh"));
        if name == "Dockerfile" {
            Self::Dockerfile
        } else if has_extension(name, "md") {
            Self::Markdown
        } else if bash || path.starts_with("do/") || has_extension(name, "sh") {
            Self::Shell
        } else {
            Self::Plain
        }
    }

    /// Its name, for messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Shell => "bash",
            Self::Dockerfile => "a Dockerfile",
            Self::Markdown => "Markdown",
            Self::Plain => "a plain text file",
        }
    }

    /// `value` as this language writes it, or `None` if it cannot.
    pub fn escape(self, value: &str) -> Option<String> {
        match self {
            // bash cannot hold a NUL; everything else stands in single quotes as it is.
            Self::Shell => {
                (!value.contains('\0')).then(|| format!("'{}'", value.replace('\'', r"'\''")))
            }
            Self::Dockerfile | Self::Plain => safe(value).then(|| value.to_owned()),
            Self::Markdown => markdown(value),
        }
    }
}

fn has_extension(name: &str, extension: &str) -> bool {
    std::path::Path::new(name).extension().is_some_and(|e| e == extension)
}

fn markdown(value: &str) -> Option<String> {
    if safe(value) {
        return Some(value.to_owned());
    }
    if value.chars().any(char::is_control) {
        return None;
    }
    // A code span's fence must be longer than any run of backticks within.
    let longest = value.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let pad = if value.starts_with('`') || value.ends_with('`') { " " } else { "" };
    Some(format!("{fence}{pad}{value}{pad}{fence}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shell_words_hold_everything_but_nul() {
        assert_eq!(
            Language::Shell.escape("it's $(id)\n`x`").as_deref(),
            Some("'it'\\''s $(id)\n`x`'")
        );
        assert_eq!(Language::Shell.escape(""), Some("''".to_owned()));
        assert_eq!(Language::Shell.escape("a\0b"), None);
    }

    #[test]
    fn others_refuse_what_they_cannot_hold() {
        assert_eq!(Language::Dockerfile.escape("a\nRUN id"), None);
        assert_eq!(Language::Plain.escape("a; b"), None);
        assert_eq!(Language::Markdown.escape("a `b` c").as_deref(), Some("``a `b` c``"));
        assert_eq!(Language::Markdown.escape("a\n# b"), None);
    }

    #[test]
    fn languages_follow_from_names() {
        assert_eq!(Language::of("do/config", ""), Language::Shell);
        assert_eq!(Language::of("code/serve", "#!/usr/bin/env bash\n"), Language::Shell);
        assert_eq!(Language::of("code/serve", "#!/usr/bin/env python3\n"), Language::Plain);
        assert_eq!(Language::of("Dockerfile", ""), Language::Dockerfile);
        assert_eq!(Language::of("README.md", ""), Language::Markdown);
    }
}
