//! Which host a request goes to, and when another.

use ably_auth::http::HttpFailureKind;
use ably_auth::{ConnectionEvent, ConnectionState, Event};
use serde_json::{Value, json};

use crate::common::*;

const PRIMARY: &str = "main.realtime.ably.net";
const FALLBACK_A: &str = "main.a.fallback.ably-realtime.com";
const FALLBACK_B: &str = "main.b.fallback.ably-realtime.com";

fn client(mut options: Value) -> Client {
    options["key"] = json!(KEY);
    Client::new(options)
}

/// A client whose primary host is down, and which has fallen back to another host that works.
fn client_that_fell_back(options: Value) -> (Client, String) {
    let mut client = client(options);
    client.on_http(|http| match http.host() {
        PRIMARY => respond(500, json!({})),
        _ => ok(json!([1])),
    });
    let time = client.time();
    client.expect_time(time);
    assert_eq!(client.requests.len(), 2);
    let host = client.requests[1].host().to_owned();
    (client, host)
}

/// The host that a new request goes to, which works.
#[track_caller]
fn first_host(client: &mut Client) -> String {
    client.on_http(|_| ok(json!([1])));
    let before = client.requests.len();
    let time = client.time();
    client.expect_time(time);
    assert_eq!(client.requests.len(), before + 1);
    client.requests[before].host().to_owned()
}

fn connected_to(client: &mut Client, host: &str) {
    client.connection(ConnectionState::Connecting);
    client.expect_open();
    let mut event = ConnectionEvent::new(ConnectionState::Connected);
    event.host = Some(host.to_owned());
    client.event(Event::Connection(event));
}

#[test]
fn so_many_fallback_hosts_are_tried_and_each_once() {
    for (count, requests) in [(0, 1), (1, 2), (3, 4), (9, 6)] {
        let mut client = client(json!({"httpMaxRetryCount": count}));
        client.on_http(|_| respond(500, json!({})));

        let time = client.time();

        assert_eq!(codes(&client.expect_error(time)), (50000, 500));
        let mut hosts = client.hosts();
        assert_eq!(hosts.len(), requests);
        hosts.sort();
        hosts.dedup();
        assert_eq!(hosts.len(), requests);
    }
}

#[test]
fn no_host_is_tried_once_the_time_for_retries_is_over() {
    let mut client = client(json!({"httpRequestTimeout": 10_000, "httpMaxRetryDuration": 15_000}));

    let time = client.time();
    for host in 0..2 {
        let http = client.expect_http();
        assert_eq!(http.host() == PRIMARY, host == 0);
        client.advance_to_timeout();
        client.expect_abort(&http);
    }

    assert_eq!(codes(&client.expect_error(time)), (50003, 500));
    assert_eq!(client.requests.len(), 2);
    assert_eq!(client.deadline(), None);
}

#[test]
fn a_failure_that_is_not_the_hosts_is_final() {
    let mut client = client(json!({}));
    client.on_http(|_| Answer::Failure(HttpFailureKind::Other));

    let time = client.time();

    assert_eq!(codes(&client.expect_error(time)), (50002, 500));
    assert_eq!(client.hosts(), [PRIMARY]);
}

#[test]
fn statuses_beyond_504_and_cloud_front_without_an_error_are_final() {
    for status in [505, 511, 599] {
        let mut client = client(json!({}));
        client.on_http(move |_| respond(status, json!({})));
        let time = client.time();
        client.expect_error(time);
        assert_eq!(client.requests.len(), 1);
    }
    let mut client = client(json!({}));
    client.on_http(|_| respond_raw(200, &[("Server", "CloudFront"), ("Content-Type", "application/json")], b"[1]"));
    let time = client.time();
    assert_eq!(client.expect_time(time), 1);
    assert_eq!(client.requests.len(), 1);
}

#[test]
fn a_token_error_is_no_reason_for_another_host() {
    let mut client = Client::with_numbered_tokens(json!({}));
    client.on_http(|http| match http.authorization() {
        Some("Bearer token-1") => token_expired(),
        _ => ok(json!({})),
    });

    let request = client.request("GET", "/channels/test");

    client.expect_response(request);
    assert_eq!(client.hosts(), [PRIMARY, PRIMARY]);
}

#[test]
fn a_retry_with_a_new_token_starts_where_a_new_request_would() {
    let mut client = Client::with_numbered_tokens(json!({}));
    client.on_http(|http| match (http.host(), http.authorization()) {
        (PRIMARY, _) => respond(500, json!({})),
        (_, Some("Bearer token-1")) => token_expired(),
        _ => ok(json!({})),
    });

    let request = client.request("GET", "/channels/test");

    client.expect_response(request);
    let hosts = client.hosts();
    assert_eq!(hosts.len(), 3);
    assert_eq!((hosts[0], hosts[2]), (PRIMARY, hosts[1]));
}

#[test]
fn a_success_of_the_primary_host_pins_nothing() {
    let mut client = client(json!({}));

    assert_eq!(first_host(&mut client), PRIMARY);
    assert_eq!(first_host(&mut client), PRIMARY);
}

#[test]
fn a_host_is_pinned_from_the_success_on() {
    let mut client = client(json!({"fallbackRetryTimeout": 8_000}));
    client.on_http(|http| match http.host() {
        PRIMARY => respond(500, json!({})),
        _ => Answer::Hold,
    });
    let time = client.time();
    let http = client.expect_http();
    client.advance(5_000);
    client.respond(&http, 200, json!([1]));
    client.expect_time(time);

    client.advance(7_999);
    assert_eq!(first_host(&mut client), http.host());
    client.advance(1);

    assert_eq!(first_host(&mut client), PRIMARY);
}

#[test]
fn a_request_that_went_to_the_pinned_host_at_once_does_not_pin_it_for_longer() {
    let (mut client, host) = client_that_fell_back(json!({"fallbackRetryTimeout": 8_000}));

    client.advance(7_000);
    assert_eq!(first_host(&mut client), host);
    client.advance(1_000);

    assert_eq!(first_host(&mut client), PRIMARY);
}

#[test]
fn a_pinned_host_that_fails_is_pinned_no_more() {
    let (mut client, host) = client_that_fell_back(json!({}));
    client.on_http(|_| respond(503, json!({})));

    let time = client.time();

    client.expect_error(time);
    let hosts = client.hosts();
    assert_eq!((hosts[2], hosts.len()), (host.as_str(), 6));
    assert_eq!(first_host(&mut client), PRIMARY);
}

#[test]
fn no_host_is_tried_twice_by_a_request_that_began_with_a_pinned_one() {
    let (mut client, host) = client_that_fell_back(json!({"httpMaxRetryCount": 9}));
    client.on_http(|_| respond(503, json!({})));

    let time = client.time();

    client.expect_error(time);
    let mut tried = client.hosts()[2..].to_vec();
    assert_eq!((tried[0], tried[1], tried.len()), (host.as_str(), PRIMARY, 6));
    tried.sort();
    tried.dedup();
    assert_eq!(tried.len(), 6);
}

#[test]
fn an_error_that_is_the_requests_leaves_the_host_pinned() {
    let (mut client, host) = client_that_fell_back(json!({}));
    client.on_http(|_| ably_error(404, 40400, "Not found"));

    let time = client.time();

    assert_eq!(codes(&client.expect_error(time)), (40400, 404));
    assert_eq!(first_host(&mut client), host);
}

#[test]
fn a_pinned_host_is_pinned_for_every_kind_of_request() {
    let (mut client, host) = client_that_fell_back(json!({}));
    client.on_http(|http| match http.is_exchange() {
        true => ok(json!({"token": "t"})),
        false => ok(json!([])),
    });

    let request = client.request("GET", "/channels/test");
    let exchange = client.request_token(None, None);

    client.expect_response(request);
    client.expect_token(exchange);
    assert!(client.hosts()[2..].iter().all(|other| *other == host));
}

#[test]
fn requests_go_first_to_the_fallback_host_that_a_connection_is_up_on() {
    let mut client = client(json!({}));
    connected_to(&mut client, FALLBACK_B);

    assert_eq!(first_host(&mut client), FALLBACK_B);
    client.connection(ConnectionState::Disconnected);

    assert_eq!(first_host(&mut client), PRIMARY);
}

#[test]
fn a_connection_on_the_primary_host_changes_nothing() {
    let mut client = client(json!({}));
    connected_to(&mut client, PRIMARY);

    assert_eq!(first_host(&mut client), PRIMARY);
}

#[test]
fn the_host_that_a_connection_is_up_on_goes_before_a_pinned_one() {
    let (mut client, pinned) = client_that_fell_back(json!({}));
    let other = if pinned == FALLBACK_A { FALLBACK_B } else { FALLBACK_A };

    connected_to(&mut client, other);

    assert_eq!(first_host(&mut client), other);
}

#[test]
fn a_request_that_fails_on_the_host_of_the_connection_goes_on_to_others() {
    let mut client = client(json!({}));
    connected_to(&mut client, FALLBACK_B);
    client.on_http(|http| match http.host() {
        FALLBACK_B => respond(500, json!({})),
        _ => ok(json!([1])),
    });

    let time = client.time();

    client.expect_time(time);
    let hosts = client.hosts();
    assert_eq!((hosts[0], hosts.len()), (FALLBACK_B, 2));
    assert_ne!(hosts[1], FALLBACK_B);
}

#[test]
fn given_fallback_hosts_are_shuffled_too() {
    let given: Vec<String> = (0..8).map(|number| format!("fb{number}.example.com")).collect();
    let mut client = client(json!({"fallbackHosts": given, "httpMaxRetryCount": 8}));
    client.on_http(|_| respond(500, json!({})));

    let time = client.time();

    client.expect_error(time);
    let tried = &client.hosts()[1..];
    assert_ne!(tried, given);
    let mut sorted = tried.to_vec();
    sorted.sort();
    assert_eq!(sorted, given);
}

#[test]
fn a_host_as_endpoint_may_be_given_fallback_hosts() {
    let mut client = client(json!({"endpoint": "own.example.com", "fallbackHosts": ["::1"], "tlsPort": 8443}));
    client.on_http(|_| respond(500, json!({})));

    let time = client.time();

    client.expect_error(time);
    assert_eq!(client.hosts(), ["own.example.com:8443", "[::1]:8443"]);
}

#[test]
fn at_the_end_of_the_time_for_retries_there_is_none_left() {
    for (ms, requests) in [(14_999, 2), (15_000, 1)] {
        let mut client =
            client(json!({"httpRequestTimeout": 20_000, "httpMaxRetryDuration": 15_000, "httpMaxRetryCount": 1}));
        let time = client.time();
        let http = client.expect_http();
        client.advance(ms);

        client.respond(&http, 500, json!({}));

        assert_eq!(client.requests.len(), requests, "after {ms} ms");
        if requests == 2 {
            let http = client.expect_http();
            client.respond(&http, 500, json!({}));
        }
        assert_eq!(codes(&client.expect_error(time)), (50000, 500));
    }
}

#[test]
fn a_pinned_host_that_fails_is_pinned_no_more_though_no_other_was_tried() {
    let (mut client, pinned) = client_that_fell_back(json!({"httpMaxRetryDuration": 5_000}));
    client.hold_http();
    let time = client.time();
    let http = client.expect_http();
    assert_eq!(http.host(), pinned);

    client.advance_to_timeout();

    client.expect_abort(&http);
    client.expect_error(time);
    assert_eq!(first_host(&mut client), PRIMARY);
}

#[test]
fn another_host_that_fails_leaves_the_pinned_one() {
    let mut client = client(json!({}));
    let early = client.time();
    let early_http = client.expect_http();
    let time = client.time();
    let http = client.expect_http();
    client.respond(&http, 500, json!({}));
    let http = client.expect_http();
    let pinned = http.host().to_owned();
    client.respond(&http, 200, json!([1]));
    client.expect_time(time);

    client.respond(&early_http, 500, json!({}));

    let http = client.expect_http();
    assert_eq!(first_host(&mut client), pinned);
    client.respond(&http, 200, json!([1]));
    client.expect_time(early);
}
