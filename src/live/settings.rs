//! The settings of sources, as other tools find them too: in variables of the environment and below the home folder.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Result;
use mcc_catalogs::Catalogs;
use mcc_live::{AwsSettings, Hub, Network, Settings, Token};

use crate::surroundings;

/// What sources are told, where `catalogs` are what is known already and calls may name one of `profiles`.
///
/// # Errors
/// The address of the hub is none.
pub(crate) fn settings(catalogs: Arc<Catalogs>, profiles: &[String]) -> Result<Settings> {
    let home = surroundings::home();
    let seen = Seen { variable: surroundings::variable, home: home.as_deref() };
    Ok(Settings {
        network: seen.network(),
        cache: seen.cache(),
        catalogs,
        hub: seen.hub()?,
        aws: AwsSettings {
            variables: surroundings::variables()
                .filter_map(|(name, value)| {
                    Some((name.into_string().ok()?, value.into_string().ok()?))
                })
                .filter(|(name, _)| AwsSettings::reads(name))
                .collect(),
            profiles: profiles.iter().cloned().collect(),
            instance_metadata: seen.says("AWS_EC2_METADATA_DISABLED", "false")
                || (surroundings::is_on_ec2() && !seen.says("AWS_EC2_METADATA_DISABLED", "true")),
        },
    })
}

/// The folder for what was looked up; none where nobody knows a place for it.
pub(crate) fn cache() -> Option<PathBuf> {
    let home = surroundings::home();
    Seen { variable: surroundings::variable, home: home.as_deref() }.cache()
}

/// Where the user's caches are on each system.
enum System {
    Linux,
    Mac,
    Windows,
}

const SYSTEM: System = if cfg!(windows) {
    System::Windows
} else if cfg!(target_os = "macos") {
    System::Mac
} else {
    System::Linux
};

/// What is seen of the surroundings.
struct Seen<'a, F> {
    variable: F,
    home: Option<&'a Path>,
}

impl<F: Fn(&str) -> Option<OsString>> Seen<'_, F> {
    /// The first of these variables that has a value.
    fn first(&self, names: &[&str]) -> Option<OsString> {
        names.iter().find_map(|name| (self.variable)(name).filter(|value| !value.is_empty()))
    }

    fn text(&self, names: &[&str]) -> Option<String> {
        self.first(names)?.into_string().ok()
    }

    fn path(&self, names: &[&str]) -> Option<PathBuf> {
        self.first(names).map(PathBuf::from)
    }

    /// As curl reads it: the lower case first, and `http_proxy` in that alone. `HTTP_PROXY` is what a web server makes of a
    /// request's header `Proxy`, and would let whoever calls choose.
    fn network(&self) -> Network {
        Network {
            https_proxy: self.text(&["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]),
            http_proxy: self.text(&["http_proxy", "all_proxy", "ALL_PROXY"]),
            no_proxy: self.text(&["no_proxy", "NO_PROXY"]),
            authorities: self.path(&["AWS_CA_BUNDLE", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"]),
        }
    }

    /// Whether a variable says `word`.
    fn says(&self, name: &str, word: &str) -> bool {
        self.text(&[name]).is_some_and(|value| value.trim().eq_ignore_ascii_case(word))
    }

    fn is_on(&self, name: &str) -> bool {
        ["1", "on", "yes", "true"].iter().any(|word| self.says(name, word))
    }

    /// As the hub's own tools read it.
    fn hub(&self) -> Result<Hub> {
        let endpoint = self.text(&["HF_ENDPOINT"]);
        let hub = Hub::at(endpoint.as_deref().unwrap_or(Hub::ENDPOINT))?;
        let token = if self.is_on("HF_HUB_DISABLE_IMPLICIT_TOKEN") {
            None
        } else {
            let given = self.text(&["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"]);
            given.as_deref().and_then(Token::new).or_else(|| Token::of_files(self.token_file()))
        };
        Ok(hub.with_token(token).send_token_to_endpoint(self.is_on("MCC_SEND_HF_TOKEN")))
    }

    /// Where the hub's own tools keep the token of who has logged in.
    fn token_file(&self) -> Option<PathBuf> {
        if let Some(file) = self.path(&["HF_TOKEN_PATH"]) {
            return Some(file);
        }
        let folder = self.path(&["HF_HOME"]).or_else(|| {
            let caches = self.path(&["XDG_CACHE_HOME"]);
            let caches = caches.or_else(|| self.home.map(|home| home.join(".cache")));
            caches.map(|caches| caches.join("huggingface"))
        });
        folder.map(|folder| folder.join("token"))
    }

    /// The folder for what was looked up; none where nobody knows a place for it, and it is kept in memory alone.
    fn cache(&self) -> Option<PathBuf> {
        self.cache_on(&SYSTEM)
    }

    fn cache_on(&self, system: &System) -> Option<PathBuf> {
        if let Some(chosen) = self.path(&["MCC_CACHE_DIR"]) {
            return Some(chosen);
        }
        let home = |below: &[&str]| {
            self.home.map(|home| below.iter().fold(home.to_owned(), |path, name| path.join(name)))
        };
        let folder = match system {
            // What is relative has to be ignored, says its specification.
            System::Linux => self
                .path(&["XDG_CACHE_HOME"])
                .filter(|path| path.is_absolute())
                .or_else(|| home(&[".cache"])),
            System::Mac => home(&["Library", "Caches"]),
            System::Windows => self.path(&["LOCALAPPDATA"]).or_else(|| home(&["AppData", "Local"])),
        };
        folder.map(|folder| folder.join("mcc"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen<'a>(
        variables: &'a [(&'a str, &'a str)],
    ) -> Seen<'a, impl Fn(&str) -> Option<OsString>> {
        let variable = |name: &str| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into())
        };
        Seen { variable, home: Some(Path::new("/home/a")) }
    }

    #[test]
    fn proxies_are_read_as_curl_does() {
        let both = seen(&[
            ("https_proxy", "http://lower"),
            ("HTTPS_PROXY", "http://upper"),
            ("HTTP_PROXY", "http://header"),
            ("NO_PROXY", "localhost"),
        ])
        .network();
        assert_eq!(both.https_proxy.as_deref(), Some("http://lower"));
        assert_eq!(both.http_proxy, None, "a web server may have made it of a header");
        assert_eq!(both.no_proxy.as_deref(), Some("localhost"));
        let all = seen(&[("ALL_PROXY", "http://all"), ("http_proxy", "http://plain")]).network();
        assert_eq!(all.https_proxy.as_deref(), Some("http://all"));
        assert_eq!(all.http_proxy.as_deref(), Some("http://plain"));
        let empty = seen(&[("https_proxy", ""), ("HTTPS_PROXY", "http://upper")]).network();
        assert_eq!(empty.https_proxy.as_deref(), Some("http://upper"));
    }

    #[test]
    fn authorities_are_those_of_the_nearest_tool() {
        let file = |variables: &[(&str, &str)]| seen(variables).network().authorities;
        assert_eq!(file(&[]), None);
        let all = [("REQUESTS_CA_BUNDLE", "/r"), ("SSL_CERT_FILE", "/s"), ("AWS_CA_BUNDLE", "/a")];
        assert_eq!(file(&all), Some("/a".into()));
        assert_eq!(file(&all[..2]), Some("/s".into()));
        assert_eq!(file(&all[..1]), Some("/r".into()));
    }

    #[test]
    fn the_token_is_where_the_tools_of_the_hub_keep_it() {
        let file = |variables: &[(&str, &str)]| seen(variables).token_file().unwrap();
        assert_eq!(file(&[]), Path::new("/home/a/.cache/huggingface/token"));
        assert_eq!(file(&[("XDG_CACHE_HOME", "/c")]), Path::new("/c/huggingface/token"));
        let all = [("XDG_CACHE_HOME", "/c"), ("HF_HOME", "/h"), ("HF_TOKEN_PATH", "/t")];
        assert_eq!(file(&all[..2]), Path::new("/h/token"));
        assert_eq!(file(&all), Path::new("/t"));
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("token").display().to_string();
        std::fs::write(&path, "hf_kept\n").unwrap();
        let hub = |variables: &[(&str, &str)]| {
            let all = [&[("HF_TOKEN_PATH", path.as_str())], variables].concat();
            seen(&all).hub().unwrap()
        };
        let with = |token: Option<&str>| {
            Hub::at(Hub::ENDPOINT).unwrap().with_token(token.and_then(Token::new))
        };
        assert_eq!(hub(&[]), with(Some("hf_kept")));
        assert_eq!(hub(&[("HF_TOKEN", "hf_given")]), with(Some("hf_given")));
        assert_eq!(
            hub(&[("HF_TOKEN", "hf_given"), ("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1")]),
            with(None)
        );
        let mirror = Hub::at("https://mirror.example").unwrap().with_token(Token::new("hf_kept"));
        assert_eq!(hub(&[("HF_ENDPOINT", "https://mirror.example")]), mirror);
        let told = [("HF_ENDPOINT", "https://mirror.example"), ("MCC_SEND_HF_TOKEN", "1")];
        assert_eq!(hub(&told), mirror.send_token_to_endpoint(true));
        assert!(seen(&[("HF_ENDPOINT", "nowhere")]).hub().is_err());
    }

    #[test]
    fn the_cache_is_where_each_system_has_them() {
        let on = |system: &System, variables: &[(&str, &str)]| seen(variables).cache_on(system);
        let path = |text: &str| Some(PathBuf::from(text));
        assert_eq!(on(&System::Linux, &[]), path("/home/a/.cache/mcc"));
        assert_eq!(on(&System::Linux, &[("XDG_CACHE_HOME", "/c")]), path("/c/mcc"));
        assert_eq!(on(&System::Linux, &[("XDG_CACHE_HOME", "c")]), path("/home/a/.cache/mcc"));
        assert_eq!(
            on(&System::Mac, &[("XDG_CACHE_HOME", "/c")]),
            path("/home/a/Library/Caches/mcc")
        );
        assert_eq!(on(&System::Windows, &[("LOCALAPPDATA", "/l")]), path("/l/mcc"));
        for system in [System::Linux, System::Mac, System::Windows] {
            assert_eq!(on(&system, &[("MCC_CACHE_DIR", "/own")]), path("/own"));
        }
        let nobody = Seen { home: None, ..seen(&[]) };
        assert_eq!(nobody.cache_on(&System::Linux), None);
    }
}
