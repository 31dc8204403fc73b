//! Renewal of rejected tokens: when, how often, and for whom.

use ably_auth::{Event, NoticeKind, OperationId};
use serde_json::{Value, json};

use crate::common::*;

/// A client that has got `token-1`, and answers nothing by itself any more.
fn client_with_token_1() -> Client {
    let mut client = Client::new(json!({"authCallback": true}));
    let authorize = client.authorize(None, None);
    let callback = client.expect_callback();
    client.callback_returns(&callback, token("token-1"));
    client.expect_token(authorize);
    client
}

/// Sends a request, which goes out at once with this token.
#[track_caller]
fn send(client: &mut Client, token: &str) -> (OperationId, Http) {
    let operation = client.request("GET", "/channels/test");
    let http = client.expect_http();
    assert_eq!(http.authorization(), Some(format!("Bearer {token}").as_str()));
    (operation, http)
}

#[track_caller]
fn renew(client: &mut Client, text: &str) {
    let callback = client.expect_callback();
    client.callback_returns(&callback, token(text));
}

#[test]
fn what_makes_a_token_error() {
    let of = |status: u16, error: Value| {
        let mut client = Client::with_numbered_tokens(json!({"fallbackHosts": []}));
        client.on_http(move |http| match http.id.as_u64() {
            1 => respond(status, json!({ "error": error })),
            _ => ok(json!({})),
        });
        let request = client.request("GET", "/channels/test");
        let renewed = client.expect_response(request).response.status == 200;
        assert_eq!(client.callbacks.len(), if renewed { 2 } else { 1 });
        assert_eq!(client.requests.len(), client.callbacks.len());
        renewed
    };

    assert!(of(401, json!({"code": 40140, "statusCode": 401, "message": "m"})));
    assert!(of(401, json!({"code": 40149, "message": "m"})));
    assert!(of(401, json!({"code": "40142", "statusCode": "401", "message": "m"})));
    assert!(!of(401, json!({"code": 40139, "message": "m"})));
    assert!(!of(401, json!({"code": 40150, "message": "m"})));
    assert!(!of(401, json!({"message": "m"})));
    assert!(!of(401, json!({"code": 40142, "statusCode": 400, "message": "m"})));
    assert!(!of(400, json!({"code": 40142, "statusCode": 401, "message": "m"})));
    assert!(!of(403, json!({"code": 40142, "message": "m"})));
}

#[test]
fn a_rejected_token_is_none_in_the_view_at_once() {
    let mut client = client_with_token_1();
    let (request, http) = send(&mut client, "token-1");

    client.answer(&http, token_expired());

    assert_eq!(client.token_details(), None);
    assert_eq!(client.token_changes.last(), Some(&None));
    renew(&mut client, "token-2");
    assert_eq!(client.token(), Some("token-2"));
    let retry = client.expect_http();
    client.respond(&retry, 200, json!({}));
    client.expect_response(request);
}

#[test]
fn requests_rejected_with_the_same_token_share_one_renewal() {
    let mut client = client_with_token_1();
    let requests: Vec<_> = (0..10).map(|_| send(&mut client, "token-1")).collect();

    for (_, http) in &requests {
        client.answer(http, token_expired());
    }
    let callback = client.expect_callback();
    client.on_http(|_| ok(json!({})));
    client.callback_returns(&callback, token("token-2"));

    for (operation, _) in requests {
        assert_eq!(client.expect_response(operation).response.status, 200);
    }
    assert_eq!(client.callbacks.len(), 2);
    assert_eq!(client.authorizations()[10..], ["Bearer token-2"; 10]);
}

#[test]
fn a_request_whose_token_was_replaced_is_sent_again_with_the_current_one() {
    let mut client = client_with_token_1();
    let (request, http) = send(&mut client, "token-1");
    let authorize = client.authorize(None, None);
    renew(&mut client, "token-2");
    client.expect_token(authorize);

    client.answer(&http, token_expired());
    let retry = client.expect_http();

    assert_eq!(retry.authorization(), Some("Bearer token-2"));
    assert_eq!(client.token(), Some("token-2"));
    client.respond(&retry, 200, json!({}));
    client.expect_response(request);
    assert_eq!(client.callbacks.len(), 2);
}

#[test]
fn a_request_whose_token_was_replaced_renews_once_where_the_current_one_is_rejected_too() {
    let mut client = client_with_token_1();
    let (request, http) = send(&mut client, "token-1");
    let authorize = client.authorize(None, None);
    renew(&mut client, "token-2");
    client.expect_token(authorize);

    client.answer(&http, token_expired());
    let second = client.expect_http();
    client.answer(&second, token_expired());
    renew(&mut client, "token-3");
    let third = client.expect_http();
    assert_eq!(third.authorization(), Some("Bearer token-3"));
    client.answer(&third, token_expired());

    assert_eq!(codes(&client.expect_error(request)), (40142, 401));
    assert_eq!((client.callbacks.len(), client.requests.len()), (3, 3));
}

#[test]
fn a_request_whose_token_was_replaced_tries_the_current_one_while_another_is_on_its_way() {
    let mut client = client_with_token_1();
    let (request, http) = send(&mut client, "token-1");
    let authorize = client.authorize(None, None);
    renew(&mut client, "token-2");
    client.expect_token(authorize);
    let authorize = client.authorize(None, None);
    let next = client.expect_callback();

    client.answer(&http, token_expired());
    let second = client.expect_http();
    assert_eq!(second.authorization(), Some("Bearer token-2"));
    client.answer(&second, token_expired());
    client.callback_returns(&next, token("token-3"));
    client.expect_token(authorize);
    let third = client.expect_http();
    assert_eq!(third.authorization(), Some("Bearer token-3"));
    client.respond(&third, 200, json!({}));

    client.expect_response(request);
    assert_eq!(client.callbacks.len(), 3);
}

#[test]
fn a_request_whose_token_was_replaced_by_one_that_has_expired_renews_once() {
    let mut client = client_with_token_1();
    let (request, http) = send(&mut client, "token-1");
    let authorize = client.authorize(None, None);
    renew(&mut client, "token-2");
    client.expect_token(authorize);
    client.event(Event::TokenExpired {});

    client.answer(&http, token_expired());
    renew(&mut client, "token-3");
    let retry = client.expect_http();
    assert_eq!(retry.authorization(), Some("Bearer token-3"));
    client.answer(&retry, token_expired());

    assert_eq!(codes(&client.expect_error(request)), (40142, 401));
    client.expect_silence();
}

#[test]
fn a_failed_renewal_fails_everyone_who_waited_for_it() {
    let mut client = client_with_token_1();
    let requests: Vec<_> = (0..3).map(|_| send(&mut client, "token-1")).collect();
    for (_, http) in &requests {
        client.answer(http, token_expired());
    }
    let credentials = client.credentials();

    let callback = client.expect_callback();
    client.callback_returns(&callback, plain_error("no"));

    for operation in requests.into_iter().map(|(operation, _)| operation).chain([credentials]) {
        assert_eq!(codes(&client.expect_error(operation)), (40170, 401));
    }
    assert_eq!(client.callbacks.len(), 2);
}

#[test]
fn successive_expiries_renew_once_each() {
    let mut client = Client::with_numbered_tokens(json!({}));
    client.on_http(|http| match http.id.as_u64() % 2 {
        1 => token_expired(),
        _ => ok(json!({})),
    });

    for number in 1..=10 {
        let request = client.request("GET", "/channels/test");
        assert_eq!(client.expect_response(request).response.status, 200);
        assert_eq!(client.callbacks.len(), number + 1);
    }
}

#[test]
fn without_a_way_to_renew_the_error_is_repeated_until_a_command_gives_a_way() {
    let mut client = Client::new(json!({"token": "static"}));
    client.expect_notice(NoticeKind::TokenNotRenewable);
    client.on_http(|http| match http.authorization() {
        Some("Bearer static") => token_expired(),
        _ => ok(json!({})),
    });

    let first = client.request("GET", "/channels/test");
    let error = client.expect_error(first);
    assert_eq!(codes(&error), (40171, 403));
    assert_eq!(error.cause().map(codes), Some((40142, 401)));
    let again = [client.request("GET", "/channels/test"), client.credentials()];
    for operation in again {
        assert_eq!(client.expect_error(operation), error);
    }
    assert_eq!(client.requests.len(), 1);

    let authorize = client.authorize(None, auth_options(json!({"token": "another"})));
    client.expect_token(authorize);
    let request = client.request("GET", "/channels/test");
    assert_eq!(client.expect_response(request).response.status, 200);
}

#[test]
fn a_rejection_that_the_environment_reports_drops_the_token_and_the_next_need_renews() {
    let rejection = error(json!({"code": 40142, "statusCode": 401, "message": "Token expired"}));
    for event in [Event::TokenExpired {}, Event::TokenRejected { token: "token-1".into(), error: rejection.clone() }] {
        let mut client = client_with_token_1();

        client.event(event);

        assert_eq!(client.token_details(), None);
        client.expect_silence();
        let credentials = client.credentials();
        renew(&mut client, "token-2");
        assert_eq!(client.expect_credentials(credentials).access_token(), Some("token-2"));
    }
}

#[test]
fn a_rejection_of_another_token_changes_nothing() {
    let mut client = client_with_token_1();
    let rejection = error(json!({"code": 40142, "statusCode": 401, "message": "Token expired"}));

    client.event(Event::TokenRejected { token: "token-0".into(), error: rejection });

    assert_eq!(client.token(), Some("token-1"));
    client.expect_silence();
}

#[test]
fn one_acquisition_answers_all_who_need_a_token() {
    let mut client = Client::new(json!({"authCallback": true}));

    let requests = [client.request("GET", "/a"), client.request("GET", "/b")];
    let credentials = [client.credentials(), client.credentials()];
    let callback = client.expect_callback();
    client.expect_silence();
    client.on_http(|_| ok(json!({})));
    client.callback_returns(&callback, token("token-1"));

    for operation in credentials {
        assert_eq!(client.expect_credentials(operation).access_token(), Some("token-1"));
    }
    for operation in requests {
        client.expect_response(operation);
    }
    assert_eq!(client.callbacks.len(), 1);
}
