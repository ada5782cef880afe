//! Where a device's pixels lie in memory.

use std::ffi::c_int;

use ffmpeg_next::ffi::AVPixelFormat;

use super::{Error, Format, MAX_SOURCE, Raw};

/// Where the planes of a tightly packed picture lie.
pub(super) struct Layout {
    pub(super) format: AVPixelFormat,
    pub(super) rgb: bool,
    pub(super) offsets: [Option<usize>; 4],
    pub(super) strides: [c_int; 4],
    pub(super) need: usize,
}

impl Layout {
    pub(super) fn of(raw: &Raw<'_>) -> Result<Self, Error> {
        use AVPixelFormat as F;
        let Raw { format, width, height, data } = *raw;
        let sides = 1..=MAX_SOURCE;
        let (even_width, even_height) = (width.is_multiple_of(2), height.is_multiple_of(2));
        let possible = match format {
            Format::I420 | Format::Nv12 => even_width && even_height,
            Format::Yuyv | Format::Uyvy => even_width,
            Format::Rgb24 | Format::Bgr24 | Format::Bgra | Format::Gray => true,
        };
        if !possible || !sides.contains(&width) || !sides.contains(&height) {
            return Err(Error::Source { width, height });
        }
        let (w, h) = (width as usize, height as usize);
        let packed = |format, bytes: usize, rgb| Self {
            format,
            rgb,
            offsets: [Some(0), None, None, None],
            strides: [(w * bytes) as c_int, 0, 0, 0],
            need: w * h * bytes,
        };
        let (line, half) = (w as c_int, w as c_int / 2);
        let layout = match format {
            Format::I420 => Self {
                format: F::AV_PIX_FMT_YUV420P,
                rgb: false,
                offsets: [Some(0), Some(w * h), Some(w * h * 5 / 4), None],
                strides: [line, half, half, 0],
                need: w * h * 3 / 2,
            },
            Format::Nv12 => Self {
                format: F::AV_PIX_FMT_NV12,
                rgb: false,
                offsets: [Some(0), Some(w * h), None, None],
                strides: [line, line, 0, 0],
                need: w * h * 3 / 2,
            },
            Format::Yuyv => packed(F::AV_PIX_FMT_YUYV422, 2, false),
            Format::Uyvy => packed(F::AV_PIX_FMT_UYVY422, 2, false),
            Format::Rgb24 => packed(F::AV_PIX_FMT_RGB24, 3, true),
            Format::Bgr24 => packed(F::AV_PIX_FMT_BGR24, 3, true),
            Format::Bgra => packed(F::AV_PIX_FMT_BGR0, 4, true),
            Format::Gray => packed(F::AV_PIX_FMT_GRAY8, 1, false),
        };
        if data.len() < layout.need {
            return Err(Error::Short { format, width, height, need: layout.need, have: data.len() });
        }
        Ok(layout)
    }
}
