//! Cameras, through nokhwa.
//!
//! Traps that are dealt with here: its V4L2 buffers have the mapped length, not the length of the picture; its own choice
//! of a format may be an odd small one, so we choose from the list; UVC cameras have a second node without pictures.

mod format;
mod jpeg;

use codec::scale::{Fit, Format, Raw, Scaler};
use codec::{Colour, Picture, mjpeg};
use media::{Timescale, Timestamp};
use nokhwa::Buffer;
use nokhwa::utils::{
    ApiBackend, CameraFormat, CameraIndex, FrameFormat, RequestedFormat, RequestedFormatType,
};

use super::{Ready, Sink, Video, spawn};
use crate::cli::Pick;
use crate::raw::Closed;

/// A damaged picture is left out; so many in a row are a broken camera.
const MOST_DAMAGED: u32 = 30;

/// A camera of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Camera {
    /// The N of `/dev/videoN`, or the system's own count.
    pub index: u32,
    /// What the driver calls it.
    pub name: String,
}

/// The cameras of this machine, in the order of their numbers.
pub fn list() -> anyhow::Result<Vec<Camera>> {
    let found = nokhwa::query(ApiBackend::Auto)?;
    let mut cameras: Vec<Camera> = found
        .iter()
        .filter_map(|info| Some(Camera { index: info.index().as_index().ok()?, name: info.human_name() }))
        .filter(|camera| gives_pictures(camera.index))
        .collect();
    cameras.sort_by_key(|camera| camera.index);
    Ok(cameras)
}

/// UVC cameras have a second node, for metadata. Linux numbers the nodes of a device; pictures come from the first.
fn gives_pictures(index: u32) -> bool {
    let node = std::fs::read_to_string(format!("/sys/class/video4linux/video{index}/index"));
    node.map_or(true, |node| node.trim() == "0")
}

/// Opens a camera and starts its thread; pictures are thrown away until the queue opens.
pub(super) fn open(pick: &Pick, sink: &Sink) -> anyhow::Result<Video> {
    let cameras = list()?;
    let picked: Vec<Camera> = match pick {
        Pick::Default => cameras.clone(),
        Pick::Index(index) => cameras.iter().filter(|camera| camera.index == *index).cloned().collect(),
        Pick::Name(name) => {
            let name = name.to_lowercase();
            cameras.iter().filter(|camera| camera.name.to_lowercase().contains(&name)).cloned().collect()
        }
    };
    anyhow::ensure!(!picked.is_empty(), none_of(pick, &cameras));
    let mut reason = anyhow::anyhow!("no camera could be opened");
    for camera in picked {
        let sink = sink.clone();
        match spawn("camera", move |ready| run(&camera, &sink, ready)) {
            Ok(video) => return Ok(video),
            Err(error) => reason = error,
        }
    }
    Err(reason)
}

fn none_of(pick: &Pick, cameras: &[Camera]) -> String {
    if cameras.is_empty() {
        return "no camera was found on this machine".to_owned();
    }
    let names: Vec<String> =
        cameras.iter().map(|camera| format!("{} ({})", camera.index, camera.name)).collect();
    let which = match pick {
        Pick::Default => "that opens".to_owned(),
        Pick::Index(index) => format!("number {index}"),
        Pick::Name(name) => format!("of a name with {name:?}"),
    };
    format!("there is no camera {which}; there are: {}", names.join(", "))
}

fn run(camera: &Camera, sink: &Sink, ready: Ready<Video>) {
    let mut device = match start(camera, sink) {
        Ok(device) => device,
        Err(error) => return drop(ready.send(Err(error))),
    };
    let format = device.camera_format();
    let mut reader = match Reader::new(sink, format) {
        Ok(reader) => reader,
        Err(error) => return drop(ready.send(Err(error))),
    };
    let name = format!(
        "camera: {} ({}x{} {} fps {})",
        camera.name,
        format.width(),
        format.height(),
        format.frame_rate(),
        format.format()
    );
    if ready.send(Ok(Video { name, colour: reader.colour })).is_err() {
        return; // Too late: something else took its place.
    }
    let mut pace = format::Pace::new(sink.fps);
    let mut damaged = 0;
    loop {
        let buffer = match device.frame() {
            Ok(buffer) => buffer,
            Err(error) => {
                let why =
                    format!("the camera {} is gone: plug it in and go live again ({error})", camera.name);
                return sink.raw.fail(why);
            }
        };
        let at = captured(&buffer, sink);
        if !pace.takes(at) {
            continue;
        }
        match reader.picture(&buffer, at) {
            Ok(picture) => {
                damaged = 0;
                if sink.raw.push_picture(picture) == Err(Closed) {
                    return;
                }
            }
            Err(error) => {
                damaged += 1;
                tracing::debug!(%error, "a damaged picture is left out");
                if damaged == MOST_DAMAGED {
                    return sink
                        .raw
                        .fail(format!("the camera {} gives only damaged pictures: {error}", camera.name));
                }
            }
        }
    }
}

fn start(camera: &Camera, sink: &Sink) -> anyhow::Result<nokhwa::Camera> {
    let fail = |error: nokhwa::NokhwaError| {
        anyhow::anyhow!("can't open the camera {}: is another program using it? ({error})", camera.name)
    };
    let any = RequestedFormat::with_formats(RequestedFormatType::None, format::READABLE);
    let mut device = nokhwa::Camera::new(CameraIndex::Index(camera.index), any).map_err(fail)?;
    let offered = device.compatible_camera_formats().map_err(fail)?;
    let chosen = format::choose(&offered, sink.size, sink.fps);
    let chosen =
        chosen.ok_or_else(|| anyhow::anyhow!("the camera {} offers no format we can read", camera.name))?;
    let only = [chosen.format()];
    let exact = RequestedFormat::with_formats(RequestedFormatType::Exact(chosen), &only);
    device.set_camera_requset(exact).map_err(fail)?;
    device.open_stream().map_err(fail)?;
    Ok(device)
}

/// The driver's own time of capture where it has a plausible one; else now.
fn captured(buffer: &Buffer, sink: &Sink) -> Timestamp {
    let now = sink.clock.now();
    let age = buffer.capture_timestamp().and_then(|at| sink.clock.wall().checked_sub(at));
    match age.filter(|age| age.as_millis() < 1000) {
        Some(age) => now.minus(Timestamp::of_duration(age, Timescale::NANOS)),
        None => now,
    }
}

/// A device's buffers to pictures of the encoder's size.
struct Reader {
    format: CameraFormat,
    colour: Colour,
    scaler: Scaler,
    jpeg: mjpeg::Decoder,
}

impl Reader {
    fn new(sink: &Sink, format: CameraFormat) -> anyhow::Result<Self> {
        let (width, height) = sink.size;
        let colour = match format.format() {
            FrameFormat::RAWRGB | FrameFormat::RAWBGR => Colour::assumed(height),
            FrameFormat::MJPEG | FrameFormat::YUYV | FrameFormat::NV12 | FrameFormat::GRAY => Colour::Bt601,
        };
        let scaler = Scaler::new(width, height, Fit::Letterbox)?;
        Ok(Self { format, colour, scaler, jpeg: mjpeg::Decoder::new()? })
    }

    fn picture(&mut self, buffer: &Buffer, at: Timestamp) -> anyhow::Result<Picture> {
        let data = buffer.buffer();
        let layout = match self.format.format() {
            FrameFormat::MJPEG => {
                let whole = jpeg::length(data).and_then(|length| data.get(..length));
                let whole = whole.ok_or_else(|| anyhow::anyhow!("a JPEG without an end"))?;
                return Ok(self.jpeg.decode(whole, &mut self.scaler, at)?);
            }
            FrameFormat::YUYV => Format::Yuyv,
            FrameFormat::NV12 => Format::Nv12,
            FrameFormat::GRAY => Format::Gray,
            FrameFormat::RAWRGB => Format::Rgb24,
            FrameFormat::RAWBGR => Format::Bgr24,
        };
        let (width, height) = (self.format.width(), self.format.height());
        let raw = Raw { format: layout, width, height, data };
        Ok(self.scaler.convert(&raw, self.colour, at)?)
    }
}
