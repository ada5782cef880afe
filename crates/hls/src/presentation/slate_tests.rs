//! The slate takes the publisher's place and gives it back: what viewers, the journal and the recording see of it.
#![allow(clippy::unwrap_used)]

use bytes::Bytes;
use media::{AccessUnit, CodecConfig, Rational, Timestamp, Track};
use proptest::prelude::*;

use super::Presentation;
use super::tests::{Rig, audio_track, picture, rendition, sound, steady, video_track};
use crate::playlist::{media::render, vod};
use crate::recording::{Source, layouts};
use crate::slate::{Loop, Slate};
use crate::{Mode, Plan, Segment, journal};

pub(super) fn still() -> Track {
    let mut track = video_track();
    if let CodecConfig::Avc(config) = &mut track.config {
        config.record = vec![1, 0x4d, 0, 0x1e, 0xff, 0xe0, 0].into();
    }
    track
}

pub(crate) fn slate(tracks: &[Track]) -> Slate {
    let of = |track: &Track| match &track.config {
        CodecConfig::Avc(_) => {
            let units = (0..60).map(|i| (i % 30 == 0, Bytes::from(vec![0xee; 20]))).collect();
            Loop::new(still(), units, Rational { num: 30, den: 1 })
        }
        CodecConfig::Aac(_) => {
            let units = vec![(true, Bytes::from(vec![0xdd; 6])); 8];
            Loop::new(track.clone(), units, Rational { num: track.scale.hz(), den: 1024 })
        }
    };
    tracks.iter().map(of).collect()
}

pub(super) fn both() -> [Track; 2] {
    [video_track(), audio_track(48_000)]
}

impl Rig {
    pub(super) fn show_slate(&mut self, tracks: &[Track], to_ms: i64) {
        let changes = self.presentation.slate(slate(tracks), Timestamp::millis(to_ms));
        self.apply(changes);
    }

    pub(super) fn advance(&mut self, to_ms: i64) {
        let changes = self.presentation.advance(Timestamp::millis(to_ms));
        self.apply(changes);
    }

    pub(super) fn back(&mut self, at: Timestamp) {
        let changes = self.presentation.back(at);
        self.apply(changes);
    }

    fn returned(&mut self, tracks: Vec<(usize, Track)>) {
        let changes = self.presentation.returned(tracks);
        self.apply(changes);
    }

    fn text(&self, r: usize) -> String {
        render(self.index(r), None, &[])
    }

    /// What the recording would hold of a rendition, sample by sample.
    pub(super) fn recorded(&self, r: usize) -> Vec<u32> {
        let files: Vec<_> = (0..self.parts.len()).flat_map(|r| self.scan_all(r)).collect();
        let sources: Vec<_> = files.iter().enumerate().map(|(file, index)| Source { file, index }).collect();
        let name = &self.presentation.renditions()[r].name;
        let mut sizes = Vec::new();
        for layout in layouts(&sources) {
            for piece in layout.pieces {
                let index = &files[piece.file];
                if index.header.rendition == *name {
                    let part = index.parts.iter().find(|part| part.payload == piece.offset).unwrap();
                    sizes.extend(part.samples.iter().map(|sample| sample.size));
                }
            }
        }
        sizes
    }
}

pub(super) fn recorded(files: &[journal::Index]) -> Vec<Segment> {
    journal::recorded(&files.iter().collect::<Vec<_>>()).into_iter().map(|(_, segment)| segment).collect()
}

/// One after another, the moments of a playlist: PROGRAM-DATE-TIME against the durations before it.
fn clock_keeps_pace(rig: &Rig, r: usize) {
    let mut end: Option<Timestamp> = None;
    for segment in &rig.sealed[r] {
        if let Some(end) = end {
            let apart = segment.start.minus(end).as_millis();
            assert!(
                (-70..=70).contains(&apart),
                "segment {} begins {apart} ms after the one before",
                segment.msn
            );
        }
        end = Some(segment.start.plus(segment.duration));
    }
}

#[test]
fn the_hint_comes_true_and_the_same_update_has_the_new_map() {
    let mut rig = Rig::new(Plan::default(), &both());
    steady(&mut rig, 0, 3, 30);
    let hints: Vec<_> = (0..2).map(|r| rig.index(r).next_part()).collect();
    rig.show_slate(&both(), 3_000);
    for (r, hint) in hints.iter().enumerate() {
        let part = rig.parts[r].iter().find(|part| part.info.number == *hint).unwrap();
        assert_eq!((part.init, part.live_only), (0, false), "rendition {r}");
    }
    let text = rig.text(0);
    assert!(
        text.contains("#EXT-X-DISCONTINUITY\n#EXT-X-MAP:URI=\"init1.mp4\"\n#EXT-X-PRELOAD-HINT"),
        "{text}"
    );
    rig.advance(4_600);
    let text = rig.text(0);
    assert!(
        text.contains("#EXT-X-DISCONTINUITY\n#EXT-X-MAP:URI=\"init1.mp4\"\n#EXT-X-PROGRAM-DATE-TIME:"),
        "{text}"
    );
    rig.check_rules();
}

#[test]
fn a_hole_is_filled_and_the_publisher_goes_on() {
    let mut rig = Rig::new(Plan::default(), &both());
    steady(&mut rig, 0, 3, 30);
    rig.show_slate(&both(), 4_500);
    for to in (4_700..9_000).step_by(200) {
        rig.advance(to);
        rig.check_rules();
    }
    let hints: Vec<_> = (0..2).map(|r| rig.index(r).next_part()).collect();
    rig.back(Timestamp::millis(9_066));
    for (r, hint) in hints.iter().enumerate() {
        let part = rig.parts[r].iter().find(|part| part.info.number == *hint).unwrap();
        assert!(part.live_only, "rendition {r}");
    }
    steady(&mut rig, 9_000, 3, 30);
    rig.finish();
    rig.check_rules();
    for r in 0..2 {
        clock_keeps_pace(&rig, r);
        let marks: Vec<u64> = rig.sealed[r].iter().filter(|s| s.discontinuity).map(|s| s.msn).collect();
        assert_eq!(marks.len(), 2, "rendition {r}: {marks:?}");
        // The slate's sound is coded as the publisher's.
        assert_eq!(rig.sealed[r].last().unwrap().init, [2, 0][r], "numbers rise");
        assert!(!rig.sealed[r].iter().any(|s| s.gap));
    }
    assert_eq!(rig.sealed[0].len(), rig.sealed[1].len());
    assert_eq!(rig.recorded(0).len(), 180);
    assert!(rig.recorded(0).iter().all(|size| *size != 20));
    assert!(rig.recorded(1).iter().all(|size| *size == 30));
    let files: Vec<_> = rig.scan_all(0);
    let text = vod::media(&files.iter().collect::<Vec<_>>(), None);
    assert!(text.matches("init").count() == 1 && !text.contains("GAP"), "{text}");
    assert_eq!(text.matches("#EXT-X-DISCONTINUITY\n").count(), 1, "{text}");
}

#[test]
fn what_comes_late_is_recorded_and_not_shown() {
    let mut rig = Rig::new(Plan::default(), &both());
    steady(&mut rig, 0, 3, 30);
    rig.show_slate(&both(), 4_500);
    rig.advance(8_000);
    let before = rig.parts[0].len();
    let slate_end = rig.presentation.slate_end().unwrap();
    // Five seconds at once; the first second of them goes on in the middle of what came before.
    // `steady` has sound from the first picture on, and up to the last.
    let (first, mut n, mut back) = (4, 143, false);
    for i in 0..240i64 {
        let at = 3_000 + i * 100 / 3;
        while n * 1024 / 48 < at + 66 {
            rig.push(1, sound(n, 48_000));
            n += 1;
        }
        let unit = picture(at, i % 30 == 0, if i % 30 == 0 { 3000 } else { 300 });
        if !back && unit.key && unit.pts >= slate_end {
            back = true;
            rig.back(unit.pts);
        }
        rig.push(0, unit);
    }
    assert!(back && rig.parts[0].len() > before);
    rig.finish();
    rig.check_rules();
    let pictures = rig.recorded(0);
    assert_eq!(pictures.len(), 330);
    assert_eq!(pictures.iter().filter(|size| **size == 3000).count(), 11);
    assert_eq!(rig.recorded(1).len(), (n - first) as usize, "every frame of sound");
    let shown: usize = rig.parts[0].iter().filter(|part| part.live_only).count();
    assert!(shown > 20);
    // One file: the configuration never changed.
    let files: Vec<_> = (0..2).flat_map(|r| rig.scan_all(r)).collect();
    let sources: Vec<_> = files.iter().enumerate().map(|(file, index)| Source { file, index }).collect();
    let made = layouts(&sources);
    assert_eq!(made.len(), 1);
    assert!((made[0].duration - 11.0).abs() < 0.15, "{}", made[0].duration);
    let video: Vec<_> = rig.scan_all(0);
    let recorded: Vec<_> = recorded(&video);
    assert!(recorded.windows(2).all(|pair| pair[0].start < pair[1].start));
    let names: std::collections::HashSet<_> = recorded.iter().map(|segment| segment.msn).collect();
    assert_eq!(names.len(), recorded.len(), "each segment has a name of its own");
}

#[test]
fn another_publisher_with_another_configuration_takes_the_slates_place() {
    let mut rig = Rig::new(Plan::default(), &both());
    steady(&mut rig, 0, 3, 30);
    rig.show_slate(&both(), 4_500);
    let mut other = video_track();
    if let CodecConfig::Avc(config) = &mut other.config {
        config.record = vec![1, 0x42, 0, 0x1f, 0xff, 0xe0, 0].into();
    }
    rig.returned(vec![(0, other), (1, audio_track(44_100))]);
    rig.advance(5_000);
    // Its sound comes before its first picture.
    let sounds: Vec<_> = (220..226).map(|n| sound(n, 44_100)).collect();
    for unit in sounds {
        rig.push(1, unit);
    }
    rig.back(Timestamp::millis(5_166));
    for i in 0..60 {
        rig.push(0, picture(5_100 + i * 100 / 3, i % 30 == 0, 500));
    }
    rig.finish();
    rig.check_rules();
    let heard = recorded(&rig.scan_all(1));
    assert_eq!(heard.last().unwrap().duration.ticks, 6 * 1024, "all of the sound before the picture");
    let inits: Vec<_> = rig.sealed[0].iter().map(|s| s.init).collect();
    assert_eq!((inits[0], inits[3], inits.last()), (0, 1, Some(&2)));
    let files: Vec<_> = (0..2).flat_map(|r| rig.scan_all(r)).collect();
    let sources: Vec<_> = files.iter().enumerate().map(|(file, index)| Source { file, index }).collect();
    assert_eq!(layouts(&sources).len(), 2);
}

#[test]
fn with_nothing_pending_the_key_frame_comes_again_under_the_old_map() {
    let mut rig = Rig::new(Plan::default(), &both());
    steady(&mut rig, 0, 3, 30);
    rig.discontinuity(None);
    let hint = rig.index(0).next_part();
    rig.show_slate(&both(), 4_000);
    let filler = rig.parts[0].iter().find(|part| part.info.number == hint).unwrap();
    assert_eq!((filler.init, filler.live_only, filler.info.independent), (0, true, true));
    assert!((33..=34).contains(&filler.info.duration.as_millis()));
    rig.back(Timestamp::millis(4_066));
    steady(&mut rig, 4_000, 2, 30);
    rig.finish();
    rig.check_rules();
    assert_eq!(rig.recorded(0).len(), 150);
    assert_eq!(rig.sealed[0].len(), rig.sealed[1].len());
}

#[test]
fn two_tracks_that_change_at_once_break_once() {
    let mut rig = Rig::new(Plan::default(), &both());
    steady(&mut rig, 0, 3, 30);
    let hints: Vec<_> = (0..2).map(|r| rig.index(r).next_part()).collect();
    rig.returned(vec![(0, still()), (1, audio_track(44_100))]);
    for (r, hint) in hints.iter().enumerate() {
        assert_eq!(rig.parts[r].iter().find(|part| part.info.number == *hint).unwrap().init, 0);
        assert_eq!(rig.index(r).next_part(), hint + 1);
    }
}

#[test]
fn audio_alone_has_its_slate() {
    let tracks = [audio_track(44_100)];
    let mut rig = Rig::new(Plan::default(), &tracks);
    for n in 0..200 {
        rig.push(0, sound(n, 44_100));
    }
    rig.show_slate(&tracks, 6_200);
    rig.advance(10_000);
    let end = rig.presentation.slate_end().unwrap();
    assert!((9_900..=10_000).contains(&end.as_millis()), "{end:?}");
    let first = 431;
    rig.back(sound(first, 44_100).pts);
    for n in first..first + 100 {
        rig.push(0, sound(n, 44_100));
    }
    rig.finish();
    rig.check_rules();
    clock_keeps_pace(&rig, 0);
    assert_eq!(rig.recorded(0).len(), 300);
}

#[test]
fn numbers_go_on_after_a_crash_in_the_middle_of_the_slate() {
    let mut rig = Rig::new(Plan::default(), &both());
    steady(&mut rig, 0, 3, 30);
    rig.show_slate(&both(), 6_000);
    let (next, msn) = (rig.index(0).next_part(), rig.parts[0].last().unwrap().msn);
    let journals: Vec<_> = (0..2).map(|r| rig.scan(r)).collect();
    let renditions = both().into_iter().map(rendition).collect();
    let (mut again, _) = Presentation::resume(Plan::default(), 5, renditions, &journals);
    assert_eq!(again.index(0).unwrap().next_part(), next);
    assert_eq!(again.index(0).unwrap().current_msn(), msn + 1);
    let again_shown = again.slate(slate(&both()), Timestamp::millis(9_000));
    assert!(!again_shown.is_empty());
    again.back(Timestamp::millis(9_066));
    assert_eq!(
        again.index(0).unwrap().current_init().unwrap().data,
        crate::mp4::init::segment(&video_track())
    );
}

#[test]
fn a_slate_that_begins_minutes_late_does_not_show_them() {
    let mut rig = Rig::new(Plan::default(), &both());
    steady(&mut rig, 0, 3, 30);
    rig.show_slate(&both(), 600_000);
    rig.advance(602_000);
    assert!(rig.parts[0].len() < 40, "{}", rig.parts[0].len());
    rig.check_rules();
}

#[test]
fn before_anything_can_be_played_there_is_no_slate() {
    let mut rig = Rig::new(Plan::default(), &both());
    rig.push(0, picture(0, true, 100));
    assert!(rig.presentation.slate(slate(&both()), Timestamp::millis(5_000)).is_empty());
    assert!(rig.presentation.advance(Timestamp::millis(6_000)).is_empty());
    assert_eq!(rig.presentation.slate_end(), None);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    /// Any run of holes, bursts, breaks and returns keeps the rules, and the recording has every frame once.
    #[test]
    fn any_holes_keep_the_rules(
        steps in prop::collection::vec((0..6u8, 1..90i64, 0..4_000i64), 1..14),
        gop in 1..60i64,
        mode in prop_oneof![Just(Mode::UltraLow), Just(Mode::Low), Just(Mode::Normal)],
        kinds in 1..4usize,
    ) {
        let tracks: Vec<Track> = match kinds {
            1 => vec![video_track()],
            2 => vec![audio_track(48_000)],
            _ => both().to_vec(),
        };
        let (video, audio) = (kinds != 2, kinds != 1);
        let plan = Plan::new(mode, None, std::time::Duration::from_secs(30));
        let mut rig = Rig::new(plan, &tracks);
        let (mut at, mut now, mut n, mut sent) = (0i64, 0i64, 0i64, [0usize; 2]);
        let mut frame = 0i64;
        for (what, count, pause) in steps {
            match what {
                // Media, as fast as it comes.
                0..=2 => for _ in 0..count {
                    let end = rig.presentation.slate_end();
                    let late = |unit: &AccessUnit| end.is_some_and(|end| !unit.key || unit.pts < end);
                    if audio {
                        while n * 1024 / 48 < at {
                            let unit = sound(n, 48_000);
                            if !video && !late(&unit) {
                                rig.back(unit.pts);
                            }
                            rig.push(tracks.len() - 1, unit);
                            n += 1;
                            sent[tracks.len() - 1] += 1;
                        }
                    }
                    if video {
                        let unit = picture(at, frame % gop == 0, 300);
                        if !late(&unit) {
                            rig.back(unit.pts);
                        }
                        // Nothing can be shown before the first key frame.
                        rig.push(0, unit);
                        sent[0] += 1;
                    }
                    frame += 1;
                    at += 33;
                    now = now.max(at);
                },
                3 | 4 => {
                    now += pause;
                    if rig.presentation.slate_end().is_some() {
                        rig.advance(now);
                    } else {
                        rig.show_slate(&tracks, now);
                    }
                }
                _ => {
                    // Another connection, with its clock at now.
                    rig.returned(Vec::new());
                    now = now.max(rig.presentation.slate_end().map_or(0, |end| end.as_millis() + 1));
                    at = now.max(at) + 100;
                    n = n.max(at * 48 / 1024 + 1);
                    frame = 0;
                }
            }
            rig.check_rules();
        }
        rig.finish();
        rig.check_rules();
        if rig.presentation.index(0).is_some() {
            for (r, sent) in sent.iter().enumerate().take(tracks.len()) {
                let kept = rig.recorded(r).iter().filter(|size| **size == 300 || **size == 30).count();
                prop_assert_eq!(kept, *sent, "rendition {}", r);
            }
        }
    }
}
