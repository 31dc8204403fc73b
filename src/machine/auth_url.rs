//! The request to an authUrl, and the redirects it may lead to (`RSA8c`).

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::errors;
use super::io::{Io, Owner};
use crate::base::HttpId;
use crate::http::{Headers, HttpRequest, HttpResponse, Url};
use crate::options::{AuthMethod, AuthOptions};
use crate::wire::wiped::{SecretText, push_form};
use crate::wire::{Error, ErrorKind, MAX_TOKEN_LENGTH, Secret, TokenParams, codes};

/// How many redirects of one request are followed.
const MAX_REDIRECTS: u8 = 5;

const FORM: &str = "application/x-www-form-urlencoded";

/// A request to an authUrl that is under way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct AuthUrlRequest {
    id: HttpId,
    url: Url,
    auth_headers: Headers,
    /// What goes along with a POST.
    form: Option<Secret>,
    redirects_left: u8,
    times_out_at: u64,
}

/// Where the request stands after an answer.
pub(super) enum Progress {
    /// The answer led elsewhere, and the request has gone there.
    Redirected(AuthUrlRequest),
    /// An answer that is no redirect.
    Answered(HttpResponse),
}

impl AuthUrlRequest {
    /// Sends the request of these options, if they have an authUrl, with these params.
    pub(super) fn start(options: &AuthOptions, url: &Url, params: &TokenParams, owner: Owner, io: &mut Io) -> Self {
        let own = options.auth_params.iter().map(|(name, value)| (name.as_str(), value.clone()));
        let own = own.chain(params.to_query().into_iter().map(|(name, value)| (name, value.into())));
        let (url, form) = match options.auth_method {
            AuthMethod::Get => {
                let query = url.query().unwrap_or_default().as_bytes();
                let query: Vec<(String, Secret)> = form_urlencoded::parse(query)
                    .map(|(name, value)| (name.into_owned(), value.into_owned().into()))
                    .collect();
                let all = query.iter().map(|(name, value)| (name.as_str(), value.clone())).chain(own);
                let all = encode(all);
                (url.clone().with_query(Some(all).filter(|query| !query.is_empty())), None)
            }
            AuthMethod::Post => (url.clone(), Some(encode(own))),
        };
        let mut request = AuthUrlRequest {
            id: HttpId::from(0),
            url,
            auth_headers: options.auth_headers.clone(),
            form,
            redirects_left: MAX_REDIRECTS,
            times_out_at: io.clock.after(io.settings.realtime_request_timeout),
        };
        request.send(owner, io);
        request
    }

    /// Follows the answer where it is a redirect: 303 as a GET, the others with method and body. The auth headers
    /// go along within one origin only.
    ///
    /// # Errors
    ///
    /// Where it leads nowhere, from https to http, or too far.
    pub(super) fn on_response(mut self, response: HttpResponse, owner: Owner, io: &mut Io) -> Result<Progress, Error> {
        if !matches!(response.status, 301 | 302 | 303 | 307 | 308) {
            return Ok(Progress::Answered(response));
        }
        let status = response.status;
        let refused = |why: &str| {
            let message = format!("authUrl answered with status {status}, a redirect {why}");
            Error::new(ErrorKind::Malformed, codes::TOKEN_SOURCE_FAILED, 401, message)
        };
        let location = response.headers.find("location").ok_or_else(|| refused("without a location"))?;
        let target = self.url.join(location).ok_or_else(|| refused("to something that is no http or https URL"))?;
        if self.url.is_secure() && !target.is_secure() {
            return Err(refused("from https to http, which is not followed"));
        }
        self.redirects_left = self.redirects_left.checked_sub(1).ok_or_else(|| refused("too many"))?;
        if !self.url.same_origin(&target) {
            self.auth_headers = Headers::new();
        }
        if status == 303 {
            self.form = None;
        }
        self.url = target;
        self.send(owner, io);
        Ok(Progress::Redirected(self))
    }

    pub(super) fn abort(&self, io: &mut Io) {
        io.abort(self.id);
    }

    pub(super) fn times_out_at(&self) -> u64 {
        self.times_out_at
    }

    /// The error without what of the request's secrets the auth server may have quoted.
    pub(super) fn own(&self, error: Error) -> Error {
        let headers = self.auth_headers.iter().map(|(_, value)| value);
        headers.fold(error, |error, value| errors::without_credentials(error.without_secret(value), value))
    }

    fn send(&mut self, owner: Owner, io: &mut Io) {
        let mut headers = Headers::new();
        headers.append("Accept", "application/json, text/plain, application/jwt");
        if self.form.is_some() {
            headers.append("Content-Type", FORM);
        }
        for (name, value) in self.auth_headers.iter() {
            headers.replace(name, value);
        }
        let request = HttpRequest {
            method: if self.form.is_some() { "POST" } else { "GET" }.to_string(),
            url: self.url.to_secret(),
            headers,
            body: self.form.clone(),
        };
        let left = self.times_out_at.saturating_sub(io.clock.mono());
        let timeout = u32::try_from(left).unwrap_or(u32::MAX);
        self.id = io.send_limited(owner, request, timeout, MAX_TOKEN_LENGTH);
    }
}

/// Form-encoded, each name once: where it first stands, with the value it last has (`RSA8c1c`, `RSA8c2`).
fn encode<'a>(pairs: impl Iterator<Item = (&'a str, Secret)>) -> Secret {
    let mut merged: Vec<(&str, Secret)> = Vec::new();
    for (name, value) in pairs {
        match merged.iter_mut().find(|(other, _)| *other == name) {
            Some((_, earlier)) => *earlier = value,
            None => merged.push((name, value)),
        }
    }
    let mut form = SecretText::default();
    push_form(&mut form, merged.iter().map(|(name, value)| (*name, value.expose())));
    form.finish()
}
