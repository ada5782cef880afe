//! Where journal files begin and end.

use std::sync::Arc;

use bytes::Bytes;
use media::{CodecConfig, Rational, Track};

use super::{Header, file_head};
use crate::{Change, Control, Init, Part};

/// What to do to the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Write {
    /// Close the file at hand (if any) and begin a new one, named for its first MSN, with these bytes.
    Open {
        /// The file's first MSN.
        msn: u64,
        /// From `file_head`.
        head: Bytes,
    },
    /// Append to the file at hand.
    Append(Bytes),
}

/// A new file at the first segment after this.
const FILE_SECONDS: f64 = 60.0;

/// Decides where journal files begin and end. One a rendition; give it every change in order.
#[derive(Debug)]
pub struct Log {
    session: String,
    rendition: String,
    control: Control,
    track: Track,
    frame_rate: Option<Rational>,
    init: Option<Arc<Init>>,
    file: Option<Open>,
    /// Of media that came late: see [`Header::late`].
    late: Option<u64>,
    made: bool,
    unlisted: bool,
}

/// The file at hand.
#[derive(Clone, Copy, Debug)]
struct Open {
    init: u32,
    live_only: bool,
    late: Option<u64>,
    /// Seconds at its start.
    since: f64,
    newest_msn: u64,
}

impl Log {
    /// `control`: of the rendition's index; `init`: its newest initialisation segment, where the log begins in
    /// mid-session.
    pub fn new(
        session: impl Into<String>,
        rendition: impl Into<String>,
        control: Control,
        track: Track,
        frame_rate: Option<Rational>,
        init: Option<Arc<Init>>,
    ) -> Self {
        let (session, rendition) = (session.into(), rendition.into());
        let (file, late, made, unlisted) = Default::default();
        Self { session, rendition, control, track, frame_rate, init, file, late, made, unlisted }
    }

    /// What the session has it for.
    pub fn set_role(&mut self, made: bool, listed: bool) {
        (self.made, self.unlisted) = (made, !listed);
    }

    /// The rendition's configuration changed: call it before the changes that `discontinuity` gave.
    pub fn set_track(&mut self, track: Track) {
        self.track = track;
    }

    /// What follows came after its place was taken, from this live segment on.
    pub fn set_late(&mut self, place: u64) {
        self.late = Some(place);
    }

    /// The writes that a change asks for, in order. A part is durable once its `Append` is.
    pub fn apply(&mut self, change: &Change) -> Vec<Write> {
        match change {
            Change::Init(init) => {
                self.init = Some(init.clone());
                Vec::new()
            }
            Change::Part(part) => self.part(part),
            // A log of its own takes what is inside.
            Change::Sealed(_) | Change::Removed(_) | Change::Late { .. } => Vec::new(),
        }
    }

    fn part(&mut self, part: &Part) -> Vec<Write> {
        let mut out = Vec::with_capacity(2);
        let at = part.start.seconds();
        let new = part.index == 0
            && self.file.is_none_or(|file| {
                (file.init, file.live_only, file.late) != (part.init, part.live_only, self.late)
                    || part.discontinuity
                    || part.msn != file.newest_msn + 1
                    || at - file.since >= FILE_SECONDS
            });
        if new {
            let Some(init) = self.init.as_ref().filter(|i| i.number == part.init) else { return out };
            out.push(Write::Open { msn: part.msn, head: file_head(&self.header(part), &init.data) });
            let (init, live_only, late) = (part.init, part.live_only, self.late);
            self.file = Some(Open { init, live_only, late, since: at, newest_msn: part.msn });
        }
        // A log that begins in the middle of a segment waits for the next.
        if let Some(file) = &mut self.file {
            file.newest_msn = part.msn;
            out.push(Write::Append(part.data.clone()));
        }
        out
    }

    fn header(&self, part: &Part) -> Header {
        let (size, channels) = match &self.track.config {
            CodecConfig::Avc(c) => ((c.width, c.height), 0),
            CodecConfig::Aac(c) => ((0, 0), c.channels),
        };
        Header {
            session: self.session.clone(),
            rendition: self.rendition.clone(),
            plan: self.control.plan,
            part_target: self.control.part_target.rescale(self.track.scale).ticks,
            part_hold_back_ms: self.control.part_hold_back.as_micros().div_ceil(1000) as u64,
            epoch_ms: self.control.epoch_ms,
            first_msn: part.msn,
            first_part: part.info.number,
            discontinuity_sequence: part.discontinuity_sequence,
            discontinuity: part.discontinuity,
            init: part.init,
            codec: self.track.config.rfc6381(),
            size,
            frame_rate: self.frame_rate.map(|r| (r.num, r.den)),
            channels,
            live_only: part.live_only,
            late: self.late,
            made: self.made,
            unlisted: self.unlisted,
        }
    }
}
