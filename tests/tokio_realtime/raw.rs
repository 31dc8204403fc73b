//! A server that does what a test tells it to.

use std::net::Ipv4Addr;

use ably_auth::options::{AuthOptions, ClientOptions, Endpoint};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, accept_async};

use ably_auth::wire::action;

pub(crate) struct Server {
    listener: TcpListener,
    /// How long a connection may be silent, in milliseconds.
    pub(crate) max_idle_interval: i64,
}

impl Server {
    pub(crate) async fn start() -> Server {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        Server { listener, max_idle_interval: 600_000 }
    }

    /// Options of a client of this server.
    pub(crate) fn options(&self) -> ClientOptions {
        let mut options = ClientOptions::with_auth(AuthOptions::with_token("a.token"));
        options.tls = false;
        options.endpoint = Endpoint::Host(Ipv4Addr::LOCALHOST.to_string());
        options.port = Some(self.listener.local_addr().unwrap().port());
        options.disconnected_retry_timeout = 10;
        options
    }

    /// Whoever knocks next.
    pub(crate) async fn knock(&self) -> TcpStream {
        self.listener.accept().await.unwrap().0
    }

    /// The next client, as far as the WebSocket.
    pub(crate) async fn accept(&self) -> Peer {
        Peer(accept_async(self.knock().await).await.unwrap())
    }

    /// The next client, connected.
    pub(crate) async fn connect(&self) -> Peer {
        let mut peer = self.accept().await;
        peer.send(self.connected()).await;
        peer
    }

    /// Connects whoever knocks, for ever. One that has left before it was let in is no matter.
    pub(crate) async fn connect_everybody(&self) {
        let mut peers = Vec::new();
        loop {
            if let Ok(mut socket) = accept_async(self.knock().await).await {
                let _ = socket.send(Message::text(self.connected().to_string())).await;
                peers.push(socket);
            }
        }
    }

    pub(crate) fn connected(&self) -> Value {
        json!({
            "action": action::CONNECTED,
            "connectionId": "an.id",
            "connectionDetails": { "connectionKey": "a.key", "maxIdleInterval": self.max_idle_interval },
        })
    }
}

pub(crate) struct Peer(pub(crate) WebSocketStream<TcpStream>);

impl Peer {
    pub(crate) async fn send(&mut self, frame: Value) {
        self.say(Message::text(frame.to_string())).await;
    }

    pub(crate) async fn say(&mut self, message: Message) {
        self.0.send(message).await.unwrap();
    }

    /// The next frame; `None` once the client has closed the socket.
    pub(crate) async fn next(&mut self) -> Option<Value> {
        loop {
            match self.0.next().await {
                Some(Ok(Message::Text(text))) => return serde_json::from_str(&text).unwrap(),
                Some(Ok(Message::Close(_))) | Some(Err(_)) | None => return None,
                Some(Ok(_)) => {}
            }
        }
    }

    /// Bytes as they are.
    pub(crate) fn raw(&mut self) -> &mut TcpStream {
        self.0.get_mut()
    }
}
