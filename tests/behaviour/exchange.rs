//! The exchange of signed requests for tokens.

use ably_auth::http::HttpFailureKind;
use ably_auth::options::ApiKey;
use ably_auth::sign::verify;
use ably_auth::wire::TokenRequest;
use ably_auth::{ErrorKind, NoticeKind};
use serde_json::{Value, json};

use crate::common::*;

fn client_with_key() -> Client {
    Client::new(json!({"key": KEY, "useTokenAuth": true}))
}

/// The error of an exchange that every host answers so.
#[track_caller]
fn exchange_error(answer: impl Fn() -> Answer + 'static) -> ably_auth::Error {
    let mut client = client_with_key();
    client.on_http(move |_| answer());
    let authorize = client.authorize(None, None);
    assert_eq!(client.token_details(), None);
    client.expect_error(authorize)
}

fn signed() -> Value {
    json!({"keyName": "app.key", "timestamp": UNIX_START, "nonce": "0123456789abcdef", "mac": "the-mac"})
}

#[test]
fn what_is_sent_is_what_was_signed() {
    let mut client = Client::new(json!({
        "key": KEY, "clientId": "me", "defaultTokenParams": {"ttl": 60_000, "capability": {"b": ["*"], "a": ["*"]}},
    }));
    client.on_http(|_| ok(json!({"token": "t"})));

    let authorize = client.authorize(None, None);

    client.expect_token(authorize);
    let http = &client.requests[0];
    let request = TokenRequest::from_json(&http.json()).unwrap();
    assert_eq!(verify(&KEY.parse::<ApiKey>().unwrap(), &request), Ok(()));
    assert_eq!((request.ttl, request.timestamp), (Some(60_000), Some(UNIX_START)));
    assert_eq!(request.capability.as_deref(), Some(r#"{"a":["*"],"b":["*"]}"#));
    assert_eq!(request.client_id.as_deref(), Some("me"));
    assert_eq!(http.authorization(), None);
    assert_eq!(http.header("Content-Type"), Some("application/json"));
    assert_eq!(http.header("Accept"), Some("application/json"));
}

#[test]
fn the_name_of_the_key_is_one_segment_of_the_path() {
    let mut client = Client::new(json!({"key": "app/../x?y#z %ä:secret", "useTokenAuth": true}));
    client.on_http(|_| ok(json!({"token": "t"})));

    let authorize = client.authorize(None, None);

    client.expect_token(authorize);
    assert_eq!(
        client.requests[0].url().split_once(".net").unwrap().1,
        "/keys/app%2F..%2Fx%3Fy%23z%20%25%C3%A4/requestToken"
    );
}

#[test]
fn an_error_of_ably_is_passed_through() {
    let error = exchange_error(|| ably_error(401, 40101, "Invalid MAC"));

    assert_eq!(codes(&error), (40101, 401));
    assert_eq!(error.message(), "Invalid MAC");
    assert_eq!(error.kind(), ErrorKind::Rejected);
}

#[test]
fn a_failure_without_an_error_of_ably_is_40170_with_what_happened_as_its_cause() {
    for (kind, cause) in [
        (HttpFailureKind::Dns, (50002, 500)),
        (HttpFailureKind::Connect, (50002, 500)),
        (HttpFailureKind::Other, (50002, 500)),
        (HttpFailureKind::Timeout, (50003, 500)),
    ] {
        let error = exchange_error(move || Answer::Failure(kind));
        assert_eq!(codes(&error), (40170, 401));
        assert_eq!(error.cause().map(codes), Some(cause), "{kind:?}");
        assert_eq!(error.kind(), ErrorKind::Transport);
    }
    for status in [400, 404, 500, 503] {
        let error = exchange_error(move || respond_text(status, "text/html", "<html></html>"));
        assert_eq!(codes(&error), (40170, 401));
        assert_eq!(error.cause().map(codes), Some((u32::from(status) * 100, status)));
    }
    let error = exchange_error(|| respond_text(403, "text/html", "<html></html>"));
    assert_eq!(codes(&error), (40300, 403));
}

#[test]
fn an_answer_that_is_no_json_is_40013() {
    for answer in [
        || respond_text(200, "text/html", "<html></html>"),
        || respond_text(200, "application/json", "not json"),
        || respond_text(200, "text/plain", "a-token"),
    ] {
        let error = exchange_error(answer);
        assert_eq!(codes(&error), (40013, 400));
        assert_eq!(error.kind(), ErrorKind::Malformed);
    }
}

#[test]
fn an_answer_without_a_token_is_40170() {
    for answer in [|| ok(json!({})), || ok(json!([])), || ok(json!({"token": 5})), || ok(json!({"token": ""}))] {
        let error = exchange_error(answer);
        assert_eq!(codes(&error), (40170, 401));
        assert_eq!(error.kind(), ErrorKind::Malformed);
    }
}

#[test]
fn a_signed_request_that_may_have_reached_the_service_is_signed_anew_for_the_next_host() {
    for (answer, anew) in [
        ((|| Answer::Failure(HttpFailureKind::Timeout)) as fn() -> Answer, true),
        (|| Answer::Failure(HttpFailureKind::Closed), true),
        (|| respond(500, json!({})), true),
        (|| respond(503, json!({})), true),
        (|| Answer::Failure(HttpFailureKind::Dns), false),
        (|| Answer::Failure(HttpFailureKind::Connect), false),
        (|| Answer::Failure(HttpFailureKind::Tls), false),
    ] {
        let mut client = client_with_key();
        client.on_http(move |http| match http.id.as_u64() {
            1 => answer(),
            _ => ok(json!({"token": "t"})),
        });

        let authorize = client.authorize(None, None);

        client.expect_token(authorize);
        let [first, second] = &client.requests[..] else { panic!("two requests") };
        assert_ne!(first.host(), second.host());
        let (first, second) = (first.json(), second.json());
        assert_eq!(first["nonce"] != second["nonce"], anew);
        assert_eq!(first["mac"] != second["mac"], anew);
        let second = TokenRequest::from_json(&second).unwrap();
        assert_eq!(verify(&KEY.parse::<ApiKey>().unwrap(), &second), Ok(()));
    }
}

#[test]
fn a_nonce_that_was_given_is_not_replaced() {
    let mut client = client_with_key();
    client.on_http(|http| match http.id.as_u64() {
        1 => respond(500, json!({})),
        _ => ok(json!({"token": "t"})),
    });

    let token = client.request_token(token_params(json!({"nonce": "0123456789abcdef"})), None);

    client.expect_token(token);
    assert!(client.requests.iter().all(|http| http.json()["nonce"] == "0123456789abcdef"));
}

#[test]
fn a_signed_request_of_a_callback_goes_to_the_next_host_as_it_is() {
    let mut client = Client::new(json!({"authCallback": true}));
    client.on_callback(|_| token_request(signed())).on_http(|http| match http.id.as_u64() {
        1 => Answer::Failure(HttpFailureKind::Timeout),
        _ => ok(json!({"token": "t"})),
    });

    let authorize = client.authorize(None, None);

    client.expect_token(authorize);
    assert_eq!(client.callbacks.len(), 1);
    assert_eq!(client.requests.len(), 2);
    assert!(client.requests.iter().all(|http| http.json() == signed()));
}

#[test]
fn a_replay_that_the_service_refuses_has_the_source_asked_once_more() {
    for second_replay in [false, true] {
        let mut client = Client::new(json!({"authCallback": true}));
        client.on_callback(|callback| {
            let mut request = token_request(signed());
            request.nonce = Some(format!("the-nonce-number-{}", callback.number()));
            request
        });
        client.on_http(move |http| match http.id.as_u64() {
            1 | 3 if http.id.as_u64() == 1 || second_replay => Answer::Failure(HttpFailureKind::Closed),
            3 => ok(json!({"token": "t"})),
            _ => ably_error(401, 40105, "Nonce value replayed"),
        });

        let authorize = client.authorize(None, None);

        let nonces: Vec<_> = client.requests.iter().map(|http| http.json()["nonce"].clone()).collect();
        if second_replay {
            assert_eq!(codes(&client.expect_error(authorize)), (40105, 401));
            assert_eq!(nonces.len(), 4);
            assert_eq!(nonces[3], "the-nonce-number-2");
        } else {
            client.expect_token(authorize);
            assert_eq!(nonces, ["the-nonce-number-1", "the-nonce-number-1", "the-nonce-number-2"]);
        }
        assert_eq!(client.callbacks.len(), 2);
    }
}

#[test]
fn a_replay_that_the_service_refuses_has_an_auth_url_asked_once_more() {
    let mut client = Client::new(json!({"authUrl": "https://auth.example.com/"}));
    client.on_http(|http| match (http.host(), http.id.as_u64()) {
        ("auth.example.com", _) => ok(signed()),
        (_, 2) => Answer::Failure(HttpFailureKind::Timeout),
        (_, 3) => ably_error(401, 40105, "Nonce value replayed"),
        _ => ok(json!({"token": "t"})),
    });

    let authorize = client.authorize(None, None);

    client.expect_token(authorize);
    let to_url = client.hosts().iter().filter(|host| **host == "auth.example.com").count();
    assert_eq!((to_url, client.requests.len()), (2, 5));
}

#[test]
fn a_given_token_request_that_the_service_takes_for_a_replay_is_not_sent_again() {
    let mut client = Client::new(json!({"token": signed()}));
    client.expect_notice(NoticeKind::TokenNotRenewable);
    client.on_http(|http| match http.id.as_u64() {
        1 => Answer::Failure(HttpFailureKind::Timeout),
        _ => ably_error(401, 40105, "Nonce value replayed"),
    });

    let credentials = client.credentials();

    assert_eq!(codes(&client.expect_error(credentials)), (40105, 401));
    assert_eq!(client.requests.len(), 2);
}

#[test]
fn a_given_token_request_that_did_not_get_through_is_used_at_the_next_need() {
    let mut client = Client::new(json!({"token": signed(), "fallbackHosts": []}));
    client.expect_notice(NoticeKind::TokenNotRenewable);
    client.on_http(|http| match http.id.as_u64() {
        1 => Answer::Failure(HttpFailureKind::Dns),
        _ => ok(json!({"token": "t"})),
    });

    let failing = client.credentials();
    assert_eq!(codes(&client.expect_error(failing)), (40170, 401));
    let credentials = client.credentials();

    assert_eq!(client.expect_credentials(credentials).access_token(), Some("t"));
    assert_eq!(client.requests.len(), 2);
}

#[test]
fn a_given_token_request_that_was_refused_is_not_used_again() {
    let mut client = Client::new(json!({"token": signed()}));
    client.expect_notice(NoticeKind::TokenNotRenewable);
    client.on_http(|_| ably_error(401, 40101, "Invalid MAC"));

    let refused = client.credentials();
    assert_eq!(codes(&client.expect_error(refused)), (40101, 401));
    let hopeless = client.credentials();

    assert_eq!(codes(&client.expect_error(hopeless)), (40171, 403));
    assert_eq!(client.requests.len(), 1);
}

#[test]
fn query_time_is_asked_once_and_kept() {
    const AHEAD: i64 = 5_000_000;
    let mut client = Client::new(json!({"key": KEY, "queryTime": true}));
    client.on_http(|http| match http.path() {
        "/time" => ok(json!([UNIX_START + AHEAD])),
        _ => ok(json!({"token": "t"})),
    });

    let first = client.authorize(None, None);
    client.expect_token(first);
    client.advance(1_500);
    let second = client.authorize(None, None);
    client.expect_token(second);
    let signing = client.create_token_request(None, None);

    assert_eq!(client.expect_token_request(signing).timestamp, Some(UNIX_START + AHEAD + 1_500));
    let paths: Vec<_> = client.requests.iter().map(Http::path).collect();
    assert_eq!(paths, ["/time", "/keys/appId.keyId/requestToken", "/keys/appId.keyId/requestToken"]);
    assert_eq!(client.requests[1].json()["timestamp"], UNIX_START + AHEAD);
    assert_eq!(client.requests[2].json()["timestamp"], UNIX_START + AHEAD + 1_500);
}

#[test]
fn a_failed_query_for_the_time_fails_the_token() {
    let mut client = Client::new(json!({"key": KEY, "queryTime": true}));
    client.on_http(|_| ably_error(400, 40099, "no time"));

    let authorize = client.authorize(None, None);

    assert_eq!(codes(&client.expect_error(authorize)), (40099, 400));
    assert_eq!(client.requests.len(), 1);
}

#[test]
fn a_source_is_asked_again_only_where_its_request_was_replayed_and_may_have_been_sent_twice() {
    // Sent once, and refused as replayed: the source itself has used it twice.
    let mut client = Client::new(json!({"authCallback": true}));
    client.on_callback(|_| token_request(signed()));
    client.on_http(|_| ably_error(401, 40105, "Nonce value replayed"));
    let authorize = client.authorize(None, None);
    assert_eq!(codes(&client.expect_error(authorize)), (40105, 401));
    assert_eq!((client.callbacks.len(), client.requests.len()), (1, 1));

    // Perhaps sent twice, and refused for another reason.
    let mut client = Client::new(json!({"authCallback": true}));
    client.on_callback(|_| token_request(signed()));
    client.on_http(|http| match http.host() {
        "main.realtime.ably.net" => Answer::Failure(HttpFailureKind::Closed),
        _ => ably_error(401, 40101, "wrong MAC"),
    });
    let authorize = client.authorize(None, None);
    assert_eq!(codes(&client.expect_error(authorize)), (40101, 401));
    assert_eq!((client.callbacks.len(), client.requests.len()), (1, 2));
}

#[test]
fn a_request_that_names_no_key_is_not_sent() {
    for name in ["", ".", ".."] {
        let mut client = Client::new(json!({"authCallback": true}));
        let mut request = signed();
        request["keyName"] = name.into();
        client.on_callback(move |_| token_request(request.clone()));

        let authorize = client.authorize(None, None);

        let error = client.expect_error(authorize);
        assert_eq!((codes(&error), error.kind()), ((40170, 401), ErrorKind::Malformed), "{name:?}");
        assert_says(&error, &["keyName"]);
        assert_eq!(client.requests.len(), 0);
    }
}
