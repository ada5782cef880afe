#![allow(clippy::unwrap_used)]
use bytes::Bytes;

use super::{Library, repair, track};

#[test]
fn a_session_id_that_is_a_path_finds_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let library = Library::new(&dir.path().join("sessions"));
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

#[tokio::test]
async fn a_disk_that_works_again_takes_the_very_next_segment() {
    use hls::{Change, Plan, Presentation, presentation::Rendition};
    use media::{AccessUnit, Timestamp, Track};

    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("sessions");
    let writer = super::Writer::start(&root).unwrap();
    // A file where the session's folder should be: it can't be written to.
    std::fs::write(root.join("ses_1"), "").unwrap();
    let track = Track::audio(media::aac::Config::parse(&Bytes::from_static(&[0x11, 0x90])).unwrap());
    let rendition = Rendition { name: "audio".into(), track: track.clone(), frame_rate: None, bitrate: None };
    let mut presentation = Presentation::new(Plan::default(), 0, vec![rendition]);
    let mut recorder = super::Recorder::new(&writer, "ses_1", "audio");
    let (mut sealed, mut troubles) = (0, 0);
    for number in 0..200 {
        let dts = Timestamp::new(number * 1024, track.scale);
        let unit = AccessUnit { kind: media::Kind::Audio, dts, pts: dts, key: true, data: vec![0; 9].into() };
        let changes = presentation.push(0, unit);
        let Some(index) = presentation.index(0) else { continue };
        let context = super::Context { index, track: &track, frame_rate: None };
        for change in changes.iter().flat_map(|(_, changeset)| &changeset.changes) {
            troubles += usize::from(recorder.apply(change, &context).is_err());
            sealed += usize::from(matches!(change, Change::Sealed(_)));
            if sealed == 1 && matches!(change, Change::Sealed(_)) {
                writer.flush().await;
                std::fs::remove_file(root.join("ses_1")).unwrap();
            }
        }
    }
    drop(recorder);
    writer.flush().await;
    assert!(troubles > 0 && sealed > 2);
    let files = Library::new(&root).open("ses_1").unwrap().unwrap();
    assert_eq!(files.tracks[0].files[0].1.header.first_msn, 2);
}
