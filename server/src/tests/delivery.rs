//! What a viewer's requests get beside media: limits, how long answers may be kept, methods, ranges.

use std::time::Duration;

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
