//! `time`.

use serde_json::json;

use crate::common::*;

const SERVER_TIME: i64 = 1_704_067_200_000;

fn client(options: serde_json::Value) -> Client {
    let mut client = Client::new(options);
    client.on_http(|_| ok(json!([SERVER_TIME])));
    client
}

// uts: rest/unit/RSC16/returns-server-time-0
#[test]
fn time_is_the_time_of_the_service() {
    let mut client = client(json!({"key": "app.key:secret"}));

    let time = client.time();

    assert_eq!(client.expect_time(time), SERVER_TIME);
    assert_eq!(client.requests.len(), 1);
    assert_eq!((client.requests[0].method(), client.requests[0].path()), ("GET", "/time"));
}

// uts: rest/unit/RSC16/request-format-get-time-1
#[test]
fn time_is_asked_for_with_the_headers_of_every_request() {
    let mut client = client(json!({"key": "app.key:secret"}));

    let time = client.time();

    client.expect_time(time);
    assert_eq!(client.requests.len(), 1);
    let request = &client.requests[0];
    assert_eq!((request.method(), request.path(), request.body()), ("GET", "/time", None));
    assert_eq!(request.header("X-Ably-Version"), Some("6"));
    assert_eq!(request.header("Accept"), Some("application/json"));
    assert_eq!(request.header("Content-Type"), None);
    assert!(request.header("Ably-Agent").is_some());
}

// uts: rest/unit/RSC16/no-auth-required-2
#[test]
fn time_is_asked_for_without_credentials() {
    let mut client = client(json!({"key": "app.key:secret"}));

    let time = client.time();

    assert_eq!(client.expect_time(time), SERVER_TIME);
    assert_eq!(client.requests.len(), 1);
    assert_eq!(client.requests[0].authorization(), None);
}

// uts: rest/unit/RSC16/works-without-tls-3
#[test]
fn time_is_asked_for_without_tls_and_without_a_token() {
    let mut client = client(json!({"key": "app.key:secret", "tls": false, "useTokenAuth": true}));

    let time = client.time();

    assert_eq!(client.expect_time(time), SERVER_TIME);
    assert_eq!(client.requests.len(), 1);
    assert_eq!(client.requests[0].scheme(), "http");
    assert_eq!(client.requests[0].authorization(), None);
}

// uts: rest/unit/RSC16/error-propagated-4
#[test]
fn an_error_of_the_service_fails_time() {
    let mut client = Client::new(json!({"key": "app.key:secret"}));
    client.on_http(|_| ably_error(500, 50000, "Internal server error"));

    let time = client.time();

    let error = client.expect_error(time);
    assert_eq!(codes(&error), (50000, 500));
    assert_eq!(error.message(), "Internal server error");
}
