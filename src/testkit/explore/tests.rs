//! Renaming is sound: what can follow from states that count as one is the same, but for names.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::hash::Hash;

use super::fingerprint::fingerprint;
use super::search::Node;
use super::{Explore, Explored, Move};

/// What each move makes of a state, with what it was before and what came of it; none where the move is not made.
type Outcomes = Vec<Option<u128>>;

/// Goes every way without renaming, and holds the states that renaming takes for one against each other. The result is
/// how many states there are without it and with it.
fn states<W: Explored, A: Hash>(explore: &Explore<W>, actions: fn(&W) -> &[A]) -> (usize, usize) {
    let mut seen = BTreeSet::new();
    let mut alike: BTreeMap<u128, Vec<Node<W>>> = BTreeMap::new();
    let mut level = Vec::from([Node::root(explore)]);
    for depth in 0..=explore.depth {
        let mut next = Vec::new();
        for node in level {
            if seen.insert(node.fingerprint(false)) {
                if depth < explore.depth {
                    next.extend(W::MOVES.iter().filter_map(|made| made_in(&node, made)));
                }
                alike.entry(node.fingerprint(true)).or_default().push(node);
            }
        }
        level = next;
    }
    for nodes in alike.values().filter(|nodes| nodes.len() > 1) {
        let outcomes: BTreeSet<Outcomes> = nodes.iter().map(|node| outcomes(node, actions)).collect();
        assert_eq!(outcomes.len(), 1, "states that count as one go on differently");
    }
    (seen.len(), alike.len())
}

fn made_in<W: Explored>(node: &Node<W>, made: &Move<W::Op>) -> Option<Node<W>> {
    let mut after = node.after(made)?;
    after.make(made).expect("nothing is wrong");
    Some(after)
}

fn outcomes<W: Explored, A: Hash>(node: &Node<W>, actions: fn(&W) -> &[A]) -> Outcomes {
    let outcome = |made| {
        let after = made_in(node, made)?.world;
        Some(fingerprint(&(&node.world, actions(&after), &after), after.now(), true))
    };
    W::MOVES.iter().map(outcome).collect()
}

#[test]
fn sessions_that_differ_in_names_go_on_alike() {
    let (all, renamed) = states(&Explore::sessions(4), |world| world.actions());
    assert!(renamed < all, "{renamed} of {all}");
}

#[test]
fn machines_that_differ_in_names_go_on_alike() {
    let (all, renamed) = states(&Explore::machines(4), |world| world.actions());
    assert!(renamed < all, "{renamed} of {all}");
}
