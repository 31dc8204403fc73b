//! The control API, below `/__sandbox/`: doing from any language what Rust does by calling.
//!
//! It needs no credentials, so it shows no secret. Its requests are not recorded, and meet no faults. A body must say
//! that it is JSON or MessagePack: a browser lets no page of another origin send one.

use alloc::borrow::ToOwned;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::errors;
use super::fault::Fault;
use super::format::Format;
use super::message::{Answer, Request};
use super::realtime::{FrameEvent, FrameRecord};
use super::traffic::RequestRecord;
use super::{Reply, Service};
use crate::wire::{Error, ErrorKind, ProtocolMessage};

/// The first segment of its paths.
pub(super) const PATH: &str = "__sandbox";

const REDACTED: &str = "[redacted]";
/// The params of a query that are shown with their values.
const HARMLESS_PARAMS: [&str; 13] = [
    "agent",
    "clientId",
    "cursor",
    "direction",
    "echo",
    "end",
    "format",
    "heartbeats",
    "limit",
    "rnd",
    "start",
    "timestamp",
    "v",
];
/// The members of a frame that are shown. Of others only that they are there.
const HARMLESS_MEMBERS: [&str; 13] = [
    "action",
    "channel",
    "channelSerial",
    "connectionId",
    "count",
    "error",
    "flags",
    "id",
    "messages",
    "msgSerial",
    "presence",
    "res",
    "timestamp",
];

/// Which connections are meant, and what they are told.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Order {
    /// One of them; absent: all that are open.
    connection_id: Option<String>,
    error: Option<Error>,
}

#[derive(Deserialize)]
struct Advance {
    advance: i64,
}

impl Service {
    /// The answer to a request to the control API; none where it is another request.
    pub(super) fn control(&mut self, request: &Request, now: i64) -> Option<Reply> {
        let segments = request.segments()?;
        let (first, rest) = segments.split_first()?;
        if first != PATH {
            return None;
        }
        let rest: Vec<&str> = rest.iter().map(String::as_str).collect();
        let answer = self.obey(request, &rest, now).unwrap_or_else(Answer::from);
        Some(self.seal(answer, Format::of_answer(request)).0)
    }

    fn obey(&mut self, request: &Request, path: &[&str], now: i64) -> Result<Answer, Error> {
        match (request.method.as_str(), path) {
            ("GET", ["faults"]) => {
                let faults = self.faults().map(|(id, fault)| with_id(id, fault));
                Ok(Answer::ok(faults.collect::<Vec<_>>().into()))
            }
            ("POST", ["faults"]) => {
                let id = self.inject(read::<Fault>(request)?)?;
                Ok(Answer::new(201, json!({ "id": id })))
            }
            ("DELETE", ["faults"]) => {
                self.clear_faults();
                Ok(done())
            }
            ("DELETE", ["faults", id]) => {
                let was_found = id.parse().is_ok_and(|id| self.remove_fault(id));
                if was_found { Ok(done()) } else { Err(errors::UNKNOWN_PATH.because(&request.path)) }
            }
            ("GET", ["traffic"]) => Ok(Answer::ok(json!({
                "requests": self.requests().map(describe_request).collect::<Vec<_>>(),
                "frames": self.frames().map(describe_frame).collect::<Vec<_>>(),
            }))),
            ("DELETE", ["traffic"]) => {
                self.forget_traffic();
                Ok(done())
            }
            ("GET", ["connections"]) => Ok(Answer::ok(self.describe_connections())),
            ("POST", ["connections", what @ ("disconnect" | "fail" | "drop" | "reauth")]) => {
                let count = self.obey_order(what, read(request)?, now);
                Ok(Answer::ok(json!({ "count": count })))
            }
            ("POST", ["clock"]) => {
                let Advance { advance } = read(request)?;
                self.wanted_advance = self.wanted_advance.saturating_add(advance);
                Ok(Answer::ok(json!({ "now": now.saturating_add(advance) })))
            }
            _ => Err(errors::UNKNOWN_PATH.because(&request.path)),
        }
    }

    /// By how many milliseconds the control API was asked to move the clock since the last call. It is for the owner
    /// of the clock to do that.
    pub fn take_wanted_advance(&mut self) -> i64 {
        core::mem::take(&mut self.wanted_advance)
    }

    /// Returns how many connections it concerned.
    fn obey_order(&mut self, what: &str, order: Order, now: i64) -> usize {
        let open = self.connections().filter(|connection| connection.transport.is_some());
        let meant = open.filter(|connection| order.connection_id.as_ref().is_none_or(|id| *id == connection.id));
        let meant: Vec<String> = meant.map(|connection| connection.id).collect();
        let error =
            order.error.unwrap_or_else(|| Error::new(ErrorKind::Transport, 80003, 503, "disconnected on demand"));
        for id in &meant {
            match what {
                "disconnect" => self.disconnect(id, error.clone(), now),
                "fail" => self.fail(id, error.clone(), now),
                "drop" => self.drop_transport(id, now),
                _ => self.request_reauth(id, now),
            };
        }
        meant.len()
    }

    fn describe_connections(&self) -> Value {
        let describe = |connection: super::ConnectionRecord| {
            json!({
                "id": connection.id,
                "isOpen": connection.transport.is_some(),
                "keyName": connection.key_name,
                "hasToken": connection.token.is_some(),
                "expires": connection.expires,
                "clientId": connection.client_id,
                "channels": connection.channels,
            })
        };
        self.connections().map(describe).collect::<Vec<_>>().into()
    }
}

fn done() -> Answer {
    Answer::new(204, Value::Null)
}

fn read<T: DeserializeOwned>(request: &Request) -> Result<T, Error> {
    if !matches!(request.content_type().as_deref(), Some("application/json" | "application/x-msgpack")) {
        return Err(errors::INVALID_BODY.because("the content type must be application/json"));
    }
    serde_json::from_value(request.read_body()?).map_err(|error: serde_json::Error| {
        // Of all that serde says, only this never quotes the value, which may be a token.
        let missing = Some(error.to_string()).filter(|text| text.starts_with("missing field"));
        errors::INVALID_BODY.because(missing.as_deref().unwrap_or("a member has the wrong type or value"))
    })
}

fn with_id(id: u64, fault: &Fault) -> Value {
    let mut value = serde_json::to_value(fault).unwrap_or_default();
    value["id"] = id.into();
    value
}

fn describe_request(record: &RequestRecord) -> Value {
    let params = record.request.query_params().map(|(name, value)| {
        let is_harmless = HARMLESS_PARAMS.contains(&name.as_str());
        (name, if is_harmless { value.into() } else { Value::from(REDACTED) })
    });
    json!({
        "at": record.at,
        "method": record.request.method,
        "path": record.request.path,
        "params": params.collect::<Map<_, _>>(),
        "secure": record.request.secure,
        "bodyLength": record.request.body().len(),
        "credentials": record.credentials.to_string(),
        "keyName": record.key_name,
        "clientId": record.client_id,
        "status": record.status,
        "code": record.code,
        "note": record.note,
    })
}

fn describe_frame(record: &FrameRecord) -> Value {
    let event = match &record.event {
        FrameEvent::Received(_) => "received",
        FrameEvent::Malformed { .. } => "malformed",
        FrameEvent::Sent(_) => "sent",
        FrameEvent::Pinged => "pinged",
        FrameEvent::Closed(_) => "closed",
        FrameEvent::Cut => "cut",
        FrameEvent::Lost => "lost",
    };
    let mut described = json!({
        "at": record.at,
        "transport": record.transport.number(),
        "connectionId": record.connection_id,
        "event": event,
    });
    match &record.event {
        FrameEvent::Closed(code) => described["code"] = (*code).into(),
        FrameEvent::Malformed { length } => described["length"] = (*length).into(),
        _ => {}
    }
    if let Some(message) = record.message() {
        described["message"] = describe_message(message);
    }
    described
}

fn describe_message(message: &ProtocolMessage) -> Value {
    let describe = |(name, value): (&str, &Value)| {
        let is_harmless = HARMLESS_MEMBERS.contains(&name);
        (name.to_owned(), if is_harmless { value.clone() } else { REDACTED.into() })
    };
    Value::Object(message.members().map(describe).collect())
}
