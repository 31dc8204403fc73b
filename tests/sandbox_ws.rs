//! The sandbox over real WebSockets.
#![cfg(feature = "sandbox")]

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use ably_auth::sandbox::{Effect, Fault, Format, FrameEvent, MAX_FRAME_SIZE, Sandbox, Trigger};
use ably_auth::wire::{Error, ErrorKind, ProtocolMessage, TokenRequest, action};
use futures_util::{SinkExt as _, StreamExt as _};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

const START: i64 = 1_700_000_000_000;
const SECOND: i64 = 1_000;
const HOUR: i64 = 3_600 * SECOND;

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

struct Client(WebSocketStream<Box<dyn Stream>>);

impl Client {
    async fn open(sandbox: &Sandbox, query: &str) -> Client {
        let stream = tcp(sandbox.http_port()).await;
        let request = sandbox.ws_url(query).into_client_request().unwrap();
        Client(client_async(request, Box::new(stream) as Box<dyn Stream>).await.unwrap().0)
    }

    async fn open_secure(sandbox: &Sandbox, query: &str) -> Client {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from(sandbox.root_certificate_der().to_vec())).unwrap();
        let tls = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::from(std::net::IpAddr::from(Ipv4Addr::LOCALHOST));
        let stream = tcp(sandbox.https_port()).await;
        let stream = TlsConnector::from(Arc::new(tls)).connect(name, stream).await.unwrap();
        let url = sandbox.wss_url(query);
        Client(client_async(url, Box::new(stream) as Box<dyn Stream>).await.unwrap().0)
    }

    /// The next frame other than pings.
    async fn next(&mut self) -> Value {
        loop {
            match self.0.next().await.unwrap().unwrap() {
                Message::Text(text) => return serde_json::from_str(&text).unwrap(),
                Message::Binary(bytes) => return Format::MessagePack.read(&bytes).unwrap(),
                Message::Close(frame) => return json!({ "close": frame.map(|frame| u16::from(frame.code)) }),
                Message::Ping(_) => {}
                other => panic!("unexpected: {other:?}"),
            }
        }
    }

    async fn connected(&mut self) -> Value {
        let message = self.next().await;
        assert_eq!(message["action"], action::CONNECTED, "{message}");
        message
    }

    async fn send(&mut self, message: Value) {
        self.0.send(Message::text(message.to_string())).await.unwrap();
    }

    async fn ends_with_error(&mut self) -> (u64, u64) {
        let message = self.next().await;
        assert_eq!(message["action"], action::ERROR, "{message}");
        (message["error"]["code"].as_u64().unwrap(), self.next().await["close"].as_u64().unwrap())
    }

    /// That the socket ends without a word.
    async fn is_cut_off(&mut self) {
        loop {
            match self.0.next().await {
                Some(Ok(Message::Ping(_))) => {}
                Some(Ok(other)) => panic!("unexpected: {other:?}"),
                Some(Err(_)) | None => return,
            }
        }
    }
}

async fn tcp(port: u16) -> TcpStream {
    TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.unwrap()
}

async fn virtual_sandbox() -> Sandbox {
    Sandbox::builder().virtual_time(START).start().await.unwrap()
}

fn token(sandbox: &Sandbox, ttl: i64) -> String {
    let mut wanted = TokenRequest::new(sandbox.key().name());
    wanted.ttl = Some(ttl);
    sandbox.issue_token(&wanted).unwrap().token.expose().to_owned()
}

fn with_token(sandbox: &Sandbox, ttl: i64) -> String {
    format!("v=6&access_token={}", token(sandbox, ttl))
}

#[tokio::test]
async fn tokens_connect_anywhere_and_keys_with_tls() {
    let sandbox = Sandbox::start().await.unwrap();
    let key = format!("v=6&key={}", sandbox.key().expose());
    let token = with_token(&sandbox, HOUR);
    Client::open(&sandbox, &token).await.connected().await;
    Client::open_secure(&sandbox, &token).await.connected().await;
    Client::open_secure(&sandbox, &key).await.connected().await;
    assert_eq!(Client::open(&sandbox, &key).await.ends_with_error().await, (40103, 1_008));
    assert_eq!(Client::open(&sandbox, "v=6").await.ends_with_error().await, (40101, 1_008));
    let unknown = format!("v=6&accessToken={}.unknown", sandbox.app_id());
    assert_eq!(Client::open(&sandbox, &unknown).await.ends_with_error().await, (40143, 1_000));
}

#[tokio::test]
async fn a_day_passes_in_virtual_time() {
    let sandbox = virtual_sandbox().await;
    let mut client = Client::open(&sandbox, &with_token(&sandbox, 24 * HOUR)).await;
    let connected = client.connected().await;
    sandbox.advance(24 * HOUR - 30 * SECOND);
    assert_eq!(client.next().await, json!({ "action": action::AUTH }));
    client.send(json!({ "action": action::AUTH, "auth": { "accessToken": token(&sandbox, HOUR) } })).await;
    let updated = client.connected().await;
    assert_eq!(updated["connectionId"], connected["connectionId"]);
    sandbox.advance(HOUR);
    assert_eq!(client.next().await, json!({ "action": action::AUTH }));
    let message = client.next().await;
    assert_eq!((message["action"].as_i64(), &message["error"]["code"]), (Some(action::DISCONNECTED), &json!(40142)));
    assert_eq!(client.next().await, json!({ "close": 1_000 }));
}

#[tokio::test]
async fn real_time_passes_by_itself() {
    let sandbox = Sandbox::start().await.unwrap();
    let mut client = Client::open(&sandbox, &with_token(&sandbox, 300)).await;
    client.connected().await;
    assert_eq!(client.next().await["error"]["code"], 40142);
}

#[tokio::test]
async fn an_idle_client_is_pinged() {
    let sandbox = virtual_sandbox().await;
    let mut client = Client::open(&sandbox, &with_token(&sandbox, HOUR)).await;
    client.connected().await;
    sandbox.advance(15 * SECOND);
    assert!(matches!(client.0.next().await, Some(Ok(Message::Ping(_)))));
}

#[tokio::test]
async fn dropped_sockets_are_resumed() {
    let sandbox = virtual_sandbox().await;
    let mut client = Client::open(&sandbox, &with_token(&sandbox, HOUR)).await;
    let connected = client.connected().await;
    assert_eq!(sandbox.drop_all_sockets(), 1);
    client.is_cut_off().await;
    let resume = format!("{}&resume={}", with_token(&sandbox, HOUR), connected["connectionKey"].as_str().unwrap());
    let mut client = Client::open(&sandbox, &resume).await;
    assert_eq!(client.connected().await["connectionId"], connected["connectionId"]);
    let id = connected["connectionId"].as_str().unwrap();
    assert!(sandbox.drop_socket(id));
    client.is_cut_off().await;
}

#[tokio::test]
async fn a_client_that_goes_away_is_noticed() {
    let sandbox = virtual_sandbox().await;
    let mut client = Client::open(&sandbox, &with_token(&sandbox, HOUR)).await;
    client.connected().await;
    assert!(sandbox.connections()[0].transport.is_some());
    drop(client);
    sandbox.until(|service| service.connections().all(|connection| connection.transport.is_none()).then_some(())).await;
    assert!(sandbox.frames().iter().any(|record| record.event == FrameEvent::Lost));
}

#[tokio::test]
async fn a_server_dies_and_comes_back() {
    let mut sandbox = virtual_sandbox().await;
    let mut client = Client::open(&sandbox, &with_token(&sandbox, HOUR)).await;
    let connected = client.connected().await;
    let port = sandbox.http_port();
    sandbox.stop().await;
    client.is_cut_off().await;
    assert!(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.is_err());
    sandbox.restart().await.unwrap();
    assert_eq!(sandbox.http_port(), port);
    let resume = format!("{}&resume={}", with_token(&sandbox, HOUR), connected["connectionKey"].as_str().unwrap());
    let mut client = Client::open(&sandbox, &resume).await;
    assert_eq!(client.connected().await["connectionId"], connected["connectionId"]);
}

#[tokio::test]
async fn a_dropped_sandbox_drops_its_clients() {
    let sandbox = virtual_sandbox().await;
    let mut client = Client::open(&sandbox, &with_token(&sandbox, HOUR)).await;
    client.connected().await;
    drop(sandbox);
    client.is_cut_off().await;
}

#[tokio::test]
async fn connections_are_ended_and_asked_from_outside() {
    let sandbox = virtual_sandbox().await;
    let mut clients = Vec::new();
    for _ in 0..100 {
        let mut client = Client::open(&sandbox, &with_token(&sandbox, HOUR)).await;
        client.connected().await;
        clients.push(client);
    }
    assert_eq!(sandbox.request_reauth_of_all(), 100);
    for client in &mut clients {
        assert_eq!(client.next().await, json!({ "action": action::AUTH }));
        client.send(json!({ "action": action::AUTH, "auth": { "accessToken": token(&sandbox, HOUR) } })).await;
        client.connected().await;
    }
    let connections = sandbox.connections();
    assert_eq!(connections.len(), 100);
    let error = || Error::new(ErrorKind::Transport, 80003, 500, "the server goes away");
    assert!(sandbox.disconnect(&connections[0].id, error()));
    assert_eq!(clients[0].next().await["action"], action::DISCONNECTED);
    assert!(sandbox.fail(&connections[1].id, error()));
    assert_eq!(clients[1].ends_with_error().await, (80003, 1_008));
    assert!(sandbox.request_reauth(&connections[2].id));
    assert!(sandbox.send(&connections[2].id, ProtocolMessage::new(99)));
    assert_eq!(clients[2].next().await["action"], action::AUTH);
    assert_eq!(clients[2].next().await["action"], 99);
}

#[tokio::test]
async fn messages_go_from_client_to_client() {
    let sandbox = virtual_sandbox().await;
    let mut reader = Client::open(&sandbox, &with_token(&sandbox, HOUR)).await;
    let mut writer = Client::open(&sandbox, &with_token(&sandbox, HOUR)).await;
    reader.connected().await;
    writer.connected().await;
    reader.send(json!({ "action": action::ATTACH, "channel": "a" })).await;
    assert_eq!(reader.next().await["action"], action::ATTACHED);
    // JSON in a binary message is JSON.
    let message = json!({ "action": action::MESSAGE, "msgSerial": 0, "channel": "a", "messages": [{ "data": "hi" }] });
    writer.0.send(Message::binary(message.to_string())).await.unwrap();
    let ack = writer.next().await;
    assert_eq!((&ack["action"], &ack["msgSerial"], &ack["count"]), (&json!(action::ACK), &json!(0), &json!(1)));
    let message = &reader.next().await["messages"][0];
    assert_eq!((&message["data"], &message["serial"]), (&json!("hi"), &ack["res"][0]["serials"][0]));
    writer.send(json!({ "action": action::CLOSE })).await;
    assert_eq!(writer.next().await, json!({ "action": action::CLOSED }));
    assert_eq!(writer.next().await, json!({ "close": 1_000 }));
}

#[tokio::test]
async fn messages_go_from_format_to_format() {
    let sandbox = virtual_sandbox().await;
    let mut packed = Client::open(&sandbox, &format!("{}&format=msgpack", with_token(&sandbox, HOUR))).await;
    let mut plain = Client::open(&sandbox, &format!("{}&format=json", with_token(&sandbox, HOUR))).await;
    for client in [&mut packed, &mut plain] {
        client.connected().await;
    }
    let attach = json!({ "action": action::ATTACH, "channel": "a" });
    packed.0.send(Message::binary(Format::MessagePack.write(&attach))).await.unwrap();
    plain.send(attach).await;
    for client in [&mut packed, &mut plain] {
        assert_eq!(client.next().await["action"], action::ATTACHED);
    }
    let messages = json!([{ "data": "AP8=", "encoding": "base64" }]);
    let message = json!({ "action": action::MESSAGE, "msgSerial": 0, "channel": "a", "messages": messages });
    let frame = Format::MessagePack.write(&message);
    assert!(frame.windows(4).any(|window| window == b"\xc4\x02\x00\xff"), "it is binary on the wire");
    packed.0.send(Message::binary(frame)).await.unwrap();
    assert_eq!(packed.next().await["action"], action::ACK);
    let Some(Ok(Message::Binary(delivered))) = packed.0.next().await else { panic!("expected a binary message") };
    assert!(delivered.windows(4).any(|window| window == b"\xc4\x02\x00\xff"));
    let delivered = plain.next().await;
    assert_eq!(
        (&delivered["messages"][0]["data"], &delivered["messages"][0]["encoding"]),
        (&json!("AP8="), &json!("base64"))
    );

    packed.0.send(Message::binary(vec![0x91; 1_000])).await.unwrap();
    assert_eq!(packed.ends_with_error().await, (40000, 1_008));
}

#[tokio::test]
async fn websockets_meet_faults() {
    let sandbox = Sandbox::builder().latency(Duration::from_millis(2)).start().await.unwrap();
    let inject = |effect| sandbox.inject(Fault::new(Trigger::WebSocket, effect)).unwrap();
    inject(Effect::Drop);
    let request = sandbox.ws_url(&with_token(&sandbox, HOUR)).into_client_request().unwrap();
    assert!(client_async(request, tcp(sandbox.http_port()).await).await.is_err());
    inject(Effect::Delay { milliseconds: 1 });
    let mut client = Client::open(&sandbox, &with_token(&sandbox, HOUR)).await;
    client.connected().await;
    sandbox.inject(Fault::new(Trigger::frame(action::HEARTBEAT), Effect::Delay { milliseconds: 20 })).unwrap();
    client.send(json!({ "action": action::HEARTBEAT, "id": "late" })).await;
    assert_eq!(client.next().await, json!({ "action": action::HEARTBEAT, "id": "late" }));
    assert_eq!(sandbox.request_reauth_of_all(), 1);
    assert_eq!(client.next().await["action"], action::AUTH);
}

#[tokio::test]
async fn bad_frames_end_the_connection() {
    let sandbox = virtual_sandbox().await;
    for (frame, end) in [
        (Message::text("{"), (40000, 1_008)),
        (Message::binary(vec![0xff; 10]), (40000, 1_008)),
        (Message::text("x".repeat(MAX_FRAME_SIZE + 1)), (40009, 1_008)),
    ] {
        let mut client = Client::open(&sandbox, &with_token(&sandbox, HOUR)).await;
        client.connected().await;
        client.0.send(frame).await.unwrap();
        assert_eq!(client.ends_with_error().await, end);
    }
    assert_eq!(sandbox.connections().len(), 0);
}

#[tokio::test]
async fn a_frame_beyond_measure_is_not_even_read() {
    let sandbox = virtual_sandbox().await;
    let mut client = Client::open(&sandbox, &with_token(&sandbox, HOUR)).await;
    client.connected().await;
    let _ = client.0.send(Message::text("x".repeat(16 * MAX_FRAME_SIZE))).await;
    let end = client.0.next().await;
    let was_closed = matches!(&end, Some(Ok(Message::Close(Some(frame)))) if u16::from(frame.code) == 1_009);
    assert!(was_closed || matches!(end, Some(Err(_)) | None), "{end:?}");
    sandbox.until(|service| service.connections().all(|connection| connection.transport.is_none()).then_some(())).await;
}

#[tokio::test]
async fn a_client_that_does_not_read_is_cut_off() {
    let sandbox = virtual_sandbox().await;
    let mut client = Client::open(&sandbox, &with_token(&sandbox, HOUR)).await;
    let connected = client.connected().await;
    let id = connected["connectionId"].as_str().unwrap();
    let filler = json!({ "action": 99, "filler": "x".repeat(64 * 1_024) });
    let mut sent = 0;
    while sandbox.send(id, ProtocolMessage::from_members(filler.as_object().unwrap().clone())) {
        sent += 1;
        assert!(sent < 10_000, "nothing bounds the queue");
        tokio::task::yield_now().await;
    }
    assert!(sandbox.connections()[0].transport.is_none());
}

#[tokio::test]
async fn what_is_no_websocket_is_answered_as_http() {
    let sandbox = virtual_sandbox().await;
    let refused = |result: Result<_, tungstenite::Error>| match result {
        Err(tungstenite::Error::Http(response)) => response.status().as_u16(),
        Err(other) => panic!("{other}"),
        Ok::<(WebSocketStream<TcpStream>, _), _>(_) => 101,
    };
    let url = format!("{}&format=xml", sandbox.ws_url(&with_token(&sandbox, HOUR)));
    assert_eq!(refused(client_async(url, tcp(sandbox.http_port()).await).await), 400);
    let url = sandbox.ws_url("").replace("/?", "/elsewhere?");
    assert_eq!(refused(client_async(url, tcp(sandbox.http_port()).await).await), 404);

    for (headers, status) in [
        // The page that shows what is alive.
        ("", "200"),
        ("Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n", "400"),
        ("Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: x\r\nSec-WebSocket-Version: 8\r\n", "400"),
        ("Upgrade: websocket\r\nSec-WebSocket-Key: x\r\nSec-WebSocket-Version: 13\r\n", "400"),
    ] {
        let mut stream = tcp(sandbox.http_port()).await;
        let request = format!("GET / HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(std::str::from_utf8(&answer).unwrap(), format!("HTTP/1.1 {status}"));
    }
    assert!(sandbox.connections().is_empty());
}
