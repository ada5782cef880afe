//! What a restart finds of a session that was running.

use std::sync::Arc;

use live::event::{Kind, Subject};
use live::session::EndReason;
use live::{ChannelId, Event, SessionId};

use super::Shared;
use super::run::unix_ms;
use crate::clock::Clock;
use crate::journal::{Found, repair, track, window_only};
use crate::store;

/// A session's journal after its repair, ready to go on.
pub(crate) struct Recovered {
    pub session: String,
    pub plan: hls::Plan,
    pub epoch_ms: i64,
    pub renditions: Vec<hls::presentation::Rendition>,
    pub journals: Vec<Vec<hls::journal::Index>>,
    /// The newest key frame of the pictures.
    pub key: Option<bytes::Bytes>,
    /// When its last media was written, ms since 1970.
    pub written_ms: i64,
    /// It is recorded; else only its window is kept.
    pub record: bool,
}

/// What there is to go on with.
pub(super) enum Outcome {
    /// Goes on.
    Recovered(Recovered),
    /// No part was written yet: it may begin.
    Empty,
    /// There is media, but it can't be read: what came after it could not be told from what came before.
    Unusable,
}

/// Repairs and reads the journal.
pub(super) async fn read(shared: &Arc<Shared>, session: &str) -> Outcome {
    let (root, id) = (Arc::clone(&shared.writer.root), session.to_owned());
    let found = match tokio::task::spawn_blocking(move || repair(&root, &id)).await {
        Ok(Ok(found)) => found,
        Ok(Err(error)) => {
            tracing::error!("the recording of {session} can't be repaired, so it ends here: {error:#}");
            return Outcome::Unusable;
        }
        Err(_) => return Outcome::Unusable,
    };
    if found.renditions.is_empty() {
        return Outcome::Empty;
    }
    let record = !window_only(&shared.writer.root.join(session));
    match recovered(session, found, record) {
        Some(recovered) => Outcome::Recovered(recovered),
        None => {
            tracing::error!("the recording of {session} can't be gone on with, so it ends here");
            Outcome::Unusable
        }
    }
}

fn recovered(session: &str, found: Found, record: bool) -> Option<Recovered> {
    let written_ms = unix_ms(found.written?);
    let (_, first) = found.renditions.first()?;
    let header = &first.first()?.header;
    let (plan, epoch_ms, key) = (header.plan, header.epoch_ms, found.key);
    let mut renditions = Vec::new();
    let mut journals = Vec::new();
    for (name, files) in found.renditions {
        let last = files.iter().rev().find(|file| !file.header.live_only)?;
        let frame_rate = last.header.frame_rate.map(|(num, den)| media::Rational { num, den });
        renditions.push(hls::presentation::Rendition {
            frame_rate,
            listed: !last.header.unlisted,
            ..hls::presentation::Rendition::source(name, track(&last.init)?)
        });
        journals.push(files);
    }
    let session = session.to_owned();
    Some(Recovered { session, plan, epoch_ms, renditions, journals, key, written_ms, record })
}

/// The end of a session whose channel is gone.
pub(super) fn orphaned(session: &store::Session, clock: &Clock) -> Event {
    let lasted = (clock.utc() - session.created_at).unsigned_abs();
    let id = ChannelId::new(session.channel_id.as_str());
    Event {
        channel: Some(Subject { name: session.channel_id.as_str().into(), id }),
        session: Some(SessionId::new(session.id.as_str())),
        kind: Kind::SessionEnded { reason: EndReason::ChannelDeleted, lasted },
    }
}
