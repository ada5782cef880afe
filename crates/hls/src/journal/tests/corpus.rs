//! The corpus of the fuzz target `journal`, so that every test run replays what a fuzzer found.
use std::{fs, path::Path};

use super::*;
use crate::Presentation;
use crate::journal::{Index, segments};
use crate::playlist::vod;
use crate::presentation::tests::rendition;
use crate::recording::{Source, layouts};

/// As the target cuts its input: files end to end, a torn tail is the next one. Gives how many parts there were.
fn run(mut rest: &[u8]) -> usize {
    let mut files: Vec<Index> = Vec::new();
    while files.len() < 3
        && let Ok(index) = scan(Cursor::new(rest))
    {
        assert_eq!(index.valid_len + index.torn, rest.len() as u64);
        rest = &rest[index.valid_len as usize..];
        files.push(index);
    }
    let all: Vec<&Index> = files.iter().collect();
    let _ = segments(&all);
    let _ = vod::media(&all, None);
    let _ = vod::multivariant(&[("all".into(), all)]);
    let sources: Vec<_> = files.iter().enumerate().map(|(file, index)| Source { file, index }).collect();
    for layout in layouts(&sources) {
        let media: u64 = layout.pieces.iter().map(|piece| piece.len).sum();
        assert_eq!(layout.len, layout.head.len() as u64 + media);
    }
    let parts = files.iter().map(|file| file.parts.len()).sum();
    let (audio, video) = files.into_iter().partition(|f| f.header.rendition == "audio");
    let renditions = vec![rendition(video_track()), rendition(audio_track(48_000))];
    let (mut presentation, _) = Presentation::resume(Plan::default(), 0, renditions, &[video, audio]);
    let _ = presentation.finish();
    parts
}

#[test]
fn corpus() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fuzz/corpus/journal");
    for entry in fs::read_dir(&folder).unwrap() {
        run(&fs::read(entry.unwrap().path()).unwrap());
    }
    // Else the seeds are no longer what they are named for.
    for name in ["video", "video-audio", "config-change", "torn"] {
        assert!(run(&fs::read(folder.join(name)).unwrap()) > 1, "{name}");
    }
}
