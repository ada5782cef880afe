//! What is deleted when: recordings that are too old or too many, and media that nobody has a name for any more.
//!
//! **Belongs here:** one task that compares the sessions on disk with what the database says of them. **Does not:** what a
//! window keeps of a session that runs (`journal`).
//!
//! The oldest go first, by the end of their session. Never what is running, nor what somebody watched in the last minute:
//! then the next oldest goes in its place.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use live::event::DeleteReason;
use tokio::sync::{Notify, watch};

use crate::channel::assets;
use crate::clock::Clock;
use crate::config;
use crate::journal::{Library, window_only};
use crate::store::{Kept, Store};

/// How often it looks by itself.
const EVERY: Duration = Duration::from_secs(60);

/// What the task needs.
pub(crate) struct Retention {
    pub store: Store,
    pub library: Library,
    pub clock: Clock,
    /// Of all channels together.
    pub limits: config::Retention,
    /// Something ended, or was deleted.
    pub wake: Arc<Notify>,
}

/// A session and what is decided of it.
struct Found {
    kept: Kept,
    bytes: u64,
}

impl Retention {
    /// Runs until `stop` says so.
    pub(crate) async fn run(self, mut stop: watch::Receiver<bool>) {
        // What a session takes that is over doesn't change any more.
        let mut sizes = HashMap::new();
        loop {
            if let Err(error) = self.sweep(&mut sizes).await {
                tracing::warn!("recordings can't be looked through: {error:#}");
            }
            tokio::select! {
                () = tokio::time::sleep(EVERY) => {}
                () = self.wake.notified() => {}
                _ = stop.wait_for(|stop| *stop) => return,
            }
        }
    }

    async fn sweep(&self, sizes: &mut HashMap<String, u64>) -> anyhow::Result<()> {
        let library = self.library.clone();
        let sessions = tokio::task::spawn_blocking(move || library.sessions()).await??;
        let mut running = Vec::new();
        let mut over = Vec::new();
        for session in sessions {
            let list = if self.library.keep.running(&session) { &mut running } else { &mut over };
            list.push(session);
        }
        sizes.retain(|session, _| over.contains(session));
        let mut found = Vec::new();
        for kept in self.store.kept(over).await? {
            if !self.tidy(&kept).await? {
                let bytes = match sizes.get(&kept.session) {
                    Some(bytes) => *bytes,
                    None => self.size(&kept.session).await?,
                };
                sizes.insert(kept.session.clone(), bytes);
                found.push(Found { kept, bytes });
            }
        }
        let mut live = 0;
        for session in running {
            live += self.size(&session).await?;
        }
        self.by_age(&mut found).await?;
        self.by_size(found, live).await
    }

    /// What no asset names any more goes, and what should have been announced is. True where it is gone.
    async fn tidy(&self, kept: &Kept) -> anyhow::Result<bool> {
        let Some(folder) = self.library.folder(&kept.session) else { return Ok(true) };
        if kept.announced && !kept.media || window_only(&folder) {
            // A thumbnail of what is gone is of no use.
            for asset in &kept.assets {
                self.store.delete_asset(asset, DeleteReason::Operator).await?;
            }
            self.remove(&kept.session).await?;
            return Ok(true);
        }
        if !kept.announced {
            // The server went down between its end and that.
            let events = assets::ready(&self.library, &self.clock, &kept.session, &kept.channel).await;
            for event in events {
                self.store.record(event).await?;
            }
        }
        Ok(false)
    }

    async fn by_age(&self, found: &mut Vec<Found>) -> anyhow::Result<()> {
        let now = self.clock.utc();
        let server = self.limits.max_age_s.map(|s| Duration::from_secs(s.into()));
        let mut left = Vec::new();
        for session in found.drain(..) {
            let age = (now - session.kept.ended_at).unsigned_abs();
            let limit = session.kept.max_age.into_iter().chain(server).min();
            let old = now > session.kept.ended_at && limit.is_some_and(|limit| age > limit);
            if !(old && self.delete(&session.kept, DeleteReason::MaxAge).await?) {
                left.push(session);
            }
        }
        *found = left;
        Ok(())
    }

    async fn by_size(&self, mut found: Vec<Found>, live: u64) -> anyhow::Result<()> {
        let channels: Vec<_> = found.iter().map(|session| session.kept.channel.id.clone()).collect();
        for channel in channels {
            let ours = |session: &Found| session.kept.channel.id == channel;
            let limit = found.iter().find(|session| ours(session)).and_then(|session| session.kept.max_bytes);
            let Some(limit) = limit else { continue };
            let mut bytes: u64 = found.iter().filter(|session| ours(session)).map(|s| s.bytes).sum();
            self.shrink(&mut found, ours, &mut bytes, limit).await?;
        }
        if let Some(limit) = self.limits.max_bytes {
            let mut bytes = live + found.iter().map(|session| session.bytes).sum::<u64>();
            self.shrink(&mut found, |_| true, &mut bytes, limit).await?;
        }
        Ok(())
    }

    /// Deletes the oldest of those until the rest is small enough.
    async fn shrink(
        &self,
        found: &mut Vec<Found>,
        which: impl Fn(&Found) -> bool,
        bytes: &mut u64,
        limit: u64,
    ) -> anyhow::Result<()> {
        let mut at = 0;
        while *bytes > limit && at < found.len() {
            if which(&found[at]) && self.delete(&found[at].kept, DeleteReason::MaxBytes).await? {
                *bytes -= found.remove(at).bytes;
            } else {
                at += 1;
            }
        }
        Ok(())
    }

    /// False where somebody is watching.
    async fn delete(&self, kept: &Kept, reason: DeleteReason) -> anyhow::Result<bool> {
        if self.library.keep.in_use(&kept.session) {
            return Ok(false);
        }
        for asset in &kept.assets {
            self.store.delete_asset(asset, reason).await?;
        }
        self.remove(&kept.session).await?;
        Ok(true)
    }

    async fn remove(&self, session: &str) -> anyhow::Result<()> {
        let (library, id) = (self.library.clone(), session.to_owned());
        Ok(tokio::task::spawn_blocking(move || library.remove(&id)).await??)
    }

    async fn size(&self, session: &str) -> anyhow::Result<u64> {
        let Some(folder) = self.library.folder(session) else { return Ok(0) };
        Ok(tokio::task::spawn_blocking(move || size(&folder)).await??)
    }
}

fn size(folder: &Path) -> std::io::Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let meta = match entry.metadata() {
            Ok(meta) => meta,
            // Put in its place, or trimmed, meanwhile.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        bytes += if meta.is_dir() { size(&entry.path())? } else { meta.len() };
    }
    Ok(bytes)
}
