//! What a viewer's requests get beside media: limits, how long answers may be kept, methods, ranges.

use std::time::Duration;

use reqwest::header::HeaderMap;
use tokio::task::JoinHandle;

use super::fixture;
use super::play::attribute;
use super::rig::{Rig, settings};

/// The query of the playlist after the one that is there, which nobody publishes in these tests.
fn next(playlist: &str) -> String {
    let last = playlist.lines().rfind(|line| line.starts_with('s') && line.ends_with(".m4s")).unwrap();
    let msn: u64 = last[1..last.len() - 4].parse().unwrap();
    format!("media.m3u8?_HLS_msn={}", msn + 2)
}

#[tokio::test]
async fn so_many_requests_wait_and_not_one_more() {
    for (status, code) in [(429, "too_many_held"), (503, "channel_overloaded")] {
        let rig = Rig::configured(settings(), |config| {
            let limits = &mut config.limits;
            limits.trusted_proxies.clear();
            (limits.held_per_address, limits.held_per_channel) =
                if status == 429 { (3, 99) } else { (99, 3) };
        })
        .await;
        let _publisher = rig.publish(&fixture::tags()).await;
        let folder = rig.folder("video").await;
        let playlist = rig.media(&folder, 4).await;
        let hint = attribute(&playlist, "#EXT-X-PRELOAD-HINT", "URI").remove(0);
        let wait = |file: &str| {
            let request = rig.web.get(rig.url(&format!("{folder}/{file}"))).send();
            tokio::spawn(request)
        };
        // Three of four wait, for a playlist or for a part; one is told at once.
        let after = next(&playlist);
        let mut waiting = vec![wait(&after), wait(&after), wait(&hint), wait(&hint)];
        rig.until("a refusal", async |_| waiting.iter().any(JoinHandle::is_finished)).await;
        let refused = waiting.iter().position(JoinHandle::is_finished).unwrap();
        let answer = waiting.remove(refused).await.unwrap().unwrap();
        assert_eq!(
            (answer.status().as_u16(), &answer.headers()["retry-after"]),
            (status, &"1".parse().unwrap())
        );
        let problem: serde_json::Value = answer.json().await.unwrap();
        assert_eq!(problem["code"], code);
        // What needn't wait is served all the same; and who leaves makes room.
        assert_eq!(rig.get(&format!("{folder}/media.m3u8")).await.status(), 200);
        assert!(!waiting.iter().any(JoinHandle::is_finished));
        waiting.remove(0).abort();
        rig.until("room", async |rig| {
            let path = format!("{folder}/{after}");
            tokio::time::timeout(Duration::from_millis(100), rig.get(&path)).await.is_err()
        })
        .await;
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).map_or("", |value| value.to_str().unwrap())
}

#[tokio::test]
async fn each_answer_says_what_it_is_and_who_may_keep_it() {
    const M3U8: &str = "application/vnd.apple.mpegurl";
    const MP4: &str = "video/mp4";
    const IMMUTABLE: &str = "public, max-age=31536000, immutable";
    const PROBLEM: &str = "application/problem+json";
    let rig = Rig::start().await;
    let publisher = rig.publish(&fixture::tags()).await;
    let folder = rig.folder("video").await;
    let playlist = rig.media(&folder, 4).await;
    let part = attribute(&playlist, "#EXT-X-PART:", "URI").remove(0);
    let target: u32 =
        playlist.split("#EXT-X-TARGETDURATION:").nth(1).unwrap().lines().next().unwrap().parse().unwrap();
    let (blocking, plain) = (
        format!("public, max-age=0, s-maxage={target}"),
        format!("public, max-age=0, s-maxage={}", (target / 2).max(1)),
    );
    let last = playlist.lines().rfind(|line| line.starts_with('s')).unwrap();
    let msn = &last[1..last.len() - 4];
    let live = format!("/live/{}", rig.channel.playback_id);
    for (path, status, kind, keep, vary) in [
        (format!("{live}/index.m3u8"), 200, M3U8, "no-store", "accept-encoding"),
        (format!("{folder}/media.m3u8?v=me"), 200, M3U8, &*plain, "accept-encoding"),
        (format!("{folder}/media.m3u8?v=me&_HLS_msn={msn}"), 200, M3U8, &*blocking, "accept-encoding"),
        (
            format!("{folder}/media.m3u8?_HLS_msn={msn}&_HLS_skip=YES"),
            200,
            M3U8,
            &*blocking,
            "accept-encoding",
        ),
        (format!("{folder}/{part}"), 200, MP4, IMMUTABLE, ""),
        (format!("{folder}/{last}"), 200, MP4, IMMUTABLE, ""),
        (format!("{folder}/init0.mp4"), 200, MP4, IMMUTABLE, ""),
        (format!("{folder}/media.m3u8?_HLS_part=1"), 400, PROBLEM, "public, max-age=1", ""),
        (format!("{folder}/p999999.m4s"), 404, PROBLEM, "public, max-age=1", ""),
        ("/live/pb_nobody/index.m3u8".to_owned(), 404, PROBLEM, "public, max-age=1", ""),
    ] {
        for coding in ["gzip", "identity"] {
            let request = |method: &str| {
                let request = rig.web.request(method.parse().unwrap(), rig.url(&path));
                request.header("accept-encoding", coding).header("origin", "https://a.example").send()
            };
            let answer = request("GET").await.unwrap();
            let headers = answer.headers().clone();
            assert_eq!(answer.status(), status, "{path}");
            assert_eq!(
                (text(&headers, "content-type"), text(&headers, "cache-control")),
                (kind, keep),
                "{path}"
            );
            assert_eq!(text(&headers, "vary"), vary, "{path}");
            let zipped = kind == M3U8 && coding == "gzip";
            assert_eq!(text(&headers, "content-encoding"), if zipped { "gzip" } else { "" }, "{path}");
            assert_eq!(text(&headers, "access-control-allow-origin"), "*", "{path}");
            assert_eq!(text(&headers, "access-control-expose-headers"), "*", "{path}");
            let body = answer.bytes().await.unwrap();
            assert_eq!(text(&headers, "content-length"), body.len().to_string(), "{path}");
            assert_eq!(body.starts_with(&[0x1f, 0x8b]), zipped, "{path}");

            let head = request("HEAD").await.unwrap();
            assert_eq!(head.status(), status, "{path}");
            for name in ["content-type", "cache-control", "vary", "content-encoding", "content-length"] {
                // The multivariant is another for each viewer, and so may be its length once it is gzipped.
                if !(name == "content-length" && path.ends_with("index.m3u8")) {
                    assert_eq!(text(head.headers(), name), text(&headers, name), "HEAD {path}: {name}");
                }
            }
            assert!(head.bytes().await.unwrap().is_empty());
        }
    }

    // Ranges of parts and segments, live and from the journal; and a preflight.
    publisher.close().await.unwrap();
    rig.until("ended", async |rig| rig.sessions().await[0].ended_at.is_some()).await;
    let session = rig.sessions().await.remove(0).id;
    for path in
        [format!("{folder}/{last}"), format!("{folder}/{part}"), format!("/vod/{session}/video/s1.m4s")]
    {
        let whole = rig.bytes(&path).await;
        let ranged = |range: &'static str| rig.web.get(rig.url(&path)).header("range", range).send();
        let answer = ranged("bytes=10-19").await.unwrap();
        assert_eq!(answer.status(), 206, "{path}");
        assert_eq!(text(answer.headers(), "content-range"), format!("bytes 10-19/{}", whole.len()));
        assert_eq!(text(answer.headers(), "accept-ranges"), "bytes");
        assert_eq!(answer.bytes().await.unwrap(), whole[10..20]);
        assert_eq!(ranged("bytes=99999999-").await.unwrap().status(), 416, "{path}");
        let request = rig.web.request(reqwest::Method::OPTIONS, rig.url(&path));
        let preflight = request
            .header("origin", "https://a.example")
            .header("access-control-request-method", "GET")
            .header("access-control-request-headers", "range");
        let answer = preflight.send().await.unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(text(answer.headers(), "access-control-allow-methods"), "GET,HEAD,OPTIONS");
        assert_eq!(text(answer.headers(), "access-control-allow-headers"), "*");
        assert_eq!(text(answer.headers(), "access-control-max-age"), "7200");
    }
}
