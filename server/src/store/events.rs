//! Events: where a [`live::Event`] becomes a line in the log, a row, and the state of its session, in that order for
//! everyone.

use live::event::Kind;
use rusqlite::{Connection, Row, params};
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::{Error, Listing, Store, millis, moment, sessions};

/// Older events are dropped.
pub const KEEP_EVENTS: time::Duration = time::Duration::days(30);
/// Old ones are looked for once in so many new ones, and at a start.
const PRUNE_EVERY: i64 = 1024;

/// An event as it is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Counts up by time of recording; never used again.
    pub seq: i64,
    /// When it was recorded.
    pub at: OffsetDateTime,
    /// `session.live` and the like.
    pub name: String,
    /// `ch_…`
    pub channel_id: Option<String>,
    /// `ses_…`
    pub session_id: Option<String>,
    /// The line of the log.
    pub text: String,
    /// What the kind of event carries.
    pub data: Value,
}

impl Store {
    /// Records what happened: one line in the log, a row, and what it means for channel, session and assets, wholly or not
    /// at all. Returns its number.
    pub async fn record(&self, event: live::Event) -> Result<i64, Error> {
        self.call(move |db| {
            let now = db.clock.utc();
            let tx = db.sql.transaction()?;
            sessions::apply(&tx, &event, now)?;
            let seq = append(&tx, &event, now)?;
            tx.commit()?;
            log(&event);
            Ok(seq)
        })
        .await
    }

    /// Events after this number (0 for all that are kept), in order.
    pub async fn events(&self, after: i64, limit: u32) -> Result<Listing<Event>, Error> {
        self.call(move |db| {
            let mut statement = db.sql.prepare_cached(
                "SELECT seq, at, type, channel_id, session_id, text, data FROM events
                 WHERE seq > ?1 ORDER BY seq LIMIT ?2",
            )?;
            let rows = statement.query_and_then(params![after, i64::from(limit) + 1], event)?;
            Ok(Listing::cut(rows.collect::<Result<_, _>>()?, limit))
        })
        .await
    }
}

pub(super) fn append(sql: &Connection, event: &live::Event, now: OffsetDateTime) -> Result<i64, Error> {
    sql.prepare_cached(
        "INSERT INTO events (at, type, channel_id, session_id, text, data) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute(params![
        millis(now),
        event.name(),
        event.channel.as_ref().map(|channel| channel.id.as_str()),
        event.session.as_ref().map(|session| session.as_str()),
        event.to_string(),
        data(&event.kind).to_string(),
    ])?;
    let seq = sql.last_insert_rowid();
    if seq % PRUNE_EVERY == 0 {
        prune(sql, now)?;
    }
    Ok(seq)
}

/// After the commit, so that the log never tells what was not kept.
pub(super) fn log(event: &live::Event) {
    match &event.kind {
        Kind::IngestRejected { .. }
        | Kind::IngestIssue { .. }
        | Kind::SessionError { .. }
        | Kind::RecordingStopped { .. }
        | Kind::LadderShed { .. }
        | Kind::LadderOverBudget { .. }
        | Kind::LadderFailed { .. }
        | Kind::AlertOpened { .. } => {
            tracing::warn!(event = event.name(), "{event}");
        }
        Kind::ChannelCreated
        | Kind::ChannelUpdated { .. }
        | Kind::ChannelStarted
        | Kind::ChannelActivated
        | Kind::ChannelStopped
        | Kind::ChannelDeleted
        | Kind::SessionCreated
        | Kind::SessionProcessing { .. }
        | Kind::SessionLive { .. }
        | Kind::SessionRecovered { .. }
        | Kind::SessionEnded { .. }
        | Kind::IngestConnected { .. }
        | Kind::IngestDisconnected { .. }
        | Kind::AssetReady { .. }
        | Kind::AssetDeleted { .. }
        | Kind::RecordingResumed { .. }
        | Kind::LadderWhole
        | Kind::LadderInBudget
        | Kind::LadderWorks
        | Kind::AlertClosed { .. } => tracing::info!(event = event.name(), "{event}"),
    }
}

pub(super) fn prune(sql: &Connection, now: OffsetDateTime) -> Result<(), Error> {
    sql.execute("DELETE FROM events WHERE at < ?1", [millis(now - KEEP_EVENTS)])?;
    Ok(())
}

/// The payload on the wire. `live` knows no JSON: this is where it is turned into some, by hand.
fn data(kind: &Kind) -> Value {
    match kind {
        Kind::ChannelUpdated { changed } => json!({ "changed": changed }),
        Kind::ChannelStarted => json!({ "changed": ["status"], "status": "idle" }),
        Kind::SessionProcessing { source } => json!({ "source": {
            "codecs": source.codecs, "width": source.width, "height": source.height,
            "fps": source.fps, "bitrate": source.bitrate, "encoder": source.encoder,
        } }),
        Kind::SessionLive { after } => json!({ "after_s": after.as_secs_f64() }),
        Kind::SessionRecovered { status, after } => {
            json!({ "status": status.name(), "after_s": after.as_secs_f64() })
        }
        Kind::SessionError { trouble, window } => {
            json!({ "reason": trouble.name(), "detail": trouble.to_string(), "window_s": window.as_secs() })
        }
        Kind::SessionEnded { reason, lasted } => {
            json!({ "end_reason": reason.name(), "duration_s": lasted.as_secs_f64() })
        }
        Kind::IngestConnected { peer, encoder, resumed } => {
            json!({ "peer": peer, "encoder": encoder, "resumed": resumed })
        }
        Kind::IngestDisconnected { peer, why } => json!({ "peer": peer, "reason": why }),
        Kind::IngestRejected { peer, refusal } => {
            json!({ "peer": peer, "reason": refusal.code(), "detail": refusal.to_string() })
        }
        Kind::IngestIssue { issue, state, count } => json!({
            "issue": issue.code(), "state": state.name(), "count": count,
            "cause": issue.cause(), "fix": issue.fix(), "detail": issue.to_string(),
        }),
        Kind::AssetReady { asset } => json!({
            "asset_id": asset.id, "kind": asset.kind.name(), "part": asset.part, "bytes": asset.bytes,
            "duration_s": asset.duration.map(|d| d.as_secs_f64()),
        }),
        Kind::AssetDeleted { asset, reason } => json!({ "asset_id": asset, "reason": reason.name() }),
        Kind::RecordingStopped { detail } => json!({ "alert": "not_recorded", "detail": detail }),
        Kind::RecordingResumed { missing } => {
            json!({ "alert": "not_recorded", "missing_s": missing.as_secs_f64() })
        }
        Kind::LadderShed { detail } => json!({ "alert": "ladder_shed", "detail": detail }),
        Kind::LadderWhole => json!({ "alert": "ladder_shed" }),
        Kind::LadderOverBudget { cause, fix } => json!({
            "alert": "ladder_over_budget", "cause": cause, "fix": fix, "detail": format!("{cause}. {fix}"),
        }),
        Kind::LadderInBudget => json!({ "alert": "ladder_over_budget" }),
        Kind::LadderFailed { cause, fix } => json!({
            "alert": "ladder_failed", "cause": cause, "fix": fix, "detail": format!("{cause}. {fix}"),
        }),
        Kind::LadderWorks => json!({ "alert": "ladder_failed" }),
        Kind::AlertOpened { alert } => json!({
            "alert": alert.code(), "cause": alert.cause(), "fix": alert.fix(), "detail": alert.to_string(),
        }),
        Kind::AlertClosed { alert, lasted } => {
            json!({ "alert": alert.code(), "cause": alert.cause(), "lasted_s": lasted.as_secs_f64() })
        }
        Kind::ChannelCreated
        | Kind::ChannelActivated
        | Kind::ChannelStopped
        | Kind::ChannelDeleted
        | Kind::SessionCreated => json!({}),
    }
}

fn event(row: &Row<'_>) -> Result<Event, Error> {
    let seq: i64 = row.get(0)?;
    let data: String = row.get(6)?;
    Ok(Event {
        seq,
        at: moment(row.get(1)?)?,
        name: row.get(2)?,
        channel_id: row.get(3)?,
        session_id: row.get(4)?,
        text: row.get(5)?,
        data: serde_json::from_str(&data).map_err(|_| Error::Damaged(format!("event {seq}")))?,
    })
}
