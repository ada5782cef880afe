//! Recordings that exist only where their channel's conditions are met.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tests::process::Process;
use tests::server::{Channel, Server};
use tests::{ffmpeg, wait};

/// 320x180 and a tone.
fn publish(channel: &Channel, seconds: u32) -> Result<Process> {
    let seconds = seconds.to_string();
    let mut args = vec!["-re", "-f", "lavfi", "-i", "testsrc2=s=320x180:r=25", "-f", "lavfi", "-i", "sine"];
    args.extend(
        "-c:v libx264 -preset ultrafast -tune zerolatency -g 25 -b:v 200k -c:a aac -t".split_whitespace(),
    );
    args.push(&seconds);
    ffmpeg::publish_with(&args, &channel.publish_url)
}

/// Publishes for so long, and gives the session when it has ended.
fn show(server: &Server, channel: &Channel, seconds: u32) -> Result<String> {
    let mut publisher = publish(channel, seconds)?;
    publisher.succeeds(Duration::from_secs(60))?;
    let session = server.session_is(channel, "ended", Duration::from_secs(20))?;
    Ok(session["id"].as_str().context("no id")?.to_owned())
}

/// Recordings and the playlist.
fn assets(server: &Server, session: &str) -> Result<Vec<Value>> {
    let assets = server.get(&format!("/sessions/{session}/assets"))?;
    let mut assets = assets["data"].as_array().cloned().unwrap_or_default();
    assets.retain(|one| one["kind"] == "recording" || one["kind"] == "catch_up");
    Ok(assets)
}

#[test]
fn a_recording_is_closed_at_its_maximum() -> Result<()> {
    let server = Server::start()?;
    let channel = |name: &str, recording: Value| server.channel(name, &json!({ "recording": recording }));
    let first = channel("First", json!({ "max_duration_s": 10 }))?;
    let all = channel("All", json!({ "max_duration_s": 10, "next": true }))?;
    let mut publishers = [publish(&first, 26)?, publish(&all, 26)?];
    for publisher in &mut publishers {
        publisher.succeeds(Duration::from_secs(90))?;
    }
    for (channel, least, most) in [(&first, 1, 1), (&all, 2, 3)] {
        let session = server.session_is(channel, "ended", Duration::from_secs(20))?;
        let session = session["id"].as_str().context("no id")?.to_owned();
        let assets = wait("the assets", Duration::from_secs(30), || {
            let assets = assets(&server, &session)?;
            Ok((assets.iter().any(|one| one["kind"] == "catch_up")).then_some(assets))
        })
        .with_context(|| server.process.log())?;
        let seconds: Vec<f64> = assets
            .iter()
            .filter(|one| one["kind"] == "recording")
            .filter_map(|one| one["duration_s"].as_f64())
            .collect();
        ensure!((least..=most).contains(&seconds.len()), "{seconds:?} {}", server.process.log());
        // Closed with the segment that reaches it: one of a second.
        ensure!(seconds.iter().all(|s| *s < 13.0) && seconds[0] >= 9.0, "{seconds:?}");
        for part in 1..=seconds.len() {
            let url = format!("{}/vod/{session}/recording.mp4?part={part}", server.http);
            let (status, bytes) = tests::server::fetch("GET", &url, None, None)?;
            ensure!(status == 200, "{url}: {status}");
            let file = tempfile::NamedTempFile::new()?;
            std::fs::write(file.path(), bytes)?;
            ffmpeg::decode(&file.path().display().to_string())?;
        }
        let url = format!("{}/vod/{session}/recording.mp4?part={}", server.http, seconds.len() + 1);
        ensure!(tests::server::fetch("GET", &url, None, None)?.0 == 404, "{url}");
    }
    Ok(())
}

/// Nothing is published of it, and after a while nothing is on the disk.
fn is_gone(server: &Server, session: &str) -> Result<()> {
    let folder = server.data().join("sessions").join(session);
    wait("the files to go", Duration::from_secs(150), || Ok((!folder.exists()).then_some(())))
        .with_context(|| server.process.log())?;
    ensure!(assets(server, session)?.is_empty(), "{session} has assets");
    let ready = server.events()?.into_iter();
    let mut ready = ready.filter(|e| e["type"] == "asset.ready" && e["session_id"] == session);
    ensure!(ready.next().is_none(), "an asset of {session} was announced");
    let url = format!("{}/vod/{session}/recording.mp4", server.http);
    ensure!(tests::server::fetch("GET", &url, None, None)?.0 == 404, "{url}");
    Ok(())
}

#[test]
fn a_recording_exists_only_where_its_conditions_are_met() -> Result<()> {
    let server = Server::start()?;
    let channel = |name: &str, recording: Value| server.channel(name, &json!({ "recording": recording }));
    let large = channel("Large", json!({ "only_if": { "min_height": 181 } }))?;
    let small = channel("Small", json!({ "only_if": { "min_height": 180, "max_height": 180 } }))?;
    let long = channel("Long", json!({ "min_duration_s": 7 }))?;
    let heavy = channel("Heavy", json!({ "min_bytes": 1_000_000_000 }))?;
    let (_, answer) = server.api("GET", &format!("/channels/{}", long.id), None)?;
    ensure!(answer["recording"] == json!({ "min_duration_s": 7 }), "{answer}");

    let unlike = show(&server, &large, 3)?;
    let like = show(&server, &small, 3)?;
    let brief = show(&server, &long, 3)?;
    let light = show(&server, &heavy, 3)?;
    let whole = show(&server, &long, 9)?;
    for session in [&like, &whole] {
        wait("the assets", Duration::from_secs(30), || {
            Ok((assets(&server, session)?.len() == 2).then_some(()))
        })
        .with_context(|| server.process.log())?;
    }
    for session in [&unlike, &brief, &light] {
        is_gone(&server, session)?;
    }
    ensure!(assets(&server, &whole)?.len() == 2 && assets(&server, &like)?.len() == 2);
    Ok(())
}
