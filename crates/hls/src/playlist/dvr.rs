//! The playlist of a rendition's whole window, while it is live: plain segments, for a player that goes back in time.
//!
//! No parts: who watches the past does not need the last second of it. Sliding, so without PLAYLIST-TYPE. Deltas keep a
//! reload of a day as short as that of a minute. The I-frame playlist is the same of the key frames alone.

use std::fmt::Write;

use super::media::{Report, first_kept, independent, report};
use super::{Piece, Pieces, Skip, Style, head, millis, tail};
use crate::Index;

impl Report {
    /// Its sealed segments only; `None` before the first.
    pub fn sealed(uri: impl Into<String>, index: &Index) -> Option<Self> {
        let last_msn = index.segments().next_back()?.msn;
        Some(Self { uri: uri.into(), last_msn, last_part: None })
    }
}

/// The playlist as of now (style of its pages: `Long`), with `skip` a delta update. New only when a segment is sealed.
pub fn pieces(index: &Index, skip: Option<Skip>, reports: &[Report]) -> Vec<Piece> {
    window(index, skip, reports, Style::Long)
}

/// The I-frame playlist as of now (style of its pages: `Keys`), for trick play.
pub fn keys(index: &Index, skip: Option<Skip>) -> Vec<Piece> {
    window(index, skip, &[], Style::Keys)
}

fn window(index: &Index, skip: Option<Skip>, reports: &[Report], style: Style) -> Vec<Piece> {
    let control = &index.control;
    let plan = &control.plan;
    let first = index.window_sequence();
    let from = if skip.is_some() && !index.ended() { first_kept(index).max(first) } else { first };
    let mut out = String::with_capacity(4096);
    let _ = writeln!(
        out,
        "#EXTM3U\n#EXT-X-VERSION:{}\n#EXT-X-TARGETDURATION:{}",
        if from > first { 9 } else { 6 },
        plan.target_duration
    );
    if style == Style::Keys {
        out.push_str("#EXT-X-I-FRAMES-ONLY\n");
    } else if independent(index, first) {
        out.push_str("#EXT-X-INDEPENDENT-SEGMENTS\n");
    }
    let _ = writeln!(
        out,
        "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,HOLD-BACK={},CAN-SKIP-UNTIL={}",
        millis(plan.hold_back().as_millis()),
        millis(plan.skip_until().as_millis())
    );
    let _ = writeln!(
        out,
        "#EXT-X-MEDIA-SEQUENCE:{first}\n#EXT-X-DISCONTINUITY-SEQUENCE:{}",
        index.discontinuities_before(first)
    );
    let mut pieces = Pieces::new(out);
    let mut init = None;
    if from > first {
        let _ = writeln!(pieces.text, "#EXT-X-SKIP:SKIPPED-SEGMENTS={}", from - first);
    } else {
        pieces.past(index.past(), first, style, control.epoch_ms, &mut init);
    }
    for segment in index.segments() {
        if segment.msn < from {
            continue;
        }
        head(&mut pieces.text, segment, style, control.epoch_ms, &mut init);
        tail(&mut pieces.text, segment, style);
    }
    if index.ended() {
        pieces.text.push_str("#EXT-X-ENDLIST\n");
    } else {
        report(&mut pieces.text, reports.iter());
    }
    pieces.finish()
}

#[cfg(test)]
mod tests;
