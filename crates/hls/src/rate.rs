//! The frame rate of a video rendition: PART-TARGET is a number of whole frames, fixed before the first part.

use std::time::Duration;

use media::{Rational, Timescale, Timestamp};

use crate::Target;

/// What encoders are set to. 30 and 29.97 can't be told apart by a few milliseconds, and needn't be.
const COMMON: [(u32, u32); 14] = [
    (30, 1),
    (60, 1),
    (25, 1),
    (50, 1),
    (24, 1),
    (24_000, 1_001),
    (30_000, 1_001),
    (60_000, 1_001),
    (15, 1),
    (20, 1),
    (48, 1),
    (10, 1),
    (12, 1),
    (120, 1),
];

/// Taken where there is nothing to go by.
pub(crate) const DEFAULT: Rational = Rational { num: 30, den: 1 };

/// Enough units to say without a claim; to confirm one.
const MEASURED: usize = 13;
const CONFIRMED: usize = 4;

/// The frame rate, from the claims (SPS, then metadata) and the first units' DTS (in any order); `None`: wait for more.
pub(crate) fn settle(claims: &[Option<Rational>], dts: &[Timestamp], late: bool) -> Option<Rational> {
    let mut ticks: Vec<i64> = dts.iter().map(|t| t.rescale(Timescale::VIDEO).ticks).collect();
    ticks.sort_unstable();
    let mut deltas: Vec<i64> = ticks.windows(2).map(|w| w[1] - w[0]).filter(|&d| d > 0).collect();
    deltas.sort_unstable();
    let plausible = |r: &Rational| r.num > 0 && r.den > 0 && (1.0..=240.0).contains(&r.as_f64());
    let claims = || claims.iter().flatten().copied().filter(plausible);
    let Some(&median) = deltas.get(deltas.len() / 2) else {
        return late.then(|| claims().next().unwrap_or(DEFAULT));
    };
    if deltas.len() + 1 < CONFIRMED && !late {
        return None;
    }
    // Whole milliseconds are off by up to one.
    let near = |r: &Rational| (r.den as f64 * 90_000.0 / r.num as f64 - median as f64).abs() <= 135.0;
    if let Some(claim) = claims().find(near) {
        return Some(claim);
    }
    if deltas.len() + 1 < MEASURED && !late {
        return None;
    }
    let common = COMMON.iter().map(|&(num, den)| Rational { num, den }).find(near);
    Some(common.unwrap_or_else(|| {
        let hz = (90_000.0 / median as f64).clamp(1.0, 240.0);
        Rational { num: (hz * 1_000.0).round() as u32, den: 1_000 }
    }))
}

/// PART-TARGET of a video rendition: the whole number of frames nearest to `part`, with the millisecond that FLV's
/// rounding may add.
pub(crate) fn video_target(rate: Rational, part: Duration) -> (u32, Target) {
    let frame = f64::from(rate.den) / f64::from(rate.num.max(1));
    let count = (part.as_secs_f64() / frame).round().max(1.0);
    let ms = (count * frame * 1_000.0 - 1e-6).ceil() as u32 + 1;
    ((frame * 90_000.0).round() as u32, Target { ticks: ms.saturating_mul(90), scale: Timescale::VIDEO })
}

/// PART-TARGET of an audio rendition: the whole number of frames of `frame` samples nearest to `part`, but longer than 0.2 s.
/// hls.js 1.7 takes a segment for loaded that lacks no more than that at its head (`bufferPadding` of its fragment tracker). A
/// player that joins at the second part of one, as it may with sound, then finds nothing to load at that segment's end, and
/// stands still until the segment's parts are listed no more.
pub(crate) fn audio_target(frame: u32, scale: Timescale, part: Duration) -> Target {
    let frames = |seconds: f64| seconds * f64::from(scale.hz()) / f64::from(frame);
    let least = frames(0.2).floor() + 1.0;
    let count = frames(part.as_secs_f64()).round().max(least) as u32;
    Target { ticks: count.saturating_mul(frame), scale }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn flv(rate: f64, n: usize) -> Vec<Timestamp> {
        (0..n).map(|i| Timestamp::millis((i as f64 * 1000.0 / rate).round() as i64)).collect()
    }

    #[test]
    fn settles_by_claim_or_by_measure() {
        let thirty = Some(Rational { num: 30, den: 1 });
        let rate = |claims: &[Option<Rational>], fps, n, late| {
            settle(claims, &flv(fps, n), late).map(|r| (r.num, r.den))
        };
        assert_eq!(rate(&[thirty], 30.0, 3, false), None);
        assert_eq!(rate(&[thirty], 30.0, 4, false), Some((30, 1)));
        // A claim that the units contradict.
        assert_eq!(rate(&[thirty], 60.0, 4, false), None);
        assert_eq!(rate(&[thirty], 60.0, 13, false), Some((60, 1)));
        assert_eq!(rate(&[None], 25.0, 13, false), Some((25, 1)));
        assert_eq!(rate(&[None], 24.0, 13, false), Some((24, 1)));
        assert_eq!(rate(&[], 7.0, 13, false), Some((6_993, 1_000)));
        assert_eq!(rate(&[], 30.0, 0, true), Some((30, 1)));
        assert_eq!(rate(&[Some(Rational { num: 0, den: 0 })], 30.0, 1, true), Some((30, 1)));
    }

    #[test]
    fn part_targets_are_whole_frames() {
        let video = |num, den| {
            let (frame, target) = video_target(Rational { num, den }, Duration::from_millis(200));
            (frame, target.ticks / 90)
        };
        assert_eq!(video(30, 1), (3000, 201));
        assert_eq!(video(24, 1), (3750, 210));
        assert_eq!(video(30_000, 1_001), (3003, 202));
        assert_eq!(video(1, 1), (90_000, 1001));
        let audio =
            |hz| audio_target(1024, Timescale::new(hz).unwrap(), Duration::from_millis(200)).ticks / 1024;
        assert_eq!((audio(48_000), audio(44_100), audio(8_000)), (10, 9, 2));
    }
}
