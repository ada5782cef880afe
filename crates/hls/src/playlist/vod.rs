//! Catch-up: playlists of what the journal holds, after the end.

use std::fmt::Write;

use media::{Kind, Rational};

use super::{Style, head, multivariant, tail};
use crate::journal;

/// The media playlist of one rendition from its journal files in order: segments `s{MSN}.m4s`, MAPs `init{K}.mp4`.
pub fn media(files: &[&journal::Index]) -> String {
    let target = files.first().map_or(1, |f| f.header.plan.target_duration);
    let epoch_ms = files.first().map_or(0, |f| f.header.epoch_ms);
    let segments = journal::segments(files);
    let mut out =
        format!("#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-TARGETDURATION:{target}\n#EXT-X-PLAYLIST-TYPE:VOD\n");
    let first = segments.first();
    let _ = writeln!(
        out,
        "#EXT-X-MEDIA-SEQUENCE:{}\n#EXT-X-DISCONTINUITY-SEQUENCE:{}",
        first.map_or(0, |s| s.msn),
        first.map_or(0, |s| s.discontinuity_sequence - u64::from(s.discontinuity))
    );
    let mut init = None;
    for segment in &segments {
        head(&mut out, segment, Style::Live, epoch_ms, &mut init);
        tail(&mut out, segment);
    }
    out.push_str("#EXT-X-ENDLIST\n");
    out
}

/// The multivariant playlist: each rendition's relative URI and journal files.
pub fn multivariant(renditions: &[(String, Vec<&journal::Index>)]) -> String {
    let list: Vec<_> = renditions.iter().filter_map(|(uri, files)| rendition(uri, files)).collect();
    multivariant::render(&list, false)
}

fn rendition(uri: &str, files: &[&journal::Index]) -> Option<multivariant::Rendition> {
    let header = &files.first()?.header;
    let (mut bits, mut seconds, mut peak) = (0.0, 0.0, 0.0_f64);
    for segment in journal::segments(files).iter().filter(|s| !s.gap && s.duration.ticks > 0) {
        let long = segment.duration.seconds();
        bits += segment.bytes as f64 * 8.0;
        seconds += long;
        if peak == 0.0 || long >= f64::from(header.plan.target_duration) / 2.0 {
            peak = peak.max(segment.bytes as f64 * 8.0 / long);
        }
    }
    let average = if seconds > 0.0 { bits / seconds } else { 0.0 };
    let video = header.channels == 0;
    Some(multivariant::Rendition {
        uri: uri.to_owned(),
        kind: if video { Kind::Video } else { Kind::Audio },
        codec: header.codec.clone(),
        size: video.then_some(header.size),
        channels: (!video).then_some(header.channels),
        frame_rate: header.frame_rate.filter(|r| r.1 > 0).map(|(num, den)| Rational { num, den }),
        peak: peak.max(average).ceil() as u64,
        average: average.ceil() as u64,
    })
}
