//! Whatever clients do, in whatever order.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Step {
    Connect { token: usize, resume: Option<usize> },
    Frame { transport: usize, frame: String },
    Reauthenticate { transport: usize, token: usize },
    Closed { transport: usize },
    Pass(i64),
    Revoke { with_margin: bool },
    RequestReauth,
    DropAll,
}

fn frames() -> impl Strategy<Value = String> {
    let action = prop_oneof![Just(-1), 0..25_i64];
    let channel = prop_oneof![Just(Value::Null), Just(json!("a")), Just(json!("b:c")), Just(json!(5))];
    let messages =
        prop_oneof![Just(Value::Null), Just(json!([{}])), Just(json!([{ "clientId": "eve" }])), Just(json!([1]))];
    let flags = prop_oneof![Just(Value::Null), any::<i64>().prop_map(Value::from)];
    let message = (action, channel, messages, flags).prop_map(|(action, channel, messages, flags)| {
        let message = json!({ "action": action, "channel": channel, "messages": messages, "flags": flags, "id": 7 });
        message.to_string()
    });
    prop_oneof![20 => message, 1 => ".*"]
}

fn steps() -> impl Strategy<Value = Step> {
    let number = || 0..8_usize;
    prop_oneof![
        (number(), proptest::option::of(number())).prop_map(|(token, resume)| Step::Connect { token, resume }),
        (number(), frames()).prop_map(|(transport, frame)| Step::Frame { transport, frame }),
        (number(), number()).prop_map(|(transport, token)| Step::Reauthenticate { transport, token }),
        number().prop_map(|transport| Step::Closed { transport }),
        prop_oneof![0..100_i64, 0..40_000_i64, 0..4_000_000_i64].prop_map(Step::Pass),
        any::<bool>().prop_map(|with_margin| Step::Revoke { with_margin }),
        Just(Step::RequestReauth),
        Just(Step::DropAll),
    ]
}

/// What has been seen of transports.
#[derive(Default)]
struct Seen {
    transports: Vec<TransportId>,
    keys: Vec<String>,
    ended: BTreeSet<TransportId>,
}

impl World {
    fn take(&mut self, step: &Step, tokens: &[String], seen: &Seen) -> Option<TransportId> {
        let transport = |number: usize| seen.transports.iter().rev().nth(number).copied();
        match step {
            Step::Connect { token, resume } => {
                let key = resume.and_then(|number| seen.keys.iter().rev().nth(number));
                let resume = key.map_or(String::new(), |key| format!("&resume={key}"));
                return Some(self.open(&format!("access_token={}{resume}", tokens[*token])));
            }
            Step::Frame { transport: number, frame } => {
                if let Some(transport) = transport(*number) {
                    self.service.handle_frame(transport, frame.as_bytes(), self.now);
                }
            }
            Step::Reauthenticate { transport: number, token } => {
                if let Some(transport) = transport(*number) {
                    self.reauthenticate(transport, &tokens[*token]);
                }
            }
            Step::Closed { transport: number } => {
                if let Some(transport) = transport(*number) {
                    self.service.handle_closed(transport, self.now);
                }
            }
            Step::Pass(milliseconds) => {
                self.now += milliseconds;
                self.service.handle_timeout(self.now);
            }
            Step::Revoke { with_margin } => {
                self.revoke(&json!({ "targets": ["clientId:bob"], "allowReauthMargin": with_margin }));
            }
            Step::RequestReauth => {
                self.service.request_reauth_of_all(self.now);
            }
            Step::DropAll => {
                self.service.drop_all_transports(self.now);
            }
        }
        None
    }

    fn check(&mut self, seen: &mut Seen) {
        assert!(self.service.poll_timeout().is_none_or(|at| at > self.now), "what was due was done");
        while let Some((transport, output)) = self.service.poll_output() {
            assert!(!seen.ended.contains(&transport), "{output:?} after the end of its transport");
            match output {
                Output::Close(_) | Output::Drop => {
                    seen.ended.insert(transport);
                }
                Output::Frame(message) => {
                    seen.keys.extend(message.text("connectionKey").map(ToOwned::to_owned));
                }
                Output::Ping => {}
            }
        }
        let mut ids = BTreeSet::new();
        for connection in self.service.connections() {
            assert!(ids.insert(connection.id.clone()));
            if let Some(transport) = connection.transport {
                assert!(!seen.ended.contains(&transport));
                assert!(connection.expires.is_none_or(|expires| expires > self.now), "it has expired");
            }
        }
        assert!(self.service.frames().count() <= 1_000);
    }
}

proptest! {
    #[test]
    fn transports_end_once_and_connections_with_their_tokens(steps in proptest::collection::vec(steps(), 1..60)) {
        let mut world = World::new();
        let tokens: Vec<String> = (0..8)
            .map(|number| {
                let ttl = [HOUR, 40 * SECOND, 10 * SECOND, HOUR][number % 4];
                let client_id = ["bob", "eve"][number / 4];
                world.token(4, ttl, &json!({ "clientId": client_id }))
            })
            .collect();
        let mut seen = Seen::default();
        for step in &steps {
            seen.transports.extend(world.take(step, &tokens, &seen));
            world.check(&mut seen);
        }
    }
}
