//! One viewer: a [`Player`] with sockets and a clock.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::LocalBoxFuture;
use futures_util::stream::FuturesUnordered;
use reqwest::Url;
use tokio::sync::watch;

use super::Phase;
use super::client::{self, Net, Origin, Pool, Want};
use super::lists::{self, Lists};
use super::log::Log;
use super::place::Base;
use super::player::{self, Event, Fetch, Output, Player, What};
use super::stats::{Kind, Stats};
use crate::clock::Clock;

/// As many redirects are followed.
const REDIRECTS: usize = 5;

/// What the viewers of a thread share.
pub(super) struct Crowd {
    pub net: Net,
    pub clock: Clock,
    pub url: Url,
    pub hints: bool,
    pub stats: RefCell<Stats>,
    pub lists: RefCell<Lists>,
    pub log: Option<Arc<Log>>,
}

/// One viewer's side of the network.
struct Link {
    crowd: Rc<Crowd>,
    number: u32,
    pool: Pool,
    tracks: RefCell<Vec<Rc<Base>>>,
}

/// Plays until all is played or the run is over.
pub(super) async fn play(crowd: Rc<Crowd>, number: u32, mut phase: watch::Receiver<Phase>) {
    let config = player::Config { hints: crowd.hints, wall: crowd.clock.wall_at_start() };
    let (clock, pool, tracks) = (crowd.clock, Pool::default(), RefCell::default());
    let link = Link { crowd, number, pool, tracks };
    let count = |comes| link.crowd.stats.borrow_mut().viewer(comes, clock.now());
    count(true);
    let mut player = Player::new(config, clock.now());
    let mut stalled = false;
    let mut under_way: FuturesUnordered<LocalBoxFuture<'_, (Fetch, player::Answer)>> =
        FuturesUnordered::new();
    loop {
        while let Some(output) = player.poll() {
            match output {
                Output::Fetch(fetch) => under_way.push(Box::pin(link.fetch(fetch))),
                Output::Event(event) => link.tell(event, &mut stalled),
            }
        }
        if player.over() {
            break;
        }
        let deadline = player.deadline();
        let wait = deadline.map(|at| at.saturating_sub(clock.now()));
        tokio::select! {
            biased;
            Some((fetch, answer)) = under_way.next() => player.answered(&fetch, answer, clock.now()),
            () = tokio::time::sleep(wait.unwrap_or_default()), if wait.is_some() => player.timeout(clock.now()),
            stopped = phase.wait_for(|phase| *phase == Phase::Stop) => {
                drop(stopped);
                player.stop(clock.now());
                break;
            }
        }
    }
    while let Some(output) = player.poll() {
        if let Output::Event(event) = output {
            link.tell(event, &mut stalled);
        }
    }
    count(false);
}

impl Link {
    fn tell(&self, event: Event, stalled: &mut bool) {
        let mut stats = self.crowd.stats.borrow_mut();
        match event {
            Event::Joined(took) => {
                stats.joined += 1;
                stats.join.record(took);
            }
            Event::Latency(latency) => stats.latency.record(latency),
            Event::Stalled(length) => {
                stats.stalled += u64::from(!std::mem::replace(stalled, true));
                stats.stall.record(length);
            }
            Event::Gap(_) => stats.gaps += 1,
            Event::Behind => stats.behind += 1,
            Event::Ended => stats.ended += 1,
            Event::GaveUp => stats.gave_up += 1,
        }
    }

    async fn fetch(&self, fetch: Fetch) -> (Fetch, player::Answer) {
        let answer = match &fetch.what {
            What::Multivariant => self.multivariant().await,
            What::Playlist(directives) => self.playlist(fetch.track, directives).await,
            What::Init(resource) => self.media(fetch.track, Kind::Init, resource).await,
            What::Part(resource) => self.media(fetch.track, Kind::Part, resource).await,
            What::Hint(resource) => self.media(fetch.track, Kind::Hint, resource).await,
            What::Segment(resource) => self.media(fetch.track, Kind::Segment, resource).await,
        };
        (fetch, answer.unwrap_or(player::Answer::Failed))
    }

    async fn multivariant(&self) -> Option<player::Answer> {
        let (kind, net) = (Kind::Multivariant, &self.crowd.net);
        let base = self.count(kind, Base::new(net, self.crowd.url.clone()).await)?;
        let (moved, answer) = self.get(kind, &base, &base.origin, &base.path, None, Want::Text).await?;
        let base = moved.unwrap_or(base);
        let uris = match self.read(kind, answer)? {
            lists::Shared::Multivariant(uris) => uris,
            // The address is a rendition's own.
            lists::Shared::Media(_) => vec![base.url.to_string()],
        };
        let mut tracks = Vec::new();
        for uri in uris {
            let track = match base.join(&uri) {
                Ok(url) => Base::new(net, url).await,
                Err(error) => Err(error),
            };
            tracks.push(Rc::new(self.count(kind, track)?));
        }
        let renditions = tracks.len();
        self.tracks.replace(tracks);
        (renditions > 0).then_some(player::Answer::Multivariant(renditions))
    }

    async fn playlist(&self, track: usize, directives: &player::Directives) -> Option<player::Answer> {
        let base = self.track(track)?;
        let (kind, sent) = (Kind::Playlist, self.crowd.clock.now());
        let path = base.reload(directives);
        let (_, answer) = self.get(kind, &base, &base.origin, &path, None, Want::Text).await?;
        let now = self.crowd.clock.now();
        let lists::Shared::Media(media) = self.read(kind, answer)? else { return None };
        if directives.msn.is_some() {
            let first = self.crowd.lists.borrow_mut().first_seen(base.url.path(), media.edge(), now);
            // Who asked only afterwards wasn't waiting.
            if sent <= first {
                self.crowd.stats.borrow_mut().reload.record(now.saturating_sub(first));
            }
        }
        Some(player::Answer::Playlist(media))
    }

    async fn media(
        &self,
        track: usize,
        kind: Kind,
        resource: &super::playlist::Resource,
    ) -> Option<player::Answer> {
        let base = self.track(track)?;
        let sent = self.crowd.clock.now();
        let (origin, path) = self.count(kind, base.locate(&self.crowd.net, &resource.uri).await)?;
        self.get(kind, &base, &origin, &path, resource.range, Want::Nothing).await?;
        let took = self.crowd.clock.now().saturating_sub(sent);
        let mut stats = self.crowd.stats.borrow_mut();
        match kind {
            Kind::Part => stats.part.record(took),
            Kind::Segment => stats.segment.record(took),
            Kind::Multivariant | Kind::Playlist | Kind::Init | Kind::Hint => {}
        }
        Some(player::Answer::Body)
    }

    fn track(&self, number: usize) -> Option<Rc<Base>> {
        self.tracks.borrow().get(number).cloned()
    }

    fn read(&self, kind: Kind, answer: client::Answer) -> Option<lists::Shared> {
        let read = self.crowd.lists.borrow_mut().read(answer.text, answer.head.gzip);
        if read.is_none() {
            self.failed(kind, "no_playlist");
        }
        read
    }

    /// A GET that must succeed, after its redirects; with where they led, if there were any.
    async fn get(
        &self,
        kind: Kind,
        base: &Base,
        origin: &Rc<Origin>,
        path: &str,
        range: Option<(u64, u64)>,
        want: Want,
    ) -> Option<(Option<Base>, client::Answer)> {
        let mut moved: Option<Base> = None;
        for _ in 0..=REDIRECTS {
            let (origin, path) = moved.as_ref().map_or((origin, path), |base| (&base.origin, &base.path));
            let sent = self.crowd.clock.now();
            let outcome = client::get(&self.crowd.net, &self.pool, origin, path, range, want).await;
            self.crowd.stats.borrow_mut().kinds.entry(kind).or_default().requests += 1;
            let answer = self.count(kind, outcome)?;
            self.answered(kind, path, sent, &answer);
            match (answer.head.status, &answer.head.location) {
                (200 | 206, _) => return Some((moved, answer)),
                (300..400, Some(location)) => {
                    let next = match moved.as_ref().unwrap_or(base).join(location) {
                        Ok(url) => Base::new(&self.crowd.net, url).await,
                        Err(error) => Err(error),
                    };
                    moved = Some(self.count(kind, next)?);
                }
                _ => {
                    self.crowd.stats.borrow_mut().kinds.entry(kind).or_default().failed += 1;
                    return None;
                }
            }
        }
        self.failed(kind, "redirects");
        None
    }

    fn answered(&self, kind: Kind, path: &str, sent: Duration, answer: &client::Answer) {
        let mut stats = self.crowd.stats.borrow_mut();
        stats.kinds.entry(kind).or_default().bytes += answer.bytes;
        *stats.statuses.entry(answer.head.status).or_default() += 1;
        if let Some(log) = &self.crowd.log {
            log.line(sent, self.number, answer.head.status, answer.bytes, path);
        }
    }

    /// Counts what went wrong, if anything did.
    fn count<T>(&self, kind: Kind, outcome: Result<T, client::Error>) -> Option<T> {
        outcome.map_err(|error| self.failed(kind, error.kind())).ok()
    }

    fn failed(&self, kind: Kind, what: &'static str) {
        let mut stats = self.crowd.stats.borrow_mut();
        stats.kinds.entry(kind).or_default().failed += 1;
        *stats.errors.entry(what).or_default() += 1;
    }
}
