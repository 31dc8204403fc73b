//! Values for property tests: they make sense mostly, and no machine or session breaks on them.
#![cfg(feature = "proptest")]

use std::collections::BTreeSet;

use ably_auth::connection::ConnectionInput;
use ably_auth::testkit::strategies;
use ably_auth::wire::action;
use ably_auth::{Action, AuthMachine, Event, Now, Session, SessionAction, SessionEvent};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{TestError, TestRunner};

const START: Now = Now::new(5_000, 1_700_000_000_000);

proptest! {
    #[test]
    fn a_machine_ends_every_operation_once(
        options in strategies::client_options(),
        params in proptest::option::of(strategies::token_params()),
        auth in proptest::option::of(strategies::auth_options()),
        events in vec(strategies::event(), 0..16),
    ) {
        let Ok(mut machine) = AuthMachine::new(options, [7; 32], START) else { return Ok(()) };
        let mut running = BTreeSet::from([
            machine.authorize(params.clone(), auth.clone(), START),
            machine.request_token(params, auth, START),
        ]);
        let mut now = START;
        let mut drain = |machine: &mut AuthMachine| {
            while let Some(action) = machine.poll_action() {
                if let Action::Complete { operation, .. } = action {
                    assert!(running.remove(&operation), "it ends once");
                }
            }
            running.is_empty()
        };
        // With a connection of somebody else's, `authorize` waits for that one, however long it takes.
        for event in events.into_iter().filter(|event| !matches!(event, Event::Connection(_))) {
            machine.handle_event(event, now);
            drain(&mut machine);
        }
        while !drain(&mut machine) {
            let (at, _) = machine.poll_timeout().expect("a deadline, while something is under way");
            now = Now::new(at, now.unix_ms);
            machine.handle_timeout(now);
        }
    }

    #[test]
    fn a_session_hides_nothing_until_the_next_timeout(
        options in strategies::client_options(),
        events in vec(strategies::session_event(), 0..32),
    ) {
        let Ok(mut session) = Session::new(options, [7; 32], START) else { return Ok(()) };
        session.connect(START);
        for event in events {
            session.handle_event(event, START);
            let _: Vec<SessionAction> = std::iter::from_fn(|| session.poll_action()).collect();
            session.handle_timeout(START);
            prop_assert_eq!(session.poll_action(), None);
        }
    }
}

/// So many values, the same at every run.
fn samples<T: std::fmt::Debug>(strategy: impl Strategy<Value = T>) -> Vec<T> {
    let mut runner = TestRunner::deterministic();
    (0..400).map(|_| strategy.new_tree(&mut runner).expect("a value").current()).collect()
}

/// How many in a hundred are so.
fn percentage<T>(values: &[T], is_so: impl Fn(&T) -> bool) -> usize {
    100 * values.iter().filter(|value| is_so(value)).count() / values.len()
}

#[test]
fn most_options_are_accepted_and_some_are_not() {
    let options = samples(strategies::client_options());
    let accepted = percentage(&options, |options| AuthMachine::new(options.clone(), [7; 32], START).is_ok());
    assert!((50..100).contains(&accepted), "{accepted} %");
}

#[test]
fn every_kind_of_session_event_comes() {
    let events = samples(strategies::session_event());
    let kinds: BTreeSet<String> = (events.iter())
        .map(|event| match event {
            SessionEvent::Auth(event) => format!("{event:?}"),
            SessionEvent::Connection(input) => format!("{input:?}"),
        })
        .map(|text| text.split([' ', '(']).next().unwrap_or_default().into())
        .collect();
    let expected = [
        "Activity",
        "CallbackFailed",
        "CallbackResult",
        "Connection",
        "Frame",
        "HttpFailed",
        "HttpResponse",
        "Network",
        "ReauthRequested",
        "SocketClosed",
        "SocketOpened",
        "TokenExpired",
        "TokenRejected",
    ];
    assert_eq!(kinds.iter().map(String::as_str).collect::<Vec<_>>(), expected);
}

#[test]
fn messages_are_those_of_the_service() {
    let messages = samples(strategies::protocol_message());
    for action in [action::CONNECTED, action::AUTH, action::ERROR, action::DISCONNECTED, action::CLOSED, 99] {
        assert!(messages.iter().any(|message| message.action() == action), "no {action}");
    }
}

#[test]
fn responses_succeed_and_fail() {
    let responses = samples(strategies::http_response());
    let successes = percentage(&responses, |response| response.is_success());
    assert!((30..90).contains(&successes), "{successes} %");
}

#[test]
fn what_fails_shrinks_to_the_plainest_value_that_does() {
    let result = TestRunner::deterministic().run(&strategies::session_event(), |event| {
        let concerns_connection = matches!(event, SessionEvent::Connection(_));
        prop_assert!(!concerns_connection);
        Ok(())
    });
    let Err(TestError::Fail(_, plainest)) = result else { panic!("it fails, and not so: {result:?}") };
    assert_eq!(plainest, ConnectionInput::SocketOpened { id: 1.into() }.into());
}
