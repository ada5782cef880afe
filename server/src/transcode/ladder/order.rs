//! What a ladder's worker is told to make. Both ends are this program: JSON between them is read as it was written.

use media::Timestamp;
use serde::{Deserialize, Serialize};

/// Everything but the media.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Order {
    /// The largest first; outputs 1, 2 …
    pub pictures: Vec<Pictures>,
    /// Outputs after those; encoded only where there is one.
    pub sounds: Vec<Sounds>,
    /// What is done to all of them.
    pub processing: api::processing::Processing,
    /// Nothing may be held back for the sake of quality.
    pub ultra_low: bool,
    /// Pictures a second that come in: numerator and denominator.
    pub frame_rate: (u32, u32),
    /// What is measured of the source.
    pub measure: Measure,
    /// Milliseconds from one thumbnail to the next; `None`: there are none.
    pub stills_ms: Option<u32>,
    /// Hardware's encoder, by its name; `None`: x264.
    #[serde(default)]
    pub encoder: Option<String>,
}

/// What is measured of the source on the way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Measure {
    /// Its pictures, where any are made.
    pub pictures: bool,
    /// Its sound.
    pub sound: bool,
}

/// A rendition of pictures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Pictures {
    /// Pixels across, even.
    pub width: u32,
    /// Pixels down, even.
    pub height: u32,
    /// Pictures a second at most.
    pub fps: f64,
    /// kbit/s on average, or at most with `crf`.
    pub kbps: u32,
    /// Constant quality.
    pub crf: Option<f32>,
    /// Toolset.
    pub profile: api::ladder::Profile,
    /// Speed.
    pub preset: api::ladder::Preset,
    /// Delay.
    pub encoding: api::ladder::Encoding,
    /// Threads of its encoder.
    pub threads: u32,
    /// What is shown up to here, in 90 kHz on the session's clock, was given out by the worker before.
    pub after: Option<i64>,
}

/// How far the quality mode looks ahead.
const AHEAD: Timestamp = Timestamp::millis(500);

impl Pictures {
    /// How far its encoder looks ahead: what comes in comes out so much later.
    pub(crate) fn ahead(&self) -> Timestamp {
        match self.encoding {
            api::ladder::Encoding::ZeroLatency => Timestamp::millis(0),
            api::ladder::Encoding::Quality => AHEAD,
        }
    }
}

/// A rendition of sound.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Sounds {
    /// bit/s.
    pub bitrate: u32,
    /// Hz.
    pub sample_rate: u32,
    /// 1 or 2.
    pub channels: u8,
    /// What is heard up to here, in 90 kHz on the session's clock, was given out by the worker before.
    pub after: Option<i64>,
}
