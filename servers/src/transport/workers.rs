//! Threads with a runtime each, and each connection on one of them. A call is several small tasks that wait for each
//! other: where they stay on one thread, none of them has to wake another one, which would cost a tenth of the call.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::num::NonZero;
use std::thread::{self, available_parallelism};

use axum::handler::{Handler, HandlerWithoutStateExt as _};
use axum::serve::Listener;
use tokio::net::TcpListener;
use tokio::runtime::Builder;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

/// Threads at the most, one for each processor: more calls than they answer are not let in at once.
const MOST: usize = 16;
/// Connections that may wait for one thread to take them.
const WAITING: usize = 64;

/// Answers what comes to `listener`, until `stop`; then finishes what is under way, until `end` at the latest. The
/// threads end too where this is dropped.
///
/// # Errors
/// Threads that cannot be started, or that failed.
pub(super) async fn serve<H: Handler<T, ()>, T: 'static>(
    listener: TcpListener,
    answer: H,
    stop: &CancellationToken,
    end: &CancellationToken,
) -> io::Result<()> {
    let mut threads = Vec::new();
    let mut queues = Vec::new();
    for _ in 0..available_parallelism().map_or(1, NonZero::get).min(MOST) {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let (queue, connections) = channel(WAITING);
        let (ended, ends) = oneshot::channel();
        let serving = work(connections, answer.clone(), end.clone());
        thread::Builder::new()
            .name("http".to_owned())
            // Nobody waits for it where this was dropped.
            .spawn(move || drop(ended.send(runtime.block_on(serving))))?;
        queues.push(queue);
        threads.push(ends);
    }
    tokio::select! {
        () = stop.cancelled() => {}
        () = hand_out(listener, queues) => {}
    }
    let mut outcome = Ok(());
    for ends in threads {
        let ended = ends.await.unwrap_or_else(|_| Err(io::Error::other("a thread panicked")));
        outcome = outcome.and(ended);
    }
    outcome
}

type Connection = (TcpStream, SocketAddr);

/// Gives each connection to the next thread, until one of them takes no more.
async fn hand_out(mut listener: TcpListener, queues: Vec<Sender<Connection>>) {
    for queue in queues.iter().cycle() {
        let (stream, address) = Listener::accept(&mut listener).await;
        // It is known to the runtime of this thread, and has to be to that of another.
        match stream.into_std() {
            Ok(stream) => {
                if queue.send((stream, address)).await.is_err() {
                    break;
                }
            }
            Err(error) => lost(&error),
        }
    }
}

fn lost(error: &io::Error) {
    tracing::warn!("a connection is lost: {error}");
}

async fn work<H: Handler<T, ()>, T: 'static>(
    queue: Receiver<Connection>,
    answer: H,
    end: CancellationToken,
) -> io::Result<()> {
    let last = CancellationToken::new();
    let connections = Connections { queue, last: last.clone() };
    let served = axum::serve(connections, answer.into_make_service())
        .with_graceful_shutdown(last.cancelled_owned());
    tokio::select! {
        outcome = served => outcome,
        () = end.cancelled() => Ok(()),
    }
}

/// The connections of one thread.
struct Connections {
    queue: Receiver<Connection>,
    /// Cancelled when there are no more.
    last: CancellationToken,
}

impl Listener for Connections {
    type Io = tokio::net::TcpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        while let Some((stream, address)) = self.queue.recv().await {
            match Self::Io::from_std(stream) {
                Ok(stream) => return (stream, address),
                Err(error) => lost(&error),
            }
        }
        self.last.cancel();
        std::future::pending().await
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        // Nobody asks the threads.
        Err(io::ErrorKind::Unsupported.into())
    }
}
