//! The origin's playlists, written line by line.

use std::fmt::Write;

use super::boxes::Medium;
use super::origin::{Fault, Origin, PARTS};

pub(super) fn multivariant(origin: &Origin) -> String {
    let mut variant = "BANDWIDTH=200000".to_owned();
    if !origin.is(Fault::NoAverageBandwidth) {
        variant.push_str(",AVERAGE-BANDWIDTH=150000");
    }
    if !origin.is(Fault::NoCodecs) {
        variant.push_str(",CODECS=\"avc1.42c01e,mp4a.40.2\"");
    }
    variant.push_str(if origin.is(Fault::FalseResolution) {
        ",RESOLUTION=1280x720"
    } else {
        ",RESOLUTION=640x360"
    });
    if !origin.is(Fault::NoFrameRate) {
        variant.push_str(",FRAME-RATE=30.000");
    }
    format!(
        "#EXTM3U\n#EXT-X-VERSION:6\n\
         #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"sound\",NAME=\"main\",DEFAULT=YES,CHANNELS=\"2\",URI=\"audio.m3u8\"\n\
         #EXT-X-STREAM-INF:{variant},AUDIO=\"sound\"\nvideo.m3u8\n"
    )
}

/// The media playlist with so many parts whole.
pub(super) fn render(origin: &Origin, medium: Medium, parts: u64, skip: bool) -> String {
    let is = |fault| origin.is(fault);
    let next = parts / PARTS;
    let first = next.saturating_sub(origin.window());
    let ended = origin.ended(parts);
    let skipped = if skip { skippable(origin, parts, first) } else { 0 };
    let mut out = String::new();
    head(&mut out, origin, medium, parts, first, skipped > 0);
    if skipped > 0 {
        let said = skipped - u64::from(is(Fault::DeltaLacks));
        writeln!(out, "#EXT-X-SKIP:SKIPPED-SEGMENTS={said}").unwrap();
    }
    for msn in first + skipped..next {
        let age: f64 =
            (msn + 1..next).map(|m| duration(origin, m)).sum::<f64>() + 0.2 * (parts % PARTS) as f64;
        let kept = match () {
            () if is(Fault::OldParts) => 6.0,
            () if is(Fault::PartsGoneEarly) => 1.0,
            () => 3.0 * origin.target(medium) as f64,
        };
        tags(&mut out, origin, medium, parts, msn, msn == first);
        if age <= kept + 1e-6 {
            part_tags(&mut out, origin, medium, parts, msn, PARTS);
        }
        late_tags(&mut out, origin, medium, msn, msn == first);
        let name = if is(Fault::Renamed) && origin.later(parts) { "?v=2" } else { "" };
        writeln!(out, "#EXTINF:{:.5},\n{}-segment-{msn}.m4s{name}", duration(origin, msn), letter(medium))
            .unwrap();
    }
    if ended {
        if is(Fault::HintAfterEnd) {
            hint(&mut out, medium, parts);
        }
        out.push_str("#EXT-X-ENDLIST\n");
        return out;
    }
    let old_map = is(Fault::HintUnderOldMap) && parts.is_multiple_of(PARTS);
    if !old_map {
        tags(&mut out, origin, medium, parts, next, false);
    }
    part_tags(&mut out, origin, medium, parts, next, parts % PARTS);
    if !parts.is_multiple_of(PARTS) {
        late_tags(&mut out, origin, medium, next, false);
    }
    match () {
        () if is(Fault::NoHint) => {}
        () if is(Fault::FalseHint) => {
            writeln!(out, "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"{}-other-{parts}.m4s\"", letter(medium))
                .unwrap();
        }
        () => hint(&mut out, medium, parts),
    }
    if is(Fault::TwoHints) {
        hint(&mut out, medium, parts + 1);
    }
    report(&mut out, origin, medium, parts);
    out
}

fn letter(medium: Medium) -> char {
    match medium {
        Medium::Video => 'v',
        Medium::Audio => 'a',
    }
}

fn duration(origin: &Origin, msn: u64) -> f64 {
    if origin.is(Fault::LongSegment) && msn % 4 == 1 { 1.51 } else { 1.0 }
}

/// Segments that lie wholly before the skip boundary of six seconds.
fn skippable(origin: &Origin, parts: u64, first: u64) -> u64 {
    let until = if origin.is(Fault::DeltaTooMuch) { 3.0 } else { skip_until(origin) };
    let (next, mut age) = (parts / PARTS, 0.2 * (parts % PARTS) as f64);
    let mut msn = next;
    while msn > first && age < until - 1e-6 {
        msn -= 1;
        age += duration(origin, msn);
    }
    msn - first
}

fn skip_until(origin: &Origin) -> f64 {
    if origin.is(Fault::TargetApart) { 12.0 } else { 6.0 }
}

fn head(out: &mut String, origin: &Origin, medium: Medium, parts: u64, first: u64, delta: bool) {
    let is = |fault| origin.is(fault);
    let version = match delta {
        _ if is(Fault::VersionTooHigh) => 10,
        true if is(Fault::DeltaVersion) => 6,
        true => 9,
        false if is(Fault::VersionTooLow) => 3,
        false => 6,
    };
    writeln!(out, "#EXTM3U\n#EXT-X-VERSION:{version}\n#EXT-X-TARGETDURATION:{}", origin.target(medium))
        .unwrap();
    let hold = match () {
        () if is(Fault::HoldBack) => 2.0,
        () if is(Fault::TargetApart) => 6.0,
        () => 3.0,
    };
    let part_hold = match () {
        () if is(Fault::PartHoldBack) => 0.4,
        () if is(Fault::ShortParts) || (is(Fault::ControlApart) && medium == Medium::Audio) => 0.8,
        () if is(Fault::ChangingTarget) => 0.75,
        () => 0.6,
    };
    let until = match () {
        () if is(Fault::NoSkip) => String::new(),
        () if is(Fault::SkipUntil) => "CAN-SKIP-UNTIL=5.0,".to_owned(),
        () => format!("CAN-SKIP-UNTIL={:.1},", skip_until(origin)),
    };
    writeln!(
        out,
        "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,{until}HOLD-BACK={hold:.1},PART-HOLD-BACK={part_hold}"
    )
    .unwrap();
    let target = match () {
        () if is(Fault::LongParts) => 0.19,
        () if is(Fault::ShortParts) => 0.25,
        () if is(Fault::ChangingTarget) && origin.later(parts) => 0.205,
        () => 0.2,
    };
    if !is(Fault::NoPartInf) {
        writeln!(out, "#EXT-X-PART-INF:PART-TARGET={target}").unwrap();
    }
    writeln!(out, "#EXT-X-MEDIA-SEQUENCE:{first}").unwrap();
    if !is(Fault::NoDiscontinuitySequence) {
        let gone = first.checked_sub(1).map_or(0, |m| origin.discontinuities(medium, m));
        let gone = if is(Fault::StuckDiscontinuitySequence) { 3 } else { gone };
        writeln!(out, "#EXT-X-DISCONTINUITY-SEQUENCE:{gone}").unwrap();
    }
    if is(Fault::PlaylistType) {
        out.push_str("#EXT-X-PLAYLIST-TYPE:EVENT\n");
    }
}

/// What stands before a segment's parts.
fn tags(out: &mut String, origin: &Origin, medium: Medium, parts: u64, msn: u64, first: bool) {
    let is = |fault| origin.is(fault);
    let cut = origin.discontinuity(medium, msn);
    if cut && !is(Fault::LateDiscontinuity) {
        out.push_str("#EXT-X-DISCONTINUITY\n");
    }
    // Where no part stands yet, the hint must stand under the map.
    let late = is(Fault::LateMap) && !parts.is_multiple_of(PARTS);
    if first || (cut && !late) {
        map(out, origin, medium, msn);
    }
    let after_cut = is(Fault::NoDateAfterDiscontinuity) && cut;
    if is(Fault::NoDates) || after_cut {
        return;
    }
    let mut ms = msn * 1000;
    if is(Fault::DatesApart) && medium == Medium::Audio {
        ms += 300;
    }
    if is(Fault::MovingDates) {
        ms += parts;
    }
    let (minutes, seconds) = (ms / 60_000, ms % 60_000);
    let (seconds, ms) = (seconds / 1000, seconds % 1000);
    writeln!(out, "#EXT-X-PROGRAM-DATE-TIME:2026-05-01T10:{minutes:02}:{seconds:02}.{ms:03}Z").unwrap();
}

fn map(out: &mut String, origin: &Origin, medium: Medium, msn: u64) {
    let number = origin.discontinuities(medium, msn);
    writeln!(out, "#EXT-X-MAP:URI=\"{}-init-{number}.mp4\"", letter(medium)).unwrap();
}

/// Tags that a fault puts after the parts that they belong before.
fn late_tags(out: &mut String, origin: &Origin, medium: Medium, msn: u64, first: bool) {
    let cut = origin.discontinuity(medium, msn);
    if cut && origin.is(Fault::LateDiscontinuity) {
        out.push_str("#EXT-X-DISCONTINUITY\n");
    }
    if cut && origin.is(Fault::LateMap) && !first {
        map(out, origin, medium, msn);
    }
}

fn part_tags(out: &mut String, origin: &Origin, medium: Medium, _parts: u64, msn: u64, count: u64) {
    let is = |fault| origin.is(fault);
    for index in 0..count {
        let key = index == u64::from(is(Fault::LateKeyFrame));
        let independent = match medium {
            Medium::Audio => true,
            Medium::Video if is(Fault::NoIndependent) => false,
            Medium::Video if is(Fault::FalseIndependent) => key || index == 2,
            Medium::Video => key,
        };
        let duration = match () {
            () if is(Fault::NoDuration) && index == 1 => "",
            () if is(Fault::Misdeclared) && index == 2 => "DURATION=0.18,",
            () => "DURATION=0.2,",
        };
        let independent = if independent { ",INDEPENDENT=YES" } else { "" };
        let number = msn * PARTS + index;
        writeln!(out, "#EXT-X-PART:{duration}URI=\"{}-part-{number}.m4s\"{independent}", letter(medium))
            .unwrap();
    }
}

fn hint(out: &mut String, medium: Medium, part: u64) {
    writeln!(out, "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"{}-part-{part}.m4s\"", letter(medium)).unwrap();
}

fn report(out: &mut String, origin: &Origin, medium: Medium, parts: u64) {
    let is = |fault| origin.is(fault);
    let other = if medium == Medium::Video { "audio.m3u8" } else { "video.m3u8" };
    let last = if is(Fault::StaleReport) { parts - 13 } else { parts - 1 };
    let base = if is(Fault::AbsoluteReport) { "https://origin.test/live/" } else { "" };
    if !is(Fault::NoReport) {
        let part =
            if is(Fault::ReportWithoutPart) { String::new() } else { format!(",LAST-PART={}", last % PARTS) };
        writeln!(out, "#EXT-X-RENDITION-REPORT:URI=\"{base}{other}\",LAST-MSN={}{part}", last / PARTS)
            .unwrap();
    }
}
