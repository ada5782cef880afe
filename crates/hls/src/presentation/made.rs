//! Made renditions beside the source's own: what they are told, and when players are told of them.

use media::{AccessUnit, Kind, Timestamp, Track};

use super::{Changes, Follower, Mark, Presentation, Running, Shows, State, break_off, marks, push};
use crate::packager::Packager;
use crate::{Changeset, Index};

impl Presentation {
    /// What a made rendition is, as its worker says: before its first unit, and in order with its units whenever a worker says
    /// so. The same again changes nothing. Where it needs another MAP all renditions go on behind a DISCONTINUITY, unless one
    /// is on its way to it already.
    pub fn configure(&mut self, rendition: usize, track: Track) -> Changes {
        let mut out = Vec::new();
        let Some(place) = rendition.checked_sub(self.sources) else { return out };
        let Some(ordered) = self.renditions.get_mut(rendition) else { return out };
        ordered.track = track;
        match &mut self.state {
            State::Measuring { known, .. } => known.push(rendition),
            State::Running(running) => {
                let mut changes = Changeset::default();
                let breaks = running
                    .followers
                    .get_mut(place)
                    .is_some_and(|f| f.configure(&ordered.track, &mut changes));
                push(&mut out, rendition, changes);
                if breaks {
                    running.broken(self.leader, &[], &mut out);
                }
            }
        }
        out
    }

    /// Players can begin: each of the source's renditions has a part, and each made one that is listed, or its time is up.
    pub fn playable(&self) -> bool {
        let State::Running(running) = &self.state else { return false };
        let made = self.renditions.iter().zip(0..).skip(self.sources);
        let all = made.filter(|(r, _)| r.listed).all(|(_, i)| self.is_listed(i));
        let patience = Timestamp::of_duration(self.patience, media::Timescale::NANOS);
        let over = running.since.is_none_or(|since| running.now().minus(since) >= patience);
        running.packagers.iter().all(|packager| packager.index().last().is_some())
            && (all || over)
            && (0..self.renditions.len()).any(|i| self.is_listed(i))
    }

    /// The multivariant has it, and the others report on it: it is to be listed, and has a part.
    pub fn is_listed(&self, rendition: usize) -> bool {
        let listed = self.renditions.get(rendition).is_some_and(|rendition| rendition.listed);
        listed && self.index(rendition).is_some_and(|index| index.next_part() > 0)
    }

    /// What it is isn't a plan only: it is the source's, or its worker has said it.
    pub fn is_known(&self, rendition: usize) -> bool {
        match (&self.state, rendition.checked_sub(self.sources)) {
            (_, None) => true,
            (State::Measuring { known, .. }, Some(_)) => known.contains(&rendition),
            (State::Running(running), Some(place)) => {
                running.followers.get(place).is_some_and(Follower::is_known)
            }
        }
    }

    /// Units of a made rendition that found their place taken, or came in the middle of nothing.
    pub fn dropped(&self, rendition: usize) -> u64 {
        self.follower(rendition).map_or(0, Follower::dropped)
    }

    /// How far the newest part of a made rendition is behind the source's; `None` before the first.
    pub fn behind(&self, rendition: usize) -> Option<Timestamp> {
        let State::Running(running) = &self.state else { return None };
        let follower = self.follower(rendition).filter(|follower| follower.has_part())?;
        Some(running.now().minus(follower.index()?.ends_at()?))
    }

    fn follower(&self, rendition: usize) -> Option<&Follower> {
        match &self.state {
            State::Measuring { .. } => None,
            State::Running(running) => running.followers.get(rendition.checked_sub(self.sources)?),
        }
    }
}

impl Running {
    pub(super) fn index(&self, rendition: usize) -> Option<&Index> {
        match self.packagers.get(rendition) {
            Some(packager) => Some(packager.index()),
            None => self.followers.get(rendition - self.packagers.len())?.index(),
        }
    }

    /// Where the source is.
    pub(super) fn now(&self) -> Timestamp {
        let ends = self.packagers.iter().filter_map(|packager| packager.index().ends_at());
        ends.max().unwrap_or(Timestamp::millis(0))
    }

    /// A unit of a made rendition.
    pub(super) fn made(&mut self, place: usize, mut unit: AccessUnit, out: &mut Changes) {
        if let Some((at, early)) = self.moved.filter(|(at, _)| unit.kind == Kind::Video && unit.pts == *at) {
            // What was made of the source's first picture goes where that went.
            (unit.pts, unit.dts) = (at.minus(early), unit.dts.minus(early));
        }
        let (now, sources) = (self.now(), self.packagers.len());
        let Some(follower) = self.followers.get_mut(place) else { return };
        let mut changes = Changeset::default();
        follower.push(unit, now, &mut changes);
        push(out, sources + place, changes);
    }

    /// Tells the made renditions what is new of the source. `to`: the slate's time, where one is shown.
    pub(super) fn follow(&mut self, leader: usize, to: Option<Timestamp>, out: &mut Changes) {
        let Some(leads) = self.packagers.get(leader) else { return };
        let marks = self.told.news(leads);
        self.tell(&marks, to, out);
    }

    /// The source breaks, maybe with other tracks; nobody sees it where a slate is shown.
    pub(super) fn broken(&mut self, leader: usize, tracks: &[Option<&Track>], out: &mut Changes) {
        let anew = self.followers.iter().any(Follower::is_changed);
        if !self.source.broken(tracks, &mut self.late_from, out) {
            self.break_all(leader, tracks, anew, |_, _| Shows::Own, out);
        }
    }

    /// All renditions go on behind a DISCONTINUITY. `anew`: made ones need another MAP there.
    pub(super) fn break_all(
        &mut self,
        leader: usize,
        tracks: &[Option<&Track>],
        anew: bool,
        shows: impl Fn(usize, Timestamp) -> Shows,
        out: &mut Changes,
    ) {
        break_off(&mut self.packagers, tracks, anew, out);
        let Some(leads) = self.packagers.get(leader) else { return };
        let mut marks = self.told.news(leads);
        // This one says what is shown behind it.
        if marks.last().is_some_and(Mark::is_break) {
            marks.pop();
        }
        self.tell(&marks, None, out);
        let (ends, end) = (self.ends(), self.end(leader));
        for (i, follower) in self.followers.iter_mut().enumerate() {
            let at = ends(follower.kind());
            follower.tell(&[Mark::Break { at, shows: shows(i, end) }], at);
        }
        self.tell(&[], None, out);
    }

    fn tell(&mut self, marks: &[Mark], to: Option<Timestamp>, out: &mut Changes) {
        let now = to.map_or(self.now(), |to| to.max(self.now()));
        let ends = self.ends();
        self.each(out, |follower, changes| {
            follower.tell(marks, ends(follower.kind()));
            follower.settle(now, changes);
        });
    }

    /// Where the leader ends by now.
    fn end(&self, leader: usize) -> Timestamp {
        let end = self.packagers.get(leader).and_then(|leads| leads.index().ends_at());
        end.unwrap_or(Timestamp::millis(0))
    }

    /// Where the source's own rendition of a kind ended before it broke last.
    fn ends(&self) -> impl Fn(Kind) -> Timestamp + use<> {
        let end = |kind: Kind| {
            let of = |rendition: &&Packager| rendition.kind() == kind;
            let own = self.packagers.iter().find(of).or(self.packagers.first())?;
            marks::broke_at(own.index())
        };
        let zero = Timestamp::millis(0);
        let [video, audio] = [Kind::Video, Kind::Audio].map(|kind| end(kind).unwrap_or(zero));
        move |kind| match kind {
            Kind::Video => video,
            Kind::Audio => audio,
        }
    }

    pub(super) fn each(&mut self, out: &mut Changes, act: impl Fn(&mut Follower, &mut Changeset)) {
        let sources = self.packagers.len();
        for (i, follower) in self.followers.iter_mut().enumerate() {
            let mut changes = Changeset::default();
            act(follower, &mut changes);
            push(out, sources + i, changes);
        }
    }
}
