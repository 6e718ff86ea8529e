//! HTTP for the SDK: what it wants to send goes through the one client, and is counted on the errand it is for.

use std::sync::{Arc, Mutex};

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
use tokio::sync::{mpsc, oneshot};
use url::Url;

use crate::failure::Failure;
use crate::web::{Request, Response, Web};

/// Why the last request had no answer.
pub(crate) type Trouble = Arc<Mutex<Option<Failure>>>;

/// Does `work` with a client of HTTP that asks `web` for `errand`, with answers of at most `most` bytes. The SDK's
/// clients live as long as they like, and an errand does not: so requests are handed over to here, where it is.
///
/// What `work` comes to, and why its last request had no answer, if it had none.
pub(crate) async fn through<T, Doing: Future<Output = T>>(
    web: &Web,
    errand: &Errand,
    most: usize,
    work: impl FnOnce(SharedHttpClient) -> Doing,
) -> (T, Option<Failure>) {
    let (outbox, mut inbox) = mpsc::channel::<Sent>(1);
    let trouble = Trouble::default();
    let serving = async {
        while let Some(mut sent) = inbox.recv().await {
            // Nobody waits any more for what was given up.
            let answer = tokio::select! {
                answer = answer(web, errand, most, sent.request) => answer,
                () = sent.reply.closed() => continue,
            };
            if let Ok(mut trouble) = trouble.lock() {
                *trouble = answer.as_ref().err().cloned();
            }
            let _gone = sent.reply.send(answer);
        }
        std::future::pending::<std::convert::Infallible>().await
    };
    let done = tokio::select! {
        done = work(SharedHttpClient::new(Wire { outbox })) => done,
        never = serving => match never {},
    };
    let trouble = trouble.lock().ok().and_then(|mut trouble| trouble.take());
    (done, trouble)
}

/// A request on its way.
struct Sent {
    request: HttpRequest,
    reply: oneshot::Sender<Result<HttpResponse, Failure>>,
}

async fn answer(
    web: &Web,
    errand: &Errand,
    most: usize,
    request: HttpRequest,
) -> Result<HttpResponse, Failure> {
    let unfit = || Failure::Refused("the request cannot be sent".to_owned());
    let request = request.try_into_http1x().map_err(|_| unfit())?;
    let (parts, body) = request.into_parts();
    let url = Url::parse(&parts.uri.to_string()).map_err(|_| unfit())?;
    let body = Bytes::copy_from_slice(body.bytes().ok_or_else(unfit)?);
    let request = Request { method: parts.method, url, headers: parts.headers, body, most };
    let Response { status, headers, body } = web.send(request, errand).await?;
    let mut answer = http::Response::new(SdkBody::from(body));
    *answer.status_mut() = status;
    *answer.headers_mut() = headers;
    HttpResponse::try_from(answer)
        .map_err(|_| Failure::Unreadable("its headers are not text".to_owned()))
}

/// What the SDK takes for a client of HTTP.
#[derive(Debug, Clone)]
struct Wire {
    outbox: mpsc::Sender<Sent>,
}

impl HttpClient for Wire {
    fn http_connector(
        &self,
        _: &HttpConnectorSettings,
        _: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Wire {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let outbox = self.outbox.clone();
        HttpConnectorFuture::new(async move {
            let (reply, answer) = oneshot::channel();
            let over = || ConnectorError::user("the time of this answer is over".into());
            outbox.send(Sent { request, reply }).await.map_err(|_| over())?;
            answer.await.map_err(|_| over())?.map_err(|failure| match failure {
                Failure::Unreachable => ConnectorError::io(failure.into()),
                Failure::TooSlow => ConnectorError::timeout(failure.into()),
                other => ConnectorError::user(other.into()),
            })
        })
    }
}
