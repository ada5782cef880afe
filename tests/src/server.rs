//! A `sigma-server` of one test's own.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::process::{Process, built};

/// A running server on free ports, with its data in a temporary folder.
pub struct Server {
    /// `http://127.0.0.1:PORT`
    pub http: String,
    /// `rtmp://127.0.0.1:PORT`
    pub rtmp: String,
    /// `https://127.0.0.1:PORT`; empty where it isn't served.
    pub https: String,
    /// `rtmps://127.0.0.1:PORT`; empty where it isn't taken.
    pub rtmps: String,
    /// The first admin token.
    pub token: String,
    /// The process itself.
    pub process: Process,
    data: TempDir,
}

/// A channel as the API made it.
pub struct Channel {
    /// `ch_…`
    pub id: String,
    /// `pb_…`
    pub playback: String,
    /// Its first stream key.
    pub key: String,
    /// `rtmp://HOST/live/KEY`
    pub publish_url: String,
    /// `http://HOST/live/PLAYBACK/index.m3u8`
    pub hls_url: String,
}

/// A recording on the server that serves it.
pub struct Recording {
    /// Its URL.
    pub address: String,
    _server: Server,
}

impl Server {
    /// Starts one on an empty folder.
    pub fn start() -> Result<Self> {
        Self::start_on(tempfile::tempdir()?)
    }

    /// Starts one with a `sigma.toml`.
    pub fn start_with(config: &str) -> Result<Self> {
        let data = tempfile::tempdir()?;
        std::fs::write(data.path().join("sigma.toml"), config)?;
        Self::start_on(data)
    }

    /// Starts one with a `sigma.toml`, on a disk of its own of so many MiB; `None` where the system allows none.
    pub fn start_on_small_disk(config: &str, mebibytes: u32) -> Result<Option<Self>> {
        let data = tempfile::tempdir()?;
        let shell = |then: &str| {
            let path = data.path().display();
            format!("mount -t tmpfs -o size={mebibytes}m tmpfs '{path}' && cd '{path}' && {then}")
        };
        let namespace = |script: &str| {
            let mut command = Command::new("unshare");
            command.args(["-rm", "sh", "-c", script, "sh"]);
            command
        };
        if !namespace(&shell("true")).output().is_ok_and(|out| out.status.success()) {
            return Ok(None);
        }
        let mut command = namespace(&shell(r#"printf %s "$1" > sigma.toml && shift && exec "$@""#));
        command.arg(config).arg(built("sigma-server")?);
        Self::started(command, data).map(Some)
    }

    /// Its disk as it sees it, which may be its own.
    pub fn disk(&self) -> std::path::PathBuf {
        let data = self.data.path().strip_prefix("/").unwrap_or(self.data.path());
        Path::new(&format!("/proc/{}/root", self.process.id())).join(data)
    }

    /// Starts one on a folder that another left.
    pub fn start_on(data: TempDir) -> Result<Self> {
        Self::start_with_flags(data, &[])
    }

    /// Starts this program as one.
    pub fn start_program(program: &Path) -> Result<Self> {
        Self::started(Command::new(program), tempfile::tempdir()?)
    }

    /// Starts one with more flags.
    pub fn start_with_flags(data: TempDir, flags: &[&str]) -> Result<Self> {
        let mut command = Command::new(built("sigma-server")?);
        command.args(flags);
        Self::started(command, data)
    }

    fn started(mut command: Command, data: TempDir) -> Result<Self> {
        command
            .args(["--http", "127.0.0.1:0", "--rtmp", "127.0.0.1:0", "--ready-json", "--data-dir"])
            .arg(data.path());
        command.env("RUST_LOG", "info");
        let process = Process::start(&mut command)?;
        let ready: Value = serde_json::from_str(&process.line(Duration::from_secs(20))?)?;
        let text = |name: &str| -> Result<String> {
            Ok(ready[name]
                .as_str()
                .with_context(|| format!("no {name} in the ready line {ready}"))?
                .to_owned())
        };
        Ok(Self {
            http: text("http")?,
            rtmp: text("rtmp")?,
            https: text("https").unwrap_or_default(),
            rtmps: text("rtmps").unwrap_or_default(),
            token: text("admin_token")?,
            process,
            data,
        })
    }

    /// Kills it (SIGKILL) and starts another on the same folder; its ports differ.
    pub fn killed_and_started(self) -> Result<Self> {
        let Self { mut process, data, .. } = self;
        process.signal("KILL")?;
        process.ended(Duration::from_secs(5))?;
        drop(process);
        Self::start_on(data)
    }

    /// Stops it with SIGTERM and starts another on the same folder.
    pub fn restarted(self) -> Result<Self> {
        let Self { mut process, data, .. } = self;
        process.signal("TERM")?;
        process.succeeds(Duration::from_secs(5))?;
        drop(process);
        Self::start_on(data)
    }

    /// Where its data lies.
    pub fn data(&self) -> &Path {
        self.data.path()
    }

    /// A request to the API: the status and the JSON body (`null` where there is none).
    pub fn api(&self, method: &str, path: &str, body: Option<&Value>) -> Result<(u16, Value)> {
        request(method, &format!("{}/api/v1{path}", self.http), Some(&self.token), body)
    }

    /// A GET that must succeed.
    pub fn get(&self, path: &str) -> Result<Value> {
        let (status, body) = self.api("GET", path, None)?;
        ensure!(status == 200, "GET {path}: {status} {body}");
        Ok(body)
    }

    /// A POST that must succeed.
    pub fn post(&self, path: &str, body: &Value) -> Result<Value> {
        let (status, answer) = self.api("POST", path, Some(body))?;
        ensure!((200..300).contains(&status), "POST {path}: {status} {answer}");
        Ok(answer)
    }

    /// A new channel; `settings` beside its name.
    pub fn channel(&self, name: &str, settings: &Value) -> Result<Channel> {
        let mut body = json!({ "name": name });
        if let (Some(body), Some(settings)) = (body.as_object_mut(), settings.as_object()) {
            body.extend(settings.clone());
        }
        let made = self.post("/channels", &body)?;
        let text = |pointer: &str| -> Result<String> {
            Ok(made
                .pointer(pointer)
                .and_then(Value::as_str)
                .with_context(|| format!("no {pointer} in {made}"))?
                .to_owned())
        };
        let key = text("/stream_key")?;
        Ok(Channel {
            id: text("/id")?,
            playback: text("/playback/id")?,
            publish_url: format!("{}/live/{key}", self.rtmp),
            hls_url: format!("{}/live/{}/index.m3u8", self.http, text("/playback/id")?),
            key,
        })
    }

    /// The newest session of a channel, if it has one.
    pub fn newest_session(&self, channel: &Channel) -> Result<Option<Value>> {
        Ok(self.sessions(channel)?.into_iter().next())
    }

    /// All its sessions, newest first.
    pub fn sessions(&self, channel: &Channel) -> Result<Vec<Value>> {
        let mut list = self.get(&format!("/channels/{}/sessions", channel.id))?["data"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        list.sort_by_key(|s| std::cmp::Reverse(s["id"].as_str().unwrap_or_default().to_owned()));
        Ok(list)
    }

    /// Waits until the newest session has the status.
    pub fn session_is(&self, channel: &Channel, status: &str, limit: Duration) -> Result<Value> {
        crate::wait(&format!("a session that is {status}"), limit, || {
            Ok(self.newest_session(channel)?.filter(|s| s["status"] == status))
        })
        .with_context(|| self.process.log())
    }

    /// The recording of the newest session of all channels. The server lives as long as the answer.
    pub fn newest_recording(self) -> Result<Recording> {
        let channels = self.get("/channels")?;
        let mut newest = String::new();
        for channel in channels["data"].as_array().into_iter().flatten() {
            let sessions =
                self.get(&format!("/channels/{}/sessions", channel["id"].as_str().unwrap_or_default()))?;
            let ids = sessions["data"].as_array().into_iter().flatten().filter_map(|s| s["id"].as_str());
            newest = ids.map(str::to_owned).chain([newest]).max().unwrap_or_default();
        }
        ensure!(!newest.is_empty(), "no session in {channels}");
        Ok(Recording { address: format!("{}/vod/{newest}/recording.mp4", self.http), _server: self })
    }

    /// All events so far, in order.
    pub fn events(&self) -> Result<Vec<Value>> {
        let mut all = Vec::new();
        let mut after = String::new();
        loop {
            let page = self.get(&format!("/events?limit=100{after}"))?;
            let Some(data) = page["data"].as_array().filter(|d| !d.is_empty()) else { return Ok(all) };
            all.extend(data.iter().cloned());
            let Some(last) = data.last().and_then(|e| e["id"].as_str()) else { return Ok(all) };
            after = format!("&after={last}");
        }
    }
}

/// One HTTP request, whatever its status.
pub fn request(method: &str, url: &str, token: Option<&str>, body: Option<&Value>) -> Result<(u16, Value)> {
    let (status, bytes) = fetch(method, url, token, body)?;
    Ok((status, serde_json::from_slice(&bytes).unwrap_or(Value::Null)))
}

/// One HTTP request's status and bytes (256 MiB at most).
pub fn fetch(method: &str, url: &str, token: Option<&str>, body: Option<&Value>) -> Result<(u16, Vec<u8>)> {
    let body = body.map(|body| ("application/json", body.to_string().into_bytes()));
    send(method, url, token, body)
}

/// The same with a body of any type.
pub fn send(
    method: &str,
    url: &str,
    token: Option<&str>,
    body: Option<(&str, Vec<u8>)>,
) -> Result<(u16, Vec<u8>)> {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(Duration::from_secs(30)))
        .build()
        .into();
    let mut request = ureq::http::Request::builder().method(method).uri(url);
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let mut response = match body {
        Some((kind, body)) => agent.run(request.header("content-type", kind).body(body)?),
        None => agent.run(request.body(())?),
    }
    .with_context(|| format!("{method} {url}"))?;
    let bytes = response
        .body_mut()
        .with_config()
        .limit(256 << 20)
        .read_to_vec()
        .with_context(|| format!("{method} {url}"))?;
    Ok((response.status().as_u16(), bytes))
}
