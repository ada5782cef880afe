//! The monitor feed: any rendition of what is on, as it comes, for those who run the show.
//!
//! **Belongs here:** the open GOP of each rendition, readers and what they miss, FLV. **Does not:** what viewers get
//! (`package`), who may ask (`control`).
//!
//! ```text
//!   channel ─▶ Hub: open GOP of each rendition ─▶ queue of each reader ─▶ HTTP-FLV
//! ```

mod flv;
mod hub;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub(crate) use flv::Writer;
pub(crate) use hub::{Hub, Item, Refused};

/// By channel, what is on; clones are handles to the same.
#[derive(Clone, Default)]
pub(crate) struct Monitor(Arc<Mutex<HashMap<String, Arc<Hub>>>>);

impl Monitor {
    fn hubs(&self) -> MutexGuard<'_, HashMap<String, Arc<Hub>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A channel's session has media.
    pub(crate) fn put(&self, channel: &str, hub: &Arc<Hub>) {
        self.hubs().insert(channel.to_owned(), Arc::clone(hub));
    }

    /// It is over.
    pub(crate) fn remove(&self, channel: &str) {
        self.hubs().remove(channel);
    }

    /// What is on, if anything.
    pub(crate) fn find(&self, channel: &str) -> Option<Arc<Hub>> {
        self.hubs().get(channel).cloned()
    }
}
