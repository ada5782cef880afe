#![allow(clippy::unwrap_used)]
use std::time::Duration;

use bytes::Bytes;

use hls::{Change, Plan, Presentation, presentation};
use media::{AccessUnit, Timestamp, Track};

use super::{Library, Writer, repair, track};
use crate::clock::Clock;

const MINUTE: Duration = Duration::from_secs(60);

fn sound() -> Track {
    Track::audio(media::aac::Config::parse(&Bytes::from_static(&[0x11, 0x90])).unwrap())
}

fn presentation(window: Duration) -> Presentation {
    let rendition = presentation::Rendition::source("audio", sound());
    Presentation::new(Plan::new(hls::Mode::UltraLow, None, window), 0, vec![rendition])
}

fn frame(number: i64) -> AccessUnit {
    let dts = Timestamp::new(number * 1024, sound().scale);
    AccessUnit { kind: media::Kind::Audio, dts, pts: dts, key: true, data: vec![number as u8; 9].into() }
}

/// A journal file of some seconds of sound.
pub(super) fn journal_file() -> Vec<u8> {
    let (mut presentation, mut file, mut log) = (presentation(MINUTE), Vec::new(), None);
    for number in 0..200 {
        let changes = presentation.push(0, frame(number));
        let Some(index) = presentation.index(0) else { continue };
        let control = index.control.clone();
        let log =
            log.get_or_insert_with(|| hls::journal::Log::new("ses_1", "audio", control, sound(), None, None));
        for change in changes.iter().flat_map(|(_, changeset)| &changeset.changes) {
            for write in log.apply(change) {
                match write {
                    hls::journal::Write::Open { head, .. } => file.extend_from_slice(&head),
                    hls::journal::Write::Append(data) => file.extend_from_slice(&data),
                }
            }
        }
    }
    file
}

fn library(root: &std::path::Path) -> Library {
    Library::new(root, Writer::start(root, 0).unwrap(), Clock::system())
}

#[test]
fn a_session_id_that_is_a_path_finds_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let library = library(&dir.path().join("sessions"));
    std::fs::create_dir_all(dir.path().join("sessions/ses_1/video")).unwrap();
    for id in ["..", "", "ses_1/../ses_1", "ses_1", "nobody"] {
        assert!(library.open(id).unwrap().is_none(), "{id}");
    }
}

#[test]
fn a_file_that_is_none_of_ours_is_set_aside() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("ses_1/video");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("000000.m4s"), b"\0\0\0\x10ftypnonsense").unwrap();
    let found = repair(dir.path(), "ses_1").unwrap();
    assert!(found.renditions.is_empty());
    assert!(folder.join("000000.bad").exists() && !folder.join("000000.m4s").exists());
}

#[test]
fn an_initialisation_segment_that_lies_about_its_sizes_gives_no_track() {
    for init in [
        &b""[..],
        b"avcC",
        b"\xff\xff\xff\xffavcC\x01",
        b"\0\0\0\x08avcC",
        b"\0\0\0\x02avcC",
        b"\0\0\0\x0eesds\0\0\0\0\x03\xff",
        b"\0\0\0\x20esds\0\0\0\0\x03\x19\0\0\0\x04\x11\x40\x15\0\0\0\0\0\0\0\0\0\0\0\x05\x7f",
    ] {
        assert_eq!(track(&Bytes::from_static(init)), None, "{init:?}");
    }
}

/// Sends sound through a recorder; after each change, `between` may do something to the disk.
async fn record(writer: &Writer, keeps: bool, between: impl AsyncFnMut(&Change)) -> (usize, Vec<u64>) {
    record_long(writer, keeps, 200, between).await
}

async fn record_long(
    writer: &Writer,
    keeps: bool,
    frames: i64,
    mut between: impl AsyncFnMut(&Change),
) -> (usize, Vec<u64>) {
    let mut presentation = presentation(2 * MINUTE);
    let mut recorder = super::Recorder::new(writer, "ses_1", "audio", keeps);
    let (mut troubles, mut lost) = (0, Vec::new());
    for number in 0..frames {
        let changes = presentation.push(0, frame(number));
        let Some(index) = presentation.index(0) else { continue };
        let rendition = presentation::Rendition::source("audio", sound());
        let context = super::Context { index, rendition: &rendition, frame_rate: None };
        for change in changes.iter().flat_map(|(_, changeset)| &changeset.changes) {
            troubles += usize::from(recorder.apply(change, &context).is_err());
            lost.extend(recorder.take_losses().into_iter().flatten());
            between(change).await;
        }
    }
    drop(recorder);
    writer.flush().await;
    (troubles, lost)
}

#[tokio::test]
async fn a_disk_that_works_again_takes_the_very_next_segment() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("sessions");
    let writer = Writer::start(&root, 0).unwrap();
    // A file where the session's folder should be: it can't be written to.
    std::fs::write(root.join("ses_1"), "").unwrap();
    let mut sealed = 0;
    let (troubles, mut lost) = record(&writer, true, async |change| {
        sealed += usize::from(matches!(change, Change::Sealed(_)));
        if sealed == 1 && matches!(change, Change::Sealed(_)) {
            writer.flush().await;
            std::fs::remove_file(root.join("ses_1")).unwrap();
        }
    })
    .await;
    assert!(troubles > 0 && sealed > 2);
    let files = library(&root).open("ses_1").unwrap().unwrap();
    let first = files.tracks[0].files[0].1.header.first_msn;
    // What is said to be missing is what is missing.
    lost.dedup();
    assert_eq!(lost.last().map(|last| last + 1), Some(first), "{lost:?}");
}

#[tokio::test]
async fn a_disk_that_is_full_leaves_nothing_half_written() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("sessions");
    // More than any disk has: as if it were full.
    let writer = Writer::start(&root, u64::MAX / 2).unwrap();
    let (troubles, lost) = record(&writer, true, async |_| writer.flush().await).await;
    assert!(troubles > 2 && lost.len() >= 3);
    assert!(library(&root).open("ses_1").unwrap().is_none());
    assert!(super::read::names(&root.join("ses_1/audio")).unwrap().is_empty());
}

/// Whatever a crash left of the tail, what was whole before it is kept, and what is appended afterwards follows it.
#[test]
fn a_tail_torn_at_any_byte_is_repaired() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("ses_1/audio");
    std::fs::create_dir_all(&folder).unwrap();
    let path = super::read::path(&folder, 0);
    let file = journal_file();
    let whole = hls::journal::scan(std::io::Cursor::new(&file)).unwrap();
    let head = whole.parts[0].offset as usize;
    for cut in head - 40..file.len() {
        std::fs::write(&path, &file[..cut]).unwrap();
        let found = repair(dir.path(), "ses_1").unwrap();
        let parts = whole.parts.iter().take_while(|part| part.offset + part.len <= cut as u64).count();
        let kept = parts.checked_sub(1).map(|last| whole.parts[last].offset + whole.parts[last].len);
        match kept {
            Some(len) => {
                assert_eq!(found.renditions[0].1[0].parts, whole.parts[..parts]);
                assert_eq!(path.metadata().unwrap().len(), len, "cut at {cut}");
            }
            None => {
                assert!(found.renditions.is_empty() && !path.exists(), "cut at {cut}");
                let _ = std::fs::remove_file(path.with_extension("bad"));
            }
        }
    }
}

#[tokio::test]
async fn what_leaves_the_window_is_deleted_where_nothing_keeps_it() {
    for (keeps, left) in [(true, 6), (false, 3)] {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("sessions");
        let writer = Writer::start(&root, 0).unwrap();
        // Six minutes of 48 kHz and a little more, with a window of two.
        record_long(&writer, keeps, 6 * 60 * 48_000 / 1024 - 100, async |_| ()).await;
        let names = super::read::names(&root.join("ses_1/audio")).unwrap();
        assert!(names.len() == left || names.len() == left + 1, "{keeps}: {names:?}");
        let files = library(&root).open("ses_1").unwrap().unwrap();
        let last = &files.tracks[0].files.last().unwrap().1;
        assert!(last.parts.last().unwrap().msn - files.tracks[0].files[0].1.header.first_msn >= 60);
    }
}

#[tokio::test]
async fn media_is_found_by_name_in_whichever_file() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("sessions");
    let writer = Writer::start(&root, 0).unwrap();
    let mut parts = Vec::new();
    record(&writer, false, async |change| {
        if let Change::Part(part) = change {
            parts.push(part.clone());
        }
    })
    .await;
    let library = library(&root);
    assert!(super::window_only(&root.join("ses_1")));
    for part in &parts {
        let found = library.load("ses_1", "audio", super::Wanted::Part(part.info.number)).unwrap();
        assert_eq!(found, Some(part.data.clone()));
    }
    let first = parts[0].msn;
    let whole: Vec<u8> = parts.iter().filter(|p| p.msn == first).flat_map(|p| p.data.to_vec()).collect();
    assert_eq!(library.load("ses_1", "audio", super::Wanted::Segment(first)).unwrap().unwrap(), whole);
    assert!(library.load("ses_1", "audio", super::Wanted::Init(0)).unwrap().is_some());
    for wanted in [super::Wanted::Init(1), super::Wanted::Segment(99), super::Wanted::Part(999)] {
        assert!(library.load("ses_1", "audio", wanted).unwrap().is_none(), "{wanted:?}");
        assert!(library.load("ses_1", "video", wanted).unwrap().is_none());
        assert!(library.load("ses_1", "..", wanted).unwrap().is_none());
    }
    library.remove("ses_1").unwrap();
    assert!(!root.join("ses_1").exists());
    assert!(library.load("ses_1", "audio", super::Wanted::Segment(first)).unwrap().is_none());
}
