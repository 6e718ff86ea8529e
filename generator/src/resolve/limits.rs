//! What a server cannot do with a model of a form that it reads, and the request that fits a model.

use serde_json::{Map, Value, json};

use super::Context;
use crate::artifact::{Artifact, Content};
use crate::finding::Finding;
use crate::manifest::{Framework, Limit};
use crate::release::version_key;
use crate::spec::Model;

/// XGBoost since which a model keeps its categories itself.
const OWN_CATEGORIES: &str = "3.1";
/// Widest record that a request is made up for.
const MAX_WIDTH: i64 = 2000;

impl Context<'_> {
    pub(super) fn limits(&mut self, framework: &Framework, artifact: &Artifact) {
        for limit in &framework.cannot {
            if let Some((message, fix)) = met(*limit, artifact) {
                let finding = Finding::error("MCC-FMT-004", message, fix);
                self.findings.push(self.merged.about("modelPath", finding));
            }
        }
    }

    /// The records of a request: the sample's, or zeros under the model's own names.
    pub(super) fn records(&self, artifact: Option<&Artifact>, model: &mut Model) {
        if model.request.is_some() || self.manifest(|m| m.tensors.clone()).is_some() {
            return;
        }
        let tensor = self.manifest(|m| m.record_tensor.clone());
        self.make_records(artifact, tensor.is_none(), model);
        // A server of tensors takes each record as a text.
        if let Some(name) = tensor
            && !model.records.is_empty()
        {
            let texts: Vec<String> = model.records.iter().map(ToString::to_string).collect();
            let shape = [texts.len(), 1];
            model.request =
                Some(json!([{"name": name, "shape": shape, "datatype": "BYTES", "data": texts}]));
        }
    }

    fn make_records(&self, artifact: Option<&Artifact>, names_taken: bool, model: &mut Model) {
        if self.inputs.include_sample == Some(true) {
            let sample = self.manifest(|m| (!m.records.is_empty()).then(|| m.records.clone()));
            model.records = sample.unwrap_or_default();
            return;
        }
        let Some(artifact) = artifact else { return };
        // The model refuses zeros where it was trained with texts.
        if artifact.encoded || keeps_categories(artifact) {
            return;
        }
        let names = &artifact.names;
        let width = artifact.features.or_else(|| i64::try_from(names.len()).ok());
        let Some(width) = width.filter(|n| (1..=MAX_WIDTH).contains(n)) else { return };
        let named = names_taken && i64::try_from(names.len()) == Ok(width);
        model.named = named;
        let record = if named {
            let zeros: Map<String, Value> = names.iter().map(|n| (n.clone(), json!(0))).collect();
            Value::Object(zeros)
        } else {
            (0..width).map(|_| json!(0)).collect()
        };
        model.records = vec![record];
    }
}

/// Whether a boosted model keeps its categories itself, and so takes them rather than their numbers.
fn keeps_categories(artifact: &Artifact) -> bool {
    let own = |version: &String| version_key(version) >= version_key(OWN_CATEGORIES);
    artifact.forest.as_ref().is_some_and(|forest| forest.categories)
        && artifact.versions.get("xgboost").is_some_and(own)
}

/// Why the limit is met, and what to do.
fn met(limit: Limit, artifact: &Artifact) -> Option<(String, String)> {
    let forest = artifact.forest.clone().unwrap_or_default();
    let say = |message: String, fix: &str| Some((message, fix.to_owned()));
    match limit {
        Limit::EarlyStopping => {
            let (best, rounds) = (forest.best?, forest.rounds?);
            if best.saturating_add(1) >= rounds {
                return None;
            }
            say(
                format!(
                    "training stopped early: round {} of {rounds} is the best, and the server would use all of them",
                    best.saturating_add(1)
                ),
                "save only the best: booster[: booster.best_iteration + 1].save_model(\"model.ubj\"), with booster = \
                 model.get_booster() of an estimator",
            )
        }
        Limit::Targets => {
            let targets = forest.targets.filter(|n| *n > 1)?;
            say(
                format!("the model predicts {targets} values at once, and the server predicts one"),
                "train one model for each value, or serve this one over HTTP",
            )
        }
        Limit::Categories => {
            let version =
                artifact.versions.get("xgboost").filter(|_| keeps_categories(artifact))?;
            say(
                format!(
                    "the model of XGBoost {version} has categories of its own, which the server cannot read"
                ),
                "train with the categories encoded as numbers (OrdinalEncoder, without enable_categorical), or \
                 serve this model over HTTP",
            )
        }
        Limit::Linear => {
            if !forest.linear {
                return None;
            }
            say(
                "the model is linear (gblinear), and the server knows only trees".to_owned(),
                "train with booster gbtree, or serve this model over HTTP",
            )
        }
        Limit::Collections => {
            let graph = artifact.graph.as_ref().filter(|_| artifact.content == Content::Onnx)?;
            let edges = graph.inputs.iter().chain(&graph.outputs);
            let names: Vec<String> =
                edges.filter(|v| v.collection).map(|v| crate::finding::shorten(&v.name)).collect();
            if names.is_empty() {
                return None;
            }
            say(
                format!(
                    "{} is a sequence or map, and the server gives only tensors",
                    names.join(", ")
                ),
                "convert with zipmap=False: to_onnx(model, X, options={\"zipmap\": False})",
            )
        }
    }
}
