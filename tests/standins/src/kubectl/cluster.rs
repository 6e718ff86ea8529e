//! The objects of the cluster and how they change: deployments roll out over a few looks, the
//! operator makes a deployment of its own for every inference endpoint.

use serde_json::{Value, json};

use crate::outcome::Failure;
use crate::world::{World, public, set};

/// A resource type that the scripts may use: name in the API, scope, API group for messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Kind {
    plural: &'static str,
    singular: &'static str,
    namespaced: bool,
}

const KINDS: [Kind; 15] = [
    NAMESPACE,
    Kind { plural: "persistentvolumes", singular: "PersistentVolume", namespaced: false },
    Kind { plural: "persistentvolumeclaims", singular: "PersistentVolumeClaim", namespaced: true },
    Kind { plural: "secrets", singular: "Secret", namespaced: true },
    Kind { plural: "services", singular: "Service", namespaced: true },
    Kind { plural: "configmaps", singular: "ConfigMap", namespaced: true },
    Kind { plural: "serviceaccounts", singular: "ServiceAccount", namespaced: true },
    Kind { plural: "daemonsets", singular: "DaemonSet", namespaced: true },
    Kind { plural: "cronjobs", singular: "CronJob", namespaced: true },
    DEPLOYMENT,
    Kind { plural: "pods", singular: "Pod", namespaced: true },
    Kind { plural: "events", singular: "Event", namespaced: true },
    Kind { plural: "jobs", singular: "Job", namespaced: true },
    Kind { plural: "statefulsets", singular: "StatefulSet", namespaced: true },
    Kind {
        plural: "inferenceendpointconfigs",
        singular: "InferenceEndpointConfig",
        namespaced: true,
    },
];

impl Kind {
    /// Parses `deployment`, `Deployment`, `deployments`, `inferenceendpointconfigs.GROUP`.
    pub(crate) fn parse(word: &str) -> Result<Self, Failure> {
        let name = word.split('.').next().unwrap_or_default().to_ascii_lowercase();
        let found =
            KINDS.iter().find(|k| k.plural == name || k.singular.to_ascii_lowercase() == name);
        found.copied().ok_or_else(|| {
            Failure::Tool(format!("error: the server doesn't have a resource type \"{word}\""))
        })
    }

    fn store(self) -> String {
        format!("k8s.{}", self.plural)
    }

    fn scope(self, namespace: &str) -> &str {
        if self.namespaced { namespace } else { "-" }
    }
}

const NAMESPACE: Kind = Kind { plural: "namespaces", singular: "Namespace", namespaced: false };
const DEPLOYMENT: Kind = Kind { plural: "deployments", singular: "Deployment", namespaced: true };

/// The answer of the API server about something that is not there.
pub(crate) fn not_found(kind: Kind, name: &str) -> Failure {
    Failure::service("NotFound", format!("{} \"{name}\" not found", kind.plural))
}

/// Creates a namespace; the answer is its name.
pub(crate) fn create_namespace(world: &mut World, object: Value) -> Result<String, Failure> {
    let name = object.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
    let name = name.to_owned();
    if object.get("kind") != Some(&json!("Namespace")) {
        return Err(Failure::usage("standin: only namespaces are created, all else is applied"));
    }
    if world.get(&NAMESPACE.store(), "-", &name).is_some() {
        return Err(Failure::service(
            "AlreadyExists",
            format!("namespaces \"{name}\" already exists"),
        ));
    }
    world.put(&NAMESPACE.store(), "-", &name, object);
    Ok(name)
}

fn has_namespace(world: &World, name: &str) -> bool {
    name == "default" || world.get(&NAMESPACE.store(), "-", name).is_some()
}

/// Applies one object; the answer is its kind and name.
pub(crate) fn apply(
    world: &mut World,
    namespace: &str,
    mut object: Value,
    fails: bool,
) -> Result<(String, String), Failure> {
    let named = |object: &Value, pointer: &str| {
        object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let (kind_name, name) = (named(&object, "/kind"), named(&object, "/metadata/name"));
    let of = Kind::parse(&kind_name)
        .map_err(|_| Failure::Tool(format!("error: no matches for kind \"{kind_name}\"")))?;
    if of.singular == "InferenceEndpointConfig" && world.is_set("no_operator") {
        return Err(Failure::Tool(format!(
            "error: resource mapping not found for name: \"{name}\" namespace: \"{namespace}\" from \
             \"STDIN\": no matches for kind \"{kind_name}\" in version \
             \"inference.sagemaker.aws.amazon.com/v1\""
        )));
    }
    let own = named(&object, "/metadata/namespace");
    if of.namespaced && !own.is_empty() && own != namespace {
        return Err(Failure::Tool(format!(
            "error: the namespace from the provided object \"{own}\" does not match the namespace \
             \"{namespace}\""
        )));
    }
    if of.namespaced && !has_namespace(world, namespace) {
        return Err(not_found(NAMESPACE, namespace));
    }
    let scope = of.scope(namespace).to_owned();
    let before =
        world.get(&of.store(), &scope, &name).and_then(|o| o.pointer("/metadata/generation"));
    let generation = before.and_then(Value::as_u64).unwrap_or(0) + 1;
    if let Some(meta) = object.get_mut("metadata") {
        set(meta, "generation", json!(generation));
    }
    if of.singular == "Deployment" {
        start(world, &mut object, fails);
    }
    world.put(&of.store(), &scope, &name, object.clone());
    if of.singular == "InferenceEndpointConfig" {
        let mut made = deployment_of(&object, &name, generation);
        start(world, &mut made, fails);
        world.put(&DEPLOYMENT.store(), &scope, &name, made);
    }
    Ok((kind_name.to_ascii_lowercase(), name))
}

/// What the operator makes of an inference endpoint.
fn deployment_of(object: &Value, name: &str, generation: u64) -> Value {
    let labels = json!({"app": name});
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": name, "generation": generation, "labels": labels,
                     "ownerReferences": [{"kind": "InferenceEndpointConfig", "name": name}]},
        "spec": {
            "replicas": object.pointer("/spec/replicas").cloned().unwrap_or(json!(1)),
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [
                {"name": "model", "image": object.pointer("/spec/worker/image")}]}},
        },
    })
}

/// How a deployment's rollout stands: `no`, `ready` or `failed`.
const SETTLED: &str = "_settled";

fn is_ready(deployment: &Value) -> bool {
    deployment.get(SETTLED) == Some(&json!("ready"))
}

fn start(world: &World, deployment: &mut Value, fails: bool) {
    let then = if fails { "failed" } else { "ready" };
    World::start(deployment, SETTLED, "no", then, world.steps());
    set(deployment, "status", json!({"observedGeneration": 0}));
}

/// Looks at an object: a rollout comes one step closer. `None` when it is not there.
pub(crate) fn look(world: &mut World, of: Kind, namespace: &str, name: &str) -> Option<Value> {
    let scope = of.scope(namespace).to_owned();
    if of.singular == "Namespace" && name == "default" {
        return Some(json!({"metadata": {"name": "default"}}));
    }
    if of.singular == "Deployment" && world.look(&of.store(), &scope, name, SETTLED) {
        let deployment = world.get_mut(&of.store(), &scope, name)?;
        let replicas = deployment.pointer("/spec/replicas").cloned().unwrap_or(json!(1));
        let generation = deployment.pointer("/metadata/generation").cloned();
        let status = if is_ready(deployment) {
            json!({"observedGeneration": generation, "replicas": replicas,
                   "updatedReplicas": replicas, "readyReplicas": replicas,
                   "availableReplicas": replicas,
                   "conditions": [{"type": "Available", "status": "True"}]})
        } else {
            json!({"observedGeneration": generation, "replicas": replicas, "updatedReplicas": 1,
                   "unavailableReplicas": 1,
                   "conditions": [{"type": "Progressing", "status": "False",
                                   "reason": "ProgressDeadlineExceeded",
                                   "message": "the deployment has timed out progressing (injected)"}]})
        };
        set(deployment, "status", status);
    }
    let mut value = world.get(&of.store(), &scope, name)?.clone();
    if of.singular == "InferenceEndpointConfig" {
        let made = world.get(&DEPLOYMENT.store(), &scope, name)?;
        let state = match made.get(SETTLED).and_then(Value::as_str) {
            Some("ready") => "DeploymentComplete",
            Some("failed") => "DeploymentFailed",
            _ => "DeploymentInProgress",
        };
        let status = json!({
            "state": state,
            "deploymentStatus": {"name": name, "deploymentObjectOverallState": state,
                                 "message": "standin"},
        });
        set(&mut value, "status", status);
    }
    Some(public(&value))
}

/// All objects of a kind in a namespace; pods are made up from the deployments.
pub(crate) fn list(world: &World, of: Kind, namespace: &str) -> Vec<Value> {
    if of.singular == "Pod" {
        return pods(world, namespace);
    }
    let all = world.list(&of.store(), of.scope(namespace)).into_iter();
    all.map(|(_, v)| public(&v)).collect()
}

/// One pod for each deployment.
pub(crate) fn pods(world: &World, namespace: &str) -> Vec<Value> {
    let all = world.list(&DEPLOYMENT.store(), namespace).into_iter();
    all.map(|(name, deployment)| {
        let ready = is_ready(&deployment);
        let waiting = json!({"waiting": {"reason": "CrashLoopBackOff", "message": "injected"}});
        json!({
            "metadata": {"name": format!("{name}-0"), "labels": deployment.pointer("/spec/template/metadata/labels")},
            "spec": {"nodeName": "node-1"},
            "status": {
                "phase": if ready { "Running" } else { "Pending" },
                "containerStatuses": [{"name": "model", "ready": ready, "restartCount": 0,
                                       "state": if ready { json!({"running": {}}) } else { waiting }}],
            },
        })
    })
    .collect()
}

/// Whether `deployment/NAME` has pods that serve.
pub(crate) fn ready(world: &World, namespace: &str, target: &str) -> Result<bool, Failure> {
    let (kind_name, name) = target.split_once('/').unwrap_or(("pods", target));
    let of = Kind::parse(kind_name)?;
    let object = world.get(&of.store(), of.scope(namespace), name);
    let object = object.ok_or_else(|| not_found(of, name))?;
    Ok(is_ready(object))
}

/// Deletes an object with what belongs to it; true when it was there.
pub(crate) fn delete(world: &mut World, of: Kind, namespace: &str, name: &str) -> bool {
    let scope = of.scope(namespace).to_owned();
    let there = world.remove(&of.store(), &scope, name).is_some();
    if there && of.singular == "InferenceEndpointConfig" {
        world.remove(&DEPLOYMENT.store(), &scope, name);
    }
    if there && of.singular == "Namespace" {
        for inside in KINDS.iter().filter(|k| k.namespaced) {
            for (id, _) in world.list(&inside.store(), name) {
                world.remove(&inside.store(), name, &id);
            }
        }
    }
    there
}
