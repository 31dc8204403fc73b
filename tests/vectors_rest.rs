//! What the REST client of ably-js did, done again by this crate.

#[path = "vectors/replay.rs"]
mod replay;
mod vectors;

use vectors::{Difference, assert_listed, read};

const DIFFERENCES: &[Difference] = &[
    Difference {
        ids: &[
            "rs-005", "rs-017", "rs-025", "rs-027", "rs-035", "rs-037", "rs-039", "rs-041", "rs-045", "rs-047",
            "rs-049", "rs-051", "rs-053", "rs-055", "rs-057", "rs-059", "rs-061", "rs-063", "rs-065", "rs-067",
            "rs-069", "rs-071", "rs-073", "rs-075", "rs-077", "rs-131", "rs-133", "rs-135", "rs-137", "rs-139",
            "rs-141", "rs-143", "rs-145", "rs-147", "rs-149", "rs-155", "rs-157", "rs-159", "rs-161", "rs-163",
            "rs-167", "rs-169", "rs-171",
        ],
        what: &["construction: 40103/401"],
        reason: "RSC18: no basic auth over plain http (behaviour.md 1), so these go on over TLS; README.md 17",
    },
    Difference {
        ids: &["rs-007"],
        what: &["construction: 40000/400"],
        reason: "a token is not empty (behaviour.md 12)",
    },
    Difference {
        ids: &["rs-009", "rs-011"],
        what: &["construction: 40012/400"],
        reason: "RSA7c: a clientId is a non-empty string (behaviour.md 1); README.md 23",
    },
    Difference {
        ids: &["rs-021"],
        what: &["construction: 40102/401"],
        reason: "RSA15a: the token is of another client (behaviour.md 2); README.md 11",
    },
    Difference {
        ids: &["rs-043"],
        what: &["construction: 40000/400"],
        reason: "TK2d: timestamp and nonce are not for defaultTokenParams (behaviour.md 1)",
    },
    Difference {
        ids: &["rs-013"],
        what: &["view: clientId"],
        reason: "the current token tells who the client is (RSA7b2, RSA12; behaviour.md 2); README.md 12",
    },
    Difference {
        ids: &["rs-037"],
        what: &["header authorization"],
        reason: "RSC19b: the client's own authorization stands (behaviour.md 12)",
    },
    Difference {
        ids: &["rs-041", "rs-171"],
        what: &["header x-ably-clientid"],
        reason: "RSA7e2: every request to the service names the client, requestToken too (behaviour.md 2); README.md 18",
    },
    Difference {
        ids: &["rs-049"],
        what: &["outcome: 40000/400"],
        reason: "the error is one of Ably (behaviour.md 7); README.md, capability not JSON / ops not arrays",
    },
    Difference {
        ids: &["rs-063", "rs-065"],
        what: &["outcome: 40170/401"],
        reason: "RSA4e: the exchange failed without an Ably error (behaviour.md 3); README.md 7",
    },
    Difference {
        ids: &["rs-073"],
        what: &["requests", "outcome: timestamp"],
        reason: "RSA8e: given auth options replace the stored ones, queryTime too; README.md 19",
    },
    Difference {
        ids: &["rs-077"],
        what: &["requests", "outcome: ok"],
        reason: "a time in an object is read too (behaviour.md 5); README.md 20",
    },
    Difference {
        ids: &["rs-079", "rs-081", "rs-083", "rs-085", "rs-087", "rs-105", "rs-109", "rs-111", "rs-115", "rs-165"],
        what: &["header authorization"],
        reason: "RSC10: the request is repeated with the new token (behaviour.md 5); README.md 15",
    },
    Difference {
        ids: &["rs-081"],
        what: &["callbacks", "requests", "outcome: 40142/401", "view: tokenDetails"],
        reason: "RSC10: one renewal and one retry (behaviour.md 5); RSA16d: no token is left; README.md 15",
    },
    Difference {
        ids: &["rs-095", "rs-097"],
        what: &["callbacks", "requests", "outcome: response", "view: tokenDetails"],
        reason: "RSC10: a token error has status 401, in the answer and in the error (behaviour.md 5); README.md 16",
    },
    Difference {
        ids: &["rs-099"],
        what: &["callbacks", "requests", "outcome: 40142/401", "view: tokenDetails"],
        reason: "RSC8d: an error body is used whatever params its content type has; the retry, which was not recorded, is rejected as well; README.md 9",
    },
    Difference {
        ids: &["rs-125"],
        what: &["callbacks", "header authorization", "view: tokenDetails"],
        reason: "a token that has expired by the wall clock is renewed before it is used (behaviour.md 8)",
    },
    Difference {
        ids: &["rs-137"],
        what: &["body: allowReauthMargin", "body: issuedBefore"],
        reason: "only what is given is sent, and null is not (behaviour.md 5); README.md 21",
    },
    Difference {
        ids: &["rs-139"],
        what: &["requests", "outcome: 40000/400"],
        reason: "there has to be a target (behaviour.md 12)",
    },
    Difference {
        ids: &["rs-143"],
        what: &["outcome: results"],
        reason: "every error says where to read about it, those of single targets too (behaviour.md 11)",
    },
    Difference {
        ids: &["rs-147"],
        what: &["requests", "outcome: 40142/401", "view: method", "view: tokenDetails"],
        reason: "a basic client renews nothing (behaviour.md 5); README.md 22",
    },
    Difference {
        ids: &["rs-167", "rs-171"],
        what: &["body: nonce"],
        reason: "a nonce is used once, not stored (behaviour.md 9; RSA9c)",
    },
    Difference {
        ids: &["rs-171"],
        what: &["body: clientId", "body: mac"],
        reason: "RSA7d, RSA10h: params without a clientId get that of the options (behaviour.md 2); README.md 10",
    },
];

#[test]
fn rest_requests_are_those_of_ably_js() {
    assert_listed(&replay::differences(&read(include_str!("vectors/rest-traces.json"))), DIFFERENCES);
}
