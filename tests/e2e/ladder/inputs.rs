//! What comes in other than as 8-bit 4:2:0 of even sides, and what changes or breaks in mid-show.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use bytes::{Bytes, BytesMut};
use media::flv::{Tag, TagKind};
use serde_json::{Value, json};
use tests::server::{Channel, Server};
use tests::{ffmpeg, fixture, wait};

use super::watch::{Playlist, Variant, playlist, sample, variants};
use crate::scripted::Publisher;

/// White above, black below: what is turned, shifted or misread shows.
const HALVES: &str = "drawbox=y=ih/2:h=ih/2:c=black:t=fill";
const ENCODE: &str =
    "-c:v libx264 -preset ultrafast -tune zerolatency -g 15 -keyint_min 15 -sc_threshold 0 -b:v 300k -t 120";

fn one(deinterlace: bool) -> Value {
    let ladder =
        json!({ "kind": "list", "renditions": [{ "width": 256, "height": 144, "preset": "ultrafast" }] });
    let picture = if deinterlace { json!({ "deinterlace": "detected" }) } else { json!({}) };
    json!({ "ladder": ladder, "processing": { "picture": picture } })
}

/// The newest segment that is there, as a file.
fn newest(variant: &Variant) -> Result<Option<tempfile::NamedTempFile>> {
    let list = playlist(variant)?;
    let segment = list.segments.iter().rev().find(|segment| !segment.gap);
    segment.map(|segment| Ok(sample(&list, segment)?.0)).transpose()
}

#[test]
fn every_kind_of_picture_becomes_one_that_any_player_shows() -> Result<()> {
    let server = Server::start()?;
    for (name, size, more) in [
        ("interlaced", "320x180", "-pix_fmt yuv420p -flags +ilme+ildct -x264-params tff=1"),
        ("10-bit", "320x180", "-pix_fmt yuv420p10le -profile:v high10"),
        ("4:2:2", "320x180", "-pix_fmt yuv422p -profile:v high422"),
        ("4:2:2 of 10 bits", "320x180", "-pix_fmt yuv422p10le -profile:v high422"),
        // Odd sides are possible in 4:4:4 alone.
        ("odd sides", "427x239", "-pix_fmt yuv444p -profile:v high444"),
        ("full range", "320x180", "-pix_fmt yuvj420p"),
        ("pixels that aren't square", "240x180", "-pix_fmt yuv420p -aspect 16:9"),
        (
            "marked as turned",
            "320x180",
            "-pix_fmt yuv420p -bsf:v h264_metadata=display_orientation=insert:rotate=180",
        ),
    ] {
        let channel = server.channel(name, &one(name == "interlaced"))?;
        let picture = format!("color=white:s={size}:r=15,{HALVES}");
        let mut args = vec!["-re", "-f", "lavfi", "-i", &picture];
        args.extend(ENCODE.split_whitespace().chain(more.split_whitespace()));
        let publisher = ffmpeg::publish_with(&args, &channel.publish_url)?;
        let shown = shows(&server, &channel).with_context(|| format!("{name}: {}", publisher.log()))?;
        let stream = &ffmpeg::probe(&shown)?["streams"][0];
        ensure!(stream["width"] == 256 && stream["height"] == 144, "{name}: {stream}");
        ensure!(stream["pix_fmt"] == "yuv420p" && stream["field_order"] != "tt", "{name}: {stream}");
        ffmpeg::decode(&shown).context(name)?;
        let bright = |place: &str| ffmpeg::brightness_of(&shown, &format!("crop=iw/2:ih/4:iw/4:{place}"));
        let (above, below) = (bright("ih/8")?, bright("ih*5/8")?);
        ensure!(above > 200 && below < 50, "{name}: {above} above, {below} below");
        std::fs::remove_file(&shown)?;
    }
    Ok(())
}

/// A segment of the made rendition.
fn shows(server: &Server, channel: &Channel) -> Result<String> {
    let live = || server.session_is(channel, "live", Duration::from_secs(30));
    live().with_context(|| server.process.log())?;
    let file = wait("a made segment", Duration::from_secs(30), || {
        let list = variants(channel)?;
        let made = list.iter().find(|variant| variant.size == "256x144");
        made.map(newest).transpose().map(Option::flatten)
    });
    let file = file.with_context(|| server.process.log())?;
    Ok(file.into_temp_path().keep()?.display().to_string())
}

/// So many seconds of moving pictures as tags: H.264 with a key frame each second.
fn tags(folder: &Path, size: &str, seconds: u32) -> Result<Vec<Tag>> {
    let path = folder.join(format!("{size}.flv")).display().to_string();
    let (picture, seconds) = (format!("testsrc2=s={size}:r=30"), seconds.to_string());
    let mut args = vec!["-f", "lavfi", "-i", &picture];
    let encode = "-c:v libx264 -preset ultrafast -tune zerolatency -g 30 -keyint_min 30 -sc_threshold 0 -pix_fmt yuv420p -b:v 600k";
    args.extend(encode.split(' ').chain(["-t", &seconds, &path]));
    ffmpeg::run(&args)?;
    // Without the end that a file has: the show goes on.
    let ends = |tag: &Tag| tag.kind == TagKind::Video && tag.body.get(1) == Some(&2);
    Ok(fixture::read_tags(&Bytes::from(std::fs::read(path)?)).into_iter().filter(|tag| !ends(tag)).collect())
}

/// Sends in real time, so many milliseconds later than the tags say.
fn send(publisher: &mut Publisher, tags: Vec<Tag>, begun: Instant, later: u32) -> Result<()> {
    for mut tag in tags {
        tag.timestamp += later;
        let due = Duration::from_millis(tag.timestamp.into());
        std::thread::sleep(due.saturating_sub(begun.elapsed()));
        publisher.send(tag)?;
    }
    Ok(())
}

fn ladder_of(channel: &Channel) -> Result<(Vec<Variant>, Vec<Playlist>)> {
    let variants = variants(channel)?;
    let lists = variants.iter().map(playlist).collect::<Result<_>>()?;
    Ok((variants, lists))
}

#[test]
fn a_source_that_changes_its_size_goes_on_in_the_same_renditions() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (wide, tall) = (tags(folder.path(), "640x360", 6)?, tags(folder.path(), "270x480", 12)?);
    let server = Server::start()?;
    let channel = server.channel("Studio", &one(false))?;
    let (mut publisher, begun) = (Publisher::connect(&channel.publish_url)?, Instant::now());
    // A new sequence header, from one picture to the next.
    send(&mut publisher, wide, begun, 0)?;
    send(&mut publisher, tall, begun, 6_000)?;
    let (variants, lists) = wait("made segments of both", Duration::from_secs(15), || {
        let (variants, lists) = ladder_of(&channel)?;
        let newest = lists.iter().all(|list| list.segments.last().is_some_and(|s| s.msn >= 12 && !s.gap));
        Ok((lists.len() == 2 && newest).then_some((variants, lists)))
    })
    .with_context(|| server.process.log())?;
    for (variant, list) in variants.iter().zip(&lists).skip(1) {
        let gaps = list.segments.iter().filter(|segment| segment.gap).count();
        ensure!(gaps <= 2, "{}: {gaps} gaps in {:#?}", variant.size, list.segments);
        let later = list.segments.iter().find(|segment| segment.msn >= 9 && !segment.gap);
        let (file, _) = sample(list, later.context("none")?)?;
        let path = file.path().display().to_string();
        let stream = &ffmpeg::probe(&path)?["streams"][0];
        ensure!(format!("{}x{}", stream["width"], stream["height"]) == variant.size, "{stream}");
        // What is taller than wide stands between bars.
        let side = ffmpeg::brightness_of(&path, "crop=iw/6:ih:0:0")?;
        ensure!(side < 30, "{}: {side}", variant.size);
    }
    ensure!(server.sessions(&channel)?.len() == 1, "{}", server.process.log());
    Ok(())
}

/// Bytes within the NAL units are turned over, a few in each picture; lengths and headers stay.
fn poison(tag: &mut Tag) {
    let mut body = BytesMut::from(&tag.body[..]);
    // The tag's header, the unit's length, the unit's and the slice's own headers.
    let from = 5 + 4 + 12;
    let mut at = from + tag.timestamp as usize % 7;
    while tag.kind == TagKind::Video && body.get(1) == Some(&1) && at < body.len() {
        body[at] ^= 0xff;
        at += 97;
    }
    tag.body = body.freeze();
}

#[test]
fn a_poisoned_source_leaves_the_ladder_playing() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut tags = tags(folder.path(), "640x360", 16)?;
    let bad = tags.iter_mut().filter(|tag| (4_000..8_000).contains(&tag.timestamp));
    bad.for_each(poison);
    let server = Server::start()?;
    let channel = server.channel("Studio", &one(false))?;
    let (mut publisher, begun) = (Publisher::connect(&channel.publish_url)?, Instant::now());
    send(&mut publisher, tags, begun, 0)?;
    let (variants, lists) = wait("what comes after it", Duration::from_secs(15), || {
        let (variants, lists) = ladder_of(&channel)?;
        let newest = lists.iter().all(|list| list.segments.last().is_some_and(|s| s.msn >= 14 && !s.gap));
        Ok((lists.len() == 2 && newest).then_some((variants, lists)))
    })
    .with_context(|| server.process.log())?;
    for (variant, list) in variants.iter().zip(&lists).skip(1) {
        let last = list.segments.iter().rev().take(3);
        ensure!(last.clone().all(|segment| !segment.gap), "{}: {:#?}", variant.size, list.segments);
        for segment in last {
            let (file, keys) = sample(list, segment)?;
            ensure!(!keys.is_empty(), "{}: {segment:?} has no key frame", variant.size);
            ffmpeg::decode(&file.path().display().to_string()).context("what was made afterwards")?;
        }
        // What was made of it is whole itself.
        for segment in list.segments.iter().filter(|segment| !segment.gap) {
            ffmpeg::decode(&sample(list, segment)?.0.path().display().to_string())?;
        }
    }
    ensure!(server.sessions(&channel)?.len() == 1, "{}", server.process.log());
    Ok(())
}
