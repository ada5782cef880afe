//! Who asks, and whether they may: a bearer token with a scope.

use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;

use super::Control;
use super::problem::{Problem, Result};
use crate::store::{Scope, Token};

/// Whoever may read.
pub(super) struct Read(pub(super) Token);
/// Whoever may run channels.
pub(super) struct Operate(pub(super) Token);
/// Whoever may do anything.
pub(super) struct Admin(pub(super) Token);

impl Read {
    /// Stream keys may be shown.
    pub(super) fn sees_keys(&self) -> bool {
        sees_keys(&self.0)
    }
}

/// Stream keys may be shown, and what else lets somebody in.
pub(super) fn sees_keys(caller: &Token) -> bool {
    caller.scope >= Scope::Operate
}

impl FromRequestParts<Control> for Read {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, control: &Control) -> Result<Self> {
        token(parts, control, Scope::Read).await.map(Self)
    }
}

impl FromRequestParts<Control> for Operate {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, control: &Control) -> Result<Self> {
        token(parts, control, Scope::Operate).await.map(Self)
    }
}

impl FromRequestParts<Control> for Admin {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, control: &Control) -> Result<Self> {
        token(parts, control, Scope::Admin).await.map(Self)
    }
}

/// Whoever asks, whatever they may do.
pub(super) async fn caller(parts: &Parts, control: &Control) -> Result<Token> {
    token(parts, control, Scope::Read).await
}

async fn token(parts: &Parts, control: &Control, needed: Scope) -> Result<Token> {
    let refused = |code, detail| Problem::new(StatusCode::UNAUTHORIZED, code, detail);
    let header = parts.headers.get(AUTHORIZATION).ok_or_else(|| {
        refused(
            "token_missing",
            "this needs `Authorization: Bearer TOKEN`; the first token is in DIR/admin-token",
        )
    })?;
    let text = header.to_str().ok().and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    });
    let text =
        text.ok_or_else(|| refused("token_malformed", "the header must be `Authorization: Bearer TOKEN`"))?;
    let token = control
        .store
        .find_token(text)
        .await?
        .ok_or_else(|| refused("token_unknown", "this token is unknown or was revoked"))?;
    if token.scope < needed {
        return Err(Problem::new(
            StatusCode::FORBIDDEN,
            "scope_too_small",
            format!("this needs a token of scope `{}`; this one has `{}`", needed.name(), token.scope.name()),
        ));
    }
    Ok(token)
}
