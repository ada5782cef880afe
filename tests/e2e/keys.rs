//! Stream keys: wrong, missing, over-long, revoked before and during a publish; and two publishers with the same one.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::json;
use tests::fixture::{self, Kind};
use tests::server::Server;
use tests::{ffmpeg, wait};

use crate::scripted::{Publisher, Refused};

const SECRET: &str = "not-a-key-of-anybody";

#[test]
fn wrong_keys_are_refused_with_a_reason_and_the_rest_goes_on() -> Result<()> {
    let server = Server::start()?;
    let channel = server.channel("Studio", &json!({}))?;
    let _on_air = ffmpeg::publish(&fixture::file(Kind::BFrames48Stereo)?, &channel.publish_url)?;
    server.session_is(&channel, "live", Duration::from_secs(6))?;

    let other = server.channel("Other", &json!({}))?;
    let keys = server.get(&format!("/channels/{}/stream-keys", other.id))?;
    let key_id = keys["data"][0]["id"].as_str().context("a key")?;
    let (status, answer) =
        server.api("DELETE", &format!("/channels/{}/stream-keys/{key_id}", other.id), None)?;
    ensure!((200..300).contains(&status), "{status} {answer}");

    let long = "k".repeat(4_000);
    for (name, key) in [("wrong", SECRET), ("revoked", &other.key), ("over-long", &long)] {
        let Refused { code, text } =
            Publisher::refused(&format!("{}/live/{key}", server.rtmp)).with_context(|| name)?;
        ensure!(
            code.starts_with("NetStream.Publish.") || code.starts_with("NetConnection."),
            "{name}: {code} {text}"
        );
        ensure!(text.contains("key"), "{name}: {text}");
    }
    let mut without = ffmpeg::publish(&fixture::file(Kind::VideoOnly)?, &format!("{}/live", server.rtmp))?;
    ensure!(!without.ended(Duration::from_secs(5))?.success(), "{}", without.log());
    let log = server.process.log();
    ensure!(!log.contains(SECRET) && !log.contains(&other.key), "a key in the log");
    ensure!(log.to_lowercase().contains("refused"), "{log}");
    ensure!(server.newest_session(&channel)?.is_some_and(|s| s["status"] == "live"));
    Ok(())
}

#[test]
fn a_revoked_key_ends_the_publish_and_another_key_goes_on() -> Result<()> {
    let server = Server::start()?;
    let channel = server.channel("Studio", &json!({}))?;
    let keys = format!("/channels/{}/stream-keys", channel.id);
    let old = server.get(&keys)?["data"][0]["id"].as_str().context("a key")?.to_owned();
    let new = server.post(&keys, &json!({}))?;
    let file = fixture::file(Kind::BFrames48Stereo)?;
    let mut first = ffmpeg::publish(&file, &channel.publish_url)?;
    let session = server.session_is(&channel, "live", Duration::from_secs(6))?;

    // A key that nobody publishes with ends nobody's publish.
    let unused = server.post(&keys, &json!({}))?["id"].as_str().context("an id")?.to_owned();
    for key in [&unused, &old] {
        ensure!(first.runs()?, "{}", first.log());
        let (status, answer) = server.api("DELETE", &format!("{keys}/{key}"), None)?;
        ensure!(status == 204, "{status} {answer}");
    }
    first.ended(Duration::from_secs(5))?;
    server.session_is(&channel, "error", Duration::from_secs(2))?;
    let events = server.events()?;
    let gone = events.iter().find(|e| e["type"] == "ingest.disconnected").context("an event")?;
    ensure!(gone.to_string().contains("its stream key was revoked"), "{gone}");

    let key = new["key"].as_str().with_context(|| new.to_string())?;
    let _second = ffmpeg::publish(&file, &format!("{}/live/{key}", server.rtmp))?;
    let after = server.session_is(&channel, "live", Duration::from_secs(6))?;
    ensure!(after["id"] == session["id"], "{after}");
    Ok(())
}

#[test]
fn a_second_publisher_waits_until_the_first_is_silent() -> Result<()> {
    let server = Server::start()?;
    let channel = server.channel("Studio", &json!({}))?;
    let first = ffmpeg::publish(&fixture::file(Kind::BFrames48Stereo)?, &channel.publish_url)?;
    let session = server.session_is(&channel, "live", Duration::from_secs(6))?;
    let Refused { text, .. } = Publisher::refused(&channel.publish_url)?;
    ensure!(text.to_lowercase().contains("busy") || text.contains("already"), "{text}");

    // Silent for 2 s: the next one takes over, in the same session.
    first.signal("STOP")?;
    let mut second =
        wait("a takeover", Duration::from_secs(6), || Ok(Publisher::connect(&channel.publish_url).ok()))?;
    second.send_fixture(Duration::from_secs(4))?;
    let after = server.session_is(&channel, "live", Duration::from_secs(4))?;
    ensure!(after["id"] == session["id"], "{after}");
    second.close()?;
    server.session_is(&channel, "ended", Duration::from_secs(3))?;
    Ok(())
}
