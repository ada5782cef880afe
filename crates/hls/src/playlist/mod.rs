//! M3U8 text from values. Pure: no state, no time.
//!
//! `media` is the live playlist of one rendition, `dvr` that of its whole window, `multivariant` the list of renditions,
//! `vod` both for catch-up. In an I-frame playlist each segment is the key frame that it begins with.

pub mod dvr;
pub mod media;
pub mod multivariant;
pub mod vod;

use std::fmt::Write;
use std::sync::Arc;

use ::media::Timestamp;
use ::time::OffsetDateTime;
use ::time::macros::format_description;

use crate::Segment;
use crate::index::FIRST_MSN;
use crate::past::{Page, Past};

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
pub fn date_time(epoch_ms: i64, at: Timestamp) -> String {
    let ms = i128::from(epoch_ms) + i128::from(at.as_millis());
    let format = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
    OffsetDateTime::from_unix_timestamp_nanos(ms * 1_000_000)
        .ok()
        .and_then(|at| at.format(format).ok())
        .unwrap_or_default()
}

/// A playlist in pieces, so that a long one can be put together from what was rendered before.
#[derive(Clone, Debug)]
pub enum Piece {
    /// New with each change.
    Text(String),
    /// The same each time: `text` of it may be kept by its first MSN.
    Page(Arc<Page>),
}

/// What a playlist says of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Style {
    /// PROGRAM-DATE-TIME on each.
    Live,
    /// PROGRAM-DATE-TIME on every eighth and after a break: a day has a hundred thousand of them.
    Long,
    /// The same of the key frames alone (RFC 8216bis §4.4.3.6): a segment that begins with none is a GAP, so that numbers and
    /// times are those of the other playlists.
    Keys,
}

impl Style {
    fn dates(self, segment: &Segment) -> bool {
        self == Self::Live || segment.discontinuity || segment.msn % 8 == FIRST_MSN % 8
    }
}

/// The lines of a page's segments but for the MAP before the first.
pub fn text(page: &Page, style: Style, epoch_ms: i64) -> String {
    let mut out = String::with_capacity(64 * if style == Style::Live { 100 } else { 40 });
    let mut init = Some(page.init);
    for segment in page.segments() {
        head(&mut out, &segment, style, epoch_ms, &mut init);
        tail(&mut out, &segment, style);
    }
    out
}

/// The pieces as one.
pub fn whole(pieces: Vec<Piece>, style: Style, epoch_ms: i64) -> String {
    let mut out = String::new();
    for piece in pieces {
        match piece {
            Piece::Text(more) if out.is_empty() => out = more,
            Piece::Text(more) => out.push_str(&more),
            Piece::Page(page) => out.push_str(&text(&page, style, epoch_ms)),
        }
    }
    out
}

/// What a playlist is put together in: text, and pages between.
struct Pieces {
    done: Vec<Piece>,
    text: String,
}

impl Pieces {
    fn new(text: String) -> Self {
        Self { done: Vec::new(), text }
    }

    /// The segments of the past from `msn` on.
    fn past(&mut self, past: &Past, msn: u64, style: Style, epoch_ms: i64, init: &mut Option<u32>) {
        for (page, gone) in past.pages(msn) {
            // A page that begins with a break has its MAP behind the DISCONTINUITY: such a one is written out.
            let plain = page.segments().next().is_none_or(|s| !s.discontinuity || *init == Some(page.init));
            if gone == 0 && page.full() && plain {
                if *init != Some(page.init) {
                    map(&mut self.text, page.init, init);
                }
                if !self.text.is_empty() {
                    self.done.push(Piece::Text(std::mem::take(&mut self.text)));
                }
                self.done.push(Piece::Page(Arc::clone(page)));
                continue;
            }
            for segment in page.segments().skip(gone) {
                head(&mut self.text, &segment, style, epoch_ms, init);
                tail(&mut self.text, &segment, style);
            }
        }
    }

    fn finish(mut self) -> Vec<Piece> {
        if !self.text.is_empty() {
            self.done.push(Piece::Text(self.text));
        }
        self.done
    }
}

fn map(out: &mut String, number: u32, init: &mut Option<u32>) {
    let _ = writeln!(out, "#EXT-X-MAP:URI=\"init{number}.mp4\"");
    *init = Some(number);
}

/// What stands before a segment's first part (rule 7). `init`: the MAP in force before it.
fn head(out: &mut String, segment: &Segment, style: Style, epoch_ms: i64, init: &mut Option<u32>) {
    if segment.discontinuity {
        out.push_str("#EXT-X-DISCONTINUITY\n");
    }
    if *init != Some(segment.init) {
        map(out, segment.init, init);
    }
    if style.dates(segment) {
        let _ = writeln!(out, "#EXT-X-PROGRAM-DATE-TIME:{}", date_time(epoch_ms, segment.start));
    }
}

/// A sealed segment's own lines.
fn tail(out: &mut String, segment: &Segment, style: Style) {
    let key = (style == Style::Keys).then(|| segment.key_uri());
    if segment.gap || key == Some(None) {
        out.push_str("#EXT-X-GAP\n");
    }
    // From edge to edge, so that what is rounded doesn't add up: Shaka puts segments one after the other by it.
    let long = fine(segment.start.plus(segment.duration)) - fine(segment.start);
    let uri = key.flatten().unwrap_or_else(|| segment.uri());
    let _ = writeln!(out, "#EXTINF:{},\n{uri}", seconds(long.max(0)));
}
