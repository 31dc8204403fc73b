//! WebSockets: from the request that opens one to its end.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::header::{CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE};
use axum::http::{HeaderName, HeaderValue, StatusCode, request};
use axum::response::{IntoResponse as _, Response};
use futures_util::{SinkExt as _, StreamExt as _};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::sync::mpsc;
use tokio::time::{sleep_until, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};

use super::deliver;
use super::shared::{Outgoing, Shared};
use crate::sandbox::service::{MAX_FRAME_SIZE, TransportId};

/// How long a client may take to read what it is sent, or to close its side.
const PATIENCE: Duration = Duration::from_secs(30);

type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// Whether a request wants to become a WebSocket.
pub(super) fn is_wanted(head: &request::Parts) -> bool {
    head.uri.path() == "/" && has_token(head, &UPGRADE, "websocket")
}

/// Answers a request that wants to become a WebSocket, and carries what it becomes.
pub(super) async fn accept(shared: &Arc<Shared>, mut head: request::Parts, secure: bool) -> Response {
    let is_version_13 = head.headers.get(SEC_WEBSOCKET_VERSION).is_some_and(|version| version == "13");
    let accept = head.headers.get(SEC_WEBSOCKET_KEY).map(|key| derive_accept_key(key.as_bytes()));
    let upgrade = head.extensions.remove::<OnUpgrade>();
    let (Some(accept), Some(upgrade), true, true) =
        (accept, upgrade, is_version_13, has_token(&head, &CONNECTION, "upgrade"))
    else {
        return (StatusCode::BAD_REQUEST, [(SEC_WEBSOCKET_VERSION, "13")]).into_response();
    };
    let request = deliver::read_head(&head, secure);
    let delay = shared.run(|service, _| service.take_delay_of_websocket());
    deliver::wait(Duration::from_millis(delay)).await;
    let opened = shared.open(&request, |transport, outgoing| {
        tokio::spawn(carry(upgrade, outgoing, Arc::clone(shared), transport)).abort_handle()
    });
    if let Err(reply) = opened {
        return deliver::deliver(reply, shared.latency()).await;
    }
    deliver::wait(shared.latency()).await;
    let upgraded = [
        (CONNECTION, HeaderValue::from_static("Upgrade")),
        (UPGRADE, HeaderValue::from_static("websocket")),
        (SEC_WEBSOCKET_ACCEPT, HeaderValue::from_str(&accept).unwrap_or(HeaderValue::from_static(""))),
    ];
    (StatusCode::SWITCHING_PROTOCOLS, upgraded, Body::empty()).into_response()
}

fn has_token(head: &request::Parts, name: &HeaderName, token: &str) -> bool {
    let values = head.headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|value| value.trim().eq_ignore_ascii_case(token))
}

/// Carries a transport to its end.
async fn carry(upgrade: OnUpgrade, outgoing: mpsc::Receiver<Outgoing>, shared: Arc<Shared>, transport: TransportId) {
    if let Ok(Ok(upgraded)) = timeout(PATIENCE, upgrade).await {
        // What is a little too large gets an answer of the service's.
        let config = WebSocketConfig::default()
            .max_message_size(Some(2 * MAX_FRAME_SIZE))
            .max_frame_size(Some(2 * MAX_FRAME_SIZE));
        let io = TokioIo::new(upgraded);
        let mut socket = WebSocketStream::from_raw_socket(io, Role::Server, Some(config)).await;
        exchange(&mut socket, outgoing, &shared, transport).await;
    }
    shared.close(transport);
}

/// Carries messages both ways until one side is done.
async fn exchange(
    socket: &mut Socket,
    mut outgoing: mpsc::Receiver<Outgoing>,
    shared: &Shared,
    transport: TransportId,
) {
    loop {
        tokio::select! {
            message = outgoing.recv() => {
                let Some((due, message)) = message else { return };
                if let Some(due) = due {
                    sleep_until(due).await;
                }
                let is_last = message.is_close();
                if !matches!(timeout(PATIENCE, socket.send(message)).await, Ok(Ok(()))) {
                    return;
                }
                if is_last {
                    return drain(socket).await;
                }
            }
            message = socket.next() => match message {
                Some(Ok(Message::Text(text))) => take(shared, transport, text.as_bytes()),
                Some(Ok(Message::Binary(bytes))) => take(shared, transport, &bytes),
                // Pings and the client's closing are answered by the next read.
                Some(Ok(_)) => {}
                Some(Err(Error::Capacity(_))) => {
                    let too_large = CloseFrame { code: CloseCode::Size, reason: Utf8Bytes::default() };
                    let _ = timeout(PATIENCE, socket.close(Some(too_large))).await;
                    return;
                }
                Some(Err(_)) | None => return,
            },
        }
    }
}

fn take(shared: &Shared, transport: TransportId, frame: &[u8]) {
    shared.run(|service, now| service.handle_frame(transport, frame, now));
}

/// Waits for the client to close its side too.
async fn drain(socket: &mut Socket) {
    let _ = timeout(PATIENCE, async { while let Some(Ok(_)) = socket.next().await {} }).await;
}
