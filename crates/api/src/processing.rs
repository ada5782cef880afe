//! What is done to picture and sound before viewers get them. Ranges and what they mean stand with each field; everything
//! left out is left as it comes in.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What is done to picture and sound. Where anything is, viewers get the result only; the recording keeps what came in. It
/// may change while live and holds from the next key frame on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Processing {
    /// In the order of its fields.
    pub picture: Picture,
    /// In the order of its fields.
    pub sound: Sound,
}

/// What is done to the picture, in this order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(as = PictureProcessing)]
pub struct Picture {
    /// Two moments in one picture become one.
    pub deinterlace: Option<Deinterlace>,
    /// Pixels off each side of the source.
    pub crop: Option<Crop>,
    /// Degrees clockwise: 0, 90, 180 or 270.
    pub rotate: u16,
    /// Upside down.
    pub flip: bool,
    /// Left and right change places.
    pub mirror: bool,
    /// Smooths the edges of a codec's blocks.
    pub deblock: Option<Deblock>,
    /// Noise taken away: 0 to 1.
    #[schema(minimum = 0, maximum = 1)]
    pub denoise: f32,
    /// Spreads the darkest to the brightest over the whole range: 0 to 1.
    #[schema(minimum = 0, maximum = 1)]
    pub auto_level: f32,
    /// Edges made harder, up to 1, or softer, down to -1.
    #[schema(minimum = -1, maximum = 1)]
    pub sharpen: f32,
    /// What becomes of a source of another shape than a rendition's.
    pub fit: Option<Fit>,
    /// The shape the source is taken to have, `16:9`, whatever its pixels say.
    #[schema(example = "16:9")]
    pub aspect: Option<String>,
    /// Black around the picture, as a part of its height: 0 to 0.4.
    #[schema(minimum = 0, maximum = 0.4)]
    pub pad: f32,
    /// How pixels are made from pixels.
    pub scaler: Option<Scaler>,
    /// Where the channel's logo lies, if it has one.
    pub logo: Option<Logo>,
    /// Words on the picture.
    pub text: Option<Text>,
}

/// Which pictures are deinterlaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Deinterlace {
    /// Those found to be interlaced, by what they look like.
    Detected,
    /// Every one.
    Always,
}

/// Pixels off each side, up to 8192; at least 16 must be left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[allow(missing_docs, reason = "their names say it")]
pub struct Crop {
    pub left: u32,
    pub top: u32,
    pub right: u32,
    pub bottom: u32,
}

/// How hard blocks are smoothed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "their names say it")]
pub enum Deblock {
    Weak,
    Strong,
}

/// What becomes of a source of another shape.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Fit {
    /// The whole of it between black bars.
    #[default]
    Bars,
    /// As much of it as fills the picture.
    Fill,
    /// The whole of it, distorted.
    Stretch,
}

/// Quality of scaling, rising with its cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the usual names")]
pub enum Scaler {
    FastBilinear,
    Bilinear,
    #[default]
    Bicubic,
    Lanczos,
}

/// Where something lies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "their names say it")]
pub enum Corner {
    TopLeft,
    #[default]
    TopRight,
    BottomLeft,
    BottomRight,
    Centre,
}

/// The channel's logo on the picture.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Logo {
    /// Where.
    #[serde(default)]
    pub corner: Corner,
    /// Pixels from the edges: up to 4096.
    #[serde(default)]
    pub margin: u32,
    /// Of the picture's height: more than 0, at most 1.
    pub height: f32,
    /// More than 0 and at most 1; opaque unless told.
    #[serde(default = "one")]
    pub opacity: f32,
}

fn one() -> f32 {
    1.0
}

/// Words on the picture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PictureText)]
pub struct Text {
    /// 1 to 500 characters; lines end with a line feed.
    #[schema(min_length = 1, max_length = 500)]
    pub words: String,
    /// Where.
    #[serde(default)]
    pub corner: Corner,
    /// Pixels from the edges: up to 4096.
    #[serde(default)]
    pub margin: u32,
    /// Of letters, as a part of the picture's height: 0.01 to 0.5.
    pub size: f32,
    /// `#rrggbb`; white unless told.
    #[serde(default = "white")]
    #[schema(example = "#ffffff")]
    pub colour: String,
    /// A dark box behind them.
    #[serde(default)]
    pub boxed: bool,
}

fn white() -> String {
    "#ffffff".to_owned()
}

/// What is done to the sound, in this order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(as = SoundProcessing)]
pub struct Sound {
    /// Milliseconds that it is heard later than it came, or earlier: -2000 to 2000.
    #[schema(minimum = -2000, maximum = 2000)]
    pub offset_ms: i32,
    /// Which channel becomes which.
    pub map: ChannelMap,
    /// Decibels on the left: -60 to 30.
    pub left_db: f32,
    /// Decibels on the right: -60 to 30.
    pub right_db: f32,
    /// Decibels on both: -60 to 30.
    pub gain_db: f32,
    /// Takes out what both sides have in common, voices above all; what is below 120 Hz stays.
    pub karaoke: bool,
    /// Up to 16 bands.
    #[schema(max_items = 16)]
    pub parametric: Vec<Band>,
    /// Decibels at 31.5, 63, 125, 250, 500 Hz, 1, 2, 4, 8 and 16 kHz: -24 to 24 each; none or all ten.
    #[schema(max_items = 10)]
    pub graphic_db: Vec<f32>,
    /// Loud is made quieter.
    pub compressor: Option<Compressor>,
    /// Brings all of it to one loudness: LUFS, -36 to -9. -14 is usual on the web, -23 in broadcasting. In `ultra_low` a fader
    /// that follows; else EBU R128, which holds 3 s back.
    #[schema(minimum = -36, maximum = -9)]
    pub loudness_lufs: Option<f32>,
    /// No sample above so many decibels under full scale: -20 to 0.
    #[schema(minimum = -20, maximum = 0)]
    pub limiter_db: Option<f32>,
    /// Milliseconds in which a session's sound rises from silence, and after a mute: 0 to 30000.
    #[schema(maximum = 30_000)]
    pub fade_in_ms: u32,
    /// Milliseconds in which it falls to silence as it is muted: 0 to 30000.
    #[schema(maximum = 30_000)]
    pub fade_out_ms: u32,
    /// Silence.
    pub muted: bool,
}

/// Which channel becomes which.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChannelMap {
    /// As they are.
    #[default]
    Keep,
    /// Both sides get the mix of both.
    Mix,
    /// Both sides get the left one.
    Left,
    /// Both sides get the right one.
    Right,
    /// They change places.
    Swap,
}

/// A band of the parametric equaliser.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = EqualiserBand)]
pub struct Band {
    /// What it does.
    pub kind: BandKind,
    /// 20 to 20000.
    pub hz: f32,
    /// Decibels: -30 to 30; of no meaning to those that cut.
    #[serde(default)]
    pub gain_db: f32,
    /// How narrow: 0.1 to 30.
    #[serde(default = "one")]
    pub q: f32,
}

/// What a band does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the usual names")]
pub enum BandKind {
    Peak,
    LowShelf,
    HighShelf,
    HighPass,
    LowPass,
    Notch,
}

/// Loud is made quieter.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Compressor {
    /// Where it begins, decibels under full scale: -60 to 0.
    pub threshold_db: f32,
    /// So many decibels in for one out: 1 to 20.
    pub ratio: f32,
    /// Milliseconds until it holds: 0.01 to 2000.
    #[serde(default = "attack")]
    pub attack_ms: f32,
    /// Milliseconds until it lets go: 0.01 to 9000.
    #[serde(default = "release")]
    pub release_ms: f32,
    /// Decibels added to all of it: 0 to 36.
    #[serde(default)]
    pub makeup_db: f32,
}

fn attack() -> f32 {
    20.0
}

fn release() -> f32 {
    250.0
}
