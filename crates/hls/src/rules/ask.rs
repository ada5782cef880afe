//! What a request gets: rules 18 to 23.

use std::time::Duration;

use super::read::Playlist;
use super::show::{Show, steady};
use crate::playlist::{Skip, media::render};
use crate::presentation::tests::{Rig, audio_track, picture, video_track};
use crate::reload::{self, Query, Reload};
use crate::{Mode, Plan};

fn ask(show: &Show, msn: Option<u64>, part: Option<u64>) -> Reload {
    reload::ask(show.index(0), &Query { msn, part, ..Query::default() })
}

/// MSN 3, the session's third, is open and has four parts.
fn open() -> Show {
    let mut show = Show::of("open", Mode::UltraLow, None, &[video_track()]);
    steady(&mut show, Some(0), None, 0, 3, 30, 30);
    assert_eq!(show.index(0).last(), Some((3, Some(3))));
    show
}

#[test]
fn rule_18_a_request_waits_for_what_it_names() {
    let mut show = open();
    assert_eq!(ask(&show, Some(3), None), Reload::Wait);
    assert_eq!(ask(&show, Some(3), Some(4)), Reload::Wait);
    // The key frame that ends it: all its parts are there. It is closed with the first part of the next.
    show.push(0, picture(3_000, true, 30), Duration::from_secs(3));
    assert_eq!(ask(&show, Some(3), Some(4)), Reload::Ready);
    assert_eq!(ask(&show, Some(3), None), Reload::Wait);
    assert_eq!(ask(&show, Some(3), Some(5)), Reload::Wait, "part 0 of the next");
    steady(&mut show, Some(0), None, 3_033, 1, 30, 30);
    assert_eq!(ask(&show, Some(3), None), Reload::Ready);
    assert_eq!(ask(&show, Some(3), Some(5)), Reload::Ready);
}

#[test]
fn rule_19_what_is_past_is_answered_at_once() {
    let mut show = open();
    steady(&mut show, Some(0), None, 3_000, 50, 30, 30);
    assert!(show.index(0).media_sequence() > 10);
    for msn in [0, 1, 10, show.index(0).current_msn() - 1] {
        assert_eq!(
            (ask(&show, Some(msn), None), ask(&show, Some(msn), Some(0))),
            (Reload::Ready, Reload::Ready)
        );
    }
}

#[test]
fn rule_20_what_is_too_far_ahead_is_refused() {
    let show = open();
    assert!(matches!(ask(&show, None, Some(0)), Reload::Refuse(400, _)));
    for (msn, refused) in [(5, false), (6, true)] {
        assert_eq!(matches!(ask(&show, Some(msn), None), Reload::Refuse(400, _)), refused, "{msn}");
    }
    // 3 over 0.201 s: 15 parts.
    for (part, refused) in [(18, false), (19, true)] {
        assert_eq!(matches!(ask(&show, Some(3), Some(part)), Reload::Refuse(400, _)), refused, "{part}");
    }
}

#[test]
fn rule_21_requests_are_held_three_target_durations_and_not_after_the_end() {
    for (mode, seconds) in [(Mode::UltraLow, 6), (Mode::Low, 9), (Mode::Normal, 18)] {
        assert_eq!(Plan::new(mode, None, Duration::ZERO).hold_limit().as_secs(), seconds);
    }
    let mut show = open();
    show.finish(Duration::from_secs(3));
    for (msn, part) in [(Some(99), Some(99)), (None, Some(0)), (Some(3), None), (None, None)] {
        assert_eq!(ask(&show, msn, part), Reload::Ready);
    }
}

#[test]
fn rule_22_a_delta_rebuilds_the_playlist() {
    // The rig rebuilds each playlist from the one before and the delta, after each push.
    for mode in [Mode::UltraLow, Mode::Low, Mode::Normal] {
        let mut rig =
            Rig::new(Plan::new(mode, None, Duration::from_secs(120)), &[video_track(), audio_track(48_000)]);
        crate::presentation::tests::steady(&mut rig, 0, 60, 30);
        rig.discontinuity(None);
        crate::presentation::tests::steady(&mut rig, 61_000, 60, 30);
        let list = Playlist::read(&render(rig.index(0), Some(Skip::Yes), &[]));
        assert!(list.skipped > 5 && list.version == 9, "{mode:?}");
        let kept: f64 = list.segments.iter().filter_map(|s| s.duration).sum();
        assert!(kept >= f64::from(6 * rig.presentation.plan().target_duration), "{mode:?}: {kept}");
    }
}

#[test]
fn rule_23_only_the_hinted_part_is_waited_for() {
    let mut show = open();
    let next = show.index(0).next_part();
    let ask = |show: &Show, number| reload::ask_part(show.index(0), number);
    assert_eq!((ask(&show, next - 1), ask(&show, next)), (Reload::Ready, Reload::Wait));
    assert!(matches!(ask(&show, next + 1), Reload::Refuse(404, _)));
    show.finish(Duration::from_secs(3));
    let next = show.index(0).next_part();
    assert!(matches!(ask(&show, next), Reload::Refuse(404, _)));
    let mut show = Show::of("normal", Mode::Normal, None, &[video_track()]);
    steady(&mut show, Some(0), None, 0, 10, 30, 30);
    assert!(matches!(ask(&show, show.index(0).next_part()), Reload::Refuse(404, _)), "none is hinted");
}
