//! One thread with a runtime of its own for each processor, and each connection on one of them. A call is several
//! small tasks that wait for each other: where they stay on one thread, none of them has to wake another one, which
//! would cost a tenth of the call.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::num::NonZero;
use std::thread::available_parallelism;

use axum::handler::{Handler, HandlerWithoutStateExt as _};
use axum::serve::Listener;
use tokio::net::TcpListener;
use tokio::runtime::Builder;
use tokio::sync::mpsc::{Receiver, channel};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Connections that may wait for one thread to take them.
const WAITING: usize = 64;

/// Answers what comes to `listener`, until `stop`; then finishes what is under way, until `end` at the latest.
pub(super) async fn serve<H: Handler<T, ()>, T: 'static>(
    mut listener: TcpListener,
    answer: H,
    stop: &CancellationToken,
    end: &CancellationToken,
) -> io::Result<()> {
    // Of their own: threads have to end too where this is dropped, or where one of them has failed.
    let stop = stop.child_token();
    let dropped = stop.clone().drop_guard();
    let mut threads = JoinSet::new();
    let mut queues = Vec::new();
    for _ in 0..available_parallelism().map_or(1, NonZero::get) {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let (queue, connections) = channel(WAITING);
        queues.push(queue);
        let serving = work(connections, answer.clone(), stop.clone(), end.clone());
        threads.spawn_blocking(move || runtime.block_on(serving));
    }
    let hand_out = async {
        for queue in queues.iter().cycle() {
            let (stream, address) = Listener::accept(&mut listener).await;
            // It is known to the runtime of this thread, and has to be to that of another.
            if let Ok(stream) = stream.into_std()
                && queue.send((stream, address)).await.is_err()
            {
                break;
            }
        }
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = hand_out => {}
    }
    drop((listener, dropped));
    while let Some(ended) = threads.join_next().await {
        ended.map_err(io::Error::other)??;
    }
    Ok(())
}

async fn work<H: Handler<T, ()>, T: 'static>(
    connections: Receiver<(TcpStream, SocketAddr)>,
    answer: H,
    stop: CancellationToken,
    end: CancellationToken,
) -> io::Result<()> {
    let served = axum::serve(Connections(connections), answer.into_make_service())
        .with_graceful_shutdown(stop.cancelled_owned());
    tokio::select! {
        outcome = served => outcome,
        () = end.cancelled() => Ok(()),
    }
}

/// The connections of one thread.
struct Connections(Receiver<(TcpStream, SocketAddr)>);

impl Listener for Connections {
    type Io = tokio::net::TcpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let Some((stream, address)) = self.0.recv().await else {
                // No more will come; the signal to stop ends it.
                std::future::pending::<()>().await;
                continue;
            };
            match Self::Io::from_std(stream) {
                Ok(stream) => return (stream, address),
                Err(error) => tracing::warn!("a connection is lost: {error}"),
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        // Nobody asks the threads.
        Err(io::ErrorKind::Unsupported.into())
    }
}
