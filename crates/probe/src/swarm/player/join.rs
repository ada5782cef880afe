//! Where a player begins.

use std::time::Duration;

use super::super::playlist::{Media, Segment};
use super::track::{Place, Track};

/// The position of the edge where the playlists bear no dates.
const ANYWHERE: Duration = Duration::from_secs(100_000_000);

/// A piece that a player could begin with.
struct Piece {
    place: Place,
    start: Duration,
    /// How far into its segment.
    inside: Duration,
}

/// How far from the edge to stay.
pub(super) fn hold_back(tracks: &[Track]) -> Duration {
    let of = |media: &Media| match media.part_target {
        Some(part) => media.part_hold_back.unwrap_or(part * 3),
        None => media.hold_back.unwrap_or(media.target * 3),
    };
    tracks.iter().filter_map(|track| track.list.as_deref()).map(of).max().unwrap_or_default()
}

/// Puts each track at the last piece with a key frame at or before the place to play from, and gives that place; `None`
/// as long as a playlist or its media is missing.
pub(super) fn place(tracks: &mut [Track]) -> Option<Duration> {
    let lists: Vec<_> = tracks.iter().map(|track| track.list.clone()).collect::<Option<_>>()?;
    let spans: Vec<_> = lists.iter().map(|list| span(list)).collect::<Option<Vec<_>>>()?;
    let first = spans.iter().map(|(start, _)| *start).max()?;
    let edge = spans.iter().map(|(_, end)| *end).min()?;
    // What has ended is played from its beginning.
    let live = lists.iter().any(|list| !list.ended);
    let at = if live { edge.saturating_sub(hold_back(tracks)).max(first) } else { first };
    let choose = |(list, (start, _)): (&std::rc::Rc<Media>, &(Duration, Duration))| {
        let mut pieces = pieces(list, *start);
        let from = pieces.iter().rposition(|piece| piece.start <= at).unwrap_or(0);
        (from < pieces.len()).then(|| pieces.swap_remove(from))
    };
    let chosen = lists.iter().zip(&spans).map(choose).collect::<Option<Vec<_>>>()?;
    for (track, piece) in tracks.iter_mut().zip(&chosen) {
        track.begin(piece.place, piece.start, piece.inside);
    }
    // Where there is no key frame so far back, playing begins with the first one.
    chosen.iter().map(|piece| piece.start).chain([at]).max()
}

/// The positions of a playlist's beginning and end.
fn span(list: &Media) -> Option<(Duration, Duration)> {
    let first = list.segments.first()?;
    let length = list.segments.iter().map(Segment::duration).sum::<Duration>();
    let mut before = Duration::ZERO;
    for segment in &list.segments {
        if let Some(date) = segment.date {
            // Positions are sums of durations; the first date says where they begin.
            let start = date.saturating_sub(before);
            return Some((start, start + length));
        }
        before += segment.duration();
    }
    let start = ANYWHERE.saturating_sub(length);
    (!first.parts.is_empty() || first.whole.is_some()).then_some((start, start + length))
}

fn pieces(list: &Media, start: Duration) -> Vec<Piece> {
    // Sound needs no key frames, and not every origin says so of each part.
    let marked = list.segments.iter().flat_map(|s| &s.parts).any(|part| part.independent);
    let mut out = Vec::new();
    let mut begin = start;
    for segment in &list.segments {
        let mut inside = Duration::ZERO;
        let mut add = |part, inside| {
            out.push(Piece { place: Place { msn: segment.msn, part }, start: begin + inside, inside });
        };
        if segment.parts.is_empty() {
            add(0, inside);
        }
        for (number, part) in segment.parts.iter().enumerate() {
            if part.independent || !marked {
                add(number, inside);
            }
            inside += part.duration;
        }
        begin += segment.duration();
    }
    out
}
