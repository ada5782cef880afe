//! Latency modes, from the setting to the playlist.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::json;
use tests::fixture::{self, Kind};
use tests::server::{Server, fetch};
use tests::{ffmpeg, wait};

/// What a mode's playlists say, and how soon the first comes after the publisher.
fn check(settings: &serde_json::Value, says: &[&str], within: Duration) -> Result<()> {
    let server = Server::start()?;
    let channel = server.channel("Studio", settings)?;
    let file = fixture::file(Kind::BFrames48Stereo)?;
    let begun = Instant::now();
    let looped = ["-re", "-stream_loop", "-1", "-i", file.to_str().context("a path")?, "-c", "copy"];
    let mut publisher = ffmpeg::publish_with(&looped, &channel.publish_url)?;
    let live = server.session_is(&channel, "live", Duration::from_secs(10))?;
    let id = live["id"].as_str().unwrap_or_default();
    let url = format!("{}/live/{}/{id}/video/media.m3u8", server.http, channel.playback);
    let (status, text) = fetch("GET", &url, None, None)?;
    ensure!(status == 200, "{status}");
    let took = begun.elapsed();
    ensure!(took < within, "the first playlist came after {took:?}");
    let text = String::from_utf8(text)?;
    for line in says {
        ensure!(text.contains(line), "no {line} in {text}");
    }
    ffmpeg::probe(&channel.hls_url)?;
    // A change holds from the next session on: the playlist's promises are for a whole session.
    let (status, answer) = server.api(
        "PATCH",
        &format!("/channels/{}", channel.id),
        Some(&json!({ "latency_mode": "ultra_low", "latency_target_s": 4 })),
    )?;
    ensure!(status == 200, "{answer}");
    let (_, again) = fetch("GET", &url, None, None)?;
    let again = String::from_utf8(again)?;
    for line in says {
        ensure!(again.contains(line), "no {line} after the change in {again}");
    }
    publisher.signal("INT")?;
    publisher.ended(Duration::from_secs(5))?;
    server.session_is(&channel, "ended", Duration::from_secs(5))?;
    let mut publisher = ffmpeg::publish_with(&looped, &channel.publish_url)?;
    let next = wait("the next session", Duration::from_secs(10), || {
        Ok(server.newest_session(&channel)?.filter(|s| s["status"] == "live" && s["id"] != id))
    })?;
    let next = next["id"].as_str().unwrap_or_default();
    let (_, text) = fetch("GET", &url.replace(id, next), None, None)?;
    let text = String::from_utf8(text)?;
    ensure!(text.contains("PART-HOLD-BACK=3.7,") && text.contains("PART-TARGET=0.50100"), "{text}");
    publisher.signal("INT")?;
    publisher.ended(Duration::from_secs(5))?;
    Ok(())
}

#[test]
fn normal_has_whole_segments_and_begins_within_ten_seconds() -> Result<()> {
    let says = ["#EXT-X-TARGETDURATION:6", "CAN-BLOCK-RELOAD=YES,HOLD-BACK=24,"];
    check(&json!({ "latency_mode": "normal" }), &says, Duration::from_secs(12))
}

#[test]
fn low_has_parts_of_a_second() -> Result<()> {
    let says = ["#EXT-X-TARGETDURATION:3", "PART-HOLD-BACK=8.7,HOLD-BACK=9,", "PART-TARGET=1.00"];
    check(&json!({ "latency_mode": "low" }), &says, Duration::from_secs(9))
}
