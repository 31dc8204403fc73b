//! Opening a socket: the name, TCP, TLS, the upgrade.
//!
//! Sockets go to their host directly, through no proxy.

use std::boxed::Box;
use std::io;
use std::net::SocketAddr;
use std::string::String;
use std::sync::Arc;
use std::time::Duration;
use std::vec::Vec;

use ::tokio::io::{AsyncRead, AsyncWrite};
use ::tokio::net::{TcpStream, lookup_host};
use ::tokio::time::{Instant, timeout_at};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio_rustls::TlsConnector;
use tokio_tungstenite::tungstenite::http::Uri;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use super::failure::{self, Failure};
use crate::http::HttpFailureKind;
use crate::wire::Secret;

/// The largest message that is read, in bytes. A server that sends a larger one loses the connection.
const MAX_MESSAGE_SIZE: usize = 16 << 20;
/// What a socket reads at a time, and has allocated for as long as it lives, in bytes.
const READ_BUFFER_SIZE: usize = 4 << 10;

/// A byte stream, with TLS or without.
pub(super) trait Transport: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Transport for T {}

type Socket = WebSocketStream<Box<dyn Transport>>;

/// What sockets are opened with.
#[derive(Clone)]
pub(in crate::tokio) struct Opener {
    pub(in crate::tokio) tls: Arc<ClientConfig>,
    /// For everything before the upgrade; whoever wants the socket keeps the time of the whole.
    pub(in crate::tokio) timeout: Duration,
}

/// Where a URL leads to.
struct Target {
    host: String,
    port: u16,
    secure: bool,
}

impl Opener {
    pub(super) async fn open(&self, url: &Secret) -> Result<Socket, Failure> {
        let uri: Uri = url.expose().parse().map_err(|_| unusable())?;
        let transport = self.connect(Target::of(&uri).ok_or_else(unusable)?).await?;
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER_SIZE)
            .write_buffer_size(0)
            .max_message_size(Some(MAX_MESSAGE_SIZE))
            .max_frame_size(Some(MAX_MESSAGE_SIZE));
        let upgrade = client_async_with_config(uri, transport, Some(config)).await;
        upgrade.map(|(socket, _)| socket).map_err(|error| failure::upgrade(&error))
    }

    async fn connect(&self, target: Target) -> Result<Box<dyn Transport>, Failure> {
        let deadline = Instant::now() + self.timeout;
        let in_time = async {
            let tcp = target.connect(deadline).await?;
            if !target.secure {
                return Ok(Box::new(tcp) as Box<dyn Transport>);
            }
            let name = ServerName::try_from(target.host).map_err(|_| unusable())?;
            let tls = TlsConnector::from(Arc::clone(&self.tls)).connect(name, tcp).await;
            let tls = tls.map_err(|error| failure::tls(&error))?;
            Ok(Box::new(tls) as Box<dyn Transport>)
        };
        timeout_at(deadline, in_time).await.unwrap_or_else(|_| Err(late()))
    }
}

impl Target {
    fn of(uri: &Uri) -> Option<Self> {
        let secure = uri.scheme_str()? == "wss";
        let host = uri.host()?;
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
        Some(Target { host: host.into(), port, secure })
    }

    /// Tries the addresses of the host one after the other, each for its share of the time.
    async fn connect(&self, deadline: Instant) -> Result<TcpStream, Failure> {
        let addresses = lookup_host((self.host.as_str(), self.port)).await.map_err(|error| failure::dns(&error))?;
        let addresses: Vec<SocketAddr> = addresses.collect();
        let mut last = failure::dns(&io::Error::new(io::ErrorKind::NotFound, "the name has no address"));
        for (index, address) in addresses.iter().enumerate() {
            let now = Instant::now();
            let share = deadline.saturating_duration_since(now) / (addresses.len() - index) as u32;
            match timeout_at(now + share, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => {
                    // Frames are small and answers are waited for. Without it, it works too.
                    let _ = stream.set_nodelay(true);
                    return Ok(stream);
                }
                Ok(Err(error)) => last = failure::connect(&error),
                Err(_) => last = late(),
            }
        }
        Err(last)
    }
}

fn late() -> Failure {
    Failure::new(HttpFailureKind::Timeout, "the connection was not opened in time")
}

fn unusable() -> Failure {
    Failure::new(HttpFailureKind::Other, "the URL cannot be connected to")
}
