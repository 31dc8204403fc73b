//! The URL to connect to (`RTN2`).

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::event::ConnectWith;
use super::settings::Settings;
use crate::wire::{PROTOCOL_VERSION, Secret};

/// What is escaped in a value: everything that is not unreserved (RFC 3986, section 2.3).
const VALUE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What continuity the URL asks for.
pub(super) enum Continuity<'a> {
    None,
    /// That of the last connection, by its key (`RTN15b`).
    Resume(&'a Secret),
    /// That of a connection of another life, by its key (`RTN16k`).
    Recover(&'a Secret),
}

/// The URL to connect to a host.
pub(super) fn connect_url(settings: &Settings, host: &str, with: &ConnectWith, continuity: &Continuity<'_>) -> Secret {
    let mut params: Vec<(&str, String)> = Vec::new();
    params.push(("v", PROTOCOL_VERSION.to_string()));
    params.push(("format", "json".into()));
    params.push(match with {
        ConnectWith::Key(key) => ("key", key.expose().into()),
        ConnectWith::Token { access_token, .. } => ("accessToken", access_token.expose().into()),
    });
    if let Some(client_id) = &settings.client_id {
        params.push(("clientId", client_id.clone()));
    }
    params.push(("echo", settings.echo_messages.to_string()));
    params.push(("heartbeats", (!settings.pings_visible).to_string()));
    params.push(("agent", settings.agent.to_string()));
    match continuity {
        Continuity::None => {}
        Continuity::Resume(key) => params.push(("resume", key.expose().into())),
        Continuity::Recover(key) => params.push(("recover", key.expose().into())),
    }
    // They override ours (`RTC1f1`).
    params.retain(|(name, _)| !settings.transport_params.iter().any(|(other, _)| other == name));
    params.extend(settings.transport_params.iter().map(|(name, value)| (name.as_str(), value.expose().into())));

    let query: Vec<String> = params
        .iter()
        .map(|(name, value)| format!("{}={}", utf8_percent_encode(name, VALUE), utf8_percent_encode(value, VALUE)))
        .collect();
    Secret::new(format!("{}/?{}", settings.origin(host), query.join("&")))
}
