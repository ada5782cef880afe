//! Small pictures for people: a decoded frame shrunk, put together, and written as JPEG or WebP through libav.
//!
//! RGB in between: JFIF and WebP mean BT.601, whatever the video was.

use std::mem::ManuallyDrop;

use bytes::Bytes;
use ffmpeg_next::format::Pixel;
use ffmpeg_next::software::scaling::{Context, Flags};
use ffmpeg_next::{Packet, codec, encoder, ffi, frame};

use crate::frame::Frame;
use crate::picture::Colour;

/// Longest side, in pixels.
pub const MAX_SIDE: u32 = 4096;
const MIN_SIDE: u32 = 16;

/// Why an image can't be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Sides must be even, from 16 to [`MAX_SIDE`].
    #[error(
        "an image of {width}x{height} is not possible: both sides must be even, from {MIN_SIDE} to {MAX_SIDE}"
    )]
    Size {
        /// Pixels across.
        width: u32,
        /// Pixels down.
        height: u32,
    },
    /// The frame isn't a picture in memory.
    #[error("the frame has no pixels that can be read")]
    Frame,
    /// A library of FFmpeg refused.
    #[error("{doing} failed: {reason}")]
    Library {
        /// What it was to do.
        doing: &'static str,
        /// Its words.
        reason: String,
    },
}

/// Packed 8-bit RGB in square pixels. Sides are even.
pub struct Image(frame::Video);

impl Image {
    /// Black.
    pub fn black(width: u32, height: u32) -> Result<Self, Error> {
        let mut image = Self(blank(Pixel::RGB24, width, height)?);
        image.0.data_mut(0).fill(0);
        Ok(image)
    }

    /// A decoded picture in the shape that it is shown in, its longest side at most this long.
    pub fn of(picture: &Frame, longest: u32) -> Result<Self, Error> {
        crate::av::init();
        // SAFETY: borrowed for as long as `picture` is, only read, and never dropped: dropping frees it, wrapped or not.
        let source = unsafe { frame::Video::wrap(std::ptr::from_ref(picture.raw()).cast_mut()) };
        let source = ManuallyDrop::new(source);
        let format = source.format();
        let readable = format.descriptor().is_some_and(|descriptor| {
            // SAFETY: libavutil's descriptors are static.
            let flags = unsafe { (*descriptor.as_ptr()).flags };
            flags & ffi::AV_PIX_FMT_FLAG_HWACCEL as u64 == 0
        });
        if !readable || picture.width() == 0 || picture.raw().data[0].is_null() {
            return Err(Error::Frame);
        }
        let aspect = &picture.raw().sample_aspect_ratio;
        let aspect = f64::from(aspect.num) / f64::from(aspect.den.max(1));
        let aspect = if (0.1..=10.0).contains(&aspect) { aspect } else { 1.0 };
        let (width, height) = fit(f64::from(picture.width()) * aspect, picture.height().into(), longest);
        let colour = Some((picture.colour(), full_range(picture, format)));
        convert(&source, Pixel::RGB24, (width, height), colour).map(Self)
    }

    /// Pixels across.
    pub fn width(&self) -> u32 {
        self.0.width()
    }

    /// Pixels down.
    pub fn height(&self) -> u32 {
        self.0.height()
    }

    /// The same, its longest side at most this long.
    pub fn shrunk(&self, longest: u32) -> Result<Self, Error> {
        let size = fit(self.width().into(), self.height().into(), longest);
        convert(&self.0, Pixel::RGB24, size, None).map(Self)
    }

    /// Lays another image over this one with its corner at `x`, `y`; what doesn't fit is left out.
    pub fn paste(&mut self, other: &Self, (x, y): (u32, u32)) {
        let rows = other.height().min(self.height().saturating_sub(y)) as usize;
        let bytes = 3 * other.width().min(self.width().saturating_sub(x)) as usize;
        let (from, to) = (other.0.stride(0), self.0.stride(0));
        let (x, y) = (3 * x as usize, y as usize);
        for row in 0..rows {
            let source = &other.0.data(0)[row * from..][..bytes];
            self.0.data_mut(0)[(y + row) * to + x..][..bytes].copy_from_slice(source);
        }
    }

    /// As a JPEG file. `quality`: 2, the best, to 31.
    pub fn jpeg(&self, quality: u8) -> Result<Bytes, Error> {
        let size = (self.width(), self.height());
        let picture = convert(&self.0, Pixel::YUVJ420P, size, None)?;
        let scale = i32::from(quality.clamp(2, 31)) * ffi::FF_QP2LAMBDA;
        encode("writing a JPEG", codec::Id::MJPEG, picture, scale).and_then(|file| {
            file.ok_or_else(|| refused("writing a JPEG")(ffmpeg_next::Error::EncoderNotFound))
        })
    }

    /// As a WebP file; `None` where this FFmpeg can't. `quality`: 0 to 100, the best.
    pub fn webp(&self, quality: u8) -> Result<Option<Bytes>, Error> {
        let size = (self.width(), self.height());
        let picture = convert(&self.0, Pixel::YUV420P, size, None)?;
        let scale = i32::from(quality.min(100)) * ffi::FF_QP2LAMBDA;
        encode("writing a WebP", codec::Id::WEBP, picture, scale)
    }
}

impl std::fmt::Debug for Image {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Image({}x{})", self.width(), self.height())
    }
}

/// Even sides of this shape, no larger than they are and the longest at most so long.
fn fit(width: f64, height: f64, longest: u32) -> (u32, u32) {
    let by = (f64::from(longest) / width.max(height)).min(1.0);
    let even = |side: f64| ((side * by / 2.0).round() as u32 * 2).clamp(MIN_SIDE, MAX_SIDE);
    (even(width), even(height))
}

fn full_range(picture: &Frame, format: Pixel) -> bool {
    let told = picture.raw().color_range == ffi::AVColorRange::AVCOL_RANGE_JPEG;
    told || matches!(format, Pixel::YUVJ420P | Pixel::YUVJ422P | Pixel::YUVJ444P | Pixel::YUVJ440P)
}

fn refused(doing: &'static str) -> impl Fn(ffmpeg_next::Error) -> Error {
    move |error| Error::Library { doing, reason: error.to_string() }
}

fn blank(format: Pixel, width: u32, height: u32) -> Result<frame::Video, Error> {
    crate::av::init();
    let fits = |side: u32| side.is_multiple_of(2) && (MIN_SIDE..=MAX_SIDE).contains(&side);
    if !fits(width) || !fits(height) {
        return Err(Error::Size { width, height });
    }
    let frame = frame::Video::new(format, width, height);
    // SAFETY: a valid frame; without memory it has no planes.
    if unsafe { (*frame.as_ptr()).data[0].is_null() } {
        return Err(refused("making room for an image")(ffmpeg_next::Error::Other {
            errno: ffmpeg_next::error::ENOMEM,
        }));
    }
    Ok(frame)
}

/// `colour`: of a source that is YUV, its matrix and whether its range is full.
fn convert(
    source: &frame::Video,
    format: Pixel,
    (width, height): (u32, u32),
    colour: Option<(Colour, bool)>,
) -> Result<frame::Video, Error> {
    let mut target = blank(format, width, height)?;
    let scaling = refused("scaling an image");
    let flags = Flags::BILINEAR | Flags::ACCURATE_RND;
    let (from, size) = (source.format(), (source.width(), source.height()));
    let mut context = Context::get(from, size.0, size.1, format, width, height, flags).map_err(&scaling)?;
    if let Some((matrix, full)) = colour {
        let matrix = match matrix {
            Colour::Bt601 => ffi::SWS_CS_ITU601,
            Colour::Bt709 => ffi::SWS_CS_ITU709,
        };
        // SAFETY: a valid context; the tables are static. RGB has no matrix: the second is that of nothing.
        unsafe {
            let (from, to) = (ffi::sws_getCoefficients(matrix), ffi::sws_getCoefficients(ffi::SWS_CS_ITU601));
            let one = 1 << 16;
            ffi::sws_setColorspaceDetails(context.as_mut_ptr(), from, i32::from(full), to, 1, 0, one, one);
        }
    }
    context.run(source, &mut target).map_err(scaling)?;
    Ok(target)
}

/// One picture as a file; `None` where this FFmpeg has no such encoder.
fn encode(
    doing: &'static str,
    id: codec::Id,
    mut picture: frame::Video,
    quality: i32,
) -> Result<Option<Bytes>, Error> {
    let failed = refused(doing);
    let Some(found) = encoder::find(id) else { return Ok(None) };
    let mut settings = codec::Context::new_with_codec(found).encoder().video().map_err(&failed)?;
    settings.set_width(picture.width());
    settings.set_height(picture.height());
    settings.set_format(picture.format());
    settings.set_time_base((1, 25));
    settings.set_flags(codec::Flags::QSCALE);
    settings.set_global_quality(quality);
    let mut encoder = settings.open_as(found).map_err(&failed)?;
    picture.set_pts(Some(0));
    // SAFETY: a valid frame; a number of its own.
    unsafe { (*picture.as_mut_ptr()).quality = quality };
    encoder.send_frame(&picture).map_err(&failed)?;
    encoder.send_eof().map_err(&failed)?;
    let mut packet = Packet::empty();
    encoder.receive_packet(&mut packet).map_err(&failed)?;
    Ok(packet.data().map(Bytes::copy_from_slice))
}

#[cfg(test)]
mod tests;
