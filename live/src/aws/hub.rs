//! SageMaker JumpStart's public hub: which model of Hugging Face an id of JumpStart's is.
//!
//! A document of the hub gives the address of the model's page; where that is one of Hugging Face, the two ids are a row.

use mcc_catalogs::{
    Ask, Catalogs, Errand, Files, HubAddress, JumpStartFile, JumpStartModel, ModelId, Region,
};
use serde::Deserialize;
use serde_json::json;

use super::actions::{DESCRIBE_HUB_CONTENT, LIST_HUB_CONTENTS};
use super::call::Call;
use super::client::{Aws, Refused};
use super::owned::whole;
use super::service::Service;
use super::share::Share;
use crate::clock;
use crate::desk::{minutes, together};
use crate::failure::Failure;
use crate::source::{Eyes, Fact, Source, Topic, Waiting};

/// The hub that AWS fills, in every Region.
pub(super) const HUB: &str = "SageMakerPublicHub";
/// Models that are looked at for words: each is a request.
const DESCRIBED: usize = 3;
/// How ids of JumpStart's begin. A model of Hugging Face without an owner does not begin like this.
const HEADS: [&str; 14] = [
    "autogluon-",
    "deepseek-",
    "huggingface-",
    "lightgbm-",
    "meta-",
    "mistral-",
    "model-",
    "mxnet-",
    "openai-",
    "pytorch-",
    "qwen-",
    "sklearn-",
    "tensorflow-",
    "xgboost-",
];

/// The hub.
#[derive(Debug)]
pub(crate) struct JumpStart {
    aws: Aws,
}

/// What `DescribeHubContent` answers.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Content {
    hub_content_document: String,
}

/// The part of a document that is read.
#[derive(Debug, Deserialize)]
struct Document {
    #[serde(rename = "Url")]
    url: Option<String>,
}

/// What `ListHubContents` answers.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Contents {
    hub_content_summaries: Vec<Summary>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Summary {
    hub_content_name: String,
    support_status: Option<String>,
}

/// The model that an id is, if it is one of Hugging Face.
type Known = Result<Option<ModelId>, Refused>;

impl JumpStart {
    pub(crate) fn new(aws: Aws) -> Self {
        Self { aws }
    }

    /// The model of Hugging Face that `id` is. None where it is none, or not one of Hugging Face.
    async fn model(
        &self,
        id: &str,
        region: &Region,
        errand: &Errand,
    ) -> Result<Option<ModelId>, Refused> {
        let input = json!({ "HubName": HUB, "HubContentType": "Model", "HubContentName": id });
        let call = Call::json(DESCRIBE_HUB_CONTENT, region, input);
        match self.aws.call(&call, errand).await {
            Ok(answer) => Ok(page(whole(&answer)?)),
            Err(refused) if refused.is_missing() => Ok(None),
            Err(refused) => Err(refused),
        }
    }

    async fn names(
        &self,
        words: &str,
        region: &Region,
        errand: &Errand,
    ) -> Result<Vec<String>, Refused> {
        let input = json!({
            "HubName": HUB, "HubContentType": "Model", "NameContains": words, "MaxResults": 20,
        });
        let call = Call::json(LIST_HUB_CONTENTS, region, input);
        let contents: Contents = whole(&self.aws.call(&call, errand).await?)?;
        Ok(unknown(contents, Catalogs::embedded()))
    }

    async fn look(&self, ask: &Ask, region: &Region, errand: &Errand) -> Result<Fact, Failure> {
        let share = Share::new(errand, DESCRIBED + 1, 0);
        let mut notes = Vec::new();
        let ids = match ask {
            Ask::Model(id) => vec![id.as_str().to_owned()],
            Ask::Models(words) => {
                let fragment = fragment(words).ok_or_else(super::owned::stranger)?;
                if !share.take() {
                    return Err(Failure::UsedUp);
                }
                self.names(&fragment, region, errand).await?
            }
            _ => return Err(super::owned::stranger()),
        };
        let mut asked: Vec<Waiting<'_, (String, Known)>> = Vec::new();
        for id in ids.into_iter().take(DESCRIBED) {
            if share.take() {
                asked.push(Box::pin(async move {
                    let model = self.model(&id, region, errand).await;
                    (id, model)
                }));
            }
        }
        let mut rows = Vec::new();
        let mut partial = false;
        for (id, model) in together(asked).await {
            match model {
                Ok(Some(hugging_face)) => rows.push(JumpStartModel { id, hugging_face }),
                Ok(None) => {}
                Err(refused) if matches!(ask, Ask::Model(_)) => return Err(refused.failure),
                Err(refused) => {
                    partial = true;
                    notes.push(format!(
                        "JumpStart's `{id}` was not looked up: SageMaker {}.",
                        refused.failure
                    ));
                }
            }
        }
        let file = JumpStartFile {
            as_of: clock::date(clock::now()),
            source: format!("SageMaker JumpStart in {region}"),
            models: rows.into(),
        };
        Ok(Fact { files: Files::default().with(file), notes, partial })
    }

    /// The Region that is configured, if there is one: every Region has the hub, and none is chosen here.
    async fn home(&self, errand: &Errand) -> Result<Region, Failure> {
        let unset = "no AWS Region is configured";
        self.aws.home(errand).await?.ok_or_else(|| Failure::NotAsked(unset.to_owned()))
    }
}

/// The model of Hugging Face whose page a document gives.
fn page(content: Content) -> Option<ModelId> {
    let document: Document = serde_json::from_str(&content.hub_content_document).ok()?;
    HubAddress::of(&document.url?).map(|page| page.model)
}

/// The names that this build does not know, of models that JumpStart still supports.
fn unknown(contents: Contents, catalogs: &Catalogs) -> Vec<String> {
    let summaries = contents.hub_content_summaries.into_iter();
    let supported = summaries.filter(|one| one.support_status.as_deref() != Some("Deprecated"));
    let names = supported.map(|one| one.hub_content_name);
    names.filter(|name| is_name(name) && catalogs.of_jumpstart(name).is_none()).collect()
}

/// Whether it can be the name of something in a hub.
fn is_name(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    (1..=63).contains(&text.len())
        && text.bytes().all(plain)
        && !text.starts_with('-')
        && !text.ends_with('-')
}

/// Words as a part of a name: `Llama 3.1 8B` is `llama-3-1-8b`.
fn fragment(words: &str) -> Option<String> {
    let words = words.rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
    let parts = words.split(|c: char| !c.is_ascii_alphanumeric()).filter(|part| !part.is_empty());
    let joined = parts.collect::<Vec<_>>().join("-");
    (3..=63).contains(&joined.len()).then_some(joined)
}

impl Source for JumpStart {
    fn knows(&self, ask: &Ask) -> Option<Topic> {
        let known = match ask {
            Ask::Model(id) => {
                let id = id.as_str();
                is_name(id) && HEADS.iter().any(|head| id.starts_with(head))
            }
            Ask::Models(words) => fragment(words).is_some(),
            _ => false,
        };
        known.then(|| Topic { words: "SageMaker JumpStart".to_owned(), holds: minutes(24 * 60) })
    }

    fn eyes<'a>(&'a self, _: &'a Ask, errand: &'a Errand) -> Waiting<'a, Result<Eyes, Failure>> {
        Box::pin(async move {
            let home = self.home(errand).await?;
            self.aws.eyes(Service::SageMaker, &home, errand).await
        })
    }

    fn find<'a>(&'a self, ask: &'a Ask, errand: &'a Errand) -> Waiting<'a, Result<Fact, Failure>> {
        Box::pin(async move {
            let home = self.home(errand).await?;
            self.look(ask, &home, errand).await
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_parts_of_names() {
        for (words, wanted) in [
            ("Llama 3.1 8B", Some("llama-3-1-8b")),
            ("meta-llama/Llama-3.1-8B", Some("llama-3-1-8b")),
            ("  Qwen  ", Some("qwen")),
            ("l", None),
            ("…", None),
        ] {
            assert_eq!(fragment(words).as_deref(), wanted, "{words}");
        }
        assert_eq!(fragment(&"a".repeat(64)), None);
    }

    #[test]
    fn a_document_says_its_page() {
        let of = |document: &str| page(Content { hub_content_document: document.to_owned() });
        let hub =
            r#"{"Url":"https://huggingface.co/tiiuae/falcon-7b","Provider":"Hugging Face","X":1}"#;
        assert_eq!(of(hub), Some("tiiuae/falcon-7b".parse().unwrap()));
        for none in [
            r#"{"Url":"https://ai.meta.com/llama/"}"#,
            r#"{"Url":null}"#,
            r#"{"Url":7}"#,
            "{}",
            "x",
        ] {
            assert_eq!(of(none), None, "{none}");
        }
    }

    #[test]
    fn known_and_deprecated_models_are_not_looked_at() {
        let catalogs = Catalogs::embedded();
        let text = r#"{"HubContentSummaries":[
            {"HubContentName":"deepseek-llm-r1","SupportStatus":"Supported"},
            {"HubContentName":"new-model-1"},
            {"HubContentName":"old-model-1","SupportStatus":"Deprecated"},
            {"HubContentName":"bad name"}]}"#;
        assert_eq!(unknown(serde_json::from_str(text).unwrap(), catalogs), ["new-model-1"]);
        assert!(catalogs.of_jumpstart("deepseek-llm-r1").is_some());
    }
}
