//! `ably-auth sandbox` as a shell sees it.
#![cfg(all(feature = "cli", unix))]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Command, Stdio};

use ably_auth::sign;
use ably_auth::wire::TokenParams;
use serde_json::Value;

#[test]
fn a_sandbox_tells_its_address_and_keys_and_runs_until_it_is_interrupted() {
    let mut process = Command::new(env!("CARGO_BIN_EXE_ably-auth"))
        .arg("sandbox")
        .stdout(Stdio::piped())
        .spawn()
        .expect("the tool starts");
    let mut output = BufReader::new(process.stdout.take().expect("a pipe"));
    let mut line = String::new();
    output.read_line(&mut line).expect("the tool writes");
    let sandbox: Value = serde_json::from_str(&line).expect("a line of JSON");
    let key = sandbox["keys"][0].as_str().expect("a key").parse().expect("a key");
    assert!(sandbox["secureUrl"].as_str().expect("a URL").starts_with("https://127.0.0.1:"));
    assert!(sandbox["rootCertificate"].as_str().expect("a certificate").starts_with("-----BEGIN CERTIFICATE-----"));

    let url = sandbox["url"].as_str().expect("a URL");
    let time: Value = serde_json::from_str(&http(url, "GET", "/time", "")).expect("JSON");
    let now = time[0].as_i64().expect("a time");
    let request = sign::sign(&key, &TokenParams::default(), now, "0123456789abcdef").expect("signed");
    let request = serde_json::to_string(&request).expect("JSON");
    let token: Value =
        serde_json::from_str(&http(url, "POST", &format!("/keys/{}/requestToken", key.name()), &request))
            .expect("JSON");
    assert_eq!(token["keyName"], key.name());

    let interrupt = Command::new("kill").args(["-INT", &process.id().to_string()]).status().expect("kill runs");
    assert!(interrupt.success());
    assert!(process.wait().expect("the tool ends").success());
    let mut rest = String::new();
    output.read_to_string(&mut rest).expect("the tool writes");
    assert_eq!(rest, "");
}

/// The body of the answer to a request.
fn http(url: &str, method: &str, path: &str, body: &str) -> String {
    let host = url.strip_prefix("http://").expect("plain http");
    let mut stream = TcpStream::connect(host).expect("the sandbox listens");
    let length = body.len();
    let head =
        format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Type: application/json\r\n");
    write!(stream, "{head}Content-Length: {length}\r\n\r\n{body}").expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("answered");
    let (_, body) = answer.split_once("\r\n\r\n").expect("a head");
    body.to_owned()
}
