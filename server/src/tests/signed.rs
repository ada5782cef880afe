//! Signed playback: a token for the playlist, a secret in the path for the rest, and taking both away again; the same for a
//! session's past.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use super::fixture;
use super::rig::{Rig, settings};
use crate::store::{Policy, Scope, Settings};

impl Rig {
    pub(super) async fn api(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let url = self.url(&format!("/api/v1{path}"));
        let request = self.web.request(method.parse().unwrap(), url).bearer_auth(self.server.admin_token());
        let request = if body.is_null() { request } else { request.json(&body) };
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap_or_default())
    }

    async fn told(&self, path: &str) -> (u16, String) {
        let answer = self.get(path).await;
        let status = answer.status().as_u16();
        let problem: Value = answer.json().await.unwrap_or_default();
        (status, problem["code"].as_str().unwrap_or_default().to_owned())
    }
}

pub(super) fn sign(kid: &str, key: &str, algorithm: Algorithm, claims: &Value) -> String {
    let der = rcgen::KeyPair::from_pem(key).unwrap().serialize_der();
    let key = match algorithm {
        Algorithm::EdDSA => EncodingKey::from_ed_der(&der),
        _ => EncodingKey::from_ec_der(&der),
    };
    let mut header = Header::new(algorithm);
    header.kid = Some(kid.to_owned());
    jsonwebtoken::encode(&header, claims, &key).unwrap()
}

/// The folder of the video rendition in a multivariant playlist, and its viewer.
fn video(multivariant: &str) -> (String, String) {
    playlist_of_video(multivariant, "media")
}

fn playlist_of_video(multivariant: &str, name: &str) -> (String, String) {
    let line = multivariant.lines().find(|line| line.contains(&format!("/video/{name}.m3u8"))).unwrap();
    let (path, viewer) = line.split_once(&format!("/{name}.m3u8?v=")).unwrap();
    (path.to_owned(), viewer.to_owned())
}

#[tokio::test]
async fn a_token_lets_in_and_a_rotation_puts_out() {
    let rig = Rig::with(Settings { policy: Policy::Signed, ..settings() }).await;
    let publisher = rig.publish(&fixture::tags()).await;
    let playback = rig.channel.playback_id.clone();
    let live = format!("/live/{playback}/index.m3u8");
    rig.until("a session", async |rig| rig.sessions().await.len() == 1).await;
    let session = rig.sessions().await[0].id.clone();

    // A key made here, and one whose private half the server never saw.
    let (status, made) = rig.api("POST", "/signing-keys", json!({ "name": "site" })).await;
    assert_eq!((status, &made["algorithm"]), (201, &json!("ES256")));
    let own = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
    let body = json!({ "name": "own", "public_key": own.public_key_pem() });
    let (status, sent) = rig.api("POST", "/signing-keys", body).await;
    assert_eq!((status, &sent["algorithm"], sent.get("private_key")), (201, &json!("EdDSA"), None));
    let (kid, own_kid) = (made["id"].as_str().unwrap(), sent["id"].as_str().unwrap());
    let jwks: Value = rig.get("/.well-known/jwks.json").await.json().await.unwrap();
    assert_eq!((&jwks["keys"][0]["kid"], &jwks["keys"][1]["kid"]), (&made["id"], &sent["id"]));
    let (_, listed) = rig.api("GET", "/signing-keys", Value::Null).await;
    assert_eq!(listed["data"].as_array().unwrap().len(), 2);
    assert!(!listed.to_string().contains("PRIVATE"), "{listed}");

    let now = crate::clock::Clock::system().utc().unix_timestamp();
    let claims = json!({ "sub": playback, "exp": now + 60, "viewer": "u-42" });
    let token = |claims: &Value| sign(kid, made["private_key"].as_str().unwrap(), Algorithm::ES256, claims);

    // Without, with a wrong one, with one for another time, channel, key or algorithm.
    let mut expired = claims.clone();
    expired["exp"] = json!(now - 60);
    let mut other = claims.clone();
    other["sub"] = json!("pb_other");
    let none = format!(
        "{}.{}.",
        URL_SAFE_NO_PAD.encode(json!({ "alg": "none", "kid": kid }).to_string()),
        URL_SAFE_NO_PAD.encode(claims.to_string())
    );
    for (query, status, code) in [
        (String::new(), 401, "token_missing"),
        ("?token=x".to_owned(), 401, "token_malformed"),
        (format!("?token={}", token(&expired)), 401, "token_expired"),
        (format!("?token={}", token(&other)), 403, "token_wrong_playback"),
        (format!("?token={none}"), 401, "token_algorithm"),
        (
            format!("?token={}", sign("sig_x", &own.serialize_pem(), Algorithm::EdDSA, &claims)),
            401,
            "token_key_unknown",
        ),
        (
            format!(
                "?token={}",
                sign(own_kid, made["private_key"].as_str().unwrap(), Algorithm::ES256, &claims)
            ),
            401,
            "token_algorithm",
        ),
    ] {
        for path in [&live, &format!("/vod/{session}/index.m3u8"), &format!("/vod/{session}/recording.mp4")] {
            assert_eq!(
                rig.told(&format!("{path}{query}")).await,
                (status, code.to_owned()),
                "{path} {query}"
            );
        }
    }
    let refused = rig.get(&live).await;
    assert_eq!(refused.headers()["cache-control"], "no-store");

    // Either key lets in; the rest goes without a token.
    let token_query = format!("?token={}", token(&claims));
    rig.until("live", async |rig| rig.get(&format!("{live}{token_query}")).await.status() == 200).await;
    let other_key = sign(own_kid, &own.serialize_pem(), Algorithm::EdDSA, &claims);
    assert_eq!(rig.get(&format!("{live}?token={other_key}")).await.status(), 200);
    let (folder, viewer) = video(&rig.text(&format!("{live}{token_query}")).await);
    assert_eq!(viewer, "u-42");
    let (name, secret) = folder.trim_end_matches("/video").split_once('~').unwrap();
    assert_eq!((name, secret.len()), (session.as_str(), 26));
    let folder = format!("/live/{playback}/{folder}");
    let media = rig.media(&folder, 2).await;
    assert!(media.contains("URI=\"../audio/media.m3u8\""), "{media}");
    let part = rig.get(&format!("{folder}/s1.m4s")).await;
    assert_eq!(part.headers()["cache-control"], "public, max-age=31536000, immutable");

    // Nobody gets in by leaving the secret out, by guessing, or by another channel's address.
    let plain = folder.replace(&format!("~{secret}"), "");
    let guess = folder.replace(secret, &"0".repeat(26));
    for path in [&plain, &guess] {
        assert_eq!(rig.told(&format!("{path}/s1.m4s")).await, (403, "playback_revoked".to_owned()), "{path}");
    }
    let open = rig.server.store.create_channel(settings(), None).await.unwrap().channel.playback_id;
    assert_eq!(rig.get(&folder.replace(&playback, &open)).await.status(), 404);
    assert_eq!(rig.get(&format!("/vod/{session}/video/s1.m4s")).await.status(), 403);

    // A rotation: the old address is void, a new one comes with the same token.
    let rotate = format!("/channels/{}/playback/rotate", rig.channel.id);
    assert_eq!(rig.api("POST", &rotate, Value::Null).await.0, 200);
    assert_eq!(rig.told(&format!("{folder}/media.m3u8")).await, (403, "playback_revoked".to_owned()));
    let (fresh, _) = video(&rig.text(&format!("{live}{token_query}")).await);
    let fresh = format!("/live/{playback}/{fresh}");
    assert_ne!(fresh, folder);
    rig.text(&format!("{fresh}/media.m3u8")).await;

    // Catch-up and the recording go the same way.
    publisher.close().await.unwrap();
    rig.until("ended", async |rig| rig.sessions().await[0].ended_at.is_some()).await;
    let list = rig.text(&format!("/vod/{session}/index.m3u8{token_query}")).await;
    let line = list.lines().find(|line| line.ends_with("/video/media.m3u8")).unwrap();
    let caught = format!("/vod/{}", line.strip_prefix("../").unwrap());
    assert!(rig.text(&caught).await.ends_with("#EXT-X-ENDLIST\n"));
    let recording = rig.get(&format!("/vod/{session}/recording.mp4{token_query}")).await;
    assert_eq!(recording.headers()["cache-control"], "private, max-age=1");
    let (_, assets) = rig.api("GET", &format!("/sessions/{session}/assets"), Value::Null).await;
    for asset in assets["data"].as_array().unwrap() {
        let answer = rig.web.get(asset["url"].as_str().unwrap()).send().await.unwrap();
        assert_eq!(answer.status(), 200, "an operator's address needs no token: {asset}");
    }

    // A key that is deleted lets nobody in; a channel that turns public everybody.
    assert_eq!(rig.api("DELETE", &format!("/signing-keys/{kid}"), Value::Null).await.0, 204);
    let path = format!("/vod/{session}/index.m3u8");
    assert_eq!(rig.told(&format!("{path}{token_query}")).await, (401, "token_key_unknown".to_owned()));
    let public = json!({ "playback": { "policy": "public" } });
    let (status, channel) = rig.api("PATCH", &format!("/channels/{}", rig.channel.id), public).await;
    assert_eq!((status, &channel["playback"]["policy"]), (200, &json!("public")));
    assert!(rig.text(&path).await.contains(&format!("../{session}/video/media.m3u8")));
}

#[tokio::test]
async fn the_window_the_recording_and_trims_are_behind_the_same_gate() {
    const WINDOW: std::time::Duration = std::time::Duration::from_secs(7200);
    let refused = |status: u16, code: &str| (status, code.to_owned());
    let (no_token, no_secret) = (refused(401, "token_missing"), refused(403, "playback_revoked"));
    let rig = Rig::with(Settings { policy: Policy::Signed, dvr_window: WINDOW, ..settings() }).await;
    let publisher = rig.publish(&fixture::tags()).await;
    let playback = rig.channel.playback_id.clone();
    let (_, made) = rig.api("POST", "/signing-keys", json!({ "name": "site" })).await;
    let now = crate::clock::Clock::system().utc().unix_timestamp();
    let (kid, key) = (made["id"].as_str().unwrap(), made["private_key"].as_str().unwrap());
    let claims = json!({ "sub": playback, "exp": now + 60, "viewer": "u-42" });
    let query = format!("?token={}", sign(kid, key, Algorithm::ES256, &claims));
    let live = format!("/live/{playback}/index.m3u8");
    rig.until("live", async |rig| rig.get(&format!("{live}{query}")).await.status() == 200).await;
    assert!(rig.text(&format!("{live}{query}")).await.contains("VALUE=\"dvr.m3u8\""));

    // The window: its list asks for a token, its playlists and media for the secret.
    let window = format!("/live/{playback}/dvr.m3u8");
    assert_eq!(rig.told(&window).await, no_token);
    assert_eq!(rig.told(&format!("{window}?token=x")).await, refused(401, "token_malformed"));
    let answer = rig.get(&format!("{window}{query}")).await;
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["cache-control"]),
        (200, &"no-store".parse().unwrap())
    );
    let (folder, viewer) = playlist_of_video(&answer.text().await.unwrap(), "dvr");
    assert_eq!(viewer, "u-42");
    let (session, secret) = folder.trim_end_matches("/video").split_once('~').unwrap();
    let inside = format!("/live/{playback}/{folder}");
    let outside = inside.replace(&format!("~{secret}"), "");
    rig.media(&inside, 2).await;
    let list = rig.text(&format!("{inside}/dvr.m3u8")).await;
    for uri in ["dvr.m3u8", "dvr.m3u8?_HLS_msn=0", "media.m3u8"].into_iter().chain(list.lines()) {
        if uri.starts_with('#') {
            continue;
        }
        assert_eq!(rig.get(&format!("{inside}/{uri}")).await.status(), 200, "{uri}");
        assert_eq!(rig.told(&format!("{outside}/{uri}")).await, no_secret, "{uri}");
        assert_eq!(rig.told(&format!("{outside}/{uri}{query}")).await, no_secret, "{uri}");
    }
    let open = rig.server.store.create_channel(settings(), None).await.unwrap().channel.playback_id;
    assert_eq!(rig.get(&format!("{}/dvr.m3u8", inside.replace(&playback, &open))).await.status(), 404);

    // The recording, while it grows.
    let recording = format!("/vod/{session}/recording.mp4");
    let with_secret = recording.replace(session, &format!("{session}~{secret}"));
    rig.until("a segment", async |rig| rig.get(&with_secret).await.status() == 200).await;
    assert_eq!(rig.told(&recording).await, no_token);
    let growing = rig.get(&format!("{recording}{query}")).await;
    assert_eq!(
        (growing.status().as_u16(), growing.headers()["cache-control"].to_str().unwrap()),
        (200, "private, max-age=1")
    );
    let tag = growing.headers()["etag"].clone();
    let go_on = async |path: &str| {
        let request = rig.web.get(rig.url(path)).header("range", "bytes=0-99").header("if-range", &tag);
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!((go_on(&format!("{recording}{query}")).await, go_on(&recording).await), (206, 401));

    // Afterwards, trimmed: an operator's addresses need no token, a reader's do.
    publisher.close().await.unwrap();
    let listed = format!("/sessions/{session}/assets");
    let assets =
        async |rig: &Rig| rig.api("GET", &listed, Value::Null).await.1["data"].as_array().unwrap().clone();
    rig.until("assets", async |rig| assets(rig).await.len() == 2).await;
    let reader = rig.server.store.create_token("reader", Scope::Read).await.unwrap().text;
    for asset in assets(&rig).await {
        let path = format!("/assets/{}", asset["id"].as_str().unwrap());
        let (_, trimmed) = rig.api("PATCH", &path, json!({ "in_s": 1.5, "out_s": 2.5 })).await;
        let (_, read) = rig.api("GET", &path, Value::Null).await;
        assert_eq!((&trimmed["url"], &read["url"]), (&asset["url"], &asset["url"]));
        assert_eq!(
            rig.web.get(asset["url"].as_str().unwrap()).send().await.unwrap().status(),
            200,
            "{asset}"
        );
        let shown =
            rig.web.get(rig.url(&format!("/api/v1{path}"))).bearer_auth(&reader).send().await.unwrap();
        let shown: Value = shown.json().await.unwrap();
        assert!(!shown.to_string().contains(secret), "{shown}");
        assert_eq!(
            rig.web.get(shown["url"].as_str().unwrap()).send().await.unwrap().status(),
            401,
            "{shown}"
        );
    }
    assert_eq!((go_on(&format!("{recording}{query}")).await, go_on(&recording).await), (200, 401));
    assert_eq!(rig.told(&format!("{recording}?part=1")).await, no_token);
    let catch_up = format!("/vod/{session}/index.m3u8");
    assert_eq!(rig.told(&catch_up).await, no_token);
    for name in ["video/media.m3u8", "audio/media.m3u8", "video/init0.mp4", "video/s1.m4s"] {
        let path = format!("/vod/{session}/{name}");
        assert_eq!(rig.told(&path).await, no_secret, "{name}");
        assert_eq!(
            rig.get(&path.replace(session, &format!("{session}~{secret}"))).await.status(),
            200,
            "{name}"
        );
    }
    let trimmed = rig.text(&format!("/vod/{session}~{secret}/video/media.m3u8")).await;
    assert!(trimmed.contains("#EXT-X-START:"), "{trimmed}");

    // A list that was rendered before a rotation is not given out after it.
    let list = rig.get(&format!("{catch_up}{query}")).await;
    assert_eq!(list.headers()["cache-control"], "no-store");
    assert!(list.text().await.unwrap().contains(&format!("../{session}~{secret}/video/media.m3u8")));
    let rotate = format!("/channels/{}/playback/rotate", rig.channel.id);
    assert_eq!(rig.api("POST", &rotate, Value::Null).await.0, 200);
    let list = rig.text(&format!("{catch_up}{query}")).await;
    assert!(list.contains(&format!("../{session}~")) && !list.contains(secret), "{list}");
    for path in ["index.m3u8", "video/media.m3u8", "recording.mp4", "recording.mp4?part=1"] {
        assert_eq!(rig.told(&format!("/vod/{session}~{secret}/{path}")).await, no_secret, "{path}");
    }
    // Nor does somebody without a token learn which assets were deleted.
    for asset in assets(&rig).await {
        let path = format!("/assets/{}", asset["id"].as_str().unwrap());
        assert_eq!(rig.api("DELETE", &path, Value::Null).await.0, 204);
    }
    for path in [&catch_up, &recording] {
        assert_eq!(rig.told(path).await, no_token);
        assert_eq!(rig.told(&format!("{path}{query}")).await, refused(404, "not_found"));
    }
}
