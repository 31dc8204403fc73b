//! What a client has under way: HTTP requests, calls of callbacks, and sockets, each a task of its own.

use core::fmt;
use core::time::Duration;
use std::collections::HashMap;
use std::string::String;
use std::sync::{Arc, Weak};

use ::tokio::runtime::Handle;
use ::tokio::sync::Semaphore;
use ::tokio::task::AbortHandle;
use ::tokio::time::timeout;
use tracing::{Instrument as _, debug, debug_span};

use super::callback::Callbacks;
use super::driver::Driver;
use super::frames::Inbox;
use super::http::HttpClient;
use super::socket::{self, Line, Opener, Work};
use crate::http::{HttpFailure, HttpRequest, HttpResponse, Url};
use crate::wire::{Secret, TokenParams};
use crate::{CallbackId, Event, HttpId, SocketId};

/// How many HTTP requests one client has on the wire at a time; the others wait for their turn. Each may be a
/// connection, and the system allows a process only so many.
const MAX_REQUESTS_ON_THE_WIRE: usize = 128;

/// What the tasks of a client work with.
pub(super) struct Surroundings {
    pub(super) http: Arc<HttpClient>,
    pub(super) sockets: Opener,
    pub(super) callbacks: Callbacks,
    /// How long the machine waits for a callback.
    pub(super) callback_timeout: Duration,
}

/// The tasks under way. Dropping this aborts them all, but for sockets.
pub(super) struct Tasks {
    driver: Weak<Driver>,
    runtime: Handle,
    surroundings: Surroundings,
    wire: Arc<Semaphore>,
    running: HashMap<Task, AbortHandle>,
}

/// What a task is for.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Task {
    Http(HttpId),
    Callback(CallbackId),
}

impl Tasks {
    pub(super) fn new(driver: Weak<Driver>, runtime: Handle, surroundings: Surroundings) -> Self {
        let wire = Arc::new(Semaphore::new(MAX_REQUESTS_ON_THE_WIRE));
        Tasks { driver, runtime, surroundings, wire, running: HashMap::new() }
    }

    /// Sends an HTTP request once it has its turn, and reports what came of it.
    pub(super) fn send(&mut self, id: HttpId, request: HttpRequest, body_limit: usize) {
        let span = debug_span!(
            parent: None, "http", id = id.as_u64(), method = request.method, url = %WithoutSecrets(&request)
        );
        let (http, wire) = (Arc::clone(&self.surroundings.http), Arc::clone(&self.wire));
        let answer = async move {
            // Waiting for a turn cannot fail: nobody closes the semaphore.
            let _turn = wire.acquire().await;
            Some(match send(&http, request, body_limit).await {
                Ok(response) => Event::HttpResponse { id, response },
                Err(failure) => Event::HttpFailed { id, failure },
            })
        };
        self.spawn(Task::Http(id), answer.instrument(span));
    }

    /// Calls a callback, and reports what came of it. The machine gives up waiting for one that is late; so it is
    /// dropped then, and nothing reported.
    pub(super) fn call(&mut self, id: CallbackId, name: String, params: TokenParams) {
        let span = debug_span!(parent: None, "callback", id = id.as_u64(), name);
        let call = timeout(self.surroundings.callback_timeout, self.surroundings.callbacks.clone().call(name, params));
        let answer = async move {
            Some(match call.await.ok()? {
                Ok(value) => Event::CallbackResult { id, value },
                Err(error) => Event::CallbackFailed { id, error },
            })
        };
        self.spawn(Task::Callback(id), answer.instrument(span));
    }

    /// Opens a socket, which then carries frames. It is not among the tasks under way: it ends by itself, soon after
    /// its [`Socket`](super::socket::Socket) is gone.
    pub(super) fn carry(&self, id: SocketId, url: Secret, work: Work, inbox: Arc<Inbox>) {
        let span = debug_span!(parent: None, "socket", id = id.as_u64(), host = host(&url));
        let line = Line { driver: Weak::clone(&self.driver), id, inbox };
        self.runtime.spawn(socket::carry(self.surroundings.sockets.clone(), url, work, line).instrument(span));
    }

    /// Drops the task, wherever it is.
    pub(super) fn abort(&mut self, task: Task) {
        if let Some(task) = self.running.remove(&task) {
            task.abort();
        }
    }

    /// The task is about to end by itself.
    pub(super) fn forget(&mut self, task: Task) {
        self.running.remove(&task);
    }

    fn spawn(&mut self, task: Task, answer: impl Future<Output = Option<Event>> + Send + 'static) {
        let driver = Weak::clone(&self.driver);
        let running = self.runtime.spawn(async move {
            let event = answer.await;
            if let Some(driver) = driver.upgrade() {
                driver.on_finished(task, event);
            }
        });
        self.running.insert(task, running.abort_handle());
    }
}

impl Drop for Tasks {
    fn drop(&mut self) {
        self.running.values().for_each(AbortHandle::abort);
    }
}

async fn send(http: &HttpClient, request: HttpRequest, body_limit: usize) -> Result<HttpResponse, HttpFailure> {
    let outcome = http.send(request, body_limit).await;
    match &outcome {
        Ok(response) => debug!(status = response.status, "answered"),
        Err(failure) => debug!(kind = ?failure.kind, reason = failure.message, "failed"),
    }
    outcome
}

/// The part of a connect URL that may be logged.
fn host(url: &Secret) -> &str {
    url.expose().split('?').next().unwrap_or_default()
}

/// A request's URL as it may be logged.
struct WithoutSecrets<'a>(&'a HttpRequest);

impl fmt::Display for WithoutSecrets<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Url::parse(self.0.url.expose()) {
            Some(url) => f.write_str(&url.without_secrets()),
            None => f.write_str("[unreadable]"),
        }
    }
}
