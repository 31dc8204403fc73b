//! Frames for the application, on their way from a socket to who reads them.
//!
//! There is one reader, and room for so many frames that it has not read. A socket is read only while there is room
//! for one more, so none is lost, and a reader that is slow slows the server down.

use ::tokio::select;
use ::tokio::sync::{mpsc, watch};

use crate::wire::ProtocolMessage;

/// How many frames may wait for their reader.
const MAX_FRAMES: usize = 64;

/// The frames that are for the application, as they come. See [`Realtime::frames`](super::Realtime::frames).
///
/// It does not keep the client alive.
pub struct Frames {
    frames: mpsc::Receiver<ProtocolMessage>,
}

impl Frames {
    /// The next frame; `None` once the client has ended, or somebody else reads.
    ///
    /// Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<ProtocolMessage> {
        self.frames.recv().await
    }

    /// Frames of a client that has ended.
    pub(super) fn ended() -> Self {
        Frames { frames: mpsc::channel(1).1 }
    }
}

/// Where sockets leave frames for the application.
pub(super) struct Inbox {
    reader: watch::Sender<Option<mpsc::Sender<ProtocolMessage>>>,
}

impl Inbox {
    pub(super) fn new() -> Self {
        Inbox { reader: watch::Sender::new(None) }
    }

    /// Another reader, in place of the last.
    pub(super) fn open(&self) -> Frames {
        let (sender, frames) = mpsc::channel(MAX_FRAMES);
        self.reader.send_replace(Some(sender));
        Frames { frames }
    }

    /// Leaves a frame for the reader, if there is one. The socket that it came over had seen to it that there is room.
    pub(super) fn put(&self, message: ProtocolMessage) {
        if let Some(reader) = &*self.reader.borrow() {
            let put = reader.try_send(message);
            debug_assert!(!matches!(put, Err(mpsc::error::TrySendError::Full(_))), "a socket was read without room");
        }
    }

    /// Whether the reader has as many frames before it as may wait.
    pub(super) fn is_full(&self) -> bool {
        self.reader.borrow().as_ref().is_some_and(|reader| reader.capacity() == 0 && !reader.is_closed())
    }

    /// Waits until there is room for a frame, or nobody who would read it.
    pub(super) async fn has_room(&self) {
        let mut reader = self.reader.subscribe();
        loop {
            let Some(sender) = reader.borrow_and_update().clone() else { return };
            select! {
                // Whether there is room or no reader any more: the wait is over.
                _ = sender.reserve() => return,
                changed = reader.changed() => if changed.is_err() { return },
            }
        }
    }
}
