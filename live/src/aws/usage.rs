//! Instances that endpoints use, counted from the endpoints themselves: usage metrics come minutes late, and what is
//! used is never told too low.

use std::collections::HashMap;

use mcc_catalogs::{Errand, InstanceType, Region};
use serde::Deserialize;
use serde_json::json;

use super::actions::{DESCRIBE_ENDPOINT, DESCRIBE_ENDPOINT_CONFIG, LIST_ENDPOINTS};
use super::call::Call;
use super::client::Aws;
use crate::failure::Failure;

/// Endpoints that are looked at: each takes two requests.
const ENDPOINTS: usize = 4;
/// Requests that are left for other facts.
const FOR_OTHERS: usize = 8;

/// What is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Usage {
    /// All that endpoints use.
    All(HashMap<InstanceType, u32>),
    /// It was not counted: why.
    Unknown(String),
}

/// Counts what endpoints use in a Region.
///
/// # Errors
/// An endpoint cannot be read: what others use is then too low.
pub(super) async fn of_endpoints(
    aws: &Aws,
    region: &Region,
    errand: &Errand,
) -> Result<Usage, Failure> {
    let call = Call::json(LIST_ENDPOINTS, region, json!({ "MaxResults": 100 }));
    let page: Endpoints = read(aws, &call, errand).await?;
    let more = page.next.is_some_and(|next| !next.is_empty());
    if more || page.endpoints.len() > ENDPOINTS {
        let count = page.endpoints.len();
        let count = if more { format!("more than {count}") } else { count.to_string() };
        return Ok(Usage::Unknown(format!(
            "there are {count} endpoints, and instances in use are counted for at most {ENDPOINTS}"
        )));
    }
    let mut used = HashMap::new();
    for endpoint in &page.endpoints {
        if errand.left() < FOR_OTHERS + 2 {
            return Ok(Usage::Unknown(
                "the remaining requests of this answer are needed for other facts".to_owned(),
            ));
        }
        if let Some(why) = add(aws, region, errand, &endpoint.name, &mut used).await? {
            return Ok(Usage::Unknown(why.to_owned()));
        }
    }
    Ok(Usage::All(used))
}

/// Adds what an endpoint uses, or says why that is not known.
async fn add(
    aws: &Aws,
    region: &Region,
    errand: &Errand,
    name: &str,
    used: &mut HashMap<InstanceType, u32>,
) -> Result<Option<&'static str>, Failure> {
    let call = Call::json(DESCRIBE_ENDPOINT, region, json!({ "EndpointName": name }));
    let endpoint: Endpoint = read(aws, &call, errand).await?;
    if endpoint.pending.is_some() {
        return Ok(Some("an endpoint is being updated"));
    }
    let call = Call::json(
        DESCRIBE_ENDPOINT_CONFIG,
        region,
        json!({ "EndpointConfigName": endpoint.config }),
    );
    let config: Config = read(aws, &call, errand).await?;
    let types: HashMap<&str, &Configured> = config
        .variants
        .iter()
        .chain(&config.shadows)
        .map(|variant| (variant.name.as_str(), variant))
        .collect();
    for variant in endpoint.variants.iter().chain(&endpoint.shadows) {
        let Some(configured) = types.get(variant.name.as_str()) else {
            return Ok(Some("an endpoint has a variant that its configuration lacks"));
        };
        if configured.serverless.is_some() {
            continue;
        }
        let count = variant.current.max(variant.desired);
        match (configured.instance.as_ref().and_then(|name| name.parse().ok()), count) {
            (Some(instance), Some(count)) => {
                let sum: &mut u32 = used.entry(instance).or_default();
                *sum = sum.saturating_add(count);
            }
            _ => return Ok(Some("an endpoint does not say which instances it uses")),
        }
    }
    Ok(None)
}

async fn read<T: for<'a> Deserialize<'a>>(
    aws: &Aws,
    call: &Call,
    errand: &Errand,
) -> Result<T, Failure> {
    let answer = aws.call(call, errand).await?;
    serde_json::from_slice(&answer.body).map_err(|_| {
        Failure::Unreadable(format!("`{}` has an unexpected form", call.action.operation))
    })
}

#[derive(Deserialize)]
struct Endpoints {
    #[serde(rename = "Endpoints")]
    endpoints: Vec<Listed>,
    #[serde(rename = "NextToken")]
    next: Option<String>,
}

#[derive(Deserialize)]
struct Listed {
    #[serde(rename = "EndpointName")]
    name: String,
}

#[derive(Deserialize)]
struct Endpoint {
    #[serde(rename = "EndpointConfigName")]
    config: String,
    #[serde(rename = "ProductionVariants", default)]
    variants: Vec<Running>,
    #[serde(rename = "ShadowProductionVariants", default)]
    shadows: Vec<Running>,
    #[serde(rename = "PendingDeploymentSummary")]
    pending: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct Running {
    #[serde(rename = "VariantName")]
    name: String,
    #[serde(rename = "CurrentInstanceCount")]
    current: Option<u32>,
    #[serde(rename = "DesiredInstanceCount")]
    desired: Option<u32>,
}

#[derive(Deserialize)]
struct Config {
    #[serde(rename = "ProductionVariants", default)]
    variants: Vec<Configured>,
    #[serde(rename = "ShadowProductionVariants", default)]
    shadows: Vec<Configured>,
}

#[derive(Deserialize)]
struct Configured {
    #[serde(rename = "VariantName")]
    name: String,
    #[serde(rename = "InstanceType")]
    instance: Option<String>,
    #[serde(rename = "ServerlessConfig")]
    serverless: Option<serde_json::Value>,
}
