//! Realtime connections of a running sandbox: looking at them, and doing things to them.

use std::format;
use std::string::String;
use std::vec::Vec;

use super::Sandbox;
use crate::sandbox::service::{ConnectionRecord, FrameRecord, Service};
use crate::wire::{Error, ProtocolMessage};

impl Sandbox {
    /// The URL of a WebSocket with this query, such as `key=...&v=6`, without TLS.
    pub fn ws_url(&self, query: &str) -> String {
        format!("ws://{}:{}/?{query}", self.host_text(), self.http_port())
    }

    /// The same with TLS.
    pub fn wss_url(&self, query: &str) -> String {
        format!("wss://{}:{}/?{query}", self.host_text(), self.https_port())
    }

    /// The connections there are: those that are open, and those that can be resumed.
    pub fn connections(&self) -> Vec<ConnectionRecord> {
        self.shared.look(|service| service.connections().collect())
    }

    /// The last frames, the oldest first; a thousand at most.
    pub fn frames(&self) -> Vec<FrameRecord> {
        self.shared.look(|service| service.frames().cloned().collect())
    }

    /// Waits until there is something to be seen, such as a connection: `look` is asked whenever the service may
    /// have changed, until it has an answer.
    pub async fn until<R>(&self, look: impl FnMut(&Service) -> Option<R>) -> R {
        self.shared.until(look).await
    }

    /// Sends DISCONNECTED with this error over a connection's socket, and closes it. The connection can be resumed.
    /// Returns whether one of that id is open.
    pub fn disconnect(&self, connection_id: &str, error: Error) -> bool {
        self.shared.run(|service, now| service.disconnect(connection_id, error, now))
    }

    /// Sends ERROR with this error over a connection's socket, closes it, and forgets the connection. Returns
    /// whether one of that id is open.
    pub fn fail(&self, connection_id: &str, error: Error) -> bool {
        self.shared.run(|service, now| service.fail(connection_id, error, now))
    }

    /// Sends AUTH, which asks for another token. Returns whether a connection of that id is open.
    pub fn request_reauth(&self, connection_id: &str) -> bool {
        self.shared.run(|service, now| service.request_reauth(connection_id, now))
    }

    /// Sends AUTH to every open connection, and returns how many they are.
    pub fn request_reauth_of_all(&self) -> usize {
        self.shared.run(Service::request_reauth_of_all)
    }

    /// Sends any frame at all. Returns whether a connection of that id is open.
    pub fn send(&self, connection_id: &str, message: ProtocolMessage) -> bool {
        self.shared.run(|service, now| service.send(connection_id, message, now))
    }

    /// Cuts a connection's socket off without a word, as a network does. The connection can be resumed. Returns
    /// whether one of that id is open.
    pub fn drop_socket(&self, connection_id: &str) -> bool {
        self.shared.run(|service, now| service.drop_transport(connection_id, now))
    }

    /// The same for every open connection; returns how many they are.
    pub fn drop_all_sockets(&self) -> usize {
        self.shared.run(Service::drop_all_transports)
    }
}
