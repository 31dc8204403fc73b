//! `authorize` and the connection: what it changes, and when it ends (RTC8).

use ably_auth::options::AuthScheme;
use ably_auth::{ConnectionState, TimerKind};
use serde_json::json;

use crate::common::*;

/// A client that is connected with `token-1`, and leaves further calls of its callback to the test.
fn connected_client() -> (Client, Socket) {
    let mut client = Client::with_numbered_tokens(json!({"fallbackHosts": []}));
    let socket = client.connect_up();
    client.hold_callbacks();
    (client, socket)
}

/// A client that is connecting with `token-1`, and leaves further calls of its callback to the test.
fn connecting_client() -> (Client, Socket) {
    let mut client = Client::with_numbered_tokens(json!({"fallbackHosts": []}));
    client.connect();
    let socket = client.expect_attempt();
    client.hold_callbacks();
    (client, socket)
}

#[test]
fn while_connected_a_given_token_is_sent_as_it_is() {
    let (mut client, socket) = connected_client();

    let authorize = client.authorize(None, auth_options(json!({"token": "given"})));

    assert_eq!(client.expect_frame(&socket), auth_frame("given"));
    assert_eq!(client.token(), Some("given"), "it is in the view from then on");
    client.receive(&socket, connected("connection-1", "key-1"));
    client.expect_update();
    client.expect_token_text(authorize, "given");
    assert_eq!(client.callbacks.len(), 1);
}

#[test]
fn while_not_connected_it_connects_with_a_given_token() {
    let mut client = Client::with_key(json!({}));

    let authorize = client.authorize(None, auth_options(json!({"token": "given"})));

    let socket = client.expect_attempt();
    assert_eq!(socket.access_token().as_deref(), Some("given"));
    assert_eq!(socket.param("key"), None);
    client.come_up(&socket, connected("connection-1", "key-1"));
    client.expect_token_text(authorize, "given");
}

#[test]
fn a_signed_request_that_is_given_is_exchanged_and_its_token_sent() {
    let (mut client, socket) = connected_client();
    let request = json!({"keyName": "appId.keyId", "timestamp": UNIX_START, "nonce": "0123456789abcdef", "mac": "mac"});

    let authorize = client.authorize(None, auth_options(json!({"token": request})));
    let exchange = client.expect_http();
    assert!(exchange.is_exchange());
    client.answer(&exchange, ok(json!(token("exchanged"))));

    assert_eq!(client.expect_frame(&socket), auth_frame("exchanged"));
    client.receive(&socket, connected("connection-1", "key-1"));
    client.expect_update();
    client.expect_token_text(authorize, "exchanged");
}

#[test]
fn an_auth_without_an_answer_loses_the_connection_and_it_connects_with_the_new_token() {
    let (mut client, first) = connected_client();

    let authorize = client.authorize(None, auth_options(json!({"token": "given"})));
    client.expect_frame(&first);
    client.advance_to(10_000, TimerKind::ConnectionUpgrade);

    client.expect_close_socket(&first);
    let second = client.expect_reconnect(80003, 400);
    assert_says(client.error_reason().expect("a reason"), &["did not answer"]);
    assert_eq!(second.access_token().as_deref(), Some("given"));
    assert_eq!(second.param("resume").as_deref(), Some("key-1"));
    assert!(client.is_running(authorize));
    client.come_up(&second, connected("connection-1", "key-1"));
    client.expect_token_text(authorize, "given");
}

#[test]
fn frames_that_are_no_answer_do_not_end_the_wait_for_one() {
    let (mut client, socket) = connected_client();

    let authorize = client.authorize(None, auth_options(json!({"token": "given"})));
    client.expect_frame(&socket);
    client.advance(9_999);
    for frame in [heartbeat(), attached("test", "serial")] {
        client.receive(&socket, frame);
    }
    client.expect_received();
    assert!(client.is_running(authorize));
    client.advance(1);

    client.expect_close_socket(&socket);
    let socket = client.expect_reconnect(80003, 400);
    client.come_up(&socket, connected("connection-1", "key-1"));
    client.expect_token_text(authorize, "given");
}

#[test]
fn a_connection_that_is_lost_before_the_answer_ends_authorize_when_it_is_up_again() {
    let (mut client, first) = connected_client();

    let authorize = client.authorize(None, auth_options(json!({"token": "given"})));
    client.expect_frame(&first);
    client.socket_closed(&first);

    let second = client.expect_reconnect(80003, 400);
    assert_eq!(second.access_token().as_deref(), Some("given"));
    client.come_up(&second, connected("connection-1", "key-1"));
    client.expect_token_text(authorize, "given");
}

#[test]
fn a_connection_that_is_lost_before_the_token_is_there_waits_for_it() {
    let (mut client, first) = connected_client();

    let authorize = client.authorize(None, None);
    let callback = client.expect_callback();
    client.socket_closed(&first);
    client.expect_change_because(ConnectionState::Disconnected, 80003, 400);
    client.expect_change(ConnectionState::Connecting);
    client.expect_silence();
    client.callback_returns(&callback, token("token-2"));

    let second = client.expect_socket();
    assert_eq!(second.access_token().as_deref(), Some("token-2"));
    client.come_up(&second, connected("connection-1", "key-1"));
    client.expect_token_text(authorize, "token-2");
    assert_eq!(client.callbacks.len(), 2);
}

#[test]
fn while_connecting_the_attempt_is_halted_before_the_token_is_there() {
    let (mut client, first) = connecting_client();

    let authorize = client.authorize(None, None);
    client.expect_close_socket(&first);
    let callback = client.expect_callback();
    client.expect_silence_for(5_000);
    assert_eq!(client.state(), ConnectionState::Connecting);
    client.callback_returns(&callback, token("token-2"));

    let second = client.expect_socket();
    client.come_up(&second, connected("connection-1", "key-1"));
    client.expect_token_text(authorize, "token-2");
    assert_eq!(client.changes.len(), 2);
}

#[test]
fn while_connecting_a_token_that_is_being_got_is_superseded() {
    let mut client = Client::new(json!({"authCallback": true}));
    client.connect();
    client.expect_change(ConnectionState::Connecting);
    let first = client.expect_callback();

    let authorize = client.authorize(None, None);
    let second = client.expect_callback();
    client.callback_returns(&first, token("superseded"));
    assert_eq!(client.ignored(), 1);
    client.callback_returns(&second, token("token-2"));

    let socket = client.expect_socket();
    assert_eq!(socket.access_token().as_deref(), Some("token-2"));
    client.come_up(&socket, connected("connection-1", "key-1"));
    client.expect_token_text(authorize, "token-2");
}

#[test]
fn while_looking_for_a_network_the_search_is_given_up() {
    let mut client = Client::with_numbered_tokens(json!({}));
    client.connect();
    let first = client.expect_attempt();
    client.refuse_socket(&first);
    let check = client.expect_http();

    let authorize = client.authorize(None, None);

    client.expect_abort(&check);
    let second = client.expect_socket();
    assert_eq!((second.host(), second.access_token().as_deref()), (first.host(), Some("token-2")));
    client.come_up(&second, connected("connection-1", "key-1"));
    client.expect_token_text(authorize, "token-2");
    assert_eq!(client.states(), [ConnectionState::Connecting, ConnectionState::Connected]);
}

#[test]
fn in_the_pause_before_a_reconnect_the_new_token_connects_at_once() {
    let (mut client, first) = connected_client();
    client.socket_closed(&first);
    let second = client.expect_reconnect(80003, 400);
    client.come_up(&second, connected("connection-1", "key-1"));
    client.socket_closed(&second);
    client.expect_change_because(ConnectionState::Disconnected, 80003, 400);
    client.expect_change(ConnectionState::Connecting);
    assert_eq!(client.deadline(), Some((1_000, TimerKind::ReconnectPause)));

    let authorize = client.authorize(None, auth_options(json!({"token": "given"})));

    let third = client.expect_socket();
    assert_eq!(third.access_token().as_deref(), Some("given"));
    client.come_up(&third, connected("connection-1", "key-1"));
    client.expect_token_text(authorize, "given");
    client.expect_silence_for(1_000);
}

#[test]
fn while_suspended_it_connects() {
    let mut client = Client::with_numbered_tokens(json!({"fallbackHosts": []}));
    client.connect_in_vain();
    client.retry_until_suspended();

    let authorize = client.authorize(None, None);

    let socket = client.expect_attempt();
    assert_eq!(socket.access_token().as_deref(), Some("token-2"));
    client.come_up(&socket, connected("connection-1", "key-1"));
    client.expect_token_text(authorize, "token-2");
}

#[test]
fn while_closing_it_connects_anew() {
    let (mut client, first) = connected_client();
    client.close();
    client.expect_frame(&first);
    client.expect_change(ConnectionState::Closing);

    let authorize = client.authorize(None, auth_options(json!({"token": "given"})));

    client.expect_close_socket(&first);
    let second = client.expect_attempt();
    assert_eq!((second.access_token().as_deref(), second.param("resume")), (Some("given"), None));
    client.come_up(&second, connected("connection-2", "key-2"));
    client.expect_token_text(authorize, "given");
    // CLOSED of the old connection does not concern the new one (RTN11b).
    client.receive(&first, closed());
    assert_eq!((client.ignored(), client.state()), (1, ConnectionState::Connected));
}

#[test]
fn an_attempt_that_fails_lets_it_wait_for_the_next_one() {
    let mut client = Client::with_numbered_tokens(json!({"fallbackHosts": []}));
    let authorize = client.authorize(None, None);
    let socket = client.expect_attempt();
    client.refuse_socket(&socket);
    client.expect_change(ConnectionState::Disconnected);

    for _ in 0..3 {
        client.retry_in_vain();
        client.expect_change(ConnectionState::Disconnected);
        assert!(client.is_running(authorize));
    }
    client.advance_to_timeout();
    let socket = client.expect_attempt();
    client.come_up(&socket, connected("connection-1", "key-1"));

    client.expect_token_text(authorize, "token-1");
    assert_eq!(client.callbacks.len(), 1);
}

#[test]
fn it_ends_with_the_token_that_the_connection_accepted() {
    let mut client = Client::with_numbered_tokens(json!({}));
    let authorize = client.authorize(None, None);
    let first = client.expect_attempt();

    client.open_and_receive(&first, token_error());

    client.expect_close_socket(&first);
    let second = client.expect_socket();
    assert_eq!(second.access_token().as_deref(), Some("token-2"));
    client.come_up(&second, connected("connection-1", "key-1"));
    client.expect_token_text(authorize, "token-2");
    assert_eq!(client.callbacks.len(), 2);
}

#[test]
fn it_fails_when_the_connection_is_suspended() {
    let mut client = Client::with_numbered_tokens(json!({"fallbackHosts": []}));
    let authorize = client.authorize(None, None);
    let socket = client.expect_attempt();
    client.refuse_socket(&socket);
    client.expect_change(ConnectionState::Disconnected);

    let change = client.retry_until_suspended();

    assert_eq!(Some(client.expect_error(authorize)), change.reason);
    assert_eq!(client.token(), Some("token-1"), "the token is as good as before");
}

#[test]
fn it_fails_when_the_connection_is_closed() {
    let (mut client, socket) = connected_client();
    let authorize = client.authorize(None, auth_options(json!({"token": "given"})));
    client.expect_frame(&socket);

    client.close();
    assert_eq!(client.expect_frame(&socket), close_frame());
    client.expect_change(ConnectionState::Closing);
    assert!(client.is_running(authorize));
    client.receive(&socket, closed());

    client.expect_close_socket(&socket);
    client.expect_change(ConnectionState::Closed);
    assert_eq!(codes(&client.expect_error(authorize)), (80017, 400));
    assert_eq!(client.deadline(), None);
}

#[test]
fn it_fails_when_a_connection_that_was_being_made_is_closed() {
    let mut client = Client::with_numbered_tokens(json!({"fallbackHosts": []}));
    let authorize = client.authorize(None, None);
    let socket = client.expect_attempt();

    client.close();
    client.expect_change(ConnectionState::Closing);
    client.refuse_socket(&socket);

    client.expect_change(ConnectionState::Closed);
    assert_eq!(codes(&client.expect_error(authorize)), (80017, 400));
    assert_eq!(client.deadline(), None);
}

#[test]
fn of_several_the_newest_ones_token_wins_and_all_end_with_it() {
    let (mut client, socket) = connected_client();

    let first = client.authorize(None, None);
    let superseded = client.expect_callback();
    let second = client.authorize(token_params(json!({"ttl": 1_000})), None);
    let callback = client.expect_callback();
    client.callback_returns(&superseded, token("superseded"));
    client.expect_silence();
    client.callback_returns(&callback, token("newest"));

    assert_eq!(client.expect_frame(&socket), auth_frame("newest"));
    client.receive(&socket, connected("connection-1", "key-1"));
    client.expect_update();
    client.expect_token_text(first, "newest");
    client.expect_token_text(second, "newest");
}

#[test]
fn of_several_that_have_sent_their_token_all_end_with_the_answer_to_the_newest() {
    let (mut client, socket) = connected_client();

    let first = client.authorize(None, auth_options(json!({"token": "first"})));
    assert_eq!(client.expect_frame(&socket), auth_frame("first"));
    let second = client.authorize(None, auth_options(json!({"token": "second"})));
    assert_eq!(client.expect_frame(&socket), auth_frame("second"));
    client.receive(&socket, connected("connection-1", "key-1"));
    client.expect_update();
    assert!(client.is_running(first) && client.is_running(second));
    client.receive(&socket, connected("connection-1", "key-1"));

    client.expect_update();
    client.expect_token_text(first, "second");
    client.expect_token_text(second, "second");
    assert_eq!(client.deadline().map(|(_, kind)| kind), Some(TimerKind::Idle));
}

#[test]
fn a_switch_to_basic_auth_while_connected_connects_again_with_the_key() {
    let mut client = Client::with_key_and_tokens(json!({}));
    let first = client.connect_up();
    assert_eq!(first.access_token().as_deref(), Some("token-1"));

    let authorize = client.authorize(None, auth_options(json!({"key": KEY, "useTokenAuth": false})));

    client.expect_close_socket(&first);
    client.expect_change(ConnectionState::Disconnected);
    let second = client.expect_attempt();
    assert_eq!((second.param("key").as_deref(), second.access_token()), (Some(KEY), None));
    assert_eq!(second.param("resume").as_deref(), Some("key-1"));
    client.come_up(&second, connected("connection-1", "key-1"));
    assert!(matches!(client.expect_complete(authorize), Ok(ably_auth::Outcome::TokenDetails(None))));
    assert_eq!(client.token(), None);
    assert_eq!(client.session().auth().auth_method(), AuthScheme::Basic);
}

#[test]
fn a_switch_to_basic_auth_while_connecting_goes_on_with_the_key() {
    let mut client = Client::with_key_and_tokens(json!({}));
    client.connect();
    let first = client.expect_attempt();

    let authorize = client.authorize(None, auth_options(json!({"key": KEY, "useTokenAuth": false})));

    client.expect_close_socket(&first);
    let second = client.expect_socket();
    assert_eq!((second.param("key").as_deref(), second.access_token()), (Some(KEY), None));
    client.come_up(&second, connected("connection-1", "key-1"));
    assert!(matches!(client.expect_complete(authorize), Ok(ably_auth::Outcome::TokenDetails(None))));
}

#[test]
fn a_switch_to_token_auth_while_connected_with_the_key_sends_the_token() {
    let mut client = Client::with_key(json!({}));
    let socket = client.connect_up();

    let authorize = client.authorize(None, None);
    let exchange = client.expect_http();
    client.answer(&exchange, ok(json!(token("token-1"))));

    assert_eq!(client.expect_frame(&socket), auth_frame("token-1"));
    client.receive(&socket, connected("connection-1", "key-1"));
    client.expect_update();
    client.expect_token_text(authorize, "token-1");
    // From now on a token error renews.
    client.receive(&socket, token_disconnected());
    client.expect_close_socket(&socket);
    client.expect_change_because(ConnectionState::Disconnected, 40142, 401);
    client.expect_change(ConnectionState::Connecting);
    let exchange = client.expect_http();
    client.answer(&exchange, ok(json!(token("token-2"))));
    assert_eq!(client.expect_socket().access_token().as_deref(), Some("token-2"));
}

#[test]
fn a_token_that_cannot_be_renewed_can_be_once_authorize_has_found_a_way() {
    let mut client = Client::new(json!({"token": "static"}));
    client.expect_notice(ably_auth::NoticeKind::TokenNotRenewable);
    let first = client.connect_up();

    let authorize = client.authorize(None, auth_options(json!({"authCallback": true})));
    let callback = client.expect_callback();
    client.callback_returns(&callback, token("token-1"));
    client.expect_frame(&first);
    client.receive(&first, connected("connection-1", "key-1"));
    client.expect_update();
    client.expect_token_text(authorize, "token-1");
    client.receive(&first, token_disconnected());

    client.expect_close_socket(&first);
    client.expect_change_because(ConnectionState::Disconnected, 40142, 401);
    client.expect_change(ConnectionState::Connecting);
    client.expect_callback();
}

#[test]
fn a_cancelled_authorize_leaves_the_connection_to_go_on_with_its_token() {
    let (mut client, first) = connecting_client();
    let authorize = client.authorize(None, None);
    client.expect_close_socket(&first);
    let callback = client.expect_callback();

    let cancel = client.cancel(authorize);
    assert_eq!(client.expect_error(authorize).kind(), ably_auth::ErrorKind::Cancelled);
    assert!(client.expect_complete(cancel).is_ok());
    client.callback_returns(&callback, token("token-2"));

    let second = client.expect_socket();
    assert_eq!(second.access_token().as_deref(), Some("token-2"));
    client.come_up(&second, connected("connection-1", "key-1"));
}

#[test]
fn an_auth_without_an_answer_is_noticed_among_others_that_get_one() {
    let mut client = Client::with_numbered_tokens(json!({}));
    let socket = client.connect_up();
    let authorize = client.authorize(None, None);
    client.expect_frame(&socket);

    // It gets no answer, and meanwhile the server asks for tokens again and again.
    for _ in 0..3 {
        client.advance(3_000);
        client.receive(&socket, reauth());
        client.expect_frame(&socket);
        client.receive(&socket, connected("connection-1", "key-1"));
        client.expect_update();
        assert!(client.is_running(authorize));
    }
    client.advance_to(1_000, TimerKind::ConnectionUpgrade);

    client.expect_close_socket(&socket);
    let socket = client.expect_reconnect(80003, 400);
    client.come_up(&socket, connected("connection-1", "key-2"));
    client.expect_token_text(authorize, "token-5");
}
