#![allow(clippy::unwrap_used)]

use std::time::Duration;

use super::{Query, Reload, ask, skip};
use crate::playlist::Skip;
use crate::presentation::tests::{Rig, audio_track, steady, video_track};
use crate::{Mode, Plan};

fn query(msn: impl Into<Option<u64>>, part: impl Into<Option<u64>>) -> Query {
    Query { msn: msn.into(), part: part.into(), skip: None, shuffled: false }
}

/// MSN 1 and 2 sealed with five parts each, MSN 3 open with four.
fn rig(mode: Mode) -> Rig {
    let plan = Plan::new(mode, None, Duration::from_secs(30));
    let mut rig = Rig::new(plan, &[video_track(), audio_track(48_000)]);
    steady(&mut rig, 0, 3, 30);
    rig
}

#[test]
fn answers_by_the_rules() {
    let rig = rig(Mode::UltraLow);
    let index = rig.index(0);
    assert_eq!(index.last(), Some((3, Some(3))));
    let far = Reload::Refuse(400, "_HLS_msn is more than two segments ahead");
    let too_far = Reload::Refuse(400, "_HLS_part is too far ahead");
    let table = [
        (query(None, None), Reload::Ready),
        (query(None, 0), Reload::Refuse(400, "_HLS_part needs _HLS_msn")),
        (query(2, None), Reload::Ready),
        (query(3, None), Reload::Wait),
        (query(5, None), Reload::Wait),
        (query(6, None), far),
        (query(u64::MAX, 0), far),
        (query(3, 3), Reload::Ready),
        (query(3, 4), Reload::Wait),
        // Three over 0.201 s: 15 parts beyond the last.
        (query(3, 18), Reload::Wait),
        (query(3, 19), too_far),
        (query(3, u64::MAX), too_far),
        (query(4, 0), Reload::Wait),
        // Past the last part of 2: part 0 of 3, which is there.
        (query(2, 9), Reload::Ready),
        (query(1, u64::MAX), Reload::Ready),
    ];
    for (query, expected) in table {
        assert_eq!(ask(index, &query), expected, "{query:?}");
    }
}

#[test]
fn past_the_last_part_of_the_newest_segment_is_part_0_of_the_next() {
    let mut rig = rig(Mode::UltraLow);
    // The key frame that seals MSN 3; MSN 4 has no part yet.
    rig.push(0, crate::presentation::tests::picture(3_000, true, 10));
    assert_eq!(rig.index(0).last(), Some((3, Some(4))));
    assert_eq!(ask(rig.index(0), &query(3, 4)), Reload::Ready);
    assert_eq!(ask(rig.index(0), &query(3, 5)), Reload::Wait);
}

#[test]
fn after_the_end_nothing_waits() {
    let mut rig = rig(Mode::UltraLow);
    rig.finish();
    for query in [query(99, 99), query(None, 1), query(3, None)] {
        assert_eq!(ask(rig.index(0), &query), Reload::Ready);
    }
}

#[test]
fn nothing_is_served_before_the_first_part() {
    let mut rig = Rig::new(Plan::default(), &[audio_track(48_000)]);
    rig.push(0, crate::presentation::tests::sound(0, 48_000));
    assert_eq!(ask(rig.index(0), &query(None, None)), Reload::Wait);
    assert_eq!(ask(rig.index(0), &query(1, 0)), Reload::Wait);
    assert_eq!(ask(rig.index(0), &query(2, 0)), Reload::Wait);
    assert!(matches!(ask(rig.index(0), &query(3, 0)), Reload::Refuse(400, _)));
}

#[test]
fn whole_segments_where_there_are_no_parts() {
    let mut rig = rig(Mode::Normal);
    assert_eq!(rig.index(0).last(), Some((1, None)));
    assert_eq!(ask(rig.index(0), &query(1, 7)), Reload::Ready);
    assert_eq!(ask(rig.index(0), &query(2, 0)), Reload::Wait);
    assert_eq!(ask(rig.index(0), &query(2, None)), Reload::Wait);
    steady(&mut rig, 3_000, 2, 30);
    assert_eq!(ask(rig.index(0), &query(2, None)), Reload::Ready);
    assert_eq!(ask(rig.index(0), &query(3, None)), Reload::Wait);
    assert!(matches!(ask(rig.index(0), &query(5, None)), Reload::Refuse(400, _)));
}

/// For key frames each so many seconds: when the first playlist comes, and how much is in it. Who begins to play it at its
/// beginning then must never wait.
#[test]
fn a_session_without_parts_is_joined_early_and_plays_on() {
    for (gop, first) in [(1, 8), (2, 8), (3, 9), (4, 8), (5, 10), (6, 12), (30, 12)] {
        let plan = Plan::new(Mode::Normal, None, Duration::from_secs(30));
        let mut rig = Rig::new(plan, &[video_track(), audio_track(48_000)]);
        let mut joined = None;
        for frame in 0..60 * 30 {
            let at = frame * 1_000 / 30;
            rig.push(0, crate::presentation::tests::picture(at, frame % (gop * 30) == 0, 10));
            let Some(index) = rig.presentation.index(0) else { continue };
            let have: f64 = index.segments().map(|segment| segment.duration.seconds()).sum();
            if joined.is_none() && ask(index, &query(None, None)) == Reload::Ready {
                joined = Some(at);
            }
            if let (Some(joined), 1) = (joined, index.media_sequence()) {
                let played = (at - joined) as f64 / 1_000.0;
                assert!(played <= have - 0.5, "GOP {gop} s: at {at} ms {played} s played, {have} s there");
            }
        }
        let joined = joined.unwrap() as f64 / 1_000.0;
        assert!((joined - f64::from(first)).abs() < 1.1, "GOP {gop} s: {joined}");
    }
}

#[test]
fn the_first_playlist_has_a_whole_segment() {
    let plan = Plan::new(Mode::UltraLow, None, Duration::from_secs(30));
    let mut rig = Rig::new(plan, &[video_track(), audio_track(48_000)]);
    steady(&mut rig, 0, 1, 30);
    for frame in 0..20 {
        // The first segment is closed by the first part of the next.
        let whole = rig.index(0).open().is_some_and(|open| open.msn == 2 && !open.parts.is_empty());
        let expected = if whole { Reload::Ready } else { Reload::Wait };
        assert_eq!(ask(rig.index(0), &query(None, None)), expected, "{frame}");
        assert_eq!(ask(rig.index(0), &query(1, None)), expected, "{frame}");
        rig.push(0, crate::presentation::tests::picture(1_000 + frame * 1_000 / 30, frame == 0, 10));
    }
    assert_eq!(ask(rig.index(0), &query(None, None)), Reload::Ready);
}

#[test]
fn a_break_takes_deltas_from_who_shuffles_directives() {
    let rig = rig(Mode::UltraLow);
    let mut index = rig.index(0).clone();
    let ordered = Query { skip: Some(Skip::Yes), ..query(3, 3) };
    let shuffled = Query { shuffled: true, ..ordered };
    assert_eq!([ordered, shuffled].map(|query| skip(&index, &query)), [Some(Skip::Yes); 2]);
    index.set_discontinuity();
    assert_eq!([ordered, shuffled].map(|query| skip(&index, &query)), [Some(Skip::Yes), None]);
    assert_eq!(skip(&index, &Query { shuffled: true, ..query(3, 3) }), None);
}
