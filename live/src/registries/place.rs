//! Where an image is: the registry that has it, how it is reached, and what it is called there.

use std::net::Ipv4Addr;

use mcc_catalogs::ImageUri;
use url::{Host, Url};

/// A registry that is known by name.
struct Known {
    /// As image names have it.
    host: &'static str,
    /// In the words of an answer.
    words: &'static str,
    /// The host that is asked.
    endpoint: &'static str,
    /// Who gives out tokens for it, so that nobody need ask it first.
    realm: &'static str,
    /// What the token is for, in its own words.
    service: Option<&'static str>,
}

/// Registries whose first answer is known: that one needs a token, and from where.
const KNOWN: [Known; 5] = [
    Known {
        host: DOCKER_HUB,
        words: "Docker Hub",
        endpoint: "registry-1.docker.io",
        realm: "https://auth.docker.io/token",
        service: Some("registry.docker.io"),
    },
    Known {
        host: "public.ecr.aws",
        words: "Amazon ECR Public",
        endpoint: "public.ecr.aws",
        realm: "https://public.ecr.aws/token/",
        service: Some("public.ecr.aws"),
    },
    Known {
        host: "nvcr.io",
        words: "nvcr.io",
        endpoint: "nvcr.io",
        realm: "https://nvcr.io/proxy_auth",
        service: None,
    },
    Known {
        host: "ghcr.io",
        words: "ghcr.io",
        endpoint: "ghcr.io",
        realm: "https://ghcr.io/token",
        service: Some("ghcr.io"),
    },
    Known {
        host: "quay.io",
        words: "quay.io",
        endpoint: "quay.io",
        realm: "https://quay.io/v2/auth",
        service: Some("quay.io"),
    },
];

/// Where a name without a host is.
const DOCKER_HUB: &str = "docker.io";
/// Other names of it.
const OF_DOCKER_HUB: [&str; 3] =
    ["index.docker.io", "registry-1.docker.io", "registry.hub.docker.com"];

/// Who gives out tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Realm {
    /// Where.
    pub(super) url: Url,
    /// What they are for, in the registry's own words.
    pub(super) service: Option<String>,
}

/// A repository of a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// The registry, as image names have it.
    pub(super) host: String,
    /// The registry in the words of an answer.
    pub(super) words: String,
    /// Where it is asked.
    base: Url,
    /// The repository, by its full name.
    pub(super) repository: String,
    /// Who gives out tokens for it, where that is known beforehand.
    pub(super) realm: Option<Realm>,
    /// It is on this machine, and asked in plain HTTP, as docker does.
    pub(super) local: bool,
}

impl Place {
    /// The repository of `image`. None for the private registries of ECR, whose API says more, and for addresses that no
    /// registry is at: those of a cloud's own metadata, for one.
    pub(super) fn of(image: &ImageUri) -> Option<Self> {
        if image.ecr().is_some() {
            return None;
        }
        Self::new(image.host().unwrap_or(DOCKER_HUB), image.repository())
    }

    /// A repository of the registry at `host`.
    pub(super) fn new(host: &str, repository: &str) -> Option<Self> {
        let host = host.to_ascii_lowercase();
        let host = if OF_DOCKER_HUB.contains(&host.as_str()) { DOCKER_HUB.into() } else { host };
        let known = KNOWN.iter().find(|known| known.host == host);
        let endpoint = known.map_or(host.as_str(), |known| known.endpoint);
        let local = is_loopback(endpoint.split(':').next().unwrap_or_default());
        let scheme = if local { "http" } else { "https" };
        let base: Url = format!("{scheme}://{endpoint}/").parse().ok()?;
        if !local && !may_be_asked(&base) {
            return None;
        }
        // What has one part on Docker Hub is Docker's own.
        let own = host == DOCKER_HUB && !repository.contains('/');
        let repository = if own { format!("library/{repository}") } else { repository.to_owned() };
        let realm = known.and_then(|known| {
            let service = known.service.map(str::to_owned);
            Some(Realm { url: known.realm.parse().ok()?, service })
        });
        let words = known.map_or_else(|| host.clone(), |known| known.words.to_owned());
        Some(Self { host, words, base, repository, realm, local })
    }

    /// The address of something in the repository: `manifests/latest`.
    pub(super) fn url(&self, what: &str) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("/v2/{}/{what}", self.repository));
        url
    }

    /// Whether `url` is the registry's own.
    pub(super) fn has(&self, url: &Url) -> bool {
        url.origin() == self.base.origin()
    }

    /// Whether the registry may send those who ask to `url`: never to another protocol, nor from the network to this
    /// machine.
    pub(super) fn may_send_to(&self, url: &Url) -> bool {
        let plain = url.username().is_empty() && url.password().is_none();
        let there = match url.scheme() {
            "https" => may_be_asked(url),
            "http" => self.local && url.host_str().is_some_and(is_loopback),
            _ => false,
        };
        plain && there
    }

    /// Whether tokens for it may be asked for at `url`, which it names itself: its own host, and what is beside or below
    /// it. `gitlab.com` gives out those of `registry.gitlab.com`.
    pub(super) fn may_ask_for_tokens(&self, url: &Url) -> bool {
        if !self.may_send_to(url) {
            return false;
        }
        let known = self.realm.as_ref().is_some_and(|realm| realm.url.origin() == url.origin());
        // Of this machine's own registry, another port of it is as good.
        let beside = self.local && url.host_str().is_some_and(is_loopback);
        if known || self.has(url) || beside {
            return true;
        }
        let (Some(Host::Domain(own)), Some(Host::Domain(other))) = (self.base.host(), url.host())
        else {
            return false;
        };
        let parent = own.split_once('.').map(|(_, parent)| parent);
        let parent = parent.filter(|parent| parent.contains('.')).unwrap_or(own);
        let below = |of: &str| other.strip_suffix(of).is_some_and(|head| head.ends_with('.'));
        other == parent || below(parent) || below(own)
    }
}

/// Whether a host is this machine, as image names have it.
fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<Ipv4Addr>().is_ok_and(|ip| ip.is_loopback())
}

/// Whether an address of the network may be asked: not this machine under another name, and none that is good on one
/// wire only, where clouds have their metadata.
fn may_be_asked(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.');
            name != "localhost" && !name.ends_with(".localhost")
        }
        Some(Host::Ipv4(ip)) => {
            !(ip.is_loopback() || ip.is_link_local() || ip.is_unspecified() || ip.is_broadcast())
        }
        Some(Host::Ipv6(ip)) => {
            let inner = ip.to_ipv4_mapped().is_some();
            !(ip.is_loopback() || ip.is_unspecified() || ip.is_unicast_link_local() || inner)
        }
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(image: &str) -> Option<Place> {
        Place::of(&image.parse().unwrap())
    }

    #[test]
    fn names_lead_to_their_registries() {
        for (image, words, url) in [
            ("python:3.12", "Docker Hub", "https://registry-1.docker.io/v2/library/python/x"),
            (
                "vllm/vllm-openai",
                "Docker Hub",
                "https://registry-1.docker.io/v2/vllm/vllm-openai/x",
            ),
            ("docker.io/a/b:1", "Docker Hub", "https://registry-1.docker.io/v2/a/b/x"),
            ("index.docker.io/a:1", "Docker Hub", "https://registry-1.docker.io/v2/library/a/x"),
            ("public.ecr.aws/a/b/c", "Amazon ECR Public", "https://public.ecr.aws/v2/a/b/c/x"),
            (
                "nvcr.io/nvidia/tritonserver:1",
                "nvcr.io",
                "https://nvcr.io/v2/nvidia/tritonserver/x",
            ),
            ("R.example.com:5000/a", "r.example.com:5000", "https://r.example.com:5000/v2/a/x"),
            ("localhost:5000/a", "localhost:5000", "http://localhost:5000/v2/a/x"),
            ("127.0.0.1:5000/a", "127.0.0.1:5000", "http://127.0.0.1:5000/v2/a/x"),
            ("10.0.0.1:5000/a", "10.0.0.1:5000", "https://10.0.0.1:5000/v2/a/x"),
        ] {
            let found = place(image).expect(image);
            assert_eq!((found.words.as_str(), found.url("x").as_str()), (words, url), "{image}");
        }
        for image in [
            "123456789012.dkr.ecr.us-east-1.amazonaws.com/a:1",
            "169.254.169.254/latest:1",
            "0x7f.1/a:1",
            "a.localhost/b:1",
            "0.0.0.0:80/a",
        ] {
            assert_eq!(place(image), None, "{image}");
        }
    }

    #[test]
    fn tokens_are_asked_for_at_home() {
        let may = |image: &str, url: &str| {
            place(image).expect(image).may_ask_for_tokens(&url.parse().unwrap())
        };
        for (image, url) in [
            ("a/b", "https://auth.docker.io/token"),
            ("registry.gitlab.com/a/b", "https://gitlab.com/jwt/auth"),
            ("registry.example.com/a", "https://auth.example.com/token"),
            ("quay.io/a/b", "https://quay.io/v2/auth"),
            ("localhost:5000/a", "http://127.0.0.1:5001/token"),
        ] {
            assert!(may(image, url), "{image} {url}");
        }
        for (image, url) in [
            ("a/b", "https://auth.docker.io.evil.example/token"),
            ("a/b", "http://auth.docker.io/token"),
            ("a/b", "https://user:pw@auth.docker.io/token"),
            ("quay.io/a/b", "https://evil.io/token"),
            ("evil.example.com/a", "https://169.254.169.254/token"),
            ("evil.example.com/a", "https://localhost/token"),
            ("evil.example.com/a", "https://[::1]/token"),
            ("evil.example.com/a", "https://other.example.org/token"),
            ("evil.example.com/a", "file:///etc/passwd"),
            ("localhost:5000/a", "https://evil.example.com/token"),
            ("10.0.0.1/a", "https://10.0.0.2/token"),
        ] {
            assert!(!may(image, url), "{image} {url}");
        }
    }
}
