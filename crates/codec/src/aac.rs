//! AAC-LC: Fraunhofer's library, or libavcodec's own encoder without the feature `fdk-aac`.

use std::cell::Cell;
use std::marker::PhantomData;

use bytes::Bytes;
use media::{AccessUnit, Kind, Timestamp, Track, aac};

#[cfg(feature = "fdk-aac")]
mod fdk;
#[cfg(not(feature = "fdk-aac"))]
mod libav;
#[cfg(test)]
mod tests;

#[cfg(feature = "fdk-aac")]
use fdk::Library;
#[cfg(not(feature = "fdk-aac"))]
use libav::Library;

/// What to encode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// Hz: 8000 to 96000, one of AAC's rates.
    pub sample_rate: u32,
    /// 1 or 2.
    pub channels: u8,
    /// bit/s: 16000 to 320000.
    pub bitrate: u32,
}

/// Why encoding can't be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A setting outside its range.
    #[error("{what} of {value} is not possible: {allowed}")]
    Setting {
        /// Which one.
        what: &'static str,
        /// As given.
        value: u32,
        /// The range.
        allowed: &'static str,
    },
    /// Half a sample time: the number of values isn't a multiple of the channels.
    #[error("{values} values are no whole number of {channels}-channel samples")]
    Samples {
        /// As given.
        values: usize,
        /// As configured.
        channels: u8,
    },
    /// The library refused.
    #[error("{library} failed to {doing}: {reason}")]
    Library {
        /// `fdk-aac` or `libavcodec`.
        library: &'static str,
        /// What it was asked.
        doing: &'static str,
        /// Its own words.
        reason: String,
    },
}

/// One AAC stream.
pub struct Encoder {
    library: Library,
    config: Config,
    track: Track,
    start: Timestamp,
    /// Samples (times channels) short of a frame.
    rest: Vec<i16>,
    /// Sample times taken, the rest included.
    taken: u64,
    /// Access units given.
    given: u64,
    /// fdk-aac's handle must not be used from two threads, whatever its own type says.
    not_sync: PhantomData<Cell<()>>,
}

impl Encoder {
    /// Which library this build encodes with: `fdk-aac` or `libavcodec`.
    pub const LIBRARY: &'static str = Library::NAME;

    /// A stream whose first sample is heard at `start`.
    ///
    /// An encoder is late by its [`Encoder::delay`]; times are shifted back by it, so that sound stays with its picture.
    /// So the first units lie *before* `start`: start at or after the delay where negative times can't be carried (RTMP).
    pub fn new(config: &Config, start: Timestamp) -> Result<Self, Error> {
        config.check()?;
        let (library, asc) = Library::open(config)?;
        let aac = aac::Config::parse(&asc).map_err(|e| Error::Library {
            library: Library::NAME,
            doing: "write its AudioSpecificConfig",
            reason: e.to_string(),
        })?;
        let track = Track::audio(aac);
        let start = start.rescale(track.scale);
        let (config, rest) = (*config, Vec::new());
        Ok(Self { library, config, track, start, rest, taken: 0, given: 0, not_sync: PhantomData })
    }

    /// The stream's AudioSpecificConfig.
    pub fn track(&self) -> &Track {
        &self.track
    }

    /// Samples (of one channel) that the encoder puts before the first one it was given.
    pub fn delay(&self) -> u32 {
        self.library.delay()
    }

    /// Takes interleaved samples, any number; gives the units completed by them, on the clock of the samples.
    pub fn encode(&mut self, samples: &[i16]) -> Result<Vec<AccessUnit>, Error> {
        let channels = self.config.channels;
        if !samples.len().is_multiple_of(channels.into()) {
            return Err(Error::Samples { values: samples.len(), channels });
        }
        self.taken += samples.len() as u64 / u64::from(channels);
        self.push(samples)
    }

    /// Fills the last unit with silence and gives what is held back. After it, no more samples may come.
    pub fn flush(&mut self) -> Result<Vec<AccessUnit>, Error> {
        let frame = u64::from(aac::Config::FRAME);
        let units = (self.taken + u64::from(self.delay())).div_ceil(frame);
        let silence = vec![0; FRAME * usize::from(self.config.channels) - self.rest.len()];
        let mut out = self.push(&silence)?;
        let silence = vec![0; FRAME * usize::from(self.config.channels)];
        // A library holds back its delay, and a frame or two to look ahead.
        for _ in 0..8 {
            if self.given >= units {
                break;
            }
            out.extend(self.push(&silence)?);
        }
        Ok(out)
    }

    fn push(&mut self, mut samples: &[i16]) -> Result<Vec<AccessUnit>, Error> {
        let whole = FRAME * usize::from(self.config.channels);
        let mut units = Vec::new();
        while self.rest.len() + samples.len() >= whole {
            let (head, tail) = samples.split_at(whole - self.rest.len());
            self.rest.extend_from_slice(head);
            samples = tail;
            let coded = self.library.frame(&self.rest)?;
            self.rest.clear();
            units.extend(coded.map(|data| self.unit(data)));
        }
        self.rest.extend_from_slice(samples);
        Ok(units)
    }

    fn unit(&mut self, data: Bytes) -> AccessUnit {
        let first = self.given.saturating_mul(u64::from(aac::Config::FRAME));
        let offset = i64::try_from(first).unwrap_or(i64::MAX).saturating_sub(self.delay().into());
        self.given += 1;
        let pts = self.start.plus(Timestamp::new(offset, self.start.scale));
        AccessUnit { kind: Kind::Audio, dts: pts, pts, key: true, data }
    }
}

const FRAME: usize = aac::Config::FRAME as usize;

impl std::fmt::Debug for Encoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "aac::Encoder({}, {:?}, {} units)", Library::NAME, self.config, self.given)
    }
}

impl Config {
    fn check(&self) -> Result<(), Error> {
        const RATES: [u32; 9] = [8000, 11_025, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000];
        let Self { sample_rate, channels, bitrate } = *self;
        let setting = |what, value, possible, allowed| {
            if possible { Ok(()) } else { Err(Error::Setting { what, value, allowed }) }
        };
        let rate = RATES.contains(&sample_rate);
        setting("sample rate", sample_rate, rate, "8, 11.025, 16, 22.05, 24, 32, 44.1, 48 or 96 kHz")?;
        setting("channel count", channels.into(), (1..=2).contains(&channels), "1 or 2")?;
        setting("bitrate", bitrate, (16_000..=320_000).contains(&bitrate), "from 16000 to 320000 bit/s")
    }
}
