//! A page for people: what is alive in the sandbox, and what happened last.
//!
//! `/` answers a plain GET with the page. `/__sandbox/state` has what it shows as JSON, or, for a client that accepts
//! `text/event-stream`, as server-sent events: one at once, and one whenever something has changed. Neither is part
//! of the service: they are not in its log of requests, and hold no secret. A token goes by a short digest of it.

mod state;

use std::convert::Infallible;
use std::string::String;
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use std::{format, vec::Vec};

use axum::body::Body;
use axum::http::{HeaderValue, Method, StatusCode, header, request};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::stream;
use sha2::{Digest as _, Sha256};
use tokio::time::{sleep, timeout};

use super::shared::Shared;
use crate::wire::lenient;
use state::State;

const PAGE: &str = include_str!("page.html");
const STATE_PATH: &str = "/__sandbox/state";

/// How long changes are gathered before they are told.
const GATHERING: Duration = Duration::from_millis(100);
/// How long nothing is told at most. It shows who is gone, and lets the page's clock keep up with the service's.
const SILENCE: Duration = Duration::from_secs(15);

/// The page may run and show what it came with, talk to the sandbox, and nothing else; not even it can turn text into
/// markup.
static CONTENT_SECURITY_POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    let policy = format!(
        "default-src 'none'; script-src '{}'; style-src '{}'; connect-src 'self'; img-src data:; base-uri 'none'; \
         form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
        digest_of("script"),
        digest_of("style"),
    );
    HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
});

/// Answers a request that wants the page, or what it shows.
pub(super) fn answer(shared: &Arc<Shared>, head: &request::Parts) -> Option<Response> {
    if !matches!(head.method, Method::GET | Method::HEAD) {
        return None;
    }
    let (content_type, body) = match head.uri.path() {
        "/" => ("text/html; charset=utf-8", PAGE.into()),
        STATE_PATH if wants_events(head) => ("text/event-stream", events(Arc::clone(shared))),
        STATE_PATH => ("application/json", state_text(shared).into()),
        _ => return None,
    };
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(content_type)),
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY.clone()),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    let body: Body = if head.method == Method::HEAD { Body::empty() } else { body };
    Some((StatusCode::OK, headers, body).into_response())
}

fn wants_events(head: &request::Parts) -> bool {
    head.headers.get(header::ACCEPT).is_some_and(|accept| accept == "text/event-stream")
}

/// Server-sent events, each with the whole state, until the client is gone.
fn events(shared: Arc<Shared>) -> Body {
    let changes = shared.changes();
    Body::from_stream(stream::unfold((shared, changes, true), async |(shared, mut changes, is_first)| {
        if !is_first {
            if let Ok(changed) = timeout(SILENCE, changes.changed()).await {
                changed.ok()?;
                sleep(GATHERING).await;
            }
            changes.mark_unchanged();
        }
        let event = format!("retry: 1000\ndata: {}\n\n", state_text(&shared));
        Some((Ok::<_, Infallible>(event.into_bytes()), (shared, changes, false)))
    }))
}

fn state_text(shared: &Shared) -> String {
    let now = shared.clock().now();
    lenient::text_of(&shared.look(|service| State::of(service, now, shared.clock().is_real())))
}

/// A source as a policy names it: the digest of what is in the page's only element of that name.
fn digest_of(element: &str) -> String {
    let (open, close) = (format!("<{element}>"), format!("</{element}>"));
    let content = PAGE.split_once(&open).and_then(|(_, rest)| rest.split_once(&close));
    let content: Vec<u8> = content.map_or_else(Vec::new, |(content, _)| content.into());
    format!("sha256-{}", STANDARD.encode(Sha256::digest(content)))
}
