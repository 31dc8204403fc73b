//! Commands, events, answers and moments in any order: see `ably_auth::fuzzing`.
#![no_main]

use ably_auth::fuzzing::{Scenario, run};
use libfuzzer_sys::{Corpus, fuzz_target};

fuzz_target!(|bytes: &[u8]| -> Corpus {
    let Some(scenario) = Scenario::from_bytes(bytes) else { return Corpus::Reject };
    if let Err(violation) = run(&scenario) {
        panic!("{:?}\n{violation}", scenario.client);
    }
    Corpus::Keep
});
