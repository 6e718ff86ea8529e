//! What was decided about a project, as a person or an assistant is told it: made of the [`Spec`] that its files are
//! rendered from, and of nothing else.

use schemars::JsonSchema;
use serde::Serialize;

use crate::finding::shorten;
use crate::reasons;
use crate::spec::{ComponentSpec, LiveValue, Origin, RunsAs, Spec, Tensor};
use mcc_catalogs::{DriverFit, Task};
use mcc_fit::TaskBasis;

mod memory;

#[cfg(test)]
mod tests;

pub use memory::MemoryDecision;

/// Hours of a month, as AWS reckons prices by the month.
const HOURS: f64 = 730.0;
/// The members of a request that say what it is for.
const BODIES: [&str; 6] = ["messages", "prompt", "input", "inputs", "query", "documents"];
/// Most tensors of a kind that are named.
const TENSORS: usize = 4;

/// The decisions, each worded once.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Decisions {
    /// What the Dockerfile starts FROM.
    pub base_image: String,
    /// Release of the engine or server in it, and its CUDA.
    pub engine: String,
    /// Host image, and how its driver suits the image's CUDA.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host_image: Option<String>,
    /// Platform and builder of the image.
    pub build: String,
    /// The model, and how it gets into the container.
    pub model: String,
    /// What the model is asked for, and how that is known; absent where it just generates text, by its class.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// Version of the framework, and where it is from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub framework: Option<String>,
    /// Version of Python, and where it is from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub python: Option<String>,
    /// Tensors and batching.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tensors: Option<String>,
    /// How the model shares the accelerators' memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<MemoryDecision>,
    /// What a pod asks for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pod: Option<String>,
    /// Disk, and the time that download and start may take.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limits: Option<String>,
    /// How a request gets in, how large it may be and how long an answer may take.
    pub request: String,
    /// What it costs by the hour and the month, on what basis.
    pub cost: String,
    /// Which of these values were looked up, and what else was.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub live: Vec<LiveValue>,
}

impl Decisions {
    /// What was decided in `spec`.
    pub(crate) fn of(spec: &Spec) -> Self {
        let (framework, python) = versions(spec);
        Self {
            base_image: shorten(&spec.image.base),
            engine: engine(spec),
            host_image: host(spec),
            build: build(spec),
            model: model(spec),
            task: task(spec),
            framework,
            python,
            tensors: tensors(spec),
            memory: MemoryDecision::of(spec),
            pod: pod(spec),
            limits: limits(spec),
            request: request(spec),
            cost: cost(spec),
            live: spec.basis.live.clone(),
        }
    }

    /// One line for each decision: what it is about, and what it is.
    pub fn lines(&self) -> Vec<(&'static str, String)> {
        let memory = self.memory.as_ref().map(MemoryDecision::line);
        let lines = [
            ("base image", Some(&self.base_image)),
            ("engine", Some(&self.engine)),
            ("host image", self.host_image.as_ref()),
            ("build", Some(&self.build)),
            ("model", Some(&self.model)),
            ("task", self.task.as_ref()),
            ("framework", self.framework.as_ref()),
            ("Python", self.python.as_ref()),
            ("tensors", self.tensors.as_ref()),
            ("memory", memory.as_ref()),
            ("pod", self.pod.as_ref()),
            ("limits", self.limits.as_ref()),
            ("request", Some(&self.request)),
            ("cost", Some(&self.cost)),
        ];
        let live = |name: &str| self.live.iter().find(|live| live.value == name);
        let decided = lines.into_iter().filter_map(|(name, line)| {
            let told = live(name).map(|live| format!("; {}", live.told())).unwrap_or_default();
            Some((name, format!("{}{told}", line?)))
        });
        let found = ["quota", "cluster"].into_iter().filter_map(|name| {
            let live = live(name)?;
            Some((name, format!("{}; {}", live.found.as_deref()?, live.told())))
        });
        decided.chain(found).collect()
    }
}

fn is_set(spec: &Spec, key: &str) -> bool {
    spec.inputs.get(key).is_some_and(|value| !value.is_null())
}

fn engine(spec: &Spec) -> String {
    let own = is_set(spec, "baseImage");
    let name = spec.basis.engine.as_deref().unwrap_or(&spec.project.backend);
    let release = match &spec.image.engine_version {
        Some(version) => format!("{name}, image release {version}"),
        None if own => "not known: the image is your own".to_owned(),
        None => name.to_owned(),
    };
    match &spec.image.cuda {
        Some(cuda) => format!("{release}, CUDA {cuda}"),
        None if spec.instance.gpus > 0 => format!("{release}, CUDA not known"),
        None => release,
    }
}

fn host(spec: &Spec) -> Option<String> {
    let name = shorten(spec.endpoint.ami.as_deref()?);
    let host = spec.basis.host.as_ref();
    let cuda = spec.image.cuda.as_deref().unwrap_or_default();
    Some(match host.and_then(|h| Some((h.driver?, h.fit?))) {
        Some((driver, DriverFit::Full)) => {
            format!("{name}: driver {driver} supports CUDA {cuda} fully")
        }
        Some((driver, DriverFit::MinorVersion)) => format!(
            "{name}: driver {driver} starts CUDA {cuda} by minor-version compatibility only"
        ),
        Some((driver, DriverFit::TooOld)) => format!(
            "{name}: driver {driver} is older than CUDA {cuda} needs; only the image's own compatibility libraries help"
        ),
        None => match host.and_then(|h| h.driver) {
            Some(driver) => format!("{name}: driver {driver}"),
            None => name,
        },
    })
}

fn build(spec: &Spec) -> String {
    let platform = &spec.image.platform;
    if spec.project.codebuild {
        let size = spec.inputs.get("codebuildComputeType").and_then(serde_json::Value::as_str);
        format!("{platform}, by CodeBuild ({})", size.unwrap_or_default())
    } else {
        format!("{platform}, on this machine")
    }
}

fn model(spec: &Spec) -> String {
    let model = &spec.model;
    let name =
        shorten(model.id.as_deref().filter(|_| model.s3_uri.is_none()).unwrap_or(&model.name));
    match model.source.as_str() {
        "hub" => {
            let revision = spec.inputs.get("modelRevision").and_then(serde_json::Value::as_str);
            let at = revision.map(|r| format!(" at {}", shorten(r))).unwrap_or_default();
            format!("{name}{at}, fetched from the Hugging Face hub at the start")
        }
        "s3" => {
            let uri = shorten(model.s3_uri.as_deref().unwrap_or_default());
            let how = match (model.s3_mounted, spec.basis.runs_as) {
                (true, _) => "copied into the container by SageMaker before it starts",
                (false, RunsAs::Pods) => "mounted into the pods",
                (false, _) => "fetched when the container starts",
            };
            format!("{uri}, {how}")
        }
        _ => {
            let place = spec.model_place();
            let place = place.as_deref().unwrap_or("not known yet");
            if is_set(spec, "modelPath") {
                format!("{place}, a copy of modelPath")
            } else if spec.inputs.get("includeSample") == Some(&true.into()) {
                format!("{place}, a sample that is trained when the image is built")
            } else {
                format!("{place}, which you put there")
            }
        }
    }
}

/// Whether a model generates text from text, by a class that says so.
fn is_usual(spec: &Spec) -> bool {
    spec.basis.task == Some(Task::Generate)
        && spec.basis.task_from == Some(TaskBasis::Class)
        && !spec.model.reads_images
}

/// Nothing for packed models, where their files decide, and for those that just generate text.
fn task(spec: &Spec) -> Option<String> {
    let task = spec.basis.task.or(spec.model.task)?;
    // Plans are short: text is what is expected of a model.
    if is_usual(spec) {
        return None;
    }
    let images = if spec.model.reads_images { " from text and images" } else { "" };
    let class = spec.basis.class.as_deref().map(shorten);
    let how = match (spec.basis.task_from, class) {
        (Some(TaskBasis::Asked), _) => "as engineArgs ask".to_owned(),
        (Some(TaskBasis::Class), Some(class)) => format!("by its class {class}"),
        (Some(TaskBasis::Guess), _) => "by its name, a guess".to_owned(),
        // What a config for images serves when nobody says anything is no guess about the model.
        _ if task == Task::Image => return Some(reasons::makes(task).to_owned()),
        _ => "assumed: its class is not known".to_owned(),
    };
    Some(format!("{}{images}, {how}", reasons::makes(task)))
}

fn versions(spec: &Spec) -> (Option<String>, Option<String>) {
    let origin = |origin: Origin| match origin {
        Origin::Given => "as given",
        Origin::File => "read from the model file",
        Origin::Requirements => "from the requirements file",
        Origin::Guess => "a guess: the file does not say",
        Origin::Suits => "which its packages are made for",
        Origin::Usual => "the usual one",
    };
    let basis = &spec.basis;
    let framework = spec.model.framework_version.as_ref().zip(basis.framework.as_ref());
    let framework = framework
        .map(|(version, name)| format!("{name} {version}, {}", origin(basis.origins.framework)));
    let python = spec.model.python_version.as_ref();
    let python = python.map(|version| format!("{version}, {}", origin(basis.origins.python)));
    (framework, python)
}

fn tensors(spec: &Spec) -> Option<String> {
    let model = &spec.model;
    let batch = model.max_batch_size.map(|most| match most {
        0 => "no batches".to_owned(),
        most => format!("up to {most} records in a batch"),
    });
    let (inputs, outputs) = (model.inputs.as_ref(), model.outputs.as_ref());
    match (inputs.zip(outputs), batch) {
        (Some((inputs, outputs)), batch) => {
            let batch = batch.map(|batch| format!("; {batch}")).unwrap_or_default();
            Some(format!("{} to {}{batch}", named(inputs), named(outputs)))
        }
        (None, Some(batch)) => Some(format!("read from the model by the server; {batch}")),
        (None, None) => None,
    }
}

fn named(tensors: &[Tensor]) -> String {
    let one = |tensor: &Tensor| {
        let dims: Vec<String> = tensor.dims.iter().map(ToString::to_string).collect();
        let kind = tensor.data_type.trim_start_matches("TYPE_");
        format!("{} {kind}[{}]", shorten(&tensor.name), dims.join(","))
    };
    let mut names: Vec<String> = tensors.iter().take(TENSORS).map(one).collect();
    if tensors.len() > TENSORS {
        names.push(format!("{} more", tensors.len() - TENSORS));
    }
    names.join(", ")
}

fn pod(spec: &Spec) -> Option<String> {
    if spec.basis.runs_as != RunsAs::Pods {
        return None;
    }
    let requests = spec.hyperpod.requests.iter();
    let requests: Vec<String> =
        requests.map(|(name, value)| format!("{name} {}", crate::render::plain(value))).collect();
    // The operator's resource has no place for it.
    let shm = spec.hyperpod.shm.as_ref().filter(|_| spec.hyperpod.deployment);
    let shm = shm.map(|size| format!(", /dev/shm {size}"));
    let count = match spec.instance.count {
        1 => "1 pod with".to_owned(),
        n => format!("{n} pods, each with"),
    };
    Some(format!("{count} {}{}", shorten(&requests.join(", ")), shm.unwrap_or_default()))
}

/// Nothing for jobs: the service gives them their disk and their time.
fn limits(spec: &Spec) -> Option<String> {
    let endpoint = &spec.endpoint;
    let start = |seconds: u32| format!("start within {seconds} s");
    let limits = match spec.basis.runs_as {
        RunsAs::Job => return None,
        RunsAs::Pods => vec![
            start(spec.hyperpod.startup_failures * 10),
            format!("roll-out within {} s", spec.hyperpod.deadline_s),
        ],
        RunsAs::Endpoint => {
            let disk = match endpoint.volume_gb {
                Some(gb) => format!("disk {gb} GB"),
                None if spec.instance.nvme => "disk: the instance's own NVMe".to_owned(),
                None => "disk of the service's usual size".to_owned(),
            };
            let download =
                endpoint.download_timeout_s.map(|seconds| format!("download within {seconds} s"));
            let start = start(endpoint.health_check_timeout_s);
            let parts = [Some(disk), download, Some(start), endpoint.ic.as_ref().map(component)];
            parts.into_iter().flatten().collect()
        }
    };
    Some(limits.join(", "))
}

/// What the copies of an inference component get.
fn component(ic: &ComponentSpec) -> String {
    let gpus = ic.gpus.map(|gpus| format!("{gpus} accelerators, "));
    let cpus = ic.cpus.map(|cpus| format!("{cpus} vCPUs, "));
    let (gpus, cpus) = (gpus.unwrap_or_default(), cpus.unwrap_or_default());
    let (copies, mib) = (ic.copies, ic.memory_mb);
    format!("copies of the component: {copies}, each with {gpus}{cpus}{mib} MiB")
}

fn request(spec: &Spec) -> String {
    let server = &spec.server;
    let kind = if spec.basis.runs_as == RunsAs::Job {
        &spec.batch.content_type
    } else {
        &server.content_type
    };
    // What a body of JSON has beside the model's name.
    let members = server.request.as_ref().and_then(serde_json::Value::as_object);
    let body: Vec<&str> = members
        .into_iter()
        .flat_map(serde_json::Map::keys)
        .map(String::as_str)
        .filter(|key| BODIES.contains(key) && !is_usual(spec))
        .collect();
    let body =
        if body.is_empty() { String::new() } else { format!(" with {}", body.join(" and ")) };
    format!(
        "{}; {}{body}, at most {} MB, answered within {} s",
        spec.basis.route,
        shorten(kind),
        server.max_body_mb,
        server.timeout_s
    )
}

fn cost(spec: &Spec) -> String {
    let basis = &spec.basis.cost;
    if spec.basis.runs_as == RunsAs::Pods {
        return "nothing beyond the cluster's nodes, which are there already".to_owned();
    }
    let Some(usd) = basis.usd_per_hour else {
        return "not known".to_owned();
    };
    let all = usd * f64::from(spec.instance.count);
    let count = match spec.instance.count {
        1 => "1 instance".to_owned(),
        n => format!("{n} instances"),
    };
    let mut cost = format!("{} USD per hour for {count}", money(all));
    match spec.basis.runs_as {
        RunsAs::Job => cost.push_str(", only while the job runs"),
        _ => cost.push_str(&format!(", about {:.0} USD per month", all * HOURS)),
    }
    if spec.endpoint.scale_to_zero {
        cost.push_str(", 0 when idle");
    }
    let published = if basis.published { "AWS's price" } else { "an estimate" };
    cost.push_str(&format!("; {published} for {} as of {}", basis.region, basis.as_of));
    if basis.region != spec.aws.region {
        cost.push_str(&format!("; that of {} differs", spec.aws.region));
    }
    cost
}

/// Dollars, with as many digits as matter.
fn money(usd: f64) -> String {
    let rounded = (usd * 10_000.0).round() / 10_000.0;
    rounded.to_string()
}
