//! The sandbox on sockets: [`Sandbox`] puts a [`Service`] on two ports, plain and with TLS.
//!
//! A request is read, handed to the service under a lock that is never held across an await, and answered as
//! the service says; one that opens a WebSocket becomes a transport of the service's. The time is the system's, or
//! stands still until it is moved.

#![allow(clippy::disallowed_methods, reason = "a server waits and reads the clock")]

mod builder;
mod clock;
mod deliver;
mod listen;
mod page;
mod realtime;
mod shared;
mod tls;
mod websocket;

use std::io;
use std::net::IpAddr;
use std::string::{String, ToString as _};
use std::sync::Arc;
use std::time::Duration;
use std::vec::Vec;
use std::{fmt, format};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request as HttpRequest, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::service::{Fault, IssuedToken, RequestRecord, Service};
use crate::options::{ApiKey, AuthOptions, ClientOptions, Endpoint};
use crate::wire::{Error, Secret, TokenDetails, TokenRequest};
use shared::Shared;

pub use builder::SandboxBuilder;

/// How long a client may take for the body of a request.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// A running sandbox. It stops when it is dropped.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use ably_auth::sandbox::Sandbox;
///
/// let sandbox = Sandbox::start().await?;
/// assert!(sandbox.url("/time").starts_with("http://127.0.0.1:"));
/// let options = sandbox.options_with_key();
/// assert_eq!(options.tls_port, Some(sandbox.https_port()));
/// # Ok(())
/// # }
/// ```
pub struct Sandbox {
    shared: Arc<Shared>,
    host: IpAddr,
    ports: [u16; 2],
    keys: Vec<ApiKey>,
    root_pem: String,
    root_der: Vec<u8>,
    tls: TlsAcceptor,
    /// What runs while the sandbox does; nothing where it was stopped.
    tasks: Vec<JoinHandle<()>>,
}

impl Sandbox {
    /// Starts a sandbox on ports of the system's choosing, with one app that has the keys of
    /// [`KeySpec::test_app`](super::KeySpec::test_app).
    ///
    /// # Errors
    ///
    /// Those of the operating system.
    pub async fn start() -> io::Result<Sandbox> {
        Sandbox::builder().start().await
    }

    /// A sandbox to be set up otherwise.
    pub fn builder() -> SandboxBuilder {
        SandboxBuilder::new()
    }

    /// The first key: it may do everything on every channel.
    pub fn key(&self) -> &ApiKey {
        &self.keys[0]
    }

    /// All keys in their order; unless set up otherwise those of [`KeySpec::test_app`](super::KeySpec::test_app).
    pub fn keys(&self) -> &[ApiKey] {
        &self.keys
    }

    /// The first key whose tokens can be revoked. With the keys of the test app that is the one at index 4.
    pub fn revocable_key(&self) -> Option<&ApiKey> {
        self.shared.look(|service| self.keys.iter().find(|key| service.is_revocable(key.name())))
    }

    /// The id of the first key's app.
    pub fn app_id(&self) -> &str {
        let name = self.key().name();
        name.split_once('.').map_or(name, |(app_id, _)| app_id)
    }

    /// Options of a client of this sandbox that authenticates in this way. It uses TLS, and must be told to
    /// trust [`Sandbox::root_certificate_pem`]; set `tls` to false for plain HTTP with a token.
    pub fn options(&self, auth: AuthOptions) -> ClientOptions {
        let mut options = ClientOptions::with_auth(auth);
        options.endpoint = Endpoint::Host(self.host_text());
        options.port = Some(self.http_port());
        options.tls_port = Some(self.https_port());
        options
    }

    /// Options of a client of this sandbox that has the first key.
    pub fn options_with_key(&self) -> ClientOptions {
        self.options(AuthOptions { key: Some(self.key().clone()), ..AuthOptions::default() })
    }

    /// The port without TLS.
    pub fn http_port(&self) -> u16 {
        self.ports[0]
    }

    /// The port with TLS.
    pub fn https_port(&self) -> u16 {
        self.ports[1]
    }

    /// The URL of a path, such as `/time`, without TLS.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}:{}{path}", self.host_text(), self.http_port())
    }

    /// The URL of a path with TLS.
    pub fn secure_url(&self, path: &str) -> String {
        format!("https://{}:{}{path}", self.host_text(), self.https_port())
    }

    /// The URL of an auth server that answers as it is told to, such as `details`, `token?delivery=never` or
    /// `error?status=403`; without TLS. The module's documentation lists the answers.
    pub fn auth_url(&self, answer: &str) -> String {
        self.url(&format!("/auth-url/{answer}"))
    }

    /// The same with TLS.
    pub fn secure_auth_url(&self, answer: &str) -> String {
        self.secure_url(&format!("/auth-url/{answer}"))
    }

    /// The certificate that a client must trust, as PEM.
    pub fn root_certificate_pem(&self) -> &str {
        &self.root_pem
    }

    /// The certificate that a client must trust, as DER.
    pub fn root_certificate_der(&self) -> &[u8] {
        &self.root_der
    }

    /// The service's time, in milliseconds since the epoch.
    pub fn now(&self) -> i64 {
        self.shared.clock().now()
    }

    /// Moves the service's time, real or virtual, by some milliseconds, and does what is then due. Whatever was
    /// due on the way happens at the end of it: to let a client react to being asked for a token, stop there.
    pub fn advance(&self, milliseconds: i64) {
        self.shared.clock().advance(milliseconds);
        self.shared.run(Service::handle_timeout);
    }

    /// Issues a token without any request, as a server of one's own would have got it: for what `wanted` asks,
    /// by the key that it names; timestamp, nonce and mac do not matter.
    ///
    /// # Errors
    ///
    /// The service's, such as 40160/401 where the key has none of the capability.
    pub fn issue_token(&self, wanted: &TokenRequest) -> Result<TokenDetails, Error> {
        self.shared.run(|service, now| service.issue_token(wanted, now)).map(|token| token.details())
    }

    /// A JWT as a server of one's own would have made it: for what `wanted` asks, signed by the key that it names;
    /// timestamp, nonce and mac do not matter.
    ///
    /// # Errors
    ///
    /// 40400 where there is no such key.
    pub fn issue_jwt(&self, wanted: &TokenRequest, revocation_key: Option<&str>) -> Result<Secret, Error> {
        self.shared.run(|service, now| service.issue_jwt(wanted, revocation_key, now))
    }

    /// The tokens that were issued, in their order.
    pub fn tokens(&self) -> Vec<IssuedToken> {
        self.shared.look(|service| service.tokens().cloned().collect())
    }

    /// The last requests, the oldest first; a thousand at most.
    pub fn requests(&self) -> Vec<RequestRecord> {
        self.shared.look(|service| service.requests().cloned().collect())
    }

    /// Lets something go wrong: for the next requests, WebSockets or frames that match. Returns an id to remove the
    /// fault by.
    ///
    /// # Errors
    ///
    /// 40000/400 where the effect cannot happen to what would meet it, or there are a hundred faults already.
    pub fn inject(&self, fault: Fault) -> Result<u64, Error> {
        self.shared.run(|service, _| service.inject(fault))
    }

    /// The faults that are still to happen, with their ids.
    pub fn faults(&self) -> Vec<(u64, Fault)> {
        self.shared.look(|service| service.faults().map(|(id, fault)| (id, fault.clone())).collect())
    }

    /// Removes a fault. Returns whether it was still to happen.
    pub fn remove_fault(&self, id: u64) -> bool {
        self.shared.run(|service, _| service.remove_fault(id))
    }

    /// Removes all faults.
    pub fn clear_faults(&self) {
        self.shared.run(|service, _| service.clear_faults());
    }

    /// Looks at the service, or changes it, between two requests. The second argument is its time.
    pub fn with_service<R>(&self, look: impl FnOnce(&mut Service, i64) -> R) -> R {
        self.shared.run(look)
    }

    /// Stops at once, as a server that dies: every connection is cut off, and the ports are free.
    /// [`Sandbox::restart`] goes on with the same keys, tokens and connections.
    pub async fn stop(&mut self) {
        for task in self.tasks.drain(..) {
            task.abort();
            let _ = task.await;
        }
        self.shared.cut_all();
    }

    /// Stops, if it runs, and listens on the same ports again.
    ///
    /// # Errors
    ///
    /// Those of the operating system, such as a port that somebody else has taken. The sandbox is then stopped.
    pub async fn restart(&mut self) -> io::Result<()> {
        self.stop().await;
        let listeners = listen::bind(self.host, self.ports).await?;
        self.serve(listeners);
        Ok(())
    }

    /// Stops at once: every connection is cut off, and the ports are free again.
    pub async fn shutdown(mut self) {
        self.stop().await;
    }

    fn serve(&mut self, [plain, secure]: [TcpListener; 2]) {
        let router = |transport| Router::new().fallback(answer).with_state((Arc::clone(&self.shared), transport));
        let tls = Some(self.tls.clone());
        self.tasks.push(tokio::spawn(listen::serve(plain, None, router(Transport::Plain))));
        self.tasks.push(tokio::spawn(listen::serve(secure, tls, router(Transport::Tls))));
        if self.shared.clock().is_real() {
            self.tasks.push(tokio::spawn(Arc::clone(&self.shared).keep_time()));
        }
    }

    fn host_text(&self) -> String {
        match self.host {
            IpAddr::V4(host) => host.to_string(),
            IpAddr::V6(host) => format!("[{host}]"),
        }
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
        self.shared.cut_all();
    }
}

impl fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sandbox")
            .field("host", &self.host)
            .field("http_port", &self.http_port())
            .field("https_port", &self.https_port())
            .field("keys", &self.keys)
            .finish_non_exhaustive()
    }
}

/// What a request came over.
#[derive(Clone, Copy, PartialEq)]
enum Transport {
    Plain,
    Tls,
}

async fn answer(State((shared, transport)): State<(Arc<Shared>, Transport)>, request: HttpRequest<Body>) -> Response {
    let (head, body) = request.into_parts();
    if websocket::is_wanted(&head) {
        return websocket::accept(&shared, head, transport == Transport::Tls).await;
    }
    if let Some(page) = page::answer(&shared, &head) {
        return page;
    }
    let reading = deliver::read(&head, body, transport == Transport::Tls);
    let Ok(Some(request)) = timeout(BODY_TIMEOUT, reading).await else {
        return StatusCode::REQUEST_TIMEOUT.into_response();
    };
    let reply = shared.handle(&request);
    deliver::deliver(reply, shared.latency()).await
}
