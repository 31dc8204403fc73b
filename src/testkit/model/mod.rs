//! What a correct client may do next: the reference model of a session.
//!
//! A [`Model`] is told what the session is told, and each action that comes of it, and then looks at the session. It
//! knows no timers, no hosts and no formats of its own; it knows what is under way, what the service has said of
//! tokens, and what follows from that. Whatever does not follow is a [`Violation`] of a numbered [`Invariant`].
//!
//! Whoever drives a session in a loop of his own can have it watched, whatever the tests are about:
//!
//! ```
//! use ably_auth::options::{AuthOptions, ClientOptions};
//! use ably_auth::testkit::Model;
//! use ably_auth::trace::{Command, Input};
//! use ably_auth::{Action, CallbackValue, Event, Now, Session, SessionAction};
//!
//! let now = Now::new(0, 1_700_000_000_000);
//! let options = ClientOptions::with_auth(AuthOptions::with_callback("my-server"));
//! let mut session = Session::new(options, [7; 32], now)?;
//! let mut model = Model::new(&session);
//!
//! let operation = session.authorize(None, None, now);
//! model.on_input(&Input::Command(Command::Authorize(None, None)), Some(operation), now)?;
//! while let Some(action) = session.poll_action() {
//!     model.on_action(&action)?;
//!     if let SessionAction::Auth(Action::InvokeCallback { id, .. }) = action {
//!         let event = Event::CallbackResult { id, value: CallbackValue::from("a-new-token") };
//!         # model.check(&session, now)?;
//!         model.on_input(&Input::Event(event.clone().into()), None, now)?;
//!         session.handle_event(event.into(), now);
//!     }
//! }
//! model.check(&session, now)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod secrets;
mod step;
mod violation;
mod watch;

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::vec::Vec;
use core::fmt;
use core::hash::{Hash, Hasher};

use crate::connection::{ConnectionAction, ConnectionStateChange};
use crate::http::HttpRequest;
use crate::trace::Input;
use crate::wire::{ProtocolMessage, Secret, action};
use crate::{
    Action, CallbackId, ConnectionState, HttpId, NoticeKind, Now, OperationId, Session, SessionAction, SocketId,
};

pub(crate) use secrets::{Secrets, body_member};
use step::Step;
pub use violation::{Invariant, Violation};
pub(crate) use violation::{broken, ensure};

/// What a correct session may do next, given what it was told and what it has done.
///
/// For each input: [`on_input`](Self::on_input), then [`on_action`](Self::on_action) for every action, then
/// [`check`](Self::check). After the first violation it knows no more what is right.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Model {
    /// As the last change has it.
    state: ConnectionState,
    operations: BTreeMap<OperationId, Operation>,
    callbacks: BTreeSet<CallbackId>,
    requests: BTreeMap<HttpId, Request>,
    socket: Option<Socket>,
    /// The last of each kind: ids count up.
    last_ids: LastIds,
    /// The token last announced.
    token: Option<Secret>,
    /// When the service says that it expires.
    expires: Option<i64>,
    /// Tokens that the service has rejected and no source has returned since.
    rejected: Vec<Secret>,
    renewal: Renewal,
    /// The session's, when it was last looked at.
    deadline: Option<u64>,
    step: Step,
    secrets: Secrets,
}

/// An operation under way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Operation {
    kind: Kind,
    /// Whether a rejection of its request has caused a renewal.
    renewed: bool,
    /// The token its request is on its way with, from host to host.
    sent_with: Option<Secret>,
}

/// What an operation is, as far as tokens are concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    /// It gets a token of its own.
    RequestToken,
    Other,
}

/// A request without an answer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Request {
    purpose: Purpose,
    /// The operation it is for, if it is for one alone.
    operation: Option<OperationId>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Purpose {
    /// To get a token.
    Source,
    Time,
    /// With the library's token, which has or has not changed since.
    WithToken {
        is_current: bool,
    },
    Other,
}

/// The socket there is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Socket {
    id: SocketId,
    is_open: bool,
    /// The token that the service knows the connection by.
    token: Option<Secret>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct LastIds {
    operation: OperationId,
    callback: CallbackId,
    http: HttpId,
    socket: SocketId,
}

/// They are what the session counts, and add nothing to it.
impl Hash for LastIds {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

/// The states that a connection may come to next (`RTN4`). From connected to connected is an update.
pub(crate) fn may_follow(state: ConnectionState) -> &'static [ConnectionState] {
    use ConnectionState::{Closed, Closing, Connected, Connecting, Disconnected, Failed, Initialized, Suspended};
    match state {
        Initialized => &[Connecting, Closed, Failed],
        Connecting => &[Connected, Disconnected, Suspended, Closing, Failed],
        Connected => &[Connected, Disconnected, Closing, Closed, Failed],
        Disconnected => &[Connecting, Suspended, Closed, Failed],
        Suspended | Closing => &[Connecting, Closed, Failed],
        Closed => &[Connecting, Failed],
        Failed => &[Connecting],
    }
}

/// Whether a token error of the connection may cause a renewal; being connected gives another, and so does a new
/// connection after the last one has come to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Renewal {
    Available,
    Spent,
}

/// What it is told.
impl Model {
    /// Of a session that has just been made, before any action is taken from it.
    pub fn new(session: &Session) -> Self {
        let details = session.auth().token_details();
        let mut secrets = Secrets::default();
        details.iter().for_each(|details| secrets.learn(details.token.expose()));
        Model {
            state: ConnectionState::Initialized,
            operations: BTreeMap::new(),
            callbacks: BTreeSet::new(),
            requests: BTreeMap::new(),
            socket: None,
            last_ids: LastIds { operation: 0.into(), callback: 0.into(), http: 0.into(), socket: 0.into() },
            token: details.map(|details| details.token.clone()),
            expires: details.and_then(|details| details.expires),
            rejected: Vec::new(),
            renewal: Renewal::Available,
            deadline: None,
            // With `autoConnect` it connects at once.
            step: Step { asks_allowed: 1, ..Step::default() },
            secrets,
        }
    }

    /// A text that must not show, such as the key's secret. Tokens, MACs and credentials that come by it knows itself,
    /// from 8 characters on.
    #[must_use]
    pub fn with_secret(mut self, secret: &str) -> Self {
        self.secrets.know(secret);
        self
    }

    /// What the session is told, and the operation that it started where it is a command.
    ///
    /// # Errors
    ///
    /// Where the operation has the id of another.
    pub fn on_input(&mut self, input: &Input, started: Option<OperationId>, now: Now) -> Result<(), Violation> {
        self.start_step(input, now);
        let Some(operation) = started else { return Ok(()) };
        let is_new = operation > self.last_ids.operation;
        self.last_ids.operation = self.last_ids.operation.max(operation);
        self.operations.insert(operation, Operation { kind: Kind::of(input), renewed: false, sent_with: None });
        ensure(is_new, Invariant::CompletesOnce, || format!("{operation:?} is used twice"))
    }

    /// An action that the session wants done.
    ///
    /// # Errors
    ///
    /// Where nothing gives reason to it.
    pub fn on_action(&mut self, action: &SessionAction) -> Result<(), Violation> {
        self.step.actions += 1;
        ensure(!self.step.is_in_vain || is_clock_jump(action), Invariant::TokensAdvance, || {
            format!("an answer that nobody waits for, and yet {action:?}")
        })?;
        match action {
            SessionAction::Auth(action) => {
                self.secrets.learn_from(action);
                self.secrets.check_action(action)?;
                self.on_auth_action(action)
            }
            SessionAction::Connection(action) => {
                self.secrets.check_shown(&format!("{action:?}"))?;
                self.on_connection_action(action)
            }
        }
    }

    fn on_auth_action(&mut self, action: &Action) -> Result<(), Violation> {
        match action {
            Action::SendHttp { id, request, operation, .. } => self.on_request(*id, request, *operation),
            Action::AbortHttp { id } => {
                let request = self.requests.remove(id);
                let is_source = request.as_ref().is_some_and(|request| request.purpose == Purpose::Source);
                self.step.asks_allowed += usize::from(is_source);
                ensure(request.is_some(), Invariant::NothingLeft, || format!("{id:?} is aborted, and not under way"))
            }
            Action::InvokeCallback { id, .. } => {
                self.step.asked += 1;
                self.callbacks.insert(*id);
                let is_new = *id > self.last_ids.callback;
                self.last_ids.callback = *id;
                ensure(is_new, Invariant::OneAcquisition, || format!("{id:?} is used twice"))
            }
            Action::TokenChanged { token_details } => {
                let previous =
                    core::mem::replace(&mut self.token, token_details.as_ref().map(|details| details.token.clone()));
                let expires =
                    core::mem::replace(&mut self.expires, token_details.as_ref().and_then(|details| details.expires));
                self.requests.values_mut().for_each(Request::on_token_changed);
                match &self.token {
                    Some(token) => {
                        check_is_not_rejected(&self.rejected, Some(token))?;
                        ensure(self.step.may_bring_token, Invariant::TokensAdvance, || {
                            "a token is in use that nobody has given".into()
                        })
                    }
                    None => {
                        ensure(previous.is_none() || self.step.may_lose(expires), Invariant::ValidTokenStays, || {
                            "a token that is still valid is gone".into()
                        })
                    }
                }
            }
            Action::Complete { operation, .. } => {
                let was_running = self.operations.remove(operation).is_some();
                ensure(was_running, Invariant::CompletesOnce, || format!("{operation:?} completes, and is not running"))
            }
            Action::Notice(_) => Ok(()),
            other => broken(Invariant::KeepsToItself, format!("{other:?}")),
        }
    }

    fn on_request(
        &mut self,
        id: HttpId,
        request: &HttpRequest,
        operation: Option<OperationId>,
    ) -> Result<(), Violation> {
        let purpose = Purpose::of(request);
        let bearer = request.headers.find("authorization").and_then(|header| header.strip_prefix("Bearer "));
        self.step.asked += usize::from(purpose == Purpose::Source);
        self.requests.insert(id, Request { purpose, operation });
        let is_new = id > self.last_ids.http;
        self.last_ids.http = id;
        ensure(is_new, Invariant::NothingLeft, || format!("{id:?} is used twice"))?;
        let is_running = operation.is_none_or(|operation| self.operations.contains_key(&operation));
        ensure(is_running, Invariant::NothingLeft, || format!("{id:?} is for {operation:?}, which has ended"))?;
        // The next host is told what the last one was, whatever has become known of the token meanwhile.
        let bearer = bearer.map(Secret::from);
        let operation = operation.and_then(|operation| self.operations.get_mut(&operation));
        let sent_before = operation.and_then(|operation| operation.sent_with.replace(bearer.clone()?));
        let is_next_host = bearer.is_some() && sent_before == bearer;
        if is_next_host { Ok(()) } else { check_is_not_rejected(&self.rejected, bearer.as_ref()) }
    }

    fn on_connection_action(&mut self, action: &ConnectionAction) -> Result<(), Violation> {
        match action {
            ConnectionAction::OpenSocket { id, url } => {
                ensure(self.socket.is_none(), Invariant::OneSocket, || format!("{id:?} is a second one"))?;
                ensure(*id > self.last_ids.socket, Invariant::OneSocket, || format!("{id:?} is used twice"))?;
                ensure(self.state == ConnectionState::Connecting, Invariant::OneSocket, || {
                    format!("{id:?} is opened in {:?}", self.state)
                })?;
                let token = param(url.expose(), "accessToken");
                check_is_not_rejected(&self.rejected, token.as_ref())?;
                self.last_ids.socket = *id;
                self.socket = Some(Socket { id: *id, is_open: false, token });
                Ok(())
            }
            ConnectionAction::SendFrame { id, message } => self.on_frame_sent(*id, message),
            ConnectionAction::CloseSocket { id } => {
                let closed = self.socket.take().map(|socket| socket.id);
                ensure(closed == Some(*id), Invariant::OneSocket, || format!("{id:?} is closed, in use is {closed:?}"))
            }
            ConnectionAction::ConnectionStateChange(change) => self.on_change(change),
            ConnectionAction::Notice(notice) => self.secrets.check_notice(notice),
            ConnectionAction::FrameReceived { .. } => Ok(()),
            other => broken(Invariant::KeepsToItself, format!("{other:?}")),
        }
    }

    fn on_frame_sent(&mut self, id: SocketId, message: &ProtocolMessage) -> Result<(), Violation> {
        let is_connected = self.state == ConnectionState::Connected;
        let Some(socket) = self.socket.as_mut().filter(|socket| socket.id == id) else {
            return broken(Invariant::OneSocket, format!("a frame for {id:?}, which is not in use"));
        };
        ensure(socket.is_open, Invariant::OneSocket, || format!("a frame for {id:?}, which is not open"))?;
        if message.action() != action::AUTH {
            return Ok(());
        }
        ensure(is_connected, Invariant::AuthWhenConnected, || "AUTH, and it is not connected".into())?;
        socket.token = message.access_token().cloned();
        ensure(socket.token == self.token, Invariant::AuthWhenConnected, || {
            "AUTH with another token than that in the view".into()
        })?;
        check_is_not_rejected(&self.rejected, socket.token.as_ref())
    }

    fn on_change(&mut self, change: &ConnectionStateChange) -> Result<(), Violation> {
        use ConnectionState::{Closed, Closing, Connected, Connecting, Disconnected, Failed, Suspended};
        let next = may_follow(self.state);
        let previous = core::mem::replace(&mut self.state, change.current);
        let is_anew = change.current == Connecting && matches!(previous, Closing | Closed | Failed);
        if is_anew || change.current == Connected {
            self.renewal = Renewal::Available;
        }
        let follows = change.previous == previous && next.contains(&change.current);
        ensure(follows, Invariant::ChangesFollow, || format!("{change:?} is no way on from {previous:?}"))?;
        let retries = matches!(change.current, Disconnected | Suspended);
        ensure(change.retry_in.is_some() == retries, Invariant::ChangesFollow, || {
            format!("it says when it tries again where it does: {change:?}")
        })?;
        ensure(change.current != Failed || change.reason.is_some(), Invariant::ChangesFollow, || {
            "it fails, and does not say why".into()
        })?;
        change.reason.iter().try_for_each(|reason| self.secrets.check_error(reason))
    }
}

/// What it knows.
impl Model {
    /// The operations under way, the oldest first.
    pub fn operations(&self) -> impl Iterator<Item = OperationId> {
        self.operations.keys().copied()
    }

    /// Where the connection stands, by the changes that came out.
    pub fn connection_state(&self) -> ConnectionState {
        self.state
    }

    /// The socket in use, and whether it is open.
    pub fn socket(&self) -> Option<(SocketId, bool)> {
        self.socket.as_ref().map(|socket| (socket.id, socket.is_open))
    }
}

impl Request {
    fn on_token_changed(&mut self) {
        if let Purpose::WithToken { is_current } = &mut self.purpose {
            *is_current = false;
        }
    }
}

impl Purpose {
    /// An authUrl is told nothing of Ably's; a connectivity check is told nothing at all.
    fn of(request: &HttpRequest) -> Self {
        let url = request.url.expose();
        let path = url.split(['?', '#']).next().unwrap_or_default();
        let is_services = request.headers.find("x-ably-version").is_some();
        match request.headers.find("authorization") {
            _ if request.headers.is_empty() => Self::Other,
            _ if !is_services || path.ends_with("/requestToken") => Self::Source,
            _ if path.ends_with("/time") => Self::Time,
            Some(header) if header.starts_with("Bearer ") => Self::WithToken { is_current: true },
            _ => Self::Other,
        }
    }
}

/// It comes with any input that tells of the jump.
fn is_clock_jump(action: &SessionAction) -> bool {
    matches!(action, SessionAction::Auth(Action::Notice(notice)) if notice.kind == NoticeKind::ClockJumped)
}

fn check_is_not_rejected(rejected: &[Secret], token: Option<&Secret>) -> Result<(), Violation> {
    ensure(token.is_none_or(|token| !rejected.contains(token)), Invariant::TokensAdvance, || {
        "a token is used that the service has rejected".into()
    })
}

fn param(url: &str, name: &str) -> Option<Secret> {
    let (_, query) = url.split_once('?')?;
    let mut params = form_urlencoded::parse(query.as_bytes());
    params.find(|(other, _)| other == name).map(|(_, value)| Secret::new(value.into_owned()))
}

impl fmt::Debug for Model {
    /// Without secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Model")
            .field("state", &self.state)
            .field("operations", &self.operations)
            .field("callbacks", &self.callbacks)
            .field("requests", &self.requests)
            .field("socket", &self.socket)
            .field("renewal", &self.renewal)
            .finish_non_exhaustive()
    }
}
