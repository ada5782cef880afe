//! What goes wrong around a publisher: nothing that came may be lost, and nothing may stay in a wrong state.

use std::time::Duration;

use live::session::EndReason;
use media::Kind;
use media::flv::{Tag, TagKind};
use rtmp::driver::client::Publisher;

use super::fixture;
use super::play::samples;
use super::rig::{Rig, library, settings};
use crate::clock::Clock;
use crate::config::Config;
use crate::control::channels::{Channels, Order};
use crate::journal::Files;
use crate::store::{Page, Settings};
use crate::{Server, store};

fn frames(files: &Files, name: &str) -> usize {
    let tracks = files.tracks.iter().filter(|track| track.name == name);
    let files = tracks.flat_map(|t| &t.files).filter(|(_, index)| !index.header.live_only);
    files.flat_map(|(_, index)| &index.parts).map(|part| part.samples.len()).sum()
}

/// Returns once the server has everything that was sent before: it complains of a tag that is cut short.
async fn arrived(rig: &Rig, publisher: &mut Publisher) {
    let short = Tag { kind: TagKind::Video, timestamp: 2500, body: vec![0x27, 1].into() };
    publisher.send(short).await.unwrap();
    rig.until("an issue", async |rig| rig.events().await.iter().any(|event| event.name == "ingest.issue"))
        .await;
}

async fn ended(rig: &Rig) -> store::Session {
    rig.until("ended", async |rig| rig.sessions().await.iter().all(|session| session.ended_at.is_some()))
        .await;
    rig.sessions().await.remove(0)
}

#[tokio::test]
async fn the_last_frames_of_a_lost_publisher_are_kept_at_once() {
    let rig = Rig::start().await;
    let tags = fixture::tags();
    let half = &tags[..tags.len() / 2];
    let mut publisher = rig.publish(half).await;
    arrived(&rig, &mut publisher).await;
    drop(publisher);
    for (name, kind) in [("video", Kind::Video), ("audio", Kind::Audio)] {
        let sent = fixture::units(half, kind).len();
        rig.until(name, async |rig| rig.files().await.is_some_and(|files| frames(&files, name) == sent))
            .await;
    }
    assert!(rig.sessions().await[0].ended_at.is_none());
}

#[tokio::test]
async fn who_returns_goes_on_behind_what_is_there() {
    let rig = Rig::start().await;
    let tags = fixture::tags();
    // Faster than time, so that the session's media is ahead of its clock.
    let mut publisher = rig.publish(&tags[..tags.len() / 2]).await;
    arrived(&rig, &mut publisher).await;
    drop(publisher);
    rig.until("lost", async |rig| rig.events().await.iter().any(|event| event.name == "session.error")).await;
    let publisher = rig.publish(&tags).await;
    publisher.close().await.unwrap();
    ended(&rig).await;
    rig.until("all of it", async |rig| {
        let sent = fixture::units(&tags[..tags.len() / 2], Kind::Video).len();
        frames(&rig.files().await.unwrap(), "video") == sent + fixture::units(&tags, Kind::Video).len()
    })
    .await;
    for track in rig.files().await.unwrap().tracks {
        let mut end = 0;
        for part in track.files.iter().flat_map(|(_, index)| &index.parts) {
            assert!(part.decode_time >= end, "{}: {} after {end}", track.name, part.decode_time);
            end = part.decode_time + part.samples.iter().map(|s| u64::from(s.duration)).sum::<u64>();
        }
    }
}

#[tokio::test]
async fn a_stop_before_all_tracks_came_keeps_what_did() {
    let rig = Rig::start().await;
    let mut publisher = rig.connect(&rig.key).await.unwrap();
    publisher.metadata(&fixture::metadata()).await.unwrap();
    let tags: Vec<_> =
        fixture::tags().into_iter().filter(|tag| tag.kind == TagKind::Video).take(30).collect();
    for tag in &tags {
        publisher.send(tag.clone()).await.unwrap();
    }
    arrived(&rig, &mut publisher).await;
    rig.server.registry.order(&rig.channel.id, Order::Stop).await.unwrap();
    ended(&rig).await;
    let sent = fixture::units(&tags, Kind::Video).len();
    rig.until("the frames", async |rig| {
        rig.files().await.is_some_and(|files| frames(&files, "video") == sent)
    })
    .await;
}

#[tokio::test]
async fn a_publisher_whose_clock_jumps_all_the_time_is_sent_away() {
    let rig = Rig::start().await;
    let mut publisher = rig.connect(&rig.key).await.unwrap();
    publisher.metadata(&fixture::metadata()).await.unwrap();
    for (number, mut tag) in fixture::tags().into_iter().enumerate() {
        tag.timestamp = number as u32 * 10_000;
        if publisher.send(tag).await.is_err() {
            break;
        }
    }
    let session = ended(&rig).await;
    assert_eq!(session.end_reason, Some(EndReason::Refused));
    let refused = rig.events().await.into_iter().find(|event| event.name == "ingest.rejected").unwrap();
    assert!(refused.text.contains("changes too often"), "{}", refused.text);
}

#[tokio::test]
async fn a_session_ends_on_its_maximum_duration_with_all_of_it_kept() {
    let rig = Rig::with(Settings { max_duration: Some(Duration::from_secs(1)), ..settings() }).await;
    let tags = fixture::tags();
    let mut publisher = rig.publish(&tags).await;
    let session = ended(&rig).await;
    assert_eq!(session.end_reason, Some(EndReason::MaxDuration));
    publisher.closed().await;
    let path = format!("/vod/{}/recording.mp4", session.id);
    rig.until("assets", async |rig| rig.events().await.iter().any(|event| event.name == "asset.ready")).await;
    let video = samples(&rig.bytes(&path).await).remove(0).1;
    assert_eq!(video.len(), fixture::units(&tags, Kind::Video).len());
}

#[tokio::test]
async fn two_channels_do_not_meet() {
    let rig = Rig::start().await;
    let other = rig.server.store.create_channel(settings(), None).await.unwrap().channel;
    let keys = rig.server.store.keys(&other.id, Page { after: None, limit: 1 }).await.unwrap();
    let tags = fixture::tags();
    let half = &tags[..tags.len() / 2];
    let whole = rig.publish(&tags).await;
    let mut part = rig.connect(&keys.items[0].text).await.unwrap();
    part.metadata(&fixture::metadata()).await.unwrap();
    for tag in half {
        part.send(tag.clone()).await.unwrap();
    }
    let (one, two) = tokio::join!(whole.close(), part.close());
    one.and(two).unwrap();
    for (channel, sent) in [(&rig.channel, &tags[..]), (&other, half)] {
        let page = || Page { after: None, limit: 10 };
        let list = async || rig.server.store.sessions(&channel.id, page()).await.unwrap().items;
        rig.until("ended", async |_| list().await.iter().any(|session| session.ended_at.is_some())).await;
        let session = list().await.remove(0).id;
        rig.until("all of it", async |_| {
            let files = library(rig.dir.path()).open(&session).unwrap();
            files.is_some_and(|files| frames(&files, "video") == fixture::units(sent, Kind::Video).len())
        })
        .await;
    }
}

#[tokio::test]
async fn a_session_that_was_playable_before_the_database_knew_is_live_when_it_returns() {
    let rig = Rig::start().await;
    let tags = fixture::tags();
    let publisher = rig.publish(&tags[..tags.len() / 2]).await;
    rig.media(&rig.folder("video").await, 1).await;
    let Rig { dir, server, channel, key, web } = rig;
    server.crash().await;
    drop(publisher);
    let sql = rusqlite::Connection::open(dir.path().join("sigma.db")).unwrap();
    sql.execute("UPDATE sessions SET live_at = NULL, status = 'processing'", []).unwrap();
    let server = Server::start(Config::local(dir.path()), Clock::system()).await.unwrap();
    let rig = Rig { dir, server, channel, key, web };
    let _publisher = rig.publish(&tags).await;
    rig.until("live", async |rig| rig.sessions().await[0].live_at.is_some()).await;
    assert_eq!(rig.sessions().await.len(), 1);
}

#[tokio::test]
async fn a_session_whose_recording_can_not_be_read_is_not_begun_again() {
    let rig = Rig::start().await;
    let tags = fixture::tags();
    let publisher = rig.publish(&tags[..tags.len() / 2]).await;
    rig.media(&rig.folder("video").await, 1).await;
    rig.server.registry.journaled().await;
    let session = rig.sessions().await.remove(0).id;
    let folder = rig.dir.path().join("sessions").join(&session).join("video");
    // Reading it fails as on a broken disk.
    std::fs::create_dir(folder.join("000009.m4s")).unwrap();
    let rig = rig.crash(Duration::ZERO).await;
    drop(publisher);
    assert_eq!(ended(&rig).await.id, session);
    assert!(folder.join("000009.m4s").is_dir());
    let publisher = rig.publish(&tags).await;
    publisher.close().await.unwrap();
    rig.until("a new one", async |rig| rig.sessions().await.len() == 2).await;
}

#[tokio::test]
async fn no_channel_begins_while_the_server_stops() {
    let rig = Rig::start().await;
    rig.server.registry.seal().await;
    assert!(rig.server.registry.order(&rig.channel.id, Order::Stop).await.is_err());
    let refused = rig.connect(&rig.key).await.err().unwrap();
    assert!(refused.refused().is_some(), "{refused}");
    assert!(rig.sessions().await.is_empty());
}
