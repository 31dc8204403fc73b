//! `authorize` that gets no token: who fails with it.

use ably_auth::{ConnectionState, Error, TimerKind};
use serde_json::{Value, json};

use crate::common::*;

fn unavailable() -> Error {
    error(json!({"code": 50000, "statusCode": 500, "message": "Auth server unavailable"}))
}

/// Ways to bring a client into a state, its token being `token-1`.
fn client_in(state: ConnectionState) -> Client {
    let mut client = Client::with_numbered_tokens(json!({"fallbackHosts": []}));
    match state {
        ConnectionState::Initialized => {}
        ConnectionState::Disconnected => {
            client.connect_in_vain();
        }
        ConnectionState::Suspended => {
            client.connect_in_vain();
            client.retry_until_suspended();
        }
        ConnectionState::Closing | ConnectionState::Closed => {
            let socket = client.connect_up();
            client.close();
            client.expect_frame(&socket);
            client.expect_change(ConnectionState::Closing);
            if state == ConnectionState::Closed {
                client.receive(&socket, closed());
                client.expect_close_socket(&socket);
                client.expect_change(ConnectionState::Closed);
            }
        }
        ConnectionState::Failed => {
            let socket = client.connect_up();
            client.receive(&socket, error_frame(80000, 400, "Fatal error"));
            client.expect_close_socket(&socket);
            client.expect_change(ConnectionState::Failed);
        }
        ConnectionState::Connecting | ConnectionState::Connected => panic!("not here"),
    }
    client.hold_callbacks();
    client
}

const AT_REST: [ConnectionState; 6] = [
    ConnectionState::Initialized,
    ConnectionState::Disconnected,
    ConnectionState::Suspended,
    ConnectionState::Closing,
    ConnectionState::Closed,
    ConnectionState::Failed,
];

#[test]
fn while_connected_only_it_fails() {
    let mut client = Client::with_numbered_tokens(json!({}));
    client.connect_up();
    client.hold_callbacks();

    let authorize = client.authorize(None, None);
    let callback = client.expect_callback();
    client.callback_returns(&callback, unavailable());

    assert_eq!(client.expect_error(authorize), unavailable());
    client.expect_silence();
    assert_eq!((client.state(), client.error_reason()), (ConnectionState::Connected, None));
    assert_eq!(client.token(), Some("token-1"));
}

#[test]
fn while_connecting_the_attempt_fails_with_it_and_is_made_again() {
    let mut client = Client::with_numbered_tokens(json!({}));
    client.connect();
    let first = client.expect_attempt();
    client.hold_callbacks();

    let authorize = client.authorize(None, None);
    client.expect_close_socket(&first);
    let callback = client.expect_callback();
    client.callback_returns(&callback, unavailable());

    let change = client.expect_change_because(ConnectionState::Disconnected, 80019, 401);
    assert_eq!(change.reason.as_ref().and_then(|reason| reason.cause()), Some(&unavailable()));
    assert_eq!(client.expect_error(authorize), unavailable());
    // The token at hand is as good as before.
    assert_eq!(client.advance_to_timeout(), TimerKind::Retry);
    assert_eq!(client.expect_attempt().access_token().as_deref(), Some("token-1"));
}

#[test]
fn in_any_other_state_only_it_fails() {
    for state in AT_REST {
        let mut client = client_in(state);
        let changes = client.changes.len();
        let deadline = client.deadline();

        let authorize = client.authorize(None, None);
        let callback = client.expect_callback();
        client.callback_returns(&callback, unavailable());

        assert_eq!(client.expect_error(authorize), unavailable(), "{state:?}");
        assert_eq!((client.state(), client.changes.len()), (state, changes));
        assert_eq!(client.deadline(), deadline);
    }
}

#[test]
fn with_403_the_connection_fails_in_any_state() {
    let forbidden = error(json!({"code": 40300, "statusCode": 403, "message": "Account disabled"}));
    for state in AT_REST {
        let mut client = client_in(state);
        let socket = client.sockets.last().cloned();

        let authorize = client.authorize(None, None);
        let callback = client.expect_callback();
        client.callback_returns(&callback, forbidden.clone());

        if state == ConnectionState::Closing {
            client.expect_close_socket(&socket.expect("a socket"));
        }
        if state != ConnectionState::Failed {
            let change = client.expect_change_because(ConnectionState::Failed, 80019, 403);
            assert_eq!(change.reason.as_ref().and_then(|reason| reason.cause()), Some(&forbidden));
        }
        assert_eq!(client.expect_error(authorize), forbidden, "{state:?}");
        assert_eq!(client.deadline(), None);
    }

    let mut client = Client::with_numbered_tokens(json!({}));
    let socket = client.connect_up();
    client.on_callback(move |_| forbidden.clone());
    let authorize = client.authorize(None, None);
    client.expect_close_socket(&socket);
    client.expect_change_because(ConnectionState::Failed, 80019, 403);
    assert_eq!(codes(&client.expect_error(authorize)), (40300, 403));
}

#[test]
fn with_a_token_of_another_client_the_connection_fails_and_the_token_is_not_adopted() {
    for given in [json!({"token": "others", "clientId": "other"}), json!(null)] {
        let mut client = Client::with_numbered_tokens(json!({"clientId": "me"}));
        let socket = client.connect_up();
        client.on_callback(|_| token_details(json!({"token": "others", "clientId": "other"})));

        let options = (!given.is_null()).then(|| auth_options(json!({"tokenDetails": given})));
        let authorize = client.authorize(None, options);

        client.expect_close_socket(&socket);
        let change = client.expect_change_because(ConnectionState::Failed, 40102, 401);
        assert_eq!(Some(client.expect_error(authorize)), change.reason);
        assert_eq!(client.token(), Some("token-1"));
    }
}

#[test]
fn its_arguments_are_stored_although_it_fails() {
    let mut client = client_in(ConnectionState::Disconnected);
    let options = json!({"authUrl": "https://example.com/auth", "authParams": {"who": "me"}});

    let authorize = client.authorize(token_params(json!({"ttl": 1_000})), auth_options(options));
    let request = client.expect_http();
    client.answer(&request, respond_text(500, "text/plain", ""));
    client.expect_error(authorize);
    client.reject_token("token-1");

    // The renewal asks the url, not the callback.
    let request = client.expect_http();
    assert_eq!(
        request.query().into_iter().collect::<Vec<_>>(),
        [("ttl".to_owned(), "1000".to_owned()), ("who".to_owned(), "me".to_owned()),]
    );
    client.leave_unfinished();
}

#[test]
fn arguments_that_are_refused_leave_the_connection_alone() {
    let refused: [(Value, (u32, u16)); 2] =
        [(json!({}), (40106, 401)), (json!({"key": "other.key:secret"}), (40102, 401))];
    for (options, expected) in refused {
        let with_key = expected.0 == 40102;
        let options_of_client = if with_key { json!({"key": KEY, "useTokenAuth": true}) } else { json!({}) };
        let mut client = if with_key {
            Client::with_key_and_tokens(options_of_client)
        } else {
            Client::with_numbered_tokens(options_of_client)
        };
        client.connect();
        let socket = client.expect_attempt();

        let authorize = client.authorize(None, auth_options(options));

        assert_eq!(codes(&client.expect_error(authorize)), expected);
        client.expect_silence();
        client.come_up(&socket, connected("connection-1", "key-1"));
        assert_eq!(client.sockets.len(), 1);
    }
}

#[test]
fn basic_auth_over_plain_http_is_refused_and_the_connection_stays_up() {
    let mut client = Client::with_key_and_tokens(json!({"tls": false}));
    let socket = client.connect_up();
    assert_eq!(socket.scheme(), "ws");

    let authorize = client.authorize(None, auth_options(json!({"key": KEY, "useTokenAuth": false})));

    assert_eq!(codes(&client.expect_error(authorize)), (40103, 401));
    assert_eq!((client.state(), client.token()), (ConnectionState::Connected, Some("token-1")));
}

#[test]
fn a_callback_that_does_not_return_in_time_fails_it() {
    let mut client = Client::with_numbered_tokens(json!({}));
    client.connect_up();
    client.hold_callbacks();

    let authorize = client.authorize(None, None);
    client.expect_callback();
    client.advance_to(10_000, TimerKind::Callback);

    assert_eq!(codes(&client.expect_error(authorize)), (40170, 401));
    assert_eq!(client.state(), ConnectionState::Connected);
}

#[test]
fn request_token_that_fails_with_403_changes_nothing() {
    let mut client = Client::with_numbered_tokens(json!({}));
    client.connect_up();
    client.on_callback(|_| error(json!({"code": 40300, "statusCode": 403, "message": "no"})));

    let request = client.request_token(None, None);

    assert_eq!(codes(&client.expect_error(request)), (40300, 403));
    client.expect_silence();
    assert_eq!((client.state(), client.token()), (ConnectionState::Connected, Some("token-1")));
}

#[test]
fn a_close_ends_it_although_its_token_is_still_to_come() {
    for state in [ConnectionState::Initialized, ConnectionState::Disconnected, ConnectionState::Suspended] {
        let mut client = client_in(state);
        let authorize = client.authorize(None, None);
        let callback = client.expect_callback();

        client.close();

        client.expect_change(ConnectionState::Closed);
        assert_eq!(codes(&client.expect_error(authorize)), (80017, 400), "{state:?}");
        client.callback_returns(&callback, token("late"));
        client.expect_silence_for(HOUR as u64);
        assert_eq!((client.state(), client.token()), (ConnectionState::Closed, Some("late")));
    }

    let mut client = Client::with_numbered_tokens(json!({}));
    let socket = client.connect_up();
    client.hold_callbacks();
    let authorize = client.authorize(None, None);
    let callback = client.expect_callback();
    client.close();
    client.expect_frame(&socket);
    client.expect_change(ConnectionState::Closing);
    client.callback_returns(&callback, token("late"));
    client.expect_silence();
    assert!(client.is_running(authorize));
    client.receive(&socket, closed());
    client.expect_close_socket(&socket);
    client.expect_change(ConnectionState::Closed);
    assert_eq!(codes(&client.expect_error(authorize)), (80017, 400));

    let mut client = Client::new(json!({"authCallback": true}));
    client.connect();
    client.expect_change(ConnectionState::Connecting);
    client.expect_callback();
    let authorize = client.authorize(None, None);
    let callback = client.expect_callback();
    client.close();
    client.expect_change(ConnectionState::Closing);
    client.expect_change(ConnectionState::Closed);
    assert_eq!(codes(&client.expect_error(authorize)), (80017, 400));
    client.callback_returns(&callback, token("late"));
    assert_eq!(client.sockets.len(), 0);
}

#[test]
fn a_close_that_came_before_it_does_not_end_it() {
    let mut client = client_in(ConnectionState::Closing);
    let first = client.sockets[0].clone();
    let authorize = client.authorize(None, None);
    let callback = client.expect_callback();

    client.receive(&first, closed());
    client.expect_close_socket(&first);
    client.expect_change(ConnectionState::Closed);
    client.callback_returns(&callback, token("token-2"));

    let second = client.expect_attempt();
    assert_eq!(second.access_token().as_deref(), Some("token-2"));
    client.come_up(&second, connected("connection-2", "key-2"));
    client.expect_token_text(authorize, "token-2");
}

#[test]
fn a_connection_that_fails_while_the_token_is_being_got_ends_it() {
    let mut client = Client::with_numbered_tokens(json!({}));
    let socket = client.connect_up();
    client.hold_callbacks();

    let authorize = client.authorize(None, None);
    let callback = client.expect_callback();
    client.receive(&socket, error_frame(80000, 400, "Fatal error"));
    client.expect_close_socket(&socket);
    client.expect_change(ConnectionState::Failed);
    let error = client.expect_error(authorize);
    assert_eq!((error.code(), error.status_code()), (80000, 400));

    // Its token is kept, and opens nothing.
    client.callback_returns(&callback, "token-late");
    assert_eq!(client.state(), ConnectionState::Failed);
    assert_eq!(client.token(), Some("token-late"));
}
