//! What is to be seen in the slate: the channel's own picture, the last one, also after a restart.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tests::ffmpeg;
use tests::fixture::{self, Kind};
use tests::server::{Channel, Server, fetch, send};

/// How bright the newest of what viewers are shown is, once it stands under another MAP than `before`.
fn shown(channel: &Channel, before: Option<&str>) -> Result<(String, u8)> {
    let get = |url: &str| Ok::<_, anyhow::Error>(fetch("GET", url, None, None)?.1);
    let text = |url: &str| Ok::<_, anyhow::Error>(String::from_utf8(get(url)?)?);
    tests::wait("a slate", Duration::from_secs(10), || {
        let index = text(&channel.hls_url)?;
        let Some(path) = index.lines().find(|line| line.contains("/video/media.m3u8")) else {
            return Ok(None);
        };
        let url = format!("{}/{path}", channel.hls_url.trim_end_matches("/index.m3u8"));
        let list = text(&url)?;
        let (_, newest) = list.rsplit_once("#EXT-X-MAP:URI=\"").context("no MAP")?;
        let map = newest.split('"').next().unwrap_or_default();
        let part =
            newest.lines().find(|line| line.starts_with("#EXT-X-PART:") && line.contains("INDEPENDENT"));
        let Some(part) = part.filter(|_| before != Some(map)) else { return Ok(None) };
        let part = part.split('"').nth(1).unwrap_or_default();
        let folder = url.split("/media.m3u8").next().unwrap_or_default();
        let file = tempfile::NamedTempFile::new()?;
        let both = [get(&format!("{folder}/{map}"))?, get(&format!("{folder}/{part}"))?].concat();
        std::fs::write(file.path(), both)?;
        Ok(Some((map.to_owned(), ffmpeg::brightness(&file.path().display().to_string())?)))
    })
}

fn put(server: &Server, channel: &Channel, file: Vec<u8>) -> Result<(u16, Value)> {
    let url = format!("{}/api/v1/channels/{}/slate/picture", server.http, channel.id);
    let (status, bytes) = send("PUT", &url, Some(&server.token), Some(("image/png", file)))?;
    Ok((status, serde_json::from_slice(&bytes)?))
}

#[test]
fn a_channel_may_show_its_own_picture() -> Result<()> {
    let server = Server::start()?;
    let channel = server.channel("Studio", &json!({ "slate": { "after_ms": 500 } }))?;
    let folder = tempfile::tempdir()?;
    let white = folder.path().join("white.png").display().to_string();
    ffmpeg::run(&["-f", "lavfi", "-i", "color=white:s=320x180", "-frames:v", "1", "-update", "1", &white])?;
    let file = std::fs::read(&white)?;
    // The worker looks into it.
    let torn = file.get(..file.len() / 2).unwrap_or_default().to_vec();
    let (status, answer) = put(&server, &channel, torn)?;
    ensure!(status == 422 && answer["code"] == "bad_picture", "{status} {answer}");
    let (status, answer) = put(&server, &channel, file)?;
    ensure!(status == 200 && answer["slate"]["picture"]["width"] == 320, "{status} {answer}");

    let publisher = ffmpeg::publish(&fixture::file(Kind::VideoOnly)?, &channel.publish_url)?;
    server.session_is(&channel, "live", Duration::from_secs(6))?;
    let (map, live) = shown(&channel, None)?;
    publisher.signal("STOP")?;
    let (_, slate) = shown(&channel, Some(&map))?;
    ensure!(live < 200 && slate > 220, "{live}, then {slate}");
    publisher.signal("CONT")?;
    Ok(())
}

#[test]
fn after_a_restart_the_last_picture_is_shown() -> Result<()> {
    let server = Server::start()?;
    let channel = server.channel("Studio", &json!({ "slate": { "after_ms": 500 } }))?;
    let publisher = ffmpeg::publish(&fixture::file(Kind::BFrames48Stereo)?, &channel.publish_url)?;
    server.session_is(&channel, "live", Duration::from_secs(6))?;
    let (map, live) = shown(&channel, None)?;
    std::thread::sleep(Duration::from_secs(2));
    publisher.signal("KILL")?;
    let server = server.killed_and_started()?;
    let channel =
        Channel { hls_url: format!("{}/live/{}/index.m3u8", server.http, channel.playback), ..channel };
    let (_, slate) = shown(&channel, Some(&map))?;
    ensure!(live > 40 && slate.abs_diff(live) < 40, "{live}, then {slate}");
    Ok(())
}
