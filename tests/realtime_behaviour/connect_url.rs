//! The URL that it connects to (RTN2).

use std::collections::BTreeMap;

use ably_auth::options::ClientOptions;
use serde_json::{Value, json};

use crate::common::*;

/// The socket of a client's first attempt.
fn first_socket(options: Value) -> Socket {
    let mut client = Client::with_key(options);
    client.connect();
    client.expect_attempt()
}

fn params(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect()
}

fn agent() -> String {
    format!("ably-auth/{} rust", env!("CARGO_PKG_VERSION"))
}

#[test]
fn it_says_who_connects_and_how() {
    let socket = first_socket(json!({}));

    assert!(socket.url.starts_with("wss://main.realtime.ably.net/?"), "{}", socket.url);
    let agent = agent();
    let expected = [
        ("v", "6"),
        ("format", "json"),
        ("key", KEY),
        ("echo", "true"),
        ("heartbeats", "false"),
        ("agent", agent.as_str()),
    ];
    assert_eq!(socket.params(), params(&expected));
}

#[test]
fn it_has_a_token_in_place_of_the_key_where_there_is_one() {
    let mut client = Client::with_key_and_tokens(json!({"clientId": "me"}));
    let socket = client.connect_up();

    assert_eq!(socket.access_token().as_deref(), Some("token-1"));
    assert_eq!((socket.param("key"), socket.param("clientId").as_deref()), (None, Some("me")));
}

#[test]
fn every_character_gets_through() {
    let client_id = "ünï 😀&=+%/?#";
    let socket = first_socket(json!({"clientId": client_id, "transportParams": {"a b&c": "d=e+f"}}));

    assert_eq!(socket.param("clientId").as_deref(), Some(client_id));
    assert_eq!(socket.param("a b&c").as_deref(), Some("d=e+f"));
    assert!(!socket.url.contains(['+', ' ', '#']), "{}", socket.url);
}

#[test]
fn options_change_what_it_says() {
    let options = json!({
        "echoMessages": false, "pingsVisible": false, "agents": {"my-app": "1.0", "flag": null}, "clientId": "me",
    });
    let socket = first_socket(options);

    assert_eq!(socket.param("echo").as_deref(), Some("false"));
    assert_eq!(socket.param("heartbeats").as_deref(), Some("true"));
    assert_eq!(socket.param("clientId").as_deref(), Some("me"));
    let told = socket.param("agent").expect("an agent");
    assert!(told.starts_with(&agent()) && told.contains("my-app/1.0") && told.contains("flag"), "{told}");
}

#[test]
fn transport_params_override_its_own() {
    let transport_params = json!({"v": "7", "heartbeats": "true", "remainPresentFor": "1000"});
    let socket = first_socket(json!({"transportParams": transport_params}));

    assert_eq!(socket.param("v").as_deref(), Some("7"));
    assert_eq!(socket.param("heartbeats").as_deref(), Some("true"));
    assert_eq!(socket.param("remainPresentFor").as_deref(), Some("1000"));
    assert_eq!(socket.param("format").as_deref(), Some("json"));
}

#[test]
fn transport_params_take_numbers_and_booleans_as_text() {
    let socket = first_socket(json!({"transportParams": {"a": "text", "b": 1, "c": true, "d": null}}));

    assert_eq!(["a", "b", "c"].map(|name| socket.param(name).unwrap()), ["text", "1", "true"]);
    assert_eq!(socket.param("d"), None);
    for wrong in [json!({"a": ["text"]}), json!({"a": {}}), json!(["a"])] {
        let error = ClientOptions::from_json(&json!({"key": KEY, "transportParams": wrong})).unwrap_err();
        assert_eq!(codes(&error), (40000, 400));
        assert_says(&error, &["transportParams"]);
    }
}

#[test]
fn it_goes_to_the_endpoint_and_the_port() {
    for (options, origin) in [
        (json!({"endpoint": "localhost"}), "wss://localhost"),
        (json!({"endpoint": "127.0.0.1", "tlsPort": 8443}), "wss://127.0.0.1:8443"),
        (json!({"endpoint": "::1", "tlsPort": 8443}), "wss://[::1]:8443"),
        (json!({"endpoint": "acme"}), "wss://acme.realtime.ably.net"),
        (json!({"endpoint": "nonprod:sandbox"}), "wss://sandbox.realtime.ably-nonprod.net"),
        (json!({"endpoint": "example.com", "port": 81}), "wss://example.com"),
    ] {
        let socket = first_socket(options.clone());
        assert!(socket.url.starts_with(&format!("{origin}/?")), "{options}: {}", socket.url);
    }

    let mut client = Client::with_key_and_tokens(json!({"tls": false, "endpoint": "localhost", "port": 8080}));
    let socket = client.connect_up();
    assert!(socket.url.starts_with("ws://localhost:8080/?"), "{}", socket.url);
}

#[test]
fn it_resumes_with_the_key_that_the_last_connected_told() {
    let mut client = Client::with_key(json!({}));
    let first = client.connect_up();
    client.receive(&first, connected("connection-1", "key+/=&1"));
    client.expect_update();

    client.socket_closed(&first);

    let second = client.expect_reconnect(80003, 400);
    assert_eq!(second.param("resume").as_deref(), Some("key+/=&1"));
    assert_eq!((second.param("key").as_deref(), second.param("recover")), (Some(KEY), None));
}
