//! Frames of a realtime connection.

use alloc::string::String;
use core::fmt;

use serde::ser::SerializeMap as _;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value};

use super::error::Error;
use super::lenient;
use super::secret::Secret;
use super::wiped::WipedMembers;

/// The actions of protocol messages (`TR2`).
#[allow(missing_docs, reason = "the names are those of the specification")]
pub mod action {
    pub const HEARTBEAT: i64 = 0;
    pub const ACK: i64 = 1;
    pub const NACK: i64 = 2;
    pub const CONNECT: i64 = 3;
    pub const CONNECTED: i64 = 4;
    pub const DISCONNECT: i64 = 5;
    pub const DISCONNECTED: i64 = 6;
    pub const CLOSE: i64 = 7;
    pub const CLOSED: i64 = 8;
    pub const ERROR: i64 = 9;
    pub const ATTACH: i64 = 10;
    pub const ATTACHED: i64 = 11;
    pub const DETACH: i64 = 12;
    pub const DETACHED: i64 = 13;
    pub const PRESENCE: i64 = 14;
    pub const MESSAGE: i64 = 15;
    pub const AUTH: i64 = 17;
}

/// One frame of a realtime connection (`TR1`), with every member it came with, known or not (`RSF1`).
///
/// `Debug` shows the action and the channel: members may hold a token or a connection key, and are wiped on drop.
#[derive(Clone, PartialEq, Eq, Hash, Deserialize)]
#[serde(transparent)]
pub struct ProtocolMessage {
    members: WipedMembers,
    /// Of an AUTH message of ours; apart, so that it is wiped.
    #[serde(skip)]
    access_token: Option<Secret>,
}

impl ProtocolMessage {
    /// A message that has an action and nothing else.
    pub fn new(action: i64) -> Self {
        let mut members = Map::new();
        members.insert("action".into(), action.into());
        ProtocolMessage::from_members(members)
    }

    /// An AUTH message with a token (`RTC8a`).
    pub fn auth(access_token: Secret) -> Self {
        ProtocolMessage { access_token: Some(access_token), ..Self::new(action::AUTH) }
    }

    /// From a JSON object.
    pub fn from_members(members: Map<String, Value>) -> Self {
        ProtocolMessage { members: members.into(), access_token: None }
    }

    /// The action, or -1 where there is none (`TR4b`).
    pub fn action(&self) -> i64 {
        self.members.get("action").and_then(lenient::integer).unwrap_or(-1)
    }

    /// Any member.
    pub fn member(&self, name: &str) -> Option<&Value> {
        self.members.get(name).filter(|value| !value.is_null())
    }

    /// The members it came with, without those that are `null`.
    pub fn members(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.members.iter().filter(|(_, value)| !value.is_null()).map(|(name, value)| (name.as_str(), value))
    }

    /// A member that is a string.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.member(name)?.as_str()
    }

    /// The token of an AUTH message of ours.
    #[cfg(feature = "testkit")]
    pub(crate) fn access_token(&self) -> Option<&Secret> {
        self.access_token.as_ref()
    }

    /// The channel it concerns, if any (`TR4c`). An empty one is none.
    pub fn channel(&self) -> Option<&str> {
        self.text("channel").filter(|channel| !channel.is_empty())
    }

    /// The error it reports (`TR4e`).
    pub fn error(&self) -> Option<Error> {
        self.member("error").and_then(|error| Error::deserialize(error).ok())
    }

    /// The details of a CONNECTED message (`TR4o`).
    pub fn connection_details(&self) -> Option<ConnectionDetails> {
        self.member("connectionDetails").and_then(|details| ConnectionDetails::deserialize(details).ok())
    }
}

impl Serialize for ProtocolMessage {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct AuthDetails<'a> {
            access_token: &'a Secret,
        }

        let mut map = serializer.serialize_map(None)?;
        for (name, value) in self.members.iter() {
            map.serialize_entry(name, value)?;
        }
        if let Some(access_token) = &self.access_token {
            map.serialize_entry("auth", &AuthDetails { access_token })?;
        }
        map.end()
    }
}

impl fmt::Debug for ProtocolMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProtocolMessage")
            .field("action", &self.action())
            .field("channel", &self.channel())
            .finish_non_exhaustive()
    }
}

/// What a CONNECTED message says about the connection, as far as auth needs it (`CD2`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ConnectionDetails {
    /// The client id the service assigned; `*` for any (`CD2a`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// The key to resume the connection with (`CD2b`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection_key: Option<Secret>,
    /// How long the service keeps a lost connection, in milliseconds (`CD2f`).
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "lenient::optional")]
    pub connection_state_ttl: Option<i64>,
    /// How long the service is silent at most, in milliseconds; 0 for as long as it likes (`CD2h`).
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "lenient::optional")]
    pub max_idle_interval: Option<i64>,
}
