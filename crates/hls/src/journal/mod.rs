//! The journal: one rendition's parts in files of at most a minute, each readable alone.
//!
//! File = `ftyp` `moov` `uuid`(header, JSON) + parts laid end to end. A new file begins with a new MAP, at a
//! discontinuity, after a gap, and at the first segment after a minute. What was shown but isn't the publisher's (`live_only`),
//! and what the publisher sent too late to be shown (`late`), stand in files of their own: the first keep the numbers going
//! after a crash, the second keep the recording whole.
//!
//! **Belongs here:** the format, and where files begin and end. **Does not:** the disk.

mod log;
mod scan;

use bytes::{BufMut, Bytes, BytesMut};
use media::{Timescale, Timestamp};
use serde::{Deserialize, Serialize};

pub use log::{Log, Write};
pub use scan::{scan, scan_on};

use crate::mp4::write::boxed;
use crate::{PartInfo, Plan, Segment, Target};

/// The type of our `uuid` box.
const UUID: [u8; 16] = *b"sigma-live.hls.1";

/// Numbers of media that came late begin here: far from those of what is live, and within 32 bits.
pub const LATE: u64 = 1 << 31;

/// What a file's boxes don't say. Everything in it stays true for the whole file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// Session id.
    pub session: String,
    /// Rendition name: `video`, `audio`.
    pub rendition: String,
    /// Target duration, mode, hold-backs.
    pub plan: Plan,
    /// PART-TARGET, ticks in the track's scale.
    pub part_target: u32,
    /// PART-HOLD-BACK, ms.
    pub part_hold_back_ms: u64,
    /// Wall clock at time zero of the session, ms since 1970.
    pub epoch_ms: i64,
    /// MSN of its first segment.
    pub first_msn: u64,
    /// Number of its first part.
    pub first_part: u64,
    /// Discontinuities up to and with its first segment's own.
    pub discontinuity_sequence: u64,
    /// Its first segment begins after DISCONTINUITY.
    pub discontinuity: bool,
    /// `K` of the `init{K}.mp4` at its head.
    pub init: u32,
    /// RFC 6381.
    pub codec: String,
    /// Pixels across and down; 0 for audio.
    pub size: (u32, u32),
    /// Frames a second, numerator and denominator.
    pub frame_rate: Option<(u32, u32)>,
    /// Channels; 0 for video.
    pub channels: u8,
    /// Not the publisher's: a slate, or what stood in for one frame. It was shown live and is no part of the recording.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub live_only: bool,
    /// It came when its place in the live stream was taken, from this segment on: never shown, and a part of the recording.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub late: Option<u64>,
    /// A worker made it of what the publisher sent.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub made: bool,
    /// The multivariant leaves it out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unlisted: bool,
}

impl Header {
    /// Where it stands in the recording: among MSNs of what was live.
    pub fn place(&self) -> u64 {
        self.late.unwrap_or(self.first_msn)
    }
}

/// One sample of a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Bytes.
    pub size: u32,
    /// Ticks.
    pub duration: u32,
    /// PTS less DTS, ticks.
    pub offset: i32,
    /// Decoding can start here.
    pub key: bool,
}

impl Sample {
    /// Sum of durations, ticks.
    pub(crate) fn total(samples: &[Self]) -> i64 {
        samples.iter().map(|s| i64::from(s.duration)).sum()
    }
}

/// One part in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// `N` of `p{N}.m4s`.
    pub number: u64,
    /// Its segment.
    pub msn: u64,
    /// Begins a segment (`styp`).
    pub first: bool,
    /// Where `styp` or `moof` begins in the file.
    pub offset: u64,
    /// Bytes up to the end of `mdat`.
    pub len: u64,
    /// Where the media begins in the file.
    pub payload: u64,
    /// Bytes of media.
    pub payload_len: u64,
    /// `tfdt`, ticks.
    pub decode_time: u64,
    /// In order.
    pub samples: Vec<Sample>,
}

/// A file's contents without its media.
#[derive(Clone, Debug, PartialEq)]
pub struct Index {
    /// From the `uuid` box.
    pub header: Header,
    /// `ftyp` + `moov`.
    pub init: Bytes,
    /// Ticks a second.
    pub timescale: u32,
    /// The whole parts, in order.
    pub parts: Vec<Entry>,
    /// Bytes that are whole: truncate the file here before appending.
    pub valid_len: u64,
    /// Bytes after `valid_len`: a torn tail.
    pub torn: u64,
}

/// Why a file can't be read at all. What stands after a good head never is an error, only a torn tail.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Reading failed.
    #[error("can't read the journal file: {0}")]
    Io(#[from] std::io::Error),
    /// The head isn't one of ours, or is cut short.
    #[error("not a journal file: {0}")]
    Head(&'static str),
    /// The JSON header is bad.
    #[error("bad journal header: {0}")]
    Header(#[from] serde_json::Error),
}

impl Index {
    /// PART-TARGET; `None` where the timescale is 0.
    pub fn part_target(&self) -> Option<Target> {
        Some(Target { ticks: self.header.part_target.max(1), scale: Timescale::new(self.timescale)? })
    }
}

/// The bytes that a file begins with: `init`, then the header in a `uuid` box.
pub fn file_head(header: &Header, init: &Bytes) -> Bytes {
    // Plain data: it can't fail.
    let json = serde_json::to_vec(header).unwrap_or_default();
    let mut out = BytesMut::with_capacity(init.len() + 24 + json.len());
    out.put_slice(init);
    boxed(&mut out, b"uuid", |out| {
        out.put_slice(&UUID);
        out.put_slice(&json);
    });
    out.freeze()
}

/// The segments that files of one rendition hold, in order; GAPs where MSNs are missing between files. What came late
/// isn't in them.
pub fn segments(files: &[&Index]) -> Vec<Segment> {
    let mut out: Vec<Segment> = Vec::new();
    for file in files.iter().filter(|file| file.header.late.is_none()) {
        add(&mut out, file);
    }
    out
}

/// The segments of the recording: what the publisher sent, whether it was shown live or came too late for that, and
/// nothing that stood in for it. Each with its place among the MSNs of what was live.
pub fn recorded(files: &[&Index]) -> Vec<(u64, Segment)> {
    let live = segments(files).into_iter().filter(|segment| !segment.live_only);
    let mut out: Vec<(u64, Segment)> = live.map(|segment| (segment.msn, segment)).collect();
    for (file, place) in files.iter().filter_map(|file| Some((file, file.header.late?))) {
        let mut late = Vec::new();
        add(&mut late, file);
        out.extend(late.into_iter().map(|segment| (place, segment)));
    }
    out.sort_by_key(|(place, segment)| (*place, segment.msn));
    out
}

fn add(out: &mut Vec<Segment>, file: &Index) {
    let Some(scale) = Timescale::new(file.timescale) else { return };
    for part in &file.parts {
        let start = Timestamp::new(part.decode_time as i64, scale);
        let info = PartInfo {
            number: part.number,
            duration: Timestamp::new(Sample::total(&part.samples), scale),
            independent: part.samples.first().is_some_and(|s| s.key),
            bytes: part.len,
        };
        match out.last_mut().filter(|s| s.msn == part.msn) {
            Some(open) => {
                open.duration = open.duration.plus(info.duration);
                open.bytes += info.bytes;
                open.parts.push(info);
            }
            None => {
                fill(out, part.msn, start);
                let first = part.msn == file.header.first_msn;
                out.push(Segment {
                    msn: part.msn,
                    discontinuity: first && file.header.discontinuity,
                    discontinuity_sequence: file.header.discontinuity_sequence,
                    init: file.header.init,
                    start,
                    duration: info.duration,
                    bytes: info.bytes,
                    key: part.samples.first().filter(|s| s.key).map_or(0, |s| s.size),
                    gap: false,
                    live_only: file.header.live_only,
                    parts: vec![info],
                });
            }
        }
    }
}

/// MSNs that a rendition had nothing for. A day of them is more than any session leaves.
const GAPS_AT_MOST: u64 = 86_400;

fn fill(out: &mut Vec<Segment>, msn: u64, until: Timestamp) {
    let Some(last) = out.last() else { return };
    let missing = msn.saturating_sub(last.msn + 1).min(GAPS_AT_MOST);
    let (init, sequence) = (last.init, last.discontinuity_sequence);
    let from = last.start.plus(last.duration);
    let each = until.minus(from).ticks.max(0) / i64::try_from(missing.max(1)).unwrap_or(1);
    for i in 0..missing {
        let at = each.saturating_mul(i as i64);
        out.push(Segment {
            msn: msn - missing + i,
            discontinuity: false,
            discontinuity_sequence: sequence,
            init,
            start: from.plus(Timestamp::new(at, from.scale)),
            duration: Timestamp::new(each, from.scale),
            bytes: 0,
            key: 0,
            gap: true,
            live_only: false,
            parts: Vec::new(),
        });
    }
}

#[cfg(test)]
mod tests;
