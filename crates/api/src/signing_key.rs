//! Keys that sign viewers' tokens.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;

use crate::patch;

/// How a key signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = SigningAlgorithm)]
pub enum Algorithm {
    /// ECDSA on P-256 with SHA-256.
    #[serde(rename = "ES256")]
    Es256,
    /// Ed25519.
    #[serde(rename = "EdDSA")]
    EdDsa,
}

/// The public half of a key that signs viewers' tokens (JWT).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SigningKey {
    /// `sig_…`: the `kid` in the header of a token.
    #[schema(example = "sig_01jcz3v6a8m2q4r6t8w0y2b4d6")]
    pub id: String,
    /// For people.
    pub name: String,
    /// How it signs.
    pub algorithm: Algorithm,
    /// PEM.
    pub public_key: String,
    /// When it was made.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
}

/// A key as it is made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = SigningKeyCreated)]
pub struct Created {
    /// What is kept of it.
    #[serde(flatten)]
    pub key: SigningKey,
    /// PKCS #8, PEM, where the server made the pair. Shown this once; the server doesn't keep it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub private_key: Option<String>,
}

/// A new key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SigningKeyCreate)]
pub struct Create {
    /// 1 to 100 characters.
    #[schema(example = "members' site", min_length = 1, max_length = 100)]
    pub name: String,
    /// ES256 unless told; with a `public_key`, that key's.
    #[serde(default, deserialize_with = "patch::value", skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub algorithm: Option<Algorithm>,
    /// PEM of a key whose private half is kept elsewhere. Left out: the server makes a pair.
    #[serde(default, deserialize_with = "patch::value", skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub public_key: Option<String>,
}
