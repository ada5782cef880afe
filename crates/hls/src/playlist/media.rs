//! The live media playlist.

use std::fmt::Write;

use super::{Piece, Pieces, Skip, Style, fine, head, map, millis, seconds, tail, whole};
use crate::{Index, PartInfo, Segment};

/// EXT-X-RENDITION-REPORT of another rendition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Relative to this playlist: `../audio/media.m3u8`.
    pub uri: String,
    /// LAST-MSN.
    pub last_msn: u64,
    /// LAST-PART, where it has parts.
    pub last_part: Option<u64>,
}

impl Report {
    /// What `index` has now; `None` before its first part.
    pub fn of(uri: impl Into<String>, index: &Index) -> Option<Self> {
        index.last().map(|(last_msn, last_part)| Self { uri: uri.into(), last_msn, last_part })
    }
}

/// The playlist as of now: render it once per change and share it among all viewers. With `skip` a delta update, or
/// the whole playlist where there is nothing to skip.
pub fn render(index: &Index, skip: Option<Skip>, reports: &[Report]) -> String {
    whole(pieces(index, skip, reports), Style::Live, index.control.epoch_ms)
}

/// The same in pieces (their style: `Live`): the work does not grow with the window.
pub fn pieces(index: &Index, skip: Option<Skip>, reports: &[Report]) -> Vec<Piece> {
    let control = &index.control;
    let plan = &control.plan;
    let skipped = skip.map_or(0, |_| skippable(index));
    let mut out = String::with_capacity(4096);
    // Rule 1: 6 for EXT-X-MAP, 9 for EXT-X-SKIP.
    let version = if skipped > 0 { 9 } else { 6 };
    let _ =
        writeln!(out, "#EXTM3U\n#EXT-X-VERSION:{version}\n#EXT-X-TARGETDURATION:{}", plan.target_duration);
    if independent(index, index.media_sequence()) {
        out.push_str("#EXT-X-INDEPENDENT-SEGMENTS\n");
    }
    let _ = write!(out, "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,");
    if plan.parts {
        let _ = write!(out, "PART-HOLD-BACK={},", millis(ceil_millis(control.part_hold_back)));
    }
    let _ = writeln!(
        out,
        "HOLD-BACK={},CAN-SKIP-UNTIL={}",
        millis(plan.hold_back().as_millis()),
        millis(plan.skip_until().as_millis())
    );
    if plan.parts {
        let target = control.part_target.hundred_thousandths();
        let _ = writeln!(out, "#EXT-X-PART-INF:PART-TARGET={}.{:05}", target / 100_000, target % 100_000);
    }
    let _ = writeln!(
        out,
        "#EXT-X-MEDIA-SEQUENCE:{}\n#EXT-X-DISCONTINUITY-SEQUENCE:{}",
        index.media_sequence(),
        index.discontinuity_sequence()
    );
    if skipped > 0 {
        let _ = writeln!(out, "#EXT-X-SKIP:SKIPPED-SEGMENTS={skipped}");
    }
    let mut pieces = Pieces::new(out);
    segments(&mut pieces, index, skipped);
    next(&mut pieces.text, index);
    // After ENDLIST nobody reloads.
    report(&mut pieces.text, reports.iter().filter(|_| !index.ended()));
    pieces.finish()
}

pub(super) fn report<'a>(out: &mut String, reports: impl Iterator<Item = &'a Report>) {
    for report in reports {
        let _ = write!(out, "#EXT-X-RENDITION-REPORT:URI=\"{}\",LAST-MSN={}", report.uri, report.last_msn);
        if let Some(part) = report.last_part {
            let _ = write!(out, ",LAST-PART={part}");
        }
        out.push('\n');
    }
}

/// Each segment of this playlist begins with a key frame. Where VHS (video.js 8.24) isn't told and its buffer runs dry after
/// a part with a key frame, it loads that part over and over, and gives the playlist up after ten times.
pub(super) fn independent(index: &Index, from: u64) -> bool {
    let begins = |s: &Segment| s.parts.first().is_none_or(|part| part.independent);
    index.past().independent(from) && index.whole().all(|s| begins(s)) && index.edge().is_none_or(begins)
}

/// Segments that end before the Skip Boundary (RFC 8216bis §6.2.5.1), counted from the first of the live playlist.
fn skippable(index: &Index) -> u64 {
    first_kept(index).saturating_sub(index.media_sequence())
}

/// The first segment that a delta has.
pub(super) fn first_kept(index: &Index) -> u64 {
    let boundary = index.control.plan.skip_until().as_secs_f64();
    let mut after = index.edge().map_or(0.0, |s| s.duration.seconds());
    let mut first = index.whole().next_back().map_or(0, |s| s.msn + 1);
    // Never past what is recent, which is longer than the boundary.
    for segment in index.whole().rev() {
        if after >= boundary {
            break;
        }
        after += segment.duration.seconds();
        first = segment.msn;
    }
    first
}

fn segments(pieces: &mut Pieces, index: &Index, skipped: u64) {
    let control = &index.control;
    // Rule 15: parts are listed while they lie within three target durations of the end.
    let recent = f64::from(3 * control.plan.target_duration);
    let open = index.edge();
    let mut after =
        open.map_or(0.0, |s| s.duration.seconds()) + index.whole().map(|s| s.duration.seconds()).sum::<f64>();
    let from = index.media_sequence() + skipped;
    let target = control.part_target.hundred_thousandths();
    let mut init = None;
    // Behind EXT-X-SKIP the MAP stands again: Shaka 5.2 has none else for the segments of a delta, and gives them to a
    // decoder that wasn't told what they are.
    if skipped == 0 {
        pieces.past(index.past(), from, Style::Live, control.epoch_ms, &mut init);
    }
    let out = &mut pieces.text;
    for segment in index.whole() {
        after -= segment.duration.seconds();
        if segment.msn < from {
            continue;
        }
        head(out, segment, Style::Live, control.epoch_ms, &mut init);
        if control.plan.parts && after < recent {
            segment.parts.iter().for_each(|p| part(out, p, target));
        }
        tail(out, segment, Style::Live);
    }
    if !control.plan.parts || index.ended() {
        return;
    }
    match open {
        Some(open) => {
            head(out, open, Style::Live, control.epoch_ms, &mut init);
            open.parts.iter().for_each(|p| part(out, p, target));
        }
        // A hint must never come true under another MAP (Shaka dies of it), so both stand before it.
        None if index.open().is_none() && index.discontinuity_pending() => {
            out.push_str("#EXT-X-DISCONTINUITY\n");
            if let Some(current) = index.current_init().filter(|i| init != Some(i.number)) {
                map(out, current.number, &mut init);
            }
        }
        None => {
            if let Some(current) = index.current_init().filter(|_| init.is_none()) {
                map(out, current.number, &mut init);
            }
        }
    }
}

/// DURATION is always rounded up, a whole number too. Shaka 5.2 adds a millisecond to a negative timestampOffset
/// ("rounding errors in Edge"), and where the next part's own offset is a millisecond or more away from that it calls
/// `abort()`: the browser drops the rest of the GOP. A playlist in step with its media is exactly a millisecond away, and
/// the rounding of doubles decides; one that leads its media by 10 µs a part is nearer.
fn part(out: &mut String, part: &PartInfo, target: u64) {
    let independent = if part.independent { ",INDEPENDENT=YES" } else { "" };
    let long = seconds((fine(part.duration) + 1).min(target.into()));
    let _ = writeln!(out, "#EXT-X-PART:DURATION={long},URI=\"{}\"{independent}", part.uri());
}

/// Rule 8: one hint of each type; the part's by a running number so that it comes true even where its segment is closed
/// short. The MAP's names the one in force, which players have: VHS (video.js 8.24) then leaves the open segment's parts
/// alone. It can't play part by part: it puts the MAP before each part until two come with one reload, so that the browser
/// drops all but key frames, and it takes the open segment to last TARGETDURATION, and begins beyond the edge.
///
/// The part's DURATION is for Shaka 5.2 (§6.3.1: others ignore what they don't know). Where the hinted part then begins the
/// next segment, Shaka leaves it out as loaded already if both are the same within 2 ms; a hint without a length gets the
/// PART-TARGET of whichever rendition it read last, 9 ms longer where that is sound. So it loaded each segment's first part
/// twice, and a key frame that is replaced while its GOP is being decoded costs the rest of the GOP.
fn next(out: &mut String, index: &Index) {
    if index.ended() {
        out.push_str("#EXT-X-ENDLIST\n");
    } else if index.control.plan.parts {
        let long = seconds(index.control.part_target.usual().hundred_thousandths().into());
        let number = index.next_part();
        let _ = writeln!(out, "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"p{number}.m4s\",DURATION={long}");
        if let Some(init) = index.current_init() {
            let _ = writeln!(out, "#EXT-X-PRELOAD-HINT:TYPE=MAP,URI=\"{}\"", init.uri());
        }
    }
}

fn ceil_millis(d: std::time::Duration) -> u128 {
    d.as_micros().div_ceil(1000)
}

#[cfg(test)]
mod tests;
