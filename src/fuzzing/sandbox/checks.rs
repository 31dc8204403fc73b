//! What must hold of an answer.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use crate::options::ApiKey;
use crate::sandbox::{Format, Reply, Request};
use crate::wire::lenient;

/// The value in a body, as its content type has it.
fn read(content_type: Option<&str>, body: &[u8]) -> Option<Value> {
    let is_binary = content_type == Some("application/x-msgpack");
    super::forge::format_of(is_binary).read(body)
}

fn body_of(reply: &Reply) -> Option<Value> {
    read(reply.response.headers.find("content-type"), reply.response.body())
}

/// An answer of the service's own that says no says why, twice, and shows nothing that is secret.
pub(super) fn error_is_well_formed(reply: &Reply, secrets: &[&str]) {
    let headers = &reply.response.headers;
    let header = |name: &str| headers.find(name).unwrap_or_else(|| panic!("no {name}: {reply:?}"));
    let body = body_of(reply).unwrap_or_else(|| panic!("an error has a body: {reply:?}"));
    let error = &body["error"];
    let code = error["code"].as_u64().unwrap_or_else(|| panic!("an error has a code: {body}"));
    let message = error["message"].as_str().unwrap_or_else(|| panic!("an error has a message: {body}"));
    assert!(code >= 40_000 && !message.is_empty(), "{body}");
    assert_eq!(error["statusCode"], reply.response.status, "{body}");
    assert_eq!(error["href"], format!("https://help.ably.io/error/{code}"), "{body}");
    assert_eq!(header("x-ably-errorcode"), format!("{code}"));
    let shown = header("x-ably-errormessage");
    assert!(shown.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "not for a header: {shown:?}");
    assert_eq!(headers.find("www-authenticate").is_some(), reply.response.status == 401);
    shows_none(message, secrets);
}

pub(super) fn shows_none(text: &str, secrets: &[&str]) {
    let shown = secrets.iter().find(|secret| text.contains(**secret));
    assert!(shown.is_none(), "{shown:?} shows in {text}");
}

/// Whoever got a token had signed for it, or sent the key along.
pub(super) fn token_was_earned(request: &Request, reply: &Reply, keys: &[ApiKey]) {
    let is_token = body_of(reply).is_some_and(|body| body["token"].is_string());
    assert!(is_token, "a success is a token: {reply:?}");
    let content_type = request.content_type();
    let body = read(content_type.as_deref(), request.body());
    let Some(Value::Object(body)) = body else { panic!("a token for {request:?}") };
    let key_name = body.get("keyName").and_then(Value::as_str).unwrap_or_default();
    // The keys of apps that came later are known to their makers alone.
    let Some(key) = keys.iter().find(|key| key.name() == key_name) else { return };
    match body.get("mac").and_then(Value::as_str).filter(|mac| !mac.is_empty()) {
        Some(mac) => assert!(is_signed(key, &body, mac), "a token for a wrong MAC: {body:?}"),
        None => assert!(has_key(request, key), "a token for nothing: {body:?}"),
    }
}

/// By another implementation than the service's.
fn is_signed(key: &ApiKey, body: &Map<String, Value>, mac: &str) -> bool {
    let text = |name: &str| body.get(name).and_then(Value::as_str).map(String::from).unwrap_or_default();
    let number = |name: &str| {
        let number = body.get(name).and_then(lenient::integer);
        number.map(|number| format!("{number}")).unwrap_or_default()
    };
    let values =
        [text("keyName"), number("ttl"), text("capability"), text("clientId"), number("timestamp"), text("nonce")];
    let signed = values.iter().map(|value| format!("{value}\n")).collect::<Vec<_>>().concat();
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, key.secret().as_bytes());
    STANDARD.decode(mac).is_ok_and(|mac| ring::hmac::verify(&key, signed.as_bytes(), &mac).is_ok())
}

fn has_key(request: &Request, key: &ApiKey) -> bool {
    let encoded = STANDARD.encode(key.expose());
    let mut headers = request.headers.iter();
    headers.any(|(name, value)| name.eq_ignore_ascii_case("authorization") && value.trim().ends_with(&encoded))
        || request.query_param("key").as_deref() == Some(key.expose())
}

/// Whether nobody gets past here without credentials.
pub(super) fn is_guarded(request: &Request) -> bool {
    let segments = request.segments().unwrap_or_default();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    match (request.method.as_str(), segments.as_slice()) {
        (_, ["channels", ..]) | ("DELETE", ["apps", _]) => true,
        (_, ["keys", _, last]) => *last == "revokeTokens",
        _ => false,
    }
}

/// A frame as it goes out can be read by the client.
pub(super) fn can_be_read(frame: &Value, format: Format) {
    let bytes = format.write(frame);
    let read = format.read(&bytes).unwrap_or_else(|| panic!("a frame that nobody can read: {frame}"));
    if format == Format::Json {
        assert_eq!(&read, frame, "a frame is read as it was written");
    }
}
