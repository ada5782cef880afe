//! Figures of pictures.

use media::Timestamp;

use super::EVERY;
use super::luma::Luma;
use crate::frame::Frame;

/// Between two pictures that are looked at, at least: two a second tell what lasts for seconds.
const BETWEEN: Timestamp = Timestamp::millis(400);

/// What the pictures of a stretch were like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Seen {
    /// When the last of them is shown.
    pub at: Timestamp,
    /// Share of dark pixels in the lightest of them, 0 to 1.
    pub dark: f32,
    /// The most that the average of any block of 16x16 pixels changed from one to the next, in 8-bit levels of luma. `None`
    /// where there was none before.
    pub moved: Option<f32>,
}

/// Looks at pictures.
#[derive(Debug, Default)]
pub struct Eye {
    last: Option<(Timestamp, Luma)>,
    seen: Option<(Timestamp, Seen)>,
}

impl Eye {
    /// Takes the next decoded picture, in order of presentation. Gives figures about once a second.
    pub fn look(&mut self, frame: &Frame) -> Option<Seen> {
        let at = frame.at()?;
        // A clock that went back begins anew.
        self.last = self.last.take().filter(|(last, _)| *last < at);
        if self.last.as_ref().is_some_and(|(last, _)| at.minus(*last) < BETWEEN) {
            return None;
        }
        let (first, seen) = self.add(frame, at)?;
        let whole = at.minus(first) >= EVERY;
        self.seen = (!whole).then_some((first, seen));
        whole.then_some(seen)
    }

    /// The same for pictures that are far apart: figures of each.
    pub fn look_at_key_frame(&mut self, frame: &Frame) -> Option<Seen> {
        let at = frame.at()?;
        self.last = self.last.take().filter(|(last, _)| *last < at);
        let (_, seen) = self.add(frame, at)?;
        self.seen = None;
        Some(seen)
    }

    fn add(&mut self, frame: &Frame, at: Timestamp) -> Option<(Timestamp, Seen)> {
        let luma = Luma::of(frame)?;
        let before = self.last.as_ref().map(|(last, _)| *last);
        let moved = self.last.as_ref().map(|(_, last)| luma.moved(last).unwrap_or(f32::MAX));
        let (first, seen) = match self.seen.take() {
            Some((first, seen)) => {
                let moved = [seen.moved, moved].into_iter().flatten().reduce(f32::max);
                (first, Seen { at, dark: seen.dark.min(luma.dark), moved })
            }
            None => (before.unwrap_or(at), Seen { at, dark: luma.dark, moved }),
        };
        self.last = Some((at, luma));
        Some((first, seen))
    }
}
