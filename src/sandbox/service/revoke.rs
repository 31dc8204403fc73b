//! `POST /keys/{keyName}/revokeTokens`.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

use serde_json::{Map, Value, json};

use super::Service;
use super::account::Key;
use super::errors::{self, Refusal};
use super::message::{Answer, Request};
use super::request_token::read_body;
use super::revocations::Target;
use crate::wire::{
    BatchResult, Error, TokenRevocationFailureResult, TokenRevocationResult, TokenRevocationSuccessResult, lenient,
};

const MAX_TARGETS: usize = 100;
/// How far back `issuedBefore` may reach.
const MAX_AGE: i64 = 60 * 60 * 1_000;

impl Service {
    pub(super) fn revoke_tokens(&mut self, key_name: &str, request: &Request, now: i64) -> Result<Answer, Error> {
        let identity = self.authenticate(request, now)?;
        if identity.token().is_some() {
            return Err(errors::BASIC_AUTH_REQUIRED.error());
        }
        if identity.key_name() != key_name {
            return Err(errors::WRONG_KEY_FOR_REVOCATION.error());
        }
        let (app, key) = self.apps.key(key_name)?;
        if !app.revocation_enabled {
            return Err(errors::REVOCATION_OFF.error());
        }
        self.check_revocable(key)?;
        let order = self.read_order(key_name, request, now)?;
        self.revocations.forget(now);
        let results = order.targets.iter().map(|target| self.revoke(key_name, target, &order)).collect();
        self.revoke_connections(key_name, now);
        Ok(answer(request, results))
    }

    fn check_revocable(&self, key: &Key) -> Result<(), Error> {
        if key.revocable_tokens {
            return Ok(());
        }
        let message = "token revocation is not enabled for this API key";
        Err(Refusal::new(self.choices.revocation_not_enabled, message).error())
    }

    fn revoke(&mut self, key_name: &str, target: &str, order: &Order) -> TokenRevocationResult {
        let revoked = Target::parse(target, &self.choices)
            .and_then(|target| self.revocations.insert(key_name, target, order.issued_before, order.applies_at));
        match revoked {
            Ok(()) => TokenRevocationResult::Success(TokenRevocationSuccessResult {
                target: target.to_owned(),
                issued_before: order.issued_before,
                applies_at: order.applies_at,
            }),
            Err(error) => {
                TokenRevocationResult::Failure(TokenRevocationFailureResult { target: target.to_owned(), error })
            }
        }
    }

    fn read_order(&mut self, key_name: &str, request: &Request, now: i64) -> Result<Order, Error> {
        let malformed = Refusal::new(self.choices.revocation_malformed, "invalid request body: ");
        let object = read_body(request).map_err(|_| malformed.because("expected a JSON object"))?;
        let targets =
            read_targets(&object).ok_or_else(|| malformed.because("targets: expected 1 to 100 of type:value"))?;
        let member = |name: &str| object.get(name).filter(|value| !value.is_null());
        let issued_before = member("issuedBefore")
            .map(|value| {
                lenient::integer(value).ok_or_else(|| malformed.because("issuedBefore: expected milliseconds"))
            })
            .transpose()?;
        let with_margin = member("allowReauthMargin")
            .map(|value| value.as_bool().ok_or_else(|| malformed.because("allowReauthMargin: expected a boolean")))
            .transpose()?
            .unwrap_or(false);
        if issued_before.is_some_and(|instant| instant > now || instant < now.saturating_sub(MAX_AGE)) {
            let message = "issuedBefore must be in the past, by an hour at most";
            return Err(Refusal::new(self.choices.issued_before_out_of_range, message).error());
        }
        let issued_before = issued_before.unwrap_or_else(|| {
            if self.choices.revocation_keeps_order { self.revocations.close_millisecond(key_name, now) } else { now }
        });
        let applies_at = if with_margin { now.saturating_add(self.choices.reauth_margin) } else { now };
        Ok(Order { targets, issued_before, applies_at })
    }
}

/// What a request for revocation asks for.
struct Order {
    targets: Vec<String>,
    issued_before: i64,
    applies_at: i64,
}

fn read_targets(object: &Map<String, Value>) -> Option<Vec<String>> {
    let targets = object.get("targets")?.as_array().filter(|targets| (1..=MAX_TARGETS).contains(&targets.len()))?;
    targets.iter().map(|target| target.as_str().map(ToOwned::to_owned)).collect()
}

/// The results, in the form of the protocol version that was asked for.
fn answer(request: &Request, results: BatchResult<TokenRevocationResult>) -> Answer {
    let version = request.headers.find("x-ably-version").and_then(|version| version.split('.').next()?.parse().ok());
    if version.is_some_and(|version: u32| version >= 3) {
        return Answer::new(201, serde_json::to_value(results).unwrap_or_default());
    }
    if results.failure_count == 0 {
        return Answer::new(201, json!(results.results));
    }
    let error = errors::BATCH_INCLUDES_ERRORS.error();
    let body = json!({ "error": error, "batchResponse": results.results });
    Answer { error: Some(error), ..Answer::new(400, body) }
}
