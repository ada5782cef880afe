//! Thumbnails and storyboards: from key frames alone, from a ladder's worker, by a worker that may die.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::json;
use tests::process::{self, Process};
use tests::server::{Channel, Server, fetch, request};
use tests::{ffmpeg, wait};

/// Red, from `TURNS` seconds on blue.
const PICTURE: &str = "color=red:s=640x360:r=30,drawbox=t=fill:color=blue:enable='gte(t\\,6)'";
const TURNS: f64 = 6.0;
/// However busy the machine is.
const LONG: Duration = Duration::from_secs(40);

fn publish(channel: &Channel, seconds: u32) -> Result<Process> {
    let seconds = seconds.to_string();
    let encode = "-c:v libx264 -preset ultrafast -tune zerolatency -g 30 -keyint_min 30 -sc_threshold 0 -pix_fmt yuv420p -b:v \
                  500k -c:a aac -t";
    let mut args = vec!["-re", "-f", "lavfi", "-i", PICTURE, "-f", "lavfi", "-i", "sine=f=440:r=48000"];
    args.extend(encode.split_whitespace());
    args.push(&seconds);
    ffmpeg::publish_with(&args, &channel.publish_url)
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Colour {
    Red,
    Blue,
}

fn colour(file: &[u8], filter: &str) -> Result<Colour> {
    // By its name: what it is can't be told from so few bytes.
    let suffix = if file.starts_with(b"RIFF") { ".webp" } else { ".jpg" };
    let kept = tempfile::Builder::new().suffix(suffix).tempfile()?;
    std::fs::write(kept.path(), file)?;
    match ffmpeg::colour_of(&kept.path().display().to_string(), filter)? {
        [red, green, blue] if red > 200 && green < 60 && blue < 60 => Ok(Colour::Red),
        [red, green, blue] if blue > 200 && green < 60 && red < 60 => Ok(Colour::Blue),
        other => anyhow::bail!("{other:?} is neither red nor blue"),
    }
}

fn at(server: &Server, channel: &Channel, file: &str) -> String {
    format!("{}/live/{}/{file}", server.http, channel.playback)
}

/// The newest thumbnail, once it is of this colour.
fn shows(server: &Server, channel: &Channel, wanted: Colour) -> Result<Vec<u8>> {
    wait("a thumbnail of the colour", LONG, || {
        let (status, file) = request_bytes(&at(server, channel, "thumbnail.jpg"))?;
        Ok(if status == 200 && colour(&file, "null")? == wanted { Some(file) } else { None })
    })
    .with_context(|| server.process.log())
}

fn request_bytes(url: &str) -> Result<(u16, Vec<u8>)> {
    tests::server::send("GET", url, None, None)
}

/// Begin of a cue in seconds, the sheet's address, and its crop.
fn cues(url: &str) -> Result<Vec<(f64, String, String)>> {
    let (_, text) = fetch("GET", url, None, None)?;
    let text = String::from_utf8(text)?;
    let mut out = Vec::new();
    for cue in text.split("\n\n").filter(|cue| cue.contains(" --> ")) {
        let (times, target) = cue.split_once('\n').context("a cue of one line")?;
        let begin = times.split(" --> ").next().unwrap_or_default();
        let seconds =
            begin.split(':').try_fold(0.0, |sum, part| part.parse::<f64>().map(|n| sum * 60.0 + n))?;
        let (file, tile) = target.trim().split_once("#xywh=").context("no tile")?;
        let [x, y, w, h] = tile.split(',').collect::<Vec<_>>()[..] else { anyhow::bail!("{tile}") };
        let folder = |url: &str| url.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned();
        let (base, file) = match file.strip_prefix("../") {
            Some(file) => (folder(&folder(url)), file),
            None => (folder(url), file),
        };
        out.push((seconds, format!("{base}/{file}"), format!("crop={w}:{h}:{x}:{y}")));
    }
    Ok(out)
}

/// Pixels across and down, by the frame header (ISO/IEC 10918-1 §B.2.2): ffprobe complains of JPEGs of one colour.
fn size(file: &[u8]) -> Result<(u16, u16)> {
    let header = file.windows(9).find(|bytes| bytes.starts_with(&[0xff, 0xc0])).context("no frame header")?;
    let number = |at: usize| u16::from_be_bytes([header[at], header[at + 1]]);
    Ok((number(7), number(5)))
}

#[test]
fn key_frames_become_thumbnails_and_a_storyboard_that_outlives_the_session() -> Result<()> {
    let server = Server::start_with("[thumbnails]\nevery_s = 1\n")?;
    let channel = server.channel("Studio", &json!({}))?;
    let mut publisher = publish(&channel, 12)?;
    let live = server.session_is(&channel, "live", Duration::from_secs(10))?;
    let session = live["id"].as_str().unwrap_or_default().to_owned();
    let red = shows(&server, &channel, Colour::Red)?;
    ensure!(size(&red)? == (640, 360));
    let (status, webp) = request_bytes(&at(&server, &channel, "thumbnail.webp"))?;
    ensure!(status == 200 && webp.starts_with(b"RIFF"), "{status}");
    colour(&webp, "null")?;

    // It grows, and what it named stays.
    let board = at(&server, &channel, "storyboard.vtt");
    let early = wait("cues", LONG, || Ok(Some(cues(&board)?).filter(|cues| cues.len() >= 2)))?;
    shows(&server, &channel, Colour::Blue)?;
    let later = cues(&board)?;
    ensure!(later.len() > early.len(), "{} cues, then {}", early.len(), later.len());
    for (_, sheet, crop) in early.iter().chain(&later) {
        colour(&fetch("GET", sheet, None, None)?.1, crop)?;
    }

    publisher.succeeds(LONG)?;
    server.session_is(&channel, "ended", LONG)?;
    let assets = wait("assets", LONG, || {
        let list = server.get(&format!("/sessions/{session}/assets"))?["data"].as_array().cloned();
        Ok(list.filter(|list| list.len() == 4))
    })?;
    let url = |kind: &str| -> Result<String> {
        let found =
            assets.iter().find(|asset| asset["kind"] == kind).with_context(|| format!("no {kind}"))?;
        Ok(found["url"].as_str().unwrap_or_default().to_owned())
    };
    ensure!(colour(&fetch("GET", &url("thumbnail")?, None, None)?.1, "null")? == Colour::Blue);
    // On the recording's time line: each tile has the colour of its moment.
    let kept = cues(&url("storyboard")?)?;
    ensure!(kept.len() >= 6, "{kept:?}");
    ensure!(kept.windows(2).all(|two| two[0].0 < two[1].0), "{kept:?}");
    for (seconds, sheet, crop) in &kept {
        let is = colour(&fetch("GET", sheet, None, None)?.1, crop)?;
        let wanted = if *seconds < TURNS { Colour::Red } else { Colour::Blue };
        // The first picture may have been brought forward to its sound.
        ensure!(is == wanted || (seconds - TURNS).abs() < 0.2, "{is:?} at {seconds}");
    }
    let seen = |colour: fn(f64) -> bool| kept.iter().any(|(seconds, ..)| colour(*seconds));
    ensure!(seen(|seconds| seconds < TURNS - 1.0) && seen(|seconds| seconds > TURNS + 1.0), "{kept:?}");
    Ok(())
}

/// A worker that gets this signal is replaced; what is live takes no notice.
fn survives(name: &str) -> Result<()> {
    let server = Server::start_with("[thumbnails]\nevery_s = 1\n")?;
    let channel = server.channel("Studio", &json!({}))?;
    let _publisher = publish(&channel, 60)?;
    server.session_is(&channel, "live", Duration::from_secs(10))?;
    let board = at(&server, &channel, "storyboard.vtt");
    wait("a thumbnail", LONG, || Ok((!cues(&board)?.is_empty()).then_some(())))?;
    let before = server.process.children()?;
    ensure!(!before.is_empty(), "no worker");
    before.iter().try_for_each(|worker| process::signal(worker, name))?;
    let had = cues(&board)?.len();
    wait("thumbnails to go on", LONG, || Ok((cues(&board)?.len() > had + 2).then_some(())))
        .with_context(|| server.process.log())?;
    let after = server.process.children()?;
    ensure!(after.iter().any(|worker| !before.contains(worker)), "{before:?}, then {after:?}");
    let events = server.events()?;
    ensure!(!events.iter().any(|event| event["type"] == "session.error"), "{events:?}");
    Ok(())
}

#[test]
fn a_worker_that_is_killed_is_replaced() -> Result<()> {
    survives("KILL")
}

#[test]
fn a_worker_that_hangs_is_replaced() -> Result<()> {
    survives("STOP")
}

/// The ladder's worker makes them of what viewers see.
#[test]
fn a_ladders_worker_shows_what_viewers_see() -> Result<()> {
    let server = Server::start_with("[thumbnails]\nevery_s = 1\n")?;
    let ladder = json!({
        "ladder": { "kind": "list", "renditions": [{ "width": 256, "height": 144, "preset": "ultrafast" }] },
        "processing": { "picture": { "crop": { "left": 320 } } },
    });
    let channel = server.channel("Studio", &ladder)?;
    let _publisher = publish(&channel, 60)?;
    server.session_is(&channel, "live", Duration::from_secs(15))?;
    let file = shows(&server, &channel, Colour::Blue)?;
    ensure!(size(&file)? == (320, 360));
    Ok(())
}

#[test]
fn none_are_made_where_none_are_wanted() -> Result<()> {
    let server = Server::start_with("[thumbnails]\nevery_s = 0\n")?;
    let channel = server.channel("Studio", &json!({ "slate": { "after_ms": 5000 } }))?;
    let mut publisher = publish(&channel, 5)?;
    server.session_is(&channel, "live", Duration::from_secs(10))?;
    publisher.succeeds(LONG)?;
    ensure!(request("GET", &at(&server, &channel, "thumbnail.jpg"), None, None)?.0 == 404);
    let ended = server.session_is(&channel, "ended", LONG)?;
    let session = ended["id"].as_str().unwrap_or_default();
    let assets = wait("assets", LONG, || {
        let list = server.get(&format!("/sessions/{session}/assets"))?["data"].as_array().cloned();
        Ok(list.filter(|list| list.len() >= 2))
    })?;
    ensure!(assets.len() == 2, "{assets:?}");
    ensure!(!server.data().join("sessions").join(session).join("stills").exists());
    Ok(())
}
