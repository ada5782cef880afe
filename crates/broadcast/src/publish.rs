//! Publishing, and publishing again: units from the queue to the server for as long as the broadcast is live.
//!
//! ```text
//!              ┌───────────── lost, busy ─────────────┐
//!              ▼                                      │
//! connecting ──┴─▶ live ──▶ stopped     (asked to, or everything is sent)
//!      ├───────────┴──────▶ refused     (the key, the codec: trying again is no use)
//!      └──────────────────▶ unreachable (from the start, or still when the stream has ended)
//! ```
//!
//! **Belongs here:** when to connect again. **Does not:** what to drop ([`send`]), the protocol.

use std::time::Duration;

use api::broadcast::Phase;
use media::flv::{self, Metadata};
use media::{Kind, Timestamp, Track};
use rtmp::client::{Refused, Url};
use rtmp::driver::Error;
use rtmp::driver::client::{Config, Publisher, Trust};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::report::Reporter;
use crate::{clock::Clock, encode, raw, send};

/// A server that hasn't been reached for so long at the start isn't there: a mistyped address ends, it doesn't wait.
const FIRST_TRY_MS: i64 = 15_000;
/// A connection that lived so long was a good one: the next wait is short again.
const GOOD_MS: i64 = 5_000;
/// Unpublishing takes no longer, whatever the server does.
const CLOSE_TIME: Duration = Duration::from_millis(800);

/// What to publish, and where.
#[derive(Clone, Debug)]
pub struct Stream {
    /// Where.
    pub url: Url,
    /// Whose certificates are taken.
    pub trust: Trust,
    /// What the server is told of it.
    pub metadata: Metadata,
    /// Sequence headers.
    pub tracks: Vec<Track>,
}

/// What publishing works with.
#[derive(Clone, Copy)]
pub struct With<'a> {
    /// Opened when the server first takes the stream.
    pub raw: &'a raw::Queue,
    /// Where units come from.
    pub sent: &'a send::Queue,
    /// Where key frames are asked for.
    pub dial: &'a encode::Dial,
    /// Where states are told.
    pub report: &'a Reporter,
    /// What has gone out.
    pub counts: &'a Counts,
    /// For the age of a connection.
    pub clock: Clock,
}

/// What has gone out.
#[derive(Debug, Default)]
pub struct Counts {
    /// Bytes of video tags.
    pub video_bytes: AtomicU64,
    /// Bytes of sound tags.
    pub audio_bytes: AtomicU64,
    /// Connections after the first.
    pub reconnects: AtomicU32,
}

/// How publishing ended.
#[derive(Debug, PartialEq, Eq)]
pub enum End {
    /// Everything is sent and unpublished.
    Finished,
    /// Asked to; unpublished.
    Stopped,
    /// The server won't have it: its reason.
    Refused(String),
    /// The server was never reached, or was away when the stream ended: why.
    Unreachable(String),
}

/// Publishes until the queue ends, `stop` is set or the server refuses.
pub async fn run(stream: &Stream, with: With<'_>, mut stop: watch::Receiver<bool>) -> End {
    let began = with.clock.now();
    let mut backoff = Backoff::default();
    let mut been_live = false;
    with.report.state(Phase::Connecting, None);
    loop {
        let connected = tokio::select! {
            connected = connect(stream) => connected,
            () = stopped(&mut stop) => return End::Stopped,
        };
        let error = match connected {
            Ok(publisher) => {
                if been_live {
                    with.counts.reconnects.fetch_add(1, Relaxed);
                }
                been_live = true;
                let since = with.clock.now();
                go_live(with, since);
                let lost = match feed(publisher, stream, with, &mut stop).await {
                    Fed::End(end) => return end,
                    Fed::Lost(error) => error,
                };
                with.sent.change(send::Buffer::disconnect);
                if with.clock.now().minus(since).as_millis() >= GOOD_MS {
                    backoff = Backoff::default();
                }
                lost
            }
            Err(error) => error,
        };
        if let Some(refused) = error.refused().filter(|refused| is_final(refused)) {
            return End::Refused(refused.to_string());
        }
        if !been_live && let Some(advice) = certificate(&error) {
            return End::Unreachable(format!("{}: {error}: {advice}", stream.url));
        }
        let trying = with.clock.now().minus(began).as_millis();
        if !been_live && error.refused().is_none() && trying >= FIRST_TRY_MS {
            return End::Unreachable(format!(
                "{}: {error}: check the address, and that the server runs",
                stream.url
            ));
        }
        if been_live && with.sent.change(|buffer| buffer.is_over()) {
            return End::Unreachable(format!("the stream ended while the server was away: {error}"));
        }
        let wait = backoff.next(rand::random());
        let reason = format!("{error}; next try in {:.1} s", wait.as_secs_f64());
        with.report.state(if been_live { Phase::Reconnecting } else { Phase::Connecting }, Some(reason));
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = stopped(&mut stop) => return End::Stopped,
        }
    }
}

async fn connect(stream: &Stream) -> Result<Publisher, Error> {
    let config = Config {
        limits: rtmp::Limits::default(),
        connect_timeout: Duration::from_secs(5),
        write_timeout: Duration::from_secs(10),
        trust: stream.trust.clone(),
    };
    let mut publisher = Publisher::connect(&stream.url, &config).await?;
    publisher.metadata(&stream.metadata).await?;
    Ok(publisher)
}

fn go_live(with: With<'_>, now: Timestamp) {
    with.sent.change(send::Buffer::connect);
    with.dial.ask_key();
    with.raw.open(now);
    with.report.state(Phase::Live, None);
}

enum Fed {
    End(End),
    Lost(Error),
}

/// Sends units until something ends it.
async fn feed(
    mut publisher: Publisher,
    stream: &Stream,
    with: With<'_>,
    stop: &mut watch::Receiver<bool>,
) -> Fed {
    let mut told = false;
    loop {
        let unit = tokio::select! {
            biased;
            () = stopped(stop) => return unpublish(publisher, End::Stopped).await,
            error = publisher.closed() => return Fed::Lost(error),
            unit = with.sent.next() => unit,
        };
        let Some(unit) = unit else { return unpublish(publisher, End::Finished).await };
        let mut tags = Vec::new();
        if !std::mem::replace(&mut told, true) {
            // RTMP times wrap at 2^32 ms.
            let ms = unit.dts.as_millis() as u32;
            tags.extend(stream.tracks.iter().map(|track| flv::sequence_header(track, ms)));
        }
        let count = match unit.kind {
            Kind::Video => &with.counts.video_bytes,
            Kind::Audio => &with.counts.audio_bytes,
        };
        tags.push(flv::tag(&unit));
        for tag in tags {
            count.fetch_add(tag.body.len() as u64, Relaxed);
            tokio::select! {
                biased;
                sent = publisher.send(tag) => if let Err(error) = sent {
                    return Fed::Lost(error);
                },
                () = stopped(stop) => return unpublish(publisher, End::Stopped).await,
            }
        }
    }
}

async fn unpublish(publisher: Publisher, end: End) -> Fed {
    match timeout(CLOSE_TIME, publisher.close()).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "unpublish"),
        Err(_) => tracing::debug!("the server didn't take the unpublish in time"),
    }
    Fed::End(end)
}

/// Returns when the broadcast should stop; a `stop` whose sender is gone never comes.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    if stop.wait_for(|stop| *stop).await.is_err() {
        std::future::pending().await
    }
}

/// Whether trying again is no use. A server that goes down comes back; a key that is busy gets free.
fn is_final(refused: &Refused) -> bool {
    match refused.reason.as_deref() {
        Some("shutdown" | "internal") => false,
        _ => !refused.is_busy(),
    }
}

/// What to do about a certificate that isn't taken; trying again is no use.
fn certificate(error: &Error) -> Option<&'static str> {
    match error {
        Error::Untrusted { .. } => Some(
            "if the server is your own, give its certificate file with --ca (sigma-server's self-signed one is \
             DIR/tls/self-signed.pem); if not, don't send it your stream key",
        ),
        Error::Certificate { .. } => Some("check the address in --to, and this machine's clock"),
        _ => None,
    }
}

/// How long to wait: 0.25 s, doubled each time, at most 5 s, each a quarter more or less, so that many broadcasters don't
/// come back to a restarted server all at once.
#[derive(Debug, Default)]
struct Backoff {
    tries: u32,
}

impl Backoff {
    /// `random` is from 0 to 1.
    fn next(&mut self, random: f64) -> Duration {
        let plain = Duration::from_millis(250 << self.tries.min(5)).min(Duration::from_secs(5));
        self.tries += 1;
        plain.mul_f64(0.75 + random.clamp(0.0, 1.0) / 2.0).min(Duration::from_secs(5))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backoff() {
        let waits = |random| {
            let mut backoff = Backoff::default();
            std::array::from_fn::<u128, 7, _>(|_| backoff.next(random).as_millis())
        };
        assert_eq!(waits(0.5), [250, 500, 1000, 2000, 4000, 5000, 5000]);
        assert_eq!(waits(0.0), [187, 375, 750, 1500, 3000, 3750, 3750]);
        assert_eq!(waits(1.0), [312, 625, 1250, 2500, 5000, 5000, 5000]);
    }

    #[test]
    fn what_is_final() {
        let refused = |code: &str, reason: Option<&str>| Refused {
            code: format!("NetStream.Publish.{code}"),
            description: String::new(),
            reason: reason.map(str::to_owned),
        };
        let cases = [
            ("BadName", Some("bad_key"), true),
            ("BadName", Some("busy"), false),
            ("BadName", None, false), // Other servers: perhaps only busy.
            ("Denied", Some("stopped"), true),
            ("Denied", Some("codec"), true),
            ("Rejected", Some("takeover"), true),
            ("Rejected", Some("shutdown"), false),
            ("Failed", Some("internal"), false),
            ("Denied", None, true),
        ];
        for (code, reason, expect) in cases {
            assert_eq!(is_final(&refused(code, reason)), expect, "{code} {reason:?}");
        }
    }
}
