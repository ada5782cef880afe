//! A disk that fills up: what is live goes on, the recording says that it stopped, and goes on when there is room.

use std::fs::File;
use std::io::Write;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tests::fixture::{self, Kind};
use tests::server::{Server, fetch};
use tests::{ffmpeg, wait};

fn happened(server: &Server, name: &str, limit: Duration) -> Result<Value> {
    wait(name, limit, || Ok(server.events()?.into_iter().find(|event| event["type"] == name)))
        .with_context(|| server.process.log())
}

#[test]
fn near_to_full_with_room_for_the_database() -> Result<()> {
    fills_up(8 << 20, 4 << 20)
}

#[test]
fn to_the_last_byte() -> Result<()> {
    fills_up(0, 0)
}

/// `reserve` in `sigma.toml`; all but `left` bytes of the disk are taken away for some seconds.
fn fills_up(reserve: u64, left: u64) -> Result<()> {
    let config = format!("[storage]\nreserve_bytes = {reserve}\n");
    let Some(server) = Server::start_on_small_disk(&config, 64)? else {
        eprintln!("skipped: this system lets nobody mount a tmpfs in a namespace of his own");
        return Ok(());
    };
    let channel = server.channel("Studio", &json!({}))?;
    let file = fixture::file(Kind::BFrames48Stereo)?.display().to_string();
    let input = ["-re", "-stream_loop", "2", "-i", &file, "-c", "copy"];
    let mut publisher = ffmpeg::publish_with(&input, &channel.publish_url)?;
    let live = server.session_is(&channel, "live", Duration::from_secs(6))?;
    let session = live["id"].as_str().unwrap_or_default().to_owned();
    let folder = format!("{}/live/{}/{session}/video", server.http, channel.playback);
    let newest = || -> Result<u64> {
        let (status, text) = fetch("GET", &format!("{folder}/media.m3u8"), None, None)?;
        ensure!(status == 200, "{status}");
        let text = String::from_utf8(text)?;
        let last = text.lines().filter_map(|line| line.strip_prefix('s')?.strip_suffix(".m4s")).next_back();
        Ok(last.unwrap_or("0").parse()?)
    };
    wait("three segments", Duration::from_secs(10), || Ok((newest()? >= 3).then_some(())))?;

    let filler = server.disk().join("filler");
    fill(&filler, left)?;
    let full = newest()?;
    if reserve > 0 {
        let opened = happened(&server, "alert.opened", Duration::from_secs(6))?;
        ensure!(
            opened["data"]["alert"] == "not_recorded" && opened["text"].to_string().contains("MiB"),
            "{opened}"
        );
    }
    // Live goes on, with media that no disk has.
    wait("more segments", Duration::from_secs(12), || Ok((newest()? >= full + 5).then_some(())))
        .with_context(|| server.process.log())?;
    let (status, bytes) = fetch("GET", &format!("{folder}/s{}.m4s", full + 4), None, None)?;
    ensure!(status == 200 && !bytes.is_empty(), "{status}");
    std::fs::remove_file(&filler)?;
    let closed = happened(&server, "alert.closed", Duration::from_secs(10))?;
    ensure!(closed["data"]["missing_s"].as_f64().is_some_and(|s| s > 2.0), "{closed}");
    happened(&server, "alert.opened", Duration::from_secs(1))?;

    publisher.succeeds(Duration::from_secs(30))?;
    let ended = server.session_is(&channel, "ended", Duration::from_secs(5))?;
    ensure!(ended["id"] == session.as_str(), "{ended}");
    // What is kept plays, and says what is missing.
    let playlist = format!("{}/vod/{session}/video/media.m3u8", server.http);
    let (_, text) = fetch("GET", &playlist, None, None)?;
    let text = String::from_utf8(text)?;
    ensure!(text.matches("#EXT-X-GAP").count() >= 3, "{text}");
    let recording = format!("{}/vod/{session}/recording.mp4", server.http);
    let kept = ffmpeg::units(&recording, "v")?.len();
    ensure!((200..700).contains(&kept), "{kept} of 720 pictures are kept");
    ffmpeg::probe(&recording)?;
    Ok(())
}

fn fill(path: &std::path::Path, left: u64) -> Result<()> {
    let mut file = File::create(path).with_context(|| format!("{}", path.display()))?;
    let block = vec![0; 64 << 10];
    let mut bytes = 0;
    while file.write_all(&block).is_ok() {
        bytes += block.len() as u64;
    }
    if left > 0 {
        file.set_len(bytes.saturating_sub(left))?;
    } else {
        // The last bytes, too.
        while file.write_all(&[0]).is_ok() {}
    }
    Ok(())
}
