//! Level by level, with as many threads as there shall be.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a search takes time, and its sets have no order"
)]

use alloc::borrow::ToOwned as _;
use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::any::Any;
use core::hash::BuildHasherDefault;
use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::fingerprint::fingerprint;
use super::{Counterexample, Explore, Explored, Level, Move, Report};

/// A state whose successors are to be found.
#[derive(Clone)]
pub(super) struct Node<W> {
    pub(super) world: W,
    budgets: Budgets,
    /// Its place in the record of how each state was first reached.
    place: u32,
}

/// How often the moves of each budget may still be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Budgets([u8; 8]);

impl Budgets {
    fn full(budgets: &[u8]) -> Self {
        let mut full = [0; 8];
        full[..budgets.len()].copy_from_slice(budgets);
        Budgets(full)
    }

    /// What is left after a move; none where there is not enough.
    fn pay<Op>(mut self, made: &Move<Op>) -> Option<Self> {
        if let Some(budget) = made.budget {
            let left = &mut self.0[budget];
            *left = left.checked_sub(1)?;
        }
        Some(self)
    }
}

/// How a state was first reached: from which place, by which move.
type Origin = (u32, u8);

/// The fingerprints known, in parts so that threads seldom wait for each other.
struct Seen(Vec<Mutex<HashSet<u128, BuildHasherDefault<std::hash::DefaultHasher>>>>);

const PARTS: usize = 64;
/// Nodes that a thread takes at a time.
const CHUNK: usize = 64;

impl Seen {
    fn new() -> Self {
        Seen((0..PARTS).map(|_| Mutex::default()).collect())
    }

    /// Whether it is new.
    fn insert(&self, fingerprint: u128) -> bool {
        let part = &self.0[fingerprint as usize % PARTS];
        part.lock().unwrap_or_else(std::sync::PoisonError::into_inner).insert(fingerprint)
    }
}

/// What one thread has found on a level.
struct Found<W> {
    nodes: Vec<(Node<W>, Origin)>,
    states: usize,
    transitions: usize,
    digest: u128,
    violation: Option<(Origin, String)>,
}

impl<W> Default for Found<W> {
    fn default() -> Self {
        Found { nodes: Vec::new(), states: 0, transitions: 0, digest: 0, violation: None }
    }
}

pub(super) fn run<W: Explored>(explore: &Explore<W>, mut on_level: impl FnMut(&Level)) -> Report {
    let root = Node::root(explore);
    let seen = Seen::new();
    let print = root.fingerprint(explore.renaming);
    seen.insert(print);
    let mut origins: Vec<Origin> = Vec::from([(0, 0)]);
    let mut report = Report { levels: Vec::new(), counterexample: None, stopped: false };
    report.levels.push(Level { depth: 0, states: 1, transitions: 0, digest: print });
    let total = AtomicUsize::new(1);
    let mut frontier = Vec::from([root]);
    for depth in 1..=explore.depth {
        let next = AtomicUsize::new(0);
        let is_last = depth == explore.depth;
        let level = LevelSearch { explore, frontier: &frontier, seen: &seen, next: &next, total: &total, is_last };
        let found: Vec<Found<W>> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..explore.threads.max(1)).map(|_| scope.spawn(|| level.search())).collect();
            threads.into_iter().map(|thread| thread.join().expect("a thread that catches panics")).collect()
        });
        let mut summary = Level { depth, states: 0, transitions: 0, digest: 0 };
        let mut violation = None;
        frontier = Vec::new();
        for found in found {
            summary.states += found.states;
            summary.transitions += found.transitions;
            summary.digest = summary.digest.wrapping_add(found.digest);
            violation = violation.or(found.violation);
            for (mut node, origin) in found.nodes {
                node.place = origins.len() as u32;
                origins.push(origin);
                frontier.push(node);
            }
        }
        on_level(&summary);
        report.levels.push(summary);
        report.counterexample = violation.map(|(origin, what)| replay(explore, &origins, origin, what));
        report.stopped = total.load(Ordering::Relaxed) >= explore.states;
        if report.counterexample.is_some() || report.stopped || frontier.is_empty() {
            break;
        }
    }
    report
}

/// One level, shared by all threads.
struct LevelSearch<'a, W> {
    explore: &'a Explore<W>,
    frontier: &'a [Node<W>],
    seen: &'a Seen,
    /// The first node that no thread has taken.
    next: &'a AtomicUsize,
    total: &'a AtomicUsize,
    is_last: bool,
}

impl<W: Explored> LevelSearch<'_, W> {
    fn search(&self) -> Found<W> {
        let mut found = Found::default();
        loop {
            let from = self.next.fetch_add(CHUNK, Ordering::Relaxed);
            let Some(nodes) = self.frontier.get(from..).filter(|nodes| !nodes.is_empty()) else { return found };
            for node in nodes.iter().take(CHUNK) {
                if self.total.load(Ordering::Relaxed) >= self.explore.states || !self.expand(node, &mut found) {
                    self.next.store(self.frontier.len(), Ordering::Relaxed);
                    return found;
                }
            }
        }
    }

    /// Makes every move from a node. False once there is a violation.
    fn expand(&self, node: &Node<W>, found: &mut Found<W>) -> bool {
        for (index, made) in W::MOVES.iter().enumerate() {
            let Some(mut next) = node.after(made) else { continue };
            found.transitions += 1;
            let origin = (node.place, index as u8);
            let is_new = attempt(|| {
                next.make(made)?;
                let print = next.fingerprint(self.explore.renaming);
                if !self.seen.insert(print) {
                    return Ok(None);
                }
                next.world.check()?;
                (self.explore.also)(&next.world)?;
                Ok(Some(print))
            });
            match is_new {
                Ok(None) => {}
                Ok(Some(print)) => {
                    self.total.fetch_add(1, Ordering::Relaxed);
                    found.states += 1;
                    found.digest = found.digest.wrapping_add(print);
                    if !self.is_last {
                        found.nodes.push((next, origin));
                    }
                }
                Err(what) => {
                    found.violation = Some((origin, what));
                    return false;
                }
            }
        }
        true
    }
}

impl<W: Explored> Node<W> {
    pub(super) fn root(explore: &Explore<W>) -> Self {
        let world = W::begin(explore.start, &explore.client).expect("options that are accepted");
        Node { world, budgets: Budgets::full(W::BUDGETS), place: 0 }
    }

    /// What a move is to be made in; none where there is nothing for it to act on, or nothing left to pay it with.
    pub(super) fn after(&self, made: &Move<W::Op>) -> Option<Self> {
        let has_reason = made.ops.iter().all(|op| self.world.concerns(*op));
        let budgets = self.budgets.pay(made).filter(|_| has_reason)?;
        Some(Node { world: self.world.clone(), budgets, place: 0 })
    }

    pub(super) fn make(&mut self, made: &Move<W::Op>) -> Result<(), super::Violation> {
        made.ops.iter().try_for_each(|op| self.world.step(*op))?;
        self.world.settle();
        Ok(())
    }

    pub(super) fn fingerprint(&self, renaming: bool) -> u128 {
        fingerprint(&(&self.world, self.budgets), self.world.now(), renaming)
    }
}

/// A panic is a violation too.
fn attempt<T>(step: impl FnOnce() -> Result<T, super::Violation>) -> Result<T, String> {
    match catch_unwind(AssertUnwindSafe(step)) {
        Ok(result) => result.map_err(|violation| violation.to_string()),
        Err(panic) => Err(format!("it panics: {}", message_of(&*panic))),
    }
}

fn message_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default()
}

/// Goes the way once more, this time taking note of what the machine is told.
fn replay<W: Explored>(explore: &Explore<W>, origins: &[Origin], last: Origin, what: String) -> Counterexample {
    let mut way = Vec::from([last]);
    while let Some(&(place, _)) = way.last().filter(|(place, _)| *place != 0) {
        way.push(origins[place as usize]);
    }
    let mut world = W::begin(explore.start, &explore.client).expect("options that were accepted");
    let mut lines = Vec::from([line(&W::first_line(explore.start, &explore.client))]);
    let mut moves = Vec::new();
    for (_, index) in way.into_iter().rev() {
        let made = &W::MOVES[usize::from(index)];
        for op in made.ops {
            // The last one is what fails; what it told the machine is noted before.
            let _ = attempt(|| world.step(*op));
            lines.extend(world.lines().iter().map(line));
            moves.push(format!("{op:?}"));
        }
    }
    Counterexample { what, moves, mode: W::MODE, lines }
}

fn line(line: &crate::trace::Line) -> String {
    serde_json::to_string(line).unwrap_or_default()
}
