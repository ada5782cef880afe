//! What a ladder gives up when its machine can't keep up, and when it takes that back.
//!
//! ```text
//!   step 0 ── behind ──▶ 1 ── behind ──▶ 2 … : less and less is made
//!      ◀── room for a while ──
//! ```
//!
//! In this order: every other picture of the smallest rendition, of the one above it and so on up to the second; then the
//! largest is not made, then the next; the smallest goes on at half its pictures whatever happens.

use std::time::{Duration, Instant};

use media::Timestamp;

/// Further behind than this, all of the time, is too much.
const TOO_MUCH: Duration = Duration::from_millis(250);
/// So near, all of the time, there is room.
const ROOM: Duration = Duration::from_millis(100);
/// What is looked at in one piece: a publisher's bursts are shorter.
const WINDOW: Duration = Duration::from_millis(500);
/// A window that is nearer than the last by this: it catches up as it is.
const FALLS: Duration = Duration::from_millis(50);
/// What a step brings is seen after so long.
const SETTLES: Duration = Duration::from_millis(1_500);
/// Room must last so long before a step is taken back; longer after each time that was too early.
const RETURN: Duration = Duration::from_secs(10);
const LONGEST_RETURN: Duration = Duration::from_secs(300);
/// A step taken back and needed again within this was too early.
const EARLY: Duration = Duration::from_secs(30);

/// How much of a rendition is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effort {
    /// All of it.
    Full,
    /// Every other picture.
    Half,
    /// Nothing.
    Off,
}

/// A rendition of pictures.
#[derive(Clone, Copy, Debug)]
pub struct Made {
    /// It was given out up to here.
    pub given: Timestamp,
    /// Its encoder looks so far ahead: that is held back, not late.
    pub ahead: Timestamp,
    /// How much of it is made.
    pub effort: Effort,
}

/// How far the slowest rendition is behind; `None` where nothing is made. `fed`: the DTS of the newest picture that there was
/// time for. With B-frames that, not its PTS, says what is shown when a decoder that keeps up has had it.
pub fn behind(fed: Timestamp, renditions: impl IntoIterator<Item = Made>) -> Option<Duration> {
    let due = |Made { given, ahead, effort }| match effort {
        Effort::Full => Some(given.plus(ahead)),
        // It looks at as many pictures, of which there are half as many.
        Effort::Half => Some(given.plus(ahead).plus(ahead)),
        Effort::Off => None,
    };
    let slowest = renditions.into_iter().filter_map(due).min()?;
    Some(fed.minus(slowest).to_duration().unwrap_or_default())
}

/// One ladder's state.
#[derive(Clone, Debug)]
pub struct Shed {
    rungs: usize,
    step: usize,
    window: Option<Window>,
    /// The least of the window before.
    before: Duration,
    /// When the step was last changed.
    changed: Instant,
    /// Since when there is room.
    room: Option<Instant>,
    wait: Duration,
    /// When a step was last taken back.
    returned: Option<Instant>,
}

/// The least that was seen since a moment.
#[derive(Clone, Copy, Debug)]
struct Window {
    since: Instant,
    least: Duration,
}

impl Shed {
    /// All of so many renditions is made, the largest first.
    pub fn new(rungs: usize, now: Instant) -> Self {
        Self {
            rungs,
            step: 0,
            window: None,
            before: Duration::MAX,
            changed: now,
            room: None,
            wait: RETURN,
            returned: None,
        }
    }

    /// Another worker begins, with what the last one left undone.
    pub fn begins(&mut self) {
        (self.window, self.before) = (None, Duration::MAX);
    }

    /// How much of each rendition is made.
    pub fn efforts(&self) -> Vec<Effort> {
        let halves = self.rungs.saturating_sub(1);
        (0..self.rungs)
            .map(|rung| {
                let from_below = self.rungs - 1 - rung;
                let off = self.step > halves && rung < self.step - halves && rung + 1 < self.rungs;
                // With one rendition alone its halving is the first step.
                let half = if self.rungs == 1 { self.step > 0 } else { from_below < self.step && rung > 0 };
                match (off, half) {
                    (true, _) => Effort::Off,
                    (false, true) => Effort::Half,
                    (false, false) => Effort::Full,
                }
            })
            .collect()
    }

    /// Whether anything is given up.
    pub fn sheds(&self) -> bool {
        self.step > 0
    }

    /// What comes out is so far [`behind`]. Call it several times a second while anything comes out: a worker that hangs isn't
    /// one with too much to do. `true` where [`Self::efforts`] changed.
    pub fn observe(&mut self, behind: Duration, now: Instant) -> bool {
        let window = self.window.get_or_insert(Window { since: now, least: behind });
        window.least = window.least.min(behind);
        let Window { since, least } = *window;
        if now.saturating_duration_since(since) < WINDOW {
            return false;
        }
        self.window = None;
        let falls = least + FALLS <= std::mem::replace(&mut self.before, least);
        if least > TOO_MUCH {
            self.room = None;
            return !falls && self.more(least, now);
        }
        if least > ROOM {
            self.room = None;
            return false;
        }
        let since = *self.room.get_or_insert(since);
        if self.step > 0 && now.saturating_duration_since(since) >= self.wait {
            (self.step, self.changed, self.returned) = (self.step - 1, now, Some(now));
            self.room = None;
            return true;
        }
        false
    }

    fn more(&mut self, least: Duration, now: Instant) -> bool {
        let settles = if least > TOO_MUCH * 4 { WINDOW } else { SETTLES };
        let settled = self.step == 0 || now.saturating_duration_since(self.changed) >= settles;
        if !settled || self.step >= self.last() {
            return false;
        }
        if let Some(returned) = self.returned.take() {
            let early = now.saturating_duration_since(returned) < EARLY;
            self.wait = if early { (self.wait * 2).min(LONGEST_RETURN) } else { RETURN };
        }
        (self.step, self.changed) = (self.step + 1, now);
        true
    }

    /// The smallest at half its pictures is left.
    fn last(&self) -> usize {
        match self.rungs {
            0 => 0,
            1 => 1,
            rungs => 2 * (rungs - 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(start: Instant, ms: u64) -> Instant {
        start + Duration::from_millis(ms)
    }

    #[expect(clippy::disallowed_methods, reason = "where virtual time begins")]
    fn start() -> Instant {
        Instant::now()
    }

    fn steps(rungs: usize) -> Vec<String> {
        let mut shed = Shed::new(rungs, start());
        (0..=shed.last())
            .map(|step| {
                shed.step = step;
                let letter = |effort| match effort {
                    Effort::Full => 'F',
                    Effort::Half => 'h',
                    Effort::Off => '-',
                };
                shed.efforts().into_iter().map(letter).collect()
            })
            .collect()
    }

    #[test]
    fn the_order_is_as_stated() {
        assert_eq!(steps(4), ["FFFF", "FFFh", "FFhh", "Fhhh", "-hhh", "--hh", "---h"]);
        assert_eq!(steps(2), ["FF", "Fh", "-h"]);
        assert_eq!(steps(1), ["F", "h"]);
        assert_eq!(steps(0), [""]);
    }

    /// A machine that makes so much of a ladder in real time, of which each rendition costs its share.
    fn play(shares: &[f64], capacity: impl Fn(u64) -> f64, seconds: u64) -> (Vec<usize>, u64) {
        let start = start();
        let mut shed = Shed::new(shares.len(), start);
        let (mut behind, mut worst, mut taken) = (0.0f64, 0.0f64, Vec::new());
        for tick in 0..seconds * 20 {
            let ms = tick * 50;
            let cost = |(share, effort): (&f64, Effort)| match effort {
                Effort::Full => *share,
                Effort::Half => share / 2.0,
                Effort::Off => 0.0,
            };
            let load: f64 = shares.iter().zip(shed.efforts()).map(cost).sum();
            behind = (behind + 50.0 * (1.0 - capacity(ms) / load)).max(20.0);
            worst = worst.max(behind);
            if shed.observe(Duration::from_millis(behind as u64), at(start, ms)) {
                taken.push(shed.step);
            }
        }
        (taken, worst as u64)
    }

    const SHARES: [f64; 3] = [0.6, 0.25, 0.15];

    #[test]
    fn what_is_held_back_is_not_behind() {
        let ms = Timestamp::millis;
        let made = |given, ahead, effort| Made { given: ms(given), ahead: ms(ahead), effort };
        for (renditions, behind_ms) in [
            (vec![made(960, 0, Effort::Full), made(900, 0, Effort::Full)], Some(100)),
            // Shown after it went in: a picture that B-frames lead to.
            (vec![made(1_066, 0, Effort::Full)], Some(0)),
            (vec![made(500, 500, Effort::Full), made(0, 500, Effort::Half)], Some(0)),
            (vec![made(200, 500, Effort::Full), made(0, 500, Effort::Half)], Some(300)),
            (vec![made(1_000, 0, Effort::Full), made(0, 0, Effort::Off)], Some(0)),
            (vec![made(0, 0, Effort::Off)], None),
            (vec![], None),
        ] {
            let told = format!("{renditions:?}");
            assert_eq!(behind(ms(1_000), renditions), behind_ms.map(Duration::from_millis), "{told}");
        }
    }

    #[test]
    fn a_machine_that_keeps_up_gives_up_nothing() {
        assert_eq!(play(&SHARES, |_| 1.1, 120), (vec![], 20));
    }

    #[test]
    fn one_that_does_not_stays_near_and_takes_it_back_when_there_is_room() {
        // Half the machine is taken away from 10 s to 40 s.
        let (taken, worst) = play(&SHARES, |ms| if (10_000..40_000).contains(&ms) { 0.5 } else { 1.2 }, 120);
        assert!(worst < 2_500, "{worst} ms behind");
        assert_eq!(taken.first(), Some(&1));
        assert_eq!(taken.last(), Some(&0), "{taken:?}");
        assert!(taken.len() <= 10, "{taken:?}");
    }

    #[test]
    fn what_does_not_fit_is_tried_again_ever_more_rarely() {
        let (taken, worst) = play(&SHARES, |_| 0.93, 3_600);
        assert!(worst < 1_500, "{worst} ms behind");
        assert!((3..40).contains(&taken.len()), "{} changes in an hour", taken.len());
    }

    #[test]
    fn a_burst_is_no_reason() {
        let start = start();
        let mut shed = Shed::new(3, start);
        for tick in 0..2_000u64 {
            // A second's worth comes at once, each second, and is worked off in 300 ms.
            let behind = (1_000u64.saturating_sub(tick % 20 * 170)).max(20);
            assert!(!shed.observe(Duration::from_millis(behind), at(start, tick * 50)));
        }
    }

    #[test]
    fn one_that_begins_behind_and_catches_up_gives_up_nothing() {
        let start = start();
        let mut shed = Shed::new(3, start);
        for tick in 0..800u64 {
            // Two seconds to catch up with, at 1.15 times real time; and again, where another worker begins.
            if tick == 400 {
                shed.begins();
            }
            let behind = Duration::from_millis(2_000u64.saturating_sub(tick % 400 * 15 / 2).max(20));
            assert!(!shed.observe(behind, at(start, tick * 50)), "{behind:?} at {tick}");
        }
    }

    #[test]
    fn nothing_more_than_there_is_can_be_given_up() {
        let (taken, _) = play(&SHARES, |_| 0.01, 60);
        assert_eq!(taken, [1, 2, 3, 4]);
    }
}
