//! Channels.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;

use crate::detectors::Detectors;
use crate::ladder::Ladder;
use crate::processing::Processing;
use crate::recording::Recording;
use crate::{patch, session};

/// What a channel is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ChannelStatus)]
pub enum Status {
    /// No session runs.
    Idle,
    /// A session runs.
    Active,
    /// Publishing is refused.
    Stopped,
}

/// What viewers' distance from live is traded against.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LatencyMode {
    /// 10 to 30 s behind, 24 s unless told.
    Normal,
    /// 4 to 10 s behind, 9 s unless told.
    Low,
    /// 0.6 to 4 s behind, 0.6 s unless told.
    UltraLow,
}

/// Who may watch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Policy {
    /// Everyone with the address.
    Public,
    /// Who shows a token that one of the server's signing keys has signed.
    Signed,
}

/// Where publishers go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Ingest {
    /// The server of an encoder's settings; the stream key goes beside it, or behind it with a `/`.
    #[schema(example = "rtmp://127.0.0.1:1935/live")]
    pub rtmp_url: String,
    /// The same over TLS, where the server takes that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "rtmps://live.example.com/live", nullable = false)]
    pub rtmps_url: Option<String>,
}

/// Where viewers go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Playback {
    /// `pb_…`
    #[schema(example = "pb_01jcz3v6a8m2q4r6t8w0y2b4d6")]
    pub id: String,
    /// The multivariant playlist.
    pub hls_url: String,
    /// The same for the whole DVR window.
    pub dvr_url: String,
    /// The newest thumbnail of what is live, as JPEG; `.webp` in place of `.jpg` has a WebP.
    pub thumbnail_url: String,
    /// WebVTT whose cues name tiles of JPEG sheets, for the whole DVR window.
    pub storyboard_url: String,
    /// The watch page.
    pub watch_url: String,
    /// Who may watch.
    pub policy: Policy,
}

/// What may be set of `playback`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlaybackSettings {
    /// `public` unless told.
    #[serde(default, deserialize_with = "patch::value", skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub policy: Option<Policy>,
}

/// How long recordings are kept. The oldest go first; never what is live or being watched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Retention {
    /// Seconds since the session ended: 60 to 315360000, or `null` for no limit.
    #[schema(minimum = 60, maximum = 315_360_000)]
    pub max_age_s: Option<u32>,
    /// Bytes on disk of all sessions of the channel: at least 1000000, or `null` for no limit.
    #[schema(minimum = 1_000_000)]
    pub max_bytes: Option<u64>,
}

/// A channel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Channel {
    /// `ch_…`
    #[schema(example = "ch_01jcz3v6a8m2q4r6t8w0y2b4d6")]
    pub id: String,
    /// For people.
    pub name: String,
    /// What it is doing.
    pub status: Status,
    /// How near to live.
    pub latency_mode: LatencyMode,
    /// Seconds behind live that players aim at.
    pub latency_target_s: f64,
    /// Where publishers go.
    pub ingest: Ingest,
    /// Its oldest stream key; only to scope `operate`, and absent where every key was revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream_key: Option<String>,
    /// Where viewers go.
    pub playback: Playback,
    /// Keeps the recording and catch-up of each session.
    pub record: bool,
    /// What must be true for them to exist.
    pub recording: Recording,
    /// A session ends after so many seconds.
    pub max_duration_s: Option<u32>,
    /// How many seconds a session waits for its publisher.
    pub reconnect_window_s: u32,
    /// How many seconds viewers can go back while it is live.
    pub dvr_window_s: u32,
    /// How long its recordings are kept.
    pub retention: Retention,
    /// What viewers see while the publisher is silent.
    pub slate: Slate,
    /// Which renditions viewers choose from.
    pub ladder: Ladder,
    /// What is done to picture and sound before viewers get them.
    pub processing: Processing,
    /// What is watched for in picture and sound.
    pub detectors: Detectors,
    /// What `processing.picture.logo` lays over the picture, from `PUT /channels/{id}/logo`.
    pub logo: Option<SlatePicture>,
    /// The session that runs.
    pub live_session_id: Option<String>,
    /// What comes in, where a session runs and it is known.
    pub source: Option<session::Source>,
    /// When it was made.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// When its settings last changed.
    #[serde(with = "time::serde::rfc3339")]
    pub updated_at: OffsetDateTime,
}

/// What viewers see, a picture that does not move and silence, while the publisher is silent or gone: until it returns or
/// the reconnect window closes. It is no part of the recording.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Slate)]
pub struct Slate {
    /// After so many milliseconds without media.
    #[schema(example = 1500)]
    pub after_ms: u32,
    /// The channel's own picture, from `PUT /channels/{id}/slate/picture`; without one viewers see the last frame.
    pub picture: Option<SlatePicture>,
}

/// A picture of a channel's own, as it was sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SlatePicture {
    /// `image/jpeg` or `image/png`.
    #[schema(example = "image/png")]
    pub content_type: String,
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
    /// Of the file.
    pub bytes: u64,
}

/// Changes to a channel's slate: what isn't told stays.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SlateUpdate)]
pub struct SlateUpdate {
    /// 500 to 10000; 1500 unless told.
    #[serde(default, deserialize_with = "patch::value", skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, minimum = 500, maximum = 10_000)]
    pub after_ms: Option<u32>,
}

/// A new channel. What isn't told takes its default.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ChannelCreate)]
pub struct Create {
    /// 1 to 100 characters.
    #[schema(example = "Studio A", min_length = 1, max_length = 100)]
    pub name: String,
    /// `ultra_low` unless told.
    #[serde(default, deserialize_with = "patch::value", skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub latency_mode: Option<LatencyMode>,
    /// In the range of its mode; the mode's default unless told.
    #[serde(default, deserialize_with = "patch::value", skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, minimum = 0.6, maximum = 30.0)]
    pub latency_target_s: Option<f64>,
    /// True unless told.
    #[serde(default, deserialize_with = "patch::value", skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub record: Option<bool>,
    /// Nothing unless told.
    #[serde(default, deserialize_with = "patch::value", skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub recording: Option<Recording>,
    /// 10 to 604800; none unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 10, maximum = 604_800)]
    pub max_duration_s: Option<u32>,
    /// 5 to 3600; 30 unless told.
    #[serde(default, deserialize_with = "patch::value", skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, minimum = 5, maximum = 3600)]
    pub reconnect_window_s: Option<u32>,
    /// 30 to 604800; 30 unless told. Kept on disk where it is longer than memory holds, also without `record`.
    #[serde(default, deserialize_with = "patch::value", skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, minimum = 30, maximum = 604_800)]
    pub dvr_window_s: Option<u32>,
    /// For ever unless told.
    #[serde(default, deserialize_with = "patch::value", skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub retention: Option<Retention>,
    /// Who may watch.
    #[serde(default, deserialize_with = "patch::value", skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub playback: Option<PlaybackSettings>,
    /// What viewers see while the publisher is silent.
    #[serde(default, deserialize_with = "patch::value", skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub slate: Option<SlateUpdate>,
    /// What comes in, as it comes in, unless told.
    #[serde(default, deserialize_with = "patch::value", skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub ladder: Option<Ladder>,
    /// Nothing unless told.
    #[serde(default, deserialize_with = "patch::value", skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub processing: Option<Processing>,
    /// All on unless told.
    #[serde(default, deserialize_with = "patch::value", skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub detectors: Option<Detectors>,
}

/// Changes to a channel (JSON merge patch, RFC 7396): what isn't told stays. They hold at once, but a session keeps the
/// latency and the recording that it began with.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ChannelUpdate)]
pub struct Update {
    /// 1 to 100 characters.
    #[serde(default, deserialize_with = "patch::value", skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, min_length = 1, max_length = 100)]
    pub name: Option<String>,
    /// A change without `latency_target_s` sets that to the new mode's default.
    #[serde(default, deserialize_with = "patch::value", skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub latency_mode: Option<LatencyMode>,
    /// In the range of its mode.
    #[serde(default, deserialize_with = "patch::value", skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, minimum = 0.6, maximum = 30.0)]
    pub latency_target_s: Option<f64>,
    /// From the next session on.
    #[serde(default, deserialize_with = "patch::value", skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub record: Option<bool>,
    /// As a whole; from the next session on.
    #[serde(default, deserialize_with = "patch::value", skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub recording: Option<Recording>,
    /// 10 to 604800, or `null` for no limit.
    #[serde(default, deserialize_with = "patch::nullable", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u32>, minimum = 10, maximum = 604_800)]
    pub max_duration_s: Option<Option<u32>>,
    /// 5 to 3600.
    #[serde(default, deserialize_with = "patch::value", skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, minimum = 5, maximum = 3600)]
    pub reconnect_window_s: Option<u32>,
    /// 30 to 604800; from the next session on.
    #[serde(default, deserialize_with = "patch::value", skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, minimum = 30, maximum = 604_800)]
    pub dvr_window_s: Option<u32>,
    /// Both limits at once: one that isn't told is none.
    #[serde(default, deserialize_with = "patch::value", skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub retention: Option<Retention>,
    /// Who may watch.
    #[serde(default, deserialize_with = "patch::value", skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub playback: Option<PlaybackSettings>,
    /// What viewers see while the publisher is silent.
    #[serde(default, deserialize_with = "patch::value", skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub slate: Option<SlateUpdate>,
    /// As a whole; from the next session on.
    #[serde(default, deserialize_with = "patch::value", skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub ladder: Option<Ladder>,
    /// Merged into what is set (RFC 7396): a field that isn't told stays, `null` takes it back to its default. While live it
    /// holds from the next key frame on.
    #[serde(default, deserialize_with = "patch::value", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Processing>, nullable = false)]
    pub processing: Option<serde_json::Value>,
    /// Merged into what is set (RFC 7396): a field that isn't told stays, `null` takes it back to its default. Holds at once.
    #[serde(default, deserialize_with = "patch::value", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Detectors>, nullable = false)]
    pub detectors: Option<serde_json::Value>,
}
