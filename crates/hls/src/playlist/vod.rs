//! Catch-up: playlists of what the journal holds, after the end.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::ops::Range;

use media::{Kind, Rational};

use super::{Style, head, multivariant, tail};
use crate::recording::Trim;
use crate::{Segment, journal};

/// What is played of a session: whole segments, and where in the first of them a player begins.
#[derive(Clone, Debug, PartialEq)]
pub struct Cut {
    /// By place in what was live, and MSN.
    pub segments: Range<(u64, u64)>,
    /// Seconds into the first one.
    pub offset: f64,
}

/// Behind every segment.
const LAST: (u64, u64) = (u64::MAX, u64::MAX);

impl Cut {
    /// From the files of the rendition that leads: the segments that hold anything of the trim.
    pub fn of(leader: &[&journal::Index], trim: &Trim) -> Self {
        let segments = journal::recorded(leader);
        let (all, key) = (Self { segments: (0, 0)..LAST, offset: 0.0 }, |s: &(u64, Segment)| (s.0, s.1.msn));
        let Some(first) = segments.first() else { return all };
        let at = |s: &(u64, Segment)| s.1.start.minus(first.1.start).seconds();
        let from = trim.from.unwrap_or(0.0);
        let start = segments.iter().rposition(|s| at(s) <= from && !s.1.gap).unwrap_or(0);
        // A thousandth is a rounding, not a picture; one segment at least.
        let past = |s: &&(u64, Segment)| trim.until.is_some_and(|until| at(s) >= until - 0.001);
        let end = segments.iter().skip(start + 1).find(past).map_or(LAST, key);
        let Some(start) = segments.get(start) else { return all };
        Self { segments: key(start)..end, offset: (from - at(start)).max(0.0) }
    }
}

/// The media playlist of one rendition from its journal files in order: segments `s{MSN}.m4s`, MAPs `init{K}.mp4`.
pub fn media(files: &[&journal::Index], cut: Option<&Cut>) -> String {
    render(files, cut, Style::Live)
}

/// The same of its key frames alone, `k{MSN}.m4s`.
pub fn keys(files: &[&journal::Index], cut: Option<&Cut>) -> String {
    render(files, cut, Style::Keys)
}

fn render(files: &[&journal::Index], cut: Option<&Cut>, style: Style) -> String {
    let target = files.first().map_or(1, |f| f.header.plan.target_duration);
    let epoch_ms = files.first().map_or(0, |f| f.header.epoch_ms);
    let mut segments = journal::recorded(files);
    segments.retain(|(place, s)| cut.is_none_or(|cut| cut.segments.contains(&(*place, s.msn))));
    // Behind a slate the same MAP has another number; FFmpeg says of each that it has it already.
    let first = |file: &journal::Index| files.iter().find(|f| f.init == file.init).map(|f| f.header.init);
    let maps: BTreeMap<u32, u32> = files.iter().filter_map(|f| Some((f.header.init, first(f)?))).collect();
    for (_, segment) in &mut segments {
        segment.init = maps.get(&segment.init).copied().unwrap_or(segment.init);
    }
    let mut out =
        format!("#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-TARGETDURATION:{target}\n#EXT-X-PLAYLIST-TYPE:VOD\n");
    if style == Style::Keys {
        out.push_str("#EXT-X-I-FRAMES-ONLY\n");
    }
    let first = segments.first().map(|(_, s)| s);
    let _ = writeln!(
        out,
        "#EXT-X-MEDIA-SEQUENCE:{}\n#EXT-X-DISCONTINUITY-SEQUENCE:{}",
        first.map_or(0, |s| s.msn),
        first.map_or(0, |s| s.discontinuity_sequence - u64::from(s.discontinuity))
    );
    if let Some(cut) = cut.filter(|cut| cut.offset > 0.0005) {
        let _ = writeln!(out, "#EXT-X-START:TIME-OFFSET={:.3},PRECISE=YES", cut.offset);
    }
    let mut init = None;
    for (_, segment) in &segments {
        head(&mut out, segment, style, epoch_ms, &mut init);
        tail(&mut out, segment, style);
    }
    out.push_str("#EXT-X-ENDLIST\n");
    out
}

/// The multivariant playlist: each rendition's relative folder and journal files.
pub fn multivariant(renditions: &[(String, Vec<&journal::Index>)]) -> String {
    let list: Vec<_> = renditions.iter().filter_map(|(folder, files)| rendition(folder, files)).collect();
    multivariant::render(&list, false)
}

fn rendition(folder: &str, files: &[&journal::Index]) -> Option<multivariant::Rendition> {
    let header = &files.iter().find(|file| !file.header.live_only)?.header;
    let (mut bits, mut seconds, mut peak) = (0.0, 0.0, 0.0_f64);
    let (mut key_bits, mut key_peak) = (0.0, 0.0_f64);
    let recorded = journal::recorded(files);
    for (_, segment) in recorded.iter().filter(|(_, s)| !s.gap && s.duration.ticks > 0) {
        let long = segment.duration.seconds();
        bits += segment.bytes as f64 * 8.0;
        seconds += long;
        if peak == 0.0 || long >= f64::from(header.plan.target_duration) / 2.0 {
            peak = peak.max(segment.bytes as f64 * 8.0 / long);
        }
        key_bits += f64::from(segment.key) * 8.0;
        key_peak = key_peak.max(f64::from(segment.key) * 8.0 / long);
    }
    let average = if seconds > 0.0 { bits / seconds } else { 0.0 };
    let video = header.channels == 0;
    let keys = (video && key_bits > 0.0).then(|| multivariant::Keys {
        uri: format!("{folder}/iframes.m3u8"),
        peak: key_peak.ceil() as u64,
        average: (key_bits / seconds).ceil() as u64,
    });
    Some(multivariant::Rendition {
        uri: format!("{folder}/media.m3u8"),
        kind: if video { Kind::Video } else { Kind::Audio },
        codec: header.codec.clone(),
        size: video.then_some(header.size),
        channels: (!video).then_some(header.channels),
        frame_rate: header.frame_rate.filter(|r| r.1 > 0).map(|(num, den)| Rational { num, den }),
        peak: peak.max(average).ceil() as u64,
        average: average.ceil() as u64,
        captions: None,
        keys,
    })
}
