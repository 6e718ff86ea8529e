//! A model that is packed into the image: its file, its framework and the packages that serve it.

use super::Context;
use super::model::empty;
use crate::artifact::{Artifact, Content};
use crate::finding::Finding;
use crate::fix::{Fix, Fixes};
use crate::framework::{self, Pins, Requirement};
use crate::kept;
use crate::manifest::{Framework, ModelFormat};
use crate::named::{self, read_artifact};
use crate::spec::{InstanceSpec, Model, Origin};

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
        self.origins.python =
            if self.inputs.python_version.is_some() { Origin::Given } else { Origin::Suits };
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
                Fix::choose("pythonVersion", pythons.clone()).or(Fix::unset("pythonVersion")),
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
        let mut refuse = |id: &str, key: &'static str, message: String, fix: Fixes| {
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
                let fix = Fix::choose("modelFormat", names.clone()).or(Fix::unset("modelFormat"));
                refuse("MCC-FMT-001", "modelFormat", message, fix);
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
                        let file = self.inputs.model_path.as_deref().unwrap_or_default();
                        let (message, fix) = not_a_model(file, content, wanted, package, &listed);
                        refuse("MCC-FMT-003", "modelPath", message, fix.into());
                        None
                    }
                    (Some(other), Some(format)) if !takes(format) => {
                        let message = format!(
                            "the file is {} ({}), not {}",
                            content.title(),
                            other.name,
                            format.name
                        );
                        let fix = Fix::unset("modelFormat").or("name another model as modelPath");
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
            let message = format!("the file starts like {}, but {reason}", content.title());
            let fix = "save the model again, or copy the file again".into();
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

    fn pins(&mut self) -> Pins {
        let Some(path) = self.inputs.requirements_file.clone() else {
            return Pins::default();
        };
        match kept::text(self.merged, "requirementsFile", &path) {
            Ok(text) => {
                let pins = framework::pins(&text);
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
        match read_artifact(&self.merged.files, &path) {
            Ok(artifact) => Some(artifact),
            Err(reason) => {
                self.unreadable("modelPath", &reason);
                None
            }
        }
    }

    fn unreadable(&mut self, key: &str, reason: &str) {
        let path = match key {
            "modelPath" => self.inputs.model_path.as_deref(),
            _ => self.inputs.requirements_file.as_deref(),
        };
        let fix = named::fix(path.unwrap_or_default(), reason);
        let finding = Finding::error("MCC-INP-004", reason, fix);
        self.findings.push(self.merged.about(key, finding));
    }
}

/// Why a file is no model of a framework, and what to do.
fn not_a_model(
    path: &str,
    content: Content,
    wanted: Option<&ModelFormat>,
    package: &str,
    listed: &str,
) -> (String, String) {
    let file = path.trim_end_matches('/').rsplit('/').next().map(crate::finding::shorten);
    let file = file
        .filter(|file| !matches!(file.as_str(), "" | "."))
        .unwrap_or_else(|| "the file".to_owned());
    let what = content.title();
    let wanted_title = wanted.and_then(|f| f.content.first()).map(|own| own.title());
    let message = match (content, wanted_title) {
        (Content::Unknown, Some(title)) => {
            format!("{file} is not {title}, and in no other known model format")
        }
        (Content::Unknown, None) => format!("{file} is {what}"),
        (Content::Json, Some(title)) => format!("{file} is {what}, but not {title}"),
        (_, Some(title)) => format!("{file} is {what}, not {title}"),
        (_, None) => format!("{file} is {what}, which is not served here with {package}"),
    };
    let fix = match content {
        Content::LfsPointer => "run `git lfs pull` where the file is, then try again".to_owned(),
        Content::Html => {
            "download the file itself: what was saved is a page about it, or one to log in"
                .to_owned()
        }
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
