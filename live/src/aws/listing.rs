//! What S3 lists, and what of it is at an address.

use mcc_catalogs::{S3Uri, StoredFile, cut};

use super::xml::Element;
use crate::failure::Failure;

/// Longest name of a file that is kept, in characters.
const NAME: usize = 300;

/// One page of `ListObjectsV2`.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Page {
    pub(super) objects: Vec<Object>,
    /// More follows.
    pub(super) truncated: bool,
    /// What the next page is asked for with.
    pub(super) token: Option<String>,
}

/// An object in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Object {
    pub(super) key: String,
    pub(super) size: u64,
    /// It is in an archive, from which it has to be restored before it can be read.
    pub(super) archived: bool,
}

/// Reads a page whose keys are encoded as in a URL.
///
/// # Errors
/// It is something else, or a part of it is missing.
pub(super) fn page(root: &Element) -> Result<Page, Failure> {
    let unreadable = |why: &str| Failure::Unreadable(why.to_owned());
    if root.name != "ListBucketResult" {
        return Err(unreadable("it is not a list of objects"));
    }
    let truncated = match root.text_of("IsTruncated") {
        Some("true") => true,
        Some("false") => false,
        _ => return Err(unreadable("the list does not say whether it is complete")),
    };
    let encoded = root.text_of("EncodingType") == Some("url");
    let mut objects = Vec::new();
    for item in root.all("Contents") {
        let key = item
            .text_of("Key")
            .map(|key| if encoded { decoded(key) } else { Some(key.to_owned()) });
        let key = key.flatten().ok_or_else(|| unreadable("an object without a key"))?;
        let size = item.text_of("Size").and_then(|size| size.parse().ok());
        let size = size.ok_or_else(|| unreadable("an object without a size"))?;
        let archived = matches!(item.text_of("StorageClass"), Some("GLACIER" | "DEEP_ARCHIVE"));
        objects.push(Object { key, size, archived });
    }
    let token = root.text_of("NextContinuationToken").map(str::to_owned);
    Ok(Page { objects, truncated, token })
}

/// Text that was encoded for a URL's query. None for what is no UTF-8 then.
fn decoded(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || char::from(bytes.next()?).to_digit(16);
                let (high, low) = (digit()?, digit()?);
                u8::try_from(high * 16 + low).ok()?
            }
            other => other,
        });
    }
    String::from_utf8(out).ok()
}

/// What is at an address, of objects whose keys begin like it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct At {
    /// The object that has the address's own key.
    pub(super) own: Option<Object>,
    /// Files below it.
    pub(super) below: Vec<Object>,
    /// The list has gone past all that can be below it, whether or not more follows.
    pub(super) past: bool,
}

impl At {
    /// Takes the objects of a page: for the key `k`, `k` itself and `k/…`, and never `k-other`.
    pub(super) fn take(&mut self, key: &str, objects: Vec<Object>) {
        let folder = folder(key);
        for object in objects {
            if object.key == key && !key.is_empty() && !key.ends_with('/') {
                self.own = Some(object);
            } else if object.key.starts_with(&folder) {
                // Consoles make an empty object for a folder that is empty otherwise.
                if !object.key.ends_with('/') {
                    self.below.push(object);
                }
            } else if object.key > folder {
                // S3 lists keys in the order of their bytes.
                self.past = true;
            }
        }
    }
}

/// The key with which all begins that is below `key`.
pub(super) fn folder(key: &str) -> String {
    if key.is_empty() || key.ends_with('/') { key.to_owned() } else { format!("{key}/") }
}

/// Objects as files of a row.
pub(super) fn files(objects: &[Object], folder: &str) -> Vec<StoredFile> {
    let name = |object: &Object| {
        let name = object.key.strip_prefix(folder).unwrap_or(&object.key);
        cut(name, NAME).into_owned()
    };
    objects.iter().map(|object| StoredFile { name: name(object), size: object.size }).collect()
}

/// The name of the object that an address is.
pub(super) fn own_name(address: &S3Uri) -> String {
    address.key().rsplit('/').next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn object(key: &str) -> Object {
        Object { key: key.to_owned(), size: 1, archived: false }
    }

    fn list(inside: &str) -> String {
        format!(
            "<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">{inside}</ListBucketResult>"
        )
    }

    fn page(text: &str) -> Result<Page, Failure> {
        super::page(&Element::parse(text.as_bytes())?)
    }

    #[test]
    fn a_page_is_read_whole_or_not_at_all() {
        let item = "<Contents><Key>a/b%20c%2Bd+e%C3%A9</Key><Size>7</Size><StorageClass>GLACIER</StorageClass></Contents>";
        let text = list(&format!(
            "<Name>b</Name><EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>{item}\
             <NextContinuationToken>t&amp;</NextContinuationToken>"
        ));
        let key = "a/b c+d eé".to_owned();
        let wanted = Page {
            objects: vec![Object { key, size: 7, archived: true }],
            truncated: true,
            token: Some("t&".to_owned()),
        };
        assert_eq!(page(&text), Ok(wanted));
        let plain = list(
            "<IsTruncated>false</IsTruncated><Contents><Key>a%20b</Key><Size>1</Size></Contents>",
        );
        assert_eq!(page(&plain).unwrap().objects[0].key, "a%20b");
        for bad in [
            list(item),
            list("<IsTruncated>false</IsTruncated><Contents><Key>a</Key></Contents>"),
            list("<IsTruncated>false</IsTruncated><Contents><Size>1</Size></Contents>"),
            list(
                "<IsTruncated>false</IsTruncated><Contents><Key>a</Key><Size>-1</Size></Contents>",
            ),
            text.replace("%C3%A9", "%C3"),
            text.replace("%C3%A9", "%C"),
            "<Error><Code>x</Code></Error>".to_owned(),
            "{}".to_owned(),
        ] {
            assert!(page(&bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_only_begins_alike_is_not_below() {
        let all =
            ["m", "m-other", "m.txt", "m/", "m/a", "m/b/c", "m0", "mm/x"].map(object).to_vec();
        let mut at = At::default();
        at.take("m", all.clone());
        assert_eq!(at.own, Some(object("m")));
        assert_eq!(at.below, ["m/a", "m/b/c"].map(object));
        assert!(at.past);
        let mut at = At::default();
        at.take("m/", all.clone());
        assert_eq!((at.own, at.below), (None, ["m/a", "m/b/c"].map(object).to_vec()));
        let mut at = At::default();
        at.take("m", ["m-1", "m-2"].map(object).to_vec());
        assert_eq!(at, At::default());
        let mut at = At::default();
        at.take("", all);
        assert_eq!(at.below.len(), 7);
        let names: Vec<String> =
            files(&["m/a", "m/b/c"].map(object), "m/").into_iter().map(|file| file.name).collect();
        assert_eq!(names, ["a", "b/c"]);
        assert_eq!(own_name(&"s3://bucket/a/model.tar.gz".parse().unwrap()), "model.tar.gz");
    }

    proptest! {
        #[test]
        fn what_is_below_is_what_a_filesystem_would_say(keys in prop::collection::vec("[ab/.-]{1,6}", 0..12), key in "[ab]{1,3}/?") {
            let mut keys = keys;
            keys.sort();
            keys.dedup();
            let mut at = At::default();
            at.take(&key, keys.iter().map(|key| object(key)).collect());
            let inside = |one: &&String| one.starts_with(&format!("{}/", key.trim_end_matches('/'))) && !one.ends_with('/');
            prop_assert_eq!(at.below.len(), keys.iter().filter(inside).count());
            prop_assert_eq!(at.own.is_some(), !key.ends_with('/') && keys.contains(&key));
        }
    }
}
