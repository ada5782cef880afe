//! `Idempotency-Key` on writes other than a new channel.

use super::*;

async fn send(server: &Server, token: &str, method: &str, path: &str, key: &str, body: Value) -> Answer {
    let request = Request::builder()
        .method(method)
        .uri(format!("/api/v1{path}"))
        .header("authorization", format!("Bearer {token}"))
        .header("idempotency-key", key);
    let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
    server.send(request.body(body).unwrap()).await
}

#[tokio::test]
async fn a_repeated_write_is_done_once() {
    let server = Server::start().await;
    let channel = server.channel("a").await;
    let keys = format!("/channels/{}/stream-keys", text(&channel["id"]));
    let first = send(&server, &server.operate, "POST", &keys, "k1", Value::Null).await;
    let again = send(&server, &server.operate, "POST", &keys, "k1", Value::Null).await;
    assert_eq!((first.status.as_u16(), again.status.as_u16()), (201, 201));
    assert_eq!(first.body, again.body);
    assert_eq!(
        (first.headers.get("idempotency-replayed"), &again.headers["content-type"]),
        (None, &first.headers["content-type"])
    );
    assert_eq!(again.headers["idempotency-replayed"], "true");
    assert_eq!(server.ask("GET", &keys, Value::Null).await.body["data"].as_array().unwrap().len(), 2);

    // Another key, and another caller with the same key, are other requests.
    for (token, key) in [(&server.operate, "k2"), (&server.admin, "k1")] {
        let other = send(&server, token, "POST", &keys, key, Value::Null).await;
        assert_ne!(other.body, first.body);
    }
    // The same key for something else, be it another path, method or body.
    let path = format!("/channels/{}", text(&channel["id"]));
    for (method, path, body) in [
        ("POST", format!("{path}/stop"), Value::Null),
        ("PATCH", path.clone(), json!({})),
        ("POST", keys, json!({})),
    ] {
        let reused = send(&server, &server.operate, method, &path, "k1", body).await;
        assert_eq!((reused.status.as_u16(), text(&reused.body["code"])), (422, "idempotency_key_reused"));
    }
    // A change that was undone since is not done again.
    let rename = |key, name| send(&server, &server.operate, "PATCH", &path, key, json!({ "name": name }));
    rename("k3", "b").await;
    rename("k4", "c").await;
    assert_eq!(rename("k3", "b").await.body["name"], "b");
    assert_eq!(server.ask("GET", &path, Value::Null).await.body["name"], "c");
}

#[tokio::test]
async fn what_failed_may_be_tried_again() {
    let server = Server::start().await;
    let id = text(&server.channel("a").await["id"]).to_owned();
    let path = format!("/channels/{id}/restream");
    let none = send(&server, &server.operate, "POST", &path, "k1", Value::Null).await;
    assert_eq!((none.status.as_u16(), text(&none.body["code"])), (409, "no_session"));
    server.running.publish(&id).await;
    let done = send(&server, &server.operate, "POST", &path, "k1", Value::Null).await;
    assert_eq!(done.status, 200);
    // Neither does a key help who may not ask.
    let stranger = send(&server, "wrong", "POST", &path, "k2", Value::Null).await;
    assert_eq!((stranger.status.as_u16(), text(&stranger.body["code"])), (401, "token_unknown"));
    let reader = send(&server, &server.read, "POST", &path, "k2", Value::Null).await;
    assert_eq!(reader.status, 403);
    let large = send(&server, &server.operate, "POST", &path, "k5", json!("x".repeat(super::MAX_BODY))).await;
    assert_eq!(large.status, 413);
}

#[tokio::test]
async fn two_at_once_are_done_once() {
    let server = Server::start().await;
    let path = format!("/channels/{}/stream-keys", text(&server.channel("a").await["id"]));
    let ask = || send(&server, &server.operate, "POST", &path, "k1", Value::Null);
    let (one, two) = tokio::join!(ask(), ask());
    let mut statuses = [one.status.as_u16(), two.status.as_u16()];
    statuses.sort_unstable();
    assert!(statuses == [201, 409] || one.body == two.body, "{statuses:?}");
    assert_eq!(server.ask("GET", &path, Value::Null).await.body["data"].as_array().unwrap().len(), 2);
}
