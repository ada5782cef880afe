//! H.264 by the encoder that is wanted, and by x264 where that doesn't work.

use media::{AccessUnit, Timestamp, Track};

use crate::frame::Frame;
use crate::hardware;
use crate::picture::Picture;
use crate::x264;

/// One H.264 stream.
#[derive(Debug)]
pub enum Encoder {
    /// By the processor.
    X264(x264::Encoder),
    /// By graphics hardware.
    Hardware(hardware::Encoder),
}

/// Why encoding can't be.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Error {
    /// x264's.
    #[error(transparent)]
    X264(x264::Error),
    /// Of the hardware or its driver.
    #[error("the encoder {name}: {error}")]
    Hardware {
        /// Which one.
        name: &'static str,
        /// What is wrong.
        error: hardware::Error,
    },
}

impl Error {
    /// Two pictures at one time: drop this one.
    pub fn is_order(&self) -> bool {
        let order = |error: &x264::Error| matches!(error, x264::Error::Order { .. });
        match self {
            Self::X264(error) => order(error),
            Self::Hardware { error: hardware::Error::Config(error), .. } => order(error),
            Self::Hardware { .. } => false,
        }
    }

    /// Another encoder may do better.
    pub fn is_hardware(&self) -> bool {
        matches!(self, Self::Hardware { error, .. } if !matches!(error, hardware::Error::Config(_)))
    }
}

impl Encoder {
    /// Opens the encoder that is wanted, and x264 where none is, or where that can't be opened: then with the reason.
    pub fn new(
        wanted: Option<hardware::Kind>,
        config: &x264::Config,
    ) -> Result<(Self, Option<Error>), Error> {
        let refused = match wanted.map(|kind| (kind, hardware::Encoder::new(kind, config))) {
            Some((_, Ok(encoder))) => return Ok((Self::Hardware(encoder), None)),
            Some((kind, Err(error))) => Some(Error::Hardware { name: kind.name(), error }),
            None => None,
        };
        let encoder = x264::Encoder::new(config).map_err(Error::X264)?;
        Ok((Self::X264(encoder), refused))
    }

    /// `x264`, `nvenc` …
    pub fn name(&self) -> &'static str {
        match self {
            Self::X264(_) => "x264",
            Self::Hardware(encoder) => encoder.kind().name(),
        }
    }

    /// The stream's decoder configuration: `avcC` with 4-byte lengths. Constant for the encoder's life.
    pub fn track(&self) -> &Track {
        match self {
            Self::X264(encoder) => encoder.track(),
            Self::Hardware(encoder) => encoder.track(),
        }
    }

    /// What it encodes.
    pub fn config(&self) -> &x264::Config {
        match self {
            Self::X264(encoder) => encoder.config(),
            Self::Hardware(encoder) => encoder.config(),
        }
    }

    /// Takes a picture shown at `pts`; gives the next access unit, if there is one.
    pub fn encode(
        &mut self,
        picture: &Picture,
        pts: Timestamp,
        force_key: bool,
    ) -> Result<Option<AccessUnit>, Error> {
        match self {
            Self::X264(encoder) => encoder.encode(picture, pts, force_key).map_err(Error::X264),
            Self::Hardware(encoder) => {
                encoder.encode(picture, pts, force_key).map_err(|error| failed(encoder, error))
            }
        }
    }

    /// The same for a decoded or filtered picture, which must be 8-bit 4:2:0.
    pub fn encode_frame(
        &mut self,
        frame: &Frame,
        pts: Timestamp,
        force_key: bool,
    ) -> Result<Option<AccessUnit>, Error> {
        match self {
            Self::X264(encoder) => encoder.encode_frame(frame, pts, force_key).map_err(Error::X264),
            Self::Hardware(encoder) => {
                encoder.encode_frame(frame, pts, force_key).map_err(|error| failed(encoder, error))
            }
        }
    }

    /// Another bitrate from the next picture on, without a key frame.
    pub fn reconfigure(&mut self, kbps: u32, vbv_ms: u32) -> Result<(), Error> {
        match self {
            Self::X264(encoder) => encoder.reconfigure(kbps, vbv_ms).map_err(Error::X264),
            Self::Hardware(encoder) => {
                encoder.reconfigure(kbps, vbv_ms).map_err(|error| failed(encoder, error))
            }
        }
    }

    /// Gives what is held back, one by one, until `None`. After the first call no more pictures may come.
    pub fn flush(&mut self) -> Result<Option<AccessUnit>, Error> {
        match self {
            Self::X264(encoder) => encoder.flush().map_err(Error::X264),
            Self::Hardware(encoder) => encoder.flush().map_err(|error| failed(encoder, error)),
        }
    }
}

fn failed(encoder: &hardware::Encoder, error: hardware::Error) -> Error {
    Error::Hardware { name: encoder.kind().name(), error }
}
