//! `/tokens`: who may call this API.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;

use crate::control::extract::{self, Paging, Query};
use crate::control::problem::{Problem, Result};
use crate::control::{Control, auth, convert, openapi, settings};
use crate::store::id::Prefix;

fn missing(id: &str) -> Problem {
    Problem::missing("token", "token_not_found", id)
}

/// The tokens that aren't revoked, the oldest first.
#[utoipa::path(
    get, path = "/tokens", tag = "tokens", operation_id = "listTokens", params(Paging),
    responses((status = 200, body = api::Page<api::token::Token>), openapi::Problems)
)]
pub(in crate::control) async fn list(
    State(control): State<Control>,
    _: auth::Admin,
    Query(paging): Query<Paging>,
) -> Result<Json<api::Page<api::token::Token>>> {
    let list = control.store.tokens(paging.page(Prefix::Token)?).await?;
    Ok(Json(convert::page(list, |row| row.id.clone(), convert::token)))
}

/// A new token. Its text is shown this once.
#[utoipa::path(
    post, path = "/tokens", tag = "tokens", operation_id = "createToken", request_body = api::token::Create,
    responses((status = 201, body = api::token::Created), openapi::Problems)
)]
pub(in crate::control) async fn create(
    State(control): State<Control>,
    _: auth::Admin,
    extract::Json(body): extract::Json<api::token::Create>,
) -> Result<(StatusCode, Json<api::token::Created>)> {
    let name = settings::name(&body.name)?;
    let new = control.store.create_token(&name, convert::scope_in(body.scope)).await?;
    let created = api::token::Created { token: convert::token(new.token), text: new.text };
    Ok((StatusCode::CREATED, Json(created)))
}

/// A token, without its text.
#[utoipa::path(
    get, path = "/tokens/{id}", tag = "tokens", operation_id = "readToken",
    params(("id" = String, Path, description = "`tok_…`")),
    responses((status = 200, body = api::token::Token), openapi::Problems)
)]
pub(in crate::control) async fn read(
    State(control): State<Control>,
    _: auth::Admin,
    Path(id): Path<String>,
) -> Result<Json<api::token::Token>> {
    let row = control.store.token(&id).await?.ok_or_else(|| missing(&id))?;
    Ok(Json(convert::token(row)))
}

/// Gives a token another name.
#[utoipa::path(
    patch, path = "/tokens/{id}", tag = "tokens", operation_id = "updateToken",
    params(("id" = String, Path, description = "`tok_…`")), request_body = api::token::Update,
    responses((status = 200, body = api::token::Token), openapi::Problems)
)]
pub(in crate::control) async fn update(
    State(control): State<Control>,
    _: auth::Admin,
    Path(id): Path<String>,
    extract::Json(body): extract::Json<api::token::Update>,
) -> Result<Json<api::token::Token>> {
    let name = settings::name(&body.name)?;
    let row = control.store.rename_token(&id, &name).await?.ok_or_else(|| missing(&id))?;
    Ok(Json(convert::token(row)))
}

/// Revokes a token. When the one of `DIR/admin-token` is revoked, the next start of the server makes another.
#[utoipa::path(
    delete, path = "/tokens/{id}", tag = "tokens", operation_id = "revokeToken",
    params(("id" = String, Path, description = "`tok_…`")),
    responses((status = 204, description = "Revoked."), openapi::Problems)
)]
pub(in crate::control) async fn revoke(
    State(control): State<Control>,
    _: auth::Admin,
    Path(id): Path<String>,
) -> Result<StatusCode> {
    if control.store.revoke_token(&id).await? { Ok(StatusCode::NO_CONTENT) } else { Err(missing(&id)) }
}
