//! What can be fetched of a session.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;

use crate::patch;

/// What an asset is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = AssetKind)]
pub enum Kind {
    /// The source as one MP4.
    Recording,
    /// An HLS playlist of the whole session.
    CatchUp,
    /// A JPEG of its last pictures; `.webp` in place of `.jpg` has a WebP.
    Thumbnail,
    /// WebVTT whose cues name tiles of JPEG sheets, on the time line of the catch-up playlist.
    Storyboard,
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
    /// Which of its kind, from 1: a session whose publisher changed its codecs has a recording for each configuration.
    pub part: u32,
    /// Where it is.
    pub url: String,
    /// Seconds of media untrimmed, where known.
    pub duration_s: Option<f64>,
    /// Its size untrimmed, where known.
    pub bytes: Option<u64>,
    /// For people.
    pub title: Option<String>,
    /// In point, seconds from its beginning. A recording begins there to the frame; a catch-up playlist has whole
    /// segments, and tells players where to begin.
    pub in_s: Option<f64>,
    /// Out point, seconds from its untrimmed beginning. A recording ends there to the frame, a catch-up playlist with the
    /// segment that it lies in.
    pub out_s: Option<f64>,
    /// Since when it is ready.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
}

/// Changes to an asset (JSON merge patch, RFC 7396): what isn't told stays. Nothing is encoded again, and nothing lost:
/// `null` for both points shows all of it again.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = AssetUpdate)]
pub struct Update {
    /// 1 to 200 characters, or `null`.
    #[serde(default, deserialize_with = "patch::nullable", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 200)]
    pub title: Option<Option<String>>,
    /// Seconds, 0 or more, to the millisecond; `null` for the beginning.
    #[serde(default, deserialize_with = "patch::nullable", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<f64>, minimum = 0.0)]
    pub in_s: Option<Option<f64>>,
    /// Seconds, at least 0.1 behind `in_s` and within the media; `null` for the end.
    #[serde(default, deserialize_with = "patch::nullable", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<f64>, minimum = 0.1)]
    pub out_s: Option<Option<f64>>,
}
