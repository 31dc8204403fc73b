//! Credentials of live connections: asking for new ones, taking them, and what ends them.

use alloc::vec::Vec;

use super::connections::Ahead;
use super::{TransportId, channels, frames};
use crate::sandbox::service::Service;
use crate::sandbox::service::credentials::Identity;
use crate::sandbox::service::errors::{self, Refusal};
use crate::wire::{Error, ProtocolMessage, Secret};

/// How long before its expiry the client is asked for a new token, in milliseconds.
const REAUTH_LEAD: i64 = 30_000;
/// A token that lives no longer than this is not asked about: there is no time to renew it.
const TOO_LATE_TO_ASK: i64 = 5_500;

impl Service {
    /// What is ahead of credentials that are used from now on.
    pub(super) fn look_ahead(&self, identity: &Identity, now: i64) -> Ahead {
        let token = identity.token();
        let reauth_at = token
            .filter(|token| token.expires.saturating_sub(now) > TOO_LATE_TO_ASK)
            .map(|token| token.expires.saturating_sub(REAUTH_LEAD));
        Ahead { reauth_at, revoked_at: token.and_then(|token| self.revocations.applies_at(token)) }
    }

    /// AUTH from a client: other credentials for a live connection.
    pub(super) fn reauthenticate(&mut self, transport: TransportId, message: &ProtocolMessage, now: i64) {
        match self.check_auth(transport, message, now) {
            Ok(identity) => self.adopt(transport, identity, now),
            Err(error) => self.realtime.fail(transport, error, now),
        }
    }

    fn check_auth(&self, transport: TransportId, message: &ProtocolMessage, now: i64) -> Result<Identity, Error> {
        let incompatible = || errors::INCOMPATIBLE_CREDENTIALS.error();
        let invalid = || Refusal::new(self.choices.auth_with_invalid_token, "invalid accessToken").error();
        let token = message.member("auth").and_then(|auth| auth.get("accessToken")?.as_str().map(Secret::from));
        let token = token.ok_or_else(invalid)?;
        let identity = self.authenticate_token(token.expose(), now).map_err(|error| match error.code() {
            40005 | 40143..=40145 => invalid(),
            40400 => incompatible(),
            _ => error,
        })?;
        let connection = self.realtime.get(transport).ok_or_else(incompatible)?;
        if identity.key_name() != connection.identity.key_name() {
            return Err(incompatible());
        }
        let claimed = connection.open().and_then(|open| open.claimed_client_id.as_deref());
        let client_id = identity.resolve_client_id(claimed, errors::CLIENT_ID_OF_OTHER_CREDENTIALS)?;
        if client_id != connection.client_id {
            return Err(errors::CLIENT_ID_OF_OTHER_CREDENTIALS.error());
        }
        Ok(identity)
    }

    fn adopt(&mut self, transport: TransportId, identity: Identity, now: i64) {
        let ahead = self.look_ahead(&identity, now);
        let Some(connection) = self.realtime.get_mut(transport) else { return };
        let mut ended = Vec::new();
        if let Some(open) = connection.open_mut() {
            open.ahead = ahead;
            ended = channels::narrow(&mut open.channels, identity.grant());
        }
        connection.identity = identity;
        let connected = frames::connected(connection, &self.server_id, None);
        self.realtime.send(transport, connected, now);
        for channel in ended {
            let error = errors::CHANNEL_DENIED.because(&channel);
            self.realtime.send(transport, frames::error(Some(&channel), &error), now);
        }
        // A token that ends soon is asked about at once.
        self.handle_timeout(now);
    }

    /// Lets the connections of a key know that tokens were revoked: those hit at once end, those hit later are
    /// asked for another token.
    pub(in crate::sandbox::service) fn revoke_connections(&mut self, key_name: &str, now: i64) {
        let hit = self.realtime.select(|connection, open| {
            let token = connection.identity.token().filter(|token| token.key_name == key_name)?;
            let at = self.revocations.applies_at(token)?;
            (open.ahead.revoked_at != Some(at)).then_some((at, open.ahead.revoked_at.is_none()))
        });
        for (transport, (at, is_news)) in hit {
            if let Some(open) = self.realtime.open_mut(transport) {
                open.ahead.revoked_at = Some(at);
            }
            self.realtime.reschedule(transport);
            if is_news && at > now && self.choices.reauth_hint_on_revocation {
                self.realtime.send(transport, frames::auth(), now);
            }
        }
        self.handle_timeout(now);
    }

    /// Ends the connections whose key or app works no longer.
    pub(in crate::sandbox::service) fn end_orphans(&mut self, now: i64) {
        self.handle_timeout(now);
        let orphans: Vec<(TransportId, Error)> = self
            .realtime
            .select(|connection, _| self.apps.working_key(connection.identity.key_name(), &self.choices).err());
        for (transport, error) in orphans {
            if self.choices.revoked_key_fails_connections {
                self.realtime.fail(transport, error, now);
            } else {
                self.realtime.disconnect(transport, error, now);
            }
        }
    }
}
