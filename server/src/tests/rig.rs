//! A server in a folder of its own, a channel on it, publishers and viewers.

use std::time::Duration;

use media::flv::Tag;
use rtmp::driver::client::{Config as Client, Publisher, Url};

use super::fixture;
use crate::Server;
use crate::clock::Clock;
use crate::config::Config;
use crate::store::{Channel, LatencyMode, Page, Policy, Session, Settings};

pub(super) struct Rig {
    pub dir: tempfile::TempDir,
    pub server: Server,
    pub channel: Channel,
    pub key: String,
    pub web: reqwest::Client,
}

pub(super) fn settings() -> Settings {
    Settings {
        name: "test".to_owned(),
        latency_mode: LatencyMode::UltraLow,
        latency_target: Duration::from_millis(600),
        record: true,
        max_duration: None,
        reconnect_window: Duration::from_secs(30),
        dvr_window: Duration::from_secs(30),
        retention: crate::store::Retention::default(),
        policy: Policy::Public,
        slate_after: Duration::from_millis(1500),
        ladder: r#"{"kind":"source"}"#.to_owned(),
        processing: "{}".to_owned(),
        recording: "{}".to_owned(),
        detectors: "{}".to_owned(),
    }
}

impl Rig {
    pub(super) async fn start() -> Self {
        Self::with(settings()).await
    }

    pub(super) async fn with(settings: Settings) -> Self {
        Self::configured(settings, |_| ()).await
    }

    pub(super) async fn configured(settings: Settings, change: impl FnOnce(&mut Config)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut config = Config::local(dir.path());
        change(&mut config);
        Self::on(dir, config, settings).await
    }

    async fn on(dir: tempfile::TempDir, config: Config, settings: Settings) -> Self {
        let server = Server::start(config, Clock::system()).await.unwrap();
        let channel = server.store.create_channel(settings, None).await.unwrap().channel;
        let keys = server.store.keys(&channel.id, Page { after: None, limit: 1 }).await.unwrap();
        let key = keys.items[0].text.clone();
        Self { dir, server, channel, key, web: reqwest::Client::new() }
    }

    /// The same folder, after a crash, with a clock that is so much later.
    pub(super) async fn crash(self, later: Duration) -> Self {
        let Self { dir, server, channel, key, web } = self;
        server.crash().await;
        let server = Server::start(Config::local(dir.path()), Clock::ahead_by(later)).await.unwrap();
        Self { dir, server, channel, key, web }
    }

    pub(super) async fn connect(&self, key: &str) -> Result<Publisher, rtmp::driver::Error> {
        let url = Url::parse(&format!("rtmp://{}/live/{key}", self.server.rtmp())).unwrap();
        Publisher::connect(&url, &Client::default()).await
    }

    /// Publishes tags, as fast as they are taken.
    pub(super) async fn publish(&self, tags: &[Tag]) -> Publisher {
        let mut publisher = self.connect(&self.key).await.unwrap();
        publisher.metadata(&fixture::metadata()).await.unwrap();
        for tag in tags {
            publisher.send(tag.clone()).await.unwrap();
        }
        publisher
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.server.http())
    }

    pub(super) async fn get(&self, path: &str) -> reqwest::Response {
        self.web.get(self.url(path)).send().await.unwrap()
    }

    pub(super) async fn text(&self, path: &str) -> String {
        let answer = self.get(path).await;
        assert_eq!(answer.status(), 200, "{path}");
        answer.text().await.unwrap()
    }

    pub(super) async fn bytes(&self, path: &str) -> Vec<u8> {
        let answer = self.get(path).await;
        assert_eq!(answer.status(), 200, "{path}");
        answer.bytes().await.unwrap().to_vec()
    }

    /// The folder of a rendition of what is live, once it is.
    pub(super) async fn folder(&self, rendition: &str) -> String {
        let path = format!("/live/{}/index.m3u8", self.channel.playback_id);
        self.until("live", async |rig| rig.get(&path).await.status() == 200).await;
        let text = self.text(&path).await;
        let name = text.split(['"', '\n']).find_map(|word| {
            let path = word.split('?').next()?;
            path.strip_suffix("/media.m3u8").filter(|folder| folder.ends_with(&format!("/{rendition}")))
        });
        let folder = name.unwrap();
        format!("/live/{}/{folder}", self.channel.playback_id)
    }

    /// The media playlist once it has this segment.
    pub(super) async fn media(&self, folder: &str, msn: u64) -> String {
        let (path, name) = (format!("{folder}/media.m3u8"), format!("s{msn}.m4s"));
        self.until(&name, async |rig| rig.text(&path).await.lines().any(|line| line == name)).await;
        self.text(&path).await
    }

    pub(super) async fn sessions(&self) -> Vec<Session> {
        let page = Page { after: None, limit: 10 };
        self.server.store.sessions(&self.channel.id, page).await.unwrap().items
    }

    /// Asks until the answer is yes: for what happens behind a request that was already answered.
    pub(super) async fn until(&self, what: &str, mut yes: impl AsyncFnMut(&Self) -> bool) {
        let within = async {
            while !yes(self).await {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        assert!(tokio::time::timeout(Duration::from_secs(10), within).await.is_ok(), "never: {what}");
    }

    /// What the journal has of the newest session by now.
    pub(super) async fn files(&self) -> Option<crate::journal::Files> {
        let session = self.sessions().await.remove(0).id;
        library(self.dir.path()).open(&session).unwrap()
    }

    /// The events so far, by name.
    pub(super) async fn events(&self) -> Vec<crate::store::Event> {
        self.server.store.events(0, 1000).await.unwrap().items
    }
}

/// The journal of a data folder, as whoever looks at the disk finds it.
pub(super) fn library(dir: &std::path::Path) -> crate::journal::Library {
    let root = dir.join("sessions");
    let writer = crate::journal::Writer::start(&root, 0).unwrap();
    crate::journal::Library::new(&root, writer, Clock::system())
}
