//! Progressive MP4 made from journals: `moov` first, media read from the journal files in place.
//!
//! **Belongs here:** which bytes, in which order, under which `moov`. **Does not:** reading or copying them.

mod movie;

use bytes::Bytes;
use media::{Kind, Timescale, Timestamp};

use crate::journal::{self, Entry};
use crate::mp4::init::Sheet;

/// One journal file of one rendition.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// The caller's number for it, given back in pieces.
    pub file: usize,
    /// What is in it.
    pub index: &'a journal::Index,
}

/// Bytes to copy from a journal file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// `Source::file`.
    pub file: usize,
    /// Where they begin in that file.
    pub offset: u64,
    /// How many.
    pub len: u64,
}

/// One MP4: `head`, then the pieces in order.
#[derive(Clone, Debug)]
pub struct Layout {
    /// `ftyp` `moov` and the header of `mdat`.
    pub head: Bytes,
    /// What follows.
    pub pieces: Vec<Piece>,
    /// Bytes in all.
    pub len: u64,
    /// Seconds.
    pub duration: f64,
    /// The first segment in it.
    pub first_msn: u64,
}

/// One layout for each codec configuration in order of time: files of all renditions, each rendition's in order. A
/// configuration changes at the same MSN in all renditions (`Presentation` sees to it).
pub fn layouts(sources: &[Source<'_>]) -> Vec<Layout> {
    let mut starts: Vec<u64> = Vec::new();
    for rendition in renditions(sources) {
        let files = || rendition.iter().map(|s| s.index).filter(|i| !i.parts.is_empty());
        let changes = files().zip(files().skip(1)).filter(|(a, b)| a.init != b.init);
        starts.extend(changes.map(|(_, b)| b.header.place()));
    }
    starts.push(0);
    starts.sort_unstable();
    starts.dedup();
    let ends = starts.iter().skip(1).copied().chain([u64::MAX]);
    starts.iter().zip(ends).filter_map(|(&from, until)| layout(sources, from, until)).collect()
}

/// Sources by rendition, in order of the first of each, without what was never the publisher's; what came late where it
/// belongs.
fn renditions<'s, 'a>(sources: &'s [Source<'a>]) -> Vec<Vec<&'s Source<'a>>> {
    let mut out: Vec<Vec<&Source<'_>>> = Vec::new();
    for source in sources.iter().filter(|source| !source.index.header.live_only) {
        let name = |s: &Source<'_>| s.index.header.rendition == source.index.header.rendition;
        match out.iter_mut().find(|list| list.first().is_some_and(|s| name(s))) {
            Some(list) => list.push(source),
            None => out.push(vec![source]),
        }
    }
    for list in &mut out {
        list.sort_by_key(|source| (source.index.header.place(), source.index.header.first_msn));
    }
    out
}

/// A track of the movie: its description and its parts.
struct Track<'a> {
    sheet: Sheet,
    scale: Timescale,
    parts: Vec<(usize, &'a Entry)>,
}

/// The segments from `from` up to, not with, `until`; `None` where there are none.
fn layout(sources: &[Source<'_>], from: u64, until: u64) -> Option<Layout> {
    let mut tracks: Vec<Track<'_>> = Vec::new();
    for rendition in renditions(sources) {
        let parts: Vec<_> = rendition
            .iter()
            .flat_map(|s| s.index.parts.iter().map(|part| (*s, part)))
            .filter(|(source, part)| {
                let place = source.index.header.late.unwrap_or(part.msn);
                (from..until).contains(&place) && !part.samples.is_empty()
            })
            .collect();
        let Some((first, _)) = parts.first() else { continue };
        let Some(sheet) = Sheet::read(&first.index.init) else { continue };
        let Some(scale) = Timescale::new(sheet.timescale) else { continue };
        tracks.push(Track {
            sheet,
            scale,
            parts: parts.into_iter().map(|(s, part)| (s.file, part)).collect(),
        });
    }
    // Players take the first video track for the picture.
    tracks.sort_by_key(|t| t.sheet.kind != Kind::Video);
    let first_msn = tracks.iter().filter_map(|t| t.parts.first()).map(|(_, p)| p.msn).min()?;
    // The tracks' parts interleaved by decode time: one chunk each.
    let mut order: Vec<(Timestamp, usize, usize)> = tracks
        .iter()
        .enumerate()
        .flat_map(|(t, track)| {
            let at = |part: &Entry| Timestamp::new(part.decode_time as i64, track.scale);
            track.parts.iter().enumerate().map(move |(p, (_, part))| (at(part), t, p))
        })
        .collect();
    order.sort();
    let mut pieces: Vec<Piece> = Vec::with_capacity(order.len());
    let mut chunks: Vec<Vec<u64>> = tracks.iter().map(|t| vec![0; t.parts.len()]).collect();
    let mut media = 0;
    for (_, t, p) in order {
        let (file, part) = tracks[t].parts[p];
        pieces.push(Piece { file, offset: part.payload, len: part.payload_len });
        chunks[t][p] = media;
        media += part.payload_len;
    }
    let (head, duration) = movie::head(&tracks, &chunks, media);
    let len = head.len() as u64 + media;
    Some(Layout { head, pieces, len, duration, first_msn })
}

#[cfg(test)]
mod tests;
