//! Channels over REST: publishing, history, status.

use super::*;

impl World {
    /// Publishes by a key of the app.
    fn publish(&mut self, key: usize, channel: &str, body: &Value) -> Answer {
        let request = post(&format!("/channels/{channel}/messages"), body);
        let authorization = basic(self.keys[key].expose());
        self.send(&request.with_header("Authorization", authorization))
    }

    fn publish_as(&mut self, token: &str, body: &Value) -> Answer {
        let request = post("/channels/a/messages", body).with_header("Authorization", format!("Bearer {token}"));
        self.send(&request)
    }

    fn look(&mut self, key: usize, target: &str) -> Answer {
        let authorization = basic(self.keys[key].expose());
        self.send(&Request::new("GET", target).with_header("Authorization", authorization))
    }

    /// The data of a page of history, and where the next one is.
    fn page(&mut self, target: &str) -> (Vec<Value>, Option<String>) {
        let answer = self.look(0, target);
        assert_eq!(answer.status, 200, "{answer:?}");
        let data = answer.body.as_array().unwrap().iter().map(|message| message["data"].clone()).collect();
        let links = answer.headers.iter().filter(|(name, _)| *name == "Link").map(|(_, value)| value);
        let next = links.filter_map(|link| link.strip_suffix(">; rel=\"next\"")?.strip_prefix("<./"));
        let next = next.last().map(|relative| format!("/channels/a/{relative}"));
        (data, next)
    }
}

#[test]
fn messages_are_published_and_remembered() {
    let mut world = World::new();
    let answer = world.publish(0, "a", &json!({ "name": "greeting", "data": "hello" }));
    assert_eq!((answer.status, &answer.body["channel"]), (201, &json!("a")));
    let id = answer.body["messageId"].as_str().unwrap();
    let message = world.look(0, "/channels/a/messages").body[0].clone();
    assert_eq!(
        (&message["name"], &message["data"], &message["timestamp"]),
        (&json!("greeting"), &json!("hello"), &json!(NOW))
    );
    assert_eq!(message["id"], format!("{id}:0"));
    assert_eq!(answer.body["serials"], json!([message["serial"]]));

    let several = world.publish(0, "a", &json!([{ "data": 1 }, { "data": 2 }]));
    assert_eq!(several.body["serials"].as_array().unwrap().len(), 2);
    let backwards = (vec![json!(2), json!(1), json!("hello")], None);
    assert_eq!(world.page("/channels/a/messages"), backwards);
    assert_eq!(world.page("/channels/a/history"), backwards);
    assert_eq!(world.page("/channels/b/messages"), (vec![], None));
}

#[test]
fn what_is_published_twice_is_there_once() {
    let mut world = World::new();
    let message = json!({ "id": "mine:0", "data": 1 });
    let first = world.publish(0, "a", &message).body;
    let second = world.publish(0, "a", &message).body;
    assert_eq!(first["serials"], second["serials"]);
    assert_eq!(world.page("/channels/a/messages").0, [1]);
    assert_ne!(world.publish(0, "b", &message).body["serials"], first["serials"]);
}

#[test]
fn publishing_needs_the_capability_and_a_fitting_client_id() {
    let mut world = World::new();
    assert_eq!(world.publish(3, "a", &json!({})).error(), (40160, 401));
    assert_eq!(world.publish(2, "channel0", &json!({})).status, 201);
    let anonymous = world.token(0, &TokenParams::default());
    let bob = world.token(0, &params(json!({ "clientId": "bob" })));
    let anybody = world.token(0, &params(json!({ "clientId": "*" })));
    for (token, client_id, expected) in [
        (&anonymous, None, Ok(None)),
        (&anonymous, Some("bob"), Err((40012, 400))),
        (&bob, None, Ok(Some("bob"))),
        (&bob, Some("bob"), Ok(Some("bob"))),
        (&bob, Some("alice"), Err((40012, 400))),
        (&anybody, None, Ok(None)),
        (&anybody, Some("alice"), Ok(Some("alice"))),
        (&anybody, Some("*"), Err((40012, 400))),
    ] {
        let answer = world.publish_as(token, &json!([{ "clientId": client_id }]));
        match expected {
            Err(error) => assert_eq!(answer.error(), error),
            Ok(expected) => {
                assert_eq!(answer.status, 201);
                assert_eq!(world.look(0, "/channels/a/messages?limit=1").body[0]["clientId"].as_str(), expected);
            }
        }
    }
}

#[test]
fn bad_publications_are_refused() {
    let mut world = World::new();
    for (body, error) in [
        (json!([]), (40000, 400)),
        (json!(5), (40000, 400)),
        (json!([{}, "text"]), (40000, 400)),
        (json!({ "clientId": 5 }), (40012, 400)),
        (json!({ "data": "x".repeat(65_536) }), (40009, 413)),
    ] {
        assert_eq!(world.publish(0, "a", &body).error(), error);
    }
    assert_eq!(world.publish(0, "", &json!({})).error(), (40010, 400));
    let request = Request::new("POST", "/channels/a/messages?_forceNack=true").with_body("{}");
    let request = request.with_header("Authorization", basic(world.keys[0].expose()));
    assert_eq!(world.send(&request).error(), (40099, 400));
    assert_eq!(world.page("/channels/a/messages").0, Vec::<Value>::new());
}

#[test]
fn history_comes_in_pages() {
    let mut world = World::new();
    for number in 1..=5 {
        world.publish(0, "a", &json!({ "data": number }));
        world.publish(0, "b", &json!({}));
        world.now += 1;
    }
    let pages = |world: &mut World, first: &str| {
        let mut pages = Vec::new();
        let mut target = Some(format!("/channels/a/messages?{first}"));
        while let Some(next) = target {
            let (page, after) = world.page(&next);
            pages.push(page);
            target = after;
        }
        json!(pages)
    };
    assert_eq!(pages(&mut world, "limit=2"), json!([[5, 4], [3, 2], [1]]));
    assert_eq!(pages(&mut world, "limit=2&direction=forwards"), json!([[1, 2], [3, 4], [5]]));
    assert_eq!(pages(&mut world, "limit=5"), json!([[5, 4, 3, 2, 1]]));
    let between = format!("start={}&end={}&limit=2", NOW + 1, NOW + 3);
    assert_eq!(pages(&mut world, &between), json!([[4, 3], [2]]));

    let answer = world.look(0, "/channels/a/messages?limit=2&key=secret");
    let links: Vec<_> = answer.headers.iter().filter(|(name, _)| *name == "Link").map(|(_, value)| value).collect();
    assert_eq!(links[0], "<./messages?limit=2>; rel=\"first\"", "and no credentials");
    for bad in ["limit=0", "limit=1001", "limit=x", "direction=up", "start=x", "start=2&end=1", "cursor=-1"] {
        assert_eq!(world.look(0, &format!("/channels/a/messages?{bad}")).error(), (40003, 400), "{bad}");
    }
    assert_eq!(world.look(3, "/channels/a/messages").error(), (40160, 401));
}

#[test]
fn history_is_bounded() {
    let mut world = World::new();
    let filler = "x".repeat(60_000);
    for _ in 0..400 {
        assert_eq!(world.publish(0, "a", &json!({ "data": filler })).status, 201);
    }
    assert!(world.page("/channels/a/messages?limit=1000").0.len() < 200);
}

#[test]
fn presence_is_empty() {
    let mut world = World::new();
    for path in ["/channels/a/presence", "/channels/a/presence/history"] {
        assert_eq!(world.look(0, path).body, json!([]));
    }
    assert_eq!(world.look(3, "/channels/a/presence").status, 200);
    assert_eq!(world.look(1, "/channels/a/presence").error(), (40160, 401));
    assert_eq!(world.look(3, "/channels/a/presence/history").error(), (40160, 401));
}

#[test]
fn a_channel_is_active_while_somebody_is_attached() {
    let mut world = World::new();
    assert_eq!(world.look(0, "/channels/a").body["status"]["isActive"], false);
    let request = Request::new("GET", &format!("/?v=6&key={}", world.keys[0].expose()));
    let transport = world.service.connect(&request, NOW).unwrap();
    world.service.handle_frame(transport, br#"{"action":10,"channel":"a"}"#, NOW);
    let status = world.look(0, "/channels/a").body["status"].clone();
    assert_eq!(status["isActive"], true);
    let metrics = &status["occupancy"]["metrics"];
    assert_eq!(
        (&metrics["connections"], &metrics["publishers"], &metrics["subscribers"]),
        (&json!(1), &json!(1), &json!(1))
    );
}

#[test]
fn what_is_published_over_rest_reaches_connections() {
    let mut world = World::new();
    let request = Request::new("GET", &format!("/?v=6&key={}", world.keys[0].expose()));
    let transport = world.service.connect(&request, NOW).unwrap();
    world.service.handle_frame(transport, br#"{"action":10,"channel":"a"}"#, NOW);
    world.publish(0, "a", &json!({ "data": "hello" }));
    let frame = world.service.frames().next_back().unwrap().message().unwrap().clone();
    assert_eq!((frame.action(), frame.channel(), frame.member("connectionId")), (15, Some("a"), None));
    assert_eq!(frame.member("messages").unwrap()[0]["data"], "hello");
}
