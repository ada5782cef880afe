//! M3U8 text from values. Pure: no state, no time.
//!
//! `media` is the live playlist of one rendition, `multivariant` the list of renditions, `vod` both for catch-up.

pub mod media;
pub mod multivariant;
pub mod vod;

use std::fmt::Write;

use ::media::Timestamp;
use ::time::OffsetDateTime;
use ::time::macros::format_description;

use crate::Segment;

/// `_HLS_skip`: both forms get the same delta, for there are no date ranges to remove.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Skip {
    /// `YES`
    Yes,
    /// `v2`
    V2,
}

/// Seconds with five decimals.
fn seconds(fine: i128) -> String {
    format!("{}.{:05}", fine / 100_000, fine % 100_000)
}

/// In units of 10 µs, rounded down.
fn fine(t: Timestamp) -> i128 {
    (i128::from(t.ticks) * 100_000).div_euclid(i128::from(t.scale.hz()))
}

/// Milliseconds as seconds without trailing zeros: `0.603`, `6`.
fn millis(ms: u128) -> String {
    let text = format!("{}.{:03}", ms / 1000, ms % 1000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// RFC 3339 in UTC with milliseconds; empty where the clock is beyond year 9999.
fn date_time(epoch_ms: i64, at: Timestamp) -> String {
    let ms = i128::from(epoch_ms) + i128::from(at.as_millis());
    let format = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
    OffsetDateTime::from_unix_timestamp_nanos(ms * 1_000_000)
        .ok()
        .and_then(|at| at.format(format).ok())
        .unwrap_or_default()
}

/// What stands before a segment's first part (rule 7). `init`: the MAP in force before it.
fn head(out: &mut String, segment: &Segment, epoch_ms: i64, init: &mut Option<u32>) {
    if segment.discontinuity {
        out.push_str("#EXT-X-DISCONTINUITY\n");
    }
    if *init != Some(segment.init) {
        let _ = writeln!(out, "#EXT-X-MAP:URI=\"init{}.mp4\"", segment.init);
        *init = Some(segment.init);
    }
    let _ = writeln!(out, "#EXT-X-PROGRAM-DATE-TIME:{}", date_time(epoch_ms, segment.start));
}

/// A sealed segment's own lines.
fn tail(out: &mut String, segment: &Segment) {
    if segment.gap {
        out.push_str("#EXT-X-GAP\n");
    }
    // From edge to edge, so that what is rounded doesn't add up: Shaka puts segments one after the other by it.
    let long = fine(segment.start.plus(segment.duration)) - fine(segment.start);
    let _ = writeln!(out, "#EXTINF:{},\n{}", seconds(long.max(0)), segment.uri());
}
