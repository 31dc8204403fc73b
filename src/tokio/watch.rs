//! What a client shows of itself at any time: its views, and its notices.

use std::string::String;

use ::tokio::sync::{broadcast, watch};

use crate::options::AuthScheme;
use crate::wire::TokenDetails;
use crate::{AuthMachine, Notice};

/// How many notices a reader may be behind before it loses the oldest.
const MAX_NOTICES: usize = 16;

/// A machine's views.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Views {
    pub(super) client_id: Option<String>,
    pub(super) token_details: Option<TokenDetails>,
    pub(super) auth_method: AuthScheme,
}

impl Views {
    pub(super) fn of(machine: &AuthMachine) -> Self {
        Views {
            client_id: machine.client_id().map(Into::into),
            token_details: machine.token_details().cloned(),
            auth_method: machine.auth_method(),
        }
    }

    fn show(&self, machine: &AuthMachine) -> bool {
        self.client_id.as_deref() == machine.client_id()
            && self.token_details.as_ref() == machine.token_details()
            && self.auth_method == machine.auth_method()
    }

    /// Publishes the machine's views, if they are not what was published last.
    pub(super) fn publish(sender: &watch::Sender<Self>, machine: &AuthMachine) {
        sender.send_if_modified(|views| {
            let changed = !views.show(machine);
            if changed {
                *views = Views::of(machine);
            }
            changed
        });
    }
}

/// Follows the token of a client (`RSA16`). See [`Auth::watch_token`](super::Auth::watch_token).
///
/// It shows the newest token and may skip those between. It does not keep the client alive.
#[derive(Clone)]
pub struct TokenWatch {
    views: watch::Receiver<Views>,
    seen: Option<TokenDetails>,
}

impl TokenWatch {
    pub(super) fn new(views: watch::Receiver<Views>) -> Self {
        let seen = views.borrow().token_details.clone();
        TokenWatch { views, seen }
    }

    /// The token as last seen; `None` while there is none.
    pub fn token_details(&self) -> Option<&TokenDetails> {
        self.seen.as_ref()
    }

    /// Waits until the client's token is another than the one last seen. `false` once the client has ended: then
    /// it will not change any more.
    ///
    /// Dropping the future loses nothing.
    pub async fn changed(&mut self) -> bool {
        let seen = &self.seen;
        match self.views.wait_for(|views| views.token_details != *seen).await {
            Ok(views) => {
                self.seen = views.token_details.clone();
                true
            }
            Err(_) => false,
        }
    }
}

/// A client's notices, as they come. See [`Auth::notices`](super::Auth::notices).
///
/// A reader that falls behind loses the oldest. It does not keep the client alive.
pub struct Notices {
    notices: broadcast::Receiver<Notice>,
}

impl Notices {
    pub(super) fn channel() -> (broadcast::Sender<Notice>, Notices) {
        let (sender, notices) = broadcast::channel(MAX_NOTICES);
        (sender, Notices { notices })
    }

    pub(super) fn resubscribe(&self) -> Notices {
        Notices { notices: self.notices.resubscribe() }
    }

    /// The next notice; `None` once the client has ended.
    ///
    /// Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<Notice> {
        loop {
            match self.notices.recv().await {
                Ok(notice) => return Some(notice),
                Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => return None,
            }
        }
    }
}
