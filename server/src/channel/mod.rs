//! Running channels: one task each drives its `live` machine, carries out the commands, and moves media from the publisher
//! to the package and the journal.
//!
//! **Belongs here:** wiring. **Does not:** decisions (`live`), RTMP (`ingest`), HTTP (`control`, `deliver`).

mod actor;
pub(crate) mod assets;
mod breaks;
mod detect;
mod gather;
mod ladder;
mod ledger;
mod recover;
mod run;
mod slate;
mod source;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use ledger::Ledger;
use live::{Event, Refusal};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::clock::Clock;
use crate::control::channels::{Channels, Health, Order, Unavailable};
use crate::ingest::{Door, Knock, Seat};
use crate::journal::{Library, Writer};
use crate::machine::Machine;
use crate::monitor::Monitor;
use crate::package::Shelf;
use crate::stills::Albums;
use crate::store::{self, Lookup, Store};
use crate::transcode::Transcoder;
use crate::transcode::watch::feed::Watcher;

pub(crate) use recover::Recovered;

/// Messages to a channel under way.
const INBOX: usize = 64;
/// A window that is longer is kept on disk, also where nothing is recorded.
const IN_MEMORY: Duration = Duration::from_secs(60);

/// What all channels share.
pub(crate) struct Shared {
    pub store: Store,
    pub writer: Writer,
    pub library: Library,
    pub shelf: Shelf,
    pub clock: Clock,
    ledger: Ledger,
    /// Told when a session is over and what it leaves behind is announced.
    retention: Arc<Notify>,
    pub transcoder: Transcoder,
    pub watcher: Watcher,
    pub albums: Albums,
    pub monitor: Monitor,
    pub machine: Machine,
    /// By session: what it receives, as measured by now.
    sources: Mutex<HashMap<String, live::Source>>,
    /// By session: how that is.
    healths: Mutex<HashMap<String, Health>>,
}

impl Shared {
    fn sources(&self) -> MutexGuard<'_, HashMap<String, live::Source>> {
        self.sources.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn healths(&self) -> MutexGuard<'_, HashMap<String, Health>> {
        self.healths.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// In its turn; nobody waits for it.
    fn record(&self, event: Event) {
        self.ledger.record(event);
    }
}

/// The running channels; clones are handles to the same.
#[derive(Clone)]
pub(crate) struct Registry(Arc<Inner>);

/// What channels are given to work with.
pub(crate) struct Given {
    pub store: Store,
    pub writer: Writer,
    pub library: Library,
    pub shelf: Shelf,
    pub albums: Albums,
    pub retention: Arc<Notify>,
    pub clock: Clock,
    pub transcoder: Transcoder,
    pub machine: Machine,
}

struct Inner {
    shared: Arc<Shared>,
    /// `None` once the server stops: a channel that began now would not know of the session that waits.
    actors: Mutex<Option<HashMap<String, Handle>>>,
    refusals: Mutex<live::event::Throttle>,
}

struct Handle {
    inbox: mpsc::Sender<Message>,
    task: JoinHandle<()>,
}

/// Where a publisher waits for its answer.
type Reply = oneshot::Sender<Result<Seat, Refusal>>;

/// What a channel's task is asked.
enum Message {
    /// With the id of its key.
    Knock(Knock, String, Reply),
    Put(Box<store::Channel>, oneshot::Sender<()>),
    Order(Order, oneshot::Sender<()>),
    /// The server stops: put everything into the journal and end.
    Seal(oneshot::Sender<()>),
}

impl Registry {
    /// No channel runs yet.
    pub(crate) fn new(given: Given) -> Self {
        let Given { store, writer, library, shelf, albums, retention, clock, transcoder, machine } = given;
        let ledger = Ledger::open(store.clone());
        let watcher = Watcher::start(transcoder.program().cloned());
        let (sources, healths, monitor) = Default::default();
        let shared = Shared {
            store,
            writer,
            library,
            shelf,
            clock,
            ledger,
            retention,
            transcoder,
            watcher,
            albums,
            monitor,
            machine,
            sources,
            healths,
        };
        let refusals = Mutex::new(live::event::Throttle::refusals());
        Self(Arc::new(Inner { shared: Arc::new(shared), actors: Mutex::new(Some(HashMap::new())), refusals }))
    }

    /// What is on, for those who run the show.
    pub(crate) fn monitor(&self) -> Monitor {
        self.0.shared.monitor.clone()
    }

    fn actors(&self) -> MutexGuard<'_, Option<HashMap<String, Handle>>> {
        self.0.actors.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes up what was running when the server went down.
    pub(crate) async fn recover(&self) -> anyhow::Result<()> {
        for session in self.0.shared.store.unfinished_sessions().await? {
            match self.0.shared.store.channel(&session.channel_id).await? {
                Some(channel) => {
                    self.spawn(channel, Some(session));
                }
                // Deleted, and the server died before the session was ended.
                None => self.0.shared.record(recover::orphaned(&session, &self.0.shared.clock)),
            }
        }
        Ok(())
    }

    /// Seals every running session; channels take nothing more.
    pub(crate) async fn seal(&self) {
        let handles: Vec<_> = self.actors().take().unwrap_or_default().into_values().collect();
        let sealed = handles.iter().map(|handle| async {
            let (done, wait) = oneshot::channel();
            if handle.inbox.send(Message::Seal(done)).await.is_ok() {
                let _ = wait.await;
            }
        });
        futures_util::future::join_all(sealed).await;
        self.0.shared.writer.flush().await;
        let (done, recorded) = oneshot::channel();
        self.0.shared.ledger.then(move || {
            let _ = done.send(());
        });
        let _ = recorded.await;
    }

    /// Returns once the journal has met with everything that it was handed.
    #[cfg(test)]
    pub(crate) async fn journaled(&self) {
        self.0.shared.writer.flush().await;
    }

    /// Ends all tasks where they are, as a crash would.
    pub(crate) fn abort(&self) {
        self.0.shared.ledger.abort();
        for (_, handle) in self.actors().take().unwrap_or_default() {
            handle.task.abort();
        }
    }

    /// The channel's inbox, with its task started where it isn't yet.
    async fn inbox(&self, channel: &str) -> Option<mpsc::Sender<Message>> {
        if let Some(handle) = self.actors().as_ref()?.get(channel) {
            return Some(handle.inbox.clone());
        }
        match self.0.shared.store.channel(channel).await {
            Ok(found) => self.spawn(found?, None),
            Err(error) => {
                tracing::error!("channel {channel} can't be read: {error}");
                None
            }
        }
    }

    fn spawn(
        &self,
        channel: store::Channel,
        unfinished: Option<store::Session>,
    ) -> Option<mpsc::Sender<Message>> {
        let mut actors = self.actors();
        let actors = actors.as_mut()?;
        if let Some(handle) = actors.get(&channel.id) {
            return Some(handle.inbox.clone());
        }
        let id = channel.id.clone();
        let (inbox, messages) = mpsc::channel(INBOX);
        let shared = Arc::clone(&self.0.shared);
        let task = tokio::spawn(actor::run(shared, channel, unfinished, messages));
        actors.insert(id, Handle { inbox: inbox.clone(), task });
        Some(inbox)
    }

    async fn ask<T>(
        &self,
        channel: &str,
        message: impl FnOnce(oneshot::Sender<T>) -> Message,
    ) -> Result<T, Unavailable> {
        let inbox = self.inbox(channel).await.ok_or(Unavailable)?;
        let (reply, answer) = oneshot::channel();
        inbox.send(message(reply)).await.map_err(|_| Unavailable)?;
        answer.await.map_err(|_| Unavailable)
    }

    fn turn_away(&self, peer: SocketAddr, why: Refusal) {
        let allowed =
            self.0.refusals.lock().unwrap_or_else(PoisonError::into_inner).allow(self.0.shared.clock.now());
        if allowed {
            self.0.shared.record(Event::rejected(peer.to_string(), why));
        }
    }
}

impl Door for Registry {
    async fn knock(&self, knock: Knock) -> Result<Seat, Refusal> {
        let peer = knock.peer;
        let refusal = match self.0.shared.store.find_key(&knock.key).await {
            Ok(Lookup::Found { channel, key }) => {
                // The channel records its own refusals.
                let answer = self.ask(&channel, |reply| Message::Knock(knock, key, reply)).await;
                return answer.unwrap_or_else(|_| Err(Refusal::Limit(Unavailable.to_string())));
            }
            Ok(Lookup::Unknown) => Refusal::BadKey,
            Ok(Lookup::TooLong) => Refusal::KeyTooLong,
            Err(error) => {
                tracing::error!("a stream key can't be looked up: {error}");
                return Err(Refusal::Limit("the server can't look up stream keys now. Try again".to_owned()));
            }
        };
        self.turn_away(peer, refusal.clone());
        Err(refusal)
    }

    async fn turned_away(&self, peer: SocketAddr, why: Refusal) {
        self.turn_away(peer, why);
    }
}

impl Channels for Registry {
    fn put(&self, channel: store::Channel) -> BoxFuture<'_, Result<(), Unavailable>> {
        Box::pin(async move {
            let id = channel.id.clone();
            self.ask(&id, |done| Message::Put(Box::new(channel), done)).await
        })
    }

    fn order<'a>(&'a self, channel: &'a str, order: Order) -> BoxFuture<'a, Result<(), Unavailable>> {
        Box::pin(async move {
            let deleted = order == Order::Delete;
            let outcome = self.ask(channel, |done| Message::Order(order, done)).await;
            if deleted && let Some(actors) = self.actors().as_mut() {
                actors.remove(channel);
            }
            outcome
        })
    }

    fn source(&self, session: &str) -> Option<live::Source> {
        self.0.shared.sources().get(session).cloned()
    }

    fn health(&self, session: &str) -> Option<Health> {
        self.0.shared.healths().get(session).cloned()
    }
}

/// Durations of segments and parts for what an operator set.
fn plan(settings: &store::Settings) -> hls::Plan {
    let mode = match settings.latency_mode {
        store::LatencyMode::Normal => hls::Mode::Normal,
        store::LatencyMode::Low => hls::Mode::Low,
        store::LatencyMode::UltraLow => hls::Mode::UltraLow,
    };
    hls::Plan::new(mode, Some(settings.latency_target), settings.dvr_window)
}

/// What the machine has to know of the settings.
fn config(settings: &store::Settings) -> live::channel::Config {
    live::channel::Config {
        name: settings.name.clone(),
        reconnect_window: settings.reconnect_window,
        max_duration: settings.max_duration,
        slate_after: settings.slate_after,
    }
}
