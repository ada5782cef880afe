//! While a session runs: one fragmented MP4 of all renditions that only grows. Bytes that were served once stay what and
//! where they were.
//!
//! Segment by segment, in each the renditions in order, as soon as all of them have closed it. The journal's parts are
//! taken as they are but for the numbers that say whose they are and when: see [`patch`].

use bytes::{BufMut, Bytes, BytesMut};
use media::{Kind, Timescale, Timestamp};

use super::{Cuts, Source, renditions};
use crate::journal::Entry;
use crate::mp4::fragment;
use crate::mp4::init::{Sheet, Span, mvhd, trak};
use crate::mp4::write::{boxed, brands, full};

/// One codec configuration of a session.
#[derive(Clone, Debug)]
pub struct Growing {
    /// `ftyp` and `moov`.
    pub head: Bytes,
    /// What follows, in order.
    pub runs: Vec<Run>,
    /// Bytes so far.
    pub len: u64,
    /// Its first segment.
    pub first_msn: u64,
    tracks: Vec<Track>,
    sequence: u32,
}

#[derive(Clone, Debug)]
struct Track {
    rendition: String,
    data: Bytes,
    /// What its decode times begin at.
    zero: u64,
}

/// A segment of one rendition: a stretch of a journal file, to be patched before it is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// Where it stands in the MP4.
    pub at: u64,
    /// The journal file, by the MSN of its first segment.
    pub file: u64,
    /// Where it stands there.
    pub offset: u64,
    /// Bytes.
    pub len: u64,
    /// For [`patch`].
    pub patch: Patch,
}

/// What is changed in the parts of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patch {
    /// `track_ID` of `tfhd`, from 1: the place of its rendition among [`Growing::renditions`].
    pub track: u32,
    /// `mfhd`'s number of the first part.
    pub sequence: u32,
    /// Taken off each `tfdt`.
    pub zero: u64,
}

/// A rendition before anything of it is in the journal: its name, and its first initialisation segment.
pub type Known = (String, Bytes);

/// How far a recording that grows has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// The next segment.
    pub msn: u64,
    /// What came late has been taken where its place is before this.
    pub placed: u64,
}

/// Adds the segments before `until` that are not in `list` yet, from journal files in order; a new configuration, or a cut, begins a
/// new file. `known`: all renditions of the session. Every one of them must have closed the segments before `until`, and
/// the files must have all of those that there will ever be. What came late goes before the segment that the publisher
/// returned with; what is later still is in the finished recording only.
pub fn grow(
    list: &mut Vec<Growing>,
    next: &mut Progress,
    known: &[Known],
    sources: &[Source<'_>],
    cuts: &Cuts,
    until: u64,
) {
    let until = until.min(cuts.end.unwrap_or(until));
    let by_rendition = renditions(sources);
    let (mut live, mut late): (Vec<Vec<&Source<'_>>>, Vec<&Source<'_>>) = Default::default();
    for rendition in by_rendition {
        let (late_ones, live_ones) = rendition.into_iter().partition(|s| s.index.header.late.is_some());
        live.push(live_ones);
        late.extend::<Vec<_>>(late_ones);
    }
    while next.msn < until {
        let msn = next.msn;
        next.msn += 1;
        let mut found: Vec<Found<'_>> = Vec::new();
        for rendition in &live {
            let place = rendition.partition_point(|s| s.index.header.first_msn <= msn);
            let Some(source) = place.checked_sub(1).and_then(|at| rendition.get(at)) else { continue };
            let parts = segment(source, msn);
            if !parts.is_empty() {
                found.push((source, parts));
            }
        }
        if found.is_empty() {
            continue;
        }
        let places = next.placed..=msn;
        next.placed = msn + 1;
        let mut before: Vec<Found<'_>> = Vec::new();
        for source in late.iter().filter(|s| s.index.header.late.is_some_and(|place| places.contains(&place)))
        {
            let parts = source.index.parts.chunk_by(|a, b| a.msn == b.msn);
            before.extend(parts.map(|parts| (*source, parts)));
        }
        let number = |(_, parts): &Found<'_>| parts.first().map(|part| part.msn);
        before.sort_by_key(number);
        let mut groups: Vec<&[Found<'_>]> = before.chunk_by(|a, b| number(a) == number(b)).collect();
        groups.push(&found);
        let mut rest = &groups[..];
        while let [now, then @ ..] = rest {
            add(list, known, now, then, cuts, msn);
            rest = then;
        }
    }
}

/// A segment of a rendition.
type Found<'a> = (&'a Source<'a>, &'a [Entry]);

fn segment<'a>(source: &'a Source<'_>, msn: u64) -> &'a [Entry] {
    let parts = &source.index.parts;
    let from = parts.partition_point(|part| part.msn < msn);
    let to = parts.partition_point(|part| part.msn <= msn);
    parts.get(from..to).unwrap_or_default()
}

/// `then`: what comes next. Sound may come before the first picture of a new configuration.
fn add(
    list: &mut Vec<Growing>,
    known: &[Known],
    found: &[Found<'_>],
    then: &[&[Found<'_>]],
    cuts: &Cuts,
    msn: u64,
) {
    let cut = |now: &Growing| cuts.at.iter().any(|cut| now.first_msn < *cut && *cut <= msn);
    let same = list.last().is_some_and(|now| !cut(now) && found.iter().all(|(s, _)| now.has(s)));
    if !same {
        let Some(fresh) = Growing::new(list.last(), known, found, then, msn) else { return };
        list.push(fresh);
    }
    if let Some(now) = list.last_mut() {
        found.iter().for_each(|(source, parts)| now.add(source, parts));
    }
}

impl Growing {
    fn new(
        before: Option<&Self>,
        known: &[Known],
        found: &[Found<'_>],
        then: &[&[Found<'_>]],
        msn: u64,
    ) -> Option<Self> {
        let mut tracks: Vec<Track> = match before {
            Some(before) => before.tracks.clone(),
            None => known
                .iter()
                .map(|(name, data)| Track { rendition: name.clone(), data: data.clone(), zero: 0 })
                .collect(),
        };
        // The nearest last: it counts.
        for (source, _) in then.iter().rev().copied().flatten().chain(found) {
            let header = &source.index.header;
            let data = source.index.init.clone();
            match tracks.iter_mut().find(|track| track.rendition == header.rendition) {
                Some(track) => track.data = data,
                None => tracks.push(Track { rendition: header.rendition.clone(), data, zero: 0 }),
            }
        }
        let sheets: Vec<Sheet> =
            tracks.iter().map(|track| Sheet::read(&track.data)).collect::<Option<_>>()?;
        // All tracks count from the first decode time of any.
        let first = found.iter().filter_map(|(source, parts)| {
            Some(Timestamp::new(parts.first()?.decode_time as i64, Timescale::new(source.index.timescale)?))
        });
        let zero = first.min()?;
        for (track, sheet) in tracks.iter_mut().zip(&sheets) {
            track.zero = zero.rescale(Timescale::new(sheet.timescale)?).ticks.max(0) as u64;
        }
        let head = head(&sheets);
        Some(Self { len: head.len() as u64, head, runs: Vec::new(), first_msn: msn, tracks, sequence: 1 })
    }

    /// The renditions in the order of their tracks.
    pub fn renditions(&self) -> impl Iterator<Item = &str> {
        self.tracks.iter().map(|track| track.rendition.as_str())
    }

    /// The place of the run that byte `at` is in, or of the first where that is in the head.
    pub fn find(&self, at: u64) -> usize {
        self.runs.partition_point(|run| run.at + run.len <= at)
    }

    fn has(&self, source: &Source<'_>) -> bool {
        let header = &source.index.header;
        self.tracks.iter().any(|track| track.rendition == header.rendition && track.data == source.index.init)
    }

    fn add(&mut self, source: &Source<'_>, parts: &[Entry]) {
        let (Some(first), Some(last)) = (parts.first(), parts.last()) else { return };
        let Some(at) = self.tracks.iter().position(|t| t.rendition == source.index.header.rendition) else {
            return;
        };
        let patch = Patch { track: at as u32 + 1, sequence: self.sequence, zero: self.tracks[at].zero };
        let len = last.offset + last.len - first.offset;
        let file = source.index.header.first_msn;
        self.runs.push(Run { at: self.len, file, offset: first.offset, len, patch });
        self.len += len;
        self.sequence = self.sequence.wrapping_add(parts.len() as u32);
    }
}

/// Makes a segment as it lies in the journal one of the whole: tracks, sequence numbers, times. Leaves alone what it does
/// not know.
pub fn patch(segment: &mut [u8], patch: &Patch) {
    let (mut at, mut sequence) = (0, patch.sequence);
    while let Some(head) = segment.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
        let [a, b, c, d, kind @ ..] = *head;
        let size = u32::from_be_bytes([a, b, c, d]) as usize;
        if size < 8 {
            return;
        }
        if &kind == b"moof"
            && let Some(moof) = segment.get_mut(at..at + size)
        {
            fragment::readdress(moof, sequence, patch.track, patch.zero);
            sequence = sequence.wrapping_add(1);
        }
        at += size;
    }
}

fn head(sheets: &[Sheet]) -> Bytes {
    let mut out = BytesMut::new();
    brands(&mut out, b"ftyp", b"iso6", &[b"iso6", b"isom", b"mp41"]);
    boxed(&mut out, b"moov", |out| {
        mvhd(out, Timescale::VIDEO.hz(), 0, sheets.len() as u32 + 1);
        for (i, sheet) in sheets.iter().enumerate() {
            trak(out, sheet, i as u32 + 1, Span::default(), |out| {
                full(out, b"stts", 0, 0, |out| out.put_u32(0));
                full(out, b"stsc", 0, 0, |out| out.put_u32(0));
                full(out, b"stsz", 0, 0, |out| out.put_u64(0));
                full(out, b"stco", 0, 0, |out| out.put_u32(0));
            });
        }
        boxed(out, b"mvex", |out| {
            for (i, sheet) in sheets.iter().enumerate() {
                full(out, b"trex", 0, 0, |out| {
                    out.put_u32(i as u32 + 1);
                    out.put_u32(1);
                    out.put_u32(0);
                    out.put_u32(0);
                    out.put_u32(fragment::flags(sheet.kind == Kind::Audio));
                });
            }
        });
    });
    out.freeze()
}
