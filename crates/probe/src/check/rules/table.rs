//! The rules' names and the clauses that they come from: of draft-pantos-hls-rfc8216bis-22 (May 2026), and of Apple's HLS
//! Authoring Specification where it asks for more.

use serde::Serialize;

/// A rule.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Rule {
    /// 1 to 26.
    #[serde(rename = "rule")]
    pub number: u8,
    /// In a few words.
    pub title: &'static str,
    /// Where it comes from.
    pub clause: &'static str,
    /// What it takes to try it.
    #[serde(skip)]
    pub takes: &'static str,
}

const fn rule(number: u8, title: &'static str, clause: &'static str, takes: &'static str) -> Rule {
    Rule { number, title, clause, takes }
}

/// All of them.
pub const RULES: [Rule; 26] = [
    rule(
        1,
        "PART-INF where there are parts; VERSION as high as needed, no higher",
        "§4.4.3.7, §6.2.1, §8",
        "a media playlist",
    ),
    rule(
        2,
        "SERVER-CONTROL: blocking reloads, hold-backs, skip boundary",
        "§4.4.3.8, Appendix B.1, Apple 14.3",
        "a live media playlist",
    ),
    rule(3, "every part within 85 to 100 % of PART-TARGET", "§4.4.4.9", "parts"),
    rule(
        4,
        "INDEPENDENT=YES on what begins with a key frame; segments begin with one",
        "§4.4.4.9, §6.2.1, §4.4.2.1",
        "fMP4 parts or segments",
    ),
    rule(
        5,
        "EXTINF rounded within TARGETDURATION; durations and hold-back never change",
        "§4.4.3.1, §6.2.1",
        "segments",
    ),
    rule(
        6,
        "PROGRAM-DATE-TIME in each playlist, after each discontinuity, the same in all renditions",
        "§6.2.1, §6.2.4, Appendix B.1",
        "a media playlist",
    ),
    rule(
        7,
        "DISCONTINUITY, MAP, PROGRAM-DATE-TIME before the first PART of their segment",
        "§4.4.4.9",
        "a segment with parts and one of these tags",
    ),
    rule(
        8,
        "one PRELOAD-HINT a type, and it comes true; none after ENDLIST",
        "§4.4.5.3, §6.2.6, Appendix B.1",
        "parts",
    ),
    rule(
        9,
        "RENDITION-REPORT for every other rendition, up to date",
        "§4.4.5.4, Appendix B.1",
        "two media playlists or more",
    ),
    rule(
        10,
        "no PLAYLIST-TYPE where segments go; DISCONTINUITY-SEQUENCE",
        "§6.2.2, §4.4.3.3",
        "a live media playlist",
    ),
    rule(
        11,
        "TARGETDURATION, SERVER-CONTROL, discontinuities alike in all renditions",
        "§6.2.4",
        "two media playlists or more",
    ),
    rule(
        12,
        "multivariant: CODECS, RESOLUTION, FRAME-RATE, BANDWIDTH, AVERAGE-BANDWIDTH; one medium a track",
        "§4.4.6.2, §6.2.4",
        "a multivariant playlist",
    ),
    rule(
        13,
        "MEDIA-SEQUENCE and DISCONTINUITY-SEQUENCE rise by what was removed",
        "§6.2.2",
        "a segment that is removed while the probe watches: watch longer than the window",
    ),
    rule(
        14,
        "a part each PART-TARGET, a segment each 1.5 TARGETDURATION",
        "§6.2.1",
        "two parts or segments that come while the probe watches",
    ),
    rule(
        15,
        "PART tags stay for three target durations, then go; URLs outlive them",
        "§6.2.1, §6.2.2",
        "parts",
    ),
    rule(
        16,
        "a segment's parts laid end to end are the segment",
        "§3.2",
        "a segment whose parts were all fetched, in fMP4",
    ),
    rule(
        17,
        "missing media is GAP, a new timeline DISCONTINUITY; never less than 3 target durations left",
        "§4.4.4.3, §6.2.1, §6.2.2",
        "segments fetched one after the other",
    ),
    rule(18, "_HLS_msn and _HLS_part wait for what they name", "§6.2.5.2", "CAN-BLOCK-RELOAD"),
    rule(
        19,
        "a blocking reload of the past is answered at once",
        "§6.2.5.2",
        "CAN-BLOCK-RELOAD and a whole segment",
    ),
    rule(20, "_HLS_part alone, or too far ahead: 400 at once", "§6.2.5.2", "CAN-BLOCK-RELOAD"),
    rule(
        21,
        "held for three target durations, then 503; parameters ignored after ENDLIST",
        "§6.2.5.2",
        "a stream that stalls for three target durations, or ends, while the probe watches",
    ),
    rule(
        22,
        "a delta stands for exactly the full playlist",
        "§6.2.5.1, §4.4.5.2",
        "CAN-SKIP-UNTIL and a segment past the skip boundary",
    ),
    rule(23, "a hinted part waits, then comes whole; one never hinted is 404", "§6.2.6", "hints"),
    rule(24, "gzip, Vary, MIME types, no redirects on media", "§4, §6.2.1, Appendix B.1", "a media playlist"),
    rule(25, "HTTP/2 over TLS 1.2 or later, HTTP/1.1 for the rest", "Appendix B.1", "an https:// address"),
    rule(26, "cache headers that let a CDN do the work", "Appendix B.1", "a media playlist"),
];
