//! What one input gives reason to.

use alloc::string::String;

use serde::Deserialize as _;
use serde_json::Value;

use super::{Kind, Model, Purpose, Renewal, Request};
use crate::connection::{ConnectionInput, FrameContent};
use crate::http::HttpResponse;
use crate::options::TokenOption;
use crate::session::Command;
use crate::trace::Input;
use crate::wire::{Error, ProtocolMessage, Secret, action};
use crate::{CallbackValue, ConnectionState, Event, Now, OperationId, SessionEvent};

/// The input at hand: what it gives reason to, and what came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Step {
    pub(super) now: Now,
    /// Nothing may come of it.
    pub(super) is_in_vain: bool,
    pub(super) is_timeout: bool,
    /// A source of tokens may be asked so often, and was.
    pub(super) asks_allowed: usize,
    pub(super) asked: usize,
    /// The operation that may have a token renewed for its request, and that then has had its one.
    pub(super) renewing: Option<OperationId>,
    pub(super) actions: usize,
    /// The operations before it.
    pub(super) operations: usize,
    pub(super) may_bring_token: bool,
    pub(super) may_lose_token: bool,
}

/// The service's clock may be other than ours by so much, and both may jump, before a token that says when it expires
/// is taken for valid for certain.
const CLOCK_ERROR_MS: i64 = 365 * 86_400_000;

impl Step {
    /// Whether it gives reason to drop a token that expires then.
    pub(super) fn may_lose(&self, expires: Option<i64>) -> bool {
        let may_have_expired =
            expires.is_some_and(|expires| expires <= self.now.unix_ms.saturating_add(CLOCK_ERROR_MS));
        self.may_lose_token || may_have_expired
    }
}

impl Model {
    pub(super) fn start_step(&mut self, input: &Input, now: Now) {
        // What time brings may come along with any input, such as the next attempt to connect.
        let is_due = self.deadline.is_some_and(|at| at <= now.mono);
        self.step = Step {
            now,
            asks_allowed: is_due.into(),
            operations: self.operations.len(),
            is_timeout: *input == Input::Timeout,
            ..Step::default()
        };
        match input {
            Input::Command(command) => self.on_command(command),
            Input::Event(SessionEvent::Auth(event)) => self.on_event(event),
            Input::Event(SessionEvent::Connection(input)) => self.on_connection_input(input),
            Input::Connect => self.step.asks_allowed += 1,
            Input::New(_) | Input::Close | Input::Send(_) | Input::Timeout => {}
        }
        self.step.is_in_vain &= !is_due;
    }

    fn on_command(&mut self, command: &Command) {
        let asks = match command {
            Command::Authorize(..) | Command::RequestToken(..) | Command::Request(_) | Command::Credentials => 1,
            _ => 0,
        };
        self.step.asks_allowed += asks;
        if let Command::Authorize(_, Some(options)) = command {
            let token = match &options.token {
                Some(TokenOption::Details(details)) => Some(&details.token),
                _ => None,
            };
            self.step.may_bring_token = token.is_some();
            self.step.may_lose_token = options.use_token_auth == Some(false);
            token.into_iter().for_each(|token| self.on_returned(token.expose()));
        }
    }

    fn on_event(&mut self, event: &Event) {
        match event {
            Event::HttpResponse { id, response } => match self.requests.remove(id) {
                Some(request) => self.on_response(&request, response),
                None => self.step.is_in_vain = true,
            },
            Event::HttpFailed { id, .. } => match self.requests.remove(id) {
                // The next host may be told another request.
                Some(request) => self.step.asks_allowed += usize::from(request.purpose != Purpose::Other),
                None => self.step.is_in_vain = true,
            },
            Event::CallbackResult { id, value } if self.callbacks.remove(id) => {
                self.step.may_bring_token = true;
                // Of a signed request.
                self.step.asks_allowed += 1;
                self.on_returned(&text_of(value));
            }
            Event::CallbackFailed { id, .. } if self.callbacks.remove(id) => {}
            Event::TokenExpired {} => {
                self.step.may_lose_token = true;
                self.step.asks_allowed += 1;
            }
            Event::TokenRejected { token, .. } if self.token.as_ref() == Some(token) => {
                self.on_token_rejected(token.clone());
                self.step.asks_allowed += 1;
            }
            _ => self.step.is_in_vain = true,
        }
    }

    fn on_response(&mut self, request: &Request, response: &HttpResponse) {
        match request.purpose {
            Purpose::Source => {
                self.step.may_bring_token = true;
                // Another host, a redirect, or a signed request to exchange.
                self.step.asks_allowed += 1;
                if response.is_success() {
                    self.on_returned(&String::from_utf8_lossy(response.body()));
                }
            }
            // Whoever waited for the time signs now.
            Purpose::Time => self.step.asks_allowed += 1 + self.running(Kind::RequestToken),
            Purpose::WithToken { is_current } if is_token_error(response) => {
                let operation = request.operation.and_then(|operation| self.operations.get_mut(&operation));
                let sent_with = operation.and_then(|operation| operation.sent_with.take());
                if is_current {
                    self.token.clone().into_iter().for_each(|token| self.on_token_rejected(token));
                }
                // Where there is another token already, that one is tried.
                let needs_another = is_current || self.token.is_none();
                let may_renew = request.operation.filter(|operation| {
                    needs_another && self.operations.get(operation).is_some_and(|operation| !operation.renewed)
                });
                self.step.renewing = may_renew;
                // The connection goes on with that token, or does so although it has expired since and has no successor,
                // and needs another for itself.
                let is_up = matches!(self.state, ConnectionState::Connecting | ConnectionState::Connected);
                let uses_it =
                    self.socket.as_ref().is_some_and(|socket| sent_with.is_some() && socket.token == sent_with);
                let goes_on = is_up && (is_current || self.token.is_none() && uses_it);
                self.step.asks_allowed += usize::from(may_renew.is_some() || goes_on);
            }
            Purpose::WithToken { .. } | Purpose::Other => {}
        }
    }

    fn on_connection_input(&mut self, input: &ConnectionInput) {
        match input {
            ConnectionInput::SocketOpened { id } | ConnectionInput::Activity { id } => match &mut self.socket {
                Some(socket) if socket.id == *id => socket.is_open = true,
                _ => self.step.is_in_vain = true,
            },
            ConnectionInput::SocketClosed { id, .. } => {
                self.step.is_in_vain = self.socket.take_if(|socket| socket.id == *id).is_none();
                self.step.asks_allowed += 1;
            }
            ConnectionInput::Frame { id, content } => match &self.socket {
                Some(socket) if socket.id == *id => self.on_frame(content),
                _ => self.step.is_in_vain = true,
            },
            ConnectionInput::Network { .. } => self.step.asks_allowed += 1,
            _ => self.step.is_in_vain = true,
        }
    }

    fn on_frame(&mut self, content: &FrameContent) {
        let message = match content {
            FrameContent::Message(message) => Some(message.clone()),
            FrameContent::Text(text) => serde_json::from_str::<ProtocolMessage>(text.expose()).ok(),
        };
        let Some(message) = message else { return };
        let is_connected = self.state == ConnectionState::Connected;
        let ends_connection = match message.action() {
            action::ERROR => message.channel().is_none(),
            action::DISCONNECTED | action::CLOSED => true,
            _ => false,
        };
        let token = self.socket.as_ref().and_then(|socket| socket.token.clone());
        let token = token.filter(|_| message.error().is_some_and(|error| error.is_token_error()));
        match token {
            // What is said while it closes concerns nobody any more.
            Some(_) if self.state == ConnectionState::Closing => {}
            Some(token) if ends_connection => {
                self.on_token_rejected(token);
                // Where it is the end of the connection nothing is renewed; the next attempt still may.
                let is_final = is_connected && message.action() == action::ERROR;
                if !is_final {
                    let renewal = core::mem::replace(&mut self.renewal, Renewal::Spent);
                    self.step.asks_allowed += usize::from(renewal == Renewal::Available);
                }
            }
            _ => {
                let is_auth = is_connected && message.action() == action::AUTH;
                self.step.asks_allowed += usize::from(is_auth || ends_connection);
            }
        }
    }

    fn on_token_rejected(&mut self, token: Secret) {
        self.step.may_lose_token = true;
        if !self.rejected.contains(&token) {
            self.rejected.push(token);
        }
    }

    /// A source has returned this; what the service has rejected before may be used again.
    fn on_returned(&mut self, text: &str) {
        self.rejected.retain(|token| !text.contains(token.expose()));
    }

    pub(super) fn running(&self, kind: Kind) -> usize {
        self.operations.values().filter(|operation| operation.kind == kind).count()
    }
}

impl Kind {
    pub(super) fn of(input: &Input) -> Self {
        match input {
            Input::Command(Command::RequestToken(..)) => Self::RequestToken,
            _ => Self::Other,
        }
    }
}

fn text_of(value: &CallbackValue) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// Status 401 and an error of the service that says so too (`RSC10`).
fn is_token_error(response: &HttpResponse) -> bool {
    let body: Option<Value> = serde_json::from_slice(response.body()).ok();
    let error = body.as_ref().and_then(|body| Error::deserialize(body.get("error")?).ok());
    let header = || response.headers.find("x-ably-errorcode")?.parse::<u32>().ok();
    response.status == 401
        && match error {
            Some(error) => (40140..40150).contains(&error.code()) && matches!(error.status_code(), 0 | 401),
            None => header().is_some_and(|code| (40140..40150).contains(&code)),
        }
}
