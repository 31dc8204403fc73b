//! Authenticated requests, `time`, and how answers of the service are read.

use ably_auth::http::HttpFailureKind;
use ably_auth::{Error, ErrorKind, NoticeKind, RestRequest};
use serde_json::{Value, json};

use crate::common::*;

/// What a request of a client with a key completes with, where every host answers so.
fn answered(answer: impl Fn() -> Answer + 'static) -> Result<ably_auth::Response, Error> {
    let mut client = Client::new(json!({"key": KEY}));
    client.on_http(move |_| answer());
    let request = client.request("GET", "/channels/test");
    client.expect_complete(request).map(|outcome| match outcome {
        ably_auth::Outcome::Response(response) => response,
        other => panic!("{other:?}"),
    })
}

#[track_caller]
fn time_error(answer: impl Fn() -> Answer + 'static) -> Error {
    let mut client = Client::new(json!({"key": KEY}));
    client.on_http(move |_| answer());
    let time = client.time();
    client.expect_error(time)
}

#[test]
fn a_request_has_these_headers_and_no_others() {
    let mut client = Client::new(json!({"key": KEY, "agents": {"my-sdk": "1.2.3", "my-os": null}}));
    client.on_http(|_| ok(json!({})));

    let get = client.request("GET", "/channels/test");
    let post = client.send_request(RestRequest::new("POST", "/channels/test").with_body("{}"));

    client.expect_response(get);
    client.expect_response(post);
    let [get, post] = &client.requests[..] else { panic!("two requests") };
    let names = |http: &Http| {
        let mut names: Vec<_> = http.request.headers.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
        names.sort();
        names
    };
    assert_eq!(names(get), ["ably-agent", "accept", "authorization", "x-ably-version"]);
    assert_eq!(names(post), ["ably-agent", "accept", "authorization", "content-type", "x-ably-version"]);
    let agent = get.header("Ably-Agent").unwrap();
    let own = format!("ably-auth/{} rust", env!("CARGO_PKG_VERSION"));
    assert!(agent.starts_with(&own), "{agent}");
    let mut others: Vec<_> = agent[own.len()..].split_whitespace().collect();
    others.sort();
    assert_eq!(others, ["my-os", "my-sdk/1.2.3"]);
}

#[test]
fn a_request_is_sent_as_it_was_given() {
    let mut client = Client::new(json!({"key": KEY}));
    client.on_http(|_| ok(json!({})));
    let mut request = RestRequest::new("PATCH", "/channels/ä b?own=1").with_body("[1]");
    request.params = vec![("limit".to_owned(), "10".into()), ("with space".to_owned(), "&=".into())];
    request.headers.append("X-Mine", "yes");
    request.headers.append("authorization", "Bearer stolen");
    request.version = 2;

    let request = client.send_request(request);

    client.expect_response(request);
    let http = &client.requests[0];
    assert_eq!((http.method(), http.path()), ("PATCH", "/channels/%C3%A4%20b"));
    let params = [("own", "1"), ("limit", "10"), ("with space", "&=")];
    assert_eq!(http.query(), params.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
    assert_eq!(http.body(), Some("[1]"));
    assert_eq!(http.header("X-Mine"), Some("yes"));
    assert_eq!(http.header("X-Ably-Version"), Some("2"));
    assert_eq!(http.authorization(), Some(KEY_AS_BASIC));
}

#[test]
fn a_request_that_cannot_be_sent_fails_before_it_is() {
    let mut client = Client::new(json!({"key": KEY}));
    let mut bad_header = RestRequest::new("GET", "/");
    bad_header.headers.append("X-Bad", "line\r\nX-More: 1");

    for request in [bad_header, RestRequest::new("NO METHOD", "/"), RestRequest::new("", "/")] {
        let request = client.send_request(request);
        assert_eq!(codes(&client.expect_error(request)), (40000, 400));
    }
    assert_eq!(client.requests.len(), 0);
}

#[test]
fn the_ports_of_the_options_stand_in_the_url() {
    for (options, origin) in [
        (json!({"tlsPort": 8443, "port": 8080}), "https://main.realtime.ably.net:8443"),
        (json!({"tls": false, "useTokenAuth": true, "port": 8080}), "http://main.realtime.ably.net:8080"),
        (json!({"endpoint": "::1", "tlsPort": 8443}), "https://[::1]:8443"),
        (json!({"port": 8080}), "https://main.realtime.ably.net"),
    ] {
        let mut options = options;
        options["key"] = json!(KEY);
        let mut client = Client::new(options);
        client.on_http(|_| ok(json!([1])));

        let time = client.time();

        client.expect_time(time);
        assert_eq!(client.requests[0].origin(), origin);
    }
}

#[test]
fn a_request_id_is_put_into_the_error() {
    let mut client = Client::new(json!({"key": KEY, "addRequestIds": true, "fallbackHosts": []}));
    client.on_http(|http| match http.path() {
        "/time" => ably_error(400, 40000, "no"),
        _ => Answer::Failure(HttpFailureKind::Connect),
    });

    let time = client.time();
    let request = client.request("GET", "/channels/test?a=1");

    for (operation, index) in [(time, 0), (request, 1)] {
        let error = client.expect_error(operation);
        let id = client.requests[index].query()["request_id"].clone();
        assert_eq!(error.request_id(), Some(id.as_str()));
        assert_eq!(serde_json::to_value(&error).unwrap()["requestId"], id);
    }
}

#[test]
fn a_request_completes_with_whatever_answer_the_service_gives() {
    for status in [200, 201, 204, 302, 304, 400, 401, 403, 404, 429, 500] {
        let response = answered(move || respond_raw(status, &[("X-Some", "header")], b"a body")).unwrap();
        assert_eq!(response.response.status, status);
        assert_eq!(response.response.body(), b"a body");
        assert_eq!(response.response.headers.find("x-some"), Some("header"));
        assert_eq!((response.error_code, response.error_message), (None, None), "{status}");
    }
}

#[test]
fn a_response_says_the_error_that_the_service_gave_in_body_or_headers() {
    let response = answered(|| ably_error(404, 40400, "Not found")).unwrap();
    assert_eq!((response.error_code, response.error_message.as_deref()), (Some(40400), Some("Not found")));

    let headers = [("X-Ably-Errorcode", "40160"), ("X-Ably-Errormessage", "No permission")];
    let response = answered(move || respond_raw(401, &headers, b"")).unwrap();
    assert_eq!((response.error_code, response.error_message.as_deref()), (Some(40160), Some("No permission")));
}

#[test]
fn no_redirect_is_followed_for_a_request() {
    let mut client = Client::new(json!({"key": KEY}));
    client.on_http(|_| respond_raw(302, &[("Location", "https://evil.example.com/")], b""));

    let request = client.request("GET", "/channels/test");

    assert_eq!(client.expect_response(request).response.status, 302);
    assert_eq!(client.requests.len(), 1);
}

#[test]
fn a_failure_of_the_transport_is_the_error() {
    for (kind, expected) in [
        (HttpFailureKind::Dns, (50002, 500)),
        (HttpFailureKind::Connect, (50002, 500)),
        (HttpFailureKind::Tls, (50002, 500)),
        (HttpFailureKind::Closed, (50002, 500)),
        (HttpFailureKind::Other, (50002, 500)),
        (HttpFailureKind::Timeout, (50003, 500)),
    ] {
        let error = answered(move || Answer::Failure(kind)).unwrap_err();
        assert_eq!(codes(&error), expected, "{kind:?}");
        assert_eq!(error.kind(), ErrorKind::Transport);
    }
}

#[test]
fn a_basic_client_renews_nothing() {
    let mut client = Client::new(json!({"key": KEY}));
    client.on_http(|_| token_expired());

    let request = client.request("GET", "/channels/test");

    let response = client.expect_response(request);
    assert_eq!((response.response.status, response.error_code), (401, Some(40142)));
    assert_eq!(client.requests.len(), 1);
}

#[test]
fn time_is_read_as_an_array_or_as_an_object() {
    for body in [json!([UNIX_START]), json!({"time": UNIX_START}), json!([UNIX_START.to_string()])] {
        let mut client = Client::new(json!({"key": KEY}));
        client.on_http(move |_| ok(body.clone()));
        let time = client.time();
        assert_eq!(client.expect_time(time), UNIX_START);
    }
}

#[test]
fn a_malformed_time_is_an_error_of_kind_malformed() {
    for body in [json!([]), json!({}), json!(["soon"]), json!({"time": null}), json!(5), json!([1.5])] {
        let error = time_error(move || ok(body.clone()));
        assert_eq!(codes(&error), (50000, 500));
        assert_eq!(error.kind(), ErrorKind::Malformed);
    }
    for (content_type, body) in
        [("application/json", "not json"), ("text/plain", "1700000000000"), ("text/html", "[1]")]
    {
        let error = time_error(move || respond_text(200, content_type, body));
        assert_eq!(codes(&error), (40013, 400));
        assert_eq!(error.kind(), ErrorKind::Malformed);
    }
}

#[test]
fn an_error_is_read_from_the_body_else_from_the_headers_else_from_the_status() {
    let headers =
        [("Content-Type", "application/json"), ("X-Ably-Errorcode", "40001"), ("X-Ably-Errormessage", "of headers")];
    for (body, code, message) in [
        (r#"{"error": {"code": 40002, "message": "of body"}}"#, 40002, Some("of body")),
        (r#"{"error": "a string"}"#, 40001, Some("of headers")),
        (r#"{"message": "elsewhere"}"#, 40001, Some("of headers")),
        ("not json", 40001, Some("of headers")),
    ] {
        let error = time_error(move || respond_raw(400, &headers, body.as_bytes()));
        assert_eq!((codes(&error), message), ((code, 400), Some(error.message())));
    }
    let error = time_error(|| respond_text(404, "application/json", "not json"));
    assert_eq!(codes(&error), (40400, 404));
}

#[test]
fn numbers_that_an_error_leaves_out_follow_from_the_status() {
    let of = |error: Value| codes(&time_error(move || respond(404, json!({ "error": error }))));

    assert_eq!(of(json!({"code": 40160, "statusCode": 401, "message": "m"})), (40160, 401));
    assert_eq!(of(json!({"code": 40160, "message": "m"})), (40160, 404));
    assert_eq!(of(json!({"message": "m"})), (40400, 404));
    assert_eq!(of(json!({"statusCode": 410, "message": "m"})), (40400, 410));
}

#[test]
fn only_known_members_of_a_body_get_into_an_error() {
    let body = json!({
        "error": {
            "code": 40000, "statusCode": 400, "message": "m", "href": "https://help.ably.io/error/40000",
            "detail": {"hint": "h"}, "cause": {"code": 40001, "message": "c", "token": "hidden"}, "token": "hidden",
        },
        "token": "hidden",
    });

    let error = time_error(move || respond(400, body.clone()));

    let shown = format!("{error:?} {}", serde_json::to_string(&error).unwrap());
    assert!(!shown.contains("hidden"), "{shown}");
    assert_eq!(error.cause().map(Error::code), Some(40001));
    assert_eq!(error.detail()["hint"], "h");
}

#[test]
fn credentials_that_the_service_quotes_are_taken_out_of_its_error() {
    let mut client = Client::new(json!({"token": "the-token"}));
    client.expect_notice(NoticeKind::TokenNotRenewable);
    client.on_http(|_| ably_error(401, 40142, "Invalid accessToken in request: the-token"));

    let request = client.request("GET", "/channels/test");

    let error = client.expect_error(request);
    assert!(!format!("{error:?}").contains("the-token"), "{error:?}");
}

#[test]
fn an_answer_that_is_longer_than_what_is_read_of_it_is_no_answer() {
    const LIMIT: usize = 16 * 1024 * 1024;
    let length_of = |length: usize| answered(move || respond_raw(200, &[], &vec![b' '; length]));

    assert_eq!(length_of(LIMIT).unwrap().response.body().len(), LIMIT);
    let error = length_of(LIMIT + 1).unwrap_err();
    assert_eq!((error.code(), error.status_code(), error.kind()), (50002, 500, ErrorKind::Transport));
}
