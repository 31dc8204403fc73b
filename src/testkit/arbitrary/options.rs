//! What clients are configured with. Combinations that contradict are among it: they are refused.

use alloc::vec::Vec;

use arbitrary::{Arbitrary, Result, Unstructured};

use super::wire::option;
use super::{is_wild, text};
use crate::http::{Headers, Url};
use crate::options::{ApiKey, AuthMethod, AuthOptions, ClientOptions, Endpoint, TokenOption};
use crate::testkit::KEY;
use crate::wire::{Secret, TokenDetails, TokenParams, TokenRequest};

impl<'a> Arbitrary<'a> for ApiKey {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let key = u.choose(&[KEY, "app.another:another-secret"])?;
        key.parse().map_err(|_| arbitrary::Error::IncorrectFormat)
    }
}

impl<'a> Arbitrary<'a> for TokenOption {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        if u.arbitrary()? {
            TokenRequest::arbitrary(u).map(TokenOption::Request)
        } else {
            TokenDetails::arbitrary(u).map(TokenOption::Details)
        }
    }
}

impl<'a> Arbitrary<'a> for AuthOptions {
    /// One source of tokens, mostly, or several.
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let mut options = AuthOptions::default();
        let sources = if is_wild(u)? { *u.choose(&[0, 2, 3])? } else { 1 };
        for _ in 0..sources {
            match u.int_in_range(0..=3)? {
                0 => options.auth_callback = Some("default".into()),
                1 => options.key = Some(ApiKey::arbitrary(u)?),
                2 => {
                    options.auth_url =
                        Url::parse(u.choose(&["https://auth.example/token", "https://auth.example/?q=1"])?)
                }
                _ => options.token = Some(TokenOption::arbitrary(u)?),
            }
        }
        if options.auth_url.is_some() {
            options.auth_method = *u.choose(&[AuthMethod::Get, AuthMethod::Post])?;
            options.auth_headers = Headers::arbitrary(u)?;
            let param = option(u, |u| Ok((text(u, &["ticket", "ttl", ""])?, Secret::arbitrary(u)?)))?;
            options.auth_params = Vec::from_iter(param);
        }
        options.use_token_auth = option(u, |u| Ok(!is_wild(u)?))?;
        options.query_time = option(u, bool::arbitrary)?;
        Ok(options)
    }
}

impl<'a> Arbitrary<'a> for Endpoint {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let endpoint = u.choose(&["main", "rest.example", "acme", "nonprod:sandbox", "[::1]"])?;
        endpoint.parse().map_err(|_| arbitrary::Error::IncorrectFormat)
    }
}

impl<'a> Arbitrary<'a> for ClientOptions {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let mut options = ClientOptions::with_auth(AuthOptions::arbitrary(u)?);
        options.client_id = option(u, |u| text(u, &["me", "another"]))?;
        options.endpoint = Endpoint::arbitrary(u)?;
        options.tls = !is_wild(u)?;
        options.auto_connect = option(u, bool::arbitrary)?;
        options.add_request_ids = u.arbitrary()?;
        options.pings_visible = !u.arbitrary::<bool>()?;
        options.echo_messages = !u.arbitrary::<bool>()?;
        options.default_token_params = option(u, TokenParams::arbitrary)?.unwrap_or_default();
        options.http_max_retry_count = *u.choose(&[3, 0, 1, u32::MAX])?;
        if is_wild(u)? {
            options.http_request_timeout = u.arbitrary()?;
            options.realtime_request_timeout = u.arbitrary()?;
            options.disconnected_retry_timeout = u.arbitrary()?;
            options.suspended_retry_timeout = u.arbitrary()?;
        }
        Ok(options)
    }
}
