//! What survives a restart: channels, stream keys, tokens, sessions, events and assets, in one SQLite file.
//!
//! **Belongs here:** rows, their secrets, and the one place where an event becomes a row, a log line and a session's state.
//! **Does not:** media (the journal), decisions (`live`), JSON of the API (`control`).
//!
//! One thread owns the connection; [`Store`] is a handle to it. A transaction a call; calls are done in order.

mod answers;
mod assets;
mod channels;
mod events;
mod files;
pub mod id;
mod keys;
mod pictures;
mod playback;
mod schema;
mod sessions;
mod signing;
#[cfg(test)]
mod tests;
mod tokens;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use crate::clock::Clock;

pub use answers::{Answer, MAX_ANSWERS};
pub use assets::{Asset, Kept, Trimmed};
pub use channels::{Channel, Created, Idempotency, LatencyMode, MAX_CHANNELS, Retention, Settings};
pub use events::{Event, KEEP_EVENTS};
pub(crate) use files::write_private;
pub use keys::{Key, Lookup, MAX_KEY_LEN, MAX_KEYS};
pub use pictures::{Picture, Role};
pub use playback::{Guard, Policy};
pub use sessions::Session;
pub use signing::{Algorithm, MAX_SIGNING_KEYS, SigningKey};
pub use tokens::{MAX_TOKENS, NewToken, Scope, Token};

/// Calls that wait for the thread; one more waits for a place.
const QUEUE: usize = 256;

/// Why the store can't do it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file was written by a later version.
    #[error(
        "the database {} was written by a newer sigma-server (schema {found}, this one knows {known}): \
         install that version, or restore a backup from before it",
        path.display()
    )]
    Newer {
        /// The database.
        path: PathBuf,
        /// Its `user_version`.
        found: u32,
        /// The last that this program knows.
        known: u32,
    },
    /// A file of the data folder can't be read or made.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// `DIR/secret` is gone or damaged while keys sealed by it exist.
    #[error("{}: {what}. Stream keys and tokens are sealed by it: restore it from a backup", path.display())]
    Secret {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: &'static str,
    },
    /// A sealed stream key doesn't open.
    #[error(
        "stream key {0} can't be opened: it was sealed by another secret file. Revoke it and make a new one"
    )]
    Seal(String),
    /// SQLite said no.
    #[error("database: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// A row holds what this program never writes.
    #[error("database: {0} is damaged")]
    Damaged(String),
    /// As many as there may be.
    #[error("there are {limit} {what} already, which is the limit: delete some first")]
    Limit {
        /// Of what, in the plural.
        what: &'static str,
        /// How many.
        limit: usize,
    },
    /// The idempotency key was used for another request.
    #[error("this Idempotency-Key was used for a different request: use a new one")]
    KeyReused,
    /// The thread has ended.
    #[error("the database is closed: the server is stopping")]
    Closed,
}

impl Error {
    /// The same may work later: the disk is full, or somebody else holds the database.
    pub fn may_pass(&self) -> bool {
        use rusqlite::ErrorCode;
        let Self::Sqlite(error) = self else { return false };
        matches!(
            error.sqlite_error_code(),
            Some(
                ErrorCode::DiskFull
                    | ErrorCode::DatabaseBusy
                    | ErrorCode::DatabaseLocked
                    | ErrorCode::SystemIoFailure
                    | ErrorCode::CannotOpen
                    | ErrorCode::ReadOnly
            )
        )
    }
}

/// A handle to the database; clones are cheap.
#[derive(Clone, Debug)]
pub struct Store {
    jobs: mpsc::Sender<Job>,
    admin_token: Arc<str>,
}

type Job = Box<dyn FnOnce(&mut Db) + Send>;

/// What the thread owns.
struct Db {
    sql: Connection,
    secret: files::Secret,
    clock: Clock,
}

/// Which part of a list.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// The last id of the page before.
    pub after: Option<String>,
    /// At most so many.
    pub limit: u32,
}

/// A part of a list.
#[derive(Clone, Debug)]
pub struct Listing<T> {
    /// At most [`Page::limit`].
    pub items: Vec<T>,
    /// There are more behind the last.
    pub more: bool,
}

impl<T> Listing<T> {
    /// From a query that was asked for one more than the limit.
    fn cut(mut items: Vec<T>, limit: u32) -> Self {
        let limit = limit as usize;
        let more = items.len() > limit;
        items.truncate(limit);
        Self { items, more }
    }
}

impl Store {
    /// Opens `DIR/sigma.db`, or makes it, with `DIR/secret` and `DIR/admin-token` (both mode 0600). Blocks for some
    /// milliseconds.
    pub fn open(dir: &Path, clock: Clock) -> Result<Self, Error> {
        let path = dir.join("sigma.db");
        let sql = schema::open(&path)?;
        let secret = files::Secret::load(&dir.join("secret"), keys::any_sealed(&sql)?)?;
        let mut db = Db { sql, secret, clock };
        events::prune(&db.sql, db.clock.utc())?;
        let admin_token = tokens::ensure_admin(&mut db, &dir.join("admin-token"))?;
        let (jobs, mut todo) = mpsc::channel::<Job>(QUEUE);
        std::thread::Builder::new()
            .name("store".into())
            .spawn(move || {
                while let Some(job) = todo.blocking_recv() {
                    job(&mut db);
                }
            })
            .map_err(|source| Error::File { path, source })?;
        Ok(Self { jobs, admin_token: admin_token.into() })
    }

    /// What `DIR/admin-token` holds.
    pub fn admin_token(&self) -> &str {
        &self.admin_token
    }

    /// The database answers.
    pub async fn check(&self) -> Result<(), Error> {
        self.call(|db| Ok(db.sql.query_row("SELECT 1", [], |_| Ok(()))?)).await
    }

    /// Waits until everything asked before is done and folded into the main file. For a clean stop.
    pub async fn flush(&self) -> Result<(), Error> {
        self.call(|db| Ok(db.sql.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?)).await
    }

    async fn call<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Db) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let (reply, answer) = oneshot::channel();
        let job: Job = Box::new(move |db| {
            // Nobody waits any more where the request was dropped; what was asked is done all the same.
            let _ = reply.send(job(db));
        });
        self.jobs.send(job).await.map_err(|_| Error::Closed)?;
        answer.await.map_err(|_| Error::Closed)?
    }
}

/// Milliseconds since the Unix epoch: how times are stored.
fn millis(at: time::OffsetDateTime) -> i64 {
    i64::try_from(at.unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX)
}

/// The other way.
fn moment(ms: i64) -> Result<time::OffsetDateTime, Error> {
    time::OffsetDateTime::from_unix_timestamp_nanos(i128::from(ms) * 1_000_000)
        .map_err(|_| Error::Damaged(format!("time {ms}")))
}
