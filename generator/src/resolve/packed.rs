//! A model that is packed into the image: its file, its framework and the packages that serve it.

use super::Context;
use super::model::empty;
use crate::artifact;
use crate::finding::Finding;
use crate::framework::{self, Requirement};
use crate::manifest::{Framework, ModelFormat, ModelKind};
use crate::spec::{InstanceSpec, Model};

/// Largest model file that is copied into a project, in bytes. Larger ones belong in S3.
pub(crate) const MAX_MODEL: u64 = 512 * 1024 * 1024;
/// Largest requirements file or `config.json`, in bytes.
const MAX_TEXT: u64 = 1024 * 1024;

impl Context<'_> {
    pub(super) fn packed_model(&mut self, instance: &InstanceSpec) -> Model {
        let mut model = empty(self.inputs.project_name.clone().unwrap_or_default(), "packed");
        let Some(framework) = self.manifest(|m| m.framework.clone()) else {
            return model;
        };
        let pins = self.pins();
        let artifact = self.artifact();
        self.format(&framework, artifact.as_ref(), &mut model);
        // What is no model of this framework says nothing about its version.
        let artifact = artifact.filter(|_| model.format.is_some());
        let pinned = pins.iter().find(|p| framework.is_called(&p.name)).map(|p| &p.version);
        let version = self
            .inputs
            .framework_version
            .clone()
            .or_else(|| artifact.as_ref().and_then(|a| a.version.clone()))
            .or_else(|| pinned.cloned())
            .unwrap_or_else(|| {
                self.nothing_pinned(&framework);
                framework.default_version.clone()
            });
        self.check_version(&framework, &version, artifact.as_ref(), pinned);
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
        self.tensors(artifact.as_ref(), &mut model);
        let arch = self.arch(instance).container_name();
        let backend = self
            .layers
            .iter()
            .rev()
            .find(|l| !l.manifest.packages.is_empty())
            .map(|l| l.manifest.clone())
            .unwrap_or_default();
        model.requirements = framework.requirements(&version, arch, &backend, &pins);
        model.framework_version = Some(version);
        model.python_version = Some(python);
        model
    }

    fn format(
        &mut self,
        framework: &Framework,
        artifact: Option<&artifact::Artifact>,
        model: &mut Model,
    ) {
        let formats = &framework.formats;
        let asked = self.inputs.model_format.as_deref();
        let path = self.inputs.model_path.as_deref().map(str::to_ascii_lowercase);
        let folder = self.inputs.model_path.as_deref().is_some_and(|p| self.is_folder(p));
        let kind = if folder { ModelKind::Directory } else { ModelKind::File };
        let by_path = path.as_ref().and_then(|path| {
            let named = |f: &&ModelFormat| f.suffixes.iter().any(|s| path.ends_with(s.as_str()));
            formats.iter().filter(|f| f.kind == kind).find(|f| folder || named(f))
        });
        let by_name = asked.and_then(|name| formats.iter().find(|f| f.name == name));
        let names = || formats.iter().map(|f| f.name.clone()).collect::<Vec<String>>();
        let mut refuse = |key: &str, message: String, fix: String| {
            let finding = Finding::error("MCC-FMT-001", message, fix).choices(names());
            self.findings.push(self.merged.about(key, finding));
        };
        let package = &framework.package;
        let format = match (asked, &path) {
            (Some(_), _) => by_name,
            (None, Some(_)) => by_path,
            (None, None) => formats.first(),
        };
        match (format, by_path) {
            (None, _) if asked.is_some() => refuse(
                "modelFormat",
                format!("{package} does not keep models in this format"),
                format!("use one of {}", names().join(", ")),
            ),
            (None, _) => {
                let endings: Vec<&str> =
                    formats.iter().flat_map(|f| &f.suffixes).map(String::as_str).collect();
                let what = if folder { "a folder" } else { "a file of this name" };
                refuse(
                    "modelPath",
                    format!("{what} is no model that {package} is known to write"),
                    format!(
                        "name one that ends in {}, or give modelFormat too",
                        endings.join(", ")
                    ),
                );
            }
            (Some(format), other)
                if path.is_some()
                    && (format.kind != kind || other.is_some_and(|o| o.name != format.name)) =>
            {
                let found = other.map_or(if folder { "a folder" } else { "a file" }, |o| &o.name);
                refuse(
                    "modelFormat",
                    format!("modelPath names {found}, and not {}", format.name),
                    "leave modelFormat out, or name another model".to_owned(),
                );
            }
            _ => {}
        }
        if let Some(format) = format {
            model.format = Some(format.name.clone());
            model.file = Some(format.file.clone());
        }
        if artifact.is_some_and(|a| a.old_binary) {
            let finding = Finding::error(
                "MCC-FMT-002",
                "this is XGBoost's old binary form, which XGBoost 3.1 and later cannot read",
                "load it with the XGBoost that wrote it and save it again as .ubj or .json",
            );
            self.findings.push(self.merged.about("modelPath", finding));
        }
    }

    /// A requirements file was named so that the version is taken from it, and it has none.
    fn nothing_pinned(&mut self, framework: &Framework) {
        let named = self.inputs.requirements_file.is_some();
        let unreadable = |f: &Finding| f.field.as_deref() == Some("requirementsFile");
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
        artifact: Option<&artifact::Artifact>,
        pinned: Option<&String>,
    ) {
        let trained = artifact.and_then(|a| a.version.as_ref());
        let others = [("the model file", trained), ("the requirements file", pinned)];
        for (place, other) in others.into_iter().filter_map(|(p, o)| o.map(|o| (p, o))) {
            if other != version {
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
            let finding = Finding::warning(
                "MCC-FW-003",
                format!(
                    "{} {version} is not among the versions that are known to install; its \
                     companions are taken from the nearest release",
                    framework.package
                ),
                "build the image to see, or use a version that is known",
            )
            .choices(mcc_catalogs::nearest(version, known.iter().copied(), 4));
            self.findings.push(self.merged.about("frameworkVersion", finding));
        }
    }

    fn pins(&mut self) -> Vec<Requirement> {
        let Some(path) = self.inputs.requirements_file.clone() else {
            return Vec::new();
        };
        match self.read(&path, MAX_TEXT) {
            Ok(bytes) => framework::pins(&String::from_utf8_lossy(&bytes)),
            Err(reason) => {
                self.unreadable("requirementsFile", &reason);
                Vec::new()
            }
        }
    }

    fn artifact(&mut self) -> Option<artifact::Artifact> {
        let path = self.inputs.model_path.clone()?;
        if self.is_folder(&path) {
            return Some(artifact::Artifact::default());
        }
        match self.read(&path, MAX_MODEL) {
            Ok(bytes) => Some(artifact::inspect(&bytes, MAX_MODEL)),
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
