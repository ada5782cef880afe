//! Tokens of this API.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;

/// What a token may do; each scope holds those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Look, but for secrets.
    Read,
    /// Run channels, and see their stream keys.
    Operate,
    /// Make and revoke tokens.
    Admin,
}

/// A token that isn't revoked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Token {
    /// `tok_…`
    #[schema(example = "tok_01jcz3v6a8m2q4r6t8w0y2b4d6")]
    pub id: String,
    /// For people.
    pub name: String,
    /// What it may do.
    pub scope: Scope,
    /// When it was made.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
}

/// A token as it is made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = TokenCreated)]
pub struct Created {
    /// What is kept of it.
    #[serde(flatten)]
    pub token: Token,
    /// What goes behind `Authorization: Bearer`. Shown this once.
    #[serde(rename = "token")]
    pub text: String,
}

/// A new token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = TokenCreate)]
pub struct Create {
    /// 1 to 100 characters.
    #[schema(example = "monitoring", min_length = 1, max_length = 100)]
    pub name: String,
    /// What it may do.
    pub scope: Scope,
}

/// Changes to a token. A scope never changes: make another token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = TokenUpdate)]
pub struct Update {
    /// 1 to 100 characters.
    #[schema(min_length = 1, max_length = 100)]
    pub name: String,
}
