//! JSON from outside without secrets: answers of servers and callbacks, frames, errors.
//!
//! Members are known by their names. Those that hold a secret get its placeholder, those that a machine, or a reader,
//! makes something of stay. The rest may hold anything: its text is left out, its numbers are 0, its arrays and objects
//! empty.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use serde_json::{Map, Value};

use super::LEFT_OUT;
use super::placeholders::{Kind, Placeholders};

/// What a source of tokens, or the service, answers.
pub(super) fn redact_answer(value: &Value, placeholders: &mut Placeholders) -> Value {
    match value {
        Value::String(token) => placeholders.of(Kind::Token, token).into(),
        // The time comes as an array of one number.
        Value::Array(elements) => redact_elements(elements, placeholders),
        value => redact_element(value, placeholders),
    }
}

fn redact_elements(elements: &[Value], placeholders: &mut Placeholders) -> Value {
    elements.iter().map(|element| redact_element(element, placeholders)).collect()
}

fn redact_element(value: &Value, placeholders: &mut Placeholders) -> Value {
    match value {
        Value::Object(members) => redact_object(members, placeholders),
        Value::Number(_) => value.clone(),
        value => leave_out(value),
    }
}

/// An object of which the names are known: token details, a token request, a frame.
pub(super) fn redact_object(members: &Map<String, Value>, placeholders: &mut Placeholders) -> Value {
    let is_error = members.contains_key("code") || members.contains_key("statusCode");
    redact_members(members, is_error, placeholders)
}

/// An error.
pub(super) fn redact_error(value: &Value, placeholders: &mut Placeholders) -> Value {
    match value {
        Value::Object(members) => redact_members(members, true, placeholders),
        value => leave_out(value),
    }
}

fn redact_members(members: &Map<String, Value>, is_error: bool, placeholders: &mut Placeholders) -> Value {
    each_of(members, |name, value| redact_member(name, value, is_error, placeholders))
}

fn redact_member(name: &str, value: &Value, is_error: bool, placeholders: &mut Placeholders) -> Value {
    match (name, value) {
        ("token" | "accessToken", _) => redact_secret(Kind::Token, value, placeholders),
        ("mac", _) => redact_secret(Kind::Mac, value, placeholders),
        ("connectionKey", _) => redact_secret(Kind::ConnectionKey, value, placeholders),
        ("target", Value::String(target)) => match target.split_once(':') {
            Some((kind, value)) => format!("{kind}:{}", redact_target(kind, value, placeholders)).into(),
            None => leave_out(value),
        },
        ("error" | "cause" | "reason", _) => redact_error(value, placeholders),
        ("message", _) if is_error => redact_words(value, placeholders),
        ("href" | "requestId", _) => redact_words(value, placeholders),
        ("auth" | "connectionDetails", Value::Object(members)) => redact_object(members, placeholders),
        ("results", Value::Array(elements)) => redact_elements(elements, placeholders),
        ("detail", Value::Object(members)) => each_of(members, |_, value| leave_out(value)),
        ("capability" | "channelSerials", _) => value.clone(),
        _ if KEPT.contains(&name) && !value.is_array() && !value.is_object() => value.clone(),
        _ => leave_out(value),
    }
}

/// The value of what a revocation is to hit: a token, or something of another kind that may be as secret.
pub(super) fn redact_target(kind: &str, value: &str, placeholders: &mut Placeholders) -> String {
    if matches!(kind, "clientId" | "revocationKey" | "channel") {
        value.into()
    } else {
        placeholders.of(Kind::Token, value)
    }
}

/// An object with other values.
pub(super) fn each_of(members: &Map<String, Value>, mut redact: impl FnMut(&str, &Value) -> Value) -> Value {
    Value::Object(members.iter().map(|(name, value)| (name.clone(), redact(name, value))).collect())
}

/// Members that hold no secret, by the names of what they are in.
const KEPT: [&str; 31] = [
    // Tokens and requests for them.
    "clientId",
    "expires",
    "issued",
    "keyName",
    "nonce",
    "timestamp",
    "ttl",
    // Errors and results.
    "appliesAt",
    "code",
    "failureCount",
    "issuedBefore",
    "statusCode",
    "successCount",
    // Frames.
    "action",
    "channel",
    "channelSerial",
    "connectionId",
    "connectionSerial",
    "connectionStateTtl",
    "count",
    "flags",
    "id",
    "maxFrameSize",
    "maxIdleInterval",
    "maxInboundRate",
    "maxMessageSize",
    "maxOutboundRate",
    "msgSerial",
    "serverId",
    "siteCode",
    "state",
];

/// A member whose text is a secret.
pub(super) fn redact_secret(kind: Kind, value: &Value, placeholders: &mut Placeholders) -> Value {
    match value {
        Value::String(secret) => placeholders.of(kind, secret).into(),
        Value::Object(members) => redact_object(members, placeholders),
        value => leave_out(value),
    }
}

/// A text for people.
pub(super) fn redact_words(value: &Value, placeholders: &Placeholders) -> Value {
    match value {
        Value::String(words) => placeholders.scrub(words).into(),
        value => leave_out(value),
    }
}

/// Something of the same type that says nothing.
pub(super) fn leave_out(value: &Value) -> Value {
    match value {
        Value::String(text) if !text.is_empty() => LEFT_OUT.into(),
        Value::Number(_) => 0.into(),
        Value::Array(_) => Value::Array(Vec::new()),
        Value::Object(_) => Value::Object(Map::new()),
        value => value.clone(),
    }
}
