//! What every test of recorded vectors needs: reading them, and an exact list of where this crate differs.

use std::collections::BTreeSet;

use serde_json::Value;

/// Where this crate does something else than what was recorded, and why.
///
/// Every id differs in every point of `what`, and in no other; a point names what differs and, for outcomes,
/// what this crate does.
pub(crate) struct Difference {
    pub(crate) ids: &'static [&'static str],
    pub(crate) what: &'static [&'static str],
    /// A clause of the specification, a rule of behaviour.md with its section, or a deviation of ably-js by its
    /// number (or a row of the table) in README.md beside the vectors.
    pub(crate) reason: &'static str,
}

/// An id and a point in which it differs.
pub(crate) type Found = BTreeSet<(String, String)>;

/// Checks that what differs is what is listed: nothing more, and nothing less.
pub(crate) fn assert_listed(found: &Found, listed: &[Difference]) {
    let pairs = listed.iter().flat_map(|difference| {
        assert!(!difference.reason.is_empty());
        difference.ids.iter().flat_map(|id| difference.what.iter().map(move |what| (id.to_string(), what.to_string())))
    });
    let listed: Found = pairs.collect();
    let unlisted: Vec<_> = found.difference(&listed).collect();
    let gone: Vec<_> = listed.difference(found).collect();
    assert!(
        unlisted.is_empty() && gone.is_empty(),
        "differ, not listed: {unlisted:#?}\nlisted, do not differ: {gone:#?}"
    );
}

/// A file of vectors, with what stands for JavaScript's own values made JSON.
pub(crate) fn read(json: &str) -> Value {
    let mut file = serde_json::from_str(json).expect("vectors are JSON");
    expand(&mut file);
    file
}

/// The members of a list that has to be there.
pub(crate) fn list<'a>(record: &'a Value, name: &str) -> &'a [Value] {
    record[name].as_array().unwrap_or_else(|| panic!("{name} in {record}"))
}

/// Writes `$repeat` out, and turns `undefined` into null.
fn expand(value: &mut Value) {
    if value["$undefined"] == true || *value == "<undefined>" {
        *value = Value::Null;
    }
    if let Some(repeat) = value.get("$repeat") {
        let part = |name: &str| repeat[name].as_str().unwrap_or_default();
        let count = repeat["count"].as_u64().expect("a count") as usize;
        *value = format!("{}{}{}", part("prefix"), part("char").repeat(count), part("suffix")).into();
    }
    match value {
        Value::Array(items) => items.iter_mut().for_each(expand),
        Value::Object(members) => members.values_mut().for_each(expand),
        _ => {}
    }
}

/// The text of a member that has to be there.
pub(crate) fn text<'a>(record: &'a Value, name: &str) -> &'a str {
    record[name].as_str().unwrap_or_else(|| panic!("{name} in {record}"))
}
