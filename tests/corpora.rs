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

#[test]
fn the_machine_corpus_breaks_no_invariant() {
    for (name, bytes) in corpus("machine") {
        if let Some(Err(violation)) = Scenario::from_bytes(&bytes).as_ref().map(run) {
            panic!("{name}: {violation}");
        }
    }
}

#[test]
fn the_session_corpus_breaks_no_invariant() {
    for (name, bytes) in corpus("session") {
        println!("{name}");
        let scenario = session::Scenario::arbitrary_take_rest(Unstructured::new(&bytes));
        session::run(&scenario.expect("any bytes are a scenario"));
    }
}

#[test]
fn the_answers_corpus_is_read() {
    for (name, bytes) in corpus("answers") {
        println!("{name}");
        answers(&bytes);
    }
}

#[test]
fn the_lines_corpus_is_answered() {
    for (name, bytes) in corpus("lines") {
        println!("{name}");
        lines(&bytes);
    }
}

#[test]
fn the_options_corpus_is_read() {
    for (name, bytes) in corpus("options") {
        println!("{name}");
        options(&bytes);
    }
}

#[test]
fn the_capability_corpus_is_read() {
    for (name, bytes) in corpus("capability") {
        println!("{name}");
        capability(&bytes);
    }
}

#[test]
fn the_differential_corpus_agrees() {
    for (name, bytes) in corpus("differential") {
        println!("{name}");
        differential(&Arbitrary::arbitrary_take_rest(Unstructured::new(&bytes)).expect("any bytes are an input"));
    }
}

#[test]
#[cfg(feature = "sandbox")]
fn the_sandbox_corpus_is_answered() {
    for (name, bytes) in corpus("sandbox") {
        println!("{name}");
        let scenario = sandbox::Scenario::arbitrary_take_rest(Unstructured::new(&bytes));
        sandbox::run(&scenario.expect("any bytes are a scenario"));
    }
}
