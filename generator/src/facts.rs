//! Rows that were looked up for a project and that no catalog has: kept in it, so that it can be checked and generated
//! again by anybody, without a look-up. They are laid over the catalogs as they were when it was made.

use std::path::Path;
use std::sync::Arc;

use mcc_catalogs::{
    Catalogs, Files, ImagesFile, Laid, Model, ModelsFile, NamedRow, Origin, PipelinesFile,
    ResourcesFile, Rows,
};
use mcc_files::Folder;
use serde::{Deserialize, Serialize};

use crate::project::{File, Project};
use crate::resolve::Context;
use crate::spec::Spec;
use crate::written::FACTS;

/// Largest file of facts.
const MAX_FACTS: u64 = 4 * 1024 * 1024;
/// Most sources of facts.
const MAX_SOURCES: usize = 8;

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Facts {
    facts: Vec<Fact>,
}

/// What one source said.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fact {
    /// Who was asked.
    source: String,
    /// What it said.
    rows: Files,
}

impl Facts {
    /// Adds a file of rows, if these are from a look-up.
    fn add<F: Laid>(&mut self, origin: Option<&Origin>, file: impl FnOnce(String, String) -> F) {
        let Some(origin) = origin else { return };
        let (Some(source), Some(as_of)) = (origin.live(), origin.as_of()) else { return };
        let rows = Files::default().with(file(as_of.to_owned(), source.to_owned()));
        self.facts.push(Fact { source: source.to_owned(), rows });
    }
}

/// Keeps in `project` what was looked up about its model and its image.
pub(crate) fn keep(project: &mut Project, context: &Context<'_>, spec: &Spec) {
    let catalogs = context.catalogs;
    let mut facts = Facts::default();
    let name = spec.model.s3_uri.as_deref().unwrap_or(&spec.model.name);
    let given = context.inputs.model_config.as_deref().filter(|own| own.contains('/'));
    let fetched = spec.model.source != "packed";
    for id in [Some(name), given].into_iter().flatten().filter(|_| fetched) {
        if let Some(row) = catalogs.models().get(id) {
            facts.add(catalogs.models().origin(id), |as_of, source| ModelsFile {
                as_of,
                source,
                models: vec![row.clone()].into(),
            });
        }
        if let Some(row) = catalogs.pipelines().get(id) {
            facts.add(catalogs.pipelines().origin(id), |as_of, source| PipelinesFile {
                as_of,
                source,
                pipelines: vec![row.clone()].into(),
            });
        }
        if let Some(row) = catalogs.resources().stored(id) {
            let origin = catalogs.resources().origin_of_stored(id);
            facts.add(Some(origin), |as_of, source| ResourcesFile {
                as_of,
                source,
                stored: vec![row.clone()].into(),
                ..ResourcesFile::default()
            });
        }
    }
    let package = crate::package::given(context.merged);
    let package = package.and_then(|arn| Some((catalogs.resources().named(arn.as_str())?, arn)));
    if let Some((resource, arn)) = package {
        let origin = catalogs.resources().origin_of_named(arn.as_str());
        facts.add(Some(origin), |as_of, source| ResourcesFile {
            as_of,
            source,
            named: vec![NamedRow { arn: arn.clone(), resource: resource.clone() }].into(),
            ..ResourcesFile::default()
        });
    }
    if let Some(image) = context.base(&spec.instance) {
        let origin = catalogs.images().origin(image);
        facts.add(Some(origin), |as_of, source| ImagesFile {
            as_of,
            source,
            images: vec![image.clone()].into(),
            ..ImagesFile::default()
        });
    }
    // What its registry says of an image that was given decides as the catalogs do for theirs.
    if let Some(row) =
        context.inputs.base_image.as_deref().and_then(|own| catalogs.resources().image(own))
    {
        let origin = catalogs.resources().origin_of_image(row.image.as_str());
        facts.add(Some(origin), |as_of, source| ResourcesFile {
            as_of,
            source,
            images: vec![row.clone()].into(),
            ..ResourcesFile::default()
        });
    }
    if !facts.facts.is_empty() {
        let mut text = serde_json::to_string_pretty(&facts).unwrap_or_default();
        text.push('\n');
        project.insert(FACTS, File::new(text.into_bytes(), "generator"));
    }
}

/// The catalogs with what is kept in the project at `dir`.
///
/// # Errors
/// What is wrong with the file.
pub fn with_kept_of(catalogs: &Arc<Catalogs>, dir: &Path) -> Result<Arc<Catalogs>, String> {
    let folder = Folder::open(dir).map_err(|e| format!("{e}; {}", e.fix()))?;
    with_kept_in(catalogs, &folder)
}

/// The catalogs with what is kept in a project.
pub(crate) fn with_kept_in(
    catalogs: &Arc<Catalogs>,
    folder: &Folder,
) -> Result<Arc<Catalogs>, String> {
    match folder.read_text(FACTS, MAX_FACTS) {
        Ok(text) => with_kept(catalogs, Some(&text)),
        Err(error) if error.is_missing() => Ok(Arc::clone(catalogs)),
        Err(error) => Err(format!("{FACTS} cannot be read: {}", error.reason)),
    }
}

/// The catalogs with the rows in a text that is kept in a project: of models and images only, for everything else is no
/// matter of a project's.
pub(crate) fn with_kept(
    catalogs: &Arc<Catalogs>,
    text: Option<&str>,
) -> Result<Arc<Catalogs>, String> {
    let Some(text) = text else { return Ok(Arc::clone(catalogs)) };
    let kept: Facts =
        serde_json::from_str(text).map_err(|error| format!("{FACTS} cannot be parsed: {error}"))?;
    let mut laid = Arc::clone(catalogs);
    for fact in kept.facts.into_iter().take(MAX_SOURCES) {
        let mut rows = Rows::live(&mcc_catalogs::echo(&fact.source));
        if let Some(models) = ModelsFile::place(&fact.rows) {
            // What was looked up for this call is newer.
            let old = |row: &&Model| {
                let origin = catalogs.models().origin(row.id.as_str());
                origin.is_none_or(|origin| origin.live().is_none())
            };
            let kept: Vec<Model> = models.models.iter().filter(old).cloned().collect();
            rows = rows.with(ModelsFile { models: kept.into(), ..models.clone() });
        }
        if let Some(pipelines) = PipelinesFile::place(&fact.rows) {
            rows = rows.with(pipelines.clone());
        }
        if let Some(images) = ImagesFile::place(&fact.rows) {
            rows = rows.with(ImagesFile { families: Vec::new().into(), ..images.clone() });
        }
        if let Some(resources) = ResourcesFile::place(&fact.rows) {
            // The same of files and images.
            let known = catalogs.resources();
            let old = |origin: &Origin| origin.live().is_none();
            let stored = resources.stored.iter();
            let stored = stored.filter(|row| old(known.origin_of_stored(row.address.as_str())));
            let images = resources.images.iter();
            let images = images.filter(|row| old(known.origin_of_image(row.image.as_str())));
            let named = resources.named.iter().filter(|row| {
                row.arn.names_model_package() && old(known.origin_of_named(row.arn.as_str()))
            });
            rows = rows.with(ResourcesFile {
                as_of: resources.as_of.clone(),
                source: resources.source.clone(),
                stored: stored.cloned().collect::<Vec<_>>().into(),
                images: images.cloned().collect::<Vec<_>>().into(),
                named: named.cloned().collect::<Vec<_>>().into(),
                ..ResourcesFile::default()
            });
        }
        laid = Arc::new(laid.with(rows));
    }
    Ok(laid)
}
