//! Which Python packages serve a packed model: the framework's release, its companions, the backend's
//! own, and what the training environment pins.

use crate::manifest::{Framework, Manifest, Package, Release};
use crate::release::version_key;

/// A pinned package of the image.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[cfg_attr(test, derive(serde::Deserialize))]
pub struct Requirement {
    /// Its name.
    pub name: String,
    /// Its exact version.
    pub version: String,
}

/// `name` as the package index compares names.
pub(crate) fn canonical(name: &str) -> String {
    name.to_ascii_lowercase().replace(['_', '.'], "-")
}

/// What a requirements file says.
#[derive(Debug, Default)]
pub(crate) struct Pins {
    /// Its exact versions.
    pub(crate) exact: Vec<Requirement>,
    /// Its other lines, shortened.
    pub(crate) others: Vec<String>,
}

/// Reads a requirements file; only `name==version` says an exact version.
pub(crate) fn pins(text: &str) -> Pins {
    let mut pins = Pins::default();
    // A backslash joins a line with the next one; pip-compile writes hashes in this way.
    let text = text.trim_start_matches('\u{feff}').replace("\\\r\n", " ").replace("\\\n", " ");
    for line in text.lines() {
        let bare = line.split(" #").next().unwrap_or_default().trim();
        if bare.is_empty() || bare.starts_with('#') {
            continue;
        }
        match pin(bare) {
            Some(pin) => {
                pins.exact.retain(|p| canonical(&p.name) != canonical(&pin.name));
                pins.exact.push(pin);
            }
            None => pins.others.push(mcc_catalogs::echo(bare)),
        }
    }
    pins
}

/// `name==version`, with extras, hashes and a condition that hold for what is installed.
fn pin(line: &str) -> Option<Requirement> {
    let (line, condition) = line.split_once(';').unwrap_or((line, ""));
    let line = line.split(" --hash").next().unwrap_or_default();
    let (name, version) = line.split_once("==")?;
    let name = name.split('[').next().unwrap_or_default().trim();
    let version = version.trim_start_matches('=').trim();
    let plain = |text: &str, extra: &str| {
        !text.is_empty()
            && text.len() <= 100
            && text.starts_with(|c: char| c.is_ascii_alphanumeric())
            && text.chars().all(|c| c.is_ascii_alphanumeric() || extra.contains(c))
    };
    // Another system than the image's.
    let foreign = ["win32", "Windows", "darwin", "Darwin"].iter().any(|name| {
        condition.contains(&format!("== '{name}'")) || condition.contains(&format!("== \"{name}\""))
    });
    (!foreign && plain(name, "._-") && plain(version, ".+!_-"))
        .then(|| Requirement { name: name.to_owned(), version: version.to_owned() })
}

impl Framework {
    /// Whether `name` means this framework in a requirements file.
    pub fn is_called(&self, name: &str) -> bool {
        let name = canonical(name);
        canonical(&self.package) == name || self.aliases.contains(&name)
    }

    /// The oldest release of the image that reads what `version` writes, where not all of them do.
    pub(crate) fn least_image(&self, version: &str) -> Option<&str> {
        let written = version_key(version);
        let known = self.images.iter().filter(|(from, _)| version_key(from) <= written);
        known.map(|(_, image)| image.as_str()).max_by_key(|image| version_key(image))
    }

    /// The release that covers `version`, if the table has it.
    pub fn release(&self, version: &str) -> Option<&Release> {
        self.releases.iter().find(|r| r.versions.iter().any(|v| v == version))
    }

    /// The release that covers `version`, or the one nearest to it.
    pub fn nearest_release(&self, version: &str) -> Option<&Release> {
        let newest = |r: &Release| r.versions.first().map(|v| version_key(v)).unwrap_or_default();
        self.release(version)
            .or_else(|| self.releases.iter().find(|r| newest(r) <= version_key(version)))
            .or_else(|| self.releases.last())
    }

    /// The newest known version of a line such as `2.15`.
    pub(crate) fn newest_of(&self, line: &str) -> Option<&str> {
        let begin = format!("{line}.");
        self.known_versions().into_iter().find(|version| version.starts_with(&begin))
    }

    /// The newest known version that comes before another.
    pub(crate) fn newest_before(&self, version: &str) -> Option<&str> {
        let end = version_key(version);
        self.known_versions().into_iter().find(|known| version_key(known) < end)
    }

    /// All versions in the table, newest first.
    pub fn known_versions(&self) -> Vec<&str> {
        self.releases.iter().flat_map(|r| &r.versions).map(String::as_str).collect()
    }

    /// The complete requirements for this framework at `version` on an image of `arch` with `python`.
    pub fn requirements(
        &self,
        version: &str,
        python: &str,
        arch: &str,
        backend: &Manifest,
        pins: &[Requirement],
    ) -> Vec<Requirement> {
        let mut all: Vec<Requirement> = Vec::new();
        let runs_on = |p: &Package| p.python.is_empty() || p.python.iter().any(|v| v == python);
        let mut own: Vec<String> = self.aliases.clone();
        if let Some(release) = self.nearest_release(version) {
            own.extend(release.install.iter().map(|p| canonical(&p.name)));
            let fits = |p: &&Package| p.arch.as_deref().is_none_or(|a| a == arch) && runs_on(p);
            for package in release.install.iter().filter(fits) {
                let version = package.version.as_deref().unwrap_or(version);
                all.push(Requirement { name: package.name.clone(), version: version.to_owned() });
            }
            all.extend(release.companions.iter().filter(fits).filter_map(pinned));
        }
        all.extend(backend.packages.iter().filter(|p| runs_on(p)).filter_map(pinned));
        for pin in pins {
            let name = canonical(&pin.name);
            if own.contains(&name) {
                // The framework itself is already there, at the version that the pin was read for.
                continue;
            }
            match all.iter_mut().find(|r| canonical(&r.name) == name) {
                Some(existing) => existing.version.clone_from(&pin.version),
                None => all.push(pin.clone()),
            }
        }
        all
    }
}

fn pinned(package: &Package) -> Option<Requirement> {
    let version = package.version.clone()?;
    Some(Requirement { name: package.name.clone(), version })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pins_are_read_and_the_rest_is_listed() {
        let text = "# c\nnumpy==2.3.5 # why\nscikit_learn[x]==1.5.2; python_version>'3'\npandas>=2\n-r other\nbad==1 2\nevil==$(id)\n\
            git+https://host/x.git#egg=x\ntorch==2.1.0 \\\n    --hash=sha256:ab\npywin32==1; sys_platform == 'win32'\n-e .\n";
        let pins = pins(text);
        let names: Vec<_> =
            pins.exact.iter().map(|p| format!("{}={}", p.name, p.version)).collect();
        assert_eq!(names, ["numpy=2.3.5", "scikit_learn=1.5.2", "torch=2.1.0"]);
        let others = [
            "pandas>=2",
            "-r other",
            "bad==1 2",
            "evil==$(id)",
            "git+https://host/x.git#egg=x",
            "pywin32==1; sys_platform == 'win32'",
            "-e .",
        ];
        assert_eq!(pins.others, others);
    }

    #[test]
    fn versions_sort_by_number() {
        assert!(version_key("1.10.0") > version_key("1.9.1"));
    }
}
