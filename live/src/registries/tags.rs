//! The tags of a repository: those like one that is not there, and the newest.

use std::cmp::Ordering;

use http::StatusCode;
use http::header::LINK;
use mcc_catalogs::{nearest, version};
use serde::Deserialize;
use url::Url;

use super::visit::Visit;
use crate::failure::Failure;

/// Pages of a list that are read at most.
const PAGES: usize = 3;
/// Tags that are asked for at once, where the registry has pages.
const PAGE: usize = 1000;
/// Most bytes of a page. Some registries have one page for 20,000 tags.
const MOST: usize = 4 * 1024 * 1024;
/// Tags that are told at most.
const TOLD: usize = 5;

/// The tags of a repository.
#[derive(Debug, Default)]
pub(crate) struct Tags {
    pub(crate) all: Vec<String>,
    /// There are more than were read.
    pub(crate) more: bool,
}

#[derive(Deserialize)]
struct Page {
    tags: Option<Vec<String>>,
}

impl Tags {
    /// The tags of the repository: all, or as many as a few pages have. Of those that begin like `like` as many as
    /// possible: they are listed by name, and thousands of nightly builds come before the first release.
    ///
    /// # Errors
    /// The registry does not list them, or not to everybody.
    pub(super) async fn read(visit: &mut Visit<'_>, like: Option<&str>) -> Result<Self, Failure> {
        let start = like.map_or("", |like| Shape::of(like).map_or("", |shape| shape.head));
        let mut found = Self::default();
        if !start.is_empty() {
            // Not every registry takes a place that it has not named itself.
            let after = found.pages(visit, Some(start)).await;
            if after.is_ok() && !found.all.is_empty() {
                return Ok(found);
            }
            found = Self::default();
        }
        found.pages(visit, None).await?;
        Ok(found)
    }

    async fn pages(&mut self, visit: &mut Visit<'_>, after: Option<&str>) -> Result<(), Failure> {
        let mut url = visit.place.url("tags/list");
        url.query_pairs_mut().append_pair("n", &PAGE.to_string());
        if let Some(after) = after {
            url.query_pairs_mut().append_pair("last", after);
        }
        for page in 0..PAGES {
            let answer = match visit.fetch(url.clone(), "application/json", MOST).await {
                Ok(answer) => answer,
                // What was read is true all the same.
                Err(_) if page > 0 => break,
                Err(failure) => return Err(failure),
            };
            if answer.status != StatusCode::OK {
                break;
            }
            let said: Page = serde_json::from_slice(&answer.body)
                .map_err(|_| Failure::Unreadable("its list of tags".to_owned()))?;
            self.all.extend(said.tags.unwrap_or_default().into_iter().filter(|tag| is_tag(tag)));
            let link = answer.headers.get(LINK).and_then(|link| link.to_str().ok());
            let next = link.and_then(|link| next(&url, link)).filter(|next| *next != url);
            match next.filter(|next| visit.place.has(next)) {
                Some(next) => url = next,
                None => {
                    self.more = link.is_some();
                    return Ok(());
                }
            }
        }
        self.more = true;
        Ok(())
    }

    /// The newest of the tags that are like `tag`: the same but for the version, or else those that are written alike.
    pub(crate) fn like(&self, tag: &str) -> Vec<String> {
        let wanted = Shape::of(tag);
        let mut same: Vec<Shape<'_>> = self
            .all
            .iter()
            .filter_map(|own| Shape::of(own))
            .filter(|own| wanted.as_ref().is_some_and(|wanted| own.is_like(wanted)))
            .collect();
        same.sort_by(|a, b| b.order(a));
        same.dedup_by(|a, b| a.tag == b.tag);
        if same.is_empty() {
            let all = self.all.iter().map(String::as_str);
            return nearest(tag, all, TOLD).into_iter().map(str::to_owned).collect();
        }
        same.into_iter().take(TOLD).map(|own| own.tag.to_owned()).collect()
    }
}

/// A tag with a version in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shape<'a> {
    pub(super) tag: &'a str,
    /// What comes before the version: `v`.
    pub(super) head: &'a str,
    /// `0.27.1`.
    pub(super) version: &'a str,
    /// What comes after it: `-gpu-py312`.
    pub(super) rest: &'a str,
}

impl<'a> Shape<'a> {
    /// None where no number with a point is in it, or where it comes after the name of something else.
    pub(super) fn of(tag: &'a str) -> Option<Self> {
        let start = tag.find(|c: char| c.is_ascii_digit())?;
        let (head, from) = tag.split_at_checked(start)?;
        if head.bytes().any(|byte| !byte.is_ascii_alphabetic()) {
            return None;
        }
        let end = from.find(['-', '_']).unwrap_or(from.len());
        let (version, rest) = from.split_at_checked(end)?;
        version.contains('.').then_some(Self { tag, head, version, rest })
    }

    /// Whether they are the same but for numbers. A pre-release is like pre-releases only.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        let plain = |text: &str| text.replace(|c: char| c.is_ascii_digit() || c == '.', "");
        self.head == other.head
            && plain(self.version) == plain(other.version)
            && plain(self.rest) == plain(other.rest)
    }

    /// The order of their versions, and of what comes after them.
    pub(super) fn order(&self, other: &Self) -> Ordering {
        version::compare(self.version, other.version).then_with(|| self.rest.cmp(other.rest))
    }
}

/// Whether it can be a tag.
pub(crate) fn is_tag(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    (1..=128).contains(&text.len()) && text.bytes().all(plain) && !text.starts_with(['.', '-'])
}

/// The address of the next page.
fn next(url: &Url, link: &str) -> Option<Url> {
    let (target, parameters) = link.split_once('<')?.1.split_once('>')?;
    let is_next = parameters.split([';', ',']).any(|one| {
        let one = one.trim().to_ascii_lowercase();
        one == "rel=next" || one == "rel=\"next\""
    });
    is_next.then(|| url.join(target).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn like(tag: &str, all: &[&str]) -> Vec<String> {
        let all = all.iter().map(|tag| (*tag).to_owned()).collect();
        Tags { all, more: false }.like(tag)
    }

    #[test]
    fn the_newest_tags_of_the_same_kind_are_told() {
        let all = [
            "latest",
            "nightly-0123456789",
            "v0.9.2",
            "v0.10.0",
            "v0.27.1",
            "v0.28.0rc1",
            "v0.28.0",
            "v0.28.0-cu129",
            "v0.27.0-cu128",
            "0.28.0-gpu-py312-cu130-ubuntu24.04-sagemaker",
            "0.28.0-gpu-py312-cu130-ubuntu24.04-ec2",
        ];
        assert_eq!(like("v0.29.0", &all), ["v0.28.0", "v0.27.1", "v0.10.0", "v0.9.2"]);
        assert_eq!(like("v0.29.0-cu126", &all), ["v0.28.0-cu129", "v0.27.0-cu128"]);
        assert_eq!(
            like("0.31.0-gpu-py311-cu124-ubuntu22.04-sagemaker", &all),
            ["0.28.0-gpu-py312-cu130-ubuntu24.04-sagemaker"]
        );
        assert_eq!(like("lates", &all), ["latest"]);
        assert!(like("x", &all).is_empty());
    }

    #[test]
    fn only_tags_and_pages_of_the_registry_are_taken() {
        assert!(is_tag("v1.0_a-b") && is_tag("_x"));
        for bad in ["", "-a", ".a", "a b", "a\n", "a/b", &"a".repeat(129)] {
            assert!(!is_tag(bad), "{bad:?}");
        }
        let url: Url = "https://r.example.com/v2/a/tags/list?n=1".parse().unwrap();
        let page = next(&url, r#"</v2/a/tags/list?last=b&n=1>; rel="next""#).unwrap();
        assert_eq!(page.as_str(), "https://r.example.com/v2/a/tags/list?last=b&n=1");
        assert_eq!(next(&url, r#"</x>; rel="prev""#), None);
        assert_eq!(next(&url, "nonsense"), None);
    }
}
