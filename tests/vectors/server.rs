//! The scripted server of a scenario: what it did because of something, and what by itself.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::vectors::text;

/// What the server does because of a connection, by the number of the connection, and of a frame, by how manieth
/// frame it is. Each with the time that it takes.
#[derive(Default)]
pub(super) struct Server<'a> {
    on_connect: BTreeMap<u64, Vec<(u64, &'a Value)>>,
    on_frame: BTreeMap<(u64, usize), Vec<(u64, &'a Value)>>,
    by_itself: Vec<&'a Value>,
}

/// What the server was last given reason to act by.
#[derive(Clone, Copy)]
enum Reason {
    Connection,
    Frame(usize),
}

impl<'a> Server<'a> {
    pub(super) fn of(events: &'a [Value]) -> Self {
        let mut server = Server::default();
        let mut reasons: BTreeMap<u64, (Reason, u64)> = BTreeMap::new();
        let mut frames: BTreeMap<u64, usize> = BTreeMap::new();
        for event in events {
            let conn = event["conn"].as_u64().unwrap_or_default();
            let t = event["t"].as_u64().expect("a time");
            match text(event, "ev") {
                // The test that was recorded goes on by itself from here.
                "probe" => reasons.clear(),
                "ws.connect" => {
                    reasons.insert(conn, (Reason::Connection, t));
                }
                "ws.fromClient" if event["frame"]["action"] != 5 => {
                    let number = frames.entry(conn).or_default();
                    *number += 1;
                    reasons.insert(conn, (Reason::Frame(*number), t));
                }
                "ws.toClient" | "ws.dropped" | "ws.refused" => match reasons.get(&conn) {
                    Some((Reason::Connection, at)) => {
                        server.on_connect.entry(conn).or_default().push((t - at, event));
                    }
                    Some((Reason::Frame(number), at)) => {
                        server.on_frame.entry((conn, *number)).or_default().push((t - at, event));
                    }
                    None => server.by_itself.push(event),
                },
                _ => {}
            }
        }
        server
    }

    pub(super) fn acts_by_itself(&self, event: &Value) -> bool {
        self.by_itself.iter().any(|other| std::ptr::eq(*other, event))
    }

    pub(super) fn on_connect(&self, conn: u64) -> Vec<(u64, &'a Value)> {
        self.on_connect.get(&conn).cloned().unwrap_or_default()
    }

    pub(super) fn on_frame(&self, conn: u64, number: usize) -> Vec<(u64, &'a Value)> {
        self.on_frame.get(&(conn, number)).cloned().unwrap_or_default()
    }
}
