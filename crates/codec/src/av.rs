//! What every use of FFmpeg's libraries shares: initialisation, and its log, which goes to `tracing`.

use std::cell::RefCell;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::sync::Once;

use ffmpeg_next::ffi;

/// Must come before anything else of FFmpeg; cheap to repeat.
pub(crate) fn init() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // Without it ffmpeg-next's own errors print as nothing.
        ffmpeg_next::error::register_all();
        // SAFETY: a `va_list` argument is passed as a pointer on every platform we build for; only its type's name differs.
        #[expect(
            clippy::missing_transmute_annotations,
            reason = "the type is named differently from platform to platform"
        )]
        let log = unsafe { std::mem::transmute::<Callback, _>(log as Callback) };
        // SAFETY: FFmpeg documents that the callback may be called from any thread, and `log` touches nothing shared.
        unsafe { ffi::av_log_set_callback(Some(log)) };
    });
}

thread_local! {
    /// What was said last, while somebody listens.
    static HEARD: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Does it, and gives the last error that FFmpeg told of it on this thread, where it told one.
pub(crate) fn overhear<T>(act: impl FnOnce() -> T) -> (T, Option<String>) {
    HEARD.with_borrow_mut(|heard| *heard = Some(String::new()));
    let done = act();
    let heard = HEARD.take().filter(|heard| !heard.is_empty());
    (done, heard)
}

type Callback = unsafe extern "C" fn(*mut c_void, c_int, *const c_char, *mut c_void);

unsafe extern "C" fn log(source: *mut c_void, level: c_int, format: *const c_char, arguments: *mut c_void) {
    // Damaged input is an error to FFmpeg, and no news to us: the caller gets it as a typed error.
    let (fatal, warning) = (level <= ffi::AV_LOG_FATAL, level <= ffi::AV_LOG_WARNING);
    let wanted = if fatal {
        tracing::enabled!(target: "libav", tracing::Level::WARN)
    } else if warning {
        tracing::enabled!(target: "libav", tracing::Level::DEBUG)
    } else {
        tracing::enabled!(target: "libav", tracing::Level::TRACE)
    };
    let heard =
        level <= ffi::AV_LOG_ERROR && HEARD.try_with(|heard| heard.borrow().is_some()).unwrap_or(false);
    if !wanted && !heard {
        return;
    }
    let mut line: [c_char; 512] = [0; 512];
    let mut prefix = 1;
    // SAFETY: `source`, `format` and `arguments` are those that FFmpeg passed to this callback; the line is NUL-terminated
    // within its length.
    let text = unsafe {
        ffi::av_log_format_line2(
            source,
            level,
            format,
            arguments.cast(),
            line.as_mut_ptr(),
            line.len() as c_int,
            &raw mut prefix,
        );
        CStr::from_ptr(line.as_ptr())
    };
    let text = text.to_string_lossy();
    let text = text.trim_end();
    if heard && !text.is_empty() {
        // Without who says it, and where in memory that is.
        let words =
            text.strip_prefix('[').and_then(|text| text.split_once("] ")).map_or(text, |(_, words)| words);
        let _ = HEARD.try_with(|heard| *heard.borrow_mut() = Some(words.to_owned()));
    }
    if fatal {
        tracing::warn!(target: "libav", "{text}");
    } else if warning {
        tracing::debug!(target: "libav", "{text}");
    } else {
        tracing::trace!(target: "libav", "{text}");
    }
}
