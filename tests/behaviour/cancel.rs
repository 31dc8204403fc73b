//! Cancelling, and answers that nobody waits for.

use ably_auth::http::HttpFailureKind;
use ably_auth::wire::TokenRevocationTargetSpecifier as Target;
use ably_auth::{ConnectionState, Error, ErrorKind, Event, OperationId, Revocation};
use serde_json::json;

use crate::common::*;

/// Cancels an operation that is running, and returns what it ended with.
#[track_caller]
fn cancel(client: &mut Client, operation: OperationId) -> Error {
    let cancel = client.cancel(operation);
    client.expect_cancelled(cancel);
    let error = client.expect_error(operation);
    assert_eq!((codes(&error), error.kind()), ((40000, 400), ErrorKind::Cancelled));
    error
}

type Command = fn(&mut Client) -> OperationId;

#[test]
fn a_cancelled_operation_gives_up_its_request_and_a_late_answer_is_ignored_and_counted() {
    let commands: [Command; 6] = [
        |client| client.time(),
        |client| client.request("GET", "/channels/test"),
        |client| client.revoke_tokens(Revocation::new([Target::client_id("a")])),
        |client| client.request_token(None, None),
        |client| client.authorize(None, None),
        |client| client.create_token_request(None, auth_options(json!({"key": KEY, "queryTime": true}))),
    ];
    for command in commands {
        let mut client = Client::new(json!({"key": KEY}));
        let operation = command(&mut client);
        let http = client.expect_http();

        cancel(&mut client, operation);

        client.expect_abort(&http);
        assert_eq!(client.deadline(), None);
        client.respond(&http, 200, json!({"token": "late"}));
        assert_eq!(client.ignored(), 1);
        assert_eq!(client.token_details(), None);
        client.expect_silence();
    }
}

#[test]
fn a_cancelled_operation_forgets_its_callback() {
    let commands: [Command; 4] = [
        |client| client.request("GET", "/channels/test"),
        |client| client.credentials(),
        |client| client.request_token(None, None),
        |client| client.authorize(None, None),
    ];
    for command in commands {
        let mut client = Client::new(json!({"authCallback": true}));
        let operation = command(&mut client);
        let callback = client.expect_callback();

        cancel(&mut client, operation);

        assert_eq!(client.deadline(), None);
        client.callback_returns(&callback, token("late"));
        assert_eq!((client.ignored(), client.token_details()), (1, None));
    }
}

#[test]
fn an_acquisition_that_others_share_goes_on() {
    let mut client = Client::new(json!({"authCallback": true}));
    let first = client.credentials();
    let second = client.credentials();
    let callback = client.expect_callback();

    cancel(&mut client, first);
    client.callback_returns(&callback, token("shared"));

    assert_eq!(client.expect_credentials(second).access_token(), Some("shared"));
}

#[test]
fn a_cancelled_authorize_leaves_those_who_joined_it() {
    let mut client = Client::new(json!({"authCallback": true}));
    let authorize = client.authorize(None, None);
    let credentials = client.credentials();
    let callback = client.expect_callback();

    cancel(&mut client, authorize);
    client.callback_returns(&callback, token("shared"));

    assert_eq!(client.expect_credentials(credentials).access_token(), Some("shared"));
    assert_eq!(client.token(), Some("shared"));
}

#[test]
fn cancelling_what_has_ended_or_never_was_is_counted_and_changes_nothing() {
    let mut client = Client::new(json!({"key": KEY}));
    let credentials = client.credentials();
    client.expect_credentials(credentials);

    let cancels = [client.cancel(credentials), client.cancel(1_000.into())];
    let of_cancel = client.cancel(cancels[0]);

    for operation in cancels.into_iter().chain([of_cancel]) {
        client.expect_cancelled(operation);
    }
    assert_eq!(client.ignored(), 3);
}

#[test]
fn a_request_that_waits_for_its_renewal_can_be_cancelled() {
    let mut client = Client::new(json!({"token": "given", "authCallback": true}));
    client.on_http(|_| token_expired());
    let request = client.request("GET", "/channels/test");
    client.expect_callback();

    cancel(&mut client, request);

    assert_eq!(client.deadline(), None);
    assert_eq!(client.requests.len(), 1);
}

#[test]
fn duplicate_and_unknown_answers_are_ignored_and_counted() {
    let mut client = Client::new(json!({"authCallback": true}));
    let request = client.request("GET", "/channels/test");
    let callback = client.expect_callback();

    client.callback_returns(&callback, token("first"));
    client.callback_returns(&callback, token("second"));
    assert_eq!((client.ignored(), client.token()), (1, Some("first")));
    client.callback_returns(&callback, plain_error("late"));
    assert_eq!(client.ignored(), 2);
    let http = client.expect_http();
    client.respond(&http, 200, json!({}));
    client.respond(&http, 200, json!({}));
    client.fail(&http, HttpFailureKind::Timeout);
    assert_eq!(client.ignored(), 4);
    client.expect_response(request);

    let mut unknown = http.clone();
    unknown.id = 1_000.into();
    client.respond(&unknown, 200, json!({}));
    let mut unknown = callback.clone();
    unknown.id = 0.into();
    client.callback_returns(&unknown, "t");
    assert_eq!((client.ignored(), client.token()), (6, Some("first")));
}

#[test]
fn an_answer_to_an_aborted_attempt_is_ignored_and_that_to_the_next_one_is_taken() {
    let mut client = Client::new(json!({"key": KEY}));
    let time = client.time();
    let first = client.expect_http();
    client.advance(10_000);
    client.expect_abort(&first);
    let second = client.expect_http();

    client.respond(&first, 200, json!([1]));
    assert_eq!(client.ignored(), 1);
    assert!(client.is_running(time));
    client.respond(&second, 200, json!([2]));

    assert_eq!(client.expect_time(time), 2);
}

#[test]
fn events_that_nobody_waits_for_change_nothing() {
    let mut client = Client::new(json!({"key": KEY}));

    client.event(Event::TokenExpired {});
    client.event(Event::TokenRejected { token: "t".into(), error: plain_error("m") });
    client.event(Event::ReauthRequested {});

    client.expect_notice(ably_auth::NoticeKind::ReauthNotPossible);
    assert_eq!(client.requests.len(), 0);
}

#[test]
fn refused_arguments_are_an_operation_too() {
    let mut client = Client::new(json!({"key": KEY}));
    let refusal = error(json!({"code": 40003, "statusCode": 400, "message": "m"}));

    let operation = client.command(ably_auth::session::Command::Refused {
        kind: "authorize",
        arguments: ably_auth::OpaqueJson(json!({})),
        error: refusal.clone(),
    });

    assert_eq!(client.expect_error(operation), refusal);
}

#[test]
fn what_a_finished_operation_used_is_gone() {
    let mut client = Client::with_numbered_tokens(json!({}));
    client.on_http(|_| ok(json!({})));
    let mut run = || {
        let request = client.request("GET", "/channels/test");
        client.expect_response(request);
        format!("{:?}", client.machine()).len()
    };

    run();
    let before = run();
    for _ in 0..1_000 {
        run();
    }

    // The ids have a few more digits; nothing else may have grown.
    assert!(run() <= before + 16, "{} after {before}", run());
}

#[test]
fn what_a_cancelled_authorize_used_is_gone_although_the_connection_never_answers() {
    let mut client = Client::with_numbered_tokens(json!({}));
    client.connection(ConnectionState::Connecting);
    client.expect_open();
    client.connection(ConnectionState::Connected);
    let mut run = || {
        let authorize = client.authorize(None, None);
        client.expect_upgrade();
        cancel(&mut client, authorize);
        format!("{:?}", client.machine()).len()
    };

    let before = run();
    for _ in 0..100 {
        run();
    }

    assert!(run() <= before + 32, "{} after {before}", run());
}
