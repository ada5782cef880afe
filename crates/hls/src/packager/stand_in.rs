//! What a rendition shows where nothing came: its last key frame, or silence, under the MAP in force.

use bytes::Bytes;
use media::{CodecConfig, Rational, Timestamp};

use super::{Cut, Packager, Pending};
use crate::Changeset;
use crate::slate::Loop;

impl Packager {
    /// A segment that has nothing before a break; `false` where there is nothing to show. hls.js 1.7 never begins where a GAP
    /// of one rendition lies before a DISCONTINUITY: its sound then begins behind that, and waits there for pictures, which
    /// wait for the sound.
    pub(super) fn fill(&mut self, cut: &Cut, out: &mut Changeset) -> bool {
        let Some((data, long)) = self.still() else { return false };
        let (start, duration) = self.missing(cut);
        let (mut at, frames) = (start.ticks, (duration.ticks + long / 2) / long);
        let live_only = self.index.set_live_only(true);
        self.open(at);
        for _ in 0..frames.max(1) {
            if self.part_ticks + long > self.target {
                self.close_part(out);
            }
            self.add(Pending { dts: at, pts: at, key: true, data: data.clone() }, long);
            at += long;
        }
        self.close_part(out);
        self.seal(out);
        self.index.set_live_only(live_only);
        true
    }

    /// What goes on in the publisher's place without another MAP, in the part's measure: the last key frame, or silence.
    /// `None` where there was no key frame yet, or nobody sees it.
    pub(crate) fn stand_in(&self) -> Option<Loop> {
        let (data, long) = self.still()?;
        let rate = Rational { num: self.scale.hz(), den: u32::try_from(long).ok()? };
        Loop::new(self.track.clone(), vec![(true, data)], rate)
    }

    /// What comes next isn't the publisher's: it is shown when it is decoded, and from here on. Gives the publisher's delay.
    pub(crate) fn stands_in_from(&mut self, at: Timestamp) -> Option<i64> {
        self.set_live_only(true);
        self.end = Some(at.rescale(self.scale).ticks);
        self.delay.replace(0)
    }

    /// What comes next is the publisher's again, with its delay.
    pub(crate) fn stood_in(&mut self, delay: Option<i64>) {
        self.set_live_only(false);
        self.delay = delay;
    }

    /// Where what came ends, sent or not, or a GAP behind it.
    pub(crate) fn comes_to(&self) -> Option<Timestamp> {
        let end = self.pending.as_ref().map(|pending| pending.dts + self.frame).or(self.end);
        end.map(|end| Timestamp::new(end, self.scale)).max(self.index.ends_at())
    }

    /// One frame, and how long it may last; `None` where nobody sees it, or there was no key frame yet.
    fn still(&self) -> Option<(Bytes, i64)> {
        if self.aside {
            return None;
        }
        match &self.track.config {
            CodecConfig::Aac(config) => Some((config.silent_frame(), self.frame)),
            CodecConfig::Avc(_) => Some((self.last_key.clone()?.0, self.target)),
        }
    }
}
