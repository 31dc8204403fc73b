//! Names for what is under way. None is ever used twice by one machine.

use serde::{Deserialize, Serialize};

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(u64);

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

/// Gives out the numbers of one kind of id.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Counter(u64);

impl Counter {
    pub(crate) fn next<Id: From<u64>>(&mut self) -> Id {
        self.0 += 1;
        Id::from(self.0)
    }
}
