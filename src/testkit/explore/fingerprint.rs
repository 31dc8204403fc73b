//! 128 bits for a whole state, in which times are distances from now, and names are places in their order.

#![allow(clippy::disallowed_types, reason = "the hash that is the same in every run")]

use alloc::vec::Vec;
use core::hash::{Hash, Hasher};
use core::str;
use std::hash::DefaultHasher;

use crate::Now;
use crate::base::NameKind;
use crate::testkit::session::palette::TOKEN;

/// How far from now a number may be that is a time: 10 years.
const RANGE: i64 = 3_650 * 86_400_000;

/// Without renaming, names are hashed as they are.
pub(super) fn fingerprint(value: &impl Hash, now: Now, renaming: bool) -> u128 {
    let mut names = Names::default();
    if renaming {
        value.hash(&mut names);
    }
    let names = renaming.then(|| names.in_order());
    let mut halves = Canonical { now, names, first: DefaultHasher::new(), second: DefaultHasher::new() };
    halves.second.write_u8(1);
    value.hash(&mut halves);
    u128::from(halves.first.finish()) << 64 | u128::from(halves.second.finish())
}

/// Every name that a value holds, with its kind, and the number of every token, as one kind more.
#[derive(Default)]
struct Names(Vec<u128>);

/// Of tokens.
const TOKENS: u128 = 0xff << 64;
/// The bits above a name's number, which are its kind.
const KIND: u128 = u128::MAX << 64;
const COUNTER: u128 = (NameKind::Counter as u128) << 64;

impl Names {
    fn in_order(mut self) -> Self {
        self.0.sort_unstable();
        self.0.dedup();
        self
    }

    /// The place of a name among those of its kind.
    fn place(&self, name: u128) -> u64 {
        let first = self.0.partition_point(|other| *other < name & KIND);
        let place = self.0.partition_point(|other| *other < name);
        (place - first) as u64
    }
}

/// Only names matter to it.
impl Hasher for Names {
    fn write(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while let Some((_, number, after)) = split_at_token(rest) {
            self.0.push(TOKENS | u128::from(number));
            rest = after;
        }
    }

    fn write_u128(&mut self, name: u128) {
        self.0.push(name);
    }

    fn write_u8(&mut self, _: u8) {}

    fn write_u32(&mut self, _: u32) {}

    fn write_u64(&mut self, _: u64) {}

    fn write_usize(&mut self, _: usize) {}

    fn write_isize(&mut self, _: isize) {}

    fn write_i64(&mut self, _: i64) {}

    /// Unused: it only collects.
    fn finish(&self) -> u64 {
        0
    }
}

/// The text before the first token in it, the token's number, and the text after it.
fn split_at_token(bytes: &[u8]) -> Option<(&[u8], u64, &[u8])> {
    let mut from = 0;
    loop {
        from += bytes.get(from..)?.iter().position(|byte| *byte == TOKEN.as_bytes()[0])?;
        if let Some(after) = bytes[from..].strip_prefix(TOKEN.as_bytes()) {
            let (digits, after) = after.split_at_checked(DIGITS)?;
            let number = str::from_utf8(digits).ok()?.parse().ok()?;
            return Some((&bytes[..from], number, after));
        }
        from += 1;
    }
}

/// Of a token's number.
const DIGITS: usize = 8;

/// Numbers within the range of one of the clocks are times of it: a `u64` of the monotonic one, an `i64` of the wall's.
struct Canonical {
    now: Now,
    names: Option<Names>,
    first: DefaultHasher,
    second: DefaultHasher,
}

/// Marks a distance, so that it is not taken for a number.
const DISTANCE: u8 = 0xfe;
/// Marks the place of a name or of a token.
const NAME: u8 = 0xfd;

impl Canonical {
    fn write_distance(&mut self, distance: i64) {
        self.write_plain(&[DISTANCE]);
        self.write_plain(&distance.to_le_bytes());
    }

    fn write_plain(&mut self, bytes: &[u8]) {
        self.first.write(bytes);
        self.second.write(bytes);
    }
}

impl Hasher for Canonical {
    fn write(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while let Some((before, number, after)) = split_at_token(rest).filter(|_| self.names.is_some()) {
            self.write_plain(before);
            self.write_u128(TOKENS | u128::from(number));
            rest = after;
        }
        self.write_plain(rest);
    }

    fn write_u128(&mut self, name: u128) {
        match &self.names {
            None => self.write_plain(&name.to_le_bytes()),
            // Whatever was given out last, the next one comes after all that there are.
            Some(_) if name & KIND == COUNTER => {}
            Some(names) => {
                let place = names.place(name);
                self.write_plain(&[NAME, (name >> 64) as u8]);
                self.write_plain(&place.to_le_bytes());
            }
        }
    }

    fn write_u64(&mut self, number: u64) {
        match i64::try_from(number).ok().map(|number| number - self.now.mono as i64) {
            Some(distance) if distance.abs() < RANGE => self.write_distance(distance),
            _ => self.write_plain(&number.to_le_bytes()),
        }
    }

    fn write_i64(&mut self, number: i64) {
        let distance = number.saturating_sub(self.now.unix_ms);
        if distance.abs() < RANGE {
            self.write_distance(distance);
        } else {
            self.write_plain(&number.to_le_bytes());
        }
    }

    /// Unused: both halves count.
    fn finish(&self) -> u64 {
        self.first.finish()
    }
}
