//! JPEG pictures from cameras (Motion JPEG) through libavcodec.

use ffmpeg_next::{Packet, codec, decoder, frame};
use media::Timestamp;

use crate::{picture::Picture, scale};

/// Why a JPEG can't be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Not a JPEG, cut short, or damaged. The next one may be fine.
    #[error("bad JPEG of {bytes} bytes from the camera: {reason}")]
    Picture {
        /// Its size.
        bytes: usize,
        /// libavcodec's words.
        reason: String,
    },
    /// The decoder isn't in this FFmpeg.
    #[error("this FFmpeg has no MJPEG decoder: {0}")]
    Library(String),
    /// Decoded, but can't be scaled.
    #[error(transparent)]
    Scale(#[from] scale::Error),
}

/// Decodes one JPEG after the other.
pub struct Decoder {
    decoder: decoder::Video,
    frame: frame::Video,
}

impl Decoder {
    /// Ready for the first picture.
    pub fn new() -> Result<Self, Error> {
        crate::av::init();
        let library = |e: ffmpeg_next::Error| Error::Library(e.to_string());
        let codec =
            decoder::find(codec::Id::MJPEG).ok_or_else(|| library(ffmpeg_next::Error::DecoderNotFound))?;
        let decoder = codec::Context::new_with_codec(codec).decoder().video().map_err(library)?;
        Ok(Self { decoder, frame: frame::Video::empty() })
    }

    /// One JPEG, brought to the scaler's size.
    pub fn decode(
        &mut self,
        jpeg: &[u8],
        scaler: &mut scale::Scaler,
        at: Timestamp,
    ) -> Result<Picture, Error> {
        let bad = |e: ffmpeg_next::Error| Error::Picture { bytes: jpeg.len(), reason: e.to_string() };
        self.decoder.send_packet(&Packet::copy(jpeg)).map_err(bad)?;
        self.decoder.receive_frame(&mut self.frame).map_err(bad)?;
        if self.frame.has_decode_errors() {
            return Err(Error::Picture { bytes: jpeg.len(), reason: "damaged".to_owned() });
        }
        Ok(scaler.frame(&self.frame, at)?)
    }
}

impl std::fmt::Debug for Decoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("mjpeg::Decoder")
    }
}
