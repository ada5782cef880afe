//! What lies between the probe and the origin: headers, encodings, a little time.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use flate2::{Compression, write::GzEncoder};
use probe::check::collect::{Request, Transport};
use probe::http::Response;
use tokio::time::{Instant, sleep, timeout};

use super::boxes::Medium;
use super::origin::{Answer, Directives, Fault, Origin};
use super::playlist;

/// There and back.
const ROUND_TRIP: Duration = Duration::from_millis(4);
/// How often a request that waits is looked at.
const LOOK: Duration = Duration::from_millis(10);

#[derive(Clone)]
pub(super) struct Wire {
    origin: Arc<Origin>,
    start: Instant,
}

impl Transport for Wire {
    async fn get(&self, request: &Request) -> Result<Response, String> {
        let sent = self.now();
        timeout(request.limit, self.answer(request, sent)).await.map_err(|_| "timed out".to_owned())
    }

    fn now(&self) -> Duration {
        self.start.elapsed()
    }

    fn wall(&self) -> Duration {
        Duration::ZERO
    }
}

impl Wire {
    pub(super) fn new(origin: Origin) -> Self {
        Self { origin: Arc::new(origin), start: Instant::now() }
    }

    async fn answer(&self, request: &Request, sent: Duration) -> Response {
        sleep(ROUND_TRIP / 2).await;
        let arrived = self.now();
        let name = request.url.path().rsplit('/').next().unwrap_or_default().to_owned();
        let answer = loop {
            match self.look(request, &name, self.now().saturating_sub(arrived)) {
                Answer::Wait => sleep(LOOK).await,
                answer => break answer,
            }
        };
        let ready = self.now();
        sleep(ROUND_TRIP / 2).await;
        let now = self.now();
        let is = |fault| self.origin.is(fault);
        let trickles = is(Fault::HintTrickles) && name.contains("-part-") && ready > arrived;
        let (status, headers, body) = self.reply(request, &name, answer);
        let head = if trickles { arrived } else { now };
        let version = if request.http1 || is(Fault::NoHttp2) { "HTTP/1.1" } else { "HTTP/2.0" };
        Response { status, version, headers, body: body.into(), sent, head, first: Some(now), done: now }
    }

    fn look(&self, request: &Request, name: &str, held: Duration) -> Answer {
        let parts = self.origin.parts_at(self.now());
        let number =
            |key: &str| request.url.query_pairs().find(|(k, _)| k == key).and_then(|(_, v)| v.parse().ok());
        let ask = Directives {
            msn: number("_HLS_msn"),
            part: number("_HLS_part"),
            skip: request.url.query_pairs().any(|(k, _)| k == "_HLS_skip") && !self.origin.is(Fault::NoSkip),
        };
        match name {
            _ if request.http1 && self.origin.is(Fault::NoHttp1) => Answer::Status(505),
            "index.m3u8" => Answer::Playlist(playlist::multivariant(&self.origin)),
            "video.m3u8" => self.origin.playlist(Medium::Video, ask, parts, held),
            "audio.m3u8" => self.origin.playlist(Medium::Audio, ask, parts, held),
            file => self.origin.file(file, parts),
        }
    }

    fn reply(&self, request: &Request, name: &str, answer: Answer) -> (u16, Vec<(String, String)>, Vec<u8>) {
        let is = |fault| self.origin.is(fault);
        let blocking = request.url.query().is_some_and(|q| q.contains("_HLS_msn"));
        let mut headers = Vec::new();
        let mut add = |name: &str, value: &str| headers.push((name.to_owned(), value.to_owned()));
        let (status, body) = match answer {
            Answer::Wait => (500, Vec::new()),
            Answer::Status(status) => {
                add(
                    "cache-control",
                    if is(Fault::ErrorsKept) { "public, max-age=3600" } else { "public, max-age=1" },
                );
                (status, Vec::new())
            }
            Answer::Media(bytes) => {
                let uncached = is(Fault::PartsUncached) && name.contains("-part-");
                add("cache-control", if uncached { "no-store" } else { "public, max-age=86400, immutable" });
                add("content-type", if is(Fault::MediaMime) { "text/plain" } else { "video/mp4" });
                (200, bytes)
            }
            Answer::Playlist(text) => {
                let caching = match blocking {
                    _ if text.contains("#EXT-X-ENDLIST") => "public, max-age=1",
                    true if is(Fault::BrowserLifetime) => "public, max-age=6",
                    true if is(Fault::BlockingUncached) => "no-cache",
                    true => "public, max-age=0, s-maxage=6",
                    false if is(Fault::PlaylistKept) => "public, max-age=10",
                    false => "public, max-age=0, s-maxage=1",
                };
                if !is(Fault::NoCacheControl) {
                    add("cache-control", caching);
                }
                let mime =
                    if is(Fault::PlaylistMime) { "text/plain" } else { "application/vnd.apple.mpegurl" };
                add("content-type", mime);
                if !is(Fault::NoVary) {
                    add("vary", "Accept-Encoding");
                }
                let accepted =
                    request.headers.iter().any(|(n, v)| *n == "accept-encoding" && v.contains("gzip"));
                if accepted && !is(Fault::NoGzip) {
                    add("content-encoding", "gzip");
                    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
                    encoder.write_all(text.as_bytes()).unwrap();
                    (200, encoder.finish().unwrap())
                } else {
                    (200, text.into_bytes())
                }
            }
        };
        (status, headers, body)
    }
}
