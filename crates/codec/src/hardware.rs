//! H.264 by the encoders of graphics hardware, through libavcodec: one table of them, a trial of each, and an encoder.
//!
//! What was proved and what wasn't stands in docs/guide/hardware-encoders.md. A driver may crash the process that tries it: try in
//! one that may.

use std::collections::VecDeque;
use std::ffi::CStr;

use ffmpeg_next::ffi;
use media::{AccessUnit, Kind as Of, Rational, Timescale, Timestamp, Track, avc};

use crate::av;
use crate::frame::Frame;
use crate::picture::{Picture, Planes};
use crate::x264::{self, Rate};

pub mod child;
mod context;
mod nal;
#[cfg(test)]
mod tests;

use context::Context;

/// One of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "their makers' names")]
pub enum Kind {
    Nvenc,
    Vaapi,
    Qsv,
    VideoToolbox,
    MediaFoundation,
}

/// A line of the table.
struct Line {
    kind: Kind,
    name: &'static str,
    library: &'static CStr,
    /// What it is, for people.
    title: &'static str,
    /// Systems that it is for, as `std::env::consts::OS` names them.
    systems: &'static [&'static str],
    device: Device,
    /// Its own settings for nothing held back and key frames on demand. One that this FFmpeg doesn't know is left out.
    settings: &'static [(&'static CStr, &'static CStr)],
    /// It takes another bitrate while it runs.
    dynamic: bool,
}

/// Where pictures are put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Device {
    /// It takes them out of memory, in this layout.
    Memory(ffi::AVPixelFormat),
    /// Into the device's own memory first.
    Vaapi,
}

const TABLE: [Line; 5] = [
    Line {
        kind: Kind::Nvenc,
        name: "nvenc",
        library: c"h264_nvenc",
        title: "NVIDIA NVENC",
        systems: &["linux", "windows"],
        device: Device::Memory(ffi::AVPixelFormat::AV_PIX_FMT_YUV420P),
        settings: &[
            (c"preset", c"p4"),
            (c"tune", c"ull"),
            (c"rc", c"cbr"),
            (c"zerolatency", c"1"),
            (c"delay", c"0"),
            (c"forced-idr", c"1"),
        ],
        dynamic: true,
    },
    Line {
        kind: Kind::Vaapi,
        name: "vaapi",
        library: c"h264_vaapi",
        title: "VAAPI (Intel and AMD on Linux)",
        systems: &["linux"],
        device: Device::Vaapi,
        settings: &[(c"rc_mode", c"CBR"), (c"async_depth", c"1"), (c"idr_interval", c"0")],
        dynamic: false,
    },
    Line {
        kind: Kind::Qsv,
        name: "qsv",
        library: c"h264_qsv",
        title: "Intel Quick Sync Video",
        systems: &["linux", "windows"],
        device: Device::Memory(ffi::AVPixelFormat::AV_PIX_FMT_NV12),
        settings: &[
            (c"preset", c"veryfast"),
            (c"async_depth", c"1"),
            (c"look_ahead", c"0"),
            (c"forced_idr", c"1"),
        ],
        dynamic: false,
    },
    Line {
        kind: Kind::VideoToolbox,
        name: "videotoolbox",
        library: c"h264_videotoolbox",
        title: "Apple VideoToolbox",
        systems: &["macos"],
        device: Device::Memory(ffi::AVPixelFormat::AV_PIX_FMT_NV12),
        settings: &[(c"realtime", c"1"), (c"allow_sw", c"0")],
        dynamic: false,
    },
    Line {
        kind: Kind::MediaFoundation,
        name: "media_foundation",
        library: c"h264_mf",
        title: "Microsoft Media Foundation",
        systems: &["windows"],
        device: Device::Memory(ffi::AVPixelFormat::AV_PIX_FMT_NV12),
        settings: &[(c"hw_encoding", c"1"), (c"rate_control", c"cbr"), (c"scenario", c"live_streaming")],
        dynamic: false,
    },
];

impl Kind {
    /// In the order in which they are tried.
    pub const ALL: [Self; 5] =
        [Self::Nvenc, Self::Vaapi, Self::Qsv, Self::VideoToolbox, Self::MediaFoundation];

    fn line(self) -> &'static Line {
        // Each has its line: a test goes through them.
        TABLE.iter().find(|line| line.kind == self).unwrap_or(&TABLE[0])
    }

    /// `nvenc`, `vaapi`, `qsv`, `videotoolbox`, `media_foundation`.
    pub fn name(self) -> &'static str {
        self.line().name
    }

    /// The same for people.
    pub fn title(self) -> &'static str {
        self.line().title
    }

    /// By its name.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// Why one can't be used. A clause.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// It is another system's.
    #[error("it is not for this operating system")]
    System,
    /// libavcodec was built without it.
    #[error("this FFmpeg was built without {0}")]
    NotBuilt(&'static str),
    /// What the driver or libavcodec said.
    #[error("it can't {doing}: {why}")]
    Refused {
        /// What was tried.
        doing: &'static str,
        /// Its words.
        why: String,
    },
    /// Its streams can't be told to players.
    #[error("it gives headers that can't be used: {0}")]
    Headers(String),
    /// It gave nothing for a picture, or no key frame where one was asked for.
    #[error("it opens, but gives no pictures as they are needed")]
    Silent,
    /// It keeps its bitrate.
    #[error("it keeps the bitrate that it began with")]
    Fixed,
    /// The pictures or settings are x264's to check too.
    #[error(transparent)]
    Config(#[from] x264::Error),
}

/// Whether one works here: opens it, and encodes a few black pictures, of which one in the middle must be a key frame.
pub fn trial(kind: Kind) -> Result<(), Error> {
    let rate = Rational { num: 30, den: 1 };
    let mut encoder = Encoder::new(kind, &x264::Config::new(640, 360, rate, 1000))?;
    let mut units = Vec::new();
    for number in 0..10i64 {
        let at = Timestamp::new(number * 3000, Timescale::VIDEO);
        let picture = Picture::black(640, 360, at)
            .map_err(|e| Error::Refused { doing: "begin", why: e.to_string() })?;
        units.extend(encoder.encode(&picture, at, number == 5)?);
    }
    while let Some(unit) = encoder.flush()? {
        units.push(unit);
    }
    let keys: Vec<_> = units.iter().filter(|unit| unit.key).map(|unit| unit.pts.ticks / 3000).collect();
    if units.len() == 10 && keys == [0, 5] { Ok(()) } else { Err(Error::Silent) }
}

/// One H.264 stream, without B-frames.
pub struct Encoder {
    kind: Kind,
    context: Context,
    config: x264::Config,
    track: Track,
    last: Option<Timestamp>,
    ready: VecDeque<AccessUnit>,
}

impl Encoder {
    /// Opens one. Preset, lookahead, threads and slices are x264's alone; a constant quality is taken for its ceiling.
    pub fn new(kind: Kind, config: &x264::Config) -> Result<Self, Error> {
        config.check()?;
        av::init();
        let line = kind.line();
        if !line.systems.contains(&std::env::consts::OS) {
            return Err(Error::System);
        }
        let (opened, said) = av::overhear(|| Context::open(line, config));
        let context = opened.map_err(|error| match (error, said) {
            (Error::Refused { doing, why }, Some(said)) => {
                Error::Refused { doing, why: format!("{why} ({said})") }
            }
            (error, _) => error,
        })?;
        let (sps, pps) = nal::headers(&context.extradata())
            .ok_or_else(|| Error::Headers("there are none as it begins".to_owned()))?;
        let avc = avc::Config::of_parameter_sets(&sps, &pps).map_err(|e| Error::Headers(e.to_string()))?;
        let (track, ready) = (Track::video(avc), VecDeque::new());
        Ok(Self { kind, context, config: config.clone(), track, last: None, ready })
    }

    /// Which one it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The stream's decoder configuration: `avcC` with 4-byte lengths.
    pub fn track(&self) -> &Track {
        &self.track
    }

    /// What it encodes.
    pub fn config(&self) -> &x264::Config {
        &self.config
    }

    /// Takes a picture shown at `pts`; gives the next access unit, this one's as a rule.
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
        let planes = frame.planes().ok_or(x264::Error::Format)?;
        self.take(planes, pts, force_key)
    }

    fn take(&mut self, planes: Planes<'_>, pts: Timestamp, key: bool) -> Result<Option<AccessUnit>, Error> {
        let x264::Config { width, height, .. } = self.config;
        let Planes { width: have_width, height: have_height, .. } = planes;
        if (have_width, have_height) != (width, height) {
            return Err(x264::Error::Size { width, height, have_width, have_height }.into());
        }
        let pts = pts.rescale(Timescale::VIDEO);
        if let Some(last) = self.last.filter(|last| pts <= *last) {
            return Err(x264::Error::Order { pts, last }.into());
        }
        self.last = Some(pts);
        self.context.send(Some((&planes, pts.ticks, key)))?;
        self.receive()?;
        Ok(self.ready.pop_front())
    }

    /// Another bitrate from the next picture on, where the hardware can.
    pub fn reconfigure(&mut self, kbps: u32, vbv_ms: u32) -> Result<(), Error> {
        let rate = Rate::Bitrate { kbps, vbv_ms };
        rate.check()?;
        if !self.kind.line().dynamic {
            return Err(Error::Fixed);
        }
        self.context.set_rate(rate);
        self.config.rate = rate;
        Ok(())
    }

    /// Gives what is held back, one by one, until `None`. After the first call no more pictures may come.
    pub fn flush(&mut self) -> Result<Option<AccessUnit>, Error> {
        if self.ready.is_empty() {
            self.context.send(None)?;
            self.receive()?;
        }
        Ok(self.ready.pop_front())
    }

    fn receive(&mut self) -> Result<(), Error> {
        while let Some(coded) = self.context.receive()? {
            self.ready.push_back(AccessUnit {
                kind: Of::Video,
                dts: Timestamp::new(coded.dts, Timescale::VIDEO),
                pts: Timestamp::new(coded.pts, Timescale::VIDEO),
                key: coded.key,
                data: nal::sized(&coded.data, self.context.sized()),
            });
        }
        Ok(())
    }
}

impl std::fmt::Debug for Encoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "hardware::Encoder({}, {:?})", self.kind.name(), self.config)
    }
}

fn refused(doing: &'static str, code: i32) -> Error {
    let why = ffmpeg_next::Error::from(code).to_string();
    Error::Refused { doing, why }
}
