//! A decoded picture or stretch of sound as FFmpeg's libraries keep it: counted references, shared without a copy.

use std::marker::PhantomData;
use std::ptr::NonNull;

use ffmpeg_next::ffi;
use media::{Timescale, Timestamp};

use crate::picture::{self, Colour, Picture, Plane, Planes};

/// A picture in any layout of pixels, or samples in any format. Cheap to share; whoever writes makes it its own first.
pub struct Frame {
    pointer: NonNull<ffi::AVFrame>,
}

// SAFETY: libav's frames are bound to no thread; their buffers' counts are atomic.
unsafe impl Send for Frame {}
// SAFETY: `&Frame` only reads.
unsafe impl Sync for Frame {}

/// No memory for a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no memory for a picture or sound")]
pub struct NoMemory;

impl Frame {
    /// Without anything in it.
    pub(crate) fn empty() -> Result<Self, NoMemory> {
        // SAFETY: allocates, or gives null.
        let pointer = unsafe { ffi::av_frame_alloc() };
        NonNull::new(pointer).map(|pointer| Self { pointer }).ok_or(NoMemory)
    }

    /// Another reference to the same data.
    pub fn share(&self) -> Result<Self, NoMemory> {
        // SAFETY: a valid frame.
        let pointer = unsafe { ffi::av_frame_clone(self.pointer.as_ptr()) };
        NonNull::new(pointer).map(|pointer| Self { pointer }).ok_or(NoMemory)
    }

    /// A reference to what a decoder gave.
    pub(crate) fn of_video(video: &ffmpeg_next::frame::Video) -> Result<Self, NoMemory> {
        // SAFETY: a valid frame.
        let pointer = unsafe { ffi::av_frame_clone(video.as_ptr()) };
        NonNull::new(pointer).map(|pointer| Self { pointer }).ok_or(NoMemory)
    }

    /// An I420 copy of a picture.
    pub fn of_picture(picture: &Picture) -> Result<Self, NoMemory> {
        let mut frame =
            Self::blank(ffi::AVPixelFormat::AV_PIX_FMT_YUV420P, picture.width(), picture.height())?;
        frame.set_at(picture.at);
        let raw = frame.raw_mut();
        raw.sample_aspect_ratio = ffi::AVRational { num: 1, den: 1 };
        raw.color_range = ffi::AVColorRange::AVCOL_RANGE_MPEG;
        raw.colorspace = match picture.colour {
            Colour::Bt601 => ffi::AVColorSpace::AVCOL_SPC_SMPTE170M,
            Colour::Bt709 => ffi::AVColorSpace::AVCOL_SPC_BT709,
        };
        for (i, plane) in Plane::ALL.into_iter().enumerate() {
            for (row, pixels) in picture.rows(plane).enumerate() {
                // SAFETY: the frame's planes were allocated for this size and format.
                unsafe {
                    let to = raw.data[i].offset(raw.linesize[i] as isize * row as isize);
                    std::ptr::copy_nonoverlapping(pixels.as_ptr(), to, pixels.len());
                }
            }
        }
        Ok(frame)
    }

    /// The picture as one of ours; `None` where it isn't 8-bit 4:2:0 or no picture of ours can be of its size.
    pub fn to_picture(&self) -> Option<Picture> {
        use ffi::AVPixelFormat::{AV_PIX_FMT_YUV420P, AV_PIX_FMT_YUVJ420P};
        let format = self.raw().format;
        if format != AV_PIX_FMT_YUV420P as i32 && format != AV_PIX_FMT_YUVJ420P as i32 {
            return None;
        }
        let mut picture = Picture::black(self.width(), self.height(), self.at()?).ok()?;
        picture.colour = self.colour();
        for (i, plane) in Plane::ALL.into_iter().enumerate() {
            let (across, down) = picture.size(plane);
            let stride = picture.stride(plane);
            let raw = self.raw();
            for row in 0..down {
                // SAFETY: the frame's planes hold pictures of its size and format.
                let from = unsafe {
                    let start = raw.data[i].offset(raw.linesize[i] as isize * row as isize);
                    std::slice::from_raw_parts(start.cast_const(), across)
                };
                picture.plane_mut(plane)[row * stride..][..across].copy_from_slice(from);
            }
        }
        Some(picture)
    }

    /// Unset pixels of a size that [`picture::check_size`] takes or libav does.
    pub(crate) fn blank(format: ffi::AVPixelFormat, width: u32, height: u32) -> Result<Self, NoMemory> {
        let mut frame = Self::empty()?;
        let raw = frame.raw_mut();
        (raw.format, raw.width, raw.height) = (format as i32, width as i32, height as i32);
        // SAFETY: format and size are set; a failure leaves an empty frame.
        match unsafe { ffi::av_frame_get_buffer(frame.as_mut_ptr(), 0) } {
            0 => Ok(frame),
            _ => Err(NoMemory),
        }
    }

    /// When it is shown or heard, on the 90 kHz clock.
    pub fn at(&self) -> Option<Timestamp> {
        let ticks = match self.raw().pts {
            ffi::AV_NOPTS_VALUE => self.raw().best_effort_timestamp,
            pts => pts,
        };
        (ticks != ffi::AV_NOPTS_VALUE).then(|| Timestamp::new(ticks, Timescale::VIDEO))
    }

    /// Sets when it is shown or heard.
    pub fn set_at(&mut self, at: Timestamp) {
        self.raw_mut().pts = at.rescale(Timescale::VIDEO).ticks;
    }

    /// Pixels across; 0 for sound.
    pub fn width(&self) -> u32 {
        u32::try_from(self.raw().width).unwrap_or(0)
    }

    /// Pixels down; 0 for sound.
    pub fn height(&self) -> u32 {
        u32::try_from(self.raw().height).unwrap_or(0)
    }

    /// Sample times; 0 for pictures.
    pub fn samples(&self) -> u32 {
        u32::try_from(self.raw().nb_samples).unwrap_or(0)
    }

    /// Interleaved 16-bit samples, all channels; empty for anything else.
    pub fn pcm(&self) -> &[i16] {
        let raw = self.raw();
        if raw.format != ffi::AVSampleFormat::AV_SAMPLE_FMT_S16 as i32 || raw.data[0].is_null() {
            return &[];
        }
        let channels = usize::try_from(raw.ch_layout.nb_channels).unwrap_or(0);
        // SAFETY: packed 16-bit samples lie in the first plane, aligned by libav.
        unsafe { std::slice::from_raw_parts(raw.data[0].cast(), self.samples() as usize * channels) }
    }

    /// Interleaved floats, all channels, to be changed: a copy is made first where they are shared. Empty for anything else.
    pub(crate) fn floats_mut(&mut self) -> Result<&mut [f32], NoMemory> {
        if self.raw().format != ffi::AVSampleFormat::AV_SAMPLE_FMT_FLT as i32 || self.raw().data[0].is_null()
        {
            return Ok(&mut []);
        }
        // SAFETY: a valid frame; a failure leaves it as it was.
        if unsafe { ffi::av_frame_make_writable(self.as_mut_ptr()) } < 0 {
            return Err(NoMemory);
        }
        let count = self.samples() as usize * usize::try_from(self.raw().ch_layout.nb_channels).unwrap_or(0);
        // SAFETY: packed floats lie in the first plane, aligned by libav, now this frame's alone.
        Ok(unsafe { std::slice::from_raw_parts_mut(self.raw_mut().data[0].cast(), count) })
    }

    /// Whether its lines belong to two moments, by what its decoder said.
    pub fn interlaced(&self) -> bool {
        self.raw().interlaced_frame != 0
    }

    /// Which matrix its samples follow: what it says, else what is assumed of its size.
    pub fn colour(&self) -> Colour {
        match self.raw().colorspace {
            ffi::AVColorSpace::AVCOL_SPC_BT709 => Colour::Bt709,
            ffi::AVColorSpace::AVCOL_SPC_SMPTE170M | ffi::AVColorSpace::AVCOL_SPC_BT470BG => Colour::Bt601,
            _ => Colour::assumed(self.height()),
        }
    }

    /// Its samples; `None` where they aren't 8-bit 4:2:0 of limited range.
    pub(crate) fn planes(&self) -> Option<Planes<'_>> {
        let raw = self.raw();
        let fits = raw.format == ffi::AVPixelFormat::AV_PIX_FMT_YUV420P as i32
            && picture::check_size(self.width(), self.height()).is_ok();
        let mut planes = [(std::ptr::null(), 0); 3];
        for (i, plane) in planes.iter_mut().enumerate() {
            *plane = (raw.data[i].cast_const(), raw.linesize[i] as isize);
        }
        let (width, height) = (self.width(), self.height());
        fits.then_some(Planes { width, height, planes, owner: PhantomData })
    }

    pub(crate) fn raw(&self) -> &ffi::AVFrame {
        // SAFETY: valid until dropped.
        unsafe { self.pointer.as_ref() }
    }

    pub(crate) fn raw_mut(&mut self) -> &mut ffi::AVFrame {
        // SAFETY: valid until dropped, exclusively borrowed.
        unsafe { self.pointer.as_mut() }
    }

    pub(crate) fn as_mut_ptr(&mut self) -> *mut ffi::AVFrame {
        self.pointer.as_ptr()
    }
}

impl Drop for Frame {
    fn drop(&mut self) {
        let mut pointer = self.pointer.as_ptr();
        // SAFETY: made by libav, and never used again.
        unsafe { ffi::av_frame_free(&raw mut pointer) }
    }
}

impl std::fmt::Debug for Frame {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let raw = self.raw();
        match raw.width {
            0 => write!(f, "Frame({} samples at {:?})", raw.nb_samples, raw.pts),
            _ => write!(f, "Frame({}x{} at {:?})", raw.width, raw.height, raw.pts),
        }
    }
}
