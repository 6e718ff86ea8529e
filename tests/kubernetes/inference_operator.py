"""HyperPod's inference operator, as far as a project meets it: its kind with the schema that the catalog has, and a
Deployment for each InferenceEndpointConfig, whose state it tells.

The kind is the operator's own. What is made of it, and when which state is told, is ours and no proof of how the
operator does it.
"""

from __future__ import annotations

import json
import urllib.error
from pathlib import Path
from typing import Any

from api import Api, Object

GROUP = "inference.sagemaker.aws.amazon.com"
PLURAL = "inferenceendpointconfigs"
FINALIZER = f"{GROUP}/finalizer"
# Kubernetes 1.20 takes an empty text as default for none, and refuses that.
LEFT_OUT = [("additionalProperties", False), ("default", "")]
TYPE_LABEL = "node.kubernetes.io/instance-type"


def structural(schema: Any) -> Any:
    """A JSON schema as CustomResourceDefinitions have it: there, what is not named is not allowed anyway."""
    if isinstance(schema, list):
        return [structural(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {
        key: {name: structural(one) for name, one in value.items()} if key == "properties" else structural(value)
        for key, value in schema.items()
        if not key.startswith("$") and key != "title" and (key, value) not in LEFT_OUT
    }
    if kept.get("type") == "object" and not {"properties", "additionalProperties"} & kept.keys():
        kept["x-kubernetes-preserve-unknown-fields"] = True
    if kept.get("type") == "array" and "items" not in kept:
        kept["items"] = {"x-kubernetes-preserve-unknown-fields": True}
    # The catalog leaves out the type of what may be a number or a text.
    if "type" not in kept:
        kept["x-kubernetes-int-or-string"] = True
    return kept


def install(api: Api, schema: Path) -> None:
    whole = structural(json.loads(schema.read_text()))
    whole["properties"]["metadata"] = {"type": "object"}
    # A list by name in the operator's own, which JSON schema cannot say.
    variables = whole["properties"]["spec"]["properties"]["worker"]["properties"]["environmentVariables"]
    variables |= {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]}
    versions = [version.rsplit("/", 1)[1] for version in whole["properties"]["apiVersion"].pop("enum")]
    whole["properties"]["kind"].pop("enum")
    names = {"kind": "InferenceEndpointConfig", "plural": PLURAL, "singular": PLURAL.removesuffix("s")}
    served = [
        {
            "name": version,
            "served": True,
            "storage": version == "v1",
            "schema": {"openAPIV3Schema": whole},
            "subresources": {"status": {}},
        }
        for version in versions
    ]
    api.call(
        "POST",
        "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
        {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": f"{PLURAL}.{GROUP}"},
            "spec": {"group": GROUP, "scope": "Namespaced", "names": names, "versions": served},
        },
    )


def deployment(endpoint: Object) -> Object:
    spec, meta = endpoint["spec"], endpoint["metadata"]
    worker, labels = spec["worker"], {"app": meta["name"]}
    store = worker["modelVolumeMount"]
    volumes = spec.get("kubernetes", {}).get("volumes") or [{"name": store["name"], "emptyDir": {}}]
    container = {
        "name": "model",
        "image": worker["image"],
        "args": worker.get("args", []),
        "env": worker.get("environmentVariables", []),
        "resources": worker.get("resources", {}),
        "ports": [worker["modelInvocationPort"]],
        "volumeMounts": [store],
        **worker.get("probes", {}),
    }
    pod: Object = {"containers": [container], "volumes": volumes}
    if "nodeAffinity" in spec:
        pod["affinity"] = {"nodeAffinity": spec["nodeAffinity"]}
    if "instanceType" in spec:
        pod["nodeSelector"] = {TYPE_LABEL: spec["instanceType"]}
    owner = {
        "apiVersion": endpoint["apiVersion"],
        "kind": endpoint["kind"],
        "name": meta["name"],
        "uid": meta["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": meta["name"],
            "namespace": meta["namespace"],
            "labels": labels,
            "ownerReferences": [owner],
            "annotations": {f"{GROUP}/generation": str(meta["generation"])},
        },
        "spec": {
            "replicas": spec.get("replicas", 1),
            "progressDeadlineSeconds": spec["maxDeployTimeInSeconds"],
            "strategy": {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }


def state(made: Object) -> str:
    now, wanted = made.get("status", {}), made["spec"]["replicas"]
    if any(one.get("reason") == "ProgressDeadlineExceeded" for one in now.get("conditions", [])):
        return "DeploymentFailed"
    seen = now.get("observedGeneration", 0) >= made["metadata"]["generation"]
    if seen and now.get("updatedReplicas", 0) == now.get("availableReplicas", 0) == now.get("replicas") == wanted:
        return "DeploymentComplete"
    return "DeploymentInProgress"


def reconcile(api: Api, endpoint: Object) -> None:
    meta = endpoint["metadata"]
    own = f"/apis/{GROUP}/v1/namespaces/{meta['namespace']}/{PLURAL}/{meta['name']}"
    path = f"/apis/apps/v1/namespaces/{meta['namespace']}/deployments"
    if meta.get("deletionTimestamp"):
        api.patch(own, {"metadata": {"finalizers": None}})
        return
    if FINALIZER not in meta.get("finalizers", []):
        api.patch(own, {"metadata": {"finalizers": [FINALIZER]}})
    wanted = deployment(endpoint)
    made = api.find(f"{path}/{meta['name']}")
    if not made:
        made = api.call("POST", path, wanted)
    elif made["metadata"]["annotations"].get(f"{GROUP}/generation") != str(meta["generation"]):
        version = made["metadata"]["resourceVersion"]
        made = api.call("PUT", f"{path}/{meta['name']}", wanted | {"metadata": wanted["metadata"] | {"resourceVersion": version}})
    now = state(made)
    told = {"name": meta["name"], "deploymentObjectOverallState": now, "status": made.get("status", {})}
    if endpoint.get("status", {}).get("deploymentStatus") != told:
        api.patch(f"{own}/status", {"status": {"state": now, "deploymentStatus": told}})


def step(api: Api) -> None:
    for endpoint in api.items(f"/apis/{GROUP}/v1/{PLURAL}"):
        try:
            reconcile(api, endpoint)
        except urllib.error.HTTPError as error:
            if error.code not in (404, 409):
                raise
