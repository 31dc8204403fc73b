//! Who the client is, and what it tells others about that.

use ably_auth::{ConnectionDetails, ConnectionEvent, ConnectionState, Event, NoticeKind};
use serde_json::{Value, json};

use crate::common::*;

/// A CONNECTED that assigns this client id.
fn connected_as(client: &mut Client, client_id: Value) {
    let mut details = ConnectionDetails::default();
    details.client_id = client_id.as_str().map(String::from);
    let mut event = ConnectionEvent::new(ConnectionState::Connected);
    event.connection_details = Some(details);
    client.event(Event::Connection(event));
}

/// A connected client with a token that names nobody, and cannot be renewed.
fn connected_client_with_token(client_id: Value) -> Client {
    let mut client = Client::new(json!({"token": "anonymous"}));
    client.expect_notice(NoticeKind::TokenNotRenewable);
    client.connection(ConnectionState::Connecting);
    client.expect_open();
    connected_as(&mut client, client_id);
    client
}

#[test]
fn the_client_id_that_connected_assigned_is_shown_where_nothing_else_says_one() {
    let client = connected_client_with_token(json!("assigned"));

    assert_eq!(client.client_id(), Some("assigned"));
}

#[test]
fn leaving_connected_drops_the_client_id_it_assigned() {
    for state in [
        ConnectionState::Disconnected,
        ConnectionState::Suspended,
        ConnectionState::Closing,
        ConnectionState::Closed,
        ConnectionState::Failed,
    ] {
        let mut client = connected_client_with_token(json!("assigned"));

        client.connection(state);

        assert_eq!(client.client_id(), None, "{state:?}");
    }
}

#[test]
fn adopting_a_token_drops_the_client_id_that_connected_assigned() {
    let mut client = connected_client_with_token(json!("assigned"));

    let authorize = client.authorize(None, auth_options(json!({"token": "another"})));

    assert_eq!(client.expect_upgrade(), "another");
    assert_eq!(client.client_id(), None);
    connected_as(&mut client, json!("assigned-anew"));
    client.expect_token(authorize);
    assert_eq!(client.client_id(), Some("assigned-anew"));
}

#[test]
fn an_update_replaces_the_client_id_that_connected_assigned() {
    let mut client = connected_client_with_token(json!("assigned"));

    connected_as(&mut client, Value::Null);

    assert_eq!(client.client_id(), None);
}

#[test]
fn the_client_id_of_the_token_goes_before_that_of_connected() {
    let mut client = Client::new(json!({"tokenDetails": {"token": "t", "clientId": "of-token"}, "key": KEY}));
    client.connection(ConnectionState::Connecting);
    client.expect_open();

    connected_as(&mut client, json!("of-connected"));

    assert_eq!(client.client_id(), Some("of-token"));
}

#[test]
fn a_connection_of_another_client_fails() {
    for (client_id, fails) in [(json!("me"), false), (json!("*"), false), (Value::Null, false), (json!("you"), true)] {
        let mut client = Client::new(json!({"key": KEY, "clientId": "me"}));
        client.connection(ConnectionState::Connecting);
        client.expect_open();

        connected_as(&mut client, client_id);

        if fails {
            assert_eq!(codes(&client.expect_fail()), (40102, 401));
        }
        client.expect_silence();
        assert_eq!(client.client_id(), Some("me"));
    }
}

#[test]
fn a_token_of_another_client_fails_the_connection_that_waits_for_it() {
    let mut client = Client::new(json!({"authCallback": true, "clientId": "me"}));
    client.on_callback(|_| token_details(json!({"token": "t", "clientId": "you"})));

    client.connection(ConnectionState::Connecting);

    assert_eq!(codes(&client.expect_fail()), (40102, 401));
    assert_eq!(client.token_details(), None);
}

#[test]
fn a_token_of_another_client_fails_authorize_and_the_connection_that_is_up() {
    let mut client = Client::new(json!({"authCallback": true, "clientId": "me"}));
    client.on_callback(|callback| match callback.number() {
        1 => token_details(json!({"token": "mine", "clientId": "me"})),
        _ => token_details(json!({"token": "yours", "clientId": "you"})),
    });
    client.connection(ConnectionState::Connecting);
    client.expect_open();
    client.connection(ConnectionState::Connected);

    let authorize = client.authorize(None, None);

    assert_eq!(codes(&client.expect_error(authorize)), (40102, 401));
    assert_eq!(codes(&client.expect_fail()), (40102, 401));
    assert_eq!(client.token(), Some("mine"));
}

#[test]
fn a_token_given_to_authorize_must_be_the_clients() {
    let mut client = Client::new(json!({"authCallback": true, "clientId": "me"}));

    let authorize =
        client.authorize(None, auth_options(json!({"tokenDetails": {"token": "yours", "clientId": "you"}})));

    assert_eq!(codes(&client.expect_error(authorize)), (40102, 401));
    assert_eq!(client.token_details(), None);
}

#[test]
fn an_exchanged_token_of_another_client_is_not_adopted() {
    let mut client = Client::new(json!({"key": KEY, "clientId": "me"}));
    client.on_http(|_| ok(json!({"token": "yours", "clientId": "you"})));

    let authorize = client.authorize(None, None);

    assert_eq!(codes(&client.expect_error(authorize)), (40102, 401));
    assert_eq!(client.token_details(), None);
    assert_eq!(client.requests.len(), 1);
}

#[test]
fn every_request_to_the_service_names_the_client_id_of_the_options() {
    let mut client = Client::new(json!({"key": KEY, "clientId": "клиент"}));
    client.on_http(|http| match http.path() {
        "/time" => ok(json!([UNIX_START])),
        "/keys/appId.keyId/revokeTokens" => ok(json!([])),
        _ => ok(json!({"token": "t"})),
    });

    let time = client.time();
    let request = client.request("GET", "/channels/test");
    let revocation = client
        .revoke_tokens(ably_auth::Revocation::new([ably_auth::wire::TokenRevocationTargetSpecifier::client_id("a")]));
    let exchange = client.request_token(None, None);
    let credentials = client.credentials();

    client.expect_time(time);
    client.expect_response(request);
    client.expect_batch(revocation);
    client.expect_token(exchange);
    const HEADER: &str = "0LrQu9C40LXQvdGC";
    assert_eq!(client.expect_credentials(credentials).client_id_header(), Some(HEADER));
    assert_eq!(client.requests.len(), 4);
    for http in &client.requests {
        assert_eq!(http.header("X-Ably-ClientId"), Some(HEADER), "{}", http.path());
    }
}

#[test]
fn a_client_id_that_came_with_a_token_is_not_sent() {
    let mut client = Client::new(json!({"authCallback": true}));
    client.on_callback(|_| token_details(json!({"token": "t", "clientId": "of-token"})));
    client.on_http(|_| ok(json!({})));

    let request = client.request("GET", "/channels/test");
    client.expect_response(request);
    assert_eq!(client.client_id(), Some("of-token"));
    let request = client.request("GET", "/channels/test");
    client.expect_response(request);
    let authorize = client.authorize(None, None);
    client.expect_token(authorize);
    let credentials = client.credentials();

    assert_eq!(client.expect_credentials(credentials).client_id_header(), None);
    assert!(client.requests.iter().all(|http| http.header("X-Ably-ClientId").is_none()));
    assert!(client.callbacks.iter().all(|callback| callback.params.client_id.is_none()));
}

#[test]
fn token_params_without_a_client_id_get_that_of_the_options() {
    let mut client = Client::with_numbered_tokens(json!({"key": KEY, "clientId": "me"}));
    let params = || token_params(json!({"ttl": 60_000}));

    let authorize = client.authorize(params(), None);
    let request = client.request_token(params(), None);
    let signing = client.create_token_request(params(), None);

    client.expect_token(authorize);
    client.expect_token(request);
    let signed = client.expect_token_request(signing);
    assert_eq!((signed.ttl, signed.client_id.as_deref()), (Some(60_000), Some("me")));
    assert_eq!(client.callbacks.len(), 2);
    for callback in &client.callbacks {
        assert_eq!(callback.params, token_params(json!({"ttl": 60_000, "clientId": "me"})));
    }
}
