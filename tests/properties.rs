//! The invariants, under random sequences of commands, events, answers and moments.
#![cfg(all(feature = "__fuzzing", feature = "proptest"))]

use ably_auth::fuzzing::{CallbackAnswer, Client, Command, HttpAnswer, Life, Op, Punctuality, Scenario, run};
use proptest::collection::vec;
use proptest::prelude::*;

#[path = "common/values.rs"]
mod values;
use values::value;

/// Any op, and more often one that gets things done.
fn op() -> impl Strategy<Value = Op> {
    let success = value::<Life>().prop_map(HttpAnswer::Success);
    let token = value::<Life>().prop_map(CallbackAnswer::Token);
    prop_oneof![
        4 => value::<Op>(),
        3 => value::<Command>().prop_map(Op::Command),
        2 => (any::<u8>(), prop_oneof![value::<HttpAnswer>(), success])
            .prop_map(|(nth, answer)| Op::Respond { nth, answer }),
        2 => (any::<u8>(), prop_oneof![value::<CallbackAnswer>(), token])
            .prop_map(|(nth, answer)| Op::Return { nth, answer }),
        1 => value::<Punctuality>().prop_map(Op::Timeout),
    ]
}

fn scenario(ops: usize) -> impl Strategy<Value = Scenario> {
    (value::<Client>(), vec(op(), 0..ops)).prop_map(|(client, ops)| Scenario { client, ops })
}

fn check(scenario: &Scenario) -> Result<(), TestCaseError> {
    run(scenario).map(drop).map_err(|violation| TestCaseError::fail(violation.to_string()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn invariants_hold_whatever_happens(scenario in scenario(24)) {
        check(&scenario)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn invariants_hold_in_the_long_run(scenario in scenario(400)) {
        check(&scenario)?;
    }
}
