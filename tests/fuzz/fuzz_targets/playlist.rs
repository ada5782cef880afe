//! Playlists from any origin; after a line `---` a delta to it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use probe::playlist::{Playlist, delta::reconstruct, parse};

fuzz_target!(|input: &[u8]| {
    let input = String::from_utf8_lossy(input);
    let (held, delta) = input.split_once("\n---\n").unwrap_or((&input, &input));
    if let Ok(whole) = reconstruct(held, delta) {
        // What is put together holds nothing that neither had.
        assert!(whole.len() <= held.len() + delta.len());
    }
    if let Ok(Playlist::Media(media)) = parse(held) {
        let _ = (media.last(), media.next(), media.parts().count(), media.part_hint());
        for segment in &media.segments {
            assert!(segment.duration.is_finite() && segment.duration >= 0.0);
        }
    }
});
