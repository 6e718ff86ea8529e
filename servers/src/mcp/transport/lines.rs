//! Messages on stdin and stdout, one a line. Every line that is no message gets the error that JSON-RPC has for it;
//! calls under way and what waits in memory are bounded; and a client that reads no answers is not read from.

use std::borrow::Cow;
use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rmcp::RoleServer;
use rmcp::model::{
    ClientJsonRpcMessage, ClientNotification, ClientRequest, GetExtensions as _, JsonRpcMessage,
    RequestId, ServerJsonRpcMessage,
};
use rmcp::transport::Transport;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::sync::{Mutex as Turn, OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::message::{self, Fault, INVALID_REQUEST};
use crate::mcp::slot::Slot;
use crate::mcp::told;

/// The longest line.
const LONGEST: usize = 16 * 1024 * 1024;
/// Bytes that the buffer of lines keeps between two of them.
const USUAL: usize = 64 * 1024;
/// Calls that are worked on, or whose answers wait to be read, at once. Others wait until one has ended.
const AT_ONCE: usize = 64;
/// The same for pings, which may overtake calls.
const PINGS: usize = 64;
/// Bytes of calls that wait, beyond which nothing more is read: until then what follows them is seen, such as their
/// cancellation.
const WAITING: usize = 1024 * 1024;
/// How long answers may take to be written after the end of input.
const LEAVING: Duration = Duration::from_secs(5);

/// A request in the transport holds one of these, and one that is worked on carries another copy.
type Permit = Arc<OwnedSemaphorePermit>;
/// What is held for each request until its answer is written, the structured part of which its slot has.
type UnderWay = Arc<Mutex<HashMap<RequestId, (Permit, Slot)>>>;

/// The transport on `read` and `write`.
pub(super) struct Lines<R, W> {
    read: BufReader<R>,
    /// The beginning of a line.
    line: Vec<u8>,
    /// A line was too long, and the rest of it has to go by.
    skips: bool,
    ended: bool,
    write: Arc<Turn<W>>,
    /// Nobody reads what is written.
    broken: CancellationToken,
    /// An error on its way out, before which nothing more is read.
    refusing: Option<JoinHandle<()>>,
    calls: Arc<Semaphore>,
    pings: Arc<Semaphore>,
    /// The requests that have not been answered.
    under_way: UnderWay,
    /// The requests that wait, with the length of their lines.
    waiting: VecDeque<(ClientJsonRpcMessage, usize)>,
    bytes_waiting: usize,
}

/// What was read.
enum Line {
    Whole,
    TooLong,
    End,
}

impl<R: AsyncRead + Unpin, W: AsyncWrite + Unpin> Lines<R, W> {
    pub(super) fn new(read: R, write: W) -> Self {
        Self {
            read: BufReader::new(read),
            line: Vec::new(),
            skips: false,
            ended: false,
            write: Arc::new(Turn::new(write)),
            broken: CancellationToken::new(),
            refusing: None,
            calls: Arc::new(Semaphore::new(AT_ONCE)),
            pings: Arc::new(Semaphore::new(PINGS)),
            under_way: Arc::default(),
            waiting: VecDeque::new(),
            bytes_waiting: 0,
        }
    }

    /// Cancelled when the client does not read any more.
    pub(super) fn broken(&self) -> CancellationToken {
        self.broken.clone()
    }

    /// Reads one line. Nothing is lost where this is dropped: what came is kept, and what did not is not taken.
    async fn next_line(&mut self) -> Line {
        loop {
            let available = match self.read.fill_buf().await {
                Ok(available) => available,
                Err(error) => {
                    tracing::error!("cannot read from stdin: {error}");
                    return Line::End;
                }
            };
            if available.is_empty() {
                // What is there of a line is no whole message.
                return Line::End;
            }
            let end = available.iter().position(|byte| *byte == b'\n');
            let length = end.map_or(available.len(), |end| end + 1);
            let too_long = !self.skips && self.line.len() + length > LONGEST;
            if !self.skips && !too_long {
                self.line.extend_from_slice(available.get(..length).unwrap_or_default());
            }
            self.read.consume(length);
            if too_long {
                self.line = Vec::new();
                self.skips = end.is_none();
                return Line::TooLong;
            }
            if end.is_some() && !std::mem::take(&mut self.skips) {
                return Line::Whole;
            }
        }
    }

    /// The message in the line, if it is one.
    fn parsed(&mut self) -> Option<Result<ClientJsonRpcMessage, Fault>> {
        let line = self.line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&self.line);
        let is_blank = line.iter().all(u8::is_ascii_whitespace);
        let parsed = (!is_blank).then(|| message::read(line));
        self.line.clear();
        if self.line.capacity() > USUAL {
            self.line = Vec::new();
        }
        parsed
    }

    fn refuse(&mut self, fault: &Fault)
    where
        W: Send + 'static,
    {
        if let Some(answer) = fault.answer() {
            let sent = written(Arc::clone(&self.write), self.broken.clone(), answer.to_string());
            self.refusing = Some(tokio::spawn(async { drop(sent.await) }));
        }
    }

    /// The request as it is worked on, with the permit that it holds.
    fn begun(
        &self,
        mut message: ClientJsonRpcMessage,
        permit: OwnedSemaphorePermit,
    ) -> ClientJsonRpcMessage {
        if let JsonRpcMessage::Request(request) = &mut message {
            let permit = Arc::new(permit);
            let extensions = request.request.extensions_mut();
            // It ends with the work, also where that goes on after the call was cancelled …
            extensions.insert(Arc::clone(&permit));
            // … and not before the answer was written. Of two requests of one id, which there should not be, the answers
            // cannot be told apart: the second has no slot.
            if let Entry::Vacant(free) = lock(&self.under_way).entry(request.id.clone()) {
                let (_, slot) = free.insert((permit, Slot::default()));
                extensions.insert(slot.clone());
            }
        }
        message
    }

    /// A message that may be handed on now; a request for which there is no room waits.
    fn sorted(
        &mut self,
        message: ClientJsonRpcMessage,
        length: usize,
    ) -> Option<ClientJsonRpcMessage> {
        match &message {
            JsonRpcMessage::Request(request) => {
                let is_ping = matches!(request.request, ClientRequest::PingRequest(_));
                let room = match is_ping {
                    true => &self.pings,
                    // One after the other.
                    false if self.waiting.is_empty() => &self.calls,
                    false => return self.waits(message, length),
                };
                match Arc::clone(room).try_acquire_owned() {
                    Ok(permit) => Some(self.begun(message, permit)),
                    Err(_) => self.waits(message, length),
                }
            }
            JsonRpcMessage::Notification(notification) => {
                if let ClientNotification::CancelledNotification(cancelled) =
                    &notification.notification
                    && let Some(id) = &cancelled.params.request_id
                {
                    self.cancelled(id);
                }
                Some(message)
            }
            JsonRpcMessage::Response(_) | JsonRpcMessage::Error(_) => Some(message),
        }
    }

    fn waits(
        &mut self,
        message: ClientJsonRpcMessage,
        length: usize,
    ) -> Option<ClientJsonRpcMessage> {
        self.bytes_waiting += length;
        self.waiting.push_back((message, length));
        None
    }

    /// A request with `id` is not answered any more.
    fn cancelled(&mut self, id: &RequestId) {
        lock(&self.under_way).remove(id);
        let freed = &mut self.bytes_waiting;
        self.waiting.retain(|(message, length)| {
            let is_it = matches!(message, JsonRpcMessage::Request(request) if request.id == *id);
            if is_it {
                *freed = freed.saturating_sub(*length);
            }
            !is_it
        });
    }

    /// The first request that waits, which has a permit now.
    fn next_waiting(&mut self, permit: OwnedSemaphorePermit) -> Option<ClientJsonRpcMessage> {
        let (message, length) = self.waiting.pop_front()?;
        self.bytes_waiting = self.bytes_waiting.saturating_sub(length);
        Some(self.begun(message, permit))
    }
}

fn lock(under_way: &UnderWay) -> MutexGuard<'_, HashMap<RequestId, (Permit, Slot)>> {
    under_way.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Writes one line.
async fn written<W: AsyncWrite + Unpin>(
    write: Arc<Turn<W>>,
    broken: CancellationToken,
    text: impl Into<Vec<u8>>,
) -> io::Result<()> {
    let mut line = text.into();
    line.push(b'\n');
    let mut write = write.lock().await;
    let outcome = async {
        write.write_all(&line).await?;
        write.flush().await
    };
    let outcome = outcome.await;
    if outcome.is_err() {
        broken.cancel();
    }
    outcome
}

impl<R, W> Transport<RoleServer> for Lines<R, W>
where
    R: AsyncRead + Send + Unpin,
    W: AsyncWrite + Send + Unpin + 'static,
{
    type Error = io::Error;

    fn send(
        &mut self,
        message: ServerJsonRpcMessage,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send + 'static {
        let (write, broken) = (Arc::clone(&self.write), self.broken.clone());
        let under_way = Arc::clone(&self.under_way);
        async move {
            let id = match &message {
                JsonRpcMessage::Response(response) => Some(response.id.clone()),
                JsonRpcMessage::Error(error) => error.id.clone(),
                JsonRpcMessage::Request(_) | JsonRpcMessage::Notification(_) => None,
            };
            let slot = id.as_ref().and_then(|id| Some(lock(&under_way).get(id)?.1.clone()));
            let text = serde_json::to_string(&message).map_err(io::Error::from);
            let text = text.and_then(|text| match slot {
                Some(slot) => slot.filled(text).ok_or_else(|| {
                    io::Error::other("an answer without a place for its structured content")
                }),
                None => Ok(text),
            });
            let outcome = match text {
                Ok(text) => {
                    let text = match told::escaped(&text) {
                        Cow::Borrowed(_) => text,
                        Cow::Owned(escaped) => escaped,
                    };
                    written(write, broken, text).await
                }
                Err(error) => Err(error),
            };
            if let Some(id) = id {
                lock(&under_way).remove(&id);
            }
            outcome
        }
    }

    async fn receive(&mut self) -> Option<ClientJsonRpcMessage> {
        let broken = self.broken.clone();
        loop {
            if let Some(refusing) = &mut self.refusing {
                // Where this is dropped, the task goes on.
                let _ = refusing.await;
                self.refusing = None;
            }
            let calls = Arc::clone(&self.calls);
            let (waits, full) = (!self.waiting.is_empty(), self.bytes_waiting >= WAITING);
            if self.ended && !waits {
                return None;
            }
            let reads = !self.ended && !full;
            let line = tokio::select! {
                biased;
                () = broken.cancelled() => return None,
                permit = calls.acquire_owned(), if waits => {
                    match self.next_waiting(permit.ok()?) {
                        Some(message) => return Some(message),
                        None => continue,
                    }
                }
                line = self.next_line(), if reads => line,
            };
            match line {
                Line::End => self.ended = true,
                Line::TooLong => {
                    let why = format!("the line has more than {LONGEST} bytes and was skipped");
                    self.refuse(&Fault::new(INVALID_REQUEST, why));
                }
                Line::Whole => {
                    let length = self.line.len();
                    match self.parsed() {
                        None => {}
                        Some(Ok(message)) => {
                            if let Some(message) = self.sorted(message, length) {
                                return Some(message);
                            }
                        }
                        Some(Err(fault)) => {
                            tracing::debug!(?fault, "this is no message");
                            self.refuse(&fault);
                        }
                    }
                }
            }
        }
    }

    async fn close(&mut self) -> Result<(), Self::Error> {
        if self.broken.is_cancelled() {
            return Ok(());
        }
        let write = Arc::clone(&self.write);
        // What is being written has its turn first.
        let last = async { write.lock().await.shutdown().await };
        tokio::time::timeout(LEAVING, last).await.unwrap_or(Ok(()))
    }
}
