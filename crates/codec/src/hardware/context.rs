//! libavcodec's side: the encoder, and the device's memory where pictures must go there first.

use std::ptr::{NonNull, null, null_mut};

use ffmpeg_next::ffi;

use super::{Device, Error, Line, nal, refused};
use crate::frame::Frame;
use crate::picture::{Colour, Planes};
use crate::x264::{Config, Profile, Rate};

/// Pictures in the device's memory at a time.
const POOL: i32 = 8;

pub(super) struct Context {
    pointer: NonNull<ffi::AVCodecContext>,
    packet: NonNull<ffi::AVPacket>,
    device: Device,
    colour: Colour,
    /// Its packets have lengths in place of start codes.
    sized: bool,
}

// SAFETY: libavcodec's contexts are bound to no thread; `&mut self` keeps calls apart.
unsafe impl Send for Context {}

/// What an encoder gives.
pub(super) struct Coded {
    pub dts: i64,
    pub pts: i64,
    pub key: bool,
    pub data: Vec<u8>,
}

impl Context {
    pub(super) fn open(line: &Line, config: &Config) -> Result<Self, Error> {
        let name = line.library.to_str().unwrap_or_default();
        // SAFETY: a C string; gives a static codec or null.
        let codec = unsafe { ffi::avcodec_find_encoder_by_name(line.library.as_ptr()) };
        if codec.is_null() {
            return Err(Error::NotBuilt(name));
        }
        let memory = || Error::Refused { doing: "begin", why: "no memory".to_owned() };
        // SAFETY: a codec; gives a context or null.
        let pointer = NonNull::new(unsafe { ffi::avcodec_alloc_context3(codec) }).ok_or_else(memory)?;
        // SAFETY: allocates, or gives null.
        let Some(packet) = NonNull::new(unsafe { ffi::av_packet_alloc() }) else {
            let mut pointer = pointer.as_ptr();
            // SAFETY: made above, and never used again.
            unsafe { ffi::avcodec_free_context(&raw mut pointer) };
            return Err(memory());
        };
        let mut this = Self { pointer, packet, device: line.device, colour: config.colour, sized: false };
        this.set(config);
        for (name, value) in line.settings {
            // SAFETY: the private settings of an allocated context, and C strings. One that it doesn't know is no error to us.
            unsafe { ffi::av_opt_set((*pointer.as_ptr()).priv_data, name.as_ptr(), value.as_ptr(), 0) };
        }
        if line.device == Device::Vaapi {
            this.open_device(config)?;
        }
        // SAFETY: an allocated context of this codec, without further options.
        match unsafe { ffi::avcodec_open2(pointer.as_ptr(), codec, null_mut()) } {
            0.. => {}
            code => return Err(refused("open", code)),
        }
        this.sized = this.extradata().first() == Some(&1);
        Ok(this)
    }

    fn raw(&mut self) -> &mut ffi::AVCodecContext {
        // SAFETY: valid until dropped, exclusively borrowed.
        unsafe { self.pointer.as_mut() }
    }

    fn set(&mut self, config: &Config) {
        let device = self.device;
        let raw = self.raw();
        (raw.width, raw.height) = (config.width as i32, config.height as i32);
        raw.time_base = ffi::AVRational { num: 1, den: 90_000 };
        raw.framerate =
            ffi::AVRational { num: config.frame_rate.num as i32, den: config.frame_rate.den as i32 };
        raw.sample_aspect_ratio = ffi::AVRational { num: 1, den: 1 };
        raw.gop_size = config.keyframe_interval as i32;
        raw.max_b_frames = 0;
        raw.flags |= ffi::AV_CODEC_FLAG_GLOBAL_HEADER as i32;
        raw.pix_fmt = match device {
            Device::Memory(format) => format,
            Device::Vaapi => ffi::AVPixelFormat::AV_PIX_FMT_VAAPI,
        };
        raw.color_range = ffi::AVColorRange::AVCOL_RANGE_MPEG;
        raw.colorspace = space(config.colour);
        // ITU-T H.264 table A-1's profile_idc.
        raw.profile = match config.profile {
            Profile::Baseline => 66,
            Profile::Main => 77,
            Profile::High => 100,
        };
        self.set_rate(config.rate);
    }

    pub(super) fn set_rate(&mut self, rate: Rate) {
        let (kbps, vbv_ms) = match rate {
            Rate::Bitrate { kbps, vbv_ms } => (kbps, vbv_ms),
            Rate::Quality { max_kbps, vbv_ms, .. } => (max_kbps, vbv_ms),
        };
        let raw = self.raw();
        raw.bit_rate = i64::from(kbps) * 1000;
        raw.rc_max_rate = raw.bit_rate;
        raw.rc_buffer_size = i32::try_from(u64::from(kbps) * u64::from(vbv_ms)).unwrap_or(i32::MAX);
    }

    /// The first device there is, and a pool of pictures in its memory.
    fn open_device(&mut self, config: &Config) -> Result<(), Error> {
        let mut device = null_mut();
        let kind = ffi::AVHWDeviceType::AV_HWDEVICE_TYPE_VAAPI;
        // SAFETY: room for a reference, which is null where there is no device.
        match unsafe { ffi::av_hwdevice_ctx_create(&raw mut device, kind, null(), null_mut(), 0) } {
            0.. => {}
            code => return Err(refused("find its device", code)),
        }
        // SAFETY: a device; the pool has a reference of its own, so that ours is given back.
        let mut frames = unsafe { ffi::av_hwframe_ctx_alloc(device) };
        // SAFETY: a reference that is ours.
        unsafe { ffi::av_buffer_unref(&raw mut device) };
        if frames.is_null() {
            return Err(Error::Refused { doing: "have pictures", why: "no memory".to_owned() });
        }
        // SAFETY: a new pool's data is an AVHWFramesContext, set up before it is initialised.
        let code = unsafe {
            let pool = &mut *(*frames).data.cast::<ffi::AVHWFramesContext>();
            pool.format = ffi::AVPixelFormat::AV_PIX_FMT_VAAPI;
            pool.sw_format = ffi::AVPixelFormat::AV_PIX_FMT_NV12;
            (pool.width, pool.height) = (config.width as i32, config.height as i32);
            pool.initial_pool_size = POOL;
            ffi::av_hwframe_ctx_init(frames)
        };
        if code < 0 {
            // SAFETY: a reference that is ours.
            unsafe { ffi::av_buffer_unref(&raw mut frames) };
            return Err(refused("have pictures", code));
        }
        // Given back with the context.
        self.raw().hw_frames_ctx = frames;
        Ok(())
    }

    /// What its streams begin with.
    pub(super) fn extradata(&self) -> Vec<u8> {
        // SAFETY: an open context's extradata is null, or of the size given.
        unsafe {
            let raw = self.pointer.as_ref();
            let size = usize::try_from(raw.extradata_size).unwrap_or(0);
            match raw.extradata.is_null() {
                true => Vec::new(),
                false => std::slice::from_raw_parts(raw.extradata, size).to_vec(),
            }
        }
    }

    pub(super) fn sized(&self) -> bool {
        self.sized
    }

    /// A picture, when it is shown, and whether it must be a key frame; `None` at the end.
    pub(super) fn send(&mut self, picture: Option<(&Planes<'_>, i64, bool)>) -> Result<(), Error> {
        let mut frame = match picture {
            Some((planes, at, key)) => Some(self.frame(planes, at, key)?),
            None => None,
        };
        let pointer = frame.as_mut().map_or(null_mut(), Frame::as_mut_ptr);
        // SAFETY: an open context; a frame of its format, or null for the end. It takes a reference of its own.
        match unsafe { ffi::avcodec_send_frame(self.pointer.as_ptr(), pointer) } {
            // The end was told before.
            ffi::AVERROR_EOF | 0.. => Ok(()),
            code => Err(refused("encode", code)),
        }
    }

    fn frame(&mut self, planes: &Planes<'_>, at: i64, key: bool) -> Result<Frame, Error> {
        let memory = |_| Error::Refused { doing: "encode", why: "no memory".to_owned() };
        let layout = match self.device {
            Device::Memory(format) => format,
            Device::Vaapi => ffi::AVPixelFormat::AV_PIX_FMT_NV12,
        };
        let mut frame = Frame::blank(layout, planes.width, planes.height).map_err(memory)?;
        copy(planes, &mut frame, layout);
        if self.device == Device::Vaapi {
            let mut there = Frame::empty().map_err(memory)?;
            // SAFETY: the pool is initialised; both frames are valid, the second gets memory of the pool.
            let code = unsafe {
                match ffi::av_hwframe_get_buffer(self.raw().hw_frames_ctx, there.as_mut_ptr(), 0) {
                    0.. => ffi::av_hwframe_transfer_data(there.as_mut_ptr(), frame.as_mut_ptr(), 0),
                    code => code,
                }
            };
            if code < 0 {
                return Err(refused("take a picture", code));
            }
            frame = there;
        }
        let raw = frame.raw_mut();
        raw.pts = at;
        raw.colorspace = space(self.colour);
        raw.color_range = ffi::AVColorRange::AVCOL_RANGE_MPEG;
        raw.pict_type = if key {
            ffi::AVPictureType::AV_PICTURE_TYPE_I
        } else {
            ffi::AVPictureType::AV_PICTURE_TYPE_NONE
        };
        Ok(frame)
    }

    /// The next thing it made; `None` where it wants more pictures, or nothing more comes.
    pub(super) fn receive(&mut self) -> Result<Option<Coded>, Error> {
        const AGAIN: i32 = -ffmpeg_next::error::EAGAIN;
        // SAFETY: an open context and an allocated packet, which is emptied first.
        match unsafe { ffi::avcodec_receive_packet(self.pointer.as_ptr(), self.packet.as_ptr()) } {
            0.. => {}
            AGAIN | ffi::AVERROR_EOF => return Ok(None),
            code => return Err(refused("encode", code)),
        }
        // SAFETY: a packet that was received has data of its size.
        let (packet, data) = unsafe {
            let packet = self.packet.as_ref();
            let size = usize::try_from(packet.size).unwrap_or(0);
            (packet, std::slice::from_raw_parts(packet.data, size).to_vec())
        };
        let dts = if packet.dts == ffi::AV_NOPTS_VALUE { packet.pts } else { packet.dts };
        Ok(Some(Coded { dts, pts: packet.pts, key: nal::has_idr(&data, self.sized), data }))
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        let (mut context, mut packet) = (self.pointer.as_ptr(), self.packet.as_ptr());
        // SAFETY: made by libav, and never used again.
        unsafe {
            ffi::av_packet_free(&raw mut packet);
            ffi::avcodec_free_context(&raw mut context);
        }
    }
}

fn space(colour: Colour) -> ffi::AVColorSpace {
    match colour {
        Colour::Bt601 => ffi::AVColorSpace::AVCOL_SPC_SMPTE170M,
        Colour::Bt709 => ffi::AVColorSpace::AVCOL_SPC_BT709,
    }
}

/// I420 into a frame of the same size: I420, or NV12 with both chroma planes in one, by turns.
fn copy(from: &Planes<'_>, to: &mut Frame, layout: ffi::AVPixelFormat) {
    let (width, height) = (from.width as usize, from.height as usize);
    let raw = to.raw_mut();
    let row = |plane: usize, row: usize, len: usize| {
        let (start, stride) = from.planes[plane];
        // SAFETY: `Planes` has as many rows and samples as its size says.
        unsafe { std::slice::from_raw_parts(start.offset(stride * row as isize), len) }
    };
    let line = |plane: usize, row: usize, len: usize| {
        // SAFETY: the frame was allocated for this size and layout.
        unsafe {
            let start = raw.data[plane].offset(raw.linesize[plane] as isize * row as isize);
            std::slice::from_raw_parts_mut(start, len)
        }
    };
    for at in 0..height {
        line(0, at, width).copy_from_slice(row(0, at, width));
    }
    for at in 0..height / 2 {
        if layout == ffi::AVPixelFormat::AV_PIX_FMT_NV12 {
            let pairs = row(1, at, width / 2).iter().zip(row(2, at, width / 2));
            for (to, (u, v)) in line(1, at, width).chunks_exact_mut(2).zip(pairs) {
                to.copy_from_slice(&[*u, *v]);
            }
        } else {
            line(1, at, width / 2).copy_from_slice(row(1, at, width / 2));
            line(2, at, width / 2).copy_from_slice(row(2, at, width / 2));
        }
    }
}
