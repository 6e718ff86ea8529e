//! The Streamable HTTP transport: stateless, JSON answers, no sessions; any number of instances
//! may stand behind a plain load balancer.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::Method;
use axum::http::header::CONTENT_TYPE;
use axum::response::Response;
use ipnet::IpNet;
use rmcp::handler::server::ServerHandler;
use rmcp::transport::streamable_http_server::session::SessionManager;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use tokio::net::{TcpListener, TcpSocket};
use tokio_util::sync::CancellationToken;

use super::allowed::Allowed;
use super::body::{self, MAX_BODY, Whole};
use super::crowd::{Crowd, Doing, Guest};
use super::gate::{Gate, PATH};
use super::workers::{self, Door};
use super::{Options, descriptors, direct, handler, token};
use crate::mcp::error::ServeError;
use crate::mcp::handler::Handler;
use crate::mcp::logging;
use crate::mcp::server::Server;
use crate::mcp::slot::Slot;

/// Characters that a token has at least.
const LEAST_TOKEN: usize = 16;
/// Connections that may wait to be taken; the system may allow less.
const ARRIVING: u32 = 4096;
/// How long calls that are under way may take after the signal to stop.
const DRAIN: Duration = Duration::from_secs(10);

/// How to serve on HTTP.
#[derive(Debug, Clone)]
pub struct HttpOptions {
    /// Where to listen; port 0 takes a free one, which is logged.
    pub address: SocketAddr,
    /// Host names, with or without a port, under which clients come in besides loopback names.
    pub allowed_hosts: Vec<String>,
    /// What clients have to send as bearer token; `None` lets everybody in that reaches the address.
    pub token: Option<String>,
    /// Whether an address that other machines reach may do without a token, as behind a gateway that
    /// checks one itself.
    pub open: bool,
    /// Browser origins such as `https://app.example.com:443` that may call besides loopback ones.
    pub allowed_origins: Vec<String>,
    /// Addresses or networks of proxies that are believed who they speak for.
    pub proxies: Vec<String>,
}

/// Serves `server` on HTTP until SIGTERM or SIGINT, on a runtime of its own.
///
/// # Errors
/// As [`serve_http`].
pub(crate) fn run_http(
    server: &'static Server,
    http: &HttpOptions,
    options: &Options,
) -> Result<(), ServeError> {
    // This thread hands out connections; others answer them.
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|source| ServeError::System { what: "cannot start the runtime", source })?
        .block_on(serve_http(server, http, options))
}

/// Serves `server` on HTTP until SIGTERM or SIGINT; then takes no more calls and finishes those
/// under way.
///
/// # Errors
/// An unusable root, an address that is taken or that needs an allowed host, or
/// an allowed host or origin that is not one.
pub(crate) async fn serve_http(
    server: &'static Server,
    http: &HttpOptions,
    options: &Options,
) -> Result<(), ServeError> {
    logging::start(options.log.as_deref());
    let http = &token::completed(http, !options.roots.is_empty())?;
    let stop = CancellationToken::new();
    let signalled = stop.clone();
    let signal = stop_signal()?;
    tokio::spawn(async move {
        signal.await;
        signalled.cancel();
    });
    let (bound, serving) = listen(server, http, options, stop)?;
    tracing::info!("listening on http://{bound}{PATH}");
    serving.await
}

/// Binds, and returns the address together with the work of serving it until `stop`.
pub(super) fn listen(
    server: &'static Server,
    http: &HttpOptions,
    options: &Options,
    stop: CancellationToken,
) -> Result<(SocketAddr, impl Future<Output = Result<(), ServeError>> + use<>), ServeError> {
    let handler = handler(server, options)?;
    let direct = Some(handler.clone());
    listen_as(handler, direct, NeverSessionManager::default(), false, http, stop)
}

/// Serves a handler that is none of the servers on the transport of the servers, with sessions and
/// streams, which they do without: what the conformance suite's fixtures need.
#[doc(hidden)]
pub fn listen_with_sessions<H: ServerHandler + Clone>(
    handler: H,
    http: &HttpOptions,
) -> Result<(SocketAddr, impl Future<Output = Result<(), ServeError>> + use<H>), ServeError> {
    let sessions = LocalSessionManager::default();
    listen_as(handler, None, sessions, true, http, CancellationToken::new())
}

pub(super) fn listen_as<H: ServerHandler + Clone, M: SessionManager>(
    handler: H,
    direct: Option<Handler>,
    sessions: M,
    streams: bool,
    http: &HttpOptions,
    stop: CancellationToken,
) -> Result<(SocketAddr, impl Future<Output = Result<(), ServeError>> + use<H, M>), ServeError> {
    let allowed = Allowed::new(http)?;
    let proxies = proxies(http)?;
    if let Some(length) =
        http.token.as_ref().map(String::len).filter(|length| *length < LEAST_TOKEN)
    {
        return Err(ServeError::WeakToken { length, least: LEAST_TOKEN });
    }
    let bind_failed = |source| ServeError::Bind { address: http.address, source };
    let listener = listening(http.address).map_err(bind_failed)?;
    let bound = listener.local_addr().map_err(bind_failed)?;

    // Cancelled only after draining: rmcp would fail the calls that are under way.
    let end = CancellationToken::new();
    let config = StreamableHttpServerConfig::default()
        .with_legacy_session_mode(streams)
        .with_json_response(!streams)
        .with_max_request_body_bytes(MAX_BODY)
        // The gate has looked at both, on every path.
        .disable_allowed_hosts()
        .disable_allowed_origins()
        .with_cancellation_token(end.clone());
    let service =
        StreamableHttpService::new(move || Ok(handler.clone()), Arc::new(sessions), config);
    let crowd = Crowd::of(descriptors::most_connections());
    let gate = Gate::new(http.token.clone(), allowed, Arc::clone(&crowd));
    let endpoint =
        Arc::new(Endpoint { gate, service, direct, streams, proxies: Arc::clone(&proxies) });
    let answer = move |request: Request, guest: Arc<Guest>| {
        let endpoint = Arc::clone(&endpoint);
        async move { endpoint.answer(request, guest).await }
    };
    let door = Door { listener, crowd, proxies };

    let serving = async move {
        // Also where this is dropped: a client that says nothing more would hold its thread for ever.
        let _end = end.clone().drop_guard();
        let overdue = async {
            stop.cancelled().await;
            tokio::time::sleep(DRAIN).await;
        };
        tokio::select! {
            outcome = workers::serve(door, answer, &stop, &end) => {
                outcome.map_err(|error| ServeError::Session(error.to_string()))
            }
            () = overdue => Ok(()),
        }
    };
    Ok((bound, serving))
}

/// What answers requests. One is shared by all of them: a router with layers would copy the service,
/// and with it all hosts and origins, for each.
struct Endpoint<H, M> {
    gate: Gate,
    service: StreamableHttpService<H, M>,
    /// Who answers calls that nothing of rmcp's service is needed for.
    direct: Option<Handler>,
    /// Whether answers may be streams, which a client has to want then.
    streams: bool,
    proxies: Arc<[IpNet]>,
}

impl<H: ServerHandler, M: SessionManager> Endpoint<H, M> {
    async fn answer(&self, request: Request, guest: Arc<Guest>) -> Response {
        guest.does(Doing::Body);
        let response = self.gate.passed(request, |request| self.let_in(request, &guest)).await;
        let is_stream = response
            .headers()
            .get(CONTENT_TYPE)
            .is_some_and(|value| value.as_bytes().starts_with(b"text/event-stream"));
        guest.does(if is_stream { Doing::Stream } else { Doing::Idle });
        response
    }

    async fn let_in(&self, request: Request, guest: &Guest) -> Response {
        let client = guest.peer.client(request.headers(), &self.proxies);
        if request.method() != Method::POST {
            guest.does(Doing::Served);
            return self.service.handle(request).await.map(Body::new);
        }
        let memory = self.gate.bodies.share(client);
        let Whole { mut request, body, memory } = match body::read(request, memory).await {
            Ok(whole) => whole,
            Err(refused) => return refused,
        };
        if !self.streams {
            body::accept_both(request.headers_mut());
        }
        guest.does(Doing::Served);
        let work = async {
            if let Some(handler) = &self.direct
                && let Some(call) = direct::call(request.headers(), &body)
            {
                return direct::answer(handler, call).await;
            }
            let slot = Slot::default();
            request.extensions_mut().insert(slot.clone());
            let response = self.service.handle(request).await.map(Body::new);
            slot.put(body::mended(response, &body)).await
        };
        let response = self.gate.called(client, work).await;
        drop(memory);
        response
    }
}

/// Listens at `address`, with room for all who come at once.
fn listening(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // As the standard library does: a server that starts again gets its address back at once.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    // Its own 128 are too few: the system drops whoever comes when they are full, and resets some of them later.
    socket.listen(ARRIVING)
}

/// The networks of proxies that are trusted.
fn proxies(http: &HttpOptions) -> Result<Arc<[IpNet]>, ServeError> {
    let read = |text: &String| {
        let network = text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        network.map_err(|_| ServeError::Allowed {
            value: text.clone(),
            expected: "an address or a network such as `10.0.0.7` or `10.0.0.0/8`",
        })
    };
    http.proxies.iter().map(read).collect()
}

/// Completes at the first signal to stop.
#[cfg(unix)]
fn stop_signal() -> Result<impl Future<Output = ()>, ServeError> {
    use tokio::signal::unix::{SignalKind, signal};
    let failed = |source| ServeError::System { what: "cannot listen for signals", source };
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// Completes at the first signal to stop.
#[cfg(not(unix))]
fn stop_signal() -> Result<impl Future<Output = ()>, ServeError> {
    Ok(async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    })
}
