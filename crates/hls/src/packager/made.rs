//! A made rendition's own side of its leader's marks: what lies before one, how a segment ends there, what a GAP leaves.

use media::{AccessUnit, Kind, Timestamp, Track};

use super::Packager;
use crate::Changeset;

/// Milliseconds were rounded on the way: two moments so near are one.
const NEAR_MS: i64 = 5;
/// A segment that lacks no more than this, or a part, is whole.
const SHORT_MS: i64 = 250;

impl Packager {
    /// Of pictures or sound.
    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    /// Where a unit stands: a key frame where it is shown, the rest where it is decoded.
    fn stands(&self, unit: &AccessUnit) -> i64 {
        if unit.key { unit.pts.rescale(self.scale).ticks } else { self.dts(unit) }
    }

    fn ticks(&self, at: Timestamp) -> i64 {
        at.rescale(self.scale).ticks
    }

    fn near(&self) -> i64 {
        (self.frame / 2).min(self.ticks(Timestamp::millis(NEAR_MS)))
    }

    /// Whether the unit lies at or behind this moment.
    pub(crate) fn is_past(&self, at: Timestamp, unit: &AccessUnit) -> bool {
        self.stands(unit) + self.near() >= self.ticks(at)
    }

    /// Whether a segment that begins at `at` begins with this unit, or lies before it. `key`: when the key frame is shown that
    /// the leader's begins with; this one's is waited for, a part long. Sound ends its part first.
    pub(crate) fn reaches(&self, at: Timestamp, key: Option<Timestamp>, unit: &AccessUnit) -> bool {
        match (self.kind, key) {
            (Kind::Video, Some(key)) if unit.key => self.is_past(key, unit),
            (Kind::Video, Some(key)) => self.stands(unit) >= self.ticks(key.max(at)) + self.target,
            (Kind::Video, None) => self.is_past(at, unit),
            (Kind::Audio, _) => {
                let past = self.stands(unit) - self.ticks(at);
                past >= 0 && (self.ends_part() || past >= self.target || self.overruns(unit))
            }
        }
    }

    /// A segment that begins at `at` can begin with this unit though the one before has no media.
    pub(crate) fn begins(&self, at: Timestamp, key: Option<Timestamp>, unit: &AccessUnit) -> bool {
        let at = key.filter(|_| self.kind == Kind::Video && unit.key).unwrap_or(at);
        let soon = self.stands(unit) <= self.ticks(at) + self.target;
        self.is_past(at, unit) && soon && (unit.key || !self.wants_key) && self.hole(unit).is_none()
    }

    /// With the pending frame the part is full, or may end anywhere.
    fn ends_part(&self) -> bool {
        let full = self.part_ticks + 2 * self.frame > self.target;
        !self.index.control.plan.parts || self.pending.is_none() || full
    }

    /// The unit lies before what there is already, by more than an uneven pace explains.
    pub(crate) fn overlaps(&self, unit: &AccessUnit) -> bool {
        let newest = self.pending.as_ref().map(|last| last.dts).or(self.end);
        newest.is_some_and(|newest| self.stands(unit) + self.target < newest)
    }

    /// The open segment can be so long.
    pub(crate) fn has_room(&self, unit: &AccessUnit) -> bool {
        self.index.open().is_none() || self.dts(unit) - self.segment_dts <= self.longest()
    }

    /// Everything before `at` is here, as far as frames come evenly.
    pub(crate) fn is_complete(&self, at: Timestamp) -> bool {
        let end = self.pending.as_ref().map(|last| last.dts + self.frame).or(self.end);
        // Sound may end in mid-frame.
        let rounded = if self.kind == Kind::Video { self.near() } else { self.frame / 2 };
        end.is_some_and(|end| end + rounded >= self.ticks(at))
    }

    /// The open segment ends where the next begins, at `at`; `next` is that one's first unit, where it is here. `false` where
    /// there is nothing to end, or media is missing before that.
    pub(crate) fn end_at(&mut self, at: Timestamp, next: Option<&AccessUnit>, out: &mut Changeset) -> bool {
        let complete = self.is_complete(at);
        let at = self.ticks(at);
        // A frame lasts a part at most, and the segment may be a little too short.
        let short = self.target.min(self.ticks(Timestamp::millis(SHORT_MS)));
        if self.pending.as_ref().is_none_or(|last| !complete && last.dts + self.target + short < at) {
            return false;
        }
        // Pictures: to the tick where the leader's ends, so that dates are the same.
        let end = match next {
            Some(unit)
                if self.kind == Kind::Audio || (!unit.key && (self.dts(unit) - at).abs() > self.frame) =>
            {
                Some(self.dts(unit))
            }
            None if self.kind == Kind::Audio || !complete => None,
            Some(_) | None => Some(at),
        };
        let Some(last) = self.pending.take() else { return false };
        let step = i64::from(self.scale.hz() / 1000).max(1);
        let wanted = end.map_or(self.frame, |end| end - last.dts).max(step);
        let duration = self.fit(last.dts, wanted, out);
        self.add(last, duration);
        self.close_part(out);
        self.seal(out);
        true
    }

    /// The segment from `start` to `end` has not all of its media: it is a GAP. What follows needs a key frame.
    pub(crate) fn void(&mut self, start: Timestamp, end: Timestamp, out: &mut Changeset) {
        self.pending = None;
        self.part.clear();
        self.part_ticks = 0;
        (self.end, self.delay, self.key_dts) = (None, None, None);
        self.wants_key = true;
        let start = self.index.open().map_or(start, |open| open.start).rescale(self.scale);
        let ticks = (self.ticks(end) - start.ticks).clamp(1, self.longest());
        let open = match self.index.open_mut() {
            Some(open) => open,
            None => self.index.begin(start),
        };
        open.parts.clear();
        (open.gap, open.bytes, open.key) = (true, 0, 0);
        (open.start, open.duration) = (start, Timestamp::new(ticks, self.scale));
        self.seal(out);
    }

    /// The next unit begins the segment at `at`, though the one before has no media.
    pub(crate) fn begin_at(&mut self, at: Timestamp) {
        if self.kind == Kind::Video && self.end.is_none() {
            self.end = Some(self.ticks(at));
        }
    }

    /// Its first segment has this place among the leader's.
    pub(crate) fn place(&mut self, msn: u64, discontinuities: u64, discontinuity: bool) {
        self.index.place(msn, discontinuities, discontinuity);
    }

    /// Nothing is given out yet: its configuration is another.
    pub(crate) fn adopt(&mut self, track: &Track, out: &mut Changeset) {
        self.set_track(track, out);
    }

    /// What follows needs a key frame.
    pub(crate) fn tear(&mut self) {
        self.wants_key = true;
    }

    /// When the key frame is shown that the open segment begins with, as long as it has no part.
    pub(crate) fn opens_with_key(&self) -> Option<Timestamp> {
        let open = self.index.open()?;
        let shown = match (self.part.first(), &self.pending) {
            _ if !open.parts.is_empty() => return open.parts[0].independent.then_some(open.start),
            (Some((sample, _)), _) => sample.key.then_some(self.part_pts),
            (None, Some(pending)) => pending.key.then_some(pending.pts),
            (None, None) => None,
        };
        shown.map(|pts| Timestamp::new(pts, self.scale))
    }
}
