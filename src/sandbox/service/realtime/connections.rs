//! The connections there are, their deadlines, and what is to be sent over their transports.

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::channels::Attachment;
use super::log::{FrameEvent, FrameLog, FrameRecord};
use super::{CONNECTION_STATE_TTL, Output, TransportId, frames};
use crate::sandbox::service::credentials::Identity;
use crate::sandbox::service::format::Format;
use crate::wire::{Error, ProtocolMessage, Secret};

/// How many connections there can be, open and lost.
pub(super) const MAX_CONNECTIONS: usize = 10_000;

/// How many frames can wait to be handled later.
const MAX_HELD: usize = 100;

/// The close code of an orderly end.
const NORMAL: u16 = 1_000;
/// The close code after an ERROR.
const POLICY: u16 = 1_008;

#[derive(Debug)]
pub(super) struct Connection {
    pub(super) id: String,
    /// What it is resumed with.
    pub(super) key: Secret,
    /// What it was resumed with last: the answer may not have arrived.
    pub(super) previous_key: Option<Secret>,
    pub(super) identity: Identity,
    /// Who it was found to be; `*` for anybody, none for anonymous.
    pub(super) client_id: Option<String>,
    pub(super) link: Link,
    /// The deadline as it stands in the queue of deadlines.
    scheduled: Option<i64>,
}

/// What carries a connection.
#[derive(Debug)]
pub(super) enum Link {
    Open(Open),
    /// Nothing any more, and after that instant it is forgotten.
    Lost {
        forget_at: i64,
    },
}

/// What there is only while a transport is open.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) format: Format,
    /// Whom the client says it is.
    pub(super) claimed_client_id: Option<String>,
    /// Whether it gets its own messages.
    pub(super) echo: bool,
    /// Whether it wants HEARTBEAT frames rather than pings of the transport.
    pub(super) heartbeats: bool,
    /// How long the service is silent at most, in milliseconds.
    pub(super) max_idle_interval: i64,
    pub(super) silent_since: i64,
    pub(super) ahead: Ahead,
    pub(super) channels: BTreeMap<String, Attachment>,
}

/// What is ahead of a token, before it expires.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ahead {
    /// When the client is asked for another one.
    pub(super) reauth_at: Option<i64>,
    /// When it is revoked, if that is known.
    pub(super) revoked_at: Option<i64>,
}

/// What is to be done at a deadline.
pub(super) enum Duty {
    Reauth,
    Expire,
    Revoke,
    KeepAlive,
    Forget,
}

impl Connection {
    pub(super) fn new(id: String, key: Secret, identity: Identity, client_id: Option<String>, open: Open) -> Self {
        let link = Link::Open(open);
        Connection { id, key, previous_key: None, identity, client_id, link, scheduled: None }
    }

    pub(super) fn open(&self) -> Option<&Open> {
        match &self.link {
            Link::Open(open) => Some(open),
            Link::Lost { .. } => None,
        }
    }

    pub(super) fn open_mut(&mut self) -> Option<&mut Open> {
        match &mut self.link {
            Link::Open(open) => Some(open),
            Link::Lost { .. } => None,
        }
    }

    fn deadline(&self) -> Option<i64> {
        match &self.link {
            Link::Lost { forget_at } => Some(*forget_at),
            Link::Open(open) => {
                let expires = self.identity.token().map(|token| token.expires);
                let deadlines = [open.ahead.reauth_at, open.ahead.revoked_at, expires, open.idle_at()];
                deadlines.into_iter().flatten().min()
            }
        }
    }

    /// The most urgent thing that is due now.
    pub(super) fn take_duty(&mut self, now: i64) -> Option<Duty> {
        let is_due = |at: Option<i64>| at.is_some_and(|at| at <= now);
        let expires = self.identity.token().map(|token| token.expires);
        match &mut self.link {
            Link::Lost { forget_at } => (*forget_at <= now).then_some(Duty::Forget),
            Link::Open(open) if is_due(open.ahead.reauth_at) => {
                open.ahead.reauth_at = None;
                Some(Duty::Reauth)
            }
            Link::Open(open) if is_due(open.ahead.revoked_at) => Some(Duty::Revoke),
            Link::Open(_) if is_due(expires) => Some(Duty::Expire),
            Link::Open(open) if is_due(open.idle_at()) => Some(Duty::KeepAlive),
            Link::Open(_) => None,
        }
    }
}

impl Open {
    /// When the service has been silent for long enough; none where that is after the end of time.
    fn idle_at(&self) -> Option<i64> {
        self.silent_since.checked_add(self.max_idle_interval)
    }
}

/// All connections, each under its last transport.
#[derive(Debug, Default)]
pub(in crate::sandbox::service) struct Connections {
    last_transport: u64,
    by_transport: BTreeMap<TransportId, Connection>,
    by_id: BTreeMap<String, TransportId>,
    deadlines: BTreeSet<(i64, TransportId)>,
    outputs: VecDeque<(TransportId, Output)>,
    /// Frames that are to be handled later, each with the instant and a number.
    held: BTreeMap<(i64, u64), (TransportId, Arc<ProtocolMessage>)>,
    last_held: u64,
    log: FrameLog,
}

impl Connections {
    pub(super) fn new_transport(&mut self) -> TransportId {
        self.last_transport += 1;
        TransportId(self.last_transport)
    }

    pub(super) fn insert(&mut self, transport: TransportId, connection: Connection) {
        self.by_id.insert(connection.id.clone(), transport);
        self.by_transport.insert(transport, connection);
        self.reschedule(transport);
    }

    pub(super) fn remove(&mut self, transport: TransportId) {
        if let Some(connection) = self.by_transport.remove(&transport) {
            self.by_id.remove(&connection.id);
            connection.scheduled.map(|at| self.deadlines.remove(&(at, transport)));
        }
    }

    /// Makes room for another one. Returns whether there is any.
    pub(super) fn make_room(&mut self) -> bool {
        if self.by_transport.len() < MAX_CONNECTIONS {
            return true;
        }
        let lost = self.deadlines.iter().find(|(_, transport)| self.open(*transport).is_none());
        let lost = lost.map(|(_, transport)| *transport);
        lost.map(|transport| self.remove(transport)).is_some()
    }

    pub(super) fn find(&self, id: &str) -> Option<TransportId> {
        self.by_id.get(id).copied()
    }

    pub(super) fn get(&self, transport: TransportId) -> Option<&Connection> {
        self.by_transport.get(&transport)
    }

    pub(super) fn get_mut(&mut self, transport: TransportId) -> Option<&mut Connection> {
        self.by_transport.get_mut(&transport)
    }

    pub(super) fn open(&self, transport: TransportId) -> Option<&Open> {
        self.get(transport)?.open()
    }

    pub(super) fn open_mut(&mut self, transport: TransportId) -> Option<&mut Open> {
        self.get_mut(transport)?.open_mut()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (TransportId, &Connection)> {
        self.by_transport.iter().map(|(transport, connection)| (*transport, connection))
    }

    /// Those with an open transport for which `choose` has something.
    pub(super) fn select<T>(&self, mut choose: impl FnMut(&Connection, &Open) -> Option<T>) -> Vec<(TransportId, T)> {
        self.iter()
            .filter_map(|(transport, connection)| Some((transport, choose(connection, connection.open()?)?)))
            .collect()
    }

    #[cfg(feature = "__fuzzing")]
    pub(in crate::sandbox::service) fn check_bounds(&self) {
        assert!(self.by_transport.len() <= MAX_CONNECTIONS && self.held.len() <= MAX_HELD);
        assert!(self.by_id.len() == self.by_transport.len() && self.deadlines.len() <= self.by_transport.len());
        assert!(self.outputs.is_empty(), "all that was to be done was taken");
        self.log.check_bounds();
    }

    pub(super) fn next_deadline(&self) -> Option<i64> {
        let deadline = self.deadlines.first().map(|(at, _)| *at);
        let held = self.held.first_key_value().map(|((at, _), _)| *at);
        deadline.into_iter().chain(held).min()
    }

    /// Keeps a frame that is to be handled at that instant. Where too many are kept, it is lost.
    pub(in crate::sandbox::service) fn hold(&mut self, transport: TransportId, message: Arc<ProtocolMessage>, at: i64) {
        if self.held.len() < MAX_HELD {
            self.last_held += 1;
            self.held.insert((at, self.last_held), (transport, message));
        }
    }

    /// A frame that is to be handled now. Its transport may be closed.
    pub(super) fn take_held(&mut self, now: i64) -> Option<(TransportId, Arc<ProtocolMessage>)> {
        let entry = self.held.first_entry().filter(|entry| entry.key().0 <= now)?;
        Some(entry.remove())
    }

    /// A connection whose deadline has come. It is to be scheduled again.
    pub(super) fn take_due(&mut self, now: i64) -> Option<TransportId> {
        let (_, transport) = *self.deadlines.first().filter(|(at, _)| *at <= now)?;
        self.deadlines.pop_first();
        if let Some(connection) = self.by_transport.get_mut(&transport) {
            connection.scheduled = None;
        }
        Some(transport)
    }

    /// Puts a connection's deadline where it belongs.
    pub(super) fn reschedule(&mut self, transport: TransportId) {
        let Some(connection) = self.by_transport.get_mut(&transport) else { return };
        let deadline = connection.deadline();
        if connection.scheduled != deadline {
            connection.scheduled.map(|at| self.deadlines.remove(&(at, transport)));
            deadline.map(|at| self.deadlines.insert((at, transport)));
            connection.scheduled = deadline;
        }
    }

    pub(super) fn poll_output(&mut self) -> Option<(TransportId, Output)> {
        self.outputs.pop_front()
    }

    pub(super) fn send(&mut self, transport: TransportId, message: impl Into<Arc<ProtocolMessage>>, now: i64) {
        let message = message.into();
        self.note(transport, FrameEvent::Sent(Arc::clone(&message)), now);
        self.output(transport, Output::Frame(message), now);
    }

    /// Lets an idle client know that the service is there.
    pub(super) fn keep_alive(&mut self, transport: TransportId, now: i64) {
        if self.open(transport).is_some_and(|open| open.heartbeats) {
            self.send(transport, frames::heartbeat(None), now);
        } else {
            self.note(transport, FrameEvent::Pinged, now);
            self.output(transport, Output::Ping, now);
        }
    }

    fn output(&mut self, transport: TransportId, output: Output, now: i64) {
        self.outputs.push_back((transport, output));
        if let Some(open) = self.open_mut(transport) {
            open.silent_since = now;
            self.reschedule(transport);
        }
    }

    fn close(&mut self, transport: TransportId, code: u16, now: i64) {
        self.note(transport, FrameEvent::Closed(code), now);
        self.outputs.push_back((transport, Output::Close(code)));
    }

    /// Says a last word and forgets the connection.
    pub(super) fn finish(&mut self, transport: TransportId, last: ProtocolMessage, now: i64) {
        self.send(transport, last, now);
        self.close(transport, NORMAL, now);
        self.remove(transport);
    }

    /// Sends ERROR, closes the transport, and forgets the connection, if there is any.
    pub(super) fn fail(&mut self, transport: TransportId, error: Error, now: i64) {
        let code = if (40140..40150).contains(&error.code()) { NORMAL } else { POLICY };
        self.send(transport, frames::error(None, &error), now);
        self.close(transport, code, now);
        self.remove(transport);
    }

    /// Sends DISCONNECTED and closes the transport. The connection can be resumed.
    pub(in crate::sandbox::service) fn disconnect(&mut self, transport: TransportId, error: Error, now: i64) {
        self.send(transport, frames::disconnected(&error), now);
        self.release(transport, now);
    }

    /// Closes the transport. The connection can be resumed.
    pub(super) fn release(&mut self, transport: TransportId, now: i64) {
        self.close(transport, NORMAL, now);
        self.detach_transport(transport, now);
    }

    /// Cuts the transport off. The connection can be resumed.
    pub(in crate::sandbox::service) fn cut(&mut self, transport: TransportId, now: i64) {
        self.note(transport, FrameEvent::Cut, now);
        self.outputs.push_back((transport, Output::Drop));
        self.detach_transport(transport, now);
    }

    /// The transport is gone.
    pub(super) fn lose(&mut self, transport: TransportId, now: i64) {
        if self.open(transport).is_some() {
            self.note(transport, FrameEvent::Lost, now);
            self.detach_transport(transport, now);
        }
    }

    fn detach_transport(&mut self, transport: TransportId, now: i64) {
        if let Some(connection) = self.get_mut(transport) {
            connection.link = Link::Lost { forget_at: now.saturating_add(CONNECTION_STATE_TTL) };
            self.reschedule(transport);
        }
    }

    pub(super) fn note_received(&mut self, transport: TransportId, message: &Arc<ProtocolMessage>, now: i64) {
        self.note(transport, FrameEvent::Received(Arc::clone(message)), now);
    }

    pub(super) fn note_malformed(&mut self, transport: TransportId, length: usize, now: i64) {
        self.note(transport, FrameEvent::Malformed { length }, now);
    }

    fn note(&mut self, transport: TransportId, event: FrameEvent, now: i64) {
        let connection_id = self.get(transport).map(|connection| connection.id.clone());
        self.log.record(FrameRecord { at: now, transport, connection_id, event });
    }

    pub(super) fn log(&self) -> impl DoubleEndedIterator<Item = &FrameRecord> {
        self.log.iter()
    }

    pub(super) fn frame_count(&self) -> u64 {
        self.log.count()
    }

    pub(in crate::sandbox::service) fn clear_log(&mut self) {
        self.log.clear();
    }
}
