//! Reading manifests, and what an API server would refuse about them.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::outcome::Failure;

/// Parses YAML or JSON, one or many documents, lists included. JSON documents may follow each
/// other without separators, as kubectl prints and accepts them.
pub(crate) fn parse(text: &str) -> Result<Vec<Value>, Failure> {
    let bad =
        |e: &dyn std::fmt::Display| Failure::Tool(format!("error: error parsing manifest: {e}"));
    let mut found = Vec::new();
    if text.trim_start().starts_with('{') {
        for value in serde_json::Deserializer::from_str(text).into_iter::<Value>() {
            found.push(value.map_err(|e| bad(&e))?);
        }
    } else {
        for document in serde_yaml_ng::Deserializer::from_str(text) {
            found.push(Value::deserialize(document).map_err(|e| bad(&e))?);
        }
    }
    let mut flat = Vec::new();
    for value in found.into_iter().filter(|v| !v.is_null()) {
        match value.get("items").and_then(Value::as_array) {
            Some(items) if value.get("kind") == Some(&json!("List")) => flat.extend(items.clone()),
            _ => flat.push(value),
        }
    }
    Ok(flat)
}

fn text<'v>(value: &'v Value, pointer: &str) -> &'v str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn invalid(object: &Value, why: impl std::fmt::Display) -> Failure {
    Failure::service(
        "Invalid",
        format!(
            "{} \"{}\" is invalid: {why}",
            text(object, "/kind"),
            text(object, "/metadata/name")
        ),
    )
}

/// Names are lower-case letters, digits and hyphens, at most 63.
fn is_label(name: &str) -> bool {
    let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    edge(name.chars().next())
        && edge(name.chars().last())
        && name.len() <= 63
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

/// `500m`, `4`, `16Gi`.
fn is_quantity(value: &Value) -> bool {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(n) => n.to_string(),
        _ => return false,
    };
    let number = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = text.get(number.len()..).unwrap_or_default();
    number.parse::<f64>().is_ok()
        && ["", "m", "k", "M", "G", "T", "Ki", "Mi", "Gi", "Ti"].contains(&unit)
}

/// Refuses what the API server would refuse.
pub(crate) fn check(object: &Value) -> Result<(), Failure> {
    let (kind, name) = (text(object, "/kind"), text(object, "/metadata/name"));
    if text(object, "/apiVersion").is_empty() || kind.is_empty() {
        return Err(invalid(object, "apiVersion and kind must be set"));
    }
    if !is_label(name) {
        return Err(invalid(object, format!("metadata.name: {name:?} is not a DNS label")));
    }
    if kind == "Service" && !name.starts_with(|c: char| c.is_ascii_lowercase()) {
        return Err(invalid(object, "metadata.name: a DNS-1035 label must start with a letter"));
    }
    let container = match kind {
        "Deployment" => object.pointer("/spec/template/spec/containers/0"),
        "InferenceEndpointConfig" => object.pointer("/spec/worker"),
        _ => return Ok(()),
    };
    let container = container.ok_or_else(|| invalid(object, "no container"))?;
    let image = text(container, "/image");
    if image.is_empty() || image.starts_with("000000000000") {
        return Err(invalid(object, format!("image {image:?} is a placeholder")));
    }
    for part in ["requests", "limits"] {
        let map = container.pointer(&format!("/resources/{part}")).and_then(Value::as_object);
        for (resource, amount) in map.into_iter().flatten() {
            if !is_quantity(amount) {
                return Err(invalid(object, format!("resources.{part}.{resource}: {amount}")));
            }
        }
    }
    let variables = container.get("env").or(container.get("environmentVariables"));
    for variable in variables.and_then(Value::as_array).into_iter().flatten() {
        let value = variable.get("value");
        if value.is_some_and(|v| !v.is_string()) {
            return Err(invalid(object, format!("env value {variable} is not a string")));
        }
    }
    if kind == "InferenceEndpointConfig" {
        return check_operator(object);
    }
    let selector = object.pointer("/spec/selector/matchLabels").and_then(Value::as_object);
    let labels = object.pointer("/spec/template/metadata/labels").and_then(Value::as_object);
    let matches =
        selector.into_iter().flatten().all(|(k, v)| labels.and_then(|l| l.get(k)) == Some(v));
    if selector.is_none_or(serde_json::Map::is_empty) || !matches {
        return Err(invalid(object, "selector does not match template labels"));
    }
    let volumes = object.pointer("/spec/template/spec/volumes").and_then(Value::as_array);
    let known: Vec<&str> = volumes.into_iter().flatten().map(|v| text(v, "/name")).collect();
    let mounts = container.get("volumeMounts").and_then(Value::as_array);
    for mount in mounts.into_iter().flatten().map(|m| text(m, "/name")) {
        if !known.contains(&mount) {
            return Err(invalid(object, format!("volumeMounts: no volume {mount}")));
        }
    }
    Ok(())
}

/// The rules of the operator's resource that its schema does not show.
fn check_operator(object: &Value) -> Result<(), Failure> {
    let spec = object.get("spec").cloned().unwrap_or_default();
    for required in ["modelName", "modelSourceConfig", "worker"] {
        if spec.get(required).is_none() {
            return Err(invalid(object, format!("spec.{required}: Required value")));
        }
    }
    if spec.get("instanceType").is_some() && spec.get("nodeAffinity").is_some() {
        return Err(invalid(object, "spec.instanceType and spec.nodeAffinity exclude each other"));
    }
    let source = text(&spec, "/modelSourceConfig/modelSourceType");
    if source == "kubernetesVolume" {
        let wanted = text(&spec, "/worker/modelVolumeMount/name");
        let volumes = spec.pointer("/kubernetes/volumes").and_then(Value::as_array);
        if !volumes.into_iter().flatten().any(|v| text(v, "/name") == wanted) {
            return Err(invalid(
                object,
                format!("no volume {wanted} (KubernetesVolumeValidationFailed)"),
            ));
        }
    } else if source == "s3" && text(&spec, "/modelSourceConfig/s3Storage/bucketName").is_empty() {
        return Err(invalid(object, "spec.modelSourceConfig.s3Storage is required"));
    }
    Ok(())
}
