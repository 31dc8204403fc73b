//! What a session is told.

use serde::Serialize;

use crate::connection::ConnectionInput;
use crate::machine::Event;

/// Something that happened outside.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum SessionEvent {
    /// Answers to HTTP requests and callbacks, and what is known of the token elsewhere. `Connection` and
    /// `ReauthRequested` are ignored: the session has a connection of its own.
    Auth(Event),
    /// Sockets, frames, the network.
    Connection(ConnectionInput),
}

impl From<Event> for SessionEvent {
    fn from(event: Event) -> Self {
        SessionEvent::Auth(event)
    }
}

impl From<ConnectionInput> for SessionEvent {
    fn from(input: ConnectionInput) -> Self {
        SessionEvent::Connection(input)
    }
}
