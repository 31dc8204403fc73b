//! Opening a connection: who connects, with what, and whether he goes on with an earlier connection.

use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;

use super::connections::{Connection, Connections, Open};
use super::{TransportId, frames};
use crate::sandbox::service::account::app_id_of;
use crate::sandbox::service::credentials::{Credentials, Identity, is_same_secret};
use crate::sandbox::service::errors;
use crate::sandbox::service::fault::Effect;
use crate::sandbox::service::format::Format;
use crate::sandbox::service::message::Request;
use crate::sandbox::service::{Reply, Service};
use crate::wire::{Error, Secret};

/// The oldest version of the protocol that is spoken.
const MIN_VERSION: u32 = 2;
/// How long the service is silent at most, in milliseconds, unless a client asks otherwise.
const MAX_IDLE_INTERVAL: i64 = 15_000;

impl Service {
    /// Takes the request that opens a WebSocket, and opens a transport for it. What the client is told comes by
    /// [`Service::poll_output`]: CONNECTED, or ERROR and the end of the transport.
    ///
    /// # Errors
    ///
    /// The answer to a request that must not become a WebSocket: 400 where it wants a format that is not spoken.
    pub fn connect(&mut self, request: &Request, now: i64) -> Result<TransportId, Reply> {
        self.handle_timeout(now);
        self.noted.credentials = Credentials::of(request).kind();
        let Some(format) = Format::of_websocket(request) else {
            let (reply, code) = self.seal(errors::UNKNOWN_FORMAT.error().into(), Format::Json);
            self.record(request, reply.response.status, code, now);
            return Err(reply);
        };
        let effects = self.websocket_effects();
        if let Some(reply) = Self::forestall_websocket(&effects) {
            self.record(request, reply.response.status, None, now);
            return Err(reply);
        }
        let transport = self.realtime.new_transport();
        for effect in effects {
            match effect {
                Effect::Refuse { error } => {
                    return Ok(self.turn_away(request, transport, error, Connections::fail, now));
                }
                Effect::Disconnect { error } => {
                    return Ok(self.turn_away(request, transport, error, Connections::disconnect, now));
                }
                _ => {}
            }
        }
        let admitted = self.admit(request, transport, format, now);
        self.record(request, 101, admitted.as_ref().err().map(Error::code), now);
        if let Err(error) = admitted {
            self.realtime.fail(transport, error, now);
        }
        Ok(transport)
    }

    /// Tells a client that there is no connection for it.
    fn turn_away(
        &mut self,
        request: &Request,
        transport: TransportId,
        error: Error,
        how: fn(&mut Connections, TransportId, Error, i64),
        now: i64,
    ) -> TransportId {
        self.record(request, 101, Some(error.code()), now);
        how(&mut self.realtime, transport, error, now);
        transport
    }

    fn admit(&mut self, request: &Request, transport: TransportId, format: Format, now: i64) -> Result<(), Error> {
        self.check_version(request)?;
        let identity = self.identify(request, now)?;
        let claimed_client_id = request.query_param("clientId");
        if claimed_client_id.as_deref() == Some("") {
            return Err(errors::INVALID_CLIENT_ID.error());
        }
        let client_id =
            identity.resolve_client_id(claimed_client_id.as_deref(), errors::CLIENT_ID_OF_OTHER_CREDENTIALS)?;
        self.noted.client_id.clone_from(&client_id);

        let wanted = request.query_param("resume").or_else(|| request.query_param("recover")).map(Secret::new);
        let resumed = wanted.as_ref().map(|key| self.resume(key, &identity, client_id.as_deref(), now)).transpose()?;
        let is_refused = matches!(resumed, Some(None));
        let (id, previous_key) = match resumed.flatten() {
            Some(id) => (id, wanted),
            None if self.realtime.make_room() => (self.new_connection_id(), None),
            None => return Err(errors::TOO_MANY_CONNECTIONS.error()),
        };
        let key = Secret::new(format!("{id}!{}", self.random_text::<12>()));
        let open = self.open_transport(request, &identity, claimed_client_id, format, now);
        let mut connection = Connection::new(id, key, identity, client_id, open);
        connection.previous_key = previous_key;
        let error = is_refused.then(|| errors::NOT_RESUMABLE.error());
        let connected = frames::connected(&connection, &self.server_id, error.as_ref());
        self.realtime.insert(transport, connection);
        self.realtime.send(transport, connected, now);
        // A token that ends soon is asked about at once.
        self.handle_timeout(now);
        Ok(())
    }

    fn check_version(&self, request: &Request) -> Result<(), Error> {
        match request.query_param("v").map(|version| version.parse::<u32>()) {
            None if !self.choices.protocol_version_required => Ok(()),
            None | Some(Err(_) | Ok(0)) => Err(errors::INVALID_VERSION.error()),
            Some(Ok(version)) if version < MIN_VERSION => Err(errors::UNSUPPORTED_VERSION.error()),
            Some(Ok(_)) => Ok(()),
        }
    }

    fn open_transport(
        &self,
        request: &Request,
        identity: &Identity,
        claimed_client_id: Option<String>,
        format: Format,
        now: i64,
    ) -> Open {
        let is = |name: &str, value: &str| request.query_param(name).as_deref() == Some(value);
        let interval = request.query_param("heartbeatInterval").and_then(|interval| interval.parse::<i64>().ok());
        Open {
            format,
            claimed_client_id,
            echo: !is("echo", "false"),
            heartbeats: is("heartbeats", "true"),
            max_idle_interval: interval.map_or(MAX_IDLE_INTERVAL, |interval| interval.clamp(5_000, 1_800_000)),
            silent_since: now,
            ahead: self.look_ahead(identity, now),
            channels: BTreeMap::new(),
        }
    }

    /// Takes a connection out of what is held, to go on with it over another transport. Returns its id; none where
    /// there is no connection with that key (any more).
    ///
    /// # Errors
    ///
    /// 40102/401 where the connection is not one of these credentials.
    fn resume(
        &mut self,
        key: &Secret,
        identity: &Identity,
        client_id: Option<&str>,
        now: i64,
    ) -> Result<Option<String>, Error> {
        let id = key.expose().split_once('!').map_or("", |(id, _)| id);
        let Some(transport) = self.realtime.find(id) else { return Ok(None) };
        let Some(connection) = self.realtime.get(transport) else { return Ok(None) };
        let is_key = |known: &Secret| is_same_secret(key.expose(), known.expose());
        if !is_key(&connection.key) && !connection.previous_key.as_ref().is_some_and(is_key) {
            return Ok(None);
        }
        let is_same_app = app_id_of(identity.key_name()) == app_id_of(connection.identity.key_name());
        if !is_same_app || client_id != connection.client_id.as_deref() {
            return Err(errors::INCOMPATIBLE_CREDENTIALS.error());
        }
        let id = id.to_owned();
        if connection.open().is_some() {
            // The client has given the other transport up.
            self.realtime.release(transport, now);
        }
        self.realtime.remove(transport);
        Ok(Some(id))
    }

    fn new_connection_id(&mut self) -> String {
        self.unused(|service| service.random_text::<8>(), |service, id| service.realtime.find(id).is_some())
    }

    fn record(&mut self, request: &Request, status: u16, code: Option<u32>, now: i64) {
        let noted = core::mem::take(&mut self.noted);
        self.traffic.record(now, request, noted, status, code);
    }
}
