//! Driving the machines with tokio: the [`Auth`] handle for an [`AuthMachine`](crate::AuthMachine) alone, the
//! [`Realtime`] handle for a [`Session`](crate::Session), whose [`Realtime::auth`] is the same [`Auth`].
//!
//! A client's machine stands behind a lock that is held for microseconds and across no await. Handles and tasks come
//! to it with what they have to say and do at once what it then wants done: start a request, open a socket, answer
//! who waits. HTTP requests, callbacks and sockets are tasks of their own, and one more wakes up for deadlines. What
//! is expensive about HTTP and TLS, roots and pools of connections, is shared by all clients of a process and of a
//! runtime, so that a client costs a few kilobytes.
//!
//! Whatever waits is bounded: requests on the wire, frames on their way out, frames that the application has not
//! read, notices and changes that nobody has looked at, lines of a recording.
//!
//! A machine that was suspended looks at its clocks within half a minute of being awake. A connection that did not
//! survive that is noticed when the server's word is overdue, `maxIdleInterval` and `realtimeRequestTimeout` after
//! the last one in time awake; sooner, where the operating system knows and [`Realtime::network`] is told.
//!
//! Operations, HTTP requests, sockets and notices are spans and events of `tracing`, without secrets. And with
//! [`Builder::record`] whatever a client's machine is told and answers becomes a [trace](crate::trace), again without
//! secrets, that `ably-auth replay` runs again: to be attached to a bug report.
//!
//! ```no_run
//! use ably_auth::RestRequest;
//! use ably_auth::options::ClientOptions;
//! use ably_auth::tokio::Auth;
//!
//! # async fn run() -> Result<(), ably_auth::Error> {
//! let auth = Auth::builder(ClientOptions::default())
//!     .auth_callback(|params| async move {
//!         // Ask your own server for a token with these params.
//!         # let _ = params;
//!         Ok::<_, std::io::Error>("a token")
//!     })
//!     .build()?;
//!
//! let response = auth.request(RestRequest::new("GET", "/channels/news")).await?;
//! println!("{} with {:?}", response.response.status, auth.token_details());
//! # Ok(())
//! # }
//! ```
//!
//! With a connection:
//!
//! ```no_run
//! use ably_auth::options::ClientOptions;
//! use ably_auth::tokio::Realtime;
//! use ably_auth::wire::TokenParams;
//!
//! # async fn run() -> Result<(), ably_auth::Error> {
//! let realtime = Realtime::builder(ClientOptions::new("app.key:secret")?).build()?;
//! realtime.connected().await?;
//!
//! // Another token for the connection that is up; the service has accepted it when this returns.
//! let params = TokenParams { capability: Some(r#"{"news":["subscribe"]}"#.parse()?), ..TokenParams::default() };
//! realtime.auth().authorize(Some(params), None).await?;
//!
//! realtime.close().await;
//! # Ok(())
//! # }
//! ```

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "an adapter is where clocks, tasks and the system's randomness belong"
)]

mod builder;
mod callback;
mod clock;
mod connection;
mod driver;
mod frames;
mod handle;
mod http;
mod machine;
mod operation;
mod outlet;
mod realtime;
mod socket;
mod tasks;
mod tls;
mod watch;

pub use builder::Builder;
pub use frames::Frames;
pub use handle::Auth;
pub use realtime::Realtime;
pub use watch::{Notices, StateChanges, TokenWatch};
