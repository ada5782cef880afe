#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::io::Cursor;

use mp4_atom::{Ftyp, Moov, ReadFrom};

use super::fragmented::{self, Growing};
use super::{Cuts, Layout, Source, Trim, layouts, trimmed};
use crate::Plan;
use crate::presentation::tests::{Rig, audio_track, steady, video_track};

fn record(rig: &Rig) -> Vec<(Layout, Vec<u8>)> {
    let scanned: Vec<_> = (0..rig.journal.len()).flat_map(|r| rig.scan(r)).collect();
    let bytes: Vec<_> = rig.journal.iter().flatten().collect();
    let sources: Vec<_> = scanned.iter().enumerate().map(|(file, index)| Source { file, index }).collect();
    let copy = |layout: &Layout| {
        let mut out = layout.head.to_vec();
        for piece in &layout.pieces {
            out.extend(&bytes[piece.file][piece.offset as usize..(piece.offset + piece.len) as usize]);
        }
        assert_eq!(out.len() as u64, layout.len);
        out
    };
    layouts(&sources).into_iter().map(|layout| (layout.clone(), copy(&layout))).collect()
}

fn moov(mp4: &[u8]) -> Moov {
    let mut reader = Cursor::new(mp4);
    Ftyp::read_from(&mut reader).unwrap();
    Moov::read_from(&mut reader).unwrap()
}

/// Sum of a track's sample durations, in ms.
fn length(moov: &Moov, track: usize) -> u64 {
    let mdia = &moov.trak[track].mdia;
    let ticks: u64 =
        mdia.minf.stbl.stts.entries.iter().map(|e| u64::from(e.sample_count * e.sample_delta)).sum();
    ticks * 1000 / u64::from(mdia.mdhd.timescale)
}

#[test]
fn every_frame_is_in_it_where_the_tables_say() {
    let mut rig = Rig::new(Plan::default(), &[video_track(), audio_track(48_000)]);
    steady(&mut rig, 0, 5, 30);
    rig.finish();
    let made = record(&rig);
    let [(layout, mp4)] = &made[..] else { unreachable!() };
    let moov = moov(mp4);
    assert_eq!(moov.trak.len(), 2);
    let video = &moov.trak[0].mdia.minf.stbl;
    assert_eq!(video.stss.as_ref().unwrap().entries, [1, 31, 61, 91, 121]);
    let chunk = |track: usize| moov.trak[track].mdia.minf.stbl.stco.as_ref().unwrap().entries.clone();
    // The first picture was 3000 bytes of `0`, the first sound 30 of its number.
    assert_eq!(mp4[chunk(0)[0] as usize..][..3000], [0; 3000]);
    assert_eq!(mp4[chunk(1)[0] as usize..][..30], [4; 30]);
    // Pictures are shown from 66 ms on, sound from 85.
    let elst =
        |track: usize| moov.trak[track].edts.as_ref().map(|edts| edts.elst.as_ref().unwrap().entries.clone());
    assert_eq!(elst(0), None);
    let edits = elst(1).unwrap();
    assert_eq!((edits[0].segment_duration / 90, edits[1].media_time), (19, Some(0)));
    assert!((layout.duration - 5.0).abs() < 0.03, "{}", layout.duration);
}

#[test]
fn a_break_keeps_picture_and_sound_together() {
    let mut rig = Rig::new(Plan::default(), &[video_track(), audio_track(48_000)]);
    steady(&mut rig, 0, 3, 30);
    rig.discontinuity(None);
    steady(&mut rig, 10_000, 3, 30);
    rig.finish();
    let made = record(&rig);
    let moov = moov(&made[0].1);
    assert_eq!(made.len(), 1);
    for track in 0..2 {
        assert!(length(&moov, track).abs_diff(13_000) < 60, "{}", length(&moov, track));
    }
}

#[test]
fn each_configuration_gets_a_file_of_its_own() {
    let mut rig = Rig::new(Plan::default(), &[video_track(), audio_track(48_000)]);
    steady(&mut rig, 0, 3, 30);
    rig.discontinuity(Some((1, audio_track(44_100))));
    steady(&mut rig, 3_100, 3, 30);
    rig.finish();
    let made = record(&rig);
    assert_eq!(made.iter().map(|(l, _)| l.first_msn).collect::<Vec<_>>(), [1, 4]);
    for (_, mp4) in &made {
        assert!(length(&moov(mp4), 0).abs_diff(3_000) < 40);
    }
    assert_eq!(moov(&made[1].1).trak[1].mdia.mdhd.timescale, 44_100);
}

fn sources(rig: &Rig) -> Vec<crate::journal::Index> {
    (0..rig.journal.len()).flat_map(|r| rig.scan(r)).collect()
}

#[test]
fn a_trim_is_exact_to_the_frame() {
    let mut rig = Rig::new(Plan::default(), &[video_track(), audio_track(48_000)]);
    steady(&mut rig, 0, 8, 30);
    rig.finish();
    let scanned = sources(&rig);
    let sources: Vec<_> = scanned.iter().enumerate().map(|(file, index)| Source { file, index }).collect();
    let trim = Trim { from: Some(2.5), until: Some(5.0) };
    let layout = trimmed(&sources, &Cuts::default(), 0, &trim).unwrap();
    assert!((layout.duration - 2.5).abs() < 0.001, "{}", layout.duration);
    assert_eq!(layout.first_msn, 3);
    let moov = moov(&layout.head);
    for (track, scale) in [(0, 90_000), (1, 48_000)] {
        let edits = &moov.trak[track].edts.as_ref().unwrap().elst.as_ref().unwrap().entries;
        assert_eq!(edits.iter().map(|e| e.segment_duration).sum::<u64>(), 225_000, "{edits:?}");
        let media = edits.last().unwrap().media_time.unwrap();
        // A key frame each second: at most that and the pictures' reordering is left out before.
        assert!(media > 0 && media <= scale * 11 / 10, "{media}");
    }
    assert_eq!(
        trimmed(&sources, &Cuts::default(), 0, &Trim { from: Some(9.0), until: Some(8.0) }).map(|l| l.len),
        None
    );
    assert!(trimmed(&sources, &Cuts::default(), 1, &Trim::default()).is_none());
    let whole = trimmed(&sources, &Cuts::default(), 0, &Trim::default()).unwrap();
    assert_eq!(whole.head, layouts(&sources)[0].head);
}

/// Finished and while it grows: each segment is in one recording, and none behind the end.
#[test]
fn a_recording_is_cut_where_it_is_told() {
    let mut rig = Rig::new(Plan::default(), &[video_track(), audio_track(48_000)]);
    let known: Vec<fragmented::Known> = [video_track(), audio_track(48_000)]
        .iter()
        .map(|track| (track.kind.name().to_owned(), crate::mp4::init::segment(track)))
        .collect();
    steady(&mut rig, 0, 12, 30);
    rig.finish();
    let scanned = sources(&rig);
    let sources: Vec<_> = scanned.iter().enumerate().map(|(file, index)| Source { file, index }).collect();
    let whole = trimmed(&sources, &Cuts::default(), 0, &Trim::default()).unwrap();
    let last = scanned.iter().flat_map(|index| index.parts.iter().map(|part| part.msn)).max().unwrap();
    for (cuts, firsts) in [
        (Cuts { at: vec![4, 8], end: None }, vec![1, 4, 8]),
        (Cuts { at: vec![4], end: Some(8) }, vec![1, 4]),
        (Cuts { at: vec![], end: Some(5) }, vec![1]),
        // Before there is anything of it.
        (Cuts { at: vec![4, last + 1], end: None }, vec![1, 4]),
    ] {
        let parts: Vec<_> = (0..).map_while(|n| trimmed(&sources, &cuts, n, &Trim::default())).collect();
        assert_eq!(parts.iter().map(|part| part.first_msn).collect::<Vec<_>>(), firsts, "{cuts:?}");
        let seconds: f64 = parts.iter().map(|part| part.duration).sum();
        let least = cuts.end.map_or(whole.duration, |end| end as f64 - 1.0);
        assert!(seconds > least - 0.2 && seconds <= whole.duration + 0.2, "{cuts:?}: {seconds}");
        let (mut list, mut next) = (Vec::new(), fragmented::Progress::default());
        for until in 0..=last + 1 {
            fragmented::grow(&mut list, &mut next, &known, &sources, &cuts, until);
        }
        assert_eq!(list.iter().map(|one| one.first_msn).collect::<Vec<_>>(), firsts, "{cuts:?}");
    }
}

/// Fetched piecemeal while the session runs, at any moment: the same bytes as at the end, and every part in it once.
#[test]
fn what_grows_never_changes() {
    let mut rig = Rig::new(Plan::default(), &[video_track(), audio_track(48_000)]);
    let known: Vec<fragmented::Known> = [video_track(), audio_track(48_000)]
        .iter()
        .map(|track| (track.kind.name().to_owned(), crate::mp4::init::segment(track)))
        .collect();
    let (mut list, mut next, mut served) =
        (Vec::new(), fragmented::Progress::default(), Vec::<Vec<u8>>::new());
    for step in 0..12 {
        match step {
            7 => rig.discontinuity(Some((1, audio_track(44_100)))),
            4 => rig.discontinuity(None),
            _ => {}
        }
        steady(&mut rig, 1_300 * step, 1, 30);
        let until = (0..2).map(|r| rig.index(r).current_msn()).min().unwrap();
        let scanned = sources(&rig);
        let sources: Vec<_> =
            scanned.iter().enumerate().map(|(file, index)| Source { file, index }).collect();
        fragmented::grow(&mut list, &mut next, &known, &sources, &Cuts::default(), until);
        let now: Vec<Vec<u8>> = list.iter().map(|growing| copy(&rig, &scanned, growing)).collect();
        for (old, new) in served.iter().zip(&now) {
            assert!(new.starts_with(old), "step {step}");
        }
        served = now;
    }
    assert_eq!(served.len(), 2, "one for each configuration");
    for (bytes, growing) in served.iter().zip(&list) {
        let mut cursor = Cursor::new(bytes);
        Ftyp::read_from(&mut cursor).unwrap();
        assert_eq!(Moov::read_from(&mut cursor).unwrap().trak.len(), 2);
        let (mut sequence, mut first) = (1, u64::MAX);
        while let Ok(any) = mp4_atom::Any::read_from(&mut cursor) {
            let mp4_atom::Any::Moof(moof) = any else { continue };
            assert_eq!(moof.mfhd.sequence_number, sequence);
            sequence += 1;
            assert!((1..=2).contains(&moof.traf[0].tfhd.track_id));
            first = first.min(moof.traf[0].tfdt.as_ref().unwrap().base_media_decode_time);
        }
        assert!(sequence > 20 && first == 0 && growing.len == bytes.len() as u64);
    }
}

fn copy(rig: &Rig, scanned: &[crate::journal::Index], growing: &Growing) -> Vec<u8> {
    let mut out = growing.head.to_vec();
    for run in &growing.runs {
        let name = growing.renditions().nth(run.patch.track as usize - 1).unwrap();
        let ours = |i: &&crate::journal::Index| i.header.rendition == name && i.header.first_msn == run.file;
        let index = scanned.iter().find(ours).unwrap();
        let file = rig.journal[usize::from(name == "audio")]
            .iter()
            .find(|f| {
                f.starts_with(&index.init)
                    && crate::journal::scan(Cursor::new(f)).unwrap().header == index.header
            })
            .unwrap();
        let mut segment = file[run.offset as usize..(run.offset + run.len) as usize].to_vec();
        fragmented::patch(&mut segment, &run.patch);
        assert_eq!(out.len() as u64, run.at);
        out.extend(segment);
    }
    out
}
