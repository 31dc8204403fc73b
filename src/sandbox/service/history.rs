//! The messages that were published lately, on all channels of all apps.

use alloc::borrow::ToOwned;
use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::String;

use serde_json::{Map, Value};

use crate::wire::lenient;

/// How many messages are remembered.
const CAPACITY: usize = 5_000;
/// How much memory they may take, in bytes, more or less; beyond that the oldest are forgotten.
const MAX_SIZE: usize = 32 * 1_024 * 1_024;

/// A message on a channel, as everyone gets it.
#[derive(Debug)]
pub(super) struct Entry {
    app_id: String,
    channel: String,
    /// Counts all messages there ever were.
    pub(super) number: u64,
    pub(super) timestamp: i64,
    members: Map<String, Value>,
    size: usize,
}

impl Entry {
    fn is_on(&self, app_id: &str, channel: &str) -> bool {
        self.channel == channel && self.app_id == app_id
    }

    fn id(&self) -> Option<&str> {
        self.members.get("id")?.as_str()
    }

    pub(super) fn message(&self) -> Value {
        self.members.clone().into()
    }

    pub(super) fn serial(&self) -> Value {
        self.members.get("serial").cloned().unwrap_or_default()
    }
}

#[derive(Debug, Default)]
pub(super) struct History {
    messages: VecDeque<Entry>,
    size: usize,
    last_number: u64,
}

impl History {
    /// Remembers a message, and gives it what it lacks: timestamp, serial, action.
    pub(super) fn add(&mut self, app_id: &str, channel: &str, mut members: Map<String, Value>, now: i64) -> &Entry {
        self.last_number += 1;
        let number = self.last_number;
        let serial = format!("{now:014}-{number:09}@sandbox");
        for (name, value) in [("timestamp", now.into()), ("serial", serial.into()), ("action", CREATE.into())] {
            members.insert(name.to_owned(), value);
        }
        let size = 512 + 4 * lenient::text_of(&members).len();
        while self.messages.len() >= CAPACITY || self.size + size > MAX_SIZE {
            let Some(oldest) = self.messages.pop_front() else { break };
            self.size -= oldest.size;
        }
        self.size += size;
        let (app_id, channel) = (app_id.to_owned(), channel.to_owned());
        self.messages.push_back(Entry { app_id, channel, number, timestamp: now, members, size });
        &self.messages[self.messages.len() - 1]
    }

    #[cfg(feature = "__fuzzing")]
    pub(super) fn check_bounds(&self) {
        assert!(self.messages.len() <= CAPACITY && self.size <= MAX_SIZE);
        assert_eq!(self.size, self.messages.iter().map(|message| message.size).sum::<usize>());
    }

    /// The messages of a channel, the oldest first.
    pub(super) fn of<'a>(&'a self, app_id: &'a str, channel: &'a str) -> impl DoubleEndedIterator<Item = &'a Entry> {
        self.messages.iter().filter(move |message| message.is_on(app_id, channel))
    }

    /// A channel's message of this id.
    pub(super) fn find(&self, app_id: &str, channel: &str, id: &str) -> Option<&Entry> {
        let is_meant = |entry: &&Entry| entry.is_on(app_id, channel) && entry.id() == Some(id);
        self.messages.iter().find(is_meant)
    }

    /// Forgets an app's messages.
    pub(super) fn forget(&mut self, app_id: &str) {
        self.messages.retain(|message| message.app_id != app_id);
        self.size = self.messages.iter().map(|message| message.size).sum();
    }
}

/// The action of a message that is new (`TM5`).
const CREATE: u8 = 0;
