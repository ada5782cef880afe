//! Rule 6: PROGRAM-DATE-TIME.

use std::collections::BTreeMap;
use std::time::Duration;

use super::sheet::{Finding, Sheet};
use crate::check::evidence::{Evidence, Kind, Track, Update};
use crate::playlist::Media;

/// How far two renditions' dates of the same media time may be apart, seconds: frames that wait for their order.
const APART: f64 = 0.15;

pub(super) fn dates(evidence: &Evidence, sheet: &mut Sheet) {
    for track in &evidence.tracks {
        let mut known: BTreeMap<u64, (Duration, &Update)> = BTreeMap::new();
        for update in &track.updates {
            sheet.tried();
            let media = &update.media;
            let heads =
                || media.segments.iter().map(|s| (s.msn, &s.head)).chain([(media.next_msn(), &media.open)]);
            if heads().all(|(_, h)| h.date_time.is_none()) {
                sheet.must(Finding::on(track, "no EXT-X-PROGRAM-DATE-TIME").seen_in(update));
            }
            for (msn, head) in heads() {
                if head.discontinuity.is_some() && head.date_time.is_none() {
                    let what = format!("no EXT-X-PROGRAM-DATE-TIME after the discontinuity at segment {msn}");
                    sheet.should(Finding::on(track, what).seen_in(update));
                }
                let Some(date) = head.date_time else { continue };
                let (before, first) = *known.entry(msn).or_insert((date, update));
                if before.abs_diff(date) > Duration::from_millis(2) {
                    let what = format!("the date of segment {msn} moved by {:?}", before.abs_diff(date));
                    sheet.must(Finding::on(track, what).seen_in(first).seen_in(update));
                }
            }
        }
    }
    let offsets: Vec<_> = evidence.tracks.iter().map(offsets).collect();
    for (at, (track, own)) in evidence.tracks.iter().zip(&offsets).enumerate() {
        for (other, theirs) in evidence.tracks.iter().zip(&offsets).take(at) {
            for (number, mine) in own {
                let Some(his) = theirs.get(number).filter(|his| (**his - mine).abs() > APART) else {
                    continue;
                };
                let apart = (his - mine).abs();
                let what = format!(
                    "dates of the same media time are {apart:.3} s apart in `{}` and `{}`",
                    track.name, other.name
                );
                let mut finding = Finding::on(track, what);
                for one in [track, other] {
                    if let Some(update) = one.latest() {
                        finding = finding.seen_in(update);
                    }
                }
                sheet.must(finding);
            }
        }
    }
}

/// How many discontinuities there were before each whole segment, from the session's start.
pub(super) fn discontinuities(media: &Media) -> BTreeMap<u64, u64> {
    let mut number = media.discontinuity_sequence.unwrap_or(0);
    let mut out = BTreeMap::new();
    for segment in &media.segments {
        number += u64::from(segment.head.discontinuity.is_some());
        out.insert(segment.msn, number);
    }
    out
}

/// By discontinuity: the date less the decode time, seconds.
fn offsets(track: &Track) -> BTreeMap<u64, f64> {
    let mut out = BTreeMap::new();
    let Some(init) = track.init() else { return out };
    let numbers: Vec<_> = track.updates.iter().map(|u| discontinuities(&u.media)).collect();
    for (update, numbers) in
        track.updates.iter().zip(&numbers).filter(|(u, _)| u.media.discontinuity_sequence.is_some())
    {
        for segment in &update.media.segments {
            let samples = || {
                track
                    .samples(Kind::Segment, (segment.msn, 0))
                    .or_else(|| track.samples(Kind::Part, (segment.msn, 0)))
            };
            let (Some(date), Some(number)) = (segment.head.date_time, numbers.get(&segment.msn)) else {
                continue;
            };
            if out.contains_key(number) {
                continue;
            }
            let Some(first) = samples().and_then(|f| f.first()) else { continue };
            let Some(of) = init.tracks.iter().find(|t| t.id == first.track) else { continue };
            out.insert(*number, date.as_secs_f64() - first.start as f64 / f64::from(of.timescale));
        }
    }
    out
}
