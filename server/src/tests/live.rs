//! From a publisher to a player and to the recording.

use std::time::Duration;

use media::Kind;
use media::flv::{Tag, TagKind};

use super::fixture;
use super::play::{attribute, samples};
use super::rig::{Rig, settings};
use crate::store::Settings;

#[tokio::test]
async fn a_publisher_at_its_own_pace_is_on_within_a_second_and_a_half() {
    let rig = Rig::start().await;
    let tags = fixture::tags();
    let mut publisher = rig.connect(&rig.key).await.unwrap();
    publisher.metadata(&fixture::metadata()).await.unwrap();
    let feed = async {
        let mut at = 0;
        for tag in &tags {
            tokio::time::sleep(Duration::from_millis(tag.timestamp.saturating_sub(at).into())).await;
            at = at.max(tag.timestamp);
            publisher.send(tag.clone()).await.unwrap();
        }
    };
    // The player comes before the first part, and is kept waiting for it.
    let path = format!("/live/{}/index.m3u8", rig.channel.playback_id);
    rig.until("session", async |rig| rig.sessions().await.len() == 1).await;
    tokio::select! {
        () = feed => panic!("the whole fixture was sent before a playlist came"),
        text = tokio::time::timeout(Duration::from_millis(1500), rig.text(&path)) => {
            let text = text.unwrap();
            assert!(text.contains("video/media.m3u8") && text.contains("audio/media.m3u8"), "{text}");
            assert!(text.contains("RESOLUTION=320x180"), "{text}");
        }
    }
}

#[tokio::test]
async fn parts_follow_each_other_and_make_their_segments() {
    let rig = Rig::start().await;
    let _publisher = rig.publish(&fixture::tags()).await;
    let folder = rig.folder("video").await;
    let playlist = rig.media(&folder, 4).await;
    let uris = attribute(&playlist, "#EXT-X-PART:", "URI");
    let numbers: Vec<u64> = uris.iter().map(|uri| uri[1..uri.len() - 4].parse().unwrap()).collect();
    assert!(numbers.len() > 10 && numbers.windows(2).all(|pair| pair[1] == pair[0] + 1), "{playlist}");
    assert_eq!(attribute(&playlist, "#EXT-X-MAP", "URI"), ["init0.mp4"]);

    let mut joined = Vec::new();
    // The parts before `s2.m4s` and after `s1.m4s` are that segment.
    let lines: Vec<_> = playlist.lines().collect();
    let (from, to) = (place(&lines, "s1.m4s"), place(&lines, "s2.m4s"));
    for uri in attribute(&lines[from..to].join("\n"), "#EXT-X-PART:", "URI") {
        joined.extend(rig.bytes(&format!("{folder}/{uri}")).await);
    }
    assert!(!joined.is_empty());
    assert_eq!(joined, rig.bytes(&format!("{folder}/s2.m4s")).await);
}

fn place(lines: &[&str], wanted: &str) -> usize {
    lines.iter().position(|line| *line == wanted).unwrap()
}

#[tokio::test]
async fn what_is_not_there_yet_is_waited_for_and_what_never_was_is_not() {
    let rig = Rig::start().await;
    let tags = fixture::tags();
    let half = tags.len() / 2;
    let mut publisher = rig.publish(&tags[..half]).await;
    let folder = rig.folder("video").await;
    let playlist = rig.media(&folder, 1).await;
    let hint = attribute(&playlist, "#EXT-X-PRELOAD-HINT", "URI").remove(0);
    let number: u64 = hint[1..hint.len() - 4].parse().unwrap();
    assert_eq!(rig.get(&format!("{folder}/p{}.m4s", number + 1)).await.status(), 404);
    let segments = playlist.lines().filter(|line| line.starts_with('s')).count();
    let open = segments as u64 + 1;

    for (query, status) in [
        ("_HLS_part=0".to_owned(), 400),
        (format!("_HLS_msn={}", open + 5), 400),
        (format!("_HLS_msn={open}&_HLS_part=99"), 400),
        ("_HLS_msn=x".to_owned(), 400),
        ("_HLS_msn=0".to_owned(), 200),
        ("v=viewer".to_owned(), 200),
    ] {
        let answer = rig.get(&format!("{folder}/media.m3u8?{query}")).await;
        assert_eq!(answer.status(), status, "{query}");
    }

    let next = format!("{folder}/media.m3u8?_HLS_msn={open}");
    let hinted = format!("{folder}/{hint}");
    let send = async {
        for tag in &tags[half..] {
            publisher.send(tag.clone()).await.unwrap();
        }
        std::future::pending::<()>().await;
    };
    let ask = async { tokio::join!(rig.text(&next), rig.bytes(&hinted)) };
    let (text, part) = tokio::select! {
        answer = ask => answer,
        () = send => unreachable!(),
    };
    assert!(text.lines().any(|line| line == format!("s{open}.m4s")), "{text}");
    assert!(!part.is_empty());
}

#[tokio::test]
async fn playlists_are_gzipped_and_kept_as_the_rules_say() {
    let rig = Rig::start().await;
    let _publisher = rig.publish(&fixture::tags()).await;
    let folder = rig.folder("video").await;
    rig.media(&folder, 4).await;
    let header = |answer: &reqwest::Response, name: &str| {
        answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
    };
    let url = rig.url(&format!("{folder}/media.m3u8?_HLS_msn=1"));
    let zipped = rig.web.get(&url).header("accept-encoding", "gzip").send().await.unwrap();
    assert_eq!(header(&zipped, "content-encoding"), "gzip");
    assert_eq!(header(&zipped, "vary").to_lowercase(), "accept-encoding");
    assert_eq!(header(&zipped, "content-type"), "application/vnd.apple.mpegurl");
    assert_eq!(header(&zipped, "cache-control"), "public, max-age=0, s-maxage=2");
    assert_eq!(header(&zipped, "access-control-allow-origin"), "*");
    let plain = rig.get(&format!("{folder}/media.m3u8")).await;
    assert_eq!(header(&plain, "cache-control"), "public, max-age=0, s-maxage=1");
    let part = rig.get(&format!("{folder}/p0.m4s")).await;
    assert_eq!(header(&part, "content-type"), "video/mp4");
    assert!(header(&part, "cache-control").contains("immutable"));
    let missing = rig.get("/live/pb_nothing/index.m3u8").await;
    assert_eq!((missing.status().as_u16(), header(&missing, "retry-after").as_str()), (404, "1"));
    assert_eq!(header(&missing, "content-type"), "application/problem+json");
}

#[tokio::test]
async fn after_a_goodbye_every_access_unit_is_in_the_recording() {
    let rig = Rig::start().await;
    let tags = fixture::tags();
    let publisher = rig.publish(&tags).await;
    let folder = rig.folder("video").await;
    publisher.close().await.unwrap();
    rig.until("ended", async |rig| rig.sessions().await[0].ended_at.is_some()).await;
    assert!(rig.text(&format!("{folder}/media.m3u8")).await.ends_with("#EXT-X-ENDLIST\n"));
    rig.until("assets", async |rig| {
        rig.events().await.iter().filter(|event| event.name == "asset.ready").count() == 2
    })
    .await;

    let session = rig.sessions().await.remove(0);
    let source = session.source.unwrap();
    assert_eq!((source.width, source.height, source.fps), (Some(320), Some(180), Some(30.0)));
    assert_eq!(source.encoder.as_deref(), Some("fixture"));
    assert_eq!(source.codecs.len(), 2);

    let file = rig.bytes(&format!("/vod/{}/recording.mp4", session.id)).await;
    for (handler, found) in samples(&file) {
        let kind = if handler == "vide" { Kind::Video } else { Kind::Audio };
        let sent = fixture::units(&tags, kind);
        assert_eq!(found.len(), sent.len(), "{handler}");
        assert!(found.iter().zip(&sent).all(|(found, sent)| found == sent), "{handler}");
    }
    let list = rig.text(&format!("/vod/{}/index.m3u8", session.id)).await;
    assert!(list.contains("video/media.m3u8"), "{list}");
    let media = rig.text(&format!("/vod/{}/video/media.m3u8", session.id)).await;
    assert!(media.contains("#EXT-X-PLAYLIST-TYPE:VOD") && media.ends_with("#EXT-X-ENDLIST\n"), "{media}");
    for uri in media.lines().filter(|line| !line.starts_with('#')) {
        assert!(!rig.bytes(&format!("/vod/{}/video/{uri}", session.id)).await.is_empty());
    }

    // Ranges of it.
    let url = rig.url(&format!("/vod/{}/recording.mp4", session.id));
    for (range, from, to) in [
        ("bytes=0-99", 0, 100),
        ("bytes=-1000", file.len() - 1000, file.len()),
        ("bytes=5000-", 5000, file.len()),
    ] {
        let answer = rig.web.get(&url).header("range", range).send().await.unwrap();
        assert_eq!(answer.status(), 206);
        assert!(answer.bytes().await.unwrap()[..] == file[from..to], "{range}");
    }
    let beyond = rig.web.get(&url).header("range", "bytes=99999999-").send().await.unwrap();
    assert_eq!(beyond.status(), 416);
    let head = rig.web.head(&url).send().await.unwrap();
    assert_eq!(head.headers()["content-length"], file.len().to_string());
}

#[tokio::test]
async fn sound_alone_and_pictures_alone_play_too() {
    for (kind, name, other) in [(TagKind::Audio, "audio", "video"), (TagKind::Video, "video", "audio")] {
        let rig = Rig::start().await;
        let tags: Vec<Tag> = fixture::tags().into_iter().filter(|tag| tag.kind == kind).collect();
        let mut publisher = rig.connect(&rig.key).await.unwrap();
        let mut metadata = fixture::metadata();
        metadata.has_video = Some(kind == TagKind::Video);
        metadata.has_audio = Some(kind == TagKind::Audio);
        publisher.metadata(&metadata).await.unwrap();
        for tag in tags {
            publisher.send(tag).await.unwrap();
        }
        let path = format!("/live/{}/index.m3u8", rig.channel.playback_id);
        rig.until("a session", async |rig| rig.sessions().await.len() == 1).await;
        let text = rig.text(&path).await;
        assert!(
            text.contains(&format!("{name}/media.m3u8")) && !text.contains(&format!("{other}/")),
            "{text}"
        );
        rig.media(&rig.folder(name).await, 4).await;
        publisher.close().await.unwrap();
    }
}

#[tokio::test]
async fn strangers_are_told_and_the_show_goes_on() {
    let rig = Rig::start().await;
    let tags = fixture::tags();
    let mut publisher = rig.publish(&tags[..tags.len() / 2]).await;
    let bad = rig.connect("sk_nobody").await.err().unwrap();
    assert_eq!(bad.refused().unwrap().code, "NetStream.Publish.BadName");
    let busy = rig.connect(&rig.key).await.err().unwrap();
    assert!(busy.refused().unwrap().is_busy(), "{busy}");

    let noise = async |hello: &[u8]| {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let mut stream = tokio::net::TcpStream::connect(rig.server.rtmp()).await.unwrap();
        stream.write_all(hello).await.unwrap();
        // Closed, with or without a word.
        let _ = stream.read_to_end(&mut Vec::new()).await;
    };
    noise(b"GET / HTTP/1.1\r\n\r\n").await;
    noise(&[0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3]).await;

    rig.until("rejections", async |rig| {
        rig.events().await.iter().filter(|event| event.name == "ingest.rejected").count() == 4
    })
    .await;
    for event in rig.events().await {
        assert!(!event.text.contains("sk_"), "a key in the log: {}", event.text);
    }
    for tag in &tags[tags.len() / 2..] {
        publisher.send(tag.clone()).await.unwrap();
    }
    publisher.close().await.unwrap();
    rig.until("ended", async |rig| rig.sessions().await[0].ended_at.is_some()).await;
}

#[tokio::test]
async fn what_is_not_recorded_leaves_no_file() {
    let rig = Rig::with(Settings { record: false, ..settings() }).await;
    let publisher = rig.publish(&fixture::tags()).await;
    let folder = rig.folder("video").await;
    rig.media(&folder, 4).await;
    assert!(!rig.bytes(&format!("{folder}/s1.m4s")).await.is_empty());
    publisher.close().await.unwrap();
    rig.until("ended", async |rig| rig.sessions().await[0].ended_at.is_some()).await;
    let session = rig.sessions().await.remove(0);
    assert!(!rig.dir.path().join("sessions").join(&session.id).exists());
    assert_eq!(rig.get(&format!("/vod/{}/recording.mp4", session.id)).await.status(), 404);
}

#[tokio::test]
async fn a_disk_that_fails_is_told_and_what_is_live_goes_on() {
    let rig = Rig::start().await;
    // A file where the sessions' folder was: nothing can be written there.
    let sessions = rig.dir.path().join("sessions");
    std::fs::remove_dir(&sessions).unwrap();
    std::fs::write(&sessions, "").unwrap();
    let tags = fixture::tags();
    let mut publisher = rig.publish(&tags[..tags.len() / 2]).await;
    let folder = rig.folder("video").await;
    rig.media(&folder, 1).await;
    rig.server.registry.journaled().await;
    for tag in &tags[tags.len() / 2..] {
        publisher.send(tag.clone()).await.unwrap();
    }
    rig.media(&folder, 4).await;
    rig.until("an issue", async |rig| rig.events().await.iter().any(|event| event.name == "ingest.issue"))
        .await;
    let issue = rig.events().await.into_iter().find(|event| event.name == "ingest.issue").unwrap();
    assert!(issue.text.contains("the recording can't be written"), "{}", issue.text);
    let opened = |rig: &[crate::store::Event]| rig.iter().filter(|e| e.name == "alert.opened").count();
    assert_eq!(opened(&rig.events().await), 1);
    assert!(!rig.bytes(&format!("{folder}/s4.m4s")).await.is_empty());
}

#[tokio::test]
async fn an_address_of_nobody_is_told_apart_from_one_that_is_not_live() {
    let rig = Rig::start().await;
    for (playback, code) in
        [(rig.channel.playback_id.as_str(), "not_live"), ("pb_nobody", "playback_not_found")]
    {
        let answer = rig.get(&format!("/live/{playback}/index.m3u8")).await;
        assert_eq!(answer.status(), 404);
        let problem: serde_json::Value = answer.json().await.unwrap();
        assert_eq!(problem["code"], code);
    }
    for (path, status) in [("/metrics", 401), ("/metrics/more", 404), ("/.well-known/nothing", 404)] {
        assert_eq!(rig.get(path).await.status(), status, "{path} is not the console");
    }
}
