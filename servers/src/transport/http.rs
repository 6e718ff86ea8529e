//! The Streamable HTTP transport: stateless, JSON answers, no sessions; any number of instances
//! may stand behind a plain load balancer.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use rmcp::handler::server::ServerHandler;
use rmcp::transport::streamable_http_server::session::SessionManager;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::body::{self, MAX_BODY};
use super::gate::Gate;
use super::{Options, handler, workers};
use crate::error::ServeError;
use crate::server::Server;
use crate::slot::Slot;
use crate::{logging, registry};

/// Where the endpoint is.
const PATH: &str = "/mcp";
/// Characters that a token has at least.
const LEAST_TOKEN: usize = 16;
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
}

/// Serves `name` on HTTP until SIGTERM or SIGINT, on a runtime of its own.
///
/// # Errors
/// As [`serve_http`].
pub fn run_http(name: &str, http: &HttpOptions, options: &Options) -> Result<(), ServeError> {
    // This thread hands out connections; others answer them.
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|source| ServeError::System { what: "cannot start the runtime", source })?
        .block_on(serve_http(name, http, options))
}

/// Serves `name` on HTTP until SIGTERM or SIGINT; then takes no more calls and finishes those
/// under way.
///
/// # Errors
/// An unknown name, an unusable root, an address that is taken or that needs an allowed host, or
/// an allowed host or origin that is not one.
pub async fn serve_http(
    name: &str,
    http: &HttpOptions,
    options: &Options,
) -> Result<(), ServeError> {
    logging::start(options.log.as_deref());
    let server = registry::find(name)?;
    let stop = CancellationToken::new();
    let signalled = stop.clone();
    let signal = stop_signal()?;
    tokio::spawn(async move {
        signal.await;
        signalled.cancel();
    });
    let (bound, serving) = listen(server, http, options, stop).await?;
    tracing::info!("listening on http://{bound}{PATH}");
    serving.await
}

/// Binds, and returns the address together with the work of serving it until `stop`.
pub(super) async fn listen(
    server: &'static Server,
    http: &HttpOptions,
    options: &Options,
    stop: CancellationToken,
) -> Result<(SocketAddr, impl Future<Output = Result<(), ServeError>> + use<>), ServeError> {
    let handler = handler(server, options, false)?;
    listen_as(handler, NeverSessionManager::default(), false, http, stop).await
}

/// Serves a handler that is none of the servers on the transport of the servers, with sessions and
/// streams, which they do without: what the conformance suite's fixtures need.
#[doc(hidden)]
pub async fn listen_with_sessions<H: ServerHandler + Clone>(
    handler: H,
    http: &HttpOptions,
) -> Result<(SocketAddr, impl Future<Output = Result<(), ServeError>> + use<H>), ServeError> {
    let sessions = LocalSessionManager::default();
    listen_as(handler, sessions, true, http, CancellationToken::new()).await
}

async fn listen_as<H: ServerHandler + Clone, M: SessionManager>(
    handler: H,
    sessions: M,
    streams: bool,
    http: &HttpOptions,
    stop: CancellationToken,
) -> Result<(SocketAddr, impl Future<Output = Result<(), ServeError>> + use<H, M>), ServeError> {
    let allowed = Allowed::new(http)?;
    if let Some(length) =
        http.token.as_ref().map(String::len).filter(|length| *length < LEAST_TOKEN)
    {
        return Err(ServeError::WeakToken { length, least: LEAST_TOKEN });
    }
    let bind_failed = |source| ServeError::Bind { address: http.address, source };
    let listener = TcpListener::bind(http.address).await.map_err(bind_failed)?;
    let bound = listener.local_addr().map_err(bind_failed)?;

    // Cancelled only after draining: rmcp would fail the calls that are under way.
    let end = CancellationToken::new();
    let config = StreamableHttpServerConfig::default()
        .with_legacy_session_mode(streams)
        .with_json_response(!streams)
        .with_max_request_body_bytes(MAX_BODY)
        .with_allowed_hosts(allowed.hosts)
        .with_allowed_origins(allowed.origins)
        // Without this a list without entries would mean that any origin is let in.
        .enforce_origin_validation()
        .with_cancellation_token(end.clone());
    let service =
        StreamableHttpService::new(move || Ok(handler.clone()), Arc::new(sessions), config);
    let endpoint = Arc::new(Endpoint { gate: Gate::new(http.token.clone()), service });
    let answer = move |request: Request| {
        let endpoint = Arc::clone(&endpoint);
        async move { endpoint.answer(request).await }
    };

    let serving = async move {
        // Also where this is dropped: a client that says nothing more would hold its thread for ever.
        let _end = end.clone().drop_guard();
        let overdue = async {
            stop.cancelled().await;
            tokio::time::sleep(DRAIN).await;
        };
        tokio::select! {
            outcome = workers::serve(listener, answer, &stop, &end) => {
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
}

impl<H: ServerHandler, M: SessionManager> Endpoint<H, M> {
    async fn answer(&self, request: Request) -> Response {
        self.gate.passed(request, |request| self.let_in(request)).await
    }

    async fn let_in(&self, request: Request) -> Response {
        match body::checked(request).await {
            Err(refused) => refused,
            Ok(mut request) if request.uri().path() == PATH => {
                let slot = Slot::default();
                request.extensions_mut().insert(slot.clone());
                slot.put(self.service.handle(request).await.map(Body::new)).await
            }
            Ok(_) => StatusCode::NOT_FOUND.into_response(),
        }
    }
}

/// The `Host` and `Origin` values that are let in.
#[derive(Debug, PartialEq)]
struct Allowed {
    hosts: Vec<String>,
    origins: Vec<String>,
}

impl Allowed {
    fn new(http: &HttpOptions) -> Result<Self, ServeError> {
        let ip = http.address.ip();
        let mut hosts: Vec<String> = Vec::new();
        let mut origins: Vec<String> = Vec::new();
        if ip.is_loopback() {
            hosts.extend(["localhost", "127.0.0.1", "::1"].map(str::to_owned));
            // A page from another site cannot have these origins, whatever its DNS says.
            origins.extend(
                ["http://localhost:*", "http://127.0.0.1:*", "http://[::1]:*"].map(str::to_owned),
            );
        } else if http.allowed_hosts.is_empty() {
            return Err(ServeError::NoAllowedHost { address: http.address });
        } else if http.token.is_none() && !http.open {
            return Err(ServeError::NoToken { address: http.address });
        }
        // A machine is also reached under the address it listens on; "any" is not an address.
        if !ip.is_unspecified() {
            hosts.push(match ip {
                IpAddr::V4(ip) => ip.to_string(),
                IpAddr::V6(ip) => format!("[{ip}]"),
            });
        }
        for host in &http.allowed_hosts {
            if host.is_empty() || host.contains(['/', ' ', '*']) {
                return Err(ServeError::Allowed {
                    value: host.clone(),
                    expected: "a host name such as `mcp.example.com` or `mcp.example.com:8080`",
                });
            }
            hosts.push(host.clone());
        }
        for origin in &http.allowed_origins {
            let rest = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
            let Some(rest) = rest.filter(|rest| !rest.is_empty() && !rest.contains('/')) else {
                return Err(ServeError::Allowed {
                    value: origin.clone(),
                    expected: "an origin such as `https://app.example.com`",
                });
            };
            // rmcp takes an origin without a port to mean every port; here it means the usual one.
            let has_port = rest.rsplit_once(':').is_some_and(|(_, port)| {
                port == "*" || (!port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()))
            });
            let usual = if origin.starts_with("https") { 443 } else { 80 };
            origins.push(if has_port { origin.clone() } else { format!("{origin}:{usual}") });
        }
        Ok(Self { hosts, origins })
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(address: &str, hosts: &[&str], origins: &[&str]) -> Result<Allowed, String> {
        let owned = |list: &[&str]| list.iter().map(|&text| text.to_owned()).collect();
        Allowed::new(&HttpOptions {
            address: address.parse().unwrap(),
            allowed_hosts: owned(hosts),
            allowed_origins: owned(origins),
            token: None,
            open: true,
        })
        .map_err(|error| error.to_string())
    }

    #[test]
    fn beyond_loopback_a_host_has_to_be_named() {
        assert!(allowed("0.0.0.0:80", &[], &[]).unwrap_err().contains("--allow-host"));
        let open = allowed("0.0.0.0:80", &["mcp.example.com"], &[]).unwrap();
        assert_eq!(open.hosts, ["mcp.example.com"]);
        assert!(open.origins.is_empty());
        let one = allowed("10.0.0.7:80", &["mcp.example.com"], &[]).unwrap();
        assert_eq!(one.hosts, ["10.0.0.7", "mcp.example.com"]);
        assert!(allowed("127.0.0.1:0", &[], &[]).unwrap().hosts.contains(&"localhost".to_owned()));
    }

    #[test]
    fn beyond_loopback_a_token_has_to_be_asked_for() {
        let at = |address: &str, token: Option<&str>, open: bool| {
            let http = HttpOptions {
                address: address.parse().unwrap(),
                allowed_hosts: vec!["mcp.example.com".to_owned()],
                allowed_origins: Vec::new(),
                token: token.map(str::to_owned),
                open,
            };
            Allowed::new(&http).map(drop).map_err(|error| error.to_string())
        };
        assert!(at("0.0.0.0:80", None, false).unwrap_err().contains("--without-token"));
        assert!(at("0.0.0.0:80", None, true).is_ok());
        assert!(at("0.0.0.0:80", Some("a-long-enough-token"), false).is_ok());
        assert!(at("127.0.0.1:80", None, false).is_ok());
    }

    #[test]
    fn hosts_and_origins_have_to_look_like_it() {
        for host in ["", "https://x", "*", "a b"] {
            assert!(allowed("127.0.0.1:0", &[host], &[]).is_err(), "{host}");
        }
        for origin in ["", "x.example.com", "https://", "https://x/y", "null", "*"] {
            assert!(allowed("127.0.0.1:0", &[], &[origin]).is_err(), "{origin}");
        }
        let origins = [
            "https://a.example",
            "http://b.example",
            "https://c.example:*",
            "https://d.example:8443",
        ];
        let given = allowed("0.0.0.0:0", &["h"], &origins).unwrap().origins;
        assert_eq!(
            given,
            [
                "https://a.example:443",
                "http://b.example:80",
                "https://c.example:*",
                "https://d.example:8443"
            ]
        );
    }
}
