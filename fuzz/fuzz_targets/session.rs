//! Commands, frames, sockets, answers and moments in any order: see `ably_auth::testkit::session`.
#![no_main]

use ably_auth::fuzzing::session::{Scenario, run};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|scenario: Scenario| run(&scenario));
