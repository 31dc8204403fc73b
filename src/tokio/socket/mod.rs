//! WebSockets over tungstenite, none of whose types is seen outside this module.
//!
//! A socket is a task. It opens the socket, then reads and writes at the same time: one that cannot write still
//! hears. It is let go by dropping the sender of its queue: while it is being opened it ends at once, later it
//! says goodbye in the background, for some seconds at most.
//!
//! Of what comes, text is handed on as a message, pings as a sign of life (tungstenite has answered them); anything
//! that is no JSON text makes a notice. Nothing is read while the application has too many frames to read.
//!
//! tungstenite logs what it carries, tokens included, by the crate `log` at level trace. A program that writes logs
//! of that level down does well to switch those of `tungstenite` off.

mod failure;
mod open;

use std::sync::{Arc, Weak};
use std::time::Duration;

use ::tokio::select;
use ::tokio::sync::{OwnedSemaphorePermit, mpsc};
use ::tokio::time::timeout;
use futures_util::{Sink, SinkExt as _, Stream, StreamExt as _};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{self, Message};
use tracing::debug;

use super::driver::Driver;
use super::frames::Inbox;
use crate::SocketId;
use crate::connection::{ConnectionInput, FrameContent};
use crate::wire::{ProtocolMessage, Secret, lenient};

use failure::Failure;
pub(super) use open::Opener;

/// How long a socket that is let go may take to close.
const FAREWELL: Duration = Duration::from_secs(5);

/// A frame to be sent.
pub(super) struct Outgoing {
    pub(super) message: ProtocolMessage,
    /// The turn of a frame of the application's; it ends when the frame is out.
    pub(super) turn: Option<OwnedSemaphorePermit>,
}

/// One end of a socket's life: how it tells its driver.
pub(super) struct Line {
    pub(super) driver: Weak<Driver>,
    pub(super) id: SocketId,
    pub(super) inbox: Arc<Inbox>,
}

/// Opens a socket and carries frames over it to its end.
pub(super) async fn carry(opener: Opener, url: Secret, mut outgoing: mpsc::UnboundedReceiver<Outgoing>, line: Line) {
    let opened = select! {
        opened = opener.open(&url) => opened,
        // Nothing is sent over a socket that is not open.
        _ = outgoing.recv() => return,
    };
    drop(url);
    let (mut sink, mut stream) = match opened {
        Ok(socket) => socket.split(),
        Err(failure) => return line.closed(failure),
    };
    debug!("opened");
    line.tell(ConnectionInput::SocketOpened { id: line.id });
    let failure = select! {
        failure = read(&mut stream, &line) => Some(failure),
        failure = write(&mut sink, &mut outgoing) => failure,
    };
    if let Some(failure) = failure {
        line.closed(failure);
    }
    let _ = timeout(FAREWELL, say_farewell(sink, stream)).await;
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

/// Writes what is queued, until the socket is let go: `None`.
async fn write(
    sink: &mut (impl Sink<Message, Error = tungstenite::Error> + Unpin),
    outgoing: &mut mpsc::UnboundedReceiver<Outgoing>,
) -> Option<Failure> {
    while let Some(Outgoing { message, turn }) = outgoing.recv().await {
        let text = lenient::text_of(&message);
        if let Err(error) = sink.send(Message::text(text)).await {
            return Some(failure::while_open(&error));
        }
        drop(turn);
    }
    None
}

/// Closes this side, and waits for the other.
async fn say_farewell(
    mut sink: impl Sink<Message, Error = tungstenite::Error> + Unpin,
    mut stream: impl Stream<Item = tungstenite::Result<Message>> + Unpin,
) {
    let normal = CloseFrame { code: tungstenite::protocol::frame::coding::CloseCode::Normal, reason: "".into() };
    // Where the other side was first, tungstenite has the answer ready, and reading sends it.
    let _ = sink.send(Message::Close(Some(normal))).await;
    while let Some(Ok(_)) = stream.next().await {}
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
