//! The renditions of one session, kept in step: the same target duration and hold-backs, segments with the same MSN
//! covering the same time, discontinuities in the same places.
//!
//! ```text
//!   Measuring ── frame rate known, or a bound reached ──▶ Running
//!   (units held)                                          (a packager a rendition)
//! ```

use std::time::Duration;

use media::{AccessUnit, CodecConfig, Kind, Rational, Timestamp, Track, aac};

use crate::packager::{Config, Cut, Packager};
use source::{Source, finish_late};

mod source;
use crate::playlist::multivariant;
use crate::{Change, Changeset, Control, Index, Init, Plan, Target, journal, rate};

/// One rendition to be.
#[derive(Clone, Debug)]
pub struct Rendition {
    /// Its folder in URLs: `video`, `audio`.
    pub name: String,
    /// What it carries.
    pub track: Track,
    /// From the publisher's metadata; checked against the first units.
    pub frame_rate: Option<Rational>,
    /// bit/s the publisher announced, for BANDWIDTH until it is measured.
    pub bitrate: Option<u32>,
}

/// The result of a push: changes by rendition (its place in the list given to `new`), to be applied in order.
pub type Changes = Vec<(usize, Changeset)>;

/// The renditions of one session.
#[derive(Debug)]
pub struct Presentation {
    plan: Plan,
    epoch_ms: i64,
    renditions: Vec<Rendition>,
    leader: usize,
    state: State,
}

#[derive(Debug)]
enum State {
    Measuring {
        held: Vec<(usize, AccessUnit)>,
        bytes: usize,
    },
    Running {
        packagers: Vec<Packager>,
        rates: Vec<Option<Rational>>,
        source: Source,
        /// By rendition, the first MSN and part number free for media that comes late.
        late_from: Vec<(u64, u64)>,
    },
}

impl State {
    fn running(packagers: Vec<Packager>, rates: Vec<Option<Rational>>) -> Self {
        let late_from = vec![(0, 0); packagers.len()];
        Self::Running { packagers, rates, source: Source::Publisher, late_from }
    }
}

/// Held no longer than this, nor more than this many units or bytes.
const MEASURE_AT_MOST: Duration = Duration::from_secs(1);
const HELD_AT_MOST: usize = 256;
const BYTES_AT_MOST: usize = 16 << 20;

impl Presentation {
    /// A new session. `epoch_ms`: the wall clock, ms since 1970, at time zero of the session's clock. The first video
    /// rendition leads; without one the first of all.
    pub fn new(plan: Plan, epoch_ms: i64, renditions: Vec<Rendition>) -> Self {
        let leader = renditions.iter().position(|r| r.track.kind == Kind::Video).unwrap_or(0);
        Self { plan, epoch_ms, renditions, leader, state: State::Measuring { held: Vec::new(), bytes: 0 } }
    }

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
        let (mut packagers, mut rates, mut out) = (Vec::new(), Vec::new(), Vec::new());
        let indexes: Vec<Index> = (0..this.renditions.len())
            .map(|i| this.recover(i, hold_back, journals.get(i).map_or(&[], |files| files)))
            .collect();
        let msn = indexes.iter().map(Index::current_msn).max().unwrap_or(0);
        let discontinuities = indexes.iter().map(Index::discontinuities).max().unwrap_or(0);
        for (i, mut index) in indexes.into_iter().enumerate() {
            index.restore_position(msn, discontinuities);
            let rendition = &this.renditions[i];
            let (rate, frame) = this.frame(rendition, &[], true).unwrap_or_default();
            let config = Config { control: index.control.clone(), frame, follows: i != this.leader };
            let (packager, changes) = Packager::resume(config, &rendition.track, index);
            out.push((i, changes));
            packagers.push(packager);
            rates.push(rate);
        }
        this.state = State::running(packagers, rates);
        (this, out)
    }

    /// Takes the next unit of a rendition, in decode order.
    pub fn push(&mut self, rendition: usize, unit: AccessUnit) -> Changes {
        if rendition >= self.renditions.len() {
            return Vec::new();
        }
        let mut out = Vec::new();
        match &mut self.state {
            State::Measuring { held, bytes } => {
                *bytes += unit.data.len();
                held.push((rendition, unit));
                self.start(false, &mut out);
            }
            State::Running { packagers, source, late_from, .. } => {
                source.take(packagers, self.leader, rendition, unit, late_from, &mut out);
            }
        }
        out
    }

    /// The timeline jumps (call it before the unit after the jump), or a track changes: all renditions close their open
    /// segment short and go on after a DISCONTINUITY. `track`: the rendition's new configuration.
    pub fn discontinuity(&mut self, track: Option<(usize, Track)>) -> Changes {
        let mut out = Vec::new();
        self.start(true, &mut out);
        if let State::Running { packagers, source, late_from, .. } = &mut self.state {
            let mut tracks = vec![None; packagers.len()];
            if let Some((i, track)) = &track
                && let Some(place) = tracks.get_mut(*i)
            {
                *place = Some(track);
            }
            if !source.broken(&tracks, late_from, &mut out) {
                break_off(packagers, &tracks, &mut out);
            }
        }
        if let Some((i, track)) = track
            && let Some(rendition) = self.renditions.get_mut(i)
        {
            rendition.track = track;
        }
        out
    }

    /// The session ends: flushes everything; playlists get ENDLIST.
    pub fn finish(&mut self) -> Changes {
        let mut out = Vec::new();
        self.start(true, &mut out);
        if let State::Running { packagers, source, late_from, .. } = &mut self.state {
            finish_late(source, late_from, &mut out);
            out.extend(packagers.iter_mut().map(Packager::finish).enumerate());
        }
        out
    }

    /// How long nothing came of a rendition before this unit, where that is so long that players must be told: pushing
    /// it makes a DISCONTINUITY. Below zero where time goes back. Where a slate is shown, players are told already.
    pub fn hole(&self, rendition: usize, unit: &AccessUnit) -> Option<Timestamp> {
        match &self.state {
            State::Running { packagers, source: Source::Publisher, .. } => {
                packagers.get(rendition)?.hole(unit)
            }
            State::Running { .. } | State::Measuring { .. } => None,
        }
    }

    /// Everything that is pending comes out, whosever it is; what comes next stands after a discontinuity.
    pub fn flush(&mut self) -> Changes {
        let mut out = Vec::new();
        self.start(true, &mut out);
        if let State::Running { packagers, source, late_from, .. } = &mut self.state {
            finish_late(source, late_from, &mut out);
            break_off(packagers, &[], &mut out);
        }
        out
    }

    /// The renditions with their current tracks, in the order given to `new`.
    pub fn renditions(&self) -> &[Rendition] {
        &self.renditions
    }

    /// The plan in force: the journal's after `resume`.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// A rendition's timeline; `None` while its part target isn't known yet (the first few frames).
    pub fn index(&self, rendition: usize) -> Option<&Index> {
        match &self.state {
            State::Measuring { .. } => None,
            State::Running { packagers, .. } => packagers.get(rendition).map(Packager::index),
        }
    }

    /// Segments of a rendition that did not get into the journal: in `dvr.m3u8` they become GAPs once memory has them no
    /// longer.
    pub fn lose(&mut self, rendition: usize, msns: std::ops::Range<u64>) {
        if let State::Running { packagers, .. } = &mut self.state
            && let Some(packager) = packagers.get_mut(rendition)
        {
            packager.lose(msns);
        }
    }

    /// The frame rate of a video rendition once known.
    pub fn frame_rate(&self, rendition: usize) -> Option<Rational> {
        match &self.state {
            State::Measuring { .. } => None,
            State::Running { rates, .. } => rates.get(rendition).copied().flatten(),
        }
    }

    /// The multivariant playlist, media playlists at `{base}/{name}/media.m3u8`; `None` before the leader's first part.
    /// `independent`: we control the GOP.
    pub fn multivariant(&self, base: &str, independent: bool) -> Option<String> {
        self.index(self.leader)?.last()?;
        let list: Vec<_> = (0..self.renditions.len())
            .filter_map(|i| {
                let rendition = self.renditions.get(i)?;
                let announced = rendition.bitrate.map(|b| (b.into(), b.into()));
                let index = self.index(i)?;
                let bandwidth = index.bandwidth().or(announced);
                let uri = format!("{base}/{}/media.m3u8", rendition.name);
                let of = multivariant::Rendition::of(uri, &rendition.track, self.frame_rate(i), bandwidth);
                Some(multivariant::Rendition { captions: Some(index.captions()), ..of })
            })
            .collect();
        Some(multivariant::render(&list, independent))
    }

    /// Measuring → Running, where enough is known (or `now`); then what was held goes through.
    fn start(&mut self, now: bool, out: &mut Changes) {
        let State::Measuring { held, bytes } = &mut self.state else { return };
        let bytes = *bytes;
        let first = held.iter().map(|(_, u)| u.dts).min();
        let last = held.iter().map(|(_, u)| u.dts).max();
        let span = first.zip(last).and_then(|(a, b)| b.minus(a).to_duration()).unwrap_or_default();
        let late = now || span >= MEASURE_AT_MOST || held.len() >= HELD_AT_MOST || bytes >= BYTES_AT_MOST;
        let held = std::mem::take(held);
        let found: Option<Vec<_>> = (0..self.renditions.len())
            .map(|i| {
                let dts: Vec<_> = held.iter().filter(|(r, _)| *r == i).map(|(_, u)| u.dts).collect();
                self.frame(&self.renditions[i], &dts, late)
            })
            .collect();
        let Some(found) = found else {
            self.state = State::Measuring { held, bytes };
            return;
        };
        let targets: Vec<Target> =
            self.renditions.iter().zip(&found).map(|(r, f)| self.target(r, f.0)).collect();
        // Rules 2 and 11: three parts of whichever rendition has the longest.
        let longest = targets.iter().map(|t| t.hundred_thousandths()).max().unwrap_or(0);
        let part_hold_back = Duration::from_micros(longest * 30).max(self.plan.latency);
        let (mut packagers, mut rates) = (Vec::new(), Vec::new());
        for (i, (rate, frame)) in found.into_iter().enumerate() {
            let control =
                Control { plan: self.plan, epoch_ms: self.epoch_ms, part_target: targets[i], part_hold_back };
            let config = Config { control, frame, follows: i != self.leader };
            let (packager, changes) = Packager::new(config, &self.renditions[i].track);
            out.push((i, changes));
            packagers.push(packager);
            rates.push(rate);
        }
        for (rendition, unit) in held {
            step(&mut packagers, self.leader, rendition, unit, out);
        }
        self.state = State::running(packagers, rates);
    }

    /// Frame rate and a frame's ticks in the track's scale; `None`: wait for more units.
    fn frame(&self, rendition: &Rendition, dts: &[Timestamp], late: bool) -> Option<(Option<Rational>, u32)> {
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

/// One unit through its packager, and what follows from it for the others.
fn step(packagers: &mut [Packager], leader: usize, r: usize, unit: AccessUnit, out: &mut Changes) {
    if packagers[r].hole(&unit).is_some() {
        break_off(packagers, &[], out);
    }
    if r != leader && packagers[r].overruns(&unit) {
        // The leader is silent: its segment ends here too, with what it has, or else as a GAP.
        let msn = packagers[r].index().current_msn();
        if let Some(or) = here(&packagers[r]) {
            for (i, other) in packagers.iter_mut().enumerate() {
                if i != r && other.index().current_msn() <= msn {
                    catch_up(other, i, msn + 1, or, out);
                }
            }
        }
    }
    let changes = packagers[r].push(unit);
    let sealed = changes.changes.iter().rev().find_map(|change| match change {
        Change::Sealed(segment) => Some(segment.clone()),
        Change::Init(_) | Change::Part(_) | Change::Removed(_) | Change::Late { .. } => None,
    });
    push(out, r, changes);
    if r != leader {
        return;
    }
    let next = packagers[leader].index().open().map(|open| open.start);
    if let (Some(sealed), Some(at)) = (sealed, next) {
        let cut = Cut { at, ..Cut::from(&*sealed) };
        for (i, follower) in packagers.iter_mut().enumerate().filter(|(i, _)| *i != leader) {
            catch_up(follower, i, sealed.msn, cut, out);
            if follower.index().current_msn() == sealed.msn {
                push(out, i, follower.cut(cut));
            }
        }
    }
}

/// Every rendition closes at the same MSN and goes on after a DISCONTINUITY, under its `track` where there is one.
fn break_off(packagers: &mut [Packager], tracks: &[Option<&Track>], out: &mut Changes) {
    let track = |i: usize| tracks.get(i).copied().flatten();
    let beyond = |p: &Packager| p.index().current_msn() + u64::from(p.has_media());
    let mut target = packagers.iter().map(beyond).max().unwrap_or(0);
    let longest = packagers.iter().filter(|p| beyond(p) == target).find_map(here);
    let zero = Timestamp::millis(0);
    let or = longest.unwrap_or(Cut { at: zero, start: zero, duration: zero });
    // "What stock players do": the part that is hinted now must come true before another MAP is in force.
    let promised = |i: usize, p: &Packager| {
        p.index().control.plan.parts && !p.has_frames() && track(i).is_some_and(|track| p.other_map(track))
    };
    let late = packagers.iter().enumerate().any(|(i, p)| promised(i, p) && p.index().current_msn() == target);
    target += u64::from(late);
    for (i, packager) in packagers.iter_mut().enumerate() {
        if promised(i, packager)
            || (late && packager.index().current_msn() + 1 == target && !packager.has_media())
        {
            let mut changes = Changeset::default();
            packager.repeat_key(&mut changes);
            push(out, i, changes);
        }
        catch_up(packager, i, target, or, out);
        push(out, i, packager.discontinuity(track(i)));
    }
}

/// Closes segments until `msn` is the next.
fn catch_up(packager: &mut Packager, i: usize, msn: u64, or: Cut, out: &mut Changes) {
    while packager.index().current_msn() < msn {
        push(out, i, packager.close(or));
    }
}

/// The open segment's place and length so far.
fn here(packager: &Packager) -> Option<Cut> {
    let open = packager.index().open()?;
    let duration = packager.elapsed();
    Some(Cut { at: open.start.plus(duration), start: open.start, duration })
}

fn push(out: &mut Changes, i: usize, changes: Changeset) {
    if !changes.changes.is_empty() {
        out.push((i, changes));
    }
}

#[cfg(test)]
mod late_tests;
#[cfg(test)]
mod limits;
#[cfg(test)]
pub(crate) mod slate_tests;
#[cfg(test)]
pub(crate) mod tests;
