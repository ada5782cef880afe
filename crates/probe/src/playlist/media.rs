//! Media playlists (§4.4.3–5): what each line says, where it stands, in whose name.

mod read;

use std::sync::Arc;
use std::time::Duration;

use super::Fault;
pub(super) use read::parse;

/// A media playlist as it was read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Media {
    /// EXT-X-VERSION.
    pub version: Option<u64>,
    /// EXT-X-TARGETDURATION, seconds.
    pub target_duration: Option<u64>,
    /// EXT-X-PART-INF:PART-TARGET, seconds.
    pub part_target: Option<f64>,
    /// EXT-X-SERVER-CONTROL.
    pub server_control: Option<ServerControl>,
    /// EXT-X-MEDIA-SEQUENCE (0 where it is left out, §4.4.3.2).
    pub media_sequence: u64,
    /// EXT-X-DISCONTINUITY-SEQUENCE.
    pub discontinuity_sequence: Option<u64>,
    /// EXT-X-PLAYLIST-TYPE.
    pub playlist_type: Option<String>,
    /// EXT-X-ENDLIST.
    pub ended: bool,
    /// EXT-X-INDEPENDENT-SEGMENTS.
    pub independent_segments: bool,
    /// EXT-X-I-FRAMES-ONLY.
    pub i_frames_only: bool,
    /// EXT-X-SKIP: this is a delta.
    pub skip: Option<Skip>,
    /// Whole segments, oldest first; the first is `media_sequence` plus what was skipped.
    pub segments: Vec<Segment>,
    /// What stands after the last whole segment: the parts of the one that is being made.
    pub open: Head,
    /// EXT-X-PRELOAD-HINT.
    pub hints: Vec<Hint>,
    /// EXT-X-RENDITION-REPORT.
    pub reports: Vec<Report>,
    /// Lines that the draft does not allow.
    pub faults: Vec<Fault>,
}

/// EXT-X-SERVER-CONTROL (§4.4.3.8); seconds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ServerControl {
    /// CAN-BLOCK-RELOAD=YES.
    pub can_block_reload: bool,
    /// CAN-SKIP-UNTIL.
    pub can_skip_until: Option<f64>,
    /// CAN-SKIP-DATERANGES=YES.
    pub can_skip_dateranges: bool,
    /// HOLD-BACK.
    pub hold_back: Option<f64>,
    /// PART-HOLD-BACK.
    pub part_hold_back: Option<f64>,
}

/// EXT-X-SKIP (§4.4.5.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skip {
    /// SKIPPED-SEGMENTS.
    pub segments: u64,
    /// RECENTLY-REMOVED-DATERANGES stood there.
    pub dateranges: bool,
    /// Where the tag stands.
    pub line: usize,
}

/// A whole segment.
#[derive(Clone, Debug, PartialEq)]
pub struct Segment {
    /// Its media sequence number.
    pub msn: u64,
    /// EXTINF, seconds.
    pub duration: f64,
    /// As written.
    pub uri: String,
    /// EXT-X-BYTERANGE, with the offset worked out.
    pub range: Option<Range>,
    /// What stands before its URI.
    pub head: Head,
    /// Where its URI stands.
    pub line: usize,
}

/// Tags that belong to the segment whose URI comes after them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Head {
    /// The line of EXT-X-DISCONTINUITY.
    pub discontinuity: Option<usize>,
    /// The map in force, which may stand before an earlier segment.
    pub map: Option<Arc<Map>>,
    /// The line of this segment's own EXT-X-MAP.
    pub map_line: Option<usize>,
    /// EXT-X-PROGRAM-DATE-TIME: since 1970.
    pub date_time: Option<Duration>,
    /// Its line.
    pub date_time_line: Option<usize>,
    /// EXT-X-GAP.
    pub gap: bool,
    /// EXT-X-PART, in order.
    pub parts: Vec<Part>,
}

/// EXT-X-MAP (§4.4.4.5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Map {
    /// As written.
    pub uri: String,
    /// BYTERANGE.
    pub range: Option<Range>,
}

/// A byte range with its offset known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// First byte.
    pub start: u64,
    /// Bytes.
    pub len: u64,
}

/// EXT-X-PART (§4.4.4.9).
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// As written.
    pub uri: String,
    /// DURATION, seconds.
    pub duration: f64,
    /// INDEPENDENT=YES.
    pub independent: bool,
    /// GAP=YES.
    pub gap: bool,
    /// BYTERANGE.
    pub range: Option<Range>,
    /// Where it stands.
    pub line: usize,
}

/// EXT-X-PRELOAD-HINT (§4.4.5.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hint {
    /// PART or MAP.
    pub kind: String,
    /// As written.
    pub uri: String,
    /// BYTERANGE-START.
    pub start: u64,
    /// BYTERANGE-LENGTH.
    pub len: Option<u64>,
    /// The map in force where it stands.
    pub map: Option<Arc<Map>>,
    /// Where it stands.
    pub line: usize,
}

/// EXT-X-RENDITION-REPORT (§4.4.5.4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// As written.
    pub uri: String,
    /// LAST-MSN.
    pub last_msn: Option<u64>,
    /// LAST-PART.
    pub last_part: Option<u64>,
    /// Where it stands.
    pub line: usize,
}

impl Media {
    /// The sequence number of the first segment that the text lists itself.
    pub fn first_listed(&self) -> u64 {
        self.media_sequence.saturating_add(self.skip.as_ref().map_or(0, |s| s.segments))
    }

    /// The sequence number of the segment that is being made, whether or not it has parts yet.
    pub fn next_msn(&self) -> u64 {
        self.first_listed().saturating_add(self.segments.len() as u64)
    }

    /// The newest media: the segment's number, and the part's index where it has parts.
    pub fn last(&self) -> Option<(u64, Option<u64>)> {
        if let Some(last) = self.open.parts.len().checked_sub(1) {
            return Some((self.next_msn(), Some(last as u64)));
        }
        let segment = self.segments.last()?;
        Some((segment.msn, segment.head.parts.len().checked_sub(1).map(|n| n as u64)))
    }

    /// What a blocking reload asks for to get the next change (§6.3.8).
    pub fn next(&self) -> (u64, Option<u64>) {
        (self.next_msn(), self.part_target.map(|_| self.open.parts.len() as u64))
    }

    /// All parts with the number of their segment and their index in it, oldest first.
    pub fn parts(&self) -> impl Iterator<Item = (u64, u64, &Part)> {
        let whole = self.segments.iter().map(|s| (s.msn, &s.head));
        let all = whole.chain([(self.next_msn(), &self.open)]);
        all.flat_map(|(msn, head)| head.parts.iter().enumerate().map(move |(i, p)| (msn, i as u64, p)))
    }

    /// The hint for the next part.
    pub fn part_hint(&self) -> Option<&Hint> {
        self.hints.iter().find(|h| h.kind == "PART")
    }
}
