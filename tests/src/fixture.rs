//! Files to publish, made once from our own test card: pictures that move, say which they are, and flash with the beep.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, OnceLock};

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use media::flv::{Tag, TagKind};

use crate::ffmpeg;
use crate::process::built;

/// Seconds of each fixture.
pub const SECONDS: u32 = 8;
/// Frames a second.
pub const FPS: u32 = 30;

/// What a publisher may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// H.264 High with B-frames, AAC 48 kHz stereo.
    BFrames48Stereo,
    /// H.264 without B-frames, AAC 44.1 kHz mono.
    Plain44Mono,
    /// H.264 alone.
    VideoOnly,
    /// AAC alone.
    AudioOnly,
}

impl Kind {
    /// Every one of them.
    pub const ALL: [Self; 4] = [Self::BFrames48Stereo, Self::Plain44Mono, Self::VideoOnly, Self::AudioOnly];

    /// Its name as a file.
    pub fn name(self) -> &'static str {
        match self {
            Self::BFrames48Stereo => "bframes-48k-stereo",
            Self::Plain44Mono => "plain-44k-mono",
            Self::VideoOnly => "video-only",
            Self::AudioOnly => "audio-only",
        }
    }

    /// Whether there are pictures.
    pub fn has_video(self) -> bool {
        self != Self::AudioOnly
    }

    /// Whether there is sound.
    pub fn has_audio(self) -> bool {
        self != Self::VideoOnly
    }

    fn codecs(self) -> &'static [&'static str] {
        match self {
            Self::BFrames48Stereo => &[
                "-c:v",
                "libx264",
                "-bf",
                "3",
                "-b_strategy",
                "0",
                "-c:a",
                "aac",
                "-ac",
                "2",
                "-ar",
                "48000",
            ],
            Self::Plain44Mono => &["-c:v", "libx264", "-bf", "0", "-c:a", "aac", "-ac", "1", "-ar", "44100"],
            Self::VideoOnly => &["-an", "-c:v", "libx264", "-bf", "2"],
            Self::AudioOnly => &["-vn", "-c:a", "aac", "-ac", "2", "-ar", "48000"],
        }
    }
}

/// The file of a kind; made on first use, in the target folder.
pub fn file(kind: Kind) -> Result<PathBuf> {
    static MAKING: OnceLock<Mutex<()>> = OnceLock::new();
    let _one = MAKING.get_or_init(Mutex::default).lock().unwrap_or_else(|e| e.into_inner());
    let folder = built("sigma-broadcast")?.with_file_name("test-fixtures");
    std::fs::create_dir_all(&folder)?;
    let made = folder.join(format!("{}.mp4", kind.name()));
    if made.exists() {
        return Ok(made);
    }
    let (pictures, sound) = card(&folder)?;
    let part = folder.join(format!("{}.part.mp4", kind.name()));
    let mut args = vec!["-i", path(&pictures)?, "-guess_layout_max", "0", "-i", path(&sound)?];
    if kind.has_video() {
        args.extend("-g 30 -keyint_min 30 -sc_threshold 0 -preset veryfast -pix_fmt yuv420p".split(' '));
    }
    args.extend(kind.codecs());
    args.push(path(&part)?);
    ffmpeg::run(&args)?;
    std::fs::rename(&part, &made)?;
    Ok(made)
}

/// A fixture as ffmpeg sends it: in an FLV file, its times in milliseconds.
pub fn as_flv(kind: Kind) -> Result<PathBuf> {
    let source = file(kind)?;
    let made = source.with_extension("flv");
    if !made.exists() {
        let part = source.with_extension(format!("{}.flv", std::process::id()));
        ffmpeg::run(&["-i", path(&source)?, "-c", "copy", "-f", "flv", path(&part)?])?;
        std::fs::rename(&part, &made)?;
    }
    Ok(made)
}

/// The tags of a fixture, as ffmpeg writes them into an FLV file.
pub fn tags(kind: Kind) -> Result<Vec<Tag>> {
    Ok(read_tags(&Bytes::from(std::fs::read(as_flv(kind)?)?)))
}

/// Audio and video tags of an FLV file: a 9-byte header, then each tag after the size of the one before (FLV 10.1, annex E.3).
pub fn read_tags(flv: &Bytes) -> Vec<Tag> {
    let mut tags = Vec::new();
    let mut at = 13;
    while let Some(head) = flv.get(at..at + 11) {
        let size = u32::from_be_bytes([0, head[1], head[2], head[3]]) as usize;
        let timestamp = u32::from_be_bytes([head[7], head[4], head[5], head[6]]);
        let body = at + 11..at + 11 + size;
        let kind = match head[0] {
            8 => Some(TagKind::Audio),
            9 => Some(TagKind::Video),
            _ => None,
        };
        if let Some(kind) = kind.filter(|_| body.end <= flv.len()) {
            tags.push(Tag { kind, timestamp, body: flv.slice(body) });
        }
        at += 11 + size + 4;
    }
    tags
}

/// The test card, uncompressed.
fn card(folder: &Path) -> Result<(PathBuf, PathBuf)> {
    let (pictures, sound) = (folder.join("card.y4m"), folder.join("card.wav"));
    if !sound.exists() || !pictures.exists() {
        let out = Command::new(built("sigma-broadcast")?)
            .args([
                "testcard",
                "--size",
                "640x360",
                "--fps",
                &FPS.to_string(),
                "--seconds",
                &SECONDS.to_string(),
            ])
            .arg("--out-video")
            .arg(&pictures)
            .arg("--out-sound")
            .arg(&sound)
            .output()?;
        ensure!(out.status.success(), "sigma-broadcast testcard: {}", String::from_utf8_lossy(&out.stderr));
    }
    Ok((pictures, sound))
}

fn path(path: &Path) -> Result<&str> {
    path.to_str().context("a target folder whose name isn't UTF-8")
}
