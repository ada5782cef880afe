//! Starting `sigma-server`, and the few requests that `run` makes to it.

use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::Command;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::child::{Child, Event};
use crate::checkout;

/// A server that takes longer (it repairs its journal first) is not well.
const READY: Duration = Duration::from_secs(60);
const ANSWER: Duration = Duration::from_secs(5);

/// The line of `--ready-json`.
#[derive(Deserialize)]
struct Ready {
    http: String,
    admin_token: String,
}

/// As much of a channel as is needed here.
#[derive(Deserialize)]
pub(super) struct Channel {
    pub(super) id: String,
    #[serde(default)]
    status: String,
    /// Told to scope `operate`; the admin token has it.
    pub(super) stream_key: Option<String>,
    pub(super) ingest: Ingest,
    pub(super) playback: Playback,
}

#[derive(Deserialize)]
pub(super) struct Ingest {
    pub(super) rtmp_url: String,
}

#[derive(Deserialize)]
pub(super) struct Playback {
    pub(super) hls_url: String,
    pub(super) watch_url: String,
}

#[derive(Deserialize)]
struct List<T> {
    data: Vec<T>,
}

#[derive(Deserialize)]
struct Session {
    id: String,
    #[serde(default)]
    status: String,
}

/// Starts it and waits until it serves.
pub(super) fn start(
    data_dir: &Path,
    events: &SyncSender<Event>,
    inbox: &Receiver<Event>,
) -> Result<(Child, Api)> {
    let mut command = Command::new(checkout::program("sigma-server"));
    // If we are killed, it ends with us; on Windows that is also how it is asked to.
    command.args(["--ready-json", "--stop-with-stdin"]).arg("--data-dir").arg(data_dir);
    for (flag, variable, port) in [("--http", "SIGMA_HTTP", 8080), ("--rtmp", "SIGMA_RTMP", 1935)] {
        // Somebody else's program on the usual port is no reason not to run; a port that was asked for is kept to.
        let told = std::env::var_os(variable).is_some() || data_dir.join("sigma.toml").exists();
        if !told && TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_err() {
            command.args([flag, "127.0.0.1:0"]);
        }
    }
    let mut child = Child::start("sigma-server", &mut command, data_dir, events.clone())?;
    let deadline = Instant::now() + READY;
    loop {
        match inbox.recv_timeout(Duration::from_millis(20)) {
            Ok(Event::Said { line, .. }) => {
                let ready: Ready = serde_json::from_str(&line)
                    .with_context(|| format!("the server's ready line: {line:?}"))?;
                return Ok((child, Api::new(&ready)));
            }
            Ok(Event::Interrupt) => bail!("interrupted"),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => bail!("lost sight of the server"),
        }
        if let Some(status) = child.ended()? {
            bail!("{}", child.obituary(status));
        }
        if Instant::now() >= deadline {
            bail!(
                "the server was not ready within {} s; its log is in {}",
                READY.as_secs(),
                data_dir.display()
            );
        }
    }
}

/// The server's API, by its admin token.
pub(super) struct Api {
    agent: ureq::Agent,
    base: String,
    token: String,
}

impl Api {
    fn new(ready: &Ready) -> Self {
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(ANSWER))
            .http_status_as_error(false) // the body says what is wrong
            .proxy(None); // it is on this machine
        let base = ready.http.trim_end_matches('/').to_owned();
        Self { agent: config.build().new_agent(), base, token: ready.admin_token.clone() }
    }

    /// `http://127.0.0.1:8080`
    pub(super) fn base(&self) -> &str {
        &self.base
    }

    pub(super) fn token(&self) -> &str {
        &self.token
    }

    /// The first channel, made where there is none, and started where it was stopped.
    pub(super) fn first_channel(&self) -> Result<Channel> {
        let list: List<Channel> = self.get("/channels")?;
        let channel = match list.data.into_iter().next() {
            Some(channel) => channel,
            None => self.post("/channels", &json!({"name": "My channel"}))?,
        };
        if channel.status == "stopped" {
            self.post::<Value>(&format!("/channels/{}/start", channel.id), &json!({}))?;
        }
        let channel: Channel = self.get(&format!("/channels/{}", channel.id))?; // with its key
        if channel.stream_key.is_none() {
            bail!("channel {} has no stream key: make one in the console at {}/", channel.id, self.base);
        }
        Ok(channel)
    }

    /// The ids of a channel's sessions; they sort by time.
    pub(super) fn sessions(&self, channel: &str) -> Result<Vec<String>> {
        let list: List<Session> = self.get(&format!("/channels/{channel}/sessions"))?;
        Ok(list.data.into_iter().map(|session| session.id).collect())
    }

    /// `live`, `ended` …
    pub(super) fn session_status(&self, session: &str) -> Result<String> {
        let session: Session = self.get(&format!("/sessions/{session}"))?;
        Ok(session.status)
    }

    fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        let url = format!("{}/api/v1{path}", self.base);
        let response = self.agent.get(&url).header("Authorization", format!("Bearer {}", self.token)).call();
        read(&format!("GET {path}"), response)
    }

    fn post<T: DeserializeOwned>(&self, path: &str, body: &Value) -> Result<T> {
        let url = format!("{}/api/v1{path}", self.base);
        let request = self.agent.post(&url).header("Authorization", format!("Bearer {}", self.token));
        read(&format!("POST {path}"), request.send_json(body))
    }
}

fn read<T: DeserializeOwned>(
    what: &str,
    response: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
) -> Result<T> {
    let mut response = response.with_context(|| format!("the server did not answer {what}"))?;
    let status = response.status();
    let text = response.body_mut().read_to_string().with_context(|| format!("{what} broke off"))?;
    if !status.is_success() {
        bail!("the server answered {what} with {status}: {text}");
    }
    serde_json::from_str(&text).with_context(|| format!("can't make sense of the answer to {what}: {text}"))
}
