//! Channels, as far as they show what a capability allows: attaching, publishing, delivery, entering.

use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use serde_json::Value;

use super::TransportId;
use super::connections::{Connection, Open};
use super::frames;
use crate::sandbox::service::Service;
use crate::sandbox::service::account::app_id_of;
use crate::sandbox::service::errors;
use crate::sandbox::service::grant::Grant;
use crate::sandbox::service::publish::{self, Publication, Published};
use crate::wire::{Error, ProtocolMessage, lenient};

/// How many channels a connection can be attached to.
const MAX_CHANNELS: usize = 200;

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
/// The flag of ATTACHED where nothing was missed (`TR3c`).
const RESUMED: u64 = 1 << 2;

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
                let open = self.realtime.open_mut(transport);
                let before = open.and_then(|open| open.channels.insert(channel.to_owned(), attachment));
                let continuity = if before.is_some() { RESUMED } else { 0 };
                frames::attached(channel, attachment.permitted | continuity)
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
        publish::check_name(channel)?;
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

    /// MESSAGE from a client.
    pub(super) fn publish_by_realtime(&mut self, transport: TransportId, message: &ProtocolMessage, now: i64) {
        let publication = self.check_publish(transport, message);
        let published = publication.map(|publication| self.publish(publication, now));
        let outcome = published.as_ref().map(|published| published.serials.as_slice());
        self.realtime.send(transport, frames::acknowledgement(message.member("msgSerial"), outcome), now);
        if let Ok(published) = published {
            self.deliver(published, now);
        }
    }

    fn check_publish(&self, transport: TransportId, message: &ProtocolMessage) -> Result<Publication, Error> {
        let channel = message.channel().unwrap_or_default();
        let connection = self.realtime.get(transport).ok_or_else(|| errors::PUBLISH_DENIED.error())?;
        publish::check_publisher(connection.identity.grant(), channel)?;
        let messages = message.member("messages").cloned().unwrap_or_default();
        Ok(Publication {
            app_id: app_id_of(connection.identity.key_name()).to_owned(),
            channel: channel.to_owned(),
            connection_id: Some(connection.id.clone()),
            messages: publish::check_messages(messages, connection.client_id.as_deref())?,
        })
    }

    /// PRESENCE from a client: nobody is told, but whether it is allowed is checked.
    pub(super) fn enter(&mut self, transport: TransportId, message: &ProtocolMessage, now: i64) {
        let checked = self.check_presence(transport, message);
        let outcome = checked.as_ref().map(|()| [].as_slice());
        self.realtime.send(transport, frames::acknowledgement(message.member("msgSerial"), outcome), now);
    }

    fn check_presence(&self, transport: TransportId, message: &ProtocolMessage) -> Result<(), Error> {
        let channel = message.channel().unwrap_or_default();
        publish::check_name(channel)?;
        let connection = self.realtime.get(transport).ok_or_else(|| errors::PRESENCE_DENIED.error())?;
        if !connection.identity.grant().permits(channel, "presence") {
            return Err(errors::PRESENCE_DENIED.error());
        }
        let members = message.member("presence").cloned().unwrap_or_default();
        let members = publish::check_messages(members, connection.client_id.as_deref())?;
        if members.iter().all(|member| member.get("clientId").is_some_and(Value::is_string)) {
            Ok(())
        } else {
            Err(errors::INVALID_CLIENT_ID.error())
        }
    }

    /// Sends messages to everyone who is attached and may get them.
    pub(in crate::sandbox::service) fn deliver(&mut self, published: Published, now: i64) {
        if published.fresh.is_empty() {
            return;
        }
        let subscribers = self.attached(&published.app_id, &published.channel, |connection, open, attachment| {
            let is_own = published.connection_id.as_ref() == Some(&connection.id);
            (attachment.permitted & SUBSCRIBE != 0 && (open.echo || !is_own)).then_some(())
        });
        let message = Arc::new(frames::delivery(published, now));
        for (subscriber, ()) in subscribers {
            self.realtime.send(subscriber, Arc::clone(&message), now);
        }
    }

    /// How many are attached to a channel.
    pub(in crate::sandbox::service) fn occupancy(&self, app_id: &str, channel: &str) -> Occupancy {
        let attached = self.attached(app_id, channel, |_, _, attachment| Some(attachment.permitted));
        let count = |mode: u64| attached.iter().filter(|(_, permitted)| permitted & mode != 0).count();
        Occupancy { connections: attached.len(), publishers: count(PUBLISH), subscribers: count(SUBSCRIBE) }
    }

    /// Those attached to a channel for which `choose` has something.
    fn attached<T>(
        &self,
        app_id: &str,
        channel: &str,
        choose: impl Fn(&Connection, &Open, &Attachment) -> Option<T>,
    ) -> Vec<(TransportId, T)> {
        self.realtime.select(|connection, open| {
            let attachment = open.channels.get(channel)?;
            let is_of_app = app_id_of(connection.identity.key_name()) == app_id;
            if is_of_app { choose(connection, open, attachment) } else { None }
        })
    }
}

/// How many are attached to a channel, and what they may do.
pub(in crate::sandbox::service) struct Occupancy {
    pub(in crate::sandbox::service) connections: usize,
    pub(in crate::sandbox::service) publishers: usize,
    pub(in crate::sandbox::service) subscribers: usize,
}
