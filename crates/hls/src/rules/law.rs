//! What must hold: in one playlist, and from one to the next. Each breach is a line that begins with its rule.

use super::read::{Playlist, Segment};

/// What one playlist breaks.
pub(super) fn within(list: &Playlist) -> Vec<String> {
    let mut broken = Vec::new();
    let mut law = |rule: u32, holds: bool, what: &dyn std::fmt::Debug| {
        if !holds {
            broken.push(format!("rule {rule}: {what:?}"));
        }
    };
    let target = list.target as f64;
    let any_part = list.parts().next().is_some();
    law(1, !any_part || list.part_target.is_some(), &"parts without a PART-TARGET");
    law(1, list.version == if list.skipped > 0 { 9 } else { 6 }, &list.version);
    let says = |name, least: f64| list.seconds(name).is_some_and(|seconds| seconds >= least - 1e-9);
    law(2, list.control.get("CAN-BLOCK-RELOAD").is_some_and(|v| v == "YES"), &list.control);
    law(2, says("HOLD-BACK", 3.0 * target) && says("CAN-SKIP-UNTIL", 6.0 * target), &list.control);
    if let Some(part) = list.part_target {
        law(2, says("PART-HOLD-BACK", 3.0 * part), &list.control);
    }
    for segment in &list.segments {
        let last = segment.parts.len().wrapping_sub(1);
        for (n, part) in segment.parts.iter().enumerate() {
            let most = list.part_target.unwrap_or(0.0);
            law(3, part.duration <= most, part);
            let free = part.independent || part.gap || segment.parts.get(n + 1).is_some_and(|next| next.gap);
            // Of the newest segment, too: `between` sees that nothing follows it there.
            let ends = n == last;
            law(3, free || ends || part.duration >= 0.85 * most - 1e-5, part);
        }
        let begins = segment.parts.first().is_none_or(|part| part.independent);
        law(4, begins || !list.independent, segment);
        law(5, segment.duration.is_none_or(|s| s.round() <= target), segment);
        let empty = segment.uri.is_none() && segment.parts.is_empty();
        law(6, segment.date.is_some() || empty, segment);
        law(7, !segment.late, segment);
        let sum: f64 = segment.parts.iter().map(|part| part.duration).sum();
        let whole = segment.duration.filter(|_| !segment.parts.is_empty());
        // DURATION is rounded up, by 10 µs at most.
        let rounded = 1e-5 * (segment.parts.len() as f64 + 1.0) + 1e-9;
        law(16, whole.is_none_or(|whole| (sum - whole).abs() < rounded), segment);
        law(17, !segment.gap || segment.parts.is_empty(), segment);
    }
    let kinds: Vec<_> = list.hints.iter().map(|hint| hint.kind.as_str()).collect();
    let hinted: &[&str] = if list.part_target.is_some() && !list.ended { &["PART", "MAP"] } else { &[] };
    law(8, kinds == hinted, &list.hints);
    law(8, list.hints.get(1).is_none_or(|hint| Some(&hint.uri) == hint.map.as_ref()), &list.hints);
    law(8, list.hints.iter().all(|hint| list.parts().all(|(_, part)| part.uri != hint.uri)), &list.hints);
    law(10, !list.typed && list.discontinuities.is_some(), &"PLAYLIST-TYPE or DISCONTINUITY-SEQUENCE");
    // Rule 15: by the end of the segment, from the end of the playlist.
    let mut after = list.length();
    for segment in &list.segments {
        let parts = segment.parts.iter().map(|part| part.duration).sum();
        after -= segment.duration.unwrap_or(parts);
        law(15, after < 3.0 * target + 1e-3 || segment.parts.is_empty(), segment);
    }
    broken
}

/// What a playlist breaks that comes after another.
pub(super) fn between(old: &Playlist, new: &Playlist) -> Vec<String> {
    let mut broken = Vec::new();
    let mut law = |rule: u32, holds: bool, what: &dyn std::fmt::Debug| {
        if !holds {
            broken.push(format!("rule {rule}: {what:?}"));
        }
    };
    law(5, old.target == new.target && old.part_target == new.part_target, &(new.target, new.part_target));
    law(5, old.control == new.control, &new.control);
    // Rule 8: the hint comes true, under the MAP that stood before it.
    let known = |uri: &str| old.parts().any(|(_, part)| part.uri == uri);
    let first = new.parts().find(|(segment, part)| !known(&part.uri) && fresh(old, segment));
    if let (Some(hint), Some((segment, part))) = (old.hints.first(), first) {
        law(8, part.uri == hint.uri, &(hint, part));
        law(8, segment.map == hint.map, &(hint, segment));
        // Behind a GAP of the same update it stands behind what that stands behind.
        let gaps = new.segments.iter().rev().skip_while(|s| s.msn >= segment.msn);
        let known = |msn| old.segments.iter().any(|s| s.msn == msn && (s.gap || !s.parts.is_empty()));
        let mut gaps = gaps.take_while(|s| s.gap && !known(s.msn));
        let behind = segment.discontinuity || gaps.any(|gap| gap.discontinuity);
        let again = hint.discontinuity == (behind && segment.parts.first() == Some(part));
        law(8, again, &(hint, segment));
    }
    if let (Some(before), Some(now)) = (old.hints.first(), new.hints.first()) {
        law(8, before.uri != now.uri || before.map == now.map, &(before, now));
    }
    if let (Some(target), Some(open)) = (old.part_target, old.segments.last().filter(|s| s.uri.is_none())) {
        let short =
            open.parts.last().filter(|part| !part.independent && part.duration < 0.85 * target - 1e-5);
        let now = new.segments.iter().find(|s| s.msn == open.msn).filter(|_| short.is_some());
        law(3, now.is_none_or(|s| s.parts.is_empty() || s.parts.len() == open.parts.len()), &(short, now));
    }
    let gone = new.msn.checked_sub(old.msn);
    law(13, gone.is_some(), &(old.msn, new.msn));
    let (removed, kept) = old.segments.split_at((gone.unwrap_or(0) as usize).min(old.segments.len()));
    law(13, removed.len() as u64 == gone.unwrap_or(0), &(old.msn, new.msn));
    let tags = removed.iter().filter(|segment| segment.discontinuity).count() as u64;
    law(13, old.discontinuities.map(|n| n + tags) == new.discontinuities, &(tags, old.discontinuities));
    for (before, now) in kept.iter().zip(&new.segments) {
        let sealed = before.uri.is_none() || before.uri == now.uri && before.duration == now.duration;
        let begun = before.date.is_none() || before.date == now.date && before.map == now.map;
        law(13, sealed && begun && before.discontinuity == now.discontinuity, &(before, now));
        let grown = now.parts.is_empty() || now.parts.starts_with(&before.parts);
        law(13, grown || before.parts.is_empty(), &(before, now));
    }
    // A DISCONTINUITY before the hint is no segment yet.
    let begun = kept.iter().filter(|segment| has_media(segment) || segment.date.is_some()).count();
    law(13, new.segments.len() >= begun, &"what was there is there still");
    law(17, removed.is_empty() || new.length() >= 3.0 * new.target as f64, &new.length());
    broken
}

/// Not there before, or open there: a segment whose parts may be new.
fn fresh(old: &Playlist, segment: &Segment) -> bool {
    old.segments.iter().rev().find(|known| known.msn == segment.msn).is_none_or(|known| known.uri.is_none())
}

/// What the playlists of a session's renditions break beside each other; `names` are their folders, and those that are
/// `listed` are reported on.
pub(super) fn beside(names: &[String], lists: &[Playlist], listed: &[bool]) -> Vec<String> {
    let mut broken = Vec::new();
    let mut law = |rule: u32, holds: bool, what: &dyn std::fmt::Debug| {
        if !holds {
            broken.push(format!("rule {rule}: {what:?}"));
        }
    };
    for (n, list) in lists.iter().enumerate() {
        let shown = |other: &usize| listed[*other] && lists[*other].segments.iter().any(has_media);
        let others = || (0..lists.len()).filter(|other| *other != n).filter(shown);
        let count = if list.ended { 0 } else { others().count() };
        law(9, list.reports.len() == count, &list.reports);
        for other in others().filter(|_| !list.ended) {
            let uri = format!("../{}/media.m3u8", names[other]);
            let report = list.reports.iter().find(|report| report["URI"] == uri);
            let newest = lists[other].segments.iter().rev().find(|segment| has_media(segment));
            let said = report.and_then(|r| Some((r["LAST-MSN"].parse().ok()?, r.get("LAST-PART"))));
            let is = newest.map(|segment| segment.msn);
            law(9, said.map(|(msn, _)| msn) == is, &(report, newest));
            let part = newest.and_then(|segment| (segment.parts.len() as u64).checked_sub(1));
            // The first segment's parts are not listed, and a GAP has none.
            let known = part.filter(|_| lists[other].part_target.is_some()).map(|part| part.to_string());
            let agrees = known.is_none() || said.and_then(|(_, part)| part.cloned()) == known;
            law(9, agrees, &(report, newest));
        }
        let first = &lists[0];
        law(
            11,
            list.target == first.target && list.control == first.control,
            &(&list.control, &first.control),
        );
        let marks = |list: &Playlist, from: u64, to: u64| {
            let within = list.segments.iter().filter(|s| (from..to).contains(&s.msn) && s.uri.is_some());
            within.filter(|s| s.discontinuity).map(|s| s.msn).collect::<Vec<_>>()
        };
        let end = |list: &Playlist| list.segments.iter().filter(|s| s.uri.is_some()).map(|s| s.msn + 1).max();
        let (from, to) = (list.msn.max(first.msn), end(list).min(end(first)).unwrap_or(0));
        law(
            11,
            marks(list, from, to) == marks(first, from, to),
            &(marks(list, from, to), marks(first, from, to)),
        );
    }
    broken
}

/// What a made rendition's playlist breaks beside its leader's. `apart`: how far dates may be from each other, in ms: 2 where
/// pictures come evenly (milliseconds are rounded), a part where they don't, or where sound ends its parts first.
pub(super) fn alongside(leader: &Playlist, made: &Playlist, apart: i64) -> Vec<String> {
    let mut broken = Vec::new();
    let mut law = |rule: u32, holds: bool, what: &dyn std::fmt::Debug| {
        if !holds {
            broken.push(format!("rule {rule}: {what:?}"));
        }
    };
    let begun = |list: &Playlist| list.segments.iter().filter(|s| s.date.is_some()).map(|s| s.msn).max();
    // One that begins anew lists nothing of what was before.
    let newest = begun(leader).unwrap_or(leader.msn);
    law(11, begun(made) <= Some(newest + 1), &(begun(made), newest));
    let sequence = |list: &Playlist, msn: u64| {
        let tags = list.segments.iter().filter(|s| s.msn <= msn && s.discontinuity).count() as u64;
        list.discontinuities.map(|before| before + tags)
    };
    for segment in made.segments.iter().filter(|segment| has_media(segment)) {
        let Some(place) = leader.segments.iter().position(|leads| leads.msn == segment.msn) else { continue };
        let leads = &leader.segments[place];
        let brief = |s: &Segment| (s.msn, s.date, s.duration, s.discontinuity, s.gap, s.parts.len());
        let both = (brief(leads), brief(segment));
        law(11, leads.discontinuity == segment.discontinuity, &both);
        law(11, sequence(leader, leads.msn) == sequence(made, leads.msn), &both);
        let dates = leads.date.zip(segment.date).filter(|_| has_media(leads));
        law(6, dates.is_none_or(|(a, b)| (b - a).abs() <= apart), &both);
        let breaks = leader.ended || leader.segments.get(place + 1).is_none_or(|next| next.discontinuity);
        let long = leads.duration.zip(segment.duration).filter(|_| apart <= 2 && !breaks);
        law(11, long.is_none_or(|(a, b)| (a - b).abs() < 2.1e-3), &both);
    }
    broken
}

fn has_media(segment: &Segment) -> bool {
    segment.uri.is_some() || !segment.parts.is_empty()
}
