//! Over a hole that no slate fills: what was seen last, and silence, up to where the publisher goes on.
//!
//! Shaka 5.2 takes a hole in PROGRAM-DATE-TIME of more than a second out of its own timeline, and stays behind its clock by
//! that for good: with each reload it throws out more segments than came, until it has none, and dies of that
//! (`hls_parser.js`: it goes through an index that is null when it is empty).

use std::time::Duration;

use media::{Timescale, Timestamp};

use super::source::{Source, show};
use super::step::close_all;
use super::{Changes, Presentation, State};
use crate::packager::Packager;

/// Well under a second, for each rendition is judged by itself.
const HOLE: Duration = Duration::from_millis(800);

impl Presentation {
    /// The publisher goes on at `to`, behind a break: call it before `discontinuity` or `returned`. Nothing where a slate is
    /// shown, or there is no hole.
    pub fn bridge(&mut self, to: Timestamp) -> Changes {
        let mut out = Vec::new();
        if let State::Running(running) = &mut self.state
            && matches!(running.source, Source::Publisher)
        {
            over(&mut running.packagers, self.leader, to, &mut out);
            running.follow(self.leader, None, &mut out);
        }
        out
    }
}

/// Up to `to`, where the hole is longer than players bear.
pub(super) fn over(packagers: &mut [Packager], leader: usize, to: Timestamp, out: &mut Changes) {
    let ends: Vec<_> = packagers.iter().map(Packager::comes_to).collect();
    let hole = ends.iter().flatten().map(|end| to.minus(*end)).max();
    let millis = |duration| Timestamp::of_duration(duration, Timescale::MILLIS);
    // A delta must not skip what came with it (RFC 8216bis §6.2.5.1).
    let most = packagers.first().map_or(Duration::ZERO, |p| p.index().control.plan.skip_until() / 2);
    if hole.is_none_or(|hole| hole <= millis(HOLE) || hole > millis(most)) {
        return;
    }
    let stand_ins: Option<Vec<_>> = packagers.iter().map(Packager::stand_in).collect();
    let Some(stand_ins) = stand_ins else { return };
    close_all(packagers, out);
    let latest = packagers.iter().filter_map(Packager::comes_to).max().unwrap_or(to);
    let (mut loops, mut delays) = (Vec::new(), Vec::new());
    for (packager, mut stand_in) in packagers.iter_mut().zip(stand_ins) {
        let at = packager.comes_to().unwrap_or(latest);
        delays.push(packager.stands_in_from(at));
        stand_in.begin(at);
        loops.push(Some(stand_in));
    }
    show(packagers, leader, &mut loops, to, out);
    packagers.iter_mut().zip(delays).for_each(|(packager, delay)| packager.stood_in(delay));
}
