//! Whether AWS can be asked: the Region and addresses that are configured, and the cheapest calls of smart mode.

use aws_config::{BehaviorVersion, SdkConfig};
use mcc_catalogs::{Errand, Region};
use serde_json::json;

use super::actions::{
    Action, GET_PRODUCTS, LIST_CLUSTERS, LIST_ENDPOINTS, LIST_SECRETS, LIST_SERVICE_QUOTAS,
};
use super::call::Call;
use super::client::Aws;
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

/// A call of each of the lists that smart mode reads first, with as little of an answer as can be asked for.
pub(crate) fn calls(region: &Region) -> Vec<(Action, Option<Call>)> {
    let of = |action, members| (action, Some(Call::json(action, region, members)));
    let quotas = json!({ "ServiceCode": "sagemaker", "MaxResults": 1 });
    let products = json!({
        "ServiceCode": "AmazonSageMaker", "FormatVersion": "aws_v1", "MaxResults": 1,
    });
    vec![
        of(LIST_ENDPOINTS, json!({ "MaxResults": 1 })),
        of(LIST_SERVICE_QUOTAS, quotas),
        of(LIST_CLUSTERS, json!({ "MaxResults": 1 })),
        (GET_PRODUCTS, desk_of(region).map(|desk| Call::json(GET_PRODUCTS, &desk, products))),
        of(LIST_SECRETS, json!({ "MaxResults": 1 })),
    ]
}

/// Makes a call, and tells only whether it was answered.
///
/// # Errors
/// It was not.
pub(crate) async fn answers(aws: &Aws, call: &Call, errand: &Errand) -> Result<(), Failure> {
    aws.call(call, errand).await?;
    Ok(())
}
