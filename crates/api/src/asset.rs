//! What can be fetched of a session.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;

/// What an asset is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = AssetKind)]
pub enum Kind {
    /// The source as one MP4.
    Recording,
    /// An HLS playlist of the whole session.
    CatchUp,
}

/// Something to fetch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Asset {
    /// `ast_…`
    #[schema(example = "ast_01jcz3v6a8m2q4r6t8w0y2b4d6")]
    pub id: String,
    /// `ses_…`
    pub session_id: String,
    /// What it is.
    pub kind: Kind,
    /// Where it is.
    pub url: String,
    /// Seconds of media, where known.
    pub duration_s: Option<f64>,
    /// Its size, where known.
    pub bytes: Option<u64>,
    /// Since when it is ready.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
}
