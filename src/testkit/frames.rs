//! Frames as the service sends them, and as it gets them.

use serde_json::{Value, json};

use crate::wire::action;

/// CONNECTED: the service is silent for 15 s at most, and keeps a lost connection for 2 minutes.
pub fn connected(id: &str, key: &str) -> Value {
    connected_with(id, key, json!({"maxIdleInterval": 15_000, "connectionStateTtl": 120_000}))
}

/// CONNECTED with these details, and the key among them.
pub fn connected_with(id: &str, key: &str, mut details: Value) -> Value {
    details["connectionKey"] = key.into();
    json!({"action": action::CONNECTED, "connectionId": id, "connectionKey": key, "connectionDetails": details})
}

/// The frame with an error in it.
pub fn because_of(mut frame: Value, code: u32, status_code: u16, message: &str) -> Value {
    frame["error"] = json!({"code": code, "statusCode": status_code, "message": message});
    frame
}

/// ERROR with an error in it.
pub fn error_frame(code: u32, status_code: u16, message: &str) -> Value {
    because_of(json!({"action": action::ERROR}), code, status_code, message)
}

/// DISCONNECTED with an error in it.
pub fn disconnected_frame(code: u32, status_code: u16, message: &str) -> Value {
    because_of(json!({"action": action::DISCONNECTED}), code, status_code, message)
}

/// ERROR about the token, for the connection.
pub fn token_error() -> Value {
    error_frame(40142, 401, "Token expired")
}

/// DISCONNECTED because of the token.
pub fn token_disconnected() -> Value {
    disconnected_frame(40142, 401, "Token expired")
}

/// AUTH: the service asks for a new token.
pub fn reauth() -> Value {
    json!({"action": action::AUTH})
}

/// HEARTBEAT.
pub fn heartbeat() -> Value {
    json!({"action": action::HEARTBEAT})
}

/// CLOSED.
pub fn closed() -> Value {
    json!({"action": action::CLOSED})
}

/// ATTACHED, of a channel.
pub fn attached(channel: &str, serial: &str) -> Value {
    json!({"action": action::ATTACHED, "channel": channel, "channelSerial": serial, "flags": 0})
}

/// AUTH as the client sends it.
pub fn auth_frame(access_token: &str) -> Value {
    json!({"action": action::AUTH, "auth": {"accessToken": access_token}})
}

/// CLOSE as the client sends it.
pub fn close_frame() -> Value {
    json!({"action": action::CLOSE})
}
