//! Auth callbacks: async closures that a name leads to.

use core::any::Any;
use core::fmt::Display;
use core::future::{Future, poll_fn};
use core::pin::{Pin, pin};
use core::task::Poll;
use std::boxed::Box;
use std::collections::HashMap;
use std::error::Error as StdError;
use std::format;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::string::{String, ToString as _};
use std::sync::{Arc, Mutex, PoisonError};

use crate::CallbackValue;
use crate::wire::{Error, ErrorKind, TokenParams, codes};

type Answer = Pin<Box<dyn Future<Output = Result<CallbackValue, Error>> + Send>>;
type Callback = Arc<dyn Fn(TokenParams) -> Answer + Send + Sync>;

/// The callbacks of one client, by name. Shared by its handles and its driver; the lock is held for a look-up.
#[derive(Clone, Default)]
pub(super) struct Callbacks(Arc<Mutex<HashMap<String, Callback>>>);

impl Callbacks {
    pub(super) fn register<F, Fut, T, E>(&self, name: String, callback: F)
    where
        F: Fn(TokenParams) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<T, E>> + Send + 'static,
        T: Into<CallbackValue>,
        E: Display + 'static,
    {
        let callback = move |params| -> Answer {
            let answer = callback(params);
            Box::pin(async move { answer.await.map(Into::into).map_err(error_of) })
        };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(name, Arc::new(callback));
    }

    fn find(&self, name: &str) -> Option<Callback> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    /// Calls the callback of that name.
    pub(super) async fn call(self, name: String, params: TokenParams) -> Result<CallbackValue, Error> {
        let callback = self.find(&name).ok_or_else(|| not_registered(&name))?;
        let answer = pin!(async move { callback(params).await });
        unless_it_panics(answer).await.unwrap_or_else(|| Err(panicked(&name)))
    }
}

/// What the future comes to; `None` if it panics.
async fn unless_it_panics<T>(mut future: Pin<&mut impl Future<Output = T>>) -> Option<T> {
    poll_fn(|context| {
        // The future is not touched again after a panic.
        match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
            Ok(poll) => poll.map(Some),
            Err(_) => Poll::Ready(None),
        }
    })
    .await
}

fn panicked(name: &str) -> Error {
    let message = format!("the auth callback \"{name}\" panicked: see what it wrote to standard error");
    Error::new(ErrorKind::Rejected, codes::TOKEN_SOURCE_FAILED, 401, message)
}

fn not_registered(name: &str) -> Error {
    let message = format!("no auth callback is registered under the name \"{name}\": register it before it is needed");
    Error::new(ErrorKind::Configuration, codes::TOKEN_SOURCE_FAILED, 401, message)
}

/// What a callback's own error says. One of ours is passed on as it is, with its code.
fn error_of<E: Display + 'static>(error: E) -> Error {
    let any: &dyn Any = &error;
    if let Some(error) = any.downcast_ref::<Error>() {
        return error.clone();
    }
    let boxed = any.downcast_ref::<Box<dyn StdError + Send + Sync>>();
    match boxed.and_then(|boxed| boxed.downcast_ref::<Error>()) {
        Some(error) => error.clone(),
        // No code: the machine gives it the one for a source that failed (`RSA4e`).
        None => Error::new(ErrorKind::Rejected, 0, 0, error.to_string()),
    }
}
