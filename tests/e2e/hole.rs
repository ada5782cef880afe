//! A publisher that falls silent, or is killed and comes back: viewers see the slate meanwhile, and the recording has every
//! frame of the publisher and nothing else.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use tests::ffmpeg;
use tests::fixture::{self, Kind};
use tests::server::{Channel, Server, fetch};

fn recording(server: &Server, session: &Value) -> String {
    format!("{}/vod/{}/recording.mp4", server.http, session["id"].as_str().unwrap_or_default())
}

/// The newest media playlist of a rendition.
fn playlist(channel: &Channel, rendition: &str) -> Result<String> {
    let get = |url: &str| -> Result<String> { Ok(String::from_utf8(fetch("GET", url, None, None)?.1)?) };
    let index = get(&channel.hls_url)?;
    let tail = format!("/{rendition}/media.m3u8");
    let path = index.split(['"', '\n']).find(|word| word.contains(&tail)).unwrap_or_default();
    get(&format!("{}/{path}", channel.hls_url.trim_end_matches("/index.m3u8")))
}

fn media(kind: Kind) -> impl Iterator<Item = (&'static str, &'static str)> {
    kind.has_video().then_some(("v", "video")).into_iter().chain(kind.has_audio().then_some(("a", "audio")))
}

/// Stopped for three seconds: long enough for the slate.
fn stalls(kind: Kind) -> Result<()> {
    let server = Server::start()?;
    let channel = server.channel("Studio", &json!({}))?;
    let file = fixture::file(kind)?;
    let mut publisher = ffmpeg::publish(&file, &channel.publish_url)?;
    server.session_is(&channel, "live", Duration::from_secs(6))?;
    let url = channel.hls_url.clone();
    let maps: Vec<_> = media(kind).map(|(medium, _)| format!("0:{medium}")).collect();
    // It reads on across both ends of the slate.
    let viewer = std::thread::spawn(move || {
        ffmpeg::play(&url, 7, &maps.iter().map(String::as_str).collect::<Vec<_>>())
    });
    std::thread::sleep(Duration::from_millis(1500));
    publisher.signal("STOP")?;
    let session = server.session_is(&channel, "error", Duration::from_secs(4))?;
    std::thread::sleep(Duration::from_millis(1500));
    for (_, name) in media(kind) {
        let text = playlist(&channel, name)?;
        ensure!(
            text.matches("#EXT-X-DISCONTINUITY\n").count() == 1 && !text.contains("GAP"),
            "{name}: {text}"
        );
    }
    publisher.signal("CONT")?;
    server.session_is(&channel, "live", Duration::from_secs(3))?;
    publisher.succeeds(Duration::from_secs(20))?;
    let frames = viewer.join().map_err(|_| anyhow::anyhow!("the viewer panicked"))??;
    ensure!(!kind.has_video() || frames >= 200, "7 s at 30 fps are 210 frames, not {frames}");
    let ended = server.session_is(&channel, "ended", Duration::from_secs(3))?;
    ensure!(ended["id"] == session["id"] && server.sessions(&channel)?.len() == 1, "{ended}");
    let catch_up = format!("{}/vod/{}/index.m3u8", server.http, ended["id"].as_str().unwrap_or_default());
    for (medium, _) in media(kind) {
        let sent = ffmpeg::units(&file.display().to_string(), medium)?;
        let kept = ffmpeg::units(&recording(&server, &ended), medium)?;
        ensure!(sent == kept, "{medium}: {} units sent, {} kept, or not the same", sent.len(), kept.len());
        let caught_up = ffmpeg::units(&catch_up, medium)?;
        ensure!(caught_up.len() == sent.len(), "{medium}: {} of {} caught up", caught_up.len(), sent.len());
    }
    ffmpeg::decode(&recording(&server, &ended))?;
    ffmpeg::decode(&catch_up)?;
    let events = server.events()?;
    let names: Vec<_> =
        events.iter().filter_map(|e| e["type"].as_str()).filter(|n| n.starts_with("session.")).collect();
    let story =
        ["created", "processing", "live", "error", "recovered", "ended"].map(|n| format!("session.{n}"));
    ensure!(names == story, "{names:?}");
    Ok(())
}

#[test]
fn a_publisher_that_stalls_is_covered_and_kept_whole() -> Result<()> {
    stalls(Kind::BFrames48Stereo)
}

#[test]
fn sound_alone_that_stalls_is_covered_with_silence() -> Result<()> {
    stalls(Kind::AudioOnly)
}

#[test]
fn pictures_alone_that_stall_are_covered() -> Result<()> {
    stalls(Kind::VideoOnly)
}

/// Killed after three seconds; another comes so much later, with another configuration or the same.
fn returns(after: Duration, second: Kind) -> Result<()> {
    let server = Server::start()?;
    let channel = server.channel("Studio", &json!({}))?;
    let first = ffmpeg::publish(&fixture::file(Kind::BFrames48Stereo)?, &channel.publish_url)?;
    let live = server.session_is(&channel, "live", Duration::from_secs(6))?;
    let (url, seconds) = (channel.hls_url.clone(), after.as_secs() as u32 + 6);
    // FFmpeg reads the first EXT-X-MAP only, so it goes on with the same configuration alone.
    let changed = second != Kind::BFrames48Stereo;
    let viewer = (!changed).then(|| std::thread::spawn(move || ffmpeg::play(&url, seconds, &["0:v", "0:a"])));
    std::thread::sleep(Duration::from_secs(3));
    first.signal("KILL")?;
    std::thread::sleep(after);
    let file = fixture::file(second)?;
    let mut publisher = ffmpeg::publish(&file, &channel.publish_url)?;
    let session = server.session_is(&channel, "live", Duration::from_secs(4))?;
    ensure!(session["id"] == live["id"], "{session}");
    publisher.succeeds(Duration::from_secs(20))?;
    if let Some(viewer) = viewer {
        let frames = viewer.join().map_err(|_| anyhow::anyhow!("the viewer panicked"))??;
        // Nothing stands in for less than the threshold.
        let shown = if after < Duration::from_millis(1500) { seconds - 2 } else { seconds };
        ensure!(frames >= u64::from(shown) * 27, "{frames} frames in {seconds} s");
    }
    let ended = server.session_is(&channel, "ended", Duration::from_secs(3))?;
    let catch_up = format!("{}/vod/{}/index.m3u8", server.http, ended["id"].as_str().unwrap_or_default());
    for medium in ["v", "a"] {
        let one = ffmpeg::units(&fixture::file(Kind::BFrames48Stereo)?.display().to_string(), medium)?;
        let two = ffmpeg::units(&file.display().to_string(), medium)?;
        let kept = ffmpeg::units(&recording(&server, &ended), medium)?;
        // Another configuration is another file; catch-up has both.
        let own = if changed { kept.as_slice() } else { &kept[..kept.len().saturating_sub(two.len())] };
        ensure!(
            own.len() > 60 && one.starts_with(own),
            "{medium}: {} units of the first are kept",
            own.len()
        );
        ensure!(changed || kept.ends_with(&two), "{medium}: not all of the second is kept");
        let all = ffmpeg::units(&catch_up, medium)?.len();
        ensure!(
            all == own.len() + two.len(),
            "{medium}: {} + {} sent, {all} caught up",
            own.len(),
            two.len()
        );
    }
    ffmpeg::decode(&recording(&server, &ended))?;
    Ok(())
}

#[test]
fn who_returns_after_one_second_goes_on() -> Result<()> {
    returns(Duration::from_secs(1), Kind::BFrames48Stereo)
}

#[test]
fn who_returns_after_five_seconds_goes_on() -> Result<()> {
    returns(Duration::from_secs(5), Kind::BFrames48Stereo)
}

#[test]
fn who_returns_with_another_configuration_goes_on() -> Result<()> {
    returns(Duration::from_secs(3), Kind::Plain44Mono)
}

#[test]
fn who_returns_after_25_seconds_goes_on() -> Result<()> {
    if std::env::var_os("SIGMA_TEST_LONG").is_none() {
        return Ok(());
    }
    returns(Duration::from_secs(25), Kind::BFrames48Stereo)
}

/// The worker dies again and again: viewers have no slate, and nothing else is lost.
#[test]
fn without_a_worker_the_session_lives() -> Result<()> {
    let server = Server::start()?;
    let channel = server.channel("Studio", &json!({ "slate": { "after_ms": 500 } }))?;
    let file = fixture::file(Kind::BFrames48Stereo)?;
    let mut publisher = ffmpeg::publish(&file, &channel.publish_url)?;
    server.session_is(&channel, "live", Duration::from_secs(6))?;
    publisher.signal("STOP")?;
    server.session_is(&channel, "error", Duration::from_secs(4))?;
    tests::wait("the slate", Duration::from_secs(4), || {
        Ok(playlist(&channel, "video")?.contains("#EXT-X-DISCONTINUITY").then_some(()))
    })?;
    let workers = server.process.children()?;
    ensure!(!workers.is_empty(), "no worker");
    for worker in workers {
        std::process::Command::new("kill").args(["-KILL", &worker]).status()?;
    }
    publisher.signal("CONT")?;
    server.session_is(&channel, "live", Duration::from_secs(3))?;
    // The next one is made by another worker.
    std::thread::sleep(Duration::from_secs(1));
    publisher.signal("STOP")?;
    server.session_is(&channel, "error", Duration::from_secs(4))?;
    let before = playlist(&channel, "video")?.matches("#EXT-X-DISCONTINUITY\n").count();
    tests::wait("the next slate", Duration::from_secs(5), || {
        let now = playlist(&channel, "video")?.matches("#EXT-X-DISCONTINUITY\n").count();
        Ok((now >= 3 || now > before).then_some(()))
    })?;
    publisher.signal("CONT")?;
    publisher.succeeds(Duration::from_secs(20))?;
    let ended = server.session_is(&channel, "ended", Duration::from_secs(3))?;
    let kept = ffmpeg::units(&recording(&server, &ended), "v")?;
    ensure!(kept == ffmpeg::units(&file.display().to_string(), "v")?, "{} frames are kept", kept.len());
    Ok(())
}
