//! What a playlist or part request gets (RFC 8216bis §6.2.5.2; rules 18–21, 23). Pure: the caller waits and counts time.

use crate::index::FIRST_MSN;
use crate::{Index, playlist::Skip};

/// The delivery directives of a playlist request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// `_HLS_msn`
    pub msn: Option<u64>,
    /// `_HLS_part`
    pub part: Option<u64>,
    /// `_HLS_skip`
    pub skip: Option<Skip>,
    /// The directives aren't in UTF-8 order (§6.2.5).
    pub shuffled: bool,
}

/// The answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reload {
    /// Answer from the current state at once.
    Ready,
    /// Ask again after the next change; give up with 503 after `Plan::hold_limit` (3×TD).
    Wait,
    /// Answer with this HTTP status and reason.
    Refuse(u16, &'static str),
}

/// What a media playlist request gets now.
pub fn ask(index: &Index, query: &Query) -> Reload {
    if index.ended() {
        return Reload::Ready;
    }
    match (query.msn, query.part) {
        (None, Some(_)) => Reload::Refuse(400, "_HLS_part needs _HLS_msn"),
        (None, None) if !joinable(index) => Reload::Wait,
        (None, None) => Reload::Ready,
        (Some(msn), part) => blocking(index, msn, part.filter(|_| index.control.plan.parts)),
    }
}

/// What an answer may skip. VHS (video.js 8.24) counts the discontinuities that it sees in a delta, and gives older segments
/// the numbers that come of it: with one among the skipped, its sound and its pictures wait for each other for good. It is the
/// one that puts `_HLS_skip` before the other directives, and gets whole playlists once there was a break.
pub fn skip(index: &Index, query: &Query) -> Option<Skip> {
    query.skip.filter(|_| !(query.shuffled && index.broken()))
}

/// What a request for `dvr.m3u8` gets now: it has whole segments only, so `_HLS_part` says nothing.
pub fn ask_dvr(index: &Index, query: &Query) -> Reload {
    let last = index.segments().next_back().map(|s| s.msn);
    match (query.msn, last) {
        _ if index.ended() => Reload::Ready,
        (None, _) if query.part.is_some() => Reload::Refuse(400, "_HLS_part needs _HLS_msn"),
        (None, Some(_)) => Reload::Ready,
        (Some(msn), Some(last)) if msn <= last => Reload::Ready,
        (Some(msn), last) if msn > last.unwrap_or(index.current_msn()).saturating_add(2) => {
            Reload::Refuse(400, "_HLS_msn is more than two segments ahead")
        }
        (None | Some(_), _) => Reload::Wait,
    }
}

/// Whether who asks without `_HLS_msn`, a player that joins, is answered.
pub(crate) fn joinable(index: &Index) -> bool {
    let plan = &index.control.plan;
    let from = index.media_sequence().max(index.begins());
    let listed = index.segments().filter(|s| s.msn >= from);
    let seconds: f64 = listed.map(|s| s.duration.seconds()).sum();
    if plan.parts {
        // FFmpeg and VLC know no parts, and give up on a playlist without a whole segment. hls.js stands still where that is
        // one of a frame or two: what a publisher leaves that breaks off as it begins.
        let least = plan.segment_of(FIRST_MSN).as_secs_f64() * 0.9;
        let open = index.open().map_or(0.0, |s| s.duration.seconds());
        index.whole().any(|s| s.msn >= from) && seconds + open >= least
    } else {
        // Who joins a session without parts at its beginning has what is there, and then a whole segment at a time, each as
        // long as the target duration at most: with a second more than that, the next is always there before the last has
        // played.
        seconds >= f64::from(plan.target_duration) + 1.0
    }
}

fn blocking(index: &Index, msn: u64, part: Option<u64>) -> Reload {
    let last = index.last().map(|(msn, _)| msn);
    let too_far = match last {
        Some(last) => msn > last.saturating_add(2),
        None => msn > index.current_msn().saturating_add(1),
    };
    if too_far {
        return Reload::Refuse(400, "_HLS_msn is more than two segments ahead");
    }
    let edge = index.edge();
    let current = edge.map_or(index.current_msn(), |s| s.msn);
    let Some(part) = part else {
        return if msn < current { Reload::Ready } else { Reload::Wait };
    };
    let parts = edge.map_or(0, |s| s.parts.len() as u64);
    if msn < current {
        return Reload::Ready;
    }
    if msn == current && part < parts {
        return Reload::Ready;
    }
    // RFC 8216bis §6.2.5.2: the Advance Part Limit is three, or three over PART-TARGET where that is under a second.
    let target = index.control.part_target.seconds();
    let limit = if target < 1.0 { (3.0 / target).ceil() as u64 } else { 3 };
    let from = if msn == current { parts } else { 0 };
    if part >= from.saturating_add(limit) {
        return Reload::Refuse(400, "_HLS_part is too far ahead");
    }
    Reload::Wait
}

/// What a request for `p{number}.m4s` gets now: `Ready` says that the part exists (or did: it may have been dropped).
pub fn ask_part(index: &Index, number: u64) -> Reload {
    let next = index.next_part();
    if number < next {
        Reload::Ready
    } else if number == next && !index.ended() && index.control.plan.parts {
        Reload::Wait
    } else {
        Reload::Refuse(404, "no such part")
    }
}

#[cfg(test)]
mod tests;
