//! Any picture to I420 of one size: libswscale behind a context that is kept from picture to picture.

use std::ffi::c_int;
use std::ptr::{self, NonNull};

use ffmpeg_next::ffi::{self, AVPixelFormat};
use ffmpeg_next::format::Pixel;
use ffmpeg_next::frame;
use media::Timestamp;

use crate::picture::{self, Colour, Picture, Plane};

mod layout;
#[cfg(test)]
mod tests;

use layout::Layout;

/// Layouts of pixels as cameras and screens give them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Planar 4:2:0: Y, U, V one after the other.
    I420,
    /// Y, then U and V in turns, 4:2:0.
    Nv12,
    /// Packed Y U Y V, 4:2:2 (also called YUY2).
    Yuyv,
    /// Packed U Y V Y, 4:2:2.
    Uyvy,
    /// Packed R, G, B, a byte each.
    Rgb24,
    /// Packed B, G, R, a byte each.
    Bgr24,
    /// Packed B, G, R, unused, a byte each.
    Bgra,
    /// Luma only.
    Gray,
}

/// Pixels as a device hands them over: tightly packed rows (no padding), limited range where YUV.
#[derive(Clone, Copy, Debug)]
pub struct Raw<'a> {
    /// How `data` is laid out.
    pub format: Format,
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
    /// At least as many bytes as the format needs; more are ignored.
    pub data: &'a [u8],
}

/// What to do with a source of another shape.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fit {
    /// Keep the aspect ratio, black bars around it.
    #[default]
    Letterbox,
    /// Fill the picture, distorting it.
    Stretch,
}

/// Why a picture can't be converted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The result can't exist.
    #[error(transparent)]
    Picture(#[from] picture::Error),
    /// Fewer bytes than the format takes.
    #[error("a {format:?} picture of {width}x{height} takes {need} bytes, but {have} came")]
    Short {
        /// Claimed layout.
        format: Format,
        /// Claimed pixels across.
        width: u32,
        /// Claimed pixels down.
        height: u32,
        /// Bytes needed.
        need: usize,
        /// Bytes given.
        have: usize,
    },
    /// The source has no pixels, too many, or a side that its layout can't have.
    #[error("a source picture of {width}x{height} is not possible")]
    Source {
        /// Claimed pixels across.
        width: u32,
        /// Claimed pixels down.
        height: u32,
    },
    /// libswscale refused.
    #[error("libswscale can't convert {0}")]
    Library(String),
}

/// Converts pictures of any size and format to one size. Cheap where nothing changes from picture to picture.
#[derive(Debug)]
pub struct Scaler {
    width: u32,
    height: u32,
    fit: Fit,
    context: Option<Context>,
    /// A device's pixels with room behind them: libswscale may read past the end.
    padded: Vec<u8>,
}

impl Scaler {
    /// To pictures of `width` x `height`.
    pub fn new(width: u32, height: u32, fit: Fit) -> Result<Self, Error> {
        crate::av::init();
        picture::check_size(width, height)?;
        Ok(Self { width, height, fit, context: None, padded: Vec::new() })
    }

    /// Of what comes out.
    pub(crate) fn size(&self) -> (u32, u32) {
        (self.width, self.height)
    }

    /// A device's pixels, which follow `colour` where they are YUV; RGB becomes the colour assumed of the target's size.
    pub fn convert(&mut self, raw: &Raw<'_>, colour: Colour, at: Timestamp) -> Result<Picture, Error> {
        let layout = Layout::of(raw)?;
        let mut padded = std::mem::take(&mut self.padded);
        padded.clear();
        padded.extend_from_slice(&raw.data[..layout.need]);
        padded.resize(layout.need + PADDING, 0);
        let source = Source {
            planes: layout.offsets.map(|offset| match offset {
                Some(offset) => padded[offset..].as_ptr(),
                None => ptr::null(),
            }),
            strides: layout.strides,
            format: layout.format,
            width: raw.width,
            height: raw.height,
            sample_aspect: 1.0,
            colour: (!layout.rgb).then_some(colour),
            full_range: false,
        };
        // SAFETY: `Layout` placed every plane within `need` bytes of `padded`, which lives until the end of this function.
        let picture = unsafe { self.run(&source, at) };
        self.padded = padded;
        picture
    }

    /// A picture of another size. The same size is a copy.
    pub fn scale(&mut self, picture: &Picture) -> Result<Picture, Error> {
        if (picture.width(), picture.height()) == (self.width, self.height) {
            return Ok(picture.clone());
        }
        let plane = |p| picture.plane(p).as_ptr();
        let stride = |p| picture.stride(p) as c_int;
        let source = Source {
            planes: [plane(Plane::Y), plane(Plane::U), plane(Plane::V), ptr::null()],
            strides: [stride(Plane::Y), stride(Plane::U), stride(Plane::V), 0],
            format: AVPixelFormat::AV_PIX_FMT_YUV420P,
            width: picture.width(),
            height: picture.height(),
            sample_aspect: 1.0,
            colour: Some(picture.colour),
            full_range: false,
        };
        // SAFETY: a `Picture` owns planes of its size, with padding.
        unsafe { self.run(&source, picture.at) }
    }

    /// A decoded frame; its own colour where it says one, else what is assumed of its size.
    pub(crate) fn frame(&mut self, frame: &frame::Video, at: Timestamp) -> Result<Picture, Error> {
        let (width, height) = (frame.width(), frame.height());
        let format = frame.format();
        let unknown = || Error::Library(format!("{format:?}"));
        let descriptor = format.descriptor().ok_or_else(unknown)?;
        // SAFETY: libavutil's descriptors are static.
        let flags = unsafe { (*descriptor.as_ptr()).flags };
        if flags & ffi::AV_PIX_FMT_FLAG_HWACCEL as u64 != 0 {
            return Err(unknown());
        }
        let rgb = flags & ffi::AV_PIX_FMT_FLAG_RGB as u64 != 0;
        // SAFETY: the frame is a valid AVFrame for as long as it is borrowed.
        let raw = unsafe { &*frame.as_ptr() };
        let aspect = f64::from(raw.sample_aspect_ratio.num) / f64::from(raw.sample_aspect_ratio.den.max(1));
        let source = Source {
            planes: [0, 1, 2, 3].map(|i| raw.data[i].cast_const()),
            strides: [0, 1, 2, 3].map(|i| raw.linesize[i]),
            format: format.into(),
            width,
            height,
            sample_aspect: if (0.1..=10.0).contains(&aspect) { aspect } else { 1.0 },
            colour: (!rgb).then(|| colour_of(frame.color_space(), height)),
            full_range: raw.color_range == ffi::AVColorRange::AVCOL_RANGE_JPEG || is_full_range(format),
        };
        // SAFETY: libavcodec allocates planes of the frame's size and format, with the padding that libswscale wants.
        unsafe { self.run(&source, at) }
    }

    /// # Safety
    /// The planes must hold a picture of the source's size, strides and format, and `PADDING` bytes after it.
    unsafe fn run(&mut self, source: &Source, at: Timestamp) -> Result<Picture, Error> {
        let mut target = Picture::black(self.width, self.height, at)?;
        target.colour = source.colour.unwrap_or(target.colour);
        let inner = self.inner(source)?;
        let key = Key {
            format: source.format,
            width: source.width,
            height: source.height,
            inner_size: inner.size,
            colour: target.colour,
            full_range: source.full_range,
        };
        let context = match self.context.take() {
            Some(context) if context.key == key => context,
            _ => Context::new(key)?,
        };
        let (x, y) = inner.at;
        let strides = [Plane::Y, Plane::U, Plane::V].map(|p| target.stride(p));
        let offsets = [y * strides[0] + x, y / 2 * strides[1] + x / 2, y / 2 * strides[2] + x / 2];
        let mut planes = [ptr::null_mut(); 4];
        for (i, plane) in Plane::ALL.into_iter().enumerate() {
            planes[i] = target.plane_mut(plane)[offsets[i]..].as_mut_ptr();
        }
        let strides = [strides[0] as c_int, strides[1] as c_int, strides[2] as c_int, 0];
        // SAFETY: the source is the caller's promise; the target's planes were just taken from an exclusively owned picture
        // of which `inner` is a part, with padding at its end.
        let lines = unsafe {
            ffi::sws_scale(
                context.pointer.as_ptr(),
                source.planes.as_ptr(),
                source.strides.as_ptr(),
                0,
                source.height as c_int,
                planes.as_ptr(),
                strides.as_ptr(),
            )
        };
        self.context = Some(context);
        if lines <= 0 {
            return Err(Error::Library(format!("{:?}", source.format)));
        }
        bars(&mut target, inner);
        Ok(target)
    }

    /// Where the source goes, at even coordinates.
    fn inner(&self, source: &Source) -> Result<Rectangle, Error> {
        let Source { width, height, .. } = *source;
        if !(1..=MAX_SOURCE).contains(&width) || !(1..=MAX_SOURCE).contains(&height) {
            return Err(Error::Source { width, height });
        }
        let whole = (self.width as usize, self.height as usize);
        if self.fit == Fit::Stretch {
            return Ok(Rectangle { at: (0, 0), size: whole });
        }
        let source_aspect = f64::from(width) * source.sample_aspect / f64::from(height);
        let even = |side: f64, most: usize| (((side / 2.0).round() as usize) * 2).clamp(2, most);
        let size = if source_aspect > whole.0 as f64 / whole.1 as f64 {
            (whole.0, even(whole.0 as f64 / source_aspect, whole.1))
        } else {
            (even(whole.1 as f64 * source_aspect, whole.0), whole.1)
        };
        Ok(Rectangle { at: ((whole.0 - size.0) / 4 * 2, (whole.1 - size.1) / 4 * 2), size })
    }
}

/// Longest side of a source: what libswscale takes with room to spare.
const MAX_SOURCE: u32 = 16_384;
const PADDING: usize = 64;

#[derive(Clone, Copy)]
struct Rectangle {
    at: (usize, usize),
    size: (usize, usize),
}

/// Painted after scaling, whose vector code may write a few pixels beyond its rectangle.
fn bars(picture: &mut Picture, inner: Rectangle) {
    const BLACK: [u8; 3] = [16, 128, 128];
    let (width, height) = (picture.width(), picture.height());
    let (x, y) = (inner.at.0 as u32, inner.at.1 as u32);
    let (right, bottom) = (x + inner.size.0 as u32, y + inner.size.1 as u32);
    picture.fill((0, 0), (width, y), BLACK);
    picture.fill((0, bottom), (width, height - bottom), BLACK);
    picture.fill((0, y), (x, bottom - y), BLACK);
    picture.fill((right, y), (width - right, bottom - y), BLACK);
}

pub(crate) fn colour_of(space: ffmpeg_next::color::Space, height: u32) -> Colour {
    use ffmpeg_next::color::Space;
    match space {
        Space::BT709 => Colour::Bt709,
        Space::BT470BG | Space::SMPTE170M => Colour::Bt601,
        _ => Colour::assumed(height),
    }
}

fn is_full_range(format: Pixel) -> bool {
    matches!(format, Pixel::YUVJ420P | Pixel::YUVJ422P | Pixel::YUVJ444P | Pixel::YUVJ440P | Pixel::YUVJ411P)
}

struct Source {
    planes: [*const u8; 4],
    strides: [c_int; 4],
    format: AVPixelFormat,
    width: u32,
    height: u32,
    sample_aspect: f64,
    /// `None` for RGB.
    colour: Option<Colour>,
    full_range: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Key {
    format: AVPixelFormat,
    width: u32,
    height: u32,
    inner_size: (usize, usize),
    colour: Colour,
    full_range: bool,
}

#[derive(Debug)]
struct Context {
    pointer: NonNull<ffi::SwsContext>,
    key: Key,
}

// SAFETY: an SwsContext is bound to no thread, and is only used through `&mut`.
unsafe impl Send for Context {}

impl Context {
    fn new(key: Key) -> Result<Self, Error> {
        let size = |side: usize| side as c_int;
        // SAFETY: sizes are positive and bounded; no filters, no parameters.
        let pointer = unsafe {
            ffi::sws_getContext(
                key.width as c_int,
                key.height as c_int,
                key.format,
                size(key.inner_size.0),
                size(key.inner_size.1),
                AVPixelFormat::AV_PIX_FMT_YUV420P,
                ffi::SWS_BILINEAR,
                ptr::null_mut(),
                ptr::null_mut(),
                ptr::null(),
            )
        };
        let pointer = NonNull::new(pointer).ok_or_else(|| Error::Library(format!("{:?}", key.format)))?;
        let matrix = match key.colour {
            Colour::Bt601 => ffi::SWS_CS_ITU601,
            Colour::Bt709 => ffi::SWS_CS_ITU709,
        };
        // SAFETY: the context was just made; the tables are static. The same matrix on both sides: only the range changes.
        unsafe {
            let table = ffi::sws_getCoefficients(matrix);
            let one = 1 << 16;
            ffi::sws_setColorspaceDetails(
                pointer.as_ptr(),
                table,
                c_int::from(key.full_range),
                table,
                0,
                0,
                one,
                one,
            );
        }
        Ok(Self { pointer, key })
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: made by sws_getContext, and never used again.
        unsafe { ffi::sws_freeContext(self.pointer.as_ptr()) }
    }
}
