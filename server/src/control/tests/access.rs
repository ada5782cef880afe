//! Who may do what: every route of the specification, with every scope.

use std::collections::BTreeSet;

use super::*;

const READ: [u16; 3] = [200, 200, 200];
const OPERATE: [u16; 3] = [403, 200, 200];
const ADMIN: [u16; 3] = [403, 403, 200];

/// Method, path, and what scope read, operate and admin get; 2xx as 200.
const TABLE: [(&str, &str, [u16; 3]); 35] = [
    ("GET", "/channels", READ),
    ("POST", "/channels", OPERATE),
    ("GET", "/channels/{id}", READ),
    ("PATCH", "/channels/{id}", OPERATE),
    ("DELETE", "/channels/{id}", OPERATE),
    ("POST", "/channels/{id}/start", OPERATE),
    ("POST", "/channels/{id}/stop", OPERATE),
    ("POST", "/channels/{id}/restream", OPERATE),
    ("POST", "/channels/{id}/playback/rotate", OPERATE),
    ("PUT", "/channels/{id}/logo", OPERATE),
    ("GET", "/channels/{id}/logo", READ),
    ("DELETE", "/channels/{id}/logo", OPERATE),
    ("PUT", "/channels/{id}/slate/picture", OPERATE),
    ("GET", "/channels/{id}/slate/picture", READ),
    ("DELETE", "/channels/{id}/slate/picture", OPERATE),
    ("GET", "/channels/{id}/stream-keys", READ),
    ("POST", "/channels/{id}/stream-keys", OPERATE),
    ("DELETE", "/channels/{id}/stream-keys/{key}", OPERATE),
    ("GET", "/channels/{id}/sessions", READ),
    ("GET", "/sessions/{id}", READ),
    ("POST", "/sessions/{id}/end", OPERATE),
    ("GET", "/sessions/{id}/assets", READ),
    ("GET", "/assets/{id}", READ),
    ("PATCH", "/assets/{id}", OPERATE),
    ("DELETE", "/assets/{id}", OPERATE),
    ("GET", "/events", READ),
    ("GET", "/system", READ),
    ("GET", "/signing-keys", READ),
    ("POST", "/signing-keys", ADMIN),
    ("DELETE", "/signing-keys/{id}", ADMIN),
    ("GET", "/tokens", ADMIN),
    ("POST", "/tokens", ADMIN),
    ("GET", "/tokens/{id}", ADMIN),
    ("PATCH", "/tokens/{id}", ADMIN),
    ("DELETE", "/tokens/{id}", ADMIN),
];

/// A fresh path and body that would work for a route.
async fn prepare(server: &Server, method: &str, route: &str) -> (String, Vec<u8>) {
    let channel = server.channel("a").await;
    let id = text(&channel["id"]).to_owned();
    let session = server.running.publish(&id).await;
    let path = match route {
        _ if route.starts_with("/sessions") => route.replace("{id}", session.as_str()),
        _ if route.starts_with("/assets") => {
            let id = store::id::mint(store::id::Prefix::Asset, server.running.clock.utc());
            let (kind, part) = (live::event::AssetKind::CatchUp, 1);
            let asset = live::event::Asset { id: id.clone(), kind, part, duration: None, bytes: None };
            let kind = live::event::Kind::AssetReady { asset };
            let event = live::Event { channel: None, session: Some(session), kind };
            server.store.record(event).await.unwrap();
            route.replace("{id}", &id)
        }
        _ if route.starts_with("/tokens") => {
            let token = server.store.create_token("x", Scope::Read).await.unwrap().token;
            route.replace("{id}", &token.id)
        }
        _ if route.starts_with("/signing-keys") => {
            let key =
                server.store.create_signing_key("x", store::Algorithm::EdDsa, vec![0; 32]).await.unwrap();
            route.replace("{id}", &key.id)
        }
        _ if route.ends_with("/logo") => {
            let path = format!("/api/v1/channels/{id}/logo");
            server.ask_as(Some(&server.operate), "PUT", &path, super::pictures::WHITE).await;
            route.replace("{id}", &id)
        }
        _ if route.ends_with("/picture") => {
            server.put_picture(&id, super::pictures::WHITE).await;
            route.replace("{id}", &id)
        }
        _ => {
            let keys = server.ask("GET", &format!("/channels/{id}/stream-keys"), Value::Null).await;
            route.replace("{id}", &id).replace("{key}", text(&keys.body["data"][0]["id"]))
        }
    };
    let body = match (method, route) {
        ("PUT", _) => return (format!("/api/v1{path}"), super::pictures::WHITE.to_vec()),
        ("PATCH", "/assets/{id}") => r#"{"title":"b"}"#,
        ("POST", "/channels" | "/signing-keys") | ("PATCH", _) => r#"{"name":"b"}"#,
        ("POST", "/tokens") => r#"{"name":"b","scope":"read"}"#,
        _ => "",
    };
    (format!("/api/v1{path}"), body.as_bytes().to_vec())
}

#[tokio::test]
async fn each_route_asks_for_its_scope() {
    let server = Server::start().await;
    for (method, route, expected) in TABLE {
        for (token, expected) in [&server.read, &server.operate, &server.admin].into_iter().zip(expected) {
            let (path, body) = prepare(&server, method, route).await;
            let answer = server.ask_as(Some(token), method, &path, &body).await;
            let status = if answer.status.is_success() { 200 } else { answer.status.as_u16() };
            assert_eq!(status, expected, "{method} {route}: {}", answer.body);
            if expected == 403 {
                assert_eq!(answer.body["code"], "scope_too_small");
            }
        }
        let (path, body) = prepare(&server, method, route).await;
        for token in [None, Some("wrong"), Some(""), Some(&*"x".repeat(5000))] {
            let answer = server.ask_as(token, method, &path, &body).await;
            assert_eq!(answer.status, 401, "{method} {route} with {token:?}");
            assert_eq!(answer.headers["www-authenticate"], "Bearer");
        }
    }
}

#[test]
fn the_table_is_the_specification() {
    let spec = serde_json::to_value(openapi::document()).unwrap();
    let mut specified = BTreeSet::new();
    for (path, item) in spec["paths"].as_object().unwrap() {
        for method in ["get", "post", "put", "patch", "delete"] {
            if item.get(method).is_some() {
                specified.insert((method.to_uppercase(), path.clone()));
            }
        }
    }
    let tabled: BTreeSet<_> =
        TABLE.into_iter().map(|(method, path, _)| (method.to_owned(), path.to_owned())).collect();
    assert_eq!(tabled, specified);
}

#[tokio::test]
async fn a_stream_key_is_shown_to_operators_only() {
    let server = Server::start().await;
    let channel = server.channel("a").await;
    let key = text(&channel["stream_key"]);
    for path in ["/api/v1/channels", &format!("/api/v1/channels/{}/stream-keys", text(&channel["id"]))] {
        let seen = server.ask_as(Some(&server.read), "GET", path, "").await;
        assert!(!seen.body.to_string().contains(key), "{path}");
        let seen = server.ask_as(Some(&server.operate), "GET", path, "").await;
        assert!(seen.body.to_string().contains(key), "{path}");
    }
}

#[tokio::test]
async fn a_revoked_token_is_out_at_once() {
    let server = Server::start().await;
    let made = server.ask("POST", "/tokens", json!({ "name": "wall", "scope": "read" })).await;
    let (id, token) = (text(&made.body["id"]), text(&made.body["token"]));
    assert_eq!(server.ask_as(Some(token), "GET", "/api/v1/channels", "").await.status, 200);
    assert_eq!(server.ask("DELETE", &format!("/tokens/{id}"), Value::Null).await.status, 204);
    let answer = server.ask_as(Some(token), "GET", "/api/v1/channels", "").await;
    assert_eq!((answer.status.as_u16(), text(&answer.body["code"])), (401, "token_unknown"));
}

#[test]
fn every_shape_that_is_named_is_there() {
    let spec = serde_json::to_value(openapi::document()).unwrap();
    let text = spec.to_string();
    let mut named = 0;
    for rest in text.split("#/components/schemas/").skip(1) {
        let name = rest.split('"').next().unwrap();
        assert!(spec["components"]["schemas"].get(name).is_some(), "{name} is missing");
        named += 1;
    }
    assert!(named > 20);
}
