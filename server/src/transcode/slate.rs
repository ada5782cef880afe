//! The worker's first job: a second or two of a picture that doesn't move, and of silence.

use anyhow::{Context, ensure};
use bytes::{BufMut, Bytes, BytesMut};
use media::{AccessUnit, CodecConfig, Kind, Timescale, Timestamp, Track, avc};
use transcode::{Job, Picture, Slate, Sound, Still, Units};

/// Frames of silence; what an encoder says in its first ones is about what was before.
const SILENT: usize = 8;
const SETTLING: usize = 8;

/// Does the job.
pub(super) fn encode(job: &Job) -> anyhow::Result<Slate> {
    Ok(Slate {
        video: job.still.as_ref().map(video).transpose().context("the picture")?,
        audio: job.sound.as_ref().map(audio).transpose().context("the silence")?,
    })
}

/// Two GOPs of a second: consecutive key frames differ in their `idr_pic_id` (ISO/IEC 14496-10 §7.4.3), even where a GOP is
/// one frame.
fn video(still: &Still) -> anyhow::Result<Units> {
    let (width, height) = (still.width & !1, still.height & !1);
    let picture = picture(still, width, height)?;
    let gop = still.rate.as_f64().round().clamp(1.0, 240.0) as u32;
    let config = codec::x264::Config {
        rate: codec::x264::Rate::Quality { crf: 23.0, max_kbps: 8_000, vbv_ms: 1_000 },
        keyframe_interval: gop,
        threads: 1,
        parameter_set: PARAMETER_SET,
        colour: picture.colour,
        ..codec::x264::Config::new(width, height, still.rate, 8_000)
    };
    let mut encoder = codec::x264::Encoder::new(&config)?;
    let CodecConfig::Avc(avc) = encoder.track().config.clone() else {
        anyhow::bail!("x264 made something else than H.264");
    };
    let mut units = Vec::new();
    let frame = f64::from(Timescale::VIDEO.hz()) / still.rate.as_f64();
    for number in 0..2 * gop {
        let pts = Timestamp::new((f64::from(number) * frame) as i64, Timescale::VIDEO);
        let unit = encoder.encode(&picture, pts, false)?;
        units.extend(unit.map(|unit| {
            if unit.key { (true, with_sets(&avc.record, &unit.data)) } else { (false, unit.data) }
        }));
    }
    ensure!(units.len() == 2 * gop as usize, "x264 held back {} frames", 2 * gop as usize - units.len());
    Ok(Units { config: avc.record, units })
}

/// FFmpeg's reader of playlists doesn't read a second EXT-X-MAP: it knows the slate's parameter sets only where they come
/// with its key frames, and must not take them for the publisher's. Hence a number that encoders don't use.
const PARAMETER_SET: u32 = 31;

/// A key frame after the parameter sets of an `avcC` record (ISO/IEC 14496-15 §5.3.3.1) with one of each.
fn with_sets(record: &Bytes, unit: &Bytes) -> Bytes {
    let set = |from: usize| {
        let length = record.get(from..from + 2).and_then(|b| b.try_into().ok()).map(u16::from_be_bytes)?;
        record.get(from + 2..from + 2 + usize::from(length))
    };
    let sps = set(6).unwrap_or_default();
    let pps = set(9 + sps.len()).unwrap_or_default();
    let mut whole = BytesMut::with_capacity(unit.len() + sps.len() + pps.len() + 8);
    for nal in [sps, pps] {
        whole.put_u32(nal.len() as u32);
        whole.put_slice(nal);
    }
    whole.put_slice(unit);
    whole.freeze()
}

fn picture(still: &Still, width: u32, height: u32) -> anyhow::Result<codec::Picture> {
    match &still.picture {
        Picture::Black => Ok(codec::Picture::black(width, height, Timestamp::millis(0))?),
        Picture::File(file) => Ok(codec::still::decode(file, width, height)?),
        Picture::Key { record, unit } => key_frame(record, unit, width, height),
    }
}

fn key_frame(record: &Bytes, unit: &Bytes, width: u32, height: u32) -> anyhow::Result<codec::Picture> {
    let (config, _) = avc::Config::parse(record)?;
    let mut decoder = codec::decode::Video::new(&Track::video(config))?;
    let at = Timestamp::millis(0);
    let unit = AccessUnit { kind: Kind::Video, dts: at, pts: at, key: true, data: unit.clone() };
    let mut pictures = decoder.decode(&unit)?;
    pictures.extend(decoder.flush()?);
    let picture = pictures.pop().context("the key frame gave no picture")?;
    let mut scaler = codec::scale::Scaler::new(width, height, codec::scale::Fit::Stretch)?;
    Ok(scaler.scale(&picture)?)
}

fn audio(sound: &Sound) -> anyhow::Result<Units> {
    let bitrate = (sound.sample_rate * u32::from(sound.channels)).clamp(16_000, 96_000);
    let config = codec::aac::Config { sample_rate: sound.sample_rate, channels: sound.channels, bitrate };
    let mut encoder = codec::aac::Encoder::new(&config, Timestamp::millis(0))?;
    let CodecConfig::Aac(aac) = encoder.track().config.clone() else {
        anyhow::bail!("the encoder made something else than AAC");
    };
    let silence = vec![0; media::aac::Config::FRAME as usize * usize::from(sound.channels)];
    let mut units = Vec::new();
    for _ in 0..4 * (SILENT + SETTLING) {
        units.extend(encoder.encode(&silence)?.into_iter().map(|unit| (true, unit.data)));
        if units.len() >= SILENT + SETTLING {
            return Ok(Units { config: aac.asc, units: units.split_off(SETTLING) });
        }
    }
    anyhow::bail!("the encoder gave {} frames of silence", units.len())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use media::Rational;

    use super::*;

    fn still(picture: Picture) -> Still {
        Still { picture, width: 320, height: 181, rate: Rational { num: 30_000, den: 1_001 } }
    }

    fn pictures(units: &Units) -> Vec<codec::Picture> {
        let (config, _) = avc::Config::parse(&units.config).unwrap();
        assert_eq!((config.width, config.height), (320, 180));
        let mut decoder = codec::decode::Video::new(&Track::video(config)).unwrap();
        let mut out = Vec::new();
        for (number, (key, data)) in units.units.iter().enumerate() {
            let at = Timestamp::millis(number as i64 * 33);
            let unit = AccessUnit { kind: Kind::Video, dts: at, pts: at, key: *key, data: data.clone() };
            out.extend(decoder.decode(&unit).unwrap());
        }
        out.extend(decoder.flush().unwrap());
        out
    }

    #[test]
    fn a_still_is_two_gops_that_decode_and_weigh_little() {
        let units = video(&still(Picture::Black)).unwrap();
        let key = &units.units[0].1;
        let kinds: Vec<_> =
            avc::nals(key, avc::LengthSize::Four).map(|nal| avc::nal_type(nal.unwrap()).unwrap()).collect();
        assert_eq!(kinds, [7, 8, 5]);
        let keys: Vec<_> =
            units.units.iter().enumerate().filter(|(_, (key, _))| *key).map(|(i, _)| i).collect();
        assert_eq!((units.units.len(), keys), (60, vec![0, 30]));
        let bytes: usize = units.units.iter().map(|(_, data)| data.len()).sum();
        assert!(bytes < 8_000, "{bytes}");
        assert_eq!(pictures(&units).len(), 60);
    }

    #[test]
    fn the_last_key_frame_is_what_is_seen() {
        let white = codec::still::decode(include_bytes!("../../../assets/128x128.png"), 320, 180).unwrap();
        let rate = Rational { num: 30, den: 1 };
        let config = codec::x264::Config::new(320, 180, rate, 2_000);
        let mut encoder = codec::x264::Encoder::new(&config).unwrap();
        let unit = encoder.encode(&white, Timestamp::millis(0), true).unwrap().unwrap();
        let CodecConfig::Avc(avc) = encoder.track().config.clone() else { unreachable!() };
        let units = video(&still(Picture::Key { record: avc.record, unit: unit.data })).unwrap();
        let shown = pictures(&units).pop().unwrap();
        let (a, b) = (white.plane(codec::Plane::Y), shown.plane(codec::Plane::Y));
        let apart: u64 = a.iter().zip(b).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
        assert!(apart / (a.len() as u64) < 4, "{}", apart / a.len() as u64);
    }

    #[test]
    fn a_damaged_key_frame_is_told() {
        let bad = Picture::Key { record: Bytes::from_static(&[1, 2]), unit: Bytes::from_static(b"x") };
        assert!(video(&still(bad)).is_err());
        assert!(video(&Still { width: 2, ..still(Picture::Black) }).is_err());
    }

    #[test]
    fn silence_is_silent_at_every_usual_rate() {
        for (sample_rate, channels) in [(48_000, 2), (44_100, 1), (8_000, 1), (96_000, 2)] {
            let units = audio(&Sound { sample_rate, channels }).unwrap();
            assert_eq!(units.units.len(), SILENT);
            let track = Track::audio(media::aac::Config::parse(&units.config).unwrap());
            let mut decoder = codec::decode::Audio::new(&track).unwrap();
            for (number, (_, data)) in units.units.iter().cycle().take(20).enumerate() {
                let at = Timestamp::new(number as i64 * 1024, track.scale);
                let unit = AccessUnit { kind: Kind::Audio, dts: at, pts: at, key: true, data: data.clone() };
                let sounds = decoder.decode(&unit).unwrap();
                assert!(sounds.iter().flat_map(|s| &s.samples).all(|s| s.unsigned_abs() < 8));
            }
        }
        assert!(audio(&Sound { sample_rate: 12_345, channels: 2 }).is_err());
    }
}
