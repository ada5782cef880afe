use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::{Rational, avc};

fn timeline(fps: Option<u32>, sample_rate: u32) -> Timeline {
    let mut timeline = Timeline::new(Timeline::LEAD);
    timeline.track(&Track::video(avc::Config {
        record: Bytes::new(),
        width: 1280,
        height: 720,
        profile: [0; 3],
        frame_rate: fps.map(|num| Rational { num, den: 1 }),
        sample_aspect: Rational { num: 1, den: 1 },
    }));
    let asc = Bytes::new();
    timeline.track(&Track::audio(aac::Config { asc, object_type: 2, sample_rate, channels: 2 }));
    timeline
}

fn unit(kind: Kind, dts: i64, offset: i64) -> AccessUnit {
    let (dts, pts) = (Timestamp::millis(dts), Timestamp::millis(dts + offset));
    AccessUnit { kind, dts, pts, key: true, data: Bytes::new() }
}

/// Ticks of the DTS, and whether it jumped.
fn push(timeline: &mut Timeline, kind: Kind, dts: i64) -> (i64, bool) {
    let settled = timeline.push(unit(kind, dts, 0), Timestamp::millis(0)).unwrap();
    (settled.unit.dts.ticks, settled.jump.is_some())
}

#[test]
fn pictures_lie_on_their_grid() {
    let mut t = timeline(Some(30), 48_000);
    let rounded = [0, 33, 67, 100, 133, 167, 200];
    let ticks: Vec<_> = rounded.iter().map(|&ms| push(&mut t, Kind::Video, ms).0 - 90_000).collect();
    assert_eq!(ticks, [0, 3_000, 6_000, 9_000, 12_000, 15_000, 18_000]);
    // The composition offset too: 67 ms are two frames.
    let settled = t.push(unit(Kind::Video, 233, 67), Timestamp::millis(0)).unwrap().unit;
    assert_eq!(settled.pts.ticks - settled.dts.ticks, 6_000);
    // A dropped frame leaves its place empty; a time off the grid is taken as it is.
    assert_eq!(push(&mut t, Kind::Video, 300).0 - 90_000, 27_000);
    assert_eq!(push(&mut t, Kind::Video, 345).0 - 90_000, 345 * 90);
}

#[test]
fn pictures_without_a_known_rate_keep_their_milliseconds() {
    let mut t = timeline(None, 48_000);
    let ticks: Vec<_> = [0, 33, 67].iter().map(|&ms| push(&mut t, Kind::Video, ms).0).collect();
    assert_eq!(ticks, [90_000, 92_970, 96_030]);
}

#[test]
fn sound_lies_on_its_sample_count() {
    for rate in [48_000, 44_100, 22_050] {
        let mut t = timeline(Some(30), rate);
        for frame in 0..2_000i64 {
            let (ticks, jump) = push(&mut t, Kind::Audio, frame * 1_024_000 / i64::from(rate));
            assert_eq!((ticks - i64::from(rate), jump), (frame * 1_024, false), "{rate} Hz");
        }
    }
}

#[test]
fn lost_sound_leaves_its_gap() {
    let mut t = timeline(Some(30), 48_000);
    push(&mut t, Kind::Audio, 0);
    assert_eq!(push(&mut t, Kind::Audio, 200).0, 48_000 + 9_600);
    // A little early is rounding, not a step back.
    assert_eq!(push(&mut t, Kind::Audio, 190).0, 48_000 + 9_600 + 1_024);
}

#[test]
fn milliseconds_wrap_at_32_bits() {
    let mut t = timeline(Some(25), 48_000);
    let start = i64::from(u32::MAX) - 99;
    for frame in 0..10 {
        let raw = (start + frame * 40) as u32;
        assert_eq!(push(&mut t, Kind::Video, raw.into()), (90_000 + frame * 3_600, false));
    }
}

#[test]
fn a_clock_jumps_only_beyond_its_limits() {
    for (to, jumps) in [(5_000, false), (5_001, true), (-2_000, false), (-2_001, true), (1 << 30, true)] {
        let mut t = timeline(None, 48_000);
        t.base = Timestamp::millis(60_000);
        push(&mut t, Kind::Audio, 10_000);
        let (ticks, jump) = push(&mut t, Kind::Video, 10_000 + to);
        assert_eq!(jump, jumps, "{to} ms");
        let at = if jumps { 60_033 } else { 60_000 + to };
        assert_eq!(ticks, at * 90, "{to} ms: a jump goes on where the clock was");
    }
}

#[test]
fn after_a_jump_the_clock_goes_on_at_the_time_of_arrival() {
    let mut t = timeline(None, 48_000);
    push(&mut t, Kind::Video, 0);
    let settled = t.push(unit(Kind::Video, 9_000, 0), Timestamp::millis(31_000)).unwrap();
    assert_eq!((settled.unit.dts.ticks, settled.jump), (31_000 * 90, Some(Timestamp::millis(9_000))));
}

#[test]
fn both_tracks_jump_once() {
    let mut t = timeline(None, 48_000);
    for ms in [0, 20, 40] {
        push(&mut t, Kind::Video, ms);
        push(&mut t, Kind::Audio, ms);
    }
    assert!(push(&mut t, Kind::Video, 1_000_000).1);
    // Sound of before the jump is still on its way, then follows.
    assert!(!push(&mut t, Kind::Audio, 61).1);
    assert!(!push(&mut t, Kind::Audio, 1_000_005).1);
    assert!(!push(&mut t, Kind::Video, 1_000_033).1);
}

#[test]
fn a_returning_publisher_goes_on_at_its_time_of_arrival() {
    let mut t = timeline(Some(30), 48_000);
    t.base = Timestamp::millis(60_000);
    assert_eq!(push(&mut t, Kind::Video, 123_456).0, 60_000 * 90);
}

#[test]
fn early_sound_is_kept_within_the_lead() {
    let mut t = timeline(Some(30), 48_000);
    push(&mut t, Kind::Video, 2_000);
    assert_eq!(push(&mut t, Kind::Audio, 1_000).0, 0);
    let mut t = timeline(Some(30), 48_000);
    push(&mut t, Kind::Video, 2_000);
    assert_eq!(t.push(unit(Kind::Audio, 999, 0), Timestamp::millis(0)), None, "before the epoch");
}

#[test]
fn units_of_an_unknown_track_are_not_placed() {
    let mut t = Timeline::new(Timeline::LEAD);
    assert_eq!(t.push(unit(Kind::Video, 0, 0), Timestamp::millis(0)), None);
}

proptest! {
    #[test]
    fn decode_times_always_rise(
        fps in prop::option::of(1u32..=240),
        units in prop::collection::vec((any::<bool>(), any::<u32>(), -40i64..4_000), 1..200),
        near in any::<bool>(),
    ) {
        let mut t = timeline(fps, 48_000);
        let mut last = [i64::MIN; 2];
        let mut clock = 0i64;
        for (video, far, step) in units {
            clock = if near { clock + step } else { i64::from(far) };
            let kind = if video { Kind::Video } else { Kind::Audio };
            if let Some(settled) = t.push(unit(kind, i64::from(clock as u32), step.abs()), Timestamp::millis(0)) {
                let ticks = settled.unit.dts.ticks;
                prop_assert!(ticks > last[usize::from(video)] && ticks >= 0);
                last[usize::from(video)] = ticks;
            }
        }
    }
}
