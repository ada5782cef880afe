//! Rules 1, 2, 5, 7, 10: what stands in every playlist.

use super::sheet::{Finding, Sheet};
use crate::check::evidence::{Evidence, Track, Update};
use crate::playlist::Media;

/// Durations are compared as written; this is for their sums.
const HAIR: f64 = 1e-6;

fn updates(evidence: &Evidence) -> impl Iterator<Item = (&Track, &Update)> {
    evidence.tracks.iter().flat_map(|t| t.updates.iter().map(move |u| (t, u)))
}

pub(super) fn versions(evidence: &Evidence, sheet: &mut Sheet) {
    for (track, update) in updates(evidence) {
        sheet.tried();
        let media = &update.media;
        if media.part_target.is_none() && (media.parts().next().is_some() || media.part_hint().is_some()) {
            sheet.must(Finding::on(track, "parts without EXT-X-PART-INF:PART-TARGET").seen_in(update));
        }
        for fault in &media.faults {
            let what = format!("line {}: {}", fault.line, fault.what);
            sheet.must(Finding::on(track, what).seen_in(update));
        }
        let (needed, by) = version_needed(media);
        let has = media.version.unwrap_or(1);
        if has < needed {
            let what = format!("EXT-X-VERSION is {has}, but {by} needs {needed}");
            sheet.must(Finding::on(track, what).seen_in(update));
        } else if has > needed.max(6) {
            let what = format!("EXT-X-VERSION is {has}; {needed} is all that it needs ({by})");
            sheet.should(Finding::on(track, what).seen_in(update));
        }
    }
    for (track, test) in evidence.tracks.iter().flat_map(|t| t.tests.iter().map(move |x| (t, x))) {
        let Some((media, text)) = test.answer.as_ref().filter(|(m, _)| m.skip.is_some()) else { continue };
        let (needed, by) = version_needed(media);
        let has = media.version.unwrap_or(1);
        if has < needed {
            let what = format!("a delta's EXT-X-VERSION is {has}, but {by} needs {needed}");
            sheet.must(Finding::on(track, what).asked(&test.exchange).text(&test.exchange, text));
        }
    }
}

/// §8: the lowest version that has all that the playlist uses, and what asks for it.
fn version_needed(media: &Media) -> (u64, &'static str) {
    let segments = &media.segments;
    match &media.skip {
        Some(skip) if skip.dateranges => (10, "RECENTLY-REMOVED-DATERANGES"),
        Some(_) => (9, "EXT-X-SKIP"),
        None if segments.iter().any(|s| s.head.map.is_some()) => match media.i_frames_only {
            true => (5, "EXT-X-MAP"),
            false => (6, "EXT-X-MAP"),
        },
        None if segments.iter().any(|s| s.range.is_some()) => (4, "EXT-X-BYTERANGE"),
        None if segments.iter().any(|s| s.duration.fract() != 0.0) => (3, "a decimal EXTINF"),
        None => (1, "nothing in it"),
    }
}

pub(super) fn server_control(evidence: &Evidence, sheet: &mut Sheet) {
    for (track, update) in updates(evidence).filter(|(_, u)| !u.media.ended) {
        sheet.tried();
        let media = &update.media;
        let target = media.target_duration.unwrap_or(0) as f64;
        let Some(control) = &media.server_control else {
            sheet.must(Finding::on(track, "no EXT-X-SERVER-CONTROL").seen_in(update));
            continue;
        };
        let mut broken = Vec::new();
        if !control.can_block_reload {
            broken.push("no CAN-BLOCK-RELOAD=YES".to_owned());
        }
        match (media.part_target, control.part_hold_back) {
            (Some(_), None) => broken.push("parts, but no PART-HOLD-BACK".to_owned()),
            (Some(part), Some(hold)) if hold + HAIR < 3.0 * part => {
                let times = hold / part;
                broken.push(format!(
                    "PART-HOLD-BACK={hold} is {times:.2} times PART-TARGET={part}; Apple asks for 3, the draft insists on 2"
                ));
            }
            _ => {}
        }
        if let Some(hold) = control.hold_back.filter(|h| h + HAIR < 3.0 * target) {
            broken.push(format!("HOLD-BACK={hold} is less than 3 times the target duration of {target} s"));
        }
        if let Some(until) = control.can_skip_until.filter(|u| u + HAIR < 6.0 * target) {
            broken.push(format!(
                "CAN-SKIP-UNTIL={until} is less than 6 times the target duration of {target} s"
            ));
        }
        for what in broken {
            sheet.must(Finding::on(track, what).seen_in(update));
        }
        if control.can_skip_until.is_none() {
            sheet.should(Finding::on(track, "no CAN-SKIP-UNTIL: no delta updates").seen_in(update));
        }
    }
}

pub(super) fn constants(evidence: &Evidence, sheet: &mut Sheet) {
    for track in &evidence.tracks {
        let Some(first) = track.updates.first() else { continue };
        for (segment, update) in track.segments().values() {
            sheet.tried();
            let target = update.media.target_duration.unwrap_or(0);
            if segment.duration.round() > target as f64 {
                let what = format!(
                    "segment {} of {} s is longer than the target duration of {target} s",
                    segment.msn, segment.duration
                );
                sheet.must(Finding::on(track, what).seen_in(update));
            }
        }
        for update in &track.updates {
            let hold = |u: &Update| u.media.server_control.as_ref().and_then(|c| c.part_hold_back);
            let mut changed = Vec::new();
            if update.media.target_duration != first.media.target_duration {
                changed.push("EXT-X-TARGETDURATION");
            }
            if update.media.part_target != first.media.part_target {
                changed.push("PART-TARGET");
            }
            if hold(update) != hold(first) && !update.media.ended {
                changed.push("PART-HOLD-BACK");
            }
            for name in changed {
                let what = format!("{name} changed while the session went on");
                sheet.must(Finding::on(track, what).seen_in(first).seen_in(update));
            }
        }
    }
}

pub(super) fn order(evidence: &Evidence, sheet: &mut Sheet) {
    for (track, update) in updates(evidence) {
        let whole = update.media.segments.iter().map(|s| (s.msn, &s.head));
        for (msn, head) in whole.chain([(update.media.next_msn(), &update.media.open)]) {
            let Some(part) = head.parts.first() else { continue };
            let tags = [
                ("EXT-X-DISCONTINUITY", head.discontinuity),
                ("EXT-X-MAP", head.map_line),
                ("EXT-X-PROGRAM-DATE-TIME", head.date_time_line),
            ];
            for (name, line) in tags {
                let Some(line) = line else { continue };
                sheet.tried();
                if line > part.line {
                    let what = format!(
                        "{name} of segment {msn} (line {line}) comes after its first EXT-X-PART (line {})",
                        part.line
                    );
                    sheet.must(Finding::on(track, what).seen_in(update));
                }
            }
        }
    }
}

pub(super) fn kind(evidence: &Evidence, sheet: &mut Sheet) {
    for (track, update) in updates(evidence).filter(|(_, u)| !u.media.ended) {
        sheet.tried();
        let media = &update.media;
        if let Some(kind) = media.playlist_type.as_deref()
            && (kind == "VOD" || media.media_sequence > 0)
        {
            let what = format!("EXT-X-PLAYLIST-TYPE:{kind} on a playlist that loses segments");
            sheet.must(Finding::on(track, what).seen_in(update));
        }
        if media.discontinuity_sequence.is_none() {
            let finding = Finding::on(track, "no EXT-X-DISCONTINUITY-SEQUENCE").seen_in(update);
            let has_some = |u: &Update| u.media.segments.iter().any(|s| s.head.discontinuity.is_some());
            match track.updates.iter().any(has_some) {
                true => sheet.must(finding),
                false => sheet.should(finding),
            }
        }
    }
}
