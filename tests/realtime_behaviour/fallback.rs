//! Other hosts, and whether there is a network at all (RTN17, REC3).

use std::collections::BTreeSet;

use ably_auth::connection::ConnectionInput;
use ably_auth::http::{Headers, HttpFailureKind, HttpResponse};
use ably_auth::{ConnectionState, TimerKind};
use serde_json::json;

use crate::common::*;

/// A client whose first host was not there, and that looks for a network.
fn checking(options: serde_json::Value) -> (Client, Http) {
    let mut client = Client::with_key(options);
    client.connect();
    let socket = client.expect_attempt();
    client.refuse_socket(&socket);
    let check = client.expect_http();
    (client, check)
}

fn yes() -> Answer {
    respond_text(200, "text/plain", "yes\n")
}

#[test]
fn without_a_network_no_other_host_is_tried() {
    for answer in [
        respond_text(200, "text/plain", "no"),
        respond_text(200, "text/html", "<html>Please log in</html>"),
        respond_text(204, "text/plain", ""),
        respond_text(500, "text/plain", "yes"),
        respond_text(302, "text/plain", "yes"),
        Answer::Failure(HttpFailureKind::Dns),
        Answer::Failure(HttpFailureKind::Timeout),
    ] {
        let (mut client, check) = checking(json!({}));

        client.answer(&check, answer);

        let change = client.expect_change_because(ConnectionState::Disconnected, 80003, 400);
        assert!(change.retry_in.is_some());
        assert_eq!((client.sockets.len(), client.requests.len()), (1, 1));
    }
}

#[test]
fn a_check_without_an_answer_is_given_up() {
    let (mut client, check) = checking(json!({"httpRequestTimeout": 2_000}));
    assert_eq!(check.timeout, 2_000);

    client.advance_to(2_000, TimerKind::ConnectivityCheck);

    client.expect_abort(&check);
    client.expect_change_because(ConnectionState::Disconnected, 80003, 400);
    client.event(yes().to(&check).expect("an answer"));
    assert_eq!(client.ignored(), 1);
}

#[test]
fn the_url_to_check_can_be_another_and_has_to_say_yes_as_well() {
    let options = json!({"connectivityCheckUrl": "https://example.com/up", "clientId": "me"});
    let (mut client, check) = checking(options.clone());
    assert_eq!((check.method(), check.url(), check.body()), ("GET", "https://example.com/up", None));
    assert_eq!(check.request.headers.iter().count(), 0, "nothing of Ably's goes there");
    client.answer(&check, respond_text(200, "text/plain", "ok"));
    client.expect_change(ConnectionState::Disconnected);

    let (mut client, check) = checking(options);
    client.answer(&check, respond_text(200, "text/html", "<b>yes</b>"));
    client.expect_socket();
}

#[test]
fn each_host_has_its_time_and_there_are_not_too_many() {
    for (options, most) in [(json!({}), 3), (json!({"httpMaxRetryCount": 1}), 1), (json!({"httpMaxRetryCount": 9}), 5)]
    {
        let (mut client, check) = checking(options);
        client.answer(&check, yes());

        for _ in 0..most {
            let socket = client.expect_socket();
            client.open(&socket);
            client.advance_to(10_000, TimerKind::Connect);
            client.expect_close_socket(&socket);
        }

        client.expect_change_because(ConnectionState::Disconnected, 80003, 400);
        assert_eq!(client.requests.len(), 1, "one check");
        let hosts: BTreeSet<&str> = client.socket_hosts().into_iter().collect();
        assert_eq!(hosts.len(), 1 + most, "each host once");
    }
}

#[test]
fn without_any_retries_no_other_host_is_tried() {
    let mut client = Client::with_key(json!({"httpMaxRetryCount": 0}));

    client.connect_in_vain();

    assert_eq!((client.sockets.len(), client.requests.len()), (1, 0));
}

#[test]
fn the_next_attempt_starts_over_with_a_check_of_its_own() {
    let (mut client, check) = checking(json!({"httpMaxRetryCount": 1}));
    client.answer(&check, yes());
    let socket = client.expect_socket();
    client.refuse_socket(&socket);
    client.expect_change(ConnectionState::Disconnected);

    client.advance_to_timeout();

    let socket = client.expect_attempt();
    assert_eq!(socket.host(), "main.realtime.ably.net");
    client.refuse_socket(&socket);
    let check = client.expect_http();
    client.answer(&check, yes());
    client.expect_socket();
}

#[test]
fn an_error_of_the_server_ends_the_search() {
    let (mut client, check) = checking(json!({}));
    client.answer(&check, yes());
    let socket = client.expect_socket();

    client.open_and_receive(&socket, error_frame(40005, 400, "Invalid key"));

    client.expect_close_socket(&socket);
    client.expect_change_because(ConnectionState::Failed, 40005, 400);
}

#[test]
fn a_disconnected_that_another_host_would_say_as_well_ends_the_search() {
    let (mut client, check) = checking(json!({}));
    client.answer(&check, yes());
    let socket = client.expect_socket();

    client.open_and_receive(&socket, disconnected_frame(42910, 429, "Too many connections"));

    client.expect_close_socket(&socket);
    client.expect_change_because(ConnectionState::Disconnected, 42910, 429);
}

#[test]
fn a_token_error_on_another_host_renews_and_starts_with_the_first_host() {
    let mut client = Client::with_numbered_tokens(json!({}));
    client.connect();
    let socket = client.expect_attempt();
    client.refuse_socket(&socket);
    let check = client.expect_http();
    client.answer(&check, yes());
    let second = client.expect_socket();
    assert_eq!(second.access_token().as_deref(), Some("token-1"));

    client.open_and_receive(&second, token_error());

    client.expect_close_socket(&second);
    let third = client.expect_socket();
    assert_eq!((third.host(), third.access_token().as_deref()), ("main.realtime.ably.net", Some("token-2")));
    assert_eq!(client.callbacks.len(), 2);
}

#[test]
fn the_network_coming_back_during_the_check_starts_over() {
    let (mut client, check) = checking(json!({}));

    client.network(true);

    client.expect_abort(&check);
    let socket = client.expect_socket();
    assert_eq!(socket.host(), "main.realtime.ably.net");
    client.come_up(&socket, connected("connection-1", "key-1"));
}

#[test]
fn the_network_going_during_the_check_ends_the_attempt() {
    let (mut client, check) = checking(json!({}));

    client.network(false);

    client.expect_abort(&check);
    client.expect_change_because(ConnectionState::Disconnected, 80003, 400);
}

#[test]
fn while_it_is_up_on_another_host_tokens_are_got_there() {
    let mut client = Client::with_key(json!({"useTokenAuth": true}));
    client.connect();
    client.expect_change(ConnectionState::Connecting);
    let exchange = client.expect_http();
    client.answer(&exchange, ok(json!(token("token-1"))));
    let socket = client.expect_socket();
    client.refuse_socket(&socket);
    let check = client.expect_http();
    client.answer(&check, yes());
    let socket = client.expect_socket();
    client.come_up(&socket, connected("connection-1", "key-1"));

    client.receive(&socket, reauth());

    let exchange = client.expect_http();
    assert_eq!(exchange.host(), socket.host());
    client.answer(&exchange, ok(json!(token("token-2"))));
    assert_eq!(client.expect_frame(&socket), auth_frame("token-2"));
    client.receive(&socket, connected("connection-1", "key-1"));
    client.expect_update();
}

#[test]
fn an_answer_to_another_check_is_ignored_and_counted() {
    let yes = || HttpResponse::new(200, Headers::from_iter([("Content-Type", "text/plain")]), "yes");
    let (mut client, check) = checking(json!({"httpMaxRetryCount": 1}));

    client.event(ConnectionInput::HttpResponse { id: 99.into(), response: yes() });

    assert_eq!(client.ignored(), 1);
    client.answer(&check, respond_text(200, "text/plain", "yes"));
    client.expect_socket();
    client.event(ConnectionInput::HttpResponse { id: 1.into(), response: yes() });
    assert_eq!(client.ignored(), 2);
}
