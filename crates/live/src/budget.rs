//! The machine's budget: which ladders its processors have room for, and what of them.
//!
//! ```text
//!             whole, or it is made of nothing else
//!   join ─▶ ┬──────────────────────────────────────▶ Granted ── more room for a while ──▶ more of it
//!           └─ doesn't fit ─▶ nothing ── room for a while ──▶ Granted
//! ```
//!
//! What was granted is not taken back for the sake of others: that would be seen. A ladder that takes more than was thought
//! leaves less for the next; one that is really late gives up renditions by itself ([`crate::shed`]).

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::cost::{Cores, Model, Work};

/// Room must last so long before a ladder grows into it: a publisher that was lost may be back.
pub const HOLD: Duration = Duration::from_secs(5);
/// A ladder grows only where this part of its cost would be left over.
const MARGIN: f64 = 0.1;

/// What a ladder would be made of.
#[derive(Clone, Debug, PartialEq)]
pub struct Ask {
    /// Done once, whatever is made: decoding, filters, sound.
    pub shared: Work,
    /// Of pictures, the largest first; none where sound alone is made.
    pub renditions: Vec<Work>,
    /// Viewers get nothing of the source: a part of the ladder is better than none.
    pub alone: bool,
}

/// How much of a ladder may be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grant {
    /// Viewers get what comes in, if they may.
    Nothing,
    /// So many of its renditions, from the smallest up; fewer than all.
    Part(usize),
    /// All.
    Whole,
}

/// Where a ladder stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// What may be made.
    pub grant: Grant,
    /// What there would be room for, with nothing left over.
    pub fits: Grant,
    /// What all of it would take.
    pub asks: Cores,
    /// What is set aside for it.
    pub granted: Cores,
    /// What the others leave.
    pub free: Cores,
}

/// A ladder in the budget; never the same again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Id(u64);

/// The machine's.
#[derive(Clone, Debug)]
pub struct Budget {
    capacity: Cores,
    model: Model,
    ladders: BTreeMap<Id, Ladder>,
    next: u64,
}

#[derive(Clone, Debug)]
struct Ladder {
    ask: Ask,
    grant: Grant,
    /// Set aside. The sum over all is never more than there is.
    granted: Cores,
    /// More would fit since then: the least of it.
    room: Option<(Grant, Instant)>,
}

impl Budget {
    /// Of so many cores.
    pub fn new(capacity: Cores) -> Self {
        Self { capacity, model: Model::default(), ladders: BTreeMap::new(), next: 0 }
    }

    /// All there is to give.
    pub fn capacity(&self) -> Cores {
        self.capacity
    }

    /// What was given.
    pub fn granted(&self) -> Cores {
        self.ladders.values().map(|ladder| ladder.granted).sum()
    }

    /// A ladder wants to be made.
    pub fn join(&mut self, ask: Ask) -> Id {
        let id = Id(self.next);
        self.next += 1;
        let fits = self.fits(&ask, self.free(None), 0.0);
        let grant = if fits == Grant::Whole || ask.alone { fits } else { Grant::Nothing };
        let granted = self.cost(&ask, grant);
        self.ladders.insert(id, Ladder { ask, grant, granted, room: None });
        id
    }

    /// It is no longer made.
    pub fn leave(&mut self, id: Id) {
        self.ladders.remove(&id);
    }

    /// It is made with other processing; what was granted stays so.
    pub fn change(&mut self, id: Id, ask: Ask) {
        if let Some(ladder) = self.ladders.get_mut(&id) {
            ladder.ask = ask;
        }
        self.settle();
    }

    /// Lets a ladder grow, where there was room for a while. Call it now and then. `true` where its grant changed.
    pub fn look(&mut self, id: Id, now: Instant) -> bool {
        let Some(ladder) = self.ladders.get(&id) else { return false };
        let fits = self.fits(&ladder.ask, self.free(Some(id)), MARGIN);
        let (grant, room) = (ladder.grant, ladder.room);
        let Some(ladder) = self.ladders.get_mut(&id) else { return false };
        if fits <= grant {
            ladder.room = None;
            return false;
        }
        let (least, since) = room.map_or((fits, now), |(least, since)| (least.min(fits), since));
        ladder.room = Some((least, since));
        if now.saturating_duration_since(since) < HOLD {
            return false;
        }
        (ladder.grant, ladder.room) = (least, None);
        self.settle();
        true
    }

    /// What a ladder took within `wall`: all of it, and of it the shared work and each rendition's, where that is known, in the
    /// order of its [`Ask`]. Only of what was granted, and not while any of it is given up.
    pub fn took(&mut self, id: Id, total: Cores, each: &[Option<Cores>], wall: Duration) {
        let Some(ladder) = self.ladders.get(&id) else { return };
        let Ask { shared, renditions, .. } = &ladder.ask;
        let skip = renditions.len() - ladder.made();
        let told = |number: usize| each.get(number).copied().flatten();
        let made = renditions.iter().zip(1..).skip(skip).map(|(work, number)| (*work, told(number)));
        let pieces: Vec<_> = std::iter::once((*shared, told(0))).chain(made).collect();
        self.model.learn(&pieces, total, wall);
        self.settle();
    }

    /// Where a ladder stands; `None` where it left.
    pub fn standing(&self, id: Id) -> Option<Standing> {
        let ladder = self.ladders.get(&id)?;
        let free = self.free(Some(id));
        Some(Standing {
            grant: ladder.grant,
            fits: self.fits(&ladder.ask, free, 0.0),
            asks: self.cost(&ladder.ask, Grant::Whole),
            granted: ladder.granted,
            free,
        })
    }

    /// What each rendition of a ladder takes, in the order of its [`Ask`].
    pub fn costs(&self, id: Id) -> Vec<Cores> {
        let renditions = self.ladders.get(&id).map(|ladder| &ladder.ask.renditions);
        renditions.into_iter().flatten().map(|work| self.model.cost(work)).collect()
    }

    /// What is set aside follows what was learnt, as far as there is room.
    fn settle(&mut self) {
        let wanted = self.ladders.iter().map(|(id, one)| (*id, self.cost(&one.ask, one.grant)));
        let mut wanted: Vec<_> = wanted.collect();
        // What gets smaller first: it makes room.
        let smaller = |(id, cost): &(Id, Cores)| self.ladders.get(id).is_some_and(|one| *cost <= one.granted);
        wanted.sort_by_key(|entry| !smaller(entry));
        for (id, cost) in wanted {
            let left = self.capacity.less(self.granted());
            if let Some(ladder) = self.ladders.get_mut(&id) {
                ladder.granted = cost.min(ladder.granted.and(left));
            }
        }
    }

    /// What ladders other than this leave. They take what is learnt of them, be it more than was set aside.
    fn free(&self, but: Option<Id>) -> Cores {
        let others = self.ladders.iter().filter(|(id, _)| Some(**id) != but).map(|(_, one)| one);
        let taken = others.map(|one| one.granted.max(self.cost(&one.ask, one.grant))).sum();
        self.capacity.less(taken)
    }

    fn cost(&self, ask: &Ask, grant: Grant) -> Cores {
        let made = match grant {
            Grant::Nothing => return Cores::default(),
            Grant::Part(made) => made,
            Grant::Whole => ask.renditions.len(),
        };
        let made = ask.renditions.iter().rev().take(made).map(|work| self.model.cost(work));
        made.sum::<Cores>().and(self.model.cost(&ask.shared))
    }

    fn fits(&self, ask: &Ask, free: Cores, margin: f64) -> Grant {
        let all = ask.renditions.len();
        let parts = (1..all).rev().map(Grant::Part);
        let fits = |grant: &Grant| Cores::new(self.cost(ask, *grant).as_f64() * (1.0 + margin)) <= free;
        std::iter::once(Grant::Whole).chain(parts).find(fits).unwrap_or(Grant::Nothing)
    }
}

impl Ladder {
    /// Renditions that are made.
    fn made(&self) -> usize {
        match self.grant {
            Grant::Nothing => 0,
            Grant::Part(made) => made.min(self.ask.renditions.len()),
            Grant::Whole => self.ask.renditions.len(),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;
    use crate::cost::{Kind, Preset, Scaler};

    #[expect(clippy::disallowed_methods, reason = "where virtual time begins")]
    fn start() -> Instant {
        Instant::now()
    }

    fn seconds(s: u64) -> Duration {
        Duration::from_secs(s)
    }

    /// Work of so many thousandths of a core, before anything is learnt.
    fn work(preset: Preset, cost: u64) -> Work {
        let kind = Kind::Rendition { preset, lookahead: false, scaler: Scaler::Bicubic };
        Work { kind, pixels: 0.0, extra: 0.0, fixed: Cores(cost) }
    }

    fn ask(shared: u64, renditions: &[u64]) -> Ask {
        let renditions = renditions.iter().map(|cost| work(Preset::Veryfast, *cost)).collect();
        Ask { shared: Work { kind: Kind::Shared, ..work(Preset::Fast, shared) }, renditions, alone: false }
    }

    fn grant(budget: &Budget, id: Id) -> Grant {
        budget.standing(id).unwrap().grant
    }

    #[test]
    fn what_fits_is_made_and_what_does_not_starts_with_the_source_alone() {
        let of = |capacity, ask: Ask| {
            let mut budget = Budget::new(Cores(capacity));
            let id = budget.join(ask);
            let Standing { grant, fits, granted, .. } = budget.standing(id).unwrap();
            (grant, fits, granted.0)
        };
        let three = || ask(100, &[400, 200, 100]);
        let alone = || Ask { alone: true, ..three() };
        for (capacity, ask, want) in [
            (800, three(), (Grant::Whole, Grant::Whole, 800)),
            (799, three(), (Grant::Nothing, Grant::Part(2), 0)),
            (200, three(), (Grant::Nothing, Grant::Part(1), 0)),
            (199, three(), (Grant::Nothing, Grant::Nothing, 0)),
            // Nothing else is there to see.
            (800, alone(), (Grant::Whole, Grant::Whole, 800)),
            (799, alone(), (Grant::Part(2), Grant::Part(2), 400)),
            (399, alone(), (Grant::Part(1), Grant::Part(1), 200)),
            (199, alone(), (Grant::Nothing, Grant::Nothing, 0)),
            // Sound alone.
            (50, ask_sound(), (Grant::Whole, Grant::Whole, 50)),
            (49, ask_sound(), (Grant::Nothing, Grant::Nothing, 0)),
        ] {
            assert_eq!(of(capacity, ask), want, "{capacity}");
        }
    }

    fn ask_sound() -> Ask {
        ask(50, &[])
    }

    #[test]
    fn it_grows_when_there_is_room_for_a_while() {
        let start = start();
        let mut budget = Budget::new(Cores(1000));
        let (first, second) = (budget.join(ask(100, &[400, 200])), budget.join(ask(100, &[300, 200])));
        assert_eq!((grant(&budget, first), grant(&budget, second)), (Grant::Whole, Grant::Nothing));
        let looks = |budget: &mut Budget, from: u64, to: u64| {
            (from..to).find(|s| budget.look(second, start + seconds(*s)))
        };
        // 300 are left, of which its smallest would take all: not without something left over.
        assert_eq!(looks(&mut budget, 0, 60), None);
        budget.leave(first);
        // Another takes the room before it lasted.
        assert_eq!(looks(&mut budget, 60, 63), None);
        let third = budget.join(ask(100, &[400, 200]));
        assert_eq!(grant(&budget, third), Grant::Whole);
        assert_eq!(looks(&mut budget, 63, 90), None);
        budget.leave(third);
        assert_eq!(looks(&mut budget, 90, 120), Some(90 + HOLD.as_secs()));
        assert_eq!(grant(&budget, second), Grant::Whole);
        assert_eq!(budget.granted(), Cores(600));
    }

    #[test]
    fn one_that_never_fits_grows_as_far_as_it_can() {
        let start = start();
        let mut budget = Budget::new(Cores(500));
        let id = budget.join(ask(100, &[400, 200, 100]));
        let grown = (0..60).find(|s| budget.look(id, start + seconds(*s)));
        assert_eq!((grown, grant(&budget, id)), (Some(HOLD.as_secs()), Grant::Part(2)));
        assert_eq!((0..60).find(|s| budget.look(id, start + seconds(60 + s))), None);
    }

    #[test]
    fn what_is_learnt_makes_room_and_takes_it() {
        let start = start();
        let mut budget = Budget::new(Cores(1000));
        let first = budget.join(ask(200, &[400]));
        let second = budget.join(ask(200, &[400]));
        assert_eq!(grant(&budget, second), Grant::Nothing);
        // It takes half of what was thought, and so will the other.
        for _ in 0..6 {
            budget.took(first, Cores(300), &[Some(Cores(100)), Some(Cores(200))], seconds(5));
        }
        assert_eq!(budget.granted(), Cores(300));
        assert!((0..9).any(|s| budget.look(second, start + seconds(s))));
        assert_eq!((grant(&budget, second), budget.granted()), (Grant::Whole, Cores(600)));
        // Now it takes four times as much: nothing is taken back, and nothing is given.
        for _ in 0..100 {
            budget.took(first, Cores(1200), &[None, None], seconds(5));
        }
        assert_eq!(grant(&budget, second), Grant::Whole);
        assert!(budget.granted() <= Cores(1000));
        let third = budget.join(ask(0, &[1]));
        assert_eq!(grant(&budget, third), Grant::Nothing);
        budget.leave(first);
        budget.leave(second);
        assert!((100..120).any(|s| budget.look(third, start + seconds(s))));
    }

    #[derive(Clone, Debug)]
    enum Act {
        Join(u64, Vec<u64>, bool),
        Leave(usize),
        Look(usize),
        Took(usize, u64),
        Change(usize, u64),
    }

    fn act() -> impl Strategy<Value = Act> {
        prop_oneof![
            (0..500u64, proptest::collection::vec(0..900u64, 0..5), any::<bool>())
                .prop_map(|(shared, renditions, alone)| Act::Join(shared, renditions, alone)),
            (0..20usize).prop_map(Act::Leave),
            (0..20usize).prop_map(Act::Look),
            (0..20usize, 0..4_000u64).prop_map(|(which, took)| Act::Took(which, took)),
            (0..20usize, 0..900u64).prop_map(|(which, shared)| Act::Change(which, shared)),
        ]
    }

    proptest! {
        #[test]
        fn the_sum_granted_never_exceeds_what_there_is(
            capacity in 0..3_000u64,
            acts in proptest::collection::vec(act(), 0..120),
        ) {
            let (mut budget, mut ids, mut now) = (Budget::new(Cores(capacity)), Vec::new(), start());
            for act in acts {
                now += seconds(2);
                match act {
                    Act::Join(shared, renditions, alone) => {
                        ids.push(budget.join(Ask { alone, ..ask(shared, &renditions) }));
                    }
                    Act::Leave(which) if which < ids.len() => budget.leave(ids.swap_remove(which)),
                    Act::Look(which) if which < ids.len() => { budget.look(ids[which], now); }
                    Act::Took(which, took) if which < ids.len() => {
                        budget.took(ids[which], Cores(took), &[], seconds(20));
                    }
                    Act::Change(which, shared) if which < ids.len() => {
                        budget.change(ids[which], ask(shared, &[100]));
                    }
                    Act::Leave(_) | Act::Look(_) | Act::Took(..) | Act::Change(..) => {}
                }
                prop_assert!(budget.granted() <= Cores(capacity), "{} of {capacity}", budget.granted());
            }
        }
    }
}
