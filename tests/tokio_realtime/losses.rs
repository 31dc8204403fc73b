//! Connections that are lost, and come back.

use std::sync::Arc;

use ably_auth::ConnectionState;
use ably_auth::connection::ConnectionEventKind;
use ably_auth::wire::action;
use futures_util::{SinkExt as _, StreamExt as _};
use tokio_tungstenite::tungstenite::Message;

use super::raw::Server;
use super::*;

const LOST_AND_BACK: [Option<ConnectionState>; 3] =
    [Some(ConnectionState::Disconnected), Some(ConnectionState::Connecting), Some(ConnectionState::Connected)];

/// A server and options with which a silent connection is lost after two seconds.
async fn impatient() -> (Server, ClientOptions) {
    let mut server = Server::start().await;
    server.max_idle_interval = 1;
    let mut options = server.options();
    options.realtime_request_timeout = 2_000;
    (server, options)
}

#[tokio::test]
async fn a_socket_that_is_cut_off_is_replaced() {
    let sandbox = sandbox().await;
    let realtime = client_with_callback(&sandbox, sandbox.key(), HOUR);
    let mut changes = realtime.state_changes();
    until(&mut changes, Some(ConnectionState::Connected)).await;
    let id = realtime.id();

    sandbox.drop_all_sockets();

    assert_eq!(until(&mut changes, Some(ConnectionState::Connected)).await, LOST_AND_BACK);
    assert_eq!((realtime.id(), sandbox.tokens().len()), (id, 1), "resumed, with the token it had");
}

#[tokio::test]
async fn a_server_dies_and_comes_back() {
    let mut sandbox = sandbox().await;
    let mut options = sandbox.options(AuthOptions::with_token(issue(&sandbox, HOUR)));
    options.tls = false;
    let realtime = client(&sandbox, options);
    let mut changes = realtime.state_changes();
    until(&mut changes, Some(ConnectionState::Connected)).await;
    let id = realtime.id();

    let server = Arc::get_mut(&mut sandbox).unwrap();
    server.stop().await;
    for _ in 0..2 {
        until(&mut changes, Some(ConnectionState::Disconnected)).await;
    }
    let reason = realtime.error_reason().unwrap();
    assert!(reason.message().contains("no connection could be made"), "{reason}");
    server.restart().await.unwrap();

    realtime.connected().await.unwrap();
    assert_eq!((realtime.id(), realtime.error_reason()), (id, None));
}

#[tokio::test]
async fn a_server_that_is_silent_is_left() {
    let (server, options) = impatient().await;
    let realtime = Realtime::builder(options).build().unwrap();
    let mut changes = realtime.state_changes();
    // It keeps the socket and neither reads nor writes.
    let mut half_open = server.connect().await;
    until(&mut changes, Some(ConnectionState::Connected)).await;

    let frame = json!({ "action": 99, "filler": "x".repeat(1 << 20) });
    let sending = async {
        loop {
            if let Err(error) = realtime.send(message(frame.clone())).await {
                return error;
            }
        }
    };
    let (error, (state, reason), _peer) = tokio::join!(sending, next(&mut changes), async { server.connect().await });

    assert_eq!(error.code(), 80_003);
    assert_eq!((state, code(reason)), (Some(ConnectionState::Disconnected), Some(80_003)));
    realtime.connected().await.unwrap();
    // What was on its way when the socket was left may still come, and then its end.
    while half_open.next().await.is_some() {}
}

#[tokio::test]
async fn pings_are_signs_of_life() {
    let (server, options) = impatient().await;
    let realtime = Realtime::builder(options.clone()).build().unwrap();
    let mut peer = server.connect().await;
    realtime.connected().await.unwrap();
    let mut changes = realtime.state_changes();
    // Another one, which hears nothing, tells when there was time enough to be lost.
    let silent = Realtime::builder(options).build().unwrap();
    let _peer_of_silent = server.connect().await;
    silent.connected().await.unwrap();
    let mut changes_of_silent = silent.state_changes();

    let pinging = async {
        loop {
            peer.say(Message::Ping(Vec::new().into())).await;
            while !matches!(peer.0.next().await, Some(Ok(Message::Pong(_)))) {}
        }
    };
    tokio::select! {
        () = pinging => {}
        change = changes.next() => panic!("{change:?}"),
        (state, _) = next(&mut changes_of_silent) => assert_eq!(state, Some(ConnectionState::Disconnected)),
    }

    assert_eq!(realtime.state(), ConnectionState::Connected);
}

#[tokio::test]
async fn a_server_that_never_connects_is_given_up() {
    let (server, mut options) = impatient().await;
    options.realtime_request_timeout = 50;
    let realtime = Realtime::builder(options).build().unwrap();
    let mut changes = realtime.state_changes();
    let mut stuck = Vec::new();

    // The upgrade is not answered, then CONNECTED does not come.
    for upgraded in [false, true] {
        let mut socket = server.knock().await;
        if upgraded {
            socket = tokio_tungstenite::accept_async(socket)
                .await
                .map_or_else(|error| panic!("{error}"), |it| it.into_inner());
        }
        stuck.push(socket);
        let mut reason = None;
        while reason.is_none() {
            reason = next(&mut changes).await.1;
        }
        assert_eq!(code(reason), Some(80_003));
    }
}

#[tokio::test]
async fn an_answer_that_is_no_upgrade_is_an_error() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    let server = Server::start().await;
    let realtime = Realtime::builder(server.options()).build().unwrap();
    let mut changes = realtime.state_changes();
    for (answer, expected) in [
        ("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n", "status 503"),
        ("SSH-2.0-OpenSSH_9.6\r\n\r\n", "protocol"),
        ("", "no answer"),
    ] {
        let mut socket = server.knock().await;
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            socket.read_buf(&mut request).await.unwrap();
        }
        socket.write_all(answer.as_bytes()).await.unwrap();
        drop(socket);
        let reason = loop {
            if let (Some(ConnectionState::Disconnected), reason) = next(&mut changes).await {
                break reason.unwrap();
            }
        };
        assert_eq!(reason.code(), 80_003);
        assert!(reason.message().contains(expected), "{expected}: {reason}");
        assert!(!reason.message().contains("a.token"));
    }
}

#[tokio::test]
async fn the_network_goes_and_comes() {
    let server = Server::start().await;
    let mut options = server.options();
    // Nothing but the network's return ends the wait.
    options.disconnected_retry_timeout = 3_600_000;
    let realtime = Realtime::builder(options).build().unwrap();
    let mut peer = server.connect().await;
    realtime.connected().await.unwrap();

    realtime.network(false);
    assert_eq!(realtime.state(), ConnectionState::Connecting);
    realtime.network(false);
    assert_eq!(realtime.state(), ConnectionState::Disconnected);
    assert_eq!(peer.next().await, None, "the socket is closed");
    realtime.network(true);

    // The attempt that was given up may have knocked too.
    tokio::select! {
        connected = realtime.connected() => connected.unwrap(),
        () = server.connect_everybody() => {}
    }
}

#[tokio::test]
async fn a_socket_is_closed_politely_and_in_the_background() {
    let server = Server::start().await;
    let realtime = Realtime::builder(server.options()).build().unwrap();
    let mut peer = server.connect().await;
    realtime.connected().await.unwrap();

    let (closed, ()) = tokio::join!(realtime.close(), async {
        assert_eq!(peer.next().await.unwrap()["action"], action::CLOSE);
        peer.send(json!({ "action": action::CLOSED })).await;
    });

    assert_eq!((closed, realtime.state()), ((), ConnectionState::Closed));
    match peer.0.next().await {
        Some(Ok(Message::Close(Some(frame)))) => assert_eq!(u16::from(frame.code), 1_000),
        other => panic!("{other:?}"),
    }
    let _ = peer.0.flush().await;
}

#[tokio::test]
async fn a_server_that_closes_the_socket_is_answered() {
    let server = Server::start().await;
    let realtime = Realtime::builder(server.options()).build().unwrap();
    let mut changes = realtime.state_changes();
    let mut peer = server.connect().await;
    until(&mut changes, Some(ConnectionState::Connected)).await;

    peer.0.close(None).await.unwrap();

    assert!(matches!(peer.0.next().await, Some(Ok(Message::Close(_)))));
    let change = changes.next().await.unwrap();
    assert_eq!(change.event, ConnectionEventKind::State(ConnectionState::Disconnected));
    let _peer = server.connect().await;
    realtime.connected().await.unwrap();
}
