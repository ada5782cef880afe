//! Sessions, as the events left them.

use live::event::Kind;
use live::session::{EndReason, Status};
use rusqlite::{Connection, Row, params};
use time::OffsetDateTime;

use super::{Error, Listing, Page, Store, assets, millis, moment};

/// One run of a channel.
#[derive(Clone, Debug, PartialEq)]
pub struct Session {
    /// `ses_…`
    pub id: String,
    /// `ch_…`
    pub channel_id: String,
    /// Where it stands.
    pub status: Status,
    /// Why it ended.
    pub end_reason: Option<EndReason>,
    /// When its publisher was admitted.
    pub created_at: OffsetDateTime,
    /// When it was first live.
    pub live_at: Option<OffsetDateTime>,
    /// When it ended.
    pub ended_at: Option<OffsetDateTime>,
    /// What came in, once known.
    pub source: Option<live::Source>,
}

const COLUMNS: &str = "id, channel_id, status, end_reason, created_at, live_at, ended_at, codecs, width, height, \
    fps, bitrate, encoder";

impl Store {
    /// `None` where there is no such session.
    pub async fn session(&self, id: &str) -> Result<Option<Session>, Error> {
        let id = id.to_owned();
        self.call(move |db| {
            let query = format!("SELECT {COLUMNS} FROM sessions WHERE id = ?1");
            let mut statement = db.sql.prepare_cached(&query)?;
            let mut rows = statement.query_and_then([id], session)?;
            rows.next().transpose()
        })
        .await
    }

    /// The sessions of a channel, the latest first.
    pub async fn sessions(&self, channel: &str, page: Page) -> Result<Listing<Session>, Error> {
        let channel = channel.to_owned();
        self.call(move |db| {
            let query = format!(
                "SELECT {COLUMNS} FROM sessions
                 WHERE channel_id = ?1 AND (?2 IS NULL OR id < ?2) ORDER BY id DESC LIMIT ?3"
            );
            let mut statement = db.sql.prepare_cached(&query)?;
            let rows =
                statement.query_and_then(params![channel, page.after, i64::from(page.limit) + 1], session)?;
            Ok(Listing::cut(rows.collect::<Result<_, _>>()?, page.limit))
        })
        .await
    }

    /// Sessions that run, or that ran when the server went down: at a start, what `live::Input::Recovered` is for.
    pub async fn unfinished_sessions(&self) -> Result<Vec<Session>, Error> {
        self.call(move |db| {
            let query = format!("SELECT {COLUMNS} FROM sessions WHERE status <> 'ended' ORDER BY id");
            let mut statement = db.sql.prepare_cached(&query)?;
            let rows = statement.query_and_then([], session)?;
            rows.collect()
        })
        .await
    }

    /// What a session's source measures by now; without an event. Where it is not worth one.
    pub async fn set_source(&self, session: &str, source: live::Source) -> Result<(), Error> {
        let session = session.to_owned();
        self.call(move |db| put_source(&db.sql, &session, &source)).await
    }
}

/// What an event means for the tables; the event's own row is written beside it.
pub(super) fn apply(sql: &Connection, event: &live::Event, now: OffsetDateTime) -> Result<(), Error> {
    let now = millis(now);
    let channel = event.channel.as_ref().map(|channel| channel.id.as_str());
    let session = event.session.as_ref().map(|session| session.as_str());
    let status = |status: Status| {
        sql.execute("UPDATE sessions SET status = ?2 WHERE id = ?1", params![session, status.name()])
    };
    match &event.kind {
        Kind::ChannelStarted => {
            sql.execute("UPDATE channels SET stopped = 0 WHERE id = ?1", [channel])?;
        }
        Kind::ChannelStopped => {
            sql.execute("UPDATE channels SET stopped = 1 WHERE id = ?1", [channel])?;
        }
        Kind::ChannelDeleted => {
            sql.execute(
                "UPDATE channels SET deleted_at = ?2 WHERE id = ?1 AND deleted_at IS NULL",
                params![channel, now],
            )?;
            sql.execute(
                "UPDATE stream_keys SET revoked_at = ?2 WHERE channel_id = ?1 AND revoked_at IS NULL",
                params![channel, now],
            )?;
        }
        Kind::SessionCreated => {
            // Where the end of the one before could not be written, it ended here at the latest.
            sql.execute(
                "UPDATE sessions SET status = 'ended', end_reason = 'publisher_lost', ended_at = ?2
                 WHERE channel_id = ?1 AND status <> 'ended'",
                params![channel, now],
            )?;
            sql.execute(
                "INSERT INTO sessions (id, channel_id, status, created_at) VALUES (?1, ?2, 'init', ?3)",
                params![session, channel, now],
            )?;
        }
        Kind::SessionProcessing { source } => {
            status(Status::Processing)?;
            put_source(sql, session.unwrap_or_default(), source)?;
        }
        Kind::SessionRecovered { status: back, .. } if *back != Status::Live => {
            status(*back)?;
        }
        Kind::SessionLive { .. } | Kind::SessionRecovered { .. } => {
            sql.execute(
                "UPDATE sessions SET status = 'live', live_at = coalesce(live_at, ?2) WHERE id = ?1",
                params![session, now],
            )?;
        }
        Kind::SessionError { .. } => {
            status(Status::Error)?;
        }
        Kind::SessionEnded { reason, .. } => {
            sql.execute(
                "UPDATE sessions SET status = 'ended', end_reason = ?2, ended_at = ?3 WHERE id = ?1",
                params![session, reason.name(), now],
            )?;
        }
        Kind::AssetReady { asset } => assets::ready(sql, session, asset, now)?,
        Kind::AssetDeleted { asset, .. } => {
            sql.execute("DELETE FROM assets WHERE id = ?1", [asset])?;
        }
        Kind::ChannelCreated
        | Kind::ChannelUpdated { .. }
        | Kind::ChannelActivated
        | Kind::IngestConnected { .. }
        | Kind::IngestDisconnected { .. }
        | Kind::IngestRejected { .. }
        | Kind::IngestIssue { .. }
        | Kind::RecordingStopped { .. }
        | Kind::RecordingResumed { .. }
        | Kind::LadderShed { .. }
        | Kind::LadderWhole
        | Kind::LadderOverBudget { .. }
        | Kind::LadderInBudget
        | Kind::LadderFailed { .. }
        | Kind::LadderWorks
        | Kind::AlertOpened { .. }
        | Kind::AlertClosed { .. } => {}
    }
    Ok(())
}

fn put_source(sql: &Connection, session: &str, source: &live::Source) -> Result<(), Error> {
    sql.prepare_cached(
        "UPDATE sessions SET codecs = ?2, width = ?3, height = ?4, fps = ?5, bitrate = ?6, encoder = ?7
         WHERE id = ?1",
    )?
    .execute(params![
        session,
        source.codecs.join(","),
        source.width,
        source.height,
        source.fps.filter(|fps| fps.is_finite()),
        source.bitrate.map(|b| i64::try_from(b).unwrap_or(i64::MAX)),
        source.encoder,
    ])?;
    Ok(())
}

fn session(row: &Row<'_>) -> Result<Session, Error> {
    let id: String = row.get(0)?;
    let damaged = || Error::Damaged(format!("session {id}"));
    let status: String = row.get(2)?;
    let status = [Status::Init, Status::Processing, Status::Live, Status::Error, Status::Ended]
        .into_iter()
        .find(|known| known.name() == status)
        .ok_or_else(damaged)?;
    let end_reason: Option<String> = row.get(3)?;
    let end_reason = end_reason
        .map(|name| EndReason::ALL.into_iter().find(|known| known.name() == name).ok_or_else(damaged))
        .transpose()?;
    let codecs: Option<String> = row.get(7)?;
    let source = match codecs {
        Some(codecs) => Some(live::Source {
            codecs: codecs.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect(),
            width: row.get(8)?,
            height: row.get(9)?,
            fps: row.get(10)?,
            bitrate: row.get::<_, Option<i64>>(11)?.and_then(|b| u64::try_from(b).ok()),
            encoder: row.get(12)?,
        }),
        None => None,
    };
    Ok(Session {
        channel_id: row.get(1)?,
        status,
        end_reason,
        created_at: moment(row.get(4)?)?,
        live_at: row.get::<_, Option<i64>>(5)?.map(moment).transpose()?,
        ended_at: row.get::<_, Option<i64>>(6)?.map(moment).transpose()?,
        source,
        id,
    })
}
