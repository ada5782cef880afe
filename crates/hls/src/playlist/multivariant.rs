//! The multivariant playlist.

use std::fmt::Write;

use media::{CodecConfig, Kind, Rational, Track};

/// One rendition as the multivariant lists it.
#[derive(Clone, Debug, PartialEq)]
pub struct Rendition {
    /// Relative to the multivariant playlist: `ses_…/video/media.m3u8`.
    pub uri: String,
    /// Video is a variant; audio beside video is a rendition of its group.
    pub kind: Kind,
    /// RFC 6381.
    pub codec: String,
    /// Pixels across and down.
    pub size: Option<(u32, u32)>,
    /// Of audio.
    pub channels: Option<u8>,
    /// FRAME-RATE.
    pub frame_rate: Option<Rational>,
    /// Bits a second: peak of a segment.
    pub peak: u64,
    /// Bits a second: average.
    pub average: u64,
    /// Captions in its pictures: `None` where nobody looked.
    pub captions: Option<bool>,
    /// Its I-frame playlist, where it has one.
    pub keys: Option<Keys>,
}

/// An I-frame playlist as the multivariant lists it.
#[derive(Clone, Debug, PartialEq)]
pub struct Keys {
    /// Relative to the multivariant playlist: `ses_…/video/iframes.m3u8`.
    pub uri: String,
    /// Bits a second: peak of a key frame over the time it stands for.
    pub peak: u64,
    /// Bits a second: average.
    pub average: u64,
}

impl Rendition {
    /// From its track; `bandwidth` is (peak, average), a guess where not known.
    pub fn of(
        uri: String,
        track: &Track,
        frame_rate: Option<Rational>,
        bandwidth: Option<(u64, u64)>,
    ) -> Self {
        let (size, channels, guess) = match &track.config {
            CodecConfig::Avc(c) => (Some((c.width, c.height)), None, 3_000_000),
            CodecConfig::Aac(c) => (None, Some(c.channels), 160_000),
        };
        let (peak, average) = bandwidth.unwrap_or((guess, guess));
        Self {
            uri,
            kind: track.kind,
            codec: track.config.rfc6381(),
            size,
            channels,
            frame_rate,
            peak,
            average,
            captions: None,
            keys: None,
        }
    }
}

/// `independent`: every segment begins with a key frame because we control the GOP (INDEPENDENT-SEGMENTS).
pub fn render(renditions: &[Rendition], independent: bool) -> String {
    let video = || renditions.iter().filter(|r| r.kind == Kind::Video);
    let audio = || renditions.iter().filter(|r| r.kind == Kind::Audio);
    let alone = video().next().is_none();
    let mut out = String::from("#EXTM3U\n");
    // Rule 1: EXT-X-MEDIA asks for 4.
    if !alone {
        out.push_str("#EXT-X-VERSION:4\n");
    }
    if independent {
        out.push_str("#EXT-X-INDEPENDENT-SEGMENTS\n");
    }
    if alone {
        audio().for_each(|r| {
            variant(&mut out, r, None);
            let _ = writeln!(out, "\n{}", r.uri);
        });
        return out;
    }
    for (i, r) in audio().enumerate() {
        let default = if i == 0 { "YES" } else { "NO" };
        let name = if i == 0 { "Audio".to_owned() } else { format!("Audio {}", i + 1) };
        let _ = write!(
            out,
            "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"audio\",NAME=\"{name}\",DEFAULT={default},AUTOSELECT=YES"
        );
        if let Some(channels) = r.channels {
            let _ = write!(out, ",CHANNELS=\"{channels}\"");
        }
        let _ = writeln!(out, ",URI=\"{}\"", r.uri);
    }
    let loudest = audio().max_by_key(|r| r.peak);
    // Said of all variants or of none. Where it isn't said Shaka 5.2 looks for captions in segments, the open one among
    // them, whose URI it doesn't have: it can't load a session of less than four segments.
    let none = video().all(|r| r.captions == Some(false));
    video().for_each(|r| {
        variant(&mut out, r, loudest);
        out.push_str(if none { ",CLOSED-CAPTIONS=NONE\n" } else { "\n" });
        let _ = writeln!(out, "{}", r.uri);
    });
    for (r, keys) in video().filter_map(|r| Some((r, r.keys.as_ref()?))) {
        let _ = write!(
            out,
            "#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH={},AVERAGE-BANDWIDTH={},CODECS=\"{}\"",
            keys.peak, keys.average, r.codec
        );
        if let Some((width, height)) = r.size {
            let _ = write!(out, ",RESOLUTION={width}x{height}");
        }
        let _ = writeln!(out, ",URI=\"{}\"", keys.uri);
    }
    out
}

fn variant(out: &mut String, r: &Rendition, audio: Option<&Rendition>) {
    let with = |own: u64, other: fn(&Rendition) -> u64| own + audio.map_or(0, other);
    let _ = write!(
        out,
        "#EXT-X-STREAM-INF:BANDWIDTH={},AVERAGE-BANDWIDTH={},CODECS=\"{}",
        with(r.peak, |a| a.peak),
        with(r.average, |a| a.average),
        r.codec
    );
    if let Some(audio) = audio {
        let _ = write!(out, ",{}", audio.codec);
    }
    out.push('"');
    if let Some((width, height)) = r.size {
        let _ = write!(out, ",RESOLUTION={width}x{height}");
    }
    if let Some(rate) = r.frame_rate {
        let _ = write!(out, ",FRAME-RATE={:.3}", rate.as_f64());
    }
    if audio.is_some() {
        out.push_str(",AUDIO=\"audio\"");
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use expect_test::{Expect, expect};

    use super::*;
    use crate::presentation::tests::{audio_track, video_track};

    fn check(tracks: &[Track], independent: bool, expect: Expect) {
        let rate = |t: &Track| (t.kind == Kind::Video).then_some(Rational { num: 30_000, den: 1_001 });
        let list: Vec<_> = tracks
            .iter()
            .map(|t| {
                let of = Rendition::of(format!("ses_1/{}/media.m3u8", t.kind.name()), t, rate(t), None);
                let keys =
                    || Keys { uri: "ses_1/video/iframes.m3u8".into(), peak: 400_000, average: 300_000 };
                let keys = (independent && t.kind == Kind::Video).then(keys);
                Rendition { captions: independent.then_some(false), keys, ..of }
            })
            .collect();
        expect.assert_eq(&render(&list, independent));
    }

    #[test]
    fn lists_audio_as_a_group_of_its_own() {
        check(
            &[video_track(), audio_track(48_000)],
            true,
            expect![[r##"
                #EXTM3U
                #EXT-X-VERSION:4
                #EXT-X-INDEPENDENT-SEGMENTS
                #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="Audio",DEFAULT=YES,AUTOSELECT=YES,CHANNELS="2",URI="ses_1/audio/media.m3u8"
                #EXT-X-STREAM-INF:BANDWIDTH=3160000,AVERAGE-BANDWIDTH=3160000,CODECS="avc1.64001f,mp4a.40.2",RESOLUTION=1280x720,FRAME-RATE=29.970,AUDIO="audio",CLOSED-CAPTIONS=NONE
                ses_1/video/media.m3u8
                #EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=400000,AVERAGE-BANDWIDTH=300000,CODECS="avc1.64001f",RESOLUTION=1280x720,URI="ses_1/video/iframes.m3u8"
            "##]],
        );
    }

    #[test]
    fn one_medium_alone_is_a_plain_variant() {
        check(
            &[video_track()],
            false,
            expect![[r##"
                #EXTM3U
                #EXT-X-VERSION:4
                #EXT-X-STREAM-INF:BANDWIDTH=3000000,AVERAGE-BANDWIDTH=3000000,CODECS="avc1.64001f",RESOLUTION=1280x720,FRAME-RATE=29.970
                ses_1/video/media.m3u8
            "##]],
        );
        check(
            &[audio_track(44_100)],
            false,
            expect![[r##"
                #EXTM3U
                #EXT-X-STREAM-INF:BANDWIDTH=160000,AVERAGE-BANDWIDTH=160000,CODECS="mp4a.40.2"
                ses_1/audio/media.m3u8
            "##]],
        );
    }
}
