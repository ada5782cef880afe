//! One pass through a file: packets to frames with the container's times.

use std::collections::VecDeque;
use std::path::Path;

use ffmpeg_next::format::stream::Disposition;
use ffmpeg_next::{Packet, codec, decoder, ffi, format, frame};
use media::{Rational, Timescale, Timestamp};

use super::{Info, Options, Reader, Reason};
use crate::picture::{Colour, Picture};
use crate::scale::{Fit, Scaler};
use crate::sound::Resampler;

/// In order, as decoded.
#[derive(Debug)]
pub(super) enum Item {
    Picture(Picture),
    Sound {
        at: Timestamp,
        samples: Vec<i16>,
    },
    /// The file has no more sound in this pass, by its own announcement.
    SoundEnded,
    /// The pass ends here.
    End(Timestamp),
}

pub(super) struct Pass {
    input: format::context::Input,
    video: Option<Video>,
    audio: Option<Audio>,
    /// The container's first time, in nanoseconds.
    start: i64,
    /// Furthest moment shown or heard, from the pass's beginning.
    end: Option<Timestamp>,
    drained: bool,
}

struct Video {
    stream: usize,
    time_base: Rational,
    decoder: decoder::Video,
    frame: frame::Video,
    scaler: Scaler,
    frame_rate: Rational,
    colour: Colour,
    last: Option<Timestamp>,
}

struct Audio {
    stream: usize,
    time_base: Rational,
    decoder: decoder::Audio,
    frame: frame::Audio,
    resampler: Option<Resampler>,
    /// Where the next frame goes if it says nothing.
    next: Timestamp,
    /// The stream's announced length.
    length: Option<Timestamp>,
    ended: bool,
}

impl Pass {
    pub(super) fn open(path: &Path, options: &Options) -> Result<Self, Reason> {
        crate::av::init();
        let input = format::input(path).map_err(|e| Reason::Open(e.to_string()))?;
        let mut video = None;
        if let Some(stream) = input.streams().best(ffmpeg_next::media::Type::Video)
            // A cover in a music file is no picture to broadcast.
            && !stream.disposition().contains(Disposition::ATTACHED_PIC)
        {
            video = Video::open(&stream, options)?;
        }
        let audio = input.streams().best(ffmpeg_next::media::Type::Audio).and_then(|s| Audio::open(&s));
        if video.is_none() && audio.is_none() {
            return Err(Reason::Nothing);
        }
        // SAFETY: an open input's context is valid.
        let start = match unsafe { (*input.as_ptr()).start_time } {
            ffi::AV_NOPTS_VALUE => 0,
            micros => micros.saturating_mul(1000),
        };
        Ok(Self { input, video, audio, start, end: None, drained: false })
    }

    pub(super) fn info(&self) -> Info {
        let micros = self.input.duration();
        Info {
            video: self.video.as_ref().map(|video| {
                let (width, height) = video.scaler.size();
                super::Video { width, height, frame_rate: video.frame_rate, colour: video.colour }
            }),
            audio: self.audio.is_some(),
            seconds: (micros > 0).then(|| micros as f64 / 1e6),
        }
    }

    /// Reads and decodes a packet. `false` once everything has come out.
    pub(super) fn read(&mut self, base: Timestamp, out: &mut VecDeque<Item>) -> Result<bool, Reason> {
        if self.drained {
            return Ok(false);
        }
        let mut packet = Packet::empty();
        let read = loop {
            match packet.read(&mut self.input) {
                Ok(()) => break true,
                // A read that fails in the middle (a file on a lost network share) ends the pass like its end.
                Err(ffmpeg_next::Error::Other { errno: ffmpeg_next::error::EAGAIN }) => {}
                Err(_) => break false,
            }
        };
        self.drained = !read;
        let stream = packet.stream();
        let clock = Clock { base, start: self.start };
        if let Some(video) = &mut self.video
            && (!read || stream == video.stream)
        {
            let end = video.decode(read.then_some(&packet), clock, out)?;
            self.end = self.end.max(end);
        }
        if let Some(audio) = &mut self.audio
            && (!read || stream == audio.stream)
        {
            let end = audio.decode(read.then_some(&packet), clock, out)?;
            self.end = self.end.max(end);
        }
        Ok(true)
    }

    /// The end of the pass on the reader's timeline; `None` where nothing came out.
    pub(super) fn end(&self, base: Timestamp) -> Option<Timestamp> {
        self.end.filter(|end| *end > base)
    }

    /// Back to the beginning, with clean decoders. `false` where the format can't seek.
    pub(super) fn rewind(&mut self) -> bool {
        let start = self.start / 1000;
        if self.input.seek(start, ..start).is_err() {
            return false;
        }
        if let Some(video) = &mut self.video {
            video.decoder.flush();
            video.last = None;
        }
        if let Some(audio) = &mut self.audio {
            audio.decoder.flush();
            (audio.resampler, audio.ended) = (None, false);
            audio.next = Timestamp::new(0, Timescale::NANOS);
        }
        (self.end, self.drained) = (None, false);
        true
    }
}

impl std::fmt::Debug for Pass {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Pass({:?})", self.info())
    }
}

/// From a stream's times to ours.
#[derive(Clone, Copy)]
struct Clock {
    base: Timestamp,
    start: i64,
}

impl Clock {
    fn at(self, ticks: i64, time_base: Rational) -> Timestamp {
        Timestamp::new(nanos(ticks, time_base).saturating_sub(self.start), Timescale::NANOS).plus(self.base)
    }
}

fn nanos(ticks: i64, time_base: Rational) -> i64 {
    let wide =
        i128::from(ticks) * i128::from(time_base.num) * 1_000_000_000 / i128::from(time_base.den.max(1));
    wide.clamp(i64::MIN.into(), i64::MAX.into()) as i64
}

fn rational(r: ffmpeg_next::Rational) -> Rational {
    Rational {
        num: u32::try_from(r.numerator()).unwrap_or(0),
        den: u32::try_from(r.denominator()).unwrap_or(1).max(1),
    }
}

impl Video {
    /// `None` where FFmpeg has no decoder for it.
    fn open(stream: &format::stream::Stream<'_>, options: &Options) -> Result<Option<Self>, Reason> {
        let Ok(mut context) = codec::Context::from_parameters(stream.parameters()) else { return Ok(None) };
        context.set_threading(codec::threading::Config::kind(codec::threading::Type::Frame));
        let Ok(decoder) = context.decoder().video() else { return Ok(None) };
        let own = (decoder.width(), decoder.height());
        // SAFETY: an open decoder's context is valid.
        let aspect = unsafe { (*decoder.as_ptr()).sample_aspect_ratio };
        let size =
            options.size.unwrap_or_else(|| square_pixels(own, f64::from(aspect.num) / f64::from(aspect.den)));
        let scaler = Scaler::new(size.0, size.1, Fit::Letterbox)?;
        let guess = [stream.avg_frame_rate(), stream.rate()].map(rational);
        let frame_rate = guess.into_iter().find(|r| (1.0..=240.0).contains(&r.as_f64()));
        let colour = match decoder.color_space() {
            ffmpeg_next::color::Space::RGB => Colour::assumed(size.1),
            space => crate::scale::colour_of(space, own.1),
        };
        Ok(Some(Self {
            stream: stream.index(),
            time_base: rational(stream.time_base()),
            decoder,
            frame: frame::Video::empty(),
            scaler,
            frame_rate: frame_rate.unwrap_or(Rational { num: 25, den: 1 }),
            colour,
            last: None,
        }))
    }

    /// `None` drains. Gives the end of the last picture.
    fn decode(
        &mut self,
        packet: Option<&Packet>,
        clock: Clock,
        out: &mut VecDeque<Item>,
    ) -> Result<Option<Timestamp>, Reason> {
        let period = i64::from(self.frame_rate.den) * 1_000_000_000 / i64::from(self.frame_rate.num.max(1));
        let period = Timestamp::new(period, Timescale::NANOS);
        // What it refuses is damaged, and skipped.
        let _ = match packet {
            Some(packet) => self.decoder.send_packet(packet),
            None => self.decoder.send_eof(),
        };
        let mut end = None;
        while let Ok(true) = crate::decode::receive(&mut self.decoder, &mut self.frame) {
            let at = match (self.frame.timestamp(), self.last) {
                (Some(ticks), _) => clock.at(ticks, self.time_base),
                (None, Some(last)) => last.plus(period),
                (None, None) => clock.base,
            };
            self.last = Some(at);
            // Before the beginning: an edit list's pre-roll.
            if at >= clock.base {
                out.push_back(Item::Picture(self.scaler.frame(&self.frame, at)?));
                end = end.max(Some(at.plus(period)));
            }
        }
        Ok(end)
    }
}

/// The nearest even size with square pixels, within what a [`Picture`] can be.
fn square_pixels((width, height): (u32, u32), aspect: f64) -> (u32, u32) {
    let aspect = if (0.1..=10.0).contains(&aspect) { aspect } else { 1.0 };
    let even = |side: f64| ((side / 2.0).round() as u32 * 2).clamp(16, Picture::MAX_SIDE);
    (even(f64::from(width) * aspect), even(f64::from(height)))
}

impl Audio {
    /// `None` where FFmpeg has no decoder for it.
    fn open(stream: &format::stream::Stream<'_>) -> Option<Self> {
        let context = codec::Context::from_parameters(stream.parameters()).ok()?;
        let decoder = context.decoder().audio().ok()?;
        let time_base = rational(stream.time_base());
        let length = (stream.duration() > 0).then(|| nanos(stream.duration(), time_base));
        Some(Self {
            stream: stream.index(),
            time_base,
            decoder,
            frame: frame::Audio::empty(),
            resampler: None,
            next: Timestamp::new(0, Timescale::NANOS),
            length: length.map(|nanos| Timestamp::new(nanos, Timescale::NANOS)),
            ended: false,
        })
    }

    /// `None` drains. Gives the end of the last sound.
    fn decode(
        &mut self,
        packet: Option<&Packet>,
        clock: Clock,
        out: &mut VecDeque<Item>,
    ) -> Result<Option<Timestamp>, Reason> {
        // What it refuses is damaged, and skipped.
        let _ = match packet {
            Some(packet) => self.decoder.send_packet(packet),
            None => self.decoder.send_eof(),
        };
        let mut end = None;
        while let Ok(true) = crate::decode::receive(&mut self.decoder, &mut self.frame) {
            let at = match self.frame.timestamp() {
                Some(ticks) => clock.at(ticks, self.time_base),
                None => self.next.plus(clock.base),
            };
            let rate = self.frame.rate().max(1);
            let length = Rational { num: 1, den: rate };
            let length = Timestamp::new(nanos(self.frame.samples() as i64, length), Timescale::NANOS);
            self.next = at.minus(clock.base).plus(length);
            end = end.max(Some(at.plus(length)));
            let samples = self.resample()?;
            if !samples.is_empty() {
                out.push_back(Item::Sound { at, samples });
            }
        }
        let near = Timestamp::millis(100);
        if !self.ended && self.length.is_some_and(|length| self.next.plus(near) >= length) {
            self.ended = true;
            out.push_back(Item::SoundEnded);
        }
        Ok(end)
    }

    /// A change of format in mid-file (a DVB recording does that) opens a new resampler.
    fn resample(&mut self) -> Result<Vec<i16>, Reason> {
        let mut resampler = match self.resampler.take() {
            Some(resampler) if resampler.takes(&self.frame) => resampler,
            _ => Resampler::of_frame(&self.frame, Reader::SAMPLE_RATE, Reader::CHANNELS)?,
        };
        let samples = resampler.frame(&self.frame)?;
        self.resampler = Some(resampler);
        Ok(samples)
    }
}
