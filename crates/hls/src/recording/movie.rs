//! `ftyp`, `moov` and the header of `mdat`: sample tables and edit lists.

use std::ops::Range;

use bytes::{BufMut, Bytes, BytesMut};
use media::Timestamp;

use super::Track;
use crate::mp4::init::{Span, mvhd, trak};
use crate::mp4::write::{boxed, brands, full};

/// The movie's timescale: edit lists are this fine.
const MOVIE: media::Timescale = media::Timescale::VIDEO;

/// A track's samples on its own timeline, which begins at its first sample's DTS.
struct Table {
    durations: Vec<u32>,
    offsets: Vec<i32>,
    sizes: Vec<u32>,
    keys: Vec<u32>,
    /// Samples of each chunk.
    chunks: Vec<u32>,
    /// Presentation time of the first picture, in the session's time and in the track's.
    first_pts: Timestamp,
    media_start: i64,
    /// Ticks from the first picture to the end of the last one.
    long: i64,
    /// Ticks in all.
    total: u64,
}

/// The head of the file, and seconds of presentation. `chunks`: each part's place after the head; `shown`: from the
/// movie's first moment to its last.
pub(super) fn head(
    tracks: &[Track<'_>],
    chunks: &[Vec<u64>],
    media: u64,
    shown: &Range<Timestamp>,
) -> (Bytes, f64) {
    let tables: Vec<Table> = tracks.iter().map(table).collect();
    let spans: Vec<Span> = tracks.iter().zip(&tables).map(|(track, t)| span(track, t, shown)).collect();
    let build = |base, wide| build(tracks, &tables, &spans, chunks, media, base, wide);
    // The offsets' width decides the length of the head, the head the offsets.
    let narrow = build(0, false);
    let wide = narrow.len() as u64 + media > u64::from(u32::MAX);
    let sized = if wide { build(0, true) } else { narrow };
    let head = build(sized.len() as u64, wide);
    let longest = spans.iter().map(|span| span.movie).max().unwrap_or(0);
    (head, longest as f64 / f64::from(MOVIE.hz()))
}

fn build(
    tracks: &[Track<'_>],
    tables: &[Table],
    spans: &[Span],
    chunks: &[Vec<u64>],
    media: u64,
    base: u64,
    wide: bool,
) -> Bytes {
    let mut out = BytesMut::new();
    brands(&mut out, b"ftyp", b"isom", &[b"isom", b"iso2", b"avc1", b"mp41"]);
    boxed(&mut out, b"moov", |out| {
        let longest = spans.iter().map(|s| s.movie).max().unwrap_or(0);
        mvhd(out, MOVIE.hz(), longest, tracks.len() as u32 + 1);
        for (i, ((track, t), span)) in tracks.iter().zip(tables).zip(spans).enumerate() {
            let places = chunks.get(i).map_or(&[][..], |list| list);
            trak(out, &track.sheet, i as u32 + 1, span.clone(), |out| stbl(out, t, places, base, wide));
        }
    });
    if wide {
        out.put_u32(1);
        out.put_slice(b"mdat");
        out.put_u64(media + 16);
    } else {
        out.put_u32((media + 8) as u32);
        out.put_slice(b"mdat");
    }
    out.freeze()
}

/// Durations, and the edits that put the track's first picture where it belongs beside the other track's and leave out
/// what is not shown.
fn span(track: &Track<'_>, t: &Table, shown: &Range<Timestamp>) -> Span {
    let ticks = |at: Timestamp| at.rescale(MOVIE).ticks.max(0) as u64;
    let end = t.first_pts.plus(Timestamp::new(t.long, track.scale));
    let (from, until) = (t.first_pts.max(shown.start), end.min(shown.end).max(shown.start));
    let (late, long) = (ticks(from.minus(shown.start)), ticks(until.minus(from)));
    let media = t.media_start + from.minus(t.first_pts).rescale(track.scale).ticks;
    let mut edits = Vec::new();
    if late > 0 {
        edits.push((late, -1));
    }
    if late > 0 || media > 0 || until < end {
        edits.push((long, media));
    }
    Span { movie: late + long, media: t.total, edits }
}

fn table(track: &Track<'_>) -> Table {
    let mut dts: Vec<i64> = Vec::new();
    let mut pts: Vec<i64> = Vec::new();
    let (mut sizes, mut keys, mut chunks) = (Vec::new(), Vec::new(), Vec::new());
    let mut end = 0;
    for (_, part) in &track.parts {
        let mut at = part.decode_time as i64;
        chunks.push(part.samples.len() as u32);
        for sample in &part.samples {
            // What came before a discontinuity may overlap what came after: tables only go forward.
            let place = dts.last().map_or(at, |&last| at.max(last + 1));
            dts.push(place);
            pts.push(at + i64::from(sample.offset));
            sizes.push(sample.size);
            at += i64::from(sample.duration);
            end = at.max(place + 1);
            if sample.key {
                keys.push(dts.len() as u32);
            }
        }
    }
    // A decode time never lies after the first picture's presentation.
    let first_pts = pts.first().copied().unwrap_or(0);
    if let Some(first) = dts.first_mut() {
        *first = (*first).min(first_pts);
    }
    let zero = dts.first().copied().unwrap_or(0);
    // A hole lengthens the sample before it, so that the tracks stay together.
    let durations: Vec<u32> = dts
        .iter()
        .zip(dts.iter().skip(1).chain([&end]))
        .map(|(at, next)| u32::try_from(next - at).unwrap_or(u32::MAX))
        .collect();
    let ends = pts.iter().zip(&durations).map(|(at, &d)| at + i64::from(d));
    let long = ends.max().unwrap_or(0) - first_pts;
    let clamp = |v: i64| v.clamp(i32::MIN.into(), i32::MAX.into()) as i32;
    Table {
        long,
        total: durations.iter().map(|&d| u64::from(d)).sum(),
        offsets: dts.iter().zip(&pts).map(|(d, p)| clamp(p - d)).collect(),
        durations,
        sizes,
        keys,
        chunks,
        first_pts: Timestamp::new(first_pts, track.scale),
        media_start: first_pts - zero,
    }
}

/// Runs of equal values.
fn runs<T: Copy + PartialEq>(values: &[T]) -> Vec<(u32, T)> {
    let mut out: Vec<(u32, T)> = Vec::new();
    for &value in values {
        match out.last_mut() {
            Some((count, same)) if *same == value => *count += 1,
            Some(_) | None => out.push((1, value)),
        }
    }
    out
}

fn stbl(out: &mut BytesMut, t: &Table, places: &[u64], base: u64, wide: bool) {
    full(out, b"stts", 0, 0, |out| {
        let runs = runs(&t.durations);
        out.put_u32(runs.len() as u32);
        for (count, duration) in runs {
            out.put_u32(count);
            out.put_u32(duration);
        }
    });
    if t.offsets.iter().any(|&o| o != 0) {
        let version = u8::from(t.offsets.iter().any(|&o| o < 0));
        full(out, b"ctts", version, 0, |out| {
            let runs = runs(&t.offsets);
            out.put_u32(runs.len() as u32);
            for (count, offset) in runs {
                out.put_u32(count);
                out.put_i32(offset);
            }
        });
    }
    if t.keys.len() < t.sizes.len() {
        full(out, b"stss", 0, 0, |out| {
            out.put_u32(t.keys.len() as u32);
            t.keys.iter().for_each(|&k| out.put_u32(k));
        });
    }
    full(out, b"stsc", 0, 0, |out| {
        let runs = runs(&t.chunks);
        out.put_u32(runs.len() as u32);
        let mut chunk = 1;
        for (count, samples) in runs {
            out.put_u32(chunk);
            out.put_u32(samples);
            out.put_u32(1);
            chunk += count;
        }
    });
    full(out, b"stsz", 0, 0, |out| {
        out.put_u32(0);
        out.put_u32(t.sizes.len() as u32);
        t.sizes.iter().for_each(|&s| out.put_u32(s));
    });
    if wide {
        full(out, b"co64", 0, 0, |out| {
            out.put_u32(places.len() as u32);
            places.iter().for_each(|&p| out.put_u64(base + p));
        });
    } else {
        full(out, b"stco", 0, 0, |out| {
            out.put_u32(places.len() as u32);
            places.iter().for_each(|&p| out.put_u32((base + p) as u32));
        });
    }
}
