//! The testkit's harness itself: what it lets pass, and what it fails a test for.
#![cfg(feature = "testkit")]

use std::panic::{AssertUnwindSafe, catch_unwind};

use ably_auth::testkit::{Clock, Harness, UNIX_START, frames, respond, token};
use ably_auth::{AuthMachine, ConnectionState, Session, TimerKind};
use serde_json::json;

type Machine = Harness<AuthMachine>;
type Realtime = Harness<Session>;

fn with_callback() -> Machine {
    Machine::new(json!({"authCallback": "mine"}))
}

/// What a test fails with that does this.
fn failure(test: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(test)).expect_err("the test fails");
    *panic.downcast::<String>().expect("a message that was put together")
}

#[test]
fn what_was_expected_and_has_ended_passes() {
    let mut client = with_callback();
    let operation = client.request("GET", "/stats");
    let callback = client.expect_callback();
    client.callback_returns(&callback, "a-token");
    let http = client.expect_http();
    client.respond(&http, 200, json!([]));
    client.expect_response(operation);
    client.expect_silence();
    assert_eq!((client.requests.len(), client.callbacks.len()), (1, 1));
    client.finish();
}

#[test]
#[should_panic(expected = "nobody expected")]
fn there_is_no_silence_while_an_action_waits() {
    let mut client = with_callback();
    client.credentials();
    client.expect_silence();
}

#[test]
#[should_panic(expected = "expected an HTTP request; there is")]
fn an_expectation_of_something_else_fails() {
    let mut client = with_callback();
    client.credentials();
    client.expect_http();
}

#[test]
#[should_panic(expected = "expected one, not more: an HTTP request")]
fn a_machine_is_expected_to_do_one_such_thing() {
    let mut client = Machine::new(json!({"key": "app.key:secret"}));
    client.request("GET", "/one");
    client.request("GET", "/two");
    client.expect_http();
}

#[test]
#[should_panic(expected = "expected a socket; there is")]
fn a_session_is_expected_to_do_things_in_order() {
    let mut client = Realtime::with_key(json!({}));
    client.connect();
    client.expect_socket();
}

#[test]
#[should_panic(expected = "expected Connected; there is")]
fn a_change_to_another_state_fails() {
    let mut client = Realtime::with_key(json!({}));
    client.connect();
    client.expect_change(ConnectionState::Connected);
}

#[test]
#[should_panic(expected = "nobody expected")]
fn dropping_it_fails_with_what_nobody_expected() {
    with_callback().credentials();
}

#[test]
#[should_panic(expected = "they never completed: {OperationId(1)}")]
fn dropping_it_fails_with_an_operation_that_runs() {
    let mut client = with_callback();
    client.credentials();
    client.expect_callback();
}

#[test]
#[should_panic(expected = "nobody looked at how these ended")]
fn dropping_it_fails_with_an_end_that_nobody_looked_at() {
    Machine::with_numbered_tokens(json!({})).credentials();
}

#[test]
#[should_panic(expected = "they never completed")]
fn finishing_it_fails_as_dropping_it_does() {
    let mut client = with_callback();
    client.credentials();
    client.expect_callback();
    client.finish();
}

#[test]
fn abandoning_it_does_not() {
    let mut client = with_callback();
    client.credentials();
    client.abandon();
}

#[test]
fn a_failure_shows_what_has_happened_without_secrets() {
    let message = failure(|| {
        let mut client = with_callback();
        client.request("GET", "/stats");
        let callback = client.expect_callback();
        client.pass(250);
        client.callback_returns(&callback, token("the-secret-token"));
        client.expect_callback();
    });
    for part in
        ["expected a call of a callback", "0 > Request", "0 < InvokeCallback", "250 > CallbackResult", "250 < SendHttp"]
    {
        assert!(message.contains(part), "{part} is not in:\n{message}");
    }
    assert!(!message.contains("the-secret-token"), "{message}");
}

#[test]
fn only_the_last_of_a_long_history_is_shown() {
    let mut client = with_callback();
    (0..150).for_each(|_| client.wake());
    let history = client.history().to_string();
    assert!(history.contains("(50 more before)"), "{history}");
    assert_eq!(history.matches("> timeout").count(), 100);
}

#[test]
fn driving_goes_on_until_nothing_is_under_way() {
    let mut client = with_callback();
    let operation = client.credentials();
    let started = client.now();
    client.expect_callback();
    assert_eq!(client.drive(1), 1);
    assert_eq!(client.now().mono - started.mono, 10_000, "the time that a callback has");
    client.expect_error(operation);
}

#[test]
fn driving_goes_on_until_it_is_so() {
    let mut client = Realtime::with_key(json!({"fallbackHosts": []}));
    client.connect_in_vain();
    client.drive_until(3, |client| client.sockets.len() == 2);
    client.expect_attempt();
    client.leave_unfinished();
}

#[test]
#[should_panic(expected = "after 5 deadlines it is not so")]
fn driving_stops_at_its_bound() {
    let mut client = Realtime::with_key(json!({"fallbackHosts": []}));
    client.connect_in_vain();
    client.drive_until(5, |client| client.sockets.len() == 1_000);
}

#[test]
#[should_panic(expected = "it comes to rest after 0 deadlines, and it is not so")]
fn driving_stops_where_nothing_is_due() {
    with_callback().drive_until(5, |client| !client.requests.is_empty());
}

#[test]
fn handlers_answer_what_is_not_expected_then() {
    let mut client = Machine::with_numbered_tokens(json!({}));
    client.on_http(|_| respond(200, json!({})));
    let operation = client.request("GET", "/stats");
    client.expect_silence();
    client.expect_response(operation);
    assert_eq!(client.authorizations(), ["Bearer token-1"]);
}

#[test]
fn time_passes_by_both_clocks_and_with_every_deadline() {
    let mut client = Realtime::with_key(json!({}));
    let start = client.now();
    client.connect_up();
    assert_eq!(client.deadline(), Some((25_000, TimerKind::Idle)));
    client.advance_to(25_000, TimerKind::Idle);
    assert_eq!((client.now().mono - start.mono, client.now().unix_ms), (25_000, UNIX_START + 25_000));
    client.abandon();
}

#[test]
#[should_panic(expected = "the next deadline is")]
fn another_deadline_than_expected_fails() {
    let mut client = Realtime::with_key(json!({}));
    client.connect_up();
    client.advance_to(1, TimerKind::Idle);
}

#[test]
fn the_wall_clock_is_set_by_itself() {
    let mut clock = Clock::default();
    let start = clock.now();
    clock.shift_wall_clock(-1_000);
    assert_eq!((clock.now().mono, clock.now().unix_ms), (start.mono, UNIX_START - 1_000));
    clock.advance(10);
    assert_eq!((clock.now().mono, clock.now().unix_ms), (start.mono + 10, UNIX_START - 990));
}

#[test]
fn a_harness_goes_around_a_machine_that_is_there_already() {
    let clock = Clock::default();
    let options = serde_json::from_value(json!({"key": "app.key:secret"})).expect("options");
    let session = Session::new(options, [1; 32], clock.now()).expect("a session");
    let mut client = Harness::around(session, clock);
    let socket = client.connect_up();
    client.receive(&socket, frames::heartbeat());
    client.expect_silence();
    assert_eq!(client.state(), ConnectionState::Connected);
}
