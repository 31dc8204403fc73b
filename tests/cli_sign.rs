//! `ably-auth sign` as a shell sees it.
#![cfg(feature = "cli")]

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use ably_auth::sign;
use ably_auth::wire::TokenRequest;
use serde_json::{Value, json};

const KEY: &str = "appId.keyId:keySecret";

/// Runs `ably-auth sign` with these arguments, this key in the environment and this on standard input.
fn sign_with(arguments: &[&str], environment: Option<&str>, input: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ably-auth"));
    command.arg("sign").args(arguments).env_remove("ABLY_API_KEY");
    if let Some(key) = environment {
        command.env("ABLY_API_KEY", key);
    }
    let mut process =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the tool starts");
    // It may have ended already, without reading.
    let _ = process.stdin.take().expect("a pipe").write_all(input.as_bytes());
    process.wait_with_output().expect("the tool ends")
}

/// The request it printed, checked against the key.
fn signed(output: Output) -> Value {
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{text}");
    assert_eq!(text.lines().count(), 1);
    let json: Value = serde_json::from_str(&text).unwrap();
    sign::verify(&KEY.parse().unwrap(), &TokenRequest::from_json(&json).unwrap()).unwrap();
    json
}

fn failed(output: Output, status: i32) -> String {
    assert_eq!(output.status.code(), Some(status));
    assert!(output.stdout.is_empty());
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn the_key_comes_from_the_option_or_the_environment_or_standard_input() {
    signed(sign_with(&["--key", KEY], Some("other.key:secret"), "other.key:secret"));
    signed(sign_with(&[], Some(KEY), "other.key:secret"));
    signed(sign_with(&[], None, &format!("{KEY}\n")));
}

#[test]
fn every_param_is_signed() {
    let request = signed(sign_with(
        &[
            "--ttl",
            "60000",
            "--capability",
            r#"{ "b": ["x"], "a": ["y", "x"] }"#,
            "--client-id",
            "me",
            "--timestamp",
            "1700000000000",
            "--nonce",
            "0123456789abcdef",
        ],
        Some(KEY),
        "",
    ));
    let mut expected = json!({
        "keyName": "appId.keyId", "ttl": 60_000, "capability": r#"{"a":["x","y"],"b":["x"]}"#, "clientId": "me",
        "timestamp": 1_700_000_000_000_i64, "nonce": "0123456789abcdef",
    });
    expected["mac"] = request["mac"].clone();
    assert_eq!(request, expected);
}

#[test]
fn time_and_nonce_are_made_up_where_they_are_not_given() {
    let [first, second] = [(), ()].map(|()| signed(sign_with(&[], Some(KEY), "")));
    assert_ne!(first["nonce"], second["nonce"]);
    assert!(first["nonce"].as_str().unwrap().len() >= 16);
    assert!(first["timestamp"].as_i64().unwrap() > 1_700_000_000_000);
    assert!(first.get("ttl").is_none() && first.get("capability").is_none() && first.get("clientId").is_none());
}

#[test]
fn what_is_wrong_is_said_without_the_secret() {
    for (output, code) in [
        (sign_with(&[], None, ""), "40101/403"),
        (sign_with(&[], Some("keySecret"), ""), "40101/403"),
        (sign_with(&["--ttl", "0"], Some(KEY), ""), "40003/400"),
        (sign_with(&["--client-id", ""], Some(KEY), ""), "40012/400"),
    ] {
        let message = failed(output, 1);
        assert!(message.starts_with("ably-auth: ") && message.contains(code), "{message}");
        assert!(!message.contains("keySecret"), "{message}");
    }
    let message = failed(sign_with(&["--key", KEY, "--capability", "nope"], None, ""), 2);
    assert!(message.contains("capability") && !message.contains("keySecret"), "{message}");
}
