//! What of the client options concerns a connection.

use alloc::borrow::Cow;
use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::base::Random;
use crate::options::{ClientOptions, Params};
use crate::wire::Secret;

/// How long the service keeps a lost connection, unless it says otherwise, in milliseconds (`DF1a`).
pub(super) const CONNECTION_STATE_TTL: u64 = 120_000;

/// The options of a connection; they never change.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Settings {
    pub(super) client_id: Option<String>,
    pub(super) agent: Cow<'static, str>,
    pub(super) echo_messages: bool,
    pub(super) pings_visible: bool,
    pub(super) transport_params: Params,
    pub(super) primary_host: Cow<'static, str>,
    pub(super) connectivity_check_url: Secret,
    pub(super) http_request_timeout: u32,
    pub(super) realtime_request_timeout: u32,
    pub(super) disconnected_retry_timeout: u32,
    pub(super) suspended_retry_timeout: u32,
    fallback_hosts: Vec<String>,
    max_fallbacks: usize,
    tls: bool,
    port: Option<u16>,
}

impl Settings {
    pub(super) fn new(options: &ClientOptions) -> Self {
        Settings {
            client_id: options.client_id.clone(),
            agent: options.agent(),
            echo_messages: options.echo_messages,
            pings_visible: options.pings_visible,
            transport_params: options.transport_params.clone(),
            primary_host: options.endpoint.primary_domain(),
            connectivity_check_url: options.connectivity_check_url().into(),
            http_request_timeout: options.http_request_timeout,
            realtime_request_timeout: options.realtime_request_timeout,
            disconnected_retry_timeout: options.disconnected_retry_timeout,
            suspended_retry_timeout: options.suspended_retry_timeout,
            fallback_hosts: options.fallback_domains(),
            max_fallbacks: options.http_max_retry_count as usize,
            tls: options.tls,
            port: if options.tls { options.tls_port } else { options.port },
        }
    }

    /// Scheme, host and port, as a URL starts with them.
    pub(super) fn origin(&self, host: &str) -> String {
        let scheme = if self.tls { "wss" } else { "ws" };
        match self.port {
            Some(port) => format!("{scheme}://{host}:{port}"),
            None => format!("{scheme}://{host}"),
        }
    }

    /// The fallback hosts to try, in random order (`RTN17j`).
    pub(super) fn fallbacks(&self, random: &mut Random) -> VecDeque<String> {
        let mut hosts = self.fallback_hosts.clone();
        hosts.retain(|host| *host != self.primary_host);
        random.shuffle(&mut hosts);
        hosts.truncate(self.max_fallbacks);
        hosts.into()
    }

    /// How long to wait before the nth retry, with jitter (`RTB1`).
    pub(super) fn retry_in(&self, n: u32, random: &mut Random) -> u64 {
        let base = u64::from(self.disconnected_retry_timeout);
        // min((n + 2) / 3, 2), in thirds; then 0.8 to 1, in parts of a million.
        let thirds = u64::from(n.saturating_add(2).min(6));
        let jitter = 800_000 + random.below(200_001);
        base * thirds * jitter / 3_000_000
    }
}
