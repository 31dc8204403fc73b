//! `ably-auth sandbox` as a shell sees it.
#![cfg(all(feature = "cli", unix))]

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};

use ably_auth::options::ApiKey;
use ably_auth::sign;
use ably_auth::wire::TokenParams;
use serde_json::Value;

/// A sandbox that runs.
struct Running {
    process: Child,
    output: BufReader<ChildStdout>,
    errors: BufReader<ChildStderr>,
}

impl Running {
    fn start(arguments: &[&str]) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_ably-auth"))
            .arg("sandbox")
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the tool starts");
        let output = BufReader::new(process.stdout.take().expect("a pipe"));
        let errors = BufReader::new(process.stderr.take().expect("a pipe"));
        Running { process, output, errors }
    }

    /// What it says when it is ready, with `--json`.
    fn description(&mut self) -> Value {
        let mut line = String::new();
        self.output.read_line(&mut line).expect("the tool writes");
        serde_json::from_str(&line).expect("a line of JSON")
    }

    /// Interrupts it. Returns what else it said, on standard output and on standard error.
    fn end(mut self) -> (String, String) {
        let interrupt = Command::new("kill").args(["-INT", &self.process.id().to_string()]).status();
        assert!(interrupt.expect("kill runs").success());
        assert!(self.process.wait().expect("the tool ends").success());
        let (mut rest, mut errors) = (String::new(), String::new());
        self.output.read_to_string(&mut rest).expect("the tool writes");
        self.errors.read_to_string(&mut errors).expect("the tool writes");
        (rest, errors)
    }
}

#[test]
fn a_sandbox_tells_its_address_and_keys_and_runs_until_it_is_interrupted() {
    let mut running = Running::start(&["--json"]);
    let sandbox = running.description();
    let key = sandbox["keys"][0].as_str().expect("a key").parse().expect("a key");
    assert!(sandbox["secureUrl"].as_str().expect("a URL").starts_with("https://127.0.0.1:"));
    assert!(sandbox["rootCertificate"].as_str().expect("a certificate").starts_with("-----BEGIN CERTIFICATE-----"));

    let url = sandbox["url"].as_str().expect("a URL");
    assert_eq!(request_token(url, &key)["keyName"], key.name());
    assert_eq!(sandbox["controlUrl"], format!("{url}/__sandbox"));
    let traffic: Value = serde_json::from_str(&http(url, "GET", "/__sandbox/traffic", "")).expect("JSON");
    assert_eq!(traffic["requests"].as_array().expect("requests").len(), 2);
    assert_eq!(running.end(), (String::new(), String::new()));
}

#[test]
fn without_json_it_is_text_for_people() {
    let mut running = Running::start(&["--key", "appabc.key1:a-secret"]);
    let mut lines = Vec::new();
    let mut line = String::new();
    while !line.contains("curl") {
        line.clear();
        assert_ne!(running.output.read_line(&mut line).expect("the tool writes"), 0, "{lines:?}");
        lines.push(line.trim().to_owned());
    }
    assert!(lines.iter().any(|line| line.starts_with("https://127.0.0.1:")));
    assert!(lines.iter().any(|line| line == "appabc.key1:a-secret"));
    running.end();
}

#[test]
fn keys_come_from_the_command_line_and_from_a_file() {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let (config, certificate) = (directory.join("sandbox-app.json"), directory.join("sandbox-ca.pem"));
    fs::write(&config, r#"{ "post_apps": { "keys": [{}, { "capability": "{\"a\":[\"publish\"]}" }] } }"#)
        .expect("written");
    let paths = [&config, &certificate].map(|path| path.to_str().expect("UTF-8"));
    let mut running = Running::start(&[
        "--json",
        "--key=appabc.key1:a-secret",
        "--app-config",
        paths[0],
        "--cert-file",
        paths[1],
        "--latency=1",
        "--log",
    ]);
    let sandbox = running.description();
    let keys = sandbox["keys"].as_array().expect("keys");
    assert_eq!((keys.len(), &keys[0]), (3, &Value::from("appabc.key1:a-secret")));
    assert_eq!(fs::read_to_string(&certificate).expect("written"), sandbox["rootCertificate"].as_str().expect("PEM"));
    let key = keys[2].as_str().expect("a key").parse().expect("a key");
    let url = sandbox["url"].as_str().expect("a URL");
    let token = request_token(url, &key);
    assert_eq!(token["capability"], r#"{"a":["publish"]}"#);
    let mut log = String::new();
    while !log.contains("requestToken") {
        assert_ne!(running.errors.read_line(&mut log).expect("the tool writes"), 0, "{log}");
    }
    running.end();
    assert!(log.contains("GET /time by none: 200"), "{log}");
    assert!(log.contains("requestToken by signature: 200"), "{log}");
    assert!(!log.contains(token["token"].as_str().expect("a token")) && !log.contains(key.secret()));
}

#[test]
fn what_makes_no_sense_is_said() {
    let config = Path::new(env!("CARGO_TARGET_TMPDIR")).join("sandbox-no-app.json");
    fs::write(&config, "{}").expect("written");
    let config = config.to_str().expect("UTF-8");
    for arguments in [["--key", "nonsense-that-is-secret"], ["--app-config", config], ["--app-config", "nowhere.json"]]
    {
        let output = Command::new(env!("CARGO_BIN_EXE_ably-auth")).arg("sandbox").args(arguments).output();
        let output = output.expect("the tool runs");
        assert!(!output.status.success());
        assert!(!output.stderr.is_empty() && output.stdout.is_empty());
        assert!(!String::from_utf8_lossy(&output.stderr).contains("that-is-secret"));
    }
}

/// A token, asked for as a client does.
fn request_token(url: &str, key: &ApiKey) -> Value {
    let time: Value = serde_json::from_str(&http(url, "GET", "/time", "")).expect("JSON");
    let now = time[0].as_i64().expect("a time");
    let request = sign::sign(key, &TokenParams::default(), now, "0123456789abcdef").expect("signed");
    let request = serde_json::to_string(&request).expect("JSON");
    serde_json::from_str(&http(url, "POST", &format!("/keys/{}/requestToken", key.name()), &request)).expect("JSON")
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
