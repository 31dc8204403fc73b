//! What happened in how much virtual time.

use std::collections::BTreeMap;
use std::fmt;

#[derive(Clone, Debug, Default)]
pub(crate) struct Figures {
    pub(crate) runs: u64,
    pub(crate) virtual_ms: u64,
    pub(crate) inputs: u64,
    pub(crate) operations: u64,
    pub(crate) failed_operations: u64,
    pub(crate) renewals: u64,
    pub(crate) connections: u64,
    pub(crate) failures: u64,
    /// The longest time from the end of all faults until everything was well again.
    pub(crate) longest_recovery_ms: u64,
    pub(crate) faults: BTreeMap<&'static str, u64>,
}

impl Figures {
    pub(crate) fn fault(&mut self, kind: &'static str) {
        self.faults(kind, 1);
    }

    pub(crate) fn faults(&mut self, kind: &'static str, times: u64) {
        *self.faults.entry(kind).or_default() += times;
    }

    pub(crate) fn add(&mut self, other: &Figures) {
        self.runs += other.runs;
        self.virtual_ms += other.virtual_ms;
        self.inputs += other.inputs;
        self.operations += other.operations;
        self.failed_operations += other.failed_operations;
        self.renewals += other.renewals;
        self.connections += other.connections;
        self.failures += other.failures;
        self.longest_recovery_ms = self.longest_recovery_ms.max(other.longest_recovery_ms);
        other.faults.iter().for_each(|(kind, times)| self.faults(kind, *times));
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Figures { runs, virtual_ms, inputs, operations, failed_operations, renewals, connections, .. } = self;
        writeln!(f, "{runs} runs, {} hours of virtual time, {inputs} inputs", virtual_ms / 3_600_000)?;
        writeln!(f, "{operations} operations ({failed_operations} failed), {renewals} new tokens")?;
        writeln!(f, "{connections} connections made, {} FAILED on the way", self.failures)?;
        writeln!(f, "well again at most {} ms after the faults", self.longest_recovery_ms)?;
        self.faults.iter().try_for_each(|(kind, times)| writeln!(f, "{times:>10} {kind}"))
    }
}
