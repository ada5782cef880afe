//! The alerts and their words.

use std::fmt;

/// Something wrong with picture or sound that the publisher sends well-formed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Alert {
    /// The picture is black.
    Black,
    /// The picture doesn't move.
    Frozen,
    /// There is nothing to hear.
    Silence {
        /// No sample was above this.
        below_dbfs: f32,
    },
    /// The sound is cut off.
    Clipping {
        /// Of its samples.
        percent: f32,
    },
    /// Too loud or too quiet.
    Loudness {
        /// Of the last 3 s.
        lufs: f32,
        /// What it should be at least.
        min: f32,
        /// And at most.
        max: f32,
    },
    /// Picture and sound come apart.
    AvDrift {
        /// How much later the sound comes than at first; negative: earlier.
        ms: f64,
    },
}

impl Alert {
    pub(super) const KINDS: usize = 6;

    pub(super) fn index(&self) -> usize {
        match self {
            Self::Black => 0,
            Self::Frozen => 1,
            Self::Silence { .. } => 2,
            Self::Clipping { .. } => 3,
            Self::Loudness { .. } => 4,
            Self::AvDrift { .. } => 5,
        }
    }

    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Black => "black",
            Self::Frozen => "frozen",
            Self::Silence { .. } => "silence",
            Self::Clipping { .. } => "clipping",
            Self::Loudness { .. } => "loudness",
            Self::AvDrift { .. } => "av_drift",
        }
    }

    /// What viewers notice: a clause.
    pub fn cause(&self) -> String {
        match self {
            Self::Black => "the picture is black".to_owned(),
            Self::Frozen => "the picture doesn't move".to_owned(),
            Self::Silence { below_dbfs } => format!("there is no sound above {below_dbfs} dBFS"),
            Self::Clipping { percent } => {
                format!("the sound is distorted: {percent:.1} % of its samples are cut off")
            }
            Self::Loudness { lufs, min, max } => {
                let (word, limit) = if lufs < min { ("quiet", min) } else { ("loud", max) };
                format!("the sound is too {word}: {lufs:.1} LUFS, where {limit} is the limit")
            }
            Self::AvDrift { ms } => {
                let word = if *ms < 0.0 { "earlier" } else { "later" };
                format!(
                    "picture and sound come apart: the sound comes {:.0} ms {word} than it did at first",
                    ms.abs()
                )
            }
        }
    }

    /// What to do about it.
    pub fn fix(&self) -> &'static str {
        match self {
            Self::Black => "Look at the camera: its cap, its cable, the scene that is chosen",
            Self::Frozen => "Look at the source: a camera, a capture card or a program that hangs",
            Self::Silence { .. } => "Look at the microphone: muted, unplugged, or another one chosen",
            Self::Clipping { .. } => {
                "Turn the microphone or the mixer down until its peaks stay below full scale"
            }
            Self::Loudness { .. } => {
                "Set the level at the source, or let the channel do so (`processing.sound.loudness_lufs`)"
            }
            Self::AvDrift { .. } => {
                "Take picture and sound from one device, or start the encoder anew; a steady distance is put right by `processing.sound.offset_ms`"
            }
        }
    }
}

impl fmt::Display for Alert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}. {}", self.cause(), self.fix())
    }
}
