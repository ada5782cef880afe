//! What a player makes of playlists, and a file's samples out of its boxes (mp4-atom's reading, not ours).

use std::io::Cursor;

use mp4_atom::{Any, ReadFrom, StszSamples};

/// The attribute of each line that begins with `tag`.
pub(super) fn attribute(playlist: &str, tag: &str, name: &str) -> Vec<String> {
    let lines = playlist.lines().filter(|line| line.starts_with(tag));
    lines
        .filter_map(|line| {
            let (_, after) = line.split_once(&format!("{name}="))?;
            let value = match after.strip_prefix('"') {
                Some(quoted) => quoted.split('"').next(),
                None => after.split(',').next(),
            };
            value.map(str::to_owned)
        })
        .collect()
}

/// The samples of each track of a progressive MP4, by handler (`vide`, `soun`).
pub(super) fn samples(file: &[u8]) -> Vec<(String, Vec<Vec<u8>>)> {
    let mut cursor = Cursor::new(file);
    let moov = loop {
        match Any::read_from(&mut cursor).unwrap() {
            Any::Moov(moov) => break moov,
            _ => continue,
        }
    };
    moov.trak
        .iter()
        .map(|trak| {
            let table = &trak.mdia.minf.stbl;
            let sizes: Vec<u64> = match &table.stsz.samples {
                StszSamples::Identical { count, size } => vec![u64::from(*size); *count as usize],
                StszSamples::Different { sizes } => sizes.iter().map(|s| u64::from(*s)).collect(),
            };
            let chunks: Vec<u64> = match (&table.stco, &table.co64) {
                (Some(stco), _) => stco.entries.iter().map(|o| u64::from(*o)).collect(),
                (None, Some(co64)) => co64.entries.clone(),
                (None, None) => Vec::new(),
            };
            let mut sizes = sizes.into_iter();
            let mut samples = Vec::new();
            for (number, offset) in chunks.iter().enumerate() {
                let entry =
                    table.stsc.entries.iter().rev().find(|e| e.first_chunk as usize <= number + 1).unwrap();
                let mut at = *offset as usize;
                for size in sizes.by_ref().take(entry.samples_per_chunk as usize) {
                    samples.push(file[at..at + size as usize].to_vec());
                    at += size as usize;
                }
            }
            assert_eq!(sizes.next(), None, "samples without a chunk");
            (trak.mdia.hdlr.handler.to_string(), samples)
        })
        .collect()
}

/// How many samples a part has.
pub(super) fn frames(part: &[u8]) -> usize {
    let mut cursor = Cursor::new(part);
    loop {
        match Any::read_from(&mut cursor).unwrap() {
            Any::Moof(moof) => return moof.traf[0].trun[0].samples.len(),
            _ => continue,
        }
    }
}
