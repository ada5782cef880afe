//! Who may watch what: the policy of a channel, and the secret that signed addresses of a session hold.

use rusqlite::{OptionalExtension, Row, params};

use super::files::Purpose;
use super::{Db, Error, Store, millis};

/// Who may watch a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// Everyone with the address.
    Public,
    /// Who shows a token.
    Signed,
}

impl Policy {
    /// `public`, `signed`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Signed => "signed",
        }
    }

    pub(super) fn parse(name: &str) -> Option<Self> {
        [Self::Public, Self::Signed].into_iter().find(|policy| policy.name() == name)
    }
}

/// What stands between a viewer and a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guard {
    /// `pb_…`
    pub playback_id: String,
    /// Who may watch.
    pub policy: Policy,
    /// What signed addresses hold: letters and digits. Another after each rotation.
    pub secret: String,
}

/// Letters of a path secret: 130 bits.
const SECRET: usize = 26;

impl Store {
    /// The policy of a channel that isn't deleted, by what viewers know it by.
    pub async fn policy(&self, playback_id: &str) -> Result<Option<Policy>, Error> {
        let playback_id = playback_id.to_owned();
        self.call(move |db| {
            let query = "SELECT policy FROM channels WHERE playback_id = ?1 AND deleted_at IS NULL";
            let found: Option<String> =
                db.sql.prepare_cached(query)?.query_row([&playback_id], |row| row.get(0)).optional()?;
            found.map(|name| policy(&name, &playback_id)).transpose()
        })
        .await
    }

    /// What guards a session; also of a channel that was deleted since.
    pub async fn guard(&self, session: &str) -> Result<Option<Guard>, Error> {
        let session = session.to_owned();
        self.call(move |db| guard(db, &session)).await
    }

    /// Makes every signed address of this channel's sessions void. False where there is no such channel.
    pub async fn rotate_playback(&self, channel: &str) -> Result<bool, Error> {
        let channel = channel.to_owned();
        self.call(move |db| {
            let now = millis(db.clock.utc());
            let changed = db.sql.execute(
                "UPDATE channels SET playback_epoch = playback_epoch + 1, updated_at = ?2
                 WHERE id = ?1 AND deleted_at IS NULL",
                params![channel, now],
            )?;
            Ok(changed == 1)
        })
        .await
    }
}

fn guard(db: &Db, session: &str) -> Result<Option<Guard>, Error> {
    let read = |row: &Row<'_>| Ok((row.get(0)?, row.get::<_, String>(1)?, row.get::<_, i64>(2)?));
    let found: Option<(String, String, i64)> = db
        .sql
        .prepare_cached(
            "SELECT c.playback_id, c.policy, c.playback_epoch
             FROM sessions s JOIN channels c ON c.id = s.channel_id WHERE s.id = ?1",
        )?
        .query_row([session], read)
        .optional()?;
    let Some((playback_id, name, epoch)) = found else { return Ok(None) };
    let policy = policy(&name, &playback_id)?;
    let mut secret = db.secret.text(Purpose::Playback, format!("{session} {epoch}").as_bytes());
    secret.truncate(SECRET);
    Ok(Some(Guard { playback_id, policy, secret }))
}

fn policy(name: &str, playback_id: &str) -> Result<Policy, Error> {
    Policy::parse(name).ok_or_else(|| Error::Damaged(format!("channel of {playback_id}")))
}
