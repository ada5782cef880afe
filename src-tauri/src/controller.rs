//! What the desktop program does, without Tauri: it holds the server and the broadcast, answers the page's commands and
//! tells the page what happens. The window is behind [`Window`], so that tests drive this with real child processes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use api::broadcast::{Devices, Line, Phase, State, Stats};
use serde::{Deserialize, Serialize};
use tokio::sync::{Mutex, watch};

use crate::settings::{self, Settings};
use crate::supervisor::broadcast::{self, Broadcast, Order};
use crate::supervisor::server::Server;

/// What the controller needs of a window.
pub(crate) trait Window: Send + Sync + 'static {
    /// A line of the broadcaster.
    fn broadcast(&self, line: &Line);
    /// The server ended by itself.
    fn server_lost(&self, problem: &Problem);
}

/// An error as the page gets it: `code` to translate, `message` for where there is no translation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Problem {
    pub(crate) code: &'static str,
    pub(crate) message: String,
}

impl From<crate::supervisor::Error> for Problem {
    fn from(error: crate::supervisor::Error) -> Self {
        Self { code: error.code(), message: error.to_string() }
    }
}

/// Where the page finds the server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Connection {
    pub(crate) url: String,
    pub(crate) token: String,
    /// Go live now, once: `1`, or the source to take.
    pub(crate) go_live: Option<String>,
}

/// What the page asks to broadcast.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Target {
    pub(crate) channel: String,
    pub(crate) url: String,
    pub(crate) key: String,
    pub(crate) source: String,
}

/// How the broadcast of this window stands; the page asks for it when it is (re)loaded.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Status {
    pub(crate) channel: Option<String>,
    pub(crate) state: Option<State>,
    pub(crate) stats: Option<Stats>,
}

type Link = Option<Result<Connection, Problem>>;

pub(crate) struct Controller {
    settings: Settings,
    window: Arc<dyn Window>,
    link: watch::Sender<Link>,
    go_live_told: AtomicBool,
    broadcast: Mutex<Option<Broadcast>>,
    status: watch::Sender<Status>,
    server: Mutex<Option<tokio::task::JoinHandle<()>>>,
    closing: watch::Sender<bool>,
}

impl Controller {
    /// Needs a running tokio runtime for everything but this.
    pub(crate) fn new(settings: Settings, window: Arc<dyn Window>) -> Arc<Self> {
        Arc::new(Self {
            settings,
            window,
            link: watch::Sender::new(None),
            go_live_told: AtomicBool::new(false),
            broadcast: Mutex::new(None),
            status: watch::Sender::new(Status::default()),
            server: Mutex::new(None),
            closing: watch::Sender::new(false),
        })
    }

    /// Connects to the given server, or starts our own. [`Self::connection`] waits for the outcome.
    pub(crate) async fn start(self: &Arc<Self>) {
        match &self.settings.server {
            settings::Server::Given { url, token } => {
                self.linked(Ok(Connection { url: url.clone(), token: token.clone(), go_live: None }));
            }
            settings::Server::Own { .. } => {
                *self.server.lock().await = Some(tokio::spawn(Arc::clone(self).serve()));
            }
        }
    }

    async fn serve(self: Arc<Self>) {
        let settings::Server::Own { data_dir } = &self.settings.server else { return };
        let (mut server, ready) = match Server::start(&self.settings.programs.server, data_dir).await {
            Ok(started) => started,
            Err(error) => return self.linked(Err(error.into())),
        };
        self.linked(Ok(Connection { url: ready.http, token: ready.admin_token, go_live: None }));
        let mut closing = self.closing.subscribe();
        let lost = tokio::select! {
            () = async { drop(closing.wait_for(|closing| *closing).await) } => None,
            error = server.ended() => Some(Problem::from(error)),
        };
        match lost {
            None => server.stop().await,
            Some(problem) => {
                self.window.server_lost(&problem);
                self.linked(Err(problem));
            }
        }
    }

    fn linked(&self, link: Result<Connection, Problem>) {
        self.link.send_replace(Some(link));
    }

    /// Waits until the server serves or can't.
    pub(crate) async fn connection(&self) -> Result<Connection, Problem> {
        let mut link = self.link.subscribe();
        let linked = match link.wait_for(Option::is_some).await {
            Ok(linked) => linked.clone(),
            Err(_) => None,
        };
        let closed = || Err(Problem { code: "program_lost", message: "the program is closing".into() });
        let mut connection = linked.unwrap_or_else(closed)?;
        // A page that is loaded again must not go live again.
        if !self.go_live_told.swap(true, Ordering::Relaxed) {
            connection.go_live.clone_from(&self.settings.go_live);
        }
        Ok(connection)
    }

    pub(crate) async fn devices(&self) -> Result<Devices, Problem> {
        Ok(broadcast::devices(&self.settings.programs.broadcast).await?)
    }

    pub(crate) fn status(&self) -> Status {
        self.status.borrow().clone()
    }

    /// Between the click and the last line of the process.
    pub(crate) fn is_live(&self) -> bool {
        self.status.borrow().channel.is_some()
    }

    pub(crate) async fn go_live(self: &Arc<Self>, target: Target) -> Result<(), Problem> {
        if !(target.url.starts_with("rtmp://") || target.url.starts_with("rtmps://")) {
            let message = format!("{} is no RTMP address: the server's address is wrong", target.url);
            return Err(Problem { code: "bad_address", message });
        }
        let mut running = self.broadcast.lock().await;
        if self.is_live() {
            let message = "this window is live already: stop that broadcast first".into();
            return Err(Problem { code: "already_live", message });
        }
        let order = Order { url: target.url, key: target.key, source: target.source };
        let (broadcast, mut lines) = Broadcast::start(&self.settings.programs.broadcast, &order)?;
        *running = Some(broadcast);
        let state = Some(State { state: Phase::Connecting, reason: None });
        self.status.send_replace(Status { channel: Some(target.channel), state, stats: None });
        let this = Arc::clone(self);
        tokio::spawn(async move {
            while let Some(line) = lines.recv().await {
                this.status.send_modify(|status| status.follow(&line));
                this.window.broadcast(&line);
            }
        });
        Ok(())
    }

    /// Comes back when the broadcaster is gone. Nothing running is no error.
    pub(crate) async fn stop(&self) {
        let running = self.broadcast.lock().await.take();
        if let Some(broadcast) = running {
            broadcast.stop().await;
            let mut status = self.status.subscribe();
            let _ = status.wait_for(|status| status.channel.is_none()).await;
        }
    }

    /// Stops everything that was started, the broadcast first, so that its session ends cleanly.
    pub(crate) async fn close(&self) {
        self.stop().await;
        self.closing.send_replace(true);
        if let Some(server) = self.server.lock().await.take()
            && let Err(error) = server.await
        {
            eprintln!("sigma-live: {error}");
        }
    }
}

impl Status {
    fn follow(&mut self, line: &Line) {
        match line {
            Line::State(state) => {
                if matches!(state.state, Phase::Stopped | Phase::Failed) {
                    self.channel = None;
                    self.stats = None;
                }
                self.state = Some(state.clone());
            }
            Line::Stats(stats) => self.stats = Some(stats.clone()),
            Line::Notice(_) => {}
        }
    }
}
