//! Apps that are made and deleted over HTTP.

use super::*;

/// What the test suites of the official SDKs send, more or less.
fn specification() -> Value {
    json!({
        "limits": { "presence": { "maxMembers": 250 } },
        "keys": [
            {},
            { "capability": "{ \"b:*\":[\"subscribe\", \"publish\"], \"a\":[\"*\"] }" },
            { "revocableTokens": true },
        ],
        "namespaces": [{ "id": "persisted", "persisted": true }],
        "channels": [{ "name": "persisted:presence_fixtures", "presence": [] }],
    })
}

impl World {
    fn create_app(&mut self) -> Answer {
        let answer = self.send(&post("/apps", &specification()));
        assert_eq!(answer.status, 201, "{answer:?}");
        answer
    }

    fn delete_app(&mut self, app_id: &str, authorization: &str) -> ably_auth::http::HttpResponse {
        let request = Request::new("DELETE", &format!("/apps/{app_id}")).with_header("Authorization", authorization);
        self.service.handle(&request, self.now).response
    }

    fn probe_key(&mut self, key: &str) -> Answer {
        self.probe(|request| request.with_header("Authorization", basic(key)))
    }
}

#[test]
fn an_app_is_made_with_keys() {
    let mut world = World::new();
    let app = world.create_app().body;
    let app_id = app["appId"].as_str().unwrap();
    assert_ne!(app_id, world.app_id());
    assert!(app["accountId"].is_string());
    assert_eq!(app["namespaces"], json!([{ "id": "persisted", "persisted": true }]));
    let keys = app["keys"].as_array().unwrap();
    let capabilities = [r#"{"*":["*"]}"#, r#"{"a":["*"],"b:*":["publish","subscribe"]}"#, r#"{"*":["*"]}"#];
    for (key, capability) in keys.iter().zip(capabilities) {
        let name = key["keyName"].as_str().unwrap();
        assert!(name.starts_with(&format!("{app_id}.")));
        assert_eq!(key["keyStr"], format!("{name}:{}", key["keySecret"].as_str().unwrap()));
        assert_eq!(key["capability"], capability);
    }
    assert_eq!(keys.iter().map(|key| &key["revocableTokens"]).collect::<Vec<_>>(), [false, false, true]);
    assert_eq!(world.probe_key(keys[0]["keyStr"].as_str().unwrap()).status, 200);
    assert_eq!(world.probe_key(keys[1]["keyStr"].as_str().unwrap()).error(), (40160, 401));
}

#[test]
fn an_app_is_deleted_with_all_that_is_of_it() {
    let mut world = World::new();
    let [app, other] = [0, 1].map(|_| world.create_app().body);
    let app_id = app["appId"].as_str().unwrap().to_owned();
    let key = app["keys"][0]["keyStr"].as_str().unwrap();
    let other_key = other["keys"][0]["keyStr"].as_str().unwrap();
    let wanted = TokenRequest::new(app["keys"][0]["keyName"].as_str().unwrap());
    let token = world.service.issue_token(&wanted, NOW).unwrap().token.expose().to_owned();
    assert_eq!(world.probe_token(&token).status, 200);

    for (authorization, code) in
        [(basic(other_key), "40102"), (format!("Bearer {token}"), "40162"), ("Nonsense".into(), "40101")]
    {
        let refused = world.delete_app(&app_id, &authorization);
        assert_eq!(refused.headers.find("x-ably-errorcode"), Some(code));
    }
    let response = world.delete_app(&app_id, &basic(key));
    assert_eq!((response.status, response.body()), (204, &b""[..]));
    assert_eq!(world.probe_token(&token).error(), (40400, 404));
    assert_eq!(world.probe_key(key).error(), (40400, 404));
    assert_eq!(world.delete_app(&app_id, &basic(other_key)).status, 404);
    assert_eq!(world.probe_key(other_key).status, 200, "the other one is still there");
    assert!(world.service.remove_app(&world.app_id(), NOW));
    assert!(!world.service.remove_app("nobody", NOW));
}

#[test]
fn nothing_is_left_of_a_deleted_app() {
    let mut world = World::new();
    let before = world.service.tokens().count();
    for _ in 0..3 {
        let app = world.send(&post("/apps", &json!({ "keys": [{ "revocableTokens": true }] }))).body;
        let key = app["keys"][0]["keyStr"].as_str().unwrap();
        let name = app["keys"][0]["keyName"].as_str().unwrap();
        world.service.issue_token(&TokenRequest::new(name), NOW).unwrap();
        assert_eq!(world.delete_app(app["appId"].as_str().unwrap(), &basic(key)).status, 204);
    }
    assert_eq!(world.service.tokens().count(), before);
}

#[test]
fn bad_specifications_are_refused() {
    let mut world = World::new();
    for (body, code) in [
        (json!([]), 40001),
        (json!({}), 40001),
        (json!({ "keys": [] }), 40001),
        (json!({ "keys": vec![json!({}); 101] }), 40001),
        (json!({ "keys": [{ "capability": "nonsense" }] }), 40000),
        (json!({ "keys": [{}, { "capability": { "a": [] } }] }), 40000),
    ] {
        assert_eq!(world.send(&post("/apps", &body)).error(), (code, 400), "{body}");
    }
    let large = json!({ "keys": [{}], "filler": "x".repeat(64 * 1_024) });
    assert_eq!(world.send(&post("/apps", &large)).error(), (40009, 413));
}

#[test]
fn apps_are_bounded() {
    let mut world = World::new();
    for _ in 0..999 {
        assert_eq!(world.send(&post("/apps", &json!({ "keys": [{}] }))).status, 201);
    }
    assert_eq!(world.send(&post("/apps", &json!({ "keys": [{}] }))).error(), (40128, 403));
}
