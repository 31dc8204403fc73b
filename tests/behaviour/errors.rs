//! The one error type, and what errors never say.

use std::error::Error as _;

use ably_auth::http::HttpFailureKind;
use ably_auth::wire::TokenRevocationTargetSpecifier as Target;
use ably_auth::{Error, ErrorKind, NoticeKind, Revocation};
use serde_json::json;

use crate::common::*;

#[test]
fn every_kind_says_whose_fault_it_is() {
    let mut client = Client::new(json!({"token": "static"}));
    client.expect_notice(NoticeKind::TokenNotRenewable);
    let misuse = client.revoke_tokens(Revocation::new([Target::client_id("a")]));
    assert_eq!(client.expect_error(misuse).kind(), ErrorKind::Misuse);

    assert_eq!(Client::refusal(json!({})).kind(), ErrorKind::Configuration);

    let kind_of = |answer: fn() -> Answer| {
        let mut client = Client::new(json!({"key": KEY}));
        client.on_http(move |_| answer());
        let time = client.time();
        client.expect_error(time).kind()
    };
    assert_eq!(kind_of(|| ably_error(400, 40000, "no")), ErrorKind::Rejected);
    assert_eq!(kind_of(|| ok(json!({}))), ErrorKind::Malformed);
    assert_eq!(kind_of(|| Answer::Failure(HttpFailureKind::Dns)), ErrorKind::Transport);
    assert_eq!(kind_of(|| Answer::Failure(HttpFailureKind::Timeout)), ErrorKind::Transport);

    let mut client = Client::new(json!({"authCallback": true}));
    client.on_callback(|_| "");
    let authorize = client.authorize(None, None);
    assert_eq!(client.expect_error(authorize).kind(), ErrorKind::Malformed);
}

#[test]
fn a_token_error_is_401_and_40140_to_40149() {
    let of = |code: u32, status: u16| error(json!({"code": code, "statusCode": status, "message": "m"}));

    assert!(of(40140, 401).is_token_error() && of(40149, 401).is_token_error());
    for (code, status) in [(40139, 401), (40150, 401), (40142, 400), (40142, 403), (0, 401)] {
        assert!(!of(code, status).is_token_error(), "{code}/{status}");
    }
}

#[test]
fn the_wire_form_is_that_of_an_error_info() {
    let wire = json!({
        "code": 40142, "statusCode": 401, "message": "Token expired", "href": "https://help.ably.io/error/40142",
        "cause": {
            "code": 40000, "statusCode": 400, "message": "cause", "href": "https://help.ably.io/error/40000",
        },
        "requestId": "id", "detail": {"hint": "h"},
    });

    let error = error(wire.clone());

    assert_eq!(serde_json::to_value(&error).unwrap(), wire);
    assert_eq!(error.clone(), error);
    assert_eq!(error.source().map(ToString::to_string), Some("cause (40000/400)".to_owned()));
    assert_eq!(error.to_string(), "Token expired (40142/401)");
}

#[test]
fn href_follows_from_the_code() {
    assert_eq!(Client::refusal(json!({})).href(), "https://help.ably.io/error/40106");
    assert_eq!(plain_error("m").href(), "https://help.ably.io/error/0");
}

#[test]
fn an_error_of_our_own_says_what_happened_and_what_to_do() {
    assert_says(&Client::refusal(json!({})), &["key", "token", "authUrl", "authCallback"]);
    assert_says(&Client::refusal(json!({"key": "nonsense"})), &["key"]);
    assert_says(&Client::refusal(json!({"key": KEY, "clientId": "*"})), &["clientId", "defaultTokenParams"]);

    let mut client = Client::new(json!({"authCallback": true}));
    client.on_callback(|_| json!({}));
    let authorize = client.authorize(None, None);
    assert_says(&client.expect_error(authorize), &["authCallback", "TokenDetails", "TokenRequest"]);
}

#[test]
fn what_the_environment_says_of_a_failure_is_in_the_message() {
    use ably_auth::Event;
    use ably_auth::http::HttpFailure;

    let mut client = Client::new(json!({"key": KEY, "fallbackHosts": []}));
    let time = client.time();
    let http = client.expect_http();
    let mut failure = HttpFailure::new(HttpFailureKind::Tls);
    failure.message = Some("certificate expired".to_owned());
    client.event(Event::HttpFailed { id: http.id, failure });

    let error = client.expect_error(time);
    assert_eq!(codes(&error), (50002, 500));
    assert_says(&error, &["TLS", "certificate expired"]);
}

#[test]
fn secrets_are_in_no_error_and_no_debug_form() {
    let secrets = ["keySecret", "bearer-token", "header-secret", "param-secret", "body-secret", "url-secret"];
    let mut client = Client::new(json!({
        "key": KEY, "token": "bearer-token", "authUrl": "https://u:url-secret@auth.example.com/?p=url-secret",
        "authHeaders": {"X-Auth": "header-secret"}, "authParams": {"p2": "param-secret"},
    }));
    client.on_http(|http| match http.host().ends_with("auth.example.com") {
        true => respond_text(500, "text/plain", "body-secret"),
        false => ably_error(401, 40142, "Invalid accessToken in request: bearer-token"),
    });
    let mut shown = format!("{:?} {}", client.machine(), client.machine().explain());

    let request = client.request("GET", "/channels/test");

    let failure: Error = client.expect_error(request);
    shown += &format!("{failure:?} {failure} {}", serde_json::to_string(&failure).unwrap());
    shown += &format!("{:?} {:?} {}", client.machine(), client.requests, client.machine().explain());
    for secret in secrets {
        assert!(!shown.contains(secret), "{secret} is in {shown}");
    }
}

#[test]
fn the_debug_form_of_a_request_says_where_it_goes_and_no_more() {
    let mut client = Client::new(json!({
        "authUrl": "https://u:url-secret@auth.example.com/token?p=url-secret",
        "authHeaders": {"X-Auth": "header-secret"},
    }));
    client.on_http(|_| ok(json!({"token": "t"})));
    let authorize = client.authorize(None, None);
    client.expect_token(authorize);

    let shown = format!("{:?}", client.requests[0].request);

    for part in ["GET", "https://auth.example.com/token", "X-Auth"] {
        assert!(shown.contains(part), "{part} is not in {shown}");
    }
    assert!(!shown.contains("secret"), "{shown}");
}

#[test]
fn an_explanation_says_what_the_machine_waits_for() {
    let mut client = Client::new(json!({"authCallback": true}));
    let idle = client.machine().explain().to_string();
    assert!(!idle.is_empty());

    let credentials = client.credentials();
    let waiting = client.machine().explain().to_string();

    assert!(waiting.contains("authCallback"), "{waiting}");
    assert_ne!(idle, waiting);
    let callback = client.expect_callback();
    client.callback_returns(&callback, "t");
    client.expect_credentials(credentials);
}

#[test]
fn credentials_in_hand_can_be_looked_at_without_a_command() {
    let mut client = Client::with_numbered_tokens(json!({}));
    assert_eq!(client.machine().peek_credentials(), None);

    let credentials = client.credentials();
    let credentials = client.expect_credentials(credentials);

    assert_eq!(client.machine().peek_credentials(), Some(&credentials));
    assert_eq!(format!("{credentials:?}"), "Credentials(Bearer [redacted])");
    let basic = Client::new(json!({"key": KEY}));
    assert_eq!(basic.machine().peek_credentials().and_then(|credentials| credentials.key()), Some(KEY));
}

#[test]
fn what_an_error_leaves_out_comes_from_its_status_and_what_it_says_is_kept() {
    for (body, code, message) in [
        (json!({"error": {"message": "words alone"}}), 40300, "words alone"),
        (json!({"error": {"code": 40160}}), 40160, "the service gave no message"),
        (json!({"error": {"statusCode": 403}}), 40300, "the service gave no message"),
        (json!({"error": {}}), 40300, "the answer has status 403 and no error that could be read"),
    ] {
        let mut client = Client::new(json!({"key": KEY}));
        client.on_http(move |_| respond(403, body.clone()));

        let time = client.time();

        let error = client.expect_error(time);
        assert_eq!((codes(&error), error.message()), ((code, 403), message));
    }
}

#[test]
fn a_callbacks_error_without_a_status_has_that_of_its_code() {
    for (given, expected) in [
        (json!({"code": 40160, "message": "m"}), (40160, 401)),
        (json!({"code": 40160, "statusCode": 403, "message": "m"}), (40160, 403)),
        (json!({"code": 40012, "message": "m"}), (40012, 400)),
    ] {
        let mut client = Client::new(json!({"authCallback": true}));
        client.on_callback(move |_| error(given.clone()));

        let authorize = client.authorize(None, None);

        assert_eq!(codes(&client.expect_error(authorize)), expected);
    }
}

#[test]
fn a_key_that_the_service_quotes_is_taken_out() {
    let mut client = Client::new(json!({"key": KEY}));
    let secret = KEY.split_once(':').expect("a key").1;
    client.on_http(move |_| ably_error(401, 40101, &format!("wrong secret {secret} for {KEY}")));

    let request = client.request("GET", "/stats");

    let response = client.expect_response(request);
    assert!(!format!("{:?}", response.error_message).contains(secret), "{:?}", response.error_message);
}
