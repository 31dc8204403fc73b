//! What ably-js did with authUrls and authCallbacks, done again by this crate.

#[path = "vectors/replay.rs"]
mod replay;
mod vectors;

use vectors::{Difference, assert_listed, read};

const DIFFERENCES: &[Difference] = &[
    Difference {
        ids: &["au-007", "au-009"],
        what: &["construction: 40000/400"],
        reason: "authMethod is GET or POST, in any case (behaviour.md 12)",
    },
    Difference {
        ids: &["au-223", "au-227"],
        what: &["construction: 40000/400"],
        reason: "an authUrl is an absolute http or https URL (behaviour.md 12); README.md 7",
    },
    Difference {
        ids: &["au-027", "au-053"],
        what: &["requests", "outcome: ok"],
        reason: "RSA8c1c: the url's own params are sent, also where an escape in them is none; README.md 1",
    },
    Difference {
        ids: &["au-045"],
        what: &["query"],
        reason: "POST: the url keeps its query (behaviour.md 4); README.md 1",
    },
    Difference {
        ids: &["au-031", "au-037"],
        what: &["query"],
        reason: "absent params, null ones too, are not sent (behaviour.md 4); README.md 3",
    },
    Difference {
        ids: &["au-057", "au-063"],
        what: &["body"],
        reason: "absent params, null ones too, are not sent (behaviour.md 4); README.md 3",
    },
    Difference {
        ids: &["au-069"],
        what: &["header content-type"],
        reason: "authHeaders win over ours (behaviour.md 4)",
    },
    Difference {
        ids: &["au-165"],
        what: &["header content-type"],
        reason: "a 303 is followed by a GET (behaviour.md 4); without a body it has no type of one; README.md 13",
    },
    Difference {
        ids: &["au-073"],
        what: &["requests", "outcome: ok"],
        reason: "only a header that no HTTP client can send is refused (behaviour.md 12); this one goes out as UTF-8; README.md 7",
    },
    Difference {
        ids: &["au-089"],
        what: &["view: clientId"],
        reason: "the current token tells who the client is (RSA7b2, RSA12; behaviour.md 2); README.md 12",
    },
    Difference {
        ids: &["au-089"],
        what: &["view: tokenDetails"],
        reason: "a failed authorize leaves a token that is still valid (behaviour.md 8); README.md 25",
    },
    Difference {
        ids: &["au-095", "au-101"],
        what: &["outcome: ok"],
        reason: "content types have no case (behaviour.md 4); README.md 5",
    },
    Difference {
        ids: &["au-103", "au-249"],
        what: &["outcome: ok"],
        reason: "TO3j5: an object with a token is a TokenDetails (behaviour.md 3); README.md 4",
    },
    Difference {
        ids: &["au-109"],
        what: &["path", "query"],
        reason: "the name of a key is one segment of a path, escaped (behaviour.md 12); README.md 14",
    },
    Difference {
        ids: &["au-109"],
        what: &["outcome: 40170/401"],
        reason: "the answer to an exchange has to hold a token (behaviour.md 12)",
    },
    Difference {
        ids: &["au-131"],
        what: &["outcome: token", "header authorization", "view: tokenDetails"],
        reason: "white space around a token string is trimmed (behaviour.md 4)",
    },
    Difference {
        ids: &["au-133"],
        what: &["outcome: 40170/401"],
        reason: "a token string that starts with a quotation mark was encoded twice (behaviour.md 3)",
    },
    Difference {
        ids: &["au-135"],
        what: &["outcome: 40170/401", "requests", "view: tokenDetails"],
        reason: "a token is of visible ASCII (behaviour.md 3); as none was adopted, the request that follows asks the authUrl again",
    },
    Difference {
        ids: &["au-143"],
        what: &["outcome: 40170/401"],
        reason: "the media type counts, not a param of it (behaviour.md 4); README.md 5",
    },
    Difference {
        ids: &["au-149"],
        what: &["outcome: 40170/401"],
        reason: "RSA4f: 128 KiB are bytes (behaviour.md 3); README.md 6",
    },
    Difference {
        ids: &["au-197"],
        what: &["outcome: 40101/401"],
        reason: "RSC8d: an error body is used whatever params its content type has (behaviour.md 4); README.md 9",
    },
    Difference {
        ids: &["au-201"],
        what: &["outcome: 40170/401"],
        reason: "only a body makes an Ably error of an authUrl's answer (behaviour.md 12)",
    },
    Difference {
        ids: &["au-205"],
        what: &["outcome: 40100/401"],
        reason: "an error without a code gets that of its status, times 100 (behaviour.md 5); README.md 8",
    },
    Difference {
        ids: &["au-207"],
        what: &["outcome: 40101/401"],
        reason: "an error without a message is still one of Ably (behaviour.md 4); README.md 8",
    },
    Difference {
        ids: &["au-211"],
        what: &["outcome: 40170/401"],
        reason: "RSA4e: there is no Ably error in the body (behaviour.md 4); README.md 8",
    },
    Difference {
        ids: &["au-217"],
        what: &["outcome: 40170/401"],
        reason: "RSA4e: the network failed (behaviour.md 3); README.md 7",
    },
    Difference {
        ids: &["au-277"],
        what: &["outcome: 40170/401"],
        reason: "RSA4e: the callback failed, in whatever way (behaviour.md 3); README.md 8",
    },
    Difference {
        ids: &["au-229", "au-231", "au-233", "au-235", "au-237", "au-239", "au-241", "au-243"],
        what: &["header x-ably-clientid"],
        reason: "RSA7e2: every request to the service names the client, requestToken too (behaviour.md 2); README.md 18",
    },
    Difference {
        ids: &["au-231", "au-233"],
        what: &["outcome: 40013/400"],
        reason: "the answer to an exchange is no JSON, by its type or its text (behaviour.md 5, 12)",
    },
    Difference {
        ids: &["au-235"],
        what: &["outcome: 40102/401", "requests", "view: tokenDetails"],
        reason: "RSA15c: a token of another client fails what asked for it, and is not adopted (behaviour.md 2), so that the request that follows asks for another; README.md 11",
    },
    Difference {
        ids: &["au-283"],
        what: &["outcome: 40102/401", "callbacks", "view: tokenDetails"],
        reason: "RSA15c: a token of another client fails what asked for it, and is not adopted (behaviour.md 2), so that the request that follows asks for another; README.md 11",
    },
    Difference {
        ids: &["au-251"],
        what: &["body: clientId", "body: ttl"],
        reason: "RSA5, RSA7: a null is an absent member; README.md, absent members on the wire",
    },
];

#[test]
fn auth_urls_and_callbacks_are_used_as_ably_js_does() {
    assert_listed(&replay::differences(&read(include_str!("vectors/authurl-traces.json"))), DIFFERENCES);
}
