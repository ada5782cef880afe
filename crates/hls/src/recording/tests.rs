#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::io::Cursor;

use mp4_atom::{Ftyp, Moov, ReadFrom};

use super::{Layout, Source, layouts};
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
    // The first picture was 3000 bytes of `0`, the first sound 30.
    assert_eq!(mp4[chunk(0)[0] as usize..][..3000], [0; 3000]);
    assert_eq!(mp4[chunk(1)[0] as usize..][..30], [0; 30]);
    // Pictures are shown from 66 ms on, sound from 0.
    let edits = &moov.trak[0].edts.as_ref().unwrap().elst.as_ref().unwrap().entries;
    assert_eq!((edits[0].segment_duration, edits[1].media_time), (66 * 90, Some(0)));
    assert!((layout.duration - 5.066).abs() < 0.01, "{}", layout.duration);
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
        assert!(length(&moov, track).abs_diff(13_000) < 40, "{}", length(&moov, track));
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
