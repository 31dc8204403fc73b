//! 128 bits for a whole state, in which times are distances from now.

#![allow(clippy::disallowed_types, reason = "the hash that is the same in every run")]

use core::hash::{Hash, Hasher};
use std::hash::DefaultHasher;

use crate::Now;

/// How far from now a number may be that is a time: 10 years.
const RANGE: i64 = 3_650 * 86_400_000;

pub(super) fn fingerprint(value: &impl Hash, now: Now) -> u128 {
    let mut halves = Relative { now, first: DefaultHasher::new(), second: DefaultHasher::new() };
    halves.second.write_u8(1);
    value.hash(&mut halves);
    u128::from(halves.first.finish()) << 64 | u128::from(halves.second.finish())
}

/// Numbers within the range of one of the clocks are times of it: a `u64` of the monotonic one, an `i64` of the wall's.
struct Relative {
    now: Now,
    first: DefaultHasher,
    second: DefaultHasher,
}

/// Marks a distance, so that it is not taken for a number.
const DISTANCE: u8 = 0xfe;

impl Relative {
    fn write_distance(&mut self, distance: i64) {
        self.write(&[DISTANCE]);
        self.write(&distance.to_le_bytes());
    }
}

impl Hasher for Relative {
    fn write(&mut self, bytes: &[u8]) {
        self.first.write(bytes);
        self.second.write(bytes);
    }

    fn write_u64(&mut self, number: u64) {
        match i64::try_from(number).ok().map(|number| number - self.now.mono as i64) {
            Some(distance) if distance.abs() < RANGE => self.write_distance(distance),
            _ => self.write(&number.to_le_bytes()),
        }
    }

    fn write_i64(&mut self, number: i64) {
        let distance = number.saturating_sub(self.now.unix_ms);
        if distance.abs() < RANGE {
            self.write_distance(distance);
        } else {
            self.write(&number.to_le_bytes());
        }
    }

    /// Unused: both halves count.
    fn finish(&self) -> u64 {
        self.first.finish()
    }
}
