//! The realtime half of the adapter over real sockets: against the sandbox, and against a server that misbehaves.
#![cfg(all(feature = "tokio", feature = "sandbox"))]

mod crowd;
mod frames;
mod losses;
mod raw;
mod recording;
mod tokens;
mod ways;

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use ably_auth::connection::{ConnectionEventKind, ConnectionStateChange};
use ably_auth::options::{ApiKey, AuthOptions, ClientOptions};
use ably_auth::sandbox::Sandbox;
use ably_auth::tokio::{Builder, Frames, Realtime, StateChanges};
use ably_auth::wire::{Capability, ProtocolMessage, TokenDetails, TokenParams, TokenRequest, action};
use ably_auth::{ConnectionState, Error};
use serde_json::{Value, json};

const SECOND: i64 = 1_000;
const HOUR: i64 = 3_600 * SECOND;

/// A sandbox whose time stands, at what is now for everybody else.
#[allow(clippy::disallowed_methods, reason = "clients look at the clock too")]
async fn sandbox() -> Arc<Sandbox> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    Arc::new(Sandbox::builder().virtual_time(i64::try_from(now).unwrap()).start().await.unwrap())
}

/// A client that trusts the sandbox. It has all the time that a busy machine needs.
fn builder(sandbox: &Sandbox, mut options: ClientOptions) -> Builder<Realtime> {
    options.realtime_request_timeout = 120_000;
    options.http_open_timeout = 120_000;
    options.disconnected_retry_timeout = 10;
    Realtime::builder(options).root_certificates_pem(sandbox.root_certificate_pem()).unwrap()
}

fn client(sandbox: &Sandbox, options: ClientOptions) -> Realtime {
    builder(sandbox, options).build().unwrap()
}

/// A client without TLS that gets tokens from somebody who has that key, for those params and for so long.
fn client_with_callback(sandbox: &Arc<Sandbox>, key: &ApiKey, ttl: i64) -> Realtime {
    builder_with_callback(sandbox, key, ttl).build().unwrap()
}

fn builder_with_callback(sandbox: &Arc<Sandbox>, key: &ApiKey, ttl: i64) -> Builder<Realtime> {
    let mut options = sandbox.options(AuthOptions::with_callback("issue"));
    options.tls = false;
    let (issuer, key_name) = (Arc::clone(sandbox), key.name().to_owned());
    let issue = move |params: TokenParams| {
        let mut wanted = TokenRequest::new(&*key_name);
        wanted.ttl = Some(ttl);
        wanted.capability = params.capability.map(|capability| capability.to_string());
        wanted.client_id = params.client_id;
        let token = issuer.issue_token(&wanted);
        async move { token }
    };
    builder(sandbox, options).callback("issue", issue)
}

/// A token as somebody else got it.
fn issue(sandbox: &Sandbox, ttl: i64) -> TokenDetails {
    let mut wanted = TokenRequest::new(sandbox.key().name());
    wanted.ttl = Some(ttl);
    sandbox.issue_token(&wanted).unwrap()
}

fn allowing(capability: &str) -> Option<TokenParams> {
    let capability: Capability = capability.parse().unwrap();
    Some(TokenParams { capability: Some(capability), ..TokenParams::default() })
}

fn message(json: Value) -> ProtocolMessage {
    ProtocolMessage::from_members(json.as_object().unwrap().clone())
}

/// Publishes to a channel, and returns whether the service took it.
async fn publish(realtime: &Realtime, frames: &mut Frames, channel: &str, serial: u64) -> bool {
    let messages = json!([{ "data": "hello" }]);
    let publication =
        json!({ "action": action::MESSAGE, "channel": channel, "msgSerial": serial, "messages": messages });
    realtime.send(message(publication)).await.unwrap();
    loop {
        let answer = frames.next().await.unwrap();
        match answer.action() {
            action::ACK => return true,
            action::NACK => return false,
            _ => {}
        }
    }
}

/// The next change; `None`: an update.
async fn next(changes: &mut StateChanges) -> (Option<ConnectionState>, Option<Error>) {
    let ConnectionStateChange { event, reason, .. } = changes.next().await.unwrap();
    match event {
        ConnectionEventKind::State(state) => (Some(state), reason),
        ConnectionEventKind::Update(_) => (None, reason),
    }
}

/// The states that the connection goes through from now on, up to that one.
async fn until(changes: &mut StateChanges, state: Option<ConnectionState>) -> Vec<Option<ConnectionState>> {
    let mut states = Vec::new();
    loop {
        let (next, _) = next(changes).await;
        states.push(next);
        if next == state {
            return states;
        }
    }
}

fn code(error: Option<Error>) -> Option<u32> {
    error.map(|error| error.code())
}
