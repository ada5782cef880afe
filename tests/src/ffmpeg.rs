//! FFmpeg and ffprobe, as publishers and as readers that complain.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::process::Process;

/// Publishes a file in real time without touching its coded media.
pub fn publish(file: &Path, url: &str) -> Result<Process> {
    start(
        ["-re", "-i"]
            .map(OsStr::new)
            .into_iter()
            .chain([file.as_os_str()])
            .chain(["-c", "copy", "-f", "flv", url].map(OsStr::new)),
    )
}

/// Publishes what `args` (inputs and codecs) make.
pub fn publish_with(args: &[&str], url: &str) -> Result<Process> {
    start(args.iter().chain(&["-f", "flv", url]).map(OsStr::new))
}

fn start<'a>(args: impl Iterator<Item = &'a OsStr>) -> Result<Process> {
    Process::start(Command::new("ffmpeg").args(["-hide_banner", "-nostdin", "-v", "info"]).args(args))
}

/// Runs ffmpeg to its end; what it warns of is an error.
pub fn run(args: &[&str]) -> Result<()> {
    let out = Command::new("ffmpeg")
        .args(["-hide_banner", "-nostdin", "-y", "-v", "warning"])
        .args(args)
        .output()
        .context("ffmpeg")?;
    let said = String::from_utf8_lossy(&out.stderr);
    ensure!(out.status.success() && said.trim().is_empty(), "ffmpeg {args:?}: {}\n{said}", out.status);
    Ok(())
}

/// Decodes all of it; a warning is an error. Frames keep their own times: the null muxer's guess of a frame rate would
/// complain of pictures that come at odd moments.
pub fn decode(input: &str) -> Result<()> {
    run(&["-i", input, "-fps_mode", "passthrough", "-enc_time_base", "-1", "-f", "null", "-"])
}

/// What ffprobe says of streams and format. A warning is an error.
pub fn probe(input: &str) -> Result<Value> {
    let args = ["-v", "warning", "-show_streams", "-show_format", "-of", "json", input];
    let out = Command::new("ffprobe").args(args).output().context("ffprobe")?;
    let said = String::from_utf8_lossy(&out.stderr);
    ensure!(out.status.success() && said.trim().is_empty(), "ffprobe {input}: {}\n{said}", out.status);
    Ok(serde_json::from_slice(&out.stdout)?)
}

/// The checksums of every access unit of one medium (`v` or `a`), in decode order, as the demuxer gives them.
pub fn units(input: &str, medium: &str) -> Result<Vec<String>> {
    let map = format!("0:{medium}?");
    let args = ["-v", "error", "-i", input, "-map", &map, "-c", "copy", "-f", "framemd5", "-"];
    let out = Command::new("ffmpeg").args(args).output().context("ffmpeg")?;
    ensure!(out.status.success(), "ffmpeg framemd5 of {input}: {}", String::from_utf8_lossy(&out.stderr));
    let text = String::from_utf8(out.stdout)?;
    // stream, dts, pts, duration, size, hash, side data
    Ok(text
        .lines()
        .filter(|l| !l.starts_with('#'))
        .filter_map(|l| Some(l.split(',').nth(5)?.trim().to_owned()))
        .collect())
}

/// How bright the first picture is, 0 to 255.
pub fn brightness(input: &str) -> Result<u8> {
    brightness_of(input, "null")
}

/// The same of what a filter leaves of it.
pub fn brightness_of(input: &str, filter: &str) -> Result<u8> {
    let filter = format!("{filter},scale=1:1:flags=area,format=gray");
    let args = ["-v", "error", "-i", input, "-frames:v", "1", "-vf", &filter, "-f", "rawvideo", "-"];
    let out = Command::new("ffmpeg").args(args).output().context("ffmpeg")?;
    ensure!(out.status.success(), "ffmpeg of {input}: {}", String::from_utf8_lossy(&out.stderr));
    out.stdout.first().copied().with_context(|| format!("there is no picture in {input}"))
}

/// The colour of what a filter leaves of the first picture: red, green, blue.
pub fn colour_of(input: &str, filter: &str) -> Result<[u8; 3]> {
    let filter = format!("{filter},scale=1:1:flags=area,format=rgb24");
    let args = ["-v", "error", "-i", input, "-frames:v", "1", "-vf", &filter, "-f", "rawvideo", "-"];
    let out = Command::new("ffmpeg").args(args).output().context("ffmpeg")?;
    ensure!(out.status.success(), "ffmpeg of {input}: {}", String::from_utf8_lossy(&out.stderr));
    out.stdout.first_chunk().copied().with_context(|| format!("there is no picture in {input}"))
}

/// What FFmpeg's reader says of any live fMP4 playlist, ours or another's: at each reload it takes the same EXT-X-MAP for a
/// new one and reads it again.
const RELOADS: [&str; 2] = ["Found duplicated MOOV Atom. Skipped it", "Last message repeated"];

/// Decodes a live playlist for some seconds and gives the frames of video; a warning is an error.
pub fn play(url: &str, seconds: u32, map: &[&str]) -> Result<u64> {
    let limit = seconds + 57;
    let seconds = seconds.to_string();
    let mut args = vec![
        "-hide_banner",
        "-nostdin",
        "-v",
        "warning",
        "-live_start_index",
        "-2",
        "-i",
        url,
        "-t",
        &seconds,
    ];
    for stream in map {
        args.extend(["-map", stream]);
    }
    args.extend(["-f", "null", "-progress", "-", "-"]);
    let mut process = Process::start(Command::new("ffmpeg").args(args))?;
    process.succeeds(Duration::from_secs(u64::from(limit)))?;
    let log = process.log();
    let frames =
        log.lines().filter_map(|l| l.strip_prefix("frame=")?.trim().parse().ok()).next_back().unwrap_or(0);
    let said: Vec<_> =
        log.lines().filter(|l| !l.contains('=') && !RELOADS.iter().any(|known| l.contains(known))).collect();
    ensure!(said.is_empty(), "ffmpeg complains of {url}: {said:#?}");
    Ok(frames)
}
