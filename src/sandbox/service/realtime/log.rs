//! What has gone over transports lately.

use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::sync::Arc;

use serde_json::Value;

use super::TransportId;
use crate::wire::ProtocolMessage;

/// How many events are remembered.
const CAPACITY: usize = 1_000;
/// How much memory they may take, in bytes, more or less; beyond that the oldest are forgotten.
const MAX_SIZE: usize = 32 * 1_024 * 1_024;

/// Something that happened on a transport. `Debug` shows no secret.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct FrameRecord {
    /// When, in milliseconds since the epoch, by the service's clock.
    pub at: i64,
    /// On which transport.
    pub transport: TransportId,
    /// The connection that it carried; none where the client was refused.
    pub connection_id: Option<String>,
    /// What happened.
    pub event: FrameEvent,
}

/// What happened on a transport.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FrameEvent {
    /// The client sent a frame.
    Received(Arc<ProtocolMessage>),
    /// The client sent something that is no frame.
    Malformed {
        /// Its length in bytes.
        length: usize,
    },
    /// The service sent a frame.
    Sent(Arc<ProtocolMessage>),
    /// The service sent a ping of the transport's own.
    Pinged,
    /// The service closed the transport with this code.
    Closed(u16),
    /// The service cut the transport off.
    Cut,
    /// The client closed the transport, or it was lost.
    Lost,
}

impl FrameRecord {
    /// The frame that was sent or received, if it was one.
    pub fn message(&self) -> Option<&ProtocolMessage> {
        match &self.event {
            FrameEvent::Received(message) | FrameEvent::Sent(message) => Some(message),
            _ => None,
        }
    }

    fn size(&self) -> usize {
        256 + self
            .message()
            .map_or(0, |message| message.members().map(|(name, value)| name.len() + size_of(value)).sum())
    }
}

/// About how many bytes a value takes.
fn size_of(value: &Value) -> usize {
    64 + match value {
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(size_of).sum(),
        Value::Object(members) => members.iter().map(|(name, value)| 64 + name.len() + size_of(value)).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    }
}

#[derive(Debug, Default)]
pub(super) struct FrameLog {
    records: VecDeque<FrameRecord>,
    size: usize,
    count: u64,
}

impl FrameLog {
    pub(super) fn record(&mut self, record: FrameRecord) {
        self.count += 1;
        self.size += record.size();
        self.records.push_back(record);
        while self.records.len() > CAPACITY || self.size > MAX_SIZE {
            let Some(oldest) = self.records.pop_front() else { break };
            self.size -= oldest.size();
        }
    }

    /// How many there ever were.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    #[cfg(feature = "__fuzzing")]
    pub(super) fn check_bounds(&self) {
        assert!(self.records.len() <= CAPACITY && self.size <= MAX_SIZE);
        assert_eq!(self.size, self.records.iter().map(FrameRecord::size).sum::<usize>());
    }

    /// The oldest first.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &FrameRecord> {
        self.records.iter()
    }

    pub(super) fn clear(&mut self) {
        *self = FrameLog { count: self.count, ..FrameLog::default() };
    }
}
