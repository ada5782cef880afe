//! Answers to writes that came with an `Idempotency-Key`, so that the same request gets the same answer. Sealed: they may
//! hold keys and tokens.

use rusqlite::{OptionalExtension, params};

use super::channels::REMEMBER;
use super::files::Purpose;
use super::{Error, Idempotency, Store, millis};

/// Answers that are remembered, at most: beyond these the oldest go before their time.
pub const MAX_ANSWERS: usize = 10_000;

/// What was answered before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// JSON, or nothing.
    pub body: String,
}

impl Store {
    /// The answer to the same request under the same key; [`Error::KeyReused`] where the request was another.
    pub async fn answer(&self, asked: &Idempotency) -> Result<Option<Answer>, Error> {
        let asked = asked.clone();
        self.call(move |db| {
            let since = millis(db.clock.utc() - REMEMBER);
            let found: Option<(Vec<u8>, u16, Vec<u8>)> = db
                .sql
                .prepare_cached(
                    "SELECT request, status, sealed FROM answers
                     WHERE token_id = ?1 AND key = ?2 AND created_at >= ?3",
                )?
                .query_row(params![asked.token_id, asked.key, since], |row| {
                    Ok((row.get(0)?, row.get(1)?, row.get(2)?))
                })
                .optional()?;
            let Some((request, status, sealed)) = found else { return Ok(None) };
            if request != db.secret.hash(Purpose::Request, &asked.request) {
                return Err(Error::KeyReused);
            }
            let body = db.secret.open(&asked.token_id, &sealed)?;
            Ok(Some(Answer { status, body }))
        })
        .await
    }

    /// Remembers an answer for a day.
    pub async fn keep_answer(&self, asked: Idempotency, answer: Answer) -> Result<(), Error> {
        self.call(move |db| {
            let now = db.clock.utc();
            let sealed = db.secret.seal(&asked.token_id, &answer.body)?;
            let request = db.secret.hash(Purpose::Request, &asked.request);
            let tx = db.sql.transaction()?;
            tx.execute("DELETE FROM answers WHERE created_at < ?1", [millis(now - REMEMBER)])?;
            tx.execute(
                "INSERT OR REPLACE INTO answers (token_id, key, request, status, sealed, created_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                params![asked.token_id, asked.key, request, answer.status, sealed, millis(now)],
            )?;
            tx.execute(
                "DELETE FROM answers WHERE rowid IN
                 (SELECT rowid FROM answers ORDER BY created_at DESC, rowid DESC LIMIT -1 OFFSET ?1)",
                [MAX_ANSWERS as i64],
            )?;
            tx.commit()?;
            Ok(())
        })
        .await
    }
}
