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
    Rule {
        id: "MCC-HP-005",
        severity: Severity::Warning,
        title: "the cluster was not found in the Region",
        why: "do/deploy asks SageMaker for it by name, and ends there",
        source: "SageMaker ListClusters, looked up; without a look-up nothing is said",
        check: Some(cluster),
    },
    Rule {
        id: "MCC-HP-006",
        severity: Severity::Warning,
        title: "the cluster has no nodes of the instance type",
        why: "pods ask for nodes of the type, and wait for them for ever",
        source: "SageMaker DescribeCluster, looked up; without a look-up nothing is said",
        check: Some(nodes),
    },
    Rule {
        id: "MCC-HP-007",
        severity: Severity::Warning,
        title: "the cluster cannot take the manifest as it is",
        why: "the operator's resource needs HyperPod's inference operator, and everything needs an EKS cluster",
        source: "SageMaker DescribeCluster, EKS ListAddons, looked up; the operator can be installed by Helm too",
        check: Some(operator),
    },
];

/// Most clusters that are named.
const NAMED: usize = 3;

fn cluster(context: &Context<'_>, spec: &Spec, findings: &mut Vec<Finding>) {
    if spec.basis.runs_as != RunsAs::Pods || context.cluster(&spec.aws).is_some() {
        return;
    }
    let (Some(named), region) = (&context.inputs.hyperpod_cluster, &spec.aws.region) else {
        return;
    };
    let rows = context.catalogs.clusters();
    let names: Vec<&str> = rows.of(region).map(|row| row.name.as_str()).collect();
    // Where nobody looked nothing is known, and where not all were listed it may be among the others.
    let all = rows.listed(region).map_or(!names.is_empty(), |listed| listed.clusters);
    if !all {
        return;
    }
    let near = mcc_catalogs::nearest(named, names.iter().copied(), NAMED);
    let found = if near.is_empty() { &names } else { &near };
    let near: Vec<String> = found.iter().take(NAMED).map(|name| (*name).to_owned()).collect();
    let message = match names.len() {
        0 => format!("no HyperPod cluster was found in {region}"),
        1 => format!("the one HyperPod cluster that was found in {region} has another name"),
        many => {
            format!(
                "none of the {many} HyperPod clusters that were found in {region} has this name"
            )
        }
    };
    let fix: fix::Fixes = if near.is_empty() {
        "give the Region of the cluster, or create it first".into()
    } else {
        Fix::choose("hyperpodCluster", near.clone()).into()
    };
    let finding = Finding::warning("MCC-HP-005", message, fix).choices(near);
    findings.push(context.merged.about("hyperpodCluster", finding));
}

fn nodes(context: &Context<'_>, spec: &Spec, findings: &mut Vec<Finding>) {
    let Some(cluster) = context.cluster(&spec.aws) else { return };
    let Some(instance) = context.row_of(&spec.instance) else { return };
    if mcc_fit::has_node(cluster, instance) != Some(false) {
        return;
    }
    let kinds = context.cluster_types(&spec.aws).map(|(_, kinds)| kinds).unwrap_or_default();
    let has = if kinds.is_empty() { "no nodes that run".to_owned() } else { kinds.join(", ") };
    let own = cluster.groups.iter().flatten().filter(|group| group.instance == instance.name);
    let stopped = own.map(mcc_catalogs::ClusterGroup::not_running).fold(0, u32::saturating_add);
    let found = context.candidates(&spec.aws);
    let types: Vec<String> =
        found.iter().take(NAMED).map(|found| found.instance.name.to_string()).collect();
    let more = Fix::say(format!("add nodes of {} to the cluster", instance.name));
    let fix = if types.is_empty() {
        more.into()
    } else {
        Fix::choose("instanceType", types.clone()).or(more)
    };
    let name = shorten(&cluster.name);
    let message = match stopped {
        0 => format!("{name} has no nodes of {}; it has {has}", instance.name),
        1 => format!("the one node of {} in {name} does not run; it has {has}", instance.name),
        many => {
            format!("none of the {many} nodes of {} in {name} runs; it has {has}", instance.name)
        }
    };
    let finding = Finding::warning("MCC-HP-006", message, fix).choices(types);
    findings.push(context.merged.about("instanceType", finding));
}

fn operator(context: &Context<'_>, spec: &Spec, findings: &mut Vec<Finding>) {
    let Some(cluster) = context.cluster(&spec.aws) else { return };
    let name = shorten(&cluster.name);
    let described = cluster.groups.is_some();
    let (message, fix): (String, fix::Fixes) = if described && cluster.eks.is_none() {
        let message =
            format!("{name} has no EKS cluster: it is orchestrated otherwise, by Slurm for one");
        (message, "name a cluster that EKS orchestrates".into())
    } else if cluster.status != "InService" {
        let message = format!("{name} is {}, not InService", shorten(&cluster.status));
        (message, "wait until it is InService".into())
    } else if spec.hyperpod.operator && cluster.operator.as_deref() == Some("") {
        let message = format!(
            "{name} has no add-on with HyperPod's inference operator; whether Helm installed it is not known"
        );
        let fix = Fix::set("hyperpodManifest", "deployment").or("install the operator");
        (message, fix)
    } else {
        return;
    };
    let finding = Finding::warning("MCC-HP-007", message, fix);
    findings.push(context.merged.about("hyperpodCluster", finding));
}

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
