//! The frames that the service sends.

use alloc::borrow::ToOwned;
use alloc::string::String;

use serde_json::{Map, Value, json};

use super::connections::Connection;
use super::{CONNECTION_STATE_TTL, MAX_FRAME_SIZE};
use crate::sandbox::service::publish::{MAX_MESSAGE_SIZE, Published};
use crate::wire::{Error, ProtocolMessage, action};

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

pub(super) fn attached(channel: &str, flags: u64) -> ProtocolMessage {
    message(action::ATTACHED, members([("channel", channel.into()), ("flags", flags.into())]))
}

pub(super) fn detached(channel: &str) -> ProtocolMessage {
    message(action::DETACHED, members([("channel", channel.into())]))
}

/// The answer to a publication or to a presence operation: ACK, with the serials of the messages that were
/// published (`TR4s`), or NACK with the error.
pub(super) fn acknowledgement(serial: Option<&Value>, outcome: Result<&[Value], &Error>) -> ProtocolMessage {
    let serial = serial.cloned().unwrap_or_default();
    let (action, name, value) = match outcome {
        Ok(serials) => (action::ACK, "res", json!([{ "serials": serials }])),
        Err(error) => (action::NACK, "error", json!(error)),
    };
    message(action, members([("msgSerial", serial), ("count", 1.into()), (name, value)]))
}

/// Messages, as subscribers get them.
pub(super) fn delivery(published: Published, now: i64) -> ProtocolMessage {
    let mut members = members([
        ("channel", published.channel.into()),
        ("id", published.id.into()),
        ("timestamp", now.into()),
        ("messages", published.fresh.into()),
    ]);
    if let Some(connection_id) = published.connection_id {
        members.insert("connectionId".to_owned(), connection_id.into());
    }
    message(action::MESSAGE, members)
}

fn members<const N: usize>(members: [(&str, Value); N]) -> Map<String, Value> {
    members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn message(action: i64, mut members: Map<String, Value>) -> ProtocolMessage {
    members.insert("action".to_owned(), action.into());
    ProtocolMessage::from_members(members)
}
