//! Channels, as far as they show what a capability allows: attaching, publishing, delivery.

use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use serde_json::Value;

use super::TransportId;
use super::frames::{self, MAX_MESSAGE_SIZE};
use crate::sandbox::service::Service;
use crate::sandbox::service::errors;
use crate::sandbox::service::grant::Grant;
use crate::wire::{Error, ProtocolMessage, lenient};

/// How many channels a connection can be attached to.
const MAX_CHANNELS: usize = 200;
/// How long a channel's name can be, in bytes.
const MAX_NAME: usize = 2_048;

/// The modes of an attachment: their flags, and the operations any of which permits them.
const MODES: [(u64, &[&str]); 8] = [
    (PRESENCE, &["presence"]),
    (PUBLISH, &["publish"]),
    (SUBSCRIBE, &["subscribe", "message-subscribe"]),
    (PRESENCE_SUBSCRIBE, &["subscribe", "presence-subscribe"]),
    (1 << 21, &["annotation-publish"]),
    (1 << 22, &["annotation-subscribe"]),
    (1 << 24, &["object-subscribe"]),
    (1 << 25, &["object-publish"]),
];
const PRESENCE: u64 = 1 << 16;
const PUBLISH: u64 = 1 << 17;
const SUBSCRIBE: u64 = 1 << 18;
const PRESENCE_SUBSCRIBE: u64 = 1 << 19;
/// The modes of one who asks for none in particular.
const DEFAULT_MODES: u64 = PRESENCE | PUBLISH | SUBSCRIBE | PRESENCE_SUBSCRIBE;

/// Of these modes, those that are permitted on a channel.
fn permitted(grant: &Grant, channel: &str, requested: u64) -> u64 {
    let is_permitted = |operations: &[&str]| operations.iter().any(|operation| grant.permits(channel, operation));
    let modes = MODES.iter().filter(|(mode, operations)| requested & mode != 0 && is_permitted(operations));
    modes.fold(0, |all, (mode, _)| all | mode)
}

/// Leaves attached channels those modes that a grant permits, and returns those that have none left.
pub(super) fn narrow(channels: &mut BTreeMap<String, Attachment>, grant: &Grant) -> Vec<String> {
    let mut ended = Vec::new();
    channels.retain(|channel, attachment| {
        attachment.permitted = permitted(grant, channel, attachment.requested);
        if attachment.permitted == 0 {
            ended.push(channel.clone());
        }
        attachment.permitted != 0
    });
    ended
}

/// A channel that a connection is attached to: flags of modes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attachment {
    requested: u64,
    permitted: u64,
}

impl Service {
    pub(super) fn attach(&mut self, transport: TransportId, message: &ProtocolMessage, now: i64) {
        let channel = message.channel().unwrap_or_default();
        let answer = match self.check_attach(transport, channel, message) {
            Ok(attachment) => {
                if let Some(open) = self.realtime.open_mut(transport) {
                    open.channels.insert(channel.to_owned(), attachment);
                }
                frames::attached(channel, attachment.permitted)
            }
            Err(error) => {
                if let Some(open) = self.realtime.open_mut(transport) {
                    open.channels.remove(channel);
                }
                frames::error(Some(channel), &error)
            }
        };
        self.realtime.send(transport, answer, now);
    }

    fn check_attach(
        &self,
        transport: TransportId,
        channel: &str,
        message: &ProtocolMessage,
    ) -> Result<Attachment, Error> {
        check_name(channel)?;
        let connection = self.realtime.get(transport).ok_or_else(|| errors::CHANNEL_DENIED.because(channel))?;
        let all = MODES.iter().fold(0, |all, (mode, _)| all | mode);
        let flags = message.member("flags").and_then(lenient::integer);
        let requested = match flags.and_then(|flags| u64::try_from(flags).ok()).unwrap_or_default() & all {
            0 => DEFAULT_MODES,
            modes => modes,
        };
        let permitted = permitted(connection.identity.grant(), channel, requested);
        if permitted == 0 {
            return Err(errors::CHANNEL_DENIED.because(channel));
        }
        let channels = connection.open().map(|open| &open.channels);
        if channels.is_some_and(|channels| channels.len() >= MAX_CHANNELS && !channels.contains_key(channel)) {
            return Err(errors::TOO_MANY_CHANNELS.error());
        }
        Ok(Attachment { requested, permitted })
    }

    pub(super) fn detach(&mut self, transport: TransportId, message: &ProtocolMessage, now: i64) {
        let channel = message.channel().unwrap_or_default();
        if let Some(open) = self.realtime.open_mut(transport) {
            open.channels.remove(channel);
        }
        self.realtime.send(transport, frames::detached(channel), now);
    }

    pub(super) fn publish(&mut self, transport: TransportId, message: &ProtocolMessage, now: i64) {
        let serial = message.member("msgSerial");
        match self.check_publish(transport, message) {
            Ok(publication) => {
                self.realtime.send(transport, frames::acknowledgement(serial, None), now);
                self.deliver(publication, now);
            }
            Err(error) => self.realtime.send(transport, frames::acknowledgement(serial, Some(&error)), now),
        }
    }

    fn check_publish(&self, transport: TransportId, message: &ProtocolMessage) -> Result<Publication, Error> {
        let channel = message.channel().unwrap_or_default();
        check_name(channel)?;
        let connection = self.realtime.get(transport).ok_or_else(|| errors::PUBLISH_DENIED.error())?;
        if !connection.identity.grant().permits(channel, "publish") {
            return Err(errors::PUBLISH_DENIED.error());
        }
        let messages = message.member("messages").cloned().unwrap_or_default();
        let Value::Array(mut messages) = messages else { return Err(errors::INVALID_MESSAGES.error()) };
        if lenient::text_of(&messages).len() > MAX_MESSAGE_SIZE {
            return Err(errors::MESSAGE_TOO_LARGE.error());
        }
        for message in &mut messages {
            let members = message.as_object_mut().ok_or_else(|| errors::INVALID_MESSAGES.error())?;
            if let Some(client_id) = publisher(connection.client_id.as_deref(), members.get("clientId"))? {
                members.insert("clientId".to_owned(), client_id.into());
            }
        }
        Ok(Publication {
            channel: channel.to_owned(),
            connection_id: connection.id.clone(),
            messages: Value::Array(messages),
        })
    }

    /// Sends messages to everyone who is attached and may get them.
    fn deliver(&mut self, publication: Publication, now: i64) {
        let Publication { channel, connection_id, messages } = publication;
        let id = format!("{connection_id}:{}", self.random_text::<8>());
        let subscribers = self.realtime.select(|connection, open| {
            let is_wanted = open.echo || connection.id != connection_id;
            let attachment = open.channels.get(&channel).filter(|_| is_wanted)?;
            (attachment.permitted & SUBSCRIBE != 0).then_some(())
        });
        let message = Arc::new(frames::delivery(&channel, &id, &connection_id, now, messages));
        for (subscriber, ()) in subscribers {
            self.realtime.send(subscriber, Arc::clone(&message), now);
        }
    }
}

/// What passed every check.
struct Publication {
    channel: String,
    connection_id: String,
    messages: Value,
}

fn check_name(channel: &str) -> Result<(), Error> {
    if (1..=MAX_NAME).contains(&channel.len()) { Ok(()) } else { Err(errors::INVALID_CHANNEL.error()) }
}

/// Who publishes a message: who the connection is, or, where it may be anybody, who the message says.
fn publisher(connection: Option<&str>, message: Option<&Value>) -> Result<Option<String>, Error> {
    let claimed = match message {
        None | Some(Value::Null) => None,
        Some(Value::String(claimed)) if !claimed.is_empty() => Some(claimed.as_str()),
        Some(_) => return Err(errors::INVALID_CLIENT_ID.error()),
    };
    match (connection, claimed) {
        (None | Some("*"), None) => Ok(None),
        (Some("*"), Some(claimed)) if claimed != "*" => Ok(Some(claimed.to_owned())),
        (Some(id), None) => Ok(Some(id.to_owned())),
        (Some(id), Some(claimed)) if id == claimed && id != "*" => Ok(Some(id.to_owned())),
        _ => Err(errors::INVALID_CLIENT_ID.error()),
    }
}
