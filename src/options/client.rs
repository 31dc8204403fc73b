//! The options of a whole client.

use alloc::borrow::{Cow, ToOwned};
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use serde::ser::SerializeMap as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use super::auth::{AuthOptions, AuthScheme, Params, TokenOption};
use super::endpoint::{self, Endpoint};
use super::json::{self, Members, Pairs};
use super::key::invalid_client_key;
use crate::wire::{Error, Secret, TokenDetails, TokenParams, codes};

/// The options of a client (`TO3`). The default has Ably's defaults, and no way to authenticate.
///
/// All durations are milliseconds.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct ClientOptions {
    /// How to authenticate (`TO3j`).
    pub auth: AuthOptions,
    /// Who the client is (`TO3a`, `RSA7c`).
    pub client_id: Option<String>,
    /// What tokens to ask for (`TO3j11`).
    pub default_token_params: TokenParams,
    /// Whether to use https and wss; true by default (`TO3d`).
    pub tls: bool,
    /// Where the service is (`TO3k8`).
    pub endpoint: Endpoint,
    /// The port without TLS; by default 80 (`TO3k4`).
    pub port: Option<u16>,
    /// The port with TLS; by default 443 (`TO3k5`).
    pub tls_port: Option<u16>,
    /// Hosts to fall back to in place of those of the endpoint; empty: none (`TO3k6`).
    pub fallback_hosts: Option<Vec<String>>,
    /// For opening a connection; 4,000 (`TO3l3`).
    pub http_open_timeout: u32,
    /// For one HTTP request and its response; 10,000 (`TO3l4`).
    pub http_request_timeout: u32,
    /// How many fallback hosts to try; 3 (`TO3l5`).
    pub http_max_retry_count: u32,
    /// How long to go on with fallback hosts; 15,000 (`TO3l6`).
    pub http_max_retry_duration: u32,
    /// How long a fallback host that worked is used first; 600,000 (`TO3l10`).
    pub fallback_retry_timeout: u32,
    /// For a callback, an authUrl, an answer on a connection; 10,000 (`TO3l11`).
    pub realtime_request_timeout: u32,
    /// Between attempts to connect; 15,000 (`TO3l1`).
    pub disconnected_retry_timeout: u32,
    /// Between attempts to connect once suspended; 30,000 (`TO3l2`).
    pub suspended_retry_timeout: u32,
    /// Whether to connect without being told; false in the core, true in adapters (`TO3e`).
    pub auto_connect: Option<bool>,
    /// Whether the service sends a connection its own messages; true (`TO3h`).
    pub echo_messages: bool,
    /// Whether the environment sees the pings of a socket, so that no heartbeats are asked for; true (`RTN23b`).
    pub pings_visible: bool,
    /// Params for the connect URL that override the client's own (`RTC1f1`).
    pub transport_params: Params,
    /// A recovery key of an earlier connection (`TO3i`).
    pub recover: Option<Secret>,
    /// What to ask whether the internet is there (`REC3b`); by default a URL of Ably's (`REC3a`).
    pub connectivity_check_url: Option<String>,
    /// Whether each request gets a `request_id` (`TO3p`, `RSC7c`); false.
    pub add_request_ids: bool,
    /// Names and versions to add to the agent header; for SDKs that build on this crate (`RSC7d6`).
    pub agents: BTreeMap<String, Option<String>>,
    /// When tokens are renewed.
    pub renewal: RenewalMode,
}

/// When tokens are renewed. The wire form is `{"mode": "onDemand"}`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RenewalMode {
    /// Once they are rejected, or known to have expired when they are needed (`RSA4b`).
    #[default]
    OnDemand,
}

/// What the internet is asked for unless options say otherwise (`REC3a`).
const CONNECTIVITY_CHECK_URL: &str = "https://internet-up.ably-realtime.com/is-the-internet-up.txt";

impl Default for ClientOptions {
    fn default() -> Self {
        ClientOptions {
            auth: AuthOptions::default(),
            client_id: None,
            default_token_params: TokenParams::default(),
            tls: true,
            endpoint: Endpoint::Main,
            port: None,
            tls_port: None,
            fallback_hosts: None,
            http_open_timeout: 4_000,
            http_request_timeout: 10_000,
            http_max_retry_count: 3,
            http_max_retry_duration: 15_000,
            fallback_retry_timeout: 600_000,
            realtime_request_timeout: 10_000,
            disconnected_retry_timeout: 15_000,
            suspended_retry_timeout: 30_000,
            auto_connect: None,
            echo_messages: true,
            pings_visible: true,
            transport_params: Vec::new(),
            recover: None,
            connectivity_check_url: None,
            add_request_ids: false,
            agents: BTreeMap::new(),
            renewal: RenewalMode::OnDemand,
        }
    }
}

impl ClientOptions {
    /// From one string: an API key where it has a colon, else a token (`RSC1a`).
    ///
    /// # Errors
    ///
    /// 40400/404 for a bad key, 40000/400 for a bad token.
    pub fn new(key_or_token: &str) -> Result<Self, Error> {
        let auth = if key_or_token.contains(':') {
            AuthOptions::with_key(key_or_token).map_err(|error| invalid_client_key(&error))?
        } else {
            AuthOptions::with_token(TokenDetails::new(key_or_token))
        };
        auth.check()?;
        Ok(Self::with_auth(auth))
    }

    /// Ably's defaults with these auth options.
    pub fn with_auth(auth: AuthOptions) -> Self {
        ClientOptions { auth, ..Self::default() }
    }

    /// From a JSON object, or a string as in [`ClientOptions::new`]; `null` members are absent.
    ///
    /// # Errors
    ///
    /// 40000/400 for an option that is unknown or not offered (`invalid option NAME`) or of a wrong type,
    /// 40400/404 for a bad key, and those of [`TokenParams::from_json`].
    pub fn from_json(json: &Value) -> Result<Self, Error> {
        match json {
            Value::String(key_or_token) => Self::new(key_or_token),
            Value::Object(object) => Self::from_object(object),
            _ => Err(json::wrong("options", "an object, or a string that is a key or a token")),
        }
    }

    fn from_object(object: &Map<String, Value>) -> Result<Self, Error> {
        let mut members = Members::new(object);
        let default = Self::default();
        let options = ClientOptions {
            auth: AuthOptions::take_from(&mut members, |error| invalid_client_key(&error))?,
            client_id: take_client_id(&mut members)?,
            default_token_params: members
                .take("defaultTokenParams")
                .map(TokenParams::from_json)
                .transpose()?
                .unwrap_or_default(),
            tls: members.take_bool("tls")?.unwrap_or(default.tls),
            endpoint: members.take_text("endpoint")?.map(str::parse).transpose()?.unwrap_or_default(),
            port: members.take_number("port")?,
            tls_port: members.take_number("tlsPort")?,
            fallback_hosts: members.take_texts("fallbackHosts")?.map(fallback_hosts).transpose()?,
            http_open_timeout: members.take_number("httpOpenTimeout")?.unwrap_or(default.http_open_timeout),
            http_request_timeout: members.take_number("httpRequestTimeout")?.unwrap_or(default.http_request_timeout),
            http_max_retry_count: members.take_number("httpMaxRetryCount")?.unwrap_or(default.http_max_retry_count),
            http_max_retry_duration: members
                .take_number("httpMaxRetryDuration")?
                .unwrap_or(default.http_max_retry_duration),
            fallback_retry_timeout: members
                .take_number("fallbackRetryTimeout")?
                .unwrap_or(default.fallback_retry_timeout),
            realtime_request_timeout: members
                .take_number("realtimeRequestTimeout")?
                .unwrap_or(default.realtime_request_timeout),
            disconnected_retry_timeout: members
                .take_number("disconnectedRetryTimeout")?
                .unwrap_or(default.disconnected_retry_timeout),
            suspended_retry_timeout: members
                .take_number("suspendedRetryTimeout")?
                .unwrap_or(default.suspended_retry_timeout),
            auto_connect: members.take_bool("autoConnect")?,
            echo_messages: members.take_bool("echoMessages")?.unwrap_or(default.echo_messages),
            pings_visible: members.take_bool("pingsVisible")?.unwrap_or(default.pings_visible),
            transport_params: members.take_params("transportParams")?.unwrap_or_default(),
            recover: members.take_text("recover")?.map(Secret::from),
            connectivity_check_url: members.take_text("connectivityCheckUrl")?.map(ToOwned::to_owned),
            add_request_ids: members.take_bool("addRequestIds")?.unwrap_or(default.add_request_ids),
            agents: members.take_object("agents")?.map(agents).transpose()?.unwrap_or_default(),
            renewal: members.take_object("renewal")?.map(renewal).transpose()?.unwrap_or_default(),
        };
        members.finish()?;
        Ok(options)
    }

    /// The scheme these options ask for (`RSA4`).
    pub fn auth_scheme(&self) -> AuthScheme {
        let AuthOptions { key, token, auth_callback, auth_url, use_token_auth, .. } = &self.auth;
        let token_is_at_hand = token.is_some() || auth_callback.is_some() || auth_url.is_some();
        match use_token_auth {
            Some(true) => AuthScheme::Token,
            Some(false) => AuthScheme::Basic,
            None if token_is_at_hand || key.is_none() => AuthScheme::Token,
            None => AuthScheme::Basic,
        }
    }

    /// The fallback domains, in the order given (`REC2`).
    pub fn fallback_domains(&self) -> Vec<String> {
        match &self.fallback_hosts {
            Some(hosts) => hosts.clone(),
            None => self.endpoint.fallback_domains(),
        }
    }

    /// What to ask whether the internet is there (`REC3`).
    pub fn connectivity_check_url(&self) -> &str {
        self.connectivity_check_url.as_deref().unwrap_or(CONNECTIVITY_CHECK_URL)
    }

    /// The agent identifier, with the agents of these options (`RSC7d`, `RSC7d6`).
    pub fn agent(&self) -> Cow<'static, str> {
        const AGENT: &str = concat!("ably-auth/", env!("CARGO_PKG_VERSION"), " rust");

        if self.agents.is_empty() {
            return AGENT.into();
        }
        let agents = self.agents.iter().map(|(name, version)| match version {
            Some(version) => format!(" {name}/{version}"),
            None => format!(" {name}"),
        });
        (String::from(AGENT) + &agents.collect::<String>()).into()
    }

    /// What can only be judged from several options together.
    ///
    /// # Errors
    ///
    /// 40106/401 with no usable way to authenticate (`RSC1b`, `RSA14`), 40103/401 for a key over plain http
    /// (`RSC18`), 40012/400 for a bad client id (`RSA7c`), 40102/401 for one that the token contradicts
    /// (`RSA15a`), 40000/400 for defaults that may not be defaults (`TK2d`).
    pub fn check(&self) -> Result<(), Error> {
        self.auth.check()?;
        self.default_token_params.check()?;
        if matches!(self.client_id.as_deref(), Some("" | "*")) {
            return Err(invalid_client_id());
        }
        if self.default_token_params.timestamp.is_some() || self.default_token_params.nonce.is_some() {
            return Err(json::wrong(
                "defaultTokenParams",
                "neither timestamp nor nonce: they are for one request only",
            ));
        }
        match (self.auth_scheme(), &self.auth) {
            (AuthScheme::Basic, AuthOptions { key: None, .. }) => Err(no_auth_method()),
            (AuthScheme::Basic, _) if !self.tls => Err(basic_over_plain_http()),
            (AuthScheme::Token, auth) if auth.token.is_none() && !auth.can_renew() => Err(no_auth_method()),
            (AuthScheme::Token, AuthOptions { token: Some(TokenOption::Details(details)), .. })
                if details.contradicts(self.client_id.as_deref()) =>
            {
                Err(incompatible_client_id())
            }
            _ => Ok(()),
        }
    }
}

impl Serialize for ClientOptions {
    /// What [`ClientOptions::from_json`] reads, secrets and all. Defaults are left out.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let ClientOptions {
            auth,
            client_id,
            default_token_params,
            tls,
            endpoint,
            port,
            tls_port,
            fallback_hosts,
            http_open_timeout,
            http_request_timeout,
            http_max_retry_count,
            http_max_retry_duration,
            fallback_retry_timeout,
            realtime_request_timeout,
            disconnected_retry_timeout,
            suspended_retry_timeout,
            auto_connect,
            echo_messages,
            pings_visible,
            transport_params,
            recover,
            connectivity_check_url,
            add_request_ids,
            agents,
            renewal: RenewalMode::OnDemand,
        } = self;
        let default = Self::default();
        let mut map = serializer.serialize_map(None)?;
        let out = &mut map;
        auth.write_to(out)?;
        json::put(out, "clientId", client_id, &None)?;
        json::put(out, "defaultTokenParams", default_token_params, &default.default_token_params)?;
        json::put(out, "tls", tls, &default.tls)?;
        json::put(out, "endpoint", endpoint, &default.endpoint)?;
        json::put(out, "port", port, &None)?;
        json::put(out, "tlsPort", tls_port, &None)?;
        json::put(out, "fallbackHosts", fallback_hosts, &None)?;
        json::put(out, "httpOpenTimeout", http_open_timeout, &default.http_open_timeout)?;
        json::put(out, "httpRequestTimeout", http_request_timeout, &default.http_request_timeout)?;
        json::put(out, "httpMaxRetryCount", http_max_retry_count, &default.http_max_retry_count)?;
        json::put(out, "httpMaxRetryDuration", http_max_retry_duration, &default.http_max_retry_duration)?;
        json::put(out, "fallbackRetryTimeout", fallback_retry_timeout, &default.fallback_retry_timeout)?;
        json::put(out, "realtimeRequestTimeout", realtime_request_timeout, &default.realtime_request_timeout)?;
        json::put(out, "disconnectedRetryTimeout", disconnected_retry_timeout, &default.disconnected_retry_timeout)?;
        json::put(out, "suspendedRetryTimeout", suspended_retry_timeout, &default.suspended_retry_timeout)?;
        json::put(out, "autoConnect", auto_connect, &None)?;
        json::put(out, "echoMessages", echo_messages, &default.echo_messages)?;
        json::put(out, "pingsVisible", pings_visible, &default.pings_visible)?;
        json::put(out, "transportParams", &Pairs::of(transport_params), &Pairs(Vec::new()))?;
        json::put(out, "recover", recover, &None)?;
        json::put(out, "connectivityCheckUrl", connectivity_check_url, &None)?;
        json::put(out, "addRequestIds", add_request_ids, &default.add_request_ids)?;
        json::put(out, "agents", agents, &default.agents)?;
        map.end()
    }
}

impl<'de> Deserialize<'de> for ClientOptions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_json(&Value::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

pub(crate) fn no_auth_method() -> Error {
    Error::configuration(
        codes::NO_AUTH_METHOD,
        401,
        "no way to authenticate: give a key, a token, an authUrl or an authCallback",
    )
}

pub(crate) fn basic_over_plain_http() -> Error {
    Error::configuration(
        codes::BASIC_AUTH_OVER_PLAIN_HTTP,
        401,
        "basic auth would send the key over plain http, without TLS: leave tls on, or use token auth",
    )
}

pub(crate) fn incompatible_client_id() -> Error {
    Error::new(
        crate::wire::ErrorKind::Rejected,
        codes::INCOMPATIBLE_CREDENTIALS,
        401,
        "the clientId of the token or connection is a mismatch with the clientId of the client options",
    )
}

fn invalid_client_id() -> Error {
    Error::configuration(
        codes::INVALID_CLIENT_ID,
        400,
        "clientId: expected a non-empty string other than \"*\"; for any client id ask for it in defaultTokenParams",
    )
}

fn take_client_id(members: &mut Members<'_>) -> Result<Option<String>, Error> {
    members.take("clientId").map(|value| value.as_str().map(String::from).ok_or_else(invalid_client_id)).transpose()
}

fn fallback_hosts(hosts: Vec<&str>) -> Result<Vec<String>, Error> {
    hosts.into_iter().map(|host| endpoint::host(host, "fallbackHosts")).collect()
}

fn agents(object: &Map<String, Value>) -> Result<BTreeMap<String, Option<String>>, Error> {
    let is_agent = |text: &str| crate::http::is_token(text);
    object
        .iter()
        .map(|(name, version)| match version {
            Value::Null => Some((name.clone(), None)),
            Value::String(version) if is_agent(version) => Some((name.clone(), Some(version.clone()))),
            _ => None,
        })
        .map(|agent| agent.filter(|(name, _)| is_agent(name)))
        .collect::<Option<_>>()
        .ok_or_else(|| json::wrong("agents", "an object of names and versions without spaces"))
}

fn renewal(object: &Map<String, Value>) -> Result<RenewalMode, Error> {
    let mut members = Members::new(object);
    match members.take_text("mode")? {
        None | Some("onDemand") => {}
        Some("proactive") => return Err(json::invalid_option("renewal.mode proactive: it is not offered yet")),
        Some(_) => return Err(json::wrong("renewal.mode", "\"onDemand\"")),
    }
    if members.take("spread").is_some() {
        return Err(json::invalid_option("renewal.spread: it is not offered yet"));
    }
    members.finish().map(|()| RenewalMode::OnDemand)
}
