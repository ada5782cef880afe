//! How picture and sound come apart, from when their units come and what time they say.
//!
//! A unit's lateness is its arrival less its timestamp. What a network does to both kinds alike cancels out in the difference
//! of their least lateness in a second; what is left at first is how the encoder interleaves them. What changes after that
//! is drift: one of the two clocks runs apart, or one of the two queues grows.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use media::{Kind, Timestamp};

/// One figure each.
const EVERY: Duration = Duration::from_secs(1);
/// Figures of which the middle one counts: a burst moves one or two.
const MIDDLE_OF: usize = 5;

/// Of one publisher.
#[derive(Clone, Debug, Default)]
pub struct Drift {
    /// Of the first unit.
    zero: Option<(Instant, Timestamp)>,
    /// When this second began.
    since: Option<Instant>,
    /// The least lateness of this second, in milliseconds.
    pictures: Option<f64>,
    sound: Option<f64>,
    /// The newest distances.
    recent: VecDeque<f64>,
    /// The distance at first.
    base: Option<f64>,
}

impl Drift {
    /// A unit came. Gives by how many milliseconds more the sound comes behind the pictures than at first, about once a
    /// second, once there is something to compare.
    pub fn unit(&mut self, kind: Kind, dts: Timestamp, now: Instant) -> Option<f64> {
        let (arrived, first) = *self.zero.get_or_insert((now, dts));
        let late = now.saturating_duration_since(arrived).as_secs_f64() - dts.minus(first).seconds();
        let least = match kind {
            Kind::Video => &mut self.pictures,
            Kind::Audio => &mut self.sound,
        };
        *least = Some(least.map_or(late * 1000.0, |least| least.min(late * 1000.0)));
        let since = *self.since.get_or_insert(now);
        if now.saturating_duration_since(since) < EVERY {
            return None;
        }
        self.since = Some(now);
        // A second without one of them says nothing.
        let (pictures, sound) = (self.pictures.take(), self.sound.take());
        let distance = sound? - pictures?;
        if self.recent.len() == MIDDLE_OF {
            self.recent.pop_front();
        }
        self.recent.push_back(distance);
        if self.recent.len() < MIDDLE_OF {
            return None;
        }
        let mut sorted: Vec<_> = self.recent.iter().copied().collect();
        sorted.sort_by(f64::total_cmp);
        let middle = *sorted.get(MIDDLE_OF / 2)?;
        Some(middle - *self.base.get_or_insert(middle))
    }

    /// The publisher's clock jumped, or it is another.
    pub fn reset(&mut self) {
        *self = Self::default();
    }
}
