//! Looking at connections, and doing to them what the service, or the network, does now and then.

use alloc::string::String;
use alloc::vec::Vec;

use super::connections::Connection;
use super::{TransportId, frames};
use crate::sandbox::service::Service;
use crate::wire::{Error, ProtocolMessage, Secret};

/// A connection as it stands. `Debug` shows no secret.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ConnectionRecord {
    /// Its id, as CONNECTED told it.
    pub id: String,
    /// What carries it; none where that is lost, and the connection can be resumed.
    pub transport: Option<TransportId>,
    /// What it can be resumed with.
    pub connection_key: Secret,
    /// The key that it was authenticated by, or whose token it has.
    pub key_name: String,
    /// Its token; none where it has a key.
    pub token: Option<Secret>,
    /// When its token expires, in milliseconds since the epoch.
    pub expires: Option<i64>,
    /// Who it is; `*` for anybody, none for anonymous.
    pub client_id: Option<String>,
    /// The channels it is attached to.
    pub channels: Vec<String>,
}

impl ConnectionRecord {
    fn of(transport: TransportId, connection: &Connection) -> Self {
        let open = connection.open();
        let token = connection.identity.token();
        ConnectionRecord {
            id: connection.id.clone(),
            transport: open.map(|_| transport),
            connection_key: connection.key.clone(),
            key_name: connection.identity.key_name().into(),
            token: token.map(|token| token.token.clone()),
            expires: token.map(|token| token.expires),
            client_id: connection.client_id.clone(),
            channels: open.map_or_else(Vec::new, |open| open.channels.keys().cloned().collect()),
        }
    }
}

impl Service {
    /// The connections there are, open and lost.
    pub fn connections(&self) -> impl Iterator<Item = ConnectionRecord> {
        self.realtime.iter().map(|(transport, connection)| ConnectionRecord::of(transport, connection))
    }

    /// Sends DISCONNECTED with this error over a connection's transport, and closes it. The connection can be
    /// resumed. Returns whether one of that id is open.
    pub fn disconnect(&mut self, connection_id: &str, error: Error, now: i64) -> bool {
        self.with_open(connection_id, now, |service, transport| service.realtime.disconnect(transport, error, now))
    }

    /// Sends ERROR with this error over a connection's transport, closes it, and forgets the connection. Returns
    /// whether one of that id is open.
    pub fn fail(&mut self, connection_id: &str, error: Error, now: i64) -> bool {
        self.with_open(connection_id, now, |service, transport| service.realtime.fail(transport, error, now))
    }

    /// Sends AUTH, which asks for another token. Returns whether a connection of that id is open.
    pub fn request_reauth(&mut self, connection_id: &str, now: i64) -> bool {
        self.send(connection_id, frames::auth(), now)
    }

    /// Sends AUTH to every open connection, and returns how many they are.
    pub fn request_reauth_of_all(&mut self, now: i64) -> usize {
        self.with_all(now, |service, transport| service.realtime.send(transport, frames::auth(), now))
    }

    /// Sends any frame at all. Returns whether a connection of that id is open.
    pub fn send(&mut self, connection_id: &str, message: ProtocolMessage, now: i64) -> bool {
        self.with_open(connection_id, now, |service, transport| service.realtime.send(transport, message, now))
    }

    /// Cuts a connection's transport off without a word, as a network does. The connection can be resumed. Returns
    /// whether one of that id is open.
    pub fn drop_transport(&mut self, connection_id: &str, now: i64) -> bool {
        self.with_open(connection_id, now, |service, transport| service.realtime.cut(transport, now))
    }

    /// The same for every open connection; returns how many they are.
    pub fn drop_all_transports(&mut self, now: i64) -> usize {
        self.with_all(now, |service, transport| service.realtime.cut(transport, now))
    }

    fn with_open(&mut self, id: &str, now: i64, act: impl FnOnce(&mut Self, TransportId)) -> bool {
        self.handle_timeout(now);
        let transport = self.realtime.find(id).filter(|transport| self.realtime.open(*transport).is_some());
        transport.map(|transport| act(self, transport)).is_some()
    }

    fn with_all(&mut self, now: i64, act: impl Fn(&mut Self, TransportId)) -> usize {
        self.handle_timeout(now);
        let all = self.realtime.select(|_, _| Some(()));
        all.iter().for_each(|(transport, ())| act(self, *transport));
        all.len()
    }
}
