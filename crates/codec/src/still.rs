//! A picture out of a JPEG or PNG file, through libavcodec.

use ffmpeg_next::{Packet, codec, decoder, frame};
use media::Timestamp;

use crate::frame::Frame;
use crate::picture::Picture;
use crate::scale::{self, Fit, Scaler};

/// Pixels of a file, at most: a picture of 8192x4320 and some.
pub const MAX_PIXELS: i64 = 40_000_000;

/// Why a file can't be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Neither of the two.
    #[error("the picture is neither a JPEG nor a PNG file")]
    Format,
    /// Cut short, damaged, or larger than [`MAX_PIXELS`].
    #[error("the picture can't be read: {0}")]
    Data(String),
    /// The decoder isn't in this FFmpeg.
    #[error("this FFmpeg can't read such pictures: {0}")]
    Library(String),
    /// Read, but can't be scaled.
    #[error(transparent)]
    Scale(#[from] scale::Error),
}

/// What a file is, by its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Jpeg,
    Png,
}

fn format(file: &[u8]) -> Option<Format> {
    if file.starts_with(&[0xff, 0xd8, 0xff]) {
        Some(Format::Jpeg)
    } else if file.starts_with(b"\x89PNG\r\n\x1a\n") {
        Some(Format::Png)
    } else {
        None
    }
}

/// The picture at this size (both even), its shape kept, with black bars where it needs them.
pub fn decode(file: &[u8], width: u32, height: u32) -> Result<Picture, Error> {
    Ok(Scaler::new(width, height, Fit::Letterbox)?.frame(&read(file)?, Timestamp::millis(0))?)
}

/// The picture as it is, what one can see through included.
pub fn frame(file: &[u8]) -> Result<Frame, Error> {
    Frame::of_video(&read(file)?).map_err(|error| Error::Data(error.to_string()))
}

fn read(file: &[u8]) -> Result<frame::Video, Error> {
    crate::av::init();
    let id = match format(file).ok_or(Error::Format)? {
        Format::Jpeg => codec::Id::MJPEG,
        Format::Png => codec::Id::PNG,
    };
    let library = |e: ffmpeg_next::Error| Error::Library(e.to_string());
    let bad = |e: ffmpeg_next::Error| Error::Data(e.to_string());
    let found = decoder::find(id).ok_or_else(|| library(ffmpeg_next::Error::DecoderNotFound))?;
    let mut context = codec::Context::new_with_codec(found);
    // SAFETY: the context is not open yet; this only sets a number.
    unsafe { (*context.as_mut_ptr()).max_pixels = MAX_PIXELS };
    let mut decoder = context.decoder().video().map_err(library)?;
    decoder.send_packet(&Packet::copy(file)).map_err(bad)?;
    decoder.send_eof().map_err(bad)?;
    let mut frame = frame::Video::empty();
    decoder.receive_frame(&mut frame).map_err(bad)?;
    if frame.has_decode_errors() {
        return Err(Error::Data("it is damaged".to_owned()));
    }
    Ok(frame)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::picture::Plane;

    /// 2x1 pixels, white.
    const PNG: &[u8] = b"\x89PNG\x0d\x0a\x1a\x0a\x00\x00\x00\x0dIHDR\x00\x00\x00\x02\x00\x00\x00\x01\x08\x00\x00\x00\x00\xd1I V\x00\x00\x00\x0bIDATx\x9cc\xf8\xff\x1f\x00\x03\x00\x01\xff\xfc%\xdcQ\x00\x00\x00\x00IEND\xaeB`\x82";

    #[test]
    fn a_png_keeps_its_shape() {
        let picture = decode(PNG, 64, 64).unwrap();
        let row = |y: usize| picture.plane(Plane::Y)[y * picture.stride(Plane::Y) + 32];
        assert_eq!((row(4), row(60)), (16, 16), "bars above and below");
        assert!(row(32) > 200, "white in the middle: {}", row(32));
    }

    #[test]
    fn other_files_are_refused() {
        assert_eq!(decode(b"GIF89a", 64, 64), Err(Error::Format));
        assert_eq!(decode(b"", 64, 64), Err(Error::Format));
        assert!(matches!(decode(&PNG[..40], 64, 64), Err(Error::Data(_))));
        // A claim of 65536 x 65536 pixels.
        let mut huge = PNG.to_vec();
        huge[16..24].copy_from_slice(&[0, 1, 0, 0, 0, 1, 0, 0]);
        assert!(matches!(decode(&huge, 64, 64), Err(Error::Data(_))));
    }
}
