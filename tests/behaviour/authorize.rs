//! `authorize` without a connection: what it stores, what it refuses, and several at once.

use ably_auth::options::AuthScheme;
use ably_auth::wire::TokenParams;
use ably_auth::{Error, ErrorKind, NoticeKind};
use serde_json::{Value, json};

use crate::common::*;

/// The error that an `authorize` with these options fails with.
#[track_caller]
fn refused(client: &mut Client, options: Value) -> Error {
    let authorize = client.authorize(None, auth_options(options));
    client.expect_error(authorize)
}

#[test]
fn arguments_are_stored_even_if_getting_the_token_fails() {
    let mut client = Client::new(json!({"authCallback": "first"}));
    client.on_callback(|callback| match callback.number() {
        1 => Reply::from(plain_error("no")),
        _ => Reply::from(token("t")),
    });

    let failing =
        client.authorize(token_params(json!({"ttl": 60_000})), auth_options(json!({"authCallback": "second"})));
    assert_eq!(codes(&client.expect_error(failing)), (40170, 401));
    let authorize = client.authorize(None, None);

    client.expect_token(authorize);
    assert_eq!(client.callbacks[1].name, "second");
    assert_eq!(client.callbacks[1].params, token_params(json!({"ttl": 60_000})));
}

#[test]
fn params_replace_the_stored_ones_wholly() {
    let mut client = Client::with_numbered_tokens(json!({"defaultTokenParams": {"ttl": 60_000, "clientId": "c"}}));

    let with_capability = client.authorize(token_params(json!({"capability": {"a": ["*"]}})), None);
    let with_nothing = client.authorize(TokenParams::default(), None);
    let with_none = client.authorize(None, None);

    for operation in [with_capability, with_nothing, with_none] {
        client.expect_token(operation);
    }
    let params: Vec<_> = client.callbacks.iter().map(|callback| callback.params.clone()).collect();
    assert_eq!(params[0], token_params(json!({"capability": {"a": ["*"]}})));
    assert_eq!(params[1..], [TokenParams::default(), TokenParams::default()]);
}

#[test]
fn options_replace_the_stored_ones_wholly() {
    let url = "https://auth.example.com/";
    let mut client = Client::new(json!({
        "authUrl": url, "authMethod": "POST", "authHeaders": {"X-Stored": "1"}, "authParams": {"stored": "1"},
    }));
    client.on_http(|_| ok(json!({"token": "t"})));

    let given = client.authorize(None, auth_options(json!({"authUrl": url, "authParams": {"given": "2"}})));
    let stored = client.authorize(None, None);

    client.expect_token(given);
    client.expect_token(stored);
    for http in &client.requests {
        assert_eq!((http.method(), http.url()), ("GET", "https://auth.example.com/?given=2"));
        assert_eq!(http.header("X-Stored"), None);
    }
}

#[test]
fn stored_arguments_serve_later_renewals() {
    let mut client = Client::with_numbered_tokens(json!({}));
    client.on_http(|http| match http.id.as_u64() {
        1 => token_expired(),
        _ => ok(json!({})),
    });

    let authorize =
        client.authorize(token_params(json!({"ttl": 60_000})), auth_options(json!({"authCallback": "other"})));
    client.expect_token(authorize);
    let request = client.request("GET", "/channels/test");

    client.expect_response(request);
    assert_eq!(client.callbacks.len(), 2);
    assert_eq!(client.callbacks[1].name, "other");
    assert_eq!(client.callbacks[1].params, token_params(json!({"ttl": 60_000})));
}

#[test]
fn timestamp_and_nonce_are_used_and_not_stored() {
    let mut client = Client::with_numbered_tokens(json!({}));
    let params = json!({"ttl": 60_000, "timestamp": 5, "nonce": "0123456789abcdef"});

    let with = client.authorize(token_params(params.clone()), None);
    let without = client.authorize(None, None);

    client.expect_token(with);
    client.expect_token(without);
    assert_eq!(client.callbacks[0].params, token_params(params));
    assert_eq!(client.callbacks[1].params, token_params(json!({"ttl": 60_000})));
}

#[test]
fn query_time_is_used_and_not_stored() {
    let mut client = Client::new(json!({"key": KEY}));
    client.on_http(|http| match http.path() {
        "/time" => ok(json!([UNIX_START])),
        _ => ok(json!({"token": "t"})),
    });

    let with = client.authorize(None, auth_options(json!({"queryTime": true})));
    client.expect_token(with);
    // The time of the service is unknown again, so that it would be asked for.
    client.shift_wall_clock(5_000);
    let without = client.authorize(None, None);

    client.expect_token(without);
    let times = client.requests.iter().filter(|http| http.path() == "/time").count();
    assert_eq!((times, client.requests.len()), (1, 3));
}

#[test]
fn options_without_any_means_are_refused_and_nothing_is_stored() {
    let mut client = Client::with_numbered_tokens(json!({}));
    let params = token_params(json!({"ttl": 60_000}));

    let empty = client.authorize(params.clone(), auth_options(json!({})));
    let headers = client.authorize(params, auth_options(json!({"authHeaders": {"X-A": "1"}, "queryTime": true})));

    for operation in [empty, headers] {
        assert_eq!(codes(&client.expect_error(operation)), (40106, 401));
    }
    let authorize = client.authorize(None, None);
    client.expect_token(authorize);
    assert_eq!(client.callbacks.len(), 1);
    assert_eq!(client.callbacks[0].params, TokenParams::default());
    assert_eq!(client.requests.len(), 0);
}

#[test]
fn options_without_means_of_a_client_with_a_key_use_the_key() {
    let mut client = Client::with_numbered_tokens(json!({"key": KEY}));
    client.on_http(|_| ok(json!({"token": "by-key"})));

    let authorize = client.authorize(None, auth_options(json!({})));

    assert_eq!(client.expect_token(authorize).token.expose(), "by-key");
    assert_eq!((client.callbacks.len(), client.requests.len()), (0, 1));
}

#[test]
fn another_key_than_the_constructors_is_refused_and_nothing_is_stored() {
    for key in ["appId.keyId:other", "appId.other:keySecret"] {
        let mut client = Client::with_numbered_tokens(json!({"key": KEY}));

        assert_eq!(codes(&refused(&mut client, json!({ "key": key }))), (40102, 401));
        assert_eq!(codes(&refused(&mut client, json!({"key": key, "useTokenAuth": false}))), (40102, 401));
        assert_eq!(codes(&refused(&mut client, json!({"key": key, "authCallback": "other"}))), (40102, 401));

        let authorize = client.authorize(None, None);
        client.expect_token(authorize);
        assert_eq!(client.callbacks[0].name, "default");
    }
}

#[test]
fn the_constructors_key_may_be_given_again() {
    let mut client = Client::new(json!({"key": KEY}));
    client.on_http(|_| ok(json!({"token": "t"})));

    let authorize = client.authorize(None, auth_options(json!({"key": KEY})));

    client.expect_token(authorize);
    assert_eq!(client.auth_method(), AuthScheme::Token);
}

#[test]
fn a_key_may_be_given_where_the_constructor_had_none() {
    let mut client = Client::with_numbered_tokens(json!({}));
    client.on_http(|_| ok(json!({"token": "by-key"})));

    let authorize = client.authorize(None, auth_options(json!({"key": KEY})));

    assert_eq!(client.expect_token(authorize).token.expose(), "by-key");
    assert_eq!(client.requests[0].path(), "/keys/appId.keyId/requestToken");
    let signing = client.create_token_request(None, None);
    assert_eq!(client.expect_token_request(signing).key_name, "appId.keyId");
}

#[test]
fn a_switch_to_basic_auth_without_tls_is_refused() {
    let mut client = Client::with_numbered_tokens(json!({"tls": false}));
    let authorize = client.authorize(None, None);
    client.expect_token(authorize);

    let error = refused(&mut client, json!({"key": KEY, "useTokenAuth": false}));

    assert_eq!(codes(&error), (40103, 401));
    assert_eq!(client.auth_method(), AuthScheme::Token);
    assert_eq!(client.token(), Some("token-1"));
}

#[test]
fn a_switch_to_basic_auth_lets_those_who_wait_for_a_token_go_on_with_the_key() {
    let mut client = Client::new(json!({"authCallback": true}));
    let request = client.request("GET", "/channels/test");
    let callback = client.expect_callback();
    client.on_http(|_| ok(json!({})));

    let switch = client.authorize(None, auth_options(json!({"key": KEY, "useTokenAuth": false})));

    client.expect_no_token(switch);
    client.expect_response(request);
    assert_eq!(client.authorizations(), [KEY_AS_BASIC]);
    client.callback_returns(&callback, token("late"));
    assert_eq!((client.ignored(), client.token_details()), (1, None));
}

#[test]
fn a_given_token_is_used_as_it_is() {
    let details = json!({"token": "given", "expires": UNIX_START + HOUR, "clientId": "me"});
    for (options, expected) in [
        (json!({"token": "given"}), json!({"token": "given"})),
        (json!({"token": details}), details.clone()),
        (json!({"tokenDetails": details}), details.clone()),
        (json!({"tokenDetails": details, "authCallback": "other"}), details.clone()),
    ] {
        let mut client = Client::new(json!({"authCallback": true}));

        let authorize = client.authorize(None, auth_options(options));

        let expected = token_details(expected);
        assert_eq!(client.expect_token(authorize), expected);
        assert_eq!(client.token_details(), Some(&expected));
        assert_eq!((client.callbacks.len(), client.requests.len()), (0, 0));
    }
}

#[test]
fn a_given_token_request_is_exchanged() {
    let signed = json!({"keyName": "app.key", "timestamp": UNIX_START, "nonce": "0123456789abcdef", "mac": "m"});
    let mut client = Client::with_numbered_tokens(json!({}));
    client.on_http(|_| ok(json!({"token": "exchanged"})));

    let authorize = client.authorize(None, auth_options(json!({"token": signed})));

    assert_eq!(client.expect_token(authorize).token.expose(), "exchanged");
    assert_eq!(client.requests[0].json(), signed);
    assert_eq!(client.callbacks.len(), 0);
}

#[test]
fn authorize_without_arguments_and_without_a_way_to_get_a_token_fails() {
    let mut client = Client::new(json!({"token": "static"}));
    client.expect_notice(NoticeKind::TokenNotRenewable);

    let authorize = client.authorize(None, None);

    assert_eq!(codes(&client.expect_error(authorize)), (40171, 403));
    assert_eq!(client.token(), Some("static"));
}

#[test]
fn the_newest_of_several_wins_and_answers_all() {
    let mut client = Client::new(json!({"authCallback": true}));
    let waiting = client.request("GET", "/channels/test");
    let callback = client.expect_callback();
    let first = client.authorize(None, None);
    let first_callback = client.expect_callback();
    let second = client.authorize(token_params(json!({"ttl": 60_000})), None);
    let second_callback = client.expect_callback();
    assert_eq!(second_callback.params, token_params(json!({"ttl": 60_000})));

    for superseded in [&callback, &first_callback] {
        client.callback_returns(superseded, token("superseded"));
    }
    assert_eq!(client.ignored(), 2);
    assert_eq!(client.token_details(), None);
    client.on_http(|_| ok(json!({})));
    client.callback_returns(&second_callback, token("newest"));

    assert_eq!(client.expect_token(first).token.expose(), "newest");
    assert_eq!(client.expect_token(second).token.expose(), "newest");
    client.expect_response(waiting);
    assert_eq!(client.authorizations(), ["Bearer newest"]);
    assert_eq!(client.callbacks.len(), 3);
    assert_eq!(client.token_changes.len(), 1);
}

#[test]
fn a_superseded_exchange_is_aborted() {
    let mut client = Client::new(json!({"key": KEY}));
    let first = client.authorize(None, None);
    let first_exchange = client.expect_http();

    let second = client.authorize(None, None);

    client.expect_abort(&first_exchange);
    let second_exchange = client.expect_http();
    assert_ne!(first_exchange.json()["nonce"], second_exchange.json()["nonce"]);
    client.respond(&second_exchange, 200, json!({"token": "newest"}));
    for operation in [first, second] {
        assert_eq!(client.expect_token(operation).token.expose(), "newest");
    }
}

#[test]
fn a_given_token_answers_those_who_waited() {
    let mut client = Client::new(json!({"authCallback": true}));
    let credentials = client.credentials();
    client.expect_callback();

    let authorize = client.authorize(None, auth_options(json!({"token": "given"})));

    assert_eq!(client.expect_token(authorize).token.expose(), "given");
    assert_eq!(client.expect_credentials(credentials).access_token(), Some("given"));
}

#[test]
fn the_failure_of_the_newest_fails_all() {
    let mut client = Client::new(json!({"authCallback": true}));
    let first = client.authorize(None, None);
    client.expect_callback();
    let second = client.authorize(None, None);
    let callback = client.expect_callback();

    client.callback_returns(&callback, plain_error("no"));

    for operation in [first, second] {
        assert_eq!(codes(&client.expect_error(operation)), (40170, 401));
    }
}

#[test]
fn a_refused_authorize_leaves_another_that_is_under_way_alone() {
    let mut client = Client::new(json!({"authCallback": true}));
    let first = client.authorize(None, None);
    let callback = client.expect_callback();

    assert_eq!(codes(&refused(&mut client, json!({}))), (40106, 401));
    client.callback_returns(&callback, token("t"));

    assert_eq!(client.expect_token(first).token.expose(), "t");
}

#[test]
fn a_given_token_of_another_client_leaves_those_who_wait_alone() {
    let mut client = Client::new(json!({"authCallback": true, "clientId": "me"}));
    let first = client.authorize(None, None);
    let callback = client.expect_callback();

    let error = refused(&mut client, json!({"tokenDetails": {"token": "yours", "clientId": "you"}}));
    assert_eq!(codes(&error), (40102, 401));
    client.callback_returns(&callback, "mine");

    assert_eq!(client.expect_token(first).token.expose(), "mine");
}

#[test]
fn authorize_fails_with_the_sources_own_error() {
    for (thrown, expected) in [
        (json!({"message": "m", "code": 40160, "statusCode": 401}), (40160, 401)),
        (json!({"message": "m", "statusCode": 403}), (40300, 403)),
        (json!({"message": "m"}), (40170, 401)),
    ] {
        let mut client = Client::new(json!({"authCallback": true}));
        client.on_callback(move |_| error(thrown.clone()));

        let authorize = client.authorize(None, None);

        let error = client.expect_error(authorize);
        assert_eq!(codes(&error), expected);
        assert_eq!(error.kind(), ErrorKind::Rejected);
    }
}
