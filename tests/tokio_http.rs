//! The adapter against servers that misbehave, over real sockets.
#![cfg(feature = "tokio")]

use std::sync::Arc;

use ably_auth::options::{AuthMethod, AuthOptions, ClientOptions, Endpoint};
use ably_auth::tokio::Auth;
use ably_auth::wire::TokenParams;
use ably_auth::{Error, ErrorKind, RestRequest};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

/// A server that does with each connection, once it has read a request from it, what the test says.
struct Server {
    address: String,
    /// The requests in their order.
    requests: mpsc::UnboundedReceiver<String>,
}

impl Server {
    /// `answer` is given the number of the request, from 0, and the connection.
    async fn start<F, Fut>(answer: F) -> Server
    where
        F: Fn(usize, TcpStream) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (sender, requests) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            let mut number = 0;
            while let Ok((mut socket, _)) = listener.accept().await {
                if let Some(request) = read_request(&mut socket).await {
                    let _ = sender.send(request);
                    tokio::spawn(answer(number, socket));
                    number += 1;
                }
            }
        });
        Server { address, requests }
    }

    /// A server that always gives this answer and closes the connection.
    async fn answering(answer: impl Into<Vec<u8>>) -> Server {
        let answer = Arc::new(answer.into());
        Server::start(move |_, mut socket| {
            let answer = Arc::clone(&answer);
            async move {
                let _ = socket.write_all(&answer).await;
            }
        })
        .await
    }

    fn url(&self) -> String {
        format!("http://{}/token", self.address)
    }

    async fn next_request(&mut self) -> String {
        self.requests.recv().await.unwrap()
    }
}

/// A request's head and body, as text; `None` where the connection ends before that.
async fn read_request(socket: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        if socket.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
        let text = core::str::from_utf8(&bytes).unwrap();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let head = head.to_ascii_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap_or("0");
            if body.len() >= length.parse().unwrap() {
                return Some(text.to_owned());
            }
        }
    }
}

/// Reads until the other side closes.
async fn wait_for_close(socket: &mut TcpStream) {
    while socket.read(&mut [0; 1024]).await.is_ok_and(|length| length > 0) {}
}

fn response(content_type: &str, body: &str) -> String {
    let head = format!("Content-Type: {content_type}\r\nContent-Length: {}\r\nConnection: close", body.len());
    format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n{body}")
}

fn client_of(url: &str) -> Auth {
    Auth::builder(ClientOptions::with_auth(AuthOptions::with_url(url).unwrap())).build().unwrap()
}

async fn error_of(url: &str) -> Error {
    client_of(url).authorize(None, None).await.unwrap_err()
}

fn assert_no_token(error: &Error, message: &str) {
    assert_eq!((error.code(), error.status_code()), (40170, 401), "{error}");
    assert!(error.message().contains("authUrl") && error.message().contains(message), "{error}");
}

#[tokio::test]
async fn an_auth_url_gives_a_token() {
    let mut server = Server::answering(response("text/plain", " a.token\n")).await;
    let auth = client_of(&format!("{}?own=1", server.url()));
    let params = TokenParams { ttl: Some(60_000), client_id: Some("me".into()), ..TokenParams::default() };

    let token = auth.authorize(Some(params), None).await.unwrap().unwrap();

    assert_eq!(token.token.expose(), "a.token");
    assert_eq!(auth.token_details(), Some(token));
    let request = server.next_request().await;
    assert!(request.starts_with("GET /token?own=1&ttl=60000&clientId=me HTTP/1.1\r\n"), "{request}");
    assert!(!request.to_ascii_lowercase().contains("authorization"), "{request}");
    assert!(!request.to_ascii_lowercase().contains("ably-"), "{request}");
}

#[tokio::test]
async fn an_auth_url_is_posted_to() {
    let mut server = Server::answering(response("application/json", r#"{"token":"a.token","clientId":"me"}"#)).await;
    let mut options = AuthOptions::with_url(&server.url()).unwrap();
    options.auth_method = AuthMethod::Post;
    options.auth_params = vec![("user".into(), "m&m".into())];
    options.auth_headers = [("X-Session", "abc")].into_iter().collect();
    let auth = Auth::builder(ClientOptions::with_auth(options)).build().unwrap();

    auth.authorize(None, None).await.unwrap();

    assert_eq!(auth.client_id().as_deref(), Some("me"));
    let request = server.next_request().await;
    assert!(request.starts_with("POST /token HTTP/1.1\r\n"), "{request}");
    assert!(request.contains("\r\nx-session: abc\r\n") && request.ends_with("\r\n\r\nuser=m%26m"), "{request}");
}

#[tokio::test]
async fn a_redirect_is_followed_with_method_and_body() {
    let mut target = Server::answering(response("text/plain", "a.token")).await;
    let location = format!("http://{}/moved", target.address);
    let redirect = format!("HTTP/1.1 307 Temporary Redirect\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n");
    let server = Server::answering(redirect).await;
    let mut options = AuthOptions::with_url(&server.url()).unwrap();
    options.auth_method = AuthMethod::Post;
    options.auth_params = vec![("user".into(), "me".into())];
    options.auth_headers = [("X-Session", "abc")].into_iter().collect();
    let auth = Auth::builder(ClientOptions::with_auth(options)).build().unwrap();

    auth.authorize(None, None).await.unwrap();

    let request = target.next_request().await;
    assert!(request.starts_with("POST /moved HTTP/1.1\r\n") && request.ends_with("\r\n\r\nuser=me"), "{request}");
    assert!(!request.contains("x-session"), "auth headers are for their own origin: {request}");
}

#[tokio::test]
async fn a_redirect_in_a_circle_ends() {
    let mut server = Server::answering("HTTP/1.1 302 Found\r\nLocation: /token\r\nContent-Length: 0\r\n\r\n").await;

    assert_no_token(&error_of(&server.url()).await, "too many");

    let mut count = 0;
    while server.requests.try_recv().is_ok() {
        count += 1;
    }
    assert_eq!(count, 6, "the request and five redirects");
}

#[tokio::test]
async fn a_refused_connection_is_the_cause() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/token", listener.local_addr().unwrap());
    drop(listener);

    let error = error_of(&url).await;

    assert_no_token(&error, "no connection could be made");
    assert_eq!((error.kind(), error.cause().unwrap().code()), (ErrorKind::Transport, 50002));
}

#[tokio::test]
async fn html_is_no_token() {
    let server = Server::answering(response("text/html", "<h1>Sign in</h1>")).await;
    assert_no_token(&error_of(&server.url()).await, "text/html");

    let server = Server::answering(response("text/plain", "<h1>Sign in</h1>")).await;
    assert_no_token(&error_of(&server.url()).await, "markup");
}

#[tokio::test]
async fn a_connection_closed_mid_body_is_no_token() {
    let half = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 10\r\n\r\nhalf";
    let server = Server::answering(half).await;

    assert_no_token(&error_of(&server.url()).await, "closed before the answer was complete");
}

#[tokio::test]
async fn an_auth_url_that_drips_is_given_up() {
    // It sends a little and then nothing, and tells when the client has closed the connection.
    let (closed_in, mut closed) = mpsc::unbounded_channel();
    let server = Server::start(move |_, mut socket| {
        let closed = closed_in.clone();
        async move {
            let head = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 1000\r\n\r\na";
            socket.write_all(head).await.unwrap();
            wait_for_close(&mut socket).await;
            closed.send(()).unwrap();
        }
    })
    .await;
    let mut options = ClientOptions::with_auth(AuthOptions::with_url(&server.url()).unwrap());
    options.realtime_request_timeout = 50;
    let auth = Auth::builder(options).build().unwrap();

    let error = auth.authorize(None, None).await.unwrap_err();

    assert_no_token(&error, "no answer within 50 ms");
    closed.recv().await.unwrap();
}

#[tokio::test]
async fn a_dropped_future_drops_its_request() {
    let (closed_in, mut closed) = mpsc::unbounded_channel();
    let mut server = Server::start(move |_, mut socket| {
        let closed = closed_in.clone();
        async move {
            wait_for_close(&mut socket).await;
            closed.send(()).unwrap();
        }
    })
    .await;
    let auth = client_of(&server.url());

    let waiting = tokio::spawn({
        let auth = auth.clone();
        async move { auth.request_token(None, None).await }
    });
    server.next_request().await;
    waiting.abort();

    closed.recv().await.unwrap();
}

#[tokio::test]
async fn a_token_has_128_kib_at_most() {
    let longest = "x".repeat(131_072);
    let server = Server::answering(response("text/plain", &longest)).await;
    let token = client_of(&server.url()).authorize(None, None).await.unwrap().unwrap();
    assert_eq!(token.token.expose(), longest);

    let server = Server::answering(response("text/plain", &"x".repeat(131_073))).await;
    assert_no_token(&error_of(&server.url()).await, "131072");
}

#[tokio::test]
async fn an_endless_answer_is_not_read_to_its_end() {
    // It sends until the client closes the connection, and tells how much it could send.
    let (sent_in, mut sent) = mpsc::unbounded_channel();
    let server = Server::start(move |_, mut socket| {
        let sent = sent_in.clone();
        async move {
            socket.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n").await.unwrap();
            let mut length = 0;
            while socket.write_all(&[b'x'; 65_536]).await.is_ok() {
                length += 65_536;
            }
            sent.send(length).unwrap();
        }
    })
    .await;

    assert_no_token(&error_of(&server.url()).await, "131072");

    let sent: usize = sent.recv().await.unwrap();
    assert!(sent < 64 * 1024 * 1024, "more than the buffers of two sockets: {sent} bytes");
}

#[tokio::test]
async fn a_request_falls_back_to_the_next_host() {
    // Both hosts are this machine; the first request finds its connection cut.
    let mut server = Server::start(|number, mut socket| async move {
        if number > 0 {
            socket.write_all(response("application/json", "[1]").as_bytes()).await.unwrap();
        }
    })
    .await;
    let mut options = ClientOptions::with_auth(AuthOptions::with_token("a.token"));
    options.tls = false;
    options.endpoint = Endpoint::Host("127.0.0.1".into());
    options.fallback_hosts = Some(vec!["localhost".into()]);
    options.port = server.address.rsplit(':').next().unwrap().parse().ok();
    let auth = Auth::builder(options).build().unwrap();

    let response = auth.request(RestRequest::new("GET", "/channels/test")).await.unwrap();

    assert_eq!((response.response.status, response.response.body()), (200, &b"[1]"[..]));
    assert!(server.next_request().await.contains("\r\nhost: 127.0.0.1:"));
    assert!(server.next_request().await.contains("\r\nhost: localhost:"));
}
