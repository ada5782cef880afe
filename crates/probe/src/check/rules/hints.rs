//! Rules 8 and 23: hints, and what a request for one gets.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::sheet::{Finding, Sheet};
use crate::check::evidence::{Evidence, Kind, Purpose, Track, Update, Why};
use crate::playlist::Media;
use crate::playlist::media::{Map, Part};

pub(super) fn come_true(evidence: &Evidence, sheet: &mut Sheet) {
    for track in &evidence.tracks {
        let listed = with_maps(track);
        let mut judged = BTreeSet::new();
        for update in &track.updates {
            let media = &update.media;
            if media.ended {
                sheet.tried();
                if !media.hints.is_empty() {
                    sheet.must(Finding::on(track, "EXT-X-PRELOAD-HINT after EXT-X-ENDLIST").seen_in(update));
                }
                continue;
            }
            for kind in ["PART", "MAP"] {
                if media.hints.iter().filter(|h| h.kind == kind).count() > 1 {
                    let what = format!("more than one EXT-X-PRELOAD-HINT of type {kind}");
                    sheet.should(Finding::on(track, what).seen_in(update));
                }
            }
            if media.part_target.is_none() {
                continue;
            }
            let Some(hint) = media.part_hint() else {
                sheet.must(Finding::on(track, "no EXT-X-PRELOAD-HINT of type PART").seen_in(update));
                continue;
            };
            let (msn, index) = (media.next_msn(), media.open.parts.len() as u64);
            if !judged.insert((msn, index)) {
                continue;
            }
            // Its segment may be closed before it: then it is the first part of the next.
            let followed = [(msn, index), (msn + 1, 0)].into_iter().find_map(|p| listed.get(&p));
            let Some((part, map, later)) = followed else { continue };
            sheet.tried();
            let start = part.range.map_or(0, |r| r.start);
            if part.uri != hint.uri || (start != hint.start && hint.start != 0) {
                let what = format!("`{}` was hinted, `{}` came", hint.uri, part.uri);
                sheet.must(Finding::on(track, what).seen_in(update).seen_in(later));
            } else if *map != hint.map {
                // §4.4.5.3 lets it; Shaka 5 appends it to the map that it knows, and ends with error 3014.
                let what = format!("`{}` was hinted under another EXT-X-MAP than it came under", hint.uri);
                sheet.must(Finding::on(track, what).seen_in(update).seen_in(later));
            }
        }
    }
}

type Listed<'a> = BTreeMap<(u64, u64), (&'a Part, Option<Arc<Map>>, &'a Update)>;

fn with_maps(track: &Track) -> Listed<'_> {
    let mut out = BTreeMap::new();
    for update in &track.updates {
        let media: &Media = &update.media;
        let whole = media.segments.iter().map(|s| (s.msn, &s.head));
        for (msn, head) in whole.chain([(media.next_msn(), &media.open)]) {
            for (index, part) in head.parts.iter().enumerate() {
                out.entry((msn, index as u64)).or_insert((part, head.map.clone(), update));
            }
        }
    }
    out
}

pub(super) fn requests(evidence: &Evidence, sheet: &mut Sheet) {
    for track in &evidence.tracks {
        let listed: BTreeMap<String, &Update> =
            track.parts().into_values().map(|(p, u)| (p.uri.clone(), u)).collect();
        let part_target = Duration::from_secs_f64(track.part_target().unwrap_or(1.0).clamp(0.0, 60.0));
        let usual = usual_transfer(track);
        let hinted = track.resources.iter().filter(|r| r.kind == Kind::Part && r.why == Why::Hinted);
        for resource in hinted {
            // A hint that had not come true when the watch ended says nothing.
            let Some(update) = listed.get(&resource.uri) else { continue };
            if resource.exchange.sent >= update.exchange.done {
                continue;
            }
            sheet.tried();
            let finding = |what: String| Finding::on(track, what).seen_in(update).fetched(resource);
            let Ok(answer) = &resource.exchange.outcome else {
                sheet.must(finding(format!("the hinted part `{}` did not come", resource.uri)));
                continue;
            };
            let trickle = resource.exchange.done.saturating_sub(answer.head);
            if !matches!(answer.status, 200 | 206) {
                sheet.must(finding(format!("the hinted part `{}`: status {}", resource.uri, answer.status)));
            } else if resource.exchange.len == 0 {
                sheet.must(finding(format!("the hinted part `{}` came empty", resource.uri)));
            } else if trickle > (part_target / 3).max(usual * 3) {
                let what = "the hinted part began to come before it was whole";
                sheet.must(finding(format!(
                    "{what}: {:.3} s from its head to its end",
                    trickle.as_secs_f64()
                )));
            } else if let Some(Err(why)) = &resource.fragments {
                sheet.must(finding(format!("the hinted part `{}` is not whole: {why}", resource.uri)));
            }
        }
        for test in track.tests.iter().filter(|t| t.purpose == Purpose::NeverHinted) {
            sheet.tried();
            if test.exchange.status() != 404 {
                let what =
                    format!("a part that was never hinted: status {}, not 404", test.exchange.status());
                sheet.should(Finding::on(track, what).asked(&test.exchange));
            }
        }
    }
}

/// The median time from head to end of parts that were there already: what the network takes.
fn usual_transfer(track: &Track) -> Duration {
    let listed = track.resources.iter().filter(|r| r.kind == Kind::Part && r.why == Why::Listed);
    let mut times: Vec<_> = listed
        .filter_map(|r| Some(r.exchange.done.saturating_sub(r.exchange.outcome.as_ref().ok()?.head)))
        .collect();
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}
