#![allow(clippy::unwrap_used)]

use std::time::Duration;

use expect_test::expect;

use media::{Timescale, Timestamp};

use super::{Skip, Style, pieces};
use crate::playlist::{Piece, whole};
use crate::presentation::tests::{Rig, audio_track, steady, video_track};
use crate::{Control, Index, Mode, PartInfo, Plan, Segment, Target};

fn rig(window_s: u64, seconds: i64) -> Rig {
    let plan = Plan::new(Mode::UltraLow, None, Duration::from_secs(window_s));
    let mut rig = Rig::new(plan, &[video_track(), audio_track(48_000)]);
    steady(&mut rig, 0, seconds, 30);
    rig
}

fn text(index: &Index, skip: Option<Skip>) -> String {
    whole(pieces(index, skip, &[]), Style::Long, index.control.epoch_ms)
}

#[test]
fn plain_segments_with_a_date_now_and_then() {
    let rig = rig(3600, 11);
    expect![[r##"
        #EXTM3U
        #EXT-X-VERSION:6
        #EXT-X-TARGETDURATION:2
        #EXT-X-INDEPENDENT-SEGMENTS
        #EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,HOLD-BACK=6,CAN-SKIP-UNTIL=12
        #EXT-X-MEDIA-SEQUENCE:1
        #EXT-X-DISCONTINUITY-SEQUENCE:0
        #EXT-X-MAP:URI="init0.mp4"
    "##]]
    .assert_eq(text(rig.index(0), None).split_inclusive('\n').take(8).collect::<String>().as_str());
    assert_eq!(text(rig.index(0), None).matches("PROGRAM-DATE-TIME").count(), 2);
    assert!(!text(rig.index(0), None).contains("PART"));
}

/// The window slides, its pages are the same values from one playlist to the next, and a delta rebuilds the whole.
#[test]
fn what_is_past_is_rendered_once() {
    let mut rig = rig(200, 300);
    rig.check_rules();
    let before = rig.index(0).clone();
    assert!((200..=201).contains(&text(&before, None).matches("#EXTINF").count()));
    assert_eq!(before.window_sequence(), before.media_sequence(), "shorter than a live playlist may be");
    let full = pieces(&before, None, &[]);
    let pages = |list: &[Piece]| list.iter().filter(|p| matches!(p, Piece::Page(_))).count();
    assert_eq!(pages(&full), 1, "the first page is partly gone, the last not full");
    steady(&mut rig, 300_000, 2, 30);
    let after = rig.index(0);
    let (known, whole) = (text(&before, None), text(after, None));
    let delta = text(after, Some(Skip::Yes));
    assert!(delta.len() < 1500, "{}", delta.len());
    let lines = |text: &str| {
        let at = text.find("#EXT-X-DISCONTINUITY-SEQUENCE").unwrap();
        text[at..].split_once('\n').unwrap().1.to_owned()
    };
    let count: usize =
        delta.split_once("SKIPPED-SEGMENTS=").unwrap().1.lines().next().unwrap().parse().unwrap();
    let gone = (after.window_sequence() - before.window_sequence()) as usize;
    let known = lines(&known).replace("#EXT-X-MAP:URI=\"init0.mp4\"\n", "");
    let skipped: String = known.split_inclusive(".m4s\n").skip(gone).take(count).collect();
    let rest = delta.split_once("SKIPPED-SEGMENTS=").unwrap().1.split_once('\n').unwrap().1;
    let rest = rest.strip_prefix("#EXT-X-MAP:URI=\"init0.mp4\"\n").unwrap();
    assert_eq!(lines(&whole), format!("#EXT-X-MAP:URI=\"init0.mp4\"\n{skipped}{rest}"));
}

/// An index of so many segments of a second.
fn long(window: Duration, count: u64) -> Index {
    let plan = Plan::new(Mode::UltraLow, None, window);
    let second = Timestamp::new(90_000, Timescale::VIDEO);
    let part_target = Target { ticks: 18_090, scale: Timescale::VIDEO };
    let control = Control { plan, epoch_ms: 0, part_target, part_hold_back: plan.latency };
    let mut index = Index::new(control);
    for msn in 0..count {
        let number = msn;
        let part = PartInfo { number, duration: second, independent: true, bytes: 250_000 };
        index.restore_segment(Segment {
            msn,
            discontinuity: false,
            discontinuity_sequence: 0,
            init: 0,
            start: Timestamp::new(90_000 * msn as i64, Timescale::VIDEO),
            duration: second,
            bytes: 250_000,
            key: 40_000,
            live_only: false,
            gap: false,
            parts: vec![part],
        });
    }
    index
}

#[test]
fn the_live_playlist_is_the_end_of_the_window() {
    let index = long(Duration::from_secs(3600), 4000);
    assert_eq!((index.window_sequence(), index.media_sequence()), (400, 2200));
    let live = crate::playlist::media::render(&index, None, &[]);
    // The newest is shown open still.
    assert_eq!(live.matches("#EXTINF").count(), 1799);
    assert!(live.contains("MEDIA-SEQUENCE:2200\n"));
    assert_eq!(text(&index, None).matches("#EXTINF").count(), 3600);
    assert!(index.control.plan.has_dvr());
}

/// What may be asked of a window of days: at most 64 bytes a segment.
#[test]
fn a_segment_of_the_past_takes_a_few_bytes() {
    let index = long(Duration::from_secs(86_400), 90_000);
    let past = index.past();
    let each = past.size() as f64 / past.len() as f64;
    assert!(past.len() == 86_400 - 60 && each <= 28.0, "{each} bytes");
    // Where a page is broken off by a new MAP now and then, it costs more.
    assert!(index.segments().len() <= 61);
}

#[test]
fn what_did_not_get_into_the_journal_is_a_gap_once_it_is_past() {
    let mut index = long(Duration::from_secs(3600), 100);
    index.lose(90..92);
    index.lose(92..93);
    assert!(!text(&index, None).contains("GAP"));
    let newer = long(Duration::from_secs(3600), 200);
    for segment in newer.segments() {
        let msn = segment.msn - 40;
        index.restore_segment(Segment { msn, ..(**segment).clone() });
    }
    let text = text(&index, None);
    assert_eq!(text.matches("#EXT-X-GAP\n#EXTINF:1.00000,\n").count(), 3);
    assert!(text.contains("#EXT-X-GAP\n#EXTINF:1.00000,\ns92.m4s\n#EXTINF"));
}

#[test]
fn breaks_and_maps_stand_where_they_did() {
    let mut rig = rig(3600, 100);
    rig.discontinuity(Some((1, audio_track(44_100))));
    steady(&mut rig, 100_100, 100, 30);
    rig.discontinuity(None);
    steady(&mut rig, 201_000, 150, 30);
    for r in 0..2 {
        let index = rig.index(r);
        let text = text(index, None);
        assert_eq!(text.matches("#EXT-X-DISCONTINUITY\n").count(), 2);
        assert_eq!(text.matches("#EXT-X-MAP").count(), 1 + r);
        assert!(
            r == 0 || text.contains("#EXT-X-DISCONTINUITY\n#EXT-X-MAP:URI=\"init1.mp4\"\n#EXT-X-PROGRAM")
        );
        assert_eq!(index.past().first().unwrap().msn, 1);
        assert_eq!(index.past().get(250).unwrap().discontinuity_sequence, 2);
    }
}

/// Key frames alone, at the same numbers and times; a segment that begins with none is a GAP.
#[test]
fn the_key_frames_have_a_playlist_of_their_own() {
    let plan = Plan::new(Mode::UltraLow, None, Duration::from_secs(600));
    let mut rig = Rig::new(plan, &[video_track()]);
    // The second GOP is too long for a segment.
    for n in 0..300 {
        let key = n % 30 == 0 && !(150..240).contains(&n);
        rig.push(0, crate::presentation::tests::picture(n * 1000 / 30, key, 5000));
    }
    let index = rig.index(0);
    let text = whole(super::keys(index, None), Style::Keys, index.control.epoch_ms);
    expect![[r##"
        #EXTM3U
        #EXT-X-VERSION:6
        #EXT-X-TARGETDURATION:2
        #EXT-X-I-FRAMES-ONLY
        #EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,HOLD-BACK=6,CAN-SKIP-UNTIL=12
        #EXT-X-MEDIA-SEQUENCE:1
        #EXT-X-DISCONTINUITY-SEQUENCE:0
        #EXT-X-MAP:URI="init0.mp4"
        #EXT-X-PROGRAM-DATE-TIME:2026-09-21T14:13:20.066Z
        #EXTINF:1.00000,
        k1.m4s
        #EXTINF:1.00000,
        k2.m4s
        #EXTINF:1.00000,
        k3.m4s
        #EXTINF:1.00000,
        k4.m4s
        #EXTINF:2.30000,
        k5.m4s
        #EXT-X-GAP
        #EXTINF:1.70000,
        s6.m4s
        #EXTINF:1.00000,
        k7.m4s
    "##]]
    .assert_eq(&text);
    let plain = self::text(index, None);
    let lines = |text: &str, tag: &str| -> Vec<String> {
        text.lines().filter(|line| line.starts_with(tag)).map(str::to_owned).collect()
    };
    assert_eq!(lines(&text, "#EXTINF"), lines(&plain, "#EXTINF"));
    let (peak, average) = index.key_bandwidth().unwrap();
    assert!(peak >= average && average >= 5000 * 8 / 2, "{peak} {average}");
    // What is past says the same, and so does the journal.
    let scans = rig.scan(0);
    let files: Vec<_> = scans.iter().collect();
    let kept = crate::playlist::vod::keys(&files, None);
    assert!(kept.contains("#EXT-X-I-FRAMES-ONLY") && kept.ends_with("#EXT-X-ENDLIST\n"));
    assert!(lines(&kept, "k").starts_with(&lines(&text, "k")), "{kept}");
    let long = long(Duration::from_secs(3600), 4000);
    let text = whole(super::keys(&long, None), Style::Keys, 0);
    assert_eq!((text.matches("\nk").count(), text.matches("#EXTINF").count()), (3600, 3600));
    let delta = whole(super::keys(&long, Some(Skip::Yes)), Style::Keys, 0);
    assert!(delta.contains("#EXT-X-SKIP") && delta.len() < 2000, "{}", delta.len());
}
