//! Media that comes too late to be shown: breaks and other configurations in it, and the recording that grows meanwhile.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use media::{Timestamp, Track};

use super::slate_tests::{both, recorded, still};
use super::tests::{Rig, audio_track, picture, sound, steady, video_track};
use crate::recording::{Cuts, Source, fragmented, layouts};
use crate::{Plan, journal, mp4};

fn sources(scanned: &[journal::Index]) -> Vec<Source<'_>> {
    scanned.iter().enumerate().map(|(file, index)| Source { file, index }).collect()
}

/// Frames from `from` ms on, at the pace of a burst.
fn burst(rig: &mut Rig, from: i64, frames: i64) {
    let mut n = from * 48 / 1024;
    for i in 0..frames {
        let at = from + i * 100 / 3;
        while n * 1024 / 48 < at {
            rig.push(1, sound(n, 48_000));
            n += 1;
        }
        rig.push(0, picture(at, i % 30 == 0, 300));
    }
}

#[test]
fn a_burst_may_change_its_configuration() {
    let mut rig = Rig::new(Plan::default(), &both());
    steady(&mut rig, 0, 3, 30);
    rig.show_slate(&both(), 4_500);
    rig.advance(9_000);
    burst(&mut rig, 3_000, 60);
    rig.discontinuity(Some((0, still())));
    burst(&mut rig, 5_000, 60);
    rig.discontinuity(None);
    burst(&mut rig, 7_000, 60);
    rig.discontinuity(Some((0, video_track())));
    burst(&mut rig, 9_000, 30);
    let at = Timestamp::millis(10_066);
    rig.back(at);
    steady(&mut rig, 10_000, 3, 30);
    rig.finish();
    rig.check_rules();
    assert_eq!(rig.recorded(0).len(), 390);
    let files: Vec<_> = (0..2).flat_map(|r| rig.scan_all(r)).collect();
    let made = layouts(&sources(&files));
    let seconds: Vec<_> = made.iter().map(|layout| layout.duration.round()).collect();
    assert_eq!(seconds, [5.0, 4.0, 4.0], "one for each configuration");
    let named = |r: usize| {
        let inits: std::collections::BTreeMap<u32, _> =
            rig.scan_all(r).into_iter().map(|file| (file.header.init, file.init)).collect();
        recorded(&rig.scan_all(r)).iter().all(|segment| inits.contains_key(&segment.init))
    };
    assert!(named(0) && named(1));
    let late: Vec<_> = rig.scan_all(0).into_iter().filter(|file| file.header.late.is_some()).collect();
    let other = late.iter().filter(|file| file.init == mp4::init::segment(&still()));
    assert!(other.clone().count() > 0 && other.into_iter().all(|file| file.header.init >= 1 << 31));
}

/// What was served of the growing MP4 never changes, and in the end it has every frame of the publisher once.
#[test]
fn the_recording_grows_through_a_slate_and_a_burst() {
    for changed in [None, Some(still())] {
        let mut rig = Rig::new(Plan::default(), &both());
        let known: Vec<fragmented::Known> =
            both().iter().map(|t: &Track| (t.kind.name().to_owned(), mp4::init::segment(t))).collect();
        let (mut list, mut next) = (Vec::new(), fragmented::Progress::default());
        let mut before: Vec<Vec<fragmented::Run>> = Vec::new();
        let configurations = 1 + usize::from(changed.is_some());
        for step in 0..8 {
            match step {
                0 => steady(&mut rig, 0, 3, 30),
                1 => rig.show_slate(&both(), 4_500),
                2 => rig.advance(7_000),
                3 => burst(&mut rig, 3_000, 60),
                4 => {
                    if let Some(track) = changed.clone() {
                        rig.discontinuity(Some((0, track)));
                    }
                    burst(&mut rig, 5_000, 63);
                }
                5 => rig.back(Timestamp::millis(7_166)),
                _ => steady(&mut rig, 7_100 + (step - 6) * 3_000, 3, 30),
            }
            let until = (0..2).map(|r| rig.index(r).current_msn()).min().unwrap();
            let files: Vec<_> = (0..2).flat_map(|r| rig.scan_all(r)).collect();
            fragmented::grow(&mut list, &mut next, &known, &sources(&files), &Cuts::default(), until);
            let now: Vec<Vec<_>> = list.iter().map(|growing| growing.runs.clone()).collect();
            for (old, new) in before.iter().zip(&now) {
                assert!(new.starts_with(old), "step {step}");
            }
            before = now;
        }
        assert_eq!(list.len(), configurations);
        let files: Vec<_> = (0..2).flat_map(|r| rig.scan_all(r)).collect();
        let mut samples = [0, 0];
        for (growing, run) in
            list.iter().flat_map(|growing| growing.runs.iter().map(move |run| (growing, run)))
        {
            let name = growing.renditions().nth(run.patch.track as usize - 1).unwrap();
            let ours = |f: &&journal::Index| f.header.rendition == name && f.header.first_msn == run.file;
            let index = files.iter().find(ours).unwrap();
            let parts =
                index.parts.iter().filter(|part| (run.offset..run.offset + run.len).contains(&part.offset));
            samples[usize::from(name == "audio")] += parts.map(|part| part.samples.len()).sum::<usize>();
            assert!(!index.header.live_only);
        }
        // All but what is in the segment that is open: the last second.
        assert!((90 + 123 + 150..=90 + 123 + 180).contains(&samples[0]), "{samples:?}");
    }
}

#[test]
fn sound_before_the_first_picture_begins_no_file_of_its_own() {
    let mut rig = Rig::new(Plan::default(), &both());
    steady(&mut rig, 0, 3, 30);
    rig.show_slate(&both(), 4_500);
    rig.advance(5_000);
    let changes = rig.presentation.returned(vec![(0, still()), (1, audio_track(44_100))]);
    rig.apply(changes);
    for n in 220..226 {
        rig.push(1, sound(n, 44_100));
    }
    rig.back(Timestamp::millis(5_333));
    steady(&mut rig, 5_266, 3, 30);
    rig.finish();
    let files: Vec<_> = (0..2).flat_map(|r| rig.scan_all(r)).collect();
    assert_eq!(layouts(&sources(&files)).len(), 2);
}
