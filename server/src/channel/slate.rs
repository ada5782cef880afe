//! What a slate is made of, and what the worker made of it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hls::slate::{Loop, Slate};
use media::{Kind, Rational, Track, aac, avc};
use transcode::{Job, Picture, Units};

use super::Shared;
use crate::store::{self, Role};
use crate::transcode::Error;

/// What to encode: a rendition's picture or its silence each.
pub(super) struct Order {
    pub jobs: Vec<Job>,
    /// By rendition, whose result it takes; none where nobody knows yet what it is.
    pub renditions: Vec<Option<usize>>,
}

/// The database is waited for no longer: the last frame will do.
const PATIENCE: Duration = Duration::from_millis(300);

/// Has the worker encode it: the channel's own picture, or what there was to see last. `None` where it can't be: viewers wait,
/// as they would without a slate.
pub(super) async fn make(shared: &Arc<Shared>, channel: &store::Channel, order: Order) -> Option<Slate> {
    let mut loops = Vec::new();
    for job in order.jobs {
        loops.push(one(shared, channel, job).await?);
    }
    Some(order.renditions.iter().map(|job| loops.get((*job)?).cloned().flatten()).collect())
}

async fn one(shared: &Arc<Shared>, channel: &store::Channel, job: Job) -> Option<Option<Loop>> {
    let rate = job.still.as_ref().map(|still| still.rate);
    let made = match own(shared, channel, &job).await {
        Some(own) => match shared.transcoder.slate(own).await {
            Err(Error::Failed(why)) => {
                tracing::warn!("channel {}: its picture can't be shown: {why}", channel.settings.name);
                shared.transcoder.slate(job).await
            }
            made => made,
        },
        None => shared.transcoder.slate(job).await,
    };
    match made {
        Ok(made) => {
            let video = made.video.and_then(|units| looped(units, Kind::Video, rate?));
            let audio = made.audio.and_then(|units| looped(units, Kind::Audio, Rational { num: 0, den: 0 }));
            Some(video.or(audio))
        }
        Err(error) => {
            tracing::warn!("channel {}: no slate for its viewers: {error}", channel.settings.name);
            None
        }
    }
}

/// The job with the channel's own picture, where it has one.
async fn own(shared: &Shared, channel: &store::Channel, job: &Job) -> Option<Job> {
    channel.slate_picture.as_ref()?;
    let still = job.still.clone()?;
    let asked = tokio::time::timeout(PATIENCE, shared.store.picture(&channel.id, Role::Slate)).await;
    let (_, file) = asked.ok()?.ok().flatten()?;
    Some(Job { still: Some(transcode::Still { picture: Picture::File(file), ..still }), ..job.clone() })
}

fn looped(units: Units, kind: Kind, rate: Rational) -> Option<Loop> {
    let Units { config, units } = units;
    let (track, rate) = match kind {
        Kind::Video => (Track::video(avc::Config::parse(&config).ok()?.0), rate),
        Kind::Audio => {
            let track = Track::audio(aac::Config::parse(&config).ok()?);
            let rate = Rational { num: track.scale.hz(), den: aac::Config::FRAME };
            (track, rate)
        }
    };
    Loop::new(track, units, rate)
}

/// The last key frame, as the worker takes it; black where there is none.
pub(super) fn picture(track: &Track, key: Option<&Bytes>) -> Picture {
    match (&track.config, key) {
        (media::CodecConfig::Avc(config), Some(unit)) if unit.len() <= transcode::limits::PICTURE => {
            Picture::Key { record: config.record.clone(), unit: unit.clone() }
        }
        _ => Picture::Black,
    }
}
