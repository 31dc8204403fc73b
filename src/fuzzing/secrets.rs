//! No secret may show, neither one of the palette nor one that was computed.

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::String;

use serde_json::Value;

use super::invariants::{Broken, ensure};
use super::palette::CANARY;
use crate::http::HttpRequest;
use crate::wire::Error;
use crate::{Action, Notice, Outcome};

/// What is known of secrets.
#[derive(Clone, Debug, Default)]
pub(super) struct Secrets {
    /// Those that were computed, and so do not hold the canary.
    computed: BTreeSet<String>,
}

impl Secrets {
    pub(super) fn learn(&mut self, actions: &[Action]) {
        self.computed.extend(actions.iter().flat_map(computed_secrets));
    }

    pub(super) fn check_action(&self, action: &Action) -> Result<(), Broken> {
        self.check_shown(&format!("{action:?}"))?;
        match action {
            Action::Notice(notice) => self.check_notice(notice),
            Action::Complete { outcome: Err(error), .. }
            | Action::DropConnection { reason: error }
            | Action::FailConnection { reason: error } => self.check_error(error),
            _ => Ok(()),
        }
    }

    pub(super) fn check_notice(&self, notice: &Notice) -> Result<(), Broken> {
        self.check_shown(&json_text(notice))
    }

    pub(super) fn check_error(&self, error: &Error) -> Result<(), Broken> {
        self.check_shown(&format!("{error} {error:?} {}", json_text(error)))
    }

    pub(super) fn check_shown(&self, text: &str) -> Result<(), Broken> {
        let secret = self.computed.iter().map(String::as_str).chain([CANARY]).find(|secret| text.contains(secret));
        ensure(secret.is_none(), 9, || format!("a secret shows in {text}"))
    }
}

fn json_text(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

fn computed_secrets(action: &Action) -> impl Iterator<Item = String> {
    let (header, mac) = match action {
        Action::SendHttp { request, .. } => {
            (request.headers.find("authorization").map(String::from), body_member(request, "mac"))
        }
        Action::Complete { outcome: Ok(Outcome::Credentials(credentials)), .. } => {
            (Some(credentials.authorization().into()), None)
        }
        Action::Complete { outcome: Ok(Outcome::TokenRequest(request)), .. } => {
            (None, request.mac.as_ref().map(|mac| mac.expose().into()))
        }
        _ => (None, None),
    };
    let header = header.and_then(|header| header.split(' ').nth(1).map(String::from));
    [header, mac].into_iter().flatten().filter(|secret| !secret.contains(CANARY))
}

pub(super) fn body_member(request: &HttpRequest, name: &str) -> Option<String> {
    let body: Value = serde_json::from_str(request.body.as_ref()?.expose()).ok()?;
    body.get(name)?.as_str().map(String::from)
}
