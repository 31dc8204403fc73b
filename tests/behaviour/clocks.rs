//! The two clocks: what each is for, and what happens when they jump.

use ably_auth::options::ClientOptions;
use ably_auth::{AuthMachine, Now};
use serde_json::json;

use crate::common::*;

const SERVER_AHEAD: i64 = 5_000_000;

/// A client that has asked the service for its time, which is ahead of the wall clock.
fn client_that_knows_the_time() -> Client {
    let mut client = Client::new(json!({"key": KEY}));
    client.on_http(|_| ok(json!([UNIX_START + SERVER_AHEAD])));
    let time = client.time();
    client.expect_time(time);
    client
}

fn timestamp(client: &mut Client) -> i64 {
    let signing = client.create_token_request(None, None);
    client.expect_token_request(signing).timestamp.expect("a timestamp")
}

#[test]
fn the_time_of_the_service_is_kept_by_the_monotonic_clock() {
    let mut client = client_that_knows_the_time();

    client.advance(123_456);

    assert_eq!(timestamp(&mut client), UNIX_START + SERVER_AHEAD + 123_456);
}

#[test]
fn a_wall_clock_that_is_set_back_changes_nothing() {
    let mut client = client_that_knows_the_time();

    client.shift_wall_clock(-10 * HOUR);
    client.wake();

    assert_eq!(timestamp(&mut client), UNIX_START + SERVER_AHEAD);
}

#[test]
fn a_wall_clock_that_runs_ahead_by_a_second_changes_nothing() {
    let mut client = client_that_knows_the_time();

    client.shift_wall_clock(1_000);
    client.wake();

    assert_eq!(timestamp(&mut client), UNIX_START + SERVER_AHEAD);
}

#[test]
fn a_wall_clock_that_runs_ahead_by_more_drops_the_time_of_the_service() {
    let mut client = client_that_knows_the_time();

    client.shift_wall_clock(1_001);

    assert_eq!(timestamp(&mut client), UNIX_START + 1_001);
}

#[test]
fn a_wall_clock_that_runs_ahead_in_small_steps_changes_nothing() {
    let mut client = client_that_knows_the_time();

    for _ in 0..100 {
        client.shift_wall_clock(900);
        client.wake();
    }

    assert_eq!(timestamp(&mut client), UNIX_START + SERVER_AHEAD);
}

#[test]
fn a_token_that_expired_during_a_suspend_is_renewed_before_use() {
    let mut client = Client::new(json!({"authCallback": true}));
    client.on_callback(|callback| {
        let issued = UNIX_START + (callback.number() as i64 - 1) * 2 * HOUR;
        let token = format!("token-{}", callback.number());
        token_details(json!({"token": token, "issued": issued, "expires": issued + HOUR}))
    });
    let first = client.credentials();
    assert_eq!(client.expect_credentials(first).access_token(), Some("token-1"));

    client.shift_wall_clock(2 * HOUR);
    let second = client.credentials();

    assert_eq!(client.expect_credentials(second).access_token(), Some("token-2"));
    assert_eq!(client.callbacks.len(), 2);
}

#[test]
fn the_time_is_asked_for_again_after_it_was_dropped() {
    let mut client = Client::new(json!({"key": KEY, "queryTime": true}));
    client.on_http(|_| ok(json!([UNIX_START + SERVER_AHEAD])));

    assert_eq!(timestamp(&mut client), UNIX_START + SERVER_AHEAD);
    assert_eq!(timestamp(&mut client), UNIX_START + SERVER_AHEAD);
    assert_eq!(client.requests.len(), 1);
    client.shift_wall_clock(5_000);
    assert_eq!(timestamp(&mut client), UNIX_START + SERVER_AHEAD);

    assert_eq!(client.requests.len(), 2);
}

#[test]
fn deadlines_are_kept_by_the_monotonic_clock_alone() {
    let mut client = Client::new(json!({"key": KEY, "fallbackHosts": []}));
    let time = client.time();
    let http = client.expect_http();

    client.shift_wall_clock(10 * HOUR);
    client.wake();
    assert!(client.is_running(time));
    client.shift_wall_clock(-20 * HOUR);
    client.wake();
    assert!(client.is_running(time));
    client.advance(10_000);

    client.expect_abort(&http);
    assert_eq!(codes(&client.expect_error(time)), (50003, 500));
}

#[test]
fn an_answer_that_comes_after_its_deadline_but_before_the_wake_up_is_taken() {
    let mut client = Client::new(json!({"key": KEY}));
    let time = client.time();
    let http = client.expect_http();

    client.pass(20_000);
    client.respond(&http, 200, json!([1]));

    assert_eq!(client.expect_time(time), 1);
}

#[test]
fn a_time_of_the_service_that_it_refuses_itself_is_asked_for_anew() {
    let mut client = Client::new(json!({"key": KEY, "queryTime": true}));
    let first = client.request_token(None, None);
    let time = client.expect_http();
    // As a cache on the way may answer.
    client.respond(&time, 200, json!([UNIX_START - HOUR]));
    let exchange = client.expect_http();
    client.respond(&exchange, 401, json!({"error": {"code": 40104, "statusCode": 401, "message": "not current"}}));
    assert_eq!(client.expect_error(first).code(), 40104);

    let second = client.request_token(None, None);
    let time = client.expect_http();
    assert!(time.request.url.expose().ends_with("/time"), "{time:?}");
    client.respond(&time, 200, json!([UNIX_START]));
    let exchange = client.expect_http();
    client.respond(&exchange, 200, json!({"token": "second"}));
    assert_eq!(client.expect_token(second).token.expose(), "second");
    assert_eq!(timestamp(&mut client), UNIX_START);
}

#[test]
fn a_refusal_that_the_time_of_the_service_did_not_cause_leaves_it_as_it_is() {
    let requests = json!({"authCallback": "requests"});
    for (code, params, options) in [
        (40160, json!({}), json!({"key": KEY})),
        (40104, json!({"timestamp": 1}), json!({"key": KEY})),
        (40104, json!({}), requests),
    ] {
        let mut client = client_that_knows_the_time();
        client.on_http(move |_| ably_error(401, code, "refused"));
        client.on_callback(|_| token_request(json!({"keyName": "a.b", "timestamp": 1, "nonce": "n", "mac": "m"})));

        let refused = client.request_token(token_params(params), auth_options(options));

        assert_eq!(client.expect_error(refused).code(), code);
        assert_eq!(timestamp(&mut client), UNIX_START + SERVER_AHEAD);
    }
}

#[test]
fn a_time_of_the_service_by_which_a_new_token_has_expired_is_given_up() {
    // As a cache on the way, or a server whose clock is wrong, may answer.
    let mut client = Client::new(json!({"authCallback": "tokens"}));
    client.on_http(|_| ok(json!([UNIX_START + HOUR])));
    client
        .on_callback(|_| token_details(json!({"token": "new", "issued": UNIX_START, "expires": UNIX_START + 60_000})));
    let time = client.time();
    client.expect_time(time);

    let refused = client.credentials();
    assert_eq!(codes(&client.expect_error(refused)), (40170, 401));

    let credentials = client.credentials();
    assert_eq!(client.expect_credentials(credentials).access_token(), Some("new"));
}

fn count_actions(machine: &mut AuthMachine) -> usize {
    std::iter::from_fn(|| machine.poll_action()).count()
}

#[test]
fn a_monotonic_clock_that_goes_back_or_to_its_end_does_no_harm() {
    let options = ClientOptions::new(KEY).unwrap();
    let mut machine = AuthMachine::new(options, [1; 32], Now::new(1_000, UNIX_START)).unwrap();
    machine.time(Now::new(500, UNIX_START));
    assert_eq!(count_actions(&mut machine), 1);
    assert_eq!(machine.poll_timeout().map(|(at, _)| at), Some(11_000));

    machine.handle_timeout(Now::new(0, i64::MIN));
    assert_eq!(count_actions(&mut machine), 0);
    machine.handle_timeout(Now::new(u64::MAX, i64::MAX));
    count_actions(&mut machine);
    machine.handle_timeout(Now::new(u64::MAX, i64::MAX));
    count_actions(&mut machine);

    machine.time(Now::new(u64::MAX, 0));
    assert_ne!(count_actions(&mut machine), 0);
}

#[test]
fn with_query_time_the_first_token_of_the_library_is_signed_by_the_time_of_the_service() {
    let mut client = Client::new(json!({"key": KEY, "useTokenAuth": true, "queryTime": true}));
    let credentials = client.credentials();

    let time = client.expect_http();
    assert_eq!(time.path(), "/time");
    client.respond(&time, 200, json!([UNIX_START + HOUR]));

    let exchange = client.expect_http();
    assert!(exchange.is_exchange());
    assert_eq!(exchange.json()["timestamp"], json!(UNIX_START + HOUR));
    client.respond(&exchange, 200, json!({"token": "token"}));
    client.expect_credentials(credentials);
}
