//! What a slate is made of, and what the worker made of it.

use std::sync::Arc;

use bytes::Bytes;
use hls::slate::{Loop, Slate};
use media::{Kind, Rational, Track, aac, avc};
use transcode::{Job, Picture, Units};

use super::Shared;
use crate::store;

/// What to encode, and for which renditions in which order.
pub(super) struct Order {
    pub job: Job,
    pub renditions: Vec<Kind>,
}

/// Has the worker encode it. `None` where it can't be: viewers wait, as they would without a slate.
pub(super) async fn make(shared: &Arc<Shared>, channel: &store::Channel, order: Order) -> Option<Slate> {
    let Order { job, renditions } = order;
    let rate = job.still.as_ref().map(|still| still.rate);
    match shared.transcoder.slate(job).await {
        Ok(made) => {
            let video = made.video.and_then(|units| looped(units, Kind::Video, rate?));
            let audio = made.audio.and_then(|units| looped(units, Kind::Audio, Rational { num: 0, den: 0 }));
            let of = |kind: &Kind| match kind {
                Kind::Video => video.clone(),
                Kind::Audio => audio.clone(),
            };
            Some(renditions.iter().map(of).collect())
        }
        Err(error) => {
            tracing::warn!("channel {}: no slate for its viewers: {error}", channel.settings.name);
            None
        }
    }
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
