//! Odd publishers, as ffmpeg makes them: the session goes on, readers have nothing to complain of, and an event says what
//! was odd.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tests::server::{Channel, Server};
use tests::{ffmpeg, wait};

const PICTURES: &str = "-re -f lavfi -i testsrc2=size=640x360:rate=30";
const SOUND: &str = "-re -f lavfi -i sine=frequency=440:sample_rate=48000";
const X264: &str = "-c:v libx264 -preset ultrafast -pix_fmt yuv420p -b:v 600k -sc_threshold 0";
const AAC: &str = "-c:a aac -ac 2 -b:a 96k";

fn args(parts: &[&str]) -> Vec<String> {
    parts.iter().flat_map(|part| part.split_whitespace()).map(str::to_owned).collect()
}

/// The first event of each issue, by its code.
fn issues(server: &Server) -> Result<Vec<Value>> {
    let events = server.events()?.into_iter().filter(|event| event["type"] == "ingest.issue");
    Ok(events.map(|event| event["data"].clone()).filter(|data| data["state"] == "open").collect())
}

/// Publishes, reads for some seconds what is live, and gives the issues that were told by then.
fn publish(parts: &[&str], seconds: u32) -> Result<(Server, Channel, Vec<String>)> {
    let server = Server::start()?;
    let channel = server.channel("Studio", &json!({}))?;
    let args = args(parts);
    let args: Vec<_> = args.iter().map(String::as_str).collect();
    let mut publisher = ffmpeg::publish_with(&args, &channel.publish_url)?;
    server.session_is(&channel, "live", Duration::from_secs(15)).with_context(|| publisher.log())?;
    ffmpeg::probe(&channel.hls_url)?;
    let frames = ffmpeg::play(&channel.hls_url, seconds, &["0:v", "0:a"])?;
    ensure!(frames > u64::from(seconds) * 8, "{frames} frames in {seconds} s");
    let told = issues(&server)?;
    let codes = told.iter().map(|issue| issue["issue"].as_str().unwrap_or_default().to_owned()).collect();
    ensure!(publisher.runs()?, "{}", publisher.log());
    publisher.signal("INT")?;
    publisher.ended(Duration::from_secs(5))?;
    let ended = server.session_is(&channel, "ended", Duration::from_secs(3))?;
    let recording = format!("{}/vod/{}/recording.mp4", server.http, ended["id"].as_str().unwrap_or_default());
    ffmpeg::decode(&recording)?;
    Ok((server, channel, codes))
}

#[test]
fn a_gop_of_eight_seconds_is_cut_and_told_of() -> Result<()> {
    let (.., codes) = publish(&[PICTURES, SOUND, X264, "-g 250 -keyint_min 250", AAC], 9)?;
    ensure!(codes == ["long_gop"], "{codes:?}");
    Ok(())
}

/// ffmpeg's 31 bits end after 3.6 s; B-frames begin with a DTS below their first PTS.
#[test]
fn b_frames_across_the_wrap_of_timestamps() -> Result<()> {
    let offset = "-bf 3 -b_strategy 0 -output_ts_offset 2147480";
    let (.., codes) = publish(&[PICTURES, SOUND, X264, "-g 30", AAC, offset], 7)?;
    ensure!(codes.is_empty(), "{codes:?}");
    Ok(())
}

/// A second at 30 frames, a second at 10, and so on.
#[test]
fn a_variable_frame_rate() -> Result<()> {
    let vary = "-vf select='lt(mod(n\\,60)\\,30)+not(mod(n\\,3))' -fps_mode vfr";
    let (.., codes) = publish(&[PICTURES, SOUND, vary, X264, "-g 30", AAC], 7)?;
    ensure!(codes.is_empty(), "{codes:?}");
    Ok(())
}

/// Sound whose samples are half a percent more than its timestamps say.
#[test]
fn sound_with_a_clock_of_its_own() -> Result<()> {
    let long = std::env::var_os("SIGMA_TEST_LONG").is_some();
    let drift = "-af asetpts=PTS*0.995";
    let (.., codes) = publish(&[PICTURES, SOUND, drift, X264, "-g 30", AAC], if long { 48 } else { 6 })?;
    ensure!(codes == if long { vec!["audio_drift"] } else { vec![] }, "{codes:?}");
    Ok(())
}

/// The publisher dies and comes back with another size: the same session, behind a discontinuity and another MAP.
#[test]
fn another_size_within_the_reconnect_window() -> Result<()> {
    let server = Server::start()?;
    let channel = server.channel("Studio", &json!({}))?;
    let start = |size: &str| {
        let pictures = format!("-re -f lavfi -i testsrc2=size={size}:rate=30");
        let args = args(&[&pictures, SOUND, X264, "-g 30", AAC]);
        ffmpeg::publish_with(&args.iter().map(String::as_str).collect::<Vec<_>>(), &channel.publish_url)
    };
    let mut first = start("640x360")?;
    let live = server.session_is(&channel, "live", Duration::from_secs(15)).with_context(|| first.log())?;
    ffmpeg::play(&channel.hls_url, 2, &["0:v", "0:a"])?;
    first.signal("KILL")?;
    first.ended(Duration::from_secs(5))?;
    let _second = start("320x180")?;
    let size = wait("the new size", Duration::from_secs(15), || {
        let now = server.newest_session(&channel)?.context("a session")?;
        ensure!(now["id"] == live["id"], "another session: {now}");
        Ok((now["status"] == "live" && now["source"]["width"] == 320).then_some(now))
    });
    size.with_context(|| server.process.log())?;
    // Past the first segments of the old size, which a reader would begin with.
    let media = format!(
        "{}/live/{}/{}/video/media.m3u8",
        server.http,
        channel.playback,
        live["id"].as_str().unwrap_or("")
    );
    wait("segments of the new size", Duration::from_secs(15), || {
        let (_, text) = tests::server::fetch("GET", &media, None, None)?;
        let text = String::from_utf8_lossy(&text).into_owned();
        let after =
            text.split("#EXT-X-DISCONTINUITY\n#EXT-X-MAP:URI=\"init1.mp4\"").nth(1).map(str::to_owned);
        Ok(after.filter(|after| after.matches("#EXTINF").count() >= 3))
    })?;
    ffmpeg::probe(&channel.hls_url)?;
    ffmpeg::play(&channel.hls_url, 2, &["0:v", "0:a"])?;
    ensure!(issues(&server)?.is_empty(), "{:?}", issues(&server)?);
    Ok(())
}
