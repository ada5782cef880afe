//! Rules 18 to 21: what blocking reloads get.

use std::time::Duration;

use super::sheet::{Finding, Sheet, place};
use crate::check::evidence::{Evidence, Exchange, Purpose, Test, Track};
use crate::playlist::Media;

/// "At once", before the network's share.
const AT_ONCE: Duration = Duration::from_millis(100);

fn tests(evidence: &Evidence) -> impl Iterator<Item = (&Track, &Test)> {
    evidence.tracks.iter().flat_map(|t| t.tests.iter().map(move |x| (t, x)))
}

pub(super) fn waits(evidence: &Evidence, sheet: &mut Sheet) {
    for track in &evidence.tracks {
        for update in track.updates.iter().filter(|u| u.exchange.blocking()) {
            sheet.tried();
            if let Some(what) = lacks(&update.exchange, &update.media) {
                sheet.must(Finding::on(track, what).asked(&update.exchange).seen_in(update));
            }
        }
        // 503 is rule 21's; an answer that never came too.
        for refused in track.refused.iter().filter(|e| e.blocking() && !matches!(e.status(), 0 | 503)) {
            sheet.tried();
            let what = match refused.status() {
                200 => "the answer to a blocking reload is no media playlist".to_owned(),
                status => format!("the next part was asked for: status {status}"),
            };
            sheet.must(Finding::on(track, what).asked(refused));
        }
    }
    for (track, test) in tests(evidence) {
        let what = match test.purpose {
            Purpose::Segment => "the segment in the making",
            Purpose::Farthest => "the last segment that may be asked for",
            Purpose::PartAhead => "the part after the hinted one",
            Purpose::PartPastLast => "a part past the last of its segment, which is the next one's first",
            Purpose::Past
            | Purpose::LongPast
            | Purpose::PartAlone
            | Purpose::TooFar
            | Purpose::PartTooFar
            | Purpose::AfterEnd
            | Purpose::Delta
            | Purpose::DeltaV2
            | Purpose::NeverHinted
            | Purpose::Identity
            | Purpose::Http1 => continue,
        };
        sheet.tried();
        let status = test.exchange.status();
        match &test.answer {
            Some((media, text)) => {
                if let Some(lacks) = lacks(&test.exchange, media).filter(|_| !media.ended) {
                    let what = format!("asked for {what}: {lacks}");
                    sheet.must(Finding::on(track, what).asked(&test.exchange).text(&test.exchange, text));
                }
            }
            None if matches!(status, 0 | 503) => {}
            None => {
                let what = format!("asked for {what}: status {status}");
                sheet.must(Finding::on(track, what).asked(&test.exchange));
            }
        }
    }
}

/// What was asked for and is not in the answer.
fn lacks(exchange: &Exchange, media: &Media) -> Option<String> {
    let (msn, part) = (exchange.asked("_HLS_msn")?, exchange.asked("_HLS_part"));
    if media.ended || has(media, msn, part) {
        return None;
    }
    let part = part.map(|p| format!(", part {p}")).unwrap_or_default();
    Some(format!("segment {msn}{part} is not in the answer, which ends at {}", place(media.last())))
}

/// §6.2.5.2: a part past the last of its segment is the next segment's first.
fn has(media: &Media, msn: u64, part: Option<u64>) -> bool {
    let next = media.next_msn();
    let Some(part) = part else { return msn < next };
    if msn >= next {
        return msn == next && part < media.open.parts.len() as u64;
    }
    let segment = media.segments.iter().find(|s| s.msn == msn);
    let past = segment.is_some_and(|s| !s.head.parts.is_empty() && part >= s.head.parts.len() as u64);
    !past || has(media, msn + 1, Some(0))
}

pub(super) fn past(evidence: &Evidence, sheet: &mut Sheet) {
    for (track, test) in tests(evidence) {
        let what = match test.purpose {
            Purpose::Past => "a segment that is there",
            Purpose::LongPast => "a segment that has left the playlist",
            _ => continue,
        };
        sheet.tried();
        let finding =
            |why: String| Finding::on(track, format!("asked for {what}: {why}")).asked(&test.exchange);
        match &test.answer {
            None => sheet.must(finding(format!("status {}", test.exchange.status()))),
            Some((media, text)) if media.last() < test.before.last() => {
                let why = format!(
                    "the playlist ends at {}, it was at {} before",
                    place(media.last()),
                    place(test.before.last())
                );
                sheet.must(finding(why).text(&test.exchange, text));
            }
            Some(_) if test.exchange.took() > AT_ONCE + sheet.limits.slack => {
                sheet.must(finding(format!("held for {:.3} s", test.exchange.took().as_secs_f64())));
            }
            Some(_) => {}
        }
    }
}

pub(super) fn too_far(evidence: &Evidence, sheet: &mut Sheet) {
    for (track, test) in tests(evidence) {
        let what = match test.purpose {
            Purpose::PartAlone => "_HLS_part without _HLS_msn",
            Purpose::TooFar => "an _HLS_msn more than two segments ahead",
            Purpose::PartTooFar => "an _HLS_part past the advance limit",
            _ => continue,
        };
        sheet.tried();
        let took = test.exchange.took();
        let why = match test.exchange.status() {
            400 if took <= AT_ONCE + sheet.limits.slack => continue,
            400 => format!("held for {:.3} s before the 400", took.as_secs_f64()),
            0 => "no answer".to_owned(),
            status => format!("status {status}, not 400"),
        };
        let finding = Finding::on(track, format!("{what}: {why}")).asked(&test.exchange);
        match test.purpose {
            Purpose::PartAlone => sheet.must(finding),
            _ => sheet.should(finding),
        }
    }
}

pub(super) fn held(evidence: &Evidence, sheet: &mut Sheet) {
    for track in &evidence.tracks {
        let longest = Duration::from_secs_f64(3.0 * track.target());
        if longest.is_zero() {
            continue;
        }
        let of_tests = track.tests.iter().filter(|t| t.purpose != Purpose::AfterEnd).map(|t| &t.exchange);
        let of_updates = track.updates.iter().map(|u| &u.exchange);
        let slack = sheet.limits.slack;
        for exchange in of_tests.chain(of_updates).chain(&track.refused).filter(|e| e.blocking()) {
            let took = exchange.took();
            let seconds = took.as_secs_f64();
            if exchange.status() == 503 {
                sheet.tried();
                if took + slack < longest {
                    let what = format!(
                        "503 after {seconds:.3} s; three target durations are {} s",
                        longest.as_secs()
                    );
                    sheet.should(Finding::on(track, what).asked(exchange));
                }
            } else if took > longest + slack {
                sheet.tried();
                let what = format!("held for {seconds:.3} s, then status {}", exchange.status());
                sheet.should(Finding::on(track, what).asked(exchange));
            }
        }
        for test in track.tests.iter().filter(|t| t.purpose == Purpose::AfterEnd) {
            sheet.tried();
            let whole = test.answer.as_ref().is_some_and(|(m, _)| m.ended && m.skip.is_none());
            if !whole || test.exchange.took() > AT_ONCE + slack {
                let what = format!(
                    "parameters after EXT-X-ENDLIST are not ignored: status {}",
                    test.exchange.status()
                );
                sheet.must(Finding::on(track, what).asked(&test.exchange));
            }
        }
    }
}
