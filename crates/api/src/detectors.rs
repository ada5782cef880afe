//! What is watched for in a channel's picture and sound, and from when it is an alert.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Alerts about what comes in. Each opens when something was so for `after_s` seconds, and closes when it wasn't for two. They
/// are events (`alert.opened`, `alert.closed`), and stand in a session's `health` while they are open.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Detectors {
    /// The picture is black: 98 % of its pixels are.
    pub black: Black,
    /// The picture doesn't move.
    pub frozen: Frozen,
    /// There is no sound.
    pub silence: Silence,
    /// The sound is cut off: 1 % of its samples are above full scale, or of flat tops near it.
    pub clipping: Clipping,
    /// The sound is too loud or too quiet (EBU R128, of the last 3 s).
    pub loudness: Loudness,
    /// Picture and sound come apart.
    pub av_drift: AvDrift,
}

/// Black pictures.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(as = BlackDetector)]
pub struct Black {
    /// True unless told.
    pub on: bool,
    /// 1 to 600; 3 unless told.
    #[schema(minimum = 1, maximum = 600)]
    pub after_s: u32,
}

impl Default for Black {
    fn default() -> Self {
        Self { on: true, after_s: 3 }
    }
}

/// Pictures that don't move.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(as = FrozenDetector)]
pub struct Frozen {
    /// True unless told.
    pub on: bool,
    /// 1 to 600; 20 unless told.
    #[schema(minimum = 1, maximum = 600)]
    pub after_s: u32,
}

impl Default for Frozen {
    fn default() -> Self {
        Self { on: true, after_s: 20 }
    }
}

/// Sound without a peak.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(as = SilenceDetector)]
pub struct Silence {
    /// True unless told.
    pub on: bool,
    /// 1 to 600; 10 unless told.
    #[schema(minimum = 1, maximum = 600)]
    pub after_s: u32,
    /// No sample is above this: -90 to -20; -60 unless told.
    #[schema(minimum = -90, maximum = -20)]
    pub below_dbfs: f32,
}

impl Default for Silence {
    fn default() -> Self {
        Self { on: true, after_s: 10, below_dbfs: -60.0 }
    }
}

/// Sound that is cut off.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(as = ClippingDetector)]
pub struct Clipping {
    /// True unless told.
    pub on: bool,
    /// 1 to 600; 3 unless told.
    #[schema(minimum = 1, maximum = 600)]
    pub after_s: u32,
}

impl Default for Clipping {
    fn default() -> Self {
        Self { on: true, after_s: 3 }
    }
}

/// Sound that is too loud or too quiet. Silence is neither.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(as = LoudnessDetector)]
pub struct Loudness {
    /// True unless told.
    pub on: bool,
    /// 1 to 600; 30 unless told.
    #[schema(minimum = 1, maximum = 600)]
    pub after_s: u32,
    /// -70 to 0, under `max_lufs`; -42 unless told.
    #[schema(minimum = -70, maximum = 0)]
    pub min_lufs: f32,
    /// -70 to 0; -5 unless told.
    #[schema(minimum = -70, maximum = 0)]
    pub max_lufs: f32,
}

impl Default for Loudness {
    fn default() -> Self {
        Self { on: true, after_s: 30, min_lufs: -42.0, max_lufs: -5.0 }
    }
}

/// How much further apart picture and sound come than when the publisher began.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(as = AvDriftDetector)]
pub struct AvDrift {
    /// True unless told.
    pub on: bool,
    /// 1 to 600; 10 unless told.
    #[schema(minimum = 1, maximum = 600)]
    pub after_s: u32,
    /// 40 to 5000; 150 unless told.
    #[schema(minimum = 40, maximum = 5000)]
    pub over_ms: u32,
}

impl Default for AvDrift {
    fn default() -> Self {
        Self { on: true, after_s: 10, over_ms: 150 }
    }
}
