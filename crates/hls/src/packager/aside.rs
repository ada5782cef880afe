//! What stands beside a rendition's media, or in for it.

use media::{Timestamp, Track};

use super::{Config, Packager, Pending};
use crate::Changeset;
use crate::mp4::init;

impl Packager {
    /// A packager beside this one for media that isn't shown, from these numbers on and under this track; it goes on where
    /// the shown media ended, even in the middle of a GOP.
    pub(crate) fn aside(&self, track: &Track, msn: u64, part: u64) -> Self {
        let index = self.index.aside(msn, part, &init::segment(track));
        let config = Config {
            control: index.control.clone(),
            frame: u32::try_from(self.frame).unwrap_or(1),
            role: self.role,
        };
        let (mut aside, _) = Self::resume(config, track, index);
        aside.index.clear_discontinuity();
        aside.wants_key = false;
        aside.aside = true;
        aside
    }

    /// Whether `track` needs another MAP than the hint stands under.
    pub(crate) fn other_map(&self, track: &Track) -> bool {
        self.index.current_init().is_some_and(|now| now.data != init::segment(track))
    }

    /// Whether closing the segment at hand gives a part, which takes the hinted name.
    pub(crate) fn has_frames(&self) -> bool {
        self.pending.is_some() || !self.part.is_empty()
    }

    /// A hint must not come true under another MAP: with nothing pending, the last key frame once more, as a segment of one
    /// frame: where media ended, or behind a DISCONTINUITY at `at`. `false` where there never was one.
    pub(crate) fn repeat_key(&mut self, at: Option<Timestamp>, out: &mut Changeset) -> bool {
        let Some((data, offset)) = self.last_key.clone() else { return false };
        let anew = at.filter(|_| self.index.discontinuity_pending());
        let Some(dts) = anew.or(self.index.ends_at()).map(|at| at.rescale(self.scale).ticks) else {
            return false;
        };
        let live_only = self.index.set_live_only(true);
        let frame = self.frame.min(self.target);
        let unit = Pending { dts, pts: dts + offset, key: true, data };
        self.begin(&unit);
        self.add(unit, frame);
        self.close_part(out);
        self.seal(out);
        self.index.set_live_only(live_only);
        true
    }

    /// Whether what comes next is the publisher's.
    pub(crate) fn set_live_only(&mut self, live_only: bool) {
        self.index.set_live_only(live_only);
    }
}
