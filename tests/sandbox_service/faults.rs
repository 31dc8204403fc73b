//! Faults on demand, as requests meet them, and the control API.

use super::*;

impl World {
    fn inject(&mut self, fault: Fault) {
        self.service.inject(fault).unwrap();
    }

    /// The reply to a request for the time.
    fn time(&mut self) -> Reply {
        self.service.handle(&Request::new("GET", "/time"), self.now)
    }

    fn control(&mut self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let mut request = Request::new(method, &format!("/__sandbox/{path}"));
        if !body.is_null() {
            request = request.with_header("Content-Type", "application/json").with_body(body.to_string());
        }
        let response = self.service.handle(&request, self.now).response;
        (response.status, serde_json::from_slice(response.body()).unwrap_or_default())
    }
}

fn at_time(effect: Effect) -> Fault {
    Fault::new(Trigger::path("/time"), effect)
}

fn refusal() -> Effect {
    Effect::Refuse { error: Error::new(ErrorKind::Rejected, 42910, 429, "too many requests") }
}

#[test]
fn a_fault_happens_as_often_as_it_should_to_what_matches() {
    let mut world = World::new();
    world.inject(Fault::new(Trigger::request("GET", "/ti"), Effect::Status { status: 503 }).times(2));
    for request in [Request::new("POST", "/time"), Request::new("GET", "/keys"), Request::new("GET", "/")] {
        assert_eq!(world.service.handle(&request, NOW).response.status, 404);
    }
    assert_eq!([0; 3].map(|_| world.time().response.status), [503, 503, 200]);
    assert_eq!(world.service.faults().count(), 0);
    world.inject(Fault::new(Trigger::path(""), Effect::Status { status: 500 }).always());
    assert_eq!([0; 9].map(|_| world.time().response.status), [500; 9]);
    world.service.clear_faults();
    world.inject(at_time(Effect::Drop).times(0));
    assert_eq!(world.time().response.status, 200);
    let note = world.service.requests().nth(3).unwrap().note.clone();
    assert_eq!(note.as_deref(), Some("fault: status"));
}

#[test]
fn answers_that_are_wrong() {
    let mut world = World::new();
    let right = world.time();
    let whole = right.response.body().to_vec();

    world.inject(at_time(Effect::Malformed));
    assert_eq!(world.time().response.body(), &whole[..whole.len() / 2]);
    world.inject(at_time(Effect::Cut));
    let cut = world.time();
    assert_eq!((cut.response.body(), cut.delivery), (&whole[..], Delivery::CutAfter(whole.len() / 2)));
    for (content_type, expected) in [("text/html", Some("text/html")), ("", None)] {
        world.inject(at_time(Effect::ContentType { content_type: content_type.into() }));
        assert_eq!(world.time().response.headers.find("content-type"), expected);
    }
    world.inject(at_time(refusal()));
    let refused = world.time().response;
    assert_eq!((refused.status, refused.headers.find("x-ably-errorcode")), (429, Some("42910")));
    assert_eq!(world.time(), right);
}

#[test]
fn answers_that_are_late_or_never_come() {
    let mut world = World::new();
    world.inject(at_time(Effect::Delay { milliseconds: 500 }));
    world.inject(at_time(Effect::Delay { milliseconds: 20 }));
    let late = world.time();
    assert_eq!((late.delay, late.delivery, late.response.status), (520, Delivery::Whole, 200));
    let wanted = world.signed(0, &TokenParams::default());
    for (effect, delivery) in [(Effect::Drop, Delivery::Drop), (Effect::Hang, Delivery::Never)] {
        world.inject(Fault::new(Trigger::request("POST", "/keys/"), effect));
        let request = post(&format!("/keys/{}/requestToken", world.keys[0].name()), &wanted);
        assert_eq!(world.service.handle(&request, NOW).delivery, delivery);
    }
    assert_eq!(world.service.requests().next_back().unwrap().status, 0);
    assert_eq!(world.request_token(0, &wanted).status, 200, "neither was handled: the nonce is not used");
}

#[test]
fn the_services_clock_is_wrong() {
    let mut world = World::new();
    world.inject(Fault::new(Trigger::path(""), Effect::Skew { milliseconds: -3 * 60_000 }).times(2));
    assert_eq!(world.time().response.body(), format!("[{}]", NOW - 180_000).as_bytes());
    let wanted = world.signed(0, &TokenParams::default());
    assert_eq!(world.request_token(0, &wanted).error(), (40104, 401));
    assert_eq!(world.request_token(0, &wanted).status, 200);
}

#[test]
fn the_last_answer_comes_again() {
    let mut world = World::new();
    let wanted = world.signed(0, &TokenParams::default());
    let replay = || Fault::new(Trigger::path("/keys/"), Effect::Replay);
    world.inject(replay());
    let first = world.request_token(0, &wanted);
    assert_eq!(first.status, 200, "there was none before");
    world.now += 2 * HOUR;
    world.inject(replay());
    let wanted = world.signed(0, &TokenParams::default());
    let stale = world.request_token(0, &wanted);
    assert_eq!(stale.body, first.body);
    assert_eq!(world.probe_token(stale.body["token"].as_str().unwrap()).error(), (40142, 401));
}

#[test]
fn what_makes_no_sense_is_refused() {
    let mut world = World::new();
    let error = || Error::new(ErrorKind::Rejected, 80003, 503, "gone");
    for (trigger, effect) in [
        (Trigger::path(""), Effect::Disconnect { error: error() }),
        (Trigger::path(""), Effect::Status { status: 199 }),
        (Trigger::path(""), Effect::ContentType { content_type: "a\r\nb".into() }),
        (Trigger::path(""), Effect::Refuse { error: Error::new(ErrorKind::Rejected, 1, 0, "") }),
        (Trigger::frame(17), Effect::Status { status: 500 }),
        (Trigger::frame(17), Effect::Cut),
        (Trigger::WebSocket, Effect::Replay),
    ] {
        let fault = Fault::new(trigger, effect);
        assert_eq!(world.service.inject(fault).unwrap_err().code(), 40000);
    }
    for _ in 0..100 {
        world.inject(at_time(Effect::Drop));
    }
    assert_eq!(world.service.inject(at_time(Effect::Drop)).unwrap_err().code(), 40000);
}

#[test]
fn faults_are_controlled_over_http() {
    let mut world = World::new();
    let body = json!({ "on": "request", "path": "/time", "effect": "status", "status": 503, "times": null });
    let (status, created) = world.control("POST", "faults", &body);
    assert_eq!((status, &created), (201, &json!({ "id": 1 })));
    assert_eq!(world.time().response.status, 503);
    let mut listed = body;
    listed["id"] = json!(1);
    assert_eq!(world.control("GET", "faults", &Value::Null), (200, json!([listed])));
    assert_eq!(world.control("DELETE", "faults/1", &Value::Null).0, 204);
    assert_eq!(world.control("DELETE", "faults/1", &Value::Null).0, 404);
    assert_eq!(world.time().response.status, 200);
    for body in [
        json!({ "on": "request", "effect": "refuse", "error": { "code": 42910, "statusCode": 429, "message": "" } }),
        json!({ "on": "websocket", "effect": "drop" }),
        json!({ "on": "frame", "action": 17, "effect": "hang", "times": 2 }),
    ] {
        assert_eq!(world.control("POST", "faults", &body).0, 201, "{body}");
    }
    assert_eq!(world.time().response.status, 429);
    assert_eq!(world.control("DELETE", "faults", &Value::Null).0, 204);
    assert_eq!(world.control("GET", "faults", &Value::Null).1, json!([]));
    for body in [
        json!({}),
        json!({ "on": "request", "effect": "nonsense" }),
        json!({ "on": "frame", "effect": "cut" }),
        json!({ "on": "request", "effect": "status" }),
    ] {
        assert_eq!(world.control("POST", "faults", &body).0, 400, "{body}");
    }
    let of_a_page = Request::new("POST", "/__sandbox/faults").with_header("Content-Type", "text/plain");
    let of_a_page = of_a_page.with_body(r#"{"on":"request","effect":"drop"}"#);
    assert_eq!(world.service.handle(&of_a_page, NOW).response.status, 400);
    assert_eq!(world.control("GET", "nonsense", &Value::Null).0, 404);
}

#[test]
fn faults_do_not_happen_to_the_control_api() {
    let mut world = World::new();
    world.inject(Fault::new(Trigger::path(""), Effect::Drop).always());
    assert_eq!(world.control("GET", "faults", &Value::Null).0, 200);
    assert_eq!(world.service.requests().count(), 0, "nor are its requests recorded");
}

#[test]
fn traffic_is_shown_without_secrets() {
    let mut world = World::new();
    let token = world.token(0, &params(json!({ "clientId": "bob" })));
    world.probe_token(&token);
    let key = world.keys[0].expose().to_owned();
    world.send(&Request::new("GET", &format!("/channels/a?key={key}&limit=3&other={token}")));
    let request = Request::new("GET", &format!("/?v=6&access_token={token}"));
    let transport = world.service.connect(&request, NOW).unwrap();
    let auth = json!({ "action": 17, "auth": { "accessToken": token } });
    world.service.handle_frame(transport, auth.to_string().as_bytes(), NOW);
    world.service.handle_frame(transport, b"nonsense", NOW);

    let (status, traffic) = world.control("GET", "traffic", &Value::Null);
    assert_eq!(status, 200);
    let shown = traffic.to_string();
    for secret in [token.as_str(), world.keys[0].secret()] {
        assert!(!shown.contains(secret), "{shown}");
    }
    assert!(!shown.contains('!'), "no connection key either");
    let requests = traffic["requests"].as_array().unwrap();
    assert_eq!(requests.len(), 4);
    assert_eq!((&requests[1]["path"], &requests[1]["status"]), (&json!("/channels/probe"), &json!(200)));
    assert_eq!(requests[2]["params"], json!({ "key": "[redacted]", "limit": "3", "other": "[redacted]" }));
    let events: Vec<_> = traffic["frames"].as_array().unwrap().iter().map(|frame| &frame["event"]).collect();
    assert_eq!(events, ["sent", "received", "sent", "malformed", "sent", "closed"]);
    assert_eq!(world.control("DELETE", "traffic", &Value::Null).0, 204);
    assert_eq!(world.control("GET", "traffic", &Value::Null).1, json!({ "requests": [], "frames": [] }));
}

#[test]
fn connections_are_controlled_over_http() {
    let mut world = World::new();
    let key = world.keys[0].expose().to_owned();
    for _ in 0..3 {
        world.service.connect(&Request::new("GET", &format!("/?v=6&key={key}")), NOW).unwrap();
    }
    let (_, connections) = world.control("GET", "connections", &Value::Null);
    assert_eq!(connections.as_array().unwrap().len(), 3);
    let error = json!({ "code": 80008, "statusCode": 400, "message": "gone" });
    let body = json!({ "connectionId": connections[0]["id"], "error": error });
    assert_eq!(world.control("POST", "connections/disconnect", &body), (200, json!({ "count": 1 })));
    let last = world.service.frames().rev().find_map(|record| record.message().cloned()).unwrap();
    assert_eq!((last.action(), last.error().unwrap().code()), (6, 80008));
    assert_eq!(world.control("POST", "connections/reauth", &json!({})).1, json!({ "count": 2 }));
    assert_eq!(world.control("POST", "connections/drop", &json!({})).1, json!({ "count": 2 }));
    assert_eq!(world.control("POST", "connections/fail", &json!({})).1, json!({ "count": 0 }));
    assert_eq!(world.control("POST", "clock", &json!({ "advance": 5 })), (200, json!({ "now": NOW + 5 })));
    assert_eq!((world.service.take_wanted_advance(), world.service.take_wanted_advance()), (5, 0));
}
