//! The reference model accepts what a session does, and refuses everything else: for each invariant, a sequence that
//! breaks it.
#![cfg(feature = "testkit")]

use ably_auth::connection::{ConnectionAction, ConnectionInput, FrameContent};
use ably_auth::http::{Headers, HttpFailure, HttpFailureKind, HttpResponse};
use ably_auth::options::{AuthOptions, ClientOptions};
use ably_auth::testkit::session::{Auth, CallbackAnswer, Client, Frame, Op, Reason, Source, World};
use ably_auth::testkit::{Invariant, Model, Violation};
use ably_auth::trace::{Command, Input};
use ably_auth::wire::{Error, ErrorKind, ProtocolMessage, TokenDetails};
use ably_auth::{Action, CallbackId, Event, Now, OperationId, RestRequest, Session, SessionAction, SocketId};
use serde_json::json;

const NOW: Now = Now::new(1_000, 1_700_000_000_000);
const TOKEN: &str = "the-first-token";

/// A session whose source of tokens is a callback, and a model of it.
struct Watched {
    session: Session,
    model: Model,
}

impl Watched {
    fn new() -> Self {
        let options = ClientOptions::with_auth(AuthOptions::with_callback("tokens"));
        let session = Session::new(options, [7; 32], NOW).expect("options");
        let model = Model::new(&session).with_secret("CANARY");
        Watched { session, model }
    }

    /// One that is connected, with [`TOKEN`], over the first socket.
    fn connected() -> Self {
        let mut watched = Self::connecting();
        watched.event(ConnectionInput::SocketOpened { id: 1.into() });
        watched.event(frame(json!({"action": 4, "connectionId": "c", "connectionDetails": {"connectionKey": "k"}})));
        watched.settle().expect("it is connected");
        watched
    }

    /// One that opens its first socket, with [`TOKEN`].
    fn connecting() -> Self {
        let mut watched = Self::new();
        watched.tell(Input::Connect);
        watched.settle().expect("it asks for a token");
        watched.event(Event::CallbackResult { id: 1.into(), value: TOKEN.into() });
        watched.settle().expect("it opens a socket");
        watched
    }

    /// Tells both, and leaves the actions in the session.
    fn tell(&mut self, input: Input) -> Option<OperationId> {
        let session = &mut self.session;
        let operation = match input.clone() {
            Input::Command(Command::Authorize(params, options)) => Some(session.authorize(params, options, NOW)),
            Input::Command(Command::RequestToken(params, options)) => Some(session.request_token(params, options, NOW)),
            Input::Command(Command::Credentials) => Some(session.credentials(NOW)),
            Input::Command(Command::Request(request)) => Some(session.request(request, NOW)),
            Input::Event(event) => {
                session.handle_event(event, NOW);
                None
            }
            Input::Connect => {
                session.connect(NOW);
                None
            }
            Input::Close => {
                session.close(NOW);
                None
            }
            other => unreachable!("{other:?}"),
        };
        self.model.on_input(&input, operation, NOW).expect("an input");
        operation
    }

    fn event(&mut self, event: impl Into<ably_auth::SessionEvent>) {
        self.tell(Input::Event(event.into()));
    }

    /// Tells the model of the session's actions, and has it check.
    fn settle(&mut self) -> Result<(), Violation> {
        while let Some(action) = self.session.poll_action() {
            self.model.on_action(&action)?;
        }
        self.model.check(&self.session, NOW)
    }

    fn actions(&mut self) -> Vec<SessionAction> {
        std::iter::from_fn(|| self.session.poll_action()).collect()
    }

    /// What the model has against an action that the session did not emit.
    fn refusal(&mut self, action: impl Into<Shown>) -> Invariant {
        let Shown(action) = action.into();
        let refused = self.model.on_action(&action).and_then(|()| self.model.check(&self.session, NOW));
        refused.expect_err("a violation").invariant
    }
}

/// An action of either side.
struct Shown(SessionAction);

impl From<Action> for Shown {
    fn from(action: Action) -> Self {
        Shown(SessionAction::Auth(action))
    }
}

impl From<ConnectionAction> for Shown {
    fn from(action: ConnectionAction) -> Self {
        Shown(SessionAction::Connection(action))
    }
}

fn frame(message: serde_json::Value) -> ConnectionInput {
    ConnectionInput::Frame { id: 1.into(), content: FrameContent::Text(message.to_string().into()) }
}

fn invoke(id: u64) -> Action {
    Action::InvokeCallback { id: CallbackId::from(id), callback: "tokens".into(), token_params: Default::default() }
}

fn token_changed(token: Option<&str>) -> Action {
    Action::TokenChanged { token_details: token.map(TokenDetails::new) }
}

fn open_socket(id: u64) -> ConnectionAction {
    ConnectionAction::OpenSocket { id: SocketId::from(id), url: "wss://host/?accessToken=the-first-token".into() }
}

#[test]
fn what_a_session_does_is_accepted() {
    let mut watched = Watched::connected();
    watched.tell(Input::Command(Command::Authorize(None, None)));
    watched.settle().expect("it asks for a token");
    watched.event(Event::CallbackResult { id: 2.into(), value: "the-next-token".into() });
    watched.settle().expect("it sends AUTH");
    watched.event(frame(json!({"action": 4, "connectionId": "c", "connectionDetails": {"connectionKey": "k"}})));
    watched.settle().expect("the operation completes");
    assert_eq!(watched.model.operations().count(), 0);
    watched.model.check_ends(&watched.session, NOW).expect("nothing is left");
    watched.tell(Input::Close);
    watched.settle().expect("it closes");
}

#[test]
fn an_operation_completes_once() {
    let mut watched = Watched::connected();
    watched.tell(Input::Command(Command::Credentials));
    let completed = watched.actions();
    watched.model.on_action(&completed[0]).expect("it completes");
    assert_eq!(watched.model.on_action(&completed[0]).unwrap_err().invariant, Invariant::CompletesOnce);
}

#[test]
fn an_operation_has_an_id_of_its_own() {
    let mut watched = Watched::connected();
    let input = Input::Command(Command::Credentials);
    let operation = watched.tell(input.clone());
    let again = watched.model.on_input(&input, operation, NOW);
    assert_eq!(again.unwrap_err().invariant, Invariant::CompletesOnce);
}

#[test]
fn an_operation_ends_with_time() {
    let mut watched = Watched::new();
    // The session knows nothing of it.
    watched.model.on_input(&Input::Command(Command::Time), Some(9.into()), NOW).expect("an input");
    let refused = watched.model.check_ends(&watched.session, NOW);
    assert_eq!(refused.unwrap_err().invariant, Invariant::CompletesOnce);
}

#[test]
fn the_library_gets_one_token_at_a_time() {
    let mut watched = Watched::new();
    // Two that get a token each, told as two that share one.
    for _ in 0..2 {
        let operation = watched.session.request_token(None, None, NOW);
        watched.model.on_input(&Input::Command(Command::Credentials), Some(operation), NOW).expect("an input");
        while let Some(action) = watched.session.poll_action() {
            watched.model.on_action(&action).expect("the callback is invoked");
        }
    }
    let refused = watched.model.check(&watched.session, NOW);
    assert_eq!(refused.unwrap_err().invariant, Invariant::OneAcquisition);
}

#[test]
fn after_a_timeout_the_next_deadline_is_later() {
    let mut watched = Watched::connecting();
    let (at, _) = watched.session.poll_timeout().expect("a deadline");
    let now = Now::new(at, NOW.unix_ms);
    watched.model.on_input(&Input::Timeout, None, now).expect("an input");
    // The session has slept through it.
    assert_eq!(watched.model.check(&watched.session, now).unwrap_err().invariant, Invariant::LaterDeadline);
}

#[test]
fn nothing_hides() {
    let mut watched = Watched::connected();
    watched.tell(Input::Command(Command::Credentials));
    let refused = watched.model.check(&watched.session, NOW);
    assert_eq!(refused.unwrap_err().invariant, Invariant::NothingHides);
}

#[test]
fn a_token_comes_from_its_source() {
    let mut watched = Watched::connected();
    watched.tell(Input::Connect);
    assert_eq!(watched.refusal(token_changed(Some("from-nowhere"))), Invariant::TokensAdvance);
}

#[test]
fn what_is_announced_is_in_the_view() {
    let mut watched = Watched::connecting();
    watched.tell(Input::Command(Command::Authorize(None, None)));
    watched.settle().expect("it asks for a token");
    watched.event(Event::CallbackResult { id: 2.into(), value: "the-next-token".into() });
    for action in watched.actions() {
        if !matches!(action, SessionAction::Auth(Action::TokenChanged { .. })) {
            watched.model.on_action(&action).expect("the rest is fine");
        }
    }
    let refused = watched.model.check(&watched.session, NOW);
    assert_eq!(refused.unwrap_err().invariant, Invariant::TokensAdvance);
}

#[test]
fn a_rejected_token_is_not_used_again() {
    let mut watched = Watched::connecting();
    let error = Error::new(ErrorKind::Rejected, 40142, 401, "expired");
    let rejected = Input::Event(Event::TokenRejected { token: TOKEN.into(), error }.into());
    watched.model.on_input(&rejected, None, NOW).expect("an input");
    watched
        .model
        .on_action(&SessionAction::Connection(ConnectionAction::CloseSocket { id: 1.into() }))
        .expect("closed");
    assert_eq!(watched.refusal(open_socket(2)), Invariant::TokensAdvance);
}

#[test]
fn the_next_host_is_told_what_the_last_one_was_until_one_rejects_it() {
    let mut watched = Watched::connected();
    watched.tell(Input::Command(Command::Request(RestRequest::new("GET", "/stats"))));
    let sent = watched.actions();
    sent.iter().for_each(|action| watched.model.on_action(action).expect("it is sent"));
    let [SessionAction::Auth(Action::SendHttp { id, .. })] = sent[..] else { panic!("{sent:?}") };
    let send_again = |to: u64| {
        let mut again = sent[0].clone();
        let SessionAction::Auth(Action::SendHttp { id, .. }) = &mut again else { unreachable!() };
        *id = to.into();
        again
    };
    let told = |model: &mut Model, event: Event| model.on_input(&Input::Event(event.into()), None, NOW);

    let error = Error::new(ErrorKind::Rejected, 40142, 401, "expired");
    told(&mut watched.model, Event::TokenRejected { token: TOKEN.into(), error }).expect("an input");
    let failure = HttpFailure::new(HttpFailureKind::Connect);
    told(&mut watched.model, Event::HttpFailed { id, failure }).expect("an input");
    let next = id.as_u64() + 1;
    assert_eq!(watched.model.on_action(&send_again(next)), Ok(()));

    let body = json!({"error": {"code": 40142, "statusCode": 401, "message": "expired"}}).to_string();
    let response = HttpResponse::new(401, Headers::from_iter([("Content-Type", "application/json")]), body);
    told(&mut watched.model, Event::HttpResponse { id: next.into(), response }).expect("an input");
    let refused = watched.model.on_action(&send_again(next + 1));
    assert_eq!(refused.map_err(|violation| violation.invariant), Err(Invariant::TokensAdvance));
}

#[test]
fn a_rejected_token_may_be_used_where_the_source_returns_it() {
    let mut watched = Watched::connected();
    let error = Error::new(ErrorKind::Rejected, 40142, 401, "expired");
    watched.event(Event::TokenRejected { token: TOKEN.into(), error });
    watched.settle().expect("it asks for another");
    watched.event(Event::CallbackResult { id: 2.into(), value: TOKEN.into() });
    watched.settle().expect("it takes what it gets");
}

#[test]
fn an_answer_that_nobody_waits_for_changes_nothing() {
    let mut watched = Watched::connected();
    watched.event(Event::CallbackResult { id: 1.into(), value: "too-late".into() });
    watched.settle().expect("nothing happens");
    watched.event(Event::CallbackResult { id: 1.into(), value: "too-late".into() });
    assert_eq!(watched.refusal(token_changed(Some("too-late"))), Invariant::TokensAdvance);
}

#[test]
fn tokens_are_asked_for_with_a_reason() {
    let mut watched = Watched::connected();
    watched.tell(Input::Close);
    assert_eq!(watched.refusal(invoke(2)), Invariant::BoundedRenewals);
}

#[test]
fn a_connection_renews_once_until_it_is_connected() {
    let mut watched = Watched::connecting();
    watched.event(ConnectionInput::SocketOpened { id: 1.into() });
    watched.settle().expect("it is open");
    // As if the one before had used up the renewal: both errors come in one attempt.
    let error = json!({"action": 9, "error": {"code": 40142, "statusCode": 401, "message": "expired"}});
    let input = Input::Event(frame(error).into());
    watched.model.on_input(&input, None, NOW).expect("an input");
    watched.model.on_input(&input, None, NOW).expect("an input");
    assert_eq!(watched.refusal(invoke(2)), Invariant::BoundedRenewals);
}

#[test]
fn a_valid_token_stays() {
    let mut watched = Watched::connected();
    watched.tell(Input::Connect);
    assert_eq!(watched.refusal(token_changed(None)), Invariant::ValidTokenStays);
}

#[test]
fn no_secret_shows() {
    let mut watched = Watched::connected();
    let operation = watched.tell(Input::Command(Command::Credentials)).expect("an operation");
    for secret in ["CANARY", TOKEN] {
        let error = Error::new(ErrorKind::Rejected, 40000, 400, format!("no good: {secret}"));
        assert_eq!(watched.refusal(Action::Complete { operation, outcome: Err(error) }), Invariant::NoSecretShown);
    }
}

#[test]
fn what_is_over_is_gone() {
    let mut watched = Watched::connected();
    assert_eq!(watched.refusal(Action::AbortHttp { id: 77.into() }), Invariant::NothingLeft);
}

#[test]
fn there_is_one_socket_with_an_id_of_its_own() {
    assert_eq!(Watched::connecting().refusal(open_socket(2)), Invariant::OneSocket, "a second one");
    let mut watched = Watched::connecting();
    let close = SessionAction::Connection(ConnectionAction::CloseSocket { id: 1.into() });
    watched.model.on_action(&close).expect("it is closed");
    assert_eq!(watched.refusal(open_socket(1)), Invariant::OneSocket, "an id twice");
    let close = ConnectionAction::CloseSocket { id: 1.into() };
    assert_eq!(Watched::new().refusal(close), Invariant::OneSocket, "nothing to close");
    let frame = ConnectionAction::SendFrame { id: 1.into(), message: ProtocolMessage::new(7) };
    assert_eq!(Watched::connecting().refusal(frame), Invariant::OneSocket, "a frame over one that is not open");
    assert_eq!(Watched::new().refusal(open_socket(1)), Invariant::OneSocket, "one that nothing is connecting over");
}

#[test]
fn changes_follow_each_other() {
    let mut watched = Watched::new();
    watched.tell(Input::Connect);
    let change = watched
        .actions()
        .into_iter()
        .find(|action| matches!(action, SessionAction::Connection(ConnectionAction::ConnectionStateChange(_))));
    let change = change.expect("it connects");
    watched.model.on_action(&change).expect("a change");
    assert_eq!(watched.model.on_action(&change).unwrap_err().invariant, Invariant::ChangesFollow);
}

#[test]
fn changes_agree_with_the_view() {
    let mut watched = Watched::new();
    watched.tell(Input::Connect);
    for action in watched.actions() {
        if let SessionAction::Auth(action) = action {
            watched.model.on_action(&SessionAction::Auth(action)).expect("the callback is invoked");
        }
    }
    let refused = watched.model.check(&watched.session, NOW);
    assert_eq!(refused.unwrap_err().invariant, Invariant::ChangesFollow);
}

#[test]
fn auth_is_sent_when_connected_with_the_token_in_the_view() {
    let auth = |token: &str| ConnectionAction::SendFrame { id: 1.into(), message: ProtocolMessage::auth(token.into()) };
    let mut watched = Watched::connecting();
    watched.event(ConnectionInput::SocketOpened { id: 1.into() });
    assert_eq!(watched.refusal(auth(TOKEN)), Invariant::AuthWhenConnected);
    assert_eq!(Watched::connected().refusal(auth("another-token")), Invariant::AuthWhenConnected);
}

#[test]
fn a_session_keeps_to_itself_what_its_sides_want_of_each_other() {
    assert_eq!(Watched::new().refusal(Action::OpenConnection {}), Invariant::KeepsToItself);
}

/// A session for which all this goes as it should, and which then has a token error renewed.
fn assert_renews(ops: &[&[Op]]) {
    let mut world = World::new(&Client::new(Source::Callback)).expect("options");
    for op in ops.concat() {
        world.apply(op).expect("nothing is wrong");
    }
    // The renewal it took is under way.
    world.apply(Op::Return(CallbackAnswer::TokenText)).expect("nothing is wrong");
    let is_open = |action: &_| matches!(action, SessionAction::Connection(ConnectionAction::OpenSocket { .. }));
    assert!(world.actions().iter().any(is_open));
}

const ATTEMPT: [Op; 2] = [Op::Return(CallbackAnswer::TokenText), Op::Open];
const REFUSED: [Op; 1] = [Op::Receive(Frame::ErrorToken)];

/// The explorer came to it, nine moves deep.
#[test]
fn after_a_final_token_error_the_next_attempt_may_renew() {
    let connected = [Op::Receive(Frame::Connected)];
    assert_renews(&[
        &[Op::Connect],
        &ATTEMPT,
        &connected,
        &REFUSED,
        &[Op::Authorize(Auth::Stored)],
        &ATTEMPT,
        &REFUSED,
    ]);
}

/// The explorer came to it, nine moves deep.
#[test]
fn after_a_renewal_that_failed_for_good_the_next_attempt_may_renew() {
    let failed = [Op::FailCallback(Reason::Forbidden)];
    assert_renews(&[&[Op::Connect], &ATTEMPT, &REFUSED, &failed, &[Op::Authorize(Auth::Stored)], &ATTEMPT, &REFUSED]);
}
