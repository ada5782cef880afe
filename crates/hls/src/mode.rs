//! Latency modes and what each means for segments, parts and hold-backs.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::index::FIRST_MSN;

/// What the product promises a channel's viewers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// 20–30 s and the fewest stalls: whole segments of 6 s.
    Normal,
    /// 8–10 s: segments of 2 s, parts of 1 s.
    Low,
    /// 1–4 s: segments of one GOP of a second or two, parts of a third of the latency target.
    #[default]
    UltraLow,
}

/// Short segments that a `Normal` session opens with.
const OPENING: u64 = 4;

/// Durations that stay for a whole session: a change of TARGETDURATION, PART-TARGET or PART-HOLD-BACK ends playback on
/// Apple's players.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The mode it was made for.
    pub mode: Mode,
    /// EXT-X-TARGETDURATION, seconds.
    pub target_duration: u32,
    /// A segment may end at the first key frame after this.
    pub segment: Duration,
    /// What PART-TARGET shall be near; whole frames decide.
    pub part: Duration,
    /// Whether playlists offer parts (in `Normal` parts exist for the journal only).
    pub parts: bool,
    /// What the player aims at.
    pub latency: Duration,
    /// The DVR window: segments can be played for at least so long; never under 6×TD.
    pub window: Duration,
}

/// The live playlist reaches no further back (docs/adr/0006): `dvr.m3u8` has the rest of the window.
const LIVE_AT_MOST: Duration = Duration::from_secs(1800);

/// Players settle where to begin as they read the first playlist, begin 0.3 to 0.8 s later, and (hls.js and Shaka) never make
/// up for it. So much of the latency is theirs (docs/guide/benchmarks.md).
const JOIN: Duration = Duration::from_millis(300);

impl Plan {
    /// `latency` is the channel's `latency_target_s` (clamped to what the mode allows; `None`: the mode's default);
    /// `window` its `dvr_window_s`.
    pub fn new(mode: Mode, latency: Option<Duration>, window: Duration) -> Self {
        let ms = Duration::from_millis;
        let (target_duration, segment, least, default, most) = match mode {
            Mode::Normal => (6, ms(6_000), ms(10_000), ms(24_000), ms(30_000)),
            // 3 s leave room for a GOP that is no divisor of 2 s.
            Mode::Low => (3, ms(2_000), ms(4_000), ms(9_000), ms(10_000)),
            Mode::UltraLow => (2, ms(1_000), ms(600), ms(600), ms(4_000)),
        };
        let latency = latency.unwrap_or(default).clamp(least, most);
        let part = match mode {
            Mode::Normal | Mode::Low => ms(1_000),
            Mode::UltraLow => (latency.saturating_sub(JOIN) / 3).clamp(ms(200), ms(500)),
        };
        let window = window.max(Duration::from_secs(6 * u64::from(target_duration)));
        Self { mode, target_duration, segment, part, parts: mode != Mode::Normal, latency, window }
    }

    /// What the live playlist has of the window.
    pub fn live_window(&self) -> Duration {
        self.window.min(LIVE_AT_MOST)
    }

    /// The window is longer than the live playlist.
    pub fn has_dvr(&self) -> bool {
        self.window > self.live_window()
    }

    /// How long segment `msn` is at least, where key frames allow. A `Normal` session opens with short ones: its first
    /// playlist would take half a minute else.
    pub fn segment_of(&self, msn: u64) -> Duration {
        match self.mode {
            Mode::Normal if msn < FIRST_MSN + OPENING => self.segment.min(Duration::from_secs(2)),
            Mode::Normal | Mode::Low | Mode::UltraLow => self.segment,
        }
    }

    /// A segment is cut here even without a key frame. EXTINF is rounded to the nearest second before it is held
    /// against TARGETDURATION (RFC 8216bis §4.4.3.1); the rest up to half a second is for the audio that follows.
    pub fn segment_limit(&self) -> Duration {
        Duration::from_secs(self.target_duration.into()) + Duration::from_millis(300)
    }

    /// Rule 2: HOLD-BACK ≥ 3×TD, and no player nearer than the mode promises.
    pub fn hold_back(&self) -> Duration {
        Duration::from_secs(3 * u64::from(self.target_duration)).max(self.latency)
    }

    /// How far behind the edge players of parts begin, at least; three of the session's parts may be more.
    pub fn part_hold_back(&self) -> Duration {
        self.latency.saturating_sub(JOIN)
    }

    /// Rule 2: CAN-SKIP-UNTIL ≥ 6×TD.
    pub fn skip_until(&self) -> Duration {
        Duration::from_secs(6 * u64::from(self.target_duration))
    }

    /// Rule 21: the longest a request is held.
    pub fn hold_limit(&self) -> Duration {
        Duration::from_secs(3 * u64::from(self.target_duration))
    }
}

impl Default for Plan {
    /// Ultra-low latency with a live window of 30 s.
    fn default() -> Self {
        Self::new(Mode::default(), None, Duration::from_secs(30))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MODES: [(Mode, [f64; 3]); 3] = [
        (Mode::UltraLow, [0.6, 0.6, 4.0]),
        (Mode::Low, [4.0, 9.0, 10.0]),
        (Mode::Normal, [10.0, 24.0, 30.0]),
    ];

    fn plan(mode: Mode, seconds: Option<f64>) -> Plan {
        Plan::new(mode, seconds.map(Duration::from_secs_f64), Duration::from_secs(30))
    }

    #[test]
    fn targets_stay_in_their_mode() {
        for (mode, [least, default, most]) in MODES {
            let target = |told| plan(mode, told).latency.as_secs_f64();
            assert_eq!(target(None), default);
            for (told, taken) in [(least, least), (least - 0.1, least), (most, most), (most + 0.1, most)] {
                assert_eq!(target(Some(told)), taken, "{mode:?} {told}");
            }
        }
    }

    #[test]
    fn hold_backs_keep_the_promise_and_the_rules() {
        for (mode, targets) in MODES {
            for target in targets {
                let plan = plan(mode, Some(target));
                let least = 3.0 * f64::from(plan.target_duration);
                assert_eq!(plan.hold_back().as_secs_f64(), least.max(target), "{mode:?} {target}");
                assert_eq!(plan.skip_until().as_secs_f64(), 2.0 * least);
                assert!(plan.window >= plan.skip_until() && plan.window >= plan.hold_back());
                assert!(
                    plan.segment_limit()
                        <= Duration::from_millis(u64::from(plan.target_duration) * 1_000 + 499)
                );
            }
        }
    }

    #[test]
    fn parts_are_a_third_of_the_hold_back_within_their_bounds() {
        for (target, part) in [(0.6, 200), (0.9, 200), (1.2, 300), (1.5, 400), (3.0, 500), (4.0, 500)] {
            assert_eq!(plan(Mode::UltraLow, Some(target)).part.as_millis(), part, "{target}");
        }
        assert_eq!(plan(Mode::Low, None).part.as_millis(), 1_000);
        assert!(!plan(Mode::Normal, None).parts && plan(Mode::Low, None).parts);
    }

    #[test]
    fn a_normal_session_opens_with_short_segments() {
        let lengths = |mode| [1, 4, 5, 9].map(|msn| plan(mode, None).segment_of(msn).as_secs());
        assert_eq!(lengths(Mode::Normal), [2, 2, 6, 6]);
        assert_eq!((lengths(Mode::Low), lengths(Mode::UltraLow)), ([2; 4], [1; 4]));
    }
}
