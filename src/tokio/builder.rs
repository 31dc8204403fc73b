//! Building a client.

use core::fmt::{self, Display};
use core::marker::PhantomData;
use core::time::Duration;
use std::future::Future;
use std::string::String;
use std::sync::Arc;
use std::vec::Vec;

use ::tokio::runtime::Handle;
use ::tokio::sync::{broadcast, watch};
use rustls::pki_types::CertificateDer;

use super::callback::Callbacks;
use super::clock::Clock;
use super::connection::Connection;
use super::driver::{Driver, Shown};
use super::handle::Auth;
use super::http::HttpClient;
use super::machine::{Machine, Record};
use super::outlet::Outlet;
use super::realtime::Realtime;
use super::socket::Opener;
use super::tasks::Surroundings;
use super::tls::{self, Tls};
use super::watch::{Notices, Views};
use crate::options::{ClientOptions, DEFAULT_CALLBACK};
use crate::trace::{Header, Mode, New};
use crate::wire::{Error, ErrorKind, TokenParams, codes};
use crate::{CallbackValue, Notice};

/// Builds a client, an [`Auth`] or a [`Realtime`], from options and what options cannot hold.
pub struct Builder<Client> {
    options: ClientOptions,
    callbacks: Callbacks,
    extra_roots: Vec<CertificateDer<'static>>,
    notices: (broadcast::Sender<Notice>, Notices),
    record: Option<Record>,
    client: PhantomData<fn() -> Client>,
}

impl<Client> Builder<Client> {
    pub(super) fn new(options: ClientOptions) -> Self {
        Builder {
            options,
            callbacks: Callbacks::default(),
            extra_roots: Vec::new(),
            notices: Notices::channel(),
            record: None,
            client: PhantomData,
        }
    }

    /// Gets tokens from this callback: [`Builder::callback`] under the name [`DEFAULT_CALLBACK`], which the option
    /// `auth_callback` is set to (`RSA8d`, `TO3j5`).
    #[must_use]
    pub fn auth_callback<F, Fut, T, E>(mut self, callback: F) -> Self
    where
        F: Fn(TokenParams) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<T, E>> + Send + 'static,
        T: Into<CallbackValue>,
        E: Display + 'static,
    {
        self.options.auth.auth_callback = Some(DEFAULT_CALLBACK.into());
        self.callback(DEFAULT_CALLBACK, callback)
    }

    /// Registers a callback under the name by which auth options refer to it.
    ///
    /// It gives a token string, a [`TokenDetails`](crate::wire::TokenDetails), a
    /// [`TokenRequest`](crate::wire::TokenRequest), or a [`serde_json::Value`] that is one of these. It may fail with
    /// whatever can be displayed; an [`Error`] with a code is passed on to whoever waits for the token. It has
    /// `realtimeRequestTimeout` to return; then its future is dropped. It runs in a task of its own.
    ///
    /// A callback that holds a handle of the same client keeps it alive for ever.
    #[must_use]
    pub fn callback<F, Fut, T, E>(self, name: impl Into<String>, callback: F) -> Self
    where
        F: Fn(TokenParams) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<T, E>> + Send + 'static,
        T: Into<CallbackValue>,
        E: Display + 'static,
    {
        self.callbacks.register(name.into(), callback);
        self
    }

    /// Trusts more certificate authorities than the usual ones: one or more certificates in PEM form.
    ///
    /// # Errors
    ///
    /// 40000/400 where the text holds none.
    pub fn root_certificates_pem(mut self, pem: impl AsRef<[u8]>) -> Result<Self, Error> {
        self.extra_roots.extend(tls::certificates_of_pem(pem.as_ref())?);
        Ok(self)
    }

    /// Trusts one more certificate authority than the usual ones: a certificate in DER form.
    #[must_use]
    pub fn root_certificate_der(mut self, der: impl Into<Vec<u8>>) -> Self {
        self.extra_roots.push(CertificateDer::from(der.into()));
        self
    }

    /// The notices of the client to be, from the first one on.
    pub fn notices(&self) -> Notices {
        self.notices.1.resubscribe()
    }

    /// Records the client: `sink` gets the lines of a trace, without their line feeds, for `ably-auth replay`. They
    /// hold whatever the client's machine is told, with the times it is told, and whatever it answers.
    ///
    /// Secrets are redacted, as [`trace`](crate::trace) says: keys, tokens and MACs, connection keys, the values of
    /// headers and params have placeholders, and what the application sends and receives is left out. A trace shows
    /// client ids, channels, capabilities, hosts, and the words of errors.
    ///
    /// The sink is called on whatever thread has something to tell the client, in order and never twice at a time. The
    /// client goes on meanwhile, but that thread waits: it should not take long. What it cannot write it has to lose.
    /// Once it panics, or a thousand lines wait for it, it gets no more, and the client is none the worse for it.
    ///
    /// A client that is recorded does everything twice, once with placeholders; one that is not spends nothing on it.
    /// It is recorded once: another sink takes the place of the first.
    ///
    /// ```no_run
    /// use std::io::Write as _;
    ///
    /// # fn run() -> Result<(), Box<dyn std::error::Error>> {
    /// # let options = ably_auth::options::ClientOptions::default();
    /// let mut file = std::fs::File::create("trace.jsonl")?;
    /// let auth = ably_auth::tokio::Auth::builder(options)
    ///     .record(move |line| {
    ///         let _ = writeln!(file, "{line}");
    ///     })
    ///     .build()?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn record(mut self, sink: impl FnMut(&str) + Send + 'static) -> Self {
        self.record = Some(Record { header: Header::new, outlet: Arc::new(Outlet::new(sink)) });
        self
    }

    /// [`Builder::record`] with every secret in it: keys, tokens, all that the application sends and receives. Whoever
    /// has such a trace can do what the client can.
    #[must_use]
    pub fn record_with_secrets_shown(mut self, sink: impl FnMut(&str) + Send + 'static) -> Self {
        self.record = Some(Record { header: Header::with_secrets_shown, outlet: Arc::new(Outlet::new(sink)) });
        self
    }

    /// Has a client driven whose machine is of that mode.
    fn launch(self, mode: Mode, connection: Option<Connection>) -> Result<Auth, Error> {
        let Builder { options, callbacks, extra_roots, notices: (notices_in, notices), record, .. } = self;
        let runtime = Handle::try_current().map_err(|_| no_runtime())?;
        let tls = Tls::shared(extra_roots)?;
        let surroundings = Surroundings {
            http: HttpClient::shared(runtime.id(), &tls, options.http_open_timeout)?,
            sockets: Opener {
                tls: Arc::clone(&tls.config),
                timeout: Duration::from_millis(options.http_open_timeout.into()),
            },
            callbacks: callbacks.clone(),
            callback_timeout: Duration::from_millis(options.realtime_request_timeout.into()),
        };
        let clock = Clock::new();
        let machine = Machine::new(mode, New { options, seed: seed()? }, clock.now(), record)?;
        let (views_in, views) = watch::channel(Views::of(machine.auth()));
        let shown = Shown { views: views_in, notices: notices_in };
        let driver = Driver::launch(&runtime, machine, connection, clock, surroundings, shown);
        Ok(Auth::new(driver, views, notices, callbacks))
    }
}

impl Builder<Auth> {
    /// Builds the client. It lives in the tokio runtime that this is called in.
    ///
    /// # Errors
    ///
    /// Those of [`AuthMachine::new`](crate::AuthMachine::new) for the options; 40000/400 outside of a runtime or for a
    /// certificate that cannot be used; 50000/500 where the system gives no random numbers.
    pub fn build(self) -> Result<Auth, Error> {
        self.launch(Mode::Machine, None)
    }
}

impl Builder<Realtime> {
    /// Builds the client. It lives in the tokio runtime that this is called in, and connects at once unless the
    /// option `auto_connect` says otherwise (`RTN3`).
    ///
    /// # Errors
    ///
    /// As for an [`Auth`].
    pub fn build(mut self) -> Result<Realtime, Error> {
        self.options.auto_connect.get_or_insert(true);
        let (connection, outlets) = Connection::new();
        let auth = self.launch(Mode::Realtime, Some(connection))?;
        Ok(Realtime::new(auth, outlets))
    }
}

impl<Client> fmt::Debug for Builder<Client> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("options", &self.options).finish_non_exhaustive()
    }
}

fn seed() -> Result<[u8; 32], Error> {
    let mut seed = [0; 32];
    match rustls::crypto::ring::default_provider().secure_random.fill(&mut seed) {
        Ok(()) => Ok(seed),
        Err(_) => {
            let message = "the operating system gives no random numbers";
            Err(Error::new(ErrorKind::Configuration, codes::INTERNAL, 500, message))
        }
    }
}

fn no_runtime() -> Error {
    let message = "a client is built inside a tokio runtime: call this from async code, or after Runtime::enter";
    Error::new(ErrorKind::Misuse, codes::BAD_REQUEST, 400, message)
}
