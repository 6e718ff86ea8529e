//! Threads with a runtime each, and each connection on one of them. A call is several small tasks that wait for each
//! other: where they stay on one thread, none of them has to wake another one, which would cost a tenth of the call.

use std::convert::Infallible;
use std::io;
use std::net::TcpStream;
use std::num::NonZero;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::thread::{self, available_parallelism};
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use ipnet::IpNet;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::TcpListener;
use tokio::runtime::Builder;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::client::Peer;
use super::crowd::{Crowd, Doing, Guest, Seat};

/// Threads at the most, one for each processor: more calls than they answer are not let in at once.
const MOST: usize = 16;
/// Bytes that are kept of one connection, and with it the longest head of a request.
const BUFFER: usize = 64 * 1024;
/// How often late connections are looked for.
const SWEEP: Duration = Duration::from_secs(1);
/// How long to wait where the system has no more descriptors or memory.
const EXHAUSTED: Duration = Duration::from_millis(50);
/// What is said to whom there is no place for.
const FULL: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain\r\nRetry-After: 1\r\n\
    Connection: close\r\nContent-Length: 28\r\n\r\nbusy: try again in a second\n";
/// How many of those are seen out at once, and for how long: what closes with something unread is reset, and the
/// answer may be lost.
const SEEN_OUT: usize = 64;
const SEEING_OUT: Duration = Duration::from_secs(1);

/// Connections and answers to their requests.
pub(super) trait Answer:
    Fn(Request, Arc<Guest>) -> Self::Answering + Clone + Send + Sync + 'static
{
    type Answering: Future<Output = Response> + Send;
}

impl<F, A> Answer for F
where
    F: Fn(Request, Arc<Guest>) -> A + Clone + Send + Sync + 'static,
    A: Future<Output = Response> + Send,
{
    type Answering = A;
}

/// Who may come in.
pub(super) struct Door {
    pub(super) listener: TcpListener,
    pub(super) crowd: Arc<Crowd>,
    pub(super) proxies: Arc<[IpNet]>,
}

/// Answers what comes in at `door`, until `stop`; then finishes what is under way, until `end` at the latest. The
/// threads end too where this is dropped.
///
/// # Errors
/// Threads that cannot be started, or that failed.
pub(super) async fn serve(
    door: Door,
    answer: impl Answer,
    stop: &CancellationToken,
    end: &CancellationToken,
) -> io::Result<()> {
    let mut threads = Vec::new();
    let mut queues = Vec::new();
    for _ in 0..available_parallelism().map_or(1, NonZero::get).min(MOST) {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        // There are never more of them than that, so that one thread that is busy holds up nobody else.
        let (queue, connections) = channel(door.crowd.most());
        let (ended, ends) = oneshot::channel();
        let serving = work(connections, answer.clone(), stop.clone(), end.clone());
        thread::Builder::new().name("http".to_owned()).spawn(move || {
            runtime.block_on(serving);
            // Not even a tool that never ends keeps the thread.
            runtime.shutdown_background();
            // Nobody waits for it where this was dropped.
            let _ = ended.send(());
        })?;
        queues.push(queue);
        threads.push(ends);
    }
    tokio::select! {
        () = stop.cancelled() => {}
        () = hand_out(door, queues) => {}
    }
    let mut outcome = Ok(());
    for ends in threads {
        let ended = ends.await.map_err(|_| io::Error::other("a thread panicked"));
        outcome = outcome.and(ended);
    }
    outcome
}

type Connection = (TcpStream, Seat);

/// Gives each connection to the next thread, until one of them takes no more.
async fn hand_out(door: Door, queues: Vec<Sender<Connection>>) {
    let mut sweep = tokio::time::interval(SWEEP);
    let seen_out = Arc::new(Semaphore::new(SEEN_OUT));
    let mut next = queues.iter().cycle();
    loop {
        let accepted = tokio::select! {
            _ = sweep.tick() => {
                door.crowd.sweep();
                continue;
            }
            accepted = door.listener.accept() => accepted,
        };
        let (stream, address) = match accepted {
            Ok(accepted) => accepted,
            Err(error) if is_of_the_client(&error) => continue,
            Err(error) => {
                lost(&error);
                tokio::time::sleep(EXHAUSTED).await;
                continue;
            }
        };
        let Some(seat) = door.crowd.admit(Peer::new(address.ip(), &door.proxies)) else {
            refuse(stream, &seen_out);
            continue;
        };
        // Answers are small, and the next one is not waited for.
        let _ = stream.set_nodelay(true);
        // It is known to the runtime of this thread, and has to be to that of another.
        match stream.into_std() {
            Ok(stream) => {
                let Some(queue) = next.next() else { return };
                if queue.send((stream, seat)).await.is_err() {
                    return;
                }
            }
            Err(error) => lost(&error),
        }
    }
}

/// Whether the client was gone before we looked.
fn is_of_the_client(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    [ConnectionAborted, ConnectionRefused, ConnectionReset].contains(&error.kind())
}

fn lost(error: &io::Error) {
    tracing::warn!("a connection is lost: {error}");
}

/// Tells somebody that there is no place.
fn refuse(mut stream: tokio::net::TcpStream, seen_out: &Arc<Semaphore>) {
    // Its buffer is empty. What does not fit is not said.
    let _ = stream.try_write(FULL);
    if let Ok(permit) = Arc::clone(seen_out).try_acquire_owned() {
        tokio::spawn(async move {
            let leaving = async {
                stream.shutdown().await?;
                let mut rest = [0; 1024];
                while stream.read(&mut rest).await? > 0 {}
                io::Result::Ok(())
            };
            let _ = tokio::time::timeout(SEEING_OUT, leaving).await;
            drop(permit);
        });
    }
}

async fn work(
    mut queue: Receiver<Connection>,
    answer: impl Answer,
    stop: CancellationToken,
    end: CancellationToken,
) {
    let mut all = JoinSet::new();
    let serving = async {
        loop {
            tokio::select! {
                next = queue.recv() => {
                    let Some((stream, seat)) = next else { break };
                    match tokio::net::TcpStream::from_std(stream) {
                        Ok(stream) => drop(all.spawn(serve_one(stream, seat, answer.clone(), stop.clone()))),
                        Err(error) => lost(&error),
                    }
                }
                Some(_) = all.join_next() => {}
            }
        }
        while all.join_next().await.is_some() {}
    };
    tokio::select! {
        () = serving => {}
        () = end.cancelled() => {}
    }
}

/// Answers the requests of one connection.
async fn serve_one(
    stream: tokio::net::TcpStream,
    seat: Seat,
    answer: impl Answer,
    stop: CancellationToken,
) {
    let guest = &seat.guest;
    // Whatever kept this thread busy until now is not its client's fault.
    guest.does(Doing::Head);
    let of = Arc::clone(guest);
    let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
        let answering = answer(request.map(Body::new), Arc::clone(&of));
        async { Ok::<_, Infallible>(answering.await) }
    });
    let io = TokioIo::new(Heard { stream, guest: Arc::clone(guest) });
    // Its deadline for heads would hold for idle connections as well; the crowd has one for each.
    let serving = http1::Builder::new().max_buf_size(BUFFER).serve_connection(io, service);
    let mut serving = pin!(serving);
    tokio::select! {
        // What goes wrong here is the client's: it left, or what it sent is no HTTP and was told so.
        _ = serving.as_mut() => return,
        () = guest.gone.cancelled() => return,
        () = stop.cancelled() => serving.as_mut().graceful_shutdown(),
    }
    tokio::select! {
        _ = serving => {}
        () = guest.gone.cancelled() => {}
    }
}

/// A connection that notes when something comes.
struct Heard {
    stream: tokio::net::TcpStream,
    guest: Arc<Guest>,
}

impl AsyncRead for Heard {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.guest.heard();
        }
        read
    }
}

impl AsyncWrite for Heard {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn where_all_are_busy_a_newcomer_is_told_so_at_once() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let door = Door { listener, crowd: Crowd::of(2), proxies: Arc::new([]) };
        let crowd = Arc::clone(&door.crowd);
        let answer = |_request: Request, guest: Arc<Guest>| async move {
            guest.does(Doing::Served);
            tokio::time::sleep(Duration::from_millis(500)).await;
            guest.does(Doing::Idle);
            Response::new(Body::from("done"))
        };
        let (stop, end) = (CancellationToken::new(), CancellationToken::new());
        let stopped = stop.clone();
        let serving = tokio::spawn(async move { serve(door, answer, &stop, &end).await });
        let ask = || async move {
            let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
            stream.write_all(b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n").await.unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.unwrap();
            answer
        };
        let busy = tokio::spawn(ask());
        tokio::time::sleep(Duration::from_millis(200)).await;
        let refused = tokio::time::timeout(Duration::from_secs(1), ask()).await.unwrap();
        assert!(refused.starts_with("HTTP/1.1 503"), "{refused}");
        assert!(refused.contains("Retry-After: 1"), "{refused}");
        assert!(busy.await.unwrap().ends_with("done"));
        assert!(ask().await.ends_with("done"));
        assert!(crowd.text().contains("why=\"refused\"} 1"), "{}", crowd.text());
        stopped.cancel();
        serving.await.unwrap().unwrap();
        assert_eq!(crowd.len(), 0);
    }
}
