//! URLs, headers and bodies without secrets.

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::LEFT_OUT;
use super::json::redact_answer;
use super::placeholders::{Kind, Placeholders, as_long_as};
use crate::wire::Secret;
use crate::wire::wiped::WipedJson;

/// A URL, or what a `Location` may be: user info and the values of its query are secrets.
pub(super) fn redact_url(url: &str, placeholders: &mut Placeholders) -> String {
    let (url, fragment) = split_off(url, '#');
    let (url, query) = split_off(url, '?');
    let query = query.map(|query| {
        let pairs: Vec<_> = query.split('&').map(|pair| redact_pair(pair, placeholders)).collect();
        format!("?{}", pairs.join("&"))
    });
    let fragment = fragment.map(|_| format!("#{LEFT_OUT}"));
    format!("{}{}{}", redact_place(url, placeholders), query.unwrap_or_default(), fragment.unwrap_or_default())
}

fn redact_pair(pair: &str, placeholders: &mut Placeholders) -> String {
    let Some((name, _)) = pair.split_once('=') else { return placeholders.of(Kind::Param, pair) };
    // As whoever reads the query would read it.
    let value = form_urlencoded::parse(pair.as_bytes()).next().map(|(_, value)| value).unwrap_or_default();
    let placeholder = placeholders.of(Kind::Param, &value);
    let escaped: String = form_urlencoded::byte_serialize(placeholder.as_bytes()).collect();
    format!("{name}={escaped}")
}

/// The path of a request of the application's: of its query the names are left.
pub(super) fn redact_path(path: &str, placeholders: &Placeholders) -> String {
    let (path, query) = split_off(path, '?');
    let query = query.map(|query| {
        let pair = |pair: &str| pair.split_once('=').map_or(LEFT_OUT.into(), |(name, _)| format!("{name}={LEFT_OUT}"));
        format!("?{}", query.split('&').map(pair).collect::<Vec<_>>().join("&"))
    });
    placeholders.scrub(path) + &query.unwrap_or_default()
}

/// Scheme, authority and path.
fn redact_place(place: &str, placeholders: &mut Placeholders) -> String {
    let (before, place) = match place.find("//") {
        Some(at) if place[..at].is_empty() || place[..at].ends_with(':') => place.split_at(at + 2),
        // Of another kind, such as mailto.
        _ => match place.split_once(':') {
            Some((scheme, _)) if !scheme.contains('/') => return format!("{scheme}:{LEFT_OUT}"),
            _ => return placeholders.scrub(place),
        },
    };
    let (authority, path) = place.split_at(place.find('/').unwrap_or(place.len()));
    let authority = match authority.rsplit_once('@') {
        Some((user, host)) => format!("{}@{host}", placeholders.of(Kind::Param, user)),
        None => authority.into(),
    };
    format!("{before}{authority}{}", placeholders.scrub(path))
}

fn split_off(text: &str, at: char) -> (&str, Option<&str>) {
    text.split_once(at).map_or((text, None), |(before, after)| (before, Some(after)))
}

/// The value of a header of the application's request.
pub(super) fn redact_request_header(name: &str, value: &str, placeholders: &mut Placeholders) -> String {
    let is_known = ["accept", "authorization", "content-type"].iter().any(|known| name.eq_ignore_ascii_case(known));
    if is_known { redact_auth_header(name, value, placeholders) } else { LEFT_OUT.into() }
}

/// The value of a header for an authUrl.
pub(super) fn redact_auth_header(name: &str, value: &str, placeholders: &mut Placeholders) -> String {
    if ["accept", "content-type"].iter().any(|kept| name.eq_ignore_ascii_case(kept)) {
        return value.into();
    }
    match value.split_once(' ') {
        Some(("Basic", credentials)) => format!("Basic {}", redact_basic(credentials, placeholders)),
        Some(("Bearer", token)) => format!("Bearer {}", placeholders.of(Kind::Token, token)),
        // Servers quote what comes after a scheme.
        Some((scheme, credentials)) => {
            let scheme = placeholders.of(Kind::Header, scheme);
            format!("{scheme} {}", placeholders.of(Kind::Header, credentials))
        }
        None => placeholders.of(Kind::Header, value),
    }
}

/// User and password, or a key.
fn redact_basic(credentials: &str, placeholders: &mut Placeholders) -> String {
    let decoded = STANDARD.decode(credentials).ok().and_then(|text| String::from_utf8(text).ok()).map(Secret::new);
    match decoded.as_ref().and_then(|text| text.expose().split_once(':')) {
        Some((user, password)) => {
            let (user, password) = (placeholders.of(Kind::Header, user), placeholders.of(Kind::Header, password));
            let encoded = STANDARD.encode(format!("{user}:{password}"));
            placeholders.learn(Kind::Header, credentials, &encoded);
            encoded
        }
        None => placeholders.of(Kind::Header, credentials),
    }
}

/// The value of a header that a server sends: what a machine, or a reader, makes something of.
pub(super) fn redact_received_header(name: &str, value: &str, placeholders: &mut Placeholders) -> String {
    match name.to_ascii_lowercase().as_str() {
        "content-type" | "content-length" | "date" | "retry-after" | "server" => value.into(),
        "x-ably-errorcode" | "x-ably-serverid" => value.into(),
        "x-ably-errormessage" => placeholders.scrub(value),
        "location" => redact_url(value, placeholders),
        _ => LEFT_OUT.into(),
    }
}

/// The body of a response of that content type.
pub(super) fn redact_body(body: &str, content_type: Option<&str>, placeholders: &mut Placeholders) -> String {
    let text = body.trim();
    // What a connectivity check answers is no secret.
    if matches!(text, "" | "yes") {
        return body.into();
    }
    let is_text = matches!(content_type, Some("text/plain" | "application/jwt"));
    let read = WipedJson::read(text.as_bytes());
    let redacted = match read.as_deref() {
        // As text, a number is a token as good as any.
        Some(value @ (Value::Array(_) | Value::Object(_) | Value::String(_))) => {
            redact_answer(value, placeholders).to_string()
        }
        Some(value) if !is_text => value.to_string(),
        _ if is_text => placeholders.of(Kind::Token, text),
        _ => LEFT_OUT.into(),
    };
    as_long_as(body, redacted, " ")
}

/// A body that is no text, and still none.
pub(super) fn redact_binary(body: &str) -> String {
    let length = STANDARD.decode(body).map_or(0, |body| body.len());
    let mut left_out = Vec::from([0xff]);
    left_out.extend(as_long_as(&" ".repeat(length), LEFT_OUT.into(), " ").bytes());
    STANDARD.encode(left_out)
}
