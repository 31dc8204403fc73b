//! What a token may do, and where.

use alloc::borrow::{Cow, ToOwned};
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::String;
use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::error::{Error, codes};
use super::lenient::text_of;

/// A capability: which operations are allowed on which resources (`TK2b`, `TD5`).
///
/// It is held as its canonical JSON text: resources sorted and operations sorted by Unicode code point,
/// duplicates dropped, no white space, non-ASCII characters as they are. Parsing makes it canonical, once;
/// signing then uses the text as it stands. The serde form is that text, as on the wire.
///
/// ```
/// use ably_auth::wire::Capability;
///
/// let capability: Capability = r#"{ "b": ["subscribe", "publish"], "a": ["*"] }"#.parse()?;
/// assert_eq!(capability.as_str(), r#"{"a":["*"],"b":["publish","subscribe"]}"#);
/// # Ok::<(), ably_auth::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Capability(String);

type Resources<'a> = BTreeMap<Cow<'a, str>, BTreeSet<Cow<'a, str>>>;

impl Capability {
    /// A capability of pairs of a resource and its operations. A resource named twice keeps the last list.
    ///
    /// # Errors
    ///
    /// 40000/400 where a list of operations is empty.
    pub fn new<R, O>(resources: impl IntoIterator<Item = (R, O)>) -> Result<Self, Error>
    where
        R: Into<String>,
        O: IntoIterator,
        O::Item: Into<String>,
    {
        let resources = resources
            .into_iter()
            .map(|(resource, operations)| {
                let operations = operations.into_iter().map(|op| Cow::Owned(op.into())).collect();
                (Cow::Owned(resource.into()), operations)
            })
            .collect();
        Self::of(&resources)
    }

    /// Every operation on every channel: `{"*":["*"]}`.
    pub fn all() -> Self {
        Capability(r#"{"*":["*"]}"#.to_owned())
    }

    /// From JSON text or a JSON object (`TK2b`).
    ///
    /// # Errors
    ///
    /// 40000/400 where it is not an object of non-empty arrays of strings.
    pub fn from_json(value: &Value) -> Result<Self, Error> {
        match value {
            Value::String(text) => text.parse(),
            object => {
                let resources = Resources::deserialize(object).map_err(|_| malformed())?;
                Self::of(&resources)
            }
        }
    }

    /// The canonical JSON text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The resources with their operations, in canonical order.
    pub fn resources(&self) -> BTreeMap<String, BTreeSet<String>> {
        serde_json::from_str(&self.0).unwrap_or_default()
    }

    fn of(resources: &Resources<'_>) -> Result<Self, Error> {
        match resources.iter().find(|(_, operations)| operations.is_empty()) {
            Some((resource, _)) => Err(Error::configuration(
                codes::BAD_REQUEST,
                400,
                format!("capability: the list of operations of \"{resource}\" is empty; name at least one operation"),
            )),
            None => Ok(Capability(text_of(resources))),
        }
    }
}

fn malformed() -> Error {
    Error::configuration(
        codes::BAD_REQUEST,
        400,
        "capability: expected a JSON object whose members are arrays of operation names",
    )
}

impl FromStr for Capability {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let resources: Resources<'_> = serde_json::from_str(text).map_err(|_| malformed())?;
        Self::of(&resources)
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Capability {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Capability {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_json(&Value::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}
