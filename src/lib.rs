//! The Auth object of an Ably realtime or REST client, as a sans-IO protocol state machine.
//!
//! [`AuthMachine`] consumes events (a token has expired, a callback has returned, an HTTP response is there) and
//! emits actions (send an HTTP request, call the callback, upgrade the connection, complete an operation). It never
//! opens a socket, reads a clock, sleeps, spawns, or asks the operating system for randomness. So any runtime can
//! drive it: tokio (the feature `tokio`), a blocking loop, a game loop, a browser, a test with virtual time, a fuzzer.
//!
//! [`Session`] puts a realtime connection beside it, [`ConnectionMachine`], and introduces the two to each other.
//!
//! # The run loop
//!
//! 1. Give a command, or an input, with the time by both clocks.
//! 2. Take actions with `poll_action` until there are none, and do them in order. None waits for a timeout.
//! 3. Wait for whatever comes first: an answer to report, another command, or the time of `poll_timeout`.
//! 4. If that time has come, call `handle_timeout`. Go on at 2.
//!
//! ```
//! use ably_auth::options::{AuthOptions, ClientOptions};
//! use ably_auth::{Action, AuthMachine, CallbackValue, Event, Now, Outcome, RestRequest};
//! # use ably_auth::http::{Headers, HttpRequest, HttpResponse};
//! # fn send(_: &HttpRequest) -> HttpResponse { HttpResponse::new(200, Headers::new(), "{}") }
//! # fn ask_my_server() -> &'static str { "a-token" }
//! # fn random_bytes() -> [u8; 32] { [7; 32] }
//! # fn now() -> Now { Now::new(0, 1_700_000_000_000) }
//!
//! let options = ClientOptions::with_auth(AuthOptions::with_callback("my-server"));
//! let mut auth = AuthMachine::new(options, random_bytes(), now())?;
//!
//! let operation = auth.request(RestRequest::new("GET", "/channels/news"), now());
//! while let Some(action) = auth.poll_action() {
//!     match action {
//!         Action::InvokeCallback { id, .. } => {
//!             let value = CallbackValue::Token(ask_my_server().into());
//!             auth.handle_event(Event::CallbackResult { id, value }, now());
//!         }
//!         Action::SendHttp { id, request, .. } => {
//!             let response = send(&request);
//!             auth.handle_event(Event::HttpResponse { id, response }, now());
//!         }
//!         Action::Complete { operation: completed, outcome } => {
//!             assert_eq!(completed, operation);
//!             assert!(matches!(outcome, Ok(Outcome::Response(_))));
//!         }
//!         _ => {}
//!     }
//! }
//! # Ok::<(), ably_auth::Error>(())
//! ```
//!
//! # What is where
//!
//! | module | holds |
//! | --- | --- |
//! | [`wire`] | data on the wire: tokens, capabilities, errors, protocol messages |
//! | [`http`] | HTTP as plain data |
//! | [`options`] | what a client is configured with |
//! | [`sign`] | signing and verifying token requests |
//! | [`machine`] | the Auth object |
//! | [`connection`], [`session`] | a realtime connection, and both together |
//! | [`trace`] | both driven by lines of JSON; recorded, without secrets; replayed; drawn |
//!
//! # Features
//!
//! Without features the crate is `no_std` with `alloc`. Features only add.
//!
//! | feature | adds |
//! | --- | --- |
//! | `tokio` | handles with async methods, on reqwest |
//! | `sandbox` | an in-process server that behaves as Ably's auth surface does, for tests |
//! | `testkit` | a harness in virtual time, and a model of what a correct session may do, for tests of your own |
//! | `arbitrary`, `proptest` | inputs, options and whole sessions for fuzzers and for property tests |
//! | `cli` | the command `ably-auth`: drive a machine from any language, replay what was recorded, run a sandbox, sign |
//!
//! # Secrets
//!
//! Keys, tokens, MACs, bodies and header values are held in types that redact themselves in `Debug` and are wiped
//! when dropped. Errors and notices hold none of them: where a server quotes a token back, it is taken out.
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

extern crate alloc;
#[cfg(any(feature = "sandbox", feature = "testkit", feature = "tokio"))]
extern crate std;

mod base;
#[cfg(feature = "cli")]
#[cfg_attr(docsrs, doc(cfg(feature = "cli")))]
pub mod cli;
pub mod connection;
#[cfg(feature = "__fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
pub mod http;
pub mod machine;
pub mod options;
#[cfg(feature = "sandbox")]
#[cfg_attr(docsrs, doc(cfg(feature = "sandbox")))]
pub mod sandbox;
pub mod session;
pub mod sign;
#[cfg(feature = "testkit")]
#[cfg_attr(docsrs, doc(cfg(feature = "testkit")))]
pub mod testkit;
#[cfg(feature = "tokio")]
#[cfg_attr(docsrs, doc(cfg(feature = "tokio")))]
pub mod tokio;
pub mod trace;
pub mod wire;

pub use base::{
    CallbackId, ConnectionState, HttpId, Notice, NoticeKind, NoticeLevel, Now, OperationId, SocketId, TimerKind,
};
pub use connection::ConnectionMachine;
pub use machine::{
    Action, AuthMachine, AuthState, CallbackValue, ConnectionEvent, Credentials, Event, Explanation, OpaqueJson,
    Outcome, Response, RestRequest, Revocation,
};
pub use session::{Session, SessionAction, SessionEvent};
pub use wire::{ConnectionDetails, Error, ErrorKind};

/// The README's examples, compiled with the documentation's.
#[cfg(all(doctest, feature = "tokio"))]
#[doc = include_str!("../README.md")]
struct Readme;
