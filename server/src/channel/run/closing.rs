//! Where a session's recording is closed, and the next one begun.

use std::time::Duration;

use hls::Change;
use live::recording::{Counter, Most};

use crate::channel::Shared;
use crate::journal::{self, Recorder, Writer};

/// Counts what is recorded of the source.
pub(super) struct Closing {
    session: String,
    writer: Writer,
    /// `None` where nothing is recorded, or no more.
    counter: Option<Counter>,
}

impl Closing {
    pub(super) fn new(shared: &Shared, session: &str, record: bool, most: Most) -> Self {
        let limited = most.duration.is_some() || most.bytes.is_some();
        let counter = (record && limited).then(|| Counter::new(most));
        Self { session: session.to_owned(), writer: shared.writer.clone(), counter }
    }

    /// After a restart: it counts anew, but where the recording was closed for good.
    pub(super) fn resumed(shared: &Shared, session: &str, record: bool, most: Most) -> Self {
        let ended = Self::end(shared, session).is_some();
        Self::new(shared, session, record && !ended, most)
    }

    /// The first segment that isn't recorded any more, where it was closed for good before a restart.
    pub(super) fn end(shared: &Shared, session: &str) -> Option<u64> {
        journal::cuts(&shared.writer.root.join(session)).end
    }

    /// A change of one of the source's renditions, on its way into the journal; the first of them leads.
    pub(super) fn change(&mut self, leads: bool, change: &Change, sources: &mut [Recorder]) {
        let (Some(counter), Change::Part(part)) = (&mut self.counter, change) else { return };
        if leads && part.index == 0 {
            let at = part.start.to_duration().unwrap_or(Duration::ZERO);
            if let Some(close) = counter.segment(at) {
                self.writer.cut(&self.session, part.msn, close.next);
                if !close.next {
                    sources.iter_mut().for_each(|recorder| recorder.end(part.msn));
                    self.counter = None;
                    return;
                }
            }
        }
        if !part.live_only {
            counter.count(part.data.len() as u64);
        }
    }
}
