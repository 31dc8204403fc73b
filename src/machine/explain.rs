//! The state of a machine in words.

use alloc::string::String;
use core::fmt::{self, Write};

use super::AuthMachine;
use super::library::Token;
use crate::options::AuthScheme;

/// What a machine is doing and waiting for, for people: a line for each thing. Its form may change.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Explanation(String);

impl Explanation {
    pub(super) fn of(machine: &AuthMachine) -> Self {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = explain(machine, &mut text);
        Explanation(text)
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.trim_end())
    }
}

fn explain(machine: &AuthMachine, out: &mut String) -> fmt::Result {
    let scheme = match machine.policy.scheme() {
        AuthScheme::Basic => "basic: every request carries the key",
        AuthScheme::Token => "token",
    };
    writeln!(out, "auth: {scheme}")?;
    match &machine.token {
        Token::None => writeln!(out, "token: none")?,
        Token::Lost(error) => writeln!(out, "token: none, and none to be had: {error}")?,
        Token::Held(held) => match held.details.expires {
            Some(expires) => writeln!(out, "token: held, expires at {expires}")?,
            None => writeln!(out, "token: held, nobody knows when it expires")?,
        },
    }
    match &machine.acquisition {
        Some(acquisition) => writeln!(
            out,
            "next token: {}; {} operations wait for it, {} of them authorize",
            acquisition.fetch.describe(),
            acquisition.claims.waiters.len() + acquisition.claims.authorizing.len(),
            acquisition.claims.authorizing.len(),
        )?,
        None => writeln!(out, "next token: not being acquired")?,
    }
    if let Some(connection) = &machine.connection {
        let (state, awaiting) = connection.describe();
        writeln!(out, "connection: {state:?}; {awaiting} operations wait for it")?;
    }
    writeln!(out, "operations: {}", machine.operations.len())?;
    for (id, operation) in machine.operations.iter() {
        writeln!(out, "  {}: {}", id.as_u64(), operation.describe())?;
    }
    match machine.poll_timeout() {
        Some((at, timer)) => writeln!(out, "next deadline: {at} ({timer:?})"),
        None => writeln!(out, "next deadline: none"),
    }
}
