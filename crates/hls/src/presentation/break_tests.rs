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
