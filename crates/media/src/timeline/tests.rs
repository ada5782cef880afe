use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::{Rational, aac, avc};

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
fn milliseconds_wrap_at_32_bits_and_at_31() {
    for (start, mask) in [(i64::from(u32::MAX) - 99, u32::MAX), (i64::from(i32::MAX) - 99, u32::MAX >> 1)] {
        let mut t = timeline(Some(25), 48_000);
        for frame in 0..10 {
            let raw = (start + frame * 40) as u32 & mask;
            assert_eq!(push(&mut t, Kind::Video, raw.into()), (90_000 + frame * 3_600, false));
            // Sound of before the wrap comes after pictures of behind it.
            let raw = (start + frame * 40 - 60) as u32 & mask;
            assert!(!push(&mut t, Kind::Audio, raw.into()).1, "{raw}");
        }
    }
    // Whoever counts to 32 bits passes the 31st without a wrap.
    let mut t = timeline(Some(25), 48_000);
    for frame in 0..10 {
        let raw = i64::from(i32::MAX) - 99 + frame * 40;
        assert_eq!(push(&mut t, Kind::Video, raw), (90_000 + frame * 3_600, false));
    }
}

#[test]
fn a_clock_jumps_only_beyond_its_limits() {
    for (to, jumps) in [(1_000, false), (1_001, true), (-2_000, false), (-2_001, true), (1 << 30, true)] {
        let mut t = timeline(None, 48_000);
        t.base = Timestamp::millis(60_000);
        push(&mut t, Kind::Audio, 10_000);
        let (ticks, jump) = push(&mut t, Kind::Video, 10_000 + to);
        assert_eq!(jump, jumps, "{to} ms");
        let at = if jumps { 60_033 } else { 60_000 + to };
        assert_eq!(ticks, at * 90, "{to} ms: a jump goes on where the clock was");
    }
}

/// Milliseconds sent at milliseconds of arrival; the place of the last, and how it jumped.
fn arrive(t: &mut Timeline, units: &[(i64, i64)]) -> (i64, Option<Jump>) {
    let settled = |&(raw, arrival)| t.push(unit(Kind::Video, raw, 0), Timestamp::millis(arrival)).unwrap();
    let last = units.iter().map(settled).last().unwrap();
    (last.unit.dts.as_millis(), last.jump)
}

#[test]
fn silence_is_no_jump_and_a_jump_goes_on_at_the_time_of_arrival() {
    let by = |ms| Some(Jump::By(Timestamp::millis(ms)));
    for (raw, arrival, place, jump) in [
        // Silent for 30 s by both clocks, give or take a second.
        (30_000, 31_000, 31_000, None),
        (30_000, 32_000, 31_000, None),
        (30_000, 30_000, 31_000, None),
        // The clock went on for less, or for more, than there was silence.
        (30_000, 32_001, 32_001, by(30_000)),
        (30_000, 29_999, 29_999, by(30_000)),
        (9_000, 31_000, 31_000, by(9_000)),
        // Back, and at once ahead: one frame later.
        (-9_000, 31_000, 31_000, by(-9_000)),
        (3_000, 1_040, 1_040, by(3_000)),
        (3_000, 1_000, 1_033, by(3_000)),
    ] {
        let mut t = timeline(None, 48_000);
        assert_eq!(arrive(&mut t, &[(0, 1_000), (raw, arrival)]), (place, jump), "{raw} at {arrival}");
    }
}

#[test]
fn a_clock_that_stays_behind_is_put_right_after_a_minute() {
    for (lag, caught) in [(Timeline::MAX_LAG_MS, false), (Timeline::MAX_LAG_MS + 1, true)] {
        let mut t = timeline(None, 48_000);
        push(&mut t, Kind::Video, 0);
        // Stalls once, and everything after comes late; a single unit that doesn't clears it.
        let late: Vec<_> = (1..=3_000).map(|n| (n * 40, 1_000 + n * 40 + lag)).collect();
        let jumps: Vec<_> = late.iter().filter_map(|at| arrive(&mut t, &[*at]).1).collect();
        let behind = Jump::Behind(Timestamp::millis(lag));
        assert_eq!(jumps, if caught { vec![behind] } else { Vec::new() }, "{lag} ms");
        let end = arrive(&mut t, &[(120_040, 121_040 + lag)]).0;
        assert_eq!(end, 121_040 + if caught { lag } else { 0 });
    }
    let mut t = timeline(None, 48_000);
    push(&mut t, Kind::Video, 0);
    let bursts = (1..=9_000).map(|n| (n * 40, 1_000 + n * 40 + if n % 250 == 0 { 0 } else { 9_000 }));
    assert!(
        bursts.into_iter().all(|at| arrive(&mut t, &[at]).1.is_none()),
        "a network that stalls and bursts"
    );
}

/// Sound whose sample clock runs so many percent fast, for so many seconds, with timestamps that jitter: how far it ends
/// from its timestamps (ms), the shortest and longest frame, and what is said of it.
fn drift(percent: f64, seconds: i64, hz: u32, jitter: i64) -> (f64, (i64, i64), Vec<f64>) {
    let mut t = timeline(Some(30), hz);
    let frame = 1_024_000.0 / f64::from(hz) / (1.0 + percent / 100.0);
    let (mut last, mut told, mut off) = (None, Vec::new(), 0.0);
    let (mut least, mut most) = (i64::MAX, 0);
    for n in 0..(seconds as f64 * 1_000.0 / frame) as i64 {
        let ms = (n as f64 * frame) as i64 + 100;
        let noise = if jitter > 0 { n * 7_919 % (2 * jitter + 1) - jitter } else { 0 };
        let settled = t.push(unit(Kind::Audio, ms + noise, 0), Timestamp::millis(0)).unwrap();
        told.extend(settled.audio_drift);
        let ticks = settled.unit.dts.ticks;
        if let Some(last) = last.replace(ticks) {
            (least, most) = (least.min(ticks - last), most.max(ticks - last));
        }
        off = settled.unit.dts.seconds() * 1_000.0 - (ms + 900) as f64;
    }
    (off, (least, most), told)
}

#[test]
fn a_drifting_sound_card_is_led_back_to_its_timestamps() {
    for hz in [48_000, 44_100] {
        for percent in [-1.0, -0.2, -0.02, 0.0, 0.02, 0.2, 1.0] {
            for jitter in [0, 8] {
                let (off, (least, most), told) = drift(percent, 600, hz, jitter);
                let what = format!("{percent} % at {hz} Hz, jitter {jitter}: off by {off} ms, {told:?}");
                assert!(off.abs() < 25.0, "{what}");
                assert!(least >= 1_024 - 16 && most <= 1_024 + 16, "{least} to {most}: {what}");
                if percent.abs() < 0.1 {
                    assert_eq!(told, [], "{what}");
                } else {
                    assert!(told.len() > 20 && told.iter().all(|p| (p - percent).abs() < 0.1), "{what}");
                }
            }
        }
    }
}

#[test]
fn a_wrong_sample_rate_does_not_take_the_sound_away_from_the_picture() {
    // 44.1 kHz that calls itself 48 kHz, and the other way round.
    for (percent, hz) in [(-8.125, 48_000), (8.844, 44_100)] {
        let (off, _, told) = drift(percent, 300, hz, 0);
        assert!(off.abs() < 250.0 && !told.is_empty(), "{off} ms, {told:?}");
    }
}

#[test]
fn the_first_dts_of_b_frames_may_lie_below_zero() {
    let mut t = timeline(Some(30), 48_000);
    // -67 and -33 ms, as 32 bits have them.
    let below = |ms: i64| i64::from(ms as u32);
    for (n, raw) in [below(-67), below(-33), 0, 33, 67].into_iter().enumerate() {
        let settled = t.push(unit(Kind::Video, raw, 67), Timestamp::millis(1_000)).unwrap();
        assert_eq!((settled.unit.dts.ticks, settled.jump), (90_000 + n as i64 * 3_000, None));
        assert_eq!(settled.unit.pts.ticks - settled.unit.dts.ticks, 6_000);
    }
    // Sound at zero is not behind them.
    assert_eq!(push(&mut t, Kind::Audio, 0).0, 48_000 + 67 * 48);
}

#[test]
fn a_new_sample_rate_goes_on_where_the_old_one_ended() {
    let mut t = timeline(Some(30), 48_000);
    for n in 0..100 {
        push(&mut t, Kind::Audio, n * 1_024 / 48);
    }
    let asc = Bytes::new();
    t.track(&Track::audio(aac::Config { asc, object_type: 2, sample_rate: 44_100, channels: 1 }));
    let (ticks, jump) = push(&mut t, Kind::Audio, 100 * 1_024 / 48);
    let end = 44_100 + (100.0 * 1_024.0 * 44_100.0 / 48_000.0_f64).round() as i64;
    assert_eq!((ticks, jump), (end, false));
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
    /// Whatever comes, whenever.
    #[test]
    fn decode_times_always_rise(
        fps in prop::option::of(1u32..=240),
        units in prop::collection::vec((any::<bool>(), any::<u32>(), -40i64..4_000, 0i64..3_000), 1..200),
        near in any::<bool>(),
    ) {
        let mut t = timeline(fps, 48_000);
        let mut last = [i64::MIN; 2];
        let (mut clock, mut arrival) = (0i64, 1_000i64);
        for (video, far, step, later) in units {
            clock = if near { clock + step } else { i64::from(far) };
            arrival += later;
            let kind = if video { Kind::Video } else { Kind::Audio };
            if let Some(settled) = t.push(unit(kind, i64::from(clock as u32), step.abs()), Timestamp::millis(arrival)) {
                let ticks = settled.unit.dts.ticks;
                prop_assert!(ticks > last[usize::from(video)] && ticks >= 0);
                last[usize::from(video)] = ticks;
            }
        }
    }
}
