//! The server asks for a new token, or it is known that one is needed (RTN22).

use ably_auth::{ConnectionState, Event, NoticeKind, NoticeLevel, TimerKind};
use serde_json::json;

use crate::common::*;

#[test]
fn whatever_the_source_a_new_token_is_sent_over_the_connection() {
    let by_url = json!({"authUrl": "https://example.com/auth"});
    for options in [json!({"key": KEY, "useTokenAuth": true}), by_url, json!({"authCallback": true})] {
        let mut client = Client::new(options);
        let mut count = 0;
        client.on_http(move |_| {
            count += 1;
            respond(200, json!(token(&format!("token-{count}"))))
        });
        client.on_callback(|callback| token(&format!("token-{}", callback.number())));
        let socket = client.connect_up();

        for number in 2..5 {
            client.receive(&socket, reauth());
            assert_eq!(client.expect_frame(&socket), auth_frame(&format!("token-{number}")));
            client.receive(&socket, connected("connection-1", "key-1"));
            client.expect_update();
        }

        assert_eq!(client.requests.len() + client.callbacks.len(), 4);
        assert_eq!(client.states(), [ConnectionState::Connecting, ConnectionState::Connected]);
    }
}

#[test]
fn a_token_that_was_given_is_renewed_where_there_is_a_way() {
    let mut client = Client::new(json!({"token": "given", "authCallback": true}));
    client.on_callback(|_| token("renewed"));
    let socket = client.connect_up();
    assert_eq!(socket.access_token().as_deref(), Some("given"));

    client.receive(&socket, reauth());

    assert_eq!(client.expect_frame(&socket), auth_frame("renewed"));
    client.receive(&socket, connected("connection-1", "key-1"));
    client.expect_update();
}

#[test]
fn a_client_that_cannot_is_told_so_and_stays_connected() {
    let mut with_token = Client::new(json!({"token": "static"}));
    with_token.expect_notice(NoticeKind::TokenNotRenewable);
    for mut client in [Client::with_key(json!({})), with_token] {
        let socket = client.connect_up();

        client.receive(&socket, reauth());

        let notice = client.expect_notice(NoticeKind::ReauthNotPossible);
        assert_eq!((notice.level, notice.spec), (NoticeLevel::Warn, Some("RTN22")));
        client.expect_silence_for(14_000);
        assert_eq!((client.state(), client.error_reason()), (ConnectionState::Connected, None));
        assert_eq!(client.requests.len(), 0);
    }
}

#[test]
fn an_auth_during_a_renewal_joins_it() {
    let mut client = Client::with_numbered_tokens(json!({}));
    let socket = client.connect_up();
    client.hold_callbacks();

    client.receive(&socket, reauth());
    let callback = client.expect_callback();
    client.receive(&socket, reauth());
    client.expect_silence();
    client.callback_returns(&callback, token("token-2"));

    assert_eq!(client.expect_frame(&socket), auth_frame("token-2"));
    client.receive(&socket, connected("connection-1", "key-1"));
    client.expect_update();
    assert_eq!(client.callbacks.len(), 2);
}

#[test]
fn a_token_that_was_sent_is_in_the_view_from_then_on() {
    let mut client = Client::with_numbered_tokens(json!({}));
    let socket = client.connect_up();
    assert_eq!(client.token(), Some("token-1"));

    client.receive(&socket, reauth());

    client.expect_frame(&socket);
    assert_eq!(client.token(), Some("token-2"));
}

#[test]
fn an_answer_that_does_not_come_loses_the_connection() {
    let mut client = Client::with_numbered_tokens(json!({}));
    let first = client.connect_up();
    client.receive(&first, reauth());
    client.expect_frame(&first);

    client.advance_to(10_000, TimerKind::ConnectionUpgrade);

    client.expect_close_socket(&first);
    let second = client.expect_reconnect(80003, 400);
    assert_eq!(second.access_token().as_deref(), Some("token-2"));
    client.come_up(&second, connected("connection-1", "key-1"));
    assert_eq!(client.callbacks.len(), 2);
}

#[test]
fn an_error_in_answer_fails_the_connection_and_the_token_is_not_used_again() {
    let mut client = Client::with_numbered_tokens(json!({}));
    let first = client.connect_up();
    client.receive(&first, reauth());
    client.expect_frame(&first);

    client.receive(&first, token_error());

    client.expect_close_socket(&first);
    client.expect_change_because(ConnectionState::Failed, 40142, 401);
    assert_eq!((client.token(), client.deadline()), (None, None));
    client.connect();
    assert_eq!(client.expect_attempt().access_token().as_deref(), Some("token-3"));
}

#[test]
fn a_connection_that_is_lost_while_a_token_is_got_waits_for_it() {
    let mut client = Client::with_numbered_tokens(json!({}));
    let first = client.connect_up();
    client.hold_callbacks();
    client.receive(&first, reauth());
    let callback = client.expect_callback();

    client.receive(&first, token_disconnected());
    client.expect_close_socket(&first);
    client.expect_change_because(ConnectionState::Disconnected, 40142, 401);
    client.expect_change(ConnectionState::Connecting);
    client.expect_silence();
    client.callback_returns(&callback, token("token-2"));

    let second = client.expect_socket();
    assert_eq!(second.access_token().as_deref(), Some("token-2"));
    client.come_up(&second, connected("connection-1", "key-1"));
    assert_eq!(client.callbacks.len(), 2);
}

#[test]
fn a_connection_that_is_lost_for_another_reason_goes_on_with_the_token_at_hand() {
    let mut client = Client::with_numbered_tokens(json!({}));
    let first = client.connect_up();
    client.hold_callbacks();
    client.receive(&first, reauth());
    let callback = client.expect_callback();

    client.socket_closed(&first);
    let second = client.expect_reconnect(80003, 400);
    assert_eq!(second.access_token().as_deref(), Some("token-1"));
    client.come_up(&second, connected("connection-1", "key-1"));
    client.callback_returns(&callback, token("token-2"));

    // It was asked for the old connection, and is good for the new one.
    assert_eq!(client.expect_frame(&second), auth_frame("token-2"));
    client.receive(&second, connected("connection-1", "key-1"));
    client.expect_update();
}

#[test]
fn a_renewal_that_fails_leaves_the_next_one_to_the_next_request() {
    let mut client = Client::with_numbered_tokens(json!({}));
    let socket = client.connect_up();
    client.on_callback(|callback| match callback.number() {
        2 => Reply::from(plain_error("no")),
        number => token(&format!("token-{number}")).into(),
    });
    client.receive(&socket, reauth());
    client.expect_notice(NoticeKind::RenewalFailed);

    client.receive(&socket, reauth());

    assert_eq!(client.expect_frame(&socket), auth_frame("token-3"));
    client.receive(&socket, connected("connection-1", "key-1"));
    client.expect_update();
}

#[test]
fn a_callback_that_never_returns_leaves_the_connection_up() {
    let mut client = Client::with_numbered_tokens(json!({}));
    let socket = client.connect_up();
    client.hold_callbacks();
    client.receive(&socket, reauth());
    client.expect_callback();

    client.advance_to(10_000, TimerKind::Callback);

    let notice = client.expect_notice(NoticeKind::RenewalFailed);
    assert_eq!(notice.error.as_ref().and_then(|error| error.cause()).map(codes), Some((40170, 401)));
    assert_eq!((client.state(), client.token()), (ConnectionState::Connected, Some("token-1")));
}

#[test]
fn a_token_that_is_known_to_have_expired_is_renewed_over_the_connection() {
    let mut client = Client::with_numbered_tokens(json!({}));
    let socket = client.connect_up();

    client.event(Event::TokenExpired {});

    assert_eq!(client.expect_frame(&socket), auth_frame("token-2"));
    client.receive(&socket, connected("connection-1", "key-1"));
    client.expect_update();
    assert_eq!(client.token_changes.len(), 3, "token-1, none, token-2");
}

#[test]
fn a_token_that_a_request_found_rejected_is_renewed_once_for_both() {
    let mut client = Client::with_numbered_tokens(json!({}));
    let socket = client.connect_up();
    client.on_http(|http| match http.authorization() {
        Some("Bearer token-1") => token_expired(),
        _ => ok(json!([])),
    });

    let request = client.request("GET", "/channels/test/messages");

    assert_eq!(client.expect_frame(&socket), auth_frame("token-2"));
    assert!(client.expect_complete(request).is_ok());
    client.receive(&socket, connected("connection-1", "key-1"));
    client.expect_update();
    assert_eq!((client.callbacks.len(), client.requests.len(), client.sockets.len()), (2, 2, 1));
}
