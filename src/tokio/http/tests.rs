//! Over real sockets: what comes of requests that go well, and of those that do not.

use std::string::String;
use std::sync::Arc;
use std::vec::Vec;
use std::{format, vec};

use ::tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use ::tokio::net::{TcpListener, TcpStream};
use ::tokio::runtime::Handle;

use super::HttpClient;
use crate::http::{Headers, HttpFailure, HttpFailureKind, HttpRequest, HttpResponse};
use crate::tokio::tls::Tls;

const OPEN_TIMEOUT: u32 = 4_000;
const LIMIT: usize = 1_000;

/// A server that reads the head of one request, gives it to the test, answers with these bytes and closes.
async fn server(answer: impl Into<Vec<u8>>) -> (String, ::tokio::task::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let answer = answer.into();
    let served = ::tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let head = read_head(&mut socket).await;
        // The client may have seen enough.
        let _ = socket.write_all(&answer).await;
        head
    });
    (format!("{address}"), served)
}

async fn read_head(socket: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") && socket.read_buf(&mut head).await.unwrap() > 0 {}
    String::from_utf8(head).unwrap()
}

fn client() -> Arc<HttpClient> {
    HttpClient::shared(Handle::current().id(), &Tls::shared(Vec::new()).unwrap(), OPEN_TIMEOUT).unwrap()
}

fn get(url: impl AsRef<str>) -> HttpRequest {
    HttpRequest { method: "GET".into(), url: url.as_ref().into(), headers: Headers::new(), body: None }
}

async fn send(request: HttpRequest) -> Result<HttpResponse, HttpFailure> {
    client().send(request, LIMIT).await
}

async fn failure_of(url: impl AsRef<str>) -> HttpFailureKind {
    send(get(url)).await.unwrap_err().kind
}

#[::tokio::test]
async fn a_request_goes_out_as_it_is() {
    let (address, served) = server("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Twice: a\r\nX-Twice: b\r\n\r\nok").await;
    let headers = [("Accept", "text/plain"), ("X-Twice", "1"), ("x-twice", "2")].into_iter().collect();
    let request = HttpRequest { headers, ..get(format!("http://{address}/path?a=%20b&c")) };

    let response = send(request).await.unwrap();

    let twice: Vec<_> = response.headers.iter().filter(|(name, _)| *name == "x-twice").collect();
    assert_eq!(twice, [("x-twice", "a"), ("x-twice", "b")]);
    assert_eq!((response.status, response.body()), (200, &b"ok"[..]));
    let head = served.await.unwrap();
    let mut lines: Vec<_> = head.trim_end().split("\r\n").collect();
    assert_eq!(lines.remove(0), "GET /path?a=%20b&c HTTP/1.1");
    lines.sort_unstable();
    assert_eq!(lines, ["accept: text/plain", &format!("host: {address}"), "x-twice: 1", "x-twice: 2"]);
}

#[::tokio::test]
async fn a_redirect_is_an_answer_like_any_other() {
    let (address, _served) = server("HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n").await;

    let response = send(get(format!("http://{address}/"))).await.unwrap();

    assert_eq!((response.status, response.headers.find("location")), (302, Some("/elsewhere")));
}

#[::tokio::test]
async fn what_is_packed_stays_packed_and_cookies_are_not_kept() {
    let answer = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nSet-Cookie: a=b\r\nContent-Length: 3\r\n\r\nraw";
    let (address, _served) = server(answer).await;
    assert_eq!(send(get(format!("http://{address}/"))).await.unwrap().body(), b"raw");

    let (address, served) = server("HTTP/1.1 204 No Content\r\n\r\n").await;
    send(get(format!("http://{address}/"))).await.unwrap();
    let head = served.await.unwrap().to_ascii_lowercase();
    assert!(!head.contains("cookie") && !head.contains("accept-encoding"), "{head}");
}

#[::tokio::test]
async fn a_body_is_read_to_its_limit_and_one_byte_more() {
    let head = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";
    for (sent, read) in [(LIMIT - 1, LIMIT - 1), (LIMIT, LIMIT), (LIMIT + 1, LIMIT + 1), (10 * LIMIT, LIMIT + 1)] {
        let (address, _served) = server([head.to_vec(), vec![b'x'; sent]].concat()).await;

        let response = send(get(format!("http://{address}/"))).await.unwrap();

        assert_eq!(response.body().len(), read, "of {sent}");
    }
}

#[::tokio::test]
async fn a_name_that_cannot_be_resolved_is_dns() {
    // A label that is too long for a name: no resolver needs to be asked.
    assert_eq!(failure_of(format!("http://{}.invalid/", "a".repeat(64))).await, HttpFailureKind::Dns);
}

#[::tokio::test]
async fn a_port_that_nobody_listens_on_is_connect() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);

    assert_eq!(failure_of(format!("http://{address}/")).await, HttpFailureKind::Connect);
}

#[::tokio::test]
async fn a_peer_that_does_not_speak_tls_is_tls() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let plain = listener.local_addr().unwrap();
    ::tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        socket.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        let _ = socket.read(&mut [0; 1]).await;
    });

    assert_eq!(failure_of(format!("https://{plain}/")).await, HttpFailureKind::Tls);
}

#[::tokio::test]
async fn a_connection_closed_too_early_is_closed() {
    let cut_short: [&[u8]; 4] = [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
    ];
    for answer in cut_short {
        let (address, _served) = server(answer).await;

        let kind = failure_of(format!("http://{address}/")).await;

        assert_eq!(kind, HttpFailureKind::Closed, "after {:?}", core::str::from_utf8(answer));
    }
}

#[::tokio::test]
async fn a_connection_that_does_not_open_in_time_is_timeout() {
    // A TLS handshake that is never answered: the connection counts as open only after it.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let client = HttpClient::shared(Handle::current().id(), &Tls::shared(Vec::new()).unwrap(), 1).unwrap();

    let failure = client.send(get(format!("https://{address}/")), LIMIT).await.unwrap_err();

    assert_eq!(failure.kind, HttpFailureKind::Timeout);
    drop(listener);
}

#[::tokio::test]
async fn nonsense_is_other() {
    let nonsense: [&str; 2] =
        ["SSH-2.0-OpenSSH_9.2\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnot a number\r\n"];
    for answer in nonsense {
        let (address, _served) = server(answer).await;
        assert_eq!(failure_of(format!("http://{address}/")).await, HttpFailureKind::Other, "after {answer:?}");
    }
    assert_eq!(failure_of("http://[half").await, HttpFailureKind::Other);
    let request = HttpRequest { method: "not a method".into(), ..get("http://127.0.0.1/") };
    assert_eq!(send(request).await.unwrap_err().kind, HttpFailureKind::Other);
}

#[::tokio::test]
async fn a_failure_names_no_secret() {
    let (address, _served) = server("").await;

    let failure = send(get(format!("http://user:canary@{address}/?key=canary"))).await.unwrap_err();

    assert!(failure.message.is_some());
    assert!(!format!("{failure:?}").contains("canary"), "{failure:?}");
}

#[::tokio::test]
async fn one_client_serves_a_runtime() {
    let (one, other) = (client(), client());
    assert!(Arc::ptr_eq(&one, &other));

    let elsewhere = std::thread::spawn(|| {
        ::tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async { client() })
    });
    assert!(!Arc::ptr_eq(&one, &elsewhere.join().unwrap()));
}
