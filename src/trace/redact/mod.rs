//! Traces without secrets.
//!
//! What a machine is told is redacted by its form: each key, token, MAC, connection key, and each value of a header, a
//! param or a query is replaced by a placeholder, the same for the same secret; what an application or a server sends
//! beside that is left out. A second machine, the double, is then told what the first is told, with the placeholders in
//! it. It uses them as the first uses the secrets: it signs with them, puts them into URLs and headers, takes them out
//! of errors. What is written is what the double says. It has never seen a secret, so no output of it can show one,
//! whatever becomes of a secret on the way; and the trace is that of a session which a replay goes through again.
//!
//! That session is the recorded one but for the names of its secrets, as long as what a machine does depends on
//! nothing about a secret but what the placeholders keep: whether two are the same, whether it could be a key or a
//! token. Where the first machine nevertheless does something else, its own answer is written, without the words in it,
//! and a replay shows a difference there.

mod json;
mod line;
mod placeholders;
#[cfg(test)]
mod tests;
mod text;

use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use serde_json::Value;

use self::json::leave_out;
use self::line::redact_line;
use self::placeholders::{Kind, Placeholders};
use super::{Driver, Mode};
use crate::wire::Secret;
use crate::wire::wiped::WipedJson;

/// What stands for words that have no name of their own.
const LEFT_OUT: &str = "redacted";

/// A machine that is told of placeholders what another is told of secrets.
pub(super) struct Double {
    driver: Driver,
    placeholders: Placeholders,
}

impl Double {
    pub(super) fn new(mode: Mode) -> Self {
        Double { driver: Driver::new(mode), placeholders: Placeholders::default() }
    }

    /// An input and its output, without secrets.
    pub(super) fn line(&mut self, input: &Value, out: &str) -> (String, String) {
        let input = redact_line(input, &mut self.placeholders).to_string();
        let told = self.driver.line(&input);
        let (Some(actual), Some(double)) = (read(out), read(&told)) else { return (input, told) };
        self.pair_macs(&actual, &double);
        let written = words_of(&actual, Some(&double));
        if written == *double { (input, told) } else { (input, written.to_string()) }
    }

    /// A MAC of the machine's own making has its like in the double's. A server may quote it.
    fn pair_macs(&mut self, actual: &Value, double: &Value) {
        let (mut real, mut made) = (Vec::new(), Vec::new());
        collect_macs(actual, &mut real);
        collect_macs(double, &mut made);
        for (real, made) in real.iter().zip(&made) {
            self.placeholders.learn(Kind::Mac, real.expose(), made.expose());
        }
    }
}

fn read(json: &str) -> Option<WipedJson> {
    WipedJson::read(json.as_bytes())
}

/// Members whose words are among a few that are known.
const KNOWN_WORDS: [&str; 9] =
    ["callback", "current", "event", "kind", "level", "method", "previous", "state", "timer"];

/// What was said, in the double's words.
fn words_of(actual: &Value, double: Option<&Value>) -> Value {
    match actual {
        Value::String(_) => match double {
            Some(Value::String(word)) => word.as_str().into(),
            _ => LEFT_OUT.into(),
        },
        Value::Array(elements) => {
            let double = double.and_then(Value::as_array);
            let element = |(index, element)| words_of(element, double.and_then(|double| double.get(index)));
            elements.iter().enumerate().map(element).collect()
        }
        Value::Object(members) => {
            let double = double.and_then(Value::as_object);
            let member = |(name, member): (&String, &Value)| {
                let words = words_of_member(name, member, double.and_then(|double| double.get(name)));
                (name.clone(), words)
            };
            Value::Object(members.iter().map(member).collect())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => actual.clone(),
    }
}

fn words_of_member(name: &str, actual: &Value, double: Option<&Value>) -> Value {
    match (name, actual) {
        (_, Value::String(_)) if KNOWN_WORDS.contains(&name) => actual.clone(),
        // What a service adds to an error, by any name; a frame, with much left out.
        ("message" | "detail", Value::Object(_)) => double.cloned().unwrap_or_else(|| leave_out(actual)),
        _ => words_of(actual, double),
    }
}

/// The MACs in an output, in bodies of requests too.
fn collect_macs(value: &Value, found: &mut Vec<Secret>) {
    match value {
        Value::Array(elements) => elements.iter().for_each(|element| collect_macs(element, found)),
        Value::Object(members) => {
            for (name, member) in members {
                match (name.as_str(), member) {
                    ("mac", Value::String(mac)) => found.push(mac.as_str().into()),
                    ("body", Value::String(body)) => {
                        if let Some(body) = read(body) {
                            collect_macs(&body, found);
                        }
                    }
                    _ => collect_macs(member, found),
                }
            }
        }
        _ => {}
    }
}
