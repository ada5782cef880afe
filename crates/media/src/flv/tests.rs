mod corpus;

use super::*;

const AVC_HEADER: &str = "17000000000164001fffe1001a6764001facd9405005bb0110000003001000000303c0f183196001000668ebe3cb22c0fdf8f800";
const AAC_HEADER: &str = "af00119056e500";

fn bytes(hex: &str) -> Bytes {
    (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap()).collect()
}

fn video(timestamp: u32, body: Bytes) -> Tag {
    Tag { kind: TagKind::Video, timestamp, body }
}

fn audio(timestamp: u32, body: Bytes) -> Tag {
    Tag { kind: TagKind::Audio, timestamp, body }
}

fn with_headers() -> Demuxer {
    let mut demuxer = Demuxer::new();
    assert!(matches!(
        demuxer.push(&video(0, bytes(AVC_HEADER))),
        Ok(Item::Track(Track { kind: Kind::Video, .. }))
    ));
    assert!(matches!(
        demuxer.push(&audio(0, bytes(AAC_HEADER))),
        Ok(Item::Track(Track { kind: Kind::Audio, .. }))
    ));
    demuxer
}

#[test]
fn reads_what_ffmpeg_writes() {
    let mut demuxer = with_headers();
    // B-frames: composition offset 67 ms.
    let Item::Unit(unit) = demuxer.push(&video(4_294_967_295, bytes("1701000043000000026588"))).unwrap()
    else {
        panic!("not a unit");
    };
    assert!(unit.key);
    assert_eq!((unit.dts.ticks, unit.pts.ticks), (4_294_967_295, 4_294_967_362));
    assert_eq!(unit.data[..], [0, 0, 0, 2, 0x65, 0x88]);
    // A negative offset is a 24-bit two's complement.
    let Item::Unit(unit) = demuxer.push(&video(100, bytes("2701ffffde000000014100"[..20].as_ref()))).unwrap()
    else {
        panic!("not a unit");
    };
    assert_eq!((unit.key, unit.pts.ticks), (false, 66));
    assert!(matches!(demuxer.push(&audio(46, bytes("af012110"))), Ok(Item::Unit(_))));
}

#[test]
fn says_nothing_of_what_shows_nothing() {
    let mut demuxer = with_headers();
    for tag in [
        video(0, bytes(AVC_HEADER)),   // repeated
        audio(0, bytes(AAC_HEADER)),   // repeated
        video(0, Bytes::new()),        // empty
        video(9, bytes("1702000000")), // end of sequence
        video(9, bytes("5700")),       // info frame
        video(9, bytes("2701000000")), // no NAL unit
        audio(9, bytes("af01")),       // no frame
        audio(9, bytes("af00")),       // no config
    ] {
        assert_eq!(demuxer.push(&tag), Ok(Item::Nothing), "{tag:?}");
    }
}

#[test]
fn a_changed_header_is_a_new_track() {
    let mut demuxer = with_headers();
    assert!(matches!(demuxer.push(&audio(0, bytes("af001208"))), Ok(Item::Track(_))));
}

#[test]
fn refuses_other_codecs_by_name() {
    let table = [
        (audio(0, bytes("2fff")), "audio codec MP3 is not supported: publish AAC"),
        (audio(0, bytes("904f707573")), "audio codec Opus is not supported: publish AAC"),
        (audio(0, bytes("d2ff")), "audio codec Opus (id 13) is not supported: publish AAC"),
        (video(0, bytes("9068766331")), "video codec HEVC (hvc1) is not supported: publish H.264"),
        (video(0, bytes("1c00000000")), "video codec HEVC (id 12) is not supported: publish H.264"),
        (video(0, bytes("9061763031")), "video codec AV1 (av01) is not supported: publish H.264"),
        (video(0, bytes("9000ff2241")), r#"video codec "\x00\xff\"A" is not supported: publish H.264"#),
    ];
    for (tag, message) in table {
        let error = Demuxer::new().push(&tag).unwrap_err();
        assert!(error.is_codec());
        assert_eq!(error.to_string(), message);
    }
}

#[test]
fn refuses_what_is_cut_or_out_of_order() {
    let table = [
        (video(0, bytes("17010000")), Error::Truncated("video")),
        (video(0, bytes("1701000000")), Error::Headless("video")),
        (audio(0, bytes("af")), Error::Truncated("audio")),
        (audio(0, bytes("af0121")), Error::Headless("audio")),
        (video(0, bytes("90617663")), Error::Truncated("video")),
    ];
    for (tag, error) in table {
        assert_eq!(Demuxer::new().push(&tag), Err(error), "{tag:?}");
    }
    let broken = video(0, bytes("1701000000000000ff65"));
    assert_eq!(with_headers().push(&broken), Err(Error::Unit(avc::Error::Nal(255, 1))));
}

#[test]
fn reads_what_it_writes() {
    let mut source = with_headers();
    let Item::Track(track) = Demuxer::new().push(&video(0, bytes(AVC_HEADER))).unwrap() else {
        panic!("no track")
    };
    assert_eq!(sequence_header(&track, 0).body, bytes(AVC_HEADER));
    for (dts, pts) in [(0, 0), (33, 100), (70_000, 69_966)] {
        let unit = AccessUnit {
            kind: Kind::Video,
            dts: Timestamp::millis(dts),
            pts: Timestamp::millis(pts),
            key: true,
            data: Bytes::from_static(&[0, 0, 0, 1, 0x65]),
        };
        assert_eq!(source.push(&tag(&unit)), Ok(Item::Unit(unit)));
    }
}

#[test]
fn takes_avc_under_the_enhanced_header() {
    let mut demuxer = Demuxer::new();
    let header = format!("9061766331{}", &AVC_HEADER[10..]);
    assert!(matches!(demuxer.push(&video(0, bytes(&header))), Ok(Item::Track(_))));
    let frame = demuxer.push(&video(7, bytes("93617663310000000165")));
    assert!(matches!(frame, Ok(Item::Unit(AccessUnit { key: true, .. }))), "{frame:?}");
}

#[test]
fn any_bytes_give_an_answer() {
    let mut demuxer = with_headers();
    let mut seed = 7u64;
    for _ in 0..50_000 {
        let mut next = || {
            seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (seed >> 33) as u8
        };
        let body: Bytes = (0..next() % 32).map(|_| next()).collect();
        let _ = demuxer.push(&video(0, body.clone()));
        let _ = demuxer.push(&audio(0, body));
    }
}
