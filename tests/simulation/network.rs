//! The network between clients and the service, and what goes wrong on it.
//!
//! Over one socket everything stays in order; whatever goes over different ones may overtake each other.

use ably_auth::connection::{ConnectionAction, ConnectionInput, FrameContent};
use ably_auth::http::{Headers, HttpFailure, HttpFailureKind, HttpRequest, HttpResponse};
use ably_auth::sandbox::{Delivery, Effect, Fault, Output, Request, TransportId, Trigger};
use ably_auth::trace::Input;
use ably_auth::wire::{Error, ErrorKind};
use ably_auth::{Action, ConnectionState, Event, HttpId, SessionAction, SessionEvent, SocketId};

use super::client::Defect;
use super::faults::Kind;
use super::world::{Happening, World};

/// A WebSocket on its way or open.
pub struct Line {
    pub transport: Option<TransportId>,
    /// Nothing gets through any more, and nobody notices.
    pub is_dead: bool,
    up: u64,
    down: u64,
}

impl World {
    pub fn perform(&mut self, client: usize, actions: Vec<SessionAction>) {
        for action in actions {
            match action {
                SessionAction::Auth(Action::SendHttp { id, request, .. }) => self.send_http(client, id, request),
                SessionAction::Auth(Action::InvokeCallback { id, token_params, .. }) => {
                    self.call(client, id, &token_params);
                }
                SessionAction::Auth(Action::TokenChanged { token_details: Some(_) }) => self.tally.tokens += 1,
                SessionAction::Auth(Action::Complete { .. }) => self.tally.operations += 1,
                SessionAction::Connection(ConnectionAction::OpenSocket { id, url }) => {
                    self.tally.sockets += 1;
                    let line = Line { transport: None, is_dead: false, up: self.time, down: self.time };
                    self.lines.insert((client, id), line);
                    if self.goes_wrong() {
                        self.tally.count(Kind::Refused);
                        self.close(client, id, HttpFailureKind::Connect);
                    } else {
                        self.send_up(client, id, Happening::Dial { client, id, url: url.expose().to_owned() });
                    }
                }
                SessionAction::Connection(ConnectionAction::SendFrame { id, message }) => {
                    let frame = serde_json::to_vec(&message).unwrap();
                    self.send_up(client, id, Happening::FrameUp { client, id, frame });
                }
                SessionAction::Connection(ConnectionAction::CloseSocket { id }) => {
                    self.send_up(client, id, Happening::Hangup { client, id });
                }
                SessionAction::Connection(ConnectionAction::ConnectionStateChange(change))
                    if change.current == ConnectionState::Failed =>
                {
                    self.tally.failures += 1;
                }
                _ => {}
            }
        }
    }

    /// How long something takes to the other side; none where it is lost.
    fn travel(&mut self, client: usize) -> Option<u64> {
        let latency = self.dice.between(5, if self.is_calm() { 80 } else { 600 });
        let cut_off_until = self.clients[client].cut_off_until;
        if self.time >= cut_off_until {
            return Some(latency);
        }
        self.dice.chance(500).then(|| cut_off_until - self.time + latency)
    }

    fn send_http(&mut self, client: usize, id: HttpId, request: HttpRequest) {
        if self.goes_wrong() {
            if self.dice.chance(500) {
                self.tally.count(Kind::Refused);
                return self.answer(client, Event::HttpFailed { id, failure: failure(HttpFailureKind::Connect) }, 30);
            }
            return self.tally.count(Kind::RequestLost);
        }
        if let Some(after) = self.travel(client) {
            self.later(after, Happening::Request { client, id, request });
        }
    }

    /// A request arrives at whom it is for.
    pub fn on_request(&mut self, client: usize, id: HttpId, request: &HttpRequest) {
        if request.url.expose().starts_with("https://internet.test/") {
            let response = HttpResponse::new(200, Headers::new(), "yes");
            return self.answer(client, Event::HttpResponse { id, response }, 0);
        }
        let mut fate = None;
        if self.goes_wrong() {
            use Kind::{AnswerDuplicated, AnswerLate, AnswerLost, Malformed, ServerError, Stale, TooMany};
            let kinds = [AnswerLost, AnswerDuplicated, AnswerLate, ServerError, TooMany, Malformed, Stale];
            let kind = self.dice.pick(&kinds);
            self.tally.count(kind);
            fate = Some(kind);
            let effect = match kind {
                ServerError => Some(Effect::Refuse { error: error(50000, self.dice.pick(&[500, 502, 503, 504])) }),
                TooMany => Some(Effect::Refuse { error: error(42910, 429) }),
                Malformed => Some(Effect::Malformed),
                Stale => Some(Effect::Replay),
                _ => None,
            };
            if let Some(effect) = effect {
                self.service.inject(Fault::new(Trigger::path("/"), effect)).unwrap();
            }
        }
        let now = self.service_now();
        let reply = self.service.handle(&Request::from_http(request).expect("an absolute url"), now);
        self.hand_out();
        let late = if fate == Some(Kind::AnswerLate) { self.dice.between(3_000, 25_000) } else { 0 };
        let event = match reply.delivery {
            Delivery::Whole => Event::HttpResponse { id, response: reply.response },
            _ => Event::HttpFailed { id, failure: failure(HttpFailureKind::Closed) },
        };
        match fate {
            Some(Kind::AnswerLost) => {}
            Some(Kind::AnswerDuplicated) => {
                self.answer(client, event.clone(), 0);
                self.answer(client, event, late);
            }
            _ => self.answer(client, event, late),
        }
    }

    /// An answer goes to a client.
    pub fn answer(&mut self, client: usize, event: Event, late: u64) {
        if self.defect == Defect::Deaf && matches!(event, Event::HttpResponse { .. }) {
            return;
        }
        if let Some(after) = self.travel(client) {
            self.later(late + after, Happening::Tell { client, input: Input::Event(SessionEvent::Auth(event)) });
        }
    }

    fn send_up(&mut self, client: usize, id: SocketId, happening: Happening) {
        let after = self.travel(client);
        let Some(line) = self.lines.get_mut(&(client, id)) else { return };
        match after {
            Some(after) if !line.is_dead => {
                line.up = line.up.max(self.time + after);
                let after = line.up - self.time;
                self.later(after, happening);
            }
            _ => line.is_dead = true,
        }
    }

    fn send_down(&mut self, client: usize, id: SocketId, input: ConnectionInput) {
        let after = self.travel(client);
        let Some(line) = self.lines.get_mut(&(client, id)) else { return };
        match after {
            Some(after) if !line.is_dead => {
                line.down = line.down.max(self.time + after);
                let after = line.down - self.time;
                let input = Input::Event(SessionEvent::Connection(input));
                self.later(after, Happening::Tell { client, input });
            }
            _ => line.is_dead = true,
        }
    }

    fn close(&mut self, client: usize, id: SocketId, kind: HttpFailureKind) {
        self.send_down(client, id, ConnectionInput::SocketClosed { id, kind: Some(kind), status: None, message: None });
    }

    pub fn on_dial(&mut self, client: usize, id: SocketId, url: &str) {
        let target = url.split_once(".test").map_or("/", |(_, target)| target);
        let now = self.service_now();
        match self.service.connect(&Request::new("GET", target), now) {
            Ok(transport) => {
                if let Some(line) = self.lines.get_mut(&(client, id)) {
                    line.transport = Some(transport);
                }
                self.transports.insert(transport, (client, id));
                self.send_down(client, id, ConnectionInput::SocketOpened { id });
            }
            Err(_) => self.close(client, id, HttpFailureKind::Closed),
        }
        self.hand_out();
    }

    pub fn on_frame(&mut self, client: usize, id: SocketId, frame: &[u8]) {
        if let Some(transport) = self.lines.get(&(client, id)).and_then(|line| line.transport) {
            let now = self.service_now();
            self.service.handle_frame(transport, frame, now);
            self.hand_out();
        }
    }

    pub fn on_hangup(&mut self, client: usize, id: SocketId) {
        if let Some(transport) = self.lines.remove(&(client, id)).and_then(|line| line.transport) {
            self.transports.remove(&transport);
            let now = self.service_now();
            self.service.handle_closed(transport, now);
            self.hand_out();
        }
    }

    /// Takes what the service wants sent to where it is for.
    pub fn hand_out(&mut self) {
        while let Some((transport, output)) = self.service.poll_output() {
            let Some(&(client, id)) = self.transports.get(&transport) else { continue };
            match output {
                Output::Frame(message) => {
                    let content = FrameContent::Message((*message).clone());
                    self.send_down(client, id, ConnectionInput::Frame { id, content });
                }
                Output::Ping => self.send_down(client, id, ConnectionInput::Activity { id }),
                Output::Close(_) | Output::Drop => {
                    self.close(client, id, HttpFailureKind::Closed);
                    self.transports.remove(&transport);
                }
            }
        }
    }
}

fn failure(kind: HttpFailureKind) -> HttpFailure {
    HttpFailure::new(kind)
}

pub fn error(code: u32, status: u16) -> Error {
    Error::new(ErrorKind::Rejected, code, status, "the simulation wants it so")
}
