//! How the answers of an authUrl are read.

use ably_auth::wire::MAX_TOKEN_LENGTH;
use ably_auth::{ConnectionState, Error};
use serde_json::{Value, json};

use crate::common::*;

/// What comes of an authUrl's answer.
fn outcome_of(answer: Answer) -> Result<String, Error> {
    let mut client = Client::new(json!({"authUrl": "https://auth.example.com/token"}));
    let mut answer = Some(answer);
    client.on_http(move |http| match http.host() {
        "auth.example.com" => answer.take().expect("it is asked once"),
        _ => ok(json!({"token": "exchanged"})),
    });
    let authorize = client.authorize(None, None);
    client.expect_complete(authorize).map(|_| client.token().expect("a token").to_owned())
}

#[track_caller]
fn refused(answer: Answer) -> Error {
    let error = outcome_of(answer).expect_err("it is refused");
    assert_eq!(codes(&error), (40170, 401), "{error}");
    assert_says(&error, &["authUrl"]);
    error
}

#[test]
fn text_and_jwt_are_a_token_whatever_their_case_and_parameters() {
    for content_type in [
        "text/plain",
        "TEXT/Plain",
        "text/plain; charset=utf-8",
        "text/plain;charset=\"utf-8\"",
        "application/jwt",
        "Application/JWT; profile=x",
    ] {
        assert_eq!(outcome_of(respond_text(200, content_type, " \r\n the-token\t\n")).unwrap(), "the-token");
    }
}

#[test]
fn json_is_an_object_or_a_token_as_a_json_string() {
    let details = json!({"token": "in-details"});
    for content_type in ["application/json", "application/JSON; charset=utf-8"] {
        assert_eq!(outcome_of(respond_text(200, content_type, &details.to_string())).unwrap(), "in-details");
        assert_eq!(outcome_of(respond_text(200, content_type, r#" "a-string" "#)).unwrap(), "a-string");
    }
    let signed = json!({"keyName": "app.key", "timestamp": UNIX_START, "nonce": "0123456789abcdef", "mac": "m"});
    assert_eq!(outcome_of(ok(signed)).unwrap(), "exchanged");
}

#[test]
fn every_2xx_is_a_success() {
    for status in [200, 201, 202, 299] {
        assert_eq!(outcome_of(respond_text(status, "text/plain", "the-token")).unwrap(), "the-token");
    }
}

#[test]
fn a_missing_or_another_content_type_is_refused_by_name() {
    refused(respond_raw(200, &[], b"the-token"));
    refused(respond_raw(200, &[("Content-Type", "")], b"the-token"));
    refused(respond_raw(204, &[], b""));
    for content_type in ["text/html", "application/octet-stream", "application/x-msgpack", "text/plainer", "json"] {
        let error = refused(respond_text(200, content_type, "the-token"));
        assert_says(&error, &[content_type]);
    }
}

#[test]
fn the_first_of_two_content_types_counts() {
    let headers = [("Content-Type", "text/plain"), ("Content-Type", "text/html")];
    assert_eq!(outcome_of(respond_raw(200, &headers, b"the-token")).unwrap(), "the-token");

    let headers = [("Content-Type", "text/html"), ("Content-Type", "text/plain")];
    refused(respond_raw(200, &headers, b"the-token"));
}

#[test]
fn what_a_callback_may_not_return_an_auth_url_may_not_answer() {
    for text in ["", "   ", "null", "undefined", r#"{"token":"t"}"#, r#""t""#, "<html>", "two words", "tokén"] {
        refused(respond_text(200, "text/plain", text));
    }
    for value in [json!(null), json!(5), json!(true), json!([]), json!({}), json!(""), json!("null"), json!("<html>")] {
        refused(ok(value));
    }
    refused(respond_text(200, "application/json", "not json"));
    refused(respond_raw(200, &[("Content-Type", "text/plain")], &[0xff, 0xfe]));
    refused(respond_raw(200, &[("Content-Type", "application/json")], &[b'"', 0xff, b'"']));
}

#[test]
fn a_body_may_be_128_kib_as_received_and_no_longer() {
    let token = "x".repeat(MAX_TOKEN_LENGTH - 1);
    assert_eq!(outcome_of(respond_text(200, "text/plain", &format!("{token} "))).unwrap(), token);

    refused(respond_text(200, "text/plain", &format!("{token}  ")));
    refused(ok(json!({"token": "t", "padding": "x".repeat(MAX_TOKEN_LENGTH)})));
}

#[test]
fn no_more_of_a_body_is_worth_reading() {
    let mut client = Client::new(json!({"authUrl": "https://auth.example.com/token"}));
    client.on_http(|_| ok(json!("t")));

    let authorize = client.authorize(None, None);

    client.expect_token(authorize);
    assert_eq!(client.requests[0].body_limit, MAX_TOKEN_LENGTH);
}

#[test]
fn an_error_body_of_ablys_form_is_used_whatever_parameters_its_type_has() {
    let body = json!({"error": {"code": 40160, "message": "not allowed"}}).to_string();
    for content_type in ["application/json", "application/json; charset=utf-8", "APPLICATION/JSON;x=y"] {
        let error = outcome_of(respond_text(401, content_type, &body)).unwrap_err();
        assert_eq!(codes(&error), (40160, 401));
        assert_says(&error, &["not allowed"]);
    }
}

#[test]
fn the_status_code_of_an_error_body_goes_before_that_of_http() {
    let with = json!({"error": {"code": 40160, "statusCode": 401, "message": "m"}});
    assert_eq!(codes(&outcome_of(respond(400, with)).unwrap_err()), (40160, 401));

    let without = json!({"error": {"code": 40160, "message": "m"}});
    assert_eq!(codes(&outcome_of(respond(400, without)).unwrap_err()), (40160, 400));
}

#[test]
fn any_other_error_answer_is_40170_with_the_status_or_40300() {
    for (status, expected) in [(400, (40170, 401)), (404, (40170, 401)), (500, (40170, 401)), (403, (40300, 403))] {
        for answer in [
            respond_text(status, "text/html", "<html>hidden</html>"),
            respond(status, json!({"error": "hidden"})),
            respond(status, json!({"message": "hidden"})),
            respond_raw(status, &[], b"hidden"),
            respond_raw(status, &[], b""),
        ] {
            let error = outcome_of(answer).unwrap_err();
            assert_eq!(codes(&error), expected, "{error}");
            assert_says(&error, &["authUrl", &status.to_string()]);
            assert!(!format!("{error:?}").contains("hidden"), "{error:?}");
        }
    }
}

#[test]
fn the_headers_of_the_service_say_nothing_about_an_auth_url() {
    let headers = [("X-Ably-Errorcode", "40160"), ("X-Ably-Errormessage", "from a header")];
    let error = outcome_of(respond_raw(401, &headers, b"")).unwrap_err();

    assert_eq!(codes(&error), (40170, 401));
    assert!(!error.message().contains("from a header"));
}

#[test]
fn http_403_gives_a_connection_up_even_if_the_body_says_otherwise() {
    let body = json!({"error": {"code": 40100, "statusCode": 401, "message": "m"}});
    let connect = |status: u16, body: Value| {
        let mut client = Client::new(json!({"authUrl": "https://auth.example.com/token"}));
        client.on_http(move |_| respond(status, body.clone()));
        client.connection(ConnectionState::Connecting);
        client
    };

    let mut client = connect(403, body.clone());
    assert_eq!(codes(&client.expect_fail()), (80019, 403));

    let mut client = connect(401, body);
    assert_eq!(codes(&client.expect_drop()), (80019, 401));
}
