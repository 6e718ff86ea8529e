//! What Bedrock and the price list say of the model that is called: in which Regions it answers, and what tokens cost. It
//! is asked while the model thinks; where it is not had, that is told, and nothing is made up.

use std::collections::{BTreeSet, HashMap};
use std::sync::Mutex;
use std::time::Duration;

use mcc_catalogs::reason::Rates;
use mcc_catalogs::{Errand, Region};
use serde::Deserialize;
use tokio::time::Instant;

use super::profiles::{Called, Kind};
use super::rates;
use crate::aws::Aws;
use crate::aws::actions::{GET_FOUNDATION_MODEL, GET_INFERENCE_PROFILE};
use crate::aws::call::Call;
use crate::failure::Failure;

/// Requests that all of it takes at most: a profile, a model, and a page of each of two price lists.
const REQUESTS: usize = 4;
/// Requests that an answer must have left for them, so that none is missing for the model.
const LEAST: usize = 2 * REQUESTS;
/// How long all of it may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long it is used for other questions of this process.
const FRESH: Duration = Duration::from_secs(60 * 60);
/// Models of which it is kept.
const KEPT: usize = 16;
/// Largest answer about a profile or a model.
const LARGEST: usize = 256 * 1024;
/// Most Regions of a profile that are named.
const REGIONS: usize = 40;

/// What is known of a model that is called.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Facts {
    /// Where requests are answered, in words. None where Bedrock did not say.
    pub(super) geography: Option<String>,
    /// What tokens cost, or why that is not known.
    pub(super) rates: Result<Rates, String>,
}

impl Facts {
    /// Nothing but the reason for it.
    fn none(why: impl Into<String>) -> Self {
        Self { geography: None, rates: Err(why.into()) }
    }
}

/// What was found out, kept for a while: never what could not be.
#[derive(Debug, Default)]
pub(super) struct Known(Mutex<HashMap<String, (Instant, Facts)>>);

impl Known {
    /// What is known of `called` in `region`, asked for if need be.
    pub(super) async fn of(
        &self,
        aws: &Aws,
        called: &Called,
        region: &Region,
        errand: &Errand,
    ) -> Facts {
        // Another account has other profiles.
        let key = format!("{} {region} {}", errand.profile().unwrap_or_default(), called.id);
        if let Ok(known) = self.0.lock()
            && let Some((at, facts)) = known.get(&key)
            && at.elapsed() < FRESH
        {
            return facts.clone();
        }
        if errand.left() < LEAST {
            return Facts::none("the requests of this answer are used up");
        }
        let patience = PATIENCE.min(errand.remaining());
        let asking = ask(aws, called, region, errand);
        let Ok(facts) = tokio::time::timeout(patience, asking).await else {
            return Facts::none("it was not said in time");
        };
        if facts.rates.is_ok()
            && let Ok(mut known) = self.0.lock()
        {
            if known.len() >= KEPT {
                known.clear();
            }
            known.insert(key, (Instant::now(), facts.clone()));
        }
        facts
    }
}

async fn ask(aws: &Aws, called: &Called, region: &Region, errand: &Errand) -> Facts {
    let (model, geography, global) = match &called.kind {
        Kind::Other => return Facts::none("no price list names what that ARN leads to"),
        Kind::Model(id) => (id.clone(), None, false),
        Kind::Profile => match profile(aws, &called.id, region, errand).await {
            Ok(Profile { model: Some(model), geography, global }) => {
                (model, Some(geography), global)
            }
            Ok(Profile { model: None, geography, .. }) => {
                let why = "the inference profile names no single model".to_owned();
                return Facts { geography: Some(geography), rates: Err(why) };
            }
            Err(failure) => return Facts::none(format!("Bedrock {failure}")),
        },
    };
    let rates = match name(aws, &model, region, errand).await {
        Ok(name) => rates::of(aws, &name, global, region, errand).await,
        Err(failure) => Err(format!("Bedrock {failure}")),
    };
    Facts { geography, rates }
}

/// Where an inference profile leads.
#[derive(Debug, PartialEq, Eq)]
struct Profile {
    /// The model in all of its Regions. None where it has several.
    model: Option<String>,
    geography: String,
    /// It leads to all commercial Regions.
    global: bool,
}

#[derive(Deserialize)]
struct Listed {
    models: Vec<ListedModel>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListedModel {
    model_arn: String,
}

async fn profile(
    aws: &Aws,
    id: &str,
    region: &Region,
    errand: &Errand,
) -> Result<Profile, Failure> {
    let call = Call::get(GET_INFERENCE_PROFILE, region, &["inference-profiles", id], &[]);
    let answer = aws.call(&call.at_most(LARGEST), errand).await?;
    serde_json::from_slice(&answer.body)
        .ok()
        .and_then(led)
        .ok_or_else(|| Failure::Unreadable("no inference profile".to_owned()))
}

/// Where the models of a profile are. None if that cannot be read.
fn led(listed: Listed) -> Option<Profile> {
    let (mut regions, mut models, mut global) = (BTreeSet::new(), BTreeSet::new(), false);
    for ListedModel { model_arn } in &listed.models {
        // `arn:aws:bedrock:eu-west-1::foundation-model/ID`; the Region is empty where it is any.
        let mut parts = model_arn.splitn(6, ':');
        let (arn, service, place) = (parts.next()?, parts.nth(1)?, parts.next()?);
        let model = parts.nth(1)?.strip_prefix("foundation-model/")?;
        if arn != "arn" || service != "bedrock" {
            return None;
        }
        if place.is_empty() {
            global = true;
        } else {
            regions.insert(place.parse::<Region>().ok()?.to_string());
        }
        models.insert(model);
    }
    let mut models = models.into_iter();
    let (model, other) = (models.next()?, models.next());
    let named: Vec<&str> = regions.iter().take(REGIONS).map(String::as_str).collect();
    let more = regions.len().saturating_sub(REGIONS);
    let geography = match (global, more) {
        (true, _) => "any commercial Region, as Bedrock lists it".to_owned(),
        (false, 0) => format!("one of {}, as Bedrock lists them", named.join(", ")),
        (false, more) => {
            format!("one of {} and {more} more, as Bedrock lists them", named.join(", "))
        }
    };
    Some(Profile { model: other.is_none().then(|| model.to_owned()), geography, global })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Described {
    model_details: Details,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Details {
    model_id: String,
    model_name: String,
}

/// The name of a model, as AWS has it in its lists.
async fn name(aws: &Aws, id: &str, region: &Region, errand: &Errand) -> Result<String, Failure> {
    let call = Call::get(GET_FOUNDATION_MODEL, region, &["foundation-models", id], &[]);
    let answer = aws.call(&call.at_most(LARGEST), errand).await?;
    let described = serde_json::from_slice::<Described>(&answer.body).ok();
    described
        .map(|described| described.model_details)
        .filter(|details| details.model_id == id)
        .map(|details| details.model_name)
        // It is sent on, as a filter of the price list.
        .filter(|name| (1..=100).contains(&name.len()))
        .ok_or_else(|| Failure::Unreadable("no description of the model".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(arns: &[&str]) -> Option<Profile> {
        let models = arns.iter().map(|arn| ListedModel { model_arn: (*arn).to_owned() });
        led(Listed { models: models.collect() })
    }

    #[test]
    fn a_profile_leads_where_its_models_are() {
        let at =
            |region: &str| format!("arn:aws:bedrock:{region}::foundation-model/anthropic.m-v1:0");
        let (one, other, any) = (at("eu-west-1"), at("eu-central-1"), at(""));
        let profile = read(&[&one, &other]).unwrap();
        assert_eq!(profile.model.as_deref(), Some("anthropic.m-v1:0"));
        assert_eq!(profile.geography, "one of eu-central-1, eu-west-1, as Bedrock lists them");
        assert!(!profile.global);
        let profile = read(&[&one, &any]).unwrap();
        assert_eq!(profile.geography, "any commercial Region, as Bedrock lists it");
        assert!(profile.global);
        let several = read(&[&one, &other.replace("m-v1", "n-v1")]).unwrap();
        assert_eq!(several.model, None);
        for wrong in [
            "",
            "arn",
            "arn:aws:bedrock:eu-west-1::foundation-model",
            "x:aws:bedrock:eu-west-1::foundation-model/m",
        ] {
            assert_eq!(read(&[&one, wrong]), None, "{wrong}");
        }
        assert_eq!(read(&[&at("Frankfurt\u{1b}[2J")]), None);
        assert_eq!(read(&[]), None);
    }
}
