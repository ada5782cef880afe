//! What is kept of sessions: the rows of their recordings and catch-up playlists.

use std::time::Duration;

use hls::recording::Trim;
use live::event::{AssetKind, DeleteReason, Kind, Subject};
use rusqlite::{Connection, OptionalExtension, Row, params};
use time::OffsetDateTime;

use super::{Error, Listing, Page, Store, events, moment, sessions};

/// Something to fetch of a session.
#[derive(Clone, Debug, PartialEq)]
pub struct Asset {
    /// `ast_…`
    pub id: String,
    /// `ses_…`
    pub session_id: String,
    /// What it is.
    pub kind: AssetKind,
    /// Which of its kind, from 1.
    pub part: u32,
    /// Of all of the media.
    pub duration: Option<Duration>,
    /// Its size, untrimmed.
    pub bytes: Option<u64>,
    /// For people.
    pub title: Option<String>,
    /// In and out points.
    pub trim: Trim,
    /// Since when it is ready.
    pub created_at: OffsetDateTime,
}

/// What a recording or playlist shows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Trimmed {
    /// This much; everything, where the session runs.
    To(Trim),
    /// It was deleted.
    Deleted,
}

/// A session that is over and still has a folder, as far as the database knows.
#[derive(Clone, Debug, PartialEq)]
pub struct Kept {
    /// `ses_…`
    pub session: String,
    /// Its channel; its name, where that is deleted its id.
    pub channel: Subject,
    /// When it ended.
    pub ended_at: OffsetDateTime,
    /// Its assets were made ready once.
    pub announced: bool,
    /// Those that are left.
    pub assets: Vec<String>,
    /// Its media is among them: a recording, or the catch-up playlist.
    pub media: bool,
    /// The channel's.
    pub max_age: Option<Duration>,
    /// The channel's.
    pub max_bytes: Option<u64>,
}

const COLUMNS: &str = "id, session_id, kind, part, duration_ms, bytes, title, in_ms, out_ms, created_at";

impl Store {
    /// The assets of a session.
    pub async fn assets(&self, session: &str, page: Page) -> Result<Listing<Asset>, Error> {
        let session = session.to_owned();
        self.call(move |db| {
            let mut statement = db.sql.prepare_cached(&format!(
                "SELECT {COLUMNS} FROM assets WHERE session_id = ?1 AND id > ?2 ORDER BY id LIMIT ?3"
            ))?;
            let rows = statement.query_and_then(
                params![session, page.after.as_deref().unwrap_or(""), i64::from(page.limit) + 1],
                asset,
            )?;
            Ok(Listing::cut(rows.collect::<Result<_, _>>()?, page.limit))
        })
        .await
    }

    /// `None` where there is no such asset.
    pub async fn asset(&self, id: &str) -> Result<Option<Asset>, Error> {
        let id = id.to_owned();
        self.call(move |db| read(&db.sql, &id)).await
    }

    /// Puts title and trim. `None` where there is no such asset.
    pub async fn update_asset(
        &self,
        id: &str,
        title: Option<String>,
        trim: Trim,
    ) -> Result<Option<Asset>, Error> {
        let id = id.to_owned();
        self.call(move |db| {
            let ms = |seconds: Option<f64>| seconds.map(|s| (s * 1000.0).round() as i64);
            db.sql.execute(
                "UPDATE assets SET title = ?2, in_ms = ?3, out_ms = ?4 WHERE id = ?1",
                params![id, title, ms(trim.from), ms(trim.until)],
            )?;
            read(&db.sql, &id)
        })
        .await
    }

    /// Deletes it, and the event. `false` where there is no such asset.
    pub async fn delete_asset(&self, id: &str, reason: DeleteReason) -> Result<bool, Error> {
        let id = id.to_owned();
        self.call(move |db| {
            let now = db.clock.utc();
            let tx = db.sql.transaction()?;
            let found = tx
                .query_row(
                    "SELECT s.channel_id, coalesce(c.name, s.channel_id), s.id FROM assets a
                     JOIN sessions s ON s.id = a.session_id LEFT JOIN channels c ON c.id = s.channel_id
                     WHERE a.id = ?1",
                    [&id],
                    |row| Ok((subject(row.get(0)?, &row.get::<_, String>(1)?), row.get::<_, String>(2)?)),
                )
                .optional()?;
            let Some((channel, session)) = found else { return Ok(false) };
            let kind = Kind::AssetDeleted { asset: id, reason };
            let session = Some(live::SessionId::new(session));
            let event = live::Event { channel: Some(channel), session, kind };
            sessions::apply(&tx, &event, now)?;
            events::append(&tx, &event, now)?;
            tx.commit()?;
            events::log(&event);
            Ok(true)
        })
        .await
    }

    /// What is to be shown of a session's recording or playlist.
    pub async fn trim(&self, session: &str, kind: AssetKind, part: u32) -> Result<Trimmed, Error> {
        let session = session.to_owned();
        self.call(move |db| {
            let found = db
                .sql
                .prepare_cached(
                    "SELECT s.announced_at IS NOT NULL AND a.id IS NULL, a.in_ms, a.out_ms FROM sessions s
                     LEFT JOIN assets a ON a.session_id = s.id AND a.kind = ?2 AND a.part = ?3 WHERE s.id = ?1",
                )?
                .query_row(params![session, kind.name(), part], |row| {
                    Ok((row.get::<_, bool>(0)?, points(row.get(1)?, row.get(2)?)))
                })
                .optional()?;
            Ok(match found {
                Some((true, _)) => Trimmed::Deleted,
                Some((false, trim)) => Trimmed::To(trim),
                None => Trimmed::To(Trim::default()),
            })
        })
        .await
    }

    /// The sessions that are over, of these; the one that ended first at the start.
    pub async fn kept(&self, sessions: Vec<String>) -> Result<Vec<Kept>, Error> {
        self.call(move |db| {
            let mut found = Vec::new();
            for session in sessions {
                found.extend(kept(&db.sql, &session)?);
            }
            found.sort_by(|a: &Kept, b| (a.ended_at, &a.session).cmp(&(b.ended_at, &b.session)));
            Ok(found)
        })
        .await
    }
}

fn kept(sql: &Connection, session: &str) -> Result<Option<Kept>, Error> {
    let mut statement = sql.prepare_cached(
        "SELECT s.channel_id, coalesce(c.name, s.channel_id), s.ended_at, s.announced_at IS NOT NULL,
             c.retention_age_s, c.retention_bytes
         FROM sessions s LEFT JOIN channels c ON c.id = s.channel_id
         WHERE s.id = ?1 AND s.status = 'ended'",
    )?;
    let mut rows = statement.query([session])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let mut assets = sql.prepare_cached("SELECT id, kind FROM assets WHERE session_id = ?1 ORDER BY id")?;
    let assets: Vec<(String, String)> =
        assets.query_map([session], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?;
    let media = [AssetKind::Recording, AssetKind::CatchUp].map(AssetKind::name);
    Ok(Some(Kept {
        session: session.to_owned(),
        channel: subject(row.get(0)?, &row.get::<_, String>(1)?),
        ended_at: moment(row.get::<_, Option<i64>>(2)?.unwrap_or(0))?,
        announced: row.get(3)?,
        max_age: row.get::<_, Option<u32>>(4)?.map(|s| Duration::from_secs(s.into())),
        max_bytes: row.get::<_, Option<i64>>(5)?.and_then(|b| u64::try_from(b).ok()),
        media: assets.iter().any(|(_, kind)| media.contains(&kind.as_str())),
        assets: assets.into_iter().map(|(id, _)| id).collect(),
    }))
}

fn subject(id: String, name: &str) -> Subject {
    Subject { id: live::ChannelId::new(id), name: name.into() }
}

/// Made again after a crash between its making and its event: the new one counts.
pub(super) fn ready(
    sql: &Connection,
    session: Option<&str>,
    asset: &live::event::Asset,
    now: i64,
) -> Result<(), Error> {
    sql.execute(
        "INSERT OR REPLACE INTO assets (id, session_id, kind, part, duration_ms, bytes, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![
            asset.id,
            session,
            asset.kind.name(),
            asset.part,
            asset.duration.map(|d| d.as_millis() as i64),
            asset.bytes.map(|b| b as i64),
            now
        ],
    )?;
    // The last of them. Until then one that is missing wasn't deleted: it is on its way, or the server went down before it.
    if asset.kind == AssetKind::CatchUp {
        sql.execute("UPDATE sessions SET announced_at = ?2 WHERE id = ?1", params![session, now])?;
    }
    Ok(())
}

fn read(sql: &Connection, id: &str) -> Result<Option<Asset>, Error> {
    let mut statement = sql.prepare_cached(&format!("SELECT {COLUMNS} FROM assets WHERE id = ?1"))?;
    let mut rows = statement.query_and_then([id], asset)?;
    rows.next().transpose()
}

fn points(from: Option<i64>, until: Option<i64>) -> Trim {
    let seconds = |ms: i64| ms as f64 / 1000.0;
    Trim { from: from.map(seconds), until: until.map(seconds) }
}

fn asset(row: &Row<'_>) -> Result<Asset, Error> {
    let id: String = row.get(0)?;
    let kind: String = row.get(2)?;
    let kind = AssetKind::ALL
        .into_iter()
        .find(|known| known.name() == kind)
        .ok_or_else(|| Error::Damaged(format!("asset {id}")))?;
    let count = |at: usize| -> Result<Option<u64>, Error> {
        Ok(row.get::<_, Option<i64>>(at)?.and_then(|n| u64::try_from(n).ok()))
    };
    Ok(Asset {
        session_id: row.get(1)?,
        kind,
        part: row.get(3)?,
        duration: count(4)?.map(Duration::from_millis),
        bytes: count(5)?,
        title: row.get(6)?,
        trim: points(row.get(7)?, row.get(8)?),
        created_at: moment(row.get(9)?)?,
        id,
    })
}
