//! The one sound format between sources and encoders, and the way into it.

use std::ffi::c_int;
use std::mem::MaybeUninit;
use std::ptr::{self, NonNull};

use ffmpeg_next::ffi::{self, AVSampleFormat};
use ffmpeg_next::frame;
use media::Timestamp;

/// Interleaved 16-bit samples.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sound {
    /// When its first sample was captured.
    pub at: Timestamp,
    /// Hz.
    pub sample_rate: u32,
    /// 1 or 2.
    pub channels: u8,
    /// `channels` values a sample time.
    pub samples: Vec<i16>,
}

/// Why sound can't be converted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("libswresample can't convert {from}: {reason}")]
pub struct Error {
    /// Rate and channels of the source.
    pub from: String,
    /// The library's words.
    pub reason: String,
}

impl Error {
    fn new(from: &str, code: c_int) -> Self {
        Self { from: from.to_owned(), reason: ffmpeg_next::Error::from(code).to_string() }
    }
}

/// Any rate and channel count to one: libswresample.
///
/// Its first sample out stands at the time of the first one in. With a change of rate it holds a few milliseconds back.
pub struct Resampler {
    pointer: NonNull<ffi::SwrContext>,
    from: String,
    input: Input,
    in_channels: usize,
    out_channels: usize,
}

/// What must not change from frame to frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Input {
    format: AVSampleFormat,
    rate: u32,
    channels: c_int,
}

impl Input {
    fn of(frame: &frame::Audio) -> Self {
        // SAFETY: the frame is a valid AVFrame for as long as it is borrowed.
        let channels = unsafe { (*frame.as_ptr()).ch_layout.nb_channels };
        Self { format: frame.format().into(), rate: frame.rate(), channels }
    }
}

// SAFETY: an SwrContext is bound to no thread, and is only used through `&mut`.
unsafe impl Send for Resampler {}

/// More than any device or file has a use for.
const MAX_CHANNELS: u8 = 16;

impl Resampler {
    /// From interleaved floats of `rate` and `channels` to 16-bit `to_rate`, `to_channels`.
    pub fn new(rate: u32, channels: u8, to_rate: u32, to_channels: u8) -> Result<Self, Error> {
        let from = format!("{rate} Hz with {channels} channels to {to_rate} Hz with {to_channels}");
        let rates = 1000..=384_000;
        let possible = rates.contains(&rate)
            && rates.contains(&to_rate)
            && (1..=MAX_CHANNELS).contains(&channels)
            && (1..=2).contains(&to_channels);
        if !possible {
            return Err(Error { from, reason: "no such sound".to_owned() });
        }
        let mut layout = default_layout(c_int::from(channels));
        // SAFETY: the layout was just made.
        unsafe {
            Self::open(from, &raw mut layout, AVSampleFormat::AV_SAMPLE_FMT_FLT, rate, to_rate, to_channels)
        }
    }

    /// For decoded frames like this one.
    pub(crate) fn of_frame(frame: &frame::Audio, to_rate: u32, to_channels: u8) -> Result<Self, Error> {
        // SAFETY: the frame is a valid AVFrame for as long as it is borrowed.
        let raw = unsafe { &*frame.as_ptr() };
        let channels = raw.ch_layout.nb_channels;
        let from = format!("{} Hz with {channels} channels to {to_rate} Hz with {to_channels}", frame.rate());
        let mut layout = raw.ch_layout;
        // Files without a layout (WAV, above all) have the usual one of their channel count.
        if layout.order == ffi::AVChannelOrder::AV_CHANNEL_ORDER_UNSPEC {
            layout = default_layout(channels);
        }
        // SAFETY: the layout is a shallow copy of one that lives longer than the call, which copies it in turn.
        unsafe {
            Self::open(from, &raw mut layout, frame.format().into(), frame.rate(), to_rate, to_channels)
        }
    }

    /// # Safety
    /// `layout` must be valid.
    unsafe fn open(
        from: String,
        layout: *mut ffi::AVChannelLayout,
        format: AVSampleFormat,
        rate: u32,
        to_rate: u32,
        to_channels: u8,
    ) -> Result<Self, Error> {
        crate::av::init();
        let mut to_layout = default_layout(c_int::from(to_channels));
        let mut pointer = ptr::null_mut();
        // SAFETY: both layouts are valid and copied; on failure swr_alloc_set_opts2 leaves nothing behind, and what
        // swr_init refuses is freed with `Self`.
        unsafe {
            let code = ffi::swr_alloc_set_opts2(
                &raw mut pointer,
                &raw mut to_layout,
                AVSampleFormat::AV_SAMPLE_FMT_S16,
                to_rate as c_int,
                layout,
                format,
                rate as c_int,
                0,
                ptr::null_mut(),
            );
            let Some(pointer) = NonNull::new(pointer) else { return Err(Error::new(&from, code)) };
            let channels = (*layout).nb_channels;
            let input = Input { format, rate, channels };
            let in_channels = usize::try_from(channels).unwrap_or(0).max(1);
            let this = Self { pointer, from, input, in_channels, out_channels: to_channels.into() };
            match ffi::swr_init(this.pointer.as_ptr()) {
                0.. => Ok(this),
                code => Err(Error::new(&this.from, code)),
            }
        }
    }

    /// Takes interleaved samples of any number of whole sample times (a rest is dropped); gives what is ready.
    pub fn push(&mut self, samples: &[f32]) -> Result<Vec<i16>, Error> {
        let count = samples.len() / self.in_channels;
        // SAFETY: one packed plane of `count` sample times.
        unsafe { self.convert(&[samples.as_ptr().cast()], count) }
    }

    pub(crate) fn takes(&self, frame: &frame::Audio) -> bool {
        self.input == Input::of(frame)
    }

    /// A frame like the one it was opened for.
    pub(crate) fn frame(&mut self, frame: &frame::Audio) -> Result<Vec<i16>, Error> {
        if !self.takes(frame) {
            return Err(Error { from: self.from.clone(), reason: "the format changed".to_owned() });
        }
        // SAFETY: libavcodec filled the planes of a frame of this format and length; `extended_data` has one pointer a
        // plane, whatever their number.
        unsafe {
            let planes = if frame.is_planar() { self.in_channels } else { 1 };
            let raw = &*frame.as_ptr();
            let planes = std::slice::from_raw_parts(raw.extended_data.cast::<*const u8>(), planes);
            self.convert(planes, frame.samples())
        }
    }

    /// # Safety
    /// `planes` must be as the input format has them, each with `count` sample times.
    unsafe fn convert(&mut self, planes: &[*const u8], count: usize) -> Result<Vec<i16>, Error> {
        let count = c_int::try_from(count)
            .map_err(|_| Error { from: self.from.clone(), reason: "too much at once".to_owned() })?;
        // SAFETY: open; asks only.
        let most = unsafe { ffi::swr_get_out_samples(self.pointer.as_ptr(), count) }.max(0);
        let mut samples = vec![0i16; most as usize * self.out_channels];
        let mut out = samples.as_mut_ptr().cast::<u8>();
        // SAFETY: the input is the caller's promise; the output has room for `most` packed sample times.
        let got = unsafe {
            ffi::swr_convert(self.pointer.as_ptr(), &raw mut out, most, planes.as_ptr().cast_mut(), count)
        };
        let got = usize::try_from(got).map_err(|_| Error::new(&self.from, got))?;
        samples.truncate(got * self.out_channels);
        Ok(samples)
    }
}

impl Drop for Resampler {
    fn drop(&mut self) {
        let mut pointer = self.pointer.as_ptr();
        // SAFETY: made by swr_alloc_set_opts2, and never used again.
        unsafe { ffi::swr_free(&raw mut pointer) }
    }
}

impl std::fmt::Debug for Resampler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Resampler({})", self.from)
    }
}

fn default_layout(channels: c_int) -> ffi::AVChannelLayout {
    let mut layout = MaybeUninit::zeroed();
    // SAFETY: all zero is a valid (empty) layout, which the call replaces; it allocates nothing for native layouts.
    unsafe {
        ffi::av_channel_layout_default(layout.as_mut_ptr(), channels);
        layout.assume_init()
    }
}
