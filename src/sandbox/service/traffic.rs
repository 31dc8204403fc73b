//! What has come in lately, and what was answered.

use alloc::collections::VecDeque;
use alloc::string::String;
use core::fmt;

use super::message::Request;
use crate::wire::Secret;

/// How many requests are remembered.
const CAPACITY: usize = 1_000;
/// A longer body is not kept.
const MAX_BODY: usize = 16 * 1_024;

/// In which form a request brought its credentials.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CredentialsKind {
    /// In none.
    #[default]
    None,
    /// A key, in `Authorization: Basic`.
    Basic,
    /// A key, in the param `key`.
    KeyParam,
    /// A token, in `Authorization: Bearer`.
    Bearer,
    /// A token, in the param `accessToken` or `access_token`.
    TokenParam,
    /// The signature of a token request.
    Signature,
}

impl fmt::Display for CredentialsKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::Basic => "basic",
            Self::KeyParam => "key param",
            Self::Bearer => "bearer",
            Self::TokenParam => "token param",
            Self::Signature => "signature",
        })
    }
}

/// One request and what was answered. `Debug` shows no secret.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RequestRecord {
    /// When it came, in milliseconds since the epoch, by the service's clock.
    pub at: i64,
    /// The request, without a body that is longer than 16 KiB.
    pub request: Request,
    /// The form of its credentials.
    pub credentials: CredentialsKind,
    /// The key it was authenticated by, or whose token it was.
    pub key_name: Option<String>,
    /// The client id it was found to come from; `*` for anybody.
    pub client_id: Option<String>,
    /// The status of the answer; 0 where there was none, as a fault wanted it.
    pub status: u16,
    /// The Ably error code of the answer, where it was an error.
    pub code: Option<u32>,
    /// What the sandbox found out beyond what it answered, such as what was changed since a request was signed.
    pub note: Option<String>,
}

impl RequestRecord {
    /// The token the request was sent with.
    pub fn bearer(&self) -> Option<Secret> {
        match super::credentials::Credentials::of(&self.request) {
            super::credentials::Credentials::Token(_, token) => Some(token),
            _ => None,
        }
    }
}

/// What is found out about a request while it is handled.
#[derive(Clone, Debug, Default)]
pub(super) struct Noted {
    pub(super) credentials: CredentialsKind,
    pub(super) key_name: Option<String>,
    pub(super) client_id: Option<String>,
    pub(super) note: Option<String>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Traffic {
    records: VecDeque<RequestRecord>,
    count: u64,
}

impl Traffic {
    pub(super) fn record(&mut self, at: i64, request: &Request, noted: Noted, status: u16, code: Option<u32>) {
        self.count += 1;
        if self.records.len() == CAPACITY {
            self.records.pop_front();
        }
        let request = if request.body().len() <= MAX_BODY { request.clone() } else { request.without_body() };
        let Noted { credentials, key_name, client_id, note } = noted;
        self.records.push_back(RequestRecord { at, request, credentials, key_name, client_id, status, code, note });
    }

    /// How many there ever were.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// The oldest first.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &RequestRecord> {
        self.records.iter()
    }

    pub(super) fn clear(&mut self) {
        self.records.clear();
    }
}
