//! The service's endpoints that concern auth: what is sent to them and how their answers read.

use alloc::format;
use alloc::string::String;

use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::ably_request::{AblyRequest, HttpResult, Template};
use super::errors::{self, Origin};
use super::io::{Io, Owner};
use super::obtained;
use crate::http::HttpResponse;
use crate::options::ApiKey;
use crate::sign;
use crate::wire::wiped::WipedJson;
use crate::wire::{BatchResult, Error, TokenDetails, TokenParams, TokenRequest, TokenRevocationResult, lenient};

/// What is escaped in one segment of a path: everything that is not unreserved (RFC 3986, section 2.3).
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What is escaped in a path that someone else wrote.
pub(super) const PATH: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'<').add(b'>').add(b'`').add(b'\\');

/// The path of an endpoint of a key.
pub(super) fn key_path(key_name: &str, endpoint: &str) -> String {
    format!("/keys/{}/{endpoint}", utf8_percent_encode(key_name, SEGMENT))
}

/// Whether the service's time must be asked for before signing (`RSA9d`, `RSA10k`).
pub(super) fn must_ask_time(params: &TokenParams, query_time: bool, io: &Io) -> bool {
    query_time && params.timestamp.is_none() && !io.clock.knows_server_time()
}

/// Asks the service for its time (`RSC16`).
pub(super) fn ask_time(owner: Owner, io: &mut Io) -> AblyRequest {
    let template = Template::new("GET", "/time", io);
    AblyRequest::start(template, owner, io)
}

/// Signs a request for a token, with the best timestamp there is and a new nonce (`RSA9c`, `RSA9d`).
pub(super) fn sign(key: &ApiKey, params: &TokenParams, io: &mut Io) -> Result<TokenRequest, Error> {
    let nonce = if params.nonce.is_some() { String::new() } else { io.random.nonce() };
    sign::sign(key, params, io.clock.timestamp(), &nonce)
}

/// The time in an answer of `/time`: `[ms]`, or `{"time": ms}`.
pub(super) fn read_time(result: HttpResult) -> Result<i64, Error> {
    let value = read_json(&success(result)?)?;
    let time = value.get(0).or_else(|| value.get("time"));
    time.and_then(lenient::integer).ok_or_else(|| errors::malformed_success("the time, as [milliseconds]"))
}

/// The token in an answer of `requestToken`. An error that is not Ably's is the source's failure (`RSA4e`).
pub(super) fn read_token(result: HttpResult) -> Result<TokenDetails, Error> {
    let failed = |cause| errors::source_failed(Origin::Exchange, cause);
    let response = match result {
        Ok(response) if response.is_success() => response,
        Ok(response) => {
            return Err(errors::ably_error(&response).unwrap_or_else(|| failed(errors::of_status(response.status))));
        }
        Err(failure) => return Err(failed(errors::transport(&failure))),
    };
    let value = read_json(&response)?;
    if !value.as_object().is_some_and(|object| object.get("token").is_some_and(Value::is_string)) {
        return Err(errors::malformed_token(Origin::Exchange, "answered without a token"));
    }
    let details = TokenDetails::from_json(&value).map_err(|_| errors::malformed_success("a TokenDetails"))?;
    obtained::checked(Origin::Exchange, details)
}

/// The result in an answer of `revokeTokens` (`RSA17c`); results that come with an error of the whole batch count too.
pub(super) fn read_batch(result: HttpResult) -> Result<BatchResult<TokenRevocationResult>, Error> {
    use serde::Deserialize as _;

    let response = result.map_err(|failure| errors::transport(&failure))?;
    if !response.is_success() {
        let body = WipedJson::read(response.body());
        let batch = body.as_ref().and_then(|body| body.get("batchResponse"));
        return match batch.map(BatchResult::deserialize) {
            Some(Ok(batch)) => Ok(batch),
            _ => Err(errors::of_response(&response)),
        };
    }
    BatchResult::deserialize(&*read_json(&response)?).map_err(|_| errors::malformed_success("a BatchResult"))
}

fn success(result: HttpResult) -> Result<HttpResponse, Error> {
    match result {
        Ok(response) if response.is_success() => Ok(response),
        Ok(response) => Err(errors::of_response(&response)),
        Err(failure) => Err(errors::transport(&failure)),
    }
}

/// The JSON of a successful answer (`RSC8e`); without a content type it is taken for JSON.
fn read_json(response: &HttpResponse) -> Result<WipedJson, Error> {
    let is_json = response.content_type().is_none_or(|content_type| content_type == "application/json");
    let value = if is_json { WipedJson::read(response.body()) } else { None };
    value.ok_or_else(|| errors::unsupported_content_type(response))
}
