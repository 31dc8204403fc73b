//! How to property-test an event loop of one's own: a small one, and the same with mistakes, each of which is found.
#![cfg(feature = "proptest")]

use std::collections::{BTreeMap, VecDeque};

use ably_auth::http::{HttpFailure, HttpFailureKind, HttpResponse};
use ably_auth::options::ClientOptions;
use ably_auth::testkit::{Clock, KEY, Model, Violation, strategies};
use ably_auth::trace::{Command, Input};
use ably_auth::{Action, Event, HttpId, OperationId, RestRequest, Session, SessionAction};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::TestRunner;

/// A mistake in the loop.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Mistake {
    None,
    /// It never calls `handle_timeout`.
    ForgetsTimeouts,
    /// It reports what comes of a request under the id of another.
    MixesUpIds,
    /// It reports everything twice.
    ReportsTwice,
    /// Of several actions it does not do the last.
    DropsAnAction,
}

/// The event loop under test: one thread, and a queue of what has happened.
struct EventLoop {
    session: Session,
    /// Watches the session, whatever the loop does.
    model: Model,
    clock: Clock,
    inbox: VecDeque<Event>,
    /// What the session wants done.
    outbox: VecDeque<SessionAction>,
    ended: BTreeMap<OperationId, u32>,
    mistake: Mistake,
}

impl EventLoop {
    fn new(mistake: Mistake) -> Self {
        let clock = Clock::default();
        let mut options = ClientOptions::new(KEY).expect("a key");
        options.auth.use_token_auth = Some(true);
        let session = Session::new(options, [7; 32], clock.now()).expect("options that will do");
        let model = Model::new(&session).with_secret(KEY);
        EventLoop {
            session,
            model,
            clock,
            inbox: VecDeque::new(),
            outbox: VecDeque::new(),
            ended: BTreeMap::new(),
            mistake,
        }
    }

    /// Every input goes through here: the session is told, and the model of it and of all that comes of it.
    fn tell(&mut self, input: Input) -> Result<Option<OperationId>, Violation> {
        let now = self.clock.now();
        let started = match input.clone() {
            Input::Command(Command::Request(request)) => Some(self.session.request(request, now)),
            Input::Command(Command::RequestToken(params, options)) => {
                Some(self.session.request_token(params, options, now))
            }
            Input::Command(Command::Credentials) => Some(self.session.credentials(now)),
            Input::Command(_) => Some(self.session.time(now)),
            Input::Event(event) => {
                self.session.handle_event(event, now);
                None
            }
            _ => {
                self.session.handle_timeout(now);
                None
            }
        };
        self.model.on_input(&input, started, now)?;
        while let Some(action) = self.session.poll_action() {
            self.model.on_action(&action)?;
            self.outbox.push_back(action);
        }
        self.model.check(&self.session, now)?;
        Ok(started)
    }

    /// Runs until there is nothing to do and nothing to wait for, or for so many turns.
    fn run(&mut self, turns: usize, service: &mut Service) -> Result<(), Violation> {
        for _ in 0..turns {
            if self.mistake == Mistake::DropsAnAction && self.outbox.len() > 1 {
                self.outbox.pop_back();
            }
            while let Some(action) = self.outbox.pop_front() {
                self.perform(action, service);
            }
            if let Some(event) = self.inbox.pop_front() {
                self.tell(Input::Event(event.into()))?;
            } else if let Some((at, _)) = self.session.poll_timeout() {
                self.clock.advance(at.saturating_sub(self.clock.now().mono));
                if self.mistake != Mistake::ForgetsTimeouts {
                    self.tell(Input::Timeout)?;
                }
            } else {
                return Ok(());
            }
        }
        Ok(())
    }

    fn perform(&mut self, action: SessionAction, service: &mut Service) {
        let SessionAction::Auth(action) = action else { return };
        match action {
            Action::SendHttp { id, .. } => {
                let reported = if self.mistake == Mistake::MixesUpIds { HttpId::from(id.as_u64() + 1) } else { id };
                let event = service.answer(reported);
                let times = if self.mistake == Mistake::ReportsTwice { 2 } else { 1 };
                self.inbox.extend(event.into_iter().cycle().take(times));
            }
            Action::AbortHttp { id } => self.inbox.retain(|event| !concerns(event, id)),
            Action::Complete { operation, .. } => *self.ended.entry(operation).or_default() += 1,
            _ => {}
        }
    }
}

fn concerns(event: &Event, id: HttpId) -> bool {
    matches!(event, Event::HttpResponse { id: other, .. } | Event::HttpFailed { id: other, .. } if *other == id)
}

/// What a request meets.
#[derive(Clone, Debug)]
enum Fate {
    Response(HttpResponse),
    Failure,
    Silence,
}

/// The other side. When it has given its answers it is silent.
struct Service(VecDeque<Fate>);

impl Service {
    fn answer(&mut self, id: HttpId) -> Vec<Event> {
        Vec::from_iter(match self.0.pop_front().unwrap_or(Fate::Silence) {
            Fate::Response(response) => Some(Event::HttpResponse { id, response }),
            Fate::Failure => Some(Event::HttpFailed { id, failure: HttpFailure::new(HttpFailureKind::Connect) }),
            Fate::Silence => None,
        })
    }
}

fn commands() -> impl Strategy<Value = Vec<Command>> {
    let commands = [
        Command::Request(RestRequest::new("GET", "/stats")),
        Command::Credentials,
        Command::RequestToken(None, None),
        Command::Time,
    ];
    vec(select(commands.to_vec()), 1..5)
}

fn fates() -> impl Strategy<Value = Vec<Fate>> {
    let response = strategies::http_response().prop_map(Fate::Response);
    vec(prop_oneof![4 => response, 1 => Just(Fate::Failure), 1 => Just(Fate::Silence)], 0..12)
}

fn held<T>(result: Result<T, Violation>) -> Result<T, TestCaseError> {
    result.map_err(|violation| TestCaseError::fail(violation.to_string()))
}

/// What follows from the duties of a loop, whatever the service does; and what the model says of the session.
fn check(mistake: Mistake, commands: &[Command], fates: &[Fate]) -> Result<(), TestCaseError> {
    const MOST_TURNS: usize = 500;
    let mut event_loop = EventLoop::new(mistake);
    let mut service = Service(fates.iter().cloned().collect());
    let mut started = Vec::new();
    for command in commands {
        started.extend(held(event_loop.tell(Input::Command(command.clone())))?);
    }
    held(event_loop.run(MOST_TURNS, &mut service))?;
    for operation in started {
        let times = event_loop.ended.get(&operation).copied().unwrap_or(0);
        prop_assert_eq!(times, 1, "{:?} has to end once", operation);
    }
    prop_assert_eq!(event_loop.session.ignored(), 0, "something was reported that nobody had asked for");
    Ok(())
}

/// What a property test of a loop with this mistake comes to.
fn verdict(mistake: Mistake) -> Result<(), String> {
    let mut runner = TestRunner::deterministic();
    let result = runner.run(&(commands(), fates()), |(commands, fates)| check(mistake, &commands, &fates));
    result.map_err(|error| error.to_string())
}

#[test]
fn a_loop_that_does_its_duties_passes() {
    assert_eq!(verdict(Mistake::None), Ok(()));
}

#[test]
fn forgetting_timeouts_is_found() {
    let failure = verdict(Mistake::ForgetsTimeouts).unwrap_err();
    assert!(failure.contains("has to end once"), "{failure}");
}

#[test]
fn reporting_under_the_wrong_id_is_found() {
    let failure = verdict(Mistake::MixesUpIds).unwrap_err();
    assert!(failure.contains("nobody had asked for"), "{failure}");
}

#[test]
fn reporting_twice_is_found() {
    let failure = verdict(Mistake::ReportsTwice).unwrap_err();
    assert!(failure.contains("nobody had asked for"), "{failure}");
}

#[test]
fn dropping_an_action_is_found() {
    let failure = verdict(Mistake::DropsAnAction).unwrap_err();
    assert!(failure.contains("has to end once"), "{failure}");
}
