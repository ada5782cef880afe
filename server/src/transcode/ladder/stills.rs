//! Thumbnails of a ladder's pictures, on a thread of their own: the ladder never waits for one.

use std::sync::mpsc::{SyncSender, sync_channel};

use codec::Frame;
use media::Timestamp;
use transcode::Message;

use crate::transcode::watch::stills::Stills;

/// Looks at pictures on their way: a thumbnail each so many milliseconds goes to `out`.
pub(super) fn start(every_ms: u32, out: SyncSender<Message>) -> impl FnMut(&Frame) + Send + 'static {
    let (frames, inbox) = sync_channel::<(Frame, Timestamp)>(1);
    std::thread::spawn(move || {
        let mut stills = Stills::default();
        for (frame, at) in inbox {
            match stills.make(0, &frame, at) {
                Ok(thumbnail) => drop(out.send(Message::Thumbnail(thumbnail))),
                Err(error) => tracing::debug!("no thumbnail: {error}"),
            }
        }
    });
    let every = Timestamp::millis(every_ms.into());
    let mut last: Option<Timestamp> = None;
    move |frame| {
        let Some(at) = frame.at() else { return };
        let due = last.is_none_or(|last| at >= last.plus(every) || at < last);
        // While one is made, the next picture will do as well.
        if due
            && let Ok(shared) = frame.share()
            && frames.try_send((shared, at)).is_ok()
        {
            last = Some(at);
        }
    }
}
