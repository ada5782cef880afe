//! A media file, in real time.

use std::path::Path;

use codec::file::{Media, Options, Reader};
use media::{Rational, Timestamp};

use super::{Ready, Sink, Sound, Video, spawn};
use crate::raw::Closed;

/// Sound may be handed over so much before its time: a file's sound often stands after its picture.
const LEAD_MS: i64 = 100;

/// Opens `path` and starts its thread; it reads from when the queue opens. Its sound is left out unless `with_sound`.
pub(super) fn open(
    path: &Path,
    looped: bool,
    with_sound: bool,
    sink: &Sink,
) -> anyhow::Result<(Option<Video>, Option<Sound>)> {
    let (path, sink) = (path.to_owned(), sink.clone());
    let options =
        Options { looped, size: Some(sink.size), frame_rate: Some(Rational { num: sink.fps, den: 1 }) };
    spawn("file", move |ready: Ready<_>| {
        let reader = match Reader::open(&path, options) {
            Ok(reader) => reader,
            Err(error) => return drop(ready.send(Err(error.into()))),
        };
        let name = format!("file: {}", path.display());
        let info = reader.info();
        let video = info.video.map(|video| Video { name: name.clone(), colour: video.colour });
        let sound = (info.audio && with_sound).then_some(Sound { name, channels: Reader::CHANNELS });
        let with_sound = sound.is_some();
        if ready.send(Ok((video, sound))).is_ok() {
            let _ = play(reader, with_sound, &sink);
        }
    })
}

fn play(mut reader: Reader, with_sound: bool, sink: &Sink) -> Result<(), Closed> {
    let start = sink.raw.wait_open()?;
    let mut first = None;
    loop {
        // Times of the file, counted from its first picture or sound, go on the clock from `start`.
        let mut due = |at: Timestamp| start.plus(at.minus(*first.get_or_insert(at)));
        match reader.next() {
            Ok(Some(Media::Picture(mut picture))) => {
                picture.at = due(picture.at);
                sink.raw.wait_closed(sink.clock.until(picture.at))?;
                sink.raw.push_picture(picture)?;
            }
            Ok(Some(Media::Sound(mut sound))) if with_sound => {
                sound.at = due(sound.at);
                sink.raw.wait_closed(sink.clock.until(sound.at.minus(Timestamp::millis(LEAD_MS))))?;
                sink.raw.push_sound(sound)?;
            }
            Ok(Some(Media::Sound(_))) => {}
            Ok(None) => {
                sink.raw.end();
                return Ok(());
            }
            Err(error) => {
                sink.raw.fail(error.to_string());
                return Ok(());
            }
        }
    }
}
