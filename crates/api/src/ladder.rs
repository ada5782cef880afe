//! Which renditions viewers choose from.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The renditions of a channel's sessions. It holds from the next session on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Ladder {
    /// What comes in, as it comes in: nothing is encoded.
    #[default]
    Source,
    /// What comes in, and smaller renditions chosen by its size: 2160, 1440, 1080, 720, 480, 360 and 240 lines, none above
    /// it.
    Auto(Auto),
    /// The sound alone.
    AudioOnly,
    /// These.
    List(List),
}

/// Chosen by what comes in.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = AutoLadder)]
pub struct Auto {
    /// Lines of the largest, one of 2160, 1440, 1080, 720, 480, 360 and 240; as many as come in unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = 1080)]
    pub max_height: Option<u32>,
    /// Also what comes in, as it comes in. True unless told or `processing` is set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<bool>,
    /// How they are encoded.
    #[serde(default)]
    pub encoding: Encoding,
}

/// Named one by one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ListLadder)]
pub struct List {
    /// 1 to 8, each of another size.
    #[schema(min_items = 1, max_items = 8)]
    pub renditions: Vec<Rendition>,
    /// Also what comes in, as it comes in. True unless told or `processing` is set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<bool>,
}

/// How pictures are encoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    /// Nothing is held back: one picture in, one out.
    #[default]
    ZeroLatency,
    /// Looks half a second ahead: a better picture for its bits, later by that.
    Quality,
}

/// A rendition. One that would be larger than what comes in is left out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Rendition {
    /// Pixels across: even, 64 to 3840.
    #[schema(minimum = 64, maximum = 3840)]
    pub width: u32,
    /// Pixels down: even, 64 to 2160.
    #[schema(minimum = 64, maximum = 2160)]
    pub height: u32,
    /// Pictures a second at most, 1 to 120; all that come unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 120)]
    pub fps: Option<f64>,
    /// kbit/s, 50 to 60000: on average; with `crf` at most. By its size unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 50, maximum = 60_000)]
    pub bitrate_kbps: Option<u32>,
    /// Constant quality instead of a bitrate: 15 to 40, lower is better.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 15, maximum = 40)]
    pub crf: Option<f64>,
    /// What players must be able to decode.
    #[serde(default)]
    pub profile: Profile,
    /// Compression against speed.
    #[serde(default)]
    pub preset: Preset,
    /// How it is encoded.
    #[serde(default)]
    pub encoding: Encoding,
    /// Only where what comes in is like this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only_if: Option<OnlyIf>,
}

/// Toolsets of H.264.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = H264Profile)]
#[allow(missing_docs, reason = "H.264's names")]
pub enum Profile {
    Baseline,
    Main,
    #[default]
    High,
}

/// x264's presets, from the fastest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = X264Preset)]
#[allow(missing_docs, reason = "x264's names")]
pub enum Preset {
    Ultrafast,
    Superfast,
    #[default]
    Veryfast,
    Faster,
    Fast,
    Medium,
    Slow,
}

/// What must be true of what comes in for a rendition to exist.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[allow(missing_docs, reason = "their names say it")]
pub struct OnlyIf {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_width: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_width: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_height: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_height: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_fps: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_fps: Option<f64>,
    /// Of all tracks together, as announced or measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_kbps: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_kbps: Option<u32>,
}
