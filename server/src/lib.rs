//! The companion server: RTMP in, Low-Latency HLS out, every second kept. The async shell around the pure crates.
//!
//! **Belongs here:** sockets, disk, tasks, the database, HTTP. **Does not:** formats and protocols (`media`, `rtmp`, `hls`),
//! decisions (`live`).
//!
//! ```text
//! ingest ─▶ channel ─▶ package ─▶ deliver
//!              │  └──▶ journal ──▶ ┘
//!              └─ live, store ◀── control
//! ```

mod access;
mod channel;
pub mod clock;
pub mod config;
pub mod control;
mod deliver;
mod descriptors;
mod http;
mod ingest;
mod journal;
mod listen;
mod lock;
mod machine;
mod monitor;
mod package;
mod quota;
mod retention;
mod stills;
pub mod store;
#[cfg(test)]
mod tests;
mod tls;
pub mod transcode;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use channel::Registry;
use clock::Clock;
use config::Config;
use listen::{At, Listeners, here};

/// HTTP requests under way when the server stops have so long to end.
const FAREWELL: Duration = Duration::from_millis(500);
/// What can't be sealed in this time stays as it is: the next start repairs it.
const SEALING: Duration = Duration::from_millis(1200);

/// A running server.
pub struct Server {
    at: At,
    store: store::Store,
    registry: Registry,
    stop: watch::Sender<bool>,
    ingest: JoinHandle<()>,
    web: JoinHandle<()>,
    follow: Option<JoinHandle<()>>,
    sweeper: JoinHandle<()>,
    #[cfg(test)]
    retention: Arc<tokio::sync::Notify>,
    #[cfg(test)]
    albums: stills::Albums,
    #[expect(dead_code, reason = "held until the end: one server a data folder")]
    lock: lock::Lock,
}

impl Server {
    /// Opens the data folder, listens, and takes up what was running when the last server went down. Serves when it
    /// returns.
    pub async fn start(config: Config, clock: Clock) -> anyhow::Result<Self> {
        let dir = &config.data_dir;
        std::fs::create_dir_all(dir)
            .with_context(|| format!("can't make the data folder {}", dir.display()))?;
        let lock = lock::Lock::take(dir)?;
        descriptors::raise(&config.limits);
        let (listeners, at) = Listeners::open(&config).await?;
        let identity = config.tls.as_ref().map(|source| tls::Identity::open(source, dir, clock.clone()));
        let identity = identity.transpose()?;

        let store = store::Store::open(dir, clock.clone())?;
        let sessions = dir.join("sessions");
        let writer = journal::Writer::start(&sessions, config.storage.reserve_bytes)?;
        let library = journal::Library::new(&sessions, writer.clone(), clock.clone());
        let wake = Arc::new(tokio::sync::Notify::new());
        let shelf = package::Shelf::default();
        let worker = config.worker.clone().map(transcode::Program::own);
        let transcoder = transcode::Transcoder::start(worker);
        transcoder.try_hardware(config.transcode.tried());
        let machine = machine::Machine::new(&sessions, config.transcode.share, clock.clone());
        let every = config.thumbnails.every();
        let albums = stills::Albums::new(&sessions, every, config.storage.reserve_bytes);
        let registry = Registry::new(channel::Given {
            store: store.clone(),
            writer,
            library: library.clone(),
            shelf: shelf.clone(),
            albums: albums.clone(),
            retention: Arc::clone(&wake),
            clock: clock.clone(),
            transcoder: transcoder.clone(),
            machine: machine.clone(),
        });
        registry.recover().await.context("can't take up the sessions that were running")?;

        let (stop, stopping) = watch::channel(false);
        let retention = retention::Retention {
            store: store.clone(),
            library: library.clone(),
            clock: clock.clone(),
            limits: config.retention,
            wake: Arc::clone(&wake),
        };
        let sweeper = tokio::spawn(retention.run(stopping.clone()));
        tokio::spawn(machine.clone().watch(stopping.clone()));
        #[cfg(test)]
        let retention = Arc::clone(&wake);
        let intake = ingest::Intake::new(registry.clone(), clock.clone(), config.limits.publishers);
        let plain = intake.clone().serve(listeners.rtmp, None, stopping.clone());
        let secure = over_tls(listeners.rtmps, identity.as_ref(), &[])?
            .map(|(listener, tls)| intake.serve(listener, Some(tls), stopping.clone()));
        let ingest = tokio::spawn(both(plain, secure));
        let urls = public_urls(&config.public, at);
        let gate = access::Gate::new(store.clone(), clock.clone());
        let api = control::router(control::Control {
            store: store.clone(),
            channels: Arc::new(registry.clone()),
            urls: Arc::new(urls),
            clock: clock.clone(),
            gate: gate.clone(),
            transcoder,
            monitor: registry.monitor(),
            machine,
            retention: wake,
            timeout: Duration::from_secs(config.limits.request_timeout_s.into()),
        });
        let limits = &config.limits;
        let held = deliver::Held::new(limits.held());
        let playlists = deliver::Playlists::default();
        #[cfg(test)]
        let kept = albums.clone();
        let media = deliver::Deliver {
            shelf,
            library,
            albums,
            store: store.clone(),
            clock: clock.clone(),
            playlists,
            held,
            gate,
        };
        let front = http::Front::new(
            api.merge(deliver::router(media)),
            limits.timeouts(),
            limits.http_connections(),
            http::Proxies::new(&limits.trusted_proxies),
            clock,
            config.access_log,
        );
        let plain = front.clone().serve(listeners.http, None, stopping.clone());
        let secure = over_tls(listeners.https, identity.as_ref(), &[&b"h2"[..], b"http/1.1"])?
            .map(|(listener, tls)| front.serve(listener, Some(tls), stopping));
        let web = tokio::spawn(both(plain, secure));
        let follow = identity.map(|identity| tokio::spawn(identity.follow(tls::LOOK)));
        Ok(Self {
            at,
            store,
            registry,
            stop,
            ingest,
            web,
            follow,
            sweeper,
            #[cfg(test)]
            retention,
            #[cfg(test)]
            albums: kept,
            lock,
        })
    }

    /// `http://…` as this machine reaches it.
    pub fn http_url(&self) -> String {
        here("http", self.at.http)
    }

    /// `rtmp://…` as this machine reaches it.
    pub fn rtmp_url(&self) -> String {
        here("rtmp", self.at.rtmp)
    }

    /// Where HTTP is served.
    pub fn http(&self) -> SocketAddr {
        self.at.http
    }

    /// Where RTMP is taken.
    pub fn rtmp(&self) -> SocketAddr {
        self.at.rtmp
    }

    /// `https://…` as this machine reaches it, where it is served.
    pub fn https_url(&self) -> Option<String> {
        self.at.https.map(|at| here("https", at))
    }

    /// `rtmps://…` as this machine reaches it, where it is taken.
    pub fn rtmps_url(&self) -> Option<String> {
        self.at.rtmps.map(|at| here("rtmps", at))
    }

    /// What `DIR/admin-token` holds.
    pub fn admin_token(&self) -> &str {
        self.store.admin_token()
    }

    /// Takes nothing more, puts what is under way into the journal, and ends within two seconds. Sessions stay open: the
    /// next start goes on with them if their publishers return in time.
    pub async fn stop(self) {
        let web = self.web.abort_handle();
        if let Some(follow) = &self.follow {
            follow.abort();
        }
        self.stop.send_replace(true);
        if tokio::time::timeout(SEALING, self.registry.seal()).await.is_err() {
            tracing::error!("the disk is too slow to seal everything; the next start repairs what is torn");
        }
        tracing::info!("everything that came is in the journal");
        let farewell = tokio::time::timeout(FAREWELL, async {
            let _ = tokio::join!(self.ingest, self.web, self.sweeper, self.store.flush());
        });
        if farewell.await.is_err() {
            web.abort();
        }
    }

    /// Ends at once, as a crash would: nothing is sealed.
    pub async fn crash(self) {
        self.registry.abort();
        if let Some(follow) = &self.follow {
            follow.abort();
        }
        self.ingest.abort();
        self.web.abort();
        self.sweeper.abort();
        let _ = (self.ingest.await, self.web.await);
    }
}

/// What the world is told.
fn public_urls(public: &config::Public, at: At) -> control::PublicUrls {
    control::PublicUrls::new(
        public.rtmp_url.as_deref().unwrap_or(&here("rtmp", at.rtmp)),
        public.rtmps_url.clone().or(at.rtmps.map(|at| here("rtmps", at))).as_deref(),
        public.http_url.as_deref().unwrap_or(&here("http", at.http)),
        public.cdn_url.as_deref(),
    )
}

/// A listener with what shakes hands on it.
fn over_tls(
    listener: Option<TcpListener>,
    identity: Option<&tls::Identity>,
    protocols: &[&[u8]],
) -> anyhow::Result<Option<(TcpListener, tls::Acceptor)>> {
    let Some((listener, identity)) = listener.zip(identity) else { return Ok(None) };
    Ok(Some((listener, identity.acceptor(protocols)?)))
}

/// The plain listener's task and that over TLS.
async fn both(plain: impl Future<Output = ()>, over_tls: Option<impl Future<Output = ()>>) {
    let over_tls = async {
        if let Some(over_tls) = over_tls {
            over_tls.await;
        }
    };
    tokio::join!(plain, over_tls);
}
