//! From HTTP to the service and back: reading requests, and delivering answers as the service wants them
//! delivered.

use std::boxed::Box;
use std::future::{Future as _, pending, poll_fn};
use std::io;
use std::pin::Pin;
use std::string::String;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use std::vec::Vec;

use axum::body::{Body, Bytes};
use axum::http::{StatusCode, header, request};
use axum::response::Response;
use hyper::body::{Body as _, Frame};
use tokio::time::{Sleep, sleep};

use crate::http::HttpResponse;
use crate::sandbox::service::{Delivery, MAX_BODY, Reply, Request};
use crate::wire::Secret;

/// The request as the service takes it; `None` where its body breaks off.
pub(super) async fn read(head: &request::Parts, body: Body, secure: bool) -> Option<Request> {
    Some(read_head(head, secure).with_body(read_body(body).await?))
}

/// The request without its body.
pub(super) fn read_head(head: &request::Parts, secure: bool) -> Request {
    let mut request = Request::new(head.method.as_str(), head.uri.path());
    request.query = head.uri.query().map(Secret::from);
    request.secure = secure;
    for (name, value) in &head.headers {
        request.headers.append(name.as_str(), String::from_utf8_lossy(value.as_bytes()).into_owned());
    }
    request
}

/// Reads no further than it takes the service to see that a body is too large.
async fn read_body(mut body: Body) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    while bytes.len() <= MAX_BODY {
        match poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
            None => break,
            Some(Ok(frame)) => bytes.extend_from_slice(&frame.into_data().unwrap_or_default()),
            Some(Err(_)) => return None,
        }
    }
    Some(bytes)
}

/// A response that stands for none: the connection is to be closed.
#[derive(Clone)]
pub(super) struct NoResponse;

/// The response, after the reply's delay and the latency.
pub(super) async fn deliver(Reply { response, delivery, delay }: Reply, latency: Duration) -> Response {
    wait(Duration::from_millis(delay).saturating_add(latency)).await;
    let bytes = Bytes::copy_from_slice(response.body());
    let body = match delivery {
        Delivery::Whole => return assemble(&response, bytes.into()),
        Delivery::Never => pending().await,
        Delivery::Drop => {
            let mut response = Response::new(Body::empty());
            response.extensions_mut().insert(NoResponse);
            return response;
        }
        Delivery::Drip { piece, every } => Body::new(Dripping {
            bytes,
            piece: piece.max(1),
            every: Duration::from_millis(every),
            next: Box::pin(sleep(Duration::from_millis(every))),
        }),
        Delivery::CutAfter(after) => {
            let announced = bytes.len();
            let bytes = bytes.slice(..after.min(announced));
            let mut response = assemble(&response, Body::new(Cut { bytes: Some(bytes), was_flushed: false }));
            response.headers_mut().insert(header::CONTENT_LENGTH, announced.into());
            return response;
        }
        Delivery::Endless => Body::new(Endless(endless_piece(&bytes))),
    };
    assemble(&response, body)
}

/// Waits, if at all.
pub(super) async fn wait(time: Duration) {
    if !time.is_zero() {
        sleep(time).await;
    }
}

fn assemble(response: &HttpResponse, body: Body) -> Response {
    let mut builder = Response::builder().status(response.status);
    for (name, value) in response.headers.iter() {
        builder = builder.header(name, value);
    }
    builder.body(body).unwrap_or_else(|_| {
        // Only an authUrl that was told to send a header no client can read gets here.
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        response
    })
}

/// A body in small pieces.
struct Dripping {
    bytes: Bytes,
    piece: usize,
    every: Duration,
    next: Pin<Box<Sleep>>,
}

impl hyper::body::Body for Dripping {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if self.bytes.is_empty() {
            return Poll::Ready(None);
        }
        ready!(self.next.as_mut().poll(cx));
        self.next = Box::pin(sleep(self.every));
        let length = self.piece.min(self.bytes.len());
        Poll::Ready(Some(Ok(Frame::data(self.bytes.split_to(length)))))
    }
}

/// A body that breaks off.
struct Cut {
    bytes: Option<Bytes>,
    was_flushed: bool,
}

impl hyper::body::Body for Cut {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if let Some(bytes) = self.bytes.take() {
            return Poll::Ready(Some(Ok(Frame::data(bytes))));
        }
        if !self.was_flushed {
            // The connection sends what it has whenever a body has nothing ready.
            self.was_flushed = true;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Some(Err(io::Error::from(io::ErrorKind::ConnectionAborted))))
    }
}

/// A body that never ends.
struct Endless(Bytes);

impl hyper::body::Body for Endless {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        Poll::Ready(Some(Ok(Frame::data(self.0.clone()))))
    }
}

/// Some kilobytes of the same over and over.
fn endless_piece(bytes: &[u8]) -> Bytes {
    let bytes = if bytes.is_empty() { b" " } else { bytes };
    Bytes::from(bytes.repeat(4_096_usize.div_ceil(bytes.len())))
}
