//! What made renditions have to know of the source's: where its segments begin, and where its timeline breaks.

use media::Timestamp;

use crate::packager::Packager;
use crate::slate::Loop;
use crate::{Index, Segment};

/// A place on the source's timeline, for a rendition that gets there later.
#[derive(Clone, Debug)]
pub(super) enum Mark {
    Cut(Cut),
    /// What follows stands behind a DISCONTINUITY.
    Break {
        /// Where what came before ends.
        at: Timestamp,
        shows: Shows,
    },
}

/// A segment begins.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cut {
    pub at: Timestamp,
    pub msn: u64,
    pub discontinuity: bool,
    pub discontinuities: u64,
    /// With a key frame, which is shown then.
    pub key: Option<Timestamp>,
    /// One frame of the leader's under the hinted name, before a break: nobody else has anything there.
    pub filler: bool,
}

/// What a made rendition shows behind a break.
#[derive(Clone, Debug)]
pub(super) enum Shows {
    /// What its worker makes.
    Own,
    Slate(Loop),
    /// There is a slate, but not for this one.
    Nothing,
}

impl Mark {
    pub(super) fn at(&self) -> Timestamp {
        match self {
            Self::Cut(cut) => cut.at,
            Self::Break { at, .. } => *at,
        }
    }

    pub(super) fn is_filler(&self) -> bool {
        match self {
            Self::Cut(cut) => cut.filler,
            Self::Break { .. } => false,
        }
    }

    pub(super) fn is_break(&self) -> bool {
        match self {
            Self::Cut(_) => false,
            Self::Break { .. } => true,
        }
    }
}

/// How much of the leader's timeline has been told.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Told {
    msn: u64,
    discontinuities: u64,
}

impl Told {
    /// All that there is by now.
    pub(super) fn all(index: &Index) -> Self {
        let msn = index.current_msn() - u64::from(index.open().is_none());
        Self { msn, discontinuities: index.discontinuities() }
    }

    /// What came since.
    pub(super) fn news(&mut self, leader: &Packager) -> Vec<Mark> {
        let mut marks = Vec::new();
        let index = leader.index();
        if Self::all(index) == *self {
            return marks;
        }
        let sealed = index.segments().map(|segment| &**segment).rev();
        let mut new: Vec<&Segment> = sealed.take_while(|segment| segment.msn > self.msn).collect();
        new.reverse();
        new.extend(index.open().filter(|open| open.msn > self.msn));
        for segment in new {
            if segment.discontinuity_sequence > self.discontinuities {
                marks.push(Mark::Break { at: before(index, segment), shows: Shows::Own });
            }
            let open = index.open().is_some_and(|open| open.msn == segment.msn);
            let key = if open {
                leader.opens_with_key()
            } else {
                segment.parts.first().filter(|part| part.independent).map(|_| segment.start)
            };
            let &Segment { msn, discontinuity, discontinuity_sequence, start, .. } = segment;
            let discontinuities = discontinuity_sequence;
            let filler = !open && segment.live_only && segment.parts.len() == 1;
            marks.push(Mark::Cut(Cut { at: start, msn, discontinuity, discontinuities, key, filler }));
            self.discontinuities = discontinuities;
        }
        if index.discontinuities() > self.discontinuities {
            let at = index.ends_at().unwrap_or(Timestamp::millis(0));
            marks.push(Mark::Break { at, shows: Shows::Own });
        }
        *self = Self::all(index);
        marks
    }
}

/// Where a timeline ended that has just broken.
pub(super) fn broke_at(index: &Index) -> Option<Timestamp> {
    match index.open().filter(|open| open.discontinuity) {
        Some(open) => Some(before(index, open)),
        None => index.ends_at(),
    }
}

/// Where the segment before this one ends.
fn before(index: &Index, segment: &Segment) -> Timestamp {
    let last = index.segments().rev().find(|sealed| sealed.msn < segment.msn);
    last.map_or(segment.start, |last| last.start.plus(last.duration))
}
