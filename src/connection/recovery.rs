//! Continuity across connections: resuming the last one, recovering one of another life (`RTN15`, `RTN16`).

use alloc::collections::BTreeMap;
use alloc::string::String;

use serde::{Deserialize, Serialize};

use crate::wire::wiped::object_of;
use crate::wire::{ProtocolMessage, Secret, action, lenient};

/// A recovery key, taken apart (`RTN16g`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RecoveryKey {
    /// The key of the connection.
    pub connection_key: Secret,
    /// The serial number for the application's next message (`RTN16f`).
    #[serde(default)]
    pub msg_serial: u64,
    /// How far each channel has been read (`RTN16j`).
    #[serde(default)]
    pub channel_serials: BTreeMap<String, String>,
}

impl RecoveryKey {
    /// Takes a recovery key apart. `None` where it is malformed (`RTN16f1`).
    pub fn parse(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok().filter(|key: &Self| !key.connection_key.is_empty())
    }
}

/// The serial numbers that frames were seen with. The application numbers its own frames; these are for the
/// recovery key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Serials {
    next_message: u64,
    channels: BTreeMap<String, String>,
}

impl Serials {
    /// A frame has been sent.
    pub(super) fn on_sent(&mut self, message: &ProtocolMessage) {
        let serial = message.member("msgSerial").and_then(lenient::integer);
        if let Some(serial) = serial.and_then(|serial| u64::try_from(serial).ok()) {
            self.next_message = serial.saturating_add(1);
        }
    }

    /// A frame has come.
    pub(super) fn on_received(&mut self, message: &ProtocolMessage) {
        let Some(channel) = message.channel() else { return };
        match message.action() {
            action::ATTACHED | action::MESSAGE | action::PRESENCE => {
                if let Some(serial) = message.text("channelSerial") {
                    self.channels.insert(channel.into(), serial.into());
                }
            }
            action::DETACHED | action::ERROR => {
                self.channels.remove(channel);
            }
            _ => {}
        }
    }

    pub(super) fn recovery_key(&self, connection_key: &Secret) -> Secret {
        let key = RecoveryKey {
            connection_key: connection_key.clone(),
            msg_serial: self.next_message,
            channel_serials: self.channels.clone(),
        };
        object_of(&key, &["connectionKey", "msgSerial"])
    }
}

impl From<RecoveryKey> for Serials {
    fn from(key: RecoveryKey) -> Self {
        Serials { next_message: key.msg_serial, channels: key.channel_serials }
    }
}
