//! One call through the SDK's runtime: signed, sent, tried again, its answer understood.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_runtime::auth::sigv4::{SCHEME_ID, SigV4AuthScheme};
use aws_runtime::auth::{SigV4OperationSigningConfig, SigningOptions};
use aws_runtime::invocation_id::InvocationIdInterceptor;
use aws_runtime::request_info::RequestInfoInterceptor;
use aws_runtime::retries::classifiers::AwsErrorCodeClassifier;
use aws_runtime::service_clock_skew::ServiceClockSkewClassifier;
use aws_smithy_runtime::client::identity::IdentityCache;
use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime::client::retries::classifiers::{
    HttpStatusCodeClassifier, TransientErrorClassifier,
};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::auth::static_resolver::StaticAuthSchemeOptionResolver;
use aws_smithy_runtime_api::client::auth::{
    AuthSchemeOptionResolverParams, SharedAuthScheme, SharedAuthSchemeOptionResolver,
};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_runtime_api::client::identity::SharedIdentityResolver;
use aws_smithy_runtime_api::client::interceptors::SharedInterceptor;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponentsBuilder;
use aws_smithy_runtime_api::client::runtime_plugin::StaticRuntimePlugin;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::Layer;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::SigningName;
use aws_types::region::SigningRegion;
use aws_types::service_config::ServiceConfigKey;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use mcc_catalogs::{Errand, Region};

use super::call::{Call, Input, form};
use super::client::Answer;
use super::refusal::Refusal;
use super::service::{Protocol, Service, Variant};
use super::session::Known;
use super::wire::through;
use crate::failure::Failure;
use crate::web::Web;

/// How long one try may take.
const TRY: Duration = Duration::from_secs(8);
/// Tries of a call at most, if the configuration wants no fewer.
const TRIES: u32 = 3;
/// How long is waited before the second try, and at most before another.
const WAIT: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(2));

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Why {
    /// Nothing came back.
    Failed(Failure),
    /// The service refused.
    Refused(Refusal),
}

/// Sends a call.
pub(super) async fn send(
    web: &Web,
    skew: &SharedInterceptor,
    known: &Known,
    call: &Call,
    errand: &Errand,
) -> Result<Answer, Why> {
    let (sent, trouble) = through(web, errand, call.most, |client| {
        invoke(client, skew.clone(), known.clone(), call.clone(), errand.remaining())
    })
    .await;
    sent.map_err(|error| match error {
        SdkError::ServiceError(refused) => Why::Refused(refused.into_err()),
        SdkError::TimeoutError(_) => Why::Failed(trouble.unwrap_or(Failure::TooSlow)),
        _ => Why::Failed(trouble.unwrap_or(Failure::Unreachable)),
    })
}

async fn invoke(
    client: SharedHttpClient,
    skew: SharedInterceptor,
    known: Known,
    call: Call,
    remaining: Duration,
) -> Result<Answer, SdkError<Refusal, HttpResponse>> {
    let Known { config, credentials, .. } = known;
    let service = call.action.service;
    let protocol = service.protocol();
    let mut layer = Layer::new("signing");
    layer.store_put(SigV4OperationSigningConfig {
        region: Some(SigningRegion::from(aws_types::region::Region::new(call.region.to_string()))),
        region_set: None,
        name: Some(SigningName::from_static(service.signing())),
        signing_options: signing(service),
    });
    layer.store_put(AuthSchemeOptionResolverParams::new(()));
    let components = RuntimeComponentsBuilder::new("signing")
        .with_auth_scheme(SharedAuthScheme::new(SigV4AuthScheme::new()))
        .with_auth_scheme_option_resolver(Some(SharedAuthSchemeOptionResolver::new(
            StaticAuthSchemeOptionResolver::new(vec![SCHEME_ID]),
        )))
        .with_identity_cache(Some(IdentityCache::no_cache()))
        .with_identity_resolver(
            SCHEME_ID,
            SharedIdentityResolver::new(SharedCredentialsProvider::new(credentials)),
        )
        .with_interceptor(skew)
        .with_interceptor(SharedInterceptor::new(InvocationIdInterceptor::new()))
        .with_interceptor(SharedInterceptor::new(RequestInfoInterceptor::new()));
    let plugin =
        StaticRuntimePlugin::new().with_config(layer.freeze()).with_runtime_components(components);
    let times = TimeoutConfig::builder()
        .operation_timeout(remaining)
        .operation_attempt_timeout(TRY.min(remaining))
        .build();
    let operation = Operation::builder()
        .service_name(service.id())
        .operation_name(call.action.operation)
        .behavior_version(aws_config::BehaviorVersion::latest())
        .http_client(client)
        .endpoint_url(&address(&config, &call))
        .standard_retry(&retries(&config))
        .retry_classifier(HttpStatusCodeClassifier::default())
        .retry_classifier(TransientErrorClassifier::<Refusal>::new())
        .retry_classifier(AwsErrorCodeClassifier::<Refusal>::new())
        .retry_classifier(ServiceClockSkewClassifier::<Refusal>::new())
        .timeout_config(times)
        .runtime_plugin(plugin)
        .serializer(|call: Call| request(&call))
        .deserializer(move |response| read(protocol, response))
        .build();
    operation.invoke(call).await
}

/// As the configuration says, within what an answer has time for.
fn retries(config: &SdkConfig) -> RetryConfig {
    let told = config.retry_config().map_or(TRIES, RetryConfig::max_attempts);
    RetryConfig::standard()
        .with_max_attempts(told.clamp(1, TRIES))
        .with_initial_backoff(WAIT.0)
        .with_max_backoff(WAIT.1)
}

fn signing(service: Service) -> SigningOptions {
    let mut options = SigningOptions::default();
    if service == Service::S3 {
        options.double_uri_encode = false;
        options.normalize_uri_path = false;
        options.content_sha256_header = true;
    }
    options
}

/// The address of a service: what the environment or the profile says, or AWS's own.
pub(super) fn endpoint(config: &SdkConfig, service: Service, region: &Region) -> String {
    configured(config, service).unwrap_or_else(|| {
        let fips = config.use_fips().unwrap_or_default();
        let dual = config.use_dual_stack().unwrap_or_default();
        format!("https://{}", service.host(region, Variant { fips, dual }))
    })
}

fn configured(config: &SdkConfig, service: Service) -> Option<String> {
    let key = ServiceConfigKey::builder()
        .service_id(service.id())
        .env("AWS_ENDPOINT_URL")
        .profile("endpoint_url")
        .build()
        .ok()?;
    let told = config.service_config().and_then(|settings| settings.load_config(key));
    told.or_else(|| config.endpoint_url().map(str::to_owned)).filter(|url| !url.is_empty())
}

/// The same for a call: buckets are hosts, where they can be.
fn address(config: &SdkConfig, call: &Call) -> String {
    let base = endpoint(config, call.action.service, &call.region);
    let base = base.trim_end_matches('/');
    match &call.input {
        Input::Rest { bucket: Some(bucket), .. } => match base.strip_prefix("https://") {
            // A certificate is good for one name before the service's own.
            Some(host) if !bucket.contains('.') && configured(config, Service::S3).is_none() => {
                format!("https://{bucket}.{host}")
            }
            _ => format!("{base}/{bucket}"),
        },
        _ => base.to_owned(),
    }
}

fn request(call: &Call) -> Result<HttpRequest, BoxError> {
    let (method, uri, kind, body) = match (&call.input, call.action.service.protocol()) {
        (Input::Json(members), Protocol::Json { version, .. }) => {
            let kind = format!("application/x-amz-json-{version}");
            ("POST", "/".to_owned(), Some(kind), members.to_string())
        }
        (Input::Form(members), Protocol::Query { version }) => {
            let operation = form(&[("Action", call.action.operation), ("Version", version)]);
            let members = form(members);
            let body =
                if members.is_empty() { operation } else { format!("{operation}&{members}") };
            ("POST", "/".to_owned(), Some("application/x-www-form-urlencoded".to_owned()), body)
        }
        (Input::Rest { method, path, query, .. }, Protocol::RestJson | Protocol::RestXml) => {
            let separator = if query.is_empty() { "" } else { "?" };
            (*method, format!("{path}{separator}{query}"), None, String::new())
        }
        _ => return Err("the call and its service use different protocols".into()),
    };
    let mut request = HttpRequest::new(SdkBody::from(body.clone()));
    request.set_method(method)?;
    request.set_uri(uri)?;
    if let Some(kind) = kind {
        request.headers_mut().insert("content-type", kind);
        request.headers_mut().insert("content-length", body.len().to_string());
    }
    if let Protocol::Json { target, .. } = call.action.service.protocol() {
        let operation = format!("{target}.{}", call.action.operation);
        request.headers_mut().insert("x-amz-target", operation);
    }
    Ok(request)
}

fn read(protocol: Protocol, response: &HttpResponse) -> Result<Answer, OrchestratorError<Refusal>> {
    let status =
        StatusCode::from_u16(response.status().as_u16()).map_err(OrchestratorError::other)?;
    let pairs = response.headers().iter().filter_map(|(name, value)| {
        Some((HeaderName::try_from(name).ok()?, HeaderValue::try_from(value).ok()?))
    });
    let headers: HeaderMap = pairs.collect();
    let body = Bytes::copy_from_slice(response.body().bytes().unwrap_or_default());
    if status.is_success() {
        return Ok(Answer { status, headers, body });
    }
    Err(OrchestratorError::operation(Refusal::read(protocol, status, &headers, &body)))
}
