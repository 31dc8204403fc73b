//! Memory that held a secret, wiped before it is given back.
//!
//! Text that grows moves, and leaves behind what it was; so does a JSON value that a secret is read from. What is here
//! wipes that too. The buffers of a JSON parser, which it needs for text with escapes in it, are its own.

use alloc::string::String;
use core::fmt::{self, Write as _};
use core::hash::Hash;
use core::ops::Deref;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use zeroize::{Zeroize as _, Zeroizing};

use super::secret::Secret;

/// Text that is put together piece by piece.
#[derive(Default)]
pub(crate) struct SecretText(Zeroizing<String>);

impl SecretText {
    pub(crate) fn with_capacity(capacity: usize) -> Self {
        SecretText(Zeroizing::new(String::with_capacity(capacity)))
    }

    pub(crate) fn push(&mut self, text: &str) {
        let needed = self.0.len() + text.len();
        if needed > self.0.capacity() {
            let mut larger = Zeroizing::new(String::with_capacity(needed.max(2 * self.0.capacity())));
            larger.push_str(&self.0);
            self.0 = larger;
        }
        self.0.push_str(text);
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn finish(mut self) -> Secret {
        Secret::new(core::mem::take(&mut *self.0))
    }
}

impl fmt::Write for SecretText {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.push(text);
        Ok(())
    }
}

impl<'a> Extend<&'a str> for SecretText {
    fn extend<I: IntoIterator<Item = &'a str>>(&mut self, texts: I) {
        texts.into_iter().for_each(|text| self.push(text));
    }
}

/// Adds names and values, form-encoded.
pub(crate) fn push_form<'a>(text: &mut SecretText, pairs: impl Iterator<Item = (&'a str, &'a str)>) {
    for (at, (name, value)) in pairs.enumerate() {
        text.push(if at == 0 { "" } else { "&" });
        text.extend(form_urlencoded::byte_serialize(name.as_bytes()));
        text.push("=");
        text.extend(form_urlencoded::byte_serialize(value.as_bytes()));
    }
}

/// A value as JSON text. Of our own types and of JSON values, which cannot fail.
pub(crate) fn json_of(value: &impl Serialize) -> Secret {
    object_of(value, &[])
}

/// The same, where members of these names come first, in this order; otherwise they are sorted.
pub(crate) fn object_of(value: &impl Serialize, first: &[&str]) -> Secret {
    let value = WipedJson(serde_json::to_value(value).unwrap_or_default());
    let mut text = SecretText::default();
    // Text takes all that is written to it.
    let _ = match &*value {
        Value::Object(members) => {
            let named = first.iter().filter_map(|name| members.get_key_value(*name));
            let others = members.iter().filter(|(name, _)| !first.contains(&name.as_str()));
            let mut members = named.chain(others).enumerate();
            text.push("{");
            let written = members.try_for_each(|(at, (name, value))| {
                let comma = if at == 0 { "" } else { "," };
                write!(text, "{comma}{}:{value}", Value::from(name.as_str()))
            });
            text.push("}");
            written
        }
        other => write!(text, "{other}"),
    };
    text.finish()
}

/// A JSON value whose texts are wiped on drop.
pub(crate) struct WipedJson(Value);

impl WipedJson {
    /// `None` where it is no JSON.
    pub(crate) fn read(json: &[u8]) -> Option<Self> {
        serde_json::from_slice(json).ok().map(WipedJson)
    }
}

impl Deref for WipedJson {
    type Target = Value;

    fn deref(&self) -> &Value {
        &self.0
    }
}

impl Drop for WipedJson {
    fn drop(&mut self) {
        wipe(&mut self.0);
    }
}

/// The members of an object, whose texts are wiped on drop.
#[derive(Clone, PartialEq, Eq, Hash, Deserialize)]
#[serde(transparent)]
pub(crate) struct WipedMembers(Map<String, Value>);

impl From<Map<String, Value>> for WipedMembers {
    fn from(members: Map<String, Value>) -> Self {
        WipedMembers(members)
    }
}

impl Deref for WipedMembers {
    type Target = Map<String, Value>;

    fn deref(&self) -> &Map<String, Value> {
        &self.0
    }
}

impl Drop for WipedMembers {
    fn drop(&mut self) {
        self.0.values_mut().for_each(wipe);
    }
}

/// Wipes the texts of a JSON value; names of members are no secrets.
pub(crate) fn wipe(value: &mut Value) {
    match value {
        Value::String(text) => text.zeroize(),
        Value::Array(values) => values.iter_mut().for_each(wipe),
        Value::Object(members) => members.values_mut().for_each(wipe),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
