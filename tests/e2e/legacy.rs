//! Players that know nothing of low latency: ffmpeg, mpv and GStreamer play one live session side by side, at its own pace and
//! without a complaint; for 20 s, in a long test for 5 minutes.

use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::json;
use tests::ffmpeg;
use tests::fixture::{self, FPS, Kind};
use tests::process::Process;
use tests::server::Server;

/// Until the first picture: some fill a buffer first.
const TO_BEGIN: Duration = Duration::from_secs(12);
/// Segments of a second: they begin three target durations of 2 s behind the edge.
const TO_BEGIN_WITH: usize = 7;

/// Plays an address for so many seconds.
type Play = fn(&str, u32) -> Result<()>;

/// What they say of any live fMP4 playlist, ours or another's.
const HARMLESS: [&str; 8] = [
    // FFmpeg's demuxer, mpv's too: at each reload it takes the same EXT-X-MAP for a new one.
    "Found duplicated MOOV Atom. Skipped it",
    "Last message repeated",
    // GStreamer's HTTP source, when it is told to print what it does.
    "No value transform to serialize field 'session' of type 'GstSoupSession'",
    // Its counting sink.
    "Padname sink is not unique in element fpsdisplaysink0",
    // mpv on a machine with more to do.
    "Audio/Video desynchronisation detected! Possible reasons include too slow",
    "hardware, temporary CPU spikes, broken drivers, and broken files. Audio",
    "position will not match to the video (see A-V status field).",
    "Audio device underrun detected.",
];

#[test]
fn players_without_low_latency_play_on() -> Result<()> {
    let long = std::env::var_os("SIGMA_TEST_LONG").is_some();
    let seconds = if long { 300 } else { 20 };
    let server = Server::start()?;
    let channel = server.channel("Studio", &json!({}))?;
    let card = fixture::file(Kind::BFrames48Stereo)?.display().to_string();
    let input = ["-re", "-stream_loop", "-1", "-i", &card, "-c", "copy"];
    let publisher = ffmpeg::publish_with(&input, &channel.publish_url)?;
    server.session_is(&channel, "live", Duration::from_secs(6)).with_context(|| publisher.log())?;
    let url = channel.hls_url.as_str();
    tests::wait("what they begin with", TO_BEGIN, || Ok((listed(url)? >= TO_BEGIN_WITH).then_some(())))?;
    let players: [(&str, Play); 3] = [("ffmpeg", by_ffmpeg), ("mpv", by_mpv), ("GStreamer", by_gstreamer)];
    thread::scope(|scope| {
        let playing = players.map(|(name, play)| (name, scope.spawn(move || play(url, seconds))));
        for (name, one) in playing {
            one.join().map_err(|_| anyhow::anyhow!("{name} panicked"))?.context(name)?;
        }
        Ok(())
    })
}

/// Segments in the first media playlist.
fn listed(url: &str) -> Result<usize> {
    let text = |url: &str| -> Result<String> {
        let (status, body) = tests::server::fetch("GET", url, None, None)?;
        ensure!(status == 200, "{url}: {status}");
        Ok(String::from_utf8(body)?)
    };
    let multivariant = text(url)?;
    let video = multivariant.lines().rfind(|line| !line.starts_with('#')).context("a variant")?;
    let (folder, _) = url.rsplit_once('/').context("a path")?;
    Ok(text(&format!("{folder}/{video}"))?.matches("#EXTINF:").count())
}

fn by_ffmpeg(url: &str, seconds: u32) -> Result<()> {
    let begun = Instant::now();
    let frames = ffmpeg::play(url, seconds, &["0:v", "0:a"])?;
    ensure!(frames >= u64::from(seconds * FPS) * 95 / 100, "{frames} frames in {seconds} s");
    let took = begun.elapsed();
    ensure!(took < Duration::from_secs(seconds.into()) + TO_BEGIN, "{seconds} s of pictures took {took:?}");
    Ok(())
}

fn by_mpv(url: &str, seconds: u32) -> Result<()> {
    let frames = format!("--frames={}", seconds * FPS);
    // Says at each frame whether it has to wait for the next ones.
    let status = "--term-status-msg=waits:${paused-for-cache} sound:${current-tracks/audio/codec}";
    let args = ["--no-config", "--vo=null", "--ao=null", "--msg-level=all=warn,statusline=status", status];
    let mut mpv = Process::start(Command::new("mpv").args(args).args([&frames, url]))?;
    mpv.succeeds(Duration::from_secs(seconds.into()) + TO_BEGIN)?;
    let log = mpv.log();
    let (said, complaints): (Vec<&str>, Vec<&str>) =
        log.split(['\r', '\n']).filter(|line| !line.is_empty()).partition(|line| line.contains("waits:"));
    quiet(complaints.into_iter())?;
    let playing = said.iter().skip_while(|line| !line.contains("waits:no"));
    let waits = playing.clone().filter(|line| line.contains("waits:yes")).count();
    ensure!(waits == 0, "it had to wait: {said:#?}");
    ensure!(playing.clone().any(|line| line.contains("sound:aac")), "no sound: {said:#?}");
    Ok(())
}

fn by_gstreamer(url: &str, seconds: u32) -> Result<()> {
    // playbin3 takes `hlsdemux2`.
    let args = ["-v", "playbin3", &format!("uri={url}"), "audio-sink=fakesink sync=true"];
    let sink = "video-sink=fpsdisplaysink video-sink=fakesink text-overlay=false";
    let mut command = Command::new("gst-launch-1.0");
    command.args(args).arg(sink).envs([("GST_DEBUG", "2"), ("GST_DEBUG_NO_COLOR", "1")]);
    let mut gst = Process::start(&mut command)?;
    let shown = |log: &str| -> Option<(u32, u32)> {
        let (_, counts) = log.rsplit_once("rendered: ")?;
        let mut numbers = counts.split(|c: char| !c.is_ascii_digit()).filter(|n| !n.is_empty());
        Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
    };
    let enough = || {
        let log = gst.log();
        quiet(log.lines().filter(|l| ["WARN", "ERROR", "CRITICAL"].iter().any(|word| l.contains(word))))?;
        Ok(shown(&log).filter(|(rendered, _)| *rendered >= seconds * FPS))
    };
    let limit = Duration::from_secs(seconds.into()) + TO_BEGIN;
    let (rendered, dropped) = tests::wait("the pictures", limit, enough).with_context(|| gst.log())?;
    ensure!(dropped * 20 <= rendered, "{dropped} of {rendered} pictures came too late");
    let log = gst.log();
    let (_, playing) = log.split_once("rendered: ").context("no picture")?;
    ensure!(!playing.contains("Buffering, setting pipeline to PAUSED"), "it had to wait: {log}");
    gst.signal("INT")?;
    gst.succeeds(Duration::from_secs(10))
}

/// Nothing is said but what is known to be harmless.
fn quiet<'a>(lines: impl Iterator<Item = &'a str>) -> Result<()> {
    let said: Vec<_> = lines.filter(|line| !HARMLESS.iter().any(|known| line.contains(known))).collect();
    if said.is_empty() { Ok(()) } else { bail!("it complains: {said:#?}") }
}
