//! What the address of an image says of it: its row where the catalog has one, else what public names say of what they
//! hold. Of any other address nothing is known.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::accelerators::AcceleratorKind;
use crate::engines::Engines;
use crate::images::{Image, Images, Platform};
use crate::instances::Arch;
use crate::version;

/// Longest address that is read, in bytes; no registry takes longer ones.
const MAX_ADDRESS: usize = 1024;
/// Where AWS's images are public.
const PUBLIC_ECR: &str = "public.ecr.aws";
/// Its part of that registry.
const PUBLIC_DLC: &str = "deep-learning-containers/";
/// Where a name without a host is.
const DOCKER_HUB: &str = "docker.io";

/// A public repository whose tags say what is in the images.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ImageName {
    /// Registry host; none for the registries of AWS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Repository.
    pub repository: String,
    /// How its tags end; none for all others. The longest that matches counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suffix: Option<String>,
    /// Name of the family that they are like, or of one of their own.
    pub family: String,
    /// Model server, whose release begins the tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine: Option<String>,
    /// The accelerator that they are made for, where the tag does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accelerator: Option<AcceleratorKind>,
    /// Backends of the Triton server in them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub backends: Vec<String>,
    /// Backends that ended, with the last release that has them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub backends_until: BTreeMap<String, String>,
    /// The release's own image has the CUDA that `engines.json` says.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cuda_of_release: bool,
    /// The family whose images of the same version have the same CUDA.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cuda_of_family: Option<String>,
}

/// What is known of an image by its address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenImage {
    /// Its row, or what its name says in the form of one.
    pub image: Image,
    /// Whether the catalog has that row; else it was read from the name.
    pub in_catalog: bool,
    /// Whether its name says what it is. Else its registry does, and `backends` says nothing.
    pub named: bool,
    /// Backends of the Triton server in it; none if it has no such server.
    pub backends: Option<Vec<String>>,
}

/// The parts of an address.
struct Address<'a> {
    host: &'a str,
    path: &'a str,
    tag: Option<&'a str>,
}

impl<'a> Address<'a> {
    fn of(address: &'a str) -> Self {
        let name = address.split('@').next().unwrap_or_default();
        let (host, rest) = match name.split_once('/') {
            Some((host, rest)) if host.contains(['.', ':']) || host == "localhost" => (host, rest),
            _ => (DOCKER_HUB, name),
        };
        let (path, tag) = match rest.rsplit_once(':') {
            Some((path, tag)) => (path, Some(tag)),
            None => (rest, None),
        };
        Self { host, path, tag }
    }

    /// The account of a private ECR registry.
    fn account(&self) -> Option<&'a str> {
        let (account, rest) = self.host.split_once(".dkr.ecr.")?;
        rest.contains(".amazonaws.").then_some(account)
    }
}

impl Images {
    /// What is known of the image at `address`; none if nothing is.
    pub fn at(&self, address: &str, engines: &Engines) -> Option<GivenImage> {
        if address.len() > MAX_ADDRESS {
            return None;
        }
        let address = Address::of(address);
        let tag = address.tag?;
        let of_aws = address.account().is_some_and(|account| self.is_of_aws(account))
            || (address.host == PUBLIC_ECR && address.path.starts_with(PUBLIC_DLC));
        let path = if of_aws {
            address.path.strip_prefix(PUBLIC_DLC).unwrap_or(address.path)
        } else {
            address.path
        };
        let rows = self.iter().filter(|row| {
            let there = match &row.host {
                Some(host) => host == address.host,
                None => of_aws,
            };
            there
                && row.repository == path
                && (row.tag == tag || row.aliases.iter().any(|alias| alias == tag))
        });
        // One image can be in several families, each for the sake of other backends.
        let rows: Vec<&Image> = rows.collect();
        if let Some(row) = rows.first() {
            let families = rows.iter().filter_map(|row| self.family(&row.family));
            let backends: BTreeSet<String> =
                families.flat_map(|family| family.backends.iter().cloned()).collect();
            let backends = (!backends.is_empty()).then(|| backends.into_iter().collect());
            let image = (*row).clone();
            return Some(GivenImage { image, in_catalog: true, named: true, backends });
        }
        let host = (!of_aws).then_some(address.host);
        let names = self.names().filter(|name| {
            name.host.as_deref() == host
                && name.repository == path
                && name.suffix.as_ref().is_none_or(|suffix| tag.ends_with(suffix.as_str()))
        });
        let name = names.max_by_key(|name| name.suffix.as_ref().map_or(0, String::len))?;
        Some(self.named(name, &address, tag, engines))
    }

    /// What a public name says.
    fn named(
        &self,
        name: &ImageName,
        address: &Address<'_>,
        tag: &str,
        engines: &Engines,
    ) -> GivenImage {
        let head = tag.split('-').next().unwrap_or_default();
        let head = head.strip_prefix('v').unwrap_or(head);
        let release = (head.starts_with(|c: char| c.is_ascii_digit()) && head.contains('.'))
            .then(|| head.to_owned());
        let has = |word: &str| tag.split('-').any(|part| part == word);
        let accelerator = if tag.contains("neuron") {
            AcceleratorKind::Neuron
        } else if has("cpu") {
            AcceleratorKind::Cpu
        } else if has("gpu") || has("cuda") || tag.split('-').any(|part| cuda(part).is_some()) {
            AcceleratorKind::Cuda
        } else {
            name.accelerator.unwrap_or(AcceleratorKind::Cpu)
        };
        let of_release = || {
            let (engine, release) = (name.engine.as_deref()?, release.as_deref()?);
            engines.release(engine, release)?.cuda.clone().filter(|_| name.cuda_of_release)
        };
        let of_family = || {
            let release = release.as_deref()?;
            let mut rows = self.of_family(name.cuda_of_family.as_deref()?);
            rows.find(|row| row.version == release)?.cuda.clone()
        };
        let toolkit = tag.split('-').find_map(cuda).or_else(of_release).or_else(of_family);
        let arch = if has("arm64") || has("aarch64") {
            vec![Arch::Arm64]
        } else if has("x86_64") || has("amd64") {
            vec![Arch::X86_64]
        } else {
            vec![Arch::X86_64, Arch::Arm64]
        };
        let image = Image {
            family: name.family.clone(),
            version: release.clone().unwrap_or_else(|| tag.to_owned()),
            tag: tag.to_owned(),
            aliases: Vec::new(),
            digest: None,
            host: Some(address.host.to_owned()),
            repository: address.path.to_owned(),
            set: None,
            set_assumed: false,
            listed: true,
            platform: Platform::Any,
            arch,
            cuda: toolkit.filter(|_| accelerator == AcceleratorKind::Cuda),
            accelerator,
            min_driver: None,
            python: tag.split('-').find_map(python),
            os: None,
            engine: name.engine.clone(),
            engine_version: release.clone().filter(|_| name.engine.is_some()),
            eop: None,
        };
        let ended = name.backends_until.iter().filter(|(_, last)| {
            release.as_deref().is_some_and(|has| version::compare(has, last).is_le())
        });
        let backends: Vec<String> =
            name.backends.iter().chain(ended.map(|(backend, _)| backend)).cloned().collect();
        let server = name.suffix.is_some();
        let backends = server.then_some(backends);
        GivenImage { image, in_catalog: false, named: true, backends }
    }
}

/// `13.0` of `cu130`.
fn cuda(part: &str) -> Option<String> {
    let digits = part.strip_prefix("cu")?;
    let known = (3..=4).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    known.then(|| Some(format!("{}.{}", digits.get(..2)?, digits.get(2..3)?)))?
}

/// `3.12` of `py312`.
fn python(part: &str) -> Option<String> {
    let digits = part.strip_prefix("py3")?;
    let known = (1..=2).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    known.then(|| format!("3.{digits}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Catalogs;

    fn at(address: &str) -> Option<GivenImage> {
        let catalogs = Catalogs::embedded();
        catalogs.images().at(address, catalogs.engines())
    }

    fn told(address: &str) -> (String, Option<String>, Option<String>) {
        let image = at(address).expect("a known name").image;
        (image.engine.unwrap_or_default(), image.engine_version, image.cuda)
    }

    fn told_as(
        engine: &str,
        version: &str,
        cuda: &str,
    ) -> (String, Option<String>, Option<String>) {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        (engine.to_owned(), some(version), some(cuda))
    }

    #[test]
    fn public_names_say_what_they_hold() {
        for (address, known) in [
            ("vllm/vllm-openai:v0.27.1", told_as("vllm", "0.27.1", "13.0")),
            ("docker.io/vllm/vllm-openai:v0.19.0@sha256:00", told_as("vllm", "0.19.0", "12.9")),
            ("vllm/vllm-openai:latest", told_as("vllm", "", "")),
            ("lmsysorg/sglang:v0.5.10.post1-cu126", told_as("sglang", "0.5.10.post1", "12.6")),
            ("lmsysorg/sglang:v0.5.17", told_as("sglang", "0.5.17", "")),
            ("nvcr.io/nvidia/tritonserver:25.09-py3", told_as("", "", "13.0")),
            (
                "nvcr.io/nvidia/tritonserver:26.07-vllm-python-py3",
                told_as("vllm", "0.24.0", "13.3"),
            ),
            ("nvcr.io/nvidia/tensorrt-llm/release:1.1.0", told_as("tensorrt-llm", "1.1.0", "")),
            (
                "763104351884.dkr.ecr.us-west-2.amazonaws.com/vllm:0.27-gpu-py312",
                told_as("vllm", "0.27.1", "13.0"),
            ),
            (
                "763104351884.dkr.ecr.us-west-2.amazonaws.com/pytorch-inference:2.6.0-gpu-py312-cu124-ubuntu22.04-sagemaker",
                told_as("", "", "12.4"),
            ),
            (
                "public.ecr.aws/deep-learning-containers/vllm:0.19.1-gpu-py312-cu129-ubuntu22.04-sagemaker",
                told_as("vllm", "0.19.1", "12.9"),
            ),
        ] {
            assert_eq!(told(address), known, "{address}");
        }
    }

    #[test]
    fn other_addresses_say_nothing() {
        for address in [
            "",
            ":",
            "@",
            "vllm/vllm-openai",
            "me/vllm-openai:v0.27.1",
            "123456789012.dkr.ecr.us-west-2.amazonaws.com/vllm:0.27-gpu-py312",
            "registry.example.com:5000/vllm/vllm-openai:v0.27.1",
            &format!("vllm/vllm-openai:{}", "v".repeat(4000)),
        ] {
            assert_eq!(at(address), None, "{address}");
        }
    }

    #[test]
    fn flavours_of_triton_say_their_backends() {
        let has = |tag: &str, backend: &str| {
            let given = at(&format!("nvcr.io/nvidia/tritonserver:{tag}")).expect("a known name");
            given.backends.expect("a Triton").iter().any(|known| known == backend)
        };
        assert!(has("25.09-py3", "fil") && !has("25.09-py3", "vllm"));
        assert!(has("25.09-vllm-python-py3", "vllm") && !has("25.09-vllm-python-py3", "fil"));
        assert!(has("27.01-trtllm-python-py3", "tensorrtllm"), "a release that is not listed yet");
        assert!(!has("25.09-py3-sdk", "python"));
        assert!(has("24.09-py3", "tensorflow") && !has("25.09-py3", "tensorflow"));
        let cpu =
            at("763104351884.dkr.ecr.us-west-2.amazonaws.com/pytorch-inference:2.6.0-cpu-py312");
        assert_eq!(cpu.expect("a known name").image.accelerator, AcceleratorKind::Cpu);
    }
}
