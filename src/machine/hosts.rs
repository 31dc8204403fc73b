//! Which host to ask first, and whom next (`RSC15`, `RSC25`).

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::string::String;

use super::settings::Settings;
use crate::base::Random;

/// What is known of the hosts: which fallback host worked last, and which one a connection is up on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Hosts {
    pinned: Option<Box<Pin>>,
    /// The fallback host that a connection is up on (`RTN17e`).
    connection: Option<Box<str>>,
}

/// A fallback host that worked is asked first for a while (`RSC15f`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Pin {
    host: String,
    until: u64,
}

impl Hosts {
    /// The host that a new request is sent to first.
    pub(super) fn first<'a>(&'a mut self, settings: &'a Settings, mono: u64) -> &'a str {
        if self.pinned.as_ref().is_some_and(|pin| pin.until <= mono) {
            self.pinned = None;
        }
        let pinned = self.pinned.as_ref().map(|pin| pin.host.as_str());
        self.connection.as_deref().or(pinned).unwrap_or(&settings.primary_host)
    }

    /// The hosts to try after the first one has failed: the primary, if that was another, then fallbacks in
    /// random order (`RSC15a`).
    pub(super) fn after_first(&self, first: &str, settings: &Settings, random: &mut Random) -> VecDeque<String> {
        let mut hosts = settings.fallback_hosts();
        if hosts.is_empty() {
            return VecDeque::new();
        }
        hosts.retain(|host| host != first && *host != settings.primary_host);
        random.shuffle(&mut hosts);
        let mut hosts = VecDeque::from(hosts);
        if first != settings.primary_host {
            hosts.push_front(settings.primary_host.clone().into_owned());
        }
        hosts.truncate(settings.http_max_retry_count as usize);
        hosts
    }

    /// A request that had to fall back has succeeded on this host.
    pub(super) fn on_fallback_success(&mut self, host: &str, settings: &Settings, until: u64) {
        let is_fallback = host != settings.primary_host;
        self.pinned = is_fallback.then(|| Box::new(Pin { host: host.into(), until }));
    }

    /// A request has failed on this host in a way that another may mend.
    pub(super) fn on_failure(&mut self, host: &str) {
        if self.pinned.as_ref().is_some_and(|pin| pin.host == host) {
            self.pinned = None;
        }
    }

    /// A connection is up on this host, or, with none, no connection is up.
    pub(super) fn on_connection(&mut self, host: Option<&str>, settings: &Settings) {
        self.connection = host.filter(|host| *host != settings.primary_host).map(Into::into);
    }
}
