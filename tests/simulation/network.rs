//! The network's weather: how long things take, what is lost, and where it ends.
//!
//! What goes over one WebSocket keeps its order; a packet that is lost for good takes the whole socket with it, which
//! neither side is told (a half-open socket). Requests have no order among each other.

use crate::figures::Figures;
use crate::random::Random;

/// How long until somebody hears that nobody lets him in, in milliseconds.
const REFUSAL: u64 = 20;

/// What becomes of something that is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It arrives after so many milliseconds.
    Arrives(u64),
    /// It is lost.
    Lost,
}

/// Who lets nobody in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusing {
    Primary,
    Everybody,
}

/// Each kind of bad weather lasts until its time.
#[derive(Debug, Default)]
pub(crate) struct Weather {
    pub(crate) usual_latency: u64,
    pub(crate) slow_until: u64,
    pub(crate) lossy_until: u64,
    pub(crate) doubling_until: u64,
    pub(crate) refusing: Option<(Refusing, u64)>,
    /// By client.
    pub(crate) cut_until: Vec<u64>,
}

impl Weather {
    pub(crate) fn clear_up(&mut self) {
        let clients = self.cut_until.len();
        *self = Weather { usual_latency: self.usual_latency, cut_until: vec![0; clients], ..Weather::default() };
    }

    pub(crate) fn is_cut(&self, client: usize, time: u64) -> bool {
        self.cut_until[client] > time
    }

    /// What becomes of something on its way between a client and the service.
    pub(crate) fn fate(&self, client: usize, time: u64, random: &mut Random, figures: &mut Figures) -> Fate {
        if self.is_cut(client, time) {
            figures.fault("lost in a partition");
            return Fate::Lost;
        }
        if self.lossy_until > time && random.percent(25) {
            figures.fault("lost");
            return Fate::Lost;
        }
        if self.slow_until > time && random.percent(50) {
            figures.fault("slow");
            return Fate::Arrives(random.between(1_000, 15_000));
        }
        Fate::Arrives(random.between(self.usual_latency / 4, self.usual_latency))
    }

    /// Whether an answer comes twice.
    pub(crate) fn doubles(&self, time: u64, random: &mut Random, figures: &mut Figures) -> bool {
        let doubles = self.doubling_until > time && random.percent(50);
        if doubles {
            figures.fault("answered twice");
        }
        doubles
    }

    /// After how long somebody hears that this host lets him in no more, if so.
    pub(crate) fn refuses(&self, host: &str, time: u64, figures: &mut Figures) -> Option<u64> {
        let (who, _) = self.refusing.filter(|(_, until)| *until > time)?;
        let is_meant = who == Refusing::Everybody || host == crate::PRIMARY_HOST;
        is_meant.then(|| {
            figures.fault("connection refused");
            REFUSAL
        })
    }
}
