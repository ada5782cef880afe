//! Watching an origin: each media playlist is followed with blocking reloads, its hints, parts, segments and maps are
//! fetched, and on the side the deliberate requests are made. What comes in is kept; nothing is judged here.

mod fetch;
mod follow;
mod tests;

pub(crate) use follow::poll_interval;

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::sync::watch;

use super::evidence::{Evidence, Exchange, Role, Track};
use crate::http::{Client, Response, Url};
use crate::playlist::{self, Media, Multivariant, Playlist};

/// The most media playlists that are followed.
pub const MAX_TRACKS: usize = 32;
/// How often the address may lead elsewhere.
const REDIRECTS: usize = 5;
/// How long an answer may take that nothing has to be waited for.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// A GET.
#[derive(Clone, Debug)]
pub struct Request {
    /// Where to.
    pub url: Url,
    /// Header lines beside the client's own.
    pub headers: Vec<(&'static str, String)>,
    /// When to give up.
    pub limit: Duration,
    /// HTTP/1.1 alone.
    pub http1: bool,
}

/// What carries requests, and tells the time that they are timed by.
pub trait Transport: Clone + Send + Sync + 'static {
    /// The whole answer, whatever its status.
    fn get(&self, request: &Request) -> impl Future<Output = Result<Response, String>> + Send;
    /// Since the start.
    fn now(&self) -> Duration;
    /// The wall clock at the start, since 1970.
    fn wall(&self) -> Duration;
}

/// The network.
#[derive(Clone, Debug)]
pub struct Net {
    /// As the user asked.
    pub client: Client,
    /// HTTP/1.1 alone.
    pub http1: Client,
}

impl Transport for Net {
    async fn get(&self, request: &Request) -> Result<Response, String> {
        let client = if request.http1 { &self.http1 } else { &self.client };
        let headers: Vec<_> = request.headers.iter().map(|(n, v)| (*n, v.as_str())).collect();
        client.get(&request.url, &headers, request.limit).await.map_err(|e| e.to_string())
    }

    fn now(&self) -> Duration {
        self.client.clock().now()
    }

    fn wall(&self) -> Duration {
        self.client.clock().wall_at_start()
    }
}

/// Why an origin can't be checked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No answer, or none with a playlist.
    #[error("can't read a playlist from {url}: {why}")]
    NoPlaylist {
        /// What was asked for.
        url: String,
        /// Why not.
        why: String,
    },
    /// More than [`MAX_TRACKS`], or none.
    #[error("{url} names {count} media playlists; between 1 and {MAX_TRACKS} can be followed")]
    Tracks {
        /// What was asked for.
        url: String,
        /// How many.
        count: usize,
    },
}

/// One track while it is watched.
struct Watched<T> {
    net: T,
    track: Mutex<Track>,
    /// The newest full playlist; none before the first.
    newest: watch::Sender<Option<Arc<Media>>>,
    /// When to stop.
    end: Duration,
}

impl<T: Transport> Watched<T> {
    fn track(&self) -> MutexGuard<'_, Track> {
        self.track.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn newest(&self) -> Option<Arc<Media>> {
        self.newest.borrow().clone()
    }
}

/// Watches for `length`, then returns all that was seen.
pub async fn collect<T: Transport>(net: T, url: &Url, length: Duration) -> Result<Evidence, Error> {
    let mut url = url.clone();
    let (mut entry, mut text) = get(&net, &url, true, PATIENCE).await;
    // The address itself may lead elsewhere; what the playlists name may not (rule 24).
    for _ in 0..REDIRECTS {
        let target = entry.header("location").filter(|_| (300..400).contains(&entry.status()));
        let Some(target) = target.and_then(|l| url.join(l).ok()) else { break };
        url = target;
        (entry, text) = get(&net, &url, true, PATIENCE).await;
    }
    let url = &url;
    let no_playlist = |why: String| Error::NoPlaylist { url: url.to_string(), why };
    let text = match (&entry.outcome, text) {
        (Err(why), _) => return Err(no_playlist(why.clone())),
        (Ok(answer), _) if answer.status != 200 => {
            return Err(no_playlist(format!("status {}", answer.status)));
        }
        (Ok(_), text) => text.map_err(no_playlist)?,
    };
    let (multivariant, tracks) = match playlist::parse(&text).map_err(|e| no_playlist(e.to_string()))? {
        Playlist::Multivariant(m) => {
            let tracks = tracks(&m, url);
            (Some(m), tracks)
        }
        Playlist::Media(_) => (None, vec![track("media".to_owned(), url.clone(), Role::Alone)]),
    };
    if tracks.is_empty() || tracks.len() > MAX_TRACKS {
        return Err(Error::Tracks { url: url.to_string(), count: tracks.len() });
    }
    let began = net.now();
    let end = began + length;
    let watched: Vec<_> = tracks
        .into_iter()
        .map(|track| {
            let (newest, _) = watch::channel(None);
            Arc::new(Watched { net: net.clone(), track: Mutex::new(track), newest, end })
        })
        .collect();
    let mut tasks = tokio::task::JoinSet::new();
    for one in &watched {
        tasks.spawn(follow::follow(Arc::clone(one)));
        tasks.spawn(tests::run(Arc::clone(one)));
    }
    while tasks.join_next().await.is_some() {}
    Ok(Evidence {
        url: url.to_string(),
        began,
        until: end.min(net.now()),
        wall: net.wall(),
        entry: Some(entry),
        multivariant,
        tracks: watched.iter().map(|w| w.track().clone()).collect(),
    })
}

fn track(name: String, url: Url, role: Role) -> Track {
    Track {
        name,
        url,
        role,
        updates: Vec::new(),
        refused: Vec::new(),
        resources: Vec::new(),
        inits: BTreeMap::new(),
        tests: Vec::new(),
    }
}

/// Each address once: variants first, then the renditions that have one.
fn tracks(multivariant: &Multivariant, base: &Url) -> Vec<Track> {
    let variants = multivariant.variants.iter().enumerate().map(|(i, v)| {
        let name = match v.resolution {
            Some((w, h)) => format!("video {w}x{h}"),
            None => format!("variant {}", i + 1),
        };
        (name, v.uri.as_str(), Role::Variant(i))
    });
    let renditions = multivariant.renditions.iter().enumerate().filter_map(|(i, r)| {
        Some((format!("{} {}", r.kind.to_lowercase(), r.name), r.uri.as_deref()?, Role::Rendition(i)))
    });
    let mut out: Vec<Track> = Vec::new();
    for (name, uri, role) in variants.chain(renditions) {
        if let Ok(url) = base.join(uri)
            && !out.iter().any(|t| t.url == url)
        {
            out.push(track(name, url, role));
        }
    }
    out
}

/// A playlist's GET, and its text if it has one.
async fn get<T: Transport>(
    net: &T,
    url: &Url,
    gzip: bool,
    limit: Duration,
) -> (Exchange, Result<String, String>) {
    let headers = if gzip { vec![("accept-encoding", "gzip".to_owned())] } else { Vec::new() };
    exchange(net, Request { url: url.clone(), headers, limit, http1: false }).await
}

async fn exchange<T: Transport>(net: &T, request: Request) -> (Exchange, Result<String, String>) {
    let sent = net.now();
    let outcome = net.get(&request).await.map(Arc::new);
    let text = outcome.as_ref().map_err(String::clone).and_then(|r| r.text());
    let (url, headers) = (request.url, request.headers);
    let len = outcome.as_ref().map_or(0, |r| r.body.len());
    (Exchange { url, headers, sent, done: net.now(), outcome, len }, text)
}

/// The address with these parameters beside its own.
fn with(url: &Url, parameters: &[(&str, String)]) -> Url {
    let mut url = url.clone();
    url.query_pairs_mut().extend_pairs(parameters);
    url
}

/// The text as a media playlist.
fn media(text: &str) -> Result<Arc<Media>, String> {
    match playlist::parse(text) {
        Ok(Playlist::Media(media)) => Ok(Arc::new(media)),
        Ok(Playlist::Multivariant(_)) => {
            Err("a multivariant playlist where a media playlist belongs".to_owned())
        }
        Err(error) => Err(error.to_string()),
    }
}
