//! Journal files as a crash, a full disk or somebody else left them, laid end to end: a torn tail is the next file.
#![no_main]

use std::io::Cursor;

use hls::recording::{Source, layouts};
use hls::{Plan, Presentation, journal, playlist::vod, presentation::Rendition};
use libfuzzer_sys::fuzz_target;
use media::{Rational, Track, aac, avc};

/// More would only make it slow.
const FILES: usize = 3;

fn rendition(track: Track) -> Rendition {
    Rendition::source(track.kind.name(), track)
}

fn renditions() -> Vec<Rendition> {
    let video = avc::Config {
        record: vec![1, 0x64, 0, 0x1f, 0xff, 0xe0, 0].into(),
        width: 64,
        height: 48,
        profile: [0x64, 0, 0x1f],
        frame_rate: Some(Rational { num: 15, den: 1 }),
        sample_aspect: Rational { num: 1, den: 1 },
    };
    let audio =
        aac::Config { asc: vec![0x11, 0x88].into(), object_type: 2, sample_rate: 48_000, channels: 1 };
    vec![rendition(Track::video(video)), rendition(Track::audio(audio))]
}

fuzz_target!(|input: &[u8]| {
    let mut rest = input;
    let mut files: Vec<journal::Index> = Vec::new();
    while files.len() < FILES
        && let Ok(index) = journal::scan(Cursor::new(rest))
    {
        assert_eq!(index.valid_len + index.torn, rest.len() as u64);
        for part in &index.parts {
            assert!(part.offset < part.payload && part.payload + part.payload_len <= index.valid_len);
        }
        rest = &rest[index.valid_len as usize..];
        files.push(index);
    }
    let all: Vec<&journal::Index> = files.iter().collect();
    let _ = journal::segments(&all);
    let _ = vod::media(&all, None);
    let by_name = |name: &str| all.iter().copied().filter(|f| f.header.rendition == name).collect();
    let _ = vod::multivariant(&[("video".into(), by_name("video")), ("all".into(), all.clone())]);
    let sources: Vec<_> = files.iter().enumerate().map(|(file, index)| Source { file, index }).collect();
    for layout in layouts(&sources) {
        let media: u64 = layout.pieces.iter().map(|piece| piece.len).sum();
        assert_eq!(layout.len, layout.head.len() as u64 + media);
        assert!(layout.pieces.iter().all(|p| p.offset + p.len <= files[p.file].valid_len));
        assert!(layout.duration.is_finite() && layout.duration >= 0.0);
    }
    let (audio, video) = files.into_iter().partition(|f| f.header.rendition == "audio");
    let (mut presentation, _) = Presentation::resume(Plan::default(), 0, renditions(), &[video, audio]);
    let _ = presentation.finish();
});
