//! Lines of input without secrets.

use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use serde_json::Value;

use super::LEFT_OUT;
use super::json::{
    each_of, leave_out, redact_answer, redact_error, redact_object, redact_secret, redact_target, redact_words,
};
use super::placeholders::{Kind, Placeholders};
use super::text::{
    redact_auth_header, redact_binary, redact_body, redact_path, redact_received_header, redact_request_header,
    redact_url,
};
use crate::wire::wiped::WipedJson;

/// A line of input as [`Line::to_json`](super::super::Line::to_json) writes it.
pub(super) fn redact_line(line: &Value, placeholders: &mut Placeholders) -> Value {
    // Words may quote a secret that stands after them.
    redact_kinds(line, placeholders);
    redact_kinds(line, placeholders)
}

fn redact_kinds(line: &Value, placeholders: &mut Placeholders) -> Value {
    each_member(line, |kind, value| redact_kind(kind, value, placeholders))
}

fn redact_kind(kind: &str, members: &Value, placeholders: &mut Placeholders) -> Value {
    let content_type = content_type(members);
    each_member(members, |name, value| match (kind, name) {
        ("new", "options") | (_, "authOptions") => redact_options(value, placeholders),
        (_, "tokenParams" | "connectionDetails") => redact_answer(value, placeholders),
        ("revokeTokens", "targets") => redact_targets(value, placeholders),
        ("request", "path") => by_text(value, |path| redact_path(path, placeholders)),
        ("request", "params") => redact_pairs(value, |_, _| LEFT_OUT.into()),
        ("request", "headers") => redact_pairs(value, |name, value| redact_request_header(name, value, placeholders)),
        ("request", "body") => leave_out(value),
        ("httpResponse", "headers") => {
            redact_pairs(value, |name, value| redact_received_header(name, value, placeholders))
        }
        ("httpResponse", "body") => by_text(value, |body| redact_body(body, content_type.as_deref(), placeholders)),
        ("httpResponse", "bodyBase64") => by_text(value, redact_binary),
        ("httpFailed" | "socketClosed", "message") => redact_words(value, placeholders),
        ("callbackResult", "token" | "tokenDetails" | "tokenRequest" | "json") => redact_answer(value, placeholders),
        ("tokenRejected", "token") => redact_secret(Kind::Token, value, placeholders),
        (_, "error" | "reason") => redact_error(value, placeholders),
        ("frame" | "send", "message") => redact_answer(value, placeholders),
        ("frame", "text") => by_text(value, |text| redact_body(text, None, placeholders)),
        // Ids, states, and the like.
        ("now" | "new" | "revokeTokens" | "request" | "cancel" | "connection" | "network", _) => value.clone(),
        (_, "id" | "kind" | "status") => value.clone(),
        _ => leave_out(value),
    })
}

fn redact_options(options: &Value, placeholders: &mut Placeholders) -> Value {
    each_member(options, |name, value| match name {
        "key" => by_text(value, |key| placeholders.of_key(key)),
        "token" | "tokenDetails" | "defaultTokenParams" => redact_answer(value, placeholders),
        "authUrl" | "connectivityCheckUrl" => by_text(value, |url| redact_url(url, placeholders)),
        "authHeaders" => redact_pairs(value, |name, value| redact_auth_header(name, value, placeholders)),
        "authParams" | "transportParams" => redact_params(value, placeholders),
        "recover" => by_text(value, |key| redact_recovery_key(key, placeholders)),
        _ if KEPT.contains(&name) => value.clone(),
        _ => leave_out(value),
    })
}

/// Options that hold no secret.
const KEPT: [&str; 25] = [
    "addRequestIds",
    "agents",
    "authCallback",
    "authMethod",
    "autoConnect",
    "clientId",
    "disconnectedRetryTimeout",
    "echoMessages",
    "endpoint",
    "fallbackHosts",
    "fallbackRetryTimeout",
    "httpMaxRetryCount",
    "httpMaxRetryDuration",
    "httpOpenTimeout",
    "httpRequestTimeout",
    "pingsVisible",
    "port",
    "queryTime",
    "realtimeRequestTimeout",
    "renewal",
    "suspendedRetryTimeout",
    "tls",
    "tlsPort",
    "useTokenAuth",
    "version",
];

/// A recovery key keeps its form: what is secret of it is the key of the connection.
fn redact_recovery_key(key: &str, placeholders: &mut Placeholders) -> String {
    let read = WipedJson::read(key.as_bytes());
    match read.as_deref() {
        Some(Value::Object(members)) => redact_object(members, placeholders).to_string(),
        _ => placeholders.of(Kind::ConnectionKey, key),
    }
}

fn redact_targets(targets: &Value, placeholders: &mut Placeholders) -> Value {
    let targets = targets.as_array().into_iter().flatten().map(|target| {
        let kind = target["type"].as_str().unwrap_or_default();
        each_member(target, |name, value| match name {
            "value" => by_text(value, |value| redact_target(kind, value, placeholders)),
            _ => value.clone(),
        })
    });
    targets.collect()
}

fn redact_params(params: &Value, placeholders: &mut Placeholders) -> Value {
    redact_pairs(params, |_, value| placeholders.of(Kind::Param, value))
}

/// Names and values, in either form.
fn redact_pairs(pairs: &Value, mut redact: impl FnMut(&str, &str) -> String) -> Value {
    let mut redact_value = |name: &str, value: &Value| by_text(value, |value| redact(name, value));
    match pairs {
        Value::Array(pairs) => {
            let pair = |pair: &Value| match pair.as_array().map(Vec::as_slice) {
                Some([Value::String(name), value]) => {
                    [name.as_str().into(), redact_value(name, value)].into_iter().collect()
                }
                _ => leave_out(pair),
            };
            pairs.iter().map(pair).collect()
        }
        pairs => each_member(pairs, redact_value),
    }
}

/// An object with other values; anything else says nothing.
fn each_member(value: &Value, redact: impl FnMut(&str, &Value) -> Value) -> Value {
    match value {
        Value::Object(members) => each_of(members, redact),
        value => leave_out(value),
    }
}

fn by_text(value: &Value, redact: impl FnOnce(&str) -> String) -> Value {
    match value {
        Value::String(text) => redact(text).into(),
        value => leave_out(value),
    }
}

/// The content type of a response, as the machine reads it.
fn content_type(response: &Value) -> Option<String> {
    let headers = response.get("headers")?.as_array()?;
    let header = headers.iter().find(|header| {
        let name = header.get(0).and_then(Value::as_str);
        name.is_some_and(|name| name.eq_ignore_ascii_case("content-type"))
    })?;
    let essence = header.get(1)?.as_str()?.split(';').next()?;
    Some(essence.trim().to_ascii_lowercase())
}
