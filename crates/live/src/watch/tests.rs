#![allow(clippy::unwrap_used)]
//! Alerts in virtual time: figures go in once a second, what is told comes out.

use expect_test::{Expect, expect};
use media::{Kind as Track, Timescale, Timestamp};

use super::*;

const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[expect(clippy::disallowed_methods, reason = "where virtual time begins")]
fn start() -> Instant {
    Instant::now()
}

fn config() -> Config {
    Config {
        black: Some(s(3)),
        frozen: Some(s(10)),
        silence: Some((-60.0, s(5))),
        clipping: Some(s(3)),
        loudness: Some((-40.0, -6.0, s(4))),
        av_drift: Some((Duration::from_millis(150), s(5))),
    }
}

/// What is told of figures that come `every` so often, with the second it was told.
#[track_caller]
fn check(config: Config, every: u64, figures: &[(u64, Measured)], expected: Expect) {
    let start = start();
    let (mut watch, mut at, mut told) = (Watch::new(config), 0, String::new());
    for (count, measured) in figures {
        for _ in 0..*count {
            for kind in watch.take(*measured, start + s(at)) {
                let line = match kind {
                    Kind::AlertOpened { alert } => format!("{at}: opened {}\n", alert.cause()),
                    Kind::AlertClosed { alert, lasted } => {
                        format!("{at}: closed {} after {lasted:?}\n", alert.code())
                    }
                    other => format!("{at}: {other:?}\n"),
                };
                told += &line;
            }
            at += every;
        }
    }
    for kind in watch.end(start + s(at)) {
        told += &format!("end: {kind:?}\n");
    }
    expected.assert_eq(&told);
}

fn pictures(dark: f32, moved: f32) -> Measured {
    Measured::Pictures { dark, moved: Some(moved) }
}

fn sound(peak_dbfs: f32, clipped: f32, short_term_lufs: f32) -> Measured {
    let (momentary_lufs, integrated_lufs) = (short_term_lufs, short_term_lufs);
    Measured::Sound(Sound { peak_dbfs, clipped, momentary_lufs, short_term_lufs, integrated_lufs })
}

#[test]
fn black_opens_after_its_time_and_closes_when_it_is_over() {
    check(
        config(),
        1,
        &[
            (2, pictures(0.3, 20.0)),
            // Too short.
            (3, pictures(0.98, 20.0)),
            (1, pictures(0.979, 20.0)),
            (6, pictures(1.0, 0.0)),
            // A flash.
            (1, pictures(0.1, 200.0)),
            (3, pictures(1.0, 0.0)),
            (5, pictures(0.1, 20.0)),
        ],
        expect![[r#"
            9: opened the picture is black
            18: closed black after 9s
        "#]],
    );
}

#[test]
fn a_still_is_told_once_and_black_is_not_told_as_a_still() {
    check(
        config(),
        1,
        &[
            (12, pictures(0.0, 3.9)),
            (4, pictures(0.0, 4.0)),
            (9, pictures(0.0, 0.0)),
            (1, pictures(0.0, 12.0)),
            (30, pictures(1.0, 0.0)),
        ],
        expect![[r#"
            10: opened the picture doesn't move
            14: closed frozen after 11s
            29: opened the picture is black
            end: AlertClosed { alert: Black, lasted: 30s }
        "#]],
    );
    // Where nobody asked for black, it is a still like others; and a first picture is no still.
    let only = Config { frozen: Some(s(1)), ..Config::default() };
    let first = Measured::Pictures { dark: 1.0, moved: None };
    check(
        only,
        1,
        &[(5, first), (2, pictures(1.0, 0.0))],
        expect![[r#"
            6: opened the picture doesn't move
            end: AlertClosed { alert: Frozen, lasted: 2s }
        "#]],
    );
}

#[test]
fn key_frames_far_apart_are_enough_and_too_far_apart_are_not() {
    let black = [(4, pictures(1.0, 0.0)), (2, pictures(0.0, 50.0))];
    check(
        config(),
        8,
        &black,
        expect![[r#"
            8: opened the picture is black
            40: closed black after 24s
        "#]],
    );
    check(config(), 31, &black, expect![[""]]);
}

#[test]
fn silence_and_loudness_and_what_is_cut_off() {
    check(
        config(),
        1,
        &[
            (6, sound(-60.1, 0.0, -68.0)),
            (4, sound(-60.0, 0.0, -39.0)),
            // Absent isn't quiet.
            (7, sound(-120.0, 0.0, -120.0)),
            (4, sound(-12.0, 0.0, -20.0)),
            (5, sound(0.0, 0.0099, -6.0)),
            (4, sound(0.4, 0.01, -5.9)),
            (4, sound(-12.0, 0.0, -20.0)),
        ],
        expect![[r#"
            4: opened the sound is too quiet: -68.0 LUFS, where -40 is the limit
            5: opened there is no sound above -60 dBFS
            8: closed silence after 5s
            8: closed loudness after 5s
            15: opened there is no sound above -60 dBFS
            19: closed silence after 6s
            29: opened the sound is distorted: 1.0 % of its samples are cut off
            32: closed clipping after 3s
        "#]],
    );
}

#[test]
fn drift_either_way() {
    let drift = |ms| Measured::Drift { ms };
    check(
        config(),
        1,
        &[(10, drift(150.0)), (6, drift(-150.1)), (3, drift(0.0)), (6, drift(400.4)), (3, drift(20.0))],
        expect![[r#"
            15: opened picture and sound come apart: the sound comes 150 ms earlier than it did at first
            18: closed av_drift after 5s
            24: opened picture and sound come apart: the sound comes 400 ms later than it did at first
            27: closed av_drift after 5s
        "#]],
    );
}

#[test]
fn nothing_is_told_of_what_is_off() {
    let all = [
        (60, pictures(1.0, 0.0)),
        (60, sound(-120.0, 0.0, -120.0)),
        (60, sound(1.0, 0.5, 1.0)),
        (60, Measured::Drift { ms: 5_000.0 }),
    ];
    check(Config::default(), 1, &all, expect![[""]]);
}

#[test]
fn switching_off_closes_and_another_publisher_begins_anew() {
    let start = start();
    let mut watch = Watch::new(config());
    for at in 0..4 {
        watch.take(pictures(1.0, 0.0), start + s(at));
        watch.take(sound(-120.0, 0.0, -120.0), start + s(at));
    }
    let open = |watch: &Watch| watch.health().alerts.iter().map(|(a, _)| a.code()).collect::<Vec<_>>();
    assert_eq!(open(&watch), ["black"]);
    assert_eq!(watch.health().alerts[0].1, start);
    // Four seconds of silence were the other's; black still is.
    watch.interrupted();
    assert!(watch.take(sound(-120.0, 0.0, -120.0), start + s(6)).is_empty());
    assert_eq!(open(&watch), ["black"]);
    let told = watch.configure(Config { black: None, ..config() }, start + s(7));
    assert!(matches!(told[..], [Kind::AlertClosed { alert: Alert::Black, .. }]), "{told:?}");
    assert!(watch.end(start + s(8)).is_empty());
}

/// Minutes of pictures and sound with timestamps and arrivals in milliseconds; the drift that is found.
fn drift(seconds: u64, of: impl Fn(Track, u64) -> (i64, u64)) -> Vec<i64> {
    let (start, mut drift, mut units) = (start(), Drift::default(), Vec::new());
    for ms in 0..seconds * 1000 {
        for (kind, every) in [(Track::Video, 40), (Track::Audio, 21)] {
            if ms % every == 0 {
                let (dts, arrival) = of(kind, ms);
                units.push((arrival, kind, dts));
            }
        }
    }
    units.sort_by_key(|(arrival, ..)| *arrival);
    let scale = Timescale::MILLIS;
    let found = units.into_iter().filter_map(|(arrival, kind, dts)| {
        drift.unit(kind, Timestamp::new(dts, scale), start + Duration::from_millis(arrival))
    });
    found.map(|ms| ms.round() as i64).collect()
}

#[test]
fn what_comes_steadily_does_not_drift_whatever_its_order() {
    type Sends = fn(Track, u64) -> (i64, u64);
    let cases: [(&str, Sends); 4] = [
        ("in step", |_, ms| (ms as i64, ms)),
        ("sound 800 ms ahead", |kind, ms| (ms as i64 + if kind == Track::Audio { 800 } else { 0 }, ms)),
        ("in bursts", |_, ms| (ms as i64, ms.next_multiple_of(700))),
        ("a slow network", |_, ms| (ms as i64, ms + ms / 20)),
    ];
    for (name, of) in cases {
        let found = drift(60, of);
        assert!(found.len() >= 30 && found.iter().all(|ms| ms.abs() <= 45), "{name}: {found:?}");
    }
}

#[test]
fn clocks_that_run_apart_are_found() {
    let found =
        drift(120, |kind, ms| (if kind == Track::Audio { ms as i64 * 995 / 1000 } else { ms as i64 }, ms));
    let last = *found.last().unwrap();
    assert!((520..600).contains(&last), "{found:?}");
    let found = drift(60, |kind, ms| (ms as i64, ms + if kind == Track::Video { ms / 100 } else { 0 }));
    assert!((-600..-480).contains(found.last().unwrap()), "{found:?}");
    // A kind that pauses says nothing meanwhile.
    let found =
        drift(60, |kind, ms| (ms as i64, if kind == Track::Audio && ms > 20_000 { 90_000 } else { ms }));
    assert!(found.iter().all(|ms| ms.abs() <= 45), "{found:?}");
}
