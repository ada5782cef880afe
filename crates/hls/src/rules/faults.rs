//! Playlists that break a rule: `law` must name it, or its silence proves nothing.

use super::law;
use super::read::Playlist;

const GOOD: &str = "#EXTM3U
#EXT-X-VERSION:6
#EXT-X-TARGETDURATION:2
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=0.6,HOLD-BACK=6,CAN-SKIP-UNTIL=12
#EXT-X-PART-INF:PART-TARGET=0.20000
#EXT-X-MEDIA-SEQUENCE:4
#EXT-X-DISCONTINUITY-SEQUENCE:1
#EXT-X-DISCONTINUITY
#EXT-X-MAP:URI=\"init0.mp4\"
#EXT-X-PROGRAM-DATE-TIME:2026-09-21T14:13:16.000Z
#EXTINF:2.00000,
s4.m4s
#EXT-X-PROGRAM-DATE-TIME:2026-09-21T14:13:18.000Z
#EXTINF:2.00000,
s5.m4s
#EXT-X-PROGRAM-DATE-TIME:2026-09-21T14:13:20.000Z
#EXT-X-GAP
#EXTINF:2.00000,
s6.m4s
#EXT-X-PROGRAM-DATE-TIME:2026-09-21T14:13:22.000Z
#EXT-X-PART:DURATION=0.20000,URI=\"p7.m4s\",INDEPENDENT=YES
#EXT-X-PART:DURATION=0.20000,URI=\"p8.m4s\"
#EXT-X-PART:DURATION=0.10000,URI=\"p9.m4s\"
#EXTINF:0.50000,
s7.m4s
#EXT-X-PROGRAM-DATE-TIME:2026-09-21T14:13:22.500Z
#EXT-X-PART:DURATION=0.20000,URI=\"p10.m4s\",INDEPENDENT=YES
#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"p11.m4s\"
#EXT-X-PRELOAD-HINT:TYPE=MAP,URI=\"init0.mp4\"
#EXT-X-RENDITION-REPORT:URI=\"../audio/media.m3u8\",LAST-MSN=8,LAST-PART=0
";

fn rules(broken: &[String]) -> Vec<&str> {
    let mut rules: Vec<_> =
        broken.iter().filter_map(|line| line.split_once(':')).map(|(rule, _)| rule).collect();
    rules.dedup();
    rules
}

fn edited(edits: &[(&str, &str)]) -> Playlist {
    let text = edits.iter().fold(GOOD.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "{from}");
        text.replacen(from, to, 1)
    });
    Playlist::read(&text)
}

#[test]
fn each_fault_within_a_playlist_is_named() {
    assert_eq!(law::within(&edited(&[])), Vec::<String>::new());
    for (rule, from, to) in [
        ("rule 1", "VERSION:6", "VERSION:9"),
        ("rule 2", "CAN-BLOCK-RELOAD=YES,", ""),
        ("rule 2", "PART-HOLD-BACK=0.6", "PART-HOLD-BACK=0.59"),
        ("rule 2", ",HOLD-BACK=6", ",HOLD-BACK=5.9"),
        ("rule 2", "CAN-SKIP-UNTIL=12", "CAN-SKIP-UNTIL=11.9"),
        ("rule 3", "DURATION=0.20000,URI=\"p10", "DURATION=0.20001,URI=\"p10"),
        ("rule 3", "DURATION=0.20000,URI=\"p8", "DURATION=0.16000,URI=\"p8"),
        ("rule 4", "URI=\"p10.m4s\",INDEPENDENT=YES", "URI=\"p10.m4s\""),
        ("rule 5", "#EXTINF:2.00000,\ns5", "#EXTINF:2.50000,\ns5"),
        ("rule 6", "#EXT-X-PROGRAM-DATE-TIME:2026-09-21T14:13:18.000Z\n", ""),
        ("rule 7", "#EXT-X-PART:DURATION=0.10000", "#EXT-X-DISCONTINUITY\n#EXT-X-PART:DURATION=0.10000"),
        ("rule 8", "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"p11.m4s\"\n", ""),
        ("rule 8", "URI=\"p11.m4s\"", "URI=\"p10.m4s\""),
        ("rule 8", "TYPE=MAP,URI=\"init0.mp4\"", "TYPE=MAP,URI=\"init1.mp4\""),
        ("rule 8", "#EXT-X-RENDITION", "#EXT-X-ENDLIST\n#EXT-X-RENDITION"),
        ("rule 10", "#EXT-X-MAP", "#EXT-X-PLAYLIST-TYPE:EVENT\n#EXT-X-MAP"),
        ("rule 10", "#EXT-X-DISCONTINUITY-SEQUENCE:1\n", ""),
        (
            "rule 15",
            "#EXTINF:2.00000,\ns4.m4s\n",
            "#EXT-X-PART:DURATION=0.20000,URI=\"p1.m4s\"\n#EXTINF:0.20000,\ns4.m4s\n\
             #EXT-X-PROGRAM-DATE-TIME:2026-09-21T14:13:17.000Z\n#EXTINF:2.00000,\ns4b.m4s\n",
        ),
        ("rule 16", "#EXTINF:0.50000", "#EXTINF:0.60000"),
        ("rule 17", "#EXTINF:0.50000", "#EXT-X-GAP\n#EXTINF:0.50000"),
    ] {
        let broken = law::within(&edited(&[(from, to)]));
        assert!(rules(&broken).contains(&rule), "{rule}, not {broken:?}");
    }
}

#[test]
fn each_fault_from_one_to_the_next_is_named() {
    let hint = ("URI=\"p11.m4s\"", "URI=\"p12.m4s\"");
    let part = "#EXT-X-PART:DURATION=0.20000,URI=\"p11.m4s\"\n#EXT-X-PRELOAD-HINT";
    let next = [hint, ("#EXT-X-PRELOAD-HINT", part)];
    assert_eq!(law::between(&edited(&[]), &edited(&next)), Vec::<String>::new());
    let first = "#EXT-X-DISCONTINUITY\n#EXT-X-MAP:URI=\"init0.mp4\"\n#EXT-X-PROGRAM-DATE-TIME:2026-09-21T14:13:16.000Z\n\
                 #EXTINF:2.00000,\ns4.m4s\n";
    let map = "#EXT-X-MAP:URI=\"init0.mp4\"\n";
    for (rule, edits) in [
        ("rule 5", vec![("TARGETDURATION:2", "TARGETDURATION:3")]),
        ("rule 5", vec![("PART-HOLD-BACK=0.6", "PART-HOLD-BACK=0.7")]),
        ("rule 8", vec![("URI=\"p11.m4s\"\n#EXT-X-PRE", "URI=\"p13.m4s\"\n#EXT-X-PRE")]),
        (
            "rule 8",
            vec![(
                "#EXT-X-PART:DURATION=0.20000,URI=\"p10",
                "#EXT-X-MAP:URI=\"init1.mp4\"\n#EXT-X-PART:DURATION=0.20000,URI=\"p10",
            )],
        ),
        ("rule 13", vec![("MEDIA-SEQUENCE:4", "MEDIA-SEQUENCE:3")]),
        ("rule 13", vec![("MEDIA-SEQUENCE:4", "MEDIA-SEQUENCE:5"), (first, map)]),
        ("rule 13", vec![("DISCONTINUITY-SEQUENCE:1", "DISCONTINUITY-SEQUENCE:2")]),
        ("rule 13", vec![("#EXTINF:2.00000,\ns5", "#EXTINF:1.90000,\ns5")]),
        (
            "rule 17",
            vec![
                ("MEDIA-SEQUENCE:4", "MEDIA-SEQUENCE:5"),
                ("DISCONTINUITY-SEQUENCE:1", "DISCONTINUITY-SEQUENCE:2"),
                (first, map),
            ],
        ),
    ] {
        let all: Vec<_> = next.into_iter().chain(edits).collect();
        let broken = law::between(&edited(&[]), &edited(&all));
        assert!(rules(&broken).contains(&rule), "{rule}, not {broken:?}");
    }
}

#[test]
fn each_fault_between_renditions_is_named() {
    let names = ["video".to_owned(), "audio".to_owned()];
    let (video, audio) = (edited(&[]), [("../audio/", "../video/")]);
    assert_eq!(law::beside(&names, &[video.clone(), edited(&audio)], &[true; 2]), Vec::<String>::new());
    for (rule, from, to) in [
        ("rule 9", "LAST-MSN=8", "LAST-MSN=7"),
        ("rule 9", "LAST-PART=0", "LAST-PART=1"),
        ("rule 9", "../video/", "../other/"),
        ("rule 11", "TARGETDURATION:2", "TARGETDURATION:3"),
        ("rule 11", "CAN-SKIP-UNTIL=12", "CAN-SKIP-UNTIL=13"),
        ("rule 11", "#EXT-X-DISCONTINUITY\n", ""),
    ] {
        let other = edited(&[audio[0], (from, to)]);
        let broken = law::beside(&names, &[video.clone(), other], &[true; 2]);
        assert!(rules(&broken).contains(&rule), "{rule}, not {broken:?}");
    }
}
