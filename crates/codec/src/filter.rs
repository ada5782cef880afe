//! Chains of libavfilter's filters: decoded frames in, filtered frames out.
//!
//! What a chain may hold is typed: [`picture`] for what is seen, [`sound`] for what is heard. Nobody's text reaches
//! libavfilter's parser but what is shown on a picture, and that is escaped.
//!
//! ```text
//!  frame ─▶ source ─▶ step ─▶ step ─▶ sink ─▶ frame
//!  logo ─▶ source ─────▲
//! ```

pub mod picture;
pub mod sound;

use std::ffi::{CString, c_int};
use std::ptr::{self, NonNull};

use ffmpeg_next::ffi;

use crate::frame::{Frame, NoMemory};

/// Why a chain can't be, or can't go on.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A setting outside its range.
    #[error("{what} of {value} is not possible: {allowed}")]
    Setting {
        /// Which one.
        what: &'static str,
        /// As given.
        value: String,
        /// The range.
        allowed: &'static str,
    },
    /// This FFmpeg has no such filter, or it refuses: its log line says why.
    #[error("libavfilter can't build {chain:?}: {reason}")]
    Build {
        /// The chain in libavfilter's words.
        chain: String,
        /// The library's words.
        reason: String,
    },
    /// A filter failed on a frame.
    #[error("libavfilter failed on a frame: {0}")]
    Frame(String),
    /// No memory for a frame.
    #[error(transparent)]
    Memory(#[from] NoMemory),
}

pub(crate) fn setting(
    what: &'static str,
    value: impl ToString,
    possible: bool,
    allowed: &'static str,
) -> Result<(), Error> {
    if possible { Ok(()) } else { Err(Error::Setting { what, value: value.to_string(), allowed }) }
}

/// What a frame must be like to enter a graph that was built for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Shape {
    format: c_int,
    width: c_int,
    height: c_int,
    aspect: (c_int, c_int),
    rate: c_int,
    channels: c_int,
}

impl Shape {
    fn of(frame: &Frame) -> Self {
        let raw = frame.raw();
        let aspect = raw.sample_aspect_ratio;
        Self {
            format: raw.format,
            width: raw.width,
            height: raw.height,
            aspect: (aspect.num, aspect.den),
            rate: raw.sample_rate,
            channels: raw.ch_layout.nb_channels,
        }
    }
}

/// A configured graph with one or more sources and one sink.
struct Graph {
    graph: NonNull<ffi::AVFilterGraph>,
    sources: Vec<NonNull<ffi::AVFilterContext>>,
    sink: NonNull<ffi::AVFilterContext>,
    shape: Shape,
}

// SAFETY: a graph is bound to no thread, and is only used through `&mut`; its contexts belong to it.
unsafe impl Send for Graph {}

impl Graph {
    /// For frames like these, one a source: `[in0]`, `[in1]` … `[out]` in the chain.
    fn new(chain: &str, inputs: &[&Frame], threads: u32) -> Result<Self, Error> {
        crate::av::init();
        let failed = |reason: String| Error::Build { chain: chain.to_owned(), reason };
        let Some(first) = inputs.first() else { return Err(failed("no input".to_owned())) };
        // SAFETY: allocates, or gives null.
        let graph = NonNull::new(unsafe { ffi::avfilter_graph_alloc() }).ok_or(NoMemory)?;
        let guard = Unfinished(graph);
        // SAFETY: just allocated; read when filters are made.
        unsafe { (*graph.as_ptr()).nb_threads = threads as c_int };
        let mut sources = Vec::new();
        for (i, frame) in inputs.iter().enumerate() {
            let (filter, arguments) = source(frame);
            sources.push(create(graph, filter, &format!("in{i}"), &arguments).map_err(failed)?);
        }
        let sink = if first.raw().width > 0 { "buffersink" } else { "abuffersink" };
        let sink = create(graph, sink, "out", "").map_err(failed)?;
        parse(graph, chain, &sources, sink).map_err(failed)?;
        // SAFETY: every pad is linked, or this fails.
        check(unsafe { ffi::avfilter_graph_config(graph.as_ptr(), ptr::null_mut()) }).map_err(failed)?;
        std::mem::forget(guard);
        Ok(Self { graph, sources, sink, shape: Shape::of(first) })
    }

    fn takes(&self, frame: &Frame) -> bool {
        self.shape == Shape::of(frame)
    }

    /// Hands a reference to a source.
    fn push(&mut self, source: usize, frame: &Frame) -> Result<(), Error> {
        let mut frame = frame.share()?;
        let Some(context) = self.sources.get(source) else { return Ok(()) };
        // SAFETY: the context is a buffer source of this graph; it takes the reference over.
        check(unsafe { ffi::av_buffersrc_add_frame(context.as_ptr(), frame.as_mut_ptr()) })
            .map_err(Error::Frame)?;
        Ok(())
    }

    /// No more will come into this source.
    fn end(&mut self, source: usize) -> Result<(), Error> {
        let Some(context) = self.sources.get(source) else { return Ok(()) };
        // SAFETY: a null frame marks the end.
        check(unsafe { ffi::av_buffersrc_add_frame(context.as_ptr(), ptr::null_mut()) })
            .map_err(Error::Frame)?;
        Ok(())
    }

    /// What is ready; `None` until more comes in.
    fn pull(&mut self) -> Result<Option<Frame>, Error> {
        let mut frame = Frame::empty()?;
        // SAFETY: the sink of this graph, and an empty frame.
        let code = unsafe { ffi::av_buffersink_get_frame(self.sink.as_ptr(), frame.as_mut_ptr()) };
        if code < 0 {
            return match ffmpeg_next::Error::from(code) {
                ffmpeg_next::Error::Eof => Ok(None),
                ffmpeg_next::Error::Other { errno: ffmpeg_next::error::EAGAIN } => Ok(None),
                error => Err(Error::Frame(error.to_string())),
            };
        }
        // SAFETY: asks only.
        let base = unsafe { ffi::av_buffersink_get_time_base(self.sink.as_ptr()) };
        let raw = frame.raw_mut();
        if raw.pts != ffi::AV_NOPTS_VALUE {
            // SAFETY: arithmetic only.
            raw.pts = unsafe { ffi::av_rescale_q(raw.pts, base, CLOCK) };
        }
        Ok(Some(frame))
    }
}

impl Drop for Graph {
    fn drop(&mut self) {
        drop(Unfinished(self.graph));
    }
}

struct Unfinished(NonNull<ffi::AVFilterGraph>);

impl Drop for Unfinished {
    fn drop(&mut self) {
        let mut pointer = self.0.as_ptr();
        // SAFETY: made by avfilter_graph_alloc, and never used again; frees its filters too.
        unsafe { ffi::avfilter_graph_free(&raw mut pointer) }
    }
}

/// The clock of every frame outside a graph.
const CLOCK: ffi::AVRational = ffi::AVRational { num: 1, den: 90_000 };

fn source(frame: &Frame) -> (&'static str, String) {
    let raw = frame.raw();
    let aspect = raw.sample_aspect_ratio;
    if raw.width > 0 {
        let arguments = format!(
            "video_size={}x{}:pix_fmt={}:time_base=1/90000:pixel_aspect={}/{}",
            raw.width,
            raw.height,
            raw.format,
            aspect.num.max(0),
            aspect.den.max(1),
        );
        return ("buffer", arguments);
    }
    let arguments = format!(
        "sample_rate={}:sample_fmt={}:channel_layout={}:time_base=1/90000",
        raw.sample_rate,
        raw.format,
        layout(raw),
    );
    ("abuffer", arguments)
}

/// Its channels by name, `stereo` or `5.1`; their number where it has none.
fn layout(raw: &ffi::AVFrame) -> String {
    let mut name = [0; 128];
    // SAFETY: a valid layout; what is written is NUL-terminated within the length.
    let written = unsafe {
        let mut layout = raw.ch_layout;
        if layout.order == ffi::AVChannelOrder::AV_CHANNEL_ORDER_UNSPEC {
            ffi::av_channel_layout_default(&raw mut layout, raw.ch_layout.nb_channels);
        }
        ffi::av_channel_layout_describe(&raw const layout, name.as_mut_ptr(), name.len())
    };
    if written <= 0 {
        return format!("{}c", raw.ch_layout.nb_channels);
    }
    // SAFETY: NUL-terminated by the call before.
    unsafe { std::ffi::CStr::from_ptr(name.as_ptr()) }.to_string_lossy().into_owned()
}

fn create(
    graph: NonNull<ffi::AVFilterGraph>,
    filter: &str,
    name: &str,
    arguments: &str,
) -> Result<NonNull<ffi::AVFilterContext>, String> {
    let text = |text: &str| CString::new(text).map_err(|_| "a text with a zero byte".to_owned());
    let (filter, name, arguments) = (text(filter)?, text(name)?, text(arguments)?);
    let mut context = ptr::null_mut();
    // SAFETY: the graph is valid; the strings outlive the calls, which copy them.
    let code = unsafe {
        let filter = ffi::avfilter_get_by_name(filter.as_ptr());
        if filter.is_null() {
            return Err("this FFmpeg lacks its sources and sinks".to_owned());
        }
        ffi::avfilter_graph_create_filter(
            &raw mut context,
            filter,
            name.as_ptr(),
            arguments.as_ptr(),
            ptr::null_mut(),
            graph.as_ptr(),
        )
    };
    check(code)?;
    NonNull::new(context).ok_or_else(|| "no filter came".to_owned())
}

/// Adds the chain between the sources and the sink.
fn parse(
    graph: NonNull<ffi::AVFilterGraph>,
    chain: &str,
    sources: &[NonNull<ffi::AVFilterContext>],
    sink: NonNull<ffi::AVFilterContext>,
) -> Result<(), String> {
    let chain = CString::new(chain).map_err(|_| "a text with a zero byte".to_owned())?;
    // In the parser's view a source is an open output, the sink an open input.
    let mut outputs = Ends(ptr::null_mut());
    for (i, source) in sources.iter().enumerate().rev() {
        outputs.add(&format!("in{i}"), *source)?;
    }
    let mut inputs = Ends(ptr::null_mut());
    inputs.add("out", sink)?;
    // SAFETY: valid lists, which the call takes apart and replaces by what is left open.
    check(unsafe {
        ffi::avfilter_graph_parse_ptr(
            graph.as_ptr(),
            chain.as_ptr(),
            &raw mut inputs.0,
            &raw mut outputs.0,
            ptr::null_mut(),
        )
    })
    .map(|_| ())
}

/// A list of open ends, freed when dropped.
struct Ends(*mut ffi::AVFilterInOut);

impl Ends {
    fn add(&mut self, name: &str, context: NonNull<ffi::AVFilterContext>) -> Result<(), String> {
        let name = CString::new(name).map_err(|_| "a name with a zero byte".to_owned())?;
        // SAFETY: allocated here, freed with the list; the name is copied into libav's own memory.
        unsafe {
            let end = ffi::avfilter_inout_alloc();
            if end.is_null() {
                return Err(NoMemory.to_string());
            }
            (*end).name = ffi::av_strdup(name.as_ptr());
            (*end).filter_ctx = context.as_ptr();
            (*end).pad_idx = 0;
            (*end).next = self.0;
            self.0 = end;
        }
        Ok(())
    }
}

impl Drop for Ends {
    fn drop(&mut self) {
        // SAFETY: a list of avfilter_inout_alloc's, or null.
        unsafe { ffi::avfilter_inout_free(&raw mut self.0) }
    }
}

fn check(code: c_int) -> Result<c_int, String> {
    match code {
        0.. => Ok(code),
        _ => Err(ffmpeg_next::Error::from(code).to_string()),
    }
}

/// A text as the value of an option in a chain: twice escaped (ffmpeg-filters, "Notes on filtergraph escaping").
fn escaped(text: &str) -> String {
    let level = |text: &str, special: &str| {
        let mut out = String::with_capacity(text.len() * 2);
        for c in text.chars() {
            if special.contains(c) {
                out.push('\\');
            }
            out.push(c);
        }
        out
    };
    level(&level(text, "\\':"), "\\'[],;")
}
