//! Trace files: what a machine was told and what it answered, to be recorded, read, and run again.
//!
//! A file is lines of JSON. The first is the [`Header`], as `{"trace": {...}}`; each other is a [line](super::Line) of
//! input and its line of output, as `{"in": {...}, "out": {...}}`. It holds the secrets of what it records.

use alloc::borrow::ToOwned as _;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Driver, Line, Mode, Output, refused};
use crate::Error;
use crate::wire::lenient::text_of;

/// The version of the format that is written and read.
pub const VERSION: u32 = 1;

/// What the first line of a file says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// The version of the format: [`VERSION`].
    pub version: u32,
    /// What was driven.
    pub mode: Mode,
    /// What happens, in a sentence.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub story: String,
    /// The points of the specification that have it so.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub spec: Vec<String>,
}

impl Header {
    /// Of a file that tells no story.
    pub fn new(mode: Mode) -> Self {
        Header { version: VERSION, mode, story: String::new(), spec: Vec::new() }
    }
}

#[derive(Serialize, Deserialize)]
struct First<H> {
    trace: H,
}

#[derive(Serialize)]
struct Record<'a, O> {
    #[serde(rename = "in")]
    input: &'a Value,
    out: &'a O,
}

/// A driver that writes down what it is told and what it answers.
///
/// ```
/// use ably_auth::trace::{Header, Line, Mode, Recorder, replay};
///
/// let mut file = String::new();
/// let mut recorder = Recorder::new(&Header::new(Mode::Machine), |line: &str| {
///     file += line;
///     file += "\n";
/// });
/// let seed = "0".repeat(64);
/// let new = format!(r#"{{"new": {{"options": "app.key:secret", "seed": "{seed}"}}}}"#);
/// recorder.accept(Line::parse(new.as_bytes())?)?;
/// recorder.accept(Line::parse(br#"{"credentials": {}}"#)?)?;
///
/// assert_eq!(file.lines().count(), 3);
/// assert_eq!(replay(&file)?.differences, []);
/// # Ok::<(), ably_auth::Error>(())
/// ```
pub struct Recorder<S> {
    driver: Driver,
    sink: S,
}

impl<S: FnMut(&str)> Recorder<S> {
    /// Writes the header at once, and then a line for each input; each goes to the sink without its line feed, with
    /// every secret in it.
    pub fn new(header: &Header, mut sink: S) -> Self {
        sink(&text_of(&First { trace: header }));
        Recorder { driver: Driver::new(header.mode), sink }
    }

    /// [`Driver::accept`], written down.
    ///
    /// # Errors
    ///
    /// Those of [`Driver::accept`], which are written down as the line of output, and of [`Line::to_json`].
    pub fn accept(&mut self, line: Line) -> Result<Output, Error> {
        let written = line.to_json()?;
        // With its members in the order in which a replay writes them.
        let input = serde_json::from_str(written.expose()).unwrap_or_default();
        let answer = self.driver.accept(line);
        match &answer {
            Ok(output) => (self.sink)(&text_of(&Record { input: &input, out: output })),
            Err(error) => (self.sink)(&text_of(&Record { input: &input, out: &super::output::Refusal::new(error) })),
        }
        answer
    }
}

impl<S> core::fmt::Debug for Recorder<S> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Recorder").field("driver", &self.driver).finish_non_exhaustive()
    }
}

/// What came of running a file again.
#[derive(Clone, PartialEq)]
pub struct Replay {
    /// What its first line says.
    pub header: Header,
    /// The file as it would be if what it expects were what comes out now. It holds secrets.
    pub updated: String,
    /// Where that differs from what it expects, in the order of the file.
    pub differences: Vec<Difference>,
}

impl core::fmt::Debug for Replay {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Replay { header, differences, .. } = self;
        f.debug_struct("Replay")
            .field("header", header)
            .field("differences", &differences.len())
            .finish_non_exhaustive()
    }
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
/// # Errors
///
/// 40000/400 where it is no such file. Lines that a driver refuses are no error: they have their line of output.
pub fn replay(file: &str) -> Result<Replay, Error> {
    let mut lines = file.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let first = lines.next().and_then(|(_, line)| serde_json::from_str::<First<Header>>(line).ok());
    let header = first.ok_or_else(|| refused("not a trace: its first line has to be {\"trace\": {...}}"))?.trace;
    if header.version != VERSION {
        return Err(refused(format!("a trace of version {}; this reads version {VERSION}", header.version)));
    }
    let mut driver = Driver::new(header.mode);
    let mut replay = Replay { updated: text_of(&First { trace: &header }) + "\n", header, differences: Vec::new() };
    for (index, line) in lines {
        let number = index + 1;
        let malformed = || refused(format!("line {number}: expected {{\"in\": {{...}}, \"out\": {{...}}}}"));
        let record: Value = serde_json::from_str(line).map_err(|_| malformed())?;
        let input = record.get("in").map(text_of).ok_or_else(malformed)?;
        let out = driver.line(&input);
        replay.updated += &format!("{{\"in\":{input},\"out\":{out}}}\n");
        let actual = serde_json::from_str(&out).unwrap_or_default();
        compare(&mut replay.differences, number, String::new(), record.get("out"), Some(&actual));
    }
    Ok(replay)
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
