//! Events on their way into the database, in order. Media never waits for it: a database that is stuck or full is tried again
//! until it works.

use std::time::Duration;

use live::Event;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use crate::store::Store;

/// Events that wait: hours of a few channels, minutes of very many.
const QUEUE: usize = 4096;
/// From one try to the next.
const AGAIN: Duration = Duration::from_millis(500);

enum Entry {
    Event(Box<Event>),
    /// What shall be done when the events before are recorded.
    Then(Box<dyn FnOnce() + Send>),
}

/// A handle; the task ends when the last is gone.
#[derive(Clone)]
pub(super) struct Ledger {
    entries: mpsc::Sender<Entry>,
    task: AbortHandle,
}

impl Ledger {
    pub(super) fn open(store: Store) -> Self {
        let (entries, inbox) = mpsc::channel(QUEUE);
        let task = tokio::spawn(keep(store, inbox)).abort_handle();
        Self { entries, task }
    }

    /// Records it, in its turn.
    pub(super) fn record(&self, event: Event) {
        if let Err(error) = self.entries.try_send(Entry::Event(Box::new(event))) {
            let (mpsc::error::TrySendError::Full(Entry::Event(event))
            | mpsc::error::TrySendError::Closed(Entry::Event(event))) = error
            else {
                return;
            };
            tracing::error!("an event was not kept, for the database does not answer: {event}");
        }
    }

    /// Does it when the events so far are recorded; at once where too many wait.
    pub(super) fn then(&self, act: impl FnOnce() + Send + 'static) {
        if let Err(error) = self.entries.try_send(Entry::Then(Box::new(act))) {
            let (mpsc::error::TrySendError::Full(Entry::Then(act))
            | mpsc::error::TrySendError::Closed(Entry::Then(act))) = error
            else {
                return;
            };
            act();
        }
    }

    /// As a crash would.
    pub(super) fn abort(&self) {
        self.task.abort();
    }
}

async fn keep(store: Store, mut inbox: mpsc::Receiver<Entry>) {
    while let Some(entry) = inbox.recv().await {
        match entry {
            Entry::Then(act) => act(),
            Entry::Event(event) => {
                let mut said = false;
                while let Err(error) = store.record((*event).clone()).await {
                    if !error.may_pass() {
                        tracing::error!("an event was not kept: {error}");
                        break;
                    }
                    if !std::mem::replace(&mut said, true) {
                        tracing::error!(
                            "an event waits for the database: {error}. Free some space on its disk"
                        );
                    }
                    tokio::time::sleep(AGAIN).await;
                }
            }
        }
    }
}
