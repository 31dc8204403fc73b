//! What a failure of reqwest was about, as far as it lets one tell.

use core::error::Error as StdError;
use std::format;
use std::io;
use std::string::{String, ToString as _};
use std::vec::Vec;

use crate::http::{HttpFailure, HttpFailureKind};

/// The failure that reqwest reports.
pub(super) fn of(error: reqwest::Error) -> HttpFailure {
    // The URL may hold secrets.
    let error = error.without_url();
    HttpFailure { kind: kind(&error), message: Some(words(&error)) }
}

/// The failure of a request that no HTTP client would send.
pub(super) fn unsendable(part: &str) -> HttpFailure {
    HttpFailure { kind: HttpFailureKind::Other, message: Some(format!("{part} cannot be sent over HTTP")) }
}

/// What the sources of an error say, from the outermost to the innermost.
pub(super) fn words(error: &reqwest::Error) -> String {
    let mut words: Vec<String> = sources(error).map(|source| source.to_string()).collect();
    words.dedup();
    if words.is_empty() { error.to_string() } else { words.join(": ") }
}

fn kind(error: &reqwest::Error) -> HttpFailureKind {
    if error.is_dns() {
        HttpFailureKind::Dns
    } else if sources(error).any(|source| source.is::<rustls::Error>()) {
        HttpFailureKind::Tls
    } else if error.is_timeout() {
        HttpFailureKind::Timeout
    } else if error.is_connect() {
        HttpFailureKind::Connect
    } else if error.is_builder() || sources(error).any(is_nonsense) {
        HttpFailureKind::Other
    } else {
        HttpFailureKind::Closed
    }
}

/// Whether the peer speaks something that is not HTTP.
fn is_nonsense(source: &(dyn StdError + 'static)) -> bool {
    let is_parse = source.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_parse);
    let is_invalid = source
        .downcast_ref::<io::Error>()
        .is_some_and(|error| matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput));
    is_parse || is_invalid
}

fn sources(error: &reqwest::Error) -> impl Iterator<Item = &(dyn StdError + 'static)> {
    core::iter::successors(error.source(), |&source| {
        // An `io::Error` shows the source of what it wraps, but not the thing itself.
        match source.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(wrapped) => Some(wrapped),
            None => source.source(),
        }
    })
}
