//! Codecs that aren't taken: the publisher sees why.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use media::flv::{Tag, TagKind};
use serde_json::json;
use tests::ffmpeg;
use tests::server::Server;

use crate::scripted::Publisher;

#[test]
fn mp3_from_ffmpeg() -> Result<()> {
    let server = Server::start()?;
    let channel = server.channel("Studio", &json!({}))?;
    let args = ["-re", "-f", "lavfi", "-i", "sine=r=44100", "-t", "20", "-c:a", "libmp3lame"];
    let mut publisher = ffmpeg::publish_with(&args, &channel.publish_url)?;
    ensure!(!publisher.ended(Duration::from_secs(8))?.success());
    let said = format!("{}\n{}", publisher.log(), server.process.log());
    ensure!(server.process.log().contains("MP3"), "{said}");
    let events = server.events()?;
    ensure!(events.iter().any(|e| e["type"] == "ingest.rejected"), "{events:?}");
    ensure!(server.newest_session(&channel)?.is_none_or(|s| s["status"] == "ended"));
    Ok(())
}

#[test]
fn opus_and_hevc_are_named_to_their_publisher() -> Result<()> {
    let server = Server::start()?;
    let channel = server.channel("Studio", &json!({}))?;
    let opus = Tag { kind: TagKind::Audio, timestamp: 0, body: Bytes::from_static(b"\x90Opus") };
    let hevc = Tag { kind: TagKind::Video, timestamp: 0, body: Bytes::from_static(b"\x90hvc1\x01\x02") };
    for (name, tag) in [("Opus", opus), ("HEVC", hevc)] {
        let mut publisher = Publisher::connect(&channel.publish_url).with_context(|| name)?;
        publisher.send(tag)?;
        let refused = publisher.ended()?;
        ensure!(refused.text.contains(name) && refused.code.starts_with("NetStream."), "{refused:?}");
    }
    Ok(())
}
