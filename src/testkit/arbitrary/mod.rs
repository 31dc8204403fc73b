//! `Arbitrary` for what machines and sessions are made of and told.
//!
//! Mostly values that make sense together (ids that are in use soon, tokens of one small set, answers in the service's
//! form), and now and then one that does not. The first choice of each is the plainest, so that a smaller input is a
//! plainer value.

mod events;
mod options;
mod wire;

use alloc::string::String;

use arbitrary::{Arbitrary as _, Result, Unstructured};
use serde_json::{Value, json};

use super::UNIX_START;
use super::session::{Reason, palette};

/// One of these, or, now and then, any text.
fn text(u: &mut Unstructured<'_>, usual: &[&str]) -> Result<String> {
    if is_wild(u)? { u.arbitrary() } else { Ok((*u.choose(usual)?).into()) }
}

/// One of these, or, now and then, any number.
fn number(u: &mut Unstructured<'_>, usual: &[i64]) -> Result<i64> {
    if is_wild(u)? { u.arbitrary() } else { u.choose(usual).copied() }
}

/// Whether this is to be one of the values that make no sense. Never, once the bytes are used up.
fn is_wild(u: &mut Unstructured<'_>) -> Result<bool> {
    Ok(u.arbitrary::<u8>()? >= 240)
}

/// One of a few ids, as they are given out first.
fn id<Id: From<u64>>(u: &mut Unstructured<'_>) -> Result<Id> {
    u.int_in_range(1..=6_u64).map(Id::from)
}

/// A moment near the start of virtual time.
fn moment(u: &mut Unstructured<'_>) -> Result<i64> {
    number(u, &[UNIX_START, UNIX_START + 60_000, UNIX_START + 3_600_000, UNIX_START - 1, 0])
}

const TOKENS: &[&str] = &["token-1", "token-2", "token-3", "a.b.c"];
const CLIENT_IDS: &[&str] = &["me", "another", "*", ""];

/// An error as the service writes it: mostly one of those that matter to auth.
fn error_json(u: &mut Unstructured<'_>) -> Result<Value> {
    let (code, status) = if is_wild(u)? { u.arbitrary()? } else { palette::numbers(Reason::arbitrary(u)?) };
    Ok(json!({"code": code, "statusCode": status, "message": text(u, &["no", ""])?}))
}
