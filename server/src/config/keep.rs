//! What of the past is kept, and how much of the disk it may take.

use serde::Deserialize;

/// Limits for the recordings of all channels together; a channel may have narrower ones of its own.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Retention {
    /// Seconds since a session ended.
    pub max_age_s: Option<u32>,
    /// Bytes on disk.
    pub max_bytes: Option<u64>,
}

/// What the journal may take of the disk.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields, default)]
pub struct Storage {
    /// So many bytes are left free, for the database and for whoever else is there: nearer to full, nothing is recorded.
    pub reserve_bytes: u64,
}

impl Default for Storage {
    fn default() -> Self {
        Self { reserve_bytes: 64 << 20 }
    }
}
