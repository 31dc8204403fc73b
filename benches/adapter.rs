//! Requests per second through the adapter, beside those of a bare client of the same HTTP crate.

use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};

use ably_auth::RestRequest;
use ably_auth::options::{AuthOptions, ClientOptions, Endpoint};
use ably_auth::tokio::Auth;
use divan::Bencher;
use divan::counter::ItemsCount;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;

/// How many requests are on their way at the same time.
const CONCURRENCY: [usize; 3] = [1, 8, 64];
const REQUESTS: usize = 512;

const ANSWER: &[u8] =
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 29\r\n\r\n{\"channelId\":\"a\",\"status\":{}}";

fn main() {
    divan::main();
}

/// Clients and server share it, as they share the processors.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Builder::new_multi_thread().enable_all().build().unwrap());

static SERVER: LazyLock<SocketAddr> = LazyLock::new(|| {
    RUNTIME.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(serve(socket));
            }
        });
        address
    })
});

/// As little of a server as will do: every request is a head without a body.
async fn serve(mut socket: TcpStream) {
    socket.set_nodelay(true).unwrap();
    let mut request = Vec::new();
    while socket.read_buf(&mut request).await.is_ok_and(|length| length > 0) {
        if request.ends_with(b"\r\n\r\n") {
            request.clear();
            socket.write_all(ANSWER).await.unwrap();
        }
    }
}

#[divan::bench(args = CONCURRENCY)]
fn adapter(bencher: Bencher, concurrency: usize) {
    let mut options = ClientOptions::with_auth(AuthOptions::with_token("a.token"));
    options.tls = false;
    options.endpoint = Endpoint::Host("127.0.0.1".into());
    options.port = Some(SERVER.port());
    let auth = RUNTIME.block_on(async { Auth::builder(options).build().unwrap() });
    run(bencher, concurrency, move || {
        let auth = auth.clone();
        async move {
            let response = auth.request(RestRequest::new("GET", "/channels/a")).await.unwrap();
            assert_eq!(response.response.status, 200);
        }
    });
}

#[divan::bench(args = CONCURRENCY)]
fn bare_client(bencher: Bencher, concurrency: usize) {
    let url = format!("http://{}/channels/a", *SERVER);
    let client = reqwest::Client::builder().tls_backend_preconfigured(no_roots()).build().unwrap();
    run(bencher, concurrency, move || {
        let request = client
            .get(&url)
            .header("x-ably-version", "6")
            .header("ably-agent", "bare/1.0 rust")
            .header("accept", "application/json")
            .header("authorization", "Bearer a.token");
        async move {
            let response = request.send().await.unwrap();
            assert_eq!(response.status(), 200);
            response.bytes().await.unwrap();
        }
    });
}

/// No request here uses TLS; the client only insists on having it.
fn no_roots() -> rustls::ClientConfig {
    rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth()
}

/// Each of so many tasks makes its share of the requests, one after the other.
fn run<F, Fut>(bencher: Bencher, concurrency: usize, request: F)
where
    F: Fn() -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send,
{
    bencher.counter(ItemsCount::new(REQUESTS)).bench(|| {
        RUNTIME.block_on(async {
            let mut tasks = JoinSet::new();
            for _ in 0..concurrency {
                let request = request.clone();
                tasks.spawn(async move {
                    for _ in 0..REQUESTS / concurrency {
                        request().await;
                    }
                });
            }
            tasks.join_all().await
        })
    });
}
