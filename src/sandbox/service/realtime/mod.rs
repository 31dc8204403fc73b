//! Realtime: connections as state, frames in and out.
//!
//! A *transport* is what a frame comes over, a WebSocket as a rule. A *connection* has an id, an identity and a key
//! to resume it with, and outlives its transport for two minutes. Transports are opened, heard and lost by the
//! caller ([`Service::connect`], [`Service::handle_frame`], [`Service::handle_closed`]), who also says what time it
//! is ([`Service::handle_timeout`]); what is to be done with them is in a queue ([`Service::poll_output`]).
//!
//! ```text
//!           connect                    transport lost, DISCONNECTED
//! (nothing) -------> open (transport) ------------------------------> lost (until its time is up)
//!                     |  ^                                              |
//!   CLOSED, ERROR     |  +---------------- connect with resume ---------+
//!                     v
//!                 (nothing)
//! ```

mod channels;
mod connections;
mod control;
mod frames;
mod log;
mod open;
mod reauth;

use alloc::sync::Arc;
use core::fmt;

use serde_json::Value;

use super::Service;
use super::errors::{self, Refusal};
use super::format::Format;
use crate::wire::{Error, ProtocolMessage, action};

pub(super) use connections::Connections;
pub use control::ConnectionRecord;
pub use log::{FrameEvent, FrameRecord};

/// The largest frame, in bytes.
pub const MAX_FRAME_SIZE: usize = 512 * 1_024;
/// How long a connection outlives its transport, in milliseconds.
const CONNECTION_STATE_TTL: i64 = 120_000;

/// Names a transport for as long as the service exists.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TransportId(u64);

impl fmt::Debug for TransportId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TransportId({})", self.0)
    }
}

/// What is to be done with a transport.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Send a frame.
    Frame(Arc<ProtocolMessage>),
    /// Send a ping of the transport's own, which keeps the connection alive where the client wants no HEARTBEAT.
    Ping,
    /// Close it with this WebSocket close code. It is the last output of its transport.
    Close(u16),
    /// Cut it off without a word. It is the last output of its transport, and what comes before need not be sent.
    Drop,
}

impl TransportId {
    pub(super) fn number(self) -> u64 {
        self.0
    }
}

impl Service {
    /// Takes a frame from a transport: its bytes, in the format that the transport was opened with. One that cannot be
    /// read fails the connection. Frames of a transport that is closed, or that there never was, are ignored.
    pub fn handle_frame(&mut self, transport: TransportId, frame: &[u8], now: i64) {
        self.handle_timeout(now);
        let Some(format) = self.realtime.open(transport).map(|open| open.format) else { return };
        let message = match self.read_frame(frame, format) {
            Ok(message) => message,
            Err(error) => {
                self.realtime.note_malformed(transport, frame.len(), now);
                return self.realtime.fail(transport, error, now);
            }
        };
        self.realtime.note_received(transport, &message, now);
        self.handle_message(transport, message, now);
    }

    /// Does what a frame asks.
    pub(super) fn dispatch(&mut self, transport: TransportId, message: &ProtocolMessage, now: i64) {
        match message.action() {
            action::HEARTBEAT => self.realtime.send(transport, frames::heartbeat(message.member("id")), now),
            action::AUTH => self.reauthenticate(transport, message, now),
            action::CLOSE => self.realtime.finish(transport, frames::closed(), now),
            action::DISCONNECT => self.realtime.release(transport, now),
            action::ATTACH => self.attach(transport, message, now),
            action::DETACH => self.detach(transport, message, now),
            action::MESSAGE => self.publish_by_realtime(transport, message, now),
            action::PRESENCE => self.enter(transport, message, now),
            _ => {}
        }
    }

    /// Says no to a frame, whatever it is.
    pub(super) fn refuse(&mut self, transport: TransportId, message: &ProtocolMessage, error: &Error, now: i64) {
        let answer = match message.action() {
            action::ATTACH => frames::error(message.channel(), error),
            action::MESSAGE | action::PRESENCE => frames::acknowledgement(message.member("msgSerial"), Err(error)),
            _ => return self.realtime.fail(transport, error.clone(), now),
        };
        self.realtime.send(transport, answer, now);
    }

    fn read_frame(&self, frame: &[u8], format: Format) -> Result<Arc<ProtocolMessage>, Error> {
        if frame.len() > MAX_FRAME_SIZE {
            return Err(errors::FRAME_TOO_LARGE.error());
        }
        let malformed = Refusal::new(self.choices.malformed_frame, "malformed frame");
        let Some(Value::Object(members)) = format.read(frame) else { return Err(malformed.error()) };
        let message = ProtocolMessage::from_members(members);
        if matches!(message.action(), action::ATTACH | action::DETACH) && message.channel().is_none() {
            return Err(malformed.error());
        }
        Ok(Arc::new(message))
    }

    /// Learns that a transport is gone. Its connection can be resumed for two minutes.
    pub fn handle_closed(&mut self, transport: TransportId, now: i64) {
        self.handle_timeout(now);
        self.realtime.lose(transport, now);
    }

    /// Does what is due: asks for re-authentication, ends connections whose token has ended, keeps idle ones alive,
    /// forgets lost ones. Every other input does so too.
    pub fn handle_timeout(&mut self, now: i64) {
        while let Some(transport) = self.realtime.take_due(now) {
            self.on_deadline(transport, now);
        }
        while let Some((transport, message)) = self.realtime.take_held(now) {
            if self.realtime.open(transport).is_some() {
                self.dispatch(transport, &message, now);
            }
        }
    }

    /// When [`Service::handle_timeout`] is to be called, in milliseconds since the epoch.
    pub fn poll_timeout(&self) -> Option<i64> {
        self.realtime.next_deadline()
    }

    /// The next thing to be done with a transport. Whoever opens transports must take these until there is none,
    /// after every call that may change anything.
    pub fn poll_output(&mut self) -> Option<(TransportId, Output)> {
        self.realtime.poll_output()
    }

    /// The last frames, the oldest first; a thousand at most.
    pub fn frames(&self) -> impl DoubleEndedIterator<Item = &FrameRecord> {
        self.realtime.log()
    }

    /// How many frames and other events of transports there were in all; those that are forgotten count too.
    pub fn frame_count(&self) -> u64 {
        self.realtime.frame_count()
    }

    /// One thing that is due for a connection.
    fn on_deadline(&mut self, transport: TransportId, now: i64) {
        let Some(connection) = self.realtime.get_mut(transport) else { return };
        match connection.take_duty(now) {
            None => {}
            Some(connections::Duty::Reauth) => self.realtime.send(transport, frames::auth(), now),
            Some(connections::Duty::Expire) => {
                self.realtime.disconnect(transport, errors::TOKEN_EXPIRED.error(), now);
            }
            Some(connections::Duty::Revoke) => {
                self.realtime.disconnect(transport, errors::TOKEN_REVOKED.error(), now);
            }
            Some(connections::Duty::KeepAlive) => self.realtime.keep_alive(transport, now),
            Some(connections::Duty::Forget) => self.realtime.remove(transport),
        }
        self.realtime.reschedule(transport);
    }
}
