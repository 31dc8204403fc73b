//! WebSockets over tungstenite, none of whose types is seen outside this module.
//!
//! A socket is a task. It opens the socket, then reads and writes at the same time: one that cannot write still
//! hears. Whoever wants it holds a [`Socket`]. When that is dropped, one that is being opened ends at once; one that
//! is open writes what is queued and says goodbye in the background, for some seconds at most.
//!
//! Of what comes, text is handed on as a message, pings as a sign of life (tungstenite has answered them); anything
//! that is no JSON text makes a notice. Nothing is read while the application has too many frames to read.
//!
//! tungstenite logs what it carries, tokens included, by the crate `log` at level trace. A program that writes logs
//! of that level down does well to switch those of `tungstenite` off.

mod failure;
mod open;

use std::pin::pin;
use std::sync::{Arc, Weak};
use std::time::Duration;

use ::tokio::select;
use ::tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use ::tokio::time::timeout;
use futures_util::future::FusedFuture as _;
use futures_util::{FutureExt as _, Sink, SinkExt as _, Stream, StreamExt as _};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{self, Message, Utf8Bytes};
use tracing::debug;

use super::driver::Driver;
use super::frames::Inbox;
use crate::SocketId;
use crate::connection::{ConnectionInput, FrameContent};
use crate::wire::{ProtocolMessage, Secret, lenient};

use failure::Failure;
pub(super) use open::Opener;

/// How many frames of the application's may be on their way out.
const MAX_OUTGOING: usize = 32;
/// How long a socket that is not wanted any more may take to close.
const FAREWELL: Duration = Duration::from_secs(5);

/// A socket, as who wants it knows it.
pub(super) struct Socket {
    outgoing: mpsc::UnboundedSender<Outgoing>,
    /// Turns to send frames of the application's, which last until the frame is out.
    pub(super) turns: Arc<Semaphore>,
    /// Whether what comes over it is read.
    pub(super) is_read: bool,
    _wanted: oneshot::Sender<()>,
}

/// What the task of a socket has of its [`Socket`].
pub(super) struct Work {
    outgoing: mpsc::UnboundedReceiver<Outgoing>,
    /// Ends when the socket is wanted no more.
    unwanted: oneshot::Receiver<()>,
}

/// A frame to be sent.
struct Outgoing {
    message: ProtocolMessage,
    turn: Option<OwnedSemaphorePermit>,
}

impl Socket {
    pub(super) fn new() -> (Self, Work) {
        let (outgoing, queue) = mpsc::unbounded_channel();
        let (wanted, unwanted) = oneshot::channel();
        let turns = Arc::new(Semaphore::new(MAX_OUTGOING));
        (Socket { outgoing, turns, is_read: true, _wanted: wanted }, Work { outgoing: queue, unwanted })
    }

    /// Queues a frame. One of the application's has a turn; the machine's own are few.
    pub(super) fn send(&self, message: ProtocolMessage, turn: Option<OwnedSemaphorePermit>) {
        // A socket that has just failed is about to say so.
        let _ = self.outgoing.send(Outgoing { message, turn });
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // Nobody gets a turn any more.
        self.turns.close();
    }
}

/// How the task of a socket tells what happens.
pub(super) struct Line {
    pub(super) driver: Weak<Driver>,
    pub(super) id: SocketId,
    pub(super) inbox: Arc<Inbox>,
}

/// Opens a socket and carries frames over it to its end.
pub(super) async fn carry(opener: Opener, url: Secret, work: Work, line: Line) {
    let Work { outgoing, mut unwanted } = work;
    let opened = select! {
        opened = opener.open(&url) => opened,
        _ = &mut unwanted => return,
    };
    drop(url);
    let (sink, mut stream) = match opened {
        Ok(socket) => socket.split(),
        Err(failure) => return line.closed(failure),
    };
    debug!("opened");
    line.tell(ConnectionInput::SocketOpened { id: line.id });
    let mut writing = pin!(write(sink, outgoing).fuse());
    let failure = select! {
        failure = read(&mut stream, &line) => Some(failure),
        written = &mut writing => written.err(),
        _ = unwanted => None,
    };
    if let Some(failure) = failure {
        line.closed(failure);
    }
    let farewell = async {
        if !writing.is_terminated() {
            let _ = writing.await;
        }
        // Until the other side has closed too.
        while let Some(Ok(_)) = stream.next().await {}
    };
    let _ = timeout(FAREWELL, farewell).await;
}

/// Reads until the socket is closed.
async fn read(stream: &mut (impl Stream<Item = tungstenite::Result<Message>> + Unpin), line: &Line) -> Failure {
    loop {
        line.wait_for_room().await;
        match stream.next().await {
            Some(Ok(Message::Text(text))) => line.frame(serde_json::from_str(&text).ok()),
            Some(Ok(Message::Binary(_))) => line.frame(None),
            Some(Ok(Message::Close(frame))) => return failure::closed(frame),
            Some(Ok(_)) => line.tell(ConnectionInput::Activity { id: line.id }),
            Some(Err(error)) => return failure::while_open(&error),
            None => return failure::closed(None),
        }
    }
}

/// Writes what is queued, and at its end that the socket is closed.
async fn write(
    mut sink: impl Sink<Message, Error = tungstenite::Error> + Unpin,
    mut outgoing: mpsc::UnboundedReceiver<Outgoing>,
) -> Result<(), Failure> {
    while let Some(Outgoing { message, turn }) = outgoing.recv().await {
        let text = Message::text(lenient::text_of(&message));
        sink.send(text).await.map_err(|error| failure::while_open(&error))?;
        drop(turn);
    }
    let normal = CloseFrame { code: CloseCode::Normal, reason: Utf8Bytes::default() };
    sink.send(Message::Close(Some(normal))).await.map_err(|error| failure::while_open(&error))
}

impl Line {
    fn tell(&self, input: ConnectionInput) {
        if let Some(driver) = self.driver.upgrade() {
            // A client that has ended lets the socket go.
            let _ = driver.tell(input.into());
        }
    }

    /// A frame has come; `None`: one that is no message.
    fn frame(&self, message: Option<ProtocolMessage>) {
        // It is read here, and not by the machine, which others wait for. Of what cannot be read the machine makes a
        // notice; it does not need to see it.
        let content = message.map_or_else(|| FrameContent::Text(Secret::default()), FrameContent::Message);
        self.tell(ConnectionInput::Frame { id: self.id, content });
    }

    fn closed(&self, failure: Failure) {
        let Failure { kind, status, message } = failure;
        debug!(?kind, status, reason = message, "closed");
        if let Some(driver) = self.driver.upgrade() {
            driver.on_socket_closed(self.id, Some(kind), status, message);
        }
    }

    /// Waits until the application has read enough for another frame.
    async fn wait_for_room(&self) {
        if self.inbox.is_full() {
            self.set_read(false);
            self.inbox.has_room().await;
            self.set_read(true);
        }
    }

    fn set_read(&self, is_read: bool) {
        if let Some(driver) = self.driver.upgrade() {
            driver.set_read(self.id, is_read);
        }
    }
}
