//! A scripted environment around a [`Session`], in virtual time.
//!
//! A test gives commands to a [`Client`], plays the service over the sockets that it opens, and lets time pass.
//! Whatever the session does is expected by the test, in the order in which it happens: [`Client`] keeps what has
//! not been expected yet in a queue, each expectation takes the first of it, and what is left over when the client
//! is dropped fails the test. Only changes of the token are looked at apart, and what handlers answer
//! ([`Client::on_http`], [`Client::on_callback`]) is not in the queue, but among [`Client::requests`] and
//! [`Client::callbacks`].
//!
//! After every input the harness checks what holds for each: nothing hides until the next timeout, no deadline lies
//! in the past, an operation completes exactly once, one socket is open at most and is used only while it is,
//! changes of the connection follow each other and agree with the views, and `TokenChanged` agrees with its view.

#![allow(dead_code, unreachable_pub, reason = "several test crates share this module, and each uses its part")]

mod client;
mod expectations;
mod frames;
#[path = "../../common/messages.rs"]
mod messages;
mod rounds;

pub use client::*;
pub use frames::*;
pub use messages::*;
