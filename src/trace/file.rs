//! What a trace file says of itself: its first line.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::Mode;

/// The version of the format that is written and read.
pub const VERSION: u32 = 1;

/// What the first line of a file says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// The version of the format: [`VERSION`].
    pub version: u32,
    /// What was driven.
    pub mode: Mode,
    /// Whether the file holds the secrets of what it records.
    #[serde(default = "Secrets::unless_said", skip_serializing_if = "Secrets::are_shown")]
    pub secrets: Secrets,
    /// What happens, in a sentence.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub story: String,
    /// The points of the specification that have it so.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub spec: Vec<String>,
}

/// What is written in the place of a secret.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Secrets {
    /// A placeholder, the same for the same secret.
    #[default]
    Redacted,
    /// The secret. In a file: where it says nothing of secrets.
    Shown,
}

impl Header {
    /// Of a file without secrets that tells no story.
    pub fn new(mode: Mode) -> Self {
        Header { version: VERSION, mode, secrets: Secrets::Redacted, story: String::new(), spec: Vec::new() }
    }

    /// Of a file that holds every secret of what it records: keys, tokens, whatever an application sends.
    pub fn with_secrets_shown(mode: Mode) -> Self {
        Header { secrets: Secrets::Shown, ..Self::new(mode) }
    }
}

impl Secrets {
    fn unless_said() -> Self {
        Self::Shown
    }

    fn are_shown(&self) -> bool {
        *self == Self::Shown
    }
}

/// The first line.
#[derive(Serialize, Deserialize)]
pub(super) struct First<H> {
    pub(super) trace: H,
}
