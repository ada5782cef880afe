//! Our own `sigma-server`.

use std::path::Path;
use std::time::Duration;

use serde::Deserialize;

use super::Error;
use super::child::{self, Child};

const NAME: &str = "sigma-server";
/// A first start on a slow disk makes a database; more than this means that something is wrong.
const READY_IN: Duration = Duration::from_secs(20);

/// What `--ready-json` prints. More fields may come.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Ready {
    pub(crate) http: String,
    pub(crate) admin_token: String,
}

pub(crate) struct Server {
    child: Child,
}

impl Server {
    /// Starts it on free ports of this machine and waits until it serves.
    pub(crate) async fn start(program: &Path, data_dir: &Path) -> Result<(Self, Ready), Error> {
        let mut command = child::command(program)?;
        command.arg("--data-dir").arg(data_dir);
        command.args(["--http", "127.0.0.1:0", "--rtmp", "127.0.0.1:0", "--ready-json", "--stop-with-stdin"]);
        let mut child = Child::start(NAME, command)?;
        let line = tokio::time::timeout(READY_IN, child.lines.next_line()).await;
        match line {
            Err(_) => Err(Error::Silent { name: NAME, seconds: READY_IN.as_secs() }),
            Ok(Err(source)) => Err(Error::Lost { name: NAME, source }),
            Ok(Ok(None)) => Err(Error::Ended { name: NAME, status: child.wait().await? }),
            Ok(Ok(Some(line))) => {
                let ready = serde_json::from_str(&line).map_err(|_| Error::Answer { name: NAME })?;
                Ok((Self { child }, ready))
            }
        }
    }

    /// Comes back only when it ended without being asked to.
    pub(crate) async fn ended(&mut self) -> Error {
        // Nothing more is expected on stdout, but a full pipe would block it.
        while let Ok(Some(_)) = self.child.lines.next_line().await {}
        match self.child.wait().await {
            Ok(status) => Error::Ended { name: NAME, status },
            Err(error) => error,
        }
    }

    pub(crate) async fn stop(self) {
        if let Err(error) = self.child.stop().await {
            eprintln!("sigma-live: {error}");
        }
    }
}
