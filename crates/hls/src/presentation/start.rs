//! How a session begins: what is measured before the first part, and what a journal says.

use std::time::Duration;

use media::{AccessUnit, CodecConfig, Kind, Rational, Timestamp, aac};

use super::source::Source;
use super::{BYTES_AT_MOST, Changes, HELD_AT_MOST, MEASURE_AT_MOST, Presentation, Rendition, Running, State};
use super::{Follower, Told};
use crate::packager::{Config, Packager, Role};
use crate::{Changeset, Control, Index, Init, Plan, Target, journal, rate};

impl Presentation {
    /// Continues a session from its journals (for each rendition its files in order; empty where it has none). What
    /// comes next stands after a DISCONTINUITY. Plan, epoch and targets are the journal's where there is one.
    pub fn resume(
        plan: Plan,
        epoch_ms: i64,
        renditions: Vec<Rendition>,
        journals: &[Vec<journal::Index>],
    ) -> (Self, Changes) {
        let Some(header) = journals.iter().flatten().map(|file| &file.header).next_back() else {
            return (Self::new(plan, epoch_ms, renditions), Vec::new());
        };
        let mut this = Self::new(header.plan, header.epoch_ms, renditions);
        let hold_back = Duration::from_millis(header.part_hold_back_ms);
        let indexes: Vec<Index> = (0..this.renditions.len())
            .map(|i| this.recover(i, hold_back, journals.get(i).map_or(&[], |files| files)))
            .collect();
        let msn = indexes.iter().map(Index::current_msn).max().unwrap_or(0);
        let discontinuities = indexes.iter().map(Index::discontinuities).max().unwrap_or(0);
        let (mut packagers, mut followers) = (Vec::new(), Vec::new());
        let (mut rates, mut out) = (Vec::new(), Vec::new());
        for (i, mut index) in indexes.into_iter().enumerate() {
            let known = index.current_init().is_some();
            index.restore_position(msn, discontinuities);
            let (rate, frame) = this.frame(i, &[], true).unwrap_or_default();
            let changes = this.add(i, frame, known, index, &mut packagers, &mut followers);
            out.push((i, changes));
            rates.push(rate);
        }
        this.run(packagers, followers, rates, None);
        (this, out)
    }

    /// A rendition's packager, or the follower that has one.
    fn add(
        &self,
        i: usize,
        frame: u32,
        known: bool,
        index: Index,
        packagers: &mut Vec<Packager>,
        followers: &mut Vec<Follower>,
    ) -> Changeset {
        let (track, control) = (&self.renditions[i].track, index.control.clone());
        if i < self.sources {
            let role = if i == self.leader { Role::Leads } else { Role::Follows };
            let (packager, changes) = Packager::resume(Config { control, frame, role }, track, index);
            packagers.push(packager);
            return changes;
        }
        if !known {
            followers.push(Follower::new(track.kind, control, frame));
            return Changeset::default();
        }
        let (follower, changes) = Follower::resume(frame, track, index);
        followers.push(follower);
        changes
    }

    fn run(
        &mut self,
        packagers: Vec<Packager>,
        followers: Vec<Follower>,
        rates: Vec<Option<Rational>>,
        since: Option<Timestamp>,
    ) {
        let late_from = vec![(0, 0); packagers.len()];
        let told = packagers.get(self.leader).map(|leads| Told::all(leads.index())).unwrap_or_default();
        let source = Source::Publisher;
        let running = Running { packagers, rates, source, late_from, followers, told, since, moved: None };
        self.state = State::Running(Box::new(running));
    }

    /// Measuring → Running, where enough is known (or `now`); then what was held goes through.
    pub(super) fn start(&mut self, now: bool, out: &mut Changes) {
        let State::Measuring { held, bytes, known } = &mut self.state else { return };
        let first = held.iter().map(|(_, u)| u.dts).min();
        let last = held.iter().map(|(_, u)| u.dts).max();
        let span = first.zip(last).and_then(|(a, b)| b.minus(a).to_duration()).unwrap_or_default();
        let late = now || span >= MEASURE_AT_MOST || held.len() >= HELD_AT_MOST || *bytes >= BYTES_AT_MOST;
        let (held, known, bytes) = (std::mem::take(held), std::mem::take(known), *bytes);
        let dts = |i: usize| held.iter().filter(|(r, _)| *r == i).map(|(_, u)| u.dts).collect::<Vec<_>>();
        let leads = self.frame(self.leader, &dts(self.leader), late);
        let of = |i: usize| match leads {
            Some((rate, _)) if i >= self.sources => self.ordered(i, rate),
            Some(_) | None => self.frame(i, &dts(i), late),
        };
        let found: Option<Vec<_>> = (0..self.renditions.len()).map(of).collect();
        let Some(found) = found else {
            self.state = State::Measuring { held, bytes, known };
            return;
        };
        let targets: Vec<Target> =
            self.renditions.iter().zip(&found).map(|(r, f)| self.target(r, f.0)).collect();
        // Rules 2 and 11: three parts of whichever rendition has the longest.
        let longest = targets.iter().map(|t| t.hundred_thousandths()).max().unwrap_or(0);
        let part_hold_back = Duration::from_micros(longest * 30).max(self.plan.part_hold_back());
        let (mut packagers, mut followers, mut rates) = (Vec::new(), Vec::new(), Vec::new());
        for (i, (rate, frame)) in found.into_iter().enumerate() {
            let control =
                Control { plan: self.plan, epoch_ms: self.epoch_ms, part_target: targets[i], part_hold_back };
            let index = Index::new(control);
            let changes = self.add(i, frame, false, index, &mut packagers, &mut followers);
            out.push((i, changes));
            rates.push(rate);
        }
        self.run(packagers, followers, rates, first.or(Some(Timestamp::millis(0))));
        for i in known {
            out.extend(self.configure(i, self.renditions[i].track.clone()));
        }
        let mut held = held;
        let moved = begin_together(&mut held, self.leader, self.sources);
        if let State::Running(running) = &mut self.state {
            running.moved = moved;
        }
        for (rendition, unit) in held {
            self.take(rendition, unit, out);
        }
    }

    /// What is ordered of a made rendition, where the source has this frame rate.
    fn ordered(&self, i: usize, source: Option<Rational>) -> Option<(Option<Rational>, u32)> {
        let rendition = &self.renditions[i];
        if rendition.track.kind == Kind::Video
            && rendition.frame_rate.is_none()
            && let Some(rate) = source
        {
            return Some((Some(rate), rate::video_target(rate, self.plan.part).0));
        }
        self.frame(i, &[], true)
    }

    /// Frame rate and a frame's ticks in the track's scale; `None`: wait for more units.
    fn frame(&self, i: usize, dts: &[Timestamp], late: bool) -> Option<(Option<Rational>, u32)> {
        let rendition = self.renditions.get(i)?;
        match &rendition.track.config {
            CodecConfig::Aac(_) => Some((None, aac::Config::FRAME)),
            CodecConfig::Avc(config) => {
                let rate = rate::settle(&[config.frame_rate, rendition.frame_rate], dts, late)?;
                Some((Some(rate), rate::video_target(rate, self.plan.part).0))
            }
        }
    }

    fn target(&self, rendition: &Rendition, rate: Option<Rational>) -> Target {
        match rate {
            Some(rate) => rate::video_target(rate, self.plan.part).1,
            None => rate::audio_target(aac::Config::FRAME, rendition.track.scale, self.plan.part),
        }
    }

    /// A rendition's index as its journal left it.
    fn recover(&self, i: usize, part_hold_back: Duration, files: &[journal::Index]) -> Index {
        let rendition = &self.renditions[i];
        let own = files.iter().rev().find(|file| !file.header.live_only);
        let part_target = match own.and_then(journal::Index::part_target) {
            Some(target) => target,
            None => self.target(
                rendition,
                rate::settle(&[rendition.frame_rate], &[], true)
                    .filter(|_| rendition.track.kind == Kind::Video),
            ),
        };
        let control = Control { plan: self.plan, epoch_ms: self.epoch_ms, part_target, part_hold_back };
        let mut index = Index::new(control);
        for file in files.iter().filter(|file| file.header.late.is_none()) {
            let init = Init { number: file.header.init, data: file.init.clone() };
            index.restore_init(init.into());
        }
        for segment in journal::segments(&files.iter().collect::<Vec<_>>()) {
            index.restore_segment(segment);
        }
        index
    }
}

/// Where a little sound comes first, the first picture is shown with it. Shaka 5.2 moves each rendition's parts to where the
/// earliest begins, but not the segments they are of: it has them twice then, and loads pictures from the middle of a GOP.
/// Gives when it was to be shown, and how much earlier it is.
fn begin_together(
    held: &mut [(usize, AccessUnit)],
    leader: usize,
    sources: usize,
) -> Option<(Timestamp, Timestamp)> {
    let sound = held.iter().filter(|(r, _)| *r != leader && *r < sources).map(|(_, unit)| unit.pts).min()?;
    let (_, first) = held.iter_mut().find(|(r, unit)| *r == leader && unit.key)?;
    let (at, early) = (first.pts, first.pts.minus(sound));
    if early <= Timestamp::millis(0) || early > Timestamp::millis(150) {
        return None;
    }
    (first.pts, first.dts) = (at.minus(early), first.dts.minus(early));
    Some((at, early))
}
