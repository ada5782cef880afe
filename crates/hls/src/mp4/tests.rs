#![allow(clippy::unwrap_used, clippy::panic)]

use std::io::Cursor;

use bytes::Bytes;
use media::{Track, aac};
use mp4_atom::{Codec, Ftyp, Moof, Moov, ReadFrom, Styp};

use super::fragment::{self, STYP};
use super::init::{self, Sheet};
use super::read;
use crate::journal::Sample;
use crate::presentation::tests::{audio_track, video_track};

/// mp4-atom is the oracle: it shares no code with the writer.
fn oracle(init: &Bytes) -> Moov {
    let mut reader = Cursor::new(init);
    Ftyp::read_from(&mut reader).unwrap();
    let moov = Moov::read_from(&mut reader).unwrap();
    assert_eq!(reader.position(), init.len() as u64);
    moov
}

#[test]
fn initialisation_segments_read_back() {
    for track in [video_track(), audio_track(44_100)] {
        let init = init::segment(&track);
        let moov = oracle(&init);
        assert_eq!(moov.trak[0].mdia.mdhd.timescale, track.scale.hz());
        assert!(moov.mvex.is_some());
        assert_eq!(Sheet::read(&init).unwrap(), Sheet::of(&track));
    }
}

#[test]
fn audio_configuration_survives() {
    let config =
        aac::Config { asc: vec![0x11, 0x90].into(), object_type: 2, sample_rate: 96_000, channels: 1 };
    let moov = oracle(&init::segment(&Track::audio(config)));
    let Codec::Mp4a(mp4a) = &moov.trak[0].mdia.minf.stbl.stsd.codecs[0] else { panic!("not mp4a") };
    assert_eq!(mp4a.audio.channel_count, 1);
    assert_eq!(mp4a.esds.es_desc.dec_config.dec_specific.as_ref().unwrap().profile, 2);
}

#[test]
fn parts_read_back() {
    let sample = |key, offset| (Sample { size: 3, duration: 3000, offset, key }, Bytes::from_static(b"abc"));
    for samples in [vec![sample(true, 0)], vec![sample(true, 6000), sample(false, -90)]] {
        for (first, plain) in [(true, false), (false, true)] {
            let data = fragment::write(first, 8, 1 << 40, plain, &samples);
            let mut reader = Cursor::new(&data);
            if first {
                Styp::read_from(&mut reader).unwrap();
                assert_eq!(reader.position(), STYP as u64);
            }
            let start = reader.position();
            let moof = Moof::read_from(&mut reader).unwrap();
            let traf = &moof.traf[0];
            assert_eq!(traf.tfdt.as_ref().unwrap().base_media_decode_time, 1 << 40);
            let at = start + traf.trun[0].data_offset.unwrap() as u64;
            assert_eq!(at, reader.position() + 8);
            assert_eq!(data.len() as u64, at + 3 * samples.len() as u64);
            let body = read::path(&data[start as usize..], &[b"moof"]).unwrap();
            let moof = fragment::read(body, plain).unwrap();
            assert_eq!((moof.sequence, moof.decode_time), (8, 1 << 40));
            assert_eq!(moof.samples, samples.iter().map(|(s, _)| *s).collect::<Vec<_>>());
        }
    }
}

#[test]
fn a_segments_key_frame_stands_alone_for_as_long_as_the_segment() {
    let sample = |key, text: &'static str| {
        let data = Bytes::from_static(text.as_bytes());
        (Sample { size: data.len() as u32, duration: 3000, offset: 6000, key }, data)
    };
    let first = fragment::write(true, 8, 90_000, false, &[sample(true, "key frame"), sample(false, "b")]);
    let second = fragment::write(false, 9, 96_000, false, &[sample(false, "c")]);
    let key = fragment::key_frame([&first, &second]).unwrap();
    let body = read::path(&key[STYP..], &[b"moof"]).unwrap();
    let moof = fragment::read(body, false).unwrap();
    assert_eq!((moof.sequence, moof.decode_time), (8, 90_000));
    assert_eq!(moof.samples, [Sample { size: 9, duration: 9000, offset: 6000, key: true }]);
    assert!(key.ends_with(b"mdatkey frame"));
    // As one piece, as the journal has it.
    let whole: Bytes = [first.clone(), second.clone()].concat().into();
    assert_eq!(fragment::key_frame([&whole]), Some(key));
    assert_eq!(fragment::key_frame([&second, &first]), None);
    assert_eq!(fragment::key_frame([&first.slice(..first.len() - 4)]).map(|key| key.len()), None);
    assert_eq!(fragment::key_frame([]), None);
}
