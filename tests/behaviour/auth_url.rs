//! How an authUrl is asked, and where its redirects lead.

use std::collections::{BTreeMap, BTreeSet};

use ably_auth::TimerKind;
use ably_auth::http::HttpFailureKind;
use ably_auth::options::AuthOptions;
use serde_json::json;

use crate::common::*;

const AUTH_URL: &str = "https://auth.example.com/token";

fn map<const N: usize>(pairs: [(&str, &str); N]) -> BTreeMap<String, String> {
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

fn redirect(status: u16, location: &str) -> Answer {
    respond_raw(status, &[("Location", location)], b"")
}

fn redirect_to(status: u16, location: &'static str) -> impl Fn(&Http) -> Answer {
    move |http| match http.id.as_u64() {
        1 => redirect(status, location),
        _ => ok(json!({"token": "redirected"})),
    }
}

#[test]
fn a_get_has_all_params_in_its_query_and_later_ones_win() {
    let mut client = Client::new(json!({
        "authUrl": "https://auth.example.com/token?own=url&both=url&ttl=1#fragment",
        "authParams": {"both": "params", "param": "params", "clientId": "params", "with space": "ä&="},
        "clientId": "me",
    }));
    client.on_http(|_| ok(json!({"token": "t"})));
    let params = json!({"ttl": 60_000, "capability": {"b": ["subscribe", "publish"], "a": ["*"]}});

    for _ in 0..3 {
        let authorize = client.authorize(token_params(params.clone()), None);
        client.expect_token(authorize);
    }

    assert_eq!(client.requests.len(), 3);
    for http in &client.requests {
        assert_eq!((http.method(), http.path(), http.body()), ("GET", "/token", None));
        assert!(!http.url().contains('#'));
        let expected = [
            ("own", "url"),
            ("both", "params"),
            ("param", "params"),
            ("with space", "ä&="),
            ("clientId", "me"),
            ("ttl", "60000"),
            ("capability", r#"{"a":["*"],"b":["publish","subscribe"]}"#),
        ];
        assert_eq!(http.query(), map(expected));
    }
}

#[test]
fn a_post_has_params_in_its_body_and_keeps_the_query_of_the_url() {
    let mut client = Client::new(json!({
        "authUrl": "https://auth.example.com/token?own=url&both=url#fragment", "authMethod": "post",
        "authParams": {"both": "params", "ttl": "params"},
    }));
    client.on_http(|_| ok(json!({"token": "t"})));

    for _ in 0..2 {
        let authorize = client.authorize(token_params(json!({"ttl": 60_000})), None);
        client.expect_token(authorize);
    }

    for http in &client.requests {
        assert_eq!((http.method(), http.url()), ("POST", "https://auth.example.com/token?own=url&both=url"));
        assert_eq!(http.form(), map([("both", "params"), ("ttl", "60000")]));
    }
}

#[test]
fn all_token_params_go_under_their_names_and_absent_ones_do_not_go() {
    let mut client = Client::new(json!({"authUrl": AUTH_URL}));
    client.on_http(|_| ok(json!({"token": "t"})));
    let params = json!({"clientId": "c", "timestamp": 5, "nonce": "0123456789abcdef"});

    let with = client.request_token(token_params(params), None);
    let without = client.request_token(None, None);

    client.expect_token(with);
    client.expect_token(without);
    assert_eq!(client.requests[0].query(), map([("clientId", "c"), ("timestamp", "5"), ("nonce", "0123456789abcdef")]));
    assert_eq!(client.requests[1].url(), AUTH_URL);
}

#[test]
fn nothing_of_ablys_goes_to_an_auth_url() {
    let mut client = Client::new(json!({
        "key": KEY, "token": "current", "authUrl": AUTH_URL, "clientId": "me", "agents": {"sdk": "1.0"},
        "addRequestIds": true,
    }));
    client.on_http(|_| ok(json!({"token": "t"})));
    let names = |http: &Http| -> BTreeSet<String> {
        http.request.headers.iter().map(|(name, _)| name.to_ascii_lowercase()).collect()
    };

    let get = client.authorize(None, None);
    let post = client.authorize(None, auth_options(json!({"authUrl": AUTH_URL, "authMethod": "POST"})));

    client.expect_token(get);
    client.expect_token(post);
    let [get, post] = &client.requests[..] else { panic!("two requests") };
    assert_eq!(names(get), BTreeSet::from(["accept".to_owned()]));
    assert_eq!(names(post), BTreeSet::from(["accept".to_owned(), "content-type".to_owned()]));
    assert_eq!(get.query(), map([("clientId", "me")]));
    assert_eq!(post.form(), map([("clientId", "me")]));
    for http in [get, post] {
        assert_eq!(http.header("Accept"), Some("application/json, text/plain, application/jwt"));
    }
}

#[test]
fn auth_headers_win_over_the_machines_own() {
    let mut client =
        Client::new(json!({"authUrl": AUTH_URL, "authHeaders": {"accept": "text/plain", "Authorization": "Mine 1"}}));
    client.on_http(|_| ok(json!({"token": "t"})));

    let authorize = client.authorize(None, None);

    client.expect_token(authorize);
    assert_eq!(client.requests[0].header("Accept"), Some("text/plain"));
    assert_eq!(client.requests[0].authorization(), Some("Mine 1"));
}

#[test]
fn auth_headers_and_params_take_numbers_and_booleans_as_text_and_nothing_that_is_null() {
    let pairs = json!({"a": "text", "b": 1, "c": true, "d": null});
    let mut client = Client::new(json!({"authUrl": AUTH_URL, "authHeaders": pairs, "authParams": pairs}));
    client.on_http(|_| ok(json!({"token": "t"})));

    let authorize = client.authorize(None, None);

    client.expect_token(authorize);
    let http = &client.requests[0];
    assert_eq!(http.query(), map([("a", "text"), ("b", "1"), ("c", "true")]));
    assert_eq!(["a", "b", "c", "d"].map(|name| http.header(name)), [Some("text"), Some("1"), Some("true"), None]);
    for wrong in [json!({"a": ["text"]}), json!({"a": {}}), json!(["a"]), json!([["a"]]), json!([[1, "a"]])] {
        for option in ["authHeaders", "authParams"] {
            let error = Client::refusal(json!({"authUrl": AUTH_URL, option: wrong}));
            assert_eq!(codes(&error), (40000, 400));
            assert_says(&error, &[option]);
        }
    }
}

#[test]
fn an_auth_url_by_itself_is_all_that_is_needed() {
    let mut client = Client::new(json!({"key": KEY}));
    client.on_http(|_| ok(json!({"token": "t"})));

    let authorize = client.authorize(None, AuthOptions::with_url(AUTH_URL).unwrap());

    client.expect_token_text(authorize, "t");
    assert_eq!(client.requests[0].url(), AUTH_URL);
}

#[test]
fn redirects_keep_method_and_body() {
    for status in [301, 302, 307, 308] {
        let mut client = Client::new(json!({"authUrl": AUTH_URL, "authMethod": "POST", "authParams": {"a": "1"}}));
        client.on_http(redirect_to(status, "https://auth.example.com/moved?b=2"));

        let authorize = client.authorize(None, None);

        assert_eq!(client.expect_token(authorize).token.expose(), "redirected");
        assert_eq!(client.requests.len(), 2);
        let http = &client.requests[1];
        assert_eq!((http.method(), http.url()), ("POST", "https://auth.example.com/moved?b=2"), "{status}");
        assert_eq!(http.form(), map([("a", "1")]));
    }
}

#[test]
fn a_303_is_followed_by_a_get() {
    let mut client = Client::new(json!({"authUrl": AUTH_URL, "authMethod": "POST", "authParams": {"a": "1"}}));
    client.on_http(redirect_to(303, "/result"));

    let authorize = client.authorize(None, None);

    client.expect_token(authorize);
    let http = &client.requests[1];
    assert_eq!((http.method(), http.url()), ("GET", "https://auth.example.com/result"));
    assert_eq!((http.body(), http.header("Content-Type")), (None, None));
}

#[test]
fn a_get_that_is_redirected_goes_where_the_location_says_and_adds_nothing() {
    for (location, url) in [
        ("https://auth.example.com/moved", "https://auth.example.com/moved"),
        ("/moved?c=3", "https://auth.example.com/moved?c=3"),
        ("moved", "https://auth.example.com/v1/moved"),
        ("../moved", "https://auth.example.com/moved"),
        ("./a/./b/../c", "https://auth.example.com/v1/a/c"),
        (".", "https://auth.example.com/v1/"),
        ("a/b/..", "https://auth.example.com/v1/a/"),
        ("9:30", "https://auth.example.com/v1/9:30"),
        ("?c=3", "https://auth.example.com/v1/token?c=3"),
        ("moved#fragment", "https://auth.example.com/v1/moved"),
        ("//elsewhere.example.com/x", "https://elsewhere.example.com/x"),
    ] {
        let mut client = Client::new(json!({"authUrl": "https://auth.example.com/v1/token", "authParams": {"a": "1"}}));
        client.on_http(redirect_to(302, location));

        let authorize = client.authorize(None, None);

        client.expect_token(authorize);
        assert_eq!((client.requests[1].method(), client.requests[1].url()), ("GET", url));
    }
}

#[test]
fn auth_headers_follow_a_redirect_to_the_same_origin_only() {
    for (location, follows) in [
        ("https://auth.example.com/other", true),
        ("https://AUTH.example.com:443/other", true),
        ("https://auth.example.com:8443/other", false),
        ("https://evil.example.com/other", false),
    ] {
        let mut client = Client::new(json!({"authUrl": AUTH_URL, "authHeaders": {"Authorization": "Secret"}}));
        client.on_http(redirect_to(307, location));

        let authorize = client.authorize(None, None);

        client.expect_token(authorize);
        let http = &client.requests[1];
        assert_eq!(http.authorization(), follows.then_some("Secret"), "{location}");
        assert_eq!(http.header("Accept"), Some("application/json, text/plain, application/jwt"));
    }
}

#[test]
fn auth_headers_do_not_come_back_after_they_were_left_behind() {
    let mut client = Client::new(json!({"authUrl": AUTH_URL, "authHeaders": {"X-Secret": "s"}}));
    client.on_http(|http| match http.host() {
        "auth.example.com" if http.id.as_u64() == 1 => redirect(302, "https://elsewhere.example.com/"),
        "elsewhere.example.com" => redirect(302, "https://auth.example.com/back"),
        _ => ok(json!({"token": "t"})),
    });

    let authorize = client.authorize(None, None);

    client.expect_token(authorize);
    assert_eq!(client.requests[1].header("X-Secret"), None);
    assert_eq!(client.requests[2].header("X-Secret"), None);
}

#[test]
fn no_redirect_leads_from_https_to_http() {
    let mut client = Client::new(json!({"authUrl": AUTH_URL}));
    client.on_http(redirect_to(302, "http://auth.example.com/token"));

    let authorize = client.authorize(None, None);

    assert_eq!(codes(&client.expect_error(authorize)), (40170, 401));
    assert_eq!(client.requests.len(), 1);
}

#[test]
fn a_redirect_may_lead_from_http_to_https() {
    let mut client = Client::new(json!({"authUrl": "http://auth.example.com/token"}));
    client.on_http(redirect_to(301, AUTH_URL));

    let authorize = client.authorize(None, None);

    client.expect_token(authorize);
    assert_eq!(client.requests[1].url(), AUTH_URL);
}

#[test]
fn five_redirects_are_followed_and_no_sixth() {
    for (redirects, succeeds) in [(5, true), (6, false)] {
        let mut client = Client::new(json!({"authUrl": AUTH_URL}));
        client.on_http(move |http| match http.id.as_u64() {
            number if number <= redirects => redirect(302, &format!("/{number}")),
            _ => ok(json!({"token": "t"})),
        });

        let authorize = client.authorize(None, None);

        assert_eq!(client.requests.len(), 6);
        if succeeds {
            client.expect_token(authorize);
        } else {
            assert_eq!(codes(&client.expect_error(authorize)), (40170, 401));
        }
    }
}

#[test]
fn a_redirect_to_nowhere_fails() {
    for answer in [
        || respond_raw(302, &[], b""),
        || redirect(302, "ftp://auth.example.com/"),
        || redirect(302, "https://"),
        || redirect(302, "/white space"),
        || redirect(302, "/control\u{7f}"),
        || redirect(304, "/elsewhere"),
        || redirect(300, "/elsewhere"),
    ] {
        let mut client = Client::new(json!({"authUrl": AUTH_URL}));
        client.on_http(move |_| answer());

        let authorize = client.authorize(None, None);

        assert_eq!(codes(&client.expect_error(authorize)), (40170, 401));
        assert_eq!(client.requests.len(), 1);
    }
}

#[test]
fn an_auth_url_has_so_much_time_redirects_included() {
    let mut client = Client::new(json!({"authUrl": AUTH_URL, "realtimeRequestTimeout": 3_000}));

    let authorize = client.authorize(None, None);
    let first = client.expect_http();
    assert_eq!((first.timeout, first.open_timeout), (3_000, 4_000));
    assert_eq!(client.deadline(), Some((3_000, TimerKind::AuthUrl)));
    client.advance(2_000);
    client.answer(&first, redirect(302, "/slow"));
    let second = client.expect_http();
    assert_eq!(second.timeout, 1_000);
    assert_eq!(client.deadline(), Some((1_000, TimerKind::AuthUrl)));
    client.advance(1_000);

    client.expect_abort(&second);
    let error = client.expect_error(authorize);
    assert_eq!(codes(&error), (40170, 401));
    assert_says(&error, &["authUrl"]);
    assert_eq!(error.cause().map(codes), Some((50003, 500)));
    client.respond(&second, 200, json!({"token": "late"}));
    assert_eq!(client.ignored(), 1);
}

#[test]
fn an_auth_url_has_no_fallback_hosts() {
    for kind in [HttpFailureKind::Dns, HttpFailureKind::Timeout, HttpFailureKind::Closed, HttpFailureKind::Other] {
        let mut client = Client::new(json!({"authUrl": AUTH_URL}));
        client.on_http(move |_| Answer::Failure(kind));

        let authorize = client.authorize(None, None);

        let error = client.expect_error(authorize);
        assert_eq!(codes(&error), (40170, 401));
        assert_says(&error, &["authUrl"]);
        let cause = if kind == HttpFailureKind::Timeout { (50003, 500) } else { (50002, 500) };
        assert_eq!(error.cause().map(codes), Some(cause));
        assert_eq!(client.hosts(), ["auth.example.com"]);
    }
}
