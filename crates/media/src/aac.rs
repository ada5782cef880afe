//! AAC as it travels in FLV and MP4: the AudioSpecificConfig.
//!
//! Source: ISO/IEC 14496-3 §1.6.2.1.

use bytes::Bytes;

mod silent;
#[cfg(test)]
mod tests;

/// Longest AudioSpecificConfig taken, in bytes: a program config element of 8 channels stays below it.
pub const MAX_ASC: usize = 64;

const SAMPLE_RATES: [u32; 13] =
    [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350];

/// An AudioSpecificConfig and what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The AudioSpecificConfig, as it goes into the `esds` box.
    pub asc: Bytes,
    /// Audio object type: 2 is AAC-LC, 5 HE-AAC, 29 HE-AAC v2.
    pub object_type: u8,
    /// Hz, of the core coder (half the output rate of explicitly signalled HE-AAC): a frame is always 1024 of its samples.
    pub sample_rate: u32,
    /// 1 to 8.
    pub channels: u8,
}

/// Why an AudioSpecificConfig can't be taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The bytes end too early.
    #[error("AudioSpecificConfig is cut short")]
    Truncated,
    /// Over [`MAX_ASC`].
    #[error("AudioSpecificConfig of {0} bytes (at most {MAX_ASC} are taken)")]
    TooLong(usize),
    /// Not AAC-LC or built on it.
    #[error("audio object type {0}: publish AAC-LC")]
    ObjectType(u8),
    /// A reserved index, or below 7,350 or above 96,000 Hz.
    #[error("AAC sample rate {0}")]
    SampleRate(u32),
    /// No channel configuration (0: in a program config element), or a reserved one.
    #[error("AAC channel configuration {0}: publish mono, stereo, or up to 7.1")]
    Channels(u8),
    /// Frames of 960 samples (broadcast radio).
    #[error("AAC frames of 960 samples: publish frames of 1024")]
    ShortFrames,
}

impl Config {
    /// Samples a frame and channel.
    pub const FRAME: u32 = 1024;

    /// Reads an AudioSpecificConfig.
    pub fn parse(asc: &Bytes) -> Result<Self, Error> {
        if asc.len() > MAX_ASC {
            return Err(Error::TooLong(asc.len()));
        }
        let mut bits = Bits { bytes: asc, at: 0 };
        let object_type = bits.object_type()?;
        let sample_rate = bits.sample_rate()?;
        let channels = match bits.take(4)? as u8 {
            n @ 1..=6 => n,
            7 => 8,
            n => return Err(Error::Channels(n)),
        };
        let core = match object_type {
            5 | 29 => {
                bits.sample_rate()?; // of the extension: what comes out of the decoder
                bits.object_type()?
            }
            n => n,
        };
        if core != 2 {
            return Err(Error::ObjectType(core));
        }
        if bits.take(1)? == 1 {
            return Err(Error::ShortFrames);
        }
        Ok(Self { asc: asc.clone(), object_type, sample_rate, channels })
    }

    /// AAC-LC as announced, without a word from its encoder; `None` where there is no such configuration.
    pub fn announced(sample_rate: u32, channels: u8) -> Option<Self> {
        let rate = SAMPLE_RATES.iter().position(|hz| *hz == sample_rate)? as u16;
        let layout = match channels {
            1..=6 => u16::from(channels),
            8 => 7,
            _ => return None,
        };
        let asc = 2 << 11 | rate << 7 | layout << 3;
        Some(Self { asc: Bytes::copy_from_slice(&asc.to_be_bytes()), object_type: 2, sample_rate, channels })
    }

    /// One raw_data_block without a sound, for these channels; the same at every sample rate.
    pub fn silent_frame(&self) -> Bytes {
        silent::frame(self.channels)
    }

    /// `mp4a.40.2` and the like.
    pub fn rfc6381(&self) -> String {
        format!("mp4a.40.{}", self.object_type)
    }
}

struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    fn take(&mut self, count: usize) -> Result<u32, Error> {
        (0..count).try_fold(0, |value, _| {
            let byte = self.bytes.get(self.at / 8).ok_or(Error::Truncated)?;
            let bit = byte >> (7 - self.at % 8) & 1;
            self.at += 1;
            Ok(value << 1 | u32::from(bit))
        })
    }

    fn object_type(&mut self) -> Result<u8, Error> {
        match self.take(5)? {
            31 => Ok(32 + self.take(6)? as u8),
            n => Ok(n as u8),
        }
    }

    fn sample_rate(&mut self) -> Result<u32, Error> {
        let hz = match self.take(4)? as usize {
            15 => self.take(24)?,
            index => *SAMPLE_RATES.get(index).ok_or(Error::SampleRate(index as u32))?,
        };
        if (7_350..=96_000).contains(&hz) { Ok(hz) } else { Err(Error::SampleRate(hz)) }
    }
}
