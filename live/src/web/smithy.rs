//! The same client for AWS's SDK: its requests go the same way, and are of the errand that is under way.

use std::time::Duration;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use mcc_catalogs::Errand;
use url::Url;

use crate::failure::Failure;
use crate::web::{PATIENCE, Request, Response, Web};

/// Most bytes of an answer to the SDK: a page of prices is well below it.
const MOST: usize = 8 * 1024 * 1024;

tokio::task_local! {
    /// The errand that requests of the SDK are taken from.
    static UNDER_WAY: Errand;
}

/// Waits for `work`, in which requests of the SDK are taken from `errand`.
pub(crate) async fn on_errand<F: Future>(errand: &Errand, work: F) -> F::Output {
    UNDER_WAY.scope(errand.clone(), work).await
}

impl Web {
    /// This client for the SDK. What it sends is sent once (the SDK itself retries), within the time that the SDK's
    /// settings give a read, and taken from the errand of [`on_errand`]; outside of one, nothing is sent.
    ///
    /// Why a request failed is a [`Failure`] among the sources of the SDK's error.
    pub(crate) fn for_sdk(&self) -> SharedHttpClient {
        SharedHttpClient::new(Sdk { web: self.clone(), patience: PATIENCE })
    }
}

/// The client with the SDK's settings.
#[derive(Debug, Clone)]
struct Sdk {
    web: Web,
    patience: Duration,
}

impl HttpClient for Sdk {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        _: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let patience = settings.read_timeout().unwrap_or(self.patience);
        SharedHttpConnector::new(Self { web: self.web.clone(), patience })
    }
}

impl HttpConnector for Sdk {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let Self { web, patience } = self.clone();
        HttpConnectorFuture::new(async move {
            let Ok(errand) = UNDER_WAY.try_with(Clone::clone) else {
                return Err(ConnectorError::user("no look-up is in progress".into()));
            };
            let request = read(request)?;
            let response = web.send_once(request, &errand, patience).await.map_err(told)?;
            answered(response)
        })
    }
}

/// A request of the SDK as one of ours. Bodies that are made while they are sent are none of those that are sent here.
fn read(request: HttpRequest) -> Result<Request, ConnectorError> {
    let request = request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?;
    let (parts, body) = request.into_parts();
    let url = Url::parse(&parts.uri.to_string()).map_err(|e| ConnectorError::user(e.into()))?;
    let body = body.bytes().map(Bytes::copy_from_slice);
    let body = body.ok_or_else(|| ConnectorError::user("the body cannot be sent again".into()))?;
    Ok(Request { method: parts.method, url, headers: parts.headers, body, most: MOST })
}

fn answered(response: Response) -> Result<HttpResponse, ConnectorError> {
    let mut answer = http::Response::new(SdkBody::from(response.body));
    *answer.status_mut() = response.status;
    *answer.headers_mut() = response.headers;
    HttpResponse::try_from(answer).map_err(|error| ConnectorError::other(error.into(), None))
}

/// The SDK tries again after what may pass.
fn told(failure: Failure) -> ConnectorError {
    match failure {
        Failure::TooSlow => ConnectorError::timeout(failure.into()),
        Failure::Unreachable => ConnectorError::io(failure.into()),
        _ => ConnectorError::other(failure.into(), None),
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error;

    use aws_credential_types::Credentials;
    use aws_sdk_bedrockruntime::Client;
    use aws_sdk_bedrockruntime::config::retry::RetryConfig;
    use aws_sdk_bedrockruntime::config::timeout::TimeoutConfig;
    use aws_sdk_bedrockruntime::config::{BehaviorVersion, Region};
    use aws_sdk_bedrockruntime::error::SdkError;
    use aws_sdk_bedrockruntime::operation::converse::{ConverseError, ConverseOutput};
    use aws_sdk_bedrockruntime::types::TokenUsage;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;
    use crate::web::Network;

    /// A server that answers each connection with `answer`, or keeps silent where that is empty.
    async fn server(answer: String) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut connection, _)) = listener.accept().await {
                let answer = answer.clone();
                tokio::spawn(async move {
                    let mut request = vec![0; 8192];
                    let _ = connection.read(&mut request).await;
                    if answer.is_empty() {
                        std::future::pending::<()>().await;
                    }
                    let _ = connection.write_all(answer.as_bytes()).await;
                });
            }
        });
        format!("http://{address}")
    }

    fn answer(status: &str, body: &str) -> String {
        let length = body.len();
        format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}")
    }

    /// The real SDK over our client.
    fn sdk(endpoint: &str, attempts: u32) -> Client {
        let web = Web::new(&Network::default()).unwrap();
        let read = Duration::from_millis(300);
        let config = aws_sdk_bedrockruntime::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new("us-east-1"))
            .credentials_provider(Credentials::new("id", "s3cret", None, None, "test"))
            .endpoint_url(endpoint)
            .retry_config(
                RetryConfig::standard()
                    .with_max_attempts(attempts)
                    .with_initial_backoff(Duration::from_millis(1)),
            )
            .timeout_config(TimeoutConfig::builder().read_timeout(read).build())
            .http_client(web.for_sdk())
            .build();
        Client::from_conf(config)
    }

    async fn ask(client: &Client) -> Result<ConverseOutput, SdkError<ConverseError>> {
        client.converse().model_id("any").send().await
    }

    fn failure(error: &(dyn Error + 'static)) -> Option<Failure> {
        std::iter::successors(Some(error), |error| (*error).source())
            .find_map(|error| error.downcast_ref::<Failure>().cloned())
    }

    #[tokio::test]
    async fn what_the_sdk_sends_is_taken_from_the_errand() {
        let body = r#"{"output":{"message":{"role":"assistant","content":[{"text":"yes"}]}},
            "stopReason":"end_turn","usage":{"inputTokens":3,"outputTokens":1,"totalTokens":4}}"#;
        let client = sdk(&server(answer("200 OK", body)).await, 1);
        let errand = Errand::new(Duration::from_secs(5));
        let found = on_errand(&errand, ask(&client)).await.unwrap();
        assert_eq!(found.usage().map(TokenUsage::total_tokens), Some(4));
        assert_eq!(errand.left(), Errand::REQUESTS - 1);
        // Without an errand nothing is sent.
        let error = ask(&client).await.unwrap_err();
        assert!(error.as_service_error().is_none(), "{error:?}");
    }

    #[tokio::test]
    async fn each_try_of_the_sdk_is_a_request() {
        let client = sdk(&server(answer("500 Internal Server Error", "{}")).await, 3);
        let errand = Errand::new(Duration::from_secs(5));
        on_errand(&errand, ask(&client)).await.unwrap_err();
        assert_eq!(errand.left(), Errand::REQUESTS - 3);
        while errand.take() {}
        let error = on_errand(&errand, ask(&client)).await.unwrap_err();
        assert_eq!(failure(&error), Some(Failure::UsedUp), "{error:?}");
    }

    #[tokio::test]
    async fn the_sdk_waits_as_long_as_its_settings_say_and_errors_say_why() {
        let client = sdk(&server(String::new()).await, 1);
        let errand = Errand::new(Duration::from_secs(5));
        let start = std::time::Instant::now();
        let error = on_errand(&errand, ask(&client)).await.unwrap_err();
        assert_eq!(failure(&error), Some(Failure::TooSlow), "{error:?}");
        assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());

        let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let gone = format!("http://{}", closed.local_addr().unwrap());
        drop(closed);
        let error = on_errand(&errand, ask(&sdk(&gone, 1))).await.unwrap_err();
        assert_eq!(failure(&error), Some(Failure::Unreachable), "{error:?}");
        assert!(!format!("{error:?} {:?}", Web::new(&Network::default())).contains("s3cret"));
    }
}
