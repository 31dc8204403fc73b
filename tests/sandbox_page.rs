//! The sandbox's page over HTTP: what is served, what it tells, and what it must not tell.
#![cfg(feature = "sandbox")]

use ably_auth::sandbox::{Request, Sandbox};
use ably_auth::wire::TokenRequest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Client;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

const START: i64 = 1_700_000_000_000;
const STATE: &str = "/__sandbox/state";

async fn sandbox() -> Sandbox {
    Sandbox::builder().virtual_time(START).start().await.unwrap()
}

fn client() -> Client {
    // The client wants one even for plain HTTP; it may have been set already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::new()
}

async fn state_text(sandbox: &Sandbox) -> String {
    client().get(sandbox.url(STATE)).send().await.unwrap().text().await.unwrap()
}

async fn state(sandbox: &Sandbox) -> Value {
    serde_json::from_str(&state_text(sandbox).await).unwrap()
}

/// A token of the revocable key.
fn issue(sandbox: &Sandbox, client_id: &str, ttl: i64) -> String {
    let mut wanted = TokenRequest::new(sandbox.revocable_key().unwrap().name());
    wanted.client_id = Some(client_id.into());
    wanted.ttl = Some(ttl);
    sandbox.issue_token(&wanted).unwrap().token.expose().into()
}

/// Opens a connection with a token, and returns its id.
fn connect(sandbox: &Sandbox, token: &str) -> String {
    let request = Request::new("GET", &format!("/?access_token={token}&v=6"));
    sandbox.with_service(|service, now| service.connect(&request, now)).unwrap();
    sandbox.connections().last().unwrap().id.clone()
}

fn id_of(token: &str) -> String {
    Sha256::digest(token)[..4].iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test]
async fn the_page_may_run_what_it_came_with_and_nothing_else() {
    let sandbox = sandbox().await;
    let answer = client().get(sandbox.url("/")).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], "text/html; charset=utf-8");
    assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
    let policy = answer.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.starts_with("default-src 'none'; ") && !policy.contains("unsafe"), "{policy}");

    let page = answer.text().await.unwrap();
    for element in ["script", "style"] {
        let (_, rest) = page.split_once(&format!("<{element}>")).unwrap();
        let (content, rest) = rest.split_once(&format!("</{element}>")).unwrap();
        assert!(!rest.contains(&format!("<{element}")), "one {element} alone");
        let source = format!("{element}-src 'sha256-{}'", STANDARD.encode(Sha256::digest(content)));
        assert!(policy.contains(&source), "{policy} has no {source}");
    }
    for forbidden in ["http:", "https:", "innerHTML", " style=", " onclick", "src="] {
        let found = page.replace("http://www.w3.org/2000/svg", "").contains(forbidden);
        assert!(!found, "{forbidden} in the page");
    }
}

#[tokio::test]
async fn only_plain_reading_gets_the_page() {
    let sandbox = sandbox().await;
    let client = client();
    let head = client.head(sandbox.url("/")).send().await.unwrap();
    assert_eq!((head.status().as_u16(), head.text().await.unwrap().len()), (200, 0));
    for path in ["/", STATE] {
        assert_eq!(client.post(sandbox.url(path)).send().await.unwrap().status(), 404);
    }
    let upgrade = client.get(sandbox.url("/")).header("Connection", "Upgrade").header("Upgrade", "websocket");
    assert_eq!(upgrade.send().await.unwrap().status(), 400, "a WebSocket without a key for the handshake");
}

#[tokio::test]
async fn looking_leaves_no_trace() {
    let sandbox = sandbox().await;
    state(&sandbox).await;
    client().get(sandbox.url("/")).send().await.unwrap();
    assert!(sandbox.requests().is_empty());
}

#[tokio::test]
async fn what_is_alive_is_told_without_a_secret() {
    let sandbox = sandbox().await;
    let hostile = "</script><script>alert(1)</script>";
    let token = issue(&sandbox, hostile, 60_000);
    let mut wanted = TokenRequest::new(sandbox.key().name());
    wanted.client_id = Some("bob".into());
    let jwt = sandbox.issue_jwt(&wanted, None).unwrap();
    let connection = connect(&sandbox, &token);
    connect(&sandbox, jwt.expose());
    let keyed = Request::new("GET", &format!("/?key={}&clientId=bob&v=6", sandbox.key().expose()));
    let transport = sandbox.with_service(|service, now| service.connect(&keyed, now)).unwrap();
    sandbox.with_service(|service, now| {
        service.handle_frame(transport, br#"{"action":10,"channel":"chat"}"#, now);
        let auth = json!({ "action": 17, "auth": { "accessToken": jwt.expose() } }).to_string();
        service.handle_frame(transport, auth.as_bytes(), now);
    });

    let text = state_text(&sandbox).await;
    let keys = sandbox.connections().into_iter().map(|connection| connection.connection_key);
    let mut secrets: Vec<String> = keys.map(|key| key.expose().to_owned()).collect();
    secrets.extend([token.clone(), jwt.expose().to_owned()]);
    secrets.extend(sandbox.keys().iter().map(|key| key.secret().to_owned()));
    for secret in &secrets {
        assert!(!text.contains(secret.as_str()), "a secret in the state");
    }

    let state: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&state["now"], &state["clockRuns"]), (&json!(START), &json!(false)));
    let tokens = state["tokens"]["shown"].as_array().unwrap();
    let told: Vec<_> = tokens.iter().map(|token| (token["id"].as_str().unwrap(), &token["connections"])).collect();
    assert_eq!(told, [(&*id_of(jwt.expose()), &json!(2)), (&*id_of(&token), &json!(1))]);
    assert_eq!(tokens[1]["clientId"], hostile);
    assert_eq!((&tokens[1]["issued"], &tokens[1]["expires"]), (&json!(START), &json!(START + 60_000)));

    let connections = state["connections"]["shown"].as_array().unwrap();
    assert_eq!(connections.len(), 3);
    assert_eq!(connections[0]["channels"], json!(["chat"]));
    assert_eq!(connections[2]["id"], connection.as_str());

    let timeline = state["timeline"].as_array().unwrap();
    let frames: Vec<_> = timeline.iter().map(|entry| entry["name"].as_str().unwrap_or("request")).collect();
    let expected = [
        "CONNECTED",
        "AUTH",
        "ATTACHED",
        "ATTACH",
        "CONNECTED",
        "CONNECTED",
        "CONNECTED",
        "request",
        "request",
        "request",
    ];
    assert_eq!(frames, expected);
    assert_eq!(timeline[1]["token"], id_of(jwt.expose()).as_str());
    assert_eq!(timeline[7]["target"], "/?key=…&clientId=bob&v=6");
}

#[tokio::test]
async fn a_token_is_shown_a_while_after_its_end() {
    let sandbox = sandbox().await;
    issue(&sandbox, "bob", 60_000);
    sandbox.advance(60_000 + 119_999);
    assert_eq!(state(&sandbox).await["tokens"]["shown"].as_array().unwrap().len(), 1);
    sandbox.advance(1);
    assert_eq!(state(&sandbox).await["tokens"]["shown"], json!([]));
}

#[tokio::test]
async fn more_than_fits_is_counted() {
    let sandbox = sandbox().await;
    for number in 0..103 {
        issue(&sandbox, &format!("client-{number}"), 60_000);
    }
    let tokens = &state(&sandbox).await["tokens"];
    assert_eq!((tokens["shown"].as_array().unwrap().len(), &tokens["leftOut"]), (100, &json!(3)));
    assert_eq!(tokens["shown"][0]["clientId"], "client-102");
}

#[tokio::test]
async fn events_tell_of_every_change() {
    let sandbox = sandbox().await;
    let request = client().get(sandbox.url(STATE)).header("Accept", "text/event-stream");
    let mut answer = request.send().await.unwrap();
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    let mut events = String::new();
    let mut next = async || {
        loop {
            if let Some((event, rest)) = events.split_once("\n\n") {
                let state: Value = serde_json::from_str(event.split_once("data: ").unwrap().1).unwrap();
                events = rest.to_owned();
                return state;
            }
            events.push_str(std::str::from_utf8(&answer.chunk().await.unwrap().unwrap()).unwrap());
        }
    };
    assert_eq!(next().await["tokens"]["shown"], json!([]));
    let token = issue(&sandbox, "bob", 60_000);
    assert_eq!(next().await["tokens"]["shown"][0]["id"], id_of(&token).as_str());
    sandbox.advance(60_000);
    assert_eq!(next().await["now"], START + 60_000);
}
