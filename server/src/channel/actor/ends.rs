//! How a session of a channel ends: its end, the server's, and what a restart goes on with.

use std::time::Duration;

use live::SessionId;
use live::channel::Input;
use std::sync::Arc;

use super::{Actor, FAREWELL, flow, settle, slate};
use crate::channel::recover::{self, Outcome};
use crate::channel::run::{Run, unix_ms};
use crate::channel::{Shared, assets, plan};
use crate::store;

/// What was made can be made again: the recording has what it was made of.
fn forget_made(shared: &Arc<Shared>, run: &Run) {
    let names = run.live().into_iter().flat_map(|live| live.renditions()).filter(|one| one.made());
    let names: Vec<_> = names.map(|one| one.name().to_owned()).collect();
    let (shared, session) = (Arc::clone(shared), run.id.clone());
    tokio::task::spawn_blocking(move || {
        for name in names {
            if let Err(error) = shared.library.remove_rendition(&session, &name) {
                tracing::warn!("what was made of {session} can't be removed: {error}");
            }
        }
    });
}

/// Behind the end of its recording was only its window.
fn forget_rest(shared: &Arc<Shared>, run: &Run) {
    let (shared, session) = (Arc::clone(shared), run.id.clone());
    tokio::task::spawn_blocking(move || {
        if let Err(error) = shared.library.remove_rest(&session) {
            tracing::warn!("what was not to be recorded of {session} can't be removed: {error}");
        }
    });
}

impl Actor {
    pub(super) async fn close(&mut self, session: SessionId) {
        if self.run.as_ref().is_none_or(|run| run.id != session.as_str()) {
            return;
        }
        self.end_ladder().await;
        self.end_watch();
        let Some(mut run) = self.run.take() else { return };
        let album = self.end_stills();
        let outcome = run.finish();
        self.log_trouble(outcome);
        self.shared.shelf.retire(&self.channel.playback_id);
        self.shared.monitor.remove(&self.channel.id);
        self.shared.sources().remove(&run.id);
        self.source_kept = None;
        self.slate = slate::Desk::default();
        let keeping = self.keeping.take();
        let shared = Arc::clone(&self.shared);
        let playback = self.channel.playback_id.clone();
        let subject = self.subject();
        tokio::spawn(async move {
            flow::keep_last(&shared, keeping, &run).await;
            if run.recorded() {
                shared.writer.flush().await;
                if let Some(album) = &album {
                    album.settle().await;
                }
                let events = assets::ready(&shared.library, &shared.clock, &run.id, &subject).await;
                events.into_iter().for_each(|event| shared.record(event));
                // Only when this is known, too, may anybody tidy up after it.
                let done = Arc::clone(&shared);
                let session = run.id.clone();
                shared.ledger.then(move || {
                    done.library.keep.release(&session);
                    done.retention.notify_one();
                });
            }
            tokio::time::sleep(FAREWELL).await;
            shared.shelf.forget(&playback, &run.id);
            shared.albums.close(&run.id);
            forget_made(&shared, &run);
            forget_rest(&shared, &run);
            // What was only its window goes now.
            shared.library.keep.release(&run.id);
            shared.retention.notify_one();
        });
    }

    pub(super) async fn seal(&mut self) {
        while let Some(Ok(feed)) = self.on.as_mut().map(|on| on.feed.try_recv()) {
            self.feed(feed).await;
        }
        self.settle().await;
        self.end_ladder().await;
        self.end_watch();
        let Some(mut run) = self.run.take() else { return };
        let outcome = run.seal();
        self.log_trouble(outcome);
        flow::keep_last(&self.shared, self.keeping.take(), &run).await;
    }

    pub(super) async fn recover(&mut self, session: store::Session) {
        self.shared.library.keep.hold(&session.id);
        let now_ms = unix_ms(self.shared.clock.wall());
        let created_ms = (session.created_at.unix_timestamp_nanos() / 1_000_000) as i64;
        let since = |ms: i64| Duration::from_millis(u64::try_from(now_ms - ms).unwrap_or(0));
        let (silent_for, begun) = match recover::read(&self.shared, &session.id).await {
            Outcome::Recovered(mut found) => {
                self.declare_ladder(&mut found);
                let silent_for = since(found.written_ms);
                let recording = serde_json::from_str(&self.channel.settings.recording).unwrap_or_default();
                let most = settle::most(&recording);
                let mut run = Run::recovered(&self.shared, found, session.source, most);
                let playable = run.became_playable();
                if let Some(live) = run.live() {
                    self.shared.shelf.put(&self.channel.playback_id, live);
                }
                self.run = Some(run);
                self.open_album();
                (silent_for, playable)
            }
            Outcome::Empty => {
                let settings = &self.channel.settings;
                self.run = Some(Run::new(&session.id, plan(settings), settings.record));
                self.shared.shelf.expect(&self.channel.playback_id);
                (since(created_ms), false)
            }
            // As if its window had passed.
            Outcome::Unusable => (self.channel.settings.reconnect_window + Duration::from_secs(1), false),
        };
        self.begin_watch();
        let id = SessionId::new(session.id);
        let was_live = session.live_at.is_some();
        let age = since(created_ms);
        self.input(Input::Recovered { session: id.clone(), was_live, age, silent_for }).await;
        if begun && !was_live {
            // The journal was quicker than the database.
            self.input(Input::Playable { session: id }).await;
        }
    }
}
