//! `onMetaData`: between AMF0 and [`media::flv::Metadata`].
//!
//! Source: FLV specification annex E.5, and what encoders send: numbers as strings, codecs by number or by name.
use media::flv::Metadata;

use crate::amf0::Value;

/// What a data message announces, if it is `onMetaData`, alone or behind `@setDataFrame`.
pub fn read(values: &[Value]) -> Option<Metadata> {
    let values = match values {
        [Value::String(name), rest @ ..] if name == "@setDataFrame" => rest,
        values => values,
    };
    match values {
        [Value::String(name), rest @ ..] if name == "onMetaData" => {
            Some(rest.iter().find(|value| value.properties().is_some()).map(from_object).unwrap_or_default())
        }
        _ => None,
    }
}

fn from_object(object: &Value) -> Metadata {
    let number = |name: &str| object.property(name).and_then(Value::number).filter(|number| *number >= 0.0);
    let whole = |name: &str| number(name).filter(|n| *n <= f64::from(u32::MAX)).map(|n| n.round() as u32);
    // OBS and FFmpeg leave a codec's id out, or send 0, where there is no such track. Without any codec id nothing is
    // said about either. (Video 0 is nothing; audio 0 is PCM, which nobody sends.)
    let codec = |name: &str| object.property(name);
    let says_codecs = codec("videocodecid").is_some() || codec("audiocodecid").is_some();
    let has = |name: &str| {
        says_codecs.then(|| codec(name).is_some_and(|id| !id.is_null() && id.number() != Some(0.0)))
    };
    let channels = match whole("audiochannels") {
        Some(channels @ 1..=8) => Some(channels as u8),
        _ => {
            object.property("stereo").and_then(Value::number).map(|stereo| if stereo == 0.0 { 1 } else { 2 })
        }
    };
    Metadata {
        width: whole("width").filter(|width| *width > 0),
        height: whole("height").filter(|height| *height > 0),
        frame_rate: number("framerate").or_else(|| number("fps")).filter(|rate| *rate > 0.0),
        video_kbps: number("videodatarate"),
        audio_kbps: number("audiodatarate"),
        sample_rate: whole("audiosamplerate").filter(|rate| *rate > 0),
        channels,
        has_video: has("videocodecid"),
        has_audio: has("audiocodecid"),
        encoder: object
            .property("encoder")
            .and_then(Value::string)
            .map(|name| name.chars().take(256).collect()),
    }
}

/// The values of the data message that announces `metadata`: H.264 and AAC where there is video and audio.
pub fn write(metadata: &Metadata) -> Vec<Value> {
    let mut properties = vec![("duration".to_owned(), Value::Number(0.0))];
    let mut add = |name: &str, value: Option<Value>| {
        properties.extend(value.map(|value| (name.to_owned(), value)));
    };
    add("width", metadata.width.map(|width| f64::from(width).into()));
    add("height", metadata.height.map(|height| f64::from(height).into()));
    add("framerate", metadata.frame_rate.map(Value::Number));
    add("videodatarate", metadata.video_kbps.map(Value::Number));
    add("videocodecid", metadata.has_video.unwrap_or(true).then_some(Value::Number(7.0)));
    add("audiodatarate", metadata.audio_kbps.map(Value::Number));
    add("audiosamplerate", metadata.sample_rate.map(|rate| f64::from(rate).into()));
    add("audiosamplesize", metadata.sample_rate.map(|_| Value::Number(16.0)));
    add("audiochannels", metadata.channels.map(|channels| f64::from(channels).into()));
    add("stereo", metadata.channels.map(|channels| Value::Boolean(channels > 1)));
    add("audiocodecid", metadata.has_audio.unwrap_or(true).then_some(Value::Number(10.0)));
    add("encoder", metadata.encoder.as_deref().map(Value::from));
    vec!["@setDataFrame".into(), "onMetaData".into(), Value::EcmaArray(properties)]
}

#[cfg(test)]
mod tests;
