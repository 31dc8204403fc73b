//! The frames that the service sends.

use alloc::borrow::ToOwned;
use alloc::string::String;

use serde_json::{Map, Value, json};

use super::connections::Connection;
use super::{CONNECTION_STATE_TTL, MAX_FRAME_SIZE};
use crate::wire::{Error, ProtocolMessage, action};

/// The largest sum of messages that can be published at once, in bytes.
pub(super) const MAX_MESSAGE_SIZE: usize = 64 * 1_024;

/// CONNECTED; with an error where a connection could not be resumed.
pub(super) fn connected(connection: &Connection, server_id: &str, error: Option<&Error>) -> ProtocolMessage {
    let mut details = json!({
        "connectionKey": connection.key,
        "maxMessageSize": MAX_MESSAGE_SIZE,
        "maxInboundRate": 250,
        "maxOutboundRate": 100,
        "maxFrameSize": MAX_FRAME_SIZE,
        "serverId": server_id,
        "connectionStateTtl": CONNECTION_STATE_TTL,
    });
    if let Some(client_id) = &connection.client_id {
        details["clientId"] = client_id.as_str().into();
    }
    if let Some(open) = connection.open() {
        details["maxIdleInterval"] = open.max_idle_interval.into();
    }
    let mut members = members([
        ("connectionId", connection.id.as_str().into()),
        ("connectionKey", connection.key.expose().into()),
        ("connectionDetails", details),
    ]);
    if let Some(error) = error {
        members.insert("error".to_owned(), json!(error));
    }
    message(action::CONNECTED, members)
}

/// HEARTBEAT; with the id of the one that it answers.
pub(super) fn heartbeat(id: Option<&Value>) -> ProtocolMessage {
    message(action::HEARTBEAT, id.map(|id| ("id".to_owned(), id.clone())).into_iter().collect())
}

/// AUTH: the client should authenticate anew.
pub(super) fn auth() -> ProtocolMessage {
    ProtocolMessage::new(action::AUTH)
}

pub(super) fn closed() -> ProtocolMessage {
    ProtocolMessage::new(action::CLOSED)
}

pub(super) fn disconnected(error: &Error) -> ProtocolMessage {
    message(action::DISCONNECTED, members([("error", json!(error))]))
}

/// ERROR, of the connection or of a channel.
pub(super) fn error(channel: Option<&str>, error: &Error) -> ProtocolMessage {
    let mut members = members([("error", json!(error))]);
    if let Some(channel) = channel {
        members.insert("channel".to_owned(), channel.into());
    }
    message(action::ERROR, members)
}

pub(super) fn attached(channel: &str, modes: u64) -> ProtocolMessage {
    message(action::ATTACHED, members([("channel", channel.into()), ("flags", modes.into())]))
}

pub(super) fn detached(channel: &str) -> ProtocolMessage {
    message(action::DETACHED, members([("channel", channel.into())]))
}

/// The answer to a publication: ACK, or NACK with the error.
pub(super) fn acknowledgement(serial: Option<&Value>, error: Option<&Error>) -> ProtocolMessage {
    let serial = serial.cloned().unwrap_or_default();
    let mut members = members([("msgSerial", serial), ("count", 1.into())]);
    match error {
        None => message(action::ACK, members),
        Some(error) => {
            members.insert("error".to_owned(), json!(error));
            message(action::NACK, members)
        }
    }
}

/// Messages, as subscribers get them.
pub(super) fn delivery(channel: &str, id: &str, connection_id: &str, now: i64, messages: Value) -> ProtocolMessage {
    let members = members([
        ("channel", channel.into()),
        ("id", id.into()),
        ("connectionId", connection_id.into()),
        ("timestamp", now.into()),
        ("messages", messages),
    ]);
    message(action::MESSAGE, members)
}

fn members<const N: usize>(members: [(&str, Value); N]) -> Map<String, Value> {
    members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn message(action: i64, mut members: Map<String, Value>) -> ProtocolMessage {
    members.insert("action".to_owned(), action.into());
    ProtocolMessage::from_members(members)
}
