//! The sandbox on sockets: [`Sandbox`] puts a [`Service`] on two ports, plain and with TLS.
//!
//! A request is read, handed to the service under a lock that is never held across an await, and answered as
//! the service says. The time is the system's, or stands still until it is moved.

mod clock;
mod deliver;
mod listen;
mod tls;

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::string::{String, ToString as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use std::vec::Vec;
use std::{fmt, format};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request as HttpRequest, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::choices::Choices;
use super::service::{IssuedToken, KeySpec, RequestRecord, Service};
use crate::options::{ApiKey, AuthOptions, ClientOptions, Endpoint};
use crate::wire::{Error, TokenDetails, TokenRequest};
use clock::Clock;

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
    servers: [JoinHandle<()>; 2],
}

struct Shared {
    service: Mutex<Service>,
    clock: Clock,
}

impl Shared {
    fn service(&self) -> MutexGuard<'_, Service> {
        // A panic in a test that looks at the service leaves it as it was.
        self.service.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sandbox {
    /// Starts a sandbox on ports of the system's choosing, with one app that has the keys of
    /// [`KeySpec::test_app`].
    ///
    /// # Errors
    ///
    /// Those of the operating system.
    pub async fn start() -> io::Result<Sandbox> {
        Sandbox::builder().start().await
    }

    /// A sandbox to be set up otherwise.
    pub fn builder() -> SandboxBuilder {
        SandboxBuilder {
            host: Ipv4Addr::LOCALHOST.into(),
            ports: [0, 0],
            seed: None,
            clock: Clock::real(),
            choices: Choices::default(),
            keys: KeySpec::test_app().into(),
            given_keys: Vec::new(),
        }
    }

    /// The first key: it may do everything on every channel.
    pub fn key(&self) -> &ApiKey {
        &self.keys[0]
    }

    /// All keys in their order; unless set up otherwise those of [`KeySpec::test_app`].
    pub fn keys(&self) -> &[ApiKey] {
        &self.keys
    }

    /// The first key whose tokens can be revoked. With the keys of the test app that is the one at index 4.
    pub fn revocable_key(&self) -> Option<&ApiKey> {
        let service = self.shared.service();
        self.keys.iter().find(|key| service.is_revocable(key.name()))
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
        self.shared.clock.now()
    }

    /// Moves the service's time, real or virtual, by some milliseconds.
    pub fn advance(&self, milliseconds: i64) {
        self.shared.clock.advance(milliseconds);
    }

    /// Issues a token without any request, as a server of one's own would have got it: for what `wanted` asks,
    /// by the key that it names; timestamp, nonce and mac do not matter.
    ///
    /// # Errors
    ///
    /// The service's, such as 40160/401 where the key has none of the capability.
    pub fn issue_token(&self, wanted: &TokenRequest) -> Result<TokenDetails, Error> {
        self.shared.service().issue_token(wanted, self.now()).map(|token| token.details())
    }

    /// The tokens that were issued, in their order.
    pub fn tokens(&self) -> Vec<IssuedToken> {
        self.shared.service().tokens().cloned().collect()
    }

    /// The last requests, the oldest first; a thousand at most.
    pub fn requests(&self) -> Vec<RequestRecord> {
        self.shared.service().requests().cloned().collect()
    }

    /// Looks at the service, or changes it, between two requests. The second argument is its time.
    pub fn with_service<R>(&self, look: impl FnOnce(&mut Service, i64) -> R) -> R {
        look(&mut self.shared.service(), self.shared.clock.now())
    }

    /// Stops at once: every connection is closed, and the ports are free again.
    pub async fn shutdown(mut self) {
        for server in &mut self.servers {
            server.abort();
            let _ = server.await;
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
        self.servers.iter().for_each(JoinHandle::abort);
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

/// How a sandbox is to be set up.
#[must_use]
pub struct SandboxBuilder {
    host: IpAddr,
    ports: [u16; 2],
    seed: Option<[u8; 32]>,
    clock: Clock,
    choices: Choices,
    keys: Vec<KeySpec>,
    given_keys: Vec<(ApiKey, KeySpec)>,
}

impl SandboxBuilder {
    /// Listens on this address instead of 127.0.0.1. Beyond loopback anybody on the network can reach it.
    pub fn host(mut self, host: IpAddr) -> Self {
        self.host = host;
        self
    }

    /// Listens on these ports, without and with TLS; 0 leaves the choice to the system.
    pub fn ports(mut self, http: u16, https: u16) -> Self {
        self.ports = [http, https];
        self
    }

    /// Keys and tokens follow from this seed; by default from the operating system's randomness.
    pub fn seed(mut self, seed: [u8; 32]) -> Self {
        self.seed = Some(seed);
        self
    }

    /// The service's time stands at this instant, in milliseconds since the epoch, until it is moved by
    /// [`Sandbox::advance`].
    pub fn virtual_time(mut self, start: i64) -> Self {
        self.clock = Clock::standing(start);
        self
    }

    /// Decides open points otherwise.
    pub fn choices(mut self, choices: Choices) -> Self {
        self.choices = choices;
        self
    }

    /// Sets up an app with keys of these kinds, and no others.
    pub fn app(mut self, keys: impl IntoIterator<Item = KeySpec>) -> Self {
        self.keys = keys.into_iter().collect();
        self
    }

    /// Sets up a key of one's own, ahead of the others.
    pub fn key(mut self, key: ApiKey, spec: KeySpec) -> Self {
        self.given_keys.push((key, spec));
        self
    }

    /// Starts it.
    ///
    /// # Errors
    ///
    /// Those of the operating system; `InvalidInput` for a key with an invalid capability, or no key at all.
    pub async fn start(self) -> io::Result<Sandbox> {
        let seed = self.seed.map_or_else(tls::random_seed, Ok)?;
        let mut service = Service::new(seed, self.choices);
        let invalid = |error: Error| io::Error::new(io::ErrorKind::InvalidInput, error);
        let mut keys = Vec::new();
        for (key, spec) in self.given_keys {
            service.add_key(key.clone(), spec).map_err(invalid)?;
            keys.push(key);
        }
        keys.extend(service.add_app(self.keys).map_err(invalid)?);
        if keys.is_empty() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "a sandbox needs a key"));
        }

        let identity = tls::make_identity(self.host)?;
        let [plain, secure] = listen::bind(self.host, self.ports).await?;
        let ports = [plain.local_addr()?.port(), secure.local_addr()?.port()];
        let shared = Arc::new(Shared { service: Mutex::new(service), clock: self.clock });
        let router = |secure| Router::new().fallback(answer).with_state((Arc::clone(&shared), secure));
        let servers = [
            tokio::spawn(listen::serve(plain, None, router(Transport::Plain))),
            tokio::spawn(listen::serve(secure, Some(TlsAcceptor::from(identity.config)), router(Transport::Tls))),
        ];
        Ok(Sandbox {
            shared,
            host: self.host,
            ports,
            keys,
            root_pem: identity.root_pem,
            root_der: identity.root_der,
            servers,
        })
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
    let reading = deliver::read(&head, body, transport == Transport::Tls);
    let Ok(Some(request)) = timeout(BODY_TIMEOUT, reading).await else {
        return StatusCode::REQUEST_TIMEOUT.into_response();
    };
    let reply = shared.service().handle(&request, shared.clock.now());
    deliver::deliver(reply).await
}
