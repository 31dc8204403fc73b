//! What of the client options holds for a machine's whole life.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::options::{ClientOptions, Endpoint};

/// The unchanging part of the options, in the form in which it is used.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Settings {
    pub(super) client_id: Option<String>,
    pub(super) agent: Cow<'static, str>,
    pub(super) tls: bool,
    port: Option<u16>,
    pub(super) primary_host: Cow<'static, str>,
    fallbacks: Fallbacks,
    pub(super) http_open_timeout: u32,
    pub(super) http_request_timeout: u32,
    pub(super) http_max_retry_count: u32,
    pub(super) http_max_retry_duration: u32,
    pub(super) fallback_retry_timeout: u32,
    pub(super) realtime_request_timeout: u32,
    pub(super) add_request_ids: bool,
}

/// The fallback hosts: worked out when they are needed, which is seldom.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Fallbacks {
    /// None: of the main one.
    OfEndpoint(Option<Box<Endpoint>>),
    Given(Box<[String]>),
}

impl Settings {
    pub(super) fn new(options: &ClientOptions) -> Self {
        Settings {
            client_id: options.client_id.clone(),
            agent: options.agent(),
            tls: options.tls,
            port: if options.tls { options.tls_port } else { options.port },
            primary_host: options.endpoint.primary_domain(),
            fallbacks: match &options.fallback_hosts {
                Some(hosts) => Fallbacks::Given(hosts.clone().into()),
                None => {
                    let endpoint = Some(options.endpoint.clone()).filter(|endpoint| *endpoint != Endpoint::Main);
                    Fallbacks::OfEndpoint(endpoint.map(Box::new))
                }
            },
            http_open_timeout: options.http_open_timeout,
            http_request_timeout: options.http_request_timeout,
            http_max_retry_count: options.http_max_retry_count,
            http_max_retry_duration: options.http_max_retry_duration,
            fallback_retry_timeout: options.fallback_retry_timeout,
            realtime_request_timeout: options.realtime_request_timeout,
            add_request_ids: options.add_request_ids,
        }
    }

    pub(super) fn fallback_hosts(&self) -> Vec<String> {
        match &self.fallbacks {
            Fallbacks::OfEndpoint(endpoint) => endpoint.as_deref().unwrap_or(&Endpoint::Main).fallback_domains(),
            Fallbacks::Given(hosts) => hosts.to_vec(),
        }
    }

    /// Scheme, host and port, as a URL starts with them.
    pub(super) fn origin(&self, host: &str) -> String {
        let scheme = if self.tls { "https" } else { "http" };
        match self.port {
            Some(port) => format!("{scheme}://{host}:{port}"),
            None => format!("{scheme}://{host}"),
        }
    }
}
