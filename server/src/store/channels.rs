//! Channels: what the operator set, and making one only once.

use std::time::Duration;

use rusqlite::{OptionalExtension, Row, params};
use time::OffsetDateTime;

use super::files::Purpose;
use super::{Db, Error, Listing, Page, Picture, Policy, Store, events, id, keys, millis, moment};

/// Channels that aren't deleted, at most.
pub const MAX_CHANNELS: usize = 10_000;

/// How long an idempotency key is remembered.
pub(super) const REMEMBER: time::Duration = time::Duration::hours(24);

/// What viewers' distance from live is traded against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LatencyMode {
    /// Whole segments.
    Normal,
    /// Parts, with room to spare.
    Low,
    /// Parts, as near as can be.
    UltraLow,
}

impl LatencyMode {
    /// `normal`, `low`, `ultra_low`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Low => "low",
            Self::UltraLow => "ultra_low",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        [Self::Normal, Self::Low, Self::UltraLow].into_iter().find(|mode| mode.name() == name)
    }
}

/// How long recordings are kept; without either, for ever.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    /// Since the session ended.
    pub max_age: Option<Duration>,
    /// On disk, all together.
    pub max_bytes: Option<u64>,
}

/// What an operator may set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// For people.
    pub name: String,
    /// How near to live.
    pub latency_mode: LatencyMode,
    /// Where players should stand behind live.
    pub latency_target: Duration,
    /// Keep the recording and catch-up of its sessions.
    pub record: bool,
    /// What must be true for them to exist: JSON, as the API has it.
    pub recording: String,
    /// A session ends after so long.
    pub max_duration: Option<Duration>,
    /// How long a session waits for its publisher.
    pub reconnect_window: Duration,
    /// How far viewers can go back while it is live.
    pub dvr_window: Duration,
    /// Of its recordings.
    pub retention: Retention,
    /// Who may watch.
    pub policy: Policy,
    /// Viewers see the slate after so long without media.
    pub slate_after: Duration,
    /// Its renditions: JSON, as the API has it.
    pub ladder: String,
    /// What is done to picture and sound: JSON, as the API has it.
    pub processing: String,
    /// What is watched for in picture and sound: JSON, as the API has it.
    pub detectors: String,
}

/// A channel that isn't deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Channel {
    /// `ch_…`
    pub id: String,
    /// `pb_…`: what viewers know it by.
    pub playback_id: String,
    /// What was set.
    pub settings: Settings,
    /// Publishers are refused.
    pub stopped: bool,
    /// The session that runs.
    pub live_session: Option<String>,
    /// Its own picture for the slate.
    pub slate_picture: Option<Picture>,
    /// What `processing` may lay over its pictures.
    pub logo: Option<Picture>,
    /// When it was made.
    pub created_at: OffsetDateTime,
    /// When its settings last changed.
    pub updated_at: OffsetDateTime,
}

/// A client's promise that a repeated request is the same one.
#[derive(Clone, Debug)]
pub struct Idempotency {
    /// Who promises.
    pub token_id: String,
    /// The header.
    pub key: String,
    /// The body, to notice another request under the same key.
    pub request: Vec<u8>,
}

/// What [`Store::create_channel`] did.
#[derive(Clone, Debug)]
pub struct Created {
    /// The channel.
    pub channel: Channel,
    /// It was made by an earlier request with the same idempotency key.
    pub replayed: bool,
}

const COLUMNS: &str = "c.id, c.playback_id, c.name, c.latency_mode, c.latency_target_ms, c.record, \
    c.max_duration_s, c.reconnect_window_s, c.stopped, c.created_at, c.updated_at, \
    (SELECT s.id FROM sessions s WHERE s.channel_id = c.id AND s.status <> 'ended'), \
    c.dvr_window_s, c.retention_age_s, c.retention_bytes, c.policy, c.slate_after_ms, \
    p.content_type, p.width, p.height, length(p.data), c.ladder, c.processing, \
    l.content_type, l.width, l.height, length(l.data), c.detectors, c.recording";

const CHANNELS: &str = "channels c LEFT JOIN slate_pictures p ON p.channel_id = c.id \
    LEFT JOIN logos l ON l.channel_id = c.id";

impl Store {
    /// Makes a channel with its first stream key, and the event.
    pub async fn create_channel(
        &self,
        settings: Settings,
        idempotency: Option<Idempotency>,
    ) -> Result<Created, Error> {
        self.call(move |db| create(db, &settings, idempotency.as_ref())).await
    }

    /// `None` where there is no such channel, or it was deleted.
    pub async fn channel(&self, id: &str) -> Result<Option<Channel>, Error> {
        let id = id.to_owned();
        self.call(move |db| read(&db.sql, &id)).await
    }

    /// The channel that viewers know by this id.
    pub async fn channel_of_playback(&self, playback_id: &str) -> Result<Option<Channel>, Error> {
        let playback_id = playback_id.to_owned();
        self.call(move |db| {
            let found: Option<String> = db
                .sql
                .prepare_cached("SELECT id FROM channels WHERE playback_id = ?1")?
                .query_row([playback_id], |row| row.get(0))
                .optional()?;
            found.map_or(Ok(None), |id| read(&db.sql, &id))
        })
        .await
    }

    /// The oldest first.
    pub async fn channels(&self, page: Page) -> Result<Listing<Channel>, Error> {
        self.call(move |db| {
            let sql = format!(
                "SELECT {COLUMNS} FROM {CHANNELS}
                 WHERE c.deleted_at IS NULL AND c.id > ?1 ORDER BY c.id LIMIT ?2"
            );
            let mut statement = db.sql.prepare_cached(&sql)?;
            let rows = statement.query_and_then(
                params![page.after.as_deref().unwrap_or(""), i64::from(page.limit) + 1],
                channel,
            )?;
            Ok(Listing::cut(rows.collect::<Result<_, _>>()?, page.limit))
        })
        .await
    }

    /// Puts new settings, and the event with the names of what changed; nothing where nothing did. `None` where there is
    /// no such channel.
    pub async fn update_channel(&self, id: &str, settings: Settings) -> Result<Option<Channel>, Error> {
        let id = id.to_owned();
        self.call(move |db| update(db, &id, &settings)).await
    }
}

fn create(db: &mut Db, settings: &Settings, idempotency: Option<&Idempotency>) -> Result<Created, Error> {
    let now = db.clock.utc();
    let hash = idempotency.map(|i| db.secret.hash(Purpose::Request, &i.request));
    let tx = db.sql.transaction()?;
    if let (Some(idempotency), Some(hash)) = (idempotency, hash) {
        tx.execute("DELETE FROM idempotency WHERE created_at < ?1", [millis(now - REMEMBER)])?;
        let seen: Option<(Vec<u8>, String)> = tx
            .query_row(
                "SELECT request, channel_id FROM idempotency WHERE token_id = ?1 AND key = ?2",
                params![idempotency.token_id, idempotency.key],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .optional()?;
        if let Some((request, id)) = seen {
            if request != hash {
                return Err(Error::KeyReused);
            }
            // Deleted meanwhile: the promise is void, and a new one is made below.
            if let Some(channel) = read(&tx, &id)? {
                return Ok(Created { channel, replayed: true });
            }
        }
    }
    let count: i64 =
        tx.query_row("SELECT count(*) FROM channels WHERE deleted_at IS NULL", [], |r| r.get(0))?;
    if count >= MAX_CHANNELS as i64 {
        return Err(Error::Limit { what: "channels", limit: MAX_CHANNELS });
    }
    let id = id::mint(id::Prefix::Channel, now);
    tx.execute(
        "INSERT INTO channels (id, playback_id, name, latency_mode, latency_target_ms, record, max_duration_s,
              reconnect_window_s, created_at, updated_at, dvr_window_s, retention_age_s, retention_bytes, policy,
              slate_after_ms, ladder, processing, detectors, recording)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)",
        params![
            id,
            id::mint(id::Prefix::Playback, now),
            settings.name,
            settings.latency_mode.name(),
            settings.latency_target.as_millis() as i64,
            settings.record,
            settings.max_duration.map(|d| d.as_secs() as i64),
            settings.reconnect_window.as_secs() as i64,
            millis(now),
            settings.dvr_window.as_secs() as i64,
            settings.retention.max_age.map(|d| d.as_secs() as i64),
            settings.retention.max_bytes.map(|b| b as i64),
            settings.policy.name(),
            settings.slate_after.as_millis() as i64,
            settings.ladder,
            settings.processing,
            settings.detectors,
            settings.recording,
        ],
    )?;
    keys::insert(&tx, &db.secret, &id, now)?;
    if let (Some(idempotency), Some(hash)) = (idempotency, hash) {
        tx.execute(
            "INSERT OR REPLACE INTO idempotency (token_id, key, request, channel_id, created_at)
             VALUES (?1, ?2, ?3, ?4, ?5)",
            params![idempotency.token_id, idempotency.key, hash, id, millis(now)],
        )?;
    }
    let channel = read(&tx, &id)?.ok_or_else(|| Error::Damaged(id.clone()))?;
    let event = about(&channel, live::event::Kind::ChannelCreated);
    events::append(&tx, &event, now)?;
    tx.commit()?;
    events::log(&event);
    Ok(Created { channel, replayed: false })
}

fn update(db: &mut Db, id: &str, settings: &Settings) -> Result<Option<Channel>, Error> {
    let now = db.clock.utc();
    let tx = db.sql.transaction()?;
    let Some(old) = read(&tx, id)? else { return Ok(None) };
    let changed = differences(&old.settings, settings);
    if changed.is_empty() {
        return Ok(Some(old));
    }
    tx.execute(
        "UPDATE channels SET name = ?2, latency_mode = ?3, latency_target_ms = ?4, record = ?5,
             max_duration_s = ?6, reconnect_window_s = ?7, updated_at = ?8, dvr_window_s = ?9,
             retention_age_s = ?10, retention_bytes = ?11, policy = ?12, slate_after_ms = ?13, ladder = ?14,
             processing = ?15, detectors = ?16, recording = ?17 WHERE id = ?1",
        params![
            id,
            settings.name,
            settings.latency_mode.name(),
            settings.latency_target.as_millis() as i64,
            settings.record,
            settings.max_duration.map(|d| d.as_secs() as i64),
            settings.reconnect_window.as_secs() as i64,
            millis(now),
            settings.dvr_window.as_secs() as i64,
            settings.retention.max_age.map(|d| d.as_secs() as i64),
            settings.retention.max_bytes.map(|b| b as i64),
            settings.policy.name(),
            settings.slate_after.as_millis() as i64,
            settings.ladder,
            settings.processing,
            settings.detectors,
            settings.recording,
        ],
    )?;
    let channel = read(&tx, id)?.ok_or_else(|| Error::Damaged(id.to_owned()))?;
    let event = about(&channel, live::event::Kind::ChannelUpdated { changed });
    events::append(&tx, &event, now)?;
    tx.commit()?;
    events::log(&event);
    Ok(Some(channel))
}

fn differences(old: &Settings, new: &Settings) -> Vec<&'static str> {
    [
        ("name", old.name != new.name),
        ("latency_mode", old.latency_mode != new.latency_mode),
        ("latency_target_s", old.latency_target != new.latency_target),
        ("record", old.record != new.record),
        ("recording", old.recording != new.recording),
        ("max_duration_s", old.max_duration != new.max_duration),
        ("reconnect_window_s", old.reconnect_window != new.reconnect_window),
        ("dvr_window_s", old.dvr_window != new.dvr_window),
        ("retention", old.retention != new.retention),
        ("playback.policy", old.policy != new.policy),
        ("slate", old.slate_after != new.slate_after),
        ("ladder", old.ladder != new.ladder),
        ("processing", old.processing != new.processing),
        ("detectors", old.detectors != new.detectors),
    ]
    .into_iter()
    .filter_map(|(name, differs)| differs.then_some(name))
    .collect()
}

pub(super) fn about(channel: &Channel, kind: live::event::Kind) -> live::Event {
    let subject = live::event::Subject {
        id: live::ChannelId::new(channel.id.as_str()),
        name: channel.settings.name.as_str().into(),
    };
    live::Event { channel: Some(subject), session: None, kind }
}

pub(super) fn read(sql: &rusqlite::Connection, id: &str) -> Result<Option<Channel>, Error> {
    let query = format!("SELECT {COLUMNS} FROM {CHANNELS} WHERE c.deleted_at IS NULL AND c.id = ?1");
    let mut statement = sql.prepare_cached(&query)?;
    let mut rows = statement.query_and_then([id], channel)?;
    rows.next().transpose()
}

fn channel(row: &Row<'_>) -> Result<Channel, Error> {
    let id: String = row.get(0)?;
    let mode: String = row.get(3)?;
    let latency_mode = LatencyMode::parse(&mode).ok_or_else(|| Error::Damaged(format!("channel {id}")))?;
    let settings = Settings {
        name: row.get(2)?,
        latency_mode,
        latency_target: Duration::from_millis(row.get::<_, u32>(4)?.into()),
        record: row.get(5)?,
        max_duration: row.get::<_, Option<u32>>(6)?.map(|s| Duration::from_secs(s.into())),
        reconnect_window: Duration::from_secs(row.get::<_, u32>(7)?.into()),
        dvr_window: Duration::from_secs(row.get::<_, u32>(12)?.into()),
        retention: Retention {
            max_age: row.get::<_, Option<u32>>(13)?.map(|s| Duration::from_secs(s.into())),
            max_bytes: row.get::<_, Option<i64>>(14)?.and_then(|b| u64::try_from(b).ok()),
        },
        policy: Policy::parse(&row.get::<_, String>(15)?)
            .ok_or_else(|| Error::Damaged(format!("channel {id}")))?,
        slate_after: Duration::from_millis(row.get::<_, u32>(16)?.into()),
        ladder: row.get(21)?,
        processing: row.get(22)?,
        detectors: row.get(27)?,
        recording: row.get(28)?,
    };
    Ok(Channel {
        id,
        playback_id: row.get(1)?,
        settings,
        stopped: row.get(8)?,
        live_session: row.get(11)?,
        slate_picture: picture(row, 17)?,
        logo: picture(row, 23)?,
        created_at: moment(row.get(9)?)?,
        updated_at: moment(row.get(10)?)?,
    })
}

/// From this column on.
fn picture(row: &Row<'_>, at: usize) -> Result<Option<Picture>, Error> {
    let Some(content_type) = row.get(at)? else { return Ok(None) };
    let (width, height) = (row.get(at + 1)?, row.get(at + 2)?);
    Ok(Some(Picture { content_type, width, height, bytes: row.get::<_, u32>(at + 3)?.into() }))
}
