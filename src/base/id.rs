//! Names for what is under way. None is ever used twice by one machine.

use core::hash::{Hash, Hasher};

use serde::{Deserialize, Serialize};

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(u64);

        impl Hash for $name {
            fn hash<H: Hasher>(&self, state: &mut H) {
                hash_name(NameKind::$name, self.0, state);
            }
        }

        impl $name {
            /// The id as a number, counted from 1.
            pub fn as_u64(self) -> u64 {
                self.0
            }
        }

        impl From<u64> for $name {
            /// For ids that come back from outside; one that was never given out is ignored by the machine.
            fn from(number: u64) -> Self {
                $name(number)
            }
        }
    )*};
}

ids! {
    /// An operation: what a command started and exactly one `Complete` ends.
    OperationId;
    /// One attempt to get an HTTP response.
    HttpId;
    /// One call of an auth callback.
    CallbackId;
    /// One socket, from the attempt to open it on.
    SocketId;
}

/// Numbers that only stand for something: all that is ever done with them is to compare them with each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NameKind {
    OperationId = 1,
    HttpId,
    CallbackId,
    SocketId,
    /// Of a token.
    Generation,
    /// Not a name, but the last one that was given out.
    Counter,
}

/// Hashes a name in a form of its own, so that a hasher can tell it from a number that counts or measures.
pub(crate) fn hash_name(kind: NameKind, number: u64, state: &mut impl Hasher) {
    state.write_u128(u128::from(kind as u8) << 64 | u128::from(number));
}

/// Gives out the numbers of one kind of id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counter(u64);

impl Hash for Counter {
    fn hash<H: Hasher>(&self, state: &mut H) {
        hash_name(NameKind::Counter, self.0, state);
    }
}

impl Counter {
    pub(crate) fn next<Id: From<u64>>(&mut self) -> Id {
        self.0 += 1;
        Id::from(self.0)
    }
}
