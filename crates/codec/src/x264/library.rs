//! The unsafe part: libx264's parameters, its handle, its log.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::mem::MaybeUninit;
use std::ptr::{self, NonNull};

use bytes::{BufMut, Bytes, BytesMut};
use x264_sys as sys;

use super::{Config, Error, Latency, Preset, Profile, Rate};
use crate::picture::{Colour, Planes};

const NAL_SEI: c_int = 6;
const NAL_SPS: c_int = 7;
const NAL_PPS: c_int = 8;
const NAL_AUD: c_int = 9;
/// `user_data_unregistered` (ISO/IEC 14496-10 §D.1.7): libx264's version and options, of no use to a player.
const SEI_USER_DATA: u8 = 5;

pub(super) struct Library {
    handle: NonNull<sys::x264_t>,
    param: Box<sys::x264_param_t>,
}

// SAFETY: libx264 ties a handle to no thread; it must only not be called from two at once, and every call takes `&mut`.
unsafe impl Send for Library {}

/// A coded picture as libx264 gave it.
pub(super) struct Coded {
    pub(super) data: Bytes,
    pub(super) pts: i64,
    pub(super) dts: i64,
    pub(super) key: bool,
}

impl Library {
    pub(super) fn open(config: &Config) -> Result<Self, Error> {
        let mut param = parameters(config)?;
        // SAFETY: `param` was initialised by libx264 and outlives the call, which copies it.
        let handle = unsafe { sys::x264_encoder_open(&raw mut *param) };
        let handle = NonNull::new(handle).ok_or(Error::Library("open an encoder"))?;
        Ok(Self { handle, param })
    }

    /// SPS and PPS, without lengths.
    pub(super) fn headers(&mut self) -> Result<(Vec<u8>, Vec<u8>), Error> {
        let (mut nals, mut count) = (ptr::null_mut(), 0);
        // SAFETY: the handle is open; the NAL units stay valid until the next call into it.
        let nals = unsafe {
            let size = sys::x264_encoder_headers(self.handle.as_ptr(), &raw mut nals, &raw mut count);
            slice(nals, count, size)
        };
        let find = |wanted| nals.iter().find(|n| n.i_type == wanted).map(|n| payload(n)[4..].to_vec());
        find(NAL_SPS).zip(find(NAL_PPS)).ok_or(Error::Library("write its headers"))
    }

    /// `None` flushes.
    pub(super) fn encode(
        &mut self,
        picture: Option<(Planes<'_>, i64, bool)>,
    ) -> Result<Option<Coded>, Error> {
        let mut input = MaybeUninit::<sys::x264_picture_t>::uninit();
        let mut output = MaybeUninit::<sys::x264_picture_t>::uninit();
        // SAFETY: x264_picture_init writes every field.
        let (mut input, mut output) = unsafe {
            sys::x264_picture_init(input.as_mut_ptr());
            sys::x264_picture_init(output.as_mut_ptr());
            (input.assume_init(), output.assume_init())
        };
        let source = match picture {
            None => ptr::null_mut(),
            Some((picture, pts, force_key)) => {
                input.i_pts = pts;
                input.i_type = if force_key { sys::X264_TYPE_IDR } else { sys::X264_TYPE_AUTO } as c_int;
                input.img.i_csp = sys::X264_CSP_I420 as c_int;
                input.img.i_plane = 3;
                for (i, (start, stride)) in picture.planes.into_iter().enumerate() {
                    input.img.i_stride[i] = stride as c_int;
                    input.img.plane[i] = start.cast_mut();
                }
                &raw mut input
            }
        };
        let (mut nals, mut count) = (ptr::null_mut(), 0);
        // SAFETY: the handle is open. libx264 reads the planes (never writes them) and copies them before it returns; their
        // size was checked against the configuration by the caller. The NAL units stay valid until the next call.
        let nals = unsafe {
            let size = sys::x264_encoder_encode(
                self.handle.as_ptr(),
                &raw mut nals,
                &raw mut count,
                source,
                &raw mut output,
            );
            if size < 0 {
                return Err(Error::Library("encode a picture"));
            }
            slice(nals, count, size)
        };
        if nals.is_empty() {
            return Ok(None);
        }
        let wanted = || nals.iter().filter(|nal| belongs_in_access_unit(nal)).map(payload);
        let mut data = BytesMut::with_capacity(wanted().map(<[u8]>::len).sum());
        wanted().for_each(|nal| data.put_slice(nal));
        Ok(Some(Coded {
            data: data.freeze(),
            pts: output.i_pts,
            dts: output.i_dts,
            key: output.b_keyframe != 0,
        }))
    }

    pub(super) fn held_back(&mut self) -> bool {
        // SAFETY: the handle is open.
        unsafe { sys::x264_encoder_delayed_frames(self.handle.as_ptr()) > 0 }
    }

    pub(super) fn set_rate(&mut self, rate: Rate) -> Result<(), Error> {
        apply_rate(&mut self.param, rate);
        // SAFETY: the handle is open; `param` is the one it was opened with, rate aside, and is copied.
        match unsafe { sys::x264_encoder_reconfig(self.handle.as_ptr(), &raw mut *self.param) } {
            0 => Ok(()),
            _ => Err(Error::Library("change its bitrate")),
        }
    }
}

impl Drop for Library {
    fn drop(&mut self) {
        // SAFETY: open, and never used again.
        unsafe { sys::x264_encoder_close(self.handle.as_ptr()) }
    }
}

fn parameters(config: &Config) -> Result<Box<sys::x264_param_t>, Error> {
    let preset = match config.preset {
        Preset::Ultrafast => c"ultrafast",
        Preset::Superfast => c"superfast",
        Preset::Veryfast => c"veryfast",
        Preset::Faster => c"faster",
        Preset::Fast => c"fast",
        Preset::Medium => c"medium",
        Preset::Slow => c"slow",
    };
    let tune = match config.latency {
        Latency::Zero => c"zerolatency".as_ptr(),
        Latency::Lookahead(_) => ptr::null(),
    };
    let mut param = Box::<sys::x264_param_t>::new_uninit();
    // SAFETY: on success the call has written every field; the strings are static.
    let mut param = unsafe {
        if sys::x264_param_default_preset(param.as_mut_ptr(), preset.as_ptr(), tune) != 0 {
            return Err(Error::Library("take its preset"));
        }
        param.assume_init()
    };
    // SAFETY: see `av::init`: `va_list` is a pointer wherever we build.
    #[expect(
        clippy::missing_transmute_annotations,
        reason = "the type is named differently from platform to platform"
    )]
    let log = unsafe { std::mem::transmute::<Callback, _>(log as Callback) };
    param.pf_log = Some(log);
    // What nobody reads isn't counted: statistics of every block, for a line at the end.
    let told = tracing::enabled!(target: "x264", tracing::Level::DEBUG);
    param.i_log_level = if told { sys::X264_LOG_DEBUG } else { sys::X264_LOG_WARNING } as c_int;

    param.i_width = config.width as c_int;
    param.i_height = config.height as c_int;
    param.i_csp = sys::X264_CSP_I420 as c_int;
    param.i_fps_num = config.frame_rate.num;
    param.i_fps_den = config.frame_rate.den;
    // Constant frame rate: rate control counts pictures and the VUI carries the frame rate. Times pass through untouched.
    param.b_vfr_input = 0;
    param.i_keyint_max = config.keyframe_interval as c_int;
    param.i_scenecut_threshold = 0;
    param.b_open_gop = 0;
    param.i_threads = config.threads as c_int;
    param.i_slice_count = config.slices as c_int;
    if let Latency::Lookahead(pictures) = config.latency {
        param.rc.i_lookahead = pictures as c_int;
        param.i_sync_lookahead = 0;
    }
    // Parameter sets travel in `avcC`, NAL units after their length.
    param.b_repeat_headers = 0;
    param.i_sps_id = config.parameter_set as c_int;
    param.b_annexb = 0;
    param.b_aud = 0;

    // ISO/IEC 14496-10 tables E-3 to E-5.
    let code = match config.colour {
        Colour::Bt709 => 1,
        Colour::Bt601 => 6,
    };
    (param.vui.i_colorprim, param.vui.i_transfer, param.vui.i_colmatrix) = (code, code, code);
    (param.vui.i_sar_width, param.vui.i_sar_height) = (1, 1);
    param.vui.b_fullrange = 0;
    apply_rate(&mut param, config.rate);

    let profile = match config.profile {
        Profile::Baseline => c"baseline",
        Profile::Main => c"main",
        Profile::High => c"high",
    };
    // SAFETY: `param` is initialised, the string static.
    match unsafe { sys::x264_param_apply_profile(&raw mut *param, profile.as_ptr()) } {
        0 => Ok(param),
        _ => Err(Error::Library("take its profile")),
    }
}

fn apply_rate(param: &mut sys::x264_param_t, rate: Rate) {
    let (kbps, vbv_ms) = match rate {
        Rate::Bitrate { kbps, vbv_ms } => {
            param.rc.i_rc_method = sys::X264_RC_ABR as c_int;
            param.rc.i_bitrate = kbps as c_int;
            (kbps, vbv_ms)
        }
        Rate::Quality { crf, max_kbps, vbv_ms } => {
            param.rc.i_rc_method = sys::X264_RC_CRF as c_int;
            param.rc.f_rf_constant = crf;
            (max_kbps, vbv_ms)
        }
    };
    param.rc.i_vbv_max_bitrate = kbps as c_int;
    param.rc.i_vbv_buffer_size = (u64::from(kbps) * u64::from(vbv_ms) / 1000).max(1) as c_int;
}

/// # Safety
/// `nals` and `count` were written by a call into libx264 that returned `size`.
unsafe fn slice<'a>(nals: *const sys::x264_nal_t, count: c_int, size: c_int) -> &'a [sys::x264_nal_t] {
    match usize::try_from(count) {
        // SAFETY: the caller's promise; libx264 wrote `count` consecutive units.
        Ok(count) if size > 0 && !nals.is_null() => unsafe { std::slice::from_raw_parts(nals, count) },
        Ok(_) | Err(_) => &[],
    }
}

/// A NAL unit after its 4-byte length.
fn payload(nal: &sys::x264_nal_t) -> &[u8] {
    match usize::try_from(nal.i_payload) {
        // SAFETY: libx264 points at `i_payload` bytes, valid as long as the unit itself.
        Ok(length) if length > 4 && !nal.p_payload.is_null() => unsafe {
            std::slice::from_raw_parts(nal.p_payload, length)
        },
        Ok(_) | Err(_) => &[0; 4],
    }
}

fn belongs_in_access_unit(nal: &sys::x264_nal_t) -> bool {
    match nal.i_type {
        NAL_SPS | NAL_PPS | NAL_AUD => false,
        NAL_SEI => payload(nal).get(5) != Some(&SEI_USER_DATA),
        _ => nal.i_payload > 4,
    }
}

type Callback = unsafe extern "C" fn(*mut c_void, c_int, *const c_char, *mut c_void);

unsafe extern "C" fn log(_: *mut c_void, level: c_int, format: *const c_char, arguments: *mut c_void) {
    // Its `info` is statistics at the end: ours come from what is measured.
    let bad = level <= sys::X264_LOG_WARNING as c_int;
    let wanted = if bad {
        tracing::enabled!(target: "x264", tracing::Level::WARN)
    } else {
        tracing::enabled!(target: "x264", tracing::Level::DEBUG)
    };
    if !wanted || format.is_null() {
        return;
    }
    let mut line = [0; 512];
    // SAFETY: format and arguments are those that libx264 passed; what is written is NUL-terminated within its length.
    let text = unsafe {
        print(&mut line, format, arguments);
        CStr::from_ptr(line.as_ptr())
    };
    let text = text.to_string_lossy();
    if bad {
        tracing::warn!(target: "x264", "{}", text.trim_end());
    } else {
        tracing::debug!(target: "x264", "{}", text.trim_end());
    }
}

#[cfg(not(windows))]
unsafe fn print(line: &mut [c_char; 512], format: *const c_char, arguments: *mut c_void) {
    unsafe extern "C" {
        fn vsnprintf(line: *mut c_char, size: usize, format: *const c_char, arguments: *mut c_void) -> c_int;
    }
    // SAFETY: the C library's own function, given a `va_list` where it takes one, writes at most `size` bytes.
    unsafe { vsnprintf(line.as_mut_ptr(), line.len(), format, arguments) };
}

/// The C runtime of Windows has `vsnprintf` only inline: the unfilled format still says what went wrong.
#[cfg(windows)]
unsafe fn print(line: &mut [c_char; 512], format: *const c_char, _arguments: *mut c_void) {
    // SAFETY: a NUL-terminated string of libx264's.
    let format = unsafe { CStr::from_ptr(format) };
    for (to, from) in line[..511].iter_mut().zip(format.to_bytes()) {
        *to = *from as c_char;
    }
}
