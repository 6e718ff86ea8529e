//! What the configuration of an image says of what is in it: its environment and its labels, which whoever built it wrote.
//!
//! - CUDA: `CUDA_VERSION`, `NV_CUDA_LIB_VERSION` and `NV_CUDA_CUDART_VERSION` of NVIDIA's base images, and the label
//!   `cuda-version` of DJL's.
//! - The model server: `VLLM_VERSION` and its like, the label `trtllm-version` of DJL's images, and AWS's labels
//!   `com.amazonaws.ml.engines.sagemaker.dlc.framework.vllm.0-19-1`.
//! - Triton: `NVIDIA_TRITON_SERVER_VERSION`, which is the release of the image.
//!
//! Where two of them disagree, nothing is said.

use serde_json::{Map, Value};

/// What AWS's labels begin with that name a framework and its version.
const FRAMEWORK: &str = "com.amazonaws.ml.engines.sagemaker.dlc.framework.";
/// Environment variables and labels with the version of a model server, by its name in the catalogs.
const SERVERS: [(&str, &str); 7] = [
    ("VLLM_VERSION", "vllm"),
    ("SGLANG_VERSION", "sglang"),
    ("TRT_LLM_VERSION", "tensorrt-llm"),
    ("TRTLLM_VERSION", "tensorrt-llm"),
    ("TENSORRT_LLM_VERSION", "tensorrt-llm"),
    ("VLLM_OMNI_VERSION", "vllm-omni"),
    ("trtllm-version", "tensorrt-llm"),
];
/// The same in AWS's labels.
const FRAMEWORKS: [(&str, &str); 5] = [
    ("vllm", "vllm"),
    ("vllm-server", "vllm"),
    ("vllm-omni", "vllm-omni"),
    ("sglang", "sglang"),
    ("sglang-server", "sglang"),
];
/// Environment variables and labels with the version of CUDA.
const CUDAS: [&str; 4] =
    ["CUDA_VERSION", "NV_CUDA_LIB_VERSION", "NV_CUDA_CUDART_VERSION", "cuda-version"];
/// Longest version that is read, in bytes.
const LONGEST: usize = 40;

/// What an image says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Contents {
    /// `linux` and `amd64`.
    pub(crate) platform: Option<(String, String)>,
    /// `13.0`.
    pub(crate) cuda: Option<String>,
    /// `vllm` and `0.19.1`.
    pub(crate) engine: Option<(String, String)>,
    /// `25.09`.
    pub(crate) triton: Option<String>,
}

impl Contents {
    /// What a configuration says. None where it is none.
    pub(crate) fn of(config: &[u8]) -> Option<Self> {
        let config: Map<String, Value> = serde_json::from_slice(config).ok()?;
        let text = |key: &str| config.get(key).and_then(Value::as_str).map(str::to_owned);
        let own = config.get("config");
        let told = Told {
            environment: own.and_then(|own| own.get("Env")).and_then(Value::as_array),
            labels: own.and_then(|own| own.get("Labels")).and_then(Value::as_object),
        };
        let triton = told.of("NVIDIA_TRITON_SERVER_VERSION").and_then(version);
        Some(Self {
            platform: text("os").zip(text("architecture")),
            cuda: agreed(CUDAS.iter().filter_map(|name| minor(told.of(name)?))),
            engine: agreed(told.servers()),
            triton,
        })
    }
}

/// The environment and the labels.
struct Told<'a> {
    environment: Option<&'a Vec<Value>>,
    labels: Option<&'a Map<String, Value>>,
}

impl<'a> Told<'a> {
    /// The value of a variable or a label.
    fn of(&self, name: &str) -> Option<&'a str> {
        let variables = self.environment.into_iter().flatten().filter_map(Value::as_str);
        let mut variables = variables.filter_map(|line| line.split_once('='));
        let variable = variables.find(|(own, _)| *own == name).map(|(_, value)| value);
        variable.or_else(|| self.labels?.get(name)?.as_str())
    }

    /// The model servers that are named, each with its version.
    fn servers(&self) -> impl Iterator<Item = (String, String)> {
        let variables = SERVERS
            .iter()
            .filter_map(|(name, engine)| Some(((*engine).to_owned(), version(self.of(name)?)?)));
        let labels = self.labels.into_iter().flat_map(Map::keys).filter_map(|label| {
            let (name, release) = label.strip_prefix(FRAMEWORK)?.split_once('.')?;
            let (_, engine) = FRAMEWORKS.iter().find(|(own, _)| *own == name)?;
            Some(((*engine).to_owned(), version(&release.replace('-', "."))?))
        });
        variables.chain(labels)
    }
}

/// What all of them say; none where there is none, or one says otherwise.
fn agreed<T: PartialEq>(mut all: impl Iterator<Item = T>) -> Option<T> {
    let first = all.next()?;
    all.all(|other| other == first).then_some(first)
}

/// A version as people write them: `v0.12.0`, `0.20.0.dev361`. None for a commit, a word or nothing.
fn version(text: &str) -> Option<String> {
    let text = text.strip_prefix('v').unwrap_or(text);
    let plain =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'+' | b'-' | b'_');
    let sound = text.len() <= LONGEST
        && text.starts_with(|c: char| c.is_ascii_digit())
        && text.split_once('.').is_some_and(|(head, _)| head.bytes().all(|b| b.is_ascii_digit()))
        && text.bytes().all(plain);
    sound.then(|| text.to_owned())
}

/// `12.9` of `12.9.79-1`, and of `cu129`, as the catalogs have it.
fn minor(text: &str) -> Option<String> {
    let text = match text.strip_prefix("cu") {
        Some(digits) if digits.len() == 3 => format!("{}.{}", digits.get(..2)?, digits.get(2..)?),
        _ => version(text)?,
    };
    let mut parts = text.split(['.', '-']);
    let (major, minor) = (parts.next()?, parts.next()?);
    let number =
        |part: &str| (1..=2).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
    (number(major) && number(minor)).then(|| format!("{major}.{minor}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn of(environment: &[&str], labels: &[(&str, &str)]) -> Contents {
        let labels: Map<String, Value> =
            labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect();
        let config = json!({"os": "linux", "architecture": "amd64",
            "config": {"Env": environment, "Labels": labels}});
        Contents::of(config.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn environments_and_labels_say_what_is_in_an_image() {
        let server = |name: &str, version: &str| Some((name.to_owned(), version.to_owned()));
        let found = of(
            &[
                "PATH=/a",
                "CUDA_VERSION=12.9.1",
                "NV_CUDA_CUDART_VERSION=12.9.79-1",
                "VLLM_VERSION=0.19.0",
            ],
            &[("org.opencontainers.image.version", "22.04")],
        );
        assert_eq!(found.cuda.as_deref(), Some("12.9"));
        assert_eq!(found.engine, server("vllm", "0.19.0"));
        assert_eq!(found.platform, Some(("linux".to_owned(), "amd64".to_owned())));
        let label = format!("{FRAMEWORK}vllm-server.0-20-0-dev361");
        assert_eq!(of(&[], &[(&label, "true")]).engine, server("vllm", "0.20.0.dev361"));
        let label = format!("{FRAMEWORK}djl.v0-32-0.lmi");
        assert_eq!(of(&[], &[(&label, "true")]).engine, None);
        let djl = of(&[], &[("cuda-version", "cu124"), ("trtllm-version", "v0.12.0")]);
        assert_eq!(
            (djl.cuda.as_deref(), djl.engine),
            (Some("12.4"), server("tensorrt-llm", "0.12.0"))
        );
        let triton = of(&["CUDA_VERSION=13.0.1.012", "NVIDIA_TRITON_SERVER_VERSION=25.09"], &[]);
        assert_eq!(
            (triton.cuda.as_deref(), triton.triton.as_deref()),
            (Some("13.0"), Some("25.09"))
        );
    }

    #[test]
    fn what_disagrees_or_is_no_version_is_not_told() {
        assert_eq!(of(&["CUDA_VERSION=12.9.1", "NV_CUDA_LIB_VERSION=12.8.0-1"], &[]).cuda, None);
        assert_eq!(of(&["VLLM_VERSION=0.9.0", "SGLANG_VERSION=0.4.1"], &[]).engine, None);
        for none in
            ["", "130", "main", "x.y", "1\u{1b}[2J", "999.1", &format!("1.{}", "0".repeat(50))]
        {
            assert_eq!(of(&[&format!("CUDA_VERSION={none}")], &[]).cuda, None, "{none:?}");
        }
        let commit = "3f5bd482aa67b90e43f1ccd5b0000000";
        assert_eq!(of(&[&format!("VLLM_VERSION={commit}")], &[]).engine, None);
        // Of any form at all, and what is left out.
        for config in [
            json!({}),
            json!({"config": null}),
            json!({"config": {"Env": null, "Labels": null}}),
            json!({"config": {"Env": {"CUDA_VERSION": "12.9"}, "Labels": ["cuda-version"]}}),
            json!({"config": {"Env": [1, null, "CUDA_VERSION"], "Labels": {"cuda-version": 12.9}}}),
        ] {
            assert_eq!(
                Contents::of(config.to_string().as_bytes()),
                Some(Contents::default()),
                "{config}"
            );
        }
        assert_eq!(Contents::of(b"[]"), None);
        assert_eq!(Contents::of(b"{"), None);
    }
}
