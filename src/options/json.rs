//! Reading options from JSON, one member after the other, so that what is left over is refused by name; and writing
//! what differs from the defaults.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use super::Params;
use crate::wire::wiped::json_of;
use crate::wire::{Error, Secret, codes, lenient};

/// The members of an options object that have not been taken yet.
pub(super) struct Members<'a>(BTreeMap<&'a str, &'a Value>);

impl<'a> Members<'a> {
    pub(super) fn new(object: &'a Map<String, Value>) -> Self {
        Members(object.iter().map(|(name, value)| (name.as_str(), value)).collect())
    }

    /// The member, unless it is absent or null.
    pub(super) fn take(&mut self, name: &str) -> Option<&'a Value> {
        self.0.remove(name).filter(|value| !value.is_null())
    }

    pub(super) fn take_text(&mut self, name: &str) -> Result<Option<&'a str>, Error> {
        self.take(name).map(|value| value.as_str().ok_or_else(|| wrong(name, "a string"))).transpose()
    }

    pub(super) fn take_bool(&mut self, name: &str) -> Result<Option<bool>, Error> {
        self.take(name).map(|value| value.as_bool().ok_or_else(|| wrong(name, "true or false"))).transpose()
    }

    pub(super) fn take_object(&mut self, name: &str) -> Result<Option<&'a Map<String, Value>>, Error> {
        self.take(name).map(|value| value.as_object().ok_or_else(|| wrong(name, "an object"))).transpose()
    }

    pub(super) fn take_params(&mut self, name: &str) -> Result<Option<Params>, Error> {
        self.take(name).map(|value| params_of(value).ok_or_else(|| wrong(name, "an object of strings"))).transpose()
    }

    /// A whole number that fits the type, such as a duration in milliseconds or a port.
    pub(super) fn take_number<T: TryFrom<i64>>(&mut self, name: &str) -> Result<Option<T>, Error> {
        let number = |value| lenient::integer(value).and_then(|number| T::try_from(number).ok());
        self.take(name).map(|value| number(value).ok_or_else(|| wrong(name, "a non-negative integer"))).transpose()
    }

    pub(super) fn take_texts(&mut self, name: &str) -> Result<Option<Vec<&'a str>>, Error> {
        let texts = |value: &'a Value| value.as_array()?.iter().map(Value::as_str).collect::<Option<Vec<_>>>();
        self.take(name).map(|value| texts(value).ok_or_else(|| wrong(name, "an array of strings"))).transpose()
    }

    /// # Errors
    ///
    /// 40000/400 naming the first member that nobody took.
    pub(super) fn finish(self) -> Result<(), Error> {
        match self.0.keys().next() {
            Some(name) => Err(invalid_option(name)),
            None => Ok(()),
        }
    }
}

pub(super) fn invalid_option(name: &str) -> Error {
    Error::configuration(codes::BAD_REQUEST, 400, format!("invalid option {name}"))
}

/// The error for an option of a wrong form.
pub(super) fn wrong(name: &str, expected: &str) -> Error {
    Error::configuration(codes::BAD_REQUEST, 400, format!("{name}: expected {expected}"))
}

/// An error found inside an option's value.
pub(super) fn in_option(name: &str, error: &Error) -> Error {
    Error::configuration(codes::BAD_REQUEST, 400, format!("{name}: {}", error.message()))
}

/// Names and texts: an object, or, where order or repetition matter, an array of pairs. A number or a truth value
/// counts as its text, and null as nothing.
pub(crate) fn params_of(value: &Value) -> Option<Params> {
    let text = |value: &Value| match value {
        Value::String(text) => Some(Secret::new(text.as_str())),
        Value::Number(_) | Value::Bool(_) => Some(json_of(value)),
        _ => None,
    };
    let pairs = pairs_of(value)?.into_iter().filter(|(_, value)| !value.is_null());
    pairs.map(|(name, value)| Some((name.into(), text(value)?))).collect()
}

fn pairs_of(value: &Value) -> Option<Vec<(&str, &Value)>> {
    match value {
        Value::Object(object) => Some(object.iter().map(|(name, value)| (name.as_str(), value)).collect()),
        Value::Array(pairs) => pairs
            .iter()
            .map(|pair| match pair.as_array()?.as_slice() {
                [Value::String(name), value] => Some((name.as_str(), value)),
                _ => None,
            })
            .collect(),
        _ => None,
    }
}

/// Writes a member where it is not what reading takes for granted.
pub(super) fn put<M: SerializeMap, T: Serialize + PartialEq>(
    map: &mut M,
    name: &'static str,
    value: &T,
    default: &T,
) -> Result<(), M::Error> {
    if value == default { Ok(()) } else { map.serialize_entry(name, value) }
}

/// Names and values as an object where that says it all, else as an array of pairs.
#[derive(PartialEq)]
pub(crate) struct Pairs<'a>(pub(crate) Vec<(&'a str, &'a str)>);

impl<'a> Pairs<'a> {
    pub(crate) fn of(params: &'a [(String, Secret)]) -> Self {
        Pairs(params.iter().map(|(name, value)| (name.as_str(), value.expose())).collect())
    }
}

impl Serialize for Pairs<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // An object is read in the order of its names.
        if self.0.windows(2).all(|pair| pair[0].0 < pair[1].0) {
            serializer.collect_map(self.0.iter().copied())
        } else {
            serializer.collect_seq(&self.0)
        }
    }
}
