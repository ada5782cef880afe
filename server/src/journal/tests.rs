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
