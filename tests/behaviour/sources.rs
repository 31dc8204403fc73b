//! What callbacks and authUrls may give, and what is refused.

use std::collections::BTreeSet;

use ably_auth::wire::{MAX_TOKEN_LENGTH, TokenDetails};
use ably_auth::{Error, Event, NoticeKind, TimerKind};
use serde_json::{Value, json};

use crate::common::*;

/// What comes of a callback's reply: the token, or the error, and how many requests it took.
fn outcome_of(reply: impl Into<Reply>) -> (Result<TokenDetails, Error>, usize) {
    let mut client = Client::new(json!({"authCallback": true}));
    let mut reply = Some(reply.into());
    client.on_callback(move |_| reply.take().expect("it is called once"));
    client.on_http(|http| match http.is_exchange() {
        true => ok(json!({"token": "exchanged"})),
        false => panic!("an unexpected request to {}", http.url()),
    });
    let authorize = client.authorize(None, None);
    let outcome = match client.expect_complete(authorize) {
        Ok(_) => Ok(client.token_details().expect("a token").clone()),
        Err(error) => Err(error),
    };
    assert_eq!(client.callbacks.len(), 1);
    (outcome, client.requests.len())
}

#[track_caller]
fn accepted(reply: impl Into<Reply>) -> String {
    let (outcome, requests) = outcome_of(reply);
    let token = outcome.expect("it is accepted").token.expose().to_owned();
    assert_eq!(requests, usize::from(token == "exchanged"));
    token
}

/// The error that a reply is refused with.
#[track_caller]
fn refused(reply: impl Into<Reply>) -> Error {
    let (outcome, requests) = outcome_of(reply);
    let error = outcome.expect_err("it is refused");
    assert_eq!(codes(&error), (40170, 401), "{error}");
    assert_eq!(requests, 0);
    error
}

fn signed() -> Value {
    json!({"keyName": "app.key", "timestamp": UNIX_START, "nonce": "0123456789abcdef", "mac": "the-mac"})
}

#[test]
fn a_value_of_a_dynamic_language_is_told_apart() {
    assert_eq!(accepted(json!("opaque")), "opaque");
    assert_eq!(accepted(json!({"token": "in-details"})), "in-details");
    assert_eq!(accepted(signed()), "exchanged");
}

#[test]
fn everything_else_is_refused_saying_what_it_was() {
    let replies: [(&str, Reply); 13] = [
        ("an empty string", "".into()),
        ("the text null", "null".into()),
        ("the text undefined", "undefined".into()),
        ("JSON in a string", r#"{"token": "t"}"#.into()),
        ("a JSON string in a string", r#""t""#.into()),
        ("HTML", "<html></html>".into()),
        ("a space", "with space".into()),
        ("no ASCII", "tokén".into()),
        ("neither token nor keyName", json!({"access_token": "t"}).into()),
        ("a number", json!(5).into()),
        ("a boolean", json!(true).into()),
        ("an array", json!(["t"]).into()),
        ("too long", "x".repeat(MAX_TOKEN_LENGTH + 1).as_str().into()),
    ];
    let mut messages = BTreeSet::new();
    for (what, reply) in replies {
        let error = refused(reply);
        assert!(!error.message().contains("access_token"), "{what} is quoted: {error}");
        messages.insert((error.message().to_owned(), what));
    }
    let distinct: BTreeSet<_> = messages.iter().map(|(message, _)| message).collect();
    assert!(distinct.len() >= 10, "messages that say what was wrong: {messages:#?}");
    let error = refused(json!({"access_token": "t"}));
    assert!(error.message().contains("neither token nor keyName"), "{error}");
}

#[test]
fn the_same_is_refused_of_a_dynamic_language() {
    for value in ["", "null", "undefined", r#"{"token": "t"}"#, r#""t""#, "<html></html>", "with space", "tokén"] {
        refused(json!(value));
        refused(json!({ "token": value }));
    }
    refused(Value::Null);
    refused(json!({}));
    refused(json!({"token": 5}));
    refused(json!({"token": null}));
    refused(json!({"keyName": 5}));
    refused(json!({"token": "t", "expires": "soon"}));
}

#[test]
fn a_refused_value_is_not_quoted() {
    for error in [refused(r#"{"token": "hidden"}"#), refused("hidden token"), refused(json!({"hidden": "hidden"}))] {
        let shown = format!("{error:?} {error} {}", serde_json::to_string(&error).unwrap());
        assert!(!shown.contains("hidden"), "{shown}");
    }
}

#[test]
fn a_token_may_be_128_kib_long_and_no_longer() {
    assert_eq!(accepted("x".repeat(MAX_TOKEN_LENGTH).as_str()).len(), 131_072);
    refused("x".repeat(MAX_TOKEN_LENGTH + 1).as_str());
    refused(json!({"token": "t", "padding": "x".repeat(MAX_TOKEN_LENGTH)}));
}

#[test]
fn token_details_that_have_expired_by_the_servers_time_are_refused() {
    let mut client = Client::new(json!({"authCallback": true}));
    client.on_http(|_| ok(json!([UNIX_START + 2 * HOUR]))).on_callback(|_| token("expired"));
    let time = client.time();
    client.expect_time(time);

    let authorize = client.authorize(None, None);

    assert_eq!(codes(&client.expect_error(authorize)), (40170, 401));
    assert_eq!(client.token_details(), None);
    assert_eq!(client.callbacks.len(), 1);
}

#[test]
fn the_token_that_was_just_rejected_is_adopted_again_with_a_notice_and_no_loop() {
    let mut client = Client::new(json!({"authCallback": true}));
    client.on_callback(|_| "always-the-same").on_http(|_| token_expired());

    let request = client.request("GET", "/channels/test");

    assert_eq!(codes(&client.expect_error(request)), (40142, 401));
    client.expect_notice(NoticeKind::SameTokenAgain);
    assert_eq!((client.callbacks.len(), client.requests.len()), (2, 2));
}

#[test]
fn a_token_request_is_exchanged_without_the_current_token() {
    let mut client = Client::new(json!({"authCallback": true}));
    client.on_callback(|callback| match callback.number() {
        1 => Reply::from(token("current")),
        _ => Reply::from(token_request(signed())),
    });
    client.on_http(|_| ok(json!({"token": "exchanged"})));
    let first = client.authorize(None, None);
    client.expect_token(first);

    let second = client.authorize(None, None);

    assert_eq!(client.expect_token(second).token.expose(), "exchanged");
    assert_eq!(client.requests.len(), 1);
    assert_eq!(client.requests[0].authorization(), None);
    assert_eq!(client.requests[0].json(), signed());
}

#[test]
fn an_error_without_a_code_becomes_40170_with_the_callbacks_words_at_the_end() {
    let (outcome, _) = outcome_of(plain_error("the database is down"));

    let error = outcome.unwrap_err();
    assert_eq!(codes(&error), (40170, 401));
    assert!(error.message().ends_with("the database is down"), "{error}");
    assert_eq!(error.cause().map(Error::message), Some("the database is down"));
}

#[test]
fn an_error_with_status_403_and_no_code_becomes_40300() {
    let (outcome, _) = outcome_of(error(json!({"message": "not you", "statusCode": 403})));

    let error = outcome.unwrap_err();
    assert_eq!(codes(&error), (40300, 403));
    assert!(error.message().ends_with("not you"), "{error}");
}

#[test]
fn an_error_with_a_code_is_passed_through() {
    let thrown = error(json!({"message": "blocked", "code": 40105, "statusCode": 401}));

    let (outcome, _) = outcome_of(thrown.clone());

    assert_eq!(outcome.unwrap_err(), thrown);
}

#[test]
fn a_callback_has_so_much_time_and_its_late_answer_is_ignored_and_counted() {
    let mut client = Client::new(json!({"authCallback": true, "realtimeRequestTimeout": 3_000}));

    let authorize = client.authorize(None, None);
    let callback = client.expect_callback();
    assert_eq!(client.deadline(), Some((3_000, TimerKind::Callback)));
    client.advance(2_999);
    assert!(client.is_running(authorize));
    assert_eq!(client.advance_to_timeout(), TimerKind::Callback);

    let error = client.expect_error(authorize);
    assert_eq!(codes(&error), (40170, 401));
    assert!(error.cause().is_some());
    assert_eq!(client.deadline(), None);
    client.callback_returns(&callback, token("late"));
    assert_eq!(client.ignored(), 1);
    assert_eq!(client.token_details(), None);
}

#[test]
fn the_exchange_after_a_callback_has_its_own_time() {
    let mut client = Client::new(json!({"authCallback": true, "httpRequestTimeout": 7_000}));

    let authorize = client.authorize(None, None);
    let callback = client.expect_callback();
    client.advance(9_000);
    client.callback_returns(&callback, token_request(signed()));
    let exchange = client.expect_http();
    assert_eq!((exchange.timeout, exchange.open_timeout), (7_000, 4_000));
    assert_eq!(client.deadline(), Some((7_000, TimerKind::HttpRequest)));
    client.advance(6_999);
    client.respond(&exchange, 200, json!({"token": "exchanged"}));

    assert_eq!(client.expect_token(authorize).token.expose(), "exchanged");
}

#[test]
fn request_token_changes_nothing_in_the_library() {
    let mut client = Client::with_numbered_tokens(json!({}));
    client.on_http(|_| ok(json!({})));

    let first = client.request_token(None, None);
    assert_eq!(client.expect_token(first).token.expose(), "token-1");
    assert_eq!(client.token_details(), None);
    assert!(client.token_changes.is_empty());

    let request = client.request("GET", "/channels/test");
    client.expect_response(request);
    let second = client.request_token(token_params(json!({"ttl": 60_000})), auth_options(json!({"authCallback": "b"})));
    client.expect_token(second);
    let third = client.authorize(None, None);
    client.expect_token(third);

    assert_eq!(client.authorizations(), ["Bearer token-2"]);
    let names: Vec<_> = client.callbacks.iter().map(|callback| callback.name.as_str()).collect();
    assert_eq!(names, ["default", "default", "b", "default"]);
    assert_eq!(client.callbacks[3].params, token_params(json!({})));
}

#[test]
fn request_token_of_a_basic_client_leaves_it_basic() {
    let mut client = Client::new(json!({"key": KEY}));
    client.on_http(|http| match http.is_exchange() {
        true => ok(json!({"token": "t"})),
        false => ok(json!({})),
    });

    let token = client.request_token(None, None);
    client.expect_token(token);
    let request = client.request("GET", "/channels/test");

    client.expect_response(request);
    assert_eq!(client.authorizations(), [KEY_AS_BASIC]);
}

#[test]
fn a_failed_request_token_changes_nothing_in_the_library() {
    let mut client = Client::new(json!({"token": "current", "authCallback": true}));
    client.on_callback(|_| error(json!({"message": "no", "statusCode": 403})));

    let failing = client.request_token(None, None);

    assert_eq!(codes(&client.expect_error(failing)), (40300, 403));
    assert_eq!(client.token(), Some("current"));
}

#[test]
fn arguments_of_request_token_replace_those_stored_and_are_not_merged() {
    let mut client = Client::new(json!({
        "authUrl": "https://auth.example.com/", "authParams": {"stored": "1"}, "authHeaders": {"X-Stored": "1"},
        "defaultTokenParams": {"ttl": 60_000}, "clientId": "me",
    }));
    client.on_http(|_| ok(json!({"token": "t"})));

    let token = client.request_token(
        token_params(json!({"nonce": "0123456789abcdef"})),
        auth_options(json!({"authUrl": "https://other.example.com/", "authParams": {"given": "2"}})),
    );

    client.expect_token(token);
    let http = &client.requests[0];
    assert_eq!(http.host(), "other.example.com");
    assert_eq!(http.header("X-Stored"), None);
    let expected = [("clientId", "me"), ("given", "2"), ("nonce", "0123456789abcdef")];
    let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(http.query(), expected.into());
}

#[test]
fn request_token_with_options_that_hold_no_way_to_get_a_token_fails() {
    let mut client = Client::with_numbered_tokens(json!({"key": KEY}));

    let token = client.request_token(None, auth_options(json!({"queryTime": true})));

    assert_eq!(codes(&client.expect_error(token)), (40171, 403));
    assert_eq!((client.callbacks.len(), client.requests.len()), (0, 0));
}

#[test]
fn request_token_goes_on_beside_an_acquisition_and_another_request_token() {
    let mut client = Client::new(json!({"authCallback": true}));
    let first = client.request_token(None, None);
    let first_callback = client.expect_callback();
    let credentials = client.credentials();
    let own_callback = client.expect_callback();
    let second = client.request_token(None, None);
    let second_callback = client.expect_callback();

    client.callback_returns(&second_callback, "second");
    client.callback_returns(&first_callback, plain_error("no"));
    client.callback_returns(&own_callback, "own");

    assert_eq!(codes(&client.expect_error(first)), (40170, 401));
    assert_eq!(client.expect_token(second).token.expose(), "second");
    assert_eq!(client.expect_credentials(credentials).access_token(), Some("own"));
    assert_eq!(client.token_changes.len(), 1);
}

#[test]
fn a_token_that_expires_while_a_signed_request_is_exchanged_is_not_the_last_one() {
    let mut client = Client::new(json!({"token": "given"}));
    client.expect_notice(NoticeKind::TokenNotRenewable);
    let authorize = client.authorize(None, auth_options(json!({"token": signed()})));
    let exchange = client.expect_http();

    client.event(Event::TokenExpired {});
    let request = client.request("GET", "/channels");
    client.expect_silence();

    client.respond(&exchange, 200, json!({"token": "exchanged"}));
    client.expect_token(authorize);
    let sent = client.expect_http();
    assert_eq!(sent.authorization(), Some("Bearer exchanged"));
    client.respond(&sent, 200, json!({}));
    client.expect_response(request);
}
