//! What goes wrong.

use std::collections::BTreeMap;
use std::fmt;

use ably_auth::sandbox::{Effect, Fault, Sandbox, Trigger};
use ably_auth::wire::action;
use ably_auth::{Error, ErrorKind};

use super::random::Random;

/// Lets things go wrong, and counts them.
pub(super) struct Weather {
    random: Random,
    /// Faults that are injected, and how many times each was to happen.
    standing: BTreeMap<u64, (String, u32)>,
    happened: BTreeMap<String, u64>,
}

impl Weather {
    pub(super) fn new(random: Random) -> Self {
        Weather { random, standing: BTreeMap::new(), happened: BTreeMap::new() }
    }

    /// One thing more goes wrong.
    pub(super) fn turn(&mut self, sandbox: &Sandbox) {
        if self.random.one_in(3) { self.hit_connections(sandbox) } else { self.inject(sandbox) }
    }

    /// Takes the faults away that have not happened.
    pub(super) fn clear(&mut self, sandbox: &Sandbox) {
        let left: BTreeMap<u64, u32> =
            sandbox.faults().into_iter().map(|(id, fault)| (id, fault.times.unwrap_or(0))).collect();
        sandbox.clear_faults();
        for (id, (name, times)) in std::mem::take(&mut self.standing) {
            let happened = times - left.get(&id).copied().unwrap_or(0).min(times);
            *self.happened.entry(name).or_default() += u64::from(happened);
        }
    }

    fn inject(&mut self, sandbox: &Sandbox) {
        let (place, trigger, effect) = match self.random.below(4) {
            0 => ("WebSocket", Trigger::WebSocket, self.effect_on_websocket()),
            1 => ("AUTH", Trigger::frame(action::AUTH), self.effect_on_auth()),
            _ => {
                let path = self.random.pick(&["/keys/", "/auth-url/", "/channels/", "/time"]);
                (path, Trigger::path(path), self.effect_on_request())
            }
        };
        let name = format!("{place} {}", describe(&effect));
        let times = 1 + self.random.below(1 + sandbox.connections().len() as u64 / 25) as u32;
        // Where there are a hundred already there is enough going on.
        if let Ok(id) = sandbox.inject(Fault::new(trigger, effect).times(times)) {
            self.standing.insert(id, (name, times));
        }
    }

    fn effect_on_request(&mut self) -> Effect {
        let random = &mut self.random;
        match random.below(11) {
            0 => Effect::Delay { milliseconds: 20 + random.below(1_500) as u32 },
            1 => Effect::Drop,
            2 => Effect::Hang,
            3 => Effect::Status { status: random.pick(&[500, 502, 503, 504]) },
            4 => Effect::Refuse { error: error(42910, 429, "too many requests") },
            5 => Effect::Refuse { error: error(40142, 401, "token expired") },
            6 => Effect::ContentType { content_type: "text/html".into() },
            7 => Effect::Malformed,
            8 => Effect::Cut,
            9 => Effect::Skew { milliseconds: random.pick(&[-600_000, 600_000]) },
            _ => Effect::Replay,
        }
    }

    fn effect_on_websocket(&mut self) -> Effect {
        let random = &mut self.random;
        match random.below(6) {
            0 => Effect::Delay { milliseconds: 20 + random.below(1_500) as u32 },
            1 => Effect::Drop,
            2 => Effect::Hang,
            3 => Effect::Status { status: random.pick(&[429, 500, 503]) },
            4 => Effect::Refuse { error: error(40142, 401, "token expired") },
            _ => Effect::Disconnect { error: error(80003, 503, "try again") },
        }
    }

    fn effect_on_auth(&mut self) -> Effect {
        let random = &mut self.random;
        match random.below(5) {
            0 => Effect::Delay { milliseconds: 20 + random.below(1_500) as u32 },
            1 => Effect::Drop,
            2 => Effect::Hang,
            3 => Effect::Refuse { error: error(40101, 401, "invalid accessToken") },
            _ => Effect::Disconnect { error: error(80003, 503, "try again") },
        }
    }

    /// Something happens to connections that are up.
    fn hit_connections(&mut self, sandbox: &Sandbox) {
        let count = |happened: &mut BTreeMap<String, u64>, name: &str, times: usize| {
            *happened.entry(name.into()).or_default() += times as u64;
        };
        match self.random.below(60) {
            0 => count(&mut self.happened, "all sockets cut off", sandbox.drop_all_sockets()),
            1 => count(&mut self.happened, "all asked for a token", sandbox.request_reauth_of_all()),
            _ => {
                let connections = sandbox.connections();
                if connections.is_empty() {
                    return;
                }
                for _ in 0..1 + connections.len() / 100 {
                    let id = &self.random.pick(&connections).id;
                    let (name, is_hit) = match self.random.below(8) {
                        0..=2 => ("connection disconnected", sandbox.disconnect(id, error(80003, 503, "go elsewhere"))),
                        3..=5 => ("connection's socket cut off", sandbox.drop_socket(id)),
                        6 => ("connection asked for a token", sandbox.request_reauth(id)),
                        _ => ("connection failed", sandbox.fail(id, error(40000, 400, "that is it"))),
                    };
                    count(&mut self.happened, name, usize::from(is_hit));
                }
            }
        }
    }
}

fn describe(effect: &Effect) -> String {
    match effect {
        Effect::Refuse { error } => format!("refused with {}", error.code()),
        Effect::Status { status } => format!("status {status}"),
        other => other.name().into(),
    }
}

fn error(code: u32, status: u16, message: &str) -> Error {
    Error::new(ErrorKind::Rejected, code, status, message)
}

impl fmt::Display for Weather {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} faults met:", self.happened.values().sum::<u64>())?;
        for (name, times) in &self.happened {
            write!(f, "\n  {times:>7} {name}")?;
        }
        Ok(())
    }
}
