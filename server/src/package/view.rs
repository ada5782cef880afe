//! The reading side of a session: snapshots, and waiting for the next one.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use hls::playlist::{Skip, media, multivariant};
use hls::{Index, Plan};
use tokio::sync::watch;

use super::{Held, Rendered};

/// A session as viewers see it.
pub(crate) struct Live {
    session: String,
    plan: Plan,
    renditions: Vec<Rendition>,
}

/// One rendition as viewers see it.
pub(crate) struct Rendition {
    name: String,
    held: Mutex<Held>,
    view: watch::Sender<Option<Arc<View>>>,
}

/// One rendition at one moment. A playlist is rendered when it is first asked for, once for everybody.
pub(crate) struct View {
    index: Index,
    track: ::media::Track,
    reports: Vec<media::Report>,
    frame_rate: Option<::media::Rational>,
    full: OnceLock<Rendered>,
    delta: OnceLock<Rendered>,
}

impl View {
    pub(super) fn new(
        index: Index,
        track: ::media::Track,
        reports: Vec<media::Report>,
        frame_rate: Option<::media::Rational>,
    ) -> Self {
        Self { index, track, reports, frame_rate, full: OnceLock::new(), delta: OnceLock::new() }
    }

    /// The timeline.
    pub(crate) fn index(&self) -> &Index {
        &self.index
    }

    /// The media playlist. After the end there are no deltas.
    pub(crate) fn playlist(&self, skip: Option<Skip>) -> Rendered {
        // Both forms of the directive get the same delta.
        let skip = skip.filter(|_| !self.index.ended());
        let cell = if skip.is_some() { &self.delta } else { &self.full };
        cell.get_or_init(|| Rendered::new(media::render(&self.index, skip, &self.reports))).clone()
    }
}

impl Rendition {
    /// `video`, `audio`.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Media in memory. Never hold it across an await.
    pub(crate) fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The snapshots as they come; `None` before the first.
    pub(crate) fn watch(&self) -> watch::Receiver<Option<Arc<View>>> {
        self.view.subscribe()
    }

    pub(super) fn publish(&self, view: View, wake: bool) {
        self.view.send_if_modified(|now| {
            *now = Some(Arc::new(view));
            wake
        });
    }
}

impl Live {
    pub(super) fn new(
        session: &str,
        plan: Plan,
        renditions: &[hls::presentation::Rendition],
        keep: Duration,
    ) -> Self {
        let rendition = |rendition: &hls::presentation::Rendition| Rendition {
            name: rendition.name.clone(),
            held: Mutex::new(Held::new(keep)),
            view: watch::Sender::new(None),
        };
        Self { session: session.to_owned(), plan, renditions: renditions.iter().map(rendition).collect() }
    }

    /// `ses_…`
    pub(crate) fn session(&self) -> &str {
        &self.session
    }

    /// Target duration and the rest.
    pub(crate) fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Video first.
    pub(crate) fn renditions(&self) -> &[Rendition] {
        &self.renditions
    }

    /// The rendition of this name.
    pub(crate) fn rendition(&self, name: &str) -> Option<&Rendition> {
        self.renditions.iter().find(|rendition| rendition.name == name)
    }

    /// The multivariant playlist as of now, for one viewer: `folder` is how that viewer's addresses name the session.
    pub(crate) fn multivariant(&self, folder: &str, viewer: &str) -> String {
        let views: Vec<_> = self
            .renditions
            .iter()
            .filter_map(|rendition| Some((rendition, rendition.view.borrow().clone()?)))
            // One that has nothing but gaps (announced, and never sent) would only hold up the others.
            .filter(|(_, view)| view.index.bandwidth().is_some())
            .collect();
        let renditions = views.iter().map(|(rendition, view)| {
            let uri = format!("{folder}/{}/media.m3u8?v={viewer}", rendition.name);
            let bandwidth = view.index.bandwidth();
            let of = multivariant::Rendition::of(uri, &view.track, view.frame_rate, bandwidth);
            multivariant::Rendition { captions: Some(view.index.captions()), ..of }
        });
        // The publisher's encoder cuts its GOPs as it likes, so no promise about segments (rule 4).
        multivariant::render(&renditions.collect::<Vec<_>>(), false)
    }
}
