//! MP4 made from journals, media read from the journal files in place: after a session progressive, `moov` first; while
//! it runs [`fragmented`].
//!
//! **Belongs here:** which bytes, in which order, under which `moov`. **Does not:** reading or copying them.

pub mod fragmented;
mod movie;

use std::ops::Range;

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

/// Where a session's recordings were closed on purpose.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cuts {
    /// The next recording begins with each of these segments, in order.
    pub at: Vec<u64>,
    /// From this segment on nothing is recorded.
    pub end: Option<u64>,
}

/// What is shown of a recording, in seconds from its first picture or sound. To the frame: media from the key frame before
/// is in the file, and its edit lists leave that out.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Trim {
    /// In point.
    pub from: Option<f64>,
    /// Out point.
    pub until: Option<f64>,
}

/// One layout for each codec configuration in order of time: files of all renditions, each rendition's in order. A
/// configuration changes at the same MSN in all renditions (`Presentation` sees to it).
pub fn layouts(sources: &[Source<'_>]) -> Vec<Layout> {
    let whole = |(from, until)| layout(sources, from, until, &Trim::default());
    ranges(sources, &Cuts::default()).into_iter().filter_map(whole).collect()
}

/// The layout of one configuration (its place among [`layouts`], or among what cuts make of them), trimmed. `None` where there is
/// no such configuration, or nothing is left of it.
pub fn trimmed(sources: &[Source<'_>], cuts: &Cuts, configuration: usize, trim: &Trim) -> Option<Layout> {
    let mut ranges = ranges(sources, cuts).into_iter().filter(|&(from, until)| {
        let own = sources.iter().filter(|s| !s.index.header.live_only);
        let mut parts = own.flat_map(|s| s.index.parts.iter().map(|part| (place(s, part), part)));
        parts.any(|(place, part)| (from..until).contains(&place) && !part.samples.is_empty())
    });
    let (from, until) = ranges.nth(configuration)?;
    layout(sources, from, until, trim)
}

/// Where a segment stands: its place among the MSNs of what was live, and its own.
type Place = (u64, u64);

fn place(source: &Source<'_>, part: &Entry) -> Place {
    (source.index.header.late.unwrap_or(part.msn), part.msn)
}

/// The segments of each configuration, cut.
fn ranges(sources: &[Source<'_>], cuts: &Cuts) -> Vec<(Place, Place)> {
    // Where a rendition has the old one for the last time, and the new one for the first.
    let mut changes: Vec<(Place, Place)> = Vec::new();
    for rendition in renditions(sources) {
        let files = || rendition.iter().filter(|s| !s.index.parts.is_empty());
        for (old, new) in files().zip(files().skip(1)).filter(|(a, b)| a.index.init != b.index.init) {
            let (last, first) = (old.index.parts.last(), new.index.parts.first());
            changes.extend(last.zip(first).map(|(last, first)| (place(new, first), place(old, last))));
        }
    }
    changes.sort_unstable();
    let mut starts: Vec<Place> = vec![(0, 0)];
    for (first, last) in changes {
        // One that had nothing between changed with the others: sound may come before the first picture.
        if starts.last().is_none_or(|start| *start <= last) {
            starts.push(first);
        }
    }
    starts.extend(cuts.at.iter().map(|msn| (*msn, 0)));
    starts.sort_unstable();
    let end = cuts.end.map_or((u64::MAX, u64::MAX), |msn| (msn, 0));
    starts.retain(|start| *start < end);
    let ends = starts.iter().skip(1).copied().chain([end]);
    starts.iter().copied().zip(ends).collect()
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
fn layout(sources: &[Source<'_>], from: Place, until: Place, trim: &Trim) -> Option<Layout> {
    let mut tracks: Vec<Track<'_>> = Vec::new();
    for rendition in renditions(sources) {
        let parts: Vec<_> = rendition
            .iter()
            .flat_map(|s| s.index.parts.iter().map(|part| (*s, part)))
            .filter(|(source, part)| (from..until).contains(&place(source, part)) && !part.samples.is_empty())
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
    let shown = cut(&mut tracks, trim)?;
    tracks.retain(|track| !track.parts.is_empty());
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
    let (head, duration) = movie::head(&tracks, &chunks, media, &shown);
    let len = head.len() as u64 + media;
    Some(Layout { head, pieces, len, duration, first_msn })
}

/// Leaves the parts that are needed, and says from when to when they are shown. `None` where nothing is.
fn cut(tracks: &mut [Track<'_>], trim: &Trim) -> Option<Range<Timestamp>> {
    let start = |track: &Track<'_>, part: &Entry| {
        let offset = part.samples.first().map_or(0, |s| i64::from(s.offset));
        Timestamp::new(part.decode_time as i64 + offset, track.scale)
    };
    let first = tracks.iter().filter_map(|t| t.parts.first().map(|(_, part)| start(t, part))).min()?;
    let at = |seconds: f64| first.plus(Timestamp::new((seconds * 90_000.0).round() as i64, Timescale::VIDEO));
    let (from, until) = (trim.from.map(at), trim.until.map(at));
    for track in tracks.iter_mut() {
        if let Some(from) = from {
            let entry = |(_, part): &(usize, &Entry)| {
                part.samples.first().is_some_and(|s| s.key) && start(track, part) <= from
            };
            let drop = track.parts.iter().rposition(entry).unwrap_or(0);
            track.parts.drain(..drop);
        }
        if let Some(until) = until {
            // Pictures are decoded before they are shown, never after.
            let decoded = |part: &Entry| Timestamp::new(part.decode_time as i64, track.scale);
            track.parts.retain(|(_, part)| decoded(part) < until);
        }
    }
    let some = tracks.iter().any(|track| !track.parts.is_empty());
    let end = until.unwrap_or(Timestamp::new(i64::MAX / 4, Timescale::VIDEO));
    let from = from.unwrap_or(first);
    (some && from < end).then_some(from..end)
}

#[cfg(test)]
mod tests;
