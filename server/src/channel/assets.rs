//! What a session leaves behind.

use live::SessionId;
use live::event::{Asset, AssetKind, Kind as Fact, Subject};

use crate::clock::Clock;
use crate::journal::Library;
use crate::{stills, store};

/// What can be fetched of a session that ended, once all of it is in the files: a recording for each codec configuration,
/// and the catch-up playlist. Nothing of one that didn't reach what its channel asks.
pub(crate) async fn ready(
    library: &Library,
    clock: &Clock,
    session: &str,
    subject: &Subject,
) -> Vec<live::Event> {
    let (files, id) = (library.clone(), session.to_owned());
    let measured = match tokio::task::spawn_blocking(move || files.measure(&id)).await {
        Ok(Ok(measured)) => measured,
        Ok(Err(error)) => {
            tracing::error!("the recording of {session} can't be read: {error}");
            return Vec::new();
        }
        Err(_) => return Vec::new(),
    };
    let whole = measured.iter().map(|(_, duration, _)| *duration).sum();
    let (files, id) = (library.clone(), session.to_owned());
    let kept = move || files.folder(&id).map(|folder| stills::Kept::of(&folder.join(stills::FOLDER)));
    let kept = match tokio::task::spawn_blocking(kept).await {
        Ok(Some(Ok(kept))) => kept,
        Ok(Some(Err(error))) => {
            tracing::warn!("the thumbnails of {session} can't be read: {error}");
            None
        }
        Ok(None) | Err(_) => None,
    };
    let stills = kept.filter(|_| !measured.is_empty()).into_iter().flat_map(|kept| {
        let thumbnail = (AssetKind::Thumbnail, 1, None, Some(kept.thumbnail));
        [thumbnail, (AssetKind::Storyboard, 1, None, Some(kept.sheets))]
    });
    let recordings = measured
        .iter()
        .map(|(part, duration, bytes)| (AssetKind::Recording, *part, Some(*duration), Some(*bytes)));
    // The last: with it all of them are known.
    let catch_up = (!measured.is_empty()).then_some((AssetKind::CatchUp, 1, Some(whole), None));
    let event = |(kind, part, duration, bytes)| {
        let id = store::id::mint(store::id::Prefix::Asset, clock.utc());
        let asset = Asset { id, kind, part, duration, bytes };
        let session = Some(SessionId::new(session));
        live::Event { channel: Some(subject.clone()), session, kind: Fact::AssetReady { asset } }
    };
    recordings.chain(stills).chain(catch_up).map(event).collect()
}
