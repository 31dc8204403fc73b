//! How fast a sandbox starts, and how long it takes to connect a thousand clients at once.

use std::sync::LazyLock;

use ably_auth::sandbox::Sandbox;
use ably_auth::wire::TokenRequest;
use divan::Bencher;
use divan::counter::ItemsCount;
use futures_util::StreamExt as _;
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;
use tokio_tungstenite::{WebSocketStream, client_async};

const CONNECTIONS: usize = 1_000;

fn main() {
    divan::main();
}

/// Clients and sandbox share it, as they share the processors.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Builder::new_multi_thread().enable_all().build().unwrap());

/// With a fresh certificate, and until a client has reached it.
#[divan::bench]
fn start() -> u16 {
    RUNTIME.block_on(async {
        let sandbox = Sandbox::start().await.unwrap();
        TcpStream::connect(("127.0.0.1", sandbox.http_port())).await.unwrap();
        sandbox.http_port()
    })
}

/// Connects all, each with a token, and holds them until every one is CONNECTED.
#[divan::bench(sample_count = 10, sample_size = 1)]
fn connect_at_once(bencher: Bencher) {
    let sandbox = RUNTIME.block_on(Sandbox::start()).unwrap();
    let token = sandbox.issue_token(&TokenRequest::new(sandbox.key().name())).unwrap();
    let url = sandbox.ws_url(&format!("v=6&format=msgpack&access_token={}", token.token.expose()));
    bencher.counter(ItemsCount::new(CONNECTIONS)).bench_local(|| {
        RUNTIME.block_on(async {
            let mut connecting = JoinSet::new();
            for _ in 0..CONNECTIONS {
                connecting.spawn(connect(url.clone(), sandbox.http_port()));
            }
            let clients = connecting.join_all().await;
            let open = sandbox.connections().iter().filter(|connection| connection.transport.is_some()).count();
            assert_eq!((clients.len(), open), (CONNECTIONS, CONNECTIONS));
            drop(clients);
            sandbox
                .until(|service| service.connections().all(|connection| connection.transport.is_none()).then_some(()))
                .await;
        });
    });
}

/// A client that has got its first frame.
async fn connect(url: String, port: u16) -> WebSocketStream<TcpStream> {
    let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let mut client = client_async(url, stream).await.unwrap().0;
    assert!(client.next().await.unwrap().unwrap().is_binary());
    client
}
