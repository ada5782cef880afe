//! A made rendition: it follows the source by a queue of marks, any distance behind.
//!
//! ```text
//!         configure           a frame at a mark          a hole of its own; no media for LATE
//!   New ────────────▶ Out ─────────────────────▶ In ───────────────────────────────────────────▶ Out
//!                      ▲                          │ another MAP
//!                      └──────── a break ──── Changed
//! ```
//!
//! A mark is acted upon when its own media gets there. A segment that lacks media is a GAP as a whole, so that what is listed
//! has the leader's numbers, dates and lengths.

use std::collections::VecDeque;

use bytes::Bytes;
use media::{AccessUnit, Kind, Timestamp, Track};

use super::marks::{Cut, Mark, Shows};
use crate::mp4::init;
use crate::packager::{Config, Packager, Role};
use crate::{Changeset, Control, Index};

/// A made rendition that is so many target durations behind gets GAPs.
pub const LATE: u32 = 2;

/// Marks that wait, at most: the oldest is acted upon without media then.
const MARKS_AT_MOST: usize = 256;

#[derive(Debug)]
pub(super) struct Follower {
    kind: Kind,
    control: Control,
    frame: u32,
    state: State,
    queue: VecDeque<Mark>,
    /// The segment at hand, which isn't sealed.
    head: Option<Cut>,
    shows: Shows,
    dropped: u64,
}

#[derive(Debug)]
enum State {
    /// Its worker has not said what it is.
    Unknown,
    Known {
        packager: Box<Packager>,
        /// As its worker says.
        track: Track,
        init: Bytes,
        flow: Flow,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flow {
    /// Nothing was given out yet.
    New,
    /// Frames go into the segment at hand.
    In,
    /// Waits for the next mark.
    Out,
    /// Its frames need another MAP: waits for the next break.
    Changed,
}

impl Follower {
    pub(super) fn new(kind: Kind, control: Control, frame: u32) -> Self {
        Self {
            kind,
            control,
            frame,
            state: State::Unknown,
            queue: VecDeque::new(),
            head: None,
            shows: Shows::Own,
            dropped: 0,
        }
    }

    /// Goes on behind what its journal holds.
    pub(super) fn resume(frame: u32, track: &Track, index: Index) -> (Self, Changeset) {
        let mut this = Self::new(track.kind, index.control.clone(), frame);
        let (packager, out) = Packager::resume(this.config(), track, index);
        let init = init::segment(track);
        this.state =
            State::Known { packager: Box::new(packager), track: track.clone(), init, flow: Flow::Out };
        (this, out)
    }

    fn config(&self) -> Config {
        Config { control: self.control.clone(), frame: self.frame, role: Role::Made }
    }

    pub(super) fn kind(&self) -> Kind {
        self.kind
    }

    /// `None` before it is known.
    fn packager(&self) -> Option<&Packager> {
        match &self.state {
            State::Unknown => None,
            State::Known { packager, .. } => Some(packager),
        }
    }

    pub(super) fn is_known(&self) -> bool {
        self.packager().is_some()
    }

    /// `None` before its place is known.
    pub(super) fn index(&self) -> Option<&Index> {
        match &self.state {
            State::Unknown | State::Known { flow: Flow::New, .. } => None,
            State::Known { packager, .. } => Some(packager.index()),
        }
    }

    pub(super) fn has_part(&self) -> bool {
        self.index().is_some_and(|index| index.next_part() > 0)
    }

    pub(super) fn dropped(&self) -> u64 {
        self.dropped
    }

    /// It can't go on before a break brings its new MAP.
    pub(super) fn is_changed(&self) -> bool {
        matches!(self.state, State::Known { flow: Flow::Changed, .. })
    }

    /// See `Presentation::lose`.
    pub(super) fn lose(&mut self, msns: std::ops::Range<u64>) {
        if let State::Known { packager, .. } = &mut self.state {
            packager.lose(msns);
        }
    }

    /// What its worker makes. True where all renditions have to break for it.
    pub(super) fn configure(&mut self, new: &Track, out: &mut Changeset) -> bool {
        let new_init = init::segment(new);
        match &mut self.state {
            State::Unknown => {
                let (packager, changes) = Packager::new(self.config(), new);
                out.changes.extend(changes.changes);
                let (packager, track) = (Box::new(packager), new.clone());
                self.state = State::Known { packager, track, init: new_init, flow: Flow::New };
                false
            }
            State::Known { init, .. } if *init == new_init => false,
            State::Known { packager, track, init, flow } => {
                (*track, *init) = (new.clone(), new_init);
                if *flow == Flow::New {
                    packager.adopt(new, out);
                    return false;
                }
                *flow = Flow::Changed;
                let shown = self.shows.is_own();
                shown && !self.queue.iter().any(Mark::is_break)
            }
        }
    }

    /// More of the leader's marks; where there is a break, what came before it ends at `end` in the source's rendition of
    /// this kind.
    pub(super) fn tell(&mut self, marks: &[Mark], end: Timestamp) {
        for mark in marks {
            // A timeline that goes back: what comes next is behind the break, wherever it lies.
            if let (Some(Mark::Break { at, .. }), Mark::Cut(cut)) = (self.queue.back_mut(), mark) {
                *at = (*at).min(cut.at);
            }
            self.queue.push_back(match mark.clone() {
                Mark::Break { shows, .. } => Mark::Break { at: end, shows },
                cut @ Mark::Cut(_) => cut,
            });
        }
    }

    /// Acts on what needs no more media of its own; `now`: where the source is.
    pub(super) fn settle(&mut self, now: Timestamp, out: &mut Changeset) {
        let late = self.control.plan.target_duration * LATE;
        let late = Timestamp::millis(i64::from(late) * 1_000);
        while let Some(front) = self.queue.front() {
            let overdue = now.minus(front.at()) > late || self.queue.len() > MARKS_AT_MOST;
            match (self.is_done(), overdue) {
                (true, _) => self.act(Next::None, out),
                (false, true) => self.act(Next::Late, out),
                (false, false) => break,
            };
        }
        self.show(now, out);
    }

    /// Everything before the next break is here.
    fn is_done(&self) -> bool {
        let Some(Mark::Break { at, .. }) = self.queue.iter().find(|mark| mark.is_break()) else {
            return false;
        };
        let nothing = self.head.is_none()
            && self.queue.iter().find(|mark| !mark.is_filler()).is_some_and(Mark::is_break);
        let complete = match &self.state {
            State::Known { packager, flow: Flow::In, .. } => packager.is_complete(*at),
            State::Known { .. } | State::Unknown => false,
        };
        nothing || complete
    }

    /// Acts on everything: nothing more comes.
    pub(super) fn flush(&mut self, out: &mut Changeset) {
        while !self.queue.is_empty() {
            self.act(Next::Late, out);
        }
    }

    /// The end.
    pub(super) fn finish(&mut self, out: &mut Changeset) {
        self.queue.clear();
        if let State::Known { packager, .. } = &mut self.state {
            out.changes.extend(packager.finish().changes);
        }
    }

    /// Takes a unit of its worker.
    pub(super) fn push(&mut self, unit: AccessUnit, now: Timestamp, out: &mut Changeset) {
        loop {
            if self.reach(&unit, out) {
                self.take(unit, out);
                break;
            }
            // A slate stands before it, up to the next break.
            self.show(now, out);
            if self.shows.is_own() {
                continue;
            }
            let end = self.queue.iter().find(|mark| mark.is_break()).map(Mark::at);
            if !end.is_some_and(|end| self.packager().is_some_and(|packager| packager.is_past(end, &unit))) {
                // Its place is taken.
                self.dropped += 1;
                break;
            }
            while !self.act(Next::None, out) {}
        }
        self.settle(now, out);
    }

    /// Acts on the marks before one of its own units. False where that can't be shown now.
    fn reach(&mut self, unit: &AccessUnit, out: &mut Changeset) -> bool {
        while self.shows.is_own() {
            let end = self.queue.iter().find(|mark| mark.is_break()).map(Mark::at);
            let past = end.is_some_and(|end| self.packager().is_some_and(|p| p.is_past(end, unit)));
            match (past, self.kind) {
                // It says nothing of what ended before the break.
                (true, Kind::Video) => self.act(Next::Late, out),
                (true, Kind::Audio) => self.act(Next::None, out),
                (false, _) if self.is_reached(unit) => self.act(Next::Unit(unit), out),
                (false, _) => break,
            };
        }
        self.shows.is_own()
    }

    fn is_reached(&self, unit: &AccessUnit) -> bool {
        let Some(packager) = self.packager() else { return false };
        match self.queue.front() {
            Some(Mark::Cut(cut)) => packager.reaches(cut.at, cut.key, unit),
            Some(Mark::Break { at, .. }) => packager.is_past(*at, unit),
            None => false,
        }
    }

    /// The slate goes on up to `to`, or up to its end.
    fn show(&mut self, to: Timestamp, out: &mut Changeset) {
        loop {
            // It begins where the leader's does.
            if self.head.is_none() && self.queue.is_empty() {
                return;
            }
            let end = self.queue.iter().find(|mark| mark.is_break()).map(Mark::at);
            let due = end.is_some_and(|end| end <= to);
            let more = match &mut self.shows {
                Shows::Own => return,
                Shows::Slate(slate) => slate.next(end.unwrap_or(to).min(to)),
                Shows::Nothing => None,
            };
            match more {
                Some(unit) => {
                    while self.is_reached(&unit) {
                        self.act(Next::Unit(&unit), out);
                    }
                    self.take(unit, out);
                }
                None if due => while !self.act(Next::None, out) {},
                None => return,
            }
        }
    }

    /// Into the segment at hand, if it belongs there.
    fn take(&mut self, unit: AccessUnit, out: &mut Changeset) {
        let State::Known { packager, flow, .. } = &mut self.state else {
            self.dropped += 1;
            return;
        };
        let goes_on = packager.hole(&unit).is_none() && !packager.overlaps(&unit) && packager.has_room(&unit);
        match (*flow, self.head) {
            (Flow::In, Some(_)) if goes_on => {}
            (Flow::New | Flow::Out, Some(head))
                if !packager.has_media() && packager.begins(head.at, head.key, &unit) =>
            {
                if *flow == Flow::New {
                    packager.place(head.msn, head.discontinuities, head.discontinuity);
                }
                packager.begin_at(head.at);
                *flow = Flow::In;
            }
            (Flow::In, _) => {
                packager.tear();
                *flow = Flow::Out;
                self.dropped += 1;
                return;
            }
            (Flow::New | Flow::Out | Flow::Changed, _) => {
                self.dropped += 1;
                return;
            }
        }
        out.changes.extend(packager.push(unit).changes);
    }

    /// Acts on the next mark. True where it was a break, or there is none.
    fn act(&mut self, next: Next<'_>, out: &mut Changeset) -> bool {
        match self.queue.pop_front() {
            Some(Mark::Cut(cut)) => {
                self.close(cut.at, next, out);
                self.head = Some(cut);
                false
            }
            Some(Mark::Break { at, shows }) => {
                self.break_off(at, shows, out);
                true
            }
            None => true,
        }
    }

    /// The segment at hand ends at `at`, whole or as a GAP.
    fn close(&mut self, at: Timestamp, next: Next<'_>, out: &mut Changeset) {
        let Some(head) = self.head.take() else { return };
        let State::Known { packager, flow, .. } = &mut self.state else { return };
        let whole = match next {
            _ if *flow == Flow::New => true,
            Next::Unit(unit) if *flow == Flow::In => packager.end_at(at, Some(unit), out),
            // A unit that its segment can't hold says nothing of its end.
            Next::Unit(_) | Next::Late => packager.is_complete(at) && packager.end_at(at, None, out),
            Next::None => *flow == Flow::In && packager.end_at(at, None, out),
        };
        if whole {
            return;
        }
        packager.void(head.at, at, out);
        if *flow == Flow::In {
            *flow = Flow::Out;
        }
    }

    fn break_off(&mut self, at: Timestamp, shows: Shows, out: &mut Changeset) {
        let head = self.head.take();
        self.shows = shows;
        let State::Known { packager, track, flow, .. } = &mut self.state else {
            self.shows.spoil();
            return;
        };
        if *flow == Flow::New {
            self.shows.spoil();
            return;
        }
        let track = match &self.shows {
            Shows::Own | Shows::Nothing => &*track,
            Shows::Slate(slate) => slate.track(),
        };
        let other = packager.other_map(track);
        let parts = self.control.plan.parts;
        if let Some(head) = head.filter(|_| !packager.has_media()) {
            // The part that is hinted comes true under the MAP that it was hinted under.
            if !(parts && packager.repeat_key(Some(head.at), out)) {
                packager.void(head.at, at, out);
            }
        }
        out.changes.extend(packager.discontinuity(other.then_some(track)).changes);
        packager.set_live_only(!self.shows.is_own());
        *flow = Flow::Out;
        if let (Shows::Slate(slate), Some(end)) = (&mut self.shows, packager.index().ends_at())
            && slate.track().kind == Kind::Audio
            && end > slate.next_at()
        {
            slate.begin(end);
        }
    }
}

/// Why a mark is acted upon.
#[derive(Clone, Copy)]
enum Next<'a> {
    /// This unit lies behind it.
    Unit(&'a AccessUnit),
    /// Nothing comes any more before the next break.
    None,
    /// It is too far behind.
    Late,
}

impl Shows {
    fn is_own(&self) -> bool {
        match self {
            Self::Own => true,
            Self::Slate(_) | Self::Nothing => false,
        }
    }

    /// Nothing was shown before, so there is nothing to stand in for.
    fn spoil(&mut self) {
        if let Self::Slate(_) = self {
            *self = Self::Nothing;
        }
    }
}
