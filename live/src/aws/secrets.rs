//! Secrets that could be tokens of Hugging Face: names alone, since nobody looks into one. That a name says so is an
//! inference, and is told as one.

use mcc_catalogs::{Arn, Ask, Errand, Files, Region, ResourcesFile, TokenSecret, cut};
use serde::Deserialize;
use serde_json::json;

use super::actions::LIST_SECRETS;
use super::call::Call;
use super::client::Aws;
use super::owned::whole;
use super::service::Service;
use super::share::{Pages, Turn};
use crate::clock;
use crate::desk::minutes;
use crate::failure::Failure;
use crate::source::{Eyes, Fact, Source, Topic, Waiting};

/// Pages of a hundred secrets that are read.
const PAGES: usize = 2;
/// Most that are told.
const MOST: usize = 10;

/// Secrets Manager.
#[derive(Debug)]
pub(crate) struct Secrets {
    aws: Aws,
}

/// What `ListSecrets` answers. It never has a secret itself.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Page {
    #[serde(default)]
    secret_list: Vec<Listed>,
    next_token: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    #[serde(rename = "ARN")]
    arn: Option<String>,
    name: Option<String>,
    deleted_date: Option<f64>,
}

impl Secrets {
    pub(crate) fn new(aws: Aws) -> Self {
        Self { aws }
    }

    async fn look(&self, region: &Region, errand: &Errand) -> Result<Fact, Failure> {
        let (mut rows, mut pages, mut token) = (Vec::new(), Pages::new(PAGES), None::<String>);
        let mut partial = false;
        let mut notes = Vec::new();
        loop {
            let mut input = json!({ "MaxResults": 100 });
            if let (Some(members), Some(token)) = (input.as_object_mut(), token) {
                members.insert("NextToken".to_owned(), token.into());
            }
            let call = Call::json(LIST_SECRETS, region, input);
            let page: Page = whole(&self.aws.call(&call, errand).await?)?;
            rows.extend(page.secret_list.iter().filter_map(|secret| row(secret, region)));
            match pages.turn(page.next_token) {
                Turn::Next(next) => token = Some(next),
                Turn::End => break,
                Turn::Unread => {
                    partial = true;
                    notes.push(format!("{region} has more secrets than were listed."));
                    break;
                }
            }
        }
        rows.truncate(MOST);
        let file = ResourcesFile {
            as_of: clock::date(clock::now()),
            source: format!("Secrets Manager in {region}"),
            tokens: rows.into(),
            ..ResourcesFile::default()
        };
        Ok(Fact { files: Files::default().with(file), notes, partial })
    }
}

/// A secret that could be a token, by its name.
fn row(secret: &Listed, region: &Region) -> Option<TokenSecret> {
    let name =
        secret.name.as_deref().filter(|name| secret.deleted_date.is_none() && says_so(name))?;
    let arn: Arn = secret.arn.as_deref()?.parse().ok()?;
    let here = arn.service() == "secretsmanager" && arn.region() == Some(region.as_str());
    let name = cut(name, 256).into_owned();
    here.then(|| TokenSecret { arn, region: region.clone(), name })
}

/// Whether a name is what people call a token of Hugging Face.
fn says_so(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let words = |word: &str| matches!(word, "hf" | "hftoken" | "hfhub");
    name.contains("hugging") || name.split(|c: char| !c.is_ascii_alphanumeric()).any(words)
}

impl Source for Secrets {
    fn knows(&self, ask: &Ask) -> Option<Topic> {
        let Ask::Secrets(region) = ask else { return None };
        Some(Topic { words: format!("AWS Secrets Manager in {region}"), holds: minutes(2) })
    }

    fn eyes<'a>(&'a self, ask: &'a Ask, errand: &'a Errand) -> Waiting<'a, Result<Eyes, Failure>> {
        Box::pin(async move {
            let Ask::Secrets(region) = ask else { return Err(super::owned::stranger()) };
            self.aws.eyes(Service::SecretsManager, region, errand).await
        })
    }

    fn find<'a>(&'a self, ask: &'a Ask, errand: &'a Errand) -> Waiting<'a, Result<Fact, Failure>> {
        Box::pin(async move {
            let Ask::Secrets(region) = ask else { return Err(super::owned::stranger()) };
            self.look(region, errand).await
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_secrets_that_could_be_tokens_are_told() {
        let region: Region = "us-east-1".parse().unwrap();
        let row = |name: &str, region_of: &str, deleted: Option<f64>| {
            let arn = format!("arn:aws:secretsmanager:{region_of}:123456789012:secret:x-AbCdEf");
            let listed =
                Listed { arn: Some(arn), name: Some(name.to_owned()), deleted_date: deleted };
            super::row(&listed, &region).is_some()
        };
        for name in ["HuggingFaceToken", "prod/hf-token", "hf", "team_hugging_face", "HFToken"] {
            assert!(row(name, "us-east-1", None), "{name}");
        }
        for name in ["database", "shelf", "hfs-key", ""] {
            assert!(!row(name, "us-east-1", None), "{name}");
        }
        assert!(!row("hf", "us-east-1", Some(1.0)));
        assert!(!row("hf", "eu-west-1", None));
    }
}
