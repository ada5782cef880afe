//! Stream keys.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;

/// A stream key that isn't revoked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StreamKey {
    /// `key_…`
    #[schema(example = "key_01jcz3v6a8m2q4r6t8w0y2b4d6")]
    pub id: String,
    /// `ch_…`
    pub channel_id: String,
    /// What the publisher sends; only to scope `operate`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// When it was made.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
}
