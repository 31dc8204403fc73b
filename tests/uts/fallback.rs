//! Fallback to other hosts.

use std::collections::BTreeSet;

use ably_auth::TimerKind;
use ably_auth::http::HttpFailureKind;
use serde_json::{Value, json};

use crate::common::*;

const PRIMARY: &str = "main.realtime.ably.net";
const FALLBACKS: [&str; 5] = [
    "main.a.fallback.ably-realtime.com",
    "main.b.fallback.ably-realtime.com",
    "main.c.fallback.ably-realtime.com",
    "main.d.fallback.ably-realtime.com",
    "main.e.fallback.ably-realtime.com",
];
const SERVER_TIME: i64 = 1_234_567_890_000;

fn failing(status: u16) -> Answer {
    respond(status, json!({"error": {"code": u32::from(status) * 100}}))
}

/// A client whose primary host answers so and whose other hosts tell the time.
fn client_with_primary(options: Value, answer: impl Fn() -> Answer + 'static) -> Client {
    let mut client = Client::new(options);
    client.on_http(move |http| match http.host() {
        PRIMARY => answer(),
        _ => ok(json!({"time": SERVER_TIME})),
    });
    client
}

/// Asserts that the primary host's answer leads to one fallback host, which tells the time.
#[track_caller]
fn assert_falls_back(answer: impl Fn() -> Answer + 'static) {
    let mut client = client_with_primary(json!({"key": KEY}), answer);

    let time = client.time();

    assert_eq!(client.expect_time(time), SERVER_TIME);
    assert_eq!(client.requests.len(), 2);
    assert_eq!(client.requests[0].host(), PRIMARY);
    assert!(FALLBACKS.contains(&client.requests[1].host()));
}

/// Asserts that the primary host's answer is final.
#[track_caller]
fn assert_is_final(status: u16) {
    let mut client = client_with_primary(json!({"key": KEY}), move || failing(status));

    let time = client.time();

    assert_eq!(codes(&client.expect_error(time)), (u32::from(status) * 100, status));
    assert_eq!(client.hosts(), [PRIMARY]);
}

// uts: rest/unit/RSC15m/no-fallback-empty-hosts-0
#[test]
fn without_fallback_hosts_the_primary_is_asked_once() {
    let mut client = client_with_primary(json!({"key": KEY, "fallbackHosts": []}), || failing(500));

    let time = client.time();

    assert_eq!(codes(&client.expect_error(time)), (50000, 500));
    assert_eq!(client.hosts(), [PRIMARY]);
}

// uts: rest/unit/RSC15a/fallback-random-order-0
#[test]
fn fallback_hosts_are_tried_in_an_order_that_the_seed_decides() {
    let order = |seed: u8| {
        let mut client = Client::with_seed(json!({"key": KEY, "httpMaxRetryCount": 5}), [seed; 32]);
        client.on_http(|_| failing(500));
        let time = client.time();
        assert_eq!(codes(&client.expect_error(time)), (50000, 500));
        let hosts: Vec<String> = client.hosts().into_iter().map(String::from).collect();
        assert_eq!(hosts.len(), 6);
        assert_eq!(hosts[0], PRIMARY);
        assert_eq!(hosts[1..].iter().map(String::as_str).collect::<BTreeSet<_>>(), BTreeSet::from(FALLBACKS));
        hosts
    };

    let orders: BTreeSet<_> = (0..20).map(order).collect();

    assert!(orders.len() > 10, "of 120 orders, 20 seeds chose only {}", orders.len());
    assert_eq!(order(1), order(1));
}

// uts: rest/unit/RSC15l/qualifying-errors-trigger-fallback-0
#[test]
fn what_another_host_may_do_better_leads_to_it_and_nothing_else_does() {
    for kind in [
        HttpFailureKind::Dns,
        HttpFailureKind::Connect,
        HttpFailureKind::Tls,
        HttpFailureKind::Timeout,
        HttpFailureKind::Closed,
    ] {
        assert_falls_back(move || Answer::Failure(kind));
    }
    for status in 500..=504 {
        assert_falls_back(move || failing(status));
    }
    for status in [400, 401, 404, 505] {
        assert_is_final(status);
    }
}

// uts: rest/unit/RSC15l4/cloudfront-error-triggers-fallback-0
#[test]
fn an_error_of_cloud_front_leads_to_a_fallback_host() {
    for status in [400, 403, 599] {
        assert_falls_back(move || {
            let headers = [("Server", "CloudFront"), ("Content-Type", "application/json")];
            respond_raw(status, &headers, br#"{"error": "Forbidden"}"#)
        });
    }
}

// uts: rest/unit/RSC15l/connection-refused-fallback-0
#[test]
fn a_refused_connection_leads_to_a_fallback_host() {
    assert_falls_back(|| Answer::Failure(HttpFailureKind::Connect));
}

// uts: rest/unit/RSC15l/dns-error-fallback-1
#[test]
fn a_host_that_cannot_be_resolved_leads_to_a_fallback_host() {
    assert_falls_back(|| Answer::Failure(HttpFailureKind::Dns));
}

// The environment keeps the time for opening a connection, and reports it.
// uts: rest/unit/RSC15l/connection-timeout-fallback-2
#[test]
fn a_connection_that_takes_too_long_leads_to_a_fallback_host() {
    assert_falls_back(|| Answer::Failure(HttpFailureKind::Timeout));
}

// uts: rest/unit/RSC15l/request-timeout-fallback-3
#[test]
fn a_request_that_takes_too_long_leads_to_a_fallback_host() {
    let mut client = client_with_primary(json!({"key": KEY, "httpRequestTimeout": 1_000}), || Answer::Hold);

    let time = client.time();
    let primary = client.expect_http();
    assert_eq!((primary.timeout, primary.open_timeout), (1_000, 4_000));
    assert_eq!(client.deadline(), Some((1_000, TimerKind::HttpRequest)));
    client.advance(999);
    assert!(client.is_running(time));
    client.advance(1);

    client.expect_abort(&primary);
    assert_eq!(client.expect_time(time), SERVER_TIME);
    assert_eq!(client.requests.len(), 2);
    assert!(FALLBACKS.contains(&client.requests[1].host()));
}

// uts: rest/unit/RSC15l/http-5xx-triggers-fallback-4
#[test]
fn an_error_of_the_host_leads_to_a_fallback_host() {
    for status in 500..=504 {
        assert_falls_back(move || failing(status));
    }
}

// uts: rest/unit/RSC15l/http-4xx-no-fallback-5
#[test]
fn an_error_of_the_request_is_final() {
    for status in [400, 401, 404] {
        assert_is_final(status);
    }
}

// The client of the environment derives the header from the URL; the machine sends none, which the harness checks
// of every request.
// uts: rest/unit/RSC15j/host-header-matches-request-0
#[test]
fn the_host_header_is_left_to_the_http_client() {
    let mut client = client_with_primary(json!({"key": KEY}), || failing(500));

    let time = client.time();

    client.expect_time(time);
    assert_eq!(client.requests.len(), 2);
    assert!(client.requests.iter().all(|http| http.header("Host").is_none()));
    assert_ne!(client.requests[0].host(), client.requests[1].host());
}

// uts: rest/unit/RSC15f/successful-fallback-cached-0
#[test]
fn a_fallback_host_that_worked_is_asked_first() {
    let mut client = client_with_primary(json!({"key": KEY, "fallbackRetryTimeout": 60_000}), || failing(500));

    for _ in 0..2 {
        let time = client.time();
        assert_eq!(client.expect_time(time), SERVER_TIME);
    }

    let hosts = client.hosts();
    assert_eq!(hosts.len(), 3);
    assert_eq!(hosts[0], PRIMARY);
    assert!(FALLBACKS.contains(&hosts[1]));
    assert_eq!(hosts[2], hosts[1]);
}

// uts: rest/unit/RSC15f/cached-fallback-expires-1
#[test]
fn a_fallback_host_is_asked_first_only_for_so_long() {
    let mut client = client_with_primary(json!({"key": KEY, "fallbackRetryTimeout": 100}), || failing(500));
    let time = client.time();
    assert_eq!(client.expect_time(time), SERVER_TIME);
    client.on_http(|_| ok(json!({"time": SERVER_TIME})));

    client.advance(99);
    let time = client.time();
    client.expect_time(time);
    client.advance(1);
    let time = client.time();
    client.expect_time(time);

    let hosts = client.hosts();
    assert_eq!(hosts.len(), 4);
    assert_eq!(hosts[2], hosts[1]);
    assert_eq!(hosts[3], PRIMARY);
}

// uts: rest/unit/RSC15f/expired-not-resurrected-2
#[test]
fn a_late_success_does_not_pin_a_host_again() {
    let mut client = Client::new(json!({"key": KEY, "fallbackRetryTimeout": 100}));
    client.on_http(|http| match http.id.as_u64() {
        1 => respond(500, json!({"error": {"message": "fail", "code": 50000, "statusCode": 500}})),
        3 => Answer::Hold,
        _ => ok(json!([1000])),
    });
    let time = client.time();
    assert_eq!(client.expect_time(time), 1000);

    let held_time = client.time();
    let held = client.expect_http();
    client.advance(150);
    let time = client.time();
    client.expect_time(time);
    client.respond(&held, 200, json!([1000]));
    client.expect_time(held_time);
    let time = client.time();
    client.expect_time(time);

    let hosts = client.hosts();
    assert_eq!(hosts.len(), 5);
    assert_eq!(hosts[0], PRIMARY);
    assert!(FALLBACKS.contains(&hosts[1]));
    assert_eq!(hosts[2..], [hosts[1], PRIMARY, PRIMARY]);
}
