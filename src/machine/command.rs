//! The arguments of the larger commands.

use alloc::string::String;
use alloc::vec::Vec;

use serde::ser::SerializeMap as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use crate::http::Headers;
use crate::options::{Pairs, Params, params_of};
use crate::wire::wiped::object_of;
use crate::wire::{Error, PROTOCOL_VERSION, Secret, TokenRevocationTargetSpecifier, codes, lenient};

/// An authenticated request to the service (`RSC19f`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct RestRequest {
    /// The method, such as `GET`.
    pub method: String,
    /// The path, such as `/channels/test`, escaped where it needs to be. It may hold a query.
    pub path: String,
    /// Params to add to the query.
    pub params: Params,
    /// Headers to add. An `Authorization` among them is replaced by the client's own (`RSC19b`).
    pub headers: Headers,
    /// A body of JSON.
    pub body: Option<Secret>,
    /// The protocol version to ask for (`RSC19f1`); 6.
    pub version: u32,
}

impl RestRequest {
    /// A request without params, headers or body.
    pub fn new(method: impl Into<String>, path: impl Into<String>) -> Self {
        RestRequest {
            method: method.into(),
            path: path.into(),
            params: Params::new(),
            headers: Headers::new(),
            body: None,
            version: PROTOCOL_VERSION,
        }
    }

    /// The same request with a body of JSON.
    #[must_use]
    pub fn with_body(self, body: impl Into<Secret>) -> Self {
        RestRequest { body: Some(body.into()), ..self }
    }
}

impl Serialize for RestRequest {
    /// What is read, secrets and all. What is taken for granted is left out.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let RestRequest { method, path, params, headers, body, version } = self;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("method", method)?;
        map.serialize_entry("path", path)?;
        if !params.is_empty() {
            map.serialize_entry("params", &Pairs::of(params))?;
        }
        if !headers.is_empty() {
            map.serialize_entry("headers", headers)?;
        }
        if let Some(body) = body {
            map.serialize_entry("body", body)?;
        }
        if *version != PROTOCOL_VERSION {
            map.serialize_entry("version", version)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for RestRequest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error as _;

        #[derive(Deserialize)]
        struct Wire {
            method: String,
            path: String,
            #[serde(default)]
            params: Option<Value>,
            #[serde(default)]
            headers: Option<Headers>,
            #[serde(default)]
            body: Option<Secret>,
            #[serde(default, deserialize_with = "lenient::optional")]
            version: Option<i64>,
        }

        let wire = Wire::deserialize(deserializer)?;
        let params = wire.params.as_ref().map_or(Some(Params::new()), params_of);
        Ok(RestRequest {
            method: wire.method,
            path: wire.path,
            params: params.ok_or_else(|| D::Error::custom("params: expected an object of strings"))?,
            headers: wire.headers.unwrap_or_default(),
            body: wire.body,
            version: match wire.version {
                Some(version) => u32::try_from(version).map_err(|_| D::Error::custom("version: expected a version"))?,
                None => PROTOCOL_VERSION,
            },
        })
    }
}

/// Which tokens to revoke (`RSA17`).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Revocation {
    /// Whom to hit (`RSA17g`); at least one.
    pub targets: Vec<TokenRevocationTargetSpecifier>,
    /// Hit only tokens issued before this; milliseconds since the epoch (`RSA17e`). Absent: now, by the service's clock.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "lenient::optional")]
    pub issued_before: Option<i64>,
    /// Whether live connections get 30 s to authenticate anew (`RSA17f`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow_reauth_margin: Option<bool>,
}

impl Revocation {
    /// A revocation of these targets, from now on, without a margin.
    pub fn new(targets: impl IntoIterator<Item = TokenRevocationTargetSpecifier>) -> Self {
        Revocation { targets: targets.into_iter().collect(), issued_before: None, allow_reauth_margin: None }
    }

    pub(super) fn check(&self) -> Result<(), Error> {
        if self.targets.is_empty() {
            let message = "targets: expected at least one target to revoke the tokens of";
            return Err(Error::configuration(codes::BAD_REQUEST, 400, message));
        }
        Ok(())
    }

    /// The body of the request (`RSA17b`, `RSA17e`, `RSA17f`).
    pub(super) fn body(&self) -> Secret {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Body {
            targets: Vec<Secret>,
            #[serde(skip_serializing_if = "Option::is_none")]
            issued_before: Option<i64>,
            #[serde(skip_serializing_if = "Option::is_none")]
            allow_reauth_margin: Option<bool>,
        }

        let body = Body {
            targets: self.targets.iter().map(|target| target.target().into()).collect(),
            issued_before: self.issued_before,
            allow_reauth_margin: self.allow_reauth_margin,
        };
        object_of(&body, &["targets", "issuedBefore"])
    }
}
