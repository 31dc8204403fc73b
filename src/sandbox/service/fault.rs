//! Faults on demand: what is to go wrong, when, and how often.
//!
//! Faults stand in the order in which they were injected. A request, a WebSocket that is opened or a frame that is
//! received meets all those that match it, and uses up one time of each.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::errors;
use super::message::Request;
use crate::http::HttpResponse;
use crate::wire::Error;

/// How many faults there can be at once.
const MAX_FAULTS: usize = 100;
/// How many paths are remembered with their last answer, and how large an answer may be, in bytes.
const MAX_ANSWERS: usize = 100;
const MAX_ANSWER: usize = 16 * 1_024;

/// Something that is to go wrong. In JSON all members are on one level:
/// `{ "on": "request", "path": "/keys/", "effect": "delay", "milliseconds": 500, "times": 3 }`.
///
/// ```
/// use ably_auth::sandbox::{Effect, Fault, Trigger};
///
/// let fault = Fault::new(Trigger::request("POST", "/keys/"), Effect::Status { status: 503 }).times(2);
/// let json = r#"{ "on": "request", "method": "POST", "path": "/keys/", "effect": "status", "status": 503, "times": 2 }"#;
/// assert_eq!(serde_json::from_str::<Fault>(json)?, fault);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Fault {
    /// What meets it.
    #[serde(flatten)]
    pub trigger: Trigger,
    /// What then happens.
    #[serde(flatten)]
    pub effect: Effect,
    /// How many times it happens; none: until it is removed. In JSON once where it is left out, `null` for none.
    #[serde(default = "once")]
    pub times: Option<u32>,
}

fn once() -> Option<u32> {
    Some(1)
}

impl Fault {
    /// What happens the next time.
    pub fn new(trigger: Trigger, effect: Effect) -> Self {
        Fault { trigger, effect, times: once() }
    }

    /// The same, for as many times.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }

    /// The same, until it is removed.
    #[must_use]
    pub fn always(mut self) -> Self {
        self.times = None;
        self
    }
}

/// What meets a fault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "on", rename_all = "lowercase")]
#[non_exhaustive]
pub enum Trigger {
    /// A request, other than one that opens a WebSocket or that goes to the control API.
    Request {
        /// Its method; none for any.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        method: Option<String>,
        /// What its path begins with, undecoded.
        #[serde(default)]
        path: String,
    },
    /// A request that opens a WebSocket.
    WebSocket,
    /// A frame from a client.
    Frame {
        /// Its action, such as 17 for AUTH; none for any.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        action: Option<i64>,
    },
}

impl Trigger {
    /// Requests with this method whose paths begin so.
    pub fn request(method: impl Into<String>, path: impl Into<String>) -> Self {
        Trigger::Request { method: Some(method.into()), path: path.into() }
    }

    /// Requests whose paths begin so.
    pub fn path(path: impl Into<String>) -> Self {
        Trigger::Request { method: None, path: path.into() }
    }

    /// Frames with this action.
    pub fn frame(action: i64) -> Self {
        Trigger::Frame { action: Some(action) }
    }
}

/// What happens to who meets a fault. Unless it says otherwise it can happen to requests, to WebSockets that are
/// opened, and to frames.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "effect", rename_all = "camelCase")]
#[non_exhaustive]
pub enum Effect {
    /// The answer comes late, or the WebSocket is opened late; a frame is handled late, by the service's time. Where a
    /// hundred frames wait already it is lost.
    Delay {
        /// By so much.
        milliseconds: u32,
    },
    /// The connection is closed without an answer, the socket that a frame came over cut off. Nothing is handled.
    Drop,
    /// No answer ever comes; a frame is ignored. Nothing is handled.
    Hang,
    /// The service refuses with this error, without looking: a request with an error's answer, whose status is that of
    /// the error; a WebSocket and most frames with ERROR; ATTACH with ERROR of the channel; MESSAGE and PRESENCE with
    /// NACK.
    Refuse {
        /// Such as 42910/429.
        error: Error,
    },
    /// DISCONNECTED with this error, and the end of the socket. For WebSockets and frames.
    Disconnect {
        /// Such as 80003/503.
        error: Error,
    },
    /// The answer has another status; a WebSocket is not opened, but answered with it. For requests and WebSockets.
    Status {
        /// 200 to 599.
        status: u16,
    },
    /// The answer has another content type. For requests.
    #[serde(rename_all = "camelCase")]
    ContentType {
        /// Such as `text/html`; empty: none at all.
        content_type: String,
    },
    /// The answer's body is the first half of what it should be, as if that were all. For requests.
    Malformed,
    /// The connection is closed after the first half of the answer's body. For requests.
    Cut,
    /// The service takes the time to be another one while it handles the request. For requests.
    Skew {
        /// So much later, or, negative, earlier.
        milliseconds: i64,
    },
    /// The answer is the last one to the same method and path, again; nothing is handled. Where there was none, or it
    /// was longer than 16 KiB, the request is handled. For requests.
    Replay,
}

impl Effect {
    /// The name that it has in JSON.
    pub fn name(&self) -> &'static str {
        match self {
            Effect::Delay { .. } => "delay",
            Effect::Drop => "drop",
            Effect::Hang => "hang",
            Effect::Refuse { .. } => "refuse",
            Effect::Disconnect { .. } => "disconnect",
            Effect::Status { .. } => "status",
            Effect::ContentType { .. } => "contentType",
            Effect::Malformed => "malformed",
            Effect::Cut => "cut",
            Effect::Skew { .. } => "skew",
            Effect::Replay => "replay",
        }
    }

    fn can_happen_to(&self, trigger: &Trigger) -> bool {
        match self {
            Effect::Delay { .. } | Effect::Drop | Effect::Hang => true,
            Effect::Refuse { error } => {
                !matches!(trigger, Trigger::Request { .. }) || (200..600).contains(&error.status_code())
            }
            Effect::Disconnect { .. } => !matches!(trigger, Trigger::Request { .. }),
            Effect::Status { status } => !matches!(trigger, Trigger::Frame { .. }) && (200..600).contains(status),
            Effect::ContentType { content_type } => {
                let is_header = content_type.bytes().all(|byte| (b' '..=b'~').contains(&byte));
                is_header && matches!(trigger, Trigger::Request { .. })
            }
            Effect::Malformed | Effect::Cut | Effect::Skew { .. } | Effect::Replay => {
                matches!(trigger, Trigger::Request { .. })
            }
        }
    }
}

/// The faults that are still to happen.
#[derive(Debug, Default)]
pub(super) struct Faults {
    last_id: u64,
    by_id: BTreeMap<u64, Fault>,
    answers: VecDeque<Answered>,
}

/// An answer that may be asked for again.
#[derive(Debug)]
struct Answered {
    method: String,
    path: String,
    response: HttpResponse,
}

impl Faults {
    pub(super) fn inject(&mut self, fault: Fault) -> Result<u64, Error> {
        if !fault.effect.can_happen_to(&fault.trigger) {
            return Err(errors::INVALID_FAULT.error());
        }
        if self.by_id.len() >= MAX_FAULTS {
            return Err(errors::TOO_MANY_FAULTS.error());
        }
        self.last_id += 1;
        if fault.times != Some(0) {
            self.by_id.insert(self.last_id, fault);
        }
        Ok(self.last_id)
    }

    pub(super) fn remove(&mut self, id: u64) -> bool {
        self.by_id.remove(&id).is_some()
    }

    pub(super) fn clear(&mut self) {
        self.by_id.clear();
    }

    #[cfg(feature = "__fuzzing")]
    pub(super) fn check_bounds(&self) {
        assert!(self.by_id.len() <= MAX_FAULTS && self.answers.len() <= MAX_ANSWERS);
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, &Fault)> {
        self.by_id.iter().map(|(id, fault)| (*id, fault))
    }

    pub(super) fn met_by_request(&mut self, request: &Request) -> Vec<Effect> {
        self.meet(|trigger, _| match trigger {
            Trigger::Request { method, path } => {
                let is_method = method.as_ref().is_none_or(|method| method.eq_ignore_ascii_case(&request.method));
                is_method && request.path.starts_with(path.as_str())
            }
            _ => false,
        })
    }

    /// Without delays, which are met earlier.
    pub(super) fn met_by_websocket(&mut self) -> Vec<Effect> {
        self.meet(|trigger, effect| *trigger == Trigger::WebSocket && !matches!(effect, Effect::Delay { .. }))
    }

    /// How long a WebSocket is to wait before it is opened, in milliseconds.
    pub(super) fn delay_of_websocket(&mut self) -> u64 {
        delay(&self.meet(|trigger, effect| *trigger == Trigger::WebSocket && matches!(effect, Effect::Delay { .. })))
    }

    pub(super) fn met_by_frame(&mut self, action: i64) -> Vec<Effect> {
        self.meet(|trigger, _| match trigger {
            Trigger::Frame { action: wanted } => wanted.is_none_or(|wanted| wanted == action),
            _ => false,
        })
    }

    fn meet(&mut self, is_met: impl Fn(&Trigger, &Effect) -> bool) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.by_id.retain(|_, fault| {
            if !is_met(&fault.trigger, &fault.effect) {
                return true;
            }
            effects.push(fault.effect.clone());
            fault.times = fault.times.map(|times| times - 1);
            fault.times != Some(0)
        });
        effects
    }

    /// Remembers an answer, so that it can be given again.
    pub(super) fn remember(&mut self, request: &Request, response: &HttpResponse) {
        self.answers.retain(|answered| !answered.is_to(request));
        if response.body().len() > MAX_ANSWER || request.path.len() > MAX_ANSWER {
            return;
        }
        if self.answers.len() >= MAX_ANSWERS {
            self.answers.pop_front();
        }
        let (method, path) = (request.method.clone(), request.path.clone());
        self.answers.push_back(Answered { method, path, response: response.clone() });
    }

    /// The last answer to the same method and path.
    pub(super) fn last_answer(&self, request: &Request) -> Option<&HttpResponse> {
        let answered = self.answers.iter().find(|answered| answered.is_to(request));
        answered.map(|answered| &answered.response)
    }
}

impl Answered {
    fn is_to(&self, request: &Request) -> bool {
        self.method == request.method && self.path == request.path
    }
}

/// The sum of all delays, in milliseconds.
pub(super) fn delay(effects: &[Effect]) -> u64 {
    let delays = effects.iter().map(|effect| match effect {
        Effect::Delay { milliseconds } => u64::from(*milliseconds),
        _ => 0,
    });
    delays.sum()
}
