//! A connection that the environment owns, and that the machine gives credentials to.

use ably_auth::options::AuthScheme;
use ably_auth::{ConnectionEvent, ConnectionState, Error, Event, NoticeKind, TimerKind};
use serde_json::json;

use crate::common::*;

fn token_error() -> Error {
    error(json!({"code": 40142, "statusCode": 401, "message": "Token expired"}))
}

/// A client whose connection is up with `token-1`, and which answers no callback by itself.
fn connected_client() -> Client {
    let mut client = Client::new(json!({"authCallback": true}));
    client.connection(ConnectionState::Connecting);
    let callback = client.expect_callback();
    client.callback_returns(&callback, token("token-1"));
    client.expect_open();
    client.connection(ConnectionState::Connected);
    client
}

#[track_caller]
fn access_token(client: &mut Client) -> String {
    let credentials = client.credentials();
    client.expect_credentials(credentials).access_token().expect("token auth").to_owned()
}

#[test]
fn a_connection_waits_for_a_token_and_then_opens() {
    let mut client = Client::new(json!({"authCallback": true}));

    client.connection(ConnectionState::Connecting);
    let callback = client.expect_callback();
    client.expect_silence();
    client.callback_returns(&callback, token("token-1"));

    client.expect_open();
    assert_eq!(access_token(&mut client), "token-1");
    assert_eq!(client.callbacks.len(), 1);
}

#[test]
fn a_connection_opens_at_once_with_a_token_in_hand_or_the_key() {
    for options in [json!({"key": KEY}), json!({"token": "t", "authCallback": true})] {
        let mut client = Client::new(options);

        client.connection(ConnectionState::Connecting);

        client.expect_open();
        assert_eq!(client.callbacks.len(), 0);
    }
}

#[test]
fn a_token_in_hand_is_used_again_for_every_attempt() {
    let mut client = connected_client();

    for _ in 0..3 {
        client.connection(ConnectionState::Disconnected);
        client.expect_silence();
        client.connection(ConnectionState::Connecting);
        client.expect_open();
    }

    assert_eq!(client.callbacks.len(), 1);
}

#[test]
fn an_expired_token_is_renewed_before_the_connection_opens() {
    let mut client = connected_client();
    client.connection(ConnectionState::Disconnected);
    client.advance(HOUR as u64);

    client.connection(ConnectionState::Connecting);
    let callback = client.expect_callback();
    client.callback_returns(&callback, "token-2");

    client.expect_open();
    assert_eq!(access_token(&mut client), "token-2");
}

#[test]
fn an_attempt_that_gets_no_token_is_dropped() {
    let mut client = Client::new(json!({"authCallback": true}));
    client.on_callback(|_| plain_error("no"));

    client.connection(ConnectionState::Connecting);

    let reason = client.expect_drop();
    assert_eq!(codes(&reason), (80019, 401));
    assert_eq!(reason.cause().map(codes), Some((40170, 401)));
    client.connection_because(ConnectionState::Disconnected, reason);
    client.expect_silence();
}

#[test]
fn an_attempt_that_is_forbidden_fails() {
    let mut client = Client::new(json!({"authCallback": true}));
    client.on_callback(|_| error(json!({"message": "no", "statusCode": 403})));

    client.connection(ConnectionState::Connecting);

    let reason = client.expect_fail();
    assert_eq!(codes(&reason), (80019, 403));
    assert_eq!(reason.cause().map(codes), Some((40300, 403)));
}

#[test]
fn a_callback_that_never_returns_drops_the_attempt() {
    let mut client = Client::new(json!({"authCallback": true, "realtimeRequestTimeout": 3_000}));
    client.connection(ConnectionState::Connecting);
    client.expect_callback();

    client.advance(2_999);
    client.expect_silence();
    client.advance(1);

    let reason = client.expect_drop();
    assert_eq!(codes(&reason), (80019, 401));
    assert_eq!(reason.cause().map(codes), Some((40170, 401)));
    assert_eq!(client.deadline(), None);
}

#[test]
fn a_connection_waits_for_the_whole_of_getting_a_token_only_so_long() {
    let mut client = Client::new(json!({"authCallback": true}));
    client.connection(ConnectionState::Connecting);
    let callback = client.expect_callback();
    client.advance(9_000);
    let signed = json!({"keyName": "app.key", "timestamp": 1, "nonce": "0123456789abcdef", "mac": "m"});
    client.callback_returns(&callback, token_request(signed));
    let exchange = client.expect_http();
    assert_eq!(client.deadline(), Some((1_000, TimerKind::ConnectionAuth)));

    client.advance(1_000);

    client.expect_abort(&exchange);
    let reason = client.expect_drop();
    assert_eq!(codes(&reason), (80019, 401));
    assert_eq!(client.deadline(), None);
}

#[test]
fn a_token_error_renews_once_and_opens_at_once() {
    let mut client = connected_client();

    client.connection_because(ConnectionState::Disconnected, token_error());
    assert_eq!(client.token_details(), None);
    let callback = client.expect_callback();
    client.callback_returns(&callback, token("token-2"));

    client.expect_open();
    client.connection(ConnectionState::Connecting);
    client.expect_silence();
    assert_eq!(access_token(&mut client), "token-2");
    assert_eq!(client.callbacks.len(), 2);
}

#[test]
fn a_second_token_error_before_connected_waits_for_the_next_attempt() {
    let mut client = connected_client();
    client.connection_because(ConnectionState::Disconnected, token_error());
    let callback = client.expect_callback();
    client.callback_returns(&callback, token("token-2"));
    client.expect_open();
    client.connection(ConnectionState::Connecting);

    client.connection_because(ConnectionState::Disconnected, token_error());
    client.expect_silence();
    assert_eq!(client.token_details(), None);
    client.advance(15_000);
    client.connection(ConnectionState::Connecting);
    let callback = client.expect_callback();
    client.callback_returns(&callback, token("token-3"));

    client.expect_open();
    assert_eq!(client.callbacks.len(), 3);
}

#[test]
fn connected_clears_the_latch_so_that_successive_expiries_renew_once_each() {
    let mut client = connected_client();

    for number in 2..=6 {
        client.connection_because(ConnectionState::Disconnected, token_error());
        let callback = client.expect_callback();
        client.callback_returns(&callback, token(&format!("token-{number}")));
        client.expect_open();
        client.connection(ConnectionState::Connecting);
        client.connection(ConnectionState::Connected);
        client.expect_silence();
    }

    assert_eq!(client.callbacks.len(), 6);
}

#[test]
fn a_token_error_of_a_token_that_was_replaced_meanwhile_opens_with_the_current_one() {
    let mut client = connected_client();
    client.connection(ConnectionState::Disconnected);
    client.connection(ConnectionState::Connecting);
    client.expect_open();
    client.event(Event::TokenExpired {});
    let callback = client.expect_callback();
    client.callback_returns(&callback, token("token-2"));

    client.connection_because(ConnectionState::Disconnected, token_error());

    client.expect_open();
    assert_eq!(client.token(), Some("token-2"));
    assert_eq!(client.callbacks.len(), 2);
}

#[test]
fn a_token_error_without_a_way_to_renew_fails_the_connection() {
    let mut client = Client::new(json!({"token": "static"}));
    client.expect_notice(NoticeKind::TokenNotRenewable);
    client.connection(ConnectionState::Connecting);
    client.expect_open();

    client.connection_because(ConnectionState::Disconnected, token_error());

    let reason = client.expect_fail();
    assert_eq!(codes(&reason), (40171, 403));
    assert_eq!(reason.cause().map(codes), Some((40142, 401)));
    client.connection(ConnectionState::Connecting);
    assert_eq!(codes(&client.expect_fail()), (40171, 403));
}

#[test]
fn a_connected_token_error_without_a_way_to_renew_fails_the_connection_with_the_servers_error() {
    let mut client = Client::new(json!({"token": "static"}));
    client.expect_notice(NoticeKind::TokenNotRenewable);
    client.connection(ConnectionState::Connecting);
    client.expect_open();
    client.connection(ConnectionState::Connected);

    client.connection_because(ConnectionState::Disconnected, token_error());

    assert_eq!(client.expect_fail(), token_error());
    assert_eq!(client.token_details(), None);
}

#[test]
fn a_token_error_of_a_basic_connection_is_as_any_other() {
    let mut client = Client::new(json!({"key": KEY}));
    client.connection(ConnectionState::Connecting);
    client.expect_open();
    client.connection(ConnectionState::Connected);

    client.connection_because(ConnectionState::Disconnected, token_error());
    client.expect_silence();
    client.connection(ConnectionState::Connecting);

    client.expect_open();
    assert_eq!(client.auth_method(), AuthScheme::Basic);
    assert_eq!(client.requests.len(), 0);
}

#[test]
fn another_error_renews_nothing() {
    let mut client = connected_client();

    let reason = error(json!({"code": 80003, "statusCode": 400, "message": "lost"}));
    client.connection_because(ConnectionState::Disconnected, reason);

    client.expect_silence();
    assert_eq!(client.token(), Some("token-1"));
}

#[test]
fn a_failed_renewal_after_a_token_error_drops_the_attempt() {
    let mut client = connected_client();

    client.connection_because(ConnectionState::Disconnected, token_error());
    let callback = client.expect_callback();
    client.callback_returns(&callback, plain_error("no"));

    assert_eq!(codes(&client.expect_drop()), (80019, 401));
    assert_eq!(client.token_details(), None);
}

#[test]
fn the_server_may_ask_for_new_authentication() {
    let mut client = connected_client();

    client.event(Event::ReauthRequested {});
    assert_eq!(client.token(), Some("token-1"));
    let callback = client.expect_callback();
    client.callback_returns(&callback, token("token-2"));

    assert_eq!(client.expect_upgrade(), "token-2");
    assert_eq!(client.token(), Some("token-2"));
    client.connection(ConnectionState::Connected);
    client.expect_silence();
    assert_eq!(client.deadline(), None);
    assert_eq!(client.callbacks.len(), 2);
}

#[test]
fn the_server_may_ask_for_new_authentication_whatever_the_source_of_tokens() {
    let mut client = Client::new(json!({"key": KEY, "useTokenAuth": true}));
    client.on_http(|http| ok(json!({"token": format!("token-{}", http.id.as_u64())})));
    client.connection(ConnectionState::Connecting);
    client.expect_open();
    client.connection(ConnectionState::Connected);

    client.event(Event::ReauthRequested {});

    assert_eq!(client.expect_upgrade(), "token-2");
    assert_eq!(client.requests.len(), 2);
    client.connection(ConnectionState::Connected);
}

#[test]
fn new_authentication_that_is_asked_for_during_a_renewal_joins_it() {
    let mut client = connected_client();

    for _ in 0..3 {
        client.event(Event::ReauthRequested {});
    }
    let callback = client.expect_callback();
    client.callback_returns(&callback, token("token-2"));

    assert_eq!(client.expect_upgrade(), "token-2");
    assert_eq!(client.callbacks.len(), 2);
    client.connection(ConnectionState::Connected);
    client.expect_silence();
}

#[test]
fn new_authentication_that_cannot_be_given_is_a_notice() {
    let mut basic = Client::new(json!({"key": KEY}));
    let mut token_only = Client::new(json!({"token": "static"}));
    token_only.expect_notice(NoticeKind::TokenNotRenewable);
    for client in [&mut basic, &mut token_only] {
        client.connection(ConnectionState::Connecting);
        client.expect_open();
        client.connection(ConnectionState::Connected);

        client.event(Event::ReauthRequested {});

        client.expect_notice(NoticeKind::ReauthNotPossible);
        client.expect_silence();
    }
    assert_eq!(token_only.token(), Some("static"));
}

#[test]
fn a_failed_renewal_leaves_the_connection_up() {
    let mut client = connected_client();

    client.event(Event::ReauthRequested {});
    let callback = client.expect_callback();
    client.callback_returns(&callback, plain_error("no"));

    let notice = client.expect_notice(NoticeKind::RenewalFailed);
    assert_eq!(notice.error.as_ref().map(codes), Some((80019, 401)));
    client.expect_silence();
    assert_eq!(client.token(), Some("token-1"));
}

#[test]
fn a_forbidden_renewal_fails_the_connection() {
    let mut client = connected_client();

    client.event(Event::ReauthRequested {});
    let callback = client.expect_callback();
    client.callback_returns(&callback, error(json!({"message": "no", "statusCode": 403})));

    assert_eq!(codes(&client.expect_fail()), (80019, 403));
}

#[test]
fn a_token_that_a_request_finds_rejected_is_renewed_and_sent_over_the_connection() {
    let mut client = connected_client();
    client.on_http(|http| match http.authorization() {
        Some("Bearer token-1") => token_expired(),
        _ => ok(json!({})),
    });

    let request = client.request("GET", "/channels/test");
    let callback = client.expect_callback();
    client.callback_returns(&callback, token("token-2"));

    client.expect_response(request);
    assert_eq!(client.expect_upgrade(), "token-2");
    client.connection(ConnectionState::Connected);
}

#[test]
fn a_token_known_to_be_invalid_is_renewed_at_once_where_a_connection_is_attached() {
    for event in [Event::TokenExpired {}, Event::TokenRejected { token: "token-1".into(), error: token_error() }] {
        let mut client = connected_client();

        client.event(event);
        assert_eq!(client.token_details(), None);
        let callback = client.expect_callback();
        client.callback_returns(&callback, token("token-2"));

        assert_eq!(client.expect_upgrade(), "token-2");
        client.connection(ConnectionState::Connected);
    }
}

#[test]
fn a_token_that_is_sent_and_not_answered_loses_the_connection() {
    let mut client = connected_client();
    client.event(Event::ReauthRequested {});
    let callback = client.expect_callback();
    client.callback_returns(&callback, token("token-2"));
    client.expect_upgrade();
    assert_eq!(client.deadline(), Some((10_000, TimerKind::ConnectionUpgrade)));

    client.advance(10_000);

    assert_eq!(codes(&client.expect_drop()), (80003, 400));
    client.connection(ConnectionState::Disconnected);
    client.connection(ConnectionState::Connecting);
    client.expect_open();
    assert_eq!(access_token(&mut client), "token-2");
}

#[test]
fn an_update_that_the_server_sends_by_itself_asks_for_nothing() {
    let mut client = connected_client();
    let mut update = ConnectionEvent::new(ConnectionState::Connected);
    update.update = true;

    client.event(Event::Connection(update));

    client.expect_silence();
    assert_eq!(client.token(), Some("token-1"));
}

#[test]
fn states_that_ask_for_nothing_get_nothing() {
    for state in [
        ConnectionState::Initialized,
        ConnectionState::Disconnected,
        ConnectionState::Suspended,
        ConnectionState::Closing,
        ConnectionState::Closed,
        ConnectionState::Failed,
    ] {
        let mut client = Client::new(json!({"authCallback": true}));
        client.connection(state);
        client.expect_silence();

        let mut client = connected_client();
        client.connection(state);
        client.expect_silence();
        assert_eq!(client.token(), Some("token-1"));
    }
}

#[test]
fn a_connection_that_no_longer_connects_is_not_opened_with_the_token_it_waited_for() {
    for state in [
        ConnectionState::Disconnected,
        ConnectionState::Suspended,
        ConnectionState::Closing,
        ConnectionState::Closed,
        ConnectionState::Failed,
    ] {
        let mut client = Client::new(json!({"authCallback": true}));
        client.connection(ConnectionState::Connecting);
        let callback = client.expect_callback();

        client.connection(state);
        client.callback_returns(&callback, token("token-1"));

        client.expect_silence();
        assert_eq!(client.token(), Some("token-1"), "{state:?}");
    }
}

#[test]
fn a_connection_that_no_longer_connects_is_not_dropped_where_the_token_it_waited_for_fails() {
    for state in [
        ConnectionState::Disconnected,
        ConnectionState::Suspended,
        ConnectionState::Closing,
        ConnectionState::Closed,
        ConnectionState::Failed,
    ] {
        let mut client = Client::new(json!({"authCallback": true}));
        client.connection(ConnectionState::Connecting);
        let callback = client.expect_callback();

        client.connection(state);
        client.callback_returns(&callback, plain_error("no"));

        assert_eq!(client.token(), None, "{state:?}");
        client.expect_silence();
    }
}

#[test]
fn requests_share_the_token_that_a_connection_waits_for() {
    let mut client = Client::new(json!({"authCallback": true}));
    client.connection(ConnectionState::Connecting);
    let callback = client.expect_callback();
    let request = client.request("GET", "/channels/test");
    client.on_http(|_| ok(json!({})));

    client.callback_returns(&callback, token("token-1"));

    client.expect_open();
    client.expect_response(request);
    assert_eq!(client.authorizations(), ["Bearer token-1"]);
    assert_eq!(client.callbacks.len(), 1);
}

#[test]
fn a_renewed_token_of_another_client_fails_the_connection() {
    let mut client = Client::new(json!({"authCallback": true, "clientId": "me"}));
    client.on_callback(|callback| match callback.number() {
        1 => token_details(json!({"token": "mine", "clientId": "me"})),
        _ => token_details(json!({"token": "yours", "clientId": "you"})),
    });
    client.connection(ConnectionState::Connecting);
    client.expect_open();
    client.connection(ConnectionState::Connected);

    client.event(Event::ReauthRequested {});

    assert_eq!(codes(&client.expect_fail()), (40102, 401));
    assert_eq!(client.token(), Some("mine"));
}
