//! That what the service remembers is bounded, and that what belongs together is of one length, for fuzzing.

use super::Service;

impl Service {
    /// Panics where the service holds more than it should.
    pub(crate) fn check_bounds(&self) {
        let at_most = |what: &str, count: usize, limit: usize| assert!(count <= limit, "{count} {what}, over {limit}");
        at_most("requests", self.traffic.iter().count(), 1_000);
        at_most("apps", self.apps.len(), 1_000);
        self.faults.check_bounds();
        self.history.check_bounds();
        self.nonces.check_bounds();
        self.tokens.check_bounds();
        self.realtime.check_bounds();
        // What is known about a key goes with the key, as soon as no revocation of its tokens is in effect.
        let (keys, revocations) = self.revocations.lengths();
        at_most("keys with what is known about their tokens", keys, self.apps.key_count() + revocations);
    }
}
