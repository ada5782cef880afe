//! Pictures at the file's own times, or in slots of a constant rate.

use media::{Rational, Timescale, Timestamp};

use crate::picture::Picture;

/// What was offered, until it is due.
#[derive(Debug)]
pub(super) struct Pictures {
    rate: Option<Rational>,
    /// Number of the next slot.
    slot: i64,
    /// On show.
    held: Option<Picture>,
    /// Offered after it.
    next: Option<Picture>,
    /// How long `held` stays.
    until: Option<Timestamp>,
    last: Option<Timestamp>,
}

impl Pictures {
    pub(super) fn new(rate: Option<Rational>) -> Self {
        Self { rate, slot: 0, held: None, next: None, until: None, last: None }
    }

    /// A picture in order of time; one that isn't is dropped. Everything due must have been taken before.
    pub(super) fn offer(&mut self, picture: Picture) {
        if self.last.is_some_and(|last| picture.at <= last) {
            return;
        }
        self.last = Some(picture.at);
        // The first one stands for what is missing before it, too.
        if self.held.is_none() && self.rate.is_some() {
            self.held = Some(picture);
            return;
        }
        self.until = Some(picture.at);
        self.next = Some(picture);
    }

    /// The picture on show stays until `end`.
    pub(super) fn until(&mut self, end: Timestamp) {
        self.until = Some(end);
    }

    pub(super) fn due(&mut self) -> Option<Picture> {
        let until = self.until?;
        let Some(rate) = self.rate else {
            self.until = None;
            return self.next.take();
        };
        // A picture belongs to the slot it is nearest to.
        let half = Timestamp::new(slot_time(rate, 1).ticks / 2, Timescale::NANOS);
        if slot_time(rate, self.slot).plus(half) <= until {
            let mut picture = if slot_time(rate, self.slot + 1).plus(half) > until && self.next.is_some() {
                self.held.take()?
            } else {
                self.held.clone()?
            };
            picture.at = slot_time(rate, self.slot);
            self.slot += 1;
            return Some(picture);
        }
        self.until = None;
        if let Some(next) = self.next.take() {
            self.held = Some(next);
        }
        None
    }
}

fn slot_time(rate: Rational, slot: i64) -> Timestamp {
    let nanos = i128::from(slot) * i128::from(rate.den) * 1_000_000_000 / i128::from(rate.num.max(1));
    Timestamp::new(i64::try_from(nanos).unwrap_or(i64::MAX), Timescale::NANOS)
}
