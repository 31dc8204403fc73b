//! Revoking tokens: whom to hit, and what came of it.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use super::error::Error;
use super::lenient;

/// Which tokens a revocation hits (`TRT1`).
///
/// The type is an open string: the service may know types that this crate does not.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TokenRevocationTargetSpecifier {
    /// The kind of target, such as `clientId` (`TRT2a`).
    #[serde(rename = "type")]
    pub kind: String,
    /// Its value (`TRT2b`).
    pub value: String,
}

impl TokenRevocationTargetSpecifier {
    /// A target of any type.
    pub fn new(kind: impl Into<String>, value: impl Into<String>) -> Self {
        Self { kind: kind.into(), value: value.into() }
    }

    /// All tokens bound to a client id.
    pub fn client_id(client_id: impl Into<String>) -> Self {
        Self::new("clientId", client_id)
    }

    /// All JWTs that carry a revocation key.
    pub fn revocation_key(key: impl Into<String>) -> Self {
        Self::new("revocationKey", key)
    }

    /// All tokens whose capability names a resource, character for character.
    pub fn channel(resource: impl Into<String>) -> Self {
        Self::new("channel", resource)
    }

    /// One token.
    pub fn token(token: impl Into<String>) -> Self {
        Self::new("token", token)
    }

    /// The form on the wire, `type:value` (`RSA17b`).
    pub fn target(&self) -> String {
        format!("{}:{}", self.kind, self.value)
    }
}

/// What came of a batch (`BAR1`).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct BatchResult<T> {
    /// How many succeeded (`BAR2a`).
    pub success_count: u64,
    /// How many failed (`BAR2b`).
    pub failure_count: u64,
    /// One result each, in the order of the request (`BAR2c`).
    pub results: Vec<T>,
}

/// What came of one target of a revocation.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(untagged)]
pub enum TokenRevocationResult {
    /// The tokens are, or will be, revoked.
    Success(TokenRevocationSuccessResult),
    /// They are not.
    Failure(TokenRevocationFailureResult),
}

/// A target whose tokens are, or will be, revoked (`TRS1`).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct TokenRevocationSuccessResult {
    /// The target (`TRS2a`).
    pub target: String,
    /// Tokens issued before this are hit; milliseconds since the epoch (`TRS2c`).
    #[serde(deserialize_with = "lenient::required")]
    pub issued_before: i64,
    /// From when on the revocation holds; milliseconds since the epoch (`TRS2b`).
    #[serde(deserialize_with = "lenient::required")]
    pub applies_at: i64,
}

/// A target whose tokens could not be revoked (`TRF1`).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TokenRevocationFailureResult {
    /// The target (`TRF2a`).
    pub target: String,
    /// Why (`TRF2b`).
    pub error: Error,
}

impl<'de> Deserialize<'de> for TokenRevocationResult {
    /// A result is a failure where it has an `error`.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Wire {
            target: String,
            error: Option<Error>,
            #[serde(default, deserialize_with = "lenient::optional")]
            issued_before: Option<i64>,
            #[serde(default, deserialize_with = "lenient::optional")]
            applies_at: Option<i64>,
        }

        let Wire { target, error, issued_before, applies_at } = Wire::deserialize(deserializer)?;
        match (error, issued_before, applies_at) {
            (Some(error), ..) => Ok(Self::Failure(TokenRevocationFailureResult { target, error })),
            (None, Some(issued_before), Some(applies_at)) => {
                Ok(Self::Success(TokenRevocationSuccessResult { target, issued_before, applies_at }))
            }
            _ => Err(D::Error::custom("a result without error needs issuedBefore and appliesAt")),
        }
    }
}

impl<'de> Deserialize<'de> for BatchResult<TokenRevocationResult> {
    /// Either the object (`BAR2`), its counts recounted where absent, or the bare array of results that the
    /// service sends to old protocol versions.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Wire {
            Bare(Vec<TokenRevocationResult>),
            Object { results: Vec<TokenRevocationResult> },
        }

        let (Wire::Bare(results) | Wire::Object { results }) = Wire::deserialize(deserializer)?;
        Ok(results.into_iter().collect())
    }
}

impl FromIterator<TokenRevocationResult> for BatchResult<TokenRevocationResult> {
    fn from_iter<I: IntoIterator<Item = TokenRevocationResult>>(results: I) -> Self {
        let results: Vec<_> = results.into_iter().collect();
        let success_count =
            results.iter().filter(|result| matches!(result, TokenRevocationResult::Success(_))).count() as u64;
        BatchResult { success_count, failure_count: results.len() as u64 - success_count, results }
    }
}
