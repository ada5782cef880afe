//! Many publishers in one process, for benchmarks: each sends an FLV file in real time, over and over, as it is.
//! `cargo run --release -p rtmp --example publishers -- FILE.flv [--idle] < URLS`
//!
//! Addresses come on stdin, one a line; an empty line ends the list. Prints a JSON line once all publish, and another with
//! the figures when stdin ends. Without media (`--idle`) they stay connected after the server's go.
#![allow(clippy::disallowed_methods)]

use std::error::Error;
use std::io::{BufRead, stdin};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use media::flv::{Tag, TagKind};
use rtmp::driver::client::{Config, Publisher, Url};
use tokio::time::{Instant, sleep_until};

/// Handshakes under way: servers let an address have few.
const AT_ONCE: usize = 8;
/// A step between two starts, so that key frames don't come all at once.
const STEP: Duration = Duration::from_millis(13);

type Failure = Box<dyn Error + Send + Sync>;

#[derive(Default)]
struct Figures {
    tags: AtomicU64,
    bytes: AtomicU64,
    /// How many tags the system took so many ms late.
    late: Mutex<Vec<u32>>,
    lost: Mutex<Vec<String>>,
    /// What comes before doesn't count.
    counting: AtomicBool,
}

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let usage = "publishers FILE.flv [--idle], addresses on stdin";
    let file = arguments.next().ok_or(usage)?;
    let idle = arguments.next().is_some_and(|flag| flag == "--idle");
    let tags: Arc<[Tag]> = tags(&std::fs::read(&file)?.into()).into();
    let span = tags.last().map_or(0, |tag| tag.timestamp) + 33;
    let mut urls = Vec::new();
    for line in stdin().lock().lines() {
        let line = line?;
        if line.is_empty() {
            break;
        }
        urls.push(line.parse::<Url>().map_err(|error| format!("{line}: {error}"))?);
    }
    let figures = Arc::new(Figures::default());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let gate = Arc::new(tokio::sync::Semaphore::new(AT_ONCE));
        let mut connecting = Vec::new();
        for (i, url) in (0u32..).zip(urls) {
            let (gate, tags, figures) = (gate.clone(), tags.clone(), figures.clone());
            let at = Instant::now() + STEP * i;
            connecting.push(tokio::spawn(async move {
                sleep_until(at).await;
                let publisher = {
                    let _pass = gate.acquire().await?;
                    Publisher::connect(&url, &Config::default()).await?
                };
                tokio::spawn(async move {
                    let sent = if idle {
                        wait(publisher).await
                    } else {
                        send(publisher, &tags, span, &figures).await
                    };
                    if let Err(error) = sent {
                        figures.lost.lock().unwrap_or_else(PoisonError::into_inner).push(error.to_string());
                    }
                });
                Ok::<(), Failure>(())
            }));
        }
        let count = connecting.len();
        for task in connecting {
            task.await??;
        }
        println!("{{\"published\":{count}}}");
        // Each further line begins the count anew; the end of stdin is the end.
        loop {
            let line = tokio::task::spawn_blocking(|| {
                let mut line = String::new();
                stdin().lock().read_line(&mut line).map(|read| (read, line))
            });
            let (read, _) = line.await??;
            println!("{}", said(&figures));
            if read == 0 {
                return Ok(());
            }
            figures.counting.store(true, Relaxed);
        }
    })
}

async fn wait(mut publisher: Publisher) -> Result<(), Failure> {
    Err(publisher.closed().await.into())
}

async fn send(mut publisher: Publisher, tags: &[Tag], span: u32, figures: &Figures) -> Result<(), Failure> {
    let begun = Instant::now();
    let mut base = 0;
    loop {
        for tag in tags {
            let configures = tag.body.get(1) == Some(&0);
            if base > 0 && configures {
                continue;
            }
            let timestamp = base + tag.timestamp;
            let due = begun + Duration::from_millis(timestamp.into());
            tokio::select! {
                () = sleep_until(due) => {}
                error = publisher.closed() => return Err(error.into()),
            }
            publisher.send(Tag { timestamp, ..tag.clone() }).await?;
            if figures.counting.load(Relaxed) {
                figures.tags.fetch_add(1, Relaxed);
                figures.bytes.fetch_add(tag.body.len() as u64, Relaxed);
                let late = due.elapsed().as_millis() as usize;
                let mut bins = figures.late.lock().unwrap_or_else(PoisonError::into_inner);
                if bins.len() <= late {
                    bins.resize(late + 1, 0);
                }
                bins[late] += 1;
            }
        }
        base += span;
    }
}

/// And begins the count anew.
fn said(figures: &Figures) -> String {
    let bins = std::mem::take(&mut *figures.late.lock().unwrap_or_else(PoisonError::into_inner));
    let lost = figures.lost.lock().unwrap_or_else(PoisonError::into_inner);
    let total: u64 = bins.iter().map(|&n| u64::from(n)).sum();
    let at = |share: f64| {
        let mut left = (total as f64 * share) as u64;
        let place = bins.iter().position(|&n| {
            let here = left < u64::from(n);
            left = left.saturating_sub(n.into());
            here
        });
        place.unwrap_or(bins.len().saturating_sub(1))
    };
    format!(
        "{{\"tags\":{},\"bytes\":{},\"late_p50_ms\":{},\"late_p99_ms\":{},\"late_max_ms\":{},\"lost\":{},\"why\":{:?}}}",
        figures.tags.swap(0, Relaxed),
        figures.bytes.swap(0, Relaxed),
        at(0.5),
        at(0.99),
        bins.len().saturating_sub(1),
        lost.len(),
        lost.first().map_or("", String::as_str),
    )
}

/// Audio and video tags of an FLV file: a 9-byte header, then each tag after the size of the one before (FLV 10.1, annex E.3).
fn tags(flv: &Bytes) -> Vec<Tag> {
    let mut tags = Vec::new();
    let mut at = 13;
    while let Some(head) = flv.get(at..at + 11) {
        let size = u32::from_be_bytes([0, head[1], head[2], head[3]]) as usize;
        let timestamp = u32::from_be_bytes([head[7], head[4], head[5], head[6]]);
        let body = at + 11..at + 11 + size;
        let kind = match head[0] {
            8 => Some(TagKind::Audio),
            9 => Some(TagKind::Video),
            _ => None,
        };
        // FFmpeg ends a file with an "end of sequence" (AVCPacketType 2); this stream goes on.
        let ends = head[0] == 9 && flv.get(at + 12) == Some(&2);
        if let Some(kind) = kind.filter(|_| body.end <= flv.len() && !ends) {
            tags.push(Tag { kind, timestamp, body: flv.slice(body.clone()) });
        }
        at = body.end + 4;
    }
    tags
}
