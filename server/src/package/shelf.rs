//! What is on: by playback id the session that plays now, and those that ended a moment ago.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Semaphore, SemaphorePermit, watch};

use super::Live;

/// Sessions of a channel that ended lately and whose players may still ask: beyond these, the journal answers.
const PAST: usize = 2;

/// Requests for sessions that can't be played yet, all channels together.
const EARLY_REQUESTS: usize = 1_000;

/// Shared by all channels (they put) and all viewers (they look).
#[derive(Clone, Default)]
pub(crate) struct Shelf(Arc<Inner>);

struct Inner {
    slots: Mutex<HashMap<String, Slot>>,
    changed: watch::Sender<()>,
    early: Semaphore,
}

impl Default for Inner {
    fn default() -> Self {
        let (slots, changed) = Default::default();
        Self { slots, changed, early: Semaphore::new(EARLY_REQUESTS) }
    }
}

#[derive(Default)]
struct Slot {
    /// A session runs that can't be played yet.
    expected: bool,
    now: Option<Arc<Live>>,
    past: Vec<Arc<Live>>,
}

/// What a playback id stands for now.
pub(crate) enum Found {
    /// It plays.
    Live(Arc<Live>),
    /// A publisher is there; it will play in a moment.
    Expected,
    /// Nothing is on.
    Nothing,
}

impl Shelf {
    fn slots(&self) -> MutexGuard<'_, HashMap<String, Slot>> {
        self.0.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A publisher is there.
    pub(crate) fn expect(&self, playback: &str) {
        self.slots().entry(playback.to_owned()).or_default().expected = true;
        self.0.changed.send_replace(());
    }

    /// It plays.
    pub(crate) fn put(&self, playback: &str, live: &Arc<Live>) {
        {
            let mut slots = self.slots();
            let slot = slots.entry(playback.to_owned()).or_default();
            slot.expected = false;
            slot.now = Some(Arc::clone(live));
        }
        self.0.changed.send_replace(());
    }

    /// It ended; players that are in it finish it.
    pub(crate) fn retire(&self, playback: &str) {
        {
            let mut slots = self.slots();
            let Some(slot) = slots.get_mut(playback) else { return };
            slot.expected = false;
            slot.past.extend(slot.now.take());
            let surplus = slot.past.len().saturating_sub(PAST);
            slot.past.drain(..surplus);
        }
        self.0.changed.send_replace(());
    }

    /// Nobody asks for the session any more.
    pub(crate) fn forget(&self, playback: &str, session: &str) {
        let mut slots = self.slots();
        let Some(slot) = slots.get_mut(playback) else { return };
        slot.past.retain(|live| live.session() != session);
        if !slot.expected && slot.now.is_none() && slot.past.is_empty() {
            slots.remove(playback);
        }
    }

    /// What a viewer who just comes gets.
    pub(crate) fn find(&self, playback: &str) -> Found {
        match self.slots().get(playback) {
            Some(Slot { now: Some(live), .. }) => Found::Live(Arc::clone(live)),
            Some(Slot { expected: true, .. }) => Found::Expected,
            Some(_) | None => Found::Nothing,
        }
    }

    /// A session that a viewer is in, though it may have ended.
    pub(crate) fn session(&self, playback: &str, session: &str) -> Option<Arc<Live>> {
        let slots = self.slots();
        let slot = slots.get(playback)?;
        slot.now.iter().chain(&slot.past).find(|live| live.session() == session).cloned()
    }

    /// A session that runs and can be played, on whichever channel.
    pub(crate) fn running(&self, session: &str) -> Option<Arc<Live>> {
        let slots = self.slots();
        slots.values().filter_map(|slot| slot.now.as_ref()).find(|live| live.session() == session).cloned()
    }

    /// Changes of any channel.
    pub(crate) fn watch(&self) -> watch::Receiver<()> {
        self.0.changed.subscribe()
    }

    /// Room for one more request that waits for a session to begin; `None` where too many wait already.
    pub(crate) fn wait(&self) -> Option<SemaphorePermit<'_>> {
        self.0.early.try_acquire().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_may_wait_and_not_one_more() {
        let shelf = Shelf::default();
        let waiting: Vec<_> = std::iter::from_fn(|| shelf.wait()).collect();
        assert_eq!(waiting.len(), EARLY_REQUESTS);
        drop(waiting);
        assert!(shelf.wait().is_some());
    }
}
