//! Publishing, over REST or over a connection: who may publish what, and who gets it.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use serde_json::{Map, Value};

use super::Service;
use super::errors;
use super::grant::Grant;
use crate::wire::{Error, lenient};

/// The largest sum of messages that can be published at once, in bytes.
pub(super) const MAX_MESSAGE_SIZE: usize = 64 * 1_024;
/// How long a channel's name can be, in bytes.
const MAX_NAME: usize = 2_048;

/// Messages that passed every check.
pub(super) struct Publication {
    pub(super) app_id: String,
    pub(super) channel: String,
    /// Of the connection that they came over; none over REST.
    pub(super) connection_id: Option<String>,
    pub(super) messages: Vec<Map<String, Value>>,
}

/// What became of a publication.
pub(super) struct Published {
    pub(super) app_id: String,
    pub(super) channel: String,
    pub(super) connection_id: Option<String>,
    /// What ids of messages begin with that had none.
    pub(super) id: String,
    /// Of each message.
    pub(super) serials: Vec<Value>,
    /// Those messages that were not there before, as everyone is to get them.
    pub(super) fresh: Vec<Value>,
}

impl Service {
    /// Remembers messages; delivering them is left to do. One whose id is known on the channel is there already
    /// (`RSL1k`).
    pub(super) fn publish(&mut self, publication: Publication, now: i64) -> Published {
        let Publication { app_id, channel, connection_id, messages } = publication;
        let origin = connection_id.as_deref().unwrap_or(&self.server_id).to_owned();
        let id = format!("{origin}:{}", self.random_text::<8>());
        let mut serials = Vec::new();
        let mut fresh = Vec::new();
        for (index, mut members) in messages.into_iter().enumerate() {
            let given_id = members.get("id").and_then(Value::as_str).filter(|id| !id.is_empty());
            let known = given_id.and_then(|id| self.history.find(&app_id, &channel, id));
            if let Some(known) = known {
                serials.push(known.serial());
                continue;
            }
            if given_id.is_none() {
                members.insert("id".to_owned(), format!("{id}:{index}").into());
            }
            if let Some(connection_id) = &connection_id {
                members.insert("connectionId".to_owned(), connection_id.as_str().into());
            }
            let entry = self.history.add(&app_id, &channel, members, now);
            serials.push(entry.serial());
            fresh.push(entry.message());
        }
        Published { app_id, channel, connection_id, id, serials, fresh }
    }
}

/// That these credentials may publish on a channel.
pub(super) fn check_publisher(grant: &Grant, channel: &str) -> Result<(), Error> {
    check_name(channel)?;
    if grant.permits(channel, "publish") { Ok(()) } else { Err(errors::PUBLISH_DENIED.error()) }
}

/// The messages of somebody who is `client_id`, with that said in each.
pub(super) fn check_messages(messages: Value, client_id: Option<&str>) -> Result<Vec<Map<String, Value>>, Error> {
    if lenient::text_of(&messages).len() > MAX_MESSAGE_SIZE {
        return Err(errors::MESSAGE_TOO_LARGE.error());
    }
    let Value::Array(messages) = messages else { return Err(errors::INVALID_MESSAGES.error()) };
    let check = |message: Value| {
        let Value::Object(mut members) = message else { return Err(errors::INVALID_MESSAGES.error()) };
        if let Some(client_id) = publisher(client_id, members.get("clientId"))? {
            members.insert("clientId".to_owned(), client_id.into());
        }
        Ok(members)
    };
    messages.into_iter().map(check).collect()
}

pub(super) fn check_name(channel: &str) -> Result<(), Error> {
    if (1..=MAX_NAME).contains(&channel.len()) { Ok(()) } else { Err(errors::INVALID_CHANNEL.error()) }
}

/// Who publishes a message: who the publisher is, or, where he may be anybody, who the message says.
fn publisher(client_id: Option<&str>, message: Option<&Value>) -> Result<Option<String>, Error> {
    let claimed = match message {
        None | Some(Value::Null) => None,
        Some(Value::String(claimed)) if !claimed.is_empty() => Some(claimed.as_str()),
        Some(_) => return Err(errors::INVALID_CLIENT_ID.error()),
    };
    match (client_id, claimed) {
        (None | Some("*"), None) => Ok(None),
        (Some("*"), Some(claimed)) if claimed != "*" => Ok(Some(claimed.to_owned())),
        (Some(id), None) => Ok(Some(id.to_owned())),
        (Some(id), Some(claimed)) if id == claimed && id != "*" => Ok(Some(id.to_owned())),
        _ => Err(errors::INVALID_CLIENT_ID.error()),
    }
}
