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

mod channel;
pub mod clock;
pub mod config;
pub mod control;
mod deliver;
mod descriptors;
mod http;
mod ingest;
mod journal;
mod lock;
mod package;
mod quota;
mod retention;
pub mod store;
#[cfg(test)]
mod tests;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use channel::Registry;
use clock::Clock;
use config::Config;

/// HTTP requests under way when the server stops have so long to end.
const FAREWELL: Duration = Duration::from_millis(500);
/// What can't be sealed in this time stays as it is: the next start repairs it.
const SEALING: Duration = Duration::from_millis(1200);

/// A running server.
pub struct Server {
    http: SocketAddr,
    rtmp: SocketAddr,
    store: store::Store,
    registry: Registry,
    stop: watch::Sender<bool>,
    ingest: JoinHandle<()>,
    web: JoinHandle<()>,
    sweeper: JoinHandle<()>,
    #[cfg(test)]
    retention: Arc<tokio::sync::Notify>,
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
        descriptors::raise(config.limits.connections);
        let plain = listen(config.http, "--http").await?;
        let rtmp = listen(config.rtmp, "--rtmp").await?;
        let (http_addr, rtmp_addr) = (plain.local_addr()?, rtmp.local_addr()?);

        let store = store::Store::open(dir, clock.clone())?;
        let sessions = dir.join("sessions");
        let writer = journal::Writer::start(&sessions, config.storage.reserve_bytes)?;
        let library = journal::Library::new(&sessions, writer.clone(), clock.clone());
        let wake = Arc::new(tokio::sync::Notify::new());
        let shelf = package::Shelf::default();
        let registry = Registry::new(
            store.clone(),
            writer,
            library.clone(),
            &sessions,
            shelf.clone(),
            Arc::clone(&wake),
            clock.clone(),
        );
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
        #[cfg(test)]
        let retention = Arc::clone(&wake);
        let ingest = tokio::spawn(ingest::serve(rtmp, registry.clone(), clock.clone(), stopping.clone()));
        let (at_rtmp, at_http) = (here("rtmp", rtmp_addr), here("http", http_addr));
        let public = &config.public;
        let urls = control::PublicUrls::new(
            public.rtmp_url.as_deref().unwrap_or(&at_rtmp),
            public.http_url.as_deref().unwrap_or(&at_http),
            public.cdn_url.as_deref(),
        );
        let api = control::router(control::Control {
            store: store.clone(),
            channels: Arc::new(registry.clone()),
            urls: Arc::new(urls),
            clock: clock.clone(),
            retention: wake,
            timeout: Duration::from_secs(config.limits.request_timeout_s.into()),
        });
        let limits = &config.limits;
        let held = deliver::Held::new(limits.held());
        let playlists = deliver::Playlists::default();
        let media =
            deliver::Deliver { shelf, library, store: store.clone(), clock: clock.clone(), playlists, held };
        let front = http::Front::new(
            api.merge(deliver::router(media)),
            limits.timeouts(),
            limits.http_connections(),
            http::Proxies::new(&limits.trusted_proxies),
            clock,
        );
        let web = tokio::spawn(front.serve(plain, stopping));
        let (http, rtmp) = (http_addr, rtmp_addr);
        Ok(Self {
            http,
            rtmp,
            store,
            registry,
            stop,
            ingest,
            web,
            sweeper,
            #[cfg(test)]
            retention,
            lock,
        })
    }

    /// `http://…` as this machine reaches it.
    pub fn http_url(&self) -> String {
        here("http", self.http)
    }

    /// `rtmp://…` as this machine reaches it.
    pub fn rtmp_url(&self) -> String {
        here("rtmp", self.rtmp)
    }

    /// Where HTTP is served.
    pub fn http(&self) -> SocketAddr {
        self.http
    }

    /// Where RTMP is taken.
    pub fn rtmp(&self) -> SocketAddr {
        self.rtmp
    }

    /// What `DIR/admin-token` holds.
    pub fn admin_token(&self) -> &str {
        self.store.admin_token()
    }

    /// Takes nothing more, puts what is under way into the journal, and ends within two seconds. Sessions stay open: the
    /// next start goes on with them if their publishers return in time.
    pub async fn stop(self) {
        let web = self.web.abort_handle();
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
        self.ingest.abort();
        self.web.abort();
        self.sweeper.abort();
        let _ = (self.ingest.await, self.web.await);
    }
}

/// How this machine reaches a listener.
fn here(scheme: &str, at: SocketAddr) -> String {
    let host = if at.ip().is_unspecified() { Ipv4Addr::LOCALHOST.into() } else { at.ip() };
    format!("{scheme}://{}", SocketAddr::new(host, at.port()))
}

async fn listen(at: SocketAddr, flag: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(at).await.with_context(|| {
        format!("can't listen on {at}: use {flag} ADDR:PORT for another address (port 0: any free)")
    })
}
