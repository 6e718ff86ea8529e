//! Which version of its framework serves a packed model.

use super::Context;
use crate::artifact::Artifact;
use crate::finding::Finding;
use crate::fix::{Fix, Fixes};
use crate::framework::Pins;
use crate::manifest::{Framework, ModelFormat};
use crate::release::version_key;
use crate::spec::Origin;

impl Context<'_> {
    /// The version of the framework: asked for, or that of the training, or a guess.
    pub(super) fn version(
        &mut self,
        framework: &Framework,
        format: Option<&ModelFormat>,
        artifact: Option<&Artifact>,
        pins: &Pins,
    ) -> String {
        let pinned = pins.exact.iter().find(|p| framework.is_called(&p.name)).map(|p| &p.version);
        let trained = artifact.and_then(|a| trained(framework, a));
        let until = artifact.zip(format).and_then(|(a, f)| f.until.get(&a.content));
        let of_file = trained.as_ref().map(|version| match framework.newest_of(version) {
            Some(known) => known.to_owned(),
            // A line without any known release: the oldest that is known reads it best.
            None if version.matches('.').count() < 2 => framework
                .nearest_release(version)
                .and_then(|r| r.versions.first().cloned())
                .unwrap_or_else(|| version.clone()),
            None => version.clone(),
        });
        // Of a line that the file names, the training's own version is pinned.
        let of_line = pinned.filter(|pin| {
            trained.as_ref().is_some_and(|line| pin.starts_with(&format!("{line}.")))
        });
        let chosen = [
            (Origin::Given, self.inputs.framework_version.clone()),
            (Origin::Requirements, of_line.cloned()),
            (Origin::File, of_file),
            (Origin::Requirements, pinned.cloned()),
        ];
        let chosen = chosen.into_iter().find_map(|(origin, version)| Some((origin, version?)));
        self.origins.framework = match &chosen {
            Some((origin, _)) => *origin,
            None if artifact.is_some() => Origin::Guess,
            None => Origin::Usual,
        };
        let chosen = chosen.map(|(_, version)| version);
        let version = chosen.unwrap_or_else(|| {
            self.nothing_pinned(framework);
            let guess = until.and_then(|end| framework.newest_before(end));
            let guess = guess.unwrap_or(&framework.default_version).to_owned();
            self.guessed(framework, artifact, &guess);
            guess
        });
        self.facts.least_image = framework.least_image(&version).map(str::to_owned);
        self.check_version(framework, &version, trained.as_ref(), pinned);
        self.too_old(framework, &version);
        if let Some(end) = until
            && version_key(&version) >= version_key(end)
        {
            let package = &framework.package;
            let content = artifact.map(|a| a.content.title()).unwrap_or_default();
            let older = framework.newest_before(end).unwrap_or_default();
            let finding = Finding::error(
                "MCC-FMT-002",
                format!(
                    "this is {content}, which {package} {end} and later cannot read, and the image has {version}"
                ),
                Fix::set("frameworkVersion", older).or(Fix::say(format!(
                    "load it with {package} {older} and save it again as .ubj or .json"
                ))),
            );
            self.findings.push(self.merged.about("modelPath", finding));
        }
        version
    }

    /// Says that a version is only a guess, where one decides anything.
    fn guessed(&mut self, framework: &Framework, artifact: Option<&Artifact>, guess: &str) {
        let decides = !self.layers.iter().any(|l| l.manifest.without("frameworkVersion").is_some());
        let failed = self.findings.iter().any(Finding::is_error);
        if artifact.is_none() || !decides || failed {
            return;
        }
        let package = &framework.package;
        let finding = Finding::warning(
            "MCC-FW-004",
            format!("the model file does not say which {package} wrote it: {guess} is a guess"),
            "give frameworkVersion, or requirementsFile with the pins of the training",
        );
        self.findings.push(self.merged.about("modelPath", finding));
    }

    /// A requirements file was named so that the version is taken from it, and it has none.
    fn nothing_pinned(&mut self, framework: &Framework) {
        let named = self.inputs.requirements_file.is_some();
        let unreadable =
            |f: &Finding| f.field.as_deref() == Some("requirementsFile") && f.is_error();
        if named && !self.findings.iter().any(unreadable) {
            let package = &framework.package;
            let finding = Finding::error(
                "MCC-INP-004",
                format!("it names no exact version of {package}"),
                format!(
                    "write {package}==VERSION in it, as pip freeze does, or give frameworkVersion"
                ),
            );
            self.findings.push(self.merged.about("requirementsFile", finding));
        }
    }

    fn check_version(
        &mut self,
        framework: &Framework,
        version: &str,
        trained: Option<&String>,
        pinned: Option<&String>,
    ) {
        let others = [("the model file", trained), ("the requirements file", pinned)];
        for (place, other) in others.into_iter().filter_map(|(p, o)| o.map(|o| (p, o))) {
            let same = other == version || version.starts_with(&format!("{other}."));
            // Nobody asked for another one than the nearest to what the file says.
            let nearest = place == "the model file"
                && self.inputs.framework_version.is_none()
                && other.matches('.').count() < 2;
            if !same && !nearest {
                let message = format!("{place} says {} {other}, not {version}", framework.package);
                let package = &framework.package;
                // The other place says it too, and would be next to disagree.
                let fix: Fixes = match (place, trained, pinned) {
                    ("the requirements file", Some(trained), _) if trained == version => {
                        format!(
                            "write {package}=={version} in it, which the model was trained with"
                        )
                        .into()
                    }
                    ("the model file", _, Some(pin)) if pin == version => {
                        format!(
                            "give frameworkVersion {other}, and write {package}=={other} in the requirements file"
                        )
                        .into()
                    }
                    _ => Fix::set("frameworkVersion", other.as_str())
                        .or(Fix::say(format!("train with {version}"))),
                };
                let finding = if framework.strict {
                    Finding::error("MCC-FW-001", message, fix)
                } else {
                    Finding::warning("MCC-FW-001", message, fix)
                };
                self.findings.push(self.merged.about("frameworkVersion", finding));
            }
        }
        if framework.release(version).is_none() {
            let known = framework.known_versions();
            let package = &framework.package;
            let (message, fix) = match &framework.reader {
                Some(reader) => (
                    format!(
                        "whether the image reads files of {package} {version} is not known: {reader}"
                    ),
                    format!(
                        "build the image to see; a file that {package} {} wrote is read",
                        framework.default_version
                    ),
                ),
                None => (
                    format!(
                        "{package} {version} is not among the versions that are known to install; its \
                         companions are taken from the nearest release"
                    ),
                    "build the image to see, or use a version that is known".to_owned(),
                ),
            };
            let finding = Finding::warning("MCC-FW-003", message, fix)
                .choices(mcc_catalogs::nearest(version, known.iter().copied(), 4));
            let key = if framework.reader.is_some() { "modelPath" } else { "frameworkVersion" };
            self.findings.push(self.merged.about(key, finding));
        }
    }

    /// Of what came before the oldest release that is known there are no packages for any Python here.
    fn too_old(&mut self, framework: &Framework, version: &str) {
        let known = framework.known_versions();
        let Some(oldest) = known.last().filter(|_| framework.strict) else { return };
        if version_key(version) >= version_key(oldest) {
            return;
        }
        let package = &framework.package;
        let finding = Finding::error(
            "MCC-FW-002",
            format!(
                "{package} {version} has no packages for the Pythons that images are made with"
            ),
            self.of_a_sample(oldest)
                .or(format!("train the model with {package} {oldest} or later")),
        );
        self.findings.push(self.merged.about("frameworkVersion", finding));
    }

    /// Another version, where no model of the user's own was trained with the one that was asked for.
    fn of_a_sample(&self, version: &str) -> Fixes {
        if self.inputs.model_path.is_some() || self.inputs.requirements_file.is_some() {
            return Fixes::default();
        }
        let version = Fix::set("frameworkVersion", version);
        Fixes::from(Fix::unset("frameworkVersion")).or(version)
    }
}

/// The version of the framework that a model file names: exact, or its line (`2.15`).
fn trained(framework: &Framework, artifact: &Artifact) -> Option<String> {
    let own = artifact.versions.iter().find(|(package, _)| framework.is_called(package));
    if let Some((_, version)) = own {
        return Some(version.clone());
    }
    framework.lines.iter().find_map(|(package, major)| {
        let mut parts = artifact.versions.get(package)?.split('.');
        let (first, second) = (parts.next()?, parts.next()?);
        (first == major).then(|| format!("{first}.{second}"))
    })
}
