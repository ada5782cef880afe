//! Thumbnails and storyboards as viewers get them; the worker that makes them is played.

use std::sync::Arc;

use bytes::Bytes;
use jsonwebtoken::Algorithm;
use media::Timestamp;
use serde_json::json;
use transcode::watch::Thumbnail;

use super::fixture;
use super::rig::{Rig, settings};
use super::signed::sign;
use crate::stills::Album;
use crate::store::{Page, Policy, Settings};

fn made(ms: i64, tile: u32, webp: bool) -> Thumbnail {
    let text = |what: &str| Bytes::from(format!("{what} {tile}"));
    Thumbnail {
        channel: 1,
        at: Timestamp::millis(ms),
        jpeg: text("jpeg"),
        webp: webp.then(|| text("webp")),
        sheet: text("sheet"),
        since: Timestamp::millis(1),
        tile,
        tile_size: (160, 90),
    }
}

/// A session that is live, and its album.
async fn live(rig: &Rig) -> (String, Arc<Album>) {
    rig.until("a session", async |rig| rig.sessions().await.len() == 1).await;
    let session = rig.sessions().await.remove(0).id;
    (session.clone(), rig.server.albums.open(&session, true, None))
}

#[tokio::test]
async fn live_and_afterwards() {
    let rig = Rig::start().await;
    let publisher = rig.publish(&fixture::tags()).await;
    rig.media(&rig.folder("video").await, 3).await;
    let (session, album) = live(&rig).await;
    let base = format!("/live/{}", rig.channel.playback_id);
    assert_eq!(rig.get(&format!("{base}/thumbnail.jpg")).await.status(), 404, "none yet");
    assert_eq!(rig.text(&format!("{base}/storyboard.vtt")).await.matches("-->").count(), 0);
    for (tile, ms) in [(0, 1_500), (1, 2_500), (2, 90_000)] {
        album.put(made(ms, tile, true));
    }
    let answer = rig.get(&format!("{base}/thumbnail.jpg")).await;
    assert_eq!(answer.headers()["content-type"], "image/jpeg");
    assert_eq!(answer.headers()["cache-control"], "public, max-age=2");
    let tag = answer.headers()["etag"].clone();
    assert_eq!(answer.bytes().await.unwrap(), "jpeg 2");
    let again = rig.web.get(rig.url(&format!("{base}/thumbnail.jpg"))).header("if-none-match", tag);
    assert_eq!(again.send().await.unwrap().status(), 304);
    let answer = rig.get(&format!("{base}/thumbnail.webp")).await;
    assert_eq!(answer.headers()["content-type"], "image/webp");
    assert_eq!(answer.bytes().await.unwrap(), "webp 2");

    let answer = rig.get(&format!("{base}/storyboard.vtt")).await;
    assert_eq!(answer.headers()["content-type"], "text/vtt; charset=utf-8");
    assert_eq!(answer.headers()["cache-control"], "public, max-age=0, s-maxage=5");
    let text = answer.text().await.unwrap();
    let uri = format!("{session}/storyboard/0-3.jpg");
    assert!(text.starts_with("WEBVTT\nX-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:0\n"), "{text}");
    assert!(text.contains(&format!("00:00:02.500 --> 00:01:30.000\n{uri}#xywh=160,0,160,90\n")), "{text}");
    assert!(text.ends_with(&format!("00:01:30.000 --> 00:01:35.000\n{uri}#xywh=320,0,160,90\n")), "{text}");
    let sheet = rig.get(&format!("{base}/{uri}")).await;
    assert_eq!(sheet.headers()["cache-control"], "public, max-age=31536000, immutable");
    assert_eq!(sheet.bytes().await.unwrap(), "sheet 2");
    for (file, status) in [("0-1.jpg", 200), ("0-4.jpg", 404), ("1-1.jpg", 404), ("0-3.png", 404)] {
        let path = format!("{base}/{session}/storyboard/{file}");
        assert_eq!(rig.get(&path).await.status(), status, "{file}");
    }
    // Already while it runs, on the recording's time line; what isn't recorded has no place there.
    let text = rig.text(&format!("/vod/{session}/storyboard.vtt")).await;
    assert_eq!(text.matches("-->").count(), 2, "{text}");

    album.settle().await;
    publisher.close().await.unwrap();
    let assets =
        || async { rig.server.store.assets(&session, Page { after: None, limit: 10 }).await.unwrap().items };
    rig.until("assets", async |_| assets().await.len() == 4).await;
    let mut kinds: Vec<_> = assets().await.iter().map(|asset| asset.kind.name()).collect();
    kinds.sort_unstable();
    assert_eq!(kinds, ["catch_up", "recording", "storyboard", "thumbnail"]);
    rig.server.albums.close(&session);
    let kept = rig.text(&format!("/vod/{session}/storyboard.vtt")).await;
    assert!(
        !kept.contains("X-TIMESTAMP-MAP") && kept.contains(&format!("../{session}/storyboard/0-3.jpg")),
        "{kept}"
    );
    for (file, is) in
        [("thumbnail.jpg", "jpeg 2"), ("thumbnail.webp", "webp 2"), ("storyboard/0-3.jpg", "sheet 2")]
    {
        assert_eq!(rig.text(&format!("/vod/{session}/{file}")).await, is, "{file}");
    }
    // Deleted, one by one; with its media all of it goes.
    let delete = |kind: &'static str| {
        let rig = &rig;
        let session = session.clone();
        async move {
            let all = rig.server.store.assets(&session, Page { after: None, limit: 10 }).await.unwrap().items;
            let id = all.into_iter().find(|asset| asset.kind.name() == kind).unwrap().id;
            let (status, _) = rig.api("DELETE", &format!("/assets/{id}"), serde_json::Value::Null).await;
            assert_eq!(status, 204);
        }
    };
    delete("storyboard").await;
    for (file, status) in [("storyboard.vtt", 404), ("storyboard/0-3.jpg", 404), ("thumbnail.jpg", 200)] {
        assert_eq!(rig.get(&format!("/vod/{session}/{file}")).await.status(), status, "{file}");
    }
    delete("recording").await;
    delete("catch_up").await;
    let folder = rig.dir.path().join("sessions").join(&session);
    rig.until("nothing", async |_| !folder.exists() && assets().await.is_empty()).await;
}

#[tokio::test]
async fn signed_ones_want_a_token_or_the_secret() {
    let rig = Rig::with(Settings { policy: Policy::Signed, ..settings() }).await;
    let _publisher = rig.publish(&fixture::tags()).await;
    let (session, album) = live(&rig).await;
    album.put(made(1_500, 0, false));
    let base = format!("/live/{}", rig.channel.playback_id);
    let (_, key) = rig.api("POST", "/signing-keys", json!({ "name": "site" })).await;
    let claims = json!({
        "sub": rig.channel.playback_id,
        "exp": crate::clock::Clock::system().utc().unix_timestamp() + 60,
    });
    let (kid, private) = (key["id"].as_str().unwrap(), key["private_key"].as_str().unwrap());
    let token = sign(kid, private, Algorithm::ES256, &claims);
    for path in [
        format!("{base}/thumbnail.jpg"),
        format!("{base}/storyboard.vtt"),
        format!("/vod/{session}/thumbnail.jpg"),
        format!("/vod/{session}/storyboard.vtt"),
    ] {
        assert_eq!(rig.get(&path).await.status(), 401, "{path}");
    }
    rig.until("live", async |rig| {
        rig.get(&format!("{base}/thumbnail.jpg?token={token}")).await.status() == 200
    })
    .await;
    let answer = rig.get(&format!("{base}/thumbnail.jpg?token={token}")).await;
    assert_eq!(answer.headers()["cache-control"], "private, max-age=2");
    assert_eq!(
        rig.get(&format!("{base}/thumbnail.webp?token={token}")).await.status(),
        404,
        "not every FFmpeg can"
    );
    let answer = rig.get(&format!("{base}/storyboard.vtt?token={token}")).await;
    assert_eq!(answer.headers()["cache-control"], "no-store");
    let text = answer.text().await.unwrap();
    let uri = text.lines().find(|line| line.contains(".jpg")).unwrap().split('#').next().unwrap();
    assert!(uri.starts_with(&format!("{session}~")), "{text}");
    assert_eq!(rig.text(&format!("{base}/{uri}")).await, "sheet 0");
    assert_eq!(rig.get(&format!("{base}/{session}/storyboard/0-1.jpg")).await.status(), 403);
    assert_eq!(rig.get(&format!("/vod/{session}/storyboard/0-1.jpg")).await.status(), 403);
    assert_eq!(
        rig.text(&format!("/vod/{}/storyboard/0-1.jpg", uri.split('/').next().unwrap())).await,
        "sheet 0"
    );
}
