//! Running a trace file again.

use alloc::borrow::ToOwned as _;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use serde_json::Value;

use super::file::{First, Header, VERSION};
use super::recorder::record;
use super::{Driver, refused};
use crate::Error;
use crate::wire::Secret;
use crate::wire::lenient::text_of;

/// What came of running a file again.
#[derive(Clone, Debug, PartialEq)]
pub struct Replay {
    /// What its first line says.
    pub header: Header,
    /// The file as it would be if what it expects were what comes out now.
    pub updated: Secret,
    /// Where that differs from what it expects, in the order of the file.
    pub differences: Vec<Difference>,
}

/// A member of a line of output that is not what it should be. `Display` shows both values, secrets and all.
#[derive(Clone, PartialEq)]
pub struct Difference {
    /// The number of the line, from 1.
    pub line: usize,
    /// Where in the output, such as `/actions/0/complete/op`.
    pub member: String,
    /// What the file has there, if anything.
    pub expected: Option<Value>,
    /// What came out, if anything.
    pub actual: Option<Value>,
}

impl core::fmt::Debug for Difference {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Difference { line, member, .. } = self;
        f.debug_struct("Difference").field("line", line).field("member", member).finish_non_exhaustive()
    }
}

impl core::fmt::Display for Difference {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let shown = |value: &Option<Value>| value.as_ref().map_or_else(|| "nothing".to_owned(), text_of);
        let (expected, actual) = (shown(&self.expected), shown(&self.actual));
        write!(f, "line {}: out{}: expected {expected}, got {actual}", self.line, self.member)
    }
}

/// Runs a file again. Every member of every line of output is compared.
///
/// A file whose secrets are redacted is run as any other: see the documentation of [this module](super).
///
/// # Errors
///
/// 40000/400 where it is no such file. Lines that a driver refuses are no error: they have their line of output.
pub fn replay(file: &str) -> Result<Replay, Error> {
    let (header, records) = read(file)?;
    let mut driver = Driver::new(header.mode);
    let mut updated = text_of(&First { trace: &header }) + "\n";
    let mut differences = Vec::new();
    for entry in records {
        let Entry { line, input, out: expected } = entry?;
        let input = text_of(&input);
        let out = driver.line(&input);
        updated += &record(&input, &out);
        updated += "\n";
        let actual = serde_json::from_str(&out).unwrap_or_default();
        compare(&mut differences, line, String::new(), expected.as_ref(), Some(&actual));
    }
    Ok(Replay { header, updated: updated.into(), differences })
}

/// A line of a file after the first.
pub(super) struct Entry {
    /// Its number, from 1.
    pub(super) line: usize,
    pub(super) input: Value,
    pub(super) out: Option<Value>,
}

/// Reads a file.
pub(super) fn read(file: &str) -> Result<(Header, impl Iterator<Item = Result<Entry, Error>>), Error> {
    let mut lines = file.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let first = lines.next().and_then(|(_, line)| serde_json::from_str::<First<Header>>(line).ok());
    let header = first.ok_or_else(|| refused("not a trace: its first line has to be {\"trace\": {...}}"))?.trace;
    if header.version != VERSION {
        return Err(refused(format!("a trace of version {}; this reads version {VERSION}", header.version)));
    }
    let entries = lines.map(|(index, text)| {
        let line = index + 1;
        let malformed = || refused(format!("line {line}: expected {{\"in\": {{...}}, \"out\": {{...}}}}"));
        let Ok(Value::Object(mut members)) = serde_json::from_str(text) else { return Err(malformed()) };
        let input = members.remove("in").ok_or_else(malformed)?;
        Ok(Entry { line, input, out: members.remove("out") })
    });
    Ok((header, entries))
}

/// Notes the innermost members that differ.
fn compare(found: &mut Vec<Difference>, line: usize, member: String, expected: Option<&Value>, actual: Option<&Value>) {
    match (expected, actual) {
        (Some(Value::Object(expected)), Some(Value::Object(actual))) => {
            let added = actual.keys().filter(|name| !expected.contains_key(*name));
            for name in expected.keys().chain(added) {
                compare(found, line, format!("{member}/{name}"), expected.get(name), actual.get(name));
            }
        }
        (Some(Value::Array(expected)), Some(Value::Array(actual))) => {
            for index in 0..expected.len().max(actual.len()) {
                compare(found, line, format!("{member}/{index}"), expected.get(index), actual.get(index));
            }
        }
        (expected, actual) if expected == actual => {}
        (expected, actual) => {
            found.push(Difference { line, member, expected: expected.cloned(), actual: actual.cloned() });
        }
    }
}
