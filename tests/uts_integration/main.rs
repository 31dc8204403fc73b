//! The Universal Test Specifications of Ably (repository `ably/specification`, folders `uts/rest/integration` and
//! `uts/realtime/integration`), each test under its id: the crate's clients against the sandbox, over real sockets.
//!
//! Where they wait for time to pass, the sandbox's time is moved. Where they want a JWT of a third party's making, the
//! sandbox makes one. Where they want the binary protocol off, it is: the crate's clients speak JSON.
#![cfg(all(feature = "tokio", feature = "sandbox"))]
#![allow(clippy::disallowed_methods, reason = "the clients under test go by the system's clock")]

mod realtime_auth;
mod rest_auth;
mod revoke_tokens;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use ably_auth::connection::{ConnectionEventKind, ConnectionStateChange};
use ably_auth::options::{ApiKey, AuthOptions, ClientOptions};
use ably_auth::sandbox::Sandbox;
use ably_auth::tokio::{Auth, Builder, Realtime, StateChanges};
use ably_auth::wire::{Secret, TokenDetails, TokenParams, TokenRequest};
use ably_auth::{ConnectionState, Error, Response, RestRequest};

const SECOND: i64 = 1_000;
const HOUR: i64 = 3_600 * SECOND;

/// A sandbox whose time stands, at what is now for everybody else.
async fn sandbox() -> Arc<Sandbox> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    Arc::new(Sandbox::builder().virtual_time(i64::try_from(now).unwrap()).start().await.unwrap())
}

/// A client of REST that trusts the sandbox.
fn rest(sandbox: &Sandbox, auth: AuthOptions) -> Auth {
    rest_builder(sandbox, auth).build().unwrap()
}

fn rest_builder(sandbox: &Sandbox, auth: AuthOptions) -> Builder<Auth> {
    Auth::builder(patient(sandbox.options(auth))).root_certificates_pem(sandbox.root_certificate_pem()).unwrap()
}

/// A client of realtime that trusts the sandbox, and connects when it is told to.
fn realtime_builder(sandbox: &Sandbox, auth: AuthOptions, client_id: Option<&str>) -> Builder<Realtime> {
    let mut options = patient(sandbox.options(auth));
    options.auto_connect = Some(false);
    options.client_id = client_id.map(Into::into);
    Realtime::builder(options).root_certificates_pem(sandbox.root_certificate_pem()).unwrap()
}

/// Options with all the time that a busy machine needs.
fn patient(mut options: ClientOptions) -> ClientOptions {
    options.realtime_request_timeout = 120_000;
    options.http_open_timeout = 120_000;
    options.disconnected_retry_timeout = 10;
    options
}

fn with_key(key: &ApiKey) -> AuthOptions {
    AuthOptions::with_key(key.expose()).unwrap()
}

/// What a JWT is to be like.
fn claims(sandbox: &Sandbox, client_id: Option<&str>, ttl: i64) -> TokenRequest {
    let mut wanted = TokenRequest::new(sandbox.key().name());
    wanted.client_id = client_id.map(Into::into);
    wanted.ttl = Some(ttl);
    wanted
}

/// A callback that returns JWTs, and counts how often it is asked.
struct JwtCallback {
    sandbox: Arc<Sandbox>,
    client_id: Option<&'static str>,
    first_ttl: i64,
    count: AtomicUsize,
}

impl JwtCallback {
    fn new(sandbox: &Arc<Sandbox>, client_id: Option<&'static str>, first_ttl: i64) -> Arc<Self> {
        Arc::new(JwtCallback { sandbox: Arc::clone(sandbox), client_id, first_ttl, count: AtomicUsize::new(0) })
    }

    fn count(&self) -> usize {
        self.count.load(Ordering::SeqCst)
    }

    /// Registers it.
    fn of<Client>(self: &Arc<Self>, builder: Builder<Client>) -> Builder<Client> {
        let callback = Arc::clone(self);
        builder.auth_callback(move |params| {
            let jwt = callback.make(&params);
            async move { jwt }
        })
    }

    fn make(&self, params: &TokenParams) -> Result<Secret, Error> {
        let is_first = self.count.fetch_add(1, Ordering::SeqCst) == 0;
        let client_id = self.client_id.or(params.client_id.as_deref());
        let ttl = if is_first { self.first_ttl } else { HOUR };
        self.sandbox.issue_jwt(&claims(&self.sandbox, client_id, ttl), None)
    }
}

/// The status of a channel: a request that needs authentication.
async fn channel_status(auth: &Auth) -> Response {
    auth.request(RestRequest::new("GET", "/channels/test")).await.unwrap()
}

/// The next change to that state.
async fn until(changes: &mut StateChanges, state: ConnectionState) -> ConnectionStateChange {
    loop {
        let change = changes.next().await.unwrap();
        if change.event == ConnectionEventKind::State(state) {
            return change;
        }
    }
}
