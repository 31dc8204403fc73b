//! Every interleaving, to a depth: breadth-first over real sessions.
//!
//! A node is a [`World`]: a session, what its environment still owes it, and the model. From
//! each node every move of the alphabet is made, in every order, until the depth is reached. What comes of a move is
//! checked by the model, and every new state too; a panic inside the session is a violation like any other. The first
//! violation ends the search, with the shortest way to it as lines that `ably-auth drive --realtime` reads.
//!
//! # The alphabet
//!
//! Connect, close, the socket opens, is gone, or reports late; CONNECTED, AUTH, ERROR and DISCONNECTED with a token
//! error, DISCONNECTED without one, a fatal ERROR; a callback returns a new token, the same token, fails, or fails
//! with status 403, the one that waits longest and the next; it returns late or twice; a request is answered, refused
//! with a token error, or fails; the token expires, is rejected elsewhere; the next deadline comes. Twice at most:
//! `authorize`. Once at most: a request, `request_token`, `cancel`, a suspend of a minute, a jump of the wall clock by
//! an hour.
//!
//! # What is reduced, and why that is sound
//!
//! States count as one where their fingerprints are the same: 128 bits over the session, the model and all that the
//! environment has pending, by a hash without a random key.
//!
//! - Orders that lead to the same state are followed once from there. What follows depends on the state alone.
//! - Clocks are hashed as distances from now. A session reads both only to compare and subtract, so that it does the
//!   same at any time of day. The start lies so far from zero that no other number is taken for a time.
//! - How many inputs were ignored is left out: nothing but a view reads it.
//! - Moves that find nothing to act on (an answer when nothing waits, a frame without an open socket) are not made:
//!   they are no input.
//!
//! Ids, tokens and what was drawn of the seed are not renamed: states that differ in them are told apart.

mod fingerprint;
mod moves;
mod search;

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::Violation;
use super::session::{Client, Source, World};
use crate::Now;

/// What to explore, and how far.
#[derive(Clone, Debug)]
pub struct Explore {
    /// How the client is configured. By default its tokens come from a callback.
    pub client: Client,
    /// How many moves deep.
    pub depth: usize,
    /// It stops after so many states.
    pub states: usize,
    /// How many threads search.
    pub threads: usize,
    /// When the session is made. Numbers near these are taken for times, so that there must be no others near them.
    pub start: Now,
    /// An invariant beside the model's, for every state.
    pub also: fn(&World) -> Result<(), Violation>,
}

impl Explore {
    /// To a depth, with two threads and without a limit on states.
    pub fn to_depth(depth: usize) -> Self {
        Explore {
            client: Client::new(Source::Callback),
            depth,
            states: usize::MAX,
            threads: 2,
            start: Now::new(1 << 50, 1_700_000_000_000),
            also: |_| Ok(()),
        }
    }

    /// Explores. Each level is told of when it is done.
    ///
    /// # Panics
    ///
    /// Where the client's options are refused.
    pub fn run(&self, on_level: impl FnMut(&Level)) -> Report {
        search::run(self, on_level)
    }
}

/// What was found.
#[derive(Clone, Debug)]
pub struct Report {
    /// From the first state on.
    pub levels: Vec<Level>,
    /// Where something does not hold.
    pub counterexample: Option<Counterexample>,
    /// Whether it stopped because there were too many states.
    pub stopped: bool,
}

/// The states that are so many moves away from the first one, and not fewer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Level {
    /// How many moves.
    pub depth: usize,
    /// How many states.
    pub states: usize,
    /// How many moves led to them, or back to known ones.
    pub transitions: usize,
    /// The sum of their fingerprints. The same states have the same sum.
    pub digest: u128,
}

/// The shortest way to a violation.
#[derive(Clone, Debug)]
pub struct Counterexample {
    /// What does not hold, or the message of a panic.
    pub what: String,
    /// The moves, in words.
    pub moves: Vec<String>,
    /// What the session was told, line by line, as `ably-auth drive --realtime` reads it.
    pub lines: Vec<String>,
}

impl Report {
    /// How many states there are.
    pub fn states(&self) -> usize {
        self.levels.iter().map(|level| level.states).sum()
    }

    /// How many moves were made.
    pub fn transitions(&self) -> usize {
        self.levels.iter().map(|level| level.transitions).sum()
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "depth {:>2}: {:>10} states, {:>11} transitions", self.depth, self.states, self.transitions)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (states, transitions) = (self.states(), self.transitions());
        let depth = self.levels.last().map_or(0, |level| level.depth);
        let stopped = if self.stopped { ", the last level not in full" } else { "" };
        write!(f, "{states} states, {transitions} transitions to depth {depth}{stopped}")
    }
}

impl fmt::Display for Counterexample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\nafter {}", self.what, self.moves.join(", "))?;
        self.lines.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}
