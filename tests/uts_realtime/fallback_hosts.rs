//! Other hosts, where the first one fails.

use std::collections::BTreeSet;

use ably_auth::http::HttpFailureKind;
use ably_auth::{ConnectionState, TimerKind};
use serde_json::json;

use crate::common::*;

const PRIMARY: &str = "main.realtime.ably.net";

fn is_fallback(host: &str) -> bool {
    ["a", "b", "c", "d", "e"].iter().any(|letter| host == format!("main.{letter}.fallback.ably-realtime.com"))
}

/// A client that finds a network whenever it looks for one, and is connecting to the primary host.
fn connecting() -> (Client, Socket) {
    let mut client = Client::with_key(json!({}));
    client.on_connectivity_check();
    client.connect();
    let socket = client.expect_attempt();
    assert_eq!((socket.scheme(), socket.host()), ("wss", PRIMARY));
    (client, socket)
}

/// It is up on a fallback host.
#[track_caller]
fn expect_fallback(client: &mut Client) -> Socket {
    let socket = client.expect_socket();
    assert!(is_fallback(socket.host()), "{}", socket.host());
    client.come_up(&socket, connected("connection-id", "connection-key"));
    assert_eq!(client.states().last(), Some(&ConnectionState::Connected));
    socket
}

// uts: realtime/unit/RTN17i/prefer-primary-domain-0
#[test]
fn every_attempt_starts_with_the_primary_host() {
    let (mut client, first) = connecting();
    client.refuse_socket(&first);
    let second = expect_fallback(&mut client);

    client.socket_closed(&second);

    let third = client.expect_reconnect(80003, 400);
    assert_eq!(third.host(), PRIMARY);
    client.come_up(&third, connected("connection-id-2", "connection-key-2"));
    assert_eq!(client.sockets.len(), 3);
}

// uts: realtime/unit/RTN17f/fallback-on-error-0
#[test]
fn failures_of_the_host_go_on_to_another() {
    use HttpFailureKind::{Closed, Connect, Dns, Timeout, Tls};
    for kind in [Dns, Connect, Tls, Timeout, Closed] {
        let (mut client, first) = connecting();

        client.socket_gone(&first, kind);

        expect_fallback(&mut client);
        assert_eq!(client.states(), [ConnectionState::Connecting, ConnectionState::Connected], "{kind:?}");
        assert_eq!((client.sockets.len(), client.requests.len()), (2, 1));
    }
    for status in [500, 502, 504] {
        let (mut client, first) = connecting();
        client.refuse_upgrade(&first, status);
        expect_fallback(&mut client);
    }
    // An answer is no failure of the host, and nor is what the environment would not send.
    for status in [400, 401, 404, 429, 505] {
        let (mut client, first) = connecting();
        client.refuse_upgrade(&first, status);
        client.expect_change_because(ConnectionState::Disconnected, 80003, 400);
        assert_eq!(client.requests.len(), 0);
    }
    let (mut client, first) = connecting();
    client.socket_gone(&first, HttpFailureKind::Other);
    client.expect_change_because(ConnectionState::Disconnected, 80003, 400);
}

// uts: realtime/unit/RTN17f1/disconnected-5xx-fallback-0
#[test]
fn a_server_that_is_not_well_goes_on_to_another() {
    for status in [500, 503, 504] {
        let (mut client, first) = connecting();

        client.open_and_receive(&first, disconnected_frame(50003, status, "Service temporarily unavailable"));

        client.expect_close_socket(&first);
        expect_fallback(&mut client);
        assert_eq!((client.sockets.len(), client.requests.len()), (2, 1), "{status}");
    }
    for status in [400, 429, 505] {
        let (mut client, first) = connecting();
        client.open_and_receive(&first, disconnected_frame(80003, status, "No"));
        client.expect_close_socket(&first);
        client.expect_change_because(ConnectionState::Disconnected, 80003, status);
    }
}

// uts: realtime/unit/RTN17j/connectivity-check-before-fallback-0
#[test]
fn it_looks_for_a_network_first() {
    let mut client = Client::with_key(json!({}));
    client.connect();
    let first = client.expect_attempt();

    client.socket_gone(&first, HttpFailureKind::Timeout);

    let check = client.expect_http();
    assert_eq!(check.method(), "GET");
    assert_eq!(check.url(), "https://internet-up.ably-realtime.com/is-the-internet-up.txt");
    assert_eq!((check.request.headers.iter().count(), check.body()), (0, None));
    assert_eq!(client.deadline(), Some((10_000, TimerKind::ConnectivityCheck)));
    client.expect_silence();
    client.answer(&check, respond_text(200, "text/plain", "yes\n"));

    // Once for all hosts.
    let second = client.expect_socket();
    client.refuse_socket(&second);
    expect_fallback(&mut client);
    assert_eq!((client.sockets.len(), client.requests.len()), (3, 1));
}

// uts: realtime/unit/RTN17g/empty-fallback-set-error-0
// Derived with a host name as `endpoint`, which has no fallback hosts either: `realtimeHost` is not offered.
#[test]
fn without_other_hosts_it_fails_at_once() {
    let mut client = Client::with_key(json!({"endpoint": "custom.example.com"}));

    client.connect();
    let socket = client.expect_attempt();
    assert_eq!(socket.host(), "custom.example.com");
    client.refuse_socket(&socket);

    client.expect_change_because(ConnectionState::Disconnected, 80003, 400);
    client.expect_silence_for(2_000);
    assert_eq!((client.sockets.len(), client.requests.len()), (1, 0));
}

// uts: realtime/unit/RTN17h/fallback-domains-from-rec2-0
#[test]
fn the_other_hosts_are_those_of_the_endpoint() {
    let (mut client, first) = connecting();
    client.refuse_socket(&first);
    expect_fallback(&mut client);

    for (options, pattern) in [
        (json!({"endpoint": "acme"}), "acme.?.fallback.ably-realtime.com"),
        (json!({"endpoint": "nonprod:sandbox"}), "sandbox.?.fallback.ably-realtime-nonprod.com"),
        (json!({"fallbackHosts": ["only.example.com"]}), "only.example.com"),
    ] {
        let mut client = Client::with_key(options);
        client.on_connectivity_check();
        client.connect();
        let first = client.expect_attempt();
        client.refuse_socket(&first);
        let second = client.expect_socket();
        let matches = match pattern.split_once('?') {
            Some((before, after)) => second.host().starts_with(before) && second.host().ends_with(after),
            None => second.host() == pattern,
        };
        assert!(matches, "{}", second.host());
    }
}

// uts: realtime/unit/RTN17j/fallback-random-order-1
#[test]
fn the_other_hosts_are_tried_in_random_order() {
    let mut orders = BTreeSet::new();
    for seed in 0..20 {
        let mut client = Client::with_seed(json!({"key": KEY}), [seed; 32]);
        client.on_connectivity_check();
        client.connect();
        let socket = client.expect_attempt();
        client.refuse_socket(&socket);
        for _ in 0..2 {
            let socket = client.expect_socket();
            client.refuse_socket(&socket);
        }
        expect_fallback(&mut client);
        let order: Vec<String> = client.socket_hosts()[1..].iter().map(|host| host.to_string()).collect();
        assert_eq!(order.iter().collect::<BTreeSet<_>>().len(), 3, "each once: {order:?}");
        orders.insert(order);
    }
    assert!(orders.len() > 10, "{orders:#?}");
    let first: BTreeSet<&String> = orders.iter().map(|order| &order[0]).collect();
    assert_eq!(first.len(), 5, "each of them comes first at times");
}

// uts: realtime/unit/RTN17e/http-uses-same-fallback-0
#[test]
fn while_it_is_up_on_another_host_requests_go_there() {
    let (mut client, first) = connecting();
    client.refuse_socket(&first);
    let socket = expect_fallback(&mut client);
    let fallback = socket.host().to_owned();
    client.on_http(|_| ok(json!([])));

    let request = client.request("GET", "/channels/test/messages");
    assert!(client.expect_complete(request).is_ok());
    assert_eq!(client.requests.last().map(Http::host), Some(fallback.as_str()));

    // No longer than that.
    client.close();
    client.expect_frame(&socket);
    client.expect_change(ConnectionState::Closing);
    client.receive(&socket, closed());
    client.expect_close_socket(&socket);
    client.expect_change(ConnectionState::Closed);
    let request = client.request("GET", "/channels/test/messages");
    assert!(client.expect_complete(request).is_ok());
    assert_eq!(client.requests.last().map(Http::host), Some(PRIMARY));
}
