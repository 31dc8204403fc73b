//! The URL to connect to (`RTN2`).

use alloc::string::ToString as _;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::event::ConnectWith;
use super::settings::Settings;
use crate::wire::wiped::SecretText;
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
    let client_id = settings.client_id.as_deref().map(|client_id| ("clientId", client_id));
    let continuity = match continuity {
        Continuity::None => None,
        Continuity::Resume(key) => Some(("resume", key.expose())),
        Continuity::Recover(key) => Some(("recover", key.expose())),
    };
    let credentials = match with {
        ConnectWith::Key(key) => ("key", key.expose()),
        ConnectWith::Token { access_token, .. } => ("accessToken", access_token.expose()),
    };
    let version = PROTOCOL_VERSION.to_string();
    let ours = [("v", version.as_str()), ("format", "json"), credentials].into_iter().chain(client_id);
    let ours = ours.chain([
        ("echo", text_of(settings.echo_messages)),
        ("heartbeats", text_of(!settings.pings_visible)),
        ("agent", &*settings.agent),
    ]);
    // Those of the options override ours (`RTC1f1`).
    let theirs = || settings.transport_params.iter().map(|(name, value)| (name.as_str(), value.expose()));
    let ours = ours.chain(continuity).filter(|(name, _)| !theirs().any(|(other, _)| other == *name));

    let mut url = SecretText::default();
    url.push(&settings.origin(host));
    let mut separator = "/?";
    for (name, value) in ours.chain(theirs()) {
        url.push(separator);
        url.extend(utf8_percent_encode(name, VALUE));
        url.push("=");
        url.extend(utf8_percent_encode(value, VALUE));
        separator = "&";
    }
    url.finish()
}

fn text_of(flag: bool) -> &'static str {
    if flag { "true" } else { "false" }
}
