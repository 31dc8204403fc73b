//! The realtime half of a client: what it shows of its connection, and the connection's sockets.

use std::collections::HashMap;
use std::sync::Arc;
use std::vec::Vec;

use ::tokio::sync::{OwnedSemaphorePermit, Semaphore, broadcast, watch};
use tracing::debug;

use super::frames::{Frames, Inbox};
use super::socket::Socket;
use super::tasks::Tasks;
use super::watch::{ConnectionViews, StateChanges};
use crate::connection::{ConnectionAction, ConnectionStateChange};
use crate::{ConnectionMachine, SocketId};

/// What a driver knows of a connection beside its machine.
pub(super) struct Connection {
    views: watch::Sender<ConnectionViews>,
    changes: broadcast::Sender<ConnectionStateChange>,
    inbox: Arc<Inbox>,
    /// Those that are wanted: one at most, as things are.
    sockets: HashMap<SocketId, Socket>,
    /// The turn of the frame that is being sent for the application.
    turn: Option<OwnedSemaphorePermit>,
}

/// What a handle sees of a connection.
pub(super) struct ConnectionOutlets {
    pub(super) views: watch::Receiver<ConnectionViews>,
    pub(super) changes: StateChanges,
}

impl Connection {
    pub(super) fn new() -> (Self, ConnectionOutlets) {
        let (views_in, views) = watch::channel(ConnectionViews::default());
        let (changes_in, changes) = StateChanges::channel();
        let connection = Connection {
            views: views_in,
            changes: changes_in,
            inbox: Arc::new(Inbox::new()),
            sockets: HashMap::new(),
            turn: None,
        };
        (connection, ConnectionOutlets { views, changes })
    }

    pub(super) fn publish(&self, machine: &ConnectionMachine) {
        ConnectionViews::publish(&self.views, machine);
    }

    pub(super) fn perform(&mut self, action: ConnectionAction, tasks: &Tasks) {
        match action {
            ConnectionAction::OpenSocket { id, url } => {
                let (socket, work) = Socket::new();
                self.sockets.insert(id, socket);
                tasks.carry(id, url, work, Arc::clone(&self.inbox));
            }
            ConnectionAction::SendFrame { id, message } => {
                if let Some(socket) = self.sockets.get(&id) {
                    socket.send(message, self.turn.take());
                }
            }
            ConnectionAction::CloseSocket { id } => self.forget(id),
            ConnectionAction::ConnectionStateChange(change) => {
                let reason = change.reason.as_ref().map(tracing::field::display);
                debug!(previous = ?change.previous, current = ?change.current, reason, "the connection has changed");
                // Nobody may be listening.
                let _ = self.changes.send(change);
            }
            ConnectionAction::FrameReceived { message } => self.inbox.put(message),
            // The driver's; the rest is between the two machines of a session.
            ConnectionAction::Notice(_)
            | ConnectionAction::SendHttp { .. }
            | ConnectionAction::AbortHttp { .. }
            | ConnectionAction::CredentialsNeeded { .. }
            | ConnectionAction::ReauthRequested {} => {}
        }
    }

    /// Where a frame of the application's gets its turn; `None` while there is no socket to send it over.
    pub(super) fn turns(&self) -> Option<Arc<Semaphore>> {
        self.sockets.values().next().map(|socket| Arc::clone(&socket.turns))
    }

    /// The next frame that is sent has this turn.
    pub(super) fn set_turn(&mut self, turn: Option<OwnedSemaphorePermit>) {
        self.turn = turn;
    }

    /// The socket is of no use any more.
    pub(super) fn forget(&mut self, id: SocketId) {
        self.sockets.remove(&id);
    }

    pub(super) fn set_read(&mut self, id: SocketId, is_read: bool) {
        if let Some(socket) = self.sockets.get_mut(&id) {
            socket.is_read = is_read;
        }
    }

    /// The sockets that are not read. Whoever does not listen cannot say that the other side is silent.
    pub(super) fn unread(&self) -> Vec<SocketId> {
        self.sockets.iter().filter(|(_, socket)| !socket.is_read).map(|(id, _)| *id).collect()
    }

    /// The frames for the application from now on.
    pub(super) fn frames(&self) -> Frames {
        self.inbox.open()
    }
}
