//! H.264 by libx264: low latency or lookahead, forced key frames, bitrate changed on the fly.
//!
//! Without the feature `x264`, [`Encoder::new`] says [`Error::NotBuilt`].

use media::{AccessUnit, Kind, Rational, Timescale, Timestamp, Track, avc};

use crate::frame::Frame;
use crate::picture::{Colour, Picture, Planes};

#[cfg_attr(not(feature = "x264"), path = "x264/absent.rs")]
mod library;
#[cfg(all(test, feature = "x264"))]
mod tests;

use library::Library;

/// Speed against compression, libx264's own names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "libx264's names")]
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

/// What decoders must be able to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Profile {
    /// No B-frames, no CABAC: the oldest devices.
    Baseline,
    /// CABAC and B-frames.
    Main,
    /// 8x8 transform: everything of the last fifteen years.
    #[default]
    High,
}

/// How long the encoder may hold a picture back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Latency {
    /// `tune=zerolatency`: one picture in, one access unit out, no B-frames.
    #[default]
    Zero,
    /// So many pictures of lookahead (1 to 60), with B-frames where the preset and profile have them.
    Lookahead(u32),
}

/// What the encoder holds constant.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rate {
    /// A bitrate, kept within a buffer.
    Bitrate {
        /// kbit/s, on average and at most.
        kbps: u32,
        /// The VBV buffer as so many milliseconds at `kbps`: how far the stream may run ahead of its rate.
        vbv_ms: u32,
    },
    /// A quality, with a ceiling.
    Quality {
        /// 1 to 51; 23 is libx264's default, lower is better.
        crf: f32,
        /// kbit/s at most.
        max_kbps: u32,
        /// The VBV buffer as so many milliseconds at `max_kbps`.
        vbv_ms: u32,
    },
}

/// What to encode, and how. [`Config::new`] has the defaults of a live stream.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Pixels across, even.
    pub width: u32,
    /// Pixels down, even.
    pub height: u32,
    /// Pictures a second; rate control takes it at its word.
    pub frame_rate: Rational,
    /// Bitrate or quality.
    pub rate: Rate,
    /// Pictures from a key frame to the next, exactly (a forced one starts the count anew). No scene-cut key frames.
    pub keyframe_interval: u32,
    /// Speed.
    pub preset: Preset,
    /// Toolset.
    pub profile: Profile,
    /// Delay.
    pub latency: Latency,
    /// Threads; 0 lets libx264 choose by the machine's cores.
    pub threads: u32,
    /// Slices a picture; 0 leaves it to libx264 (one a thread in zero latency, else one).
    pub slices: u32,
    /// Number of the parameter sets, 0 to 31: one that no other stream has can follow that stream in the same decoder.
    pub parameter_set: u32,
    /// What the pictures' samples mean; goes into the VUI.
    pub colour: Colour,
}

impl Config {
    /// Zero latency, `veryfast`, High, a key frame every 2 seconds, a buffer of 1 second, libx264's choice of threads.
    pub fn new(width: u32, height: u32, frame_rate: Rational, kbps: u32) -> Self {
        Self {
            width,
            height,
            frame_rate,
            rate: Rate::Bitrate { kbps, vbv_ms: 1000 },
            keyframe_interval: (frame_rate.as_f64() * 2.0).round().max(1.0) as u32,
            preset: Preset::default(),
            profile: Profile::default(),
            latency: Latency::default(),
            threads: 0,
            slices: 0,
            parameter_set: 0,
            colour: Colour::assumed(height),
        }
    }
}

/// Why encoding can't be.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Built without the feature.
    #[error(
        "this program was built without x264: build it with the cargo feature `x264`, or choose another encoder"
    )]
    NotBuilt,
    /// A setting outside its range: name, value, what is possible.
    #[error("{what} of {value} is not possible: {allowed}")]
    Setting {
        /// Which one.
        what: &'static str,
        /// As given.
        value: String,
        /// The range.
        allowed: &'static str,
    },
    /// libx264 refused; its own log line says why.
    #[error("libx264 failed to {0}")]
    Library(&'static str),
    /// The parameter sets can't be read back.
    #[error("libx264 wrote headers that can't be read: {0}")]
    Headers(String),
    /// A picture of another size than configured: scale it first.
    #[error("a picture of {have_width}x{have_height} came to an encoder of {width}x{height}")]
    Size {
        /// Configured.
        width: u32,
        /// Configured.
        height: u32,
        /// Of the picture.
        have_width: u32,
        /// Of the picture.
        have_height: u32,
    },
    /// Not 8-bit 4:2:0: filter it first.
    #[error("x264 takes 8-bit 4:2:0 pictures only")]
    Format,
    /// Time must rise from picture to picture: drop this one.
    #[error("picture at {pts:?} is not after the one before it, at {last:?}")]
    Order {
        /// Of this picture.
        pts: Timestamp,
        /// Of the one before.
        last: Timestamp,
    },
}

/// One H.264 stream. `Send`, not `Sync`: one thread at a time feeds it.
pub struct Encoder {
    library: Library,
    config: Config,
    track: Track,
    last: Option<Timestamp>,
}

impl Encoder {
    /// Checks the settings and opens libx264.
    pub fn new(config: &Config) -> Result<Self, Error> {
        config.check()?;
        let mut library = Library::open(config)?;
        let (sps, pps) = library.headers()?;
        let avc = avc::Config::of_parameter_sets(&sps, &pps).map_err(|e| Error::Headers(e.to_string()))?;
        Ok(Self { library, config: config.clone(), track: Track::video(avc), last: None })
    }

    /// The stream's decoder configuration: `avcC` with 4-byte lengths. Constant for the encoder's life.
    pub fn track(&self) -> &Track {
        &self.track
    }

    /// What it encodes, with the rate of the last [`Encoder::reconfigure`].
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Takes a picture shown at `pts`. With [`Latency::Zero`] its access unit comes back at once; otherwise an earlier
    /// picture's, or nothing yet. Times come out on the 90 kHz clock; with B-frames the first DTS lie before the first PTS.
    pub fn encode(
        &mut self,
        picture: &Picture,
        pts: Timestamp,
        force_key: bool,
    ) -> Result<Option<AccessUnit>, Error> {
        self.take(picture.planes(), pts, force_key)
    }

    /// The same for a decoded or filtered picture, which must be 8-bit 4:2:0.
    pub fn encode_frame(
        &mut self,
        frame: &Frame,
        pts: Timestamp,
        force_key: bool,
    ) -> Result<Option<AccessUnit>, Error> {
        let planes = frame.planes().ok_or(Error::Format)?;
        self.take(planes, pts, force_key)
    }

    fn take(
        &mut self,
        planes: Planes<'_>,
        pts: Timestamp,
        force_key: bool,
    ) -> Result<Option<AccessUnit>, Error> {
        let Config { width, height, .. } = self.config;
        let Planes { width: have_width, height: have_height, .. } = planes;
        if (have_width, have_height) != (width, height) {
            return Err(Error::Size { width, height, have_width, have_height });
        }
        let pts = pts.rescale(Timescale::VIDEO);
        if let Some(last) = self.last.filter(|last| pts <= *last) {
            return Err(Error::Order { pts, last });
        }
        self.last = Some(pts);
        Ok(self.library.encode(Some((planes, pts.ticks, force_key)))?.map(access_unit))
    }

    /// Changes bitrate (or the ceiling, where quality rules) and buffer from the next picture on, without a key frame.
    pub fn reconfigure(&mut self, kbps: u32, vbv_ms: u32) -> Result<(), Error> {
        let rate = match self.config.rate {
            Rate::Bitrate { .. } => Rate::Bitrate { kbps, vbv_ms },
            Rate::Quality { crf, .. } => Rate::Quality { crf, max_kbps: kbps, vbv_ms },
        };
        rate.check()?;
        self.library.set_rate(rate)?;
        self.config.rate = rate;
        Ok(())
    }

    /// Gives what is held back, one by one, until `None`. After the first call no more pictures may come.
    pub fn flush(&mut self) -> Result<Option<AccessUnit>, Error> {
        while self.library.held_back() {
            if let Some(coded) = self.library.encode(None)? {
                return Ok(Some(access_unit(coded)));
            }
        }
        Ok(None)
    }
}

impl std::fmt::Debug for Encoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("x264::Encoder")
            .field("config", &self.config)
            .field("last", &self.last)
            .finish_non_exhaustive()
    }
}

fn access_unit(coded: library::Coded) -> AccessUnit {
    AccessUnit {
        kind: Kind::Video,
        dts: Timestamp::new(coded.dts, Timescale::VIDEO),
        pts: Timestamp::new(coded.pts, Timescale::VIDEO),
        key: coded.key,
        data: coded.data,
    }
}

impl Config {
    pub(crate) fn check(&self) -> Result<(), Error> {
        let side = |side: u32| side.is_multiple_of(2) && (16..=Picture::MAX_SIDE).contains(&side);
        let fps = self.frame_rate.as_f64();
        let Rational { num, den } = self.frame_rate;
        setting("width", self.width, side(self.width), "even, from 16 to 8192")?;
        setting("height", self.height, side(self.height), "even, from 16 to 8192")?;
        setting(
            "frame rate",
            format!("{num}/{den}"),
            den > 0 && (1.0..=240.0).contains(&fps),
            "from 1 to 240",
        )?;
        let interval = self.keyframe_interval;
        setting("key frame interval", interval, (1..=3600).contains(&interval), "from 1 to 3600 pictures")?;
        setting("number of threads", self.threads, self.threads <= 64, "at most 64 (0: automatic)")?;
        setting("number of slices", self.slices, self.slices <= 32, "at most 32 (0: automatic)")?;
        setting("parameter set", self.parameter_set, self.parameter_set <= 31, "from 0 to 31")?;
        if let Latency::Lookahead(pictures) = self.latency {
            setting("lookahead", pictures, (1..=60).contains(&pictures), "from 1 to 60 pictures")?;
        }
        self.rate.check()
    }
}

impl Rate {
    pub(crate) fn check(self) -> Result<(), Error> {
        let (kbps, vbv_ms) = match self {
            Self::Bitrate { kbps, vbv_ms } => (kbps, vbv_ms),
            Self::Quality { crf, max_kbps, vbv_ms } => {
                setting("crf", crf, (1.0..=51.0).contains(&crf), "from 1 to 51")?;
                (max_kbps, vbv_ms)
            }
        };
        setting("bitrate", kbps, (16..=200_000).contains(&kbps), "from 16 to 200000 kbit/s")?;
        setting("buffer", vbv_ms, (50..=10_000).contains(&vbv_ms), "from 50 to 10000 ms")
    }
}

fn setting(
    what: &'static str,
    value: impl ToString,
    possible: bool,
    allowed: &'static str,
) -> Result<(), Error> {
    if possible { Ok(()) } else { Err(Error::Setting { what, value: value.to_string(), allowed }) }
}
