//! Reading numbers as the service does: an integer, a whole float, or either as text.

use alloc::string::String;
use core::fmt;

use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserializer, Serialize};
use serde_json::Value;

/// A whole number in any of the forms the service accepts.
pub(crate) fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64().or_else(|| number.as_f64().and_then(whole)),
        Value::String(text) => integer_text(text),
        _ => None,
    }
}

fn integer_text(text: &str) -> Option<i64> {
    text.trim().parse().ok()
}

fn whole(number: f64) -> Option<i64> {
    // Past 2^53 a float no longer names one integer.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let integer = number as i64;
    (number.abs() <= EXACT && integer as f64 == number).then_some(integer)
}

struct Integer;

impl Visitor<'_> for Integer {
    type Value = Option<i64>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number, as a number or as text")
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Some(number))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
        i64::try_from(number).map(Some).map_err(|_| E::invalid_value(Unexpected::Unsigned(number), &self))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Self::Value, E> {
        whole(number).map(Some).ok_or_else(|| E::invalid_value(Unexpected::Float(number), &self))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        integer_text(text).map(Some).ok_or_else(|| E::custom("expected a whole number"))
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
}

/// For `#[serde(deserialize_with)]`: an optional whole number, `null` being absent.
pub(crate) fn optional<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    deserializer.deserialize_any(Integer)
}

/// For `#[serde(deserialize_with)]`: a whole number that must be there.
pub(crate) fn required<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    optional(deserializer)?.ok_or_else(|| D::Error::custom("expected a whole number"))
}

/// For `#[serde(deserialize_with)]`: JSON text, given as text or as the value itself.
pub(crate) fn json_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    use serde::Deserialize;
    match Value::deserialize(deserializer)? {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text)),
        object @ Value::Object(_) => Ok(Some(text_of(&object))),
        _ => Err(D::Error::custom("expected JSON text or an object")),
    }
}

/// Serialization of our own types and of JSON values, which cannot fail.
pub(crate) fn text_of(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
