//! `/signing-keys`: whose tokens let viewers in, and the public halves for whoever checks, too.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::CACHE_CONTROL;
use axum::response::IntoResponse;
use serde_json::json;

use crate::access::keys;
use crate::control::extract::{self, Paging, Query};
use crate::control::problem::{Problem, Result};
use crate::control::{Control, auth, convert, openapi, settings};
use crate::store::id::Prefix;
use crate::store::{MAX_SIGNING_KEYS, Page};

/// The signing keys, the oldest first.
#[utoipa::path(
    get, path = "/signing-keys", tag = "signing keys", operation_id = "listSigningKeys", params(Paging),
    responses((status = 200, body = api::Page<api::signing_key::SigningKey>), openapi::Problems)
)]
pub(in crate::control) async fn list(
    State(control): State<Control>,
    _: auth::Read,
    Query(paging): Query<Paging>,
) -> Result<Json<api::Page<api::signing_key::SigningKey>>> {
    let list = control.store.signing_keys(paging.page(Prefix::SigningKey)?).await?;
    Ok(Json(convert::page(list, |row| row.id.clone(), convert::signing_key)))
}

/// A new signing key: from a public key that is sent, or a pair made here, whose private half is shown this once.
#[utoipa::path(
    post, path = "/signing-keys", tag = "signing keys", operation_id = "createSigningKey",
    request_body = api::signing_key::Create,
    responses((status = 201, body = api::signing_key::Created), openapi::Problems)
)]
pub(in crate::control) async fn create(
    State(control): State<Control>,
    caller: auth::Admin,
    extract::Json(body): extract::Json<api::signing_key::Create>,
) -> Result<(StatusCode, Json<api::signing_key::Created>)> {
    let name = settings::name(&body.name)?;
    let wanted = body.algorithm.map(convert::algorithm_in);
    let (algorithm, public, private_key) = match &body.public_key {
        Some(pem) => {
            let (algorithm, public) = keys::read_public(pem).ok_or_else(|| {
                let text = "`public_key` is not a PEM public key of P-256 (ES256) or Ed25519 (EdDSA): it begins with \
                            `-----BEGIN PUBLIC KEY-----`";
                Problem::field("public_key", text)
            })?;
            if wanted.is_some_and(|wanted| wanted != algorithm) {
                let text = format!("`public_key` is one for {}, not for `algorithm`", algorithm.name());
                return Err(Problem::field("algorithm", text));
            }
            (algorithm, public, None)
        }
        None => {
            let algorithm = wanted.unwrap_or(crate::store::Algorithm::Es256);
            let made = keys::generate(algorithm).map_err(|error| {
                tracing::error!("can't make a key: {error}");
                Problem::new(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "internal",
                    "the key can't be made; the log says why",
                )
            })?;
            (algorithm, made.public, Some(made.private_pem))
        }
    };
    let row = control.store.create_signing_key(&name, algorithm, public).await?;
    control.gate.changed();
    tracing::info!(token = caller.0.id, "audit: {} made signing key {}", caller.0.name, row.id);
    let created = api::signing_key::Created { key: convert::signing_key(row), private_key };
    Ok((StatusCode::CREATED, Json(created)))
}

/// Deletes a signing key: its tokens let nobody in any more. Who is in stays: `rotate` the channel's playback to end that.
#[utoipa::path(
    delete, path = "/signing-keys/{id}", tag = "signing keys", operation_id = "deleteSigningKey",
    params(("id" = String, Path, description = "`sig_…`")),
    responses((status = 204, description = "Deleted."), openapi::Problems)
)]
pub(in crate::control) async fn delete(
    State(control): State<Control>,
    caller: auth::Admin,
    Path(id): Path<String>,
) -> Result<StatusCode> {
    if !control.store.delete_signing_key(&id).await? {
        return Err(Problem::missing("signing key", "signing_key_not_found", &id));
    }
    control.gate.changed();
    tracing::info!(token = caller.0.id, "audit: {} deleted signing key {id}", caller.0.name);
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /.well-known/jwks.json` (RFC 7517 §5)
pub(in crate::control) async fn jwks(State(control): State<Control>) -> Result<impl IntoResponse> {
    let page = Page { after: None, limit: MAX_SIGNING_KEYS as u32 };
    let rows = control.store.signing_keys(page).await?.items;
    let keys: Vec<_> = rows.iter().map(keys::jwk).collect();
    Ok(([(CACHE_CONTROL, "public, max-age=60")], Json(json!({ "keys": keys }))))
}
