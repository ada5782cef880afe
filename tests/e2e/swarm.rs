//! `sigma-probe swarm` against the real server: players that do not stall, and that end when the broadcast ends.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use tests::ffmpeg;
use tests::fixture::{self, Kind};
use tests::process::{Process, built};
use tests::server::Server;

const VIEWERS: u64 = 20;

fn swarm(url: &str, more: &[&str]) -> Result<Value> {
    let viewers = VIEWERS.to_string();
    let mut command = Command::new(built("sigma-probe")?);
    command.args(["swarm", url, "--json", "--ramp", "500ms", "--viewers", &viewers]).args(more);
    let mut process = Process::start(&mut command)?;
    process.succeeds(Duration::from_secs(60))?;
    Ok(serde_json::from_str(&process.line(Duration::from_secs(1))?)?)
}

#[test]
fn twenty_viewers_play_and_none_stalls() -> Result<()> {
    let server = Server::start()?;
    let channel = server.channel("Studio", &json!({}))?;
    let publisher = ffmpeg::publish(&fixture::file(Kind::BFrames48Stereo)?, &channel.publish_url)?;
    server.session_is(&channel, "live", Duration::from_secs(6))?;
    let log = server.data().join("requests.log");
    let (pid, path) = (server.process.id().to_string(), log.display().to_string());
    let report = swarm(&channel.hls_url, &["--for", "3s", "--pid", &pid, "--log", &path])?;
    drop(publisher);
    ensure!(report["joined"] == VIEWERS && report["stalls"] == 0 && report["failed"] == 0, "{report}");
    ensure!(report["ended"] == 0 && report["gave_up"] == 0 && report["behind"] == 0, "{report}");
    // Ten parts a second and their playlists, less what a slow machine may cost.
    ensure!(report["part_ms"]["count"].as_u64() >= Some(VIEWERS * 20), "{report}");
    ensure!(
        report["latency_ms"]["p50"].as_f64().is_some_and(|ms| (500.0..2_500.0).contains(&ms)),
        "{report}"
    );
    ensure!(report["server"]["memory_before_bytes"].as_u64() > Some(1_000_000), "{report}");
    logged(&log, &report)
}

/// The log holds each request, and what it says can be asked again.
fn logged(log: &Path, report: &Value) -> Result<()> {
    let text = std::fs::read_to_string(log)?;
    let lines = text.lines().filter(|line| !line.starts_with('#')).count() as u64;
    ensure!(report["requests"] == lines, "{lines} in the log of {report}");
    Ok(())
}

#[test]
fn viewers_play_to_the_end_of_a_broadcast() -> Result<()> {
    let server = Server::start()?;
    let channel = server.channel("Studio", &json!({}))?;
    // A file of 8 s, sent in real time: its end is the end of the broadcast.
    let _publisher = ffmpeg::publish(&fixture::file(Kind::VideoOnly)?, &channel.publish_url)?;
    server.session_is(&channel, "live", Duration::from_secs(6))?;
    let report = swarm(&channel.hls_url, &["--for", "40s", "--hints"])?;
    ensure!(report["ended"] == VIEWERS && report["gave_up"] == 0 && report["stalls"] == 0, "{report}");
    ensure!(report["failed"] == report["errors"]["broken"].as_u64().unwrap_or(0), "{report}");
    ensure!(report["held_s"].as_f64().is_some_and(|held| held < 20.0), "{report}");
    ensure!(report["kinds"]["hinted_part"]["requests"].as_u64() >= Some(VIEWERS * 10), "{report}");
    Ok(())
}
