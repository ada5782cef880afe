//! `sigma-probe` judges the real server, SHOULDs and all: video and sound, video alone, sound alone, in each latency mode, each
//! until it ends; and over TLS and HTTP/2.

mod tls;

use std::process::{Command, Output};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tests::ffmpeg;
use tests::fixture::{self, Kind};
use tests::process::built;
use tests::server::Server;

/// Plain HTTP says nothing of TLS and HTTP/2.
const NEEDS_TLS: u64 = 25;
/// Takes a watch that is longer than the window.
const NEEDS_TIME: u64 = 13;
/// Take two media playlists.
const REPORTS: u64 = 9;
const ALIKE: u64 = 11;
/// Take parts.
const NEED_PARTS: [u64; 5] = [3, 7, 15, 16, 23];
/// Takes a playlist of six target durations and more.
const NEEDS_SKIP: u64 = 22;

#[test]
fn video_and_sound() -> Result<()> {
    holds(Kind::BFrames48Stereo, &json!({}), 2, &[NEEDS_TIME])
}

#[test]
fn other_video_and_sound_and_another_target() -> Result<()> {
    holds(Kind::Plain44Mono, &json!({ "latency_target_s": 1.5 }), 2, &[NEEDS_TIME])
}

#[test]
fn video_only() -> Result<()> {
    holds(Kind::VideoOnly, &json!({}), 2, &[REPORTS, ALIKE, NEEDS_TIME])
}

#[test]
fn audio_only() -> Result<()> {
    holds(Kind::AudioOnly, &json!({}), 2, &[REPORTS, ALIKE, NEEDS_TIME])
}

#[test]
fn low_latency() -> Result<()> {
    holds(Kind::BFrames48Stereo, &json!({ "latency_mode": "low" }), 3, &[])
}

#[test]
fn normal_latency() -> Result<()> {
    let untried = [&NEED_PARTS[..], &[NEEDS_TIME, NEEDS_SKIP]].concat();
    holds(Kind::BFrames48Stereo, &json!({ "latency_mode": "normal" }), 3, &untried)
}

/// No rule is broken, and all are tried but those that such a channel's session can't try.
fn holds(kind: Kind, settings: &Value, loops: u64, untried: &[u64]) -> Result<()> {
    let long = std::env::var_os("SIGMA_TEST_LONG").is_some();
    // Past the skip boundary; in a long test past the window too.
    let loops = if long { 36 } else { loops };
    let server = Server::start()?;
    let channel = server.channel("Studio", settings)?;
    let file = fixture::file(kind)?.display().to_string();
    let times = loops.to_string();
    let input = ["-re", "-stream_loop", &times, "-i", &file, "-c", "copy"];
    let _publisher = ffmpeg::publish_with(&input, &channel.publish_url)?;
    server.session_is(&channel, "live", Duration::from_secs(12))?;

    // It ends before the watch does: what holds after the end is tried as well.
    let watch = u64::from(fixture::SECONDS) * (loops + 1) + 4;
    let report = probe(&channel.hls_url, watch, &[])?;
    ensure!(rules(&report, "fail").is_empty(), "{}", broken(&report));
    ensure!(rules(&report, "warn").is_empty(), "{}", broken(&report));
    let mut untried = [untried, &[NEEDS_TLS]].concat();
    untried.retain(|rule| !(long && [NEEDS_TIME, NEEDS_SKIP].contains(rule)));
    untried.sort_unstable();
    ensure!(rules(&report, "not_exercised") == untried, "not tried: {:?}", rules(&report, "not_exercised"));
    Ok(())
}

fn check(url: &str, seconds: u64, more: &[&str]) -> Result<Output> {
    // A busy machine is late by itself.
    let args = ["check", url, "--for", &format!("{seconds}s"), "--slack", "1s", "--strict", "--json"];
    Command::new(built("sigma-probe")?).args(args).args(more).output().context("sigma-probe")
}

fn probe(url: &str, seconds: u64, more: &[&str]) -> Result<Value> {
    let out = check(url, seconds, more)?;
    let said = String::from_utf8_lossy(&out.stderr);
    ensure!(matches!(out.status.code(), Some(0 | 1)), "sigma-probe: {}\n{said}", out.status);
    serde_json::from_slice(&out.stdout).context("sigma-probe's JSON")
}

fn rules(report: &Value, outcome: &str) -> Vec<u64> {
    let all = report["rules"].as_array().into_iter().flatten();
    all.filter(|r| r["outcome"] == outcome).filter_map(|r| r["rule"].as_u64()).collect()
}

fn broken(report: &Value) -> String {
    let all = report["rules"].as_array().into_iter().flatten();
    let findings = all.flat_map(|r| r["findings"].as_array().into_iter().flatten().map(move |f| (r, f)));
    let lines =
        findings.map(|(r, f)| format!("rule {}: {} s {}: {}", r["rule"], f["at"], f["track"], f["what"]));
    lines.collect::<Vec<_>>().join("\n")
}
