//! A scripted environment around an [`AuthMachine`], in virtual time.
//!
//! A test gives commands to a [`Client`], answers what the machine asks for, and lets time pass. Nothing that
//! the machine does goes unnoticed: each action must be expected by the test or answered by a handler
//! ([`Client::on_http`], [`Client::on_callback`]); what is left over when the client is dropped fails the test.
//!
//! With handlers a whole flow runs within the command that starts it; without, the test answers step by step.
//! After every input the harness also checks what holds for each: nothing hides until the next timeout, no
//! deadline lies in the past, an operation completes exactly once, and `TokenChanged` agrees with the view.

#![allow(dead_code, unreachable_pub, reason = "several test crates share this module, and each uses its part")]

mod client;
mod expectations;
mod messages;
mod rounds;

pub use client::*;
pub use messages::*;
