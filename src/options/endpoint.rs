//! Which hosts serve the client.

use alloc::borrow::{Cow, ToOwned};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::net::Ipv6Addr;
use core::str::FromStr;

use serde::{Serialize, Serializer};

use crate::wire::{Error, codes};

/// Where the service is reached (`REC1`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Endpoint {
    /// The production service: `main.realtime.ably.net` (`REC1a`).
    #[default]
    Main,
    /// A host of one's own, by name or address (`REC1b2`). IPv6 addresses are bracketed.
    Host(String),
    /// A routing policy of the production service (`REC1b4`).
    Production(String),
    /// A routing policy outside production, `nonprod:id` (`REC1b3`).
    NonProduction(String),
}

impl Endpoint {
    /// The primary domain (`REC1`).
    pub fn primary_domain(&self) -> Cow<'static, str> {
        match self {
            Self::Main => "main.realtime.ably.net".into(),
            Self::Host(host) => host.clone().into(),
            Self::Production(id) => format!("{id}.realtime.ably.net").into(),
            Self::NonProduction(id) => format!("{id}.realtime.ably-nonprod.net").into(),
        }
    }

    /// The fallback domains that follow from it, in order of name (`REC2c`).
    pub fn fallback_domains(&self) -> Vec<String> {
        let (id, domain) = match self {
            Self::Main => ("main", "ably-realtime.com"),
            Self::Host(_) => return Vec::new(),
            Self::Production(id) => (id.as_str(), "ably-realtime.com"),
            Self::NonProduction(id) => (id.as_str(), "ably-realtime-nonprod.com"),
        };
        ["a", "b", "c", "d", "e"].iter().map(|letter| format!("{id}.{letter}.fallback.{domain}")).collect()
    }
}

impl Serialize for Endpoint {
    /// The text it is parsed from.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Main => serializer.serialize_str("main"),
            Self::Host(host) => serializer.serialize_str(host),
            Self::Production(id) => serializer.serialize_str(id),
            Self::NonProduction(id) => serializer.collect_str(&format_args!("nonprod:{id}")),
        }
    }
}

impl FromStr for Endpoint {
    type Err = Error;

    /// # Errors
    ///
    /// 40000/400 where the text cannot be part of a host name.
    fn from_str(text: &str) -> Result<Self, Error> {
        match text.strip_prefix("nonprod:") {
            Some(id) => label(id).map(Self::NonProduction),
            None if text == "localhost" || text.contains(['.', ':']) => host(text, "endpoint").map(Self::Host),
            None => label(text).map(Self::Production),
        }
    }
}

/// What can stand between two dots of a host's name.
fn label(text: &str) -> Result<String, Error> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    if text.is_empty() || !text.bytes().all(allowed) {
        return Err(invalid("endpoint"));
    }
    Ok(text.to_owned())
}

/// A host by name or address, as it stands in a URL.
pub(super) fn host(text: &str, option: &str) -> Result<String, Error> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    if bare.parse::<Ipv6Addr>().is_ok() {
        return Ok(format!("[{bare}]"));
    }
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    if text.is_empty() || !text.bytes().all(allowed) {
        return Err(invalid(option));
    }
    Ok(text.to_owned())
}

fn invalid(option: &str) -> Error {
    let message = format!("{option}: expected a host name, an IP address, a routing policy id or \"nonprod:id\"");
    Error::configuration(codes::BAD_REQUEST, 400, message)
}
