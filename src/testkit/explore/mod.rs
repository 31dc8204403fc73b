//! Every interleaving, to a depth: breadth-first over real machines and real sessions.
//!
//! A node is a world: a machine or a session, what its environment still owes it, and what watches it. From each node
//! every move of the alphabet is made, in every order, until the depth is reached. What comes of a move is checked, and
//! every new state too; a panic inside the machine is a violation like any other. The first violation ends the search,
//! with the shortest way to it as lines that `ably-auth drive` reads.
//!
//! # A session's alphabet
//!
//! [`Explore::sessions`], over [`session::World`](super::session::World): connect, close, the socket opens, is gone, or
//! reports late; CONNECTED, AUTH, ERROR and DISCONNECTED with a token error, DISCONNECTED without one, a fatal ERROR; a
//! callback returns a new token, the same token, fails, or fails with status 403, the one that waits longest and the
//! next; it returns late or twice; a request is answered, refused with a token error, or fails; the token expires, is
//! rejected elsewhere; the next deadline comes. Twice at most: `authorize`. Once at most: a request, `request_token`,
//! `cancel`, a suspend of a minute, a jump of the wall clock by an hour. Each state is also left to itself: time has to
//! end what is under way.
//!
//! # A machine's alphabet
//!
//! [`Explore::machines`], over [`machine::World`](super::machine::World): a machine without a connection, as in a REST
//! client, and from the first move of the connection on one that is attached to a connection of the environment's. A
//! callback returns a token that expires in a minute, the same token once more, fails, or fails with status 403, the
//! one that waits longest and the next; it returns late or twice; a request is answered, refused with a token error, or
//! fails, and is answered late or twice; the token expires, is rejected elsewhere, or an earlier one is; the next
//! deadline comes. The connection goes connecting, connected, disconnected with or without a token error, suspended,
//! closing, closed, failed, in the order of the specification (`RTN4`) and whatever the machine asks for; while it is
//! connected it accepts a token (an update) and gets AUTH. Twice at most: `authorize`. Once at most: a request,
//! `request_token`, `time`, `cancel`, a suspend of a minute that nobody notices before the next input, a jump of the
//! wall clock by an hour, ahead or back. Each state is also brought to its end in three ways: everything is answered,
//! everything fails, only time passes.
//!
//! # What is reduced, and why that is sound
//!
//! States count as one where their fingerprints are the same: 128 bits over the machine or session, what watches it and
//! all that the environment has pending, by a hash without a random key.
//!
//! - Orders that lead to the same state are followed once from there. What follows depends on the state alone.
//! - Names are renamed: ids of operations, requests, callbacks and sockets, the generation of a token, and the tokens of
//!   the environment are hashed as their places among those of their kind in the state, the lowest first, and the
//!   counters that give them out not at all. Machines and environment do nothing with names but compare them, and each new
//!   one comes after all there are. So whatever can happen in a state can happen, under other names, in each that has
//!   its names in the same order. A test holds states that count as one against each other: every move has the same
//!   outcome in them, action by action, but for names.
//! - Clocks are hashed as distances from now. A machine reads both only to compare and subtract, so that it does the
//!   same at any time of day. The start lies so far from zero that no other number is taken for a time.
//! - How many inputs were ignored is left out: nothing but a view reads it.
//! - Moves that find nothing to act on (an answer when nothing waits, a frame without an open socket) are not made:
//!   they are no input.
//!
//! What was drawn of the seed is not renamed, nor is how much was: nonces and request ids are no more than names, but the
//! jitter of a retry decides which deadline comes first, and the order of hosts which one is asked, so that states which
//! have drawn differently are told apart.
//!
//! An op that picks an answer or a token of the past picks the newest, by its number: a machine holds no name of it any
//! more, or only one to compare with. What else an op picks, it picks by its place.
//!
//! What renaming leaves, in thousands of states:
//!
//! | to depth | sessions | renamed | machines | renamed |
//! | --- | --- | --- | --- | --- |
//! | 6 | 109 | 51 | 224 | 117 |
//! | 7 | 590 | 219 | 1,202 | 474 |
//! | 8 | 3,038 | 883 | more than 7 GB of memory | 1,677 |
//! | 9 | not measured | 3,298 | not measured | not measured |

/// The rest of an [`Explored`], where the world has it by the same names.
macro_rules! what_every_world_does {
    () => {
        fn first_line(start: crate::Now, client: &crate::testkit::session::Client) -> crate::trace::Line {
            Self::first_line(start, client)
        }

        fn now(&self) -> crate::Now {
            self.now()
        }

        fn concerns(&self, op: Self::Op) -> bool {
            self.concerns(op)
        }

        fn step(&mut self, op: Self::Op) -> Result<(), crate::testkit::Violation> {
            self.step(op)
        }

        fn settle(&mut self) {
            self.forget_ignored();
        }

        fn check(&mut self) -> Result<(), crate::testkit::Violation> {
            self.check_state()?;
            self.check_ends()
        }

        fn lines(&self) -> &[crate::trace::Line] {
            self.lines()
        }
    };
}

mod fingerprint;
mod machine;
mod search;
mod session;
#[cfg(test)]
mod tests;

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::hash::Hash;

use super::Violation;
use super::session::{Client, Source};
use crate::Now;
use crate::trace::{Line, Mode};

/// What to explore, and how far.
#[derive(Clone, Debug)]
pub struct Explore<W> {
    /// How the client is configured. By default its tokens come from a callback.
    pub client: Client,
    /// How many moves deep.
    pub depth: usize,
    /// It stops after so many states.
    pub states: usize,
    /// How many threads search.
    pub threads: usize,
    /// When the machine is made. Numbers near these are taken for times, so that there must be no others near them.
    pub start: Now,
    /// Whether states that differ only in names count as one.
    pub renaming: bool,
    /// An invariant beside the world's own, for every state.
    pub also: fn(&W) -> Result<(), Violation>,
}

impl Explore<super::session::World> {
    /// Sessions, to a depth, with two threads and without a limit on states.
    pub fn sessions(depth: usize) -> Self {
        Self::to_depth(depth)
    }
}

impl Explore<super::machine::World> {
    /// Machines, to a depth, with two threads and without a limit on states.
    pub fn machines(depth: usize) -> Self {
        Self::to_depth(depth)
    }
}

impl<W: Explored> Explore<W> {
    /// Worlds of any kind, to a depth, with two threads and without a limit on states.
    pub fn to_depth(depth: usize) -> Self {
        Explore {
            client: Client::new(Source::Callback),
            depth,
            states: usize::MAX,
            threads: 2,
            start: Now::new(1 << 50, 1_700_000_000_000),
            renaming: true,
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

/// A world that can be explored. Its hash stands for all that decides over what can happen in it from now on.
pub trait Explored: Clone + Hash + Send + Sync {
    /// One thing that happens.
    type Op: Copy + fmt::Debug + Sync + 'static;

    /// What its lines drive.
    const MODE: Mode;
    /// The alphabet.
    const MOVES: &'static [Move<Self::Op>];
    /// How often the moves of each budget may be made; no more than eight budgets.
    const BUDGETS: &'static [u8];

    /// The first one; none where the options are refused.
    fn begin(start: Now, client: &Client) -> Option<Self>;

    /// The line that makes its machine.
    fn first_line(start: Now, client: &Client) -> Line;

    /// The time in it.
    fn now(&self) -> Now;

    /// Whether there is something for an op to act on.
    fn concerns(&self, op: Self::Op) -> bool;

    /// Lets an op happen.
    ///
    /// # Errors
    ///
    /// What is wrong with what came of it.
    fn step(&mut self, op: Self::Op) -> Result<(), Violation>;

    /// A move is over: forgets what does not matter from now on.
    fn settle(&mut self);

    /// Looks at the state it is in.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    fn check(&mut self) -> Result<(), Violation>;

    /// What the last op told the machine.
    fn lines(&self) -> &[Line];
}

/// One move: ops that happen together.
#[derive(Clone, Copy, Debug)]
pub struct Move<Op: 'static> {
    ops: &'static [Op],
    /// Which budget it is paid from.
    budget: Option<usize>,
}

impl<Op> Move<Op> {
    /// As often as there is something for its ops to act on.
    pub const fn free(ops: &'static [Op]) -> Self {
        Move { ops, budget: None }
    }

    /// As often as its budget has it.
    pub const fn paid(budget: usize, ops: &'static [Op]) -> Self {
        Move { ops, budget: Some(budget) }
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
    /// What the lines drive.
    pub mode: Mode,
    /// What the machine was told, line by line, as `ably-auth drive` reads it, or for a session
    /// `ably-auth drive --realtime`.
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
        let drive = match self.mode {
            Mode::Machine => "ably-auth drive",
            Mode::Realtime => "ably-auth drive --realtime",
        };
        writeln!(f, "{}\nafter {}\nby `{drive}`:", self.what, self.moves.join(", "))?;
        self.lines.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}
