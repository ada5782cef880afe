//! ffmpeg publishes real files; ffmpeg and ffprobe read the live playlist, the recording and the catch-up.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tests::fixture::{self, Kind};
use tests::server::Server;
use tests::{ffmpeg, wait};

#[test]
fn b_frames_with_48_khz_stereo() -> Result<()> {
    plays_and_is_kept(Kind::BFrames48Stereo)
}

#[test]
fn plain_pictures_with_44_khz_mono() -> Result<()> {
    plays_and_is_kept(Kind::Plain44Mono)
}

#[test]
fn video_only() -> Result<()> {
    plays_and_is_kept(Kind::VideoOnly)
}

#[test]
fn audio_only() -> Result<()> {
    plays_and_is_kept(Kind::AudioOnly)
}

fn plays_and_is_kept(kind: Kind) -> Result<()> {
    let server = Server::start()?;
    let channel = server.channel("Studio", &json!({}))?;
    let file = fixture::file(kind)?;
    let mut publisher = ffmpeg::publish(&file, &channel.publish_url)?;

    let live = server.session_is(&channel, "live", Duration::from_secs(6))?;
    check_source(kind, &live)?;
    let mut map = Vec::new();
    map.extend(kind.has_video().then_some("0:v"));
    map.extend(kind.has_audio().then_some("0:a"));
    ffmpeg::probe(&channel.hls_url)?;
    let frames = ffmpeg::play(&channel.hls_url, 3, &map)?;
    if kind.has_video() {
        ensure!(frames >= 80, "3 s at 30 fps are 90 frames, not {frames}");
    }

    publisher.succeeds(Duration::from_secs(20))?;
    let ended = server.session_is(&channel, "ended", Duration::from_secs(3))?;
    ensure!(ended["end_reason"] == "unpublished", "{ended}");
    let session = ended["id"].as_str().unwrap_or_default();
    let recording = format!("{}/vod/{session}/recording.mp4", server.http);
    let catch_up = format!("{}/vod/{session}/index.m3u8", server.http);
    for medium in kind.has_video().then_some("v").into_iter().chain(kind.has_audio().then_some("a")) {
        let published = ffmpeg::units(&file.display().to_string(), medium)?;
        let kept = ffmpeg::units(&recording, medium)?;
        ensure!(
            published == kept,
            "{medium}: {} units published, {} kept, or not the same",
            published.len(),
            kept.len()
        );
        let caught_up = ffmpeg::units(&catch_up, medium)?;
        ensure!(
            published.len() == caught_up.len(),
            "{medium}: {} published, {} caught up",
            published.len(),
            caught_up.len()
        );
    }
    let probed = ffmpeg::probe(&recording)?;
    check_recording(kind, &probed)?;
    if kind.has_video() && kind.has_audio() {
        let published = ffmpeg::probe(&fixture::as_flv(kind)?.display().to_string())?;
        let (before, after) = (sound_after_picture(&published)?, sound_after_picture(&probed)?);
        // A first picture that comes a little later than the sound is shown with it; the next ones have their time.
        let expected = if (-0.15..0.0).contains(&before) { 0.0 } else { before };
        ensure!(
            (expected - after).abs() < 0.003,
            "sound began {before} s after the picture, and is kept {after} s after it"
        );
    }
    ffmpeg::decode(&recording)?;
    ffmpeg::probe(&catch_up)?;
    Ok(())
}

fn check_source(kind: Kind, session: &Value) -> Result<()> {
    let source = &session["source"];
    let codecs = source["codecs"].to_string();
    ensure!(
        codecs.contains("avc1.") == kind.has_video() && codecs.contains("mp4a.40.2") == kind.has_audio(),
        "{source}"
    );
    if kind.has_video() {
        ensure!(source["width"] == 640 && source["height"] == 360, "{source}");
        ensure!(source["fps"].as_f64().is_some_and(|fps| (fps - 30.0).abs() < 0.1), "{source}");
    }
    ensure!(source["encoder"].as_str().is_some_and(|e| e.contains("Lavf")), "{source}");
    Ok(())
}

fn check_recording(kind: Kind, probed: &Value) -> Result<()> {
    let duration: f64 = probed["format"]["duration"].as_str().unwrap_or("0").parse()?;
    ensure!(
        (duration - f64::from(fixture::SECONDS)).abs() < 0.2,
        "{} s published, {duration} s kept",
        fixture::SECONDS
    );
    let streams = probed["streams"].as_array().map_or(0, Vec::len);
    ensure!(streams == usize::from(kind.has_video()) + usize::from(kind.has_audio()), "{probed}");
    Ok(())
}

/// Seconds from the first picture to the first sound.
fn sound_after_picture(probed: &Value) -> Result<f64> {
    let start = |medium: &str| -> Result<f64> {
        let stream = probed["streams"].as_array().and_then(|s| s.iter().find(|s| s["codec_type"] == medium));
        Ok(stream.and_then(|s| s["start_time"].as_str()).context("a start_time")?.parse()?)
    };
    Ok(start("audio")? - start("video")?)
}

#[test]
fn a_session_goes_through_its_states_once() -> Result<()> {
    let server = Server::start()?;
    let channel = server.channel("Studio", &json!({}))?;
    let mut publisher = ffmpeg::publish(&fixture::file(Kind::BFrames48Stereo)?, &channel.publish_url)?;
    let live = server.session_is(&channel, "live", Duration::from_secs(6))?;
    ensure!(server.get(&format!("/channels/{}", channel.id))?["status"] == "active");
    ensure!(server.get(&format!("/channels/{}", channel.id))?["live_session_id"] == live["id"]);
    publisher.succeeds(Duration::from_secs(20))?;
    server.session_is(&channel, "ended", Duration::from_secs(3))?;
    let idle = wait("an idle channel", Duration::from_secs(2), || {
        Ok(Some(server.get(&format!("/channels/{}", channel.id))?).filter(|c| c["status"] == "idle"))
    })?;
    ensure!(idle["live_session_id"].is_null(), "{idle}");

    let events = server.events()?;
    let names: Vec<_> =
        events.iter().filter_map(|e| e["type"].as_str()).filter(|n| n.starts_with("session.")).collect();
    ensure!(names == ["session.created", "session.processing", "session.live", "session.ended"], "{names:?}");

    // The next publish makes a new one.
    let mut publisher = ffmpeg::publish(&fixture::file(Kind::VideoOnly)?, &channel.publish_url)?;
    server.session_is(&channel, "live", Duration::from_secs(6))?;
    ensure!(server.sessions(&channel)?.len() == 2);
    publisher.signal("INT")?;
    publisher.ended(Duration::from_secs(5))?;
    Ok(())
}

#[test]
fn a_stopped_channel_ends_its_session_and_takes_nobody() -> Result<()> {
    let server = Server::start()?;
    let channel = server.channel("Studio", &json!({}))?;
    let file = fixture::file(Kind::BFrames48Stereo)?;
    let mut publisher = ffmpeg::publish(&file, &channel.publish_url)?;
    server.session_is(&channel, "live", Duration::from_secs(6))?;
    server.post(&format!("/channels/{}/stop", channel.id), &json!({}))?;
    server.session_is(&channel, "ended", Duration::from_secs(3))?;
    publisher.ended(Duration::from_secs(5))?;
    let mut refused = ffmpeg::publish(&file, &channel.publish_url)?;
    ensure!(!refused.ended(Duration::from_secs(5))?.success());
    server.post(&format!("/channels/{}/start", channel.id), &json!({}))?;
    let _taken = ffmpeg::publish(&file, &channel.publish_url)?;
    server.session_is(&channel, "live", Duration::from_secs(6))?;
    Ok(())
}
