//! Secrets that the crate has dropped are gone from memory: an allocator looks into every block that is given back
//! while a client goes through its life, from the options to the last drop.
//!
//! It prints, for each kind of secret, how many of those blocks held it, and fails where one did.
//! `cargo run --manifest-path tests/wiped/Cargo.toml`, and with `-- --where` the place of each.

mod scenes;
mod watch;

use std::process::ExitCode;

use watch::{Watch, watch};

#[global_allocator]
static ALLOCATOR: Watch = Watch;

fn main() -> ExitCode {
    if std::env::args().any(|argument| argument == "--where") {
        watch::tell_where();
    }
    assert_eq!(control(), [1], "what is not wiped is found");
    let secrets = secrets();
    let promised = play(&secrets, &scenes::SCENES);
    println!("\nbeyond the promise: what parsers copy to take escapes out");
    play(&secrets, &scenes::BEYOND);
    ExitCode::from(u8::from(promised > 0))
}

/// Plays the scenes, prints what they left behind, and returns in how many blocks.
fn play(secrets: &[(&'static str, String)], scenes: &[(&str, fn())]) -> u64 {
    let mut totals: Vec<(&str, u64)> = secrets.iter().map(|(kind, _)| (*kind, 0)).collect();
    let mut blocks = 0;
    for (name, act) in scenes {
        let found = watch(secrets, act);
        blocks += found.blocks;
        for (total, (kind, left)) in totals.iter_mut().zip(found.left) {
            if left > 0 {
                println!("{name}: {kind} left in {left} blocks");
            }
            total.1 += left;
        }
    }
    println!("{blocks} blocks given back; of those that held a secret there were");
    for (kind, left) in &totals {
        println!("{left:>5} with {kind}");
    }
    totals.iter().map(|(_, left)| left).sum()
}

/// A secret in a string of its own, which nobody wipes.
fn control() -> Vec<u64> {
    let found = watch(&[("a control", scenes::BODY.into())], || drop(String::from(scenes::BODY)));
    found.left.into_iter().map(|(_, left)| left).collect()
}

fn secrets() -> Vec<(&'static str, String)> {
    let secret = scenes::KEY.split_once(':').map(|(_, secret)| secret).unwrap_or_default();
    let macs = scenes::macs().into_iter().map(|mac| ("a MAC of ours", mac));
    let others = [
        ("the key's secret", secret.into()),
        ("the key in base64", basic()),
        ("a token that was given", scenes::GIVEN.into()),
        ("a source's first token", scenes::FIRST.into()),
        ("a source's second token", scenes::SECOND.into()),
        ("a MAC", scenes::MAC.into()),
        ("an auth header's value", scenes::AUTH_HEADER.into()),
        ("an auth param's value", scenes::AUTH_PARAM.into()),
        ("the authUrl's query", scenes::AUTH_QUERY.into()),
        ("a request's body", scenes::BODY.into()),
        ("a request's header value", scenes::REST_HEADER.into()),
        ("a request's param value", scenes::REST_PARAM.into()),
        ("a response's body", scenes::ANSWER.into()),
        ("a response's header value", scenes::ANSWER_HEADER.into()),
        ("a connection key", scenes::CONNECTION_KEY.into()),
        ("a recovery key", scenes::RECOVERY.into()),
    ];
    others.into_iter().chain(macs).collect()
}

/// The start of the key as basic auth has it.
fn basic() -> String {
    "YXBwSWQua2V5SWQ6U0VDUkVULW9m".into()
}
