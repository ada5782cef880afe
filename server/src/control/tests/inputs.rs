//! Bad input: the status, the code, and a text that names what is wrong.

use super::*;

#[tokio::test]
async fn bad_bodies_of_a_new_channel() {
    let server = Server::start().await;
    let long = json!({ "name": "x".repeat(101) }).to_string();
    let deep = format!("{}{}", r#"{"name":"#, "[".repeat(10_000));
    let cases: &[(&str, u16, &str, &str)] = &[
        ("", 400, "invalid_json", "EOF"),
        ("{", 400, "invalid_json", "EOF"),
        ("{} {}", 422, "invalid_field", "missing field `name`"),
        (r#"{"name":"a"} x"#, 400, "invalid_json", "trailing"),
        (&deep, 422, "invalid_field", "`name`"),
        ("\u{fffd}\u{0}", 400, "invalid_json", "expected value"),
        ("[]", 422, "invalid_field", "invalid length 0"),
        ("7", 422, "invalid_field", "invalid type"),
        ("{}", 422, "invalid_field", "missing field `name`"),
        (r#"{"name":null}"#, 422, "invalid_field", "`name`: invalid type: null"),
        (r#"{"name":7}"#, 422, "invalid_field", "`name`: invalid type: integer"),
        (r#"{"name":"a","name":"b"}"#, 422, "invalid_field", "duplicate field `name`"),
        (r#"{"name":"  "}"#, 422, "invalid_field", "`name` is empty"),
        (r#"{"name":"a\nb"}"#, 422, "invalid_field", "control character"),
        (&long, 422, "invalid_field", "101 characters"),
        (r#"{"name":"a","latency_mode":"fast"}"#, 422, "invalid_field", "expected one of `normal`"),
        (r#"{"name":"a","latency_mode":null}"#, 422, "invalid_field", "`latency_mode`"),
        (r#"{"name":"a","latency_target_s":0.59}"#, 422, "invalid_field", "ultra_low takes 0.6 to 4"),
        (r#"{"name":"a","latency_target_s":4.01}"#, 422, "invalid_field", "ultra_low takes 0.6 to 4"),
        (
            r#"{"name":"a","latency_mode":"low","latency_target_s":3.9}"#,
            422,
            "invalid_field",
            "low takes 4 to 10",
        ),
        (
            r#"{"name":"a","latency_mode":"normal","latency_target_s":31}"#,
            422,
            "invalid_field",
            "takes 10 to 30",
        ),
        (r#"{"name":"a","latency_target_s":-1e308}"#, 422, "invalid_field", "ultra_low takes"),
        (
            r#"{"name":"a","latency_target_s":1e999}"#,
            422,
            "invalid_field",
            "`latency_target_s`: number out of range",
        ),
        (r#"{"name":"a","latency_target_s":"1"}"#, 422, "invalid_field", "`latency_target_s`: invalid type"),
        (r#"{"name":"a","record":"yes"}"#, 422, "invalid_field", "`record`: invalid type"),
        (r#"{"name":"a","max_duration_s":9}"#, 422, "invalid_field", "`max_duration_s` is 9"),
        (r#"{"name":"a","max_duration_s":604801}"#, 422, "invalid_field", "10 to 604800"),
        (r#"{"name":"a","max_duration_s":-1}"#, 422, "invalid_field", "`max_duration_s`: invalid value"),
        (
            r#"{"name":"a","max_duration_s":4294967296}"#,
            422,
            "invalid_field",
            "`max_duration_s`: invalid value",
        ),
        (r#"{"name":"a","reconnect_window_s":4}"#, 422, "invalid_field", "must be 5 to 3600"),
        (r#"{"name":"a","reconnect_window_s":3601}"#, 422, "invalid_field", "must be 5 to 3600"),
        (r#"{"name":"a","reconnect_window_s":null}"#, 422, "invalid_field", "`reconnect_window_s`"),
        (r#"{"name":"a","colour":"red"}"#, 422, "invalid_field", "unknown field `colour`"),
        (r#"{"name":"a","simulcast":[]}"#, 422, "not_supported", "`simulcast` is not supported"),
        (r#"{"name":"a","ladder":[]}"#, 422, "invalid_field", "`ladder`"),
        (
            r#"{"name":"a","ladder":{"kind":"auto","max_height":700}}"#,
            422,
            "invalid_field",
            "must be one of 2160",
        ),
        (r#"{"name":"a","processing":{"picture":{"denoise":2}}}"#, 422, "invalid_field", "denoise"),
        (r#"{"name":"a","slate":{"after_ms":499}}"#, 422, "invalid_field", "must be 500 to 10000"),
        (r#"{"name":"a","slate":{"after_ms":10001}}"#, 422, "invalid_field", "must be 500 to 10000"),
        (r#"{"name":"a","slate":{"colour":"red"}}"#, 422, "invalid_field", "unknown field `colour`"),
        (r#"{"name":"a","dvr_window_s":29}"#, 422, "invalid_field", "must be 30 to 604800"),
        (r#"{"name":"a","dvr_window_s":604801}"#, 422, "invalid_field", "must be 30 to 604800"),
        (r#"{"name":"a","dvr_window_s":null}"#, 422, "invalid_field", "`dvr_window_s`"),
        (r#"{"name":"a","retention":{"max_age_s":59}}"#, 422, "invalid_field", "must be 60 to 315360000"),
        (r#"{"name":"a","retention":{"max_bytes":999999}}"#, 422, "invalid_field", "at least 1000000"),
        (r#"{"name":"a","retention":{"days":1}}"#, 422, "invalid_field", "unknown field `days`"),
        (r#"{"name":"a","playback":{"id":"pb_1"}}"#, 422, "invalid_field", "unknown field `id`"),
        (r#"{"name":"a","playback":{"policy":"secret"}}"#, 422, "invalid_field", "unknown variant `secret`"),
        (r#"{"name":"a","status":"active"}"#, 422, "read_only", "`status` is decided"),
    ];
    for (body, status, code, says) in cases {
        let answer = server.ask_as(Some(&server.admin), "POST", "/api/v1/channels", body).await;
        let shown: String = body.chars().take(60).collect();
        assert_eq!(answer.status, *status, "{shown}: {}", answer.body);
        assert_eq!(text(&answer.body["code"]), *code, "{shown}: {}", answer.body);
        assert!(text(&answer.body["detail"]).contains(says), "{shown}: {}", answer.body);
        assert_eq!(answer.headers["content-type"], "application/problem+json");
        assert_eq!(answer.body["request_id"], *answer.headers["x-request-id"].to_str().unwrap());
    }
    let list = server.ask("GET", "/channels", Value::Null).await;
    assert_eq!(list.body["data"], json!([]), "none of them made a channel");
}

#[tokio::test]
async fn limits_hold_at_the_limit() {
    let server = Server::start().await;
    for body in [
        json!({ "name": "é".repeat(100) }),
        json!({ "name": "a", "latency_target_s": 0.6 }),
        json!({ "name": "a", "latency_target_s": 4 }),
        json!({ "name": "a", "latency_mode": "normal", "latency_target_s": 30.0 }),
        json!({ "name": "a", "max_duration_s": 604_800, "reconnect_window_s": 5 }),
        json!({ "name": "a", "max_duration_s": null, "reconnect_window_s": 3600 }),
        json!({ "name": "a", "dvr_window_s": 30, "retention": { "max_age_s": 60, "max_bytes": 1_000_000 } }),
        json!({ "name": "a", "dvr_window_s": 604_800, "retention": { "max_age_s": null } }),
        json!({ "name": "a", "slate": { "after_ms": 500 } }),
        json!({ "name": "a", "slate": { "after_ms": 10_000 } }),
        json!({ "name": "a", "slate": {} }),
    ] {
        let answer = server.ask("POST", "/channels", body).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
    }
    let body = |size: usize| format!(r#"{{"name":"a"}}{}"#, " ".repeat(size - 12));
    let full = server.ask_as(Some(&server.admin), "POST", "/api/v1/channels", &body(MAX_BODY)).await;
    assert_eq!(full.status, 201);
    let over = server.ask_as(Some(&server.admin), "POST", "/api/v1/channels", &body(MAX_BODY + 1)).await;
    assert_eq!((over.status.as_u16(), text(&over.body["detail"])), (413, "the body is larger than 64 KiB"));
}

#[tokio::test]
async fn latency_targets_hold_at_both_ends_of_their_mode() {
    let server = Server::start().await;
    let channel = server.channel("a").await;
    let path = format!("/channels/{}", text(&channel["id"]));
    for (mode, least, most) in [("ultra_low", 0.6, 4.0), ("low", 4.0, 10.0), ("normal", 10.0, 30.0)] {
        for (target, taken) in [(least, true), (least - 0.01, false), (most, true), (most + 0.01, false)] {
            let body = json!({ "latency_mode": mode, "latency_target_s": target });
            let created = {
                let mut body = body.clone();
                body["name"] = json!("b");
                server.ask("POST", "/channels", body).await
            };
            let patched = server.ask("PATCH", &path, body).await;
            // The mode stays, and the target alone must fit it.
            let alone = server.ask("PATCH", &path, json!({ "latency_target_s": target })).await;
            for (answer, good) in [(&created, 201), (&patched, 200), (&alone, 200)] {
                let status = if taken { good } else { 422 };
                assert_eq!(answer.status, status, "{mode} {target}: {}", answer.body);
            }
            if taken {
                assert_eq!(
                    (&patched.body["latency_mode"], &alone.body["latency_target_s"]),
                    (&json!(mode), &json!(target))
                );
            } else {
                let told = format!(
                    "`latency_target_s` is {target}, but latency_mode {mode} takes {least} to {most}"
                );
                assert_eq!(text(&patched.body["detail"]), told);
                assert_eq!(text(&patched.body["code"]), "invalid_field");
            }
        }
    }
}

#[tokio::test]
async fn bad_requests_elsewhere() {
    let server = Server::start().await;
    let channel = server.channel("a").await;
    let id = text(&channel["id"]);
    let cases = [
        ("GET", "/channels?limit=0".to_owned(), "", 400, "invalid_query"),
        ("GET", "/channels?limit=201".to_owned(), "", 400, "invalid_query"),
        ("GET", "/channels?limit=-1".to_owned(), "", 400, "invalid_query"),
        ("GET", "/channels?cursor=x".to_owned(), "", 400, "invalid_query"),
        ("GET", "/channels?cursor=ses_01jcz3v6a8m2q4r6t8w0y2b4d6".to_owned(), "", 400, "invalid_query"),
        ("GET", "/channels?page=2".to_owned(), "", 400, "invalid_query"),
        ("GET", "/events?after=7".to_owned(), "", 400, "invalid_query"),
        ("GET", "/events?after=evt_99999999999999999999".to_owned(), "", 400, "invalid_query"),
        ("GET", "/events?after=evt_-000000000000001".to_owned(), "", 400, "invalid_query"),
        ("GET", "/channels/ch_no".to_owned(), "", 404, "channel_not_found"),
        ("GET", "/channels/%ff".to_owned(), "", 400, "bad_request"),
        ("GET", "/channels/%27%20OR%201=1".to_owned(), "", 404, "channel_not_found"),
        ("PATCH", "/channels/ch_no".to_owned(), "{}", 404, "channel_not_found"),
        ("DELETE", "/channels/ch_no".to_owned(), "", 404, "channel_not_found"),
        ("POST", "/channels/ch_no/start".to_owned(), "", 404, "channel_not_found"),
        ("GET", "/channels/ch_no/sessions".to_owned(), "", 404, "channel_not_found"),
        ("GET", "/channels/ch_no/stream-keys".to_owned(), "", 404, "channel_not_found"),
        ("POST", "/channels/ch_no/stream-keys".to_owned(), "", 404, "channel_not_found"),
        ("DELETE", format!("/channels/{id}/stream-keys/key_no"), "", 404, "stream_key_not_found"),
        ("POST", format!("/channels/{id}/restream"), "", 409, "no_session"),
        ("PATCH", format!("/channels/{id}"), r#"{"name":null}"#, 422, "invalid_field"),
        ("PATCH", format!("/channels/{id}"), r#"{"latency_target_s":5}"#, 422, "invalid_field"),
        (
            "PATCH",
            format!("/channels/{id}"),
            r#"{"processing":{"picture":{"rotate":45}}}"#,
            422,
            "invalid_field",
        ),
        ("PATCH", format!("/channels/{id}"), r#"{"id":"x"}"#, 422, "read_only"),
        ("GET", "/sessions/ses_no".to_owned(), "", 404, "session_not_found"),
        ("POST", "/sessions/ses_no/end".to_owned(), "", 404, "session_not_found"),
        ("GET", "/sessions/ses_no/assets".to_owned(), "", 404, "session_not_found"),
        ("GET", "/tokens/tok_no".to_owned(), "", 404, "token_not_found"),
        ("POST", "/tokens".to_owned(), r#"{"name":"a","scope":"root"}"#, 422, "invalid_field"),
        ("POST", "/tokens".to_owned(), r#"{"name":"a"}"#, 422, "invalid_field"),
        ("PATCH", "/tokens/tok_no".to_owned(), r#"{"name":"a"}"#, 404, "token_not_found"),
        ("GET", "/nothing".to_owned(), "", 404, "no_such_route"),
        ("PUT", "/channels".to_owned(), "", 405, "method_not_allowed"),
    ];
    for (method, path, body, status, code) in cases {
        let answer = server.ask_as(Some(&server.admin), method, &format!("/api/v1{path}"), body).await;
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.body);
        assert_eq!(text(&answer.body["code"]), code, "{method} {path}: {}", answer.body);
        assert!(!text(&answer.body["detail"]).is_empty());
    }
    for key in ["", "ü", &"k".repeat(256)] {
        let request = Request::post("/api/v1/channels")
            .header("authorization", format!("Bearer {}", server.admin))
            .header("idempotency-key", key.as_bytes())
            .body(Body::from(r#"{"name":"a"}"#))
            .unwrap();
        let answer = server.send(request).await;
        assert_eq!(answer.body["code"], "invalid_idempotency_key", "{}", answer.body);
    }
}
