//! A server that is gone in mid-stream, and the one that comes after it.

use std::time::Duration;

use media::flv::{Tag, TagKind};

use super::fixture;
use super::rig::Rig;

#[tokio::test]
async fn after_a_crash_the_recording_plays_and_the_session_goes_on() {
    let rig = Rig::start().await;
    let tags = fixture::tags();
    let publisher = rig.publish(&tags[..tags.len() / 2]).await;
    let folder = rig.folder("video").await;
    let before = rig.media(&folder, 1).await;
    let session = rig.sessions().await.remove(0).id;
    rig.until("a part on disk", async |rig| {
        rig.get(&format!("/vod/{session}/recording.mp4")).await.status() == 200
    })
    .await;
    drop(publisher);

    let rig = rig.crash(Duration::ZERO).await;
    // It waits for its publisher, so the file still grows: fragments, in which the pictures stand in order.
    let file = rig.bytes(&format!("/vod/{session}/recording.mp4")).await;
    let mut rest = &file[..];
    for unit in &fixture::units(&tags, media::Kind::Video)[..30] {
        let at = rest.windows(unit.len()).position(|window| window == &unit[..]).unwrap();
        rest = &rest[at + unit.len()..];
    }

    // Players of the old server find their session again.
    let again = rig.text(&format!("{folder}/media.m3u8")).await;
    assert_eq!(line(&again, "#EXT-X-TARGETDURATION"), line(&before, "#EXT-X-TARGETDURATION"));

    let publisher = rig.publish(&tags).await;
    rig.until("it goes on", async |rig| {
        rig.text(&format!("{folder}/media.m3u8")).await.contains("#EXT-X-DISCONTINUITY\n")
    })
    .await;
    publisher.close().await.unwrap();
    rig.until("ended", async |rig| rig.sessions().await[0].ended_at.is_some()).await;
    let sessions = rig.sessions().await;
    assert_eq!(sessions.len(), 1);
    assert_eq!(sessions[0].id, session);
}

fn line<'a>(playlist: &'a str, tag: &str) -> Option<&'a str> {
    playlist.lines().find(|line| line.starts_with(tag))
}

#[tokio::test]
async fn who_comes_back_too_late_gets_a_new_session() {
    let rig = Rig::start().await;
    let tags = fixture::tags();
    let publisher = rig.publish(&tags[..tags.len() / 2]).await;
    let folder = rig.folder("video").await;
    rig.media(&folder, 1).await;
    let rig = rig.crash(Duration::from_secs(60)).await;
    drop(publisher);
    rig.until("the old one ended", async |rig| rig.sessions().await[0].ended_at.is_some()).await;
    let _publisher = rig.publish(&tags).await;
    rig.until("the new one", async |rig| rig.sessions().await.len() == 2).await;
}

#[tokio::test]
async fn a_stop_seals_the_recording_and_a_second_server_is_refused() {
    let rig = Rig::start().await;
    let tags = fixture::tags();
    let mut publisher = rig.publish(&tags).await;
    let session = rig.sessions().await.remove(0).id;
    let config = crate::config::Config::local(rig.dir.path());
    let second = crate::Server::start(config.clone(), crate::clock::Clock::system()).await;
    assert!(format!("{:#}", second.err().unwrap()).contains("another sigma-server"));

    // A tag that is cut short: once the server has complained of it, it has everything before it too.
    let short = Tag { kind: TagKind::Video, timestamp: 6000, body: vec![0x27, 1].into() };
    publisher.send(short).await.unwrap();
    rig.until("everything arrived", async |rig| {
        rig.events().await.iter().any(|event| event.name == "ingest.issue")
    })
    .await;
    let Rig { dir, server, .. } = rig;
    let stopping = tokio::time::timeout(Duration::from_secs(2), server.stop());
    let (stopped, _) = tokio::join!(stopping, publisher.closed());
    stopped.unwrap();

    let files = super::rig::library(dir.path()).open(&session).unwrap().unwrap();
    let parts = files.tracks[0].files.iter().flat_map(|(_, index)| &index.parts);
    let frames: usize = parts.map(|part| part.samples.len()).sum();
    assert_eq!(frames, fixture::units(&tags, media::Kind::Video).len());
}
