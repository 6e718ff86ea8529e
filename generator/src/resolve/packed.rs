//! A model that is packed into the image: its file, its framework and the packages that serve it.

use std::io::Read;
use std::path::{Path, PathBuf};

use super::Context;
use super::model::empty;
use crate::artifact;
use crate::finding::Finding;
use crate::framework::{self, Requirement};
use crate::merge::FileAccess;
use crate::registry::Framework;
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
        let pinned = pins.iter().find(|p| framework.is_called(&p.name)).map(|p| &p.version);
        let version = self
            .inputs
            .framework_version
            .clone()
            .or_else(|| artifact.as_ref().and_then(|a| a.version.clone()))
            .or_else(|| pinned.cloned())
            .unwrap_or_else(|| framework.default_version.clone());
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
        let suffix = |f: &&crate::registry::ModelFormat| {
            let path = self.inputs.model_path.as_deref().unwrap_or_default();
            f.suffixes.iter().any(|s| path.ends_with(s.as_str()))
        };
        let format = match self.inputs.model_format.as_deref() {
            Some(name) => framework.formats.iter().find(|f| f.name == name),
            None => framework.formats.iter().find(suffix).or(framework.formats.first()),
        };
        if let Some(format) = format {
            model.format = Some(format.name.clone());
            model.file = Some(format.file.clone());
        } else {
            let names: Vec<String> = framework.formats.iter().map(|f| f.name.clone()).collect();
            let finding = Finding::error(
                "MCC-FMT-001",
                format!("{} does not keep models in this format", framework.package),
                format!("use one of {}", names.join(", ")),
            )
            .choices(names);
            self.findings.push(self.merged.about("modelFormat", finding));
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
        if self.path(&path).is_ok_and(|p| p.is_dir()) {
            return Some(artifact::Artifact::default());
        }
        match self.read(&path, MAX_MODEL) {
            Ok(bytes) => Some(artifact::inspect(&bytes)),
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

    /// The file that an input names, if inputs may name it.
    pub(crate) fn path(&self, name: &str) -> Result<PathBuf, String> {
        let real = |base: &Path| {
            base.join(name).canonicalize().map_err(|e| format!("it cannot be read: {e}"))
        };
        match &self.merged.files {
            FileAccess::Nothing => Err("files cannot be read here".to_owned()),
            FileAccess::Anywhere(base) => real(base),
            FileAccess::Below(roots) => {
                let first = roots.first().ok_or("files cannot be read here")?;
                let path = real(first)?;
                let inside = roots
                    .iter()
                    .filter_map(|r| r.canonicalize().ok())
                    .any(|root| path.starts_with(root));
                if inside {
                    Ok(path)
                } else {
                    Err("it is outside the folders that this server may read".to_owned())
                }
            }
        }
    }

    /// The content of the file that an input names, at most `max` bytes of it.
    pub(crate) fn read(&self, name: &str, max: u64) -> Result<Vec<u8>, String> {
        let path = self.path(name)?;
        if !path.is_file() {
            return Err("it is not a file".to_owned());
        }
        let mut bytes = Vec::new();
        std::fs::File::open(&path)
            .and_then(|f| f.take(max + 1).read_to_end(&mut bytes))
            .map_err(|e| format!("it cannot be read: {e}"))?;
        if bytes.len() as u64 > max {
            return Err(format!("it is over {} MiB", max / (1024 * 1024)));
        }
        Ok(bytes)
    }
}
