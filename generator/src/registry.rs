//! Which deployment configs, targets and frameworks there are: the folders under `layers/` and
//! `targets/`. A folder is the registration; nothing else lists them.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use include_dir::{Dir, include_dir};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

static LAYERS: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/layers");
static TARGETS: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/targets");

/// `layer.json`: what a layer is and takes.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Manifest {
    /// A few words.
    pub title: String,
    /// One or two sentences.
    pub description: String,
    /// Groups of inputs that it takes.
    pub groups: Vec<String>,
    /// Single inputs of those groups that it takes not, each with the reason.
    pub refuses: BTreeMap<String, String>,
    /// Inputs that must be given.
    pub needs: Vec<String>,
    /// Values for the inputs in `needs`, for tables and tests.
    pub examples: Map<String, Value>,
    /// What to know before one takes it to a target, by the target's name.
    pub advice: BTreeMap<String, String>,
    /// Values of inputs that are not given.
    pub defaults: Map<String, Value>,
    /// Prefixes of paths whose files exist only if the value at that path of the view is truthy (`!`: is not).
    pub when: BTreeMap<String, String>,
    /// Shared parts that it is made of: folders of `layers/shared` or `targets/shared`, which it comes after.
    pub uses: Vec<String>,
    /// Family of base images in the catalogs.
    pub images: Option<String>,
    /// Oldest version of those images that does what the layer's files ask for.
    pub oldest_image: Option<String>,
    /// Serving engine in the catalogs.
    pub engine: Option<String>,
    /// Of the backends that fetch their model: the one that is meant where none is named.
    pub usual: bool,
    /// What becomes of single options of that engine.
    pub options: OptionRoles,
    /// Accelerators that it runs on: `cpu`, `cuda`, `neuron`.
    pub accelerators: Vec<String>,
    /// Where the weights are: `packed` in the image or fetched from a `hub`.
    pub weights: Option<Weights>,
    /// What a framework layer knows of its framework.
    pub framework: Option<Framework>,
    /// Folder of the project that a packed model is copied to; `model` where none is named.
    pub model_dir: Option<String>,
    /// Tensors of a packed model, for servers that must be told them.
    pub tensors: Option<Tensors>,
    /// Python packages that a backend layer needs, with their exact versions.
    pub packages: Vec<Package>,
    /// Request file of the project by content type; its keys are the content types that can be asked for.
    pub payloads: BTreeMap<String, String>,
    /// Environment variables of the container: a structural template over the view.
    pub env: Map<String, Value>,
    /// Whether its processes hand each other more than a few megabytes in shared memory.
    pub shared_memory: Option<bool>,
    /// Which field of the catalogs' instance types says that the target takes a type.
    pub instances: Option<InstancePool>,
    /// The target's ceiling on a request's body, in MB.
    pub max_body_mb: Option<u32>,
    /// The target's ceiling on the time to answer, in seconds.
    pub timeout_s: Option<u32>,
    /// Which kind of host image decides the GPU driver.
    pub ami: Option<AmiKind>,
    /// Most variables in the container's environment, where the target has a limit of its own.
    pub environment_max: Option<usize>,
    /// Whether the service copies models from S3 into the container.
    pub s3_model_source: Option<bool>,
    /// Whether models can come as an S3 prefix, and not only as an archive.
    pub s3_prefix_models: Option<bool>,
    /// Whether autoscaling can go down to no instance at all.
    pub scales_to_zero: Option<bool>,
    /// AWS services that the target needs in its Region.
    pub services: Vec<String>,
}

/// What becomes of single options of an engine that a user may give.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OptionRoles {
    /// Options that an input sets: they are given as that input, or not at all.
    pub inputs: BTreeMap<String, String>,
    /// Options that the project sets itself or that would break it, each with the reason.
    pub refused: BTreeMap<String, String>,
    /// Options that change how much memory the model takes.
    pub sizing: BTreeMap<String, SizingRole>,
}

/// How an option changes the memory that a model takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SizingRole {
    /// Number format of the key-value cache.
    CacheFormat,
    /// Turns CUDA graphs off.
    Eager,
    /// Most tokens in one step.
    BatchedTokens,
    /// Groups of layers, each on devices of its own.
    Pipeline,
    /// Copies of the model in one server.
    Copies,
    /// In a way that is not estimated: what does not fit is a warning then.
    Other,
}

/// Where a model's weights are at run time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Weights {
    /// In the image.
    Packed,
    /// Fetched when the container starts.
    Hub,
}

/// What a server wants to know of a packed model's tensors.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Tensors {
    /// Inputs of the sample model, as `modelInputs` takes them.
    pub inputs: Map<String, Value>,
    /// Its outputs.
    pub outputs: Map<String, Value>,
    /// The inputs of a request to it, in the form of the `KServe` v2 protocol.
    pub request: Value,
    /// Most records that one call of the model takes.
    pub max_batch_size: u32,
    /// Whether the server can read the tensors from a model's file by itself.
    pub completed: bool,
}

/// The set of instance types that a target accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the names say it")]
pub enum InstancePool {
    Hosting,
    BatchTransform,
    Hyperpod,
}

impl InstancePool {
    /// Whether an instance type belongs to it.
    pub fn takes(self, row: &mcc_catalogs::Instance) -> bool {
        match self {
            Self::Hosting => row.hosting,
            Self::BatchTransform => row.batch_transform,
            Self::Hyperpod => row.hyperpod,
        }
    }
}

/// Which API field names the host image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "the names say it")]
pub enum AmiKind {
    Inference,
    Transform,
}

/// What a framework layer knows of its framework.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Framework {
    /// Its package on the Python package index.
    pub package: String,
    /// Names that mean it in a requirements file, lower case, `-` for `_`.
    pub aliases: Vec<String>,
    /// The version that is taken when nothing says which.
    pub default_version: String,
    /// Whether a model must be served by exactly the version that it was trained with.
    pub strict: bool,
    /// Formats of its models; the first is the default.
    pub formats: Vec<ModelFormat>,
    /// Releases that are known to install, newest first.
    pub releases: Vec<Release>,
}

/// A format that a framework keeps models in.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelFormat {
    /// Its name, as `modelFormat` takes it.
    pub name: String,
    /// The model's file or folder in the container's model folder.
    pub file: String,
    /// Endings of files in this format.
    pub suffixes: Vec<String>,
    /// Whether a model is one file or a folder.
    pub kind: ModelKind,
}

/// Whether a model is one file or a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "the names say it")]
pub enum ModelKind {
    File,
    Directory,
}

/// Versions of a framework that install in the same way.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Release {
    /// The exact versions.
    pub versions: Vec<String>,
    /// Pythons that have wheels for all of them.
    pub python: Vec<String>,
    /// Packages installed at the version of the framework.
    pub install: Vec<Package>,
    /// Companions at their own exact versions.
    #[serde(rename = "with")]
    pub companions: Vec<Package>,
}

/// A Python package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// Its exact version; absent where that of the framework is meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The only image architecture that it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arch: Option<String>,
}

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
}

/// Everything that the folders register.
#[derive(Debug)]
pub struct Registry {
    layers: BTreeMap<String, Layer>,
    configs: Vec<Config>,
    targets: Vec<String>,
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
        let mut configs = Vec::new();
        for path in layers.keys() {
            let parts: Vec<&str> = path.split('/').collect();
            if let ["layers", architecture, "backend", backend] = parts.as_slice() {
                let prefix = format!("layers/{architecture}/framework/");
                configs.push(Config {
                    name: format!("{architecture}-{backend}"),
                    architecture: (*architecture).to_owned(),
                    backend: (*backend).to_owned(),
                    frameworks: layers
                        .keys()
                        .filter_map(|p| p.strip_prefix(&prefix).map(str::to_owned))
                        .collect(),
                });
            }
        }
        let targets = layers
            .keys()
            .filter_map(|p| p.strip_prefix("targets/").filter(|t| !t.contains('/')))
            .map(str::to_owned)
            .collect();
        Self { layers, configs, targets }
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
        let mut layers = self.with_parts(&["layers/base".to_owned()]);
        layers.extend(self.config_layers(config, framework));
        layers.extend(self.target_layers(target));
        layers
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
        let usual = |c: &&Config| self.config_layers(c, None).iter().any(|l| l.manifest.usual);
        self.configs.iter().find(usual)
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
