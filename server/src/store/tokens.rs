//! Tokens of the API: only their hash is kept. And the first one, in `DIR/admin-token`.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use rusqlite::{Connection, OptionalExtension, Row, params};
use subtle::ConstantTimeEq;
use time::OffsetDateTime;

use super::files::{Purpose, Secret, random_text, write_private};
use super::{Db, Error, Listing, Page, Store, id, millis, moment};

/// Tokens that aren't revoked, at most.
pub const MAX_TOKENS: usize = 1_000;
/// Bytes. Ours have 36; longer than this is refused before it is hashed.
const MAX_LEN: usize = 128;

/// What a token may do; each scope holds those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Look, but for secrets.
    Read,
    /// Run channels, and see their stream keys.
    Operate,
    /// Make and revoke tokens.
    Admin,
}

impl Scope {
    /// `read`, `operate`, `admin`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Operate => "operate",
            Self::Admin => "admin",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        [Self::Read, Self::Operate, Self::Admin].into_iter().find(|scope| scope.name() == name)
    }
}

/// A token that isn't revoked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// `tok_…`
    pub id: String,
    /// For people.
    pub name: String,
    /// What it may do.
    pub scope: Scope,
    /// When it was made.
    pub created_at: OffsetDateTime,
}

/// A token as it is made: the only time its text is known.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// What is kept.
    pub token: Token,
    /// What its owner sends: `sgl_…`.
    pub text: String,
}

impl Store {
    /// Whose token this is; `None` where it is unknown, revoked or over-long.
    pub async fn find_token(&self, text: &str) -> Result<Option<Token>, Error> {
        if text.len() > MAX_LEN {
            return Ok(None);
        }
        let text = text.to_owned();
        self.call(move |db| {
            Ok(match find(&db.sql, &db.secret, &text)? {
                Some((token, false)) => Some(token),
                Some((_, true)) | None => None,
            })
        })
        .await
    }

    /// A new token.
    pub async fn create_token(&self, name: &str, scope: Scope) -> Result<NewToken, Error> {
        let name = name.to_owned();
        self.call(move |db| {
            let query = "SELECT count(*) FROM tokens WHERE revoked_at IS NULL";
            let count: i64 = db.sql.query_row(query, [], |row| row.get(0))?;
            if count >= MAX_TOKENS as i64 {
                return Err(Error::Limit { what: "tokens", limit: MAX_TOKENS });
            }
            insert(db, &name, scope, &new_text())
        })
        .await
    }

    /// `None` where there is no such token, or it was revoked.
    pub async fn token(&self, id: &str) -> Result<Option<Token>, Error> {
        let id = id.to_owned();
        self.call(move |db| {
            let query = "SELECT id, name, scope, created_at FROM tokens WHERE revoked_at IS NULL AND id = ?1";
            let mut statement = db.sql.prepare_cached(query)?;
            let mut rows = statement.query_and_then([id], token)?;
            rows.next().transpose()
        })
        .await
    }

    /// The oldest first.
    pub async fn tokens(&self, page: Page) -> Result<Listing<Token>, Error> {
        self.call(move |db| {
            let mut statement = db.sql.prepare_cached(
                "SELECT id, name, scope, created_at FROM tokens
                 WHERE revoked_at IS NULL AND id > ?1 ORDER BY id LIMIT ?2",
            )?;
            let rows = statement.query_and_then(
                params![page.after.as_deref().unwrap_or(""), i64::from(page.limit) + 1],
                token,
            )?;
            Ok(Listing::cut(rows.collect::<Result<_, _>>()?, page.limit))
        })
        .await
    }

    /// A new name. `None` where there is no such token. A scope never changes: make another token.
    pub async fn rename_token(&self, id: &str, name: &str) -> Result<Option<Token>, Error> {
        let (key, name) = (id.to_owned(), name.to_owned());
        self.call(move |db| {
            let query = "UPDATE tokens SET name = ?2 WHERE id = ?1 AND revoked_at IS NULL
                         RETURNING id, name, scope, created_at";
            let mut statement = db.sql.prepare_cached(query)?;
            let mut rows = statement.query_and_then(params![key, name], token)?;
            rows.next().transpose()
        })
        .await
    }

    /// From now on it is unknown. False where there is no such token.
    pub async fn revoke_token(&self, id: &str) -> Result<bool, Error> {
        let id = id.to_owned();
        self.call(move |db| {
            let done = db.sql.execute(
                "UPDATE tokens SET revoked_at = ?2 WHERE id = ?1 AND revoked_at IS NULL",
                params![id, millis(db.clock.utc())],
            )?;
            Ok(done == 1)
        })
        .await
    }
}

/// The token of `DIR/admin-token`. Made where the file is missing or its token was revoked; taken in where the file is
/// there and the database is new.
pub(super) fn ensure_admin(db: &mut Db, path: &Path) -> Result<String, Error> {
    let kept = match fs::read_to_string(path) {
        Ok(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty() && text.len() <= MAX_LEN),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(source) => return Err(Error::File { path: path.to_owned(), source }),
    };
    if let Some(text) = kept {
        match find(&db.sql, &db.secret, &text)? {
            Some((token, false)) if token.scope == Scope::Admin => return Ok(text),
            Some(_) => {}
            None => {
                insert(db, "admin-token file", Scope::Admin, &text)?;
                return Ok(text);
            }
        }
    }
    let text = new_text();
    // The file first: a token that nobody can read would help nobody.
    write_private(path, format!("{text}\n").as_bytes())?;
    insert(db, "admin-token file", Scope::Admin, &text)?;
    Ok(text)
}

fn new_text() -> String {
    format!("sgl_{}", random_text())
}

/// The token and whether it was revoked.
fn find(sql: &Connection, secret: &Secret, text: &str) -> Result<Option<(Token, bool)>, Error> {
    let hash = secret.hash(Purpose::Token, text.as_bytes());
    let query =
        "SELECT id, name, scope, created_at, hash, revoked_at IS NOT NULL FROM tokens WHERE hash = ?1";
    let mut statement = sql.prepare_cached(query)?;
    let found = statement
        .query_row([&hash[..]], |row| Ok((token(row), row.get::<_, Vec<u8>>(4)?, row.get::<_, bool>(5)?)))
        .optional()?;
    let Some((token, stored, revoked)) = found else { return Ok(None) };
    Ok(if bool::from(stored.ct_eq(&hash)) { Some((token?, revoked)) } else { None })
}

fn insert(db: &mut Db, name: &str, scope: Scope, text: &str) -> Result<NewToken, Error> {
    let now = db.clock.utc();
    let id = id::mint(id::Prefix::Token, now);
    db.sql.execute(
        "INSERT INTO tokens (id, name, scope, hash, created_at) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![id, name, scope.name(), db.secret.hash(Purpose::Token, text.as_bytes()), millis(now)],
    )?;
    let token = Token { id, name: name.to_owned(), scope, created_at: moment(millis(now))? };
    Ok(NewToken { token, text: text.to_owned() })
}

fn token(row: &Row<'_>) -> Result<Token, Error> {
    let id: String = row.get(0)?;
    let scope: String = row.get(2)?;
    let scope = Scope::parse(&scope).ok_or_else(|| Error::Damaged(format!("token {id}")))?;
    Ok(Token { id, name: row.get(1)?, scope, created_at: moment(row.get(3)?)? })
}
