//! A model that is packed into the image: its file, its framework and the packages that serve it.


use super::Context;
use super::model::empty;
use crate::artifact::{self, Artifact, Content};
use crate::finding::Finding;
use crate::framework::{self, Pins, Requirement, version_key};
use crate::manifest::{Framework, ModelFormat};
use crate::spec::{InstanceSpec, Model};

/// Largest model file that is copied into a project, in bytes. Larger ones belong in S3.
pub(crate) const MAX_MODEL: u64 = 512 * 1024 * 1024;
/// Largest requirements file or `config.json`, in bytes.
const MAX_TEXT: u64 = 1024 * 1024;
/// What a folder of a `SavedModel` has.
const SAVED_MODEL: &str = "saved_model.pb";

impl Context<'_> {
    pub(super) fn packed_model(&mut self, instance: &InstanceSpec) -> Model {
        let mut model = empty(self.inputs.project_name.clone().unwrap_or_default(), "packed");
        let Some(framework) = self.manifest(|m| m.framework.clone()) else {
            return model;
        };
        let pins = self.pins();
        let artifact = self.artifact();
        let format = self.format(&framework, artifact.as_ref(), &mut model);
        // What is no model of this framework says nothing about its version.
        let artifact = artifact.filter(|_| format.is_some());
        let version = self.version(&framework, format.as_ref(), artifact.as_ref(), &pins);
        let release = framework.nearest_release(&version);
        let pythons = release.map(|r| r.python.clone()).unwrap_or_default();
        let python = self.inputs.python_version.clone().unwrap_or_else(|| {
            // The middle of what has wheels: old enough for every companion, new enough to be maintained.
            let preferred = ["3.12", "3.11", "3.10"];
            let found = preferred.iter().find(|p| pythons.iter().any(|v| v == *p));
            found.map_or_else(|| pythons.first().cloned().unwrap_or_default(), |p| (*p).to_owned())
        });
        if !pythons.is_empty() && !pythons.contains(&python) {
            let finding = Finding::error(
                "MCC-FW-002",
                format!("{} {version} has no packages for Python {python}", framework.package),
                format!("use Python {}", pythons.join(" or ")),
            )
            .choices(pythons);
            self.findings.push(self.merged.about("pythonVersion", finding));
        }
        if let Some(found) = &artifact {
            self.limits(&framework, found);
        }
        self.tensors(artifact.as_ref(), &mut model);
        self.records(artifact.as_ref(), &mut model);
        let arch = self.arch(instance).container_name();
        let backend = self
            .layers
            .iter()
            .rev()
            .find(|l| !l.manifest.packages.is_empty())
            .map(|l| l.manifest.clone())
            .unwrap_or_default();
        model.requirements = framework.requirements(&version, &python, arch, &backend, &pins.exact);
        if let Some(found) = &artifact {
            self.packages(&framework, found, (&python, arch), &pins, &mut model.requirements);
        }
        model.framework_version = Some(version);
        model.python_version = Some(python);
        model
    }

    /// The format of the model: what its first bytes say, by its name where they fit several.
    fn format(
        &mut self,
        framework: &Framework,
        artifact: Option<&Artifact>,
        model: &mut Model,
    ) -> Option<ModelFormat> {
        let formats = &framework.formats;
        let asked = self.inputs.model_format.clone();
        let names: Vec<String> = formats.iter().map(|f| f.name.clone()).collect();
        let by_name = asked.as_ref().and_then(|name| formats.iter().find(|f| f.name == *name));
        let package = &framework.package;
        let listed = names.join(", ");
        let mut refused = None;
        let mut refuse = |id: &str, key: &'static str, message: String, fix: String| {
            refused = Some((key, Finding::error(id, message, fix).choices(names.clone())));
        };
        let path = self.inputs.model_path.as_deref().map(str::to_ascii_lowercase);
        let found = artifact.map(|a| a.content);
        let takes = |f: &ModelFormat| found.is_some_and(|c| f.content.contains(&c));
        let named = |f: &ModelFormat| {
            let ends = |s: &String| path.as_deref().is_some_and(|p| p.ends_with(s.as_str()));
            f.suffixes.iter().any(ends)
        };
        let format = match (found, by_name) {
            (_, None) if asked.is_some() => {
                let message = format!("{package} does not keep models in this format");
                refuse("MCC-FMT-001", "modelFormat", message, format!("use one of {listed}"));
                None
            }
            (None, Some(format)) => Some(format),
            (None, None) if path.is_some() => None,
            (None, None) => formats.first(),
            (Some(content), by_name) => {
                let fits = |f: &&ModelFormat| takes(f) && named(f);
                let by_content =
                    formats.iter().find(fits).or_else(|| formats.iter().find(|f| takes(f)));
                match (by_content, by_name) {
                    (None, _) => {
                        let wanted = formats.iter().find(|f| named(f)).or(by_name);
                        let (message, fix) = not_a_model(content, wanted, package, &listed);
                        refuse("MCC-FMT-003", "modelPath", message, fix);
                        None
                    }
                    (Some(other), Some(format)) if !takes(format) => {
                        let message = format!(
                            "modelPath names {} ({}), and not {}",
                            content.title(),
                            other.name,
                            format.name
                        );
                        let fix = "leave modelFormat out, or name another model".to_owned();
                        refuse("MCC-FMT-001", "modelFormat", message, fix);
                        None
                    }
                    (_, Some(format)) | (Some(format), None) => Some(format),
                }
            }
        };
        if let (Some(reason), Some(content)) = (artifact.and_then(|a| a.damaged), found)
            && format.is_some()
        {
            let message = format!("modelPath starts like {}, but {reason}", content.title());
            let fix = "save the model again, or copy the file again".to_owned();
            refuse("MCC-FMT-003", "modelPath", message, fix);
        }
        if let Some((key, finding)) = refused {
            self.findings.push(self.merged.about(key, finding));
        }
        let format = format?;
        model.format = Some(format.name.clone());
        model.file = Some(format.file.clone());
        Some(format.clone())
    }

    /// The version of the framework: asked for, or that of the training, or a guess.
    fn version(
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
        let chosen = self.inputs.framework_version.clone().or(of_file).or_else(|| pinned.cloned());
        let version = chosen.unwrap_or_else(|| {
            self.nothing_pinned(framework);
            let guess = until.and_then(|end| framework.newest_before(end));
            let guess = guess.unwrap_or(&framework.default_version).to_owned();
            self.guessed(framework, artifact, &guess);
            guess
        });
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
                format!(
                    "give frameworkVersion {older}, or load it with {package} {older} and save it again as .ubj or .json"
                ),
            );
            self.findings.push(self.merged.about("modelPath", finding));
        }
        version
    }

    /// Says that a version is only a guess, where one decides anything.
    fn guessed(&mut self, framework: &Framework, artifact: Option<&Artifact>, guess: &str) {
        let decides =
            !self.layers.iter().any(|l| l.manifest.refuses.contains_key("frameworkVersion"));
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
                let fix = format!("give frameworkVersion {other}, or train with {version}");
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
            format!("train the model with {package} {oldest} or later"),
        );
        self.findings.push(self.merged.about("frameworkVersion", finding));
    }

    fn pins(&mut self) -> Pins {
        let Some(path) = self.inputs.requirements_file.clone() else {
            return Pins::default();
        };
        match self.read(&path, MAX_TEXT) {
            Ok(bytes) => {
                let pins = framework::pins(&String::from_utf8_lossy(&bytes));
                self.left_out(&pins.others);
                pins
            }
            Err(reason) => {
                self.unreadable("requirementsFile", &reason);
                Pins::default()
            }
        }
    }

    /// Lines of a requirements file that say no exact version.
    fn left_out(&mut self, lines: &[String]) {
        if lines.is_empty() {
            return;
        }
        let shown: Vec<&str> = lines.iter().take(10).map(String::as_str).collect();
        let more = lines.len().saturating_sub(shown.len());
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let finding = Finding::warning(
            "MCC-FW-006",
            format!(
                "only lines of the form name==version are taken; left out: {}{more}",
                shown.join(" | ")
            ),
            "name a file that pip freeze wrote, or add what is missing to requirements.txt of the project",
        );
        self.findings.push(self.merged.about("requirementsFile", finding));
    }

    fn artifact(&mut self) -> Option<Artifact> {
        let path = self.inputs.model_path.clone()?;
        if self.is_folder(&path) {
            let inside = format!("{}/{SAVED_MODEL}", path.trim_end_matches('/'));
            return Some(match self.open(&inside, MAX_MODEL) {
                Ok((file, length)) => artifact::inspect_folder(file, length),
                Err(_) => Artifact::default(),
            });
        }
        match self.open(&path, MAX_MODEL) {
            Ok((file, length)) => Some(artifact::inspect(file, length)),
            Err(reason) => {
                self.unreadable("modelPath", &reason);
                None
            }
        }
    }

    fn unreadable(&mut self, key: &str, reason: &str) {
        let finding = Finding::error("MCC-INP-004", reason, "name a file that can be read");
        self.findings.push(self.merged.about(key, finding));
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

/// Why a file is no model of a framework, and what to do.
fn not_a_model(
    content: Content,
    wanted: Option<&ModelFormat>,
    package: &str,
    listed: &str,
) -> (String, String) {
    let what = content.title();
    let format = wanted.map(|f| format!(", and not {}", f.name)).unwrap_or_default();
    let message = match content {
        Content::Empty | Content::Unknown | Content::Json => {
            format!("modelPath names {what}{format}")
        }
        _ => format!("modelPath names {what}{format}: {package} is not served from that here"),
    };
    let fix = match content {
        Content::Tar | Content::Zip => format!("unpack it, and name the model in it ({listed})"),
        Content::TorchSave | Content::Pickle | Content::Joblib
            if wanted.is_some_and(|f| f.content.contains(&Content::Torchscript)) =>
        {
            "save the module with torch.jit.script(model).save(path) or torch.jit.trace".to_owned()
        }
        Content::Pickle | Content::Joblib
            if wanted.is_some_and(|f| {
                f.content.contains(&Content::XgboostJson)
                    || f.content.contains(&Content::XgboostUbj)
                    || f.content.contains(&Content::XgboostBinary)
            }) =>
        {
            "load it in Python and write it with model.save_model(\"model.ubj\")".to_owned()
        }
        Content::XgboostBinary => {
            "load it with the XGBoost that wrote it and save it again as .ubj or .json".to_owned()
        }
        Content::Skops => "load it with skops.io and write it with joblib.dump".to_owned(),
        _ => format!("name a model in one of {listed}, or another framework"),
    };
    (message, fix)
}

impl Context<'_> {
    /// Requirements that a model file itself says, and what it needs beyond them.
    fn packages(
        &mut self,
        framework: &Framework,
        artifact: &Artifact,
        image: (&str, &str),
        pins: &Pins,
        requirements: &mut Vec<Requirement>,
    ) {
        let known: Vec<&Framework> =
            crate::registry().layers().filter_map(|l| l.manifest.framework.as_ref()).collect();
        super::packages::add(framework, artifact, image, pins, &known, requirements);
        for (key, finding) in super::packages::judge(artifact, &known, requirements) {
            self.findings.push(self.merged.about(key, finding));
        }
    }
}
