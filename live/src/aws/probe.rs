//! Whether AWS can be asked: the Region and addresses that are configured, and a try of each action of smart mode.

use aws_config::{BehaviorVersion, SdkConfig};
use mcc_catalogs::{Errand, Region};
use serde_json::json;

use super::actions::{
    ACTIONS, Action, BATCH_GET_IMAGE, DESCRIBE_ADDON, DESCRIBE_CAPACITY_RESERVATIONS,
    DESCRIBE_CLUSTER, DESCRIBE_EKS_CLUSTER, DESCRIBE_ENDPOINT, DESCRIBE_ENDPOINT_CONFIG,
    DESCRIBE_HUB_CONTENT, DESCRIBE_IMAGES, DESCRIBE_MODEL_PACKAGE, DESCRIBE_SECRET,
    GET_CALLER_IDENTITY, GET_FOUNDATION_MODEL, GET_INFERENCE_PROFILE, GET_LAYER, GET_OBJECT,
    GET_PRODUCTS, HEAD_OBJECT, LIST_CLUSTER_NODES, LIST_CLUSTERS, LIST_ENDPOINTS,
    LIST_HUB_CONTENTS, LIST_MODEL_PACKAGES, LIST_OBJECTS, LIST_SECRETS, LIST_SERVICE_QUOTAS,
    LIST_TRAINING_PLANS,
};
use super::call::Call;
use super::client::Aws;
use super::cluster_rows::OPERATOR;
use super::hub::HUB;
use super::operation::endpoint;
use super::price_list::desk_of;
use super::service::Service;
use super::settings::AwsSettings;
use super::wire::through;
use crate::failure::Failure;
use crate::web::{PATIENCE, Web};

/// What the environment and the profile say, without a look for credentials, which may take a network. Of what the SDK
/// would ask somebody nothing is sent.
pub(crate) async fn configured(web: &Web, settings: &AwsSettings) -> SdkConfig {
    let mut variables = settings.environment(None);
    variables.insert("AWS_EC2_METADATA_DISABLED".to_owned(), "true".to_owned());
    let nothing = Errand::resumed(PATIENCE, 0);
    let (config, _) = through(web, &nothing, 0, async |client| {
        let loader = aws_config::defaults(BehaviorVersion::latest()).env(variables.into());
        loader.http_client(client).no_credentials().load().await
    })
    .await;
    config
}

/// The address of STS for a Region.
pub(crate) fn sts(config: &SdkConfig, region: &Region) -> String {
    endpoint(config, Service::Sts, region)
}

/// The address of the price list of a Region. None where it has none.
pub(crate) fn pricing(config: &SdkConfig, region: &Region) -> Option<String> {
    Some(endpoint(config, Service::Pricing, &desk_of(region)?))
}

/// What nothing is called: who may ask for it is told that it is not there, and who may not is denied.
const NOTHING: &str = "mcc-doctor-tries-permissions";

/// How an action is tried.
#[derive(Debug)]
pub(crate) enum Try {
    /// By a call that changes nothing and has as little of an answer as can be asked for.
    By(Call),
    /// Not at all: why.
    Not(&'static str),
}

/// A try of each permission of smart mode, but of the one that every account has.
pub(crate) fn tries(region: &Region) -> Vec<(&'static Action, Try)> {
    let mut all: Vec<(&'static Action, Try)> = Vec::new();
    for action in ACTIONS.iter().filter(|action| **action != GET_CALLER_IDENTITY) {
        if all.iter().all(|(known, _)| known.allows != action.allows) {
            all.push((action, of(*action, region)));
        }
    }
    all
}

fn of(action: Action, region: &Region) -> Try {
    let members = match action {
        LIST_SERVICE_QUOTAS => json!({ "ServiceCode": "sagemaker", "MaxResults": 1 }),
        DESCRIBE_ENDPOINT => json!({ "EndpointName": NOTHING }),
        DESCRIBE_ENDPOINT_CONFIG => json!({ "EndpointConfigName": NOTHING }),
        DESCRIBE_CLUSTER | LIST_CLUSTER_NODES => json!({ "ClusterName": NOTHING }),
        DESCRIBE_SECRET => json!({ "SecretId": NOTHING }),
        DESCRIBE_MODEL_PACKAGE => json!({ "ModelPackageName": NOTHING }),
        DESCRIBE_HUB_CONTENT => {
            json!({ "HubName": HUB, "HubContentType": "Model", "HubContentName": NOTHING })
        }
        LIST_HUB_CONTENTS => json!({ "HubName": HUB, "HubContentType": "Model", "MaxResults": 1 }),
        BATCH_GET_IMAGE => {
            json!({ "repositoryName": NOTHING, "imageIds": [{ "imageTag": NOTHING }] })
        }
        DESCRIBE_IMAGES => json!({ "repositoryName": NOTHING }),
        GET_LAYER => {
            json!({ "repositoryName": NOTHING, "layerDigest": format!("sha256:{}", "0".repeat(64)) })
        }
        LIST_ENDPOINTS | LIST_CLUSTERS | LIST_TRAINING_PLANS | LIST_SECRETS
        | LIST_MODEL_PACKAGES => {
            json!({ "MaxResults": 1 })
        }
        GET_PRODUCTS => {
            let products = json!({
                "ServiceCode": "AmazonSageMaker", "FormatVersion": "aws_v1", "MaxResults": 1,
            });
            return match desk_of(region) {
                Some(desk) => Try::By(Call::json(action, &desk, products)),
                None => Try::Not("that Region has no price list"),
            };
        }
        DESCRIBE_CAPACITY_RESERVATIONS => {
            return Try::By(Call::form(action, region, &[("MaxResults", "1")]));
        }
        GET_INFERENCE_PROFILE => {
            return Try::By(Call::get(action, region, &["inference-profiles", NOTHING], &[]));
        }
        GET_FOUNDATION_MODEL => {
            // Ids of models have a dot.
            let model = format!("{NOTHING}.none");
            return Try::By(Call::get(action, region, &["foundation-models", &model], &[]));
        }
        DESCRIBE_EKS_CLUSTER => {
            return Try::By(Call::get(action, region, &["clusters", NOTHING], &[]));
        }
        DESCRIBE_ADDON => {
            let path = ["clusters", NOTHING, "addons", OPERATOR];
            return Try::By(Call::get(action, region, &path, &[]));
        }
        LIST_OBJECTS | GET_OBJECT | HEAD_OBJECT => {
            return Try::Not("S3 tells it only of a bucket that is there");
        }
        _ => return Try::Not("nobody knows how"),
    };
    Try::By(Call::json(action, region, members))
}

/// Makes a call, and tells only whether it was allowed.
///
/// # Errors
/// It was not, or that is not known.
pub(crate) async fn allowed(aws: &Aws, call: &Call, errand: &Errand) -> Result<(), Failure> {
    match aws.call(call, errand).await {
        Ok(_) => Ok(()),
        Err(refused) if refused.is_missing() => Ok(()),
        Err(refused) => Err(refused.failure),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_action_is_tried_or_it_is_told_why_not() {
        let tries = tries(&"us-west-2".parse().unwrap());
        let names: Vec<&str> = tries.iter().map(|(action, _)| action.allows).collect();
        for action in ACTIONS {
            let count = names.iter().filter(|name| **name == action.allows).count();
            assert_eq!(count, usize::from(*action != GET_CALLER_IDENTITY), "{}", action.allows);
        }
        let not: Vec<&str> = tries
            .iter()
            .filter(|(_, how)| matches!(how, Try::Not(_)))
            .map(|(action, _)| action.allows)
            .collect();
        assert_eq!(not, ["s3:ListBucket", "s3:GetObject"]);
    }
}
