//! Odd publishers in virtual time, from their milliseconds to the playlists: a table of what they send, and what viewers
//! see of it. The rules hold throughout, or `show` stops.

use std::collections::BTreeSet;
use std::time::Duration;

use media::{AccessUnit, Jump, Kind, Timeline, Timestamp};

use super::read::{Playlist, Segment};
use super::show::Show;
use crate::Mode;
use crate::presentation::tests::{audio_track, video_track};

/// What comes in: milliseconds of arrival, then the publisher's.
#[derive(Clone, Copy)]
struct Unit {
    kind: Kind,
    arrival: i64,
    stamp: i64,
    offset: i64,
    key: bool,
}

/// So many seconds of 30 frames with a key frame each `gop`, and 48 kHz sound.
fn steady(seconds: i64, gop: i64) -> Vec<Unit> {
    let picture = |i: i64| {
        let at = (i * 1_000 + 15) / 30;
        Unit { kind: Kind::Video, arrival: at, stamp: at, offset: 0, key: i % gop == 0 }
    };
    let sound = |n: i64| {
        let at = n * 1_024 / 48;
        Unit { kind: Kind::Audio, arrival: at, stamp: at, offset: 0, key: true }
    };
    let mut units: Vec<_> =
        (0..seconds * 30).map(picture).chain((0..seconds * 1_000 * 48 / 1_024).map(sound)).collect();
    units.sort_by_key(|unit| (unit.arrival, unit.kind));
    units
}

/// What viewers saw: discontinuities and gaps by rendition; and how the clock jumped.
#[derive(Debug, PartialEq)]
struct Seen {
    breaks: [usize; 2],
    gaps: [usize; 2],
    jumps: Vec<Jump>,
    /// Seconds between the last part's end and its arrival.
    behind: f64,
}

fn play(what: &str, units: &[Unit]) -> Seen {
    let (video, audio) = (video_track(), audio_track(48_000));
    let mut timeline = Timeline::new(Timeline::LEAD);
    timeline.track(&video);
    timeline.track(&audio);
    let mut show = Show::of(what, Mode::UltraLow, None, &[video, audio]);
    let (mut jumps, mut last) = (Vec::new(), Duration::ZERO);
    for unit in units {
        let stamp = |ms: i64| Timestamp::millis(ms);
        let (dts, data) = (i64::from(unit.stamp as u32), vec![0x55; 30].into());
        let (dts, pts) = (stamp(dts), stamp(dts + unit.offset));
        let arrival = Timeline::LEAD.plus(stamp(unit.arrival));
        let unit = AccessUnit { kind: unit.kind, dts, pts, key: unit.key, data };
        let Some(settled) = timeline.push(unit, arrival) else { continue };
        last = arrival.to_duration().unwrap();
        if let Some(jump) = settled.jump {
            jumps.push(jump);
            show.discontinuity(None, last);
        }
        show.push(usize::from(settled.unit.kind == Kind::Audio), settled.unit, last);
    }
    let segments = |r: usize| {
        let lists = show.renditions[r].playlists.iter().map(|(_, text)| Playlist::read(text));
        lists.flat_map(|list| list.segments).collect::<Vec<_>>()
    };
    let all = [segments(0), segments(1)];
    let both = |test: fn(&Segment) -> bool| {
        let msns = |r: usize| all[r].iter().filter(|s| test(s)).map(|s| s.msn).collect::<BTreeSet<_>>();
        [msns(0).len(), msns(1).len()]
    };
    let open = show.index(0).open().map(|open| open.start.plus(open.duration).seconds()).unwrap();
    Seen {
        breaks: both(|s| s.discontinuity && !s.parts.is_empty()),
        gaps: both(|s| s.gap),
        jumps,
        behind: last.as_secs_f64() - open,
    }
}

#[track_caller]
fn check(what: &str, units: &[Unit], breaks: usize, gaps: [usize; 2], jumps: &[Jump]) {
    let seen = play(what, units);
    assert_eq!((seen.breaks, seen.gaps, &seen.jumps[..]), ([breaks; 2], gaps, jumps), "{what}");
    assert!((-0.1..1.1).contains(&seen.behind), "{what}: {} s behind", seen.behind);
}

/// From `from` ms of arrival on, everything is changed so.
fn from(mut units: Vec<Unit>, from: i64, change: impl Fn(&mut Unit)) -> Vec<Unit> {
    units.iter_mut().filter(|unit| unit.arrival >= from).for_each(change);
    units
}

#[test]
fn clocks_that_wrap_or_jump() {
    check("nothing odd", &steady(12, 30), 0, [0, 0], &[]);
    for start in [(1i64 << 32) - 5_000, 0xffff_0000, 1] {
        check("32 bits", &from(steady(12, 30), 0, |unit| unit.stamp += start), 0, [0, 0], &[]);
    }
    // To the frame at 6,000 ms from the one at 5,973 (sound) or so: the jump itself, and a frame.
    for (jump, told) in [(3_000, 3_000), (3_600_000, 3_600_000), (-4_000, -4_000), (-3_600_000, -3_600_000)] {
        let seen = play("jump", &from(steady(12, 30), 6_000, |unit| unit.stamp += jump));
        let ms = match seen.jumps[..] {
            [Jump::By(by)] => by.as_millis(),
            _ => panic!("{:?}", seen.jumps),
        };
        assert!((ms - told).abs() <= 40, "{ms}");
        assert_eq!((seen.breaks, seen.gaps), ([1, 1], [0, 0]), "{jump}");
    }
    // Silent for four seconds by both clocks: a hole, and no jump.
    let pause = |unit: &mut Unit| (unit.stamp, unit.arrival) = (unit.stamp + 4_000, unit.arrival + 4_000);
    check("pause", &from(steady(12, 30), 6_000, pause), 1, [0, 0], &[]);
    // Late by three seconds, then a burst: nothing was missing.
    let late = |unit: &mut Unit| unit.arrival = unit.arrival.max(9_000);
    check("burst", &from(steady(15, 30), 6_000, late), 0, [0, 0], &[]);
    // Late for good: put right after a minute.
    let lag = from(steady(125, 30), 6_000, |unit| unit.arrival += 7_000);
    let behind = play("lag", &lag);
    assert!(
        matches!(behind.jumps[..], [Jump::Behind(by)] if by == Timestamp::millis(7_000)),
        "{:?}",
        behind.jumps
    );
    assert_eq!(behind.breaks, [1, 1]);
}

#[test]
fn pictures_out_of_the_ordinary() {
    // B-frames whose DTS begin below zero: three frames of delay.
    let delay = |unit: &mut Unit| {
        if unit.kind == Kind::Video {
            (unit.stamp, unit.offset) = (unit.stamp - 100, 100);
        }
    };
    check("negative DTS", &from(steady(12, 30), 0, delay), 0, [0, 0], &[]);
    check("GOP of 8 s", &steady(30, 250), 0, [0, 0], &[]);
    check("one GOP", &steady(30, 100_000), 0, [0, 0], &[]);
    // A second at 30 frames, a second at 10, with its jitter.
    let mut frame = 0;
    let vary = steady(20, 30).into_iter().filter(|unit| {
        frame += i64::from(unit.kind == Kind::Video);
        unit.kind == Kind::Audio || frame % 60 < 30 || unit.key || frame % 3 == 0
    });
    check("variable frame rate", &vary.collect::<Vec<_>>(), 0, [0, 0], &[]);
    // Frozen for five seconds while sound goes on: gaps, and one break where they come again.
    let frozen = |unit: &Unit| unit.kind == Kind::Audio || !(6_000..11_000).contains(&unit.arrival);
    let seen = play("frozen", &steady(16, 30).into_iter().filter(frozen).collect::<Vec<_>>());
    assert_eq!((seen.breaks, seen.gaps[1], seen.jumps.len()), ([1, 1], 0, 0));
    assert!((1..=3).contains(&seen.gaps[0]), "{:?}", seen.gaps);
}

#[test]
fn sound_out_of_the_ordinary() {
    // Samples that come half a percent too fast for their timestamps, and too slow.
    for percent in [0.5, -0.5] {
        let mut units = steady(60, 30);
        let mut n = 0.0;
        for unit in units.iter_mut().filter(|unit| unit.kind == Kind::Audio) {
            let at = (n * 1_024.0 / 48.0 / (1.0 + percent / 100.0)) as i64;
            (unit.stamp, unit.arrival) = (at, at);
            n += 1.0;
        }
        units.sort_by_key(|unit| (unit.arrival, unit.kind));
        units.retain(|unit| unit.arrival < 59_000);
        check("drift", &units, 0, [0, 0], &[]);
    }
    // A tenth of a second lost now and then: no more than a longer frame.
    let lost = |unit: &Unit| unit.kind == Kind::Video || unit.arrival % 3_000 > 100;
    check("lost frames", &steady(20, 30).into_iter().filter(lost).collect::<Vec<_>>(), 0, [0, 0], &[]);
    // Sound that stops: without what stands in for it there are gaps, and the pictures go on.
    let stops = |unit: &Unit| unit.kind == Kind::Video || unit.arrival < 6_000;
    let seen = play("stops", &steady(16, 30).into_iter().filter(stops).collect::<Vec<_>>());
    assert_eq!((seen.breaks, seen.gaps[0]), ([0, 0], 0));
    assert!(seen.gaps[1] >= 8, "{:?}", seen.gaps);
}
