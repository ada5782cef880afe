//! A test for each rule, named after it. `show` holds every playlist of every session against `law`, and stops where one
//! breaks; the tests here make sure that the case of the rule was there at all, and check what no playlist can say.

use std::time::Duration;

use media::{CodecConfig, Kind, Rational, Track};

use super::read::Playlist;
use super::show::{EPOCH, Show, all, steady};
use crate::Mode;
use crate::playlist::multivariant;
use crate::presentation::tests::{audio_track, picture, sound, video_track};

fn lists(show: &Show, r: usize) -> Vec<Playlist> {
    show.renditions[r].playlists.iter().map(|(_, text)| Playlist::read(text)).collect()
}

/// The last playlist of each rendition of each session.
fn last() -> Vec<(String, Playlist)> {
    let newest = |show: &Show, r: usize| Playlist::read(&show.renditions[r].playlists.last().unwrap().1);
    all()
        .iter()
        .flat_map(|show| {
            (0..show.names.len()).map(|r| (format!("{} {r}", show.what), newest(show, r))).collect::<Vec<_>>()
        })
        .collect()
}

/// Pictures at a rate, sound at another, in ultra_low with this target: PART-TARGETs and PART-HOLD-BACK.
fn parts(fps: (u32, u32), hz: u32, latency: f64) -> (f64, f64, f64) {
    let mut track = video_track();
    let rate = Rational { num: fps.0, den: fps.1 };
    if let CodecConfig::Avc(config) = &mut track.config {
        config.frame_rate = Some(rate);
    }
    let mut show = Show::of(format!("{fps:?}"), Mode::UltraLow, Some(latency), &[track, audio_track(hz)]);
    let mut n = 0;
    for i in 0..400 {
        let at = (f64::from(i) * 1_000.0 / rate.as_f64()) as i64;
        let now = Duration::from_millis(at as u64);
        while n * 1_024_000 / i64::from(hz) < at {
            show.push(1, sound(n, hz), now);
            n += 1;
        }
        show.push(0, picture(at, i % 50 == 0, 30), now);
    }
    let of = |r: usize| Playlist::read(&show.renditions[r].playlists.last().unwrap().1);
    (of(0).part_target.unwrap(), of(1).part_target.unwrap(), of(0).seconds("PART-HOLD-BACK").unwrap())
}

#[test]
fn rule_01_version_and_part_target() {
    for (what, list) in last() {
        assert_eq!(list.part_target.is_some(), !what.starts_with("Normal"), "{what}");
        assert_eq!((list.version, list.skipped), (6, 0), "{what}");
    }
}

#[test]
fn rule_02_server_control() {
    for (what, list) in last() {
        let [part, whole, skip] = match what.split(' ').collect::<Vec<_>>()[..] {
            ["UltraLow", "None", "video", n] if n.parse::<u8>().is_ok() => {
                [Some(0.603), Some(6.0), Some(12.0)]
            }
            // 10 frames of sound are a little longer than 6 pictures.
            ["UltraLow", "None", ..] => [Some(0.641), Some(6.0), Some(12.0)],
            ["UltraLow", "Some(1.5)", "video", n] if n.parse::<u8>().is_ok() => {
                [Some(1.203), Some(6.0), Some(12.0)]
            }
            ["UltraLow", "Some(1.5)", ..] => [Some(1.217), Some(6.0), Some(12.0)],
            ["UltraLow", ..] => [Some(3.7), Some(6.0), Some(12.0)],
            ["Low", ..] => [Some(8.7), Some(9.0), Some(18.0)],
            _ => [None, Some(24.0), Some(36.0)],
        };
        // Sound alone has a PART-TARGET of its own.
        let alone = what.contains(" audio ") && !what.contains("video");
        let said = list.seconds("PART-HOLD-BACK");
        assert!(said == part || alone && said.is_some(), "{what}: {said:?}");
        assert_eq!((list.seconds("HOLD-BACK"), list.seconds("CAN-SKIP-UNTIL")), (whole, skip), "{what}");
    }
}

#[test]
fn rule_03_part_durations() {
    // The frames nearest to a third of the hold-back, and a millisecond for FLV's rounding; 48 kHz sound beside them.
    for (fps, hz, latency, video, audio) in [
        ((30, 1), 48_000, 0.6, 0.201, 0.21334),
        ((24, 1), 48_000, 0.6, 0.210, 0.21334),
        ((25, 1), 44_100, 0.6, 0.201, 0.20898),
        ((60, 1), 44_100, 0.6, 0.201, 0.20898),
        ((30_000, 1_001), 48_000, 0.6, 0.202, 0.21334),
        ((30, 1), 48_000, 1.3, 0.335, 0.34134),
        ((30, 1), 48_000, 4.0, 0.501, 0.49067),
        ((10, 1), 8_000, 0.6, 0.201, 0.256),
    ] {
        let (v, a, hold_back) = parts(fps, hz, latency);
        assert!((v - video).abs() < 1e-9 && (a - audio).abs() < 1e-9, "{fps:?} {hz}: {v} {a}");
        // 10 frames of 30 beside 16 of sound: 0.34133 s. Both targets and the hold-back must fit the longer.
        assert!(hold_back >= 3.0 * v.max(a) - 1e-9 && hold_back >= latency - 0.3, "{hold_back}");
    }
}

#[test]
fn rule_04_segments_begin_with_key_frames_where_they_can() {
    for (gop, whole) in [(30, true), (60, true), (250, false)] {
        let mut show = Show::of("GOP", Mode::UltraLow, None, &[video_track(), audio_track(48_000)]);
        steady(&mut show, Some(0), Some(1), 1_000, 30, 30, gop);
        let list = lists(&show, 0).pop().unwrap();
        let begins: Vec<_> =
            list.segments.iter().filter_map(|s| s.parts.first()).map(|p| p.independent).collect();
        assert_eq!(begins.iter().all(|key| *key), whole, "{gop}: {begins:?}");
        // The key frame of a long GOP begins a segment, too.
        let inside =
            list.segments.iter().flat_map(|s| s.parts.iter().skip(1)).filter(|p| p.independent).count();
        assert_eq!(inside, 0, "{gop}");
        let list = show.presentation.multivariant("s", false).unwrap();
        assert!(!list.contains("INDEPENDENT-SEGMENTS"), "the publisher's GOP is not ours");
    }
}

#[test]
fn rule_05_durations_never_change() {
    // Twice the frame rate, half of it, another sample rate: `law` compares each playlist with the one before.
    let mut show = Show::of("rates", Mode::UltraLow, None, &[video_track(), audio_track(48_000)]);
    steady(&mut show, Some(0), Some(1), 1_000, 10, 30, 30);
    steady(&mut show, Some(0), Some(1), 11_000, 10, 60, 60);
    steady(&mut show, Some(0), Some(1), 21_000, 10, 15, 30);
    show.discontinuity(Some((1, audio_track(44_100))), Duration::from_secs(31));
    steady(&mut show, Some(0), None, 31_000, 10, 30, 250);
    let list = lists(&show, 0).pop().unwrap();
    assert_eq!((list.target, list.part_target), (2, Some(0.201)));
}

#[test]
fn rule_06_program_date_time_is_the_same_in_all() {
    let mut show = Show::of("dates", Mode::UltraLow, None, &[video_track(), audio_track(48_000)]);
    steady(&mut show, Some(0), Some(1), 1_000, 20, 30, 30);
    show.discontinuity(None, Duration::from_secs(21));
    steady(&mut show, Some(0), Some(1), 25_000, 5, 30, 30);
    let [video, audio] = [0, 1].map(|r| lists(&show, r).pop().unwrap());
    for (a, b) in video.segments.iter().zip(&audio.segments) {
        // Pictures are shown 66 ms after they are decoded; sound ends its part.
        let apart = b.date.unwrap() - a.date.unwrap();
        assert!((-67..=214).contains(&apart), "{} and {}", a.msn, apart);
    }
    let after = video.segments.iter().find(|s| s.discontinuity).unwrap();
    assert_eq!(after.date, Some(EPOCH + 25_066));
}

/// A show in which the hint comes true before a change of parameters.
fn changed() -> Show {
    let mut show = Show::of("parameters", Mode::UltraLow, None, &[video_track(), audio_track(48_000)]);
    steady(&mut show, Some(0), Some(1), 1_000, 10, 30, 30);
    let mut track = video_track();
    if let CodecConfig::Avc(config) = &mut track.config {
        config.record = vec![1, 0x42, 0, 0x1f, 0xff, 0xe0, 0].into();
    }
    show.discontinuity(Some((0, track)), Duration::from_secs(11));
    steady(&mut show, Some(0), Some(1), 11_000, 10, 30, 30);
    show
}

#[test]
fn rule_07_a_break_stands_before_its_first_part() {
    let show = changed();
    let open: Vec<_> = lists(&show, 0)
        .into_iter()
        .filter(|list| {
            list.segments.last().is_some_and(|s| s.discontinuity && s.uri.is_none() && !s.parts.is_empty())
        })
        .collect();
    assert!(!open.is_empty(), "seen while its segment was open");
    assert!(open.iter().all(|list| list.segments.last().unwrap().map.as_deref() == Some("init1.mp4")));
}

#[test]
fn rule_08_the_hint_comes_true_under_its_map() {
    let show = changed();
    for list in lists(&show, 0) {
        let hint = &list.hints[0];
        let number: u64 = hint.uri[1..hint.uri.len() - 4].parse().unwrap();
        assert!(show.renditions[0].parts.contains_key(&hint.uri) || number == show.index(0).next_part());
    }
    let maps: Vec<_> = lists(&show, 0).iter().map(|list| list.hints[0].map.clone().unwrap()).collect();
    let at = maps.iter().position(|map| map == "init1.mp4").unwrap();
    assert!(
        maps[..at].iter().all(|map| map == "init0.mp4") && maps[at..].iter().all(|map| map == "init1.mp4")
    );
    for mode in [Mode::UltraLow, Mode::Low, Mode::Normal] {
        let mut show = Show::of("end", mode, None, &[video_track()]);
        steady(&mut show, Some(0), None, 1_000, 10, 30, 30);
        show.finish(Duration::from_secs(11));
        let list = lists(&show, 0).pop().unwrap();
        assert!(list.ended && list.hints.is_empty());
    }
}

#[test]
fn rule_09_rendition_reports() {
    for show in all() {
        let others = show.names.len() - 1;
        for r in 0..show.names.len() {
            let list = lists(show, r).pop().unwrap();
            assert_eq!(list.reports.len(), others, "{}", show.what);
            let parts = list.reports.iter().all(|report| report.contains_key("LAST-PART"));
            assert!(parts == list.part_target.is_some() || others == 0, "{}", show.what);
        }
    }
}

#[test]
fn rule_10_sliding_playlists_have_no_type() {
    assert!(last().iter().all(|(_, list)| list.msn > 1 && !list.typed && list.discontinuities == Some(0)));
}

#[test]
fn rule_12_the_multivariant_names_what_players_choose_by() {
    let audio = Track::audio(media::aac::Config::announced(48_000, 2).unwrap());
    let of = |track: &Track, size| {
        let mut one = multivariant::Rendition::of(
            format!("s/{}/media.m3u8", track.kind.name()),
            track,
            Some(Rational { num: 30, den: 1 }),
            Some((size, size / 2)),
        );
        one.frame_rate = one.frame_rate.filter(|_| track.kind == Kind::Video);
        one
    };
    let list = [of(&video_track(), 4_000_000), of(&video_track(), 1_000_000), of(&audio, 200_000)];
    let text = multivariant::render(&list, false);
    let variants: Vec<_> = text.lines().filter(|line| line.starts_with("#EXT-X-STREAM-INF")).collect();
    assert_eq!(variants.len(), 2);
    for (variant, (peak, average)) in variants.iter().zip([(4_200_000, 2_100_000), (1_200_000, 600_000)]) {
        for part in [
            format!("BANDWIDTH={peak},"),
            format!("AVERAGE-BANDWIDTH={average},"),
            "CODECS=\"avc1.64001f,mp4a.40.2\"".into(),
            "RESOLUTION=1280x720".into(),
            "FRAME-RATE=30.000".into(),
            "AUDIO=\"audio\"".into(),
        ] {
            assert!(variant.contains(&part), "{part} in {variant}");
        }
    }
    assert_eq!(text.matches("TYPE=AUDIO").count(), 1, "sound is stored once for the whole ladder");
}

#[test]
fn rule_13_sequences_rise_by_what_was_removed() {
    let mut show = Show::of("window", Mode::UltraLow, None, &[video_track(), audio_track(48_000)]);
    for part in 0..6 {
        steady(&mut show, Some(0), Some(1), 1_000 + part * 12_000, 10, 30, 30);
        show.discontinuity(None, Duration::from_secs(11));
    }
    let list = lists(&show, 0).pop().unwrap();
    assert!(list.msn > 20 && list.discontinuities.unwrap() >= 2, "{} {:?}", list.msn, list.discontinuities);
}

#[test]
fn rule_14_parts_and_segments_come_in_time() {
    for show in all() {
        for r in 0..show.names.len() {
            let (mut part, mut segment) = (None, None);
            for (now, text) in &show.renditions[r].playlists {
                let list = Playlist::read(text);
                // A frame may have to be waited for: its end is the next one's begin.
                let grace = 0.034;
                let step = |before: &mut Option<(u64, Duration)>, count: u64, most: f64| {
                    let Some((old, since)) = before else { return *before = Some((count, *now)) };
                    if count > *old {
                        let took = (*now - *since).as_secs_f64();
                        assert!(took <= most + grace, "{} {r}: {took} of {most} s at {now:?}", show.what);
                        *before = Some((count, *now));
                    }
                };
                let number = list.hints.first().map(|h| h.uri[1..h.uri.len() - 4].parse().unwrap());
                if let (Some(number), Some(target)) = (number, list.part_target) {
                    step(&mut part, number, target);
                }
                let sealed = list.msn + list.segments.iter().filter(|s| s.uri.is_some()).count() as u64;
                step(&mut segment, sealed, 1.5 * list.target as f64);
            }
        }
    }
}

#[test]
fn rule_15_part_tags_go_and_newer_ones_stay() {
    for (what, list) in last() {
        let with = list.segments.iter().filter(|s| s.uri.is_some() && !s.parts.is_empty());
        let seconds: f64 = with.filter_map(|s| s.duration).sum();
        let most = 3.0 * list.target as f64;
        // Not a segment less than there may be.
        let least = if list.part_target.is_some() { most - 2.0 * list.target as f64 } else { 0.0 };
        assert!(seconds >= least && seconds <= most + list.target as f64, "{what}: {seconds} of {most} s");
    }
}

#[test]
fn rule_16_parts_end_to_end_are_the_segment() {
    for show in all() {
        for seen in &show.renditions {
            assert!(seen.sealed.len() > 5, "{}", show.what);
            let parts: Vec<_> = seen.sealed.iter().flat_map(|(_, parts)| parts).collect();
            let made: Vec<_> = (0..parts.len()).map(|n| format!("p{n}.m4s")).collect();
            assert!(parts.iter().zip(&made).all(|(a, b)| *a == b), "{}: each part once, in order", show.what);
        }
    }
}

#[test]
fn rule_17_missing_media_is_a_gap_or_a_discontinuity() {
    let mut show = Show::of("hole", Mode::UltraLow, None, &[video_track(), audio_track(48_000)]);
    steady(&mut show, Some(0), Some(1), 1_000, 5, 30, 30);
    // No pictures for over four seconds.
    let mut n = 6_000 * 48 / 1_024 + 1;
    while n * 1_024 / 48 < 10_400 {
        show.push(1, sound(n, 48_000), Duration::from_millis((n * 1_024 / 48) as u64));
        n += 1;
    }
    steady(&mut show, Some(0), Some(1), 10_400, 5, 30, 30);
    let list = lists(&show, 0).pop().unwrap();
    assert!(list.segments.iter().any(|s| s.gap) && list.segments.iter().any(|s| s.discontinuity));
    // No moment of it is without a word: what is not media or a gap is the discontinuity.
    for pair in list.segments.windows(2).filter(|pair| !pair[1].discontinuity) {
        let end = pair[0].date.unwrap() as f64 + pair[0].duration.unwrap() * 1_000.0;
        assert!((end - pair[1].date.unwrap() as f64).abs() < 2.0, "{pair:?}");
    }
}
