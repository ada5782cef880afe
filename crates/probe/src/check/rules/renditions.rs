//! Rules 9, 11, 12: what renditions say of each other, and what the multivariant playlist says of them.

use std::collections::BTreeMap;
use std::time::Duration;

use super::sheet::{Finding, Sheet, place};
use crate::check::evidence::{Evidence, Role, Track, Update};
use crate::http::Url;
use crate::playlist::media::Report;
use crate::playlist::multivariant::Variant;

/// How far two renditions' discontinuities may be apart.
const ALIGNED: Duration = Duration::from_millis(500);

pub(super) fn reports(evidence: &Evidence, sheet: &mut Sheet) {
    if evidence.tracks.len() < 2 {
        return sheet.note("there is one media playlist only");
    }
    for track in &evidence.tracks {
        for update in track.updates.iter().filter(|u| !u.media.ended) {
            for other in evidence.tracks.iter().filter(|t| t.url != track.url) {
                sheet.tried();
                let finding = |what: String| Finding::on(track, what).seen_in(update);
                let report = update.media.reports.iter().find(|r| names(&track.url, &r.uri, &other.url));
                let Some(report) = report else {
                    sheet.must(finding(format!("no EXT-X-RENDITION-REPORT for `{}`", other.name)));
                    continue;
                };
                if report.uri.contains("://") || report.uri.starts_with("//") {
                    sheet
                        .must(finding(format!("the URI of the report for `{}` is not relative", other.name)));
                }
                if report.last_msn.is_none() || (report.last_part.is_none() && other.part_target().is_some())
                {
                    let what = format!("the report for `{}` lacks LAST-MSN or LAST-PART", other.name);
                    sheet.should(finding(what));
                }
                if let Some((what, shown)) = stale(report, update, other, sheet.limits.slack) {
                    sheet.must(finding(what).seen_in(shown));
                }
            }
        }
    }
}

fn names(base: &Url, uri: &str, other: &Url) -> bool {
    base.join(uri).is_ok_and(|url| url.path() == other.path() && url.host() == other.host())
}

/// Older than what the other playlist said a part's time before, or ahead of what it says a part's time later.
fn stale<'a>(
    report: &Report,
    update: &Update,
    other: &'a Track,
    slack: Duration,
) -> Option<(String, &'a Update)> {
    // §4.4.5.4: what is left out is as in this playlist.
    let own = update.media.last();
    let says = (
        report.last_msn.or_else(|| own.map(|last| last.0))?,
        report.last_part.or_else(|| own.and_then(|last| last.1).filter(|_| other.part_target().is_some())),
    );
    let part = Duration::from_secs_f64(other.part_target().unwrap_or(other.target()).clamp(0.0, 60.0));
    let lag = part + slack;
    let last = |u: &Update| u.media.last();
    let mut known = other.updates.iter();
    let before = known.rfind(|u| u.exchange.done + lag <= update.exchange.done)?;
    if last(before).is_some_and(|has| says < has) {
        let ago = update.exchange.done.saturating_sub(before.exchange.done).as_secs_f64();
        let has = last(before);
        return Some((
            format!(
                "the report for `{}` says {}; {ago:.2} s before it was at {} already",
                other.name,
                place(Some(says)),
                place(has)
            ),
            before,
        ));
    }
    let after = other.updates.iter().find(|u| u.exchange.done >= update.exchange.done + lag)?;
    if last(after).is_some_and(|has| says > has) {
        let has = last(after);
        return Some((
            format!(
                "the report for `{}` says {}; later it is only at {}",
                other.name,
                place(Some(says)),
                place(has)
            ),
            after,
        ));
    }
    None
}

pub(super) fn alike(evidence: &Evidence, sheet: &mut Sheet) {
    let Some((first, rest)) = evidence.tracks.split_first() else { return };
    if rest.is_empty() {
        return sheet.note("there is one media playlist only");
    }
    let Some(one) = first.updates.first() else { return };
    for other in rest {
        let Some(two) = other.updates.first() else { continue };
        sheet.tried();
        let both = |what: String| Finding::on(other, what).seen_in(one).seen_in(two);
        if one.media.target_duration != two.media.target_duration {
            sheet.must(both(format!("another EXT-X-TARGETDURATION than `{}`", first.name)));
        }
        if one.media.server_control != two.media.server_control {
            sheet.must(both(format!("another EXT-X-SERVER-CONTROL than `{}`", first.name)));
        }
        let (mine, theirs) = (dated(first), dated(other));
        for (number, (date, update)) in &theirs {
            let Some((his, shown)) = mine.get(number) else { continue };
            if his.abs_diff(*date) > ALIGNED {
                let what = format!(
                    "discontinuity {number} is {:.2} s away from that of `{}`",
                    his.abs_diff(*date).as_secs_f64(),
                    first.name
                );
                sheet.must(Finding::on(other, what).seen_in(shown).seen_in(update));
            }
        }
        let counts = |t: &Track| t.latest().map(|u| super::dates::discontinuities(&u.media));
        let (Some(a), Some(b)) = (counts(first), counts(other)) else { continue };
        // Where neither has any in sight, the count so far must still be the same.
        let (a, b) = (a.values().next_back().copied(), b.values().next_back().copied());
        if mine.is_empty() != theirs.is_empty() || a.unwrap_or(0).abs_diff(b.unwrap_or(0)) > 1 {
            let what =
                format!("discontinuities are not those of `{}`: {a:?} so far there, {b:?} here", first.name);
            let newest = [first, other].into_iter().filter_map(Track::latest);
            sheet.must(newest.fold(Finding::on(other, what), Finding::seen_in));
        }
    }
}

/// Each discontinuity's number and date.
fn dated(track: &Track) -> BTreeMap<u64, (Duration, &Update)> {
    let mut out = BTreeMap::new();
    for update in track.updates.iter().filter(|u| u.media.discontinuity_sequence.is_some()) {
        let numbers = super::dates::discontinuities(&update.media);
        for segment in update.media.segments.iter().filter(|s| s.head.discontinuity.is_some()) {
            if let (Some(date), Some(number)) = (segment.head.date_time, numbers.get(&segment.msn)) {
                out.entry(*number).or_insert((date, update));
            }
        }
    }
    out
}

pub(super) fn multivariant(evidence: &Evidence, sheet: &mut Sheet) {
    let Some(multivariant) = &evidence.multivariant else {
        return sheet.note("the address is that of a media playlist");
    };
    let text = evidence.entry.as_ref().and_then(|e| Some((e, e.outcome.as_ref().ok()?.text().ok()?)));
    let shown = |finding: Finding| match &text {
        Some((entry, text)) => finding.text(entry, text),
        None => finding,
    };
    for fault in &multivariant.faults {
        sheet.must(shown(Finding::overall(format!("line {}: {}", fault.line, fault.what))));
    }
    for (index, variant) in multivariant.variants.iter().enumerate() {
        sheet.tried();
        let track = evidence.tracks.iter().find(|t| t.role == Role::Variant(index));
        for what in variant_lacks(variant, track) {
            let what = format!("variant {}: {what}", index + 1);
            sheet.must(shown(Finding::overall(what)));
        }
    }
    for track in &evidence.tracks {
        let Some(init) = track.init() else { continue };
        sheet.tried();
        if init.tracks.len() != 1 {
            let codecs: Vec<_> = init.tracks.iter().map(|t| t.codec.as_str()).collect();
            let what = format!(
                "`{}` holds {} tracks ({}); one medium each",
                track.name,
                codecs.len(),
                codecs.join(", ")
            );
            sheet.must(shown(Finding::on(track, what)));
        }
        let named = |v: &Variant| v.codecs.as_deref().unwrap_or_default().to_owned();
        let of_it = multivariant.variants.iter().enumerate().filter(|(i, v)| match track.role {
            Role::Variant(own) => own == *i,
            Role::Rendition(own) => {
                let group = multivariant.renditions.get(own).map(|r| r.group.as_str());
                group.is_some()
                    && [&v.audio, &v.video, &v.subtitles].into_iter().any(|g| g.as_deref() == group)
            }
            Role::Alone => false,
        });
        for (index, variant) in of_it.filter(|(_, v)| v.codecs.is_some()) {
            for codec in init.tracks.iter().map(|t| t.codec.as_str()) {
                if !named(variant).split(',').any(|c| c.trim().starts_with(codec)) {
                    let what = format!(
                        "variant {}: CODECS=\"{}\" lacks {codec} of `{}`",
                        index + 1,
                        named(variant),
                        track.name
                    );
                    sheet.must(shown(Finding::on(track, what)));
                }
            }
        }
    }
}

fn variant_lacks(variant: &Variant, track: Option<&Track>) -> Vec<String> {
    const PICTURES: [&str; 8] = ["avc1", "avc3", "hvc1", "hev1", "av01", "vp09", "dvh1", "dvhe"];
    let mut out = Vec::new();
    let codecs = variant.codecs.as_deref().unwrap_or_default();
    let pictures = PICTURES.iter().any(|p| codecs.contains(p))
        || track.and_then(Track::has_video).unwrap_or(variant.resolution.is_some());
    if variant.codecs.is_none() {
        out.push("no CODECS".to_owned());
    }
    if variant.average_bandwidth.is_none() {
        out.push("no AVERAGE-BANDWIDTH".to_owned());
    }
    if pictures && variant.resolution.is_none() {
        out.push("no RESOLUTION".to_owned());
    }
    if pictures && variant.frame_rate.is_none() {
        out.push("no FRAME-RATE".to_owned());
    }
    let held = track.and_then(Track::init).and_then(|i| i.tracks.iter().find_map(|t| t.size));
    if let (Some(said), Some((w, h))) = (variant.resolution, held)
        && said != (u64::from(w), u64::from(h))
    {
        out.push(format!("RESOLUTION={}x{}, its map says {w}x{h}", said.0, said.1));
    }
    out
}
