//! The tables, and how an older file becomes a newer one.

use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;

use super::Error;

/// Step `n` makes version `n + 1` of version `n`. Steps that were released are never changed.
const STEPS: &[&str] = &[
    "
    CREATE TABLE channels (
        id TEXT PRIMARY KEY,
        playback_id TEXT NOT NULL UNIQUE,
        name TEXT NOT NULL,
        latency_mode TEXT NOT NULL,
        latency_target_ms INTEGER NOT NULL,
        record INTEGER NOT NULL,
        max_duration_s INTEGER,
        reconnect_window_s INTEGER NOT NULL,
        stopped INTEGER NOT NULL DEFAULT 0,
        created_at INTEGER NOT NULL,
        updated_at INTEGER NOT NULL,
        deleted_at INTEGER
    ) STRICT;
    CREATE TABLE stream_keys (
        id TEXT PRIMARY KEY,
        channel_id TEXT NOT NULL REFERENCES channels (id),
        hash BLOB NOT NULL UNIQUE,
        sealed BLOB NOT NULL,
        created_at INTEGER NOT NULL,
        revoked_at INTEGER
    ) STRICT;
    CREATE INDEX stream_keys_of_channel ON stream_keys (channel_id);
    CREATE TABLE tokens (
        id TEXT PRIMARY KEY,
        name TEXT NOT NULL,
        scope TEXT NOT NULL,
        hash BLOB NOT NULL UNIQUE,
        created_at INTEGER NOT NULL,
        revoked_at INTEGER
    ) STRICT;
    CREATE TABLE sessions (
        id TEXT PRIMARY KEY,
        channel_id TEXT NOT NULL REFERENCES channels (id),
        status TEXT NOT NULL,
        end_reason TEXT,
        created_at INTEGER NOT NULL,
        live_at INTEGER,
        ended_at INTEGER,
        codecs TEXT,
        width INTEGER,
        height INTEGER,
        fps REAL,
        bitrate INTEGER,
        encoder TEXT
    ) STRICT;
    CREATE INDEX sessions_of_channel ON sessions (channel_id, id);
    CREATE UNIQUE INDEX one_session_runs ON sessions (channel_id) WHERE status <> 'ended';
    CREATE TABLE assets (
        id TEXT PRIMARY KEY,
        session_id TEXT NOT NULL REFERENCES sessions (id),
        kind TEXT NOT NULL,
        duration_ms INTEGER,
        bytes INTEGER,
        created_at INTEGER NOT NULL,
        UNIQUE (session_id, kind)
    ) STRICT;
    CREATE TABLE events (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        at INTEGER NOT NULL,
        type TEXT NOT NULL,
        channel_id TEXT,
        session_id TEXT,
        text TEXT NOT NULL,
        data TEXT NOT NULL
    ) STRICT;
    CREATE INDEX events_by_age ON events (at);
    CREATE TABLE idempotency (
        token_id TEXT NOT NULL,
        key TEXT NOT NULL,
        request BLOB NOT NULL,
        channel_id TEXT NOT NULL,
        created_at INTEGER NOT NULL,
        PRIMARY KEY (token_id, key)
    ) STRICT;
",
    "
    ALTER TABLE channels ADD COLUMN dvr_window_s INTEGER NOT NULL DEFAULT 30;
    ALTER TABLE channels ADD COLUMN retention_age_s INTEGER;
    ALTER TABLE channels ADD COLUMN retention_bytes INTEGER;
    ALTER TABLE sessions ADD COLUMN announced_at INTEGER;
    UPDATE sessions SET announced_at = (SELECT min(created_at) FROM assets WHERE session_id = sessions.id);
    CREATE TABLE assets_2 (
        id TEXT PRIMARY KEY,
        session_id TEXT NOT NULL REFERENCES sessions (id),
        kind TEXT NOT NULL,
        part INTEGER NOT NULL DEFAULT 1,
        duration_ms INTEGER,
        bytes INTEGER,
        title TEXT,
        in_ms INTEGER,
        out_ms INTEGER,
        created_at INTEGER NOT NULL,
        UNIQUE (session_id, kind, part)
    ) STRICT;
    INSERT INTO assets_2 (id, session_id, kind, duration_ms, bytes, created_at)
        SELECT id, session_id, kind, duration_ms, bytes, created_at FROM assets;
    DROP TABLE assets;
    ALTER TABLE assets_2 RENAME TO assets;
",
    "
    ALTER TABLE channels ADD COLUMN policy TEXT NOT NULL DEFAULT 'public';
    ALTER TABLE channels ADD COLUMN playback_epoch INTEGER NOT NULL DEFAULT 0;
    CREATE TABLE signing_keys (
        id TEXT PRIMARY KEY,
        name TEXT NOT NULL,
        algorithm TEXT NOT NULL,
        public BLOB NOT NULL,
        created_at INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE answers (
        token_id TEXT NOT NULL,
        key TEXT NOT NULL,
        request BLOB NOT NULL,
        status INTEGER NOT NULL,
        sealed BLOB NOT NULL,
        created_at INTEGER NOT NULL,
        PRIMARY KEY (token_id, key)
    ) STRICT;
    CREATE INDEX answers_by_age ON answers (created_at);
",
    "
    ALTER TABLE channels ADD COLUMN slate_after_ms INTEGER NOT NULL DEFAULT 1500;
    CREATE TABLE slate_pictures (
        channel_id TEXT PRIMARY KEY REFERENCES channels (id),
        content_type TEXT NOT NULL,
        width INTEGER NOT NULL,
        height INTEGER NOT NULL,
        data BLOB NOT NULL
    ) STRICT;
",
    "
    ALTER TABLE channels ADD COLUMN ladder TEXT NOT NULL DEFAULT '{\"kind\":\"source\"}';
    ALTER TABLE channels ADD COLUMN processing TEXT NOT NULL DEFAULT '{}';
    CREATE TABLE logos (
        channel_id TEXT PRIMARY KEY REFERENCES channels (id),
        content_type TEXT NOT NULL,
        width INTEGER NOT NULL,
        height INTEGER NOT NULL,
        data BLOB NOT NULL
    ) STRICT;
",
    "
    ALTER TABLE channels ADD COLUMN detectors TEXT NOT NULL DEFAULT '{}';
",
    "
    ALTER TABLE channels ADD COLUMN recording TEXT NOT NULL DEFAULT '{}';
",
];

/// The last version that this program knows.
pub(super) const KNOWN: u32 = STEPS.len() as u32;

/// Opens the file, or makes it, and brings it up to date; each step wholly or not at all.
pub(super) fn open(path: &Path) -> Result<Connection, Error> {
    let mut sql = Connection::open(path)?;
    sql.busy_timeout(Duration::from_secs(5))?;
    sql.pragma_update(None, "journal_mode", "WAL")?;
    // WAL with NORMAL survives a killed process whole; a power cut may lose the last moments, never the file.
    sql.pragma_update(None, "synchronous", "NORMAL")?;
    sql.pragma_update(None, "foreign_keys", true)?;
    sql.set_prepared_statement_cache_capacity(64);
    let found: u32 = sql.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if found > KNOWN {
        return Err(Error::Newer { path: path.to_owned(), found, known: KNOWN });
    }
    for (version, step) in (1..).zip(STEPS).skip(found as usize) {
        let tx = sql.transaction()?;
        tx.execute_batch(step)?;
        tx.pragma_update(None, "user_version", version)?;
        tx.commit()?;
    }
    Ok(sql)
}
