//! What a capability allows: grammar, matching, intersection.
//!
//! A capability maps resources to operations. A resource is an optional `[qualifier]` and a path of segments
//! between colons. A segment that is exactly `*` is a wildcard: inside a path it stands for one segment, at the
//! end for any number of them, none included. Nothing else is special: `foo*` is a name like any other.

use alloc::borrow::ToOwned;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

use super::errors;
use crate::wire::{Capability, Error};

/// The operations that exist.
const OPERATIONS: [&str; 22] = [
    "annotation-publish",
    "annotation-subscribe",
    "channel-metadata",
    "channel-metadata:publishers",
    "connection-metadata",
    "history",
    "list-channels",
    "message-delete-any",
    "message-delete-own",
    "message-subscribe",
    "message-update-any",
    "message-update-own",
    "object-publish",
    "object-subscribe",
    "presence",
    "presence-subscribe",
    "privileged-headers",
    "publish",
    "push-admin",
    "push-subscribe",
    "stats",
    "subscribe",
];

/// A capability as the service understands it.
///
/// ```
/// use ably_auth::sandbox::Grant;
///
/// let key: Grant = r#"{"chat:*":["publish","subscribe"]}"#.parse()?;
/// let wanted: Grant = r#"{"chat:bob":["*"],"secret":["publish"]}"#.parse()?;
/// let granted = key.intersect(&wanted);
/// assert_eq!(granted.to_string(), r#"{"chat:bob":["publish","subscribe"]}"#);
/// assert!(granted.permits("chat:bob", "publish"));
/// # Ok::<(), ably_auth::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grant(BTreeMap<Resource, Operations>);

impl Grant {
    /// Every operation on every channel.
    pub fn all() -> Self {
        Grant(BTreeMap::from([(Resource::parse("*"), Operations::All)]))
    }

    /// Whether nothing at all is allowed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether an operation is allowed on a resource of that name, such as `chat:bob`.
    pub fn permits(&self, name: &str, operation: &str) -> bool {
        let name = Resource::parse(name);
        self.0.iter().any(|(pattern, operations)| operations.contain(operation) && pattern.matches(&name))
    }

    /// What both allow.
    ///
    /// One case follows the service rather than logic: `a:b` and `a:b:*` have nothing in common here, though
    /// the second matches the name `a:b`.
    #[must_use]
    pub fn intersect(&self, other: &Grant) -> Grant {
        let mut common: BTreeMap<Resource, Operations> = BTreeMap::new();
        for (ours, our_operations) in &self.0 {
            for (theirs, their_operations) in &other.0 {
                let Some(operations) = our_operations.intersect(their_operations) else { continue };
                let Some(resource) = ours.intersect(theirs) else { continue };
                match common.get_mut(&resource) {
                    Some(present) => present.add(operations),
                    None => {
                        common.insert(resource, operations);
                    }
                }
            }
        }
        Grant(common)
    }
}

impl FromStr for Grant {
    type Err = Error;

    /// Reads the JSON text of a capability.
    ///
    /// # Errors
    ///
    /// 40000/400 where it is no object of arrays, a list of operations is empty, holds an operation that does
    /// not exist, or holds `*` beside others.
    fn from_str(text: &str) -> Result<Self, Error> {
        let resources: BTreeMap<String, Vec<String>> =
            serde_json::from_str(text).map_err(|_| errors::INVALID_CAPABILITY.error())?;
        resources
            .into_iter()
            .map(|(resource, operations)| Ok((Resource::parse(&resource), Operations::parse(operations)?)))
            .collect::<Result<_, Error>>()
            .map(Grant)
    }
}

impl fmt::Display for Grant {
    /// The canonical JSON text.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let resources = self.0.iter().map(|(resource, operations)| (format!("{resource}"), operations.names()));
        // No list is empty, so this cannot fail.
        f.write_str(Capability::new(resources).map_err(|_| fmt::Error)?.as_str())
    }
}

/// A resource's name, or a pattern for names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Resource {
    /// The type of the qualifier, what stands before its `=` or `?`; none for ordinary channels.
    qualifier: Option<String>,
    /// At least one segment.
    path: Vec<String>,
}

const WILDCARD: &str = "*";

impl Resource {
    fn parse(text: &str) -> Resource {
        let qualified = text.strip_prefix('[').and_then(|rest| rest.split_once(']'));
        let qualified =
            qualified.map(|(qualifier, path)| (qualifier.split(['=', '?']).next().unwrap_or_default(), path));
        // Brackets without a type are part of a name, or what they hide would count when the name is read again.
        let (qualifier, path) = qualified.filter(|(qualifier, _)| !qualifier.is_empty()).unwrap_or(("", text));
        Resource {
            qualifier: (!qualifier.is_empty()).then(|| qualifier.to_owned()),
            path: path.split(':').map(ToOwned::to_owned).collect(),
        }
    }

    fn matches(&self, name: &Resource) -> bool {
        let (last, before) = self.path.split_last().expect("a path has a segment");
        let segment_matches = |(pattern, segment): (&String, &String)| pattern == WILDCARD || pattern == segment;
        let path_matches = if last == WILDCARD {
            name.path.len() >= before.len() && before.iter().zip(&name.path).all(segment_matches)
        } else {
            name.path.len() == self.path.len() && self.path.iter().zip(&name.path).all(segment_matches)
        };
        path_matches && common_qualifier(&self.qualifier, &name.qualifier).is_some()
    }

    fn intersect(&self, other: &Resource) -> Option<Resource> {
        let qualifier = common_qualifier(&self.qualifier, &other.qualifier)?.clone();
        let (shorter, longer) =
            if self.path.len() <= other.path.len() { (&self.path, &other.path) } else { (&other.path, &self.path) };
        let (last, before) = shorter.split_last().expect("a path has a segment");
        let mut path = before.iter().zip(longer).map(common_segment).collect::<Option<Vec<_>>>()?;
        let rest = &longer[before.len()..];
        match rest {
            _ if last == WILDCARD => path.extend_from_slice(rest),
            [only] => path.push(common_segment((last, only))?),
            _ => return None,
        }
        let common = Resource { qualifier, path };
        // A bracket from one side and the one that closes it from the other make a qualifier: no name is read so.
        (Resource::parse(&common.to_string()) == common).then_some(common)
    }
}

fn common_segment((ours, theirs): (&String, &String)) -> Option<String> {
    match (ours.as_str(), theirs.as_str()) {
        (WILDCARD, segment) | (segment, WILDCARD) => Some(segment.to_owned()),
        (ours, theirs) => (ours == theirs).then(|| ours.to_owned()),
    }
}

fn common_qualifier<'a>(ours: &'a Option<String>, theirs: &'a Option<String>) -> Option<&'a Option<String>> {
    match (ours.as_deref(), theirs.as_deref()) {
        (Some(WILDCARD), _) => Some(theirs),
        (_, Some(WILDCARD)) => Some(ours),
        (ours_text, theirs_text) => (ours_text == theirs_text).then_some(ours),
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(qualifier) = &self.qualifier {
            write!(f, "[{qualifier}]")?;
        }
        f.write_str(&self.path.join(":"))
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Operations {
    All,
    /// At least one.
    Some(BTreeSet<String>),
}

impl Operations {
    fn parse(names: Vec<String>) -> Result<Operations, Error> {
        let is_known = |name: &String| OPERATIONS.binary_search(&name.as_str()).is_ok();
        if names.len() == 1 && names[0] == WILDCARD {
            Ok(Operations::All)
        } else if !names.is_empty() && names.iter().all(is_known) {
            Ok(Operations::Some(names.into_iter().collect()))
        } else {
            Err(errors::INVALID_CAPABILITY.error())
        }
    }

    fn contain(&self, operation: &str) -> bool {
        match self {
            Operations::All => true,
            Operations::Some(names) => names.contains(operation),
        }
    }

    fn intersect(&self, other: &Operations) -> Option<Operations> {
        match (self, other) {
            (Operations::All, operations) | (operations, Operations::All) => Some(operations.clone()),
            (Operations::Some(ours), Operations::Some(theirs)) => {
                let common: BTreeSet<String> = ours.intersection(theirs).cloned().collect();
                (!common.is_empty()).then_some(Operations::Some(common))
            }
        }
    }

    fn add(&mut self, other: Operations) {
        match (self, other) {
            (Operations::All, _) => {}
            (Operations::Some(names), Operations::Some(more)) => names.extend(more),
            (whole, Operations::All) => *whole = Operations::All,
        }
    }

    fn names(&self) -> Vec<&str> {
        match self {
            Operations::All => [WILDCARD].into(),
            Operations::Some(names) => names.iter().map(String::as_str).collect(),
        }
    }
}
