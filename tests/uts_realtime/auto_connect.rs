//! The option `autoConnect`. Its default in the core is false; an adapter's may be true (drive format).

use ably_auth::ConnectionState;
use serde_json::json;

use crate::common::*;

// uts: realtime/unit/RTN3/auto-connect-true-0
// The option is given, because it is false by default here.
#[test]
fn with_auto_connect_it_connects_at_once() {
    let mut client = Client::with_key(json!({"autoConnect": true}));

    let socket = client.expect_attempt();
    client.come_up(&socket, connected("connection-id", "connection-key"));

    assert_eq!(client.connection_id(), Some("connection-id"));
    assert_eq!(client.sockets.len(), 1);
}

// uts: realtime/unit/RTN3/auto-connect-false-1
#[test]
fn without_auto_connect_nothing_happens() {
    for options in [json!({"autoConnect": false}), json!({})] {
        let mut client = Client::with_key(options);

        client.expect_silence_for(HOUR as u64);

        assert_eq!(client.state(), ConnectionState::Initialized);
        assert_eq!(client.sockets.len(), 0);
    }
}

// uts: realtime/unit/RTN3/explicit-connect-after-false-2
#[test]
fn without_auto_connect_it_connects_when_told() {
    let mut client = Client::with_key(json!({"autoConnect": false}));
    assert_eq!((client.state(), client.sockets.len()), (ConnectionState::Initialized, 0));

    client.connect_up();

    assert_eq!(client.sockets.len(), 1);
}
