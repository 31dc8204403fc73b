//! Telling apart what a source of tokens gives: a token, or a signed request for one (`TO3j5`, `RSA4f`).

use alloc::format;

use serde_json::Value;

use super::errors::{Origin, malformed_token};
use super::event::CallbackValue;
use crate::http::HttpResponse;
use crate::wire::wiped::{WipedJson, json_of};
use crate::wire::{Error, MAX_TOKEN_LENGTH, TokenDetails, TokenRequest};

/// What a source gave.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Obtained {
    Token(TokenDetails),
    Request(TokenRequest),
}

/// What a callback returned (`RSA8d`).
pub(super) fn from_callback(value: CallbackValue) -> Result<Obtained, Error> {
    match value {
        CallbackValue::Token(token) => from_text(Origin::Callback, token.expose()),
        CallbackValue::TokenDetails(details) => {
            check_length(Origin::Callback, json_of(&details).len())?;
            checked(Origin::Callback, details).map(Obtained::Token)
        }
        CallbackValue::TokenRequest(request) => {
            check_length(Origin::Callback, json_of(&request).len())?;
            Ok(Obtained::Request(request))
        }
        CallbackValue::Json(value) => {
            if !value.0.is_string() {
                check_length(Origin::Callback, json_of(&value).len())?;
            }
            from_json(Origin::Callback, &value.0)
        }
    }
}

/// What an authUrl answered with a status of 2xx (`RSA8c`).
pub(super) fn from_auth_url(response: &HttpResponse) -> Result<Obtained, Error> {
    let malformed = |what: &str| malformed_token(Origin::Url, what);
    check_length(Origin::Url, response.body().len())?;
    let content_type = response.content_type();
    match content_type.as_deref() {
        Some("text/plain" | "application/jwt") => {
            let text = core::str::from_utf8(response.body());
            let text = text.map_err(|_| malformed("answered with text that is not UTF-8"))?;
            from_text(Origin::Url, text.trim())
        }
        Some("application/json") => {
            let value = WipedJson::read(response.body());
            let value = value.ok_or_else(|| malformed("answered with application/json that is not JSON"))?;
            from_json(Origin::Url, &value)
        }
        Some(other) => Err(malformed(&format!(
            "answered with content type {other}, which is not one of text/plain, application/jwt and application/json"
        ))),
        None => {
            Err(malformed("answered without a content type; set it to text/plain, application/jwt or application/json"))
        }
    }
}

fn from_json(origin: Origin, value: &Value) -> Result<Obtained, Error> {
    let malformed = |what: &str| malformed_token(origin, what);
    match value {
        Value::String(text) => from_text(origin, text),
        Value::Object(object) if object.contains_key("token") => {
            let details = TokenDetails::from_json(value);
            let details = details.map_err(|_| malformed("gave a TokenDetails with a member of the wrong type"))?;
            checked(origin, details).map(Obtained::Token)
        }
        Value::Object(object) if object.contains_key("keyName") => {
            let request = TokenRequest::from_json(value);
            request.map(Obtained::Request).map_err(|_| malformed("gave a TokenRequest with a member of the wrong type"))
        }
        Value::Object(_) => Err(malformed("gave an object with neither token nor keyName")),
        Value::Null => Err(malformed("gave null")),
        Value::Bool(_) => Err(malformed("gave a boolean")),
        Value::Number(_) => Err(malformed("gave a number")),
        Value::Array(_) => Err(malformed("gave an array")),
    }
}

fn from_text(origin: Origin, text: &str) -> Result<Obtained, Error> {
    checked(origin, TokenDetails::new(text)).map(Obtained::Token)
}

/// The details, if their token can be one.
pub(super) fn checked(origin: Origin, details: TokenDetails) -> Result<TokenDetails, Error> {
    let token = details.token.expose();
    check_length(origin, token.len())?;
    let what = match token {
        "" => "gave an empty token",
        "null" | "undefined" => "gave the text of a null or undefined value",
        _ if token.starts_with(['{', '"']) => {
            "gave JSON as a token string: it is encoded twice, or has the wrong content type"
        }
        _ if token.starts_with('<') => "gave markup, most likely an error page, as a token string",
        _ if !token.bytes().all(|byte| byte.is_ascii_graphic()) => {
            "gave a token with characters other than visible ASCII"
        }
        _ => return Ok(details),
    };
    Err(malformed_token(origin, what))
}

fn check_length(origin: Origin, length: usize) -> Result<(), Error> {
    if length <= MAX_TOKEN_LENGTH {
        return Ok(());
    }
    Err(malformed_token(origin, &format!("gave {length} bytes, which is more than the {MAX_TOKEN_LENGTH} allowed")))
}
