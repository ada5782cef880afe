//! Stream keys: found by keyed hash, sealed at rest.

use rusqlite::{Connection, OptionalExtension, params};
use subtle::ConstantTimeEq;
use time::OffsetDateTime;

use super::files::{Purpose, Secret, random_text};
use super::{Db, Error, Listing, Page, Store, id, millis, moment};

/// Bytes. Ours have 35; longer than this is refused before it is hashed.
pub const MAX_KEY_LEN: usize = 128;
/// Keys of a channel that aren't revoked, at most.
pub const MAX_KEYS: usize = 16;

/// A stream key that isn't revoked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// `key_…`
    pub id: String,
    /// `ch_…`
    pub channel_id: String,
    /// What the publisher sends: `sk_…`.
    pub text: String,
    /// When it was made.
    pub created_at: OffsetDateTime,
}

/// What a publisher's key turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// A key of this channel.
    Found {
        /// `ch_…`
        channel: String,
        /// `key_…`
        key: String,
    },
    /// Of no channel, or revoked, or of a deleted channel.
    Unknown,
    /// Longer than [`MAX_KEY_LEN`].
    TooLong,
}

impl Store {
    /// Whose key this is.
    pub async fn find_key(&self, text: &str) -> Result<Lookup, Error> {
        if text.len() > MAX_KEY_LEN {
            return Ok(Lookup::TooLong);
        }
        let text = text.to_owned();
        self.call(move |db| find(db, &text)).await
    }

    /// A new key, beside those there are. `None` where there is no such channel.
    pub async fn create_key(&self, channel: &str) -> Result<Option<Key>, Error> {
        let channel = channel.to_owned();
        self.call(move |db| {
            let now = db.clock.utc();
            let tx = db.sql.transaction()?;
            if super::channels::read(&tx, &channel)?.is_none() {
                return Ok(None);
            }
            let count: i64 = tx.query_row(
                "SELECT count(*) FROM stream_keys WHERE channel_id = ?1 AND revoked_at IS NULL",
                [&channel],
                |row| row.get(0),
            )?;
            if count >= MAX_KEYS as i64 {
                return Err(Error::Limit { what: "stream keys on this channel", limit: MAX_KEYS });
            }
            let key = insert(&tx, &db.secret, &channel, now)?;
            tx.commit()?;
            Ok(Some(key))
        })
        .await
    }

    /// The keys that aren't revoked, opened, the oldest first.
    pub async fn keys(&self, channel: &str, page: Page) -> Result<Listing<Key>, Error> {
        let channel = channel.to_owned();
        self.call(move |db| {
            let mut statement = db.sql.prepare_cached(
                "SELECT id, sealed, created_at FROM stream_keys
                 WHERE channel_id = ?1 AND revoked_at IS NULL AND id > ?2 ORDER BY id LIMIT ?3",
            )?;
            let rows = statement.query_and_then(
                params![channel, page.after.as_deref().unwrap_or(""), i64::from(page.limit) + 1],
                |row| {
                    let id: String = row.get(0)?;
                    let text = db.secret.open(&id, &row.get::<_, Vec<u8>>(1)?)?;
                    Ok::<_, Error>(Key {
                        id,
                        channel_id: channel.clone(),
                        text,
                        created_at: moment(row.get(2)?)?,
                    })
                },
            )?;
            Ok(Listing::cut(rows.collect::<Result<_, _>>()?, page.limit))
        })
        .await
    }

    /// From now on it is unknown; who publishes with it goes on. False where there is no such key.
    pub async fn revoke_key(&self, channel: &str, key: &str) -> Result<bool, Error> {
        let (channel, key) = (channel.to_owned(), key.to_owned());
        self.call(move |db| {
            let done = db.sql.execute(
                "UPDATE stream_keys SET revoked_at = ?3
                 WHERE id = ?2 AND channel_id = ?1 AND revoked_at IS NULL",
                params![channel, key, millis(db.clock.utc())],
            )?;
            Ok(done == 1)
        })
        .await
    }
}

fn find(db: &Db, text: &str) -> Result<Lookup, Error> {
    let hash = db.secret.hash(Purpose::StreamKey, text.as_bytes());
    let row: Option<(String, String, Vec<u8>, bool)> = db
        .sql
        .prepare_cached(
            "SELECT k.id, k.channel_id, k.hash, k.revoked_at IS NULL AND c.deleted_at IS NULL
             FROM stream_keys k JOIN channels c ON c.id = k.channel_id WHERE k.hash = ?1",
        )?
        .query_row([&hash[..]], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))
        .optional()?;
    Ok(match row {
        Some((key, channel, stored, true)) if bool::from(stored.ct_eq(&hash)) => {
            Lookup::Found { channel, key }
        }
        Some(_) | None => Lookup::Unknown,
    })
}

pub(super) fn insert(
    sql: &Connection,
    secret: &Secret,
    channel: &str,
    now: OffsetDateTime,
) -> Result<Key, Error> {
    let id = id::mint(id::Prefix::Key, now);
    let text = format!("sk_{}", random_text());
    sql.execute(
        "INSERT INTO stream_keys (id, channel_id, hash, sealed, created_at) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![
            id,
            channel,
            secret.hash(Purpose::StreamKey, text.as_bytes()),
            secret.seal(&id, &text)?,
            millis(now)
        ],
    )?;
    Ok(Key { id, channel_id: channel.to_owned(), text, created_at: moment(millis(now))? })
}

pub(super) fn any_sealed(sql: &Connection) -> Result<bool, Error> {
    let query = "SELECT EXISTS (SELECT 1 FROM stream_keys) OR EXISTS (SELECT 1 FROM tokens)";
    Ok(sql.query_row(query, [], |row| row.get(0))?)
}
