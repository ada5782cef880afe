//! Other people's publishers: GStreamer and OBS.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::json;
use tests::ffmpeg;
use tests::fixture::{self, Kind};
use tests::process::Process;
use tests::server::Server;

#[test]
fn gstreamer_publishes() -> Result<()> {
    let server = Server::start()?;
    let channel = server.channel("Studio", &json!({}))?;
    let pipeline = format!(
        "videotestsrc is-live=true ! video/x-raw,format=I420,width=640,height=360,framerate=30/1 \
         ! x264enc speed-preset=veryfast tune=0 bitrate=1000 key-int-max=30 bframes=2 ! video/x-h264,profile=high \
         ! h264parse ! queue ! mux. \
         audiotestsrc is-live=true samplesperbuffer=1024 ! audio/x-raw,rate=48000,channels=2 ! audioconvert \
         ! voaacenc bitrate=128000 ! aacparse ! audio/mpeg,mpegversion=4,stream-format=raw ! queue ! mux. \
         flvmux name=mux streamable=true latency=100000000 ! rtmp2sink location={}",
        channel.publish_url
    );
    let mut publisher =
        Process::start(Command::new("gst-launch-1.0").arg("-e").args(pipeline.split_whitespace()))?;
    let live = server.session_is(&channel, "live", Duration::from_secs(10))?;
    ensure!(live["source"]["width"] == 640, "{live}");
    let frames = ffmpeg::play(&channel.hls_url, 3, &["0:v", "0:a"])?;
    ensure!(frames >= 80, "{frames} frames in 3 s");
    publisher.signal("INT")?;
    publisher.ended(Duration::from_secs(5))?;
    ensure!(!publisher.log().contains("ERROR"), "{}", publisher.log());
    let ended = server.session_is(&channel, "ended", Duration::from_secs(3))?;
    let recording = format!("{}/vod/{}/recording.mp4", server.http, ended["id"].as_str().unwrap_or_default());
    ffmpeg::probe(&recording)?;
    ffmpeg::decode(&recording)?;
    Ok(())
}

/// Debian's OBS under Xvfb, with its own x264.
#[test]
fn obs_publishes() -> Result<()> {
    let server = Server::start()?;
    let channel = server.channel("Studio", &json!({}))?;
    let home = tempfile::tempdir()?;
    let config = obs_config(home.path(), &server.rtmp, &channel.key)?;
    let display = Display::start()?;
    let obs = Process::start(
        Command::new("obs")
            .args([
                "--startstreaming",
                "--minimize-to-tray",
                "--multi",
                "--disable-updater",
                "--disable-missing-files-check",
            ])
            .args(["--collection", "Peer", "--profile", "Peer"])
            .env("HOME", home.path())
            .env("XDG_CONFIG_HOME", config)
            .env("XDG_RUNTIME_DIR", home.path())
            .env("DISPLAY", &display.name)
            .env("QT_QPA_PLATFORM", "xcb")
            .env("LIBGL_ALWAYS_SOFTWARE", "1")
            .env("LP_NUM_THREADS", "1"),
    )?;
    let live = server.session_is(&channel, "live", Duration::from_secs(30)).with_context(|| obs.log())?;
    ensure!(live["source"]["width"] == 1280 && live["source"]["height"] == 720, "{live}");
    ensure!(live["source"]["encoder"].as_str().is_some_and(|e| e.contains("obs")), "{live}");
    let frames = ffmpeg::play(&channel.hls_url, 4, &["0:v", "0:a"])?;
    ensure!(frames >= 60, "{frames} frames in 4 s");
    obs.signal("INT")?;
    let ended = server.session_is(&channel, "ended", Duration::from_secs(45))?;
    let recording = format!("{}/vod/{}/recording.mp4", server.http, ended["id"].as_str().unwrap_or_default());
    ffmpeg::probe(&recording)?;
    ffmpeg::decode(&recording)?;
    Ok(())
}

/// A copy of the profile and scene in `fixtures/obs`, filled in.
fn obs_config(home: &Path, server: &str, key: &str) -> Result<PathBuf> {
    let clip = home.join("clip.mp4");
    let card = fixture::file(Kind::BFrames48Stereo)?;
    let (card, clip_name) = (card.display().to_string(), clip.display().to_string());
    ffmpeg::run(&["-i", &card, "-vf", "scale=320:180", "-c:a", "copy", &clip_name])?;
    let config = home.join("config");
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/obs");
    for file in [
        "global.ini",
        "basic/profiles/Peer/basic.ini",
        "basic/profiles/Peer/service.json",
        "basic/scenes/Peer.json",
    ] {
        let text = std::fs::read_to_string(from.join(file))?;
        let filled =
            text.replace("CLIP", &clip_name).replace("SERVER", &format!("{server}/live")).replace("KEY", key);
        let to = config.join("obs-studio").join(file);
        std::fs::create_dir_all(to.parent().context("a file in a folder")?)?;
        std::fs::write(to, filled)?;
    }
    Ok(config)
}

/// An X server of this test's own.
struct Display {
    name: String,
    _server: Process,
}

impl Display {
    fn start() -> Result<Self> {
        let args =
            ["-displayfd", "1", "-screen", "0", "1280x800x24", "+extension", "GLX", "-nolisten", "tcp"];
        let server = Process::start(Command::new("Xvfb").args(args))?;
        let number = server.line(Duration::from_secs(10))?;
        Ok(Self { name: format!(":{}", number.trim()), _server: server })
    }
}
