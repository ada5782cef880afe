//! What encoders announce.
#![allow(clippy::unwrap_used)]

use media::flv::Metadata;

use super::*;
use crate::amf0::object;

fn parse(object: Value) -> Metadata {
    read(&["@setDataFrame".into(), "onMetaData".into(), object]).unwrap()
}

#[test]
fn comes_back_as_it_went() {
    let metadata = Metadata {
        width: Some(1280),
        height: Some(720),
        frame_rate: Some(29.97),
        video_kbps: Some(2500.0),
        audio_kbps: Some(128.0),
        sample_rate: Some(48_000),
        channels: Some(2),
        has_video: Some(true),
        has_audio: Some(true),
        encoder: Some("ours".to_owned()),
    };
    assert_eq!(read(&write(&metadata)), Some(metadata.clone()));
    let silent = Metadata { has_audio: Some(false), channels: None, sample_rate: None, ..metadata };
    assert_eq!(read(&write(&silent)), Some(silent));
}

#[test]
fn odd_types() {
    let odd = parse(object([
        ("width", "640".into()),
        ("height", (-5.0).into()),
        ("framerate", f64::NAN.into()),
        ("fps", "25.00".into()),
        ("videocodecid", "avc1".into()),
        ("audiocodecid", Value::Null),
        ("stereo", "yes".into()),
        ("audiosamplerate", 1e300.into()),
        ("encoder", Value::Boolean(true)),
    ]));
    let expected = Metadata {
        width: Some(640),
        frame_rate: Some(25.0),
        has_video: Some(true),
        has_audio: Some(false),
        ..Metadata::default()
    };
    assert_eq!(odd, expected);
    assert_eq!(parse(object([("stereo", Value::Boolean(false))])).channels, Some(1));
    assert_eq!(parse(object([("audiochannels", 6.0.into())])).channels, Some(6));
    // Nothing is said of either track where no codec is named.
    assert_eq!(parse(object([("width", 4.0.into())])).has_video, None);
}

#[test]
fn other_messages() {
    assert_eq!(read(&["onMetaData".into()]), Some(Metadata::default()));
    assert_eq!(read(&["@setDataFrame".into()]), None);
    assert_eq!(read(&["onTextData".into(), Value::Null]), None);
    assert_eq!(read(&[Value::Null]), None);
    assert_eq!(read(&[]), None);
}
