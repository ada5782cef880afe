//! `sigma-broadcast`: one process a broadcast.

use std::path::Path;
use std::time::Duration;

use api::broadcast::{Devices, Line, Phase, State};
use tokio::sync::{mpsc, oneshot};

use super::Error;
use super::child::{self, Child};

const NAME: &str = "sigma-broadcast";
/// Drivers may take their time to answer.
const DEVICES_IN: Duration = Duration::from_secs(15);
/// Lines that the window has not taken yet; a stats line a second never fills it.
const LINES: usize = 64;

/// Where and what to publish.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    /// `rtmp://host:port/app`, without the key.
    pub(crate) url: String,
    pub(crate) key: String,
    /// As `--source` takes it: `testcard`, `camera:0`.
    pub(crate) source: String,
}

/// A running broadcast. Dropping it stops it.
pub(crate) struct Broadcast {
    stop: Option<oneshot::Sender<()>>,
    task: tokio::task::JoinHandle<()>,
}

pub(crate) async fn devices(program: &Path) -> Result<Devices, Error> {
    let mut command = child::command(program)?;
    command.args(["devices", "--json"]);
    // Read to the end: the answer may span lines.
    let output = tokio::time::timeout(DEVICES_IN, command.output())
        .await
        .map_err(|_| Error::Silent { name: NAME, seconds: DEVICES_IN.as_secs() })?
        .map_err(|source| Error::Start { name: NAME, source })?;
    if !output.status.success() {
        return Err(Error::Ended { name: NAME, status: output.status });
    }
    serde_json::from_slice(&output.stdout).map_err(|_| Error::Answer { name: NAME })
}

impl Broadcast {
    /// Starts it. The last line received is always a `Stopped` or a `Failed`.
    pub(crate) fn start(program: &Path, order: &Order) -> Result<(Self, mpsc::Receiver<Line>), Error> {
        let mut command = child::command(program)?;
        command.args(["--to", &order.url, "--source", &order.source, "--json", "--control"]);
        // Not an argument: those stand in `ps` for everyone.
        command.env("SIGMA_STREAM_KEY", &order.key);
        let child = Child::start(NAME, command)?;
        let (stop, asked) = oneshot::channel();
        let (lines, receiver) = mpsc::channel(LINES);
        let task = tokio::spawn(run(child, asked, lines));
        Ok((Self { stop: Some(stop), task }, receiver))
    }

    /// Unpublishes, and comes back when the process is gone.
    pub(crate) async fn stop(mut self) {
        self.stop = None;
        // The task ends by itself: it has its own limits.
        if let Err(error) = self.task.await {
            eprintln!("sigma-live: {NAME}: {error}");
        }
    }
}

async fn run(mut child: Child, mut asked: oneshot::Receiver<()>, lines: mpsc::Sender<Line>) {
    let mut stopping = false;
    let mut last = None;
    while !stopping {
        let line = tokio::select! {
            line = child.lines.next_line() => line,
            _ = &mut asked => {
                stopping = true;
                continue;
            }
        };
        let Ok(Some(text)) = line else { break };
        // A newer broadcaster may say more than this window understands.
        let Ok(line) = serde_json::from_str::<Line>(&text) else { continue };
        if let Line::State(state) = &line
            && matches!(state.state, Phase::Stopped | Phase::Failed)
        {
            // Said when the process is gone, so that a new one may start at once.
            last = Some(line);
            continue;
        }
        // A window that doesn't read loses figures, never the broadcast.
        let _ = lines.try_send(line);
    }
    let ended = child.stop().await;
    let last = last.unwrap_or_else(|| {
        let (state, reason) = match ended {
            Ok(_) if stopping => (Phase::Stopped, None),
            Ok(status) => (Phase::Failed, Some(Error::Ended { name: NAME, status }.to_string())),
            Err(error) => (Phase::Failed, Some(error.to_string())),
        };
        Line::State(State { state, reason })
    });
    let _ = lines.send(last).await;
}
