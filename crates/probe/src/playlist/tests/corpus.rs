//! The corpus of the fuzz target `playlist`, so that every test run replays what a fuzzer found.

use std::{fs, path::Path};

use super::super::delta::reconstruct;
use super::super::{Playlist, parse};

/// As the target does: a playlist, then a delta to it after a line of its own.
fn run(input: &str) -> bool {
    let (held, delta) = input.split_once("\n---\n").unwrap_or((input, input));
    let _ = reconstruct(held, delta);
    match parse(held) {
        Ok(Playlist::Media(media)) => {
            let _ = (media.last(), media.next(), media.parts().count(), media.part_hint());
            !media.segments.is_empty()
        }
        Ok(Playlist::Multivariant(multivariant)) => !multivariant.variants.is_empty(),
        Err(_) => false,
    }
}

#[test]
fn corpus() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fuzz/corpus/playlist");
    for entry in fs::read_dir(&folder).unwrap() {
        run(&String::from_utf8_lossy(&fs::read(entry.unwrap().path()).unwrap()));
    }
    // Else the seeds are no longer what they are named for.
    for name in ["live", "delta", "multivariant"] {
        assert!(run(&fs::read_to_string(folder.join(name)).unwrap()), "{name}");
    }
}
