//! Frames: odd ones, many of them, and a reader that is slow.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ably_auth::wire::action;
use ably_auth::{ConnectionState, NoticeKind};
use tokio::io::AsyncWriteExt as _;
use tokio::task::yield_now;
use tokio_tungstenite::tungstenite::Message;

use super::raw::{Peer, Server};
use super::*;

async fn connected(server: &Server) -> (Realtime, Peer) {
    connected_with(server, server.options()).await
}

async fn connected_with(server: &Server, options: ClientOptions) -> (Realtime, Peer) {
    let realtime = Realtime::builder(options).build().unwrap();
    let peer = server.connect().await;
    realtime.connected().await.unwrap();
    (realtime, peer)
}

/// A frame of the application's, with a number.
fn numbered(number: usize) -> Value {
    json!({ "action": action::MESSAGE, "channel": "a", "number": number })
}

fn number(message: &ProtocolMessage) -> u64 {
    message.member("number").and_then(Value::as_u64).unwrap()
}

#[tokio::test]
async fn what_is_no_message_is_ignored_with_a_notice() {
    let server = Server::start().await;
    let (realtime, mut peer) = connected(&server).await;
    let (mut frames, mut notices) = (realtime.frames(), realtime.auth().notices());
    let deep = "[".repeat(100_000);

    for odd in ["", "{", "[1]", "null", "\"text\"", "{\"action\":4,", &deep] {
        peer.say(Message::text(odd)).await;
        assert_eq!(notices.next().await.unwrap().kind, NoticeKind::MalformedFrame, "{odd:.20}");
    }
    peer.say(Message::binary(vec![0x81, 0xa6])).await;
    assert_eq!(notices.next().await.unwrap().kind, NoticeKind::MalformedFrame);
    for unknown in [json!({}), json!({ "action": 4_000 }), json!({ "action": "x", "number": -1.5 })] {
        peer.send(unknown.clone()).await;
        assert_eq!(frames.next().await.unwrap(), message(unknown));
    }

    peer.send(numbered(7)).await;
    assert_eq!(number(&frames.next().await.unwrap()), 7);
    assert_eq!(realtime.state(), ConnectionState::Connected);
}

#[tokio::test]
async fn frames_come_in_pieces_and_many_at_once() {
    let server = Server::start().await;
    let (realtime, mut peer) = connected(&server).await;
    let mut frames = realtime.frames();
    let text = numbered(1).to_string();
    let (one, two) = text.as_bytes().split_at(9);
    let frame = |first: u8, payload: &[u8]| [&[first, u8::try_from(payload.len()).unwrap()], payload].concat();
    // Two fragments with a ping between them, and twice the whole, byte by byte and then all at once.
    let bytes = [frame(0x01, one), frame(0x89, b"x"), frame(0x80, two), frame(0x81, text.as_bytes())].concat();

    for byte in &bytes {
        peer.raw().write_all(&[*byte]).await.unwrap();
        yield_now().await;
    }
    peer.raw().write_all(&bytes).await.unwrap();

    for _ in 0..4 {
        assert_eq!(number(&frames.next().await.unwrap()), 1);
    }
}

#[tokio::test]
async fn bytes_that_are_no_websocket_end_the_socket() {
    // A masked frame, reserved bits, a control frame in fragments, a continuation of nothing, invalid UTF-8.
    let nonsense: [&[u8]; 5] = [&[0x81, 0x80, 1, 2, 3, 4], &[0xf1, 0], &[0x09, 0], &[0x80, 0], &[0x81, 1, 0xff]];
    let server = Server::start().await;
    let realtime = Realtime::builder(server.options()).build().unwrap();
    let mut changes = realtime.state_changes();
    for bytes in nonsense {
        let mut peer = server.connect().await;
        until(&mut changes, Some(ConnectionState::Connected)).await;
        peer.raw().write_all(bytes).await.unwrap();
        let (state, reason) = next(&mut changes).await;
        assert_eq!((state, code(reason)), (Some(ConnectionState::Disconnected), Some(80_003)), "{bytes:?}");
    }
}

#[tokio::test]
async fn large_frames_are_read_and_enormous_ones_refused() {
    let server = Server::start().await;
    let realtime = Realtime::builder(server.options()).build().unwrap();
    let (mut changes, mut frames) = (realtime.state_changes(), realtime.frames());
    let mut peer = server.connect().await;
    until(&mut changes, Some(ConnectionState::Connected)).await;

    let large = json!({ "action": action::MESSAGE, "number": 1, "data": "x".repeat(15 << 20) });
    let (frame, ()) = tokio::join!(frames.next(), peer.send(large));
    assert_eq!(number(&frame.unwrap()), 1);

    // A frame of 17 MiB is announced; it need not come.
    let mut head = vec![0x81, 127];
    head.extend(u64::to_be_bytes(17 << 20));
    peer.raw().write_all(&head).await.unwrap();
    let (state, reason) = next(&mut changes).await;
    assert_eq!((state, code(reason)), (Some(ConnectionState::Disconnected), Some(80_003)));
}

#[tokio::test]
async fn frames_out_of_order_do_no_harm() {
    let server = Server::start().await;
    let realtime = Realtime::builder(server.options()).build().unwrap();
    let mut frames = realtime.frames();
    let mut peer = server.accept().await;
    // Before CONNECTED: an answer to nothing, a request for a token, frames of a channel.
    for frame in [json!({ "action": action::CLOSED, "channel": "a" }), json!({ "action": action::AUTH }), numbered(1)] {
        peer.send(frame).await;
        if peer.0.get_ref().peer_addr().is_err() {
            break;
        }
    }
    // CLOSED ends the attempt; the next one is as it should be, with some frames too many.
    drop(peer);
    let mut peer = server.accept().await;
    peer.send(json!({ "action": action::AUTH })).await;
    peer.send(numbered(2)).await;
    peer.send(server.connected()).await;
    peer.send(server.connected()).await;
    peer.send(json!({ "action": action::HEARTBEAT })).await;
    peer.send(json!({ "action": action::CONNECT })).await;
    peer.send(numbered(3)).await;

    realtime.connected().await.unwrap();
    let mut numbers = Vec::new();
    while numbers.last() != Some(&3) {
        let frame = frames.next().await.unwrap();
        numbers.extend(frame.member("number").and_then(Value::as_u64));
    }
    assert!(numbers.ends_with(&[2, 3]), "{numbers:?}");
}

#[tokio::test]
async fn a_slow_reader_holds_back_the_server_and_loses_nothing() {
    const FRAMES: usize = 4_096;
    let mut server = Server::start().await;
    server.max_idle_interval = 1;
    let mut options = server.options();
    options.realtime_request_timeout = 5_000;
    let (realtime, mut peer) = connected_with(&server, options.clone()).await;
    let (mut frames, mut changes) = (realtime.frames(), realtime.state_changes());
    let sent = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&sent);
    let sending = tokio::spawn(async move {
        for index in 0..FRAMES {
            let mut frame = numbered(index);
            frame["filler"] = "x".repeat(16 << 10).into();
            peer.send(frame).await;
            counted.fetch_add(1, Ordering::SeqCst);
        }
        peer
    });

    // Nobody reads for longer than a silent connection is kept. Another one, which is silent, tells when that is.
    let (silent, _peer_of_silent) = connected_with(&server, options).await;
    let mut changes_of_silent = silent.state_changes();
    assert_eq!(next(&mut changes_of_silent).await.0, Some(ConnectionState::Disconnected));
    assert!(sent.load(Ordering::SeqCst) < FRAMES, "nothing holds the server back");
    assert_eq!(realtime.state(), ConnectionState::Connected);

    for index in 0..FRAMES {
        assert_eq!(number(&frames.next().await.unwrap()), index as u64);
    }
    let _peer = sending.await.unwrap();
    drop(realtime);
    assert_eq!(changes.next().await, None, "it was connected all the time");
}

#[tokio::test]
async fn there_is_one_reader_or_none() {
    let server = Server::start().await;
    let (realtime, mut peer) = connected(&server).await;
    let mut notices = realtime.auth().notices();

    // Nobody reads: far more than may wait for a reader are dropped.
    for index in 0..1_000 {
        peer.send(numbered(index)).await;
    }
    peer.say(Message::text("?")).await;
    notices.next().await.unwrap();

    let mut first = realtime.frames();
    for index in 0..100 {
        peer.send(numbered(index)).await;
    }
    assert_eq!(number(&first.next().await.unwrap()), 0);
    // Another one takes over while the socket waits for the first.
    let mut second = realtime.frames();
    let mut count = 1;
    while first.next().await.is_some() {
        count += 1;
    }
    assert!(count < 100, "the first one's end");
    assert_eq!(number(&second.next().await.unwrap()), count);

    // And it goes away.
    drop(second);
    for index in 0..1_000 {
        peer.send(numbered(index)).await;
    }
    peer.say(Message::text("?")).await;
    notices.next().await.unwrap();
    assert_eq!(realtime.state(), ConnectionState::Connected);
}

#[tokio::test]
async fn frames_go_out_in_order() {
    const FRAMES: usize = 1_000;
    let server = Server::start().await;
    let (realtime, mut peer) = connected(&server).await;

    let sending = tokio::spawn(async move {
        for index in 0..FRAMES {
            realtime.send(message(numbered(index))).await.unwrap();
        }
        realtime
    });

    for index in 0..FRAMES {
        assert_eq!(peer.next().await.unwrap()["number"], index);
    }
    sending.await.unwrap();
}
