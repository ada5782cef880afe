//! A publisher that breaks off in the middle of something: what players find there.

#![allow(clippy::unwrap_used)]

use super::tests::{Rig, audio_track, picture, sound, steady, video_track};
use crate::playlist::media::render;
use crate::reload::{Query, Reload, ask};
use crate::{Mode, Plan};

fn rig(mode: Mode) -> Rig {
    let plan = Plan::new(mode, None, std::time::Duration::from_secs(30));
    Rig::new(plan, &[video_track(), audio_track(48_000)])
}

fn joins(rig: &Rig, r: usize) -> bool {
    rig.presentation.index(r).is_some_and(|index| ask(index, &Query::default()) == Reload::Ready)
}

/// Pictures for so many ms from there, all sound before them.
fn play(rig: &mut Rig, from_ms: i64, ms: i64) {
    let mut n = from_ms * 48 / 1024 + 1;
    for i in 0..ms * 30 / 1_000 {
        let at = from_ms + i * 100 / 3;
        rig.push(0, picture(at, i % 30 == 0, 100));
        while n * 1024 / 48 < at {
            rig.push(1, sound(n, 48_000));
            n += 1;
        }
    }
}

#[test]
fn what_nobody_could_have_seen_is_not_listed() {
    for (mode, before_ms) in
        [(Mode::UltraLow, 40), (Mode::UltraLow, 850), (Mode::Low, 1_500), (Mode::Normal, 3_000)]
    {
        let mut rig = rig(mode);
        play(&mut rig, 0, before_ms);
        assert!(!joins(&rig, 0), "{mode:?}");
        rig.discontinuity(None);
        let mut joined = None;
        for second in 0..16 {
            steady(&mut rig, 10_000 + second * 1_000, 1, 30);
            let at = joins(&rig, 0).then_some(second);
            joined = joined.or(at);
        }
        for r in 0..2 {
            let text = render(rig.index(r), None, &[]);
            let first = rig.index(r).segments().next().unwrap();
            assert!(first.discontinuity && first.start.as_millis() >= 9_900, "{mode:?} {before_ms}: {text}");
            assert!(!text.contains("#EXT-X-GAP"), "{text}");
            assert!(text.contains("#EXT-X-MAP"), "{text}");
        }
        // As long as without what was before: not at once, since a segment was there already.
        assert!(joined.unwrap() >= 1, "{mode:?} {before_ms}: {joined:?}");
        // The recording has it.
        rig.finish();
        assert_eq!(rig.scan(0)[0].header.first_msn, 1);
    }
}

#[test]
fn what_was_seen_stays() {
    let mut rig = rig(Mode::UltraLow);
    steady(&mut rig, 0, 2, 30);
    assert!(joins(&rig, 0));
    rig.discontinuity(None);
    steady(&mut rig, 10_000, 3, 30);
    assert_eq!((rig.index(0).media_sequence(), rig.index(1).media_sequence()), (1, 1));
    rig.check_rules();
}

#[test]
fn sound_that_has_nothing_before_a_break_is_silent_there() {
    let mut rig = rig(Mode::UltraLow);
    steady(&mut rig, 0, 3, 30);
    // Two pictures of a segment of which no sound has come.
    rig.push(0, picture(3_000, true, 100));
    rig.push(0, picture(3_033, false, 100));
    rig.discontinuity(None);
    steady(&mut rig, 10_000, 3, 30);
    rig.finish();
    rig.check_rules();
    let [video, audio] =
        [0, 1].map(|r| rig.sealed[r].iter().filter(|s| s.start.as_millis() < 9_000).collect::<Vec<_>>());
    assert_eq!(video.len(), audio.len());
    assert!(audio.iter().all(|s| !s.gap), "{audio:#?}");
    let end = |s: &crate::Segment| s.start.plus(s.duration).as_millis();
    let apart = end(audio.last().unwrap()) - end(video.last().unwrap());
    assert!((-80..=30).contains(&apart), "the sound ends {apart} ms after the pictures");
}

/// How far each segment begins behind the end of the one before it, in ms.
fn holes(rig: &Rig, r: usize) -> Vec<i64> {
    let pairs = rig.sealed[r].windows(2);
    pairs.map(|pair| pair[1].start.minus(pair[0].start.plus(pair[0].duration)).as_millis()).collect()
}

#[test]
fn no_hole_is_listed_that_players_fall_into() {
    for (hole_ms, filled) in [(700, false), (850, true), (1_250, true), (5_900, true), (6_100, false)] {
        let mut rig = rig(Mode::UltraLow);
        steady(&mut rig, 0, 5, 30);
        let recorded = rig.scan(0).iter().map(|file| file.parts.len()).sum::<usize>();
        let to = media::Timestamp::millis(5_000 + 66 + hole_ms);
        let changes = rig.presentation.bridge(to);
        rig.apply(changes);
        let tracks = vec![(0, video_track()), (1, audio_track(48_000))];
        let changes = rig.presentation.returned(tracks);
        rig.apply(changes);
        steady(&mut rig, 5_000 + hole_ms, 5, 30);
        rig.finish();
        rig.check_rules();
        assert_eq!(rig.sealed[0].iter().any(|s| s.live_only), filled, "{hole_ms}");
        for r in 0..2 {
            let most = holes(&rig, r).into_iter().max().unwrap();
            assert_eq!(most <= 250, filled, "{hole_ms}: {most} ms in {r}");
            assert!(rig.sealed[r].iter().all(|s| !s.gap), "{hole_ms} {r}");
        }
        assert!(recorded > 20);
        let kept = rig.recorded(0).len();
        assert!((299..=300).contains(&kept), "{hole_ms}: the recording has {kept} pictures, the publisher's");
    }
}

#[test]
fn pictures_begin_with_the_sound_that_comes_a_little_earlier() {
    for (late_ms, begins) in [(0, 66), (21, 85), (169, 85), (170, 236), (500, 566)] {
        let mut rig = rig(Mode::UltraLow);
        let mut n = 4;
        for i in 0..90 {
            let at = late_ms + i * 100 / 3;
            while n * 1024 / 48 < at + 66 {
                rig.push(1, sound(n, 48_000));
                n += 1;
            }
            rig.push(0, picture(at, i % 30 == 0, 100));
        }
        rig.finish();
        rig.check_rules();
        let [video, audio] = [0, 1].map(|r| rig.parts[r][0].start.as_millis());
        assert_eq!(audio, 85, "{late_ms}");
        assert_eq!(video, begins, "{late_ms}");
        assert_eq!(rig.recorded(0).len(), 90, "{late_ms}");
    }
}

#[test]
fn behind_a_bridge_key_frames_are_shown_when_they_are_decoded() {
    let mut rig = rig(Mode::UltraLow);
    steady(&mut rig, 0, 5, 30);
    // The same publisher, silent for 1.2 s: its B-frames are reordered as before.
    steady(&mut rig, 6_200, 3, 30);
    rig.finish();
    rig.check_rules();
    let first = rig.sealed[0].iter().rfind(|s| s.discontinuity).unwrap();
    let part = rig.parts[0].iter().find(|part| part.msn == first.msn).unwrap();
    assert!(part.start.minus(first.start).as_millis().abs() <= 1, "{:?} and {:?}", part.start, first.start);
    assert!(rig.sealed[0].iter().any(|s| s.live_only), "it was bridged");
}
