//! The slate's picture: put, read, shown in the channel, taken away.

use super::*;
use crate::control::picture::MAX_BYTES;

/// 16x16 pixels, as far as its head says: without a worker nobody looks further.
pub(super) const WHITE: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\x10\0\0\0\x10\x08\0\0\0\0";

impl Server {
    pub(super) async fn put_picture(&self, channel: &str, file: &[u8]) -> Answer {
        let path = format!("/api/v1/channels/{channel}/slate/picture");
        self.ask_as(Some(&self.operate), "PUT", &path, file).await
    }
}

#[tokio::test]
async fn a_picture_is_put_read_and_taken_away() {
    let server = Server::start().await;
    let channel = server.channel("a").await;
    let id = text(&channel["id"]);
    let path = format!("/channels/{id}/slate/picture");
    assert_eq!(channel["slate"], json!({ "after_ms": 1500, "picture": null }));
    let none = server.ask("GET", &path, Value::Null).await;
    assert_eq!((none.status.as_u16(), text(&none.body["code"])), (404, "picture_not_found"));
    let put = server.put_picture(id, WHITE).await;
    let known = json!({ "content_type": "image/png", "width": 16, "height": 16, "bytes": WHITE.len() });
    assert_eq!((put.status.as_u16(), &put.body["slate"]["picture"]), (200, &known));
    let read = server.ask("GET", &path, Value::Null).await;
    assert_eq!((read.status.as_u16(), &read.headers["content-type"]), (200, &"image/png".parse().unwrap()));
    // Another setting leaves it alone.
    server.ask("PATCH", &format!("/channels/{id}"), json!({ "slate": { "after_ms": 900 } })).await;
    let after = server.ask("GET", &format!("/channels/{id}"), Value::Null).await.body;
    assert_eq!(after["slate"], json!({ "after_ms": 900, "picture": known }));
    for _ in 0..2 {
        assert_eq!(server.ask("DELETE", &path, Value::Null).await.status, 204);
    }
    assert_eq!(
        server.ask("GET", &format!("/channels/{id}"), Value::Null).await.body["slate"]["picture"],
        Value::Null
    );
    let events = server.ask("GET", "/events", Value::Null).await.body;
    let told = events["data"].as_array().unwrap().iter().filter(|e| e["type"] == "channel.updated").count();
    assert_eq!(told, 3, "{events}");
}

#[tokio::test]
async fn what_is_no_picture_is_refused_with_a_reason() {
    let server = Server::start().await;
    let channel = server.channel("a").await;
    let id = text(&channel["id"]);
    let large = |bytes: usize| [WHITE, &vec![0; bytes - WHITE.len()]].concat();
    for (file, status, code) in [
        (large(MAX_BYTES), 200, Value::Null),
        (large(MAX_BYTES + 1), 413, json!("picture_too_large")),
        (b"GIF89a".to_vec(), 415, json!("unsupported_picture")),
        (WHITE[..20].to_vec(), 422, json!("bad_picture")),
        (Vec::new(), 415, json!("unsupported_picture")),
    ] {
        let answer = server.put_picture(id, &file).await;
        assert_eq!((answer.status.as_u16(), &answer.body["code"]), (status, &code), "{}", answer.body);
    }
    let nobody = server.put_picture("ch_nobody", WHITE).await;
    assert_eq!((nobody.status.as_u16(), text(&nobody.body["code"])), (404, "channel_not_found"));
}

#[tokio::test]
async fn a_logo_is_another_picture() {
    let server = Server::start().await;
    let channel = server.channel("a").await;
    let id = text(&channel["id"]);
    assert_eq!(channel["logo"], Value::Null);
    let path = format!("/channels/{id}/logo");
    let put = server.ask_as(Some(&server.operate), "PUT", &format!("/api/v1{path}"), WHITE).await;
    let known = json!({ "content_type": "image/png", "width": 16, "height": 16, "bytes": WHITE.len() });
    assert_eq!(
        (put.status.as_u16(), &put.body["logo"], &put.body["slate"]["picture"]),
        (200, &known, &Value::Null)
    );
    assert_eq!(server.ask("GET", &path, Value::Null).await.status, 200);
    assert_eq!(server.ask("GET", &format!("/channels/{id}/slate/picture"), Value::Null).await.status, 404);
    assert_eq!(server.ask("DELETE", &path, Value::Null).await.status, 204);
    assert_eq!(server.ask("GET", &path, Value::Null).await.status, 404);
    let events = server.ask("GET", "/events", Value::Null).await.body;
    let changed =
        events["data"].as_array().unwrap().iter().filter(|e| e["data"]["changed"] == json!(["logo"]));
    assert_eq!(changed.count(), 2, "{events}");
}
