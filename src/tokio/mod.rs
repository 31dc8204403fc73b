//! Driving an [`AuthMachine`](crate::AuthMachine) with tokio: the [`Auth`] handle.
//!
//! Each client is one task, the driver, that owns the machine. Handles send it commands over a bounded channel and
//! wait for its answers; HTTP requests and callbacks run as tasks beside it. Nothing is shared under a lock but the
//! look-up of callbacks. What is expensive about HTTP, TLS roots and pools of connections, is shared by all clients of
//! a process and of a runtime, so that a client costs a few kilobytes.
//!
//! Operations, HTTP requests and notices are spans and events of `tracing`, without secrets.
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

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "an adapter is where clocks, tasks and the system's randomness belong"
)]

mod builder;
mod callback;
mod clock;
mod driver;
mod handle;
mod http;
mod operation;
mod tasks;
mod tls;
mod watch;

pub use builder::AuthBuilder;
pub use handle::Auth;
pub use watch::{Notices, TokenWatch};
