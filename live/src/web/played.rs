//! Servers that tests play: real sockets on this machine, scripted answers.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// What a server does with a request.
#[derive(Debug, Clone)]
pub(crate) enum Does {
    /// Says this, byte for byte, and closes.
    Says(Vec<u8>),
    /// Says this and keeps silent.
    Stalls(Vec<u8>),
    /// Says it a byte at a time with pauses.
    Drips(Vec<u8>, Duration),
    /// Sends zeros without an end after this.
    Floods(Vec<u8>),
}

/// A request as a server saw it.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) line: String,
    pub(crate) headers: HashMap<String, String>,
}

/// A server under way.
#[derive(Debug, Clone)]
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) seen: Arc<Mutex<Vec<Seen>>>,
    pub(crate) most_at_once: Arc<AtomicUsize>,
}

/// An answer with a length.
pub(crate) fn answer(status: &str, headers: &str, body: impl AsRef<[u8]>) -> Does {
    let body = body.as_ref();
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n{headers}\r\n"
    );
    Does::Says([head.as_bytes(), body].concat())
}

impl Server {
    /// A server that does what `script` says of the number of a request and the request.
    pub(crate) async fn http(
        script: impl Fn(usize, &Seen) -> Does + Send + Sync + 'static,
    ) -> Self {
        Self::start(None, script).await
    }

    /// The same over TLS.
    pub(crate) async fn https(
        authority: &Authority,
        script: impl Fn(usize, &Seen) -> Does + Send + Sync + 'static,
    ) -> Self {
        Self::start(Some(authority.acceptor()), script).await
    }

    async fn start(
        tls: Option<TlsAcceptor>,
        script: impl Fn(usize, &Seen) -> Does + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self {
            address: listener.local_addr().unwrap(),
            seen: Arc::default(),
            most_at_once: Arc::default(),
        };
        let (told, script) = (server.clone(), Arc::new(script));
        let open = Arc::new(AtomicUsize::new(0));
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                let (told, script, tls) = (told.clone(), Arc::clone(&script), tls.clone());
                let open = Arc::clone(&open);
                tokio::spawn(async move {
                    let now = open.fetch_add(1, Ordering::SeqCst) + 1;
                    told.most_at_once.fetch_max(now, Ordering::SeqCst);
                    match tls {
                        None => told.serve(connection, &*script).await,
                        Some(tls) => {
                            if let Ok(connection) = tls.accept(connection).await {
                                told.serve(connection, &*script).await;
                            }
                        }
                    }
                    open.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        server
    }

    async fn serve(
        &self,
        mut connection: impl AsyncRead + AsyncWrite + Unpin,
        script: &(impl Fn(usize, &Seen) -> Does + Send + Sync),
    ) {
        let Some(seen) = read_head(&mut connection).await else { return };
        let number = {
            let mut all = self.seen.lock().unwrap();
            all.push(seen.clone());
            all.len() - 1
        };
        match script(number, &seen) {
            Does::Says(bytes) => {
                let _ = connection.write_all(&bytes).await;
                let _ = connection.shutdown().await;
            }
            Does::Stalls(bytes) => {
                let _ = connection.write_all(&bytes).await;
                let _ = connection.flush().await;
                tokio::time::sleep(Duration::from_secs(60)).await;
            }
            Does::Drips(bytes, pause) => {
                for byte in bytes {
                    if connection.write_all(&[byte]).await.is_err() {
                        return;
                    }
                    let _ = connection.flush().await;
                    tokio::time::sleep(pause).await;
                }
            }
            Does::Floods(bytes) => {
                let _ = connection.write_all(&bytes).await;
                while connection.write_all(&[0; 8192]).await.is_ok() {}
            }
        }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn count(&self) -> usize {
        self.seen.lock().unwrap().len()
    }
}

/// A forward proxy: CONNECT to whatever is asked for, which is looked for at `to`, and requests of http.
#[derive(Debug, Clone)]
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    pub(crate) asked: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    /// A proxy that leads to `to`, for those who say `auth`, if it is given.
    pub(crate) async fn to(to: SocketAddr, auth: Option<&'static str>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = Self { address: listener.local_addr().unwrap(), asked: Arc::default() };
        let told = proxy.clone();
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let told = told.clone();
                tokio::spawn(async move {
                    let Some(seen) = read_head(&mut client).await else { return };
                    told.asked.lock().unwrap().push(seen.line.clone());
                    let said = seen.headers.get("proxy-authorization").map(String::as_str);
                    if auth.is_some() && said != auth {
                        let refused = "HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n";
                        let _ = client.write_all(refused.as_bytes()).await;
                        return;
                    }
                    let Ok(mut server) = TcpStream::connect(to).await else { return };
                    if seen.line.starts_with("CONNECT ") {
                        let _ = client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
                    } else {
                        let _ = server.write_all(format!("{}\r\n\r\n", seen.line).as_bytes()).await;
                    }
                    let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
                });
            }
        });
        proxy
    }
}

async fn read_head(connection: &mut (impl AsyncRead + Unpin)) -> Option<Seen> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(connection.read_u8().await.ok()?);
    }
    let text = String::from_utf8_lossy(&head).into_owned();
    let mut lines = text.lines();
    let line = lines.next()?.to_owned();
    let headers = lines.filter_map(|line| line.split_once(": "));
    let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()));
    Some(Seen { line, headers: headers.collect() })
}

/// An authority that nobody knows, and a certificate of it.
pub(crate) struct Authority {
    pub(crate) pem: String,
    chain: rcgen::Certificate,
    key: rcgen::KeyPair,
}

impl Authority {
    /// One that certifies these names.
    pub(crate) fn of(names: &[&str]) -> Self {
        let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        params.key_usages = vec![rcgen::KeyUsagePurpose::KeyCertSign];
        let authority_key = rcgen::KeyPair::generate().unwrap();
        let authority = params.self_signed(&authority_key).unwrap();
        let issuer = rcgen::Issuer::from_params(&params, &authority_key);
        let key = rcgen::KeyPair::generate().unwrap();
        let names: Vec<_> = names.iter().map(ToString::to_string).collect();
        let chain = rcgen::CertificateParams::new(names).unwrap().signed_by(&key, &issuer).unwrap();
        Self { pem: authority.pem(), chain, key }
    }

    fn acceptor(&self) -> TlsAcceptor {
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(self.key.serialize_der()));
        let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![self.chain.der().clone()], key)
            .unwrap();
        TlsAcceptor::from(Arc::new(config))
    }
}
