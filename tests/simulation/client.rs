//! One client: how it is set up, its clocks, and what has to hold for what it does.

use std::collections::BTreeSet;

use ably_auth::connection::ConnectionAction;
use ably_auth::options::{ApiKey, AuthMethod, AuthOptions, ClientOptions};
use ably_auth::trace::{Driver, Input, Line, Mode, New, Output};
use ably_auth::{Action, ConnectionState, Now, OperationId, SessionAction, SocketId};

use super::dice::Dice;

/// More actions than one input has reason for.
const MOST_ACTIONS: usize = 24;
const WALL: i64 = 1_700_000_000_000;

/// Where its tokens come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// No token at all: the key itself.
    Basic,
    Key,
    CallbackToken,
    CallbackDetails,
    CallbackRequest,
    CallbackJwt,
    AuthUrl,
}

impl Source {
    pub const ALL: [Source; 7] = {
        use Source::*;
        [Basic, Key, CallbackToken, CallbackDetails, CallbackRequest, CallbackJwt, AuthUrl]
    };
}

/// A defect that a client can be given, to see that it is found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Defect {
    #[default]
    None,
    /// Nobody wakes it at its deadlines.
    NeverWoken,
    /// What comes back over HTTP is not reported.
    Deaf,
}

pub struct Client {
    driver: Driver,
    pub source: Source,
    pub key: ApiKey,
    pub ttl: i64,
    pub options: ClientOptions,
    pub wake_at: Option<u64>,
    /// For how long its monotonic clock has stood still.
    pub stopped: u64,
    /// By how much its wall clock is wrong.
    pub wall_offset: i64,
    pub asleep_until: Option<u64>,
    /// What has come while it was asleep.
    pub inbox: Vec<Input>,
    pub cut_off_until: u64,
    pub running: BTreeSet<OperationId>,
    pub state: ConnectionState,
    pub connection_id: Option<String>,
    pub socket: Option<SocketId>,
    opened: BTreeSet<SocketId>,
    /// The token that the service knows the connection by.
    pub socket_token: Option<String>,
    pub token: Option<String>,
    /// What the service has told it not to use again.
    pub rejected: BTreeSet<String>,
    pub lines: Vec<String>,
}

impl Client {
    pub fn new(number: usize, key: ApiKey, dice: &mut Dice) -> Self {
        let source = dice.pick(&Source::ALL);
        let ttl = dice.pick(&[5_000, 12_000, 35_000, 60_000, 600_000]);
        let mut auth = match source {
            Source::Basic | Source::Key => AuthOptions::default(),
            Source::AuthUrl => {
                let answer = dice.pick(&["details", "token", "jwt", "request", "json-string", "redirect"]);
                let url = format!("https://app.test/auth-url/{answer}?keyName={}", key.name());
                let mut auth = AuthOptions::from_json(&serde_json::json!({ "authUrl": url })).unwrap();
                auth.auth_method = dice.pick(&[AuthMethod::Get, AuthMethod::Post]);
                auth
            }
            _ => AuthOptions::with_callback("app"),
        };
        if matches!(source, Source::Basic | Source::Key) {
            auth.key = Some(key.clone());
            auth.use_token_auth = (source == Source::Key).then_some(true);
        }
        auth.query_time = dice.chance(300).then_some(true);
        let mut options = ClientOptions::with_auth(auth);
        options.endpoint = "primary.test".parse().unwrap();
        options.fallback_hosts =
            Some(if dice.chance(500) { vec!["a.test".into(), "b.test".into()] } else { Vec::new() });
        options.connectivity_check_url = Some("https://internet.test/up".into());
        options.client_id = dice.chance(600).then(|| format!("client-{number}"));
        options.default_token_params.ttl = Some(ttl);
        options.realtime_request_timeout = dice.pick(&[4_000, 7_000, 10_000]);
        options.http_request_timeout = dice.pick(&[4_000, 10_000]);
        options.disconnected_retry_timeout = dice.pick(&[1_000, 5_000, 15_000]);
        options.suspended_retry_timeout = dice.pick(&[5_000, 30_000]);
        options.pings_visible = dice.chance(500);
        Client {
            driver: Driver::new(Mode::Realtime),
            source,
            key,
            ttl,
            options,
            wake_at: None,
            stopped: 0,
            wall_offset: dice.between(0, 60_000) as i64 - 30_000,
            asleep_until: None,
            inbox: Vec::new(),
            cut_off_until: 0,
            running: BTreeSet::new(),
            state: ConnectionState::Initialized,
            connection_id: None,
            socket: None,
            opened: BTreeSet::new(),
            socket_token: None,
            token: None,
            rejected: BTreeSet::new(),
            lines: Vec::new(),
        }
    }

    /// How long, at the most, it may take until it is connected once nothing goes wrong any more: it notices that its
    /// socket is dead, an attempt ends on every host and in the connectivity check, it waits for the next one, whose
    /// token may be rejected, and waits once more, and connects.
    pub fn patience(&self) -> u64 {
        let answer = u64::from(self.options.realtime_request_timeout);
        let hosts = 1 + self.options.fallback_hosts.as_ref().map_or(0, Vec::len) as u64;
        let attempt = (1 + hosts) * answer + u64::from(self.options.http_request_timeout);
        let retry = (2 * self.options.disconnected_retry_timeout).max(self.options.suspended_retry_timeout);
        let idle = 15_000 + answer;
        idle + 1_000 + 2 * (attempt + u64::from(retry)) + attempt
    }

    pub fn now(&self, time: u64) -> Now {
        Now::new(time - self.stopped, WALL + time as i64 + self.wall_offset)
    }

    /// When it is to be woken, by the time of the simulation.
    pub fn due(&self) -> Option<u64> {
        match self.asleep_until {
            Some(until) => Some(until),
            None => self.wake_at.map(|at| at + self.stopped),
        }
    }

    pub fn start(&mut self, seed: [u8; 32], time: u64) -> Vec<SessionAction> {
        self.take(Input::New(New { options: self.options.clone(), seed }), time)
    }

    /// Gives the session an input, checks what it makes of it, and returns what is to be done.
    pub fn take(&mut self, input: Input, time: u64) -> Vec<SessionAction> {
        let is_timeout = matches!(input, Input::Timeout);
        let line = Line { now: Some(self.now(time)), input };
        self.lines.push(serde_json::to_string(&line).unwrap());
        let Output { op, actions, wake_at, view, .. } = self.driver.accept(line).expect("a session takes it");
        if let Some(operation) = op {
            assert!(self.running.insert(operation), "{operation:?} is used twice");
        }
        let most = MOST_ACTIONS + 2 * self.running.len();
        assert!(actions.len() <= most, "too many actions for one input: {actions:#?}");
        for action in &actions {
            self.check(action);
        }
        let mono = time - self.stopped;
        assert!(!is_timeout || wake_at.is_none_or(|at| at > mono), "{wake_at:?} has come, and was not dealt with");
        self.wake_at = wake_at;
        let connection = view.connection.expect("a session has a connection");
        assert_eq!(connection.state, self.state, "the view disagrees with the last change");
        self.connection_id = connection.id;
        self.token = view.token_details.map(|details| details.token.expose().to_owned());
        self.check_not_rejected(self.token.as_deref());
        actions
    }

    fn check(&mut self, action: &SessionAction) {
        match action {
            SessionAction::Auth(Action::Complete { operation, .. }) => {
                assert!(self.running.remove(operation), "{operation:?} completes, and is not running");
            }
            SessionAction::Auth(Action::TokenChanged { token_details: Some(details) }) => {
                // The source has returned it again.
                self.rejected.remove(details.token.expose());
            }
            SessionAction::Auth(Action::SendHttp { request, .. }) => {
                let url = request.url.expose();
                if !url.contains("primary.test") && !url.contains("//a.test") && !url.contains("//b.test") {
                    assert!(request.headers.find("authorization").is_none(), "credentials go to somebody else");
                }
            }
            SessionAction::Connection(ConnectionAction::OpenSocket { id, url }) => {
                assert!(self.socket.is_none(), "one socket at a time");
                assert!(self.opened.insert(*id), "{id:?} is used twice");
                assert_eq!(self.state, ConnectionState::Connecting, "a socket is opened while connecting only");
                let token = param(url.expose(), "accessToken");
                self.check_not_rejected(token.as_deref());
                (self.socket, self.socket_token) = (Some(*id), token);
            }
            SessionAction::Connection(ConnectionAction::SendFrame { id, message }) => {
                assert_eq!(Some(*id), self.socket, "a frame goes over the socket in use");
                let form = serde_json::to_value(message).unwrap();
                if let Some(token) = form["auth"]["accessToken"].as_str() {
                    self.check_not_rejected(Some(token));
                    self.socket_token = Some(token.to_owned());
                }
            }
            SessionAction::Connection(ConnectionAction::CloseSocket { id }) => {
                assert_eq!(self.socket.take(), Some(*id), "it is the socket in use that is closed");
            }
            SessionAction::Connection(ConnectionAction::ConnectionStateChange(change)) => {
                assert_eq!(change.previous, self.state, "changes follow each other");
                assert!(change.current != ConnectionState::Failed || change.reason.is_some(), "it says why it failed");
                self.state = change.current;
            }
            _ => {}
        }
    }

    fn check_not_rejected(&self, token: Option<&str>) {
        assert!(token.is_none_or(|token| !self.rejected.contains(token)), "a rejected token is used");
    }
}

pub fn param(url: &str, name: &str) -> Option<String> {
    let (_, query) = url.split_once('?')?;
    form_urlencoded::parse(query.as_bytes()).find(|(other, _)| other == name).map(|(_, value)| value.into_owned())
}
