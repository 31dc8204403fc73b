//! What a client has under way: HTTP requests, calls of callbacks, and sockets.
//!
//! Each is a task of its own, with one exception: a request that is for one operation alone is an errand of whoever
//! waits for the operation, which saves two changes of task.

use core::fmt;
use core::time::Duration;
use std::collections::HashMap;
use std::string::String;
use std::sync::{Arc, Weak};

use ::tokio::runtime::Handle;
use ::tokio::select;
use ::tokio::sync::{Semaphore, oneshot};
use ::tokio::task::AbortHandle;
use ::tokio::time::timeout;
use tracing::{Instrument as _, debug, debug_span};

use super::callback::Callbacks;
use super::driver::Driver;
use super::frames::Inbox;
use super::http::HttpClient;
use super::socket::{self, Line, Opener, Work};
use crate::http::{HttpRequest, Url};
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

/// What is under way. Dropping this gives it all up, but for sockets.
pub(super) struct Tasks {
    driver: Weak<Driver>,
    runtime: Handle,
    surroundings: Surroundings,
    wire: Arc<Semaphore>,
    running: HashMap<Task, Running>,
}

/// What a task is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Task {
    Http(HttpId),
    Callback(CallbackId),
}

enum Running {
    Task(AbortHandle),
    /// Dropping the sender tells who is on it.
    Errand(#[expect(dead_code, reason = "held to be dropped")] oneshot::Sender<()>),
}

/// An HTTP request to be sent once it has its turn.
struct Sending {
    http: Arc<HttpClient>,
    wire: Arc<Semaphore>,
    id: HttpId,
    request: HttpRequest,
    body_limit: usize,
}

/// An HTTP request that whoever waits for an operation sends.
pub(super) struct Errand {
    sending: Sending,
    given_up: oneshot::Receiver<()>,
}

impl Tasks {
    pub(super) fn new(driver: Weak<Driver>, runtime: Handle, surroundings: Surroundings) -> Self {
        let wire = Arc::new(Semaphore::new(MAX_REQUESTS_ON_THE_WIRE));
        Tasks { driver, runtime, surroundings, wire, running: HashMap::new() }
    }

    /// Whether the caller is in the runtime that requests must be sent in.
    pub(super) fn caller_is_at_home(&self) -> bool {
        Handle::try_current().is_ok_and(|runtime| runtime.id() == self.runtime.id())
    }

    /// Sends an HTTP request, and reports what came of it.
    pub(super) fn send(&mut self, id: HttpId, request: HttpRequest, body_limit: usize) {
        let sending = self.sending(id, request, body_limit);
        self.spawn(Task::Http(id), async { Some(sending.send().await) });
    }

    /// Leaves it to the caller to do so.
    pub(super) fn errand(&mut self, id: HttpId, request: HttpRequest, body_limit: usize) -> Errand {
        let (running, given_up) = oneshot::channel();
        self.running.insert(Task::Http(id), Running::Errand(running));
        Errand { sending: self.sending(id, request, body_limit), given_up }
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

    /// Opens a socket, which then carries frames. It is not among what can be given up here: it ends by itself, soon
    /// after its [`Socket`](super::socket::Socket) is gone.
    pub(super) fn carry(&self, id: SocketId, url: Secret, work: Work, inbox: Arc<Inbox>) {
        let span = debug_span!(parent: None, "socket", id = id.as_u64(), host = host(&url));
        let line = Line { driver: Weak::clone(&self.driver), id, inbox };
        self.runtime.spawn(socket::carry(self.surroundings.sockets.clone(), url, work, line).instrument(span));
    }

    /// Gives the task up, wherever it is.
    pub(super) fn abort(&mut self, task: Task) {
        if let Some(Running::Task(task)) = self.running.remove(&task) {
            task.abort();
        }
    }

    /// The task is about to end by itself.
    pub(super) fn forget(&mut self, task: Task) {
        self.running.remove(&task);
    }

    fn sending(&self, id: HttpId, request: HttpRequest, body_limit: usize) -> Sending {
        let (http, wire) = (Arc::clone(&self.surroundings.http), Arc::clone(&self.wire));
        Sending { http, wire, id, request, body_limit }
    }

    fn spawn(&mut self, task: Task, answer: impl Future<Output = Option<Event>> + Send + 'static) {
        let driver = Weak::clone(&self.driver);
        let running = self.runtime.spawn(async move {
            let event = answer.await;
            if let Some(driver) = driver.upgrade() {
                driver.on_finished(task, event);
            }
        });
        self.running.insert(task, Running::Task(running.abort_handle()));
    }
}

impl Drop for Tasks {
    fn drop(&mut self) {
        for running in self.running.values() {
            if let Running::Task(task) = running {
                task.abort();
            }
        }
    }
}

impl Errand {
    /// Sends the request, and reports what came of it. Dropping the future drops the request.
    pub(super) async fn run(self, driver: &Driver) {
        let Errand { sending, given_up } = self;
        let task = Task::Http(sending.id);
        let event = select! {
            biased;
            _ = given_up => return,
            event = sending.send() => event,
        };
        driver.on_finished(task, Some(event));
    }
}

impl Sending {
    async fn send(self) -> Event {
        let Sending { http, wire, id, request, body_limit } = self;
        let span = debug_span!(
            "http", id = id.as_u64(), method = request.method, url = %WithoutSecrets(&request)
        );
        let answer = async move {
            // Waiting for a turn cannot fail: nobody closes the semaphore.
            let _turn = wire.acquire().await;
            match http.send(request, body_limit).await {
                Ok(response) => {
                    debug!(status = response.status, "answered");
                    Event::HttpResponse { id, response }
                }
                Err(failure) => {
                    debug!(kind = ?failure.kind, reason = failure.message, "failed");
                    Event::HttpFailed { id, failure }
                }
            }
        };
        answer.instrument(span).await
    }
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
