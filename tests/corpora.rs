//! Replays what the fuzzers start from and what they have found.
#![cfg(feature = "__fuzzing")]

use std::fs;
use std::path::Path;

#[cfg(feature = "sandbox")]
use ably_auth::fuzzing::sandbox;
use ably_auth::fuzzing::{Scenario, answers, capability, differential, lines, options, run, session};
use arbitrary::{Arbitrary, Unstructured};

/// The inputs of a fuzz target, in order of name.
fn corpus(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut inputs: Vec<_> = fs::read_dir(&folder)
        .expect("the corpus is there")
        .map(|entry| entry.expect("an entry").path())
        .map(|path| (path.display().to_string(), fs::read(&path).expect("an input")))
        .collect();
    inputs.sort();
    assert!(!inputs.is_empty(), "{} is empty", folder.display());
    inputs
}

/// Gives each input of a target to its body, and says which one it was.
fn replay(target: &str, body: impl Fn(&[u8])) {
    for (name, bytes) in corpus(target) {
        println!("{name}");
        body(&bytes);
    }
}

/// The value that any bytes stand for.
fn value<'a, T: Arbitrary<'a>>(bytes: &'a [u8]) -> T {
    T::arbitrary_take_rest(Unstructured::new(bytes)).expect("any bytes are a value")
}

#[test]
fn the_machine_corpus_breaks_no_invariant() {
    replay("machine", |bytes| {
        if let Some(Err(violation)) = Scenario::from_bytes(bytes).as_ref().map(run) {
            panic!("{violation}");
        }
    });
}

#[test]
fn the_session_corpus_breaks_no_invariant() {
    replay("session", |bytes| session::run(&value(bytes)));
}

#[test]
fn the_answers_corpus_is_read() {
    replay("answers", answers);
}

#[test]
fn the_lines_corpus_is_answered() {
    replay("lines", lines);
}

#[test]
fn the_options_corpus_is_read() {
    replay("options", options);
}

#[test]
fn the_capability_corpus_is_read() {
    replay("capability", capability);
}

#[test]
fn the_differential_corpus_agrees() {
    replay("differential", |bytes| differential(&value(bytes)));
}

#[test]
#[cfg(feature = "sandbox")]
fn the_sandbox_corpus_is_answered() {
    replay("sandbox", |bytes| sandbox::run(&value(bytes)));
}
