//! The options that concern authentication alone.

use alloc::string::String;
use alloc::vec::Vec;
use core::str::FromStr;

use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::json::{self, Members, Pairs};
use super::key::ApiKey;
use crate::http::{Headers, Url, is_token, sendable_value};
use crate::wire::{Error, Secret, TokenDetails, TokenRequest};

/// The name of the callback where the option `authCallback` is just `true`.
pub const DEFAULT_CALLBACK: &str = "default";

/// Names and values to add to an authUrl request; values are secrets.
pub type Params = Vec<(String, Secret)>;

/// How the client authenticates (`RSA2`, `RSA3`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum AuthScheme {
    /// With the API key itself.
    Basic,
    /// With a token.
    Token,
}

/// The method of requests to an authUrl (`TO3j7`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum AuthMethod {
    /// Params go into the query.
    #[default]
    Get,
    /// Params go, form-encoded, into the body.
    Post,
}

impl FromStr for AuthMethod {
    type Err = Error;

    /// `GET` or `POST` in any case.
    ///
    /// # Errors
    ///
    /// 40000/400 for anything else.
    fn from_str(text: &str) -> Result<Self, Error> {
        if text.eq_ignore_ascii_case("get") {
            Ok(Self::Get)
        } else if text.eq_ignore_ascii_case("post") {
            Ok(Self::Post)
        } else {
            Err(json::wrong("authMethod", "\"GET\" or \"POST\""))
        }
    }
}

/// A token given as an option (`TO3j2`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum TokenOption {
    /// A token, of which perhaps only the text is known.
    Details(TokenDetails),
    /// A signed request, exchanged for a token when one is first needed.
    Request(TokenRequest),
}

impl TokenOption {
    /// From a token string, a `TokenDetails` or a `TokenRequest` object: with `token` it is the former.
    ///
    /// # Errors
    ///
    /// 40000/400 where it is none of these, or the token is empty or cannot be sent in a header.
    pub fn from_json(value: &Value) -> Result<Self, Error> {
        let option = match value {
            Value::String(token) => Self::Details(TokenDetails::new(token.as_str())),
            Value::Object(object) if object.contains_key("token") => {
                Self::Details(TokenDetails::from_json(value).map_err(|error| json::in_option("token", &error))?)
            }
            Value::Object(_) => {
                Self::Request(TokenRequest::from_json(value).map_err(|error| json::in_option("token", &error))?)
            }
            _ => return Err(json::wrong("token", "a string, a TokenDetails or a TokenRequest")),
        };
        Ok(option)
    }
}

impl Serialize for TokenOption {
    /// A token of which only the text is known is that text.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Details(details) if *details == TokenDetails::new(details.token.clone()) => {
                details.token.serialize(serializer)
            }
            Self::Details(details) => details.serialize(serializer),
            Self::Request(request) => request.serialize(serializer),
        }
    }
}

/// The options that say how to authenticate (`AO2`). The default says nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct AuthOptions {
    /// An API key (`AO2a`).
    pub key: Option<ApiKey>,
    /// A token to use as it is, or a signed request for one (`AO2h`).
    pub token: Option<TokenOption>,
    /// The name of the callback to ask for tokens (`AO2b`); the environment knows what is behind the name.
    pub auth_callback: Option<String>,
    /// The URL to ask for tokens (`AO2c`).
    pub auth_url: Option<Url>,
    /// How to ask it (`AO2d`).
    pub auth_method: AuthMethod,
    /// Headers for it (`AO2e`).
    pub auth_headers: Headers,
    /// Params for it (`AO2f`).
    pub auth_params: Params,
    /// Whether to ask the service for the time before signing (`AO2g`).
    pub query_time: Option<bool>,
    /// Whether to use token auth; absent: where anything but a key is given (`RSA4`).
    pub use_token_auth: Option<bool>,
}

impl AuthOptions {
    /// Authenticate with a key.
    ///
    /// # Errors
    ///
    /// 40101/403 where name or secret are missing.
    pub fn with_key(key: &str) -> Result<Self, Error> {
        Ok(AuthOptions { key: Some(key.parse()?), ..Self::default() })
    }

    /// Ask a callback of the environment for tokens.
    pub fn with_callback(name: impl Into<String>) -> Self {
        AuthOptions { auth_callback: Some(name.into()), ..Self::default() }
    }

    /// Ask a URL for tokens.
    ///
    /// # Errors
    ///
    /// 40000/400 where it is not an absolute http or https URL.
    pub fn with_url(url: &str) -> Result<Self, Error> {
        Ok(AuthOptions { auth_url: Some(auth_url(url)?), ..Self::default() })
    }

    /// Use a token as it is.
    pub fn with_token(token: impl Into<TokenDetails>) -> Self {
        AuthOptions { token: Some(TokenOption::Details(token.into())), ..Self::default() }
    }

    /// From a JSON object (`AO2`); `null` members are absent.
    ///
    /// # Errors
    ///
    /// 40000/400 for an option that is unknown (`invalid option NAME`) or of a wrong type, 40101/403 for a bad key.
    pub fn from_json(json: &Value) -> Result<Self, Error> {
        let object = json.as_object().ok_or_else(|| json::wrong("authOptions", "an object"))?;
        let mut members = Members::new(object);
        let options = Self::take_from(&mut members, |error| error)?;
        members.finish()?;
        options.check()?;
        Ok(options)
    }

    /// Takes the auth options out of an object that may hold more.
    pub(super) fn take_from(members: &mut Members<'_>, key_error: fn(Error) -> Error) -> Result<Self, Error> {
        let key = members.take_text("key")?.map(|key| key.parse().map_err(key_error)).transpose()?;
        let token = members.take("token").map(TokenOption::from_json).transpose()?;
        let token_details = members
            .take("tokenDetails")
            .map(|value| TokenDetails::from_json(value).map_err(|error| json::in_option("tokenDetails", &error)))
            .transpose()?;
        Ok(AuthOptions {
            key,
            token: token_details.map(TokenOption::Details).or(token),
            auth_callback: members.take("authCallback").map(callback_name).transpose()?.flatten(),
            auth_url: members.take_text("authUrl")?.map(auth_url).transpose()?,
            auth_method: members.take_text("authMethod")?.map(str::parse).transpose()?.unwrap_or_default(),
            auth_headers: members.take_params("authHeaders")?.into_iter().flatten().collect(),
            auth_params: members.take_params("authParams")?.unwrap_or_default(),
            query_time: members.take_bool("queryTime")?,
            use_token_auth: members.take_bool("useTokenAuth")?,
        })
    }

    /// Writes the members that are there. Reading them gives the same options.
    pub(super) fn write_to<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        let AuthOptions {
            key,
            token,
            auth_callback,
            auth_url,
            auth_method,
            auth_headers,
            auth_params,
            query_time,
            use_token_auth,
        } = self;
        json::put(map, "key", &key.as_ref().map(ApiKey::expose), &None)?;
        json::put(map, "token", token, &None)?;
        json::put(map, "authCallback", auth_callback, &None)?;
        json::put(map, "authUrl", &auth_url.as_ref().map(Url::to_secret), &None)?;
        json::put(map, "authMethod", auth_method, &AuthMethod::default())?;
        json::put(map, "authHeaders", &Pairs(auth_headers.iter().collect()), &Pairs(Vec::new()))?;
        json::put(map, "authParams", &Pairs::of(auth_params), &Pairs(Vec::new()))?;
        json::put(map, "queryTime", query_time, &None)?;
        json::put(map, "useTokenAuth", use_token_auth, &None)
    }

    /// What the types of the members cannot say.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if let Some(TokenOption::Details(details)) = &self.token {
            let token = details.token.expose();
            if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
                return Err(json::wrong("token", "a non-empty string of visible ASCII characters"));
            }
        }
        if self.auth_callback.as_deref() == Some("") {
            return Err(json::wrong("authCallback", "the name of a callback, or true"));
        }
        check_headers("authHeaders", &self.auth_headers)
    }

    /// Whether there is a way to get tokens, again and again (`RSA4a`).
    pub(crate) fn can_renew(&self) -> bool {
        self.auth_callback.is_some() || self.auth_url.is_some() || self.key.is_some()
    }
}

impl From<&str> for TokenDetails {
    fn from(token: &str) -> Self {
        TokenDetails::new(token)
    }
}

impl Serialize for AuthOptions {
    /// What [`AuthOptions::from_json`] reads, secrets and all.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        self.write_to(&mut map)?;
        map.end()
    }
}

impl<'de> Deserialize<'de> for AuthOptions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_json(&Value::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// That an HTTP client can send the headers.
pub(crate) fn check_headers(option: &str, headers: &Headers) -> Result<(), Error> {
    match headers.iter().find(|(name, value)| !is_token(name) || !sendable_value(value)) {
        Some(_) => Err(json::wrong(option, "names and values that can be sent as HTTP headers")),
        None => Ok(()),
    }
}

fn callback_name(value: &Value) -> Result<Option<String>, Error> {
    match value {
        Value::Bool(true) => Ok(Some(DEFAULT_CALLBACK.into())),
        Value::Bool(false) => Ok(None),
        Value::String(name) => Ok(Some(name.clone())),
        _ => Err(json::wrong("authCallback", "the name of a callback, or true")),
    }
}

fn auth_url(text: &str) -> Result<Url, Error> {
    Url::parse(text).ok_or_else(|| json::wrong("authUrl", "an absolute http or https URL"))
}
