//! What every request to the service has, and how its answers are read.

use ably_auth::{NoticeKind, RestRequest, TimerKind};
use serde_json::{Value, json};

use crate::common::*;

const SERVER_TIME: i64 = 1_234_567_890_000;

/// `{"time": 1234567890000}` as MessagePack.
const MSGPACK_TIME: [u8; 15] = [0x81, 0xa4, b't', b'i', b'm', b'e', 0xcf, 0, 0, 1, 0x1f, 0x71, 0xfb, 0x04, 0x50];

fn client(mut options: Value) -> Client {
    options["key"] = json!(KEY);
    let mut client = Client::new(options);
    client.on_http(|_| ok(json!({"time": SERVER_TIME})));
    client
}

/// The error of `time` where every host answers so.
#[track_caller]
fn time_error(answer: impl Fn() -> Answer + 'static) -> ably_auth::Error {
    let mut client = client(json!({}));
    client.on_http(move |_| answer());
    let time = client.time();
    client.expect_error(time)
}

fn url_safe(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

// uts: rest/unit/RSC5/auth-attribute-accessible-0: does not apply: there is no object with an attribute `auth`; the
// machine is the Auth object, of the options it was made with.
#[test]
fn the_machine_is_the_auth_object_of_its_options() {
    let client = client(json!({"clientId": "me"}));

    assert_eq!(client.machine().client_id(), Some("me"));
    assert_eq!(client.machine().auth_method(), ably_auth::options::AuthScheme::Basic);
}

// uts: rest/unit/RSC7e/ably-version-header-0
#[test]
fn every_request_names_the_version_of_the_protocol() {
    let mut client = client(json!({}));

    let time = client.time();
    let request = client.request("GET", "/channels/test");

    client.expect_time(time);
    client.expect_response(request);
    assert_eq!(client.requests.len(), 2);
    assert!(client.requests.iter().all(|http| http.header("X-Ably-Version") == Some("6")));
}

// uts: rest/unit/RSC7d/ably-agent-header-format-0
#[test]
fn every_request_names_the_library() {
    let mut client = client(json!({}));

    let time = client.time();

    client.expect_time(time);
    let agent = format!("ably-auth/{} rust", env!("CARGO_PKG_VERSION"));
    assert_eq!(client.requests[0].header("Ably-Agent"), Some(agent.as_str()));
}

// uts: rest/unit/RSC7c/request-id-included-0
#[test]
fn request_ids_are_added_where_options_say_so() {
    let mut client = client(json!({"addRequestIds": true}));

    let times = [client.time(), client.time()];

    for time in times {
        client.expect_time(time);
    }
    let ids: Vec<_> = client.requests.iter().map(|http| http.query()["request_id"].clone()).collect();
    assert!(ids.iter().all(|id| id.len() >= 12 && url_safe(id)), "{ids:?}");
    assert_ne!(ids[0], ids[1]);
}

// uts: rest/unit/RSC7c/request-id-preserved-fallback-1
#[test]
fn a_request_id_stays_the_same_at_the_next_host() {
    let mut client = client(json!({"addRequestIds": true, "fallbackHosts": ["a.example.com", "b.example.com"]}));
    client.on_http(|http| match http.id.as_u64() {
        1 => respond(500, json!({"error": {"code": 50000}})),
        _ => ok(json!({"time": SERVER_TIME})),
    });

    let time = client.time();

    client.expect_time(time);
    assert_eq!(client.requests.len(), 2);
    assert_eq!(client.requests[0].query()["request_id"], client.requests[1].query()["request_id"]);
}

// uts: rest/unit/RSC8a/protocol-selection-0: does not apply: JSON is the only protocol, there is no option to choose
// one, and no publishing; a body of `request` is JSON.
#[test]
fn the_choice_of_a_protocol_is_not_offered() {
    let error = Client::refusal(json!({"key": KEY, "useBinaryProtocol": true}));

    assert_eq!(codes(&error), (40000, 400));
    assert_eq!(error.message(), "invalid option useBinaryProtocol");
}

// Without publishing, by a request with a body.
// uts: rest/unit/RSC8c/accept-content-type-headers-0
#[test]
fn requests_accept_json_and_say_that_their_body_is_json() {
    let mut client = client(json!({}));
    client.on_http(|_| respond(201, json!({"serials": ["s1"]})));
    let body = json!({"name": "e", "data": "d"}).to_string();

    let request = client.send_request(RestRequest::new("POST", "/channels/test/messages").with_body(body.clone()));

    assert_eq!(client.expect_response(request).response.status, 201);
    let request = &client.requests[0];
    assert_eq!(request.header("Accept"), Some("application/json"));
    assert_eq!(request.header("Content-Type"), Some("application/json"));
    assert_eq!(request.body(), Some(body.as_str()));
}

// uts: rest/unit/RSC8d/mismatched-response-content-type-0: does not apply: MessagePack is not read; such an answer is
// refused.
#[test]
fn a_success_in_messagepack_is_refused() {
    let error = time_error(|| respond_raw(200, &[("Content-Type", "application/x-msgpack")], &MSGPACK_TIME));

    assert_eq!(codes(&error), (40013, 400));
}

// uts: rest/unit/RSC8e/unsupported-content-type-0
#[test]
fn an_answer_of_an_unsupported_type_is_its_status_or_refused() {
    let error = time_error(|| respond_text(500, "text/html", "<html>Server Error</html>"));
    assert_eq!(codes(&error), (50000, 500));
    assert!(!error.message().contains("<html>"));

    let error = time_error(|| respond_text(200, "text/html", "<html>OK</html>"));
    assert_eq!(codes(&error), (40013, 400));
    assert!(!error.message().contains("<html>"));
}

// uts: rest/unit/RSC8/error-decoded-from-msgpack-0: does not apply: MessagePack is not read. The headers that the
// service sends with every error tell the same; without them the status does.
#[test]
fn an_error_in_messagepack_is_known_by_its_headers_or_its_status() {
    let body = [0x81, 0xa5, b'e', b'r', b'r', b'o', b'r', 0xc0];
    let error = time_error(move || respond_raw(400, &[("Content-Type", "application/x-msgpack")], &body));
    assert_eq!(codes(&error), (40000, 400));

    let error = time_error(move || {
        let headers = [
            ("Content-Type", "application/x-msgpack"),
            ("X-Ably-Errorcode", "40099"),
            ("X-Ably-Errormessage", "Test error"),
        ];
        respond_raw(400, &headers, &body)
    });
    assert_eq!(codes(&error), (40099, 400));
    assert_eq!(error.message(), "Test error");
}

// The machine keeps the time itself, whatever the HTTP client does.
// uts: rest/unit/RSC13/request-timeout-enforced-0
#[test]
fn a_request_ends_with_its_timeout() {
    let mut client = Client::new(json!({"key": KEY, "httpRequestTimeout": 1_000, "fallbackHosts": []}));

    let time = client.time();
    let http = client.expect_http();
    assert_eq!(http.timeout, 1_000);
    client.advance(999);
    client.expect_silence();
    assert_eq!(client.advance_to_timeout(), TimerKind::HttpRequest);

    client.expect_abort(&http);
    assert_eq!(codes(&client.expect_error(time)), (50003, 500));
    assert_eq!(client.requests.len(), 1);
    client.respond(&http, 200, json!({"time": SERVER_TIME}));
    assert_eq!(client.ignored(), 1);
}

// uts: rest/unit/RSC17/client-id-from-options-0
// uts: rest/unit/RSC17/client-id-matches-auth-1
#[test]
fn the_client_id_is_that_of_the_options() {
    let client = client(json!({"clientId": "explicit-client-id"}));

    assert_eq!(client.client_id(), Some("explicit-client-id"));
}

// A key would be refused without TLS, so that the second case has a token.
// uts: rest/unit/RSC18/tls-controls-protocol-scheme-0
#[test]
fn tls_decides_on_the_scheme() {
    for (options, scheme) in
        [(json!({}), "https"), (json!({"tls": true}), "https"), (json!({"tls": false, "useTokenAuth": true}), "http")]
    {
        let mut client = client(options);

        let time = client.time();

        assert_eq!(client.expect_time(time), SERVER_TIME);
        assert_eq!(client.requests.len(), 1);
        assert_eq!(client.requests[0].scheme(), scheme);
    }
}

// uts: rest/unit/RSC18/basic-auth-over-http-rejected-1
#[test]
fn a_key_is_refused_without_tls_and_a_token_is_not() {
    let error = Client::refusal(json!({"key": KEY, "tls": false}));
    assert_eq!(codes(&error), (40103, 401));
    assert_says(&error, &["TLS"]);

    let mut client = Client::new(json!({"token": "some-token-string", "tls": false}));
    client.expect_notice(NoticeKind::TokenNotRenewable);
    client.on_http(|_| ok(json!({"time": SERVER_TIME})));
    let time = client.time();
    assert_eq!(client.expect_time(time), SERVER_TIME);
}
