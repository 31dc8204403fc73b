//! Frames as the service sends them, and sockets as the session opens them.

use std::collections::BTreeMap;

use ably_auth::SocketId;
use ably_auth::wire::action;
use serde_json::{Value, json};

/// A socket that the session has asked for.
#[derive(Clone, Debug)]
pub struct Socket {
    pub id: SocketId,
    pub url: String,
}

impl Socket {
    /// `wss` or `ws`.
    pub fn scheme(&self) -> &str {
        self.url.split("://").next().unwrap()
    }

    /// The host, with its port where the URL has one.
    pub fn host(&self) -> &str {
        self.url.split("://").nth(1).unwrap().split('/').next().unwrap()
    }

    /// The params of the URL, each of which must be there only once.
    pub fn params(&self) -> BTreeMap<String, String> {
        let mut params = BTreeMap::new();
        let (_, query) = self.url.split_once("/?").expect("a URL with a query and no path");
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let before = params.insert(name.to_string(), value.into_owned());
            assert_eq!(before, None, "the param {name} is there twice");
        }
        params
    }

    pub fn param(&self, name: &str) -> Option<String> {
        self.params().remove(name)
    }

    pub fn access_token(&self) -> Option<String> {
        self.param("accessToken")
    }
}

/// CONNECTED with the details that most tests of the Universal Test Specifications have.
pub fn connected(id: &str, key: &str) -> Value {
    connected_with(id, key, json!({"maxIdleInterval": 15_000, "connectionStateTtl": 120_000}))
}

/// CONNECTED with these details, and the key among them.
pub fn connected_with(id: &str, key: &str, mut details: Value) -> Value {
    details["connectionKey"] = key.into();
    json!({"action": action::CONNECTED, "connectionId": id, "connectionKey": key, "connectionDetails": details})
}

/// The frame with an error in it.
pub fn because_of(mut frame: Value, code: u32, status_code: u16, message: &str) -> Value {
    frame["error"] = json!({"code": code, "statusCode": status_code, "message": message});
    frame
}

pub fn error_frame(code: u32, status_code: u16, message: &str) -> Value {
    because_of(json!({"action": action::ERROR}), code, status_code, message)
}

pub fn disconnected_frame(code: u32, status_code: u16, message: &str) -> Value {
    because_of(json!({"action": action::DISCONNECTED}), code, status_code, message)
}

/// ERROR about the token, for the connection.
pub fn token_error() -> Value {
    error_frame(40142, 401, "Token expired")
}

/// DISCONNECTED because of the token.
pub fn token_disconnected() -> Value {
    disconnected_frame(40142, 401, "Token expired")
}

/// AUTH: the service asks for a new token.
pub fn reauth() -> Value {
    json!({"action": action::AUTH})
}

pub fn heartbeat() -> Value {
    json!({"action": action::HEARTBEAT})
}

pub fn closed() -> Value {
    json!({"action": action::CLOSED})
}

pub fn attached(channel: &str, serial: &str) -> Value {
    json!({"action": action::ATTACHED, "channel": channel, "channelSerial": serial, "flags": 0})
}

/// AUTH as the client sends it.
pub fn auth_frame(access_token: &str) -> Value {
    json!({"action": action::AUTH, "auth": {"accessToken": access_token}})
}

pub fn close_frame() -> Value {
    json!({"action": action::CLOSE})
}
