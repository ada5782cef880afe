#![allow(clippy::unwrap_used, clippy::panic)]

mod access;
mod idempotency;
mod inputs;
mod pictures;
mod routes;
mod signing;

use std::sync::Mutex;

use axum::body::{Body, to_bytes};
use axum::http::{Method, Request, StatusCode};
use futures_util::future::BoxFuture;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::channels::{Order, Unavailable};
use super::*;
use crate::store::{self, Scope};

/// Running channels without media: each a real machine of `live`, its events recorded in the real store.
struct Running {
    store: Store,
    clock: Clock,
    machines: Mutex<std::collections::HashMap<String, live::Channel>>,
}

impl Running {
    async fn input(&self, channel: &str, input: live::Input) -> Result<(), Unavailable> {
        let mut events = vec![];
        {
            let mut machines = self.machines.lock().unwrap();
            let machine = machines.get_mut(channel).ok_or(Unavailable)?;
            machine.handle_input(input, self.clock.now());
            while let Some(output) = machine.poll_output() {
                if let live::Output::Event(event) = output {
                    events.push(event);
                }
            }
        }
        for event in events {
            self.store.record(event).await.unwrap();
        }
        Ok(())
    }

    fn session(&self) -> live::SessionId {
        live::SessionId::new(store::id::mint(store::id::Prefix::Session, self.clock.utc()))
    }

    /// A publisher comes, and is live.
    async fn publish(&self, channel: &str) -> live::SessionId {
        let session = self.session();
        let publisher = live::PublisherId(1);
        let source = live::Source { codecs: vec!["avc1.64001f".into()], ..live::Source::default() };
        for input in [
            live::Input::Publish { publisher, peer: "peer".into(), encoder: None, session: session.clone() },
            live::Input::Tracks { publisher, source },
            live::Input::Playable { session: session.clone() },
        ] {
            self.input(channel, input).await.unwrap();
        }
        session
    }
}

impl Channels for Running {
    fn put(&self, channel: store::Channel) -> BoxFuture<'_, Result<(), Unavailable>> {
        Box::pin(async move {
            let config = live::channel::Config {
                name: channel.settings.name,
                reconnect_window: channel.settings.reconnect_window,
                slate_after: channel.settings.slate_after,
                max_duration: channel.settings.max_duration,
            };
            self.machines.lock().unwrap().entry(channel.id.clone()).or_insert_with(|| {
                live::Channel::new(live::ChannelId::new(channel.id.as_str()), config.clone(), channel.stopped)
            });
            self.input(&channel.id, live::Input::Update(config)).await
        })
    }

    fn order<'a>(&'a self, channel: &'a str, order: Order) -> BoxFuture<'a, Result<(), Unavailable>> {
        Box::pin(self.input(
            channel,
            match order {
                Order::Start => live::Input::Start,
                Order::Stop => live::Input::Stop,
                Order::Restream => live::Input::Restream { session: self.session() },
                Order::End { session } => live::Input::End { session: live::SessionId::new(session) },
                Order::Delete => live::Input::Delete,
                // Who came with which key is not told here.
                Order::Revoke { .. } => live::Input::Revoked { publisher: live::PublisherId(u64::MAX) },
            },
        ))
    }

    fn source(&self, _: &str) -> Option<live::Source> {
        None
    }

    fn health(&self, _: &str) -> Option<super::channels::Health> {
        None
    }
}

/// The API over a real database.
struct Server {
    _dir: tempfile::TempDir,
    store: Store,
    running: Arc<Running>,
    router: Router,
    read: String,
    operate: String,
    admin: String,
}

struct Answer {
    status: StatusCode,
    headers: axum::http::HeaderMap,
    body: Value,
}

impl Server {
    async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = Clock::system();
        let store = Store::open(dir.path(), clock.clone()).unwrap();
        let running =
            Arc::new(Running { store: store.clone(), clock: clock.clone(), machines: Mutex::default() });
        let urls = Arc::new(PublicUrls::new("rtmp://in.example/", None, "http://out.example/", None));
        let control = Control {
            store: store.clone(),
            channels: running.clone(),
            urls,
            gate: Gate::new(store.clone(), clock.clone()),
            clock: clock.clone(),
            transcoder: crate::transcode::Transcoder::start(None),
            monitor: crate::monitor::Monitor::default(),
            machine: crate::machine::Machine::new(std::path::Path::new("."), 0.8, clock),
            retention: Arc::default(),
            timeout: Duration::from_secs(10),
        };
        let read = store.create_token("r", Scope::Read).await.unwrap().text;
        let operate = store.create_token("o", Scope::Operate).await.unwrap().text;
        let admin = store.admin_token().to_owned();
        Self { _dir: dir, store, running, router: router(control), read, operate, admin }
    }

    async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.unwrap();
        let body = serde_json::from_slice(&bytes)
            .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned()));
        Answer { status: parts.status, headers: parts.headers, body }
    }

    async fn ask_as(&self, token: Option<&str>, method: &str, path: &str, body: impl AsRef<[u8]>) -> Answer {
        let mut request = Request::builder().method(Method::from_bytes(method.as_bytes()).unwrap()).uri(path);
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        self.send(request.body(Body::from(body.as_ref().to_vec())).unwrap()).await
    }

    /// As the admin, under `/api/v1`.
    async fn ask(&self, method: &str, path: &str, body: Value) -> Answer {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.ask_as(Some(&self.admin), method, &format!("/api/v1{path}"), &body).await
    }

    async fn channel(&self, name: &str) -> Value {
        let made = self.ask("POST", "/channels", json!({ "name": name })).await;
        assert_eq!(made.status, 201, "{}", made.body);
        made.body
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}
