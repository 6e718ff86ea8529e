//! Rules about pods on a HyperPod cluster.

use serde_json::Value;

use super::Rule;
use crate::finding::{Finding, Severity, shorten};
use crate::fix::{self, Fix};
use crate::resolve::Context;
use crate::spec::{RunsAs, Spec, TYPE_LABEL};

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "MCC-HP-002",
        severity: Severity::Error,
        title: "the node labels name another instance type",
        why: "pods ask for nodes that have all of the labels, and a node has one instance type",
        source: "Kubernetes, well-known labels: node.kubernetes.io/instance-type",
        check: Some(node_type),
    },
    Rule {
        id: "MCC-HP-003",
        severity: Severity::Warning,
        title: "the weights are kept on the node's own disk",
        why: "each pod fetches them again into an emptyDir, and a node whose disk fills up evicts pods",
        source: "Kubernetes, Volumes: emptyDir; Node-pressure Eviction",
        check: Some(scratch),
    },
    Rule {
        id: "MCC-HP-004",
        severity: Severity::Warning,
        title: "the operator's pods get no shared memory of their own",
        why: "workers of a split model exchange tensors through /dev/shm, of which a pod has 64 MiB unless it mounts more; \
              the operator's resource has one volume mount, that of the model",
        source: "custom resource InferenceEndpointConfig (catalogs/data/crds); Kubernetes, emptyDir with medium Memory",
        check: Some(shared_memory),
    },
];

fn node_type(context: &Context<'_>, spec: &Spec, findings: &mut Vec<Finding>) {
    let labels = context.inputs.hp_node_selector.as_ref();
    let named = labels.and_then(|labels| labels.get(TYPE_LABEL)).and_then(Value::as_str);
    let (Some(named), Some(kind)) = (named, spec.instance.kind.as_deref()) else { return };
    if named != kind {
        let message = format!(
            "hpNodeSelector asks for nodes of {}, and instanceType is {kind}",
            shorten(named)
        );
        let fix = Fix::unset(fix::entry("hpNodeSelector", TYPE_LABEL))
            .or(Fix::set("instanceType", named));
        let finding = Finding::error("MCC-HP-002", message, fix);
        findings.push(context.merged.about("instanceType", finding));
    }
}

/// GB on a node's disk that are worth a warning: the root volume of a node has 100 GB unless it was given more.
const LARGE_GB: u32 = 80;

fn scratch(context: &Context<'_>, spec: &Spec, findings: &mut Vec<Finding>) {
    if spec.basis.runs_as != RunsAs::Pods || !spec.hyperpod.scratch || spec.model.source != "hub" {
        return;
    }
    let size = spec.model.fit.as_ref().map(|fit| fit.disk_gb);
    let severity =
        if size.is_some_and(|gb| gb <= LARGE_GB) { Severity::Note } else { Severity::Warning };
    let what = size.map_or_else(
        || "the weights, of which the size is not known,".to_owned(),
        |gb| format!("the weights and caches, about {gb} GB,"),
    );
    let message = format!(
        "{what} are kept in an emptyDir on the node's disk: each pod needs the room, and fetches them again when it starts"
    );
    let fix = "give fsxVolumeHandle, a file system that pods share, or see that the nodes have as much free";
    let finding = Finding::new("MCC-HP-003", severity, message, fix);
    findings.push(context.merged.about("modelName", finding));
}

fn shared_memory(context: &Context<'_>, spec: &Spec, findings: &mut Vec<Finding>) {
    let pods = spec.basis.runs_as == RunsAs::Pods;
    if !pods || !spec.hyperpod.operator || spec.hyperpod.shm.is_none() {
        return;
    }
    let why = match spec.model.tensor_parallel {
        Some(degree) if degree > 1 => format!("the model is split over {degree} accelerators"),
        _ => "the server's processes share memory".to_owned(),
    };
    let finding = Finding::warning(
        "MCC-HP-004",
        format!(
            "{why}, and the operator's resource has no place for a larger /dev/shm than the 64 MiB that pods have"
        ),
        "give hyperpodManifest deployment, which mounts 8 GiB",
    );
    findings.push(context.merged.about("hyperpodManifest", finding));
}
