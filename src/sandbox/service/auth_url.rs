//! An auth server of one's own, for `authUrl`, that behaves well or badly as its URL asks.
//!
//! The sandbox's own documentation lists what can be asked for.

use alloc::borrow::{Cow, ToOwned};
use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use form_urlencoded::Serializer;
use serde_json::{Value, json};

use super::Service;
use super::errors;
use super::message::{Delivery, Reply, Request, encode_segment};
use crate::http::{Headers, HttpResponse};
use crate::sign;
use crate::wire::{Error, ErrorKind, TokenParams, TokenRequest};

/// The first segment of the path.
pub(super) const PATH: &str = "auth-url";

const TEXT: &str = "text/plain";
const JSON: &str = "application/json";
const PAGE: &str = "<!DOCTYPE html><html><body><h1>Please sign in</h1></body></html>";

impl Service {
    pub(super) fn auth_url(&mut self, answer: &str, request: &Request, now: i64) -> Result<Reply, Error> {
        let params = Params::of(request);
        let (status, content_type, body) = match answer {
            "token" => (200, TEXT, self.issue_for(&params, now)?.0),
            "jwt" => (200, "application/jwt", self.jwt_for(&params, now)?),
            "json-string" => (200, JSON, json!(self.issue_for(&params, now)?.0).to_string()),
            "details" => (200, JSON, self.issue_for(&params, now)?.1),
            "request" => (200, JSON, json!(self.sign_for(&params, now)?).to_string()),
            "error" => (401, JSON, json!({ "error": params.error() }).to_string()),
            "redirect" => (302, TEXT, String::new()),
            "html" => (200, "text/html; charset=utf-8", PAGE.to_owned()),
            "body" => (200, JSON, params.find("body").unwrap_or_default().to_owned()),
            _ => return Err(errors::UNKNOWN_PATH.because(&request.path)),
        };
        let mut headers = Headers::new();
        match params.find("contentType").unwrap_or(content_type) {
            "" => {}
            content_type => headers.append("Content-Type", content_type),
        }
        if answer == "redirect" {
            headers.append("Location", params.location());
        }
        let delivery = params.delivery(body.len());
        let status = params.number("status").filter(|status| (200..600).contains(status)).unwrap_or(status);
        Ok(Reply { delivery, ..Reply::whole(HttpResponse::new(status, headers, body)) })
    }

    /// A token and its details as JSON.
    fn issue_for(&mut self, params: &Params, now: i64) -> Result<(String, String), Error> {
        let wanted = self.sign_for(params, now)?;
        let details = self.issue(&wanted, now)?.details();
        Ok((details.token.expose().to_owned(), json!(details).to_string()))
    }

    fn jwt_for(&mut self, params: &Params, now: i64) -> Result<String, Error> {
        let wanted = self.sign_for(params, now)?;
        let jwt = self.issue_jwt(&wanted, params.find("revocationKey"), now)?;
        Ok(jwt.expose().to_owned())
    }

    fn sign_for(&mut self, params: &Params, now: i64) -> Result<TokenRequest, Error> {
        let key_name = params.find("keyName").map(ToOwned::to_owned).or_else(|| self.first_key.clone());
        let (_, key) = self.apps.key(key_name.as_deref().unwrap_or_default())?;
        let key = key.key.clone();
        let nonce = self.random_text::<18>();
        self.noted.key_name = Some(key.name().to_owned());
        sign::sign(&key, &params.token_params()?, now, &nonce)
    }
}

/// What a client sent, the body's params before those of the query.
struct Params(Vec<(String, String)>);

impl Params {
    fn of(request: &Request) -> Params {
        let owned = |(name, value): (Cow<'_, str>, Cow<'_, str>)| (name.into_owned(), value.into_owned());
        let is_form = request.content_type().as_deref() == Some("application/x-www-form-urlencoded");
        let body = if is_form { request.body() } else { &[] };
        Params(form_urlencoded::parse(body).map(owned).chain(request.query_params()).collect())
    }

    fn find(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    fn number<T: core::str::FromStr>(&self, name: &str) -> Option<T> {
        self.find(name)?.parse().ok()
    }

    fn token_params(&self) -> Result<TokenParams, Error> {
        let members = ["ttl", "capability", "clientId", "timestamp", "nonce"];
        let object = members.into_iter().filter_map(|name| Some((name.to_owned(), Value::from(self.find(name)?))));
        TokenParams::from_json(&Value::Object(object.collect()))
    }

    fn error(&self) -> Error {
        let message = self.find("message").unwrap_or("the auth server refuses");
        let status = self.number("status").unwrap_or(401);
        Error::new(ErrorKind::Rejected, self.number("code").unwrap_or(40100), status, message)
    }

    /// Where a redirect leads: to itself once less, or to its end, with every other param taken along.
    fn location(&self) -> String {
        let to = self.find("to").unwrap_or("details");
        let times: u32 = self.number("times").unwrap_or(1);
        let mut query = Serializer::new(String::new());
        let is_last = times <= 1;
        let own: &[&str] = if is_last { &["to", "times", "status"] } else { &["times"] };
        query.extend_pairs(self.0.iter().filter(|(name, _)| !own.contains(&name.as_str())));
        if !is_last {
            query.append_pair("times", &format!("{}", times - 1));
        }
        let query = query.finish();
        match to {
            _ if !is_last => format!("/{PATH}/redirect?{query}"),
            url if url.contains("://") => format!("{url}{}{query}", if url.contains('?') { '&' } else { '?' }),
            answer => format!("/{PATH}/{}?{query}", encode_segment(answer)),
        }
    }

    fn delivery(&self, length: usize) -> Delivery {
        match self.find("delivery") {
            Some("drip") => {
                Delivery::Drip { piece: self.number("piece").unwrap_or(1), every: self.number("every").unwrap_or(100) }
            }
            Some("never") => Delivery::Never,
            Some("cut") => Delivery::CutAfter(self.number("after").unwrap_or(length / 2)),
            Some("endless") => Delivery::Endless,
            _ => Delivery::Whole,
        }
    }
}
