//! Rule 22: deltas.

use super::sheet::{Finding, Sheet};
use crate::check::evidence::{Evidence, Purpose};
use crate::playlist::Media;
use crate::playlist::delta::reconstruct;

const HAIR: f64 = 1e-3;

pub(super) fn deltas(evidence: &Evidence, sheet: &mut Sheet) {
    for track in &evidence.tracks {
        let deltas = track.tests.iter().filter(|t| matches!(t.purpose, Purpose::Delta | Purpose::DeltaV2));
        for test in deltas {
            let name = if test.purpose == Purpose::Delta { "YES" } else { "v2" };
            let finding =
                |what: String| Finding::on(track, format!("_HLS_skip={name}: {what}")).asked(&test.exchange);
            let Some((media, text)) = &test.answer else {
                sheet.tried();
                sheet.must(finding(format!("status {}", test.exchange.status())));
                continue;
            };
            let Some((full, full_text)) = &test.full else { continue };
            let until = full.server_control.as_ref().and_then(|c| c.can_skip_until).unwrap_or(f64::INFINITY);
            let Some(skip) = &media.skip else {
                let old = skippable(full, until);
                if old > 0 {
                    sheet.tried();
                    let what = format!("no EXT-X-SKIP, though {old} segments are past the skip boundary");
                    sheet.should(finding(what).text(&test.exchange, text));
                }
                continue;
            };
            sheet.tried();
            if skip.segments > skippable(full, until) {
                let what = format!(
                    "{} segments skipped; {} are past the skip boundary of {until} s",
                    skip.segments,
                    skippable(full, until)
                );
                sheet.must(finding(what).text(&test.exchange, text));
            }
            let why = match reconstruct(full_text, text) {
                Err(error) => error.to_string(),
                Ok(whole) => match first_difference(&whole, full_text) {
                    Some(why) => why,
                    None => continue,
                },
            };
            sheet.must(finding(why).text(&test.exchange, full_text).text(&test.exchange, text));
        }
    }
}

/// Segments that end further from the live edge than the skip boundary (§4.4.5.2).
fn skippable(full: &Media, until: f64) -> u64 {
    let mut after: f64 = full.open.parts.iter().map(|p| p.duration).sum();
    let mut young = 0;
    for segment in full.segments.iter().rev() {
        if after >= until - HAIR {
            break;
        }
        young += 1;
        after += segment.duration;
    }
    full.segments.len() as u64 - young
}

fn first_difference(delta: &str, full: &str) -> Option<String> {
    let but_version = |l: &&str| !l.starts_with("#EXT-X-VERSION:");
    let mut a = delta.lines().filter(but_version).filter(first_map()).map(but_progress);
    let mut b = full.lines().filter(but_version).filter(first_map()).map(but_progress);
    loop {
        match (a.next(), b.next()) {
            (None, None) => return None,
            (a, b) if a == b => {}
            (a, b) => {
                let say = |l: Option<&str>| l.map_or("nothing".to_owned(), |l| format!("`{l}`"));
                return Some(format!(
                    "put together it has {} where the full playlist has {}",
                    say(a),
                    say(b)
                ));
            }
        }
    }
}

/// EXT-X-MAP holds until the next one: that a delta says anew what is in force changes nothing.
fn first_map<'a>() -> impl FnMut(&&'a str) -> bool {
    let mut now = "";
    move |line| {
        let map = line.starts_with("#EXT-X-MAP:");
        let again = map && *line == now;
        now = if map { line } else { now };
        !again
    }
}

/// The other renditions go on between two requests: where they are is no part of this one.
fn but_progress(line: &str) -> &str {
    match line.split_once(",LAST-") {
        Some((report, _)) if line.starts_with("#EXT-X-RENDITION-REPORT:") => report,
        Some(_) | None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::first_difference;

    #[test]
    fn only_where_the_others_are_may_differ() {
        let list = |tag: &str, uri: &str, last: u64| {
            format!(
                "#EXTM3U\n#EXT-X-VERSION:{tag}\n#EXT-X-RENDITION-REPORT:URI=\"{uri}\",LAST-MSN={last},LAST-PART=1\ns1.m4s\n"
            )
        };
        let full = list("6", "../audio/media.m3u8", 7);
        assert_eq!(first_difference(&list("9", "../audio/media.m3u8", 8), &full), None);
        assert!(first_difference(&list("9", "../other/media.m3u8", 7), &full).is_some());
        assert!(first_difference(&full.replace("s1.m4s", "s2.m4s,LAST-MSN"), &full).is_some());
    }
}
