//! Verifying a signed request, and saying what was changed since it was signed.

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::Mac as _;
use serde_json::Value;

use super::keyed_text;
use crate::options::ApiKey;
use crate::wire::{Capability, TokenRequest};

/// Why a signed request is not what the holder of the key signed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum VerifyError {
    /// It names another key.
    KeyNameMismatch,
    /// It is not signed.
    MacMissing,
    /// The MAC is of something else.
    MacMismatch {
        /// What was most likely changed after signing.
        likely: LikelyChange,
    },
}

/// What most likely happened to a request between signing and sending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LikelyChange {
    /// A ttl was added, or changed to a default.
    TtlInjected,
    /// A ttl or timestamp in seconds was sent in milliseconds, or the other way round.
    SecondsForMilliseconds,
    /// The capability's text was written anew: another order, other white space.
    CapabilityReordered,
    /// The client id was added.
    ClientIdChanged,
    /// Nothing that could be guessed: most likely it was signed with another secret.
    WrongSecret,
}

impl fmt::Display for LikelyChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TtlInjected => "the ttl was added after signing",
            Self::SecondsForMilliseconds => "seconds and milliseconds were mixed up after signing",
            Self::CapabilityReordered => "the capability's text was rewritten after signing",
            Self::ClientIdChanged => "the clientId was changed after signing",
            Self::WrongSecret => "it was signed with another secret",
        })
    }
}

impl fmt::Display for VerifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KeyNameMismatch => f.write_str("the request names another key"),
            Self::MacMissing => f.write_str("the request is not signed"),
            Self::MacMismatch { likely } => write!(f, "the mac does not match; most likely {likely}"),
        }
    }
}

impl core::error::Error for VerifyError {}

/// Checks that a request was signed with this key and is as it was then. MACs are compared in constant time.
///
/// # Errors
///
/// [`VerifyError`], with a guess at what was changed.
pub fn verify(key: &ApiKey, request: &TokenRequest) -> Result<(), VerifyError> {
    if request.key_name != key.name() {
        return Err(VerifyError::KeyNameMismatch);
    }
    let mac = request.mac.as_ref().ok_or(VerifyError::MacMissing)?;
    let mac = STANDARD.decode(mac.expose()).unwrap_or_default();
    let is_signed = |request: &TokenRequest| keyed_text(key, request).verify_slice(&mac).is_ok();
    if is_signed(request) {
        return Ok(());
    }
    let likely = candidates(request)
        .find(|(_, candidate)| is_signed(candidate))
        .map_or(LikelyChange::WrongSecret, |(change, _)| change);
    Err(VerifyError::MacMismatch { likely })
}

/// The request as it may have been when it was signed, for each change we can undo.
fn candidates(request: &TokenRequest) -> impl Iterator<Item = (LikelyChange, TokenRequest)> {
    let with = |change: LikelyChange, edit: &dyn Fn(&mut TokenRequest)| {
        let mut candidate = request.clone();
        edit(&mut candidate);
        (change, candidate)
    };
    let scaled = |value: Option<i64>, up: bool| {
        value.and_then(|value| if up { value.checked_mul(1_000) } else { Some(value / 1_000) })
    };
    let mut changes = alloc::vec![with(LikelyChange::TtlInjected, &|r| r.ttl = None)];
    for up in [true, false] {
        let change = LikelyChange::SecondsForMilliseconds;
        changes.push(with(change, &|r| r.ttl = scaled(r.ttl, up)));
        changes.push(with(change, &|r| r.timestamp = scaled(r.timestamp, up)));
        changes.push(with(change, &|r| {
            r.ttl = scaled(r.ttl, up);
            r.timestamp = scaled(r.timestamp, up);
        }));
    }
    if let Some(capability) = &request.capability {
        if let Ok(canonical) = capability.parse::<Capability>() {
            changes.push(with(LikelyChange::CapabilityReordered, &|r| r.capability = Some(canonical.to_string())));
            changes.push(with(LikelyChange::CapabilityReordered, &|r| r.capability = Some(spaced(&canonical))));
        }
    }
    changes.push(with(LikelyChange::ClientIdChanged, &|r| r.client_id = None));
    changes.into_iter()
}

/// The capability as Python's `json.dumps` writes it: a space after each comma and colon.
fn spaced(capability: &Capability) -> String {
    let quoted = |text: &str| Value::from(text).to_string();
    let entry = |(resource, operations): (String, BTreeSet<String>)| {
        let operations: Vec<_> = operations.iter().map(|operation| quoted(operation)).collect();
        format!("{}: [{}]", quoted(&resource), operations.join(", "))
    };
    let entries: Vec<_> = capability.resources().into_iter().map(entry).collect();
    format!("{{{}}}", entries.join(", "))
}
