//! What a session receives: the tracks' own word, the publisher's where they are silent, and what is measured.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use media::flv::Metadata;
use media::{CodecConfig, Rational, Track};

use super::ladder::Plan;

/// The bitrate is that of so long.
const SPAN: Duration = Duration::from_secs(5);

/// Measures the bitrate of what comes in.
#[derive(Debug, Default)]
pub(super) struct Meter {
    /// Bytes by tenths of a second: enough for five seconds, however many units come.
    slots: VecDeque<(Instant, u64)>,
}

impl Meter {
    pub(super) fn add(&mut self, bytes: usize, now: Instant) {
        match self.slots.back_mut() {
            Some((at, sum)) if now.duration_since(*at) < Duration::from_millis(100) => *sum += bytes as u64,
            Some(_) | None => self.slots.push_back((now, bytes as u64)),
        }
        while self.slots.front().is_some_and(|(at, _)| now.duration_since(*at) > SPAN) {
            self.slots.pop_front();
        }
    }

    /// Bits a second; `None` until there is a second to measure.
    pub(super) fn bitrate(&self) -> Option<u64> {
        let ((first, _), (last, newest)) = (self.slots.front()?, self.slots.back()?);
        let span = last.duration_since(*first);
        if span < Duration::from_secs(1) {
            return None;
        }
        // The newest slot is still filling.
        let bytes = self.slots.iter().map(|(_, sum)| sum).sum::<u64>() - newest;
        Some((bytes as f64 * 8.0 / span.as_secs_f64()) as u64)
    }
}

/// As it is known before anything is measured.
pub(super) fn announced<'a>(
    tracks: impl Iterator<Item = &'a Track>,
    metadata: &Metadata,
    encoder: Option<&str>,
) -> live::Source {
    let mut source = live::Source {
        // The name in the metadata is the program's own; flashVer is often another's.
        encoder: metadata.encoder.clone().or_else(|| encoder.map(str::to_owned)),
        ..live::Source::default()
    };
    for track in tracks {
        source.codecs.push(track.config.rfc6381());
        if let CodecConfig::Avc(avc) = &track.config {
            (source.width, source.height) = (Some(avc.width), Some(avc.height));
            source.fps = avc.frame_rate.map(Rational::as_f64).or(metadata.frame_rate);
        }
    }
    let kbps = metadata.video_kbps.unwrap_or(0.0) + metadata.audio_kbps.unwrap_or(0.0);
    if kbps.is_finite() && kbps > 0.0 {
        source.bitrate = Some((kbps * 1000.0) as u64);
    }
    source
}

/// The renditions of these tracks, video first, then those that are made of them.
pub(super) fn renditions(
    tracks: &[Track],
    metadata: &Metadata,
    plan: Option<&Plan>,
) -> Vec<hls::presentation::Rendition> {
    let rendition = |track: &Track| {
        let kbps = match track.kind {
            media::Kind::Video => metadata.video_kbps,
            media::Kind::Audio => metadata.audio_kbps,
        };
        hls::presentation::Rendition {
            listed: plan.is_none_or(|plan| plan.lists(track.kind)),
            frame_rate: match track.kind {
                media::Kind::Video => metadata.frame_rate.and_then(as_ratio),
                media::Kind::Audio => None,
            },
            bitrate: kbps.filter(|kbps| kbps.is_finite() && *kbps > 0.0).map(|kbps| (kbps * 1000.0) as u32),
            ..hls::presentation::Rendition::source(track.kind.name(), track.clone())
        }
    };
    let mut renditions: Vec<_> = tracks.iter().map(rendition).collect();
    renditions.sort_by_key(|rendition| rendition.track.kind);
    renditions.extend(plan.into_iter().flat_map(Plan::renditions));
    renditions
}

/// Whole rates, their NTSC cousins (n·1000/1001), or else thousandths.
fn as_ratio(fps: f64) -> Option<Rational> {
    if !(1.0..=300.0).contains(&fps) {
        return None;
    }
    let whole = fps.round();
    if (fps - whole).abs() < 0.001 {
        return Some(Rational { num: whole as u32, den: 1 });
    }
    let ntsc = (fps * 1.001).round();
    if (fps - ntsc / 1.001).abs() < 0.005 {
        return Some(Rational { num: ntsc as u32 * 1000, den: 1001 });
    }
    Some(Rational { num: (fps * 1000.0).round() as u32, den: 1000 })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn frame_rates_that_encoders_announce() {
        for (fps, num, den) in [
            (30.0, 30, 1),
            (29.97, 30_000, 1001),
            (23.976, 24_000, 1001),
            (12.5, 12_500, 1000),
            (59.94, 60_000, 1001),
        ] {
            assert_eq!(as_ratio(fps), Some(Rational { num, den }), "{fps}");
        }
        for bad in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e9] {
            assert_eq!(as_ratio(bad), None, "{bad}");
        }
    }

    #[test]
    fn bitrate_is_measured_after_a_second_and_follows() {
        let mut meter = Meter::default();
        let start = crate::clock::Clock::system().now();
        for tenth in 0..10 {
            meter.add(12_500, start + Duration::from_millis(100 * tenth));
        }
        assert_eq!(meter.bitrate(), None);
        meter.add(12_500, start + Duration::from_secs(1));
        assert_eq!(meter.bitrate().unwrap(), 1_000_000);
        for tenth in 11..120 {
            meter.add(25_000, start + Duration::from_millis(100 * tenth));
        }
        assert_eq!(meter.bitrate().unwrap(), 2_000_000);
        assert!(meter.slots.len() <= 52);
    }
}
