//! One rendition's timeline as the playlists show it: sealed segments in the window, the open one, what comes next.
//!
//! ```text
//!   DVR window ─────────────────────────────────────────────┐
//!   │              live playlist ───────────────────────────┤
//!   │ past: packed in pages          │ recent: with parts   │ open
//! ```
//!
//! A value: clone it for a snapshot (what is past and the segments are shared). Holds no media bytes.

mod meter;
mod window;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use media::{Timescale, Timestamp};

use crate::past::Past;
use crate::{Init, Plan};
use meter::Meter;
use window::Spans;

/// What stays the same for a whole session, in all of its playlists.
#[derive(Clone, Debug)]
pub struct Control {
    /// Target duration and the rest.
    pub plan: Plan,
    /// Wall clock at time zero of the session, ms since 1970: PROGRAM-DATE-TIME is epoch + pts.
    pub epoch_ms: i64,
    /// This rendition's PART-TARGET.
    pub part_target: Target,
    /// PART-HOLD-BACK: the largest that any rendition needs.
    pub part_hold_back: Duration,
}

/// A PART-TARGET: ticks in the track's scale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// No part is longer.
    pub ticks: u32,
    /// Of the track.
    pub scale: Timescale,
}

impl Target {
    /// In units of 10 µs, rounded up: five decimals of a second that no part exceeds.
    pub fn hundred_thousandths(self) -> u64 {
        (u64::from(self.ticks) * 100_000).div_ceil(self.scale.hz().into())
    }

    /// What parts are as long as, give or take a millisecond: a video rendition's target has one to spare for FLV's rounding.
    pub fn usual(self) -> Self {
        let spare = if self.scale == Timescale::VIDEO { self.scale.hz() / 1_000 } else { 0 };
        Self { ticks: self.ticks.saturating_sub(spare).max(1), ..self }
    }

    /// Seconds.
    pub fn seconds(self) -> f64 {
        f64::from(self.ticks) / f64::from(self.scale.hz())
    }

    /// The same target for a track of another scale, rounded down: PART-TARGET never changes in a session.
    pub fn rescale(self, scale: Timescale) -> Self {
        let ticks = u64::from(self.ticks) * u64::from(scale.hz()) / u64::from(self.scale.hz());
        Self { ticks: u32::try_from(ticks).unwrap_or(u32::MAX).max(1), scale }
    }
}

/// What a playlist says of a part.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PartInfo {
    /// `N` of `p{N}.m4s`: runs through the session and never restarts.
    pub number: u64,
    /// In the track's scale.
    pub duration: Timestamp,
    /// Begins with a key frame.
    pub independent: bool,
    /// Bytes of the part.
    pub bytes: u64,
}

impl PartInfo {
    /// `p{N}.m4s`.
    pub fn uri(&self) -> String {
        format!("p{}.m4s", self.number)
    }
}

/// A segment, sealed or open.
#[derive(Clone, Debug, PartialEq)]
pub struct Segment {
    /// Media sequence number, from [`FIRST_MSN`].
    pub msn: u64,
    /// Begins after EXT-X-DISCONTINUITY.
    pub discontinuity: bool,
    /// Discontinuities up to and with its own since the session began.
    pub discontinuity_sequence: u64,
    /// The EXT-X-MAP it needs: `init{K}.mp4`.
    pub init: u32,
    /// Decode time of its first frame (`tfdt`) since the session's epoch: when a key frame is shown, give or take the
    /// publisher's rounding.
    pub start: Timestamp,
    /// Sum of its parts.
    pub duration: Timestamp,
    /// Sum of its parts.
    pub bytes: u64,
    /// Bytes of the key frame that it begins with; 0 where it begins with none.
    pub key: u32,
    /// EXT-X-GAP: nothing came in this time; it has no media.
    pub gap: bool,
    /// Not the publisher's: shown live, left out of recording and catch-up.
    pub live_only: bool,
    /// In order; their numbers follow each other.
    pub parts: Vec<PartInfo>,
}

impl Segment {
    /// `s{MSN}.m4s`.
    pub fn uri(&self) -> String {
        format!("s{}.m4s", self.msn)
    }

    /// `k{MSN}.m4s`: its key frame alone, where it begins with one.
    pub fn key_uri(&self) -> Option<String> {
        (self.key > 0 && !self.gap).then(|| format!("k{}.m4s", self.msn))
    }
}

/// A session's first media sequence number. Not 0: hls.js 1.7 takes 0 for "none" where it protects a segment whose parts
/// it still appends (`fragment.sn || -1`), forgets them, and loads them over and over.
pub(crate) const FIRST_MSN: u64 = 1;

/// One rendition's timeline.
#[derive(Clone, Debug)]
pub struct Index {
    /// What never changes.
    pub control: Control,
    past: Arc<Past>,
    sealed: VecDeque<Arc<Segment>>,
    open: Option<Segment>,
    /// The first segment of the live playlist, where that is past.
    live_from: u64,
    /// What is older leaves the window.
    begins: u64,
    /// Durations of what is recent, in the live playlist, in the window.
    spans: Spans,
    /// Segments that are in no file: GAPs, once they are past.
    lost: Vec<std::ops::Range<u64>>,
    inits: Vec<Arc<Init>>,
    /// Numbers of new ones begin here.
    init_floor: u32,
    /// What comes next isn't the publisher's.
    live_only: bool,
    next_msn: u64,
    next_part: u64,
    discontinuities: u64,
    /// DISCONTINUITY stands before the next segment (counted in `discontinuities` already).
    pending_discontinuity: bool,
    ended: bool,
    captions: bool,
    meter: Meter,
}

impl Index {
    /// Before the first segment.
    pub(crate) fn new(control: Control) -> Self {
        Self {
            control,
            past: Arc::default(),
            sealed: VecDeque::new(),
            open: None,
            live_from: 0,
            begins: 0,
            spans: Spans::default(),
            lost: Vec::new(),
            inits: Vec::new(),
            init_floor: 0,
            live_only: false,
            next_msn: FIRST_MSN,
            next_part: 0,
            discontinuities: 0,
            pending_discontinuity: false,
            ended: false,
            captions: false,
            meter: Meter::default(),
        }
    }

    /// The newest sealed segments, with their parts, oldest first: a minute, or the window where that is shorter.
    pub fn segments(&self) -> impl ExactSizeIterator<Item = &Arc<Segment>> + DoubleEndedIterator {
        self.sealed.iter()
    }

    /// The segment that parts are being added to; has no part yet right after its first frame came.
    pub fn open(&self) -> Option<&Segment> {
        self.open.as_ref()
    }

    /// The segment that the playlist shows as open. The newest one stays so until the next has a part: hls.js 1.7 takes
    /// one that is closed while it still loads the last part but one for whole, and never asks for the last (its
    /// tracker allows 0.2 s); what the player has to be quick enough for is now a part more.
    pub fn edge(&self) -> Option<&Segment> {
        if let Some(open) = self.open.as_ref().filter(|s| !s.parts.is_empty() || s.discontinuity) {
            return Some(open);
        }
        let going_on = self.control.plan.parts && !self.ended && !self.pending_discontinuity;
        self.sealed.back().map(|s| &**s).filter(|s| going_on && !s.gap)
    }

    /// Segments that the playlist shows whole, oldest first.
    pub fn whole(&self) -> impl ExactSizeIterator<Item = &Arc<Segment>> + DoubleEndedIterator {
        let edge = self.edge().map(|s| s.msn);
        let shown = self.sealed.len() - usize::from(self.sealed.back().is_some_and(|s| edge == Some(s.msn)));
        self.sealed.range(..shown)
    }

    /// The number of the next part, the hinted one.
    pub fn next_part(&self) -> u64 {
        self.next_part
    }

    /// Of a window that nobody has seen yet, the first segment.
    pub(crate) fn begins(&self) -> u64 {
        self.begins
    }

    /// The MSN of the open segment, or of the next where none is open.
    pub fn current_msn(&self) -> u64 {
        self.open.as_ref().map_or(self.next_msn, |s| s.msn)
    }

    /// Whether DISCONTINUITY stands before the segment that comes next.
    pub fn discontinuity_pending(&self) -> bool {
        self.pending_discontinuity
    }

    /// MSN and part of the newest part (`LAST-MSN`, `LAST-PART`); `None` before the first.
    pub fn last(&self) -> Option<(u64, Option<u64>)> {
        let parts = self.control.plan.parts;
        if let Some(open) = self.open.as_ref().filter(|s| parts && !s.parts.is_empty()) {
            return Some((open.msn, Some(open.parts.len() as u64 - 1)));
        }
        self.sealed.back().map(|s| (s.msn, (s.parts.len() as u64).checked_sub(1).filter(|_| parts)))
    }

    /// `finish` was called.
    pub fn ended(&self) -> bool {
        self.ended
    }

    /// A picture carried captions.
    pub fn captions(&self) -> bool {
        self.captions
    }

    /// An initialisation segment by its number; all of a session's stay.
    pub fn init(&self, number: u32) -> Option<&Arc<Init>> {
        self.inits.iter().find(|i| i.number == number)
    }

    /// The oldest initialisation segment.
    pub fn first_init(&self) -> Option<&Arc<Init>> {
        self.inits.first()
    }

    /// The newest initialisation segment: what the next segment needs.
    pub fn current_init(&self) -> Option<&Arc<Init>> {
        self.inits.last()
    }

    /// Where the newest segment ends, in decode time.
    pub fn ends_at(&self) -> Option<Timestamp> {
        let newest = self.open.as_ref().or(self.sealed.back().map(|s| &**s))?;
        Some(newest.start.plus(newest.duration))
    }

    /// Takes an initialisation segment for what follows; `None` where it is in force already. One that was in force before
    /// gets a new number all the same: numbers rise, so that a file is found by them.
    pub(crate) fn add_init(&mut self, data: bytes::Bytes) -> Option<Arc<Init>> {
        if self.inits.last().is_some_and(|i| i.data == data) {
            return None;
        }
        let next = self.inits.last().map_or(0, |i| i.number + 1);
        let init = Arc::new(Init { number: next.max(self.init_floor), data });
        self.inits.push(init.clone());
        Some(init)
    }

    pub(crate) fn restore_init(&mut self, init: Arc<Init>) {
        if self.inits.last().is_none_or(|i| i.number < init.number) {
            self.inits.push(init);
        }
    }

    /// Whether what follows isn't the publisher's; gives what held before.
    pub(crate) fn set_live_only(&mut self, live_only: bool) -> bool {
        std::mem::replace(&mut self.live_only, live_only)
    }

    pub(crate) fn clear_discontinuity(&mut self) {
        self.pending_discontinuity = false;
    }

    /// An empty timeline beside this one, for media that isn't shown: from these numbers on, under the initialisation
    /// segment with this data.
    pub(crate) fn aside(&self, msn: u64, part: u64, init: &bytes::Bytes) -> Self {
        let mut aside = Self::new(self.control.clone());
        (aside.next_msn, aside.next_part) = (msn, part);
        aside.init_floor = u32::try_from(msn).unwrap_or(u32::MAX);
        aside.inits.extend(self.inits.iter().rev().find(|i| i.data == *init).cloned());
        aside
    }

    /// There was a DISCONTINUITY, or one is coming.
    pub(crate) fn broken(&self) -> bool {
        self.discontinuities > 0
    }

    /// Sets DISCONTINUITY before the next segment; one is enough.
    pub(crate) fn set_discontinuity(&mut self) {
        let untouched = self.next_msn == FIRST_MSN && self.open.is_none();
        if !self.pending_discontinuity && !untouched {
            self.pending_discontinuity = true;
            self.discontinuities += 1;
        }
    }

    /// Opens the next segment.
    pub(crate) fn begin(&mut self, start: Timestamp) -> &mut Segment {
        let segment = Segment {
            msn: self.next_msn,
            discontinuity: std::mem::take(&mut self.pending_discontinuity),
            discontinuity_sequence: self.discontinuities,
            init: self.inits.last().map_or(0, |i| i.number),
            start,
            duration: Timestamp::new(0, start.scale),
            bytes: 0,
            key: 0,
            gap: false,
            live_only: self.live_only,
            parts: Vec::new(),
        };
        self.next_msn += 1;
        self.open.insert(segment)
    }

    /// The open segment, to move its start where it has no part yet.
    pub(crate) fn open_mut(&mut self) -> Option<&mut Segment> {
        self.open.as_mut()
    }

    /// `key`: bytes of the key frame that it begins with, or 0.
    pub(crate) fn add_part(&mut self, part: PartInfo, key: u32) {
        self.next_part = part.number + 1;
        if let Some(open) = &mut self.open {
            if open.parts.is_empty() {
                open.key = key;
            }
            open.duration = open.duration.plus(part.duration);
            open.bytes += part.bytes;
            open.parts.push(part);
        }
    }

    /// Seals the open segment, which has at least one part or is a gap.
    pub(crate) fn seal(&mut self) -> Option<Arc<Segment>> {
        let segment = Arc::new(self.open.take()?);
        self.push(Arc::clone(&segment));
        Some(segment)
    }

    pub(crate) fn restore_segment(&mut self, segment: Segment) {
        self.next_msn = segment.msn + 1;
        self.discontinuities = segment.discontinuity_sequence;
        if let Some(last) = segment.parts.last() {
            self.next_part = last.number + 1;
        }
        self.push(Arc::new(segment));
        self.trim();
    }

    /// Goes on at `msn`, after so many discontinuities (a rendition that has less than the others, or nothing).
    pub(crate) fn restore_position(&mut self, msn: u64, discontinuities: u64) {
        self.discontinuities = discontinuities;
        while !self.sealed.is_empty() && self.next_msn < msn {
            let at = self.sealed.back().map(|s| s.start.plus(s.duration));
            let target = Timestamp::of_duration(
                Duration::from_secs(self.control.plan.target_duration.into()),
                self.control.part_target.scale,
            );
            let gap = self.begin(at.unwrap_or(target));
            gap.gap = true;
            gap.duration = target;
            self.seal();
        }
        self.next_msn = msn;
    }

    /// An empty timeline begins here, beside others that are longer.
    pub(crate) fn place(&mut self, msn: u64, discontinuities: u64, discontinuity: bool) {
        (self.next_msn, self.discontinuities) = (msn, discontinuities);
        self.pending_discontinuity = discontinuity;
    }

    pub(crate) fn discontinuities(&self) -> u64 {
        self.discontinuities
    }

    pub(crate) fn set_captions(&mut self) {
        self.captions = true;
    }

    pub(crate) fn end(&mut self) {
        self.ended = true;
    }
}
