//! Accepting connections, plain or with TLS, and serving them.

use std::io;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

use super::deliver::NoResponse;

/// How long a client may take for a TLS handshake, or for the head of a request.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long the head of a request may be, in bytes.
const MAX_HEAD: usize = 64 * 1_024;

/// Serves connections for ever. They end with the future.
pub(super) async fn serve(listener: TcpListener, tls: Option<TlsAcceptor>, router: Router) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(serve_connection(stream, tls.clone(), router.clone()));
                }
                // Out of file descriptors, most likely: some will be closed.
                Err(_) => sleep(Duration::from_millis(10)).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Serves one connection. However it ends is the client's concern.
async fn serve_connection(stream: TcpStream, tls: Option<TlsAcceptor>, router: Router) {
    let _ = stream.set_nodelay(true);
    let _ = match tls {
        None => serve_requests(stream, router).await,
        Some(tls) => match timeout(PATIENCE, tls.accept(stream)).await {
            Ok(Ok(stream)) => serve_requests(stream, router).await,
            _ => Ok(()),
        },
    };
}

async fn serve_requests<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    stream: S,
    router: Router,
) -> Result<(), hyper::Error> {
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |request| {
        let response = router.call(request);
        async move {
            let Ok(response) = response.await;
            match response.extensions().get::<NoResponse>() {
                None => Ok(response),
                Some(NoResponse) => Err(io::Error::from(io::ErrorKind::ConnectionAborted)),
            }
        }
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .max_buf_size(MAX_HEAD)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades()
        .await
}

/// Binds two ports.
pub(super) async fn bind(host: std::net::IpAddr, ports: [u16; 2]) -> io::Result<[TcpListener; 2]> {
    let [plain, secure] = ports;
    Ok([TcpListener::bind((host, plain)).await?, TcpListener::bind((host, secure)).await?])
}
