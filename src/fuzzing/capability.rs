//! Arbitrary texts for capabilities: two of them, each a line.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;

use serde_json::Value;

use crate::wire::Capability;

/// Reads both, and, where there is a sandbox, holds them against each other as grants. Panics where something does not
/// hold.
pub fn capability(bytes: &[u8]) {
    let Ok(text) = core::str::from_utf8(bytes) else { return };
    let (ours, theirs) = text.split_once('\n').unwrap_or((text, text));
    is_read_as_json(ours);
    is_read_as_json(theirs);
    #[cfg(feature = "sandbox")]
    grants::agree(ours, theirs);
}

type Resources = BTreeMap<String, BTreeSet<String>>;

/// A text is a capability where it is JSON of that shape, means what the JSON means, and is canonical once read.
fn is_read_as_json(text: &str) {
    let json = serde_json::from_str::<Value>(text).ok();
    match (text.parse::<Capability>(), json.as_ref().and_then(resources)) {
        (Ok(capability), Some(resources)) => {
            assert_eq!(capability.resources(), resources, "a capability means what its JSON means");
            assert_eq!(serde_json::to_string(&resources).ok().as_deref(), Some(capability.as_str()));
            assert_eq!(capability.as_str().parse().as_ref(), Ok(&capability), "canonical text stays as it is");
            assert_eq!(json.map(|json| Capability::from_json(&json)), Some(Ok(capability)));
        }
        (Err(error), None) => assert!(error.code() == 40_000 && !error.message().is_empty()),
        // Where a name stands twice, the value reads the last one, and the capability refuses a bad first one.
        (Err(_), Some(resources)) => {
            let once = serde_json::to_string(&resources).unwrap_or_default();
            assert!(once.parse::<Capability>().is_ok() && text.matches(':').count() > once.matches("\":[").count());
        }
        (Ok(capability), None) => panic!("{capability} is none"),
    }
}

fn resources(json: &Value) -> Option<Resources> {
    let operations = |value: &Value| -> Option<BTreeSet<String>> {
        let names = value.as_array().filter(|names| !names.is_empty())?;
        names.iter().map(|name| name.as_str().map(String::from)).collect()
    };
    json.as_object()?.iter().map(|(name, value)| Some((name.clone(), operations(value)?))).collect()
}

#[cfg(feature = "sandbox")]
mod grants {
    use alloc::string::ToString as _;
    use alloc::vec::Vec;

    use super::{Capability, Resources, String};
    use crate::sandbox::Grant;

    /// As many names are tried.
    const MAX_NAMES: usize = 12;

    /// What two grants have in common is the same from either side, and allows nothing that one of them does not.
    pub(super) fn agree(ours: &str, theirs: &str) {
        let (Ok(our_grant), Ok(their_grant)) = (ours.parse::<Grant>(), theirs.parse::<Grant>()) else { return };
        let common = our_grant.intersect(&their_grant);
        assert_eq!(common, their_grant.intersect(&our_grant), "neither side comes first");
        let again: Grant = common.to_string().parse().expect("a grant is written as it is read");
        assert_eq!(again, common, "a grant is read as it was written");
        let itself = our_grant.intersect(&our_grant);
        let resources: Vec<Resources> =
            [ours, theirs].iter().filter_map(|text| text.parse().ok()).map(|c: Capability| c.resources()).collect();
        let operations: Vec<&String> = resources.iter().flat_map(|of| of.values()).flatten().take(MAX_NAMES).collect();
        for name in resources.iter().flat_map(Resources::keys).flat_map(|pattern| names_of(pattern)).take(MAX_NAMES) {
            for operation in &operations {
                let permits = |grant: &Grant| grant.permits(&name, operation);
                let is_allowed_by_both = permits(&our_grant) && permits(&their_grant);
                assert!(!permits(&common) || is_allowed_by_both, "{operation} on {name} is more than both allow");
                assert_eq!(permits(&itself), permits(&our_grant), "{operation} on {name}: no more and no less");
            }
        }
    }

    /// Names that a pattern may match.
    fn names_of(pattern: &str) -> [String; 3] {
        let named = pattern.replace('*', "x");
        let longer = named.clone() + ":y";
        let shorter = named.rsplit_once(':').map_or_else(String::new, |(before, _)| before.into());
        [named, longer, shorter]
    }
}
