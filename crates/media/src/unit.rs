//! Tracks, and the access units that belong to them.

use bytes::Bytes;

use crate::{Timescale, Timestamp, aac, avc};

/// What a track carries. A session has at most one of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Pictures: H.264.
    Video,
    /// Sound: AAC.
    Audio,
}

impl Kind {
    /// The name in paths and logs: `video`, `audio`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Video => "video",
            Self::Audio => "audio",
        }
    }
}

/// A ratio such as a frame rate, in lowest terms or as the source gave it; `den` is never 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rational {
    /// Numerator.
    pub num: u32,
    /// Denominator.
    pub den: u32,
}

impl Rational {
    /// In lowest terms.
    pub fn reduced(self) -> Self {
        let (mut a, mut b) = (self.num, self.den);
        while b != 0 {
            (a, b) = (b, a % b);
        }
        match a {
            0 => self,
            n => Self { num: self.num / n, den: self.den / n },
        }
    }

    /// As a float, for people.
    pub fn as_f64(self) -> f64 {
        f64::from(self.num) / f64::from(self.den.max(1))
    }
}

/// What a decoder must know before the first access unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CodecConfig {
    /// H.264 (ISO/IEC 14496-10), parameter sets out of band.
    Avc(avc::Config),
    /// AAC-LC and its extensions (ISO/IEC 14496-3).
    Aac(aac::Config),
}

impl CodecConfig {
    /// The RFC 6381 string for CODECS attributes: `avc1.64001f`, `mp4a.40.2`.
    pub fn rfc6381(&self) -> String {
        match self {
            Self::Avc(c) => c.rfc6381(),
            Self::Aac(c) => c.rfc6381(),
        }
    }
}

/// One elementary stream and how to decode it. A change of `config` is a new track.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Track {
    /// Video or audio.
    pub kind: Kind,
    /// Decoder configuration.
    pub config: CodecConfig,
    /// The timescale of this track once on our timeline: 90 kHz for video, the sample rate for audio.
    pub scale: Timescale,
}

impl Track {
    /// A video track on the 90 kHz clock.
    pub fn video(config: avc::Config) -> Self {
        Self { kind: Kind::Video, config: CodecConfig::Avc(config), scale: Timescale::VIDEO }
    }

    /// An audio track on the clock of its samples.
    pub fn audio(config: aac::Config) -> Self {
        let scale = Timescale::new(config.sample_rate).unwrap_or(Timescale::VIDEO);
        Self { kind: Kind::Audio, config: CodecConfig::Aac(config), scale }
    }
}

/// One coded picture, or one AAC frame. Cloning shares the bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessUnit {
    /// The track it belongs to.
    pub kind: Kind,
    /// Decode time.
    pub dts: Timestamp,
    /// Presentation time: `dts` plus the composition offset; equal to `dts` for audio.
    pub pts: Timestamp,
    /// Decoding can start here (an IDR picture; every AAC frame).
    pub key: bool,
    /// AVC: NAL units, each after its 4-byte big-endian length (ISO/IEC 14496-15 §5.3.2). AAC: one raw_data_block, no ADTS.
    pub data: Bytes,
}
