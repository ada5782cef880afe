//! Sessions: the runs of a channel.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;

/// Where a session stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = SessionStatus)]
pub enum Status {
    /// A publisher was admitted.
    Init,
    /// Its tracks are known.
    Processing,
    /// Viewers can play it.
    Live,
    /// Its publisher is lost or silent; it waits for media.
    Error,
    /// Over, for ever.
    Ended,
}

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EndReason {
    /// The publisher said goodbye.
    Unpublished,
    /// The publisher did not come back in the reconnect window.
    PublisherLost,
    /// The channel was stopped.
    Stopped,
    /// `restream` began a new session.
    Restreamed,
    /// It ran for `max_duration_s`.
    MaxDuration,
    /// `POST /sessions/{id}/end`.
    EndedByOperator,
    /// The channel was deleted.
    ChannelDeleted,
    /// The publisher sent what isn't taken, such as an unsupported codec.
    Refused,
}

/// What comes in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Source {
    /// RFC 6381 names, video first.
    #[schema(example = json!(["avc1.64001f", "mp4a.40.2"]))]
    pub codecs: Vec<String>,
    /// Pixels across; `null` without video.
    pub width: Option<u32>,
    /// Pixels down; `null` without video.
    pub height: Option<u32>,
    /// Frames a second.
    pub fps: Option<f64>,
    /// Bits a second, all tracks together.
    pub bitrate: Option<u64>,
    /// What the publisher calls itself.
    pub encoder: Option<String>,
}

/// How a running session's picture and sound are, as of now.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = SessionHealth)]
pub struct Health {
    /// What is wrong with them.
    pub alerts: Vec<Alert>,
    /// Figures of the sound; `null` where it isn't measured.
    pub sound: Option<Sound>,
    /// How many milliseconds later the sound comes, against the pictures, than when the publisher began; negative where it
    /// comes earlier. `null` until that is known.
    pub av_drift_ms: Option<f64>,
}

/// An open alert.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = SessionAlert)]
pub struct Alert {
    /// `black`, `frozen`, `silence`, `clipping`, `loudness`, `av_drift`.
    #[schema(example = "silence")]
    pub alert: String,
    /// What viewers notice.
    pub cause: String,
    /// What to do about it.
    pub fix: String,
    /// Since when it is so.
    #[serde(with = "time::serde::rfc3339")]
    pub since: OffsetDateTime,
}

/// Figures of sound. Nothing is below -120.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = SessionSound)]
pub struct Sound {
    /// The largest sample of the last second, in dBFS.
    pub peak_dbfs: f32,
    /// Share of the last second's samples that are cut off, in percent.
    pub clipped_percent: f32,
    /// EBU R128: loudness of the last 0.4 s.
    pub momentary_lufs: f32,
    /// Of the last 3 s.
    pub short_term_lufs: f32,
    /// Of all that was measured, gated.
    pub integrated_lufs: f32,
}

/// One run of a channel. Never used again once it ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Session {
    /// `ses_…`
    #[schema(example = "ses_01jcz3v6a8m2q4r6t8w0y2b4d6")]
    pub id: String,
    /// `ch_…`
    pub channel_id: String,
    /// Where it stands.
    pub status: Status,
    /// Why it ended.
    pub end_reason: Option<EndReason>,
    /// What comes in, once known.
    pub source: Option<Source>,
    /// How its picture and sound are, while it runs and anything is watched for.
    pub health: Option<Health>,
    /// When its publisher was admitted.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// When it was first live.
    #[serde(with = "time::serde::rfc3339::option")]
    pub live_at: Option<OffsetDateTime>,
    /// When it ended.
    #[serde(with = "time::serde::rfc3339::option")]
    pub ended_at: Option<OffsetDateTime>,
}
