//! What can be fetched of a session: its window, its recording while it grows and afterwards, trims, and what is deleted.

use std::time::Duration;

use live::event::{AssetKind, DeleteReason};

use super::fixture;
use super::play::{attribute, frames, samples};
use super::rig::{Rig, settings};
use crate::config::{Config, Retention};
use crate::store::{Asset, Page, Settings};

async fn assets(rig: &Rig, session: &str) -> Vec<Asset> {
    rig.server.store.assets(session, Page { after: None, limit: 10 }).await.unwrap().items
}

/// Publishes all of the fixture, and waits until what it leaves behind is announced.
async fn session(rig: &Rig) -> String {
    let before = rig.sessions().await.len();
    let publisher = rig.publish(&fixture::tags()).await;
    rig.media(&rig.folder("video").await, 1).await;
    publisher.close().await.unwrap();
    rig.until("a session", async |rig| rig.sessions().await.len() > before).await;
    let session = rig.sessions().await.remove(0).id;
    rig.until("assets", async |rig| assets(rig, &session).await.len() == 2).await;
    session
}

#[tokio::test]
async fn the_window_has_an_address_of_its_own() {
    let rig = Rig::with(Settings { dvr_window: Duration::from_secs(7200), ..settings() }).await;
    let publisher = rig.publish(&fixture::tags()).await;
    let folder = rig.folder("video").await;
    rig.media(&folder, 3).await;
    let list = rig.text(&format!("/live/{}/index.m3u8", rig.channel.playback_id)).await;
    assert!(list.contains("DATA-ID=\"live.sigma.dvr\",VALUE=\"dvr.m3u8\"\n#EXT-X-MEDIA"), "{list}");
    let list = rig.text(&format!("/live/{}/dvr.m3u8", rig.channel.playback_id)).await;
    assert!(list.contains("/video/dvr.m3u8?v=") && list.contains("/audio/dvr.m3u8?v="), "{list}");
    assert!(!list.contains("SESSION-DATA"), "{list}");
    let window = rig.text(&format!("{folder}/dvr.m3u8")).await;
    assert!(!window.contains("PART") && !window.contains("PLAYLIST-TYPE"), "{window}");
    assert_eq!(attribute(&window, "#EXT-X-RENDITION-REPORT", "URI"), ["../audio/dvr.m3u8"]);
    for uri in window.lines().filter(|line| !line.starts_with('#')) {
        assert!(!rig.bytes(&format!("{folder}/{uri}")).await.is_empty());
    }
    for (query, status) in
        [("_HLS_msn=0", 200), ("_HLS_msn=999", 400), ("_HLS_part=1", 400), ("_HLS_skip=x", 400)]
    {
        assert_eq!(rig.get(&format!("{folder}/dvr.m3u8?{query}")).await.status(), status, "{query}");
    }
    publisher.close().await.unwrap();
    rig.until("the end", async |rig| rig.text(&format!("{folder}/dvr.m3u8")).await.ends_with("ENDLIST\n"))
        .await;
    // A window that a live playlist has anyway is not announced.
    let short = Rig::start().await;
    let _publisher = short.publish(&fixture::tags()).await;
    short.media(&short.folder("video").await, 1).await;
    let list = short.text(&format!("/live/{}/index.m3u8", short.channel.playback_id)).await;
    assert!(!list.contains("SESSION-DATA"), "{list}");
}

/// Live and in the catch-up playlist, under the same names with the same bytes; and not of sound.
#[tokio::test]
async fn key_frames_have_a_playlist_of_their_own() {
    let rig = Rig::start().await;
    let publisher = rig.publish(&fixture::tags()).await;
    let folder = rig.folder("video").await;
    rig.media(&folder, 3).await;
    let list = rig.text(&format!("/live/{}/index.m3u8", rig.channel.playback_id)).await;
    let [uri] = &attribute(&list, "#EXT-X-I-FRAME-STREAM-INF", "URI")[..] else { unreachable!("{list}") };
    let keys = rig.text(&format!("/live/{}/{uri}", rig.channel.playback_id)).await;
    assert!(keys.contains("#EXT-X-I-FRAMES-ONLY") && !keys.contains("PART"), "{keys}");
    let mut live = Vec::new();
    for uri in keys.lines().filter(|line| !line.starts_with('#')) {
        let data = rig.bytes(&format!("{folder}/{uri}")).await;
        assert_eq!(frames(&data), 1, "{uri}");
        live.push((uri.to_owned(), data));
    }
    for (file, status) in
        [("iframes.m3u8?_HLS_msn=0", 200), ("iframes.m3u8?_HLS_msn=999", 400), ("k999.m4s", 404)]
    {
        assert_eq!(rig.get(&format!("{folder}/{file}")).await.status(), status, "{file}");
    }
    let sound = rig.folder("audio").await;
    assert_eq!(rig.get(&format!("{sound}/iframes.m3u8")).await.status(), 404);
    publisher.close().await.unwrap();
    let session = rig.sessions().await.remove(0).id;
    rig.until("assets", async |rig| assets(rig, &session).await.len() == 2).await;
    let list = rig.text(&format!("/vod/{session}/index.m3u8")).await;
    assert!(list.contains("/video/iframes.m3u8\""), "{list}");
    let kept = rig.text(&format!("/vod/{session}/video/iframes.m3u8")).await;
    assert!(kept.contains("#EXT-X-I-FRAMES-ONLY") && kept.ends_with("#EXT-X-ENDLIST\n"), "{kept}");
    assert_eq!(rig.get(&format!("/vod/{session}/audio/iframes.m3u8")).await.status(), 404);
    for (uri, data) in live {
        assert_eq!(rig.bytes(&format!("/vod/{session}/video/{uri}")).await, data, "{uri}");
    }
}

#[tokio::test]
async fn a_window_is_kept_without_a_recording_and_goes_with_its_session() {
    let rig = Rig::with(Settings { record: false, dvr_window: Duration::from_secs(600), ..settings() }).await;
    let publisher = rig.publish(&fixture::tags()).await;
    rig.media(&rig.folder("video").await, 3).await;
    rig.server.registry.journaled().await;
    let session = rig.sessions().await.remove(0).id;
    let folder = rig.dir.path().join("sessions").join(&session);
    assert!(folder.join("video").is_dir());
    publisher.close().await.unwrap();
    rig.until("ended", async |rig| rig.sessions().await[0].ended_at.is_some()).await;
    assert!(assets(&rig, &session).await.is_empty());
    // After a crash the next start tidies up.
    let rig = rig.crash(Duration::ZERO).await;
    rig.until("gone", async |_| !folder.exists()).await;
    assert!(assets(&rig, &session).await.is_empty());
}

#[tokio::test]
async fn a_recording_that_grows_never_changes_what_it_gave() {
    let rig = Rig::start().await;
    let tags = fixture::tags();
    let mut publisher = rig.publish(&tags[..tags.len() / 2]).await;
    let folder = rig.folder("video").await;
    rig.media(&folder, 1).await;
    let session = rig.sessions().await.remove(0).id;
    let path = format!("/vod/{session}/recording.mp4");
    rig.until("a segment", async |rig| rig.get(&path).await.status() == 200).await;
    let first = rig.get(&path).await;
    let tag = first.headers()["etag"].clone();
    let mut have = first.bytes().await.unwrap().to_vec();
    assert!(have.windows(4).any(|kind| kind == b"mvex"));
    for tag in &tags[tags.len() / 2..] {
        publisher.send(tag.clone()).await.unwrap();
    }
    rig.media(&folder, 4).await;
    let go_on = |have: usize| {
        let request = rig.web.get(rig.url(&path)).header("range", format!("bytes={have}-"));
        request.header("if-range", &tag).send()
    };
    rig.until("more of it", async |_| go_on(have.len()).await.unwrap().status() == 206).await;
    let more = go_on(have.len()).await.unwrap();
    assert_eq!(more.headers()["etag"], tag);
    let place = more.headers()["content-range"].to_str().unwrap().to_owned();
    assert!(place.starts_with(&format!("bytes {}-", have.len())), "{place}");
    have.extend(more.bytes().await.unwrap());
    let whole = rig.bytes(&path).await;
    assert!(whole.len() >= have.len() && whole.starts_with(&have));
    let middle = rig.web.get(rig.url(&path)).header("range", "bytes=1000-70000").send().await.unwrap();
    assert!(middle.bytes().await.unwrap()[..] == whole[1000..70_001.min(whole.len())]);

    publisher.close().await.unwrap();
    rig.until("assets", async |rig| assets(rig, &session).await.len() == 2).await;
    // It is another file now: who goes on gets all of it.
    let other = go_on(have.len()).await.unwrap();
    assert_eq!(other.status(), 200);
    assert_ne!(other.headers()["etag"], tag);
    let other = other.bytes().await.unwrap();
    let video = samples(&other).into_iter().find(|(handler, _)| handler == "vide").unwrap().1;
    assert_eq!(video.len(), fixture::units(&tags, media::Kind::Video).len());
}

#[tokio::test]
async fn trims_hold_at_once_and_can_be_taken_back() {
    let rig = Rig::start().await;
    let session = session(&rig).await;
    let list = assets(&rig, &session).await;
    let id = |kind| list.iter().find(|asset| asset.kind == kind).unwrap().id.clone();
    let (recording, playlist) =
        (format!("/vod/{session}/recording.mp4"), format!("/vod/{session}/video/media.m3u8"));
    let whole = (rig.bytes(&recording).await, rig.text(&playlist).await);
    let trim = hls::recording::Trim { from: Some(1.5), until: Some(2.5) };
    for kind in [AssetKind::Recording, AssetKind::CatchUp] {
        rig.server.store.update_asset(&id(kind), None, trim).await.unwrap();
    }
    let cut = rig.bytes(&recording).await;
    assert!(cut.len() * 2 < whole.0.len(), "{} of {}", cut.len(), whole.0.len());
    let text = rig.text(&playlist).await;
    let (_, offset) = text.split_once("#EXT-X-START:TIME-OFFSET=").unwrap();
    let offset: f64 = offset.split_once(",PRECISE=YES\n").unwrap().0.parse().unwrap();
    assert!((0.0..1.1).contains(&offset), "{text}");
    let segments = |text: &str| text.matches("#EXTINF").count();
    assert!(segments(&text) <= 2 && segments(&text) < segments(&whole.1), "{text}");
    let sound = rig.text(&format!("/vod/{session}/audio/media.m3u8")).await;
    let uris =
        |text: &str| text.lines().filter(|l| !l.starts_with('#')).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(uris(&sound), uris(&text));
    for kind in [AssetKind::Recording, AssetKind::CatchUp] {
        rig.server.store.update_asset(&id(kind), None, hls::recording::Trim::default()).await.unwrap();
    }
    assert_eq!((rig.bytes(&recording).await, rig.text(&playlist).await), whole);

    // Deleted, each by itself; with the last the media goes.
    rig.server.store.delete_asset(&id(AssetKind::Recording), DeleteReason::Operator).await.unwrap();
    assert_eq!(rig.get(&recording).await.status(), 404);
    assert_eq!(rig.get(&playlist).await.status(), 200);
    rig.server.store.delete_asset(&id(AssetKind::CatchUp), DeleteReason::Operator).await.unwrap();
    rig.server.retention.notify_one();
    rig.until("gone", async |rig| !rig.dir.path().join("sessions").join(&session).exists()).await;
    assert_eq!(rig.get(&playlist).await.status(), 404);
    assert_eq!(rig.get(&format!("/vod/{session}/video/s0.m4s")).await.status(), 404);
}

#[tokio::test]
async fn where_recordings_take_too_much_room_the_oldest_goes() {
    let change = |config: &mut Config| config.retention.max_bytes = Some(1);
    let rig = Rig::configured(settings(), change).await;
    // The first is being watched: it stays, and the second, which nobody watches, goes.
    let publisher = rig.publish(&fixture::tags()).await;
    rig.media(&rig.folder("video").await, 1).await;
    let first = rig.sessions().await.remove(0).id;
    rig.text(&format!("/vod/{first}/index.m3u8")).await;
    publisher.close().await.unwrap();
    rig.until("assets", async |rig| assets(rig, &first).await.len() == 2).await;
    let before = rig.sessions().await.len();
    let publisher = rig.publish(&fixture::tags()).await;
    rig.media(&rig.folder("video").await, 1).await;
    publisher.close().await.unwrap();
    rig.until("a second", async |rig| rig.sessions().await.len() > before).await;
    let second = rig.sessions().await.remove(0).id;
    let deleted = async |rig: &Rig| {
        let events = rig.events().await.into_iter().filter(|event| event.name == "asset.deleted");
        events.map(|event| (event.session_id.unwrap(), event.data["reason"].clone())).collect::<Vec<_>>()
    };
    rig.until("the second deleted", async |rig| deleted(rig).await.len() == 2).await;
    assert!(deleted(&rig).await.iter().all(|(id, reason)| *id == second && reason == "max_bytes"));
    assert!(rig.dir.path().join("sessions").join(&first).exists());

    // A server that comes later, when nobody watches any more, and keeps an hour only.
    let Rig { dir, server, channel, key, web } = rig;
    server.crash().await;
    let mut config = Config::local(dir.path());
    config.retention = Retention { max_age_s: Some(3600), max_bytes: None };
    let later = crate::clock::Clock::ahead_by(Duration::from_secs(3700));
    let server = crate::Server::start(config, later).await.unwrap();
    let rig = Rig { dir, server, channel, key, web };
    rig.until("the first deleted", async |rig| deleted(rig).await.len() == 4).await;
    assert!(deleted(&rig).await[2..].iter().all(|(id, reason)| *id == first && reason == "max_age"));
    rig.until("gone", async |rig| !rig.dir.path().join("sessions").join(&first).exists()).await;
}

#[tokio::test]
async fn a_database_that_is_stuck_holds_up_no_media_and_no_later_session() {
    let rig = Rig::start().await;
    let tags = fixture::tags();
    let mut publisher = rig.publish(&tags[..tags.len() / 2]).await;
    let folder = rig.folder("video").await;
    rig.media(&folder, 1).await;
    let first = rig.sessions().await.remove(0).id;
    // Somebody else holds it.
    let sql = rusqlite::Connection::open(rig.dir.path().join("sigma.db")).unwrap();
    sql.execute_batch("BEGIN IMMEDIATE").unwrap();
    for tag in &tags[tags.len() / 2..] {
        publisher.send(tag.clone()).await.unwrap();
    }
    rig.media(&folder, 4).await;
    publisher.close().await.unwrap();
    rig.until("the end", async |rig| rig.text(&format!("{folder}/media.m3u8")).await.ends_with("ENDLIST\n"))
        .await;
    sql.execute_batch("ROLLBACK").unwrap();
    drop(sql);
    // What happened meanwhile is told in its order, and the channel goes on.
    rig.until("assets", async |rig| assets(rig, &first).await.len() == 2).await;
    let names: Vec<_> = rig.events().await.into_iter().map(|event| event.name).collect();
    let place = |name: &str| names.iter().position(|known| known == name).unwrap();
    assert!(place("session.live") < place("session.ended") && place("session.ended") < place("asset.ready"));
    assert_ne!(session(&rig).await, first);
}
