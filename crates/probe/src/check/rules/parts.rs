//! Rules 3, 4, 16: parts, their frames, and the segments that they make.

use super::sheet::{Finding, Sheet};
use crate::check::evidence::{Evidence, Kind, Resource, Track};
use crate::mp4::{Fragment, Sample};

/// How far a declared duration may be from the samples' own, seconds: what a writer rounds away.
const ROUNDING: f64 = 0.01;

pub(super) fn durations(evidence: &Evidence, sheet: &mut Sheet) {
    for track in &evidence.tracks {
        let parts = track.parts();
        for (place, (part, update)) in &parts {
            // Without a duration there is nothing to judge (rule 1 names the line).
            let Some(target) = update.media.part_target.filter(|_| part.duration > 0.0) else { continue };
            sheet.tried();
            let (msn, index) = *place;
            let next = parts.get(&(msn, index + 1)).map(|(p, _)| *p);
            if part.duration > target {
                let what = format!(
                    "part {index} of segment {msn} lasts {} s, more than PART-TARGET={target}",
                    part.duration
                );
                sheet.must(Finding::on(track, what).seen_in(update));
            }
            // §4.4.4.9: independent, GAP, before a GAP, and last of its segment may be shorter.
            let exempt = part.independent || part.gap || next.is_none_or(|p| p.gap);
            if !exempt && part.duration < 0.85 * target - 1e-9 {
                let percent = 100.0 * part.duration / target;
                let what = format!(
                    "part {index} of segment {msn} lasts {} s, {percent:.0} % of PART-TARGET={target}",
                    part.duration
                );
                sheet.must(Finding::on(track, what).seen_in(update));
            }
            if let Some((resource, held)) = fetched(track, *place)
                && (held - part.duration).abs() > ROUNDING
            {
                let what = format!(
                    "part {index} of segment {msn} is declared as {} s and holds {held:.5} s",
                    part.duration
                );
                sheet.must(Finding::on(track, what).seen_in(update).fetched(resource));
            }
        }
    }
}

/// A part's own samples, in seconds.
fn fetched(track: &Track, place: (u64, u64)) -> Option<(&Resource, f64)> {
    let resource = track.resources.iter().find(|r| r.kind == Kind::Part && r.place == place)?;
    let fragments = resource.fragments.as_ref()?.as_deref().ok()?;
    let id = fragments.first()?.track;
    let timescale = track.init()?.tracks.iter().find(|t| t.id == id)?.timescale;
    let ticks: u64 = fragments.iter().filter(|f| f.track == id).map(Fragment::duration).sum();
    Some((resource, ticks as f64 / f64::from(timescale)))
}

pub(super) fn independent(evidence: &Evidence, sheet: &mut Sheet) {
    for track in &evidence.tracks {
        let parts = track.parts();
        let segments = track.segments();
        for resource in &track.resources {
            let Some(Ok(fragments)) = &resource.fragments else { continue };
            let Some(samples) = pictures(track, fragments) else { continue };
            let begins = samples.first().is_some_and(|s| s.sync);
            let (msn, index) = resource.place;
            // What the draft only recommends: that a key frame is said to be one (§4.4.4.9), and begins a segment (§6.2.1).
            let mut must = true;
            let what = match resource.kind {
                Kind::Init => continue,
                Kind::Part => {
                    let Some((part, _)) = parts.get(&resource.place) else { continue };
                    match (begins, part.independent) {
                        (true, false) => {
                            must = false;
                            format!(
                                "part {index} of segment {msn} begins with a key frame, but has no INDEPENDENT=YES"
                            )
                        }
                        (false, true) => format!(
                            "part {index} of segment {msn} is INDEPENDENT=YES, but does not begin with a key frame"
                        ),
                        (true, true) | (false, false) => String::new(),
                    }
                }
                Kind::Segment => {
                    let Some((_, update)) = segments.get(&msn) else { continue };
                    match (begins, samples.iter().any(|s| s.sync), update.media.independent_segments) {
                        (false, _, true) => format!(
                            "segment {msn} does not begin with a key frame, though there is EXT-X-INDEPENDENT-SEGMENTS"
                        ),
                        (false, true, false) => {
                            must = false;
                            format!("segment {msn} has a key frame, but does not begin with it")
                        }
                        (true, _, _) | (false, false, false) => String::new(),
                    }
                }
            };
            sheet.tried();
            if what.is_empty() {
                continue;
            }
            let finding = Finding::on(track, what).fetched(resource);
            if must { sheet.must(finding) } else { sheet.should(finding) }
        }
    }
}

/// The pictures where there are any, else the first track's samples.
fn pictures(track: &Track, fragments: &[Fragment]) -> Option<Vec<Sample>> {
    let init = track.init()?;
    let video = init.tracks.iter().find(|t| t.handler == "vide").map(|t| t.id);
    let id = video.or_else(|| fragments.first().map(|f| f.track))?;
    let own = fragments.iter().filter(|f| f.track == id);
    Some(own.flat_map(|f| f.samples.iter().copied()).collect())
}

pub(super) fn whole(evidence: &Evidence, sheet: &mut Sheet) {
    for track in &evidence.tracks {
        for (msn, (segment, update)) in track.segments() {
            let count = segment.head.parts.len() as u64;
            let parts: Option<Vec<&[Fragment]>> =
                (0..count).map(|i| track.samples(Kind::Part, (msn, i))).collect();
            let Some(parts) = parts.filter(|p| !p.is_empty()) else { continue };
            let Some(whole) = track.samples(Kind::Segment, (msn, 0)) else { continue };
            sheet.tried();
            let laid: Vec<&Fragment> = parts.iter().flat_map(|p| p.iter()).collect();
            let ids: std::collections::BTreeSet<u32> =
                whole.iter().chain(laid.iter().copied()).map(|f| f.track).collect();
            for id in ids {
                let (of_parts, of_segment) = (of(laid.iter().copied(), id), of(whole.iter(), id));
                if let Some(what) = differ(msn, &of_parts, &of_segment) {
                    let shown =
                        track.resources.iter().find(|r| r.kind == Kind::Segment && r.place == (msn, 0));
                    let mut finding = Finding::on(track, what).seen_in(update);
                    if let Some(resource) = shown {
                        finding = finding.fetched(resource);
                    }
                    let of_all = laid.iter().map(|f| {
                        format!("from {} for {} ticks, {} samples", f.start, f.duration(), f.samples.len())
                    });
                    let parts = of_all.collect::<Vec<_>>().join("; ");
                    finding.bytes =
                        Some(format!("segment: {}\nparts: {parts}", finding.bytes.unwrap_or_default()));
                    sheet.must(finding);
                }
            }
        }
    }
}

/// Fragments of one track with the places where one does not begin at the other's end.
struct Laid {
    start: u64,
    samples: Vec<Sample>,
    breaks: Vec<(u64, u64)>,
}

fn of<'a>(fragments: impl Iterator<Item = &'a Fragment>, id: u32) -> Laid {
    let own: Vec<_> = fragments.filter(|f| f.track == id).collect();
    Laid {
        start: own.first().map_or(0, |f| f.start),
        samples: own.iter().flat_map(|f| f.samples.iter().copied()).collect(),
        breaks: own
            .windows(2)
            .map(|w| (w[0].end(), w[1].start))
            .filter(|(end, start)| end != start)
            .collect(),
    }
}

fn differ(msn: u64, parts: &Laid, segment: &Laid) -> Option<String> {
    if let Some((end, start)) = parts.breaks.first() {
        return Some(format!("segment {msn}: a part ends at {end}, the next begins at {start} (tfdt)"));
    }
    if parts.start != segment.start {
        return Some(format!(
            "segment {msn} begins at {}, its first part at {} (tfdt)",
            segment.start, parts.start
        ));
    }
    if parts.samples.len() != segment.samples.len() {
        return Some(format!(
            "segment {msn} has {} samples, its parts have {}",
            segment.samples.len(),
            parts.samples.len()
        ));
    }
    let other = parts.samples.iter().zip(&segment.samples).position(|(a, b)| a != b)?;
    Some(format!("segment {msn}: sample {other} is not the same in its part"))
}
