//! The encoder thread: raw pictures and sound in, access units on the stream's own time out.
//!
//! Time zero is the first picture (the first sound, where there are no pictures). Sound before it is left out.
//!
//! **Belongs here:** stream time, key frame pace, the end at `--duration`. **Does not:** devices, the network.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use anyhow::Context;
use codec::{Colour, Picture, Sound, aac, h264, hardware, x264};
use media::{AccessUnit, Rational, Timescale, Timestamp, Track};

use crate::align::Aligner;
use crate::clock::{Clock, span};
use crate::{raw, send};

/// The encoder may run ahead of its rate by so much: half a GOP of the default, so that a key frame fits and a part
/// isn't late on a line of just that rate.
const VBV_MS: u32 = 500;
/// A source that gives no picture for so long is broken.
const NO_PICTURE: Duration = Duration::from_secs(5);
/// Blocks of sound kept until the first picture is there.
const MOST_EARLY: usize = 100;
/// Pictures may pass `--duration` by so much while sound is still missing.
const LATE_SOUND_MS: i64 = 1_000;

/// What to make.
#[derive(Clone, Debug)]
pub struct Config {
    /// Pixels across and down, and what they mean; `None` without pictures.
    pub video: Option<Video>,
    /// Channels of the sound; `None` without.
    pub channels: Option<u8>,
    /// kbit/s.
    pub audio_kbps: u32,
    /// Ends after so much media.
    pub duration: Option<Duration>,
}

/// The pictures to make.
#[derive(Clone, Debug)]
pub struct Video {
    /// Pixels across and down.
    pub size: (u32, u32),
    /// Frames a second.
    pub fps: u32,
    /// What their samples mean.
    pub colour: Colour,
    /// kbit/s.
    pub kbps: u32,
    /// Seconds between key frames.
    pub gop: f64,
    /// Speed.
    pub preset: x264::Preset,
    /// To be used instead of x264, if it opens.
    pub hardware: Option<hardware::Kind>,
}

/// What others turn while the encoder runs.
#[derive(Debug, Default)]
pub struct Dial {
    kbps: AtomicU32,
    key: AtomicBool,
}

impl Dial {
    /// Set to `kbps`.
    pub fn new(kbps: u32) -> Self {
        Self { kbps: AtomicU32::new(kbps), key: AtomicBool::new(false) }
    }

    /// Another bitrate from the next picture on.
    pub fn set_kbps(&self, kbps: u32) {
        self.kbps.store(kbps, Relaxed);
    }

    /// The bitrate asked for.
    pub fn kbps(&self) -> u32 {
        self.kbps.load(Relaxed)
    }

    /// The next picture becomes a key frame.
    pub fn ask_key(&self) {
        self.key.store(true, Relaxed);
    }
}

/// What the encoder has done so far.
#[derive(Debug, Default)]
pub struct Counts {
    /// Pictures encoded.
    pub frames: AtomicU64,
    /// Key frames among them.
    pub key_frames: AtomicU64,
    /// Media time of the newest picture or sound, ms.
    pub media_ms: AtomicU64,
    /// Times that sound was put in or left out to stay with the picture.
    pub sound_corrections: AtomicU64,
}

/// How encoding ended.
#[derive(Debug, PartialEq, Eq)]
pub enum End {
    /// `--duration` is over, or the file.
    Finished,
    /// Asked to.
    Closed,
    /// A source broke.
    Failed(String),
}

/// The encoders of one stream, and where it stands.
#[derive(Debug)]
pub struct Encoder {
    config: Config,
    video: Option<h264::Encoder>,
    audio: Option<aac::Encoder>,
    kbps: u32,
    last_key: Option<Timestamp>,
    origin: Option<Timestamp>,
    align: Option<Aligner>,
    early: Vec<Sound>,
    video_done: bool,
    audio_done: bool,
}

impl Encoder {
    /// Opens the encoders.
    pub fn open(config: Config) -> anyhow::Result<Self> {
        let video = config.video.as_ref().map(open_video).transpose()?;
        let audio = config.channels.map(|channels| open_audio(channels, config.audio_kbps)).transpose()?;
        anyhow::ensure!(video.is_some() || audio.is_some(), "there is neither picture nor sound to send");
        Ok(Self {
            kbps: config.video.as_ref().map_or(0, |video| video.kbps),
            video_done: video.is_none(),
            audio_done: audio.is_none(),
            config,
            video,
            audio,
            last_key: None,
            origin: None,
            align: None,
            early: Vec::new(),
        })
    }

    /// What decoders must know: sequence headers.
    pub fn tracks(&self) -> Vec<Track> {
        let video = self.video.as_ref().map(|video| video.track().clone());
        video.into_iter().chain(self.audio.as_ref().map(|audio| audio.track().clone())).collect()
    }

    /// Encodes until the source ends, the duration is over or the queue closes.
    pub fn run(
        mut self,
        clock: Clock,
        raw: &raw::Queue,
        sent: &send::Queue,
        dial: &Dial,
        counts: &Counts,
    ) -> anyhow::Result<End> {
        let out = Out { sent, dial, counts };
        let Ok(_) = raw.wait_open() else { return Ok(End::Closed) };
        let mut last_picture = None;
        while !(self.video_done && self.audio_done) {
            let item = match raw.take(Duration::from_millis(500)) {
                Ok(item) => item,
                Err(raw::Closed) => return Ok(End::Closed),
            };
            let now = clock.now();
            match item {
                Some(raw::Item::Picture(picture)) => {
                    last_picture = Some(now);
                    self.picture(&picture, &out)?;
                }
                Some(raw::Item::Sound(sound)) => self.sound(sound, &out)?,
                Some(raw::Item::Ended) => break,
                Some(raw::Item::Failed(why)) => return Ok(End::Failed(why)),
                None => {}
            }
            let last = *last_picture.get_or_insert(now);
            if !self.video_done && now.minus(last) > span(NO_PICTURE) {
                let why = "the source has given no picture for 5 s: check its cable, and that no other program uses it";
                return Ok(End::Failed(why.to_owned()));
            }
        }
        self.flush(&out)?;
        Ok(End::Finished)
    }

    fn picture(&mut self, picture: &Picture, out: &Out<'_>) -> anyhow::Result<()> {
        let first = self.origin.is_none();
        let origin = *self.origin.get_or_insert(picture.at);
        if first {
            for sound in std::mem::take(&mut self.early) {
                self.sound(sound, out)?;
            }
        }
        let (Some(encoder), Some(config)) = (&mut self.video, &self.config.video) else { return Ok(()) };
        let pts = picture.at.minus(origin);
        if let Some(limit) = self.config.duration.map(span).filter(|&limit| pts >= limit) {
            self.video_done = true;
            self.audio_done |= pts.minus(limit).as_millis() > LATE_SOUND_MS;
            return Ok(());
        }
        let kbps = out.dial.kbps();
        if kbps != self.kbps {
            if let Err(error) = encoder.reconfigure(kbps, VBV_MS) {
                // It goes on as it is: that is no reason to end.
                tracing::warn!("the bitrate stays: {error}");
            }
            self.kbps = kbps;
        }
        // Cameras slow down in the dark: the GOP is kept by time, not only by the encoder's count.
        let half_frame = Timestamp::new(i64::from(500_000_000 / config.fps.max(1)), Timescale::NANOS);
        let gop = Timestamp::new((config.gop * 1e9) as i64, Timescale::NANOS).minus(half_frame);
        let due = self.last_key.is_none_or(|last| pts.minus(last) >= gop);
        let force = out.dial.key.swap(false, Relaxed) || due;
        match encoder.encode(picture, pts, force) {
            Ok(unit) => {
                if unit.as_ref().is_some_and(|unit| unit.key) {
                    self.last_key = Some(pts);
                }
                unit.into_iter().for_each(|unit| out.video(unit));
            }
            // A device that stamps two pictures alike: the second is left out.
            Err(error) if error.is_order() => tracing::debug!(%error, "left out"),
            Err(error) if error.is_hardware() => {
                return Err(error)
                    .context("the picture can't be encoded any more: go on with --encoder x264");
            }
            Err(error) => return Err(error).context("x264 failed"),
        }
        Ok(())
    }

    fn sound(&mut self, sound: Sound, out: &Out<'_>) -> anyhow::Result<()> {
        let Some(encoder) = &mut self.audio else { return Ok(()) };
        if self.video.is_some() && self.origin.is_none() {
            if self.early.len() == MOST_EARLY {
                self.early.remove(0);
            }
            self.early.push(sound);
            return Ok(());
        }
        if self.audio_done {
            return Ok(());
        }
        let origin = *self.origin.get_or_insert(sound.at);
        let align = self.align.get_or_insert_with(|| Aligner::new(origin, sound.sample_rate, sound.channels));
        let before = align.count();
        let mut samples = align.push(&sound);
        out.counts.sound_corrections.store(align.corrections(), Relaxed);
        if let Some(limit) = self.config.duration {
            let rate = Timescale::new(sound.sample_rate).unwrap_or(Timescale::MILLIS);
            let left =
                (span(limit).rescale(rate).ticks - before).max(0) as usize * usize::from(sound.channels);
            self.audio_done = samples.len() >= left;
            samples.truncate(left);
        }
        let units = encoder.encode(&samples).context("the AAC encoder failed")?;
        units.into_iter().for_each(|unit| out.audio(unit));
        Ok(())
    }

    fn flush(&mut self, out: &Out<'_>) -> anyhow::Result<()> {
        if let Some(encoder) = &mut self.video {
            while let Some(unit) = encoder.flush().context("the H.264 encoder failed")? {
                out.video(unit);
            }
        }
        if let Some(encoder) = &mut self.audio {
            encoder.flush().context("the AAC encoder failed")?.into_iter().for_each(|unit| out.audio(unit));
        }
        Ok(())
    }
}

/// Where units go.
struct Out<'a> {
    sent: &'a send::Queue,
    dial: &'a Dial,
    counts: &'a Counts,
}

impl Out<'_> {
    fn video(&self, unit: AccessUnit) {
        self.counts.frames.fetch_add(1, Relaxed);
        self.counts.key_frames.fetch_add(u64::from(unit.key), Relaxed);
        self.send(unit);
    }

    /// The encoder's delay puts its first units before time zero, which RTMP can't carry; they hold its silence.
    fn audio(&self, unit: AccessUnit) {
        if unit.dts.ticks >= 0 {
            self.send(unit);
        }
    }

    fn send(&self, unit: AccessUnit) {
        let ms = u64::try_from(unit.dts.as_millis()).unwrap_or(0);
        self.counts.media_ms.fetch_max(ms, Relaxed);
        if self.sent.push(unit) {
            self.dial.ask_key();
        }
    }
}

fn open_video(video: &Video) -> anyhow::Result<h264::Encoder> {
    let frame_rate = Rational { num: video.fps, den: 1 };
    let (width, height) = video.size;
    let config = x264::Config {
        rate: x264::Rate::Bitrate { kbps: video.kbps, vbv_ms: VBV_MS },
        keyframe_interval: (video.gop * f64::from(video.fps)).round().max(1.0) as u32,
        preset: video.preset,
        colour: video.colour,
        ..x264::Config::new(width, height, frame_rate, video.kbps)
    };
    let (encoder, refused) =
        h264::Encoder::new(video.hardware, &config).context("can't open the H.264 encoder")?;
    if let Some(why) = refused {
        tracing::warn!("x264 encodes the picture: {why}");
    }
    Ok(encoder)
}

fn open_audio(channels: u8, kbps: u32) -> anyhow::Result<aac::Encoder> {
    let config = aac::Config { sample_rate: crate::capture::SAMPLE_RATE, channels, bitrate: kbps * 1000 };
    aac::Encoder::new(&config, Timestamp::millis(0))
        .context("can't open the AAC encoder: try --audio-bitrate 128")
}
