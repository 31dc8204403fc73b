//! HTTP over reqwest, none of whose types is seen outside this module.
//!
//! One client, with its pool of connections, serves all clients of ours that live in the same runtime, trust the
//! same certificates and have the same `httpOpenTimeout`. Only what is driven holds it, and that ends with its runtime:
//! so no connection outlives the runtime that it was made in.
//!
//! Requests go out as they are: no redirect is followed, no cookie kept, nothing unpacked. Proxies that the process's
//! environment names (`HTTPS_PROXY`, `NO_PROXY`) are used.

mod failure;

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;
use std::vec::Vec;

use ::tokio::runtime;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::redirect;

use super::tls::Tls;
use crate::http::{Headers, HttpFailure, HttpRequest, HttpResponse};
use crate::wire::{Error, ErrorKind, Secret, codes};

/// An HTTP client and what it is told apart by.
pub(super) struct HttpClient {
    runtime: runtime::Id,
    tls: Arc<Tls>,
    open_timeout: u32,
    client: reqwest::Client,
}

/// The clients in use. There is one for each runtime, unless options differ.
static IN_USE: Mutex<Vec<Weak<HttpClient>>> = Mutex::new(Vec::new());

impl HttpClient {
    /// The client of that runtime, made if there is none yet. `open_timeout` is in milliseconds.
    pub(super) fn shared(runtime: runtime::Id, tls: &Arc<Tls>, open_timeout: u32) -> Result<Arc<Self>, Error> {
        let mut in_use = IN_USE.lock().unwrap_or_else(PoisonError::into_inner);
        in_use.retain(|client| client.strong_count() > 0);
        let serves = |client: &Arc<Self>| {
            client.runtime == runtime && client.open_timeout == open_timeout && Arc::ptr_eq(&client.tls, tls)
        };
        if let Some(client) = in_use.iter().filter_map(Weak::upgrade).find(serves) {
            return Ok(client);
        }
        let client = client(tls, open_timeout)?;
        let client = Arc::new(HttpClient { runtime, tls: Arc::clone(tls), open_timeout, client });
        in_use.push(Arc::downgrade(&client));
        Ok(client)
    }

    /// Sends the request and reads the response's body: all of it, or one byte more than `body_limit` of a longer one.
    ///
    /// Nobody keeps time here but for opening a connection: dropping the future gives the request up.
    pub(super) async fn send(&self, request: HttpRequest, body_limit: usize) -> Result<HttpResponse, HttpFailure> {
        let request = self.prepare(request)?;
        let mut response = self.client.execute(request).await.map_err(failure::of)?;
        let status = response.status().as_u16();
        let headers = headers_of(response.headers());
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failure::of)? {
            let wanted = (body_limit - body.len()).saturating_add(1);
            body.extend_from_slice(&chunk[..chunk.len().min(wanted)]);
            if body.len() > body_limit {
                break;
            }
        }
        Ok(HttpResponse::new(status, headers, body))
    }

    fn prepare(&self, request: HttpRequest) -> Result<reqwest::Request, HttpFailure> {
        let HttpRequest { method, url, headers, body } = request;
        let method = reqwest::Method::from_bytes(method.as_bytes()).map_err(|_| failure::unsendable("the method"))?;
        let builder = self.client.request(method, url.expose()).headers(header_map(&headers)?);
        let builder = match body {
            Some(body) => builder.body(body.expose().as_bytes().to_vec()),
            None => builder,
        };
        builder.build().map_err(failure::of)
    }
}

fn client(tls: &Tls, open_timeout: u32) -> Result<reqwest::Client, Error> {
    reqwest::Client::builder()
        .tls_backend_preconfigured((*tls.config).clone())
        .connect_timeout(Duration::from_millis(open_timeout.into()))
        .redirect(redirect::Policy::none())
        .referer(false)
        // Another crate of the program may have enabled reqwest's features; they are not for us.
        .http1_only()
        .no_gzip()
        .no_brotli()
        .no_zstd()
        .no_deflate()
        .no_hickory_dns()
        .build()
        .map_err(|error| {
            let message = std::format!("the HTTP client cannot be set up: {}", failure::words(&error));
            Error::new(ErrorKind::Configuration, codes::INTERNAL, 500, message)
        })
}

fn header_map(headers: &Headers) -> Result<HeaderMap, HttpFailure> {
    let mut map = HeaderMap::new();
    for (name, value) in headers.iter() {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| failure::unsendable("a header's name"))?;
        let mut value =
            HeaderValue::from_bytes(value.as_bytes()).map_err(|_| failure::unsendable("a header's value"))?;
        value.set_sensitive(true);
        map.append(name, value);
    }
    Ok(map)
}

/// The headers of a response. What is no UTF-8 in them is of no use to anybody.
fn headers_of(map: &HeaderMap) -> Headers {
    map.iter()
        .filter_map(|(name, value)| Some((name.as_str(), Secret::new(core::str::from_utf8(value.as_bytes()).ok()?))))
        .collect()
}

#[cfg(test)]
mod tests;
