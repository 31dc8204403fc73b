//! Setting a sandbox up.

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;
use std::vec::Vec;

use tokio_rustls::TlsAcceptor;

use super::clock::Clock;
use super::shared::Shared;
use super::{Sandbox, listen, tls};
use crate::options::ApiKey;
use crate::sandbox::choices::Choices;
use crate::sandbox::service::{KeySpec, Service};
use crate::wire::Error;

/// How a sandbox is to be set up.
#[must_use]
pub struct SandboxBuilder {
    host: IpAddr,
    ports: [u16; 2],
    seed: Option<[u8; 32]>,
    clock: Clock,
    latency: Duration,
    choices: Choices,
    keys: Vec<KeySpec>,
    given_keys: Vec<(ApiKey, KeySpec)>,
}

impl SandboxBuilder {
    pub(super) fn new() -> Self {
        SandboxBuilder {
            host: Ipv4Addr::LOCALHOST.into(),
            ports: [0, 0],
            seed: None,
            clock: Clock::real(),
            latency: Duration::ZERO,
            choices: Choices::default(),
            keys: KeySpec::test_app().into(),
            given_keys: Vec::new(),
        }
    }

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

    /// Everything that the sandbox sends takes this long, as over a slow network.
    pub fn latency(mut self, latency: Duration) -> Self {
        self.latency = latency;
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
        let listeners = listen::bind(self.host, self.ports).await?;
        let [plain, secure] = &listeners;
        let mut sandbox = Sandbox {
            shared: Arc::new(Shared::new(service, self.clock, self.latency)),
            host: self.host,
            ports: [plain.local_addr()?.port(), secure.local_addr()?.port()],
            keys,
            root_pem: identity.root_pem,
            root_der: identity.root_der,
            tls: TlsAcceptor::from(identity.config),
            tasks: Vec::new(),
        };
        sandbox.serve(listeners);
        Ok(sandbox)
    }
}
