//! One realtime connection as a state machine: [`ConnectionMachine`].
//!
//! It opens sockets by asking for them, knows what the frames of a connection mean, and decides when to try again,
//! where, and when to give up. What credentials are, where they come from, and whether a new token helps, it leaves
//! to whoever drives it; a `Session` has an `AuthMachine` do that.
//! Frames that are not about the connection itself go to the application untouched, and its frames out.
//!
//! The states, by the names of the specification (`RTN27`), and the changes between them:
//!
#![doc = include_str!("states.md")]

mod attempt;
mod diagram;
mod errors;
mod event;
mod frames;
mod live;
mod recovery;
mod settings;
mod state;
mod url;

use alloc::collections::VecDeque;
use alloc::string::String;

use crate::base::{
    ConnectionState, Counter, HttpId, Notice, NoticeKind, NoticeLevel, Now, Random, SocketId, TimerKind,
};
use crate::options::ClientOptions;
use crate::wire::{Error, ProtocolMessage, Secret};

use recovery::Serials;
use settings::Settings;
use state::State;

pub use event::{
    ConnectWith, ConnectionAction, ConnectionEventKind, ConnectionInput, ConnectionStateChange, FrameContent,
    UpdateEvent,
};
pub use recovery::RecoveryKey;

/// One realtime connection (`RTN1`).
///
/// The methods are of the four kinds of an `AuthMachine`: commands ([`connect`](Self::connect),
/// [`close`](Self::close), [`send`](Self::send), and those that answer for the credentials), inputs
/// ([`handle_input`](Self::handle_input), [`handle_timeout`](Self::handle_timeout)), outputs
/// ([`poll_action`](Self::poll_action), [`poll_timeout`](Self::poll_timeout)) and views.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ConnectionMachine {
    settings: Settings,
    random: Random,
    mono: u64,
    sockets: Counter,
    checks: Counter,
    outbox: VecDeque<ConnectionAction>,
    state: State,
    /// What the next attempt resumes (`RTN15b`).
    link: Option<Link>,
    /// What the first connection is to recover (`RTN16k`).
    recover: Option<Secret>,
    serials: Serials,
    error_reason: Option<Error>,
    /// How many attempts have failed since the connection was last up (`RTB1a`).
    failures: u32,
    /// When the connection has been away for too long (`RTN14e`).
    suspend_at: Option<u64>,
    connection_state_ttl: u64,
    /// When the last immediate reconnect was made.
    reconnected_at: Option<u64>,
    renewal: Renewal,
    /// The socket that was last reported closed: there is no need to close it.
    closed: Option<SocketId>,
    ignored: u64,
}

/// The connection as the service knows it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Link {
    id: Option<String>,
    key: Option<Secret>,
    client_id: Option<String>,
}

/// Whether a token error may still cause a renewal; only CONNECTED gives another (`RTN14b`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Renewal {
    Available,
    Spent,
}

impl ConnectionMachine {
    /// A connection that has not been asked to connect. Everything random in it comes from the seed.
    pub fn new(options: &ClientOptions, seed: [u8; 32], now: Now) -> Self {
        let mut machine = ConnectionMachine {
            settings: Settings::new(options),
            random: Random::new(seed),
            mono: now.mono,
            sockets: Counter::default(),
            checks: Counter::default(),
            outbox: VecDeque::new(),
            state: State::Initialized,
            link: None,
            recover: None,
            serials: Serials::default(),
            error_reason: None,
            failures: 0,
            suspend_at: None,
            connection_state_ttl: settings::CONNECTION_STATE_TTL,
            reconnected_at: None,
            renewal: Renewal::Available,
            closed: None,
            ignored: 0,
        };
        if let Some(text) = &options.recover {
            machine.take_recovery_key(text);
        }
        machine
    }

    fn take_recovery_key(&mut self, text: &Secret) {
        match RecoveryKey::parse(text.expose()) {
            Some(key) => {
                self.recover = Some(key.connection_key.clone());
                self.serials = key.into();
            }
            None => {
                let message = "recover: the recovery key cannot be read; the connection starts anew";
                self.notice(NoticeLevel::Error, NoticeKind::MalformedRecoveryKey, "RTN16f1", message);
            }
        }
    }
}

/// Commands of the application.
impl ConnectionMachine {
    /// Connects, unless it is connecting or connected already (`RTN11`). Waiting for the next attempt ends at once.
    pub fn connect(&mut self, now: Now) {
        self.advance_clock(now);
        match self.state {
            State::Connecting(_) | State::Connected(_) => {}
            State::Closed | State::Failed => {
                self.forget_everything();
                self.start_connecting(None);
            }
            State::Closing(_) => {
                // Whatever comes of the old one does not concern the new one (`RTN11b`).
                self.let_go();
                self.forget_everything();
                self.start_connecting(None);
            }
            State::Initialized | State::Disconnected { .. } | State::Suspended { .. } => self.start_connecting(None),
        }
    }

    /// Closes the connection (`RTN12`). A failed one stays so.
    pub fn close(&mut self, now: Now) {
        self.advance_clock(now);
        self.start_closing();
    }

    /// Sends a frame of the application. One that is refused changes nothing, not even the time.
    ///
    /// # Errors
    ///
    /// 80003/400 where the connection is not up; 40000/400 for a frame that is the connection's own, such as AUTH
    /// or CLOSE.
    pub fn send(&mut self, message: ProtocolMessage, now: Now) -> Result<(), Error> {
        self.send_for_application(message)?;
        self.advance_clock(now);
        Ok(())
    }
}

/// Commands of whoever answers for the credentials.
impl ConnectionMachine {
    /// Connects with these credentials: the answer to `CredentialsNeeded`, or in any other state a new attempt, for
    /// which a connection that is up is left.
    pub fn use_credentials(&mut self, with: ConnectWith, now: Now) {
        self.advance_clock(now);
        self.on_credentials(with);
    }

    /// Sends a token over the connection that is up (`RTC8a`). In any other state nothing happens.
    pub fn authenticate(&mut self, access_token: Secret, renewable: bool, now: Now) {
        self.advance_clock(now);
        self.send_auth(access_token, renewable);
    }

    /// Stops the attempt that is under way, and waits for other credentials (`RTC8b`). No change is shown.
    pub fn halt(&mut self, now: Now) {
        self.advance_clock(now);
        if let State::Connecting(_) = self.state {
            self.let_go();
            self.await_credentials(self.mono);
        }
    }

    /// Takes the connection, or the attempt at one, for lost; it is tried again (`RSA4c2`).
    pub fn drop_connection(&mut self, reason: Error, now: Now) {
        self.advance_clock(now);
        match self.state {
            State::Connecting(_) => self.give_up_attempt(reason),
            State::Connected(_) => self.lose(reason),
            _ => {}
        }
    }

    /// Gives the connection up for good (`RSA4d`, `RSA15c`).
    pub fn fail(&mut self, reason: Error, now: Now) {
        self.advance_clock(now);
        self.on_fatal(reason);
    }
}

/// Inputs.
impl ConnectionMachine {
    /// Something has happened. What comes for a socket or a check that is no longer used is ignored and counted.
    pub fn handle_input(&mut self, input: ConnectionInput, now: Now) {
        self.advance_clock(now);
        match input {
            ConnectionInput::SocketOpened { id } | ConnectionInput::Activity { id } => self.on_activity(id),
            ConnectionInput::Frame { id, content } => self.on_frame(id, content),
            ConnectionInput::SocketClosed { id, kind, status, message } => {
                self.on_socket_closed(id, kind, status, message.as_deref());
            }
            ConnectionInput::HttpResponse { id, response } => self.on_check(id, Ok(response)),
            ConnectionInput::HttpFailed { id, failure } => self.on_check(id, Err(failure)),
            ConnectionInput::Network { up } => self.on_network(up),
        }
    }

    /// The time of [`poll_timeout`](Self::poll_timeout) has come, or may have.
    pub fn handle_timeout(&mut self, now: Now) {
        self.advance_clock(now);
        while let Some((at, timer)) = self.poll_timeout() {
            if at > self.mono {
                break;
            }
            self.on_deadline(timer);
        }
    }
}

/// Outputs.
impl ConnectionMachine {
    /// The next thing to do, if any.
    pub fn poll_action(&mut self) -> Option<ConnectionAction> {
        self.outbox.pop_front()
    }

    /// When to call [`handle_timeout`](Self::handle_timeout), by the monotonic clock, and what for.
    pub fn poll_timeout(&self) -> Option<(u64, TimerKind)> {
        self.state.deadline(self.suspend_at)
    }
}

/// Views.
impl ConnectionMachine {
    /// The state it is in (`RTN4d`).
    pub fn state(&self) -> ConnectionState {
        self.state.name()
    }

    /// The connection's id (`RTN8`); none before the first CONNECTED, and in closing, closed and failed.
    pub fn id(&self) -> Option<&str> {
        self.link.as_ref()?.id.as_deref()
    }

    /// The connection's key (`RTN9`); none where there is no id.
    pub fn key(&self) -> Option<&Secret> {
        self.link.as_ref()?.key.as_ref()
    }

    /// The error of the last change for the worse (`RTN25`).
    pub fn error_reason(&self) -> Option<&Error> {
        self.error_reason.as_ref()
    }

    /// A key to recover the connection with in another life of the application (`RTN16g`). None where there is
    /// nothing to recover, and in suspended, closing, closed and failed (`RTN16g2`).
    pub fn create_recovery_key(&self) -> Option<Secret> {
        match self.state {
            State::Suspended { .. } => None,
            _ => self.key().map(|key| self.serials.recovery_key(key)),
        }
    }

    /// The client id that the last CONNECTED assigned (`CD2a`).
    pub fn client_id(&self) -> Option<&str> {
        self.link.as_ref()?.client_id.as_deref()
    }

    /// The host it is connected to.
    pub fn host(&self) -> Option<&str> {
        match &self.state {
            State::Connected(live) => Some(&live.host),
            _ => None,
        }
    }

    /// How many inputs have been ignored because they came late or had an unknown id.
    pub fn ignored(&self) -> u64 {
        self.ignored
    }

    /// Counts them anew. Nothing else depends on it.
    #[cfg(feature = "testkit")]
    pub(crate) fn forget_ignored(&mut self) {
        self.ignored = 0;
    }
}

/// What all parts use.
impl ConnectionMachine {
    fn advance_clock(&mut self, now: Now) {
        self.mono = self.mono.max(now.mono);
    }

    fn after(&self, ms: u32) -> u64 {
        // Never now: with a timeout of 0, what follows would come due at once, and so for ever.
        self.mono.saturating_add(u64::from(ms.max(1)))
    }

    fn emit(&mut self, action: ConnectionAction) {
        self.outbox.push_back(action);
    }

    fn notice(&mut self, level: NoticeLevel, kind: NoticeKind, spec: &'static str, message: &str) {
        let notice = Notice { level, kind, message: message.into(), error: None, spec: Some(spec) };
        self.emit(ConnectionAction::Notice(notice));
    }

    /// Goes to another state and tells so. A change of what an attempt waits for is none.
    fn transition(&mut self, next: State, reason: Option<Error>, retry_in: Option<u64>) {
        let previous = self.state.name();
        self.state = next;
        let current = self.state.name();
        if previous == current {
            return;
        }
        debug_assert!(state::is_allowed(previous, current), "{previous:?} -> {current:?} is not in the table");
        if matches!(current, ConnectionState::Disconnected | ConnectionState::Suspended | ConnectionState::Failed) {
            self.error_reason.clone_from(&reason);
        }
        if matches!(current, ConnectionState::Closing | ConnectionState::Closed | ConnectionState::Failed) {
            self.link = None;
        }
        let event = ConnectionEventKind::State(current);
        let change = ConnectionStateChange { event, previous, current, reason, retry_in };
        self.emit(ConnectionAction::ConnectionStateChange(change));
    }

    /// Closes the socket and gives up the check that the state uses. The caller goes on to another state.
    fn let_go(&mut self) {
        if let Some(id) = self.state.socket().filter(|id| self.closed != Some(*id)) {
            self.emit(ConnectionAction::CloseSocket { id });
        }
        if let Some(id) = self.state.check() {
            self.emit(ConnectionAction::AbortHttp { id });
        }
    }

    /// A new connection has nothing to do with the last one (`RTN11d`).
    fn forget_everything(&mut self) {
        self.link = None;
        self.error_reason = None;
        self.failures = 0;
        self.suspend_at = None;
        self.renewal = Renewal::Available;
        self.connection_state_ttl = settings::CONNECTION_STATE_TTL;
        if self.recover.is_none() {
            self.serials = Serials::default();
        }
    }

    fn next_socket(&mut self) -> SocketId {
        self.sockets.next()
    }

    fn next_check(&mut self) -> HttpId {
        self.checks.next()
    }
}
