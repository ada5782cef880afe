//! The past of a session: its window and its recording while it is live, catch-up the moment it ends, trims, retention.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tests::fixture::{self, Kind};
use tests::server::{Channel, Server, fetch, request};
use tests::{ffmpeg, wait};

fn text(url: &str) -> Result<String> {
    let (status, bytes) = fetch("GET", url, None, None)?;
    ensure!(status == 200, "{url}: {status}");
    Ok(String::from_utf8(bytes)?)
}

/// Its assets, once all of them are there.
fn assets(server: &Server, session: &str) -> Result<Vec<Value>> {
    wait("assets", Duration::from_secs(3), || {
        let list = server.get(&format!("/sessions/{session}/assets"))?["data"].as_array().cloned();
        Ok(list.filter(|list| list.len() >= 2))
    })
}

fn asset<'a>(assets: &'a [Value], kind: &str) -> Result<&'a str> {
    let found = assets.iter().find(|asset| asset["kind"] == kind).and_then(|asset| asset["id"].as_str());
    found.with_context(|| format!("no {kind} in {assets:?}"))
}

#[test]
fn a_recording_can_be_fetched_while_it_grows_and_is_trimmed_afterwards() -> Result<()> {
    let server = Server::start()?;
    let channel = server.channel("Studio", &json!({ "dvr_window_s": 7200 }))?;
    let file = fixture::file(Kind::BFrames48Stereo)?;
    let mut publisher = ffmpeg::publish(&file, &channel.publish_url)?;
    let live = server.session_is(&channel, "live", Duration::from_secs(6))?;
    let session = live["id"].as_str().unwrap_or_default().to_owned();
    let recording = format!("{}/vod/{session}/recording.mp4", server.http);

    // The window plays by itself, and from its first second.
    let window = format!("{}/live/{}/dvr.m3u8", server.http, channel.playback);
    ffmpeg::play(&window, 2, &["0:v", "0:a"])?;

    // What is there so far plays, and what is fetched later begins with it.
    let (_, early) = fetch("GET", &recording, None, None)?;
    let probed = ffmpeg::probe(&recording)?;
    ensure!(probed["streams"].as_array().map_or(0, Vec::len) == 2, "{probed}");
    ffmpeg::decode(&recording)?;
    let (_, later) = wait("more", Duration::from_secs(5), || {
        Ok(Some(fetch("GET", &recording, None, None)?).filter(|(_, bytes)| bytes.len() > early.len()))
    })?;
    ensure!(later.starts_with(&early), "it changed");

    publisher.succeeds(Duration::from_secs(20))?;
    server.session_is(&channel, "ended", Duration::from_secs(3))?;
    // The moment it ends: all of it.
    let catch_up = format!("{}/vod/{session}/index.m3u8", server.http);
    let published = ffmpeg::units(&file.display().to_string(), "v")?.len();
    ensure!(ffmpeg::units(&catch_up, "v")?.len() == published, "the catch-up is not complete");
    // Its key frames alone, each as a fragment that decodes by itself.
    let keys = format!("{}/vod/{session}/video/iframes.m3u8", server.http);
    ffmpeg::decode(&keys)?;
    let named = text(&keys)?.matches("\nk").count();
    ensure!(named >= 5 && ffmpeg::units(&keys, "v")?.len() == named, "{named} key frames");

    let list = assets(&server, &session)?;
    let trim = json!({ "in_s": 2.5, "out_s": 5.0, "title": "The goal" });
    for kind in ["recording", "catch_up"] {
        let (status, body) = server.api("PATCH", &format!("/assets/{}", asset(&list, kind)?), Some(&trim))?;
        ensure!(status == 200 && body["title"] == "The goal", "{status} {body}");
    }
    let probed = ffmpeg::probe(&recording)?;
    let duration: f64 = probed["format"]["duration"].as_str().unwrap_or("0").parse()?;
    ensure!((duration - 2.5).abs() < 0.05, "{probed}");
    ffmpeg::decode(&recording)?;
    let media = text(&format!("{}/vod/{session}/video/media.m3u8", server.http))?;
    ensure!(media.contains("#EXT-X-START:TIME-OFFSET=") && media.contains("ENDLIST"), "{media}");
    ffmpeg::decode(&catch_up)?;
    let kept = ffmpeg::units(&catch_up, "v")?.len();
    ensure!((75..=140).contains(&kept), "2.5 s and the segments around them, not {kept} pictures");

    // Deleted: gone from the list, from its address, and from the disk.
    for kind in ["recording", "catch_up"] {
        let (status, _) = server.api("DELETE", &format!("/assets/{}", asset(&list, kind)?), None)?;
        ensure!(status == 204, "{status}");
    }
    let folder = server.data().join("sessions").join(&session);
    wait("the media to go", Duration::from_secs(3), || Ok((!folder.exists()).then_some(())))?;
    ensure!(request("GET", &recording, None, None)?.0 == 404);
    Ok(())
}

fn show(server: &Server, channel: &Channel) -> Result<String> {
    let before = server.sessions(channel)?.len();
    let mut publisher = ffmpeg::publish(&fixture::file(Kind::VideoOnly)?, &channel.publish_url)?;
    publisher.succeeds(Duration::from_secs(20))?;
    let ended = wait("another session", Duration::from_secs(3), || {
        Ok(Some(server.sessions(channel)?).filter(|list| list.len() > before))
    })?;
    Ok(ended[0]["id"].as_str().unwrap_or_default().to_owned())
}

#[test]
fn the_oldest_recording_makes_room() -> Result<()> {
    // More than one show takes, less than two.
    let bytes = fixture::file(Kind::VideoOnly)?.metadata()?.len();
    let server = Server::start_with(&format!("[retention]\nmax_bytes = {}\n", bytes * 3 / 2))?;
    let channel = server.channel("Studio", &json!({}))?;
    let first = show(&server, &channel)?;
    assets(&server, &first)?;
    let second = show(&server, &channel)?;
    let deleted = wait("the oldest to be deleted", Duration::from_secs(5), || {
        let events = server.events()?;
        let deleted: Vec<_> = events.into_iter().filter(|event| event["type"] == "asset.deleted").collect();
        Ok((deleted.len() >= 2).then_some(deleted))
    })
    .with_context(|| server.process.log())?;
    ensure!(deleted.iter().all(|event| event["session_id"] == first.as_str()), "{deleted:?}");
    ensure!(deleted[0]["data"]["reason"] == "max_bytes", "{deleted:?}");
    ensure!(!server.data().join("sessions").join(&first).exists());
    ffmpeg::decode(&format!("{}/vod/{second}/recording.mp4", server.http))
}

/// Four minutes: what leaves a window of 70 s leaves the playlist and, in whole files, the disk.
#[test]
fn a_window_slides() -> Result<()> {
    if std::env::var_os("SIGMA_TEST_LONG").is_none() {
        return Ok(());
    }
    let server = Server::start()?;
    let channel = server.channel("Studio", &json!({ "dvr_window_s": 70, "record": false }))?;
    let file = fixture::file(Kind::BFrames48Stereo)?.display().to_string();
    let input = ["-re", "-stream_loop", "-1", "-t", "240", "-i", &file, "-c", "copy"];
    let _publisher = ffmpeg::publish_with(&input, &channel.publish_url)?;
    let live = server.session_is(&channel, "live", Duration::from_secs(6))?;
    let session = live["id"].as_str().unwrap_or_default();
    let folder = format!("{}/live/{}/{session}/video", server.http, channel.playback);
    let sequence = |playlist: &str| -> Result<u64> {
        let (_, rest) = playlist.split_once("#EXT-X-MEDIA-SEQUENCE:").context("no sequence")?;
        Ok(rest.lines().next().unwrap_or_default().parse()?)
    };
    let window = wait("the window to slide", Duration::from_secs(230), || {
        Ok(Some(text(&format!("{folder}/dvr.m3u8"))?)
            .filter(|playlist| sequence(playlist).unwrap_or(0) > 130))
    })?;
    let seconds: f64 = window
        .lines()
        .filter_map(|line| line.strip_prefix("#EXTINF:")?.trim_end_matches(',').parse::<f64>().ok())
        .sum();
    ensure!((69.0..74.0).contains(&seconds), "{seconds} s");
    // All of it can be had, also what is older than memory; what left a while ago can't, and its file is gone.
    for uri in window.lines().filter(|line| !line.starts_with('#')) {
        ensure!(fetch("GET", &format!("{folder}/{uri}"), None, None)?.0 == 200, "{uri}");
    }
    ensure!(fetch("GET", &format!("{folder}/s2.m4s"), None, None)?.0 == 404);
    let files = std::fs::read_dir(server.data().join("sessions").join(session).join("video"))?.count();
    ensure!(files <= 3, "{files} files for 70 s");
    Ok(())
}
