//! Whose media is shown: the publisher's, or a slate in its place.
//!
//! ```text
//!                slate()              back()
//!   Publisher ───────────▶ Slate ────────────▶ Returning ── each rendition is past the slate ──▶ Publisher
//!                            ▲                     │
//!                            └────── slate() ──────┘
//! ```
//!
//! At both ends the rules of "What stock players do" hold: the part that was hinted comes true under the MAP it was
//! hinted under, and the same changes bring DISCONTINUITY and the new MAP. What the publisher sends while its place is
//! taken is packaged aside, for the journal alone.

use std::time::Duration;

use media::{AccessUnit, Timestamp, Track};

use super::step::{break_off, push, step};
use super::{Changes, Presentation, Rendition, Running, Shows, State};
use crate::journal::LATE;
use crate::packager::Packager;
use crate::slate::{Loop, Slate};
use crate::{Change, Changeset};

/// A slate that begins further behind the clock than this leaves a hole: nobody wants to see minutes of it at once.
const CATCH_UP: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(super) enum Source {
    Publisher,
    Slate { loops: Slate, late: Late },
    Returning { ends: Vec<Option<Timestamp>>, late: Late },
}

/// The publisher's media while its place is taken.
#[derive(Debug)]
pub(super) struct Late {
    /// The first live segment that isn't its own.
    place: u64,
    packagers: Vec<Packager>,
    leader: usize,
}

impl Presentation {
    /// A slate takes the publisher's place, from where that ended up to `to`; see [`Self::advance`]. Nothing where players
    /// could not begin yet.
    pub fn slate(&mut self, mut slate: Slate, to: Timestamp) -> Changes {
        let mut out = Vec::new();
        let leader = self.leader;
        let State::Running(running) = &mut self.state else { return out };
        finish_late(&mut running.source, &mut running.late_from, &mut out);
        slate.resize(self.renditions.len(), None);
        let made = slate.split_off(self.sources);
        let tracks: Vec<Option<&Track>> = slate.iter().map(|slate| slate.as_ref().map(Loop::track)).collect();
        let behind = Timestamp::of_duration(CATCH_UP, media::Timescale::MILLIS);
        let begins = |end: Timestamp| if to.minus(end) > behind { to } else { end };
        let shows = |i: usize, end: Timestamp| match made.get(i).cloned().flatten() {
            Some(mut looped) => {
                looped.begin(begins(end));
                Shows::Slate(looped)
            }
            None => Shows::Nothing,
        };
        running.break_all(leader, &tracks, !running.followers.is_empty(), shows, &mut out);
        let Running { packagers, source, late_from, .. } = &mut **running;
        let ends: Vec<_> = packagers.iter().map(|packager| packager.index().ends_at()).collect();
        let floor = begins(ends.get(leader).copied().flatten().unwrap_or(to));
        for ((packager, looped), end) in packagers.iter_mut().zip(&mut slate).zip(ends) {
            packager.set_live_only(true);
            if let Some(looped) = looped {
                // A rendition that had ended before the others begins with them.
                let near = |end: &Timestamp| floor.minus(*end).as_millis() < 1_000;
                looped.begin(end.filter(near).unwrap_or(floor));
            }
        }
        let place = packagers.get(leader).map_or(0, |packager| packager.index().current_msn());
        let late = Late::new(place, leader, packagers, &self.renditions, late_from);
        late.begin(&mut out);
        *source = Source::Slate { loops: slate, late };
        out.extend(self.advance(to));
        out
    }

    /// The slate goes on up to `to`, the session's time now.
    pub fn advance(&mut self, to: Timestamp) -> Changes {
        let mut out = Vec::new();
        let leader = self.leader;
        let State::Running(running) = &mut self.state else { return out };
        let Running { packagers, source, .. } = &mut **running;
        let Source::Slate { loops, .. } = source else { return out };
        show(packagers, leader, loops, to, &mut out);
        running.follow(leader, Some(to), &mut out);
        out
    }

    /// The publisher has its place back with the unit at `at`: the slate goes on up to there and ends. Units before the slate's
    /// end are still packaged aside.
    pub fn back(&mut self, at: Timestamp) -> Changes {
        let mut out = self.advance(at);
        let State::Running(running) = &mut self.state else { return out };
        match std::mem::replace(&mut running.source, Source::Publisher) {
            Source::Slate { loops, late } => {
                let tracks: Vec<Option<&Track>> =
                    self.renditions.iter().take(self.sources).map(|r| Some(&r.track)).collect();
                let anew = !running.followers.is_empty();
                running.break_all(self.leader, &tracks, anew, |_, _| Shows::Own, &mut out);
                running.packagers.iter_mut().for_each(|packager| packager.set_live_only(false));
                let ends = loops.iter().map(|looped| looped.as_ref().map(Loop::next_at)).collect();
                running.source = Source::Returning { ends, late };
            }
            other @ (Source::Publisher | Source::Returning { .. }) => running.source = other,
        }
        out
    }

    /// Where the slate ends by now, if one is shown: the publisher's place is behind it.
    pub fn slate_end(&self) -> Option<Timestamp> {
        let State::Running(running) = &self.state else { return None };
        match &running.source {
            Source::Slate { loops, .. } => loops.iter().flatten().map(Loop::next_at).max(),
            Source::Publisher | Source::Returning { .. } => None,
        }
    }

    /// Another publisher goes on with the session, with these tracks by rendition, behind a discontinuity.
    pub fn returned(&mut self, tracks: Vec<(usize, Track)>) -> Changes {
        let mut out = Vec::new();
        self.start(true, &mut out);
        for (i, track) in tracks {
            if let Some(rendition) = self.renditions.get_mut(i).filter(|rendition| !rendition.made) {
                rendition.track = track;
            }
        }
        let State::Running(running) = &mut self.state else { return out };
        let own = self.renditions.iter().take(self.sources);
        let tracks: Vec<Option<&Track>> = own.map(|r| Some(&r.track)).collect();
        running.broken(self.leader, &tracks, &mut out);
        out
    }
}

/// The loops go on up to `to`.
pub(super) fn show(
    packagers: &mut [Packager],
    leader: usize,
    loops: &mut [Option<Loop>],
    to: Timestamp,
    out: &mut Changes,
) {
    loop {
        let due = loops.iter().enumerate().filter_map(|(i, looped)| Some((looped.as_ref()?.next_at(), i)));
        // In order of time; one that has nothing left by `to` leaves the turn to the others.
        let mut order: Vec<_> = due.collect();
        order.sort();
        let next = order.into_iter().find_map(|(_, i)| Some((i, loops.get_mut(i)?.as_mut()?.next(to)?)));
        let Some((i, unit)) = next else { return };
        step(packagers, leader, i, unit, out);
    }
}

impl Source {
    /// Takes a unit of the publisher.
    pub(super) fn take(
        &mut self,
        packagers: &mut [Packager],
        leader: usize,
        r: usize,
        unit: AccessUnit,
        late_from: &mut [(u64, u64)],
        out: &mut Changes,
    ) {
        match self {
            Self::Publisher => step(packagers, leader, r, unit, out),
            Self::Slate { late, .. } => late.push(r, unit, out),
            Self::Returning { ends, late } => {
                match ends.get_mut(r) {
                    Some(Some(end)) if !unit.key || unit.pts < *end => return late.push(r, unit, out),
                    Some(end) => *end = None,
                    None => {}
                }
                step(packagers, leader, r, unit, out);
                if ends.iter().all(Option::is_none) {
                    finish_late(self, late_from, out);
                }
            }
        }
    }

    /// The publisher's timeline breaks, maybe with other tracks, while its place is taken. `false` where it isn't.
    pub(super) fn broken(
        &mut self,
        tracks: &[Option<&Track>],
        late_from: &mut [(u64, u64)],
        out: &mut Changes,
    ) -> bool {
        match self {
            Self::Publisher | Self::Returning { .. } => {
                finish_late(self, late_from, out);
                false
            }
            Self::Slate { late, .. } => {
                let mut changes = Vec::new();
                break_off(&mut late.packagers, tracks, false, &mut changes);
                late.tell(changes, out);
                true
            }
        }
    }
}

/// What came late is complete; the publisher is shown from here on.
pub(super) fn finish_late(source: &mut Source, late_from: &mut [(u64, u64)], out: &mut Changes) {
    match std::mem::replace(source, Source::Publisher) {
        Source::Publisher => {}
        Source::Slate { late, .. } | Source::Returning { late, .. } => late.close(late_from, out),
    }
}

impl Late {
    fn new(
        place: u64,
        leader: usize,
        packagers: &[Packager],
        renditions: &[Rendition],
        from: &[(u64, u64)],
    ) -> Self {
        // What is late is no longer than the slate that has its place, give or take a part: twice the live numbers never
        // meet, even after a restart that has forgotten `from`.
        let msns =
            packagers.iter().zip(from).map(|(p, from)| (LATE + 2 * p.index().current_msn()).max(from.0));
        let msn = msns.max().unwrap_or(LATE);
        let aside = |((packager, rendition), from): ((&Packager, &Rendition), &(u64, u64))| {
            let part = (LATE + 2 * packager.index().next_part()).max(from.1);
            packager.aside(&rendition.track, msn, part)
        };
        let packagers = packagers.iter().zip(renditions).zip(from).map(aside).collect();
        Self { place, packagers, leader }
    }

    /// What the next part needs may be older than what was late last.
    fn begin(&self, out: &mut Changes) {
        let inits = self.packagers.iter().map(|packager| packager.index().current_init().cloned());
        let changes = inits.map(|init| Changeset { changes: init.map(Change::Init).into_iter().collect() });
        self.tell(changes.enumerate().collect(), out);
    }

    fn push(&mut self, r: usize, unit: AccessUnit, out: &mut Changes) {
        let mut changes = Vec::new();
        step(&mut self.packagers, self.leader, r, unit, &mut changes);
        self.tell(changes, out);
    }

    /// Nothing more is taken.
    fn close(mut self, from: &mut [(u64, u64)], out: &mut Changes) {
        let changes = self.packagers.iter_mut().map(|packager| packager.finish()).enumerate().collect();
        self.tell(changes, out);
        for (packager, from) in self.packagers.iter().zip(from) {
            let index = packager.index();
            // Initialisation segments are numbered from the segments' numbers on.
            let init = index.current_init().map_or(0, |init| u64::from(init.number) + 1);
            *from = (init.max(index.current_msn() + 1), index.next_part());
        }
    }

    fn tell(&self, changes: Changes, out: &mut Changes) {
        for (i, set) in changes {
            let kept = set.changes.into_iter().filter(|change| match change {
                Change::Init(_) | Change::Part(_) => true,
                Change::Sealed(_) | Change::Removed(_) | Change::Late { .. } => false,
            });
            let late = |change| Change::Late { place: self.place, change: Box::new(change) };
            push(out, i, Changeset { changes: kept.map(late).collect() });
        }
    }
}
