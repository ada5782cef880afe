//! Signing keys: what is taken, what is refused, how many there may be.

use super::*;
use crate::store::MAX_SIGNING_KEYS;

#[tokio::test]
async fn keys_that_are_taken_and_keys_that_are_not() {
    let server = Server::start().await;
    let pair = rcgen::KeyPair::generate().unwrap();
    for (body, status, field) in [
        (json!({ "name": "a" }), 201, Value::Null),
        (json!({ "name": "a", "algorithm": "EdDSA" }), 201, Value::Null),
        (json!({ "name": "a", "public_key": pair.public_key_pem() }), 201, Value::Null),
        (
            json!({ "name": "a", "public_key": pair.public_key_pem(), "algorithm": "EdDSA" }),
            422,
            json!("algorithm"),
        ),
        (json!({ "name": "a", "public_key": "hello" }), 422, json!("public_key")),
        (json!({ "name": "a", "public_key": pair.serialize_pem() }), 422, json!("public_key")),
        (json!({ "name": "a", "algorithm": "HS256" }), 422, json!("algorithm")),
        (json!({ "name": "" }), 422, json!("name")),
    ] {
        let answer = server.ask("POST", "/signing-keys", body.clone()).await;
        assert_eq!(
            (answer.status.as_u16(), &answer.body["field"]),
            (status, &field),
            "{body}: {}",
            answer.body
        );
    }
}

#[tokio::test]
async fn so_many_keys_and_not_one_more() {
    let server = Server::start().await;
    for _ in 0..MAX_SIGNING_KEYS {
        server.store.create_signing_key("x", store::Algorithm::EdDsa, vec![0; 32]).await.unwrap();
    }
    let answer = server.ask("POST", "/signing-keys", json!({ "name": "a" })).await;
    assert_eq!((answer.status.as_u16(), &answer.body["code"]), (409, &json!("limit_reached")));
}
