//! One logical request to the service: hosts to try, attempts, deadlines (`RSC15`).
//!
//! It is sent to one host after the other until one gives an answer that no other host would better, or no
//! host, no retry or no time is left. It never judges the answer beyond that; its owner does.

use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::String;

use super::action::client_id_header;
use super::errors;
use super::io::{Io, Owner, SERVICE_BODY_LIMIT};
use crate::base::{HttpId, TimerKind};
use crate::http::{Headers, HttpFailure, HttpFailureKind, HttpRequest, HttpResponse};
use crate::wire::{Error, PROTOCOL_VERSION, Secret};

/// What came of a request: an answer, whatever its status, or none.
pub(super) type HttpResult = Result<HttpResponse, HttpFailure>;

/// What is sent, but for the host.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Template {
    pub(super) method: String,
    /// The path with its query.
    pub(super) target: Secret,
    pub(super) headers: Headers,
    pub(super) body: Option<Secret>,
    /// In the query too, where the option `addRequestIds` is on (`RSC7c`).
    pub(super) request_id: Option<String>,
}

impl Template {
    /// A request with the headers that every request to the service has.
    pub(super) fn new(method: &str, path: &str, io: &mut Io) -> Self {
        let request_id = io.settings.add_request_ids.then(|| io.random.request_id());
        let mut headers = Headers::new();
        headers.append("X-Ably-Version", format!("{PROTOCOL_VERSION}"));
        headers.append("Ably-Agent", &*io.settings.agent);
        headers.append("Accept", "application/json");
        if let Some(client_id) = &io.settings.client_id {
            headers.append("X-Ably-ClientId", client_id_header(client_id));
        }
        let target = match &request_id {
            Some(id) => {
                let separator = if path.contains('?') { "&" } else { "?" };
                Secret::concat(&[path, separator, "request_id=", id])
            }
            None => path.into(),
        };
        Template { method: method.into(), target, headers, body: None, request_id }
    }

    #[must_use]
    pub(super) fn with_body(mut self, body: Secret) -> Self {
        if self.headers.find("content-type").is_none() {
            self.headers.append("Content-Type", "application/json");
        }
        self.body = Some(body);
        self
    }

    #[must_use]
    pub(super) fn with_authorization(mut self, authorization: &str) -> Self {
        self.headers.replace("Authorization", authorization);
        self
    }

    fn request(&self, io: &Io, host: &str) -> HttpRequest {
        HttpRequest {
            method: self.method.clone(),
            url: Secret::new(io.settings.origin(host) + self.target.expose()),
            headers: self.headers.clone(),
            body: self.body.clone(),
        }
    }
}

/// A request to the service that is under way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct AblyRequest {
    template: Template,
    /// When no further host is tried any more (`TO3l6`).
    retry_until: u64,
    attempt: Attempt,
    next_hosts: NextHosts,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Attempt {
    id: HttpId,
    host: String,
    times_out_at: u64,
}

/// The hosts still to try; the order is drawn when the first one has failed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum NextHosts {
    Undecided,
    Decided(VecDeque<String>),
}

/// Where a request stands after something happened to it.
pub(super) enum Progress {
    /// It is over.
    Done(HttpResult),
    /// Another host is to be tried: call [`AblyRequest::send_next`].
    Retry {
        next_host: String,
        /// Whether the failed attempt may have been carried out all the same.
        may_have_reached_server: bool,
    },
}

impl AblyRequest {
    /// Sends it to the host that comes first now.
    pub(super) fn start(template: Template, owner: Owner, io: &mut Io) -> Self {
        let host: String = io.hosts.first(&io.settings, io.clock.mono()).into();
        let retry_until = io.clock.after(io.settings.http_max_retry_duration);
        let attempt = Attempt::start(&template, host, owner, io);
        AblyRequest { template, retry_until, attempt, next_hosts: NextHosts::Undecided }
    }

    /// Sends it to the next host, with another body if one is given.
    pub(super) fn send_next(&mut self, next_host: String, body: Option<Secret>, owner: Owner, io: &mut Io) {
        if body.is_some() {
            self.template.body = body;
        }
        self.attempt = Attempt::start(&self.template, next_host, owner, io);
    }

    /// The attempt has been answered, or has failed.
    pub(super) fn on_result(&mut self, result: HttpResult, io: &mut Io) -> Progress {
        let result = result.and_then(whole);
        let (another_host_may_help, may_have_reached_server) = match &result {
            Ok(response) => (needs_fallback(response), true),
            Err(failure) => (failure.kind.qualifies_for_fallback(), failure.kind.may_have_reached_server()),
        };
        if !another_host_may_help {
            if self.has_fallen_back() && result.is_ok() {
                let until = io.clock.after(io.settings.fallback_retry_timeout);
                io.hosts.on_fallback_success(&self.attempt.host, &io.settings, until);
            }
            return Progress::Done(result);
        }
        io.hosts.on_failure(&self.attempt.host);
        let time_is_left = io.clock.mono() < self.retry_until;
        match self.next_host(io).filter(|_| time_is_left) {
            Some(next_host) => Progress::Retry { next_host, may_have_reached_server },
            None => Progress::Done(result),
        }
    }

    /// The attempt's time is over.
    pub(super) fn on_timeout(&mut self, io: &mut Io) -> Progress {
        self.abort(io);
        let message = format!("no response within {} ms", io.settings.http_request_timeout);
        self.on_result(Err(HttpFailure { kind: HttpFailureKind::Timeout, message: Some(message) }), io)
    }

    /// Gives it up.
    pub(super) fn abort(&self, io: &mut Io) {
        io.abort(self.attempt.id);
    }

    pub(super) fn deadline(&self) -> (u64, TimerKind) {
        (self.attempt.times_out_at, TimerKind::HttpRequest)
    }

    /// The error, with the request's id, and without the credentials that the service may have quoted.
    pub(super) fn own(&self, error: Error) -> Error {
        let error = match &self.template.request_id {
            Some(id) => error.with_request_id(id.clone()),
            None => error,
        };
        match self.template.headers.find("authorization") {
            Some(authorization) => errors::without_credentials(error, authorization),
            None => error,
        }
    }

    fn has_fallen_back(&self) -> bool {
        matches!(self.next_hosts, NextHosts::Decided(_))
    }

    fn next_host(&mut self, io: &mut Io) -> Option<String> {
        if let NextHosts::Undecided = self.next_hosts {
            let hosts = io.hosts.after_first(&self.attempt.host, &io.settings, &mut io.random);
            self.next_hosts = NextHosts::Decided(hosts);
        }
        match &mut self.next_hosts {
            NextHosts::Decided(hosts) => hosts.pop_front(),
            NextHosts::Undecided => None,
        }
    }
}

impl Attempt {
    fn start(template: &Template, host: String, owner: Owner, io: &mut Io) -> Self {
        let request = template.request(io, &host);
        let id = io.send(owner, request);
        Attempt { id, host, times_out_at: io.clock.after(io.settings.http_request_timeout) }
    }
}

/// An answer that is longer than what is read of it has not been read to its end.
fn whole(response: HttpResponse) -> HttpResult {
    if response.body().len() <= SERVICE_BODY_LIMIT {
        return Ok(response);
    }
    let message = format!("the answer is longer than {SERVICE_BODY_LIMIT} bytes");
    Err(HttpFailure { kind: HttpFailureKind::Other, message: Some(message) })
}

/// Whether an answer says that the host is not fit to answer (`RSC15l3`, `RSC15l4`).
fn needs_fallback(response: &HttpResponse) -> bool {
    let from_cloudfront = || response.headers.find("server").is_some_and(|server| server.trim() == "CloudFront");
    (500..=504).contains(&response.status) || (response.status >= 400 && from_cloudfront())
}
