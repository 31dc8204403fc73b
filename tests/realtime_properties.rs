//! What holds for a session, under random interleavings of commands, frames, sockets, answers and moments.
#![cfg(feature = "proptest")]

use ably_auth::testkit::session::{Auth, Client, Frame, Life, Op, Source, World, run};
use ably_auth::testkit::{Violation, strategies};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

/// What does no harm to a connection that is up, as long as everything is answered well.
fn happy_op() -> impl Strategy<Value = Op> {
    prop_oneof![
        4 => Just(Op::Receive(Frame::Auth)),
        3 => Just(Op::Authorize(Auth::Stored)),
        2 => Just(Op::Authorize(Auth::Token(Life::Unknown))),
        2 => Just(Op::Request),
        2 => Just(Op::TokenRejected),
        10 => select(&[
            Op::RequestToken,
            Op::Credentials,
            Op::Cancel,
            Op::Send,
            Op::Connect,
            Op::TokenExpired,
            Op::Network { up: true },
            Op::Receive(Frame::Heartbeat),
            Op::Receive(Frame::Message),
            Op::Receive(Frame::ErrorOfChannel),
            Op::Receive(Frame::Garbage),
            Op::SocketGoneStale,
        ][..]),
        2 => (0_u16..5_000).prop_map(|ms| Op::Advance { ms }),
    ]
}

/// Clients that can get tokens again and again.
fn renewing_client() -> impl Strategy<Value = Client> {
    let source = select(&[Source::Callback, Source::Key, Source::AuthUrlGet][..]);
    (source, any::<bool>(), any::<u8>()).prop_map(|(source, client_id, seed)| Client {
        source,
        initial_token: None,
        client_id,
        query_time: false,
        fallbacks: false,
        request_ids: false,
        seed,
    })
}

fn held<T>(result: Result<T, Violation>) -> Result<T, TestCaseError> {
    result.map_err(|violation| TestCaseError::fail(violation.to_string()))
}

proptest! {
    #[test]
    fn whatever_happens_the_invariants_hold(scenario in strategies::scenario(64)) {
        held(run(&scenario))?;
    }

    #[test]
    fn a_renewal_that_goes_well_closes_no_socket(client in renewing_client(), ops in vec(happy_op(), 1..80)) {
        let mut world = held(World::connected(&client))?;
        let opened = world.sockets_opened();
        for op in &ops {
            held(world.apply(*op))?;
            held(world.answer_everything_well())?;
            prop_assert!(world.is_connected(), "after {:?}", op);
        }
        prop_assert_eq!(world.sockets_opened(), opened);
        prop_assert_eq!(world.sockets_closed(), 0);
    }

    #[test]
    fn so_many_expiries_so_many_renewals(
        client in renewing_client(),
        expiries in vec((0_u16..3_000, any::<bool>()), 1..30),
    ) {
        let mut world = held(World::connected(&client))?;
        let before = world.tokens_asked_for();
        for (ms, at_the_reconnect) in &expiries {
            held(world.apply(Op::Advance { ms: *ms }))?;
            // Either the token expires while connected, or it has when the connection is made again.
            let first = if *at_the_reconnect { Frame::DisconnectedOther } else { Frame::DisconnectedToken };
            held(world.apply(Op::Receive(first)))?;
            if *at_the_reconnect {
                held(world.open_after_the_pause())?;
                held(world.apply(Op::Receive(Frame::ErrorToken)))?;
            }
            held(world.answer_everything_well())?;
            held(world.open_after_the_pause())?;
            held(world.apply(Op::Receive(Frame::Connected)))?;
            prop_assert!(world.is_connected());
        }
        prop_assert_eq!(world.tokens_asked_for() - before, expiries.len());
    }
}
