//! Whole playlists in, what was read out.

mod corpus;

use std::time::Duration;

use super::delta::{self, reconstruct};
use super::media::{Range, ServerControl};
use super::*;

const LIVE: &str = r#"#EXTM3U
#EXT-X-VERSION:6
#EXT-X-TARGETDURATION:1
#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=6.0,HOLD-BACK=3.0,PART-HOLD-BACK=0.6
#EXT-X-PART-INF:PART-TARGET=0.2
#EXT-X-MEDIA-SEQUENCE:7
#EXT-X-DISCONTINUITY-SEQUENCE:2
#EXT-X-MAP:URI="init.mp4"
#EXT-X-PROGRAM-DATE-TIME:2026-05-01T12:00:07.250+02:00
#EXTINF:1.00000,
s7.m4s
#EXT-X-DISCONTINUITY
#EXT-X-MAP:URI="init-2.mp4",BYTERANGE="600@20"
#EXT-X-PART:DURATION=0.2,URI="p8.m4s",BYTERANGE="100@50",INDEPENDENT=YES
#EXT-X-PART:DURATION=0.15,URI="p8.m4s",BYTERANGE="30",GAP=YES
#EXTINF:0.35,
s8.m4s
#EXT-X-PART:DURATION=0.2,URI="p9-a,b.m4s"
#EXT-X-PRELOAD-HINT:TYPE=PART,URI="p10.m4s",BYTERANGE-START=4
#EXT-X-RENDITION-REPORT:URI="../a/a.m3u8",LAST-MSN=9,LAST-PART=0
"#;

fn media(text: &str) -> Media {
    match parse(text) {
        Ok(Playlist::Media(media)) => media,
        other => panic!("{other:?}"),
    }
}

#[test]
fn live() {
    let media = media(LIVE);
    assert_eq!(media.faults, []);
    let control = ServerControl {
        can_block_reload: true,
        can_skip_until: Some(6.0),
        can_skip_dateranges: false,
        hold_back: Some(3.0),
        part_hold_back: Some(0.6),
    };
    assert_eq!(media.server_control, Some(control));
    assert_eq!((media.first_listed(), media.next_msn(), media.last()), (7, 9, Some((9, Some(0)))));
    assert_eq!(media.next(), (9, Some(1)));
    assert_eq!(media.discontinuity_sequence, Some(2));
    let [seven, eight] = media.segments.as_slice() else { panic!("{:?}", media.segments) };
    assert_eq!(seven.head.date_time, Some(Duration::from_millis(1_777_629_607_250)));
    assert_eq!((seven.head.discontinuity, eight.head.discontinuity), (None, Some(12)));
    assert_eq!(eight.head.map.as_ref().unwrap().range, Some(Range { start: 20, len: 600 }));
    assert_eq!(eight.head.parts[1].range, Some(Range { start: 150, len: 30 }));
    assert!(eight.head.parts[0].independent && eight.head.parts[1].gap);
    assert_eq!(media.open.parts[0].uri, "p9-a,b.m4s");
    assert_eq!(media.hints[0].map, eight.head.map);
    assert_eq!((media.hints[0].start, media.hints[0].len), (4, None));
    assert_eq!((media.reports[0].last_msn, media.reports[0].last_part), (Some(9), Some(0)));
}

#[test]
fn multivariant() {
    let text = "#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"x\",DEFAULT=YES,URI=\"a.m3u8\"\n\
                #EXT-X-STREAM-INF:BANDWIDTH=9,CODECS=\"avc1.42c01e,mp4a.40.2\",RESOLUTION=640x360,FRAME-RATE=29.97,AUDIO=\"a\"\n\
                v.m3u8\n";
    let Ok(Playlist::Multivariant(read)) = parse(text) else { panic!() };
    assert_eq!(read.faults, []);
    assert_eq!(
        (read.renditions[0].kind.as_str(), read.renditions[0].uri.as_deref()),
        ("AUDIO", Some("a.m3u8"))
    );
    let variant = &read.variants[0];
    assert_eq!(
        (variant.uri.as_str(), variant.resolution, variant.frame_rate),
        ("v.m3u8", Some((640, 360)), Some(29.97))
    );
    assert_eq!(variant.codecs.as_deref(), Some("avc1.42c01e,mp4a.40.2"));
}

#[test]
fn what_is_no_playlist() {
    assert_eq!(parse(""), Err(Error::NoHeader));
    assert_eq!(parse("\n<html>"), Err(Error::NoHeader));
    assert_eq!(parse("#EXTM3U8\n"), Err(Error::NoHeader));
    assert_eq!(parse("#EXTM3U\n#EXTINF:1,\na\n#EXT-X-STREAM-INF:BANDWIDTH=1\nb\n"), Err(Error::Both));
}

#[test]
fn the_longest_text() {
    let long = |n: usize| format!("#EXTM3U\n{}", "#".repeat(n - 8));
    assert!(parse(&long(MAX_LEN)).is_ok());
    assert_eq!(parse(&long(MAX_LEN + 1)), Err(Error::TooLong(MAX_LEN + 1)));
}

#[test]
fn faults() {
    let cases = [
        ("", "no EXT-X-TARGETDURATION (§4.4.3.1)"),
        ("#EXT-X-TARGETDURATION:1.5", "#EXT-X-TARGETDURATION:1.5 is no number"),
        ("#EXT-X-TARGETDURATION:1\n#EXT-X-TARGETDURATION:1", "#EXT-X-TARGETDURATION stands twice (§4.1)"),
        ("#EXT-X-TARGETDURATION:1\na.ts", "a URI without EXTINF"),
        ("#EXT-X-TARGETDURATION:1\n#EXTINF:-1,\na.ts", "EXTINF:-1, is no duration"),
        ("#EXT-X-TARGETDURATION:1\n#EXTINF:1,", "the last EXTINF has no URI"),
        ("#EXT-X-TARGETDURATION:1\n#EXT-X-PART:URI=\"a\"", "EXT-X-PART without DURATION"),
        ("#EXT-X-TARGETDURATION:1\n#EXT-X-PART:DURATION=1,URI=a", "URI must be quoted"),
        ("#EXT-X-TARGETDURATION:1\n#EXT-X-PART:DURATION=1,URI=\"a", "URI has no closing quote"),
        (
            "#EXT-X-TARGETDURATION:1\n#EXT-X-PART:DURATION=1,DURATION=1,URI=\"a\"",
            "DURATION stands twice (§4.2)",
        ),
        ("#EXT-X-TARGETDURATION:1\n#EXT-X-PART:DURATION=inf,URI=\"a\"", "DURATION=inf is no duration"),
        ("#EXT-X-TARGETDURATION:1\n#EXT-X-MAP:BYTERANGE=\"1@1\"", "no URI"),
        (
            "#EXT-X-TARGETDURATION:1\n#EXT-X-PROGRAM-DATE-TIME:yesterday",
            "EXT-X-PROGRAM-DATE-TIME:yesterday is no date and time",
        ),
        (
            "#EXT-X-TARGETDURATION:1\n#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=yes",
            "CAN-BLOCK-RELOAD=yes is neither YES nor NO",
        ),
        (
            "#EXT-X-TARGETDURATION:1\n#EXT-X-PRELOAD-HINT:TYPE=FRAME,URI=\"a\"",
            "EXT-X-PRELOAD-HINT of type `FRAME`",
        ),
        (
            "#EXT-X-TARGETDURATION:1\n#EXT-X-SKIP:RECENTLY-REMOVED-DATERANGES=\"\"",
            "EXT-X-SKIP without SKIPPED-SEGMENTS",
        ),
    ];
    for (text, fault) in cases {
        let faults: Vec<_> =
            media(&format!("#EXTM3U\n{text}\n")).faults.into_iter().map(|f| f.what).collect();
        assert!(faults.iter().any(|f| f == fault), "{text}: {faults:?}");
    }
}

#[test]
fn a_delta_put_together() {
    let delta = LIVE.replace("#EXT-X-VERSION:6", "#EXT-X-VERSION:9");
    let from = delta.find("#EXT-X-MAP:URI=\"init.mp4\"").unwrap();
    let to = delta.find("#EXT-X-DISCONTINUITY\n").unwrap();
    let delta = format!("{}#EXT-X-SKIP:SKIPPED-SEGMENTS=1\n{}", &delta[..from], &delta[to..]);
    assert_eq!(media(&delta).next_msn(), 9);
    let whole = reconstruct(LIVE, &delta).unwrap();
    assert_eq!(whole, LIVE.replace("#EXT-X-VERSION:6", "#EXT-X-VERSION:9"));
    assert_eq!(reconstruct(LIVE, LIVE), Err(delta::Error::NotADelta));
    let too_many = delta.replace("SEGMENTS=1", "SEGMENTS=3");
    let held = delta::Error::NotHeld { first: 7, last: 9, has_first: 7, has: 2 };
    assert_eq!(reconstruct(LIVE, &too_many), Err(held));
}
