//! The little of XML that AWS answers with: elements and their texts.

use xmlparser::{ElementEnd, Token, Tokenizer};

use crate::failure::Failure;

/// Elements within elements at most: answers of AWS have about ten.
const DEEPEST: usize = 32;
/// Elements at most: a page of a thousand files has about 6,000.
const MOST: usize = 60_000;

/// An element.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Element {
    /// Its name without prefix.
    pub(crate) name: String,
    /// The text right in it.
    pub(crate) text: String,
    /// The elements in it.
    pub(crate) children: Vec<Element>,
}

impl Element {
    /// The root of a document.
    ///
    /// # Errors
    /// It is not well-formed, or too deep or large.
    pub(crate) fn parse(body: &[u8]) -> Result<Self, Failure> {
        let text = std::str::from_utf8(body).map_err(|_| unreadable())?;
        let mut open: Vec<Self> = vec![Self::default()];
        let mut count = 0;
        for token in Tokenizer::from(text) {
            match token.map_err(|_| unreadable())? {
                Token::ElementStart { local, .. } => {
                    count += 1;
                    if open.len() > DEEPEST || count > MOST {
                        return Err(Failure::Unreadable(
                            "the XML is too deep or too long".to_owned(),
                        ));
                    }
                    open.push(Self { name: local.as_str().to_owned(), ..Self::default() });
                }
                Token::ElementEnd { end: ElementEnd::Open, .. } => {}
                Token::ElementEnd { end, .. } => {
                    let done = open.pop().ok_or_else(unreadable)?;
                    if let ElementEnd::Close(_, name) = end
                        && name.as_str() != done.name
                    {
                        return Err(unreadable());
                    }
                    open.last_mut().ok_or_else(unreadable)?.children.push(done);
                }
                Token::Text { text } => {
                    let text = unescaped(text.as_str())?;
                    open.last_mut().ok_or_else(unreadable)?.text.push_str(&text);
                }
                Token::Cdata { text, .. } => {
                    open.last_mut().ok_or_else(unreadable)?.text.push_str(text.as_str());
                }
                // Nothing of AWS declares anything, and what does is not to be expanded.
                Token::DtdStart { .. }
                | Token::EmptyDtd { .. }
                | Token::EntityDeclaration { .. } => {
                    return Err(unreadable());
                }
                _ => {}
            }
        }
        let mut document = open.pop().filter(|_| open.is_empty()).ok_or_else(unreadable)?;
        match (document.children.pop(), document.children.is_empty()) {
            (Some(root), true) => Ok(root),
            _ => Err(unreadable()),
        }
    }

    /// The first element in it of that name.
    pub(crate) fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// The elements in it of that name.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// The text of the first element in it of that name.
    pub(crate) fn text_of(&self, name: &str) -> Option<&str> {
        self.child(name).map(|child| child.text.as_str())
    }

    /// The first element of that name, at any depth.
    pub(crate) fn find(&self, name: &str) -> Option<&Self> {
        if self.name == name {
            return Some(self);
        }
        self.children.iter().find_map(|child| child.find(name))
    }
}

fn unreadable() -> Failure {
    Failure::Unreadable("no XML".to_owned())
}

fn unescaped(text: &str) -> Result<String, Failure> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        let (name, after) = after.split_once(';').ok_or_else(unreadable)?;
        let number =
            |digits: &str, radix| u32::from_str_radix(digits, radix).ok().and_then(char::from_u32);
        let c = match name {
            "lt" => Some('<'),
            "gt" => Some('>'),
            "amp" => Some('&'),
            "apos" => Some('\''),
            "quot" => Some('"'),
            _ => match (name.strip_prefix("#x"), name.strip_prefix('#')) {
                (Some(digits), _) => number(digits, 16),
                (None, Some(digits)) => number(digits, 10),
                (None, None) => None,
            },
        };
        out.push(c.ok_or_else(unreadable)?);
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Element, Failure> {
        Element::parse(text.as_bytes())
    }

    #[test]
    fn elements_have_their_texts() {
        let text = "<?xml version=\"1.0\"?>\n<a:R xmlns:a=\"x\"><K>a&amp;&#x62;</K><K/><L><![CDATA[<c>]]></L></a:R>";
        let root = parse(text).unwrap();
        assert_eq!(root.name, "R");
        assert_eq!(root.text_of("K"), Some("a&b"));
        assert_eq!(root.all("K").count(), 2);
        assert_eq!(root.find("L").map(|found| found.text.as_str()), Some("<c>"));
        assert_eq!(root.find("M"), None);
    }

    #[test]
    fn what_is_no_document_is_refused() {
        let bomb = "<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>";
        for text in ["", "x", "<a>", "<a></b>", "<a/><b/>", "<a>&b;</a>", "<a>&#xd800;</a>", bomb] {
            assert!(parse(text).is_err(), "{text}");
        }
        assert!(Element::parse(b"<a>\xff</a>").is_err());
        assert!(parse(&"<a>".repeat(100_000)).is_err());
        assert!(parse(&format!("<a>{}</a>", "<b/>".repeat(MOST))).is_err());
    }

    proptest::proptest! {
        #[test]
        fn nothing_panics(text in "[<>/&;#x!\\[\\]a-c \"=?-]{0,80}") {
            let _any = parse(&text);
        }
    }
}
