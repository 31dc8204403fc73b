//! Tokens, what one asks for, and the signed request for one.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::capability::Capability;
use super::error::{Error, ErrorKind, codes};
use super::lenient;
use super::secret::Secret;

/// The longest token, or JSON form of one, that is accepted from a callback or an authUrl: 128 KiB (`RSA4f`).
pub const MAX_TOKEN_LENGTH: usize = 131_072;

/// A token and what is known about it (`TD1`).
///
/// Of a token that came as a bare string only `token` is known (`RSA16b`). All times are milliseconds since
/// the epoch, by the server's clock, and untrusted.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct TokenDetails {
    /// The token itself (`TD2`).
    pub token: Secret,
    /// When it expires (`TD3`).
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "lenient::optional")]
    pub expires: Option<i64>,
    /// When it was issued (`TD4`).
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "lenient::optional")]
    pub issued: Option<i64>,
    /// Its capability, as JSON text exactly as received (`TD5`); parse it as a [`Capability`] to look inside.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "lenient::json_text")]
    pub capability: Option<String>,
    /// The client id it is bound to; `*` for any, absent for none (`TD6`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// The name of the key that issued it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_name: Option<String>,
}

impl TokenDetails {
    /// A token of which nothing but its text is known (`RSA16b`).
    pub fn new(token: impl Into<Secret>) -> Self {
        TokenDetails {
            token: token.into(),
            expires: None,
            issued: None,
            capability: None,
            client_id: None,
            key_name: None,
        }
    }

    /// From a JSON object, or from a string that holds one (`TD7`).
    ///
    /// # Errors
    ///
    /// 40000/400 where it is no such object or a member has the wrong type.
    pub fn from_json(json: &Value) -> Result<Self, Error> {
        from_json(json, "TokenDetails")
    }

    /// Whether the token is bound to another client id than this one (`RSA15a`, `RSA15b`).
    pub(crate) fn contradicts(&self, client_id: Option<&str>) -> bool {
        client_ids_differ(client_id, self.client_id.as_deref())
    }
}

/// Whether the id of the options and one that the server assigned cannot both hold (`RSA15a`, `RSA15b`).
pub(crate) fn client_ids_differ(ours: Option<&str>, assigned: Option<&str>) -> bool {
    match (ours, assigned) {
        (Some(ours), Some(assigned)) => assigned != "*" && assigned != ours,
        _ => false,
    }
}

/// A signed request for a token, to be exchanged for one at `/keys/{keyName}/requestToken` (`TE1`).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct TokenRequest {
    /// The name of the key that signed it (`TE2`).
    pub key_name: String,
    /// How long the token shall live, in milliseconds (`TE4`); absent: the service decides (60 minutes).
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "lenient::optional")]
    pub ttl: Option<i64>,
    /// The capability as JSON text (`TE3`); absent: all that the key has.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "lenient::json_text")]
    pub capability: Option<String>,
    /// The client id the token shall be bound to (`TE2`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// When the request was made, in milliseconds since the epoch (`TE5`).
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "lenient::optional")]
    pub timestamp: Option<i64>,
    /// What makes it unique (`TE2`, `RSA9c`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
    /// The signature (`TE2`, `RSA9g`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mac: Option<Secret>,
}

/// Whether it can be the name of a key. That is a segment of a path of its own, which `.` and `..` cannot be: every
/// reader of a URL takes them away, however they are escaped.
pub(crate) fn is_key_name(name: &str) -> bool {
    !matches!(name, "" | "." | "..")
}

impl TokenRequest {
    /// A request that holds a key's name and nothing else.
    pub fn new(key_name: impl Into<String>) -> Self {
        TokenRequest {
            key_name: key_name.into(),
            ttl: None,
            capability: None,
            client_id: None,
            timestamp: None,
            nonce: None,
            mac: None,
        }
    }

    /// From a JSON object, or from a string that holds one (`TE6`).
    ///
    /// # Errors
    ///
    /// 40000/400 where it is no such object or a member has the wrong type.
    pub fn from_json(json: &Value) -> Result<Self, Error> {
        from_json(json, "TokenRequest")
    }
}

fn from_json<'de, T: Deserialize<'de>>(json: &'de Value, what: &str) -> Result<T, Error> {
    let result = match json {
        Value::String(text) => serde_json::from_str(text),
        object => T::deserialize(object),
    };
    // The cause is left out: serde quotes the offending value, which may be the token.
    result.map_err(|_| {
        let message = format!("{what}: a member is missing or has the wrong type; see the documentation of {what}");
        Error::new(ErrorKind::Malformed, codes::BAD_REQUEST, 400, message)
    })
}

/// What one asks for in a token (`TK1`). All members are optional.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TokenParams {
    /// How long the token shall live, in milliseconds (`TK2a`, `RSA5`); absent: the service decides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ttl: Option<i64>,
    /// What the token shall allow (`TK2b`, `RSA6`); absent: all that the key has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capability: Option<Capability>,
    /// The client id the token shall be bound to (`TK2c`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// The time to sign with, in milliseconds since the epoch (`TK2d`); never stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<i64>,
    /// The nonce to sign with (`TK2d`, `RSA9c`); never stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
}

impl TokenParams {
    /// From a JSON object; `null`, and an empty capability, are absent; unknown members are ignored.
    ///
    /// # Errors
    ///
    /// 40003/400 for a ttl that is no positive integer, 40012/400 for a client id that is no non-empty
    /// string, 40000/400 for anything else of a wrong type.
    pub fn from_json(json: &Value) -> Result<Self, Error> {
        let object = json.as_object().ok_or_else(|| bad_request("tokenParams: expected an object"))?;
        let member = |name: &str| object.get(name).filter(|value| !value.is_null());

        let params = TokenParams {
            ttl: member("ttl").map(|value| lenient::integer(value).ok_or_else(invalid_ttl)).transpose()?,
            capability: member("capability")
                .filter(|value| value.as_str() != Some(""))
                .map(Capability::from_json)
                .transpose()?,
            client_id: member("clientId")
                .map(|value| value.as_str().map(String::from).ok_or_else(invalid_client_id))
                .transpose()?,
            timestamp: member("timestamp")
                .map(|value| {
                    let message = "tokenParams.timestamp: expected milliseconds since the epoch, an integer";
                    lenient::integer(value).ok_or_else(|| bad_request(message))
                })
                .transpose()?,
            nonce: member("nonce")
                .map(|value| {
                    let nonce = value.as_str().map(String::from);
                    nonce.ok_or_else(|| bad_request("tokenParams.nonce: expected a string"))
                })
                .transpose()?,
        };
        params.check()?;
        Ok(params)
    }

    /// What no type can say: a positive ttl, a client id that is not empty.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.ttl.is_some_and(|ttl| ttl <= 0) {
            return Err(invalid_ttl());
        }
        if self.client_id.as_deref() == Some("") {
            return Err(invalid_client_id());
        }
        Ok(())
    }

    /// The params by the names an authUrl gets them under; absent ones are left out (`RSA8c1`).
    pub fn to_query(&self) -> Vec<(&'static str, String)> {
        let number = |number: i64| number.to_string();
        let members = [
            ("ttl", self.ttl.map(number)),
            ("capability", self.capability.as_ref().map(Capability::to_string)),
            ("clientId", self.client_id.clone()),
            ("timestamp", self.timestamp.map(number)),
            ("nonce", self.nonce.clone()),
        ];
        members.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }
}

fn bad_request(message: &str) -> Error {
    Error::configuration(codes::BAD_REQUEST, 400, message)
}

fn invalid_ttl() -> Error {
    Error::configuration(
        codes::INVALID_TTL,
        400,
        "tokenParams.ttl: expected a positive number of milliseconds, an integer",
    )
}

fn invalid_client_id() -> Error {
    Error::configuration(
        codes::INVALID_CLIENT_ID,
        400,
        "tokenParams.clientId: expected a non-empty string; leave it out for none",
    )
}

impl<'de> Deserialize<'de> for TokenParams {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_json(&Value::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}
