//! What the routes do.

use expect_test::expect_file;

use super::*;

#[tokio::test]
async fn a_channel_from_making_to_deleting() {
    let server = Server::start().await;
    let made = server.ask("POST", "/channels", json!({ "name": " Studio A " })).await;
    let channel = made.body;
    let (id, playback) = (text(&channel["id"]).to_owned(), text(&channel["playback"]["id"]).to_owned());
    assert_eq!(made.headers["location"], format!("/api/v1/channels/{id}"));
    assert!(id.starts_with("ch_") && playback.starts_with("pb_"));
    let key = text(&channel["stream_key"]);
    assert!(key.starts_with("sk_") && key.len() == 35, "{key}");
    let mut expected = channel.clone();
    for (field, value) in [
        ("name", json!("Studio A")),
        ("status", json!("idle")),
        ("latency_mode", json!("ultra_low")),
        ("latency_target_s", json!(0.6)),
        ("ingest", json!({ "rtmp_url": "rtmp://in.example/live" })),
        (
            "playback",
            json!({
                "id": playback,
                "hls_url": format!("http://out.example/live/{playback}/index.m3u8"),
                "dvr_url": format!("http://out.example/live/{playback}/dvr.m3u8"),
                "thumbnail_url": format!("http://out.example/live/{playback}/thumbnail.jpg"),
                "storyboard_url": format!("http://out.example/live/{playback}/storyboard.vtt"),
                "watch_url": format!("http://out.example/watch/{playback}"),
                "policy": "public",
            }),
        ),
        ("record", json!(true)),
        ("max_duration_s", Value::Null),
        ("reconnect_window_s", json!(30)),
        ("dvr_window_s", json!(30)),
        ("retention", json!({ "max_age_s": null, "max_bytes": null })),
        ("live_session_id", Value::Null),
        ("source", Value::Null),
    ] {
        expected[field] = value;
    }
    assert_eq!(channel, expected);

    let path = format!("/channels/{id}");
    let low = server.ask("PATCH", &path, json!({ "latency_mode": "low", "max_duration_s": 60 })).await.body;
    assert_eq!((&low["latency_target_s"], &low["max_duration_s"]), (&json!(9.0), &json!(60)));
    let back = server.ask("PATCH", &path, json!({ "name": "B", "max_duration_s": null })).await.body;
    assert_eq!((&back["latency_target_s"], &back["max_duration_s"]), (&json!(9.0), &Value::Null));
    assert_eq!(back["name"], "B");
    let same = server.ask("PATCH", &path, json!({})).await.body;
    assert_eq!(same, back);

    assert_eq!(server.ask("DELETE", &path, Value::Null).await.status, 204);
    assert_eq!(server.ask("GET", &path, Value::Null).await.status, 404);
    let events = server.ask("GET", "/events", Value::Null).await.body;
    let names: Vec<_> = events["data"].as_array().unwrap().iter().map(|e| text(&e["type"])).collect();
    assert_eq!(names, ["channel.created", "channel.updated", "channel.updated", "channel.deleted"]);
    assert_eq!(
        events["data"][1]["data"],
        json!({ "changed": ["latency_mode", "latency_target_s", "max_duration_s"] })
    );
    assert_eq!(events["data"][3]["text"], "channel B: deleted; its recordings are kept");
}

#[tokio::test]
async fn operators_drive_a_session() {
    let server = Server::start().await;
    let id = text(&server.channel("a").await["id"]).to_owned();
    let first = server.running.publish(&id).await;
    let channel = server.ask("GET", &format!("/channels/{id}"), Value::Null).await.body;
    assert_eq!((&channel["status"], &channel["live_session_id"]), (&json!("active"), &json!(first.as_str())));
    assert_eq!(channel["source"]["codecs"], json!(["avc1.64001f"]));

    let channel = server.ask("POST", &format!("/channels/{id}/restream"), Value::Null).await.body;
    let second = text(&channel["live_session_id"]).to_owned();
    assert_ne!(second, first.as_str());
    let old = server.ask("GET", &format!("/sessions/{first}"), Value::Null).await.body;
    assert_eq!((&old["status"], &old["end_reason"]), (&json!("ended"), &json!("restreamed")));

    let ended = server.ask("POST", &format!("/sessions/{second}/end"), Value::Null).await;
    assert_eq!(ended.body["end_reason"], "ended_by_operator");
    let again = server.ask("POST", &format!("/sessions/{second}/end"), Value::Null).await;
    assert_eq!((again.status.as_u16(), text(&again.body["code"])), (409, "session_ended"));

    for (order, status) in [("stop", "stopped"), ("stop", "stopped"), ("start", "idle"), ("start", "idle")] {
        let channel = server.ask("POST", &format!("/channels/{id}/{order}"), Value::Null).await.body;
        assert_eq!(channel["status"], status);
    }

    let sessions = server.ask("GET", &format!("/channels/{id}/sessions?limit=1"), Value::Null).await.body;
    assert_eq!(sessions["data"][0]["id"], second);
    let next = format!("/channels/{id}/sessions?limit=1&cursor={}", text(&sessions["next_cursor"]));
    let sessions = server.ask("GET", &next, Value::Null).await.body;
    assert_eq!(
        (&sessions["data"][0]["id"], &sessions["next_cursor"]),
        (&json!(first.as_str()), &Value::Null)
    );
}

/// A session with two recordings and a playlist of a minute each.
async fn assets(server: &Server) -> live::SessionId {
    let id = text(&server.channel("a").await["id"]).to_owned();
    let session = server.running.publish(&id).await;
    let (recording, catch_up) = (live::event::AssetKind::Recording, live::event::AssetKind::CatchUp);
    for (asset, kind, part) in [("ast_1", recording, 1), ("ast_2", recording, 2), ("ast_3", catch_up, 1)] {
        let duration = Some(std::time::Duration::from_secs(60));
        let asset = live::event::Asset { id: asset.into(), kind, part, duration, bytes: None };
        let kind = live::event::Kind::AssetReady { asset };
        let event = live::Event { channel: None, session: Some(session.clone()), kind };
        server.store.record(event).await.unwrap();
    }
    session
}

#[tokio::test]
async fn assets_say_where_they_are() {
    let server = Server::start().await;
    let session = assets(&server).await;
    let assets = server.ask("GET", &format!("/sessions/{session}/assets"), Value::Null).await.body;
    for (at, path) in ["recording.mp4", "recording.mp4?part=2", "index.m3u8"].iter().enumerate() {
        assert_eq!(assets["data"][at]["url"], format!("http://out.example/vod/{session}/{path}"));
    }
    assert_eq!(assets["data"][2]["kind"], "catch_up");
}

#[tokio::test]
async fn assets_are_titled_trimmed_and_deleted() {
    let server = Server::start().await;
    assets(&server).await;
    for (body, status, says) in [
        (json!({ "in_s": 10.5, "out_s": 20, "title": " Goal " }), 200, ""),
        (json!({ "out_s": 10.59 }), 422, "`out_s` is 10.59, but must be 10.600 to 60.000"),
        (json!({ "out_s": 10.6 }), 200, ""),
        (json!({ "out_s": 61.1 }), 422, "must be 10.600 to 60.000"),
        (json!({ "in_s": null }), 200, ""),
        (json!({ "in_s": -0.1 }), 422, "`in_s` is -0.1, but must be 0 to 59.900"),
        (json!({ "in_s": 59.91, "out_s": null }), 422, "`in_s` is 59.91"),
        (json!({ "title": "" }), 422, "`title` is empty"),
        (json!({ "title": "a".repeat(201) }), 422, "201 characters"),
        (json!({ "title": "a\nb" }), 422, "control character"),
        (json!({ "url": "x" }), 422, "unknown field `url`"),
    ] {
        let answer = server.ask("PATCH", "/assets/ast_1", body.clone()).await;
        assert_eq!(answer.status.as_u16(), status, "{body}: {}", answer.body);
        if status != 200 {
            assert!(text(&answer.body["detail"]).contains(says), "{body}: {}", answer.body);
        }
    }
    let now = server.ask("GET", "/assets/ast_1", Value::Null).await.body;
    assert_eq!((&now["title"], &now["in_s"], &now["out_s"]), (&json!("Goal"), &Value::Null, &json!(10.6)));
    for (method, path, token, status) in [
        ("DELETE", "/assets/ast_1", &server.read, 403),
        ("PATCH", "/assets/ast_1", &server.read, 403),
        ("GET", "/assets/ast_1", &server.read, 200),
        ("DELETE", "/assets/ast_1", &server.operate, 204),
        ("DELETE", "/assets/ast_1", &server.operate, 404),
        ("GET", "/assets/ast_1", &server.read, 404),
        ("PATCH", "/assets/ast_9", &server.operate, 404),
    ] {
        let answer = server.ask_as(Some(token), method, &format!("/api/v1{path}"), "{}").await;
        assert_eq!(answer.status.as_u16(), status, "{method} {path}: {}", answer.body);
    }
}

#[tokio::test]
async fn lists_come_in_pages_that_miss_nothing() {
    let server = Server::start().await;
    let mut made = vec![];
    for n in 0..7 {
        made.push(server.channel(&n.to_string()).await["id"].clone());
    }
    made.sort_by_key(|id| text(id).to_owned());
    for limit in [1, 3, 7, 8] {
        let (mut seen, mut cursor) = (vec![], String::new());
        loop {
            let page = server.ask("GET", &format!("/channels?limit={limit}{cursor}"), Value::Null).await.body;
            let data = page["data"].as_array().unwrap();
            assert!(!data.is_empty() && data.len() <= limit);
            seen.extend(data.iter().map(|channel| channel["id"].clone()));
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        assert_eq!(seen, made, "by {limit}");
    }
    let first = server.ask("GET", "/events?limit=3", Value::Null).await.body;
    let rest =
        server.ask("GET", &format!("/events?after={}", text(&first["next_cursor"])), Value::Null).await;
    assert_eq!(rest.body["data"].as_array().unwrap().len(), 4);
    assert_eq!(rest.body["data"][0]["id"], "evt_0000000000000004");
}

#[tokio::test]
async fn stream_keys_come_and_go() {
    let server = Server::start().await;
    let channel = server.channel("a").await;
    let path = format!("/channels/{}/stream-keys", text(&channel["id"]));
    let new = server.ask("POST", &path, Value::Null).await;
    assert_eq!(new.status, 201);
    let keys = server.ask("GET", &path, Value::Null).await.body;
    assert_eq!(keys["data"].as_array().unwrap().len(), 2);
    assert_eq!(keys["data"][0]["key"], channel["stream_key"]);
    let old = format!("{path}/{}", text(&keys["data"][0]["id"]));
    assert_eq!(server.ask("DELETE", &old, Value::Null).await.status, 204);
    assert_eq!(server.ask("DELETE", &old, Value::Null).await.status, 404);
    let channel = server.ask("GET", &format!("/channels/{}", text(&channel["id"])), Value::Null).await.body;
    assert_eq!(channel["stream_key"], new.body["key"]);
}

#[tokio::test]
async fn tokens_are_shown_once() {
    let server = Server::start().await;
    let made = server.ask("POST", "/tokens", json!({ "name": "wall", "scope": "read" })).await;
    assert_eq!(made.status, 201);
    let (id, token) = (text(&made.body["id"]), text(&made.body["token"]));
    let path = format!("/tokens/{id}");
    assert_eq!(server.ask("PATCH", &path, json!({ "name": "hall" })).await.body["name"], "hall");
    let read = server.ask("GET", &path, Value::Null).await.body;
    assert_eq!((&read["name"], &read["scope"]), (&json!("hall"), &json!("read")));
    let list = server.ask("GET", "/tokens", Value::Null).await.body.to_string();
    assert!(list.contains(id) && !list.contains(token) && !read.to_string().contains(token));
}

#[tokio::test]
async fn an_idempotency_key_makes_one_channel() {
    let server = Server::start().await;
    let send = |body: &'static str| {
        Request::post("/api/v1/channels")
            .header("authorization", format!("Bearer {}", server.operate))
            .header("idempotency-key", "one")
            .body(Body::from(body))
            .unwrap()
    };
    let first = server.send(send(r#"{"name":"a"}"#)).await;
    let again = server.send(send(r#"{ "name": "a" }"#)).await;
    assert_eq!((first.status.as_u16(), again.status.as_u16()), (201, 201));
    assert_eq!(first.body, again.body);
    assert_eq!(again.headers["idempotency-replayed"], "true");
    let other = server.send(send(r#"{"name":"b"}"#)).await;
    assert_eq!((other.status.as_u16(), text(&other.body["code"])), (422, "idempotency_key_reused"));
    assert_eq!(server.ask("GET", "/channels", Value::Null).await.body["data"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn health_needs_no_token() {
    let server = Server::start().await;
    for path in ["/healthz", "/readyz"] {
        assert_eq!(server.ask_as(None, "GET", path, "").await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn metrics_are_for_who_may_read() {
    let server = Server::start().await;
    for (token, status) in [(None, 401), (Some(&server.read), 200)] {
        let answer = server.ask_as(token.map(String::as_str), "GET", "/metrics", "").await;
        assert_eq!(answer.status, status);
    }
}

#[tokio::test]
async fn the_specification_is_served_and_golden() {
    let server = Server::start().await;
    let served = server.ask_as(None, "GET", "/api/v1/openapi.json", "").await;
    assert_eq!(served.status, 200);
    // `UPDATE_EXPECT=1 cargo test -p server openapi` writes it anew; `ui/` makes its types of it.
    let text = serde_json::to_string_pretty(&openapi::document()).unwrap() + "\n";
    expect_file!["../../../../crates/api/openapi.json"].assert_eq(&text);
    assert_eq!(served.body, serde_json::from_str::<Value>(&text).unwrap());
}

#[tokio::test]
async fn changes_at_the_same_time_keep_each_other() {
    let server = Server::start().await;
    let path = format!("/channels/{}", text(&server.channel("a").await["id"]));
    for window in 10..15 {
        let name = format!("name {window}");
        let (renamed, moved, limited) = tokio::join!(
            server.ask("PATCH", &path, json!({ "name": name })),
            server.ask("PATCH", &path, json!({ "reconnect_window_s": window })),
            server.ask("PATCH", &path, json!({ "max_duration_s": window * 10 })),
        );
        assert!([renamed, moved, limited].iter().all(|answer| answer.status == 200));
        let now = server.ask("GET", &path, Value::Null).await.body;
        assert_eq!(
            (&now["name"], &now["reconnect_window_s"], &now["max_duration_s"]),
            (&json!(name), &json!(window), &json!(window * 10))
        );
    }
}
