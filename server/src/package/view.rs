//! The reading side of a session: snapshots, and waiting for the next one.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use hls::playlist::{Skip, Style, dvr, media, multivariant};
use hls::{Index, Plan};
use tokio::sync::watch;

use super::rendered::{Pages, counted};
use super::{Held, Rendered, Stay};

/// A session as viewers see it.
pub(crate) struct Live {
    session: String,
    plan: Plan,
    renditions: Vec<Rendition>,
}

/// One rendition as viewers see it.
pub(crate) struct Rendition {
    name: String,
    /// Made of the source, rather than as it came in.
    made: bool,
    /// Viewers may have it.
    listed: AtomicBool,
    held: Mutex<Held>,
    view: watch::Sender<Option<Arc<View>>>,
    /// What its long playlists are put together from.
    pages: Pages,
}

/// One rendition at one moment. A playlist is rendered when it is first asked for, once for everybody.
pub(crate) struct View {
    index: Index,
    track: ::media::Track,
    reports: Vec<media::Report>,
    window_reports: Vec<media::Report>,
    frame_rate: Option<::media::Rational>,
    full: OnceLock<Rendered>,
    /// The whole live playlist where it is long: for those who take gzip, and for those who don't.
    long: [OnceLock<Rendered>; 2],
    delta: OnceLock<Rendered>,
    /// The window, for both, and its delta.
    windows: [OnceLock<Rendered>; 2],
    window_delta: OnceLock<Rendered>,
    /// The window's key frames, for both, and their delta.
    keys: [OnceLock<Rendered>; 2],
    keys_delta: OnceLock<Rendered>,
}

impl View {
    pub(super) fn new(
        index: Index,
        track: ::media::Track,
        reports: Vec<media::Report>,
        window_reports: Vec<media::Report>,
        frame_rate: Option<::media::Rational>,
    ) -> Self {
        let (full, long, delta, windows, window_delta, keys, keys_delta) = Default::default();
        Self {
            index,
            track,
            reports,
            window_reports,
            frame_rate,
            full,
            long,
            delta,
            windows,
            window_delta,
            keys,
            keys_delta,
        }
    }

    /// The timeline.
    pub(crate) fn index(&self) -> &Index {
        &self.index
    }

    /// The media playlist. After the end there are no deltas. One that reaches back into the past comes in the coding that
    /// is wanted.
    pub(crate) fn playlist(&self, skip: Option<Skip>, gzip: bool, of: &Rendition) -> Rendered {
        // Both forms of the directive get the same delta.
        let skip = skip.filter(|_| !self.index.ended());
        let pieces = || media::pieces(&self.index, skip, &self.reports);
        let long = self.index.past().last().is_some_and(|last| last.msn >= self.index.media_sequence());
        match (skip, long) {
            (Some(_), _) => self.delta.get_or_init(|| counted(|| self.whole(pieces()))),
            (None, false) => self.full.get_or_init(|| counted(|| self.whole(pieces()))),
            (None, true) => self.long[usize::from(gzip)].get_or_init(|| {
                counted(|| of.pages.join(pieces(), Style::Live, self.index.control.epoch_ms, gzip))
            }),
        }
        .clone()
    }

    fn whole(&self, pieces: Vec<hls::playlist::Piece>) -> Rendered {
        Rendered::new(hls::playlist::whole(pieces, Style::Live, self.index.control.epoch_ms))
    }

    /// The playlist of the whole window, in the coding that is wanted.
    pub(crate) fn window(&self, skip: Option<Skip>, gzip: bool, of: &Rendition) -> Rendered {
        let skip = skip.filter(|_| !self.index.ended());
        let epoch_ms = self.index.control.epoch_ms;
        let pieces = || dvr::pieces(&self.index, skip, &self.window_reports);
        match skip {
            Some(_) => self.window_delta.get_or_init(|| {
                counted(|| Rendered::new(hls::playlist::whole(pieces(), Style::Long, epoch_ms)))
            }),
            None => self.windows[usize::from(gzip)]
                .get_or_init(|| counted(|| of.pages.join(pieces(), Style::Long, epoch_ms, gzip))),
        }
        .clone()
    }

    /// The I-frame playlist of the whole window, in the coding that is wanted.
    pub(crate) fn keys(&self, skip: Option<Skip>, gzip: bool, of: &Rendition) -> Rendered {
        let skip = skip.filter(|_| !self.index.ended());
        let epoch_ms = self.index.control.epoch_ms;
        let pieces = || dvr::keys(&self.index, skip);
        match skip {
            Some(_) => self.keys_delta.get_or_init(|| {
                counted(|| Rendered::new(hls::playlist::whole(pieces(), Style::Keys, epoch_ms)))
            }),
            None => self.keys[usize::from(gzip)]
                .get_or_init(|| counted(|| of.pages.join(pieces(), Style::Keys, epoch_ms, gzip))),
        }
        .clone()
    }

    /// It has key frames to play by themselves.
    pub(crate) fn has_keys(&self) -> bool {
        self.track.kind == ::media::Kind::Video && self.index.key_bandwidth().is_some()
    }
}

impl Rendition {
    /// `video`, `audio`.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// It isn't as it came in.
    pub(crate) fn made(&self) -> bool {
        self.made
    }

    pub(super) fn list(&self, listed: bool) {
        self.listed.store(listed, Relaxed);
    }

    fn listed(&self) -> bool {
        self.listed.load(Relaxed)
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
        stay: Stay,
    ) -> Self {
        let rendition = |rendition: &hls::presentation::Rendition| Rendition {
            name: rendition.name.clone(),
            made: rendition.made,
            listed: AtomicBool::new(false),
            held: Mutex::new(Held::new(stay)),
            view: watch::Sender::new(None),
            pages: Pages::default(),
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

    /// The source's first, video before audio; also those that viewers don't get.
    pub(crate) fn renditions(&self) -> &[Rendition] {
        &self.renditions
    }

    /// The rendition of this name, where viewers may have it.
    pub(crate) fn rendition(&self, name: &str) -> Option<&Rendition> {
        self.renditions.iter().find(|rendition| rendition.name == name && rendition.listed())
    }

    /// The multivariant playlist as of now, for one viewer: `folder` is how that viewer's addresses name the session. Where
    /// the window is longer than its playlists are, it says where that is.
    pub(crate) fn multivariant(&self, folder: &str, viewer: &str) -> String {
        let mut text = self.list("media", folder, viewer);
        if self.plan.has_dvr() {
            // RFC 8216bis §4.4.6.4. A variant of its own would be one that players switch to for want of bandwidth.
            let line = "#EXT-X-SESSION-DATA:DATA-ID=\"live.sigma.dvr\",VALUE=\"dvr.m3u8\"\n";
            let at =
                text.find("#EXT-X-MEDIA").or_else(|| text.find("#EXT-X-STREAM-INF")).unwrap_or(text.len());
            text.insert_str(at, line);
        }
        text
    }

    /// The same for the whole window.
    pub(crate) fn windows(&self, folder: &str, viewer: &str) -> String {
        self.list("dvr", folder, viewer)
    }

    fn list(&self, name: &str, folder: &str, viewer: &str) -> String {
        let views: Vec<_> = self
            .renditions
            .iter()
            .filter(|rendition| rendition.listed())
            .filter_map(|rendition| Some((rendition, rendition.view.borrow().clone()?)))
            // One that has nothing but gaps (announced, and never sent) would only hold up the others.
            .filter(|(_, view)| view.index.bandwidth().is_some())
            .collect();
        let renditions = views.iter().map(|(rendition, view)| {
            let uri = format!("{folder}/{}/{name}.m3u8?v={viewer}", rendition.name);
            let bandwidth = view.index.bandwidth();
            let of = multivariant::Rendition::of(uri, &view.track, view.frame_rate, bandwidth);
            let keys = view.index.key_bandwidth().filter(|_| view.has_keys());
            let keys = keys.map(|(peak, average)| multivariant::Keys {
                uri: format!("{folder}/{}/iframes.m3u8?v={viewer}", rendition.name),
                peak,
                average,
            });
            multivariant::Rendition { captions: Some(view.index.captions()), keys, ..of }
        });
        // The publisher's encoder cuts its GOPs as it likes, so no promise about segments (rule 4).
        multivariant::render(&renditions.collect::<Vec<_>>(), false)
    }
}
