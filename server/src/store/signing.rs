//! Signing keys: the public halves, by which viewers' tokens are checked. The private halves are never kept.

use rusqlite::{Row, params};
use time::OffsetDateTime;

use super::{Error, Listing, Page, Store, id, millis, moment};

/// Signing keys, at most.
pub const MAX_SIGNING_KEYS: usize = 32;

/// How a key signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// ECDSA on P-256.
    Es256,
    /// Ed25519.
    EdDsa,
}

impl Algorithm {
    /// As JOSE names it: `ES256`, `EdDSA`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        [Self::Es256, Self::EdDsa].into_iter().find(|algorithm| algorithm.name() == name)
    }
}

/// The public half of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigningKey {
    /// `sig_…`: the `kid` of what it signs.
    pub id: String,
    /// For people.
    pub name: String,
    /// How it signs.
    pub algorithm: Algorithm,
    /// ES256: the uncompressed point, 65 bytes; EdDSA: 32 bytes.
    pub public: Vec<u8>,
    /// When it was made.
    pub created_at: OffsetDateTime,
}

impl Store {
    /// A new key.
    pub async fn create_signing_key(
        &self,
        name: &str,
        algorithm: Algorithm,
        public: Vec<u8>,
    ) -> Result<SigningKey, Error> {
        let name = name.to_owned();
        self.call(move |db| {
            let count: i64 = db.sql.query_row("SELECT count(*) FROM signing_keys", [], |row| row.get(0))?;
            if count >= MAX_SIGNING_KEYS as i64 {
                return Err(Error::Limit { what: "signing keys", limit: MAX_SIGNING_KEYS });
            }
            let now = db.clock.utc();
            let id = id::mint(id::Prefix::SigningKey, now);
            db.sql.execute(
                "INSERT INTO signing_keys (id, name, algorithm, public, created_at) VALUES (?1, ?2, ?3, ?4, ?5)",
                params![id, name, algorithm.name(), public, millis(now)],
            )?;
            Ok(SigningKey { id, name, algorithm, public, created_at: moment(millis(now))? })
        })
        .await
    }

    /// The oldest first.
    pub async fn signing_keys(&self, page: Page) -> Result<Listing<SigningKey>, Error> {
        self.call(move |db| {
            let query = "SELECT id, name, algorithm, public, created_at FROM signing_keys
                 WHERE id > ?1 ORDER BY id LIMIT ?2";
            let mut statement = db.sql.prepare_cached(query)?;
            let after = page.after.as_deref().unwrap_or("");
            let rows = statement.query_and_then(params![after, i64::from(page.limit) + 1], key)?;
            Ok(Listing::cut(rows.collect::<Result<_, _>>()?, page.limit))
        })
        .await
    }

    /// From now on it is unknown. False where there is no such key.
    pub async fn delete_signing_key(&self, id: &str) -> Result<bool, Error> {
        let id = id.to_owned();
        self.call(move |db| Ok(db.sql.execute("DELETE FROM signing_keys WHERE id = ?1", [id])? == 1)).await
    }
}

fn key(row: &Row<'_>) -> Result<SigningKey, Error> {
    let id: String = row.get(0)?;
    let algorithm: String = row.get(2)?;
    let algorithm =
        Algorithm::parse(&algorithm).ok_or_else(|| Error::Damaged(format!("signing key {id}")))?;
    Ok(SigningKey { id, name: row.get(1)?, algorithm, public: row.get(3)?, created_at: moment(row.get(4)?)? })
}
