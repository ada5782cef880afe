//! Which sessions leave a recording.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ladder::OnlyIf;

/// What must be true for a recording and its catch-up playlist to exist. It holds from the next session on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(as = RecordingConditions)]
pub struct Recording {
    /// What comes in is like this as the session begins; else nothing is recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub only_if: Option<OnlyIf>,
    /// A recording shorter than so many seconds, 1 to 604800, is not published, but deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 604_800)]
    pub min_duration_s: Option<u32>,
    /// One of fewer bytes, 1 to 2^50, neither.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1)]
    pub min_bytes: Option<u64>,
    /// A recording is closed with the segment that reaches so many seconds, 10 to 604800.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 10, maximum = 604_800)]
    pub max_duration_s: Option<u32>,
    /// Or so many bytes, 1000000 to 2^50.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1_000_000)]
    pub max_bytes: Option<u64>,
    /// Then the next one begins; else the rest of the session is not recorded.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub next: bool,
}
