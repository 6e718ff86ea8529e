//! The model, and what is known of how it fits.

use std::collections::BTreeMap;

use mcc_catalogs::Task;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::framework::Requirement;

/// The model.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize))]
pub struct Model {
    /// Its name for people and for requests.
    pub name: String,
    /// `packed`, `hub` or `s3`.
    pub source: String,
    /// File in the model folder of the container.
    pub file: Option<String>,
    /// Format of a packed model.
    pub format: Option<String>,
    /// Version of the framework.
    pub framework_version: Option<String>,
    /// Version of Python.
    pub python_version: Option<String>,
    /// Python packages of the image.
    pub requirements: Vec<Requirement>,
    /// Its input tensors, where the server must be told them.
    pub inputs: Option<Vec<Tensor>>,
    /// Its output tensors.
    pub outputs: Option<Vec<Tensor>>,
    /// Most records that one call of it takes; 0 where it takes no batches.
    pub max_batch_size: Option<u32>,
    /// Whether its file says that it predicts classes.
    pub classifier: bool,
    /// The inputs of a request to it, in the form of the `KServe` v2 protocol.
    pub request: Option<Value>,
    /// Records of a request in the project's own forms: those of the sample, or zeros of the model's own width.
    pub records: Vec<Value>,
    /// Whether its features have names.
    pub named: bool,
    /// What the engine loads: a hub id, or a folder.
    pub id: Option<String>,
    /// S3 place of the model's files.
    pub s3_uri: Option<String>,
    /// That place if it is an archive.
    pub s3_archive: Option<String>,
    /// That place if it is a prefix; ends with `/`.
    pub s3_prefix: Option<String>,
    /// Whether the service copies that prefix into the container before it starts.
    pub s3_mounted: bool,
    /// Accelerators that one copy is split over.
    pub tensor_parallel: Option<u32>,
    /// Longest context, in tokens.
    pub max_model_len: Option<u64>,
    /// Most sequences at once; absent where the engine's own default is right.
    pub max_num_seqs: Option<u32>,
    /// Share of accelerator memory that the engine may take.
    pub gpu_memory_utilization: Option<f64>,
    /// Number format of the weights in memory.
    pub dtype: Option<String>,
    /// What it is asked for; absent for packed models.
    pub task: Option<Task>,
    /// Each task, and whether it is that.
    pub asked_for: BTreeMap<Task, bool>,
    /// Whether it reads images beside text.
    pub reads_images: bool,
    /// Whether it reads a text in one pass and generates none; absent for those that do not.
    pub pools: Option<bool>,
    /// Whether it is an encoder, which keeps nothing of what it has read; absent for those that are none.
    pub encodes: Option<bool>,
    /// What the engine takes to read texts in one pass with a class that generates.
    pub runner: Option<String>,
    /// Further options of the engine, in the form that its command line takes.
    pub engine_options: Option<Map<String, Value>>,
    /// How it fits; absent for packed models and for models that nothing describes.
    pub fit: Option<Fit>,
}

/// A tensor of a model, in the terms of a model server's configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize))]
pub struct Tensor {
    /// Its name.
    pub name: String,
    /// Its type, such as `TYPE_FP32`.
    pub data_type: String,
    /// Its dimensions without that of the batch; -1 for one of any length.
    pub dims: Vec<i64>,
    /// The shape that the model itself has it in, where that has no dimension but the batch's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reshape: Option<Reshape>,
}

/// The shape that a model has a tensor in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize))]
pub struct Reshape {
    /// Its dimensions without that of the batch.
    pub shape: Vec<i64>,
}

/// How a model fits its instance, by the estimates of [`mcc_fit::sizing`].
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize))]
pub struct Fit {
    /// Weights per accelerator, in GiB.
    pub weights_gib: f64,
    /// Disk for weights and caches, in GB.
    pub disk_gb: u32,
    /// Main memory below which loading is slow or fails, in GiB.
    pub memory_gib: u64,
    /// Seconds until the health check can succeed.
    pub health_check_timeout_s: u32,
    /// Seconds for the service's own download.
    pub download_timeout_s: u32,
    /// The arithmetic and the decisions, as sentences.
    pub notes: Vec<String>,
}
