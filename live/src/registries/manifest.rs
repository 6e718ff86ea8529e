//! Manifests as registries answer them: lists of platforms and single images, of Docker and of the OCI.

use mcc_catalogs::{Arch, is_believable};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use crate::failure::Failure;

/// The forms that are asked for, in one header.
pub(crate) const ACCEPT: &str = "application/vnd.oci.image.index.v1+json, \
     application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.oci.image.manifest.v1+json, \
     application/vnd.docker.distribution.manifest.v2+json";
/// Most bytes of a manifest, which is what registries themselves allow.
pub(crate) const MOST: usize = 4 * 1024 * 1024;
/// Most platforms that are told of a list, and most characters of each.
const PLATFORMS: (usize, usize) = (32, 40);
/// What the configuration of an image is called, by the OCI and by Docker.
const CONFIGS: [&str; 2] =
    ["application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json"];

/// Something that a registry has by its digest.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Descriptor {
    #[serde(default)]
    pub(crate) media_type: Option<String>,
    pub(crate) digest: String,
    #[serde(default)]
    pub(crate) size: u64,
    #[serde(default)]
    platform: Option<Platform>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Platform {
    #[serde(default)]
    architecture: String,
    #[serde(default)]
    os: String,
    #[serde(default)]
    variant: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Raw {
    #[serde(default)]
    schema_version: Option<u64>,
    #[serde(default)]
    manifests: Option<Vec<Descriptor>>,
    #[serde(default)]
    config: Option<Descriptor>,
    #[serde(default)]
    layers: Option<Vec<Descriptor>>,
}

/// What a manifest is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Manifest {
    /// One image.
    Image(Single),
    /// An image for each of several platforms.
    List(Vec<Descriptor>),
    /// Something else that a registry keeps: a chart, a model, or an image of Docker's first form.
    Other,
}

/// One image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Single {
    /// Its configuration.
    pub(crate) config: Descriptor,
    /// Bytes to pull: of its layers, as they are sent. None where no image can have as many.
    pub(crate) bytes: Option<u64>,
}

impl Manifest {
    /// # Errors
    /// It is no manifest.
    pub(crate) fn of(body: &[u8]) -> Result<Self, Failure> {
        let broken = |what: &str| Failure::Unreadable(what.to_owned());
        let raw: Raw = serde_json::from_slice(body).map_err(|_| broken("its manifest"))?;
        match (raw.manifests, raw.config, raw.layers) {
            // What is both is read in one way by one program and in the other by the next.
            (Some(_), config, layers) if config.is_some() || layers.is_some() => {
                Err(broken("the manifest is both an image and a list of images"))
            }
            (Some(list), _, _) => Ok(Self::List(list)),
            (None, Some(config), Some(layers)) => {
                let known = config.media_type.as_deref().is_none_or(|own| CONFIGS.contains(&own));
                if !known {
                    return Ok(Self::Other);
                }
                let bytes = layers.iter().map(|layer| layer.size).fold(0, u64::saturating_add);
                let bytes = Some(bytes).filter(|bytes| is_believable(*bytes));
                Ok(Self::Image(Single { config, bytes }))
            }
            (None, Some(_), None) => Ok(Self::Other),
            (None, None, _) if raw.schema_version == Some(1) => Ok(Self::Other),
            (None, None, _) => Err(broken("its manifest")),
        }
    }
}

impl Descriptor {
    /// The platform that it is for: `linux/amd64`. None where that is not told, as of what only says where an image is
    /// from.
    pub(crate) fn platform(&self) -> Option<String> {
        let Platform { architecture, os, variant } = self.platform.as_ref()?;
        if architecture == "unknown" || os == "unknown" {
            return None;
        }
        platform(os, architecture, variant.as_deref())
    }
}

/// The images of a list, each with its platform; in its order, the first few.
pub(crate) fn platforms(list: &[Descriptor]) -> Vec<(String, &Descriptor)> {
    let told = list.iter().filter_map(|one| Some((one.platform()?, one)));
    told.take(PLATFORMS.0).collect()
}

/// The one of a list that is read for all: of amd64, else of arm64, else the first.
pub(crate) fn chosen(list: &[Descriptor]) -> Option<&Descriptor> {
    let all = platforms(list);
    let of = |own: Arch| all.iter().find(|(name, _)| arch(name) == Some(own));
    let found = of(Arch::X86_64).or_else(|| of(Arch::Arm64)).or_else(|| all.first());
    // A list of one image need not say what it is for.
    let alone = || list.first().filter(|one| list.len() == 1 && one.platform.is_none());
    found.map(|(_, one)| *one).or_else(alone)
}

/// A platform in the usual words. None where it is no word.
pub(crate) fn platform(os: &str, architecture: &str, variant: Option<&str>) -> Option<String> {
    let variant = variant.filter(|variant| !variant.is_empty());
    let parts: Vec<&str> = [Some(os), Some(architecture), variant].into_iter().flatten().collect();
    let word = |part: &&str| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        !part.is_empty() && part.bytes().all(plain)
    };
    let text = parts.join("/");
    (text.len() <= PLATFORMS.1 && parts.iter().all(word)).then_some(text)
}

/// The processors of a platform, of those that instance types have.
pub(crate) fn arch(platform: &str) -> Option<Arch> {
    let mut parts = platform.split('/');
    match (parts.next()?, parts.next()?) {
        ("linux", "amd64" | "x86_64") => Some(Arch::X86_64),
        ("linux", "arm64" | "aarch64") => Some(Arch::Arm64),
        _ => None,
    }
}

/// The digest of what was answered, in the form of registries.
pub(crate) fn digest(body: &[u8]) -> String {
    let mut text = String::from("sha256:");
    for byte in Sha256::digest(body) {
        text.push_str(&format!("{byte:02x}"));
    }
    text
}

/// Whether a digest that somebody else wrote has the one form that is looked up: no other algorithm, and no path.
pub(crate) fn is_digest(text: &str) -> bool {
    text.strip_prefix("sha256:").is_some_and(|hex| {
        hex.len() == 64 && hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn of(text: &str) -> Result<Manifest, Failure> {
        Manifest::of(text.as_bytes())
    }

    #[test]
    fn images_lists_and_others_are_told_apart() {
        let Ok(Manifest::Image(image)) = of(
            r#"{"schemaVersion":2,"config":{"digest":"sha256:c","size":9,"mediaType":"application/vnd.oci.image.config.v1+json"},
                "layers":[{"digest":"sha256:a","size":5},{"digest":"sha256:b","size":18446744073709551615}]}"#,
        ) else {
            panic!("no image")
        };
        assert_eq!((image.bytes, image.config.digest.as_str()), (None, "sha256:c"));
        let list = r#"{"manifests":[{"digest":"sha256:a","size":1,"platform":{"os":"linux","architecture":"s390x"}}]}"#;
        assert!(matches!(of(list), Ok(Manifest::List(list)) if list.len() == 1));
        let chart = r#"{"config":{"digest":"sha256:c","size":9,"mediaType":"application/vnd.cncf.helm.config.v1+json"},"layers":[]}"#;
        assert_eq!(of(chart), Ok(Manifest::Other));
        assert_eq!(of(r#"{"schemaVersion":1,"fsLayers":[]}"#), Ok(Manifest::Other));
        for broken in [
            "",
            "{}",
            "[]",
            "null",
            r#"{"manifests":{}}"#,
            r#"{"manifests":[{"size":1}]}"#,
            r#"{"config":{"digest":"a","size":-1},"layers":[]}"#,
            r#"{"manifests":[],"config":{"digest":"a"},"layers":[]}"#,
            &"[".repeat(100_000),
        ] {
            assert!(matches!(of(broken), Err(Failure::Unreadable(_))), "{broken:.60}");
        }
    }

    #[test]
    fn platforms_are_told_without_what_is_none() {
        let one = |os: &str, architecture: &str, variant: &str| {
            let text = format!(
                r#"{{"digest":"sha256:{os}{architecture}","size":1,"platform":{{"os":"{os}","architecture":"{architecture}","variant":"{variant}"}}}}"#
            );
            serde_json::from_str::<Descriptor>(&text).unwrap()
        };
        let list = [
            one("unknown", "unknown", ""),
            one("linux", "arm64", "v8"),
            one("linux", "a/../b", ""),
            one("linux", "amd64", ""),
            one("windows", "amd64", ""),
        ];
        let names: Vec<String> = platforms(&list).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["linux/arm64/v8", "linux/amd64", "windows/amd64"]);
        assert_eq!(chosen(&list).unwrap().digest, "sha256:linuxamd64");
        assert_eq!(chosen(&list[..3]).unwrap().digest, "sha256:linuxarm64");
        assert_eq!(chosen(&list[..1]), None);
        let alone: Descriptor = serde_json::from_str(r#"{"digest":"sha256:x"}"#).unwrap();
        assert_eq!(chosen(std::slice::from_ref(&alone)), Some(&alone));
        assert_eq!(arch("windows/amd64"), None);
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let number = prop_oneof![
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
        ];
        let leaf = prop_oneof![number, Just(Value::Null), ".{0,12}".prop_map(Value::from)];
        let key = "manifests|config|layers|digest|size|platform|os|architecture|mediaType|.{0,4}";
        leaf.prop_recursive(5, 64, 6, move |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                proptest::collection::btree_map(key, inner, 0..6)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn whatever_is_answered_is_read_in_bounds_or_refused(said in any_json(), sizes: Vec<u64>) {
            if let Ok(Manifest::List(list)) = Manifest::of(said.to_string().as_bytes()) {
                let told = platforms(&list);
                prop_assert!(told.len() <= PLATFORMS.0);
                prop_assert!(told.iter().all(|(name, _)| name.len() <= PLATFORMS.1));
                let _ = chosen(&list);
            }
            // A size that no image has is none.
            let layers: Vec<Value> =
                sizes.iter().map(|size| json!({"digest": "a", "size": size})).collect();
            let image = json!({"config": {"digest": "c"}, "layers": layers}).to_string();
            let Ok(Manifest::Image(image)) = Manifest::of(image.as_bytes()) else {
                return Err(TestCaseError::fail("no image"));
            };
            let sum = sizes.iter().copied().fold(0, u64::saturating_add);
            prop_assert_eq!(image.bytes, Some(sum).filter(|sum| is_believable(*sum)));
        }
    }

    #[test]
    fn digests_have_one_form() {
        let empty = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(digest(b""), empty);
        assert!(is_digest(empty));
        for bad in ["", "sha256:", "sha512:00", "sha256:../../x", &empty.to_uppercase()] {
            assert!(!is_digest(bad), "{bad}");
        }
    }
}
