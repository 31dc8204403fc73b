//! What labels are made of.

use alloc::format;
use alloc::string::{String, ToString as _};

use serde_json::Value;

use crate::wire::action;

pub(super) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// A number, such as an id; nothing else.
pub(super) fn number(value: &Value) -> String {
    if value.is_number() { value.to_string() } else { String::new() }
}

/// When, to be written before what.
pub(super) fn moment(now: &Value) -> String {
    now["mono"].as_u64().map(|mono| format!("[{mono} ms] ")).unwrap_or_default()
}

/// The number of an error; nothing of its words.
pub(super) fn error(error: &Value) -> String {
    match error["code"].as_i64() {
        Some(code) if code != 0 => format!(" {code}"),
        _ => String::new(),
    }
}

/// A URL or a path, without the user and the query that may be in it.
pub(super) fn place(url: &str) -> String {
    let url = url.split(['?', '#']).next().unwrap_or_default();
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    if scheme.is_empty() { format!("{host}{path}") } else { format!("{scheme}://{host}{path}") }
}

/// A frame by its name, with the number of an error in it.
pub(super) fn frame(message: &Value, raw: &Value) -> String {
    let read = raw.as_str().map(|raw| serde_json::from_str(raw).unwrap_or_default());
    let message = read.as_ref().unwrap_or(message);
    let name = match message["action"].as_i64() {
        Some(action::HEARTBEAT) => "HEARTBEAT",
        Some(action::ACK) => "ACK",
        Some(action::NACK) => "NACK",
        Some(action::CONNECT) => "CONNECT",
        Some(action::CONNECTED) => "CONNECTED",
        Some(action::DISCONNECT) => "DISCONNECT",
        Some(action::DISCONNECTED) => "DISCONNECTED",
        Some(action::CLOSE) => "CLOSE",
        Some(action::CLOSED) => "CLOSED",
        Some(action::ERROR) => "ERROR",
        Some(action::ATTACH) => "ATTACH",
        Some(action::ATTACHED) => "ATTACHED",
        Some(action::DETACH) => "DETACH",
        Some(action::DETACHED) => "DETACHED",
        Some(action::PRESENCE) => "PRESENCE",
        Some(action::MESSAGE) => "MESSAGE",
        Some(action::AUTH) => "AUTH",
        Some(other) => return format!("frame {other}"),
        None => "a frame that cannot be read",
    };
    name.to_string() + &error(&message["error"])
}
