//! The renditions of one session, kept in step: the same target duration and hold-backs, segments with the same MSN
//! covering the same time, discontinuities in the same places.
//!
//! ```text
//!   Measuring ── frame rate known, or a bound reached ──▶ Running
//!   (units held)                                          (a packager a rendition)
//! ```

use std::time::Duration;

use media::{AccessUnit, Kind, Rational, Timestamp, Track};

use crate::packager::Packager;
use crate::playlist::multivariant;
use crate::{Changeset, Index, Plan};
use follower::Follower;
use marks::{Mark, Shows, Told};
use source::{Source, finish_late};
use step::{break_off, push};

mod bridge;
mod follower;
mod made;
mod marks;
mod source;
mod start;
mod step;

pub use follower::LATE;

/// One rendition to be.
#[derive(Clone, Debug)]
pub struct Rendition {
    /// Its folder in URLs: `video`, `audio`.
    pub name: String,
    /// What it carries. Of a made one: as ordered, until [`Presentation::configure`] says what it is.
    pub track: Track,
    /// From the publisher's metadata; checked against the first units. Of a made one: as ordered, and its PART-TARGET is by
    /// that; the source's where it isn't known.
    pub frame_rate: Option<Rational>,
    /// bit/s the publisher announced, for BANDWIDTH until it is measured.
    pub bitrate: Option<u32>,
    /// A worker makes it of the source: it comes later, any time later, or never.
    pub made: bool,
    /// The multivariant has it, once it has a part. What isn't listed is packaged and recorded all the same.
    pub listed: bool,
}

impl Rendition {
    /// As the publisher sends it, with nothing announced.
    pub fn source(name: impl Into<String>, track: Track) -> Self {
        Self { name: name.into(), track, frame_rate: None, bitrate: None, made: false, listed: true }
    }
}

/// The result of a push: changes by rendition (its place in the list given to `new`), to be applied in order.
pub type Changes = Vec<(usize, Changeset)>;

/// The renditions of one session.
#[derive(Debug)]
pub struct Presentation {
    plan: Plan,
    epoch_ms: i64,
    renditions: Vec<Rendition>,
    /// How many are the source's own; the rest is made.
    sources: usize,
    leader: usize,
    patience: Duration,
    state: State,
}

#[derive(Debug)]
enum State {
    Measuring {
        held: Vec<(usize, AccessUnit)>,
        bytes: usize,
        /// Made renditions whose workers have said what they are.
        known: Vec<usize>,
    },
    Running(Box<Running>),
}

#[derive(Debug)]
struct Running {
    /// Of the source's own renditions.
    packagers: Vec<Packager>,
    rates: Vec<Option<Rational>>,
    source: Source,
    /// By rendition, the first MSN and part number free for media that comes late.
    late_from: Vec<(u64, u64)>,
    /// The made ones.
    followers: Vec<Follower>,
    told: Told,
    /// Where the source was when it could have been announced; `None`: it was.
    since: Option<Timestamp>,
    /// When the source's first picture was to be shown, and by how much that was brought forward.
    moved: Option<(Timestamp, Timestamp)>,
}

/// Held no longer than this, nor more than this many units or bytes.
const MEASURE_AT_MOST: Duration = Duration::from_secs(1);
const HELD_AT_MOST: usize = 256;
const BYTES_AT_MOST: usize = 16 << 20;

/// A session is announced without the made renditions that have no part after so much of the source.
pub const PATIENCE: Duration = Duration::from_millis(2_500);

impl Presentation {
    /// A new session. `epoch_ms`: the wall clock, ms since 1970, at time zero of the session's clock. What is made stands
    /// behind what it is made of. The first video rendition leads; without one the first of all.
    pub fn new(plan: Plan, epoch_ms: i64, renditions: Vec<Rendition>) -> Self {
        let sources = renditions.iter().position(|r| r.made).unwrap_or(renditions.len());
        let leader = renditions[..sources].iter().position(|r| r.track.kind == Kind::Video).unwrap_or(0);
        let state = State::Measuring { held: Vec::new(), bytes: 0, known: Vec::new() };
        Self { plan, epoch_ms, renditions, sources, leader, patience: PATIENCE, state }
    }

    /// With another [`PATIENCE`].
    pub fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Takes the next unit of a rendition, in decode order. Of a made one only when the source's that it is made of was taken;
    /// the source's own may be any distance ahead.
    pub fn push(&mut self, rendition: usize, unit: AccessUnit) -> Changes {
        let mut out = Vec::new();
        if rendition >= self.renditions.len() {
            return out;
        }
        match &mut self.state {
            State::Measuring { held, bytes, .. } => {
                *bytes += unit.data.len();
                held.push((rendition, unit));
                self.start(false, &mut out);
            }
            State::Running(_) => self.take(rendition, unit, &mut out),
        }
        out
    }

    fn take(&mut self, rendition: usize, unit: AccessUnit, out: &mut Changes) {
        let State::Running(running) = &mut self.state else { return };
        if rendition >= self.sources {
            return running.made(rendition - self.sources, unit, out);
        }
        let Running { packagers, source, late_from, .. } = &mut **running;
        source.take(packagers, self.leader, rendition, unit, late_from, out);
        running.follow(self.leader, None, out);
    }

    /// The timeline jumps (call it before the unit after the jump), or a track of the source changes: all renditions close
    /// their open segment short and go on after a DISCONTINUITY. `track`: the rendition's new configuration.
    pub fn discontinuity(&mut self, track: Option<(usize, Track)>) -> Changes {
        let mut out = Vec::new();
        self.start(true, &mut out);
        if let State::Running(running) = &mut self.state {
            let mut tracks = vec![None; self.sources];
            if let Some((i, track)) = &track
                && let Some(place) = tracks.get_mut(*i)
            {
                *place = Some(track);
            }
            running.broken(self.leader, &tracks, &mut out);
        }
        if let Some((i, track)) = track
            && let Some(rendition) = self.renditions.get_mut(i).filter(|rendition| !rendition.made)
        {
            rendition.track = track;
        }
        out
    }

    /// The session ends: flushes everything; playlists get ENDLIST.
    pub fn finish(&mut self) -> Changes {
        let mut out = Vec::new();
        self.start(true, &mut out);
        if let State::Running(running) = &mut self.state {
            let Running { packagers, source, late_from, .. } = &mut **running;
            finish_late(source, late_from, &mut out);
            out.extend(packagers.iter_mut().map(Packager::finish).enumerate());
            for (i, follower) in running.followers.iter_mut().enumerate() {
                let mut changes = Changeset::default();
                follower.finish(&mut changes);
                out.push((self.sources + i, changes));
            }
        }
        out
    }

    /// How long nothing came of a rendition before this unit, where that is so long that players must be told: pushing
    /// it makes a DISCONTINUITY. Below zero where time goes back. Where a slate is shown, players are told already.
    pub fn hole(&self, rendition: usize, unit: &AccessUnit) -> Option<Timestamp> {
        match &self.state {
            State::Running(running) if matches!(running.source, Source::Publisher) => {
                running.packagers.get(rendition)?.hole(unit)
            }
            State::Running(_) | State::Measuring { .. } => None,
        }
    }

    /// Everything that is pending comes out, whosever it is; what comes next stands after a discontinuity.
    pub fn flush(&mut self) -> Changes {
        let mut out = Vec::new();
        self.start(true, &mut out);
        if let State::Running(running) = &mut self.state {
            let Running { packagers, source, late_from, .. } = &mut **running;
            finish_late(source, late_from, &mut out);
            break_off(packagers, &[], false, &mut out);
            running.follow(self.leader, None, &mut out);
            running.each(&mut out, Follower::flush);
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

    /// A rendition's timeline; `None` while its part target isn't known yet (the first few frames), or where a made one
    /// begins.
    pub fn index(&self, rendition: usize) -> Option<&Index> {
        match &self.state {
            State::Measuring { .. } => None,
            State::Running(running) => running.index(rendition),
        }
    }

    /// Segments of a rendition that did not get into the journal: in `dvr.m3u8` they become GAPs once memory has them no
    /// longer.
    pub fn lose(&mut self, rendition: usize, msns: std::ops::Range<u64>) {
        if let State::Running(running) = &mut self.state {
            if let Some(packager) = running.packagers.get_mut(rendition) {
                packager.lose(msns);
            } else if let Some(follower) = running.followers.get_mut(rendition - self.sources) {
                follower.lose(msns);
            }
        }
    }

    /// The frame rate of a video rendition once known.
    pub fn frame_rate(&self, rendition: usize) -> Option<Rational> {
        match &self.state {
            State::Measuring { .. } => None,
            State::Running(running) => running.rates.get(rendition).copied().flatten(),
        }
    }

    /// The multivariant playlist, media playlists at `{base}/{name}/media.m3u8`; `None` before the leader's first part.
    /// `independent`: we control the GOP.
    pub fn multivariant(&self, base: &str, independent: bool) -> Option<String> {
        self.index(self.leader)?.last()?;
        let list: Vec<_> = (0..self.renditions.len())
            .filter(|i| self.is_listed(*i))
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
}

#[cfg(test)]
mod break_tests;
#[cfg(test)]
mod late_tests;
#[cfg(test)]
mod limits;
#[cfg(test)]
pub(crate) mod slate_tests;
#[cfg(test)]
pub(crate) mod tests;
