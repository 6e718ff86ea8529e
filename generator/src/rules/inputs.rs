//! Rules about inputs themselves: what is taken at all, and what only makes sense together.

use mcc_catalogs::{names_a_secret, secret_in};
use serde_json::Value;

use super::Rule;
use crate::finding::{Finding, Severity};
use crate::fix::{self, Fix, Fixes, Remedy};
use crate::merge::Merged;
use crate::resolve::Context;
use crate::spec::Spec;

/// Written where the rule is applied while inputs are read or resolved.
const fn noted(
    id: &'static str,
    severity: Severity,
    title: &'static str,
    why: &'static str,
    source: &'static str,
) -> Rule {
    Rule { id, severity, title, why, source, check: None }
}

const OURS: &str = "this generator's own contract";

pub(super) const RULES: &[Rule] = &[
    noted(
        "MCC-INP-001",
        Severity::Error,
        "a value is of the wrong form or out of range",
        "a value that AWS, the engine or the scripts would refuse later is refused now, with what would be right",
        "botocore's service models; catalogs",
    ),
    noted(
        "MCC-INP-002",
        Severity::Error,
        "a key is not an input",
        "a misspelt key that is silently ignored changes nothing and nobody notices",
        OURS,
    ),
    noted(
        "MCC-INP-003",
        Severity::Error,
        "a file of inputs cannot be read",
        "a configuration that was named but not applied is worse than none",
        OURS,
    ),
    noted(
        "MCC-INP-004",
        Severity::Error,
        "a file that an input names cannot be used",
        "versions and models are read from files, never guessed",
        OURS,
    ),
    noted(
        "MCC-INP-005",
        Severity::Error,
        "an input does not apply to the config or target",
        "an input without effect is left out with a note; one that asks for what cannot be had here is an error",
        OURS,
    ),
    Rule {
        id: "MCC-INP-006",
        severity: Severity::Error,
        title: "an input needs another one",
        why: "without the other input it has no effect; that is an error where it asks for what is then not done, such as \
              half of a VPC, and a note otherwise",
        source: OURS,
        check: Some(dependent),
    },
    Rule {
        id: "MCC-INP-007",
        severity: Severity::Error,
        title: "two inputs contradict each other",
        why: "only one of them could be honoured",
        source: OURS,
        check: Some(contradictions),
    },
    noted(
        "MCC-INP-008",
        Severity::Note,
        "a value is read as what it means",
        "the page of a model names its id, and EC2's name of a type names SageMaker's: nothing is guessed",
        OURS,
    ),
    noted(
        "MCC-SEC-001",
        Severity::Error,
        "a secret is given as an input",
        "inputs are kept in the project and sent to tools; secrets belong in Secrets Manager or the shell",
        OURS,
    ),
    Rule {
        id: "MCC-SEC-002",
        severity: Severity::Error,
        title: "a value looks like a secret",
        why: "environment values are written to deploy/*.json and shown by the SageMaker API",
        source: OURS,
        check: Some(secrets),
    },
    noted(
        "MCC-FMT-001",
        Severity::Error,
        "the framework does not keep models in this format",
        "the handler loads the formats of its framework",
        "the frameworks' own documentation",
    ),
    noted(
        "MCC-FMT-002",
        Severity::Error,
        "the model file is in a form that the framework no longer reads",
        "XGBoost 3.1 removed its old binary format",
        "XGBoost release notes, 3.1",
    ),
    noted(
        "MCC-FMT-003",
        Severity::Error,
        "the model file is not what its format or framework says",
        "the first bytes of a file say what it is; one of another form ends the build or the container",
        "the file itself",
    ),
    noted(
        "MCC-FMT-004",
        Severity::Error,
        "the server cannot do what the model needs",
        "it would refuse the model, or answer with other values than the library",
        "Triton's FIL and ONNX Runtime backends; Treelite",
    ),
    noted(
        "MCC-FW-001",
        Severity::Error,
        "the model was trained with another version of the framework",
        "pickles are only promised to load in the version that wrote them",
        "scikit-learn, Model persistence",
    ),
    noted(
        "MCC-FW-002",
        Severity::Error,
        "no packages for this version of Python",
        "without a wheel the image would have to compile the framework",
        "the package index, read November 2026",
    ),
    noted(
        "MCC-FW-003",
        Severity::Warning,
        "a framework version that is not in the table",
        "its companions (numpy and others) are pinned by the nearest known release, or the server may not read its files",
        "the package index, read November 2026; Treelite pull request 638",
    ),
    noted(
        "MCC-FW-004",
        Severity::Warning,
        "the version of the framework is a guess",
        "a model that another version wrote may not load, or predict something else",
        "scikit-learn, Model persistence",
    ),
    noted(
        "MCC-FW-005",
        Severity::Warning,
        "the model needs packages that the image does not get",
        "a pickle imports the modules of its classes; without them the build's check fails",
        "the file itself; Python, pickle",
    ),
    noted(
        "MCC-FW-006",
        Severity::Warning,
        "lines of the requirements file are left out",
        "an image is the same again only with exact versions; other lines are not taken",
        OURS,
    ),
    noted(
        "MCC-FW-007",
        Severity::Warning,
        "the pickle needs code of the script that wrote it",
        "a pickle keeps the name of a class and not its code, and __main__ is another program in the container",
        "Python, pickle",
    ),
    noted(
        "MCC-TEN-001",
        Severity::Error,
        "the model's tensors are not known",
        "the server loads a model only by the names, types and shapes of its inputs and outputs",
        "Triton Inference Server, Model Configuration",
    ),
    noted(
        "MCC-TEN-030",
        Severity::Error,
        "the server has its own names and types of tensors",
        "it takes them by these names, so a model with others is loaded and every request fails",
        "triton-inference-server/fil_backend, docs/model_config.md (Inputs and Outputs) and src/model.h",
    ),
    noted(
        "MCC-TEN-031",
        Severity::Error,
        "the tensors that were given are not those of the model",
        "the server compares them with the model when it loads it, and refuses others",
        "Triton Inference Server, backend/src/backend_model.cc and onnxruntime_backend: unexpected inference input",
    ),
    noted(
        "MCC-GEN-001",
        Severity::Error,
        "a value cannot be written in a file of the project",
        "a value reaches its place byte for byte or not at all",
        OURS,
    ),
];

/// (input, what it needs, whether that is there)
type Need = (&'static str, &'static str, fn(&Context<'_>, &Spec) -> bool);

/// Inputs that ask for something which only the other input brings about: without it, what was asked for is not done.
const HALVES: &[Need] = &[
    ("autoscalingMin", "autoscalingMax", |c, _| c.inputs.autoscaling_max.is_some()),
    ("autoscalingTarget", "autoscalingMax", |c, _| c.inputs.autoscaling_max.is_some()),
    ("modelInputs", "modelOutputs", |c, _| c.inputs.model_outputs.is_some()),
    ("modelOutputs", "modelInputs", |c, _| c.inputs.model_inputs.is_some()),
    ("vpcSubnets", "vpcSecurityGroups", |c, _| c.inputs.vpc_security_groups.is_some()),
    ("vpcSecurityGroups", "vpcSubnets", |c, _| c.inputs.vpc_subnets.is_some()),
];

/// Inputs that say how something is done which is not done here: they have no effect.
const NEEDS: &[Need] = &[
    ("codebuildComputeType", "buildTarget codebuild", |_, s| s.project.codebuild),
    ("icGpuCount", "inferenceComponent", |_, s| s.endpoint.inference_component),
    ("icCpuCount", "inferenceComponent", |_, s| s.endpoint.inference_component),
    ("icMemorySize", "inferenceComponent", |_, s| s.endpoint.inference_component),
    ("icCopyCount", "inferenceComponent", |_, s| s.endpoint.inference_component),
    ("endpointDataCapturePath", "endpointDataCapturePercent above 0", |_, s| {
        s.endpoint.data_capture_path.is_some()
    }),
    ("maxLoras", "enableLora", |c, _| c.inputs.enable_lora == Some(true)),
    ("maxLoraRank", "enableLora", |c, _| c.inputs.enable_lora == Some(true)),
    ("modelRevision", "a Hugging Face id as modelName", |_, s| s.model.source == "hub"),
    ("hfTokenArn", "a Hugging Face id as modelName", |_, s| s.model.source == "hub"),
    ("modelDownloadTimeout", "a modelName in S3, which the service downloads", |_, s| {
        s.model.s3_mounted
    }),
    ("endpointVolumeSize", "an instance type without local NVMe storage", |_, s| !s.instance.nvme),
    ("hpEfaEnabled", "an instanceType with EFA", |c, s| {
        c.inputs.hp_efa_enabled != Some(true) || s.instance.efa > 0
    }),
    ("inferenceAmiVersion", "an instance type with an accelerator", |_, s| {
        s.instance.accelerators > 0 || !s.instance.known
    }),
    ("transformAmiVersion", "an instance type with an accelerator", |_, s| {
        s.instance.accelerators > 0 || !s.instance.known
    }),
];

fn dependent(context: &Context<'_>, spec: &Spec, findings: &mut Vec<Finding>) {
    findings.extend(unmet(HALVES, Severity::Error, context, spec));
}

/// Whether an input is given that may have no effect.
pub(crate) fn has_conditional(merged: &Merged) -> bool {
    NEEDS.iter().any(|(key, ..)| merged.is_given(key))
}

/// Notes about inputs that have no effect in `spec`.
pub(crate) fn without_effect(context: &Context<'_>, spec: &Spec) -> Vec<Finding> {
    unmet(NEEDS, Severity::Note, context, spec).collect()
}

fn unmet<'a>(
    needs: &'a [Need],
    severity: Severity,
    context: &'a Context<'_>,
    spec: &'a Spec,
) -> impl Iterator<Item = Finding> + 'a {
    let unmet =
        needs.iter().filter(|(key, _, met)| context.merged.is_given(key) && !met(context, spec));
    unmet.map(move |(key, need, _)| {
        let message = format!("{key} has no effect without {need}");
        let fixes = match (severity, half(context, key)) {
            // What has no effect is left out already, and nothing has to be done.
            (Severity::Note, _) => Fix::unset(*key).or(Fix::say(format!("give {need}"))),
            (_, Some(other)) => other.or(Fix::unset(*key)),
            (_, None) => Fixes::from(format!("give {need}")).or(Fix::unset(*key)),
        };
        context.merged.about(key, Finding::new("MCC-INP-006", severity, message, fixes))
    })
}

/// The other half of what was asked for, where it follows from the first.
fn half(context: &Context<'_>, key: &str) -> Option<Fix> {
    let i = &context.inputs;
    let start = i.endpoint_initial_instance_count.unwrap_or(1);
    let least = i.autoscaling_min.unwrap_or(1).max(start).max(1);
    match key {
        "autoscalingMin" => Some(Fix::set("autoscalingMax", least)),
        // Load is balanced by adding to what there is.
        "autoscalingTarget" => Some(Fix::set("autoscalingMax", least.saturating_mul(2))),
        _ => None,
    }
}

fn contradictions(context: &Context<'_>, spec: &Spec, findings: &mut Vec<Finding>) {
    let i = &context.inputs;
    let mut push = |key: &str, message: &str, fixes: Fixes| {
        findings.push(context.merged.about(key, Finding::error("MCC-INP-007", message, fixes)));
    };
    if i.include_sample == Some(true) && i.model_path.is_some() {
        push(
            "includeSample",
            "the project can pack the sample model or modelPath, not both",
            Fix::unset("includeSample").or(Fix::unset("modelPath")),
        );
    }
    for (key, given) in [("modelInputs", &i.model_inputs), ("modelOutputs", &i.model_outputs)] {
        if given.is_some() && i.include_sample == Some(true) {
            push(key, "the sample model has its own inputs and outputs", own_tensors(i));
        }
    }
    if i.base_image.is_some() && i.engine_version.is_some() {
        push(
            "engineVersion",
            "baseImage already decides the version of the engine",
            Fix::unset("engineVersion").or(Fix::unset("baseImage")),
        );
    }
    if let Some(a) = &spec.endpoint.autoscaling
        && a.min > a.max
    {
        let swapped = Fix::set("autoscalingMin", a.max).and(Fix::set("autoscalingMax", a.min));
        push("autoscalingMin", "autoscalingMin is above autoscalingMax", swapped.into());
    }
    if spec.project.name.contains("--") {
        push(
            "projectName",
            "an ECR repository cannot have two dashes in a row in its name",
            Fix::set("projectName", single_dashes(&spec.project.name)).into(),
        );
    }
    if i.fsx_volume_handle.is_some() && spec.model.source != "hub" {
        push(
            "fsxVolumeHandle",
            "the volume caches weights that are fetched from a hub, and this model is not",
            Fix::unset("fsxVolumeHandle").into(),
        );
    }
    if i.network_isolation == Some(true) && spec.model.source == "hub" {
        push(
            "networkIsolation",
            "without a network the container cannot fetch the model from the hub",
            "put the model's files into S3 and give modelName s3://…".into(),
        );
    }
}

/// A model of one's own has tensors; the sample has those that it has.
fn own_tensors(i: &crate::inputs::Inputs) -> Fixes {
    let given = [("modelInputs", &i.model_inputs), ("modelOutputs", &i.model_outputs)];
    let given = given.into_iter().filter(|(_, given)| given.is_some());
    let tensors = Remedy(given.map(|(key, _)| Fix::unset(key)).collect());
    Fix::set("includeSample", false).or(tensors)
}

fn single_dashes(name: &str) -> String {
    name.split('-').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-")
}

fn secrets(context: &Context<'_>, _: &Spec, findings: &mut Vec<Finding>) {
    for (key, sourced) in &context.merged.values {
        let Some(name) = secret_at(key, &sourced.value) else { continue };
        let named = name.as_deref().map(|name| format!(" {}", crate::finding::shorten(name)));
        let place = format!("{key}{}", named.unwrap_or_default());
        // The value is not quoted: an answer must not carry the secret further.
        let message = format!("{place} looks like a secret");
        let entry = name.map_or_else(|| key.clone(), |name| fix::entry(key, &name));
        let fix = Fix::unset(entry).and(Fix::say(
            "store it in Secrets Manager and give its ARN as hfTokenArn, or set it in the shell that runs do/run",
        ));
        findings.push(Finding::error("MCC-SEC-002", message, fix).on(key));
    }
}

/// Whether there is a secret in an input, and in which member.
#[expect(clippy::option_option, reason = "a secret may be in no member")]
fn secret_at(key: &str, value: &Value) -> Option<Option<String>> {
    match value {
        Value::String(text) => secret_in(text).map(|_| None),
        Value::Array(items) => items.iter().find_map(|item| secret_at(key, item)),
        Value::Object(members) => members.iter().find_map(|(name, member)| {
            let text = member.as_str().unwrap_or_default();
            let named = key == "modelEnv" && names_a_secret(name);
            let held = named && !text.starts_with("arn:") && member != &Value::from("");
            let found = held || secret_at(key, member).is_some();
            found.then(|| Some(name.clone()))
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}
