//! The two formats that clients speak, JSON and MessagePack, and the one form that the service works with.
//!
//! Inside, everything is what JSON can hold. MessagePack also has binary data. It is as the SDKs have it: the binary
//! `data` of a message is base64 inside, with `base64` at the end of its `encoding`, which is how JSON has it too
//! (`RSL4d1`); on its way out in MessagePack it becomes binary again and loses that encoding (`RSL4c1`). Binary data
//! anywhere else becomes base64 for good.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rmp_serde::Deserializer;
use serde::de::{Error as _, MapAccess, SeqAccess, Visitor};
use serde::ser::{SerializeMap as _, SerializeSeq as _};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Number, Value};

use super::message::Request;
use crate::wire::lenient;

/// How deep values may be nested; as deep as `serde_json` has it.
const MAX_DEPTH: usize = 128;
const BASE64: &str = "base64";

/// A format of bodies and frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// JSON, in text frames.
    #[default]
    Json,
    /// MessagePack, in binary frames.
    MessagePack,
}

impl Format {
    /// The format of a WebSocket that this request opens, by its param `format`; JSON where it has none, none where it
    /// is another one.
    pub fn of_websocket(request: &Request) -> Option<Self> {
        match request.query_param("format").as_deref() {
            None | Some("json") => Some(Format::Json),
            Some("msgpack") => Some(Format::MessagePack),
            Some(_) => None,
        }
    }

    /// The format of a request's body; none where it is another one.
    pub(super) fn of_body(request: &Request) -> Option<Self> {
        match request.content_type().as_deref() {
            None | Some("" | "text/plain") => Some(Format::Json),
            Some(media_type) => Self::of_media_type(media_type),
        }
    }

    /// The format in which a client wants its answer: the first of those it accepts, else JSON.
    pub(super) fn of_answer(request: &Request) -> Self {
        let accept = request.headers.find("accept").unwrap_or_default();
        let media_type = |range: &str| range.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        accept.split(',').find_map(|range| Self::of_media_type(&media_type(range))).unwrap_or_default()
    }

    fn of_media_type(media_type: &str) -> Option<Self> {
        match media_type {
            "application/json" => Some(Format::Json),
            "application/x-msgpack" => Some(Format::MessagePack),
            _ => None,
        }
    }

    /// The media type, for `Content-Type`.
    pub fn media_type(self) -> &'static str {
        match self {
            Format::Json => "application/json",
            Format::MessagePack => "application/x-msgpack",
        }
    }

    /// Reads a value. None where the bytes are not one value of this format, whole and nested at most 128 deep.
    pub fn read(self, bytes: &[u8]) -> Option<Value> {
        match self {
            Format::Json => serde_json::from_slice(bytes).ok(),
            Format::MessagePack => {
                let mut deserializer = Deserializer::new(bytes);
                deserializer.set_max_depth(MAX_DEPTH);
                let item = Item::deserialize(&mut deserializer).ok()?;
                deserializer.get_ref().is_empty().then(|| item.into_value())
            }
        }
    }

    /// Writes a value.
    pub fn write(self, value: &Value) -> Vec<u8> {
        match self {
            Format::Json => lenient::text_of(value).into_bytes(),
            // Of what a value can hold, everything can be written.
            Format::MessagePack => rmp_serde::to_vec(&Packed(value)).unwrap_or_default(),
        }
    }
}

/// What MessagePack holds.
enum Item {
    Value(Value),
    Binary(Vec<u8>),
}

impl Item {
    fn into_value(self) -> Value {
        match self {
            Item::Value(value) => value,
            Item::Binary(bytes) => STANDARD.encode(bytes).into(),
        }
    }
}

impl<'de> Deserialize<'de> for Item {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ItemVisitor)
    }
}

struct ItemVisitor;

impl<'de> Visitor<'de> for ItemVisitor {
    type Value = Item;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("what JSON has, or binary data")
    }

    fn visit_unit<E>(self) -> Result<Item, E> {
        Ok(Item::Value(Value::Null))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Item, E> {
        Ok(Item::Value(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Item, E> {
        Ok(Item::Value(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Item, E> {
        Ok(Item::Value(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Item, E> {
        Ok(Item::Value(Number::from_f64(value).map_or(Value::Null, Value::Number)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Item, E> {
        Ok(Item::Value(value.into()))
    }

    fn visit_bytes<E>(self, value: &[u8]) -> Result<Item, E> {
        Ok(Item::Binary(value.to_vec()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Item, A::Error> {
        // What is announced may never come: no room is made for it ahead.
        let mut values = Vec::new();
        while let Some(item) = items.next_element::<Item>()? {
            values.push(item.into_value());
        }
        Ok(Item::Value(values.into()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut items: A) -> Result<Item, A::Error> {
        let mut members = Map::new();
        let mut is_data_binary = false;
        while let Some((name, item)) = items.next_entry::<Item, Item>()? {
            let Item::Value(Value::String(name)) = name else { return Err(A::Error::custom("a name must be text")) };
            if name == "data" {
                is_data_binary = matches!(item, Item::Binary(_));
            }
            members.insert(name, item.into_value());
        }
        if is_data_binary {
            let encoding = match members.get("encoding").and_then(Value::as_str) {
                Some(encoding) if !encoding.is_empty() => encoding.to_owned() + "/" + BASE64,
                _ => BASE64.to_owned(),
            };
            members.insert("encoding".to_owned(), encoding.into());
        }
        Ok(Item::Value(members.into()))
    }
}

/// A value, to be written as MessagePack.
struct Packed<'a>(&'a Value);

impl Serialize for Packed<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Array(values) => {
                let mut sequence = serializer.serialize_seq(Some(values.len()))?;
                values.iter().try_for_each(|value| sequence.serialize_element(&Packed(value)))?;
                sequence.end()
            }
            Value::Object(members) => {
                let binary = binary_data(members);
                let length = members.len() - usize::from(binary.as_ref().is_some_and(|(_, rest)| rest.is_none()));
                let mut map = serializer.serialize_map(Some(length))?;
                for (name, value) in members {
                    match (&binary, name.as_str()) {
                        (Some((bytes, _)), "data") => map.serialize_entry(name, &Binary(bytes))?,
                        (Some((_, None)), "encoding") => {}
                        (Some((_, Some(rest))), "encoding") => map.serialize_entry(name, rest)?,
                        _ => map.serialize_entry(name, &Packed(value))?,
                    }
                }
                map.end()
            }
            value => value.serialize(serializer),
        }
    }
}

/// The `data` of a message that is base64, decoded, and what is left of its encoding.
fn binary_data(members: &Map<String, Value>) -> Option<(Vec<u8>, Option<&str>)> {
    let encoding = members.get("encoding")?.as_str()?;
    let rest = match encoding.rsplit_once('/') {
        Some((rest, BASE64)) => Some(rest),
        None if encoding == BASE64 => None,
        _ => return None,
    };
    let bytes = STANDARD.decode(members.get("data")?.as_str()?).ok()?;
    Some((bytes, rest))
}

struct Binary<'a>(&'a [u8]);

impl Serialize for Binary<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}
