//! `layer.json`: what a layer is, takes, needs, defaults to and knows.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use mcc_catalogs::{AcceleratorKind, Task};
use mcc_fit::{AmiKind, InstancePool};

use crate::artifact::Content;

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
    /// Inputs that contradict it, each with the reason: what they ask for cannot be had here.
    pub refuses: BTreeMap<String, String>,
    /// Inputs of its groups that have no effect here, each with the reason: what they ask for is decided elsewhere.
    pub ignores: BTreeMap<String, String>,
    /// Inputs that must be given.
    pub needs: Vec<String>,
    /// Inputs that are facts of something which is there already, each with the question that asks for it: a default or a
    /// recommendation is worked with, but does not answer it.
    pub asks: BTreeMap<String, String>,
    /// Kinds of model that its config serves where none is named.
    pub default_for: Vec<ModelSort>,
    /// Words in the names of models of those kinds, lower case, for models of which nothing else is known.
    pub named: Vec<String>,
    /// How a request reaches the container, in words.
    pub route: Option<String>,
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
    /// Kinds of accelerator that it runs on.
    pub accelerators: Vec<AcceleratorKind>,
    /// The only accelerators of that kind that it runs on, by their names in the catalogs; empty for all.
    pub devices: Vec<String>,
    /// Where the weights are: `packed` in the image or fetched from a `hub`.
    pub weights: Option<Weights>,
    /// What a framework layer knows of its framework.
    pub framework: Option<Framework>,
    /// Folder of the project that a packed model is copied to; `model` where none is named.
    pub model_dir: Option<String>,
    /// Tensors of a packed model, for servers that must be told them.
    pub tensors: Option<Tensors>,
    /// Records of a request to the sample model.
    pub records: Vec<Value>,
    /// The tensor of texts that takes such records, as JSON.
    pub record_tensor: Option<String>,
    /// Python packages that a backend layer needs, with their exact versions.
    pub packages: Vec<Package>,
    /// Request file of the project by content type; its keys are the content types that can be asked for.
    pub payloads: BTreeMap<String, String>,
    /// What models can be asked for, the usual task first.
    pub tasks: Vec<Task>,
    /// The oldest version of its images that serves a task, where not all of them do.
    pub task_images: BTreeMap<Task, String>,
    /// What a request of a task is; single members of a later layer win.
    pub forms: BTreeMap<Task, Form>,
    /// Environment variables of the container: a structural template over the view.
    pub env: Map<String, Value>,
    /// Names of environment variables, or beginnings of such with a `*`, that other containers read: the reason why they
    /// have no effect here, with `; give` before what does; empty where they are read here.
    pub variables: BTreeMap<String, String>,
    /// Variables that say for how many seconds the server works on a request at most.
    pub timeouts: Vec<String>,
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

impl Manifest {
    /// Why its config or target does not use the input `key`, where it does not.
    pub(crate) fn without(&self, key: &str) -> Option<&String> {
        self.refuses.get(key).or_else(|| self.ignores.get(key))
    }

    /// Whether its framework keeps models in files of such a content.
    pub(crate) fn keeps(&self, content: Content) -> bool {
        let formats = self.framework.iter().flat_map(|framework| &framework.formats);
        formats.flat_map(|format| &format.content).any(|own| *own == content)
    }
}

/// A kind of model, as far as it decides what serves it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ModelSort {
    /// One whose weights are fetched from a hub or from S3.
    Fetched(Fetched),
    /// A file or folder, by its content.
    File(Content),
}

/// A kind of model whose weights are fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fetched {
    /// It writes text.
    Language,
    /// It turns texts into vectors or scores.
    Encoder,
    /// It makes images or films.
    Diffusion,
    /// A language model that was compiled before, as an engine.
    CompiledEngine,
}

/// What a request of a task is, and what its answer must be.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Form {
    /// The body of a request: a structural template over the view.
    pub request: Option<Value>,
    /// That of a request with an image, for models that read images.
    pub image_request: Option<Value>,
    /// A condition of jq on the answer, where that is JSON.
    pub expect: Option<String>,
    /// What an answer that is a file has in its first bytes.
    pub begins: Option<String>,
    /// Request file of the project, where it is none of JSON.
    pub payload: Option<String>,
    /// Content type of that file.
    pub content_type: Option<String>,
    /// What the engine is told of the task.
    pub engine_task: Option<String>,
}

/// What becomes of single options of an engine that a user may give.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OptionRoles {
    /// Options that an input sets: they are given as that input, or not at all.
    pub inputs: BTreeMap<String, String>,
    /// Options that the project sets itself or that would break it, each with the reason.
    pub refused: BTreeMap<String, String>,
    /// What may stand before the name of every option.
    pub prefix: String,
    /// Options of the server around the engine, which knows them and not the engine.
    pub server: Vec<String>,
    /// Options that change how much memory the model takes.
    pub sizing: BTreeMap<String, SizingRole>,
    /// Options that change what the model is asked for.
    pub task: BTreeMap<String, TaskRole>,
}

/// How an option changes what a model is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskRole {
    /// Whether text is generated or read in one pass.
    Runner,
    /// What a model that generates is made to do instead.
    Convert,
    /// A document in which another class can be named.
    Overrides,
    /// Turns a model that generates into one of vectors.
    Embeds,
    /// Names the task.
    Named,
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
    /// Spreads whole experts over the devices instead of dividing each.
    ExpertParallel,
    /// The copies divide the devices of one among them, for attention only.
    SharedCopies,
    /// Names a model that drafts tokens.
    Draft,
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
    /// Whether the server asks for these names and types whatever the model is, and only the dimensions differ.
    #[serde(default)]
    pub fixed: bool,
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
    /// Packages whose versions say which line of the framework wrote a model: those of the given major number
    /// have the framework's own major and minor numbers.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub lines: BTreeMap<String, String>,
    /// What the server of this framework cannot do with a model that is otherwise of a form that it reads.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cannot: Vec<Limit>,
    /// What decides which versions' files are read, where that is not the package that is installed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reader: Option<String>,
    /// Releases of the image from which files are read, by the version from which those have been written so.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub images: BTreeMap<String, String>,
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
    /// What files in this format are, by their bytes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub content: Vec<Content>,
    /// The first version that no longer reads a content.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub until: BTreeMap<Content, String>,
}

/// Something that a server cannot do with a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Limit {
    /// Stop at the best round of a boosted model that has more.
    EarlyStopping,
    /// Predict several values at once.
    Targets,
    /// Read the categories that a boosted model keeps itself.
    Categories,
    /// Predict without trees.
    Linear,
    /// Give sequences and maps.
    Collections,
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
    /// The only Pythons that it is for; empty for all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub python: Vec<String>,
}
