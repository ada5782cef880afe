#![allow(clippy::unwrap_used)]

mod corpus;

use std::io::Cursor;

use proptest::prelude::*;

use super::{Error, scan, scan_on};
use crate::Plan;
use crate::presentation::tests::{Rig, audio_track, steady, video_track};

fn file() -> Vec<u8> {
    let mut rig = Rig::new(Plan::default(), &[video_track(), audio_track(48_000)]);
    steady(&mut rig, 0, 3, 30);
    rig.journal[0][0].clone()
}

#[test]
fn a_file_begins_each_minute_and_reads_back_whole() {
    let mut rig = Rig::new(Plan::default(), &[video_track(), audio_track(48_000)]);
    steady(&mut rig, 0, 125, 30);
    rig.check_rules();
    // Segments of sound end with a whole part: the minute may be over one later.
    for (r, first) in [[1, 61, 121], [1, 61, 122]].into_iter().enumerate() {
        let files = rig.scan(r);
        assert_eq!(files.iter().map(|f| f.header.first_msn).collect::<Vec<_>>(), first);
        let total: usize = files.iter().map(|f| f.parts.len()).sum();
        assert_eq!(total, rig.parts[r].len());
        for (file, bytes) in files.iter().zip(&rig.journal[r]) {
            assert_eq!(file.valid_len, bytes.len() as u64);
            for entry in &file.parts {
                let part = rig.parts[r].iter().find(|p| p.info.number == entry.number).unwrap();
                assert_eq!(part.data, bytes[entry.offset as usize..(entry.offset + entry.len) as usize]);
                let media = entry.payload as usize..(entry.payload + entry.payload_len) as usize;
                assert!(part.data.ends_with(&bytes[media]));
            }
        }
    }
}

#[test]
fn a_torn_tail_is_found_at_every_cut() {
    let bytes = file();
    let whole = scan(Cursor::new(&bytes)).unwrap();
    let head = whole.parts[0].offset as usize;
    for cut in (0..bytes.len()).step_by(7) {
        match scan(Cursor::new(&bytes[..cut])) {
            Ok(index) => {
                let parts = whole.parts.iter().take_while(|p| p.offset + p.len <= cut as u64).count();
                assert_eq!(index.parts, whole.parts[..parts]);
                assert_eq!(index.torn, cut as u64 - index.valid_len);
                assert!(cut >= head);
            }
            Err(Error::Head(_)) => assert!(cut < head),
            Err(other) => unreachable!("{other}"),
        }
    }
    // A file system may leave zeros where the tail was.
    let mut zeros = bytes.clone();
    zeros.extend([0; 4096]);
    let index = scan(Cursor::new(&zeros)).unwrap();
    assert_eq!((index.parts.len(), index.torn), (whole.parts.len(), 4096));
}

#[test]
fn a_scan_goes_on_where_another_ended() {
    let bytes = file();
    let whole = scan(Cursor::new(&bytes)).unwrap();
    let head = whole.parts[0].offset as usize;
    for cut in (head..=bytes.len()).step_by(501) {
        let before = scan(Cursor::new(&bytes[..cut])).unwrap();
        assert_eq!(scan_on(Cursor::new(&bytes), before).unwrap(), whole, "{cut}");
    }
}

#[test]
fn other_files_are_refused() {
    for bytes in [&b""[..], b"not a journal", &[0; 64], &[0xff; 64]] {
        assert!(matches!(scan(Cursor::new(bytes)), Err(Error::Head(_))));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    /// Corrupt bytes: an error or a shorter file, and what is read never reaches beyond the file.
    #[test]
    fn corrupt_bytes_never_panic(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20), near in any::<bool>()) {
        let mut bytes = file();
        let len = if near { 1200 } else { bytes.len() };
        for (at, value) in changes {
            bytes[at.index(len)] = value;
        }
        if let Ok(index) = scan(Cursor::new(&bytes)) {
            prop_assert!(index.valid_len + index.torn == bytes.len() as u64);
            let _ = super::segments(&[&index]);
            let _ = crate::playlist::vod::media(&[&index], None);
            let _ = crate::recording::layouts(&[crate::recording::Source { file: 0, index: &index }]);
        }
    }
}
