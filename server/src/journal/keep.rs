//! What of the journal must stay: sessions that run, and what somebody reads.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::clock::Clock;

/// What was read so lately is in use: a player fetches the next segment within a few target durations.
const IN_USE: Duration = Duration::from_secs(60);
/// Sessions whose readers are remembered.
const REMEMBERED: usize = 4096;

/// Shared by all who read and by who tidies up.
#[derive(Clone)]
pub(crate) struct Keep {
    state: Arc<Mutex<State>>,
    clock: Clock,
}

#[derive(Default)]
struct State {
    running: HashSet<String>,
    read: HashMap<String, Instant>,
}

impl Keep {
    pub(super) fn new(clock: Clock) -> Self {
        Self { state: Arc::default(), clock }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A session writes, from now until `release`.
    pub(crate) fn hold(&self, session: &str) {
        self.state().running.insert(session.to_owned());
    }

    /// It is over, and what it leaves behind is announced.
    pub(crate) fn release(&self, session: &str) {
        self.state().running.remove(session);
    }

    /// It writes, or its assets are being made.
    pub(crate) fn running(&self, session: &str) -> bool {
        self.state().running.contains(session)
    }

    /// Somebody reads it.
    pub(crate) fn touch(&self, session: &str) {
        let now = self.clock.now();
        let mut state = self.state();
        if state.read.len() >= REMEMBERED {
            state.read.retain(|_, at| now.duration_since(*at) < IN_USE);
        }
        state.read.insert(session.to_owned(), now);
    }

    /// It runs, or somebody read it a moment ago.
    pub(crate) fn in_use(&self, session: &str) -> bool {
        let (state, now) = (self.state(), self.clock.now());
        let lately = |at: &Instant| now.duration_since(*at) < IN_USE;
        state.running.contains(session) || state.read.get(session).is_some_and(lately)
    }
}
