//! How a follower cuts where its leader did, and what stands where it has nothing.

use media::{AccessUnit, Kind, Timestamp};

use super::Packager;
use crate::{Changeset, Segment};

/// Where the leader cut: what a follower needs to do the same.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cut {
    /// Start of the leader's new segment.
    pub at: Timestamp,
    /// Start of the leader's segment that ended there.
    pub start: Timestamp,
    /// Its duration: that of the GAP where a follower has nothing for it.
    pub duration: Timestamp,
}

/// A sealed segment's place and length, for the renditions that have nothing there.
impl From<&Segment> for Cut {
    fn from(segment: &Segment) -> Self {
        let at = segment.start.plus(segment.duration);
        Self { at, start: segment.start, duration: segment.duration }
    }
}

impl Packager {
    /// Followers: the next segment begins with the first frame at or after `cut.at`; at once where that has passed.
    pub fn cut(&mut self, cut: Cut) -> Changeset {
        let mut out = Changeset::default();
        let mut pts = self.part_dts;
        let place = self.part.iter().position(|(sample, _)| {
            let at = pts + i64::from(sample.offset);
            pts += i64::from(sample.duration);
            self.meets(&cut, at, sample.key)
        });
        let pending = self.pending.as_ref().is_some_and(|p| self.meets(&cut, p.pts, p.key));
        self.cut = Some(cut);
        let whole = self.index.open().is_some_and(|s| s.parts.is_empty()) && place == Some(0);
        match place {
            // All that there is belongs to the new segment: the one that ended has nothing of this rendition.
            Some(_) if whole => self.gap(cut, &mut out),
            // When its part is full.
            Some(_) if !self.may_end() => {}
            Some(at) => {
                let tail = self.part.split_off(at);
                let ticks: i64 = self.part.iter().map(|(s, _)| i64::from(s.duration)).sum();
                let left = self.part_ticks - ticks;
                self.part_ticks = ticks;
                let dts = self.part_dts + ticks;
                self.close_part(&mut out);
                self.seal(&mut out);
                let offset = tail.first().map_or(0, |(s, _)| i64::from(s.offset));
                self.open(dts);
                self.part = tail;
                self.part_ticks = left;
                (self.part_dts, self.part_pts) = (dts, dts + offset);
                self.cut = None;
            }
            None if pending => {
                let empty = self.part.is_empty() && self.index.open().is_none_or(|s| s.parts.is_empty());
                if empty {
                    self.gap(cut, &mut out);
                } else if self.may_end() {
                    self.cut = None;
                    self.close_part(&mut out);
                    self.seal(&mut out);
                    if let Some(next) = self.pending.take() {
                        self.begin(&next);
                        self.pending = Some(next);
                    }
                }
            }
            None => {}
        }
        out
    }

    /// Whether this unit would make the open segment too long while the leader hasn't cut.
    pub fn overruns(&self, unit: &AccessUnit) -> bool {
        let dts = self.dts(unit);
        self.index.open().is_some() && dts - self.segment_dts + self.frame > self.limit()
    }

    pub(super) fn meets(&self, cut: &Cut, pts: i64, key: bool) -> bool {
        // Two encoders' key frames of one moment may be a millisecond apart.
        let grace = if self.kind == Kind::Video { self.frame / 2 } else { 0 };
        key && Timestamp::new(pts + grace, self.scale) >= cut.at
    }

    /// Puts a GAP segment where the segment at hand has nothing; what is pending opens the one after it.
    pub(super) fn gap(&mut self, cut: Cut, out: &mut Changeset) {
        self.cut = None;
        // Its first frames belong to the next: the one that is open becomes the gap.
        let goes_on = self.index.open().is_some();
        let (start, duration) = self.missing(&cut);
        let open = match self.index.open_mut() {
            Some(open) => open,
            None => self.index.begin(start),
        };
        (open.gap, open.start, open.duration) = (true, start, duration);
        self.seal(out);
        if goes_on {
            self.open(self.segment_dts);
        }
    }

    /// From where this rendition ended, up to where the leader cut: PROGRAM-DATE-TIME and EXTINF go on together. What is
    /// longer than the target duration goes on in the next gap.
    pub(super) fn missing(&self, cut: &Cut) -> (Timestamp, Timestamp) {
        let breaks = self.index.open().map_or(self.index.discontinuity_pending(), |open| open.discontinuity);
        let last = self.index.segments().next_back().filter(|_| !breaks);
        let start = last.map_or(cut.start, |last| last.start.plus(last.duration)).rescale(self.scale);
        let rest = cut.start.plus(cut.duration).minus(start).rescale(self.scale).ticks;
        let longest = i64::from(self.index.control.plan.target_duration) * i64::from(self.scale.hz());
        let duration = if rest > 0 {
            rest.min(longest)
        } else {
            cut.duration.rescale(self.scale).ticks.clamp(1, longest)
        };
        (start, Timestamp::new(duration, self.scale))
    }
}
