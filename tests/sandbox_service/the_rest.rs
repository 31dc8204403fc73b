//! Time, paths, limits, the log.

use super::*;

#[test]
fn time_needs_no_credentials() {
    let mut world = World::new();
    let answer = world.send(&Request::new("GET", "/time").over_plain_http());
    assert_eq!((answer.status, answer.body), (200, json!([NOW])));
}

#[test]
fn unknown_paths_are_not_found() {
    let mut world = World::new();
    for path in ["/", "", "//", "/keys", "/nonsense", "/channels/%ff", "/channels/a/b/c", "/time/", "/caf\u{e9}"] {
        assert_eq!(world.send(&Request::new("GET", path)).status, 404, "{path}");
    }
    assert_eq!(world.send(&Request::new("DELETE", "/time")).error(), (40400, 404));
}

#[test]
fn a_body_can_be_too_large() {
    let mut world = World::new();
    let request = Request::new("POST", "/keys/a.b/requestToken").with_body(vec![b' '; MAX_BODY + 1]);
    assert_eq!(world.send(&request).error(), (40009, 413));
    assert_eq!(world.service.requests().next_back().unwrap().request.body(), b"", "and is not kept");
}

#[test]
fn the_same_seed_gives_the_same_answers() {
    let run = || {
        let mut world = World::new();
        (0..3).map(|key| world.token(key, &TokenParams::default())).collect::<Vec<_>>()
    };
    assert_eq!(run(), run());
}

#[test]
fn the_log_is_bounded_and_shows_no_secret() {
    let mut world = World::new();
    let token = world.token(0, &params(json!({ "clientId": "bob" })));
    world.probe_token(&token);
    let log: Vec<_> = world.service.requests().cloned().collect();
    let shown = format!("{log:?} {:?}", world.service);
    let signed: Value = serde_json::from_slice(log[0].request.body()).unwrap();
    for secret in [token.as_str(), world.keys[0].secret(), signed["mac"].as_str().unwrap()] {
        assert!(!shown.contains(secret));
    }
    assert_eq!(log[1].status, 200);
    assert_eq!((log[1].request.method.as_str(), log[1].request.path.as_str()), ("GET", "/channels/probe"));
    assert_eq!(log[1].bearer().unwrap().expose(), token);
    for _ in 0..1_100 {
        world.send(&Request::new("GET", "/time"));
    }
    assert_eq!(world.service.requests().count(), 1_000);
}

#[test]
fn state_can_be_inspected() {
    let mut world = World::new();
    let token = world.token(4, &params(json!({ "clientId": "bob", "nonce": NONCE })));
    assert!(world.service.is_nonce_used(&world.key_name(4), NONCE));
    assert!(!world.service.is_nonce_used(&world.key_name(0), NONCE));
    let issued: IssuedToken = world.service.find_token(&token).unwrap().clone();
    assert_eq!((issued.client_id.as_deref(), issued.revocable), (Some("bob"), true));
    assert_eq!(world.service.revoked_from(&issued), None);
    world.revoke(&json!({ "targets": ["clientId:bob"] }));
    assert_eq!(world.service.revoked_from(&issued), Some(NOW));
}

#[test]
fn what_a_client_sends_is_what_arrives() {
    let json = json!({
        "method": "POST", "url": "http://localhost:8080/keys/a.b/requestToken?x=1",
        "headers": [["Accept", "application/json"]], "body": "{}",
    });
    let request = Request::from_http(&serde_json::from_value(json).unwrap()).unwrap();
    assert_eq!((request.path.as_str(), request.secure, request.body()), ("/keys/a.b/requestToken", false, &b"{}"[..]));
    assert_eq!(request.query_param("x").as_deref(), Some("1"));
}

#[test]
fn the_memory_of_tokens_is_bounded() {
    let mut world = World::new();
    let capability = json!({ "a".repeat(100_000): ["publish"] });
    let wanted = params(json!({ "capability": capability }));
    let first = world.token(0, &wanted);
    for _ in 0..120 {
        world.token(0, &wanted);
    }
    assert!(world.service.tokens().count() < 100);
    assert_eq!(world.probe_token(&first).error(), (40143, 401));
}
