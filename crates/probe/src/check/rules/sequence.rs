//! Rules 13, 14, 15, 17: from one reload to the next.

use std::collections::BTreeSet;
use std::time::Duration;

use super::sheet::{Finding, Sheet, place};
use crate::check::collect::poll_interval;
use crate::check::evidence::{Evidence, Kind, Resource, Track, Update, Why};
use crate::mp4::Fragment;
use crate::playlist::Media;
use crate::playlist::media::Segment;

const HAIR: f64 = 1e-3;
/// How long a silent publisher may be waited for, seconds.
const SILENCE: f64 = 1.5;
/// How far one segment's end may be from the next one's start, seconds, within one timeline.
const JOINT: f64 = 0.05;

pub(super) fn numbers(evidence: &Evidence, sheet: &mut Sheet) {
    for track in &evidence.tracks {
        for pair in track.updates.windows(2) {
            let [before, after] = pair else { continue };
            let (old, new) = (&before.media, &after.media);
            let finding = |what: String| Finding::on(track, what).seen_in(before).seen_in(after);
            if new.media_sequence < old.media_sequence {
                sheet.must(finding("EXT-X-MEDIA-SEQUENCE went down".to_owned()));
                continue;
            }
            if new.last() < old.last() {
                sheet.must(finding(format!(
                    "the newest part went back from {} to {}",
                    place(old.last()),
                    place(new.last())
                )));
            }
            let theirs = |msn: u64| new.segments.iter().find(|s| s.msn == msn);
            let changed = |s: &&Segment| {
                theirs(s.msn)
                    .is_some_and(|t| t.uri != s.uri || t.range != s.range || t.duration != s.duration)
            };
            if let Some(segment) = old.segments.iter().find(changed) {
                sheet.must(finding(format!("segment {} is another one now", segment.msn)));
            }
            let removed = usize::try_from(new.media_sequence - old.media_sequence).unwrap_or(usize::MAX);
            if removed == 0 || removed > old.segments.len() {
                continue;
            }
            sheet.tried();
            let gone =
                old.segments.iter().take(removed).filter(|s| s.head.discontinuity.is_some()).count() as u64;
            // Without the tag there is nothing to hold against (rule 10 asks for it).
            let (Some(is), Some(was)) = (new.discontinuity_sequence, old.discontinuity_sequence) else {
                continue;
            };
            let rose = is.checked_sub(was);
            if rose != Some(gone) {
                sheet.must(finding(format!(
                    "{gone} discontinuities were removed, EXT-X-DISCONTINUITY-SEQUENCE rose by {rose:?}"
                )));
            }
        }
    }
}

pub(super) fn cadence(evidence: &Evidence, sheet: &mut Sheet) {
    let slack = sheet.limits.slack.as_secs_f64();
    for track in &evidence.tracks {
        let Some((first, rest)) = track.updates.split_first() else { continue };
        let ended = track.latest().is_some_and(|u| u.media.ended);
        let (mut part, mut segment) = ((first.media.last(), first), (first.media.next_msn(), first));
        // Only the first interval has no beginning that was seen.
        let (mut begun, mut whole) = (false, false);
        for update in rest {
            let media = &update.media;
            // Without blocking reloads it is seen a poll later.
            let blocks = media.server_control.as_ref().is_some_and(|c| c.can_block_reload);
            let slack = slack + if blocks { 0.0 } else { poll_interval(media).as_secs_f64() };
            let target = media.target_duration.unwrap_or(0) as f64;
            if media.last() != part.0 {
                if let Some(limit) = media.part_target.filter(|_| begun) {
                    sheet.tried();
                    late(track, "part", limit + slack, limit, part.1, update, sheet);
                }
                (part, begun) = ((media.last(), update), true);
            }
            if media.next_msn() != segment.0 {
                if whole {
                    sheet.tried();
                    late(track, "segment", 1.5 * target + slack, 1.5 * target, segment.1, update, sheet);
                }
                (segment, whole) = ((media.next_msn(), update), true);
            }
        }
        let silent = evidence.until.saturating_sub(part.1.exchange.done).as_secs_f64();
        if let Some(limit) = track.part_target().filter(|l| !ended && silent > l + slack) {
            let what = format!("no part for {silent:.3} s when the watch ended; PART-TARGET is {limit} s");
            sheet.must(Finding::on(track, what).seen_in(part.1));
        }
    }
}

fn late(
    track: &Track,
    what: &str,
    limit: f64,
    rule: f64,
    before: &Update,
    after: &Update,
    sheet: &mut Sheet,
) {
    let gap = after.exchange.done.saturating_sub(before.exchange.done).as_secs_f64();
    // A publisher that falls silent is waited for before a slate takes over, at a discontinuity (rule 14).
    let limit = if resumed(before, after) { limit + SILENCE } else { limit };
    if gap > limit {
        let what = format!(
            "a {what} came {gap:.3} s after the one before; {rule} s are allowed, and {:.3} s for the network",
            limit - rule
        );
        sheet.must(Finding::on(track, what).seen_in(before).seen_in(after));
    }
}

/// Whether a new timeline began between the two.
fn resumed(before: &Update, after: &Update) -> bool {
    let media = &after.media;
    let heads = media.segments.iter().map(|s| (s.msn, &s.head)).chain([(media.next_msn(), &media.open)]);
    let mut new = heads.filter(|(msn, _)| *msn >= before.media.next_msn());
    new.any(|(_, head)| head.discontinuity.is_some())
}

pub(super) fn old_parts(evidence: &Evidence, sheet: &mut Sheet) {
    for track in &evidence.tracks {
        for update in track.updates.iter().filter(|u| u.media.part_target.is_some() && !u.media.ended) {
            let media = &update.media;
            let kept = 3.0 * media.target_duration.unwrap_or(0) as f64;
            let mut after: f64 = media.open.parts.iter().map(|p| p.duration).sum();
            for segment in media.segments.iter().rev() {
                let begins = after + segment.duration;
                let parts = !segment.head.parts.is_empty();
                sheet.tried();
                if parts && after > kept + HAIR {
                    let what = format!(
                        "segment {} has EXT-X-PARTs, and ends {after:.3} s before the live edge",
                        segment.msn
                    );
                    sheet.should(Finding::on(track, what).seen_in(update));
                } else if !parts && begins <= kept - HAIR && !segment.head.gap {
                    let what = format!(
                        "segment {} has no EXT-X-PARTs, and begins {begins:.3} s before the live edge",
                        segment.msn
                    );
                    sheet.must(Finding::on(track, what).seen_in(update));
                }
                after = begins;
            }
        }
        for resource in &track.resources {
            let Why::Gone(since) = resource.why else { continue };
            // What was never there is another rule's business.
            let failed = |status: u16| !matches!(status, 200 | 206);
            let same = |r: &&Resource| r.uri == resource.uri && r.why == Why::Listed;
            if track.resources.iter().filter(same).any(|r| failed(r.exchange.status())) {
                continue;
            }
            sheet.tried();
            if !matches!(resource.exchange.status(), 200 | 206 | 300..=399) {
                let later = resource.exchange.sent.saturating_sub(since).as_secs_f64();
                let name = if resource.kind == Kind::Part { "part" } else { "segment" };
                let what = format!(
                    "a {name} that left the playlist {later:.1} s ago: status {}",
                    resource.exchange.status()
                );
                sheet.must(Finding::on(track, what).fetched(resource));
            }
        }
    }
}

pub(super) fn gaps(evidence: &Evidence, sheet: &mut Sheet) {
    for track in &evidence.tracks {
        missing(track, sheet);
        joints(track, sheet);
        for pair in track.updates.windows(2) {
            let [before, after] = pair else { continue };
            if after.media.media_sequence <= before.media.media_sequence || after.media.skip.is_some() {
                continue;
            }
            sheet.tried();
            let left: f64 = length(&after.media);
            let least = 3.0 * after.media.target_duration.unwrap_or(0) as f64;
            if left < least - HAIR {
                let what = format!("a segment was removed, and {left:.3} s are left; {least} s must be");
                sheet.must(Finding::on(track, what).seen_in(before).seen_in(after));
            }
        }
    }
}

/// Whole segments, seconds.
fn length(media: &Media) -> f64 {
    media.segments.iter().map(|s| s.duration).sum()
}

/// Listed, not a GAP, and not there.
fn missing(track: &Track, sheet: &mut Sheet) {
    for resource in track.resources.iter().filter(|r| r.why == Why::Listed) {
        sheet.tried();
        let status = resource.exchange.status();
        // Redirects are another rule's business.
        if matches!(status, 200 | 206 | 300..=399) {
            continue;
        }
        let name = match resource.kind {
            Kind::Init => "map",
            Kind::Part => "part",
            Kind::Segment => "segment",
        };
        let what = format!("a {name} is listed without GAP: status {status}");
        sheet.must(Finding::on(track, what).fetched(resource));
    }
}

/// A segment begins where the one before ended, under the same map, unless a DISCONTINUITY says otherwise.
fn joints(track: &Track, sheet: &mut Sheet) {
    let segments = track.segments();
    for (msn, (segment, update)) in &segments {
        let Some((before, _)) = msn.checked_sub(1).and_then(|m| segments.get(&m)) else { continue };
        if segment.head.discontinuity.is_some() {
            continue;
        }
        sheet.tried();
        let other_map = match (&before.head.map, &segment.head.map) {
            (Some(a), Some(b)) if a != b => {
                let read = |m| track.inits.get(&crate::check::evidence::map_key(m));
                read(a).zip(read(b)).is_none_or(|(a, b)| a != b)
            }
            _ => false,
        };
        if other_map {
            let what = format!("segment {msn} has another EXT-X-MAP and no EXT-X-DISCONTINUITY");
            sheet.must(Finding::on(track, what).seen_in(update));
        }
        let ids: BTreeSet<u32> = edge(track, before).into_iter().flatten().map(|f| f.track).collect();
        for id in ids {
            let of = |f: &&Fragment| f.track == id;
            let end = edge(track, before).and_then(|f| f.iter().rfind(of).map(Fragment::end));
            let start = edge(track, segment).and_then(|f| f.iter().find(of).map(|f| f.start));
            let scale = track.init().and_then(|i| i.tracks.iter().find(|t| t.id == id)).map(|t| t.timescale);
            let (Some(end), Some(start), Some(scale)) = (end, start, scale) else { continue };
            let apart = start.abs_diff(end) as f64 / f64::from(scale);
            if apart > JOINT {
                let what = format!(
                    "segment {msn} begins {apart:.3} s off the end of the one before, without EXT-X-DISCONTINUITY"
                );
                let shown = track.resources.iter().find(|r| r.kind == Kind::Segment && r.place.0 == *msn);
                let finding = Finding::on(track, what).seen_in(update);
                sheet.must(match shown {
                    Some(resource) => finding.fetched(resource),
                    None => finding,
                });
            }
        }
    }
}

fn edge<'a>(track: &'a Track, segment: &Segment) -> Option<&'a [Fragment]> {
    track.samples(Kind::Segment, (segment.msn, 0))
}

/// For a person: how regularly parts came, as (when, seconds since the one before).
pub(crate) fn arrivals(track: &Track) -> Vec<(Duration, f64)> {
    let (mut out, mut last) = (Vec::new(), None);
    for update in &track.updates {
        if last.is_none_or(|(newest, _)| newest != update.media.last()) {
            if let Some((_, at)) = last {
                out.push((update.exchange.done, update.exchange.done.saturating_sub(at).as_secs_f64()));
            }
            last = Some((update.media.last(), update.exchange.done));
        }
    }
    out
}
