//! Many connections at once.

use std::collections::BTreeSet;

use ably_auth::ConnectionState;
use tokio::task::JoinSet;

use super::*;

const CONNECTIONS: usize = 500;

struct Crowd {
    clients: Vec<(Realtime, StateChanges)>,
}

impl Crowd {
    /// Clients whose tokens live so long, connected.
    async fn connect(sandbox: &Arc<Sandbox>, ttl: i64) -> Crowd {
        let mut connecting = JoinSet::new();
        for _ in 0..CONNECTIONS {
            let realtime = client_with_callback(sandbox, sandbox.key(), ttl);
            connecting.spawn(async move {
                realtime.connected().await.unwrap();
                let changes = realtime.state_changes();
                (realtime, changes)
            });
        }
        Crowd { clients: connecting.join_all().await }
    }

    /// Waits until each connection has changed, which is an update.
    async fn update(&mut self) {
        for (_, changes) in &mut self.clients {
            assert_eq!(next(changes).await, (None, None));
        }
    }

    /// Ends all clients. None has seen another change.
    async fn end(self) {
        for (realtime, mut changes) in self.clients {
            assert_eq!(realtime.state(), ConnectionState::Connected);
            drop(realtime);
            assert_eq!(changes.next().await, None);
        }
    }
}

/// The open connections, and the tokens that they have.
fn open(sandbox: &Sandbox) -> (BTreeSet<String>, BTreeSet<String>) {
    let connections = sandbox.connections().into_iter().filter(|connection| connection.transport.is_some());
    connections.map(|connection| (connection.id, connection.token.unwrap().expose().to_owned())).unzip()
}

#[tokio::test]
async fn five_hundred_connections_live_through_three_renewals() {
    let sandbox = sandbox().await;
    let mut crowd = Crowd::connect(&sandbox, 35 * SECOND).await;
    let (ids, mut tokens) = open(&sandbox);
    assert_eq!((ids.len(), tokens.len(), sandbox.tokens().len()), (CONNECTIONS, CONNECTIONS, CONNECTIONS));

    for renewal in 1..=3 {
        // Thirty seconds before the end.
        sandbox.advance(5 * SECOND);
        crowd.update().await;
        let (same_ids, other_tokens) = open(&sandbox);
        assert_eq!(same_ids, ids);
        assert!(other_tokens.is_disjoint(&tokens));
        assert_eq!(sandbox.tokens().len(), (1 + renewal) * CONNECTIONS);
        tokens = other_tokens;
    }
    crowd.end().await;
}

#[tokio::test]
async fn everybody_is_asked_at_once() {
    let sandbox = sandbox().await;
    let mut crowd = Crowd::connect(&sandbox, HOUR).await;
    let (ids, tokens) = open(&sandbox);

    assert_eq!(sandbox.request_reauth_of_all(), CONNECTIONS);
    crowd.update().await;

    let (same_ids, other_tokens) = open(&sandbox);
    assert_eq!((same_ids, sandbox.tokens().len()), (ids, 2 * CONNECTIONS));
    assert!(other_tokens.is_disjoint(&tokens) && other_tokens.len() == CONNECTIONS);
    crowd.end().await;
}
