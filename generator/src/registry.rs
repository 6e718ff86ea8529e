//! Which deployment configs, targets and frameworks there are: the folders under `layers/` and
//! `targets/`. A folder is the registration; nothing else lists them.

use std::collections::BTreeMap;
use std::sync::{LazyLock, OnceLock};

use include_dir::{Dir, include_dir};
use mcc_catalogs::{AcceleratorKind, Task};

use crate::artifact::Content;
use crate::manifest::{Fetched, Manifest, ModelSort, Weights};

static LAYERS: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/layers");
static TARGETS: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/targets");

/// All kinds of accelerator.
pub(crate) const KINDS: [AcceleratorKind; 3] =
    [AcceleratorKind::Cpu, AcceleratorKind::Cuda, AcceleratorKind::Neuron];

/// One layer folder.
#[derive(Debug)]
pub struct Layer {
    /// Its place, such as `layers/http`.
    pub path: String,
    /// Its manifest.
    pub manifest: Manifest,
    /// Files of `project/`: output path (with template suffix) and content.
    pub files: Vec<(String, &'static [u8])>,
    /// Files of `parts/`, appended to the file of that name.
    pub parts: Vec<(String, &'static str)>,
}

/// A deployment config: an architecture and a backend.
#[derive(Debug)]
pub struct Config {
    /// `<architecture>-<backend>`.
    pub name: String,
    /// Folder of the architecture.
    pub architecture: String,
    /// Folder of the backend.
    pub backend: String,
    /// Frameworks to choose from; empty where there is no such choice.
    pub frameworks: Vec<String>,
    /// Kinds of accelerator for which its backend has a layer of its own.
    pub on: Vec<String>,
}

impl Config {
    /// Whether it fetches its model when it starts.
    pub(crate) fn fetches(&self) -> bool {
        let layers = registry().config_layers(self, None);
        layers.iter().any(|layer| layer.manifest.weights == Some(Weights::Hub))
    }
}

/// Everything that the folders register.
#[derive(Debug)]
pub struct Registry {
    layers: BTreeMap<String, Layer>,
    configs: Vec<Config>,
    targets: Vec<String>,
    /// The place of the config that serves a model from a hub.
    usual: OnceLock<Option<usize>>,
}

/// The registry of the embedded folders.
///
/// A malformed manifest cannot be shipped: a test loads the registry and fails on [`Registry::defects`].
pub fn registry() -> &'static Registry {
    static REGISTRY: LazyLock<Registry> = LazyLock::new(Registry::load);
    &REGISTRY
}

const PROJECT: &str = "project/";
const PARTS: &str = "parts/";

impl Registry {
    fn load() -> Self {
        let mut layers = BTreeMap::new();
        collect(&LAYERS, "layers", &mut layers);
        collect(&TARGETS, "targets", &mut layers);
        #[cfg(debug_assertions)]
        for (name, dir) in crate::beside::folders() {
            collect(dir, name, &mut layers);
        }
        let mut configs = Vec::new();
        for path in layers.keys() {
            let parts: Vec<&str> = path.split('/').collect();
            if let ["layers", architecture, "backend", backend] = parts.as_slice() {
                let below = |prefix: String| -> Vec<String> {
                    let names = layers.keys().filter_map(|p| p.strip_prefix(&prefix));
                    names.map(str::to_owned).collect()
                };
                configs.push(Config {
                    name: format!("{architecture}-{backend}"),
                    architecture: (*architecture).to_owned(),
                    backend: (*backend).to_owned(),
                    frameworks: below(format!("layers/{architecture}/framework/")),
                    on: below(format!("{path}/on/")),
                });
            }
        }
        let targets = layers
            .keys()
            .filter_map(|p| p.strip_prefix("targets/").filter(|t| !t.contains('/')))
            .map(str::to_owned)
            .collect();
        Self { layers, configs, targets, usual: OnceLock::new() }
    }

    /// All deployment configs, by name.
    pub fn configs(&self) -> &[Config] {
        &self.configs
    }

    /// The deployment config called `name`.
    pub fn config(&self, name: &str) -> Option<&Config> {
        self.configs.iter().find(|c| c.name == name)
    }

    /// Names of all targets.
    pub fn targets(&self) -> &[String] {
        &self.targets
    }

    /// The layer at `path`.
    pub fn layer(&self, path: &str) -> Option<&Layer> {
        self.layers.get(path)
    }

    /// All layers.
    pub fn layers(&self) -> impl Iterator<Item = &Layer> {
        self.layers.values()
    }

    /// Names of all frameworks of all architectures.
    pub fn frameworks(&self) -> Vec<&str> {
        let mut all: Vec<&str> =
            self.configs.iter().flat_map(|c| &c.frameworks).map(String::as_str).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Names of all model formats.
    pub fn model_formats(&self) -> Vec<&str> {
        let mut all: Vec<&str> = self
            .layers
            .values()
            .filter_map(|l| l.manifest.framework.as_ref())
            .flat_map(|f| f.formats.iter().map(|m| m.name.as_str()))
            .collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// The layers that a project is made of, the later winning.
    pub fn overlay(&self, config: &Config, framework: Option<&str>, target: &str) -> Vec<&Layer> {
        self.overlay_on(config, framework, target, "")
    }

    /// The same on a kind of accelerator, for which a backend may have a layer of its own.
    pub fn overlay_on(
        &self,
        config: &Config,
        framework: Option<&str>,
        target: &str,
        accelerator: &str,
    ) -> Vec<&Layer> {
        let mut layers = self.with_parts(&["layers/base".to_owned()]);
        layers.extend(self.config_layers(config, framework));
        layers.extend(self.on(config, accelerator));
        layers.extend(self.target_layers(target));
        layers
    }

    /// What makes a backend run on a kind of accelerator that it does not run on by itself.
    pub fn on(&self, config: &Config, accelerator: &str) -> Option<&Layer> {
        let Config { architecture, backend, on, .. } = config;
        // Every config is asked for every kind, and few have any.
        on.iter().find(|kind| *kind == accelerator)?;
        self.layers.get(&format!("layers/{architecture}/backend/{backend}/on/{accelerator}"))
    }

    /// Kinds of accelerator that a config runs on, its own first.
    pub fn accelerators(&self, config: &Config) -> Vec<AcceleratorKind> {
        let mut all = Vec::new();
        for layer in self.config_layers(config, None) {
            if !layer.manifest.accelerators.is_empty() {
                all.clone_from(&layer.manifest.accelerators);
            }
        }
        let others = KINDS.into_iter();
        all.extend(others.filter(|kind| self.on(config, kind.as_str()).is_some()));
        all
    }

    /// The layers that make a config what it is.
    pub fn config_layers(&self, config: &Config, framework: Option<&str>) -> Vec<&Layer> {
        let architecture = format!("layers/{}", config.architecture);
        let mut own = vec![architecture.clone()];
        own.extend(framework.map(|name| format!("{architecture}/framework/{name}")));
        own.push(format!("{architecture}/backend/{}", config.backend));
        self.with_parts(&own)
    }

    /// The layers that make a target what it is.
    pub fn target_layers(&self, target: &str) -> Vec<&Layer> {
        self.with_parts(&[format!("targets/{target}")])
    }

    /// The layers at `paths`, each after the shared parts that it uses.
    fn with_parts(&self, paths: &[String]) -> Vec<&Layer> {
        let mut layers = Vec::new();
        for layer in paths.iter().filter_map(|path| self.layers.get(path)) {
            let parts = layer.manifest.uses.iter().map(|part| shared(&layer.path, part));
            layers.extend(parts.filter_map(|path| self.layers.get(&path)));
            layers.push(layer);
        }
        layers
    }

    /// The config that serves a model from a hub when none is named.
    pub fn usual(&self) -> Option<&Config> {
        let usual = |c: &Config| self.config_layers(c, None).iter().any(|l| l.manifest.usual);
        let at = self.usual.get_or_init(|| self.configs.iter().position(usual));
        self.configs.get((*at)?)
    }

    /// The value of an input that every project has unless another is given: `deploymentTarget`, `region`.
    pub fn usual_value(&self, key: &str) -> Option<&str> {
        self.layer("layers/base")?.manifest.defaults.get(key)?.as_str()
    }

    /// The config that serves models of `sort` where none is named.
    pub fn default_for(&self, sort: ModelSort) -> Option<&Config> {
        let own = |c: &&Config| {
            self.config_layers(c, None).iter().any(|l| l.manifest.default_for.contains(&sort))
        };
        self.configs.iter().find(own)
    }

    /// Names of the configs besides `chosen` that may serve a model of `sort`.
    pub(crate) fn others_for(&self, sort: ModelSort, chosen: &Config) -> Vec<String> {
        let serves = |config: &&Config| {
            config.name != chosen.name
                && match sort {
                    ModelSort::File(content) => self.reads(config, content),
                    ModelSort::Fetched(_) => self.fetches(config, sort),
                }
        };
        self.configs.iter().filter(serves).map(|config| config.name.clone()).collect()
    }

    /// The frameworks of a config that keep models in such files; empty where it has no such choice.
    pub(crate) fn frameworks_for<'a>(&self, config: &'a Config, content: Content) -> Vec<&'a str> {
        let reads = |name: &&String| {
            let path = format!("layers/{}/framework/{name}", config.architecture);
            self.layer(&path).is_some_and(|layer| layer.manifest.keeps(content))
        };
        config.frameworks.iter().filter(reads).map(String::as_str).collect()
    }

    fn reads(&self, config: &Config, content: Content) -> bool {
        !self.frameworks_for(config, content).is_empty()
            || self.config_layers(config, None).iter().any(|layer| layer.manifest.keeps(content))
    }

    /// Whether models can be asked for `task` on the config of that name, as far as it says.
    pub(crate) fn serves(&self, name: &str, task: Task) -> bool {
        let layers = self.config(name).map(|config| self.config_layers(config, None));
        let layers = layers.unwrap_or_default();
        let tasks = layers.iter().rev().map(|l| &l.manifest.tasks).find(|tasks| !tasks.is_empty());
        tasks.is_none_or(|tasks| tasks.contains(&task))
    }

    /// Whether a config fetches its model, and is not meant for another kind of it.
    fn fetches(&self, config: &Config, sort: ModelSort) -> bool {
        let layers = self.config_layers(config, None);
        let own: Vec<ModelSort> =
            layers.iter().flat_map(|layer| layer.manifest.default_for.iter().copied()).collect();
        layers.iter().any(|layer| layer.manifest.weights == Some(Weights::Hub))
            && (own.contains(&sort)
                || (own.is_empty() && sort != ModelSort::Fetched(Fetched::CompiledEngine)))
    }

    /// What is wrong with the folders themselves.
    pub fn defects(&self) -> Vec<String> {
        let mut defects = Vec::new();
        for (path, layer) in &self.layers {
            if layer.manifest.title.is_empty() {
                defects.push(format!("{path}/layer.json: unreadable, or without a title"));
            }
            for part in &layer.manifest.uses {
                if !self.layers.contains_key(&shared(path, part)) {
                    defects.push(format!("{path}/layer.json: uses unknown part {part}"));
                }
            }
            let known = |key: &String| crate::inputs::find(key).is_some();
            let keys = layer.manifest.needs.iter().chain(layer.manifest.examples.keys());
            let keys = keys.chain(layer.manifest.asks.keys());
            let keys = keys.chain(layer.manifest.options.inputs.values());
            for key in keys.chain(layer.manifest.defaults.keys()).filter(|k| !known(k)) {
                defects.push(format!("{path}/layer.json: unknown input {key}"));
            }
        }
        defects
    }
}

/// The folder of a shared part of the layer at `path`.
fn shared(path: &str, part: &str) -> String {
    let root = path.split('/').next().unwrap_or_default();
    format!("{root}/shared/{part}")
}

fn collect(dir: &'static Dir<'static>, path: &str, layers: &mut BTreeMap<String, Layer>) {
    let manifest_file =
        dir.files().find(|f| f.path().file_name().is_some_and(|n| n == "layer.json"));
    if let Some(file) = manifest_file {
        let mut layer = Layer {
            path: path.to_owned(),
            manifest: serde_json::from_slice(file.contents()).unwrap_or_default(),
            files: Vec::new(),
            parts: Vec::new(),
        };
        let root = dir.path().to_str().unwrap_or_default();
        gather(dir, root, &mut layer);
        layers.insert(path.to_owned(), layer);
    }
    for sub in dir.dirs() {
        let name = sub.path().file_name().and_then(|n| n.to_str()).unwrap_or_default();
        if manifest_file.is_none() || !["project", "parts"].contains(&name) {
            collect(sub, &format!("{path}/{name}"), layers);
        }
    }
}

/// Files below `project/` and `parts/` of the layer whose folder is `root`.
fn gather(dir: &'static Dir<'static>, root: &str, layer: &mut Layer) {
    for file in dir.files() {
        let path = file.path().to_str().unwrap_or_default();
        let inside = path.strip_prefix(root).unwrap_or(path).trim_start_matches('/');
        if let Some(rest) = inside.strip_prefix(PROJECT) {
            layer.files.push((rest.to_owned(), file.contents()));
        } else if let Some(rest) = inside.strip_prefix(PARTS) {
            layer.parts.push((rest.to_owned(), file.contents_utf8().unwrap_or_default()));
        }
    }
    for sub in dir.dirs() {
        let path = sub.path().to_str().unwrap_or_default();
        let inside = path.strip_prefix(root).unwrap_or(path).trim_start_matches('/');
        // Tools leave these where a developer ran them; they are no part of any project.
        if inside.ends_with("_cache") || inside.ends_with("__pycache__") {
            continue;
        }
        let inside = format!("{inside}/");
        if inside.starts_with(PROJECT) || inside.starts_with(PARTS) {
            gather(sub, root, layer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folders_are_sound() {
        assert_eq!(registry().defects(), Vec::<String>::new());
        assert!(!registry().configs().is_empty() && !registry().targets().is_empty());
    }
}
