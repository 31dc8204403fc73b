//! What both machines are built with: ids, the time, randomness, notices and the kinds of deadlines.

mod connection_state;
mod id;
mod notice;
mod now;
mod random;
mod timer;

pub use connection_state::ConnectionState;
pub use id::{CallbackId, HttpId, OperationId, SocketId};
pub(crate) use id::{Counter, NameKind, hash_name};
pub use notice::{Notice, NoticeKind, NoticeLevel};
pub use now::Now;
pub(crate) use random::{Random, split_seed};
pub use timer::TimerKind;
