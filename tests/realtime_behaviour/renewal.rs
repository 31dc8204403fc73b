//! Token errors of the connection: one renewal each, and never the same token again (RTN14b, RTN15h, RTN15c5).

use ably_auth::{ConnectionState, Event, NoticeKind, TimerKind};
use serde_json::json;

use crate::common::*;

#[test]
fn each_of_many_expiries_renews_once() {
    let mut client = Client::with_numbered_tokens(json!({}));
    let mut socket = client.connect_up();

    for number in 2..30 {
        client.advance(1_000);
        client.receive(&socket, token_disconnected());
        client.expect_close_socket(&socket);
        socket = client.expect_reconnect(40142, 401);
        assert_eq!(socket.access_token(), Some(format!("token-{number}")));
        assert_eq!(socket.param("resume").as_deref(), Some("key-1"));
        client.come_up(&socket, connected("connection-1", "key-1"));
        assert_eq!((client.callbacks.len(), client.sockets.len()), (number, number));
    }
}

#[test]
fn expiries_without_a_pause_keep_the_second_between_reconnects() {
    let mut client = Client::with_numbered_tokens(json!({}));
    let mut socket = client.connect_up();
    client.receive(&socket, token_disconnected());
    client.expect_close_socket(&socket);
    socket = client.expect_reconnect(40142, 401);

    for number in 3..10 {
        client.come_up(&socket, connected("connection-1", "key-1"));
        client.receive(&socket, token_disconnected());
        client.expect_close_socket(&socket);
        client.expect_change_because(ConnectionState::Disconnected, 40142, 401);
        client.expect_change(ConnectionState::Connecting);
        assert_eq!(client.callbacks.len(), number, "the token is got meanwhile");
        client.advance_to(1_000, TimerKind::ReconnectPause);
        socket = client.expect_socket();
        assert_eq!(socket.access_token(), Some(format!("token-{number}")));
    }
}

#[test]
fn a_second_token_error_disconnects_and_backs_off() {
    let mut client = Client::with_numbered_tokens(json!({}));
    let first = client.connect_up();
    client.receive(&first, token_disconnected());
    client.expect_close_socket(&first);
    let second = client.expect_reconnect(40142, 401);

    client.open_and_receive(&second, token_error());

    client.expect_close_socket(&second);
    let change = client.expect_change_because(ConnectionState::Disconnected, 40142, 401);
    assert_eq!((client.token(), client.callbacks.len()), (None, 2));
    let retry_in = change.retry_in.expect("a time");
    assert!((16_000..=20_000).contains(&retry_in), "the second retry, not {retry_in}");

    // The next attempt has a token of its own, and no second chance: only CONNECTED gives one.
    for number in 3..6 {
        assert_eq!(client.advance_to_timeout(), TimerKind::Retry);
        let socket = client.expect_attempt();
        assert_eq!(socket.access_token(), Some(format!("token-{number}")));
        client.open_and_receive(&socket, token_error());
        client.expect_close_socket(&socket);
        client.expect_change_because(ConnectionState::Disconnected, 40142, 401);
        assert_eq!(client.callbacks.len(), number);
    }

    assert_eq!(client.advance_to_timeout(), TimerKind::Retry);
    let socket = client.expect_attempt();
    client.come_up(&socket, connected("connection-1", "key-1"));
    client.receive(&socket, token_disconnected());
    client.expect_close_socket(&socket);
    client.expect_reconnect(40142, 401);
    assert_eq!(client.callbacks.len(), 7);
}

#[test]
fn a_disconnected_with_a_token_error_while_connecting_renews_as_an_error_does() {
    let mut client = Client::with_numbered_tokens(json!({}));
    client.connect();
    let first = client.expect_attempt();

    client.open_and_receive(&first, token_disconnected());

    client.expect_close_socket(&first);
    let second = client.expect_socket();
    assert_eq!(second.access_token().as_deref(), Some("token-2"));
    client.come_up(&second, connected("connection-1", "key-1"));
    assert_eq!(client.states(), [ConnectionState::Connecting, ConnectionState::Connected]);
}

#[test]
fn a_disconnected_with_a_token_error_while_connecting_fails_without_a_way_to_renew() {
    let mut client = Client::new(json!({"token": "static"}));
    client.expect_notice(NoticeKind::TokenNotRenewable);
    client.connect();
    let socket = client.expect_attempt();

    client.open_and_receive(&socket, token_disconnected());

    client.expect_close_socket(&socket);
    client.expect_change_because(ConnectionState::Disconnected, 40142, 401);
    client.expect_change_because(ConnectionState::Failed, 40142, 401);
    assert_eq!((client.token(), client.deadline()), (None, None));
}

#[test]
fn a_renewal_that_fails_with_403_fails_the_connection() {
    let mut client = Client::with_numbered_tokens(json!({}));
    let socket = client.connect_up();
    client.on_callback(|_| error(json!({"code": 40300, "statusCode": 403, "message": "no"})));

    client.receive(&socket, token_disconnected());

    client.expect_close_socket(&socket);
    client.expect_change_because(ConnectionState::Disconnected, 40142, 401);
    client.expect_change(ConnectionState::Connecting);
    client.expect_change_because(ConnectionState::Failed, 80019, 403);
}

#[test]
fn with_the_key_a_token_error_is_as_any_other() {
    let mut client = Client::with_key(json!({}));
    client.connect();
    let socket = client.expect_attempt();
    client.open_and_receive(&socket, token_error());
    client.expect_close_socket(&socket);
    client.expect_change_because(ConnectionState::Failed, 40142, 401);

    let mut client = Client::with_key(json!({}));
    let first = client.connect_up();
    client.receive(&first, token_disconnected());
    client.expect_close_socket(&first);
    let second = client.expect_reconnect(40142, 401);
    assert_eq!(second.param("key").as_deref(), Some(KEY));
    client.open_and_receive(&second, token_disconnected());
    client.expect_close_socket(&second);
    client.expect_change_because(ConnectionState::Disconnected, 40142, 401);
    assert_eq!(client.requests.len(), 0);
}

#[test]
fn a_token_error_while_connected_is_final_whatever_it_says() {
    for code in [40140, 40142, 40149] {
        let mut client = Client::with_numbered_tokens(json!({}));
        let socket = client.connect_up();

        client.receive(&socket, error_frame(code, 401, "Token error"));

        client.expect_close_socket(&socket);
        client.expect_change_because(ConnectionState::Failed, code, 401);
        assert_eq!((client.callbacks.len(), client.token(), client.deadline()), (1, None, None));
        client.connect();
        assert_eq!(client.expect_attempt().access_token().as_deref(), Some("token-2"));
    }
}

/// The explorer of sessions took it for a renewal too many, at depth 9.
#[test]
fn after_a_final_token_error_the_attempt_of_an_authorize_still_renews_once() {
    let mut client = Client::with_numbered_tokens(json!({}));
    let socket = client.connect_up();
    client.receive(&socket, token_error());
    client.expect_close_socket(&socket);
    client.expect_change_because(ConnectionState::Failed, 40142, 401);
    let authorize = client.authorize(None, None);
    client.expect_change(ConnectionState::Connecting);
    let second = client.expect_socket();
    assert_eq!(second.access_token().as_deref(), Some("token-2"));

    client.open_and_receive(&second, token_error());

    client.expect_close_socket(&second);
    let third = client.expect_socket();
    assert_eq!(third.access_token().as_deref(), Some("token-3"));
    client.open_and_receive(&third, token_error());
    client.expect_close_socket(&third);
    client.expect_change_because(ConnectionState::Disconnected, 40142, 401);
    assert_eq!(client.callbacks.len(), 3);
    assert_eq!(client.advance_to_timeout(), TimerKind::Retry);
    let fourth = client.expect_attempt();
    client.come_up(&fourth, connected("connection-2", "key-2"));
    assert_eq!(client.expect_token(authorize).token.expose(), "token-4");
}

#[test]
fn what_is_no_token_error_renews_nothing() {
    for (code, status) in [(40139, 401), (40150, 401), (40142, 403), (40142, 400), (40101, 401)] {
        let mut client = Client::with_numbered_tokens(json!({}));
        let first = client.connect_up();
        client.receive(&first, disconnected_frame(code, status, "no"));
        client.expect_close_socket(&first);
        let second = client.expect_reconnect(code, status);
        assert_eq!(second.access_token().as_deref(), Some("token-1"), "{code}/{status}");
        client.open_and_receive(&second, error_frame(code, status, "no"));
        client.expect_close_socket(&second);
        client.expect_change_because(ConnectionState::Failed, code, status);
        assert_eq!(client.callbacks.len(), 1);
    }
}

#[test]
fn a_source_that_returns_the_rejected_token_again_is_told_and_tried_once() {
    let mut client = Client::new(json!({"authCallback": true}));
    client.on_callback(|_| token("the-same"));
    client.connect();
    let first = client.expect_attempt();

    client.open_and_receive(&first, token_error());

    client.expect_close_socket(&first);
    client.expect_notice(NoticeKind::SameTokenAgain);
    let second = client.expect_socket();
    assert_eq!(second.access_token().as_deref(), Some("the-same"));
    client.open_and_receive(&second, token_error());
    client.expect_close_socket(&second);
    client.expect_change_because(ConnectionState::Disconnected, 40142, 401);
    assert_eq!(client.callbacks.len(), 2);
}

#[test]
fn a_token_that_has_expired_meanwhile_is_renewed_before_the_next_attempt() {
    let mut client = Client::with_numbered_tokens(json!({}));
    let first = client.connect_up();
    for _ in 0..400 {
        client.advance(10_000);
        client.ping(&first);
    }

    client.socket_closed(&first);

    // It held for an hour, by the wall clock; and so does its successor look.
    client.expect_change_because(ConnectionState::Disconnected, 80003, 400);
    client.expect_change(ConnectionState::Connecting);
    client.expect_notice(NoticeKind::WallClockDistrusted);
    assert_eq!(client.expect_socket().access_token().as_deref(), Some("token-2"));
    assert_eq!(client.callbacks.len(), 2);
}

#[test]
fn an_attempt_does_not_go_on_with_a_token_that_is_found_rejected_meanwhile() {
    // In the pause before a reconnect.
    let mut client = Client::with_numbered_tokens(json!({"fallbackHosts": []}));
    let mut socket = client.connect_up();
    client.socket_closed(&socket);
    socket = client.expect_reconnect(80003, 400);
    client.come_up(&socket, connected("connection-1", "key-1"));
    client.socket_closed(&socket);
    client.expect_change(ConnectionState::Disconnected);
    client.expect_change(ConnectionState::Connecting);

    client.reject_token("token-1");

    let socket = client.expect_socket();
    assert_eq!(socket.access_token().as_deref(), Some("token-2"));
    client.come_up(&socket, connected("connection-1", "key-1"));
    client.expect_silence_for(1_000);

    // While it looks for a network.
    let mut client = Client::with_numbered_tokens(json!({}));
    client.connect();
    let socket = client.expect_attempt();
    client.refuse_socket(&socket);
    let check = client.expect_http();

    client.reject_token("token-1");

    client.expect_abort(&check);
    let socket = client.expect_socket();
    assert_eq!(socket.access_token().as_deref(), Some("token-2"));

    // And while it waits for CONNECTED.
    client.reject_token("token-2");

    client.expect_close_socket(&socket);
    let socket = client.expect_socket();
    assert_eq!(socket.access_token().as_deref(), Some("token-3"));
    client.come_up(&socket, connected("connection-1", "key-1"));
    assert_eq!(client.states(), [ConnectionState::Connecting, ConnectionState::Connected]);
}

#[test]
fn an_attempt_fails_whose_last_token_is_found_rejected_meanwhile() {
    let mut client = Client::new(json!({"token": "static"}));
    client.expect_notice(NoticeKind::TokenNotRenewable);
    client.connect();
    let socket = client.expect_attempt();
    client.on_http(|_| token_expired());

    let request = client.request("GET", "/channels/test/messages");

    client.expect_close_socket(&socket);
    let change = client.expect_change_because(ConnectionState::Failed, 40171, 403);
    assert_eq!(change.reason.as_ref().and_then(|reason| reason.cause()).map(codes), Some((40142, 401)));
    assert_eq!(codes(&client.expect_error(request)), (40171, 403));
    assert_eq!((client.requests.len(), client.deadline()), (1, None));
}

#[test]
fn a_token_that_was_returned_twice_and_is_rejected_once_is_not_used_again() {
    let mut client = Client::new(json!({"authCallback": true}));
    client.on_callback(|callback| token(if callback.number() < 3 { "the-same" } else { "another" }));
    client.connect();
    let first = client.expect_attempt();
    client.event(ably_auth::Event::TokenExpired {});
    assert_eq!(client.callbacks.len(), 2);

    client.open_and_receive(&first, token_error());

    client.expect_close_socket(&first);
    assert_eq!(client.expect_socket().access_token().as_deref(), Some("another"));
    assert_eq!(client.callbacks.len(), 3);
}

#[test]
fn a_reconnect_with_a_token_that_was_there_already_is_the_one_at_once() {
    let mut client = Client::with_numbered_tokens(json!({"fallbackHosts": []}));
    client.connect();
    let socket = client.expect_attempt();
    client.open(&socket);
    client.event(Event::TokenExpired {});
    assert_eq!(client.callbacks.len(), 2);

    client.receive(&socket, token_error());
    client.expect_close_socket(&socket);
    let socket = client.expect_socket();
    assert_eq!(socket.access_token().as_deref(), Some("token-2"));
    client.open(&socket);
    client.receive(&socket, token_error());

    client.expect_close_socket(&socket);
    client.expect_change_because(ConnectionState::Disconnected, 40142, 401);
    client.expect_silence();
    assert_eq!(client.callbacks.len(), 2, "the next token is got when it tries again");
    client.advance_to_timeout();
    let socket = client.expect_attempt();
    assert_eq!(socket.access_token().as_deref(), Some("token-3"));
}

#[test]
fn a_connection_that_is_made_anew_has_a_renewal_of_its_own() {
    let mut client = Client::new(json!({"authCallback": true}));
    client.on_callback(|callback| match callback.number() {
        2 => Reply::from(error(json!({"code": 40300, "statusCode": 403, "message": "no"}))),
        number => token(&format!("token-{number}")).into(),
    });
    client.connect();
    let socket = client.expect_attempt();
    client.open_and_receive(&socket, token_error());
    client.expect_close_socket(&socket);
    client.expect_change_because(ConnectionState::Failed, 80019, 403);

    let authorize = client.authorize(None, None);
    let socket = client.expect_attempt();
    assert_eq!(socket.access_token().as_deref(), Some("token-3"));
    client.open_and_receive(&socket, token_error());

    client.expect_close_socket(&socket);
    let socket = client.expect_socket();
    assert_eq!(socket.access_token().as_deref(), Some("token-4"));
    client.open_and_receive(&socket, connected("id", "key"));
    client.expect_change(ConnectionState::Connected);
    client.expect_token_text(authorize, "token-4");
    assert_eq!(client.callbacks.len(), 4);
}
