//! Performing an op: what the session is told, and what comes of it.

use super::ops::{Frame, Op};
use super::palette;
use super::values::{CallbackAnswer, Reason};
use super::world::World;
use crate::connection::{ConnectionAction, ConnectionInput, FrameContent};
use crate::http::{Headers, HttpFailure, HttpResponse};
use crate::session::Command;
use crate::testkit::model::{Invariant, Violation};
use crate::trace::{Input, Line};
use crate::wire::{ProtocolMessage, action};
use crate::{Action, CallbackId, Event, HttpId, Now, RestRequest, SessionAction, SessionEvent, SocketId};

impl World {
    /// Lets it happen, and checks what came of it; not yet the state it leads to.
    pub(crate) fn step(&mut self, op: Op) -> Result<(), Violation> {
        self.actions.clear();
        self.lines.clear();
        self.perform(op).unwrap_or(Ok(()))?;
        if self.session.poll_timeout().is_some_and(|(at, _)| at <= self.now.mono) {
            self.tell(Input::Timeout)?;
        }
        Ok(())
    }

    /// None where there is nothing for the op to act on.
    fn perform(&mut self, op: Op) -> Option<Result<(), Violation>> {
        Some(match op {
            Op::Connect => self.tell(Input::Connect),
            Op::Close => self.tell(Input::Close),
            Op::Authorize(auth) => {
                let options = palette::auth_options(auth, &mut self.mint, self.now);
                self.command(Command::Authorize(None, options))
            }
            Op::Request => self.command(Command::Request(RestRequest::new("GET", "/stats"))),
            Op::RequestToken => self.command(Command::RequestToken(None, None)),
            Op::Credentials => self.command(Command::Credentials),
            Op::Cancel => self.command(Command::Cancel(self.oldest_operation()?)),
            Op::Send => self.tell(Input::Send(ProtocolMessage::new(action::MESSAGE))),
            Op::Open => self.event(ConnectionInput::SocketOpened { id: self.model.socket()?.0 }),
            Op::Receive(frame) => {
                let (id, is_open) = self.model.socket()?;
                is_open.then(|| self.event(frame_input(id, frame)))?
            }
            Op::ReceiveStale(frame) => self.event(frame_input(self.stale_socket(), frame)),
            Op::Ping => self.event(ConnectionInput::Activity { id: self.model.socket()?.0 }),
            Op::SocketGone => self.event(gone(self.model.socket()?.0)),
            Op::SocketGoneStale => self.event(gone(self.stale_socket())),
            Op::Return(answer) => {
                let id = self.callbacks.pop_front()?;
                let value = palette::callback_value(answer, &mut self.mint, self.now);
                self.event(Event::CallbackResult { id, value })
            }
            Op::FailCallback(reason) => {
                let id = self.callbacks.pop_front()?;
                self.event(Event::CallbackFailed { id, error: palette::error(reason) })
            }
            Op::Respond(answer) => {
                let (id, request) = self.requests.pop_front()?;
                let response = palette::response(answer, &request, &mut self.mint, self.now);
                self.event(Event::HttpResponse { id, response })
            }
            Op::FailHttp(kind) => {
                let (id, _) = self.requests.pop_front()?;
                self.event(Event::HttpFailed { id, failure: HttpFailure::new(kind) })
            }
            Op::Network { up } => self.event(ConnectionInput::Network { up }),
            Op::TokenRejected => {
                let token = self.token()?.clone();
                self.event(Event::TokenRejected { token, error: palette::error(Reason::TokenExpired) })
            }
            Op::TokenExpired => self.event(Event::TokenExpired {}),
            Op::Deadline => {
                let (at, _) = self.session.poll_timeout()?;
                self.advance(at.saturating_sub(self.now.mono))
            }
            Op::Advance { ms } => self.advance(ms.into()),
            Op::Oversleep { seconds } => {
                self.pass(u64::from(seconds) * 1_000);
                Ok(())
            }
            Op::JumpWallClock { minutes } => {
                self.now.unix_ms += i64::from(minutes) * 60_000;
                Ok(())
            }
            Op::ReturnStale => {
                let is_over = |id: &CallbackId| !self.callbacks.contains(id);
                let id = (1..=self.last_callback).map(CallbackId::from).rev().find(is_over)?;
                let value = palette::callback_value(CallbackAnswer::SameToken, &mut self.mint, self.now);
                self.event(Event::CallbackResult { id, value })
            }
            Op::RespondStale => {
                let is_over = |id: &HttpId| self.requests.iter().all(|(pending, _)| pending != id);
                let id = (1..=self.last_request).map(HttpId::from).rev().find(is_over)?;
                let response = HttpResponse::new(200, Headers::new(), r#"{"token":"late"}"#);
                self.event(Event::HttpResponse { id, response })
            }
            Op::Defer => {
                self.callbacks.rotate_left(usize::from(!self.callbacks.is_empty()));
                self.requests.rotate_left(usize::from(!self.requests.is_empty()));
                Ok(())
            }
        })
    }

    fn command(&mut self, command: Command) -> Result<(), Violation> {
        self.tell(Input::Command(command))
    }

    fn event(&mut self, event: impl Into<SessionEvent>) -> Result<(), Violation> {
        self.tell(Input::Event(event.into()))
    }

    fn tell(&mut self, input: Input) -> Result<(), Violation> {
        self.lines.push(Line { now: Some(self.now), input: input.clone() });
        let (told, now) = (input.clone(), self.now);
        let operation = match input {
            Input::Command(command) => Some(self.session.start(command, now)),
            Input::Event(event) => {
                self.session.handle_event(event, now);
                None
            }
            Input::Connect => {
                self.session.connect(now);
                None
            }
            Input::Close => {
                self.session.close(now);
                None
            }
            Input::Send(message) => {
                let sent = self.session.send(message, now).is_ok();
                let is_connected = self.is_connected();
                if sent != is_connected {
                    let what = alloc::format!("a frame was sent: {sent}; it is connected: {is_connected}");
                    return Err(Violation { invariant: Invariant::ChangesFollow, what });
                }
                None
            }
            Input::Timeout => {
                self.session.handle_timeout(now);
                None
            }
            Input::New(_) => None,
        };
        self.model.on_input(&told, operation, now)?;
        self.take_actions()
    }

    pub(super) fn take_actions(&mut self) -> Result<(), Violation> {
        while let Some(action) = self.session.poll_action() {
            self.model.on_action(&action)?;
            self.on_action(&action);
            self.actions.push(action);
        }
        self.model.check_step(&self.session)
    }

    fn on_action(&mut self, action: &SessionAction) {
        match action {
            SessionAction::Auth(Action::SendHttp { id, request, .. }) => {
                self.tokens_asked_for += usize::from(palette::Purpose::of(request).is_source());
                self.last_request = id.as_u64();
                self.requests.push_back((*id, request.clone()));
            }
            SessionAction::Auth(Action::AbortHttp { id }) => self.requests.retain(|(pending, _)| pending != id),
            SessionAction::Auth(Action::InvokeCallback { id, .. }) => {
                self.tokens_asked_for += 1;
                self.last_callback = id.as_u64();
                self.callbacks.push_back(*id);
            }
            SessionAction::Connection(ConnectionAction::OpenSocket { .. }) => self.sockets_opened += 1,
            SessionAction::Connection(ConnectionAction::CloseSocket { .. }) => self.sockets_closed += 1,
            _ => {}
        }
    }

    fn advance(&mut self, ms: u64) -> Result<(), Violation> {
        let end = self.now.mono.saturating_add(ms);
        while let Some((at, _)) = self.session.poll_timeout().filter(|(at, _)| *at <= end) {
            self.pass(at.saturating_sub(self.now.mono));
            self.tell(Input::Timeout)?;
        }
        self.pass(end - self.now.mono);
        Ok(())
    }

    fn pass(&mut self, ms: u64) {
        self.now = Now::new(self.now.mono + ms, self.now.unix_ms + ms as i64);
    }

    fn stale_socket(&self) -> SocketId {
        let current = self.model.socket().map(|(id, _)| id);
        (1..=self.sockets_opened).map(SocketId::from).find(|id| Some(*id) != current).unwrap_or_else(|| 1_000.into())
    }
}

fn frame_input(id: SocketId, frame: Frame) -> ConnectionInput {
    ConnectionInput::Frame { id, content: FrameContent::Text(frame.text().into()) }
}

fn gone(id: SocketId) -> ConnectionInput {
    ConnectionInput::SocketClosed { id, kind: None, status: None, message: None }
}
