//! What holds for a session whatever happens to it, in whatever order.
//!
//! Commands, frames, sockets, answers and the clock are drawn at random from a small alphabet ([`ops`]), against a
//! world ([`world`]) that plays what is around a session and checks after every step:
//!
//! - an operation completes exactly once; nothing but time is needed for that in the end;
//! - a state that is not a resting one has a deadline, and is left when time passes;
//! - one socket at a time; none in closed and failed, nor while waiting for the next attempt;
//! - it connects, and sends AUTH, with no token that the service has rejected, unless the source returned it again;
//!   a rejected token is none in the view;
//! - changes of the state follow each other as the specification has them, and agree with the views;
//! - after a timeout the next deadline is later; nothing hides until then;
//! - an input has few actions, and asks at most once for a token;
//! - the same seed and inputs give the same actions; no action shows a secret.

mod ops;
mod world;

use ops::{Frame, Op, Options, happy_op, op, options};
use proptest::prelude::*;
use world::World;

/// More than the default where it is asked for by `PROPTEST_CASES`.
fn config() -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn whatever_happens_the_invariants_hold(
        options in options(),
        ops in proptest::collection::vec(op(), 1..80),
        seed in any::<[u8; 32]>(),
    ) {
        let mut world = World::new(options, seed);
        let mut twin = World::new(options, seed);
        for op in &ops {
            world.apply(*op);
            twin.apply(*op);
            prop_assert_eq!(world.actions(), twin.actions());
        }
        world.come_to_rest();
    }

    #[test]
    fn a_renewal_that_goes_well_closes_no_socket(
        options in proptest::sample::select(&[Options::Callback, Options::KeyAndTokens, Options::AuthUrl][..]),
        ops in proptest::collection::vec(happy_op(), 1..80),
        seed in any::<[u8; 32]>(),
    ) {
        let mut world = World::connected(options, seed);
        let opened = world.sockets_opened();
        for op in &ops {
            world.apply(*op);
            world.answer_everything_well();
            prop_assert!(world.is_connected(), "after {:?}", op);
        }
        prop_assert_eq!(world.sockets_opened(), opened);
        prop_assert_eq!(world.sockets_closed(), 0);
    }

    #[test]
    fn so_many_expiries_so_many_renewals(
        options in proptest::sample::select(&[Options::Callback, Options::KeyAndTokens, Options::AuthUrl][..]),
        expiries in proptest::collection::vec((0_u64..3_000, any::<bool>()), 1..30),
        seed in any::<[u8; 32]>(),
    ) {
        let mut world = World::connected(options, seed);
        let before = world.tokens_asked_for();
        for (ms, at_the_reconnect) in &expiries {
            world.apply(Op::Advance(*ms));
            // Either the token expires while connected, or it has when the connection is made again.
            let first = if *at_the_reconnect { Frame::DisconnectedOther } else { Frame::DisconnectedToken };
            world.apply(Op::Receive(first));
            if *at_the_reconnect {
                world.open_after_the_pause();
                world.apply(Op::Receive(Frame::ErrorToken));
            }
            world.answer_everything_well();
            world.open_after_the_pause();
            world.apply(Op::Receive(Frame::Connected));
            prop_assert!(world.is_connected());
        }
        prop_assert_eq!(world.tokens_asked_for() - before, expiries.len());
    }
}
