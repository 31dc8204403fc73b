//! The errors of the machine's own making, and what is read out of a service's answer.

use alloc::format;
use alloc::string::String;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::http::{HttpFailure, HttpFailureKind, HttpResponse};
use crate::wire::wiped::WipedJson;
use crate::wire::{Error, ErrorKind, codes};

/// Where a token comes from, as messages name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Origin {
    Callback,
    Url,
    /// The service, in exchange for a signed request.
    Exchange,
}

impl Origin {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Callback => "authCallback",
            Self::Url => "authUrl",
            Self::Exchange => "requestToken",
        }
    }
}

/// A source of tokens gave something that is none (`RSA4e`, `RSA4f`).
pub(super) fn malformed_token(origin: Origin, what: &str) -> Error {
    let message = format!("{} {what}; return a token string, a TokenDetails or a TokenRequest", origin.name());
    Error::new(ErrorKind::Malformed, codes::TOKEN_SOURCE_FAILED, 401, message)
}

/// A signed request for a token cannot be exchanged: there is no such endpoint.
pub(super) fn no_key_name() -> Error {
    let message = "the TokenRequest names no key: its keyName has to be the name of an API key, such as appId.keyId";
    Error::new(ErrorKind::Malformed, codes::TOKEN_SOURCE_FAILED, 401, message)
}

/// A source of tokens failed without an error of Ably's (`RSA4e`). The cause's words end the message.
pub(super) fn source_failed(origin: Origin, cause: Error) -> Error {
    let (code, status) =
        if cause.status_code() == 403 { (codes::FORBIDDEN, 403) } else { (codes::TOKEN_SOURCE_FAILED, 401) };
    let message = format!("{} gave no token: {}", origin.name(), cause.message());
    Error::new(cause.kind(), code, status, message).with_cause(cause)
}

/// A source of tokens did not answer in time (`RSA4e`).
pub(super) fn source_timed_out(origin: Origin, timeout: u32) -> Error {
    source_failed(origin, timed_out(&format!("no answer within {timeout} ms")))
}

fn timed_out(message: &str) -> Error {
    Error::new(ErrorKind::Transport, codes::TIMEOUT, 500, message)
}

/// An HTTP request got no response.
pub(super) fn transport(failure: &HttpFailure) -> Error {
    let words = failure.kind.describe();
    let message = match &failure.message {
        Some(message) => format!("the request got no response, {words}: {message}"),
        None => format!("the request got no response: {words}"),
    };
    match failure.kind {
        HttpFailureKind::Timeout => timed_out(&message),
        _ => Error::new(ErrorKind::Transport, codes::TRANSPORT, 500, message),
    }
}

/// There is no way to get a token, or another one (`RSA4a2`).
pub(super) fn not_renewable(cause: Option<Error>) -> Error {
    let error = Error::new(
        ErrorKind::Configuration,
        codes::TOKEN_NOT_RENEWABLE,
        403,
        "a new token is needed and there is no way to get one: give a key, an authUrl or an authCallback",
    );
    match cause {
        Some(cause) => error.with_cause(cause),
        None => error,
    }
}

pub(super) fn cancelled() -> Error {
    Error::new(ErrorKind::Cancelled, codes::BAD_REQUEST, 400, "the operation was cancelled")
}

/// A connection could not authenticate (`RSA4c1`, `RSA4d`).
pub(super) fn connection_auth_failed(status_code: u16, cause: Error) -> Error {
    let message = format!("the connection could not authenticate: {}", cause.message());
    Error::new(cause.kind(), codes::CONNECTION_AUTH_FAILED, status_code, message).with_cause(cause)
}

pub(super) fn connection_lost(message: &str) -> Error {
    Error::new(ErrorKind::Transport, codes::CONNECTION_LOST, 400, message)
}

/// A success that does not say what it should.
pub(super) fn malformed_success(what: &str) -> Error {
    let message = format!("the service's answer is not what was asked for: expected {what}");
    Error::new(ErrorKind::Malformed, codes::INTERNAL, 500, message)
}

/// A 2xx answer of a type that cannot be read (`RSC8e2`). The body is not quoted: it may hold a token.
pub(super) fn unsupported_content_type(response: &HttpResponse) -> Error {
    let content_type = response.content_type().unwrap_or_else(|| "none".into());
    let status = response.status;
    let message =
        format!("the answer of status {status} cannot be read: expected JSON, got content type {content_type}");
    Error::new(ErrorKind::Malformed, codes::UNSUPPORTED_CONTENT_TYPE, 400, message)
}

/// The error that the service says its answer is: in the body, else in its headers.
pub(super) fn ably_error(response: &HttpResponse) -> Option<Error> {
    body_error(response).or_else(|| header_error(response))
}

/// The error in an answer's body: `{"error": {...}}`. Only the members of an ErrorInfo get through.
pub(super) fn body_error(response: &HttpResponse) -> Option<Error> {
    let body = WipedJson::read(response.body())?;
    let error = body.get("error")?;
    if !error.is_object() {
        return None;
    }
    let error = Error::deserialize(error).ok()?;
    let is_empty = error.code() == 0 && error.status_code() == 0 && error.message().is_empty();
    (!is_empty).then(|| complete(error, response.status))
}

fn header_error(response: &HttpResponse) -> Option<Error> {
    let code = response.headers.find("x-ably-errorcode")?.trim().parse().ok()?;
    let message: String = response.headers.find("x-ably-errormessage").unwrap_or(NO_MESSAGE).into();
    Some(Error::new(ErrorKind::Rejected, code, response.status, message))
}

/// Fills in what an error leaves out, from the status it came with.
pub(super) fn complete(error: Error, http_status: u16) -> Error {
    let status = if error.status_code() == 0 { http_status } else { error.status_code() };
    let code = if error.code() == 0 { u32::from(http_status) * 100 } else { error.code() };
    error.with_codes(code, status).or_message(NO_MESSAGE)
}

const NO_MESSAGE: &str = "the service gave no message";

/// The error an unsuccessful answer of the service stands for.
pub(super) fn of_response(response: &HttpResponse) -> Error {
    ably_error(response).unwrap_or_else(|| of_status(response.status))
}

/// The error of an answer that says nothing but its status.
pub(super) fn of_status(status: u16) -> Error {
    if (400..600).contains(&status) {
        let message = format!("the answer has status {status} and no error that could be read");
        Error::new(ErrorKind::Rejected, u32::from(status) * 100, status, message)
    } else {
        malformed_success(&format!("a status of 2xx, not {status}"))
    }
}

/// The error without the credentials that a service may quote back, as in `Invalid accessToken in request: ...`.
/// `authorization` is the value of the header that was sent.
pub(super) fn without_credentials(error: Error, authorization: &str) -> Error {
    let Some((scheme, credentials)) = authorization.split_once(' ') else { return error };
    let error = error.without_secret(credentials);
    if scheme != "Basic" {
        return error;
    }
    let key = Zeroizing::new(STANDARD.decode(credentials).unwrap_or_default());
    let key = core::str::from_utf8(&key).unwrap_or_default();
    let secret = key.split_once(':').map_or(key, |(_, secret)| secret);
    error.without_secret(key).without_secret(secret)
}

/// The error in an answer, if the service says that it is one.
pub(super) fn error_of(response: &HttpResponse) -> Option<Error> {
    if response.is_success() { header_error(response) } else { ably_error(response) }
}
