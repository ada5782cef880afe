//! SIGKILL in mid-stream: the recording so far plays, and the publisher that returns goes on or begins anew.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use tests::ffmpeg;
use tests::fixture::{self, Kind};
use tests::server::{Channel, Server};

fn kill_in_mid_stream(settings: &Value) -> Result<(Server, Channel, Value)> {
    let server = Server::start()?;
    let channel = server.channel("Studio", settings)?;
    let publisher = ffmpeg::publish(&fixture::file(Kind::BFrames48Stereo)?, &channel.publish_url)?;
    let session = server.session_is(&channel, "live", Duration::from_secs(6))?;
    ffmpeg::play(&channel.hls_url, 3, &["0:v"])?;
    let server = server.killed_and_started()?;
    drop(publisher);
    let channel = Channel {
        publish_url: format!("{}/live/{}", server.rtmp, channel.key),
        hls_url: format!("{}/live/{}/index.m3u8", server.http, channel.playback),
        ..channel
    };
    Ok((server, channel, session))
}

fn recording(server: &Server, session: &Value) -> String {
    format!("{}/vod/{}/recording.mp4", server.http, session["id"].as_str().unwrap_or_default())
}

#[test]
fn a_publisher_back_in_its_window_goes_on() -> Result<()> {
    let (server, channel, before) = kill_in_mid_stream(&json!({}))?;
    let so_far = ffmpeg::units(&recording(&server, &before), "v")?.len();
    ensure!(so_far >= 60, "3 s were live, {so_far} frames are kept");

    let file = fixture::file(Kind::BFrames48Stereo)?;
    let mut publisher = ffmpeg::publish(&file, &channel.publish_url)?;
    let after = server.session_is(&channel, "live", Duration::from_secs(6))?;
    ensure!(after["id"] == before["id"], "{after}");
    publisher.succeeds(Duration::from_secs(20))?;
    server.session_is(&channel, "ended", Duration::from_secs(3))?;
    let recording = recording(&server, &after);
    let all = ffmpeg::units(&recording, "v")?;
    let second = ffmpeg::units(&file.display().to_string(), "v")?;
    ensure!(
        all.len() == so_far + second.len() && all.ends_with(&second),
        "{} + {} frames, {} kept",
        so_far,
        second.len(),
        all.len()
    );
    ffmpeg::probe(&recording)?;
    ffmpeg::decode(&recording)?;
    Ok(())
}

#[test]
fn a_publisher_back_too_late_begins_anew() -> Result<()> {
    let (server, channel, before) = kill_in_mid_stream(&json!({ "reconnect_window_s": 5 }))?;
    let ended = server.session_is(&channel, "ended", Duration::from_secs(8))?;
    ensure!(ended["id"] == before["id"], "{ended}");
    let recording = recording(&server, &before);
    ffmpeg::probe(&recording)?;
    ffmpeg::decode(&recording)?;

    let _publisher = ffmpeg::publish(&fixture::file(Kind::VideoOnly)?, &channel.publish_url)?;
    let after = server.session_is(&channel, "live", Duration::from_secs(6))?;
    ensure!(after["id"] != before["id"], "{after}");
    Ok(())
}

#[test]
fn channels_keys_and_tokens_survive_a_restart() -> Result<()> {
    let server = Server::start()?;
    let channel = server.channel("Studio Ä", &json!({ "latency_mode": "low" }))?;
    let (token, events) = (server.token.clone(), server.events()?.len());
    let server = server.restarted()?;
    ensure!(server.token == token, "the admin token changed");
    let kept = server.get(&format!("/channels/{}", channel.id))?;
    ensure!(
        kept["name"] == "Studio Ä" && kept["latency_mode"] == "low" && kept["stream_key"] == channel.key,
        "{kept}"
    );
    ensure!(server.events()?.len() >= events);
    let _publisher =
        ffmpeg::publish(&fixture::file(Kind::VideoOnly)?, &format!("{}/live/{}", server.rtmp, channel.key))?;
    server.session_is(&channel, "live", Duration::from_secs(12))?;
    Ok(())
}
