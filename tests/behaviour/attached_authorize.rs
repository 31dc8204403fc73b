//! `authorize` with a connection attached: it ends when the connection has accepted the token (RTC8).

use ably_auth::options::AuthScheme;
use ably_auth::{ConnectionDetails, ConnectionEvent, ConnectionState, Event, NoticeKind, OperationId, TimerKind};
use serde_json::json;

use crate::common::*;

/// A client whose connection is up with `token-1`, and whose callback goes on with `token-2`.
fn connected_client() -> Client {
    let mut client = Client::with_numbered_tokens(json!({}));
    client.connection(ConnectionState::Connecting);
    client.expect_open();
    client.connection(ConnectionState::Connected);
    client
}

/// A connected client that has answered no callback of its `authorize` yet.
fn client_that_holds_callbacks(state: ConnectionState) -> Client {
    let mut client = Client::with_numbered_tokens(json!({}));
    client.connection(ConnectionState::Connecting);
    client.expect_open();
    if state != ConnectionState::Connecting {
        client.connection(state);
    }
    client.on_callback(|_| Reply::Hold);
    client
}

fn update(client: &mut Client) {
    let mut event = ConnectionEvent::new(ConnectionState::Connected);
    event.update = true;
    client.event(Event::Connection(event));
}

#[track_caller]
fn expect_token(client: &mut Client, operation: OperationId, token: &str) {
    assert_eq!(client.expect_token(operation).token.expose(), token);
}

#[test]
fn while_connected_the_token_is_sent_and_connected_completes() {
    let mut client = connected_client();

    let authorize = client.authorize(None, None);
    assert_eq!(client.expect_upgrade(), "token-2");
    assert_eq!(client.token(), Some("token-2"));
    assert!(client.is_running(authorize));
    assert_eq!(client.deadline(), Some((10_000, TimerKind::ConnectionUpgrade)));
    update(&mut client);

    expect_token(&mut client, authorize, "token-2");
    assert_eq!(client.deadline(), None);
}

#[test]
fn while_connected_a_given_token_is_sent() {
    let mut client = connected_client();

    let authorize = client.authorize(None, auth_options(json!({"token": "given"})));
    assert_eq!(client.expect_upgrade(), "given");
    update(&mut client);

    expect_token(&mut client, authorize, "given");
}

#[test]
fn while_connected_the_error_that_fails_the_connection_fails_authorize() {
    let mut client = connected_client();
    let refusal = error(json!({"code": 40102, "statusCode": 401, "message": "Incompatible credentials"}));

    let authorize = client.authorize(None, None);
    client.expect_upgrade();
    client.connection_because(ConnectionState::Failed, refusal.clone());

    assert_eq!(client.expect_error(authorize), refusal);
}

#[test]
fn an_unanswered_token_loses_the_connection_and_authorize_ends_with_the_next_one() {
    let mut client = connected_client();

    let authorize = client.authorize(None, None);
    client.expect_upgrade();
    client.advance(10_000);
    assert_eq!(codes(&client.expect_drop()), (80003, 400));
    assert!(client.is_running(authorize));
    client.connection(ConnectionState::Disconnected);
    client.connection(ConnectionState::Connecting);
    client.expect_open();
    client.connection(ConnectionState::Connected);

    expect_token(&mut client, authorize, "token-2");
    assert_eq!(client.callbacks.len(), 2);
}

#[test]
fn a_connection_lost_before_the_answer_lets_authorize_end_with_the_next_one() {
    let mut client = connected_client();

    let authorize = client.authorize(None, None);
    client.expect_upgrade();
    client.connection(ConnectionState::Disconnected);
    assert_eq!(client.deadline(), None);
    client.connection(ConnectionState::Connecting);
    client.expect_open();
    client.connection(ConnectionState::Connected);

    expect_token(&mut client, authorize, "token-2");
}

#[test]
fn while_connecting_the_attempt_is_halted_and_another_made_with_the_new_token() {
    let mut client = client_that_holds_callbacks(ConnectionState::Connecting);

    let authorize = client.authorize(None, None);
    client.expect_halt();
    let callback = client.expect_callback();
    client.expect_silence();
    client.callback_returns(&callback, token("token-2"));
    client.expect_open();
    assert!(client.is_running(authorize));
    client.connection(ConnectionState::Connected);

    expect_token(&mut client, authorize, "token-2");
}

#[test]
fn an_attempt_that_has_not_opened_yet_needs_no_halt() {
    let mut client = Client::new(json!({"authCallback": true}));
    client.connection(ConnectionState::Connecting);
    let first = client.expect_callback();

    let authorize = client.authorize(None, None);
    let second = client.expect_callback();
    client.callback_returns(&first, token("superseded"));
    assert_eq!(client.ignored(), 1);
    client.callback_returns(&second, token("token-2"));
    client.expect_open();
    client.connection(ConnectionState::Connected);

    expect_token(&mut client, authorize, "token-2");
}

#[test]
fn in_any_other_state_the_connection_is_opened() {
    for state in [
        ConnectionState::Initialized,
        ConnectionState::Disconnected,
        ConnectionState::Suspended,
        ConnectionState::Closed,
        ConnectionState::Failed,
    ] {
        let mut client = Client::with_numbered_tokens(json!({}));
        client.connection(state);

        let authorize = client.authorize(None, None);
        client.expect_open();
        assert!(client.is_running(authorize), "{state:?}");
        client.connection(ConnectionState::Connecting);
        client.expect_silence();
        client.connection(ConnectionState::Connected);

        expect_token(&mut client, authorize, "token-1");
        assert_eq!(client.callbacks.len(), 1);
    }
}

#[test]
fn a_connection_that_gives_up_fails_authorize() {
    for (state, expected) in [
        (ConnectionState::Failed, (80000, 400)),
        (ConnectionState::Suspended, (80002, 400)),
        (ConnectionState::Closed, (80017, 400)),
    ] {
        let mut client = connected_client();
        let authorize = client.authorize(None, None);
        client.expect_upgrade();

        client.connection(state);

        assert_eq!(codes(&client.expect_error(authorize)), expected);
    }
}

#[test]
fn the_reason_of_a_connection_that_gives_up_is_the_error_of_authorize() {
    let reason = error(json!({"code": 80008, "statusCode": 400, "message": "m"}));
    for state in [ConnectionState::Failed, ConnectionState::Suspended, ConnectionState::Closed] {
        let mut client = client_that_holds_callbacks(ConnectionState::Connecting);
        let authorize = client.authorize(None, auth_options(json!({"token": "given"})));
        client.expect_halt();
        client.expect_open();

        client.connection_because(state, reason.clone());

        assert_eq!(client.expect_error(authorize), reason);
    }
}

#[test]
fn a_failed_attempt_lets_authorize_wait_for_the_next_one() {
    let mut client = Client::with_numbered_tokens(json!({}));
    client.connection(ConnectionState::Initialized);
    let authorize = client.authorize(None, None);
    client.expect_open();

    client.connection(ConnectionState::Connecting);
    for _ in 0..3 {
        client.connection(ConnectionState::Disconnected);
        assert!(client.is_running(authorize));
        client.connection(ConnectionState::Connecting);
        client.expect_open();
    }
    client.connection(ConnectionState::Connected);

    expect_token(&mut client, authorize, "token-1");
}

#[test]
fn authorize_completes_with_the_token_that_the_connection_accepted() {
    let mut client = Client::with_numbered_tokens(json!({}));
    client.connection(ConnectionState::Initialized);
    let authorize = client.authorize(None, None);
    client.expect_open();
    client.connection(ConnectionState::Connecting);

    let rejection = error(json!({"code": 40142, "statusCode": 401, "message": "Token expired"}));
    client.connection_because(ConnectionState::Disconnected, rejection);
    client.expect_open();
    client.connection(ConnectionState::Connecting);
    client.connection(ConnectionState::Connected);

    expect_token(&mut client, authorize, "token-2");
}

#[test]
fn the_newest_of_several_wins_and_every_earlier_one_completes_with_it() {
    let mut client = connected_client();

    let first = client.authorize(None, None);
    assert_eq!(client.expect_upgrade(), "token-2");
    let second = client.authorize(None, None);
    assert_eq!(client.expect_upgrade(), "token-3");
    update(&mut client);
    assert!(client.is_running(first) && client.is_running(second));
    update(&mut client);

    expect_token(&mut client, first, "token-3");
    expect_token(&mut client, second, "token-3");
}

#[test]
fn the_newest_of_several_that_still_get_their_token_sends_one() {
    let mut client = client_that_holds_callbacks(ConnectionState::Connected);

    let first = client.authorize(None, None);
    client.expect_callback();
    let second = client.authorize(None, None);
    let callback = client.expect_callback();
    client.callback_returns(&callback, token("newest"));
    assert_eq!(client.expect_upgrade(), "newest");
    update(&mut client);

    expect_token(&mut client, first, "newest");
    expect_token(&mut client, second, "newest");
}

#[test]
fn a_server_that_asks_for_authentication_during_authorize_gets_one_token() {
    let mut client = client_that_holds_callbacks(ConnectionState::Connected);

    let authorize = client.authorize(None, None);
    client.event(Event::ReauthRequested {});
    let callback = client.expect_callback();
    client.callback_returns(&callback, token("token-2"));
    assert_eq!(client.expect_upgrade(), "token-2");
    update(&mut client);

    expect_token(&mut client, authorize, "token-2");
    assert_eq!(client.callbacks.len(), 2);
}

#[test]
fn a_failure_while_connected_leaves_the_connection_up() {
    let mut client = client_that_holds_callbacks(ConnectionState::Connected);

    let authorize = client.authorize(None, None);
    let callback = client.expect_callback();
    client.callback_returns(&callback, plain_error("no"));

    assert_eq!(codes(&client.expect_error(authorize)), (40170, 401));
    client.expect_silence();
    assert_eq!(client.token(), Some("token-1"));
}

#[test]
fn a_failure_while_connecting_drops_the_attempt() {
    let mut client = client_that_holds_callbacks(ConnectionState::Connecting);

    let authorize = client.authorize(None, None);
    client.expect_halt();
    let callback = client.expect_callback();
    client.callback_returns(&callback, plain_error("no"));

    assert_eq!(codes(&client.expect_error(authorize)), (40170, 401));
    let reason = client.expect_drop();
    assert_eq!(codes(&reason), (80019, 401));
    assert_eq!(reason.cause().map(codes), Some((40170, 401)));
}

#[test]
fn a_failure_with_403_fails_the_connection_in_any_state() {
    for state in [
        ConnectionState::Connecting,
        ConnectionState::Connected,
        ConnectionState::Disconnected,
        ConnectionState::Suspended,
        ConnectionState::Closed,
    ] {
        let mut client = client_that_holds_callbacks(state);

        let authorize = client.authorize(None, None);
        if state == ConnectionState::Connecting {
            client.expect_halt();
        }
        let callback = client.expect_callback();
        client.callback_returns(&callback, error(json!({"message": "no", "statusCode": 403})));

        assert_eq!(codes(&client.expect_error(authorize)), (40300, 403), "{state:?}");
        assert_eq!(codes(&client.expect_fail()), (80019, 403), "{state:?}");
    }
}

#[test]
fn any_other_failure_in_another_state_fails_authorize_alone() {
    for state in [
        ConnectionState::Disconnected,
        ConnectionState::Suspended,
        ConnectionState::Closing,
        ConnectionState::Closed,
        ConnectionState::Failed,
    ] {
        let mut client = client_that_holds_callbacks(state);

        let authorize = client.authorize(None, None);
        let callback = client.expect_callback();
        client.callback_returns(&callback, plain_error("no"));

        assert_eq!(codes(&client.expect_error(authorize)), (40170, 401));
        client.expect_silence();
    }
}

#[test]
fn a_refused_authorize_leaves_the_attempt_alone() {
    let mut client = Client::new(json!({"token": "static"}));
    client.expect_notice(NoticeKind::TokenNotRenewable);
    client.connection(ConnectionState::Connecting);
    client.expect_open();

    let authorize = client.authorize(None, auth_options(json!({})));

    assert_eq!(codes(&client.expect_error(authorize)), (40106, 401));
    client.expect_silence();
}

#[test]
fn a_switch_to_basic_auth_while_connected_reconnects_with_the_key() {
    let mut client = connected_client();

    let switch = client.authorize(None, auth_options(json!({"key": KEY, "useTokenAuth": false})));
    client.expect_open();
    assert_eq!(client.auth_method(), AuthScheme::Basic);
    assert_eq!(client.token_details(), None);
    assert!(client.is_running(switch));
    let credentials = client.credentials();
    assert_eq!(client.expect_credentials(credentials).key(), Some(KEY));
    client.connection(ConnectionState::Connecting);
    client.connection(ConnectionState::Connected);

    client.expect_no_token(switch);
}

#[test]
fn a_cancelled_authorize_is_not_answered_by_the_connection() {
    let mut client = connected_client();
    let authorize = client.authorize(None, None);
    client.expect_upgrade();

    let cancel = client.cancel(authorize);
    client.expect_cancelled(cancel);
    client.expect_error(authorize);
    update(&mut client);

    client.expect_silence();
    assert_eq!(client.token(), Some("token-2"));
}

#[test]
fn a_connection_that_is_lost_while_authorize_gets_its_token_waits_for_it() {
    let mut client = client_that_holds_callbacks(ConnectionState::Connected);
    let authorize = client.authorize(None, None);
    let callback = client.expect_callback();

    client.connection(ConnectionState::Disconnected);
    client.connection(ConnectionState::Connecting);
    client.expect_silence();
    client.callback_returns(&callback, token("token-2"));
    client.expect_open();
    client.connection(ConnectionState::Connected);

    expect_token(&mut client, authorize, "token-2");
    assert_eq!(client.callbacks.len(), 2);
}

#[test]
fn a_connection_that_starts_while_authorize_gets_its_token_waits_for_it() {
    let mut client = client_that_holds_callbacks(ConnectionState::Disconnected);
    let authorize = client.authorize(None, None);
    let callback = client.expect_callback();
    client.advance(5_000);

    client.connection(ConnectionState::Connecting);
    client.expect_silence();
    client.callback_returns(&callback, token("token-2"));
    client.expect_open();
    client.connection(ConnectionState::Connected);

    expect_token(&mut client, authorize, "token-2");
}

#[test]
fn an_attempt_that_was_halted_goes_on_where_authorize_is_cancelled() {
    let mut client = client_that_holds_callbacks(ConnectionState::Connecting);
    let authorize = client.authorize(None, None);
    client.expect_halt();
    let callback = client.expect_callback();

    let cancel = client.cancel(authorize);
    client.expect_cancelled(cancel);
    client.expect_error(authorize);
    client.callback_returns(&callback, token("token-2"));

    client.expect_open();
}

#[test]
fn an_attempt_that_was_halted_waits_for_the_whole_of_getting_a_token_only_so_long() {
    let mut client = client_that_holds_callbacks(ConnectionState::Connecting);
    let authorize = client.authorize(None, None);
    client.expect_halt();
    let callback = client.expect_callback();
    client.advance(9_000);
    let signed = json!({"keyName": "app.key", "timestamp": 1, "nonce": "0123456789abcdef", "mac": "m"});
    client.callback_returns(&callback, token_request(signed));
    let exchange = client.expect_http();
    assert_eq!(client.deadline(), Some((1_000, TimerKind::ConnectionAuth)));

    client.advance(1_000);

    client.expect_abort(&exchange);
    assert_eq!(codes(&client.expect_drop()), (80019, 401));
    assert_eq!(codes(&client.expect_error(authorize)), (40170, 401));
}

#[test]
fn a_connection_of_another_client_does_not_complete_authorize() {
    let mut client = Client::with_numbered_tokens(json!({"clientId": "me"}));
    client.connection(ConnectionState::Initialized);
    let authorize = client.authorize(None, None);
    client.expect_open();
    client.connection(ConnectionState::Connecting);
    let mut details = ConnectionDetails::default();
    details.client_id = Some("you".to_owned());
    let mut event = ConnectionEvent::new(ConnectionState::Connected);
    event.connection_details = Some(details);

    client.event(Event::Connection(event));
    let reason = client.expect_fail();
    assert_eq!(codes(&reason), (40102, 401));
    client.connection_because(ConnectionState::Failed, reason.clone());

    assert_eq!(client.expect_error(authorize), reason);
}
