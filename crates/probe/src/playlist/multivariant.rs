//! Multivariant playlists (§4.4.6).

use super::{Fault, attributes, lines, split};

/// Variants and the renditions that they name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Multivariant {
    /// EXT-X-VERSION.
    pub version: Option<u64>,
    /// EXT-X-INDEPENDENT-SEGMENTS.
    pub independent_segments: bool,
    /// EXT-X-STREAM-INF, in order.
    pub variants: Vec<Variant>,
    /// EXT-X-MEDIA, in order.
    pub renditions: Vec<Rendition>,
    /// EXT-X-I-FRAME-STREAM-INF's URIs.
    pub i_frames: Vec<String>,
    /// Lines that the draft does not allow.
    pub faults: Vec<Fault>,
}

/// EXT-X-STREAM-INF (§4.4.6.2).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Variant {
    /// As written.
    pub uri: String,
    /// BANDWIDTH, bit/s.
    pub bandwidth: Option<u64>,
    /// AVERAGE-BANDWIDTH, bit/s.
    pub average_bandwidth: Option<u64>,
    /// CODECS.
    pub codecs: Option<String>,
    /// RESOLUTION, width and height.
    pub resolution: Option<(u64, u64)>,
    /// FRAME-RATE.
    pub frame_rate: Option<f64>,
    /// AUDIO: the group of its renditions.
    pub audio: Option<String>,
    /// VIDEO: the group of its renditions.
    pub video: Option<String>,
    /// SUBTITLES: the group of its renditions.
    pub subtitles: Option<String>,
    /// Where the tag stands.
    pub line: usize,
}

/// EXT-X-MEDIA (§4.4.6.1).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rendition {
    /// AUDIO, VIDEO, SUBTITLES or CLOSED-CAPTIONS.
    pub kind: String,
    /// GROUP-ID.
    pub group: String,
    /// NAME.
    pub name: String,
    /// As written; none where the media is in the variants' own segments.
    pub uri: Option<String>,
    /// DEFAULT=YES.
    pub default: bool,
    /// CHANNELS.
    pub channels: Option<String>,
    /// Where the tag stands.
    pub line: usize,
}

pub(super) fn parse(text: &str) -> Multivariant {
    let mut out = Multivariant::default();
    let mut pending: Option<Variant> = None;
    for (line, content) in lines(text) {
        let (tag, value) = split(content);
        let mut note = |what: String| out.faults.push(Fault { line, what });
        match tag {
            "#EXT-X-VERSION" => match value.trim().parse() {
                Ok(version) => out.version = Some(version),
                Err(_) => note(format!("EXT-X-VERSION:{value} is no number")),
            },
            "#EXT-X-INDEPENDENT-SEGMENTS" => out.independent_segments = true,
            "#EXT-X-STREAM-INF" => {
                if pending.is_some() {
                    note("the EXT-X-STREAM-INF before has no URI".to_owned());
                }
                pending = Some(variant(value, line, &mut out.faults));
            }
            "#EXT-X-MEDIA" => {
                let rendition = rendition(value, line, &mut out.faults);
                out.renditions.push(rendition);
            }
            "#EXT-X-I-FRAME-STREAM-INF" => {
                let list = attributes::parse(value, line, &mut out.faults);
                out.i_frames.extend(list.string("URI", line, &mut out.faults));
            }
            _ if content.starts_with('#') => {}
            uri => match pending.take() {
                Some(variant) => out.variants.push(Variant { uri: uri.trim().to_owned(), ..variant }),
                None => note("a URI without EXT-X-STREAM-INF".to_owned()),
            },
        }
    }
    if let Some(variant) = pending {
        out.faults.push(Fault { line: variant.line, what: "EXT-X-STREAM-INF without a URI".to_owned() });
    }
    out
}

fn variant(value: &str, line: usize, faults: &mut Vec<Fault>) -> Variant {
    let list = attributes::parse(value, line, faults);
    let resolution = list.word("RESOLUTION", line, faults).and_then(|text| {
        let parsed = text.split_once('x').and_then(|(w, h)| Some((w.parse().ok()?, h.parse().ok()?)));
        if parsed.is_none() {
            faults.push(Fault { line, what: format!("RESOLUTION={text} is no size") });
        }
        parsed
    });
    if list.get("BANDWIDTH").is_none() {
        faults.push(Fault { line, what: "EXT-X-STREAM-INF without BANDWIDTH".to_owned() });
    }
    Variant {
        uri: String::new(),
        bandwidth: list.integer("BANDWIDTH", line, faults),
        average_bandwidth: list.integer("AVERAGE-BANDWIDTH", line, faults),
        codecs: list.string("CODECS", line, faults),
        resolution,
        frame_rate: list.seconds("FRAME-RATE", line, faults),
        audio: list.string("AUDIO", line, faults),
        video: list.string("VIDEO", line, faults),
        subtitles: list.string("SUBTITLES", line, faults),
        line,
    }
}

fn rendition(value: &str, line: usize, faults: &mut Vec<Fault>) -> Rendition {
    let list = attributes::parse(value, line, faults);
    for name in ["TYPE", "GROUP-ID", "NAME"] {
        if list.get(name).is_none() {
            faults.push(Fault { line, what: format!("EXT-X-MEDIA without {name}") });
        }
    }
    Rendition {
        kind: list.word("TYPE", line, faults).unwrap_or_default(),
        group: list.string("GROUP-ID", line, faults).unwrap_or_default(),
        name: list.string("NAME", line, faults).unwrap_or_default(),
        uri: list.string("URI", line, faults),
        default: list.yes("DEFAULT", line, faults),
        channels: list.string("CHANNELS", line, faults),
        line,
    }
}
