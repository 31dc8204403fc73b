//! What has happened, to be shown when a test fails.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use core::fmt;

use crate::session::Command;
use crate::{Now, OperationId, SessionAction, SessionEvent};

/// More than a reader of a failed test goes through.
const MOST_KEPT: usize = 100;

/// The last inputs and actions, without their secrets.
#[derive(Clone, Debug, Default)]
pub(super) struct History {
    entries: VecDeque<(Now, Entry)>,
    forgotten: usize,
    start: Option<Now>,
}

#[derive(Clone, Debug)]
pub(super) enum Entry {
    Command(Box<Command>),
    Started(OperationId),
    Event(SessionEvent),
    /// An input that is no event.
    Input(&'static str),
    Action(SessionAction),
}

impl History {
    pub(super) fn record(&mut self, now: Now, entry: Entry) {
        self.start.get_or_insert(now);
        if self.entries.len() == MOST_KEPT {
            self.entries.pop_front();
            self.forgotten += 1;
        }
        self.entries.push_back((now, entry));
    }
}

impl fmt::Display for History {
    /// A line each: inputs after `>`, actions after `<`, with the milliseconds since the start.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.forgotten > 0 {
            writeln!(f, "    ({} more before)", self.forgotten)?;
        }
        let start = self.start.unwrap_or_default().mono;
        for (now, entry) in &self.entries {
            write!(f, "{:>8} ", now.mono.saturating_sub(start))?;
            match entry {
                Entry::Command(command) => writeln!(f, "> {command:?}")?,
                Entry::Started(operation) => writeln!(f, "  as {operation:?}")?,
                Entry::Event(SessionEvent::Auth(event)) => writeln!(f, "> {event:?}")?,
                Entry::Event(SessionEvent::Connection(input)) => writeln!(f, "> {input:?}")?,
                Entry::Input(input) => writeln!(f, "> {input}")?,
                Entry::Action(SessionAction::Auth(action)) => writeln!(f, "< {action:?}")?,
                Entry::Action(SessionAction::Connection(action)) => writeln!(f, "< {action:?}")?,
            }
        }
        Ok(())
    }
}
