//! What is odd in a publisher's tracks and times: the session goes on, players see what they must, and an event says why.

use media::flv::{Metadata, Tag, TagKind};
use rtmp::driver::client::Publisher;
use serde_json::Value;

use super::fixture;
use super::play::attribute;
use super::rig::Rig;

/// An AudioSpecificConfig in a tag: AAC-LC, the index of the sample rate (3 is 48 kHz), channels.
fn sound_header(rate: u8, channels: u8, timestamp: u32) -> Tag {
    let body = vec![0xaf, 0, 2 << 3 | rate >> 1, (rate & 1) << 7 | channels << 3].into();
    Tag { kind: TagKind::Audio, timestamp, body }
}

fn pictures() -> Vec<Tag> {
    fixture::tags().into_iter().filter(|tag| tag.kind == TagKind::Video).collect()
}

async fn publisher(rig: &Rig, metadata: &Metadata) -> Publisher {
    let mut publisher = rig.connect(&rig.key).await.unwrap();
    publisher.metadata(metadata).await.unwrap();
    publisher
}

async fn send(publisher: &mut Publisher, tags: &[Tag]) {
    for tag in tags {
        publisher.send(tag.clone()).await.unwrap();
    }
}

/// What the first event of this issue says.
async fn issue(rig: &Rig, code: &str) -> Value {
    let find = async |rig: &Rig| rig.events().await.into_iter().find(|event| event.data["issue"] == code);
    rig.until(code, async |rig| find(rig).await.is_some()).await;
    let data = find(rig).await.unwrap().data;
    assert_eq!((&data["state"], &data["count"]), (&Value::from("open"), &Value::from(1)));
    assert!(data["cause"].as_str().is_some_and(|text| !text.is_empty()), "{data}");
    assert!(data["fix"].as_str().is_some_and(|text| !text.is_empty()), "{data}");
    data
}

/// The lines that stand right behind each EXT-X-DISCONTINUITY.
fn breaks(playlist: &str) -> Vec<&str> {
    let lines: Vec<_> = playlist.lines().collect();
    lines.windows(2).filter(|pair| pair[0] == "#EXT-X-DISCONTINUITY").map(|pair| pair[1]).collect()
}

/// A part lays its frames end to end.
fn holds(media: &[u8], frames: &[u8]) -> bool {
    media.windows(frames.len()).any(|window| window == frames)
}

#[tokio::test]
async fn sound_that_was_announced_and_does_not_come_is_silence() {
    for header in [false, true] {
        let rig = Rig::start().await;
        let mut publisher = publisher(&rig, &fixture::metadata()).await;
        if header {
            publisher.send(sound_header(3, 2, 0)).await.unwrap();
        }
        send(&mut publisher, &pictures()).await;
        let folder = rig.folder("audio").await;
        let list = rig.text(&format!("/live/{}/index.m3u8", rig.channel.playback_id)).await;
        assert!(list.contains("mp4a.40.2"), "{list}");
        let playlist = rig.media(&folder, 3).await;
        assert!(!playlist.contains("#EXT-X-GAP"), "{playlist}");
        let uris = attribute(&playlist, "#EXT-X-PART:", "URI");
        assert!(uris.len() > 5, "{playlist}");
        let bytes = rig.bytes(&format!("{folder}/s3.m4s")).await;
        let frame = media::aac::Config::announced(48_000, 2).unwrap().silent_frame();
        assert!(holds(&bytes, &frame.repeat(8)), "silence");
        issue(&rig, "sound_missing").await;
    }
}

#[tokio::test]
async fn sound_that_comes_late_takes_the_place_of_silence() {
    // The same configuration as announced, and another.
    for (rate, map) in [(3, 0), (4, 1)] {
        let rig = Rig::start().await;
        let metadata = Metadata { sample_rate: Some(48_000), channels: Some(2), ..fixture::metadata() };
        let mut publisher = publisher(&rig, &metadata).await;
        let pictures = pictures();
        let half = pictures.len() / 2;
        send(&mut publisher, &pictures[..half]).await;
        let folder = rig.folder("audio").await;
        rig.media(&folder, 1).await;
        let from = pictures[half].timestamp;
        publisher.send(sound_header(rate, 2, from)).await.unwrap();
        let mut sound = (0..).map(|n| {
            let body = [&[0xaf, 1][..], &[0x55; 40]].concat().into();
            Tag { kind: TagKind::Audio, timestamp: from + n * 1024 / 48, body }
        });
        let mut next = sound.next().unwrap();
        for tag in &pictures[half..] {
            while next.timestamp <= tag.timestamp {
                publisher.send(next).await.unwrap();
                next = sound.next().unwrap();
            }
            publisher.send(tag.clone()).await.unwrap();
        }
        let playlist = rig.media(&folder, 4).await;
        let maps = attribute(&playlist, "#EXT-X-MAP", "URI");
        assert_eq!(maps.len(), map + 1, "{playlist}");
        assert_eq!(breaks(&playlist).len(), map, "{playlist}");
        let bytes = rig.bytes(&format!("{folder}/s4.m4s")).await;
        assert!(holds(&bytes, &[0x55; 320]), "the sound itself");
        publisher.close().await.unwrap();
        let told = rig.events().await;
        assert!(told.iter().all(|event| event.data["issue"] != "config_changed"), "it was awaited");
    }
}

#[tokio::test]
async fn sound_that_nobody_announced_is_refused_and_the_pictures_go_on() {
    let rig = Rig::start().await;
    let metadata = Metadata { has_audio: Some(false), ..fixture::metadata() };
    let mut publisher = publisher(&rig, &metadata).await;
    let tags = pictures();
    send(&mut publisher, &tags[..tags.len() / 2]).await;
    publisher.send(sound_header(3, 2, 2_500)).await.unwrap();
    let issue = issue(&rig, "track_refused").await;
    assert!(issue["cause"].as_str().unwrap().contains("audio"), "{issue}");
    send(&mut publisher, &tags[tags.len() / 2..]).await;
    let playlist = rig.media(&rig.folder("video").await, 4).await;
    assert_eq!(breaks(&playlist).len(), 0);
    publisher.close().await.unwrap();
}

#[tokio::test]
async fn new_parameters_come_under_a_new_map_behind_a_discontinuity() {
    for (kind, in_band) in [(TagKind::Video, false), (TagKind::Audio, false), (TagKind::Video, true)] {
        let rig = Rig::start().await;
        let mut publisher = publisher(&rig, &fixture::metadata()).await;
        let mut tags = fixture::tags();
        let half = tags.iter().rposition(|tag| tag.timestamp < 3_000 && tag.body[0] == 0x17).unwrap();
        send(&mut publisher, &tags[..half]).await;
        let header = match kind {
            TagKind::Audio => sound_header(3, 1, 3_000),
            TagKind::Video => {
                // Another level: the same pictures decode under it.
                let mut header = tags.iter().find(|tag| tag.kind == TagKind::Video).unwrap().clone();
                let mut body = header.body.to_vec();
                let sps = body.windows(4).rposition(|w| w[0] & 0x1f == 7 && w[1] == body[6]).unwrap();
                (body[8], body[sps + 3]) = (51, 51);
                header.body = body.into();
                header
            }
        };
        if in_band {
            // Of the record: 5 bytes of the tag, 6 of its own, then SPS and PPS with lengths of 2 bytes.
            let set = |at: usize| {
                let len = usize::from(u16::from_be_bytes([header.body[at], header.body[at + 1]]));
                header.body.slice(at + 2..at + 2 + len)
            };
            let sps = set(11);
            let pps = set(11 + 2 + sps.len() + 1);
            let picture = tags[half..].iter_mut().find(|tag| tag.body[0] == 0x17).unwrap();
            let (head, nals) = picture.body.split_at(5);
            let sets = [sps, pps].map(|set| [&(set.len() as u32).to_be_bytes()[..], &set].concat()).concat();
            picture.body = [head, &sets, nals].concat().into();
        } else {
            publisher.send(header).await.unwrap();
        }
        send(&mut publisher, &tags[half..]).await;
        for name in ["video", "audio"] {
            let playlist = rig.media(&rig.folder(name).await, 4).await;
            let expected = match (kind, name) {
                (TagKind::Video, "video") | (TagKind::Audio, "audio") => "#EXT-X-MAP:URI=\"init1.mp4\"",
                _ => "#EXT-X-PROGRAM-DATE-TIME",
            };
            let breaks = breaks(&playlist);
            assert!(breaks.len() == 1 && breaks[0].starts_with(expected), "{name}: {playlist}");
        }
        let issue = issue(&rig, "config_changed").await;
        let cause = issue["cause"].as_str().unwrap();
        assert!(
            cause.contains(if kind == TagKind::Video { "320x180" } else { "48000 Hz, 1 channels" }),
            "{cause}"
        );
        publisher.close().await.unwrap();
    }
}

#[tokio::test]
async fn a_clock_that_jumps_is_a_discontinuity_and_one_that_wraps_is_not() {
    // At 3 s of the fixture the clock goes on with so many milliseconds added; and the fixture begins at this time.
    for (begin, by, jumps) in [
        (0, 0u32, false),
        (u32::MAX - 2_000, 0, false),
        (0, 3_600_000, true),
        (0, 1_500, true),
        (0, 0u32.wrapping_sub(2_500), true),
        (0, 800, false),
    ] {
        let rig = Rig::start().await;
        let mut publisher = publisher(&rig, &fixture::metadata()).await;
        for mut tag in fixture::tags() {
            let later = if tag.timestamp >= 3_000 { by } else { 0 };
            tag.timestamp = tag.timestamp.wrapping_add(later).wrapping_add(begin);
            publisher.send(tag).await.unwrap();
        }
        let what = format!("{begin} and {by}");
        for name in ["video", "audio"] {
            let playlist = rig.media(&rig.folder(name).await, 3).await;
            assert_eq!(breaks(&playlist).len(), usize::from(jumps), "{what}: {playlist}");
            assert!(!playlist.contains("GAP"), "{what}: {playlist}");
        }
        if jumps {
            issue(&rig, "clock_jump").await;
        }
        publisher.close().await.unwrap();
        let told = rig.events().await.iter().filter(|event| event.name == "ingest.issue").count();
        assert_eq!(told, usize::from(jumps), "{what}");
    }
}

#[tokio::test]
async fn a_gop_without_end_is_cut_and_told_of() {
    let rig = Rig::start().await;
    let mut publisher = publisher(&rig, &Metadata { has_audio: Some(false), ..fixture::metadata() }).await;
    // Only the first key frame, and the pictures twice over.
    let mut tags = pictures();
    let again = tags[1..].to_vec();
    let length = tags.last().unwrap().timestamp + 33;
    for round in 1..4 {
        tags.extend(
            again.iter().cloned().map(|tag| Tag { timestamp: tag.timestamp + round * length, ..tag }),
        );
    }
    let mut first = true;
    tags.retain(|tag| tag.body[0] != 0x17 || tag.body[1] == 0 || std::mem::take(&mut first));
    send(&mut publisher, &tags).await;
    let folder = rig.folder("video").await;
    let playlist = rig.media(&folder, 4).await;
    let lengths =
        playlist.lines().filter_map(|line| line.strip_prefix("#EXTINF:")?.strip_suffix(',')?.parse().ok());
    assert!(lengths.into_iter().all(|s: f64| s.round() <= 2.0), "{playlist}");
    let issue = issue(&rig, "long_gop").await;
    assert!(issue["cause"].as_str().unwrap().contains("10.0 s"), "{issue}");
}
