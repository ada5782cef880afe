//! What stands in for sound that doesn't come: players wait for ever for a track that was promised.

use bytes::Bytes;

use crate::{AccessUnit, Kind, Timescale, Timestamp, aac};

#[cfg(test)]
mod tests;

/// Silent frames up to where the pictures are, while there is no sound; on the session's clock.
///
/// ```text
///              pictures are a second ahead of the sound
///   Sounding ─────────────────────────────────────────▶ Standing in
///       ▲                                                    │
///       └──────── sound comes that lies behind it ───────────┘
/// ```
#[derive(Debug)]
pub struct Silence {
    scale: Timescale,
    frame: Bytes,
    /// Where the last frame ends.
    end: Option<i64>,
    state: State,
}

#[derive(Debug, PartialEq)]
enum State {
    Sounding,
    StandingIn,
}

impl Silence {
    /// Sound that is so far behind the pictures is taken to be missing: wider than any interleaving.
    pub const PATIENCE_MS: i64 = 1_000;
    /// Silence stays so far behind the pictures, so that sound which comes again finds its place.
    pub const BEHIND_MS: i64 = 100;
    /// Frames at once; beyond, the pictures have jumped.
    const MOST: i64 = 512;

    /// For a track of this configuration. `missing`: it was announced, and isn't waited for any more.
    pub fn new(config: &aac::Config, missing: bool) -> Option<Self> {
        let state = if missing { State::StandingIn } else { State::Sounding };
        Some(Self {
            scale: Timescale::new(config.sample_rate)?,
            frame: config.silent_frame(),
            end: None,
            state,
        })
    }

    /// Goes on with another configuration.
    pub fn change(&mut self, config: &aac::Config) {
        let Some(scale) = Timescale::new(config.sample_rate) else { return };
        self.end = self.end.map(|end| Timestamp::new(end, self.scale).rescale(scale).ticks);
        self.scale = scale;
        self.frame = config.silent_frame();
    }

    /// The timeline broke: what comes next has nothing to do with what was.
    pub fn discontinuity(&mut self) {
        self.end = None;
    }

    /// Whether there is no sound now.
    pub fn stands_in(&self) -> bool {
        self.state == State::StandingIn
    }

    /// A picture stands at `at`: what is to go before it.
    pub fn before(&mut self, at: Timestamp) -> Vec<AccessUnit> {
        let at = at.rescale(self.scale).ticks;
        let end = *self.end.get_or_insert(at);
        if at - end > self.ticks(Self::PATIENCE_MS) {
            self.state = State::StandingIn;
        }
        match self.state {
            State::Sounding => Vec::new(),
            State::StandingIn => self.fill(at - self.ticks(Self::BEHIND_MS)),
        }
    }

    /// Sound comes: whether it can be taken, for what lies before the end of the silence is lost.
    pub fn sound(&mut self, at: Timestamp) -> bool {
        let at = at.rescale(self.scale).ticks;
        let frame = i64::from(aac::Config::FRAME);
        match (&self.state, self.end) {
            (State::StandingIn, Some(end)) if at < end - frame / 2 => return false,
            (State::Sounding | State::StandingIn, _) => {}
        }
        self.state = State::Sounding;
        self.end = Some(at + frame);
        true
    }

    fn fill(&mut self, to: i64) -> Vec<AccessUnit> {
        let frame = i64::from(aac::Config::FRAME);
        let Some(end) = &mut self.end else { return Vec::new() };
        let count = ((to - *end) / frame).max(0);
        if count > Self::MOST {
            *end = to;
            return Vec::new();
        }
        let from = *end;
        *end += count * frame;
        let unit = |n| {
            let at = Timestamp::new(from + n * frame, self.scale);
            AccessUnit { kind: Kind::Audio, dts: at, pts: at, key: true, data: self.frame.clone() }
        };
        (0..count).map(unit).collect()
    }

    fn ticks(&self, ms: i64) -> i64 {
        ms * i64::from(self.scale.hz()) / 1_000
    }
}
