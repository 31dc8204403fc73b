//! What the realtime client of ably-js did, done again by this crate.

#[path = "vectors/realtime.rs"]
mod realtime;
mod vectors;

use vectors::{Difference, assert_listed, read};

const DIFFERENCES: &[Difference] = &[
    Difference {
        ids: &["rt-001", "rt-003", "rt-015", "rt-019", "rt-025", "rt-069", "rt-115", "rt-141"],
        what: &["construction: 40103/401"],
        reason: "RSC18: no basic auth over plain http (behaviour.md 1), so these go on over TLS; README.md 17",
    },
    Difference {
        ids: &["rt-007"],
        what: &["end: clientId cid"],
        reason: "the current token tells who the client is (RSA7b2, RSA12; behaviour.md 2); README.md 12",
    },
    Difference {
        ids: &["rt-015"],
        what: &["connect 1: clientId"],
        reason: "RTN2d: an absent clientId is not sent; README.md 27",
    },
    Difference {
        ids: &["rt-021"],
        what: &["end: errorReason 40102/401"],
        reason: "RTN25, RSA15c: the reason for having failed is the errorReason; README.md 30",
    },
    Difference {
        ids: &["rt-027"],
        what: &[
            "states: connecting, failed 40102/401",
            "end: state failed",
            "end: errorReason 40102/401",
            "end: tokenDetails null",
        ],
        reason: "RSA15c: a token of another client fails the connection, and is not adopted (behaviour.md 2); README.md 31",
    },
    Difference {
        ids: &["rt-039"],
        what: &[
            "states: connecting, disconnected 80019/401 <- 40102/401",
            "end: state disconnected",
            "end: errorReason 80019/401",
        ],
        reason: "RSA4c2: an error of the callback, whatever its code, disconnects with 80019; README.md 35",
    },
    Difference {
        ids: &["rt-041"],
        what: &["states: connecting, disconnected 80019/401 <- 40170/401"],
        reason: "RSA4e: an error that is none of Ably's becomes 40170 (behaviour.md 3); README.md 8",
    },
    Difference {
        ids: &["rt-051"],
        what: &["states: connecting, failed 80019/403 <- 40101/401", "end: state failed", "end: errorReason 80019/403"],
        reason: "RSA4d: HTTP 403 is a 403 whatever its body says (behaviour.md 4); README.md 33",
    },
    Difference {
        ids: &["rt-061"],
        what: &["states: connecting, connected"],
        reason: "RTN14b: while connecting a token error shows no DISCONNECTED (behaviour.md 10); README.md 34",
    },
    Difference {
        ids: &["rt-063"],
        what: &["states: connecting, disconnected 40142/401", "end: tokenDetails null"],
        reason: "RTN14b: while connecting a token error shows no DISCONNECTED (behaviour.md 10), README.md 34; RSA16d: \
                 a rejected token is none in the view (behaviour.md 12)",
    },
    Difference {
        ids: &["rt-065"],
        what: &["states: connecting, failed 40171/403 <- 40142/401"],
        reason: "RSA4a2: FAILED at once, with the server's error as the cause (behaviour.md 10); README.md 34",
    },
    Difference {
        ids: &["rt-067"],
        what: &["states: connecting, failed 80019/403 <- 40300/403"],
        reason: "RTN14b: while connecting a token error shows no DISCONNECTED (behaviour.md 10); README.md 34",
    },
    Difference {
        ids: &["rt-069"],
        what: &["connections", "states: connecting, failed 40142/401", "end: state failed"],
        reason: "RTN14g: with basic auth a token error is as any other error (behaviour.md 10); README.md 36",
    },
    Difference {
        ids: &["rt-081"],
        what: &["end: tokenDetails null"],
        reason: "RSA16d: a rejected token is none in the view (behaviour.md 12)",
    },
    Difference {
        ids: &["rt-093", "rt-095", "rt-111", "rt-133", "rt-135", "rt-147"],
        what: &["end: tokenDetails token-1"],
        reason: "a renewal that fails does not take a token away that is still valid (behaviour.md 8); README.md 25",
    },
    Difference {
        ids: &["rt-105", "rt-107"],
        what: &["end: tokenDetails exchanged-1"],
        reason: "a renewal that fails does not take a token away that is still valid (behaviour.md 8); README.md 25",
    },
    Difference {
        ids: &["rt-109"],
        what: &["end: tokenDetails u1"],
        reason: "a renewal that fails does not take a token away that is still valid (behaviour.md 8); README.md 25",
    },
    Difference {
        ids: &["rt-097"],
        what: &[
            "states: connecting, connected",
            "end: state connected",
            "end: errorReason null",
            "end: tokenDetails static",
        ],
        reason: "RTN22: a client that cannot renew stays connected with the token that it has (behaviour.md 10)",
    },
    Difference {
        ids: &["rt-099"],
        what: &[
            "callbacks",
            "frames: 1 {\"action\":17,\"auth\":{\"accessToken\":\"token-2\"}}",
            "states: connecting, connected, update",
            "end: tokenDetails token-2",
        ],
        reason: "an AUTH during a renewal joins it: one callback, one AUTH, one update (behaviour.md 12); README.md 38",
    },
    Difference {
        ids: &["rt-101"],
        what: &[
            "callbacks",
            "connections",
            "states: connecting, connected, failed 40142/401",
            "end: state failed",
            "end: errorReason 40142/401",
            "end: tokenDetails null",
        ],
        reason: "RTN15j, RTC8a2: ERROR fails a connection that is up, token errors included (behaviour.md 10); README.md 32",
    },
    Difference {
        ids: &["rt-119"],
        what: &[
            "states: connecting, disconnected 80019/401 <- 50000/500",
            "end: state disconnected",
            "end: errorReason 80019/401",
            "end: tokenDetails token-1",
        ],
        reason: "RSA4c2, RSA4d1: a failed authorize while connecting disconnects (behaviour.md 9), README.md 39; a \
                 token that is still valid stays (behaviour.md 8), README.md 25",
    },
    Difference {
        ids: &["rt-121"],
        what: &["states: connecting, connected", "call 1: \"token-3\""],
        reason: "halting an attempt and a token error while connecting show nothing (behaviour.md 10, 12), README.md 34; \
                 authorize ends with the token that the connection accepted (behaviour.md 9), README.md 32",
    },
    Difference {
        ids: &["rt-123"],
        what: &[
            "states: connecting, disconnected 80003/400, connecting, disconnected 80003/400, connecting, disconnected \
             80003/400, connecting, disconnected 80003/400",
            "call 1: pending",
            "end: state disconnected",
            "end: errorReason 80003/400",
        ],
        reason: "DF1a: 120 s until it is suspended, unless the service says otherwise; connectionStateTtl is no option",
    },
    Difference {
        ids: &["rt-129"],
        what: &["states: connecting, connected, failed 40102/401"],
        reason: "RSA15c: FAILED, and no update after it; README.md 30",
    },
    Difference {
        ids: &["rt-131"],
        what: &[
            "connections",
            "states: connecting, connected, disconnected 80003/400, connecting, disconnected 80003/400",
            "end: state disconnected",
            "end: errorReason 80003/400",
        ],
        reason: "an AUTH without an answer is a lost connection (behaviour.md 9); README.md 37",
    },
    Difference {
        ids: &["rt-139"],
        what: &[
            "states: connecting, connected, update",
            "end: state connected",
            "end: errorReason null",
            "end: tokenDetails given",
        ],
        reason: "an authorize without a way to get a token fails alone (behaviour.md 9): RSA4d is about what a source of \
                 tokens says",
    },
    Difference {
        ids: &["rt-143"],
        what: &[
            "frames: ",
            "states: connecting, connected, failed 40102/401",
            "call 1: 40102/401",
            "end: state failed",
            "end: errorReason 40102/401",
            "end: tokenDetails token-1",
        ],
        reason: "RSA15c: a token of another client fails the connection, and is not adopted (behaviour.md 2); README.md 31",
    },
    Difference {
        ids: &["rt-149"],
        what: &[
            "connect 4: accessToken",
            "states: connecting, disconnected 80003/400, connecting, disconnected 80003/400, connecting, disconnected \
             80003/400, connecting, connected",
            "frames: 4 {\"action\":17,\"auth\":{\"accessToken\":\"token-2\"}}",
            "call 1: pending",
        ],
        reason: "DF1a: 120 s until it is suspended, unless the service says otherwise; connectionStateTtl is no option. So \
                 the fourth attempt comes before authorize, whose AUTH the recorded server does not answer",
    },
    Difference {
        ids: &["rt-153"],
        what: &["states: connecting, connected, closing, connecting, connected"],
        reason: "RTN12a, RTN11b: CLOSING waits for CLOSED, and a new connection may start from it",
    },
    Difference {
        ids: &["rt-157"],
        what: &["states: connecting, failed 40171/403 <- 40142/401, connecting, connected"],
        reason: "RSA4a2: FAILED at once, with the server's error as the cause (behaviour.md 10); README.md 34",
    },
];

#[test]
fn realtime_connections_are_those_of_ably_js() {
    assert_listed(&realtime::differences(&read(include_str!("vectors/realtime-traces.json"))), DIFFERENCES);
}
