//! What a session leaves behind.

use std::sync::Arc;

use live::SessionId;
use live::event::{Asset, AssetKind, Kind as Fact, Subject};

use crate::channel::Shared;
use crate::store;

/// What can be fetched of a session that ended, once all of it is in the files.
pub(super) async fn announce(shared: &Arc<Shared>, session: &str, subject: Subject) {
    shared.writer.flush().await;
    let (library, id) = (shared.library.clone(), session.to_owned());
    let measured = tokio::task::spawn_blocking(move || library.measure(&id)).await;
    let (duration, bytes) = match measured {
        Ok(Ok(Some(measured))) => measured,
        Ok(Ok(None)) | Err(_) => return,
        Ok(Err(error)) => {
            tracing::error!("the recording of {session} can't be read: {error}");
            return;
        }
    };
    for (kind, bytes) in [(AssetKind::Recording, Some(bytes)), (AssetKind::CatchUp, None)] {
        let id = store::id::mint(store::id::Prefix::Asset, shared.clock.utc());
        let asset = Asset { id, kind, duration: Some(duration), bytes };
        let session = Some(SessionId::new(session));
        shared
            .record(live::Event { channel: Some(subject.clone()), session, kind: Fact::AssetReady { asset } })
            .await;
    }
}
