//! The luma of a frame, in blocks.

use ffmpeg_next::ffi;

use crate::frame::Frame;

/// A block's sides, in pixels; what is left over at the right and below isn't looked at.
const SIDE: usize = 16;
/// One row in so many is read: neighbours are alike.
const ROWS: usize = 2;
/// Pixels under this share of the range from black to white are dark (as of FFmpeg's blackdetect).
const DARK: f32 = 0.10;

/// Averages of a picture's blocks, and how many of its pixels are dark.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Luma {
    size: (u32, u32),
    /// In 1/128 of an 8-bit level.
    blocks: Vec<u16>,
    /// 0 to 1.
    pub dark: f32,
}

impl Luma {
    /// `None` where it has none of 8 or 10 bits, or is smaller than a block.
    pub(super) fn of(frame: &Frame) -> Option<Self> {
        let raw = frame.raw();
        let (wide, full) = layout(raw.format)?;
        let full = full || raw.color_range == ffi::AVColorRange::AVCOL_RANGE_JPEG;
        let step = usize::from(wide) + 1;
        let (width, height) = (frame.width() as usize, frame.height() as usize);
        let (across, down) = (width / SIDE, height / SIDE);
        if across == 0 || down == 0 || raw.data[0].is_null() {
            return None;
        }
        let (black, range) = if full { (0.0, 255.0) } else { (16.0, 219.0) };
        let below = (black + DARK * range) as u8;
        let mut sums = vec![0u32; across * down];
        let mut dark = 0u32;
        let mut line = vec![0u8; if wide { across * SIDE } else { 0 }];
        for (row, sums) in sums.chunks_exact_mut(across).enumerate() {
            for y in (row * SIDE..(row + 1) * SIDE).step_by(ROWS) {
                // SAFETY: the first plane has `height` lines of at least `width` samples of `step` bytes.
                let bytes = unsafe {
                    let start = raw.data[0].offset(raw.linesize[0] as isize * y as isize);
                    std::slice::from_raw_parts(start.cast_const(), across * SIDE * step)
                };
                let pixels = if wide {
                    for (to, from) in line.iter_mut().zip(bytes.chunks_exact(2)) {
                        *to = (u16::from_le_bytes([from[0], from[1]]) >> 2) as u8;
                    }
                    &line[..]
                } else {
                    bytes
                };
                for (sum, block) in sums.iter_mut().zip(pixels.chunks_exact(SIDE)) {
                    *sum += block.iter().map(|pixel| u32::from(*pixel)).sum::<u32>();
                    dark += block.iter().map(|pixel| u32::from(*pixel < below)).sum::<u32>();
                }
            }
        }
        let each = (SIDE * SIDE / ROWS) as u32;
        Some(Self {
            size: (frame.width(), frame.height()),
            dark: dark as f32 / (sums.len() as f32 * each as f32),
            // 128 pixels a block: the sum is the average in 1/128.
            blocks: sums.into_iter().map(|sum| (sum * 128 / each) as u16).collect(),
        })
    }

    /// The most that a block's average differs, in 8-bit levels; `None` between pictures of different sizes.
    pub(super) fn moved(&self, before: &Self) -> Option<f32> {
        if self.size != before.size {
            return None;
        }
        let most = self.blocks.iter().zip(&before.blocks).map(|(a, b)| a.abs_diff(*b)).max()?;
        Some(f32::from(most) / 128.0)
    }
}

/// Whether its luma has 10 bits, and whether it takes the full range for sure; `None` for what no H.264 decoder gives of a
/// picture in YUV.
fn layout(format: i32) -> Option<(bool, bool)> {
    use ffi::AVPixelFormat as F;
    let is_one_of = |formats: &[F]| formats.iter().any(|one| *one as i32 == format);
    if is_one_of(&[F::AV_PIX_FMT_YUV420P, F::AV_PIX_FMT_YUV422P, F::AV_PIX_FMT_YUV444P, F::AV_PIX_FMT_GRAY8])
    {
        Some((false, false))
    } else if is_one_of(&[F::AV_PIX_FMT_YUVJ420P, F::AV_PIX_FMT_YUVJ422P, F::AV_PIX_FMT_YUVJ444P]) {
        Some((false, true))
    } else if is_one_of(&[
        F::AV_PIX_FMT_YUV420P10LE,
        F::AV_PIX_FMT_YUV422P10LE,
        F::AV_PIX_FMT_YUV444P10LE,
        F::AV_PIX_FMT_GRAY10LE,
    ]) {
        Some((true, false))
    } else {
        None
    }
}
