//! No secret may show: neither one that was told, nor one that came by.

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::String;

use serde_json::Value;

use super::violation::{Invariant, Violation, ensure};
use crate::http::HttpRequest;
use crate::wire::Error;
use crate::{Action, Notice, Outcome};

/// A text shorter than this may show by chance.
const SHORTEST: usize = 8;

/// What is known of secrets. None of them holds another.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Secrets {
    known: BTreeSet<String>,
}

impl Secrets {
    /// Whatever holds this text is a secret.
    pub(crate) fn learn(&mut self, secret: &str) {
        if secret.len() >= SHORTEST {
            self.know(secret);
        }
    }

    /// As [`Self::learn`], also where it is short.
    pub(crate) fn know(&mut self, secret: &str) {
        if !self.known.iter().any(|known| secret.contains(known.as_str())) {
            self.known.insert(secret.into());
        }
    }

    /// The secrets that an action carries where they belong.
    pub(crate) fn learn_from(&mut self, action: &Action) {
        let details = match action {
            Action::TokenChanged { token_details } => token_details.as_ref(),
            Action::Complete { outcome: Ok(Outcome::TokenDetails(details)), .. } => details.as_ref(),
            _ => None,
        };
        if let Some(details) = details {
            self.learn(details.token.expose());
        }
        match action {
            Action::SendHttp { request, .. } => {
                self.learn_credentials(request.headers.find("authorization").unwrap_or_default());
                self.learn(&body_member(request, "mac").unwrap_or_default());
            }
            Action::Complete { outcome: Ok(Outcome::Credentials(credentials)), .. } => {
                self.learn_credentials(credentials.authorization());
            }
            Action::Complete { outcome: Ok(Outcome::TokenRequest(request)), .. } => {
                self.learn(request.mac.as_ref().map_or("", |mac| mac.expose()));
            }
            _ => {}
        }
    }

    fn learn_credentials(&mut self, header: &str) {
        self.learn(header.split(' ').nth(1).unwrap_or_default());
    }

    pub(crate) fn check_action(&self, action: &Action) -> Result<(), Violation> {
        self.check_shown(&format!("{action:?}"))?;
        match action {
            Action::Notice(notice) => self.check_notice(notice),
            Action::Complete { outcome: Err(error), .. }
            | Action::DropConnection { reason: error }
            | Action::FailConnection { reason: error } => self.check_error(error),
            _ => Ok(()),
        }
    }

    pub(crate) fn check_notice(&self, notice: &Notice) -> Result<(), Violation> {
        self.check_shown(&json_text(notice))
    }

    pub(crate) fn check_error(&self, error: &Error) -> Result<(), Violation> {
        self.check_shown(&format!("{error} {error:?} {}", json_text(error)))
    }

    pub(crate) fn check_shown(&self, text: &str) -> Result<(), Violation> {
        let secret = self.known.iter().find(|secret| text.contains(secret.as_str()));
        ensure(secret.is_none(), Invariant::NoSecretShown, || format!("a secret shows in {text}"))
    }
}

fn json_text(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

pub(crate) fn body_member(request: &HttpRequest, name: &str) -> Option<String> {
    let body: Value = serde_json::from_str(request.body.as_ref()?.expose()).ok()?;
    body.get(name)?.as_str().map(String::from)
}
