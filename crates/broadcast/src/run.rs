//! The straight line, from open devices to a clean unpublish.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use anyhow::Context;
use api::broadcast::{Phase, Stats};
use media::flv::Metadata;
use tokio::sync::{oneshot, watch};

use crate::clock::Clock;
use crate::encode::{self, Dial, Encoder};
use crate::report::Reporter;
use crate::{capture, cli, publish, raw, send};

/// How a broadcast ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// As asked: stopped, or its time or file is over.
    Done,
    /// A device, the encoder or the network.
    Failed(String),
    /// The server won't have it.
    Refused(String),
}

impl Outcome {
    /// Of the process.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed(_) => 1,
            Self::Refused(_) => 2,
        }
    }
}

/// Goes live and stays so until `stop` is set or it ends by itself. Every state is told to `report`.
pub async fn run(
    live: &cli::Live,
    dial: Arc<Dial>,
    report: Arc<Reporter>,
    stop: watch::Receiver<bool>,
) -> Outcome {
    let outcome = match broadcast(live, dial, &report, stop).await {
        Ok(outcome) => outcome,
        Err(error) => Outcome::Failed(format!("{error:#}")),
    };
    match &outcome {
        Outcome::Done => report.state(Phase::Stopped, None),
        Outcome::Failed(why) | Outcome::Refused(why) => report.state(Phase::Failed, Some(why.clone())),
    }
    outcome
}

async fn broadcast(
    live: &cli::Live,
    dial: Arc<Dial>,
    report: &Reporter,
    mut stop: watch::Receiver<bool>,
) -> anyhow::Result<Outcome> {
    let url = live.target().map_err(anyhow::Error::msg)?;
    let clock = Clock::start();
    let raw = Arc::new(raw::Queue::default());
    let closer = Closer(raw.clone());

    // capture ▶
    let sink = capture::Sink { raw: raw.clone(), clock, size: live.size, fps: live.fps };
    let (asked, to) = (live.clone(), sink.clone());
    let opening = tokio::task::spawn_blocking(move || capture::open(&asked, &to));
    let opened = tokio::select! {
        opened = opening => opened.context("opening the devices broke off")??,
        _ = stop.wait_for(|stop| *stop) => return Ok(Outcome::Done),
    };
    opened.notices.iter().for_each(|notice| report.notice(notice.clone()));

    // ▶ encode ▶
    let choice = live.encoder;
    let (hardware, notice) = tokio::task::spawn_blocking(move || choice.settle())
        .await
        .context("looking for the encoder broke off")?;
    notice.into_iter().for_each(|notice| report.notice(notice));
    let encoder = Encoder::open(encoder_config(live, &opened, hardware))?;
    let interleave = opened.video.is_some() && opened.sound.is_some();
    let sent = Arc::new(send::Queue::new(send::Buffer::new(interleave), clock));
    let trust = live.trust().map_err(anyhow::Error::msg)?;
    let stream = publish::Stream { url, trust, metadata: metadata(live, &opened), tracks: encoder.tracks() };
    let made = Arc::new(encode::Counts::default());
    let mut encoded = spawn_encoder(encoder, clock, raw.clone(), sent.clone(), dial.clone(), made.clone())?;

    // ▶ publish
    let gone = publish::Counts::default();
    let with = publish::With { raw: &raw, sent: &sent, dial: &dial, report, counts: &gone, clock };
    let figures =
        Figures { live, opened: &opened, raw: &raw, sent: &sent, dial: &dial, made: &made, gone: &gone };
    // A source that breaks ends the stream as a stop does, but the reason is kept.
    let (end_stream, mut ended) = watch::channel(false);
    let publishing = publish::run(&stream, with, ended.clone());
    tokio::pin!(publishing);
    let ticking = figures.tick(report);
    tokio::pin!(ticking);
    let mut broken = None;
    let mut encoding = true;
    let end = loop {
        tokio::select! {
            end = &mut publishing => break end,
            () = &mut ticking => {}
            _ = stop.wait_for(|stop| *stop), if !*ended.borrow_and_update() => {
                let _ = end_stream.send(true);
            }
            end = &mut encoded, if encoding => {
                encoding = false;
                match end.unwrap_or_else(|_| Err(anyhow::anyhow!("the encoder's thread died"))) {
                    Ok(encode::End::Finished) => sent.change(send::Buffer::end),
                    Ok(encode::End::Closed) => {}
                    Ok(encode::End::Failed(why)) => broken = Some(why),
                    Err(error) => broken = Some(format!("{error:#}")),
                }
                if broken.is_some() {
                    let _ = end_stream.send(true);
                }
            }
        }
    };
    drop(closer);
    report.stats(figures.now(None));
    Ok(match (broken, end) {
        (Some(why), _) => Outcome::Failed(why),
        (None, publish::End::Finished | publish::End::Stopped) => Outcome::Done,
        (None, publish::End::Refused(why)) => {
            Outcome::Refused(format!("the server refused the stream: {why}"))
        }
        (None, publish::End::Unreachable(why)) => Outcome::Failed(why),
    })
}

/// Ends the sources and the encoder however the broadcast ends.
struct Closer(Arc<raw::Queue>);

impl Drop for Closer {
    fn drop(&mut self) {
        self.0.close();
    }
}

fn encoder_config(
    live: &cli::Live,
    opened: &capture::Opened,
    hardware: Option<codec::hardware::Kind>,
) -> encode::Config {
    encode::Config {
        video: opened.video.as_ref().map(|video| encode::Video {
            size: live.size,
            fps: live.fps,
            colour: video.colour,
            kbps: live.bitrate,
            gop: live.gop,
            preset: live.preset,
            hardware,
        }),
        channels: opened.sound.as_ref().map(|sound| sound.channels),
        audio_kbps: live.audio_bitrate,
        duration: live.duration,
    }
}

fn metadata(live: &cli::Live, opened: &capture::Opened) -> Metadata {
    let (video, sound) = (opened.video.is_some(), opened.sound.as_ref());
    Metadata {
        width: video.then_some(live.size.0),
        height: video.then_some(live.size.1),
        frame_rate: video.then_some(f64::from(live.fps)),
        video_kbps: video.then_some(f64::from(live.bitrate)),
        audio_kbps: sound.map(|_| f64::from(live.audio_bitrate)),
        sample_rate: sound.map(|_| capture::SAMPLE_RATE),
        channels: sound.map(|sound| sound.channels),
        has_video: Some(video),
        has_audio: Some(sound.is_some()),
        encoder: Some(concat!("sigma-broadcast ", env!("CARGO_PKG_VERSION")).to_owned()),
    }
}

fn spawn_encoder(
    encoder: Encoder,
    clock: Clock,
    raw: Arc<raw::Queue>,
    sent: Arc<send::Queue>,
    dial: Arc<Dial>,
    made: Arc<encode::Counts>,
) -> anyhow::Result<oneshot::Receiver<anyhow::Result<encode::End>>> {
    let (done, encoded) = oneshot::channel();
    let run = move || drop(done.send(encoder.run(clock, &raw, &sent, &dial, &made)));
    std::thread::Builder::new().name("encode".to_owned()).spawn(run).context("can't start a thread")?;
    Ok(encoded)
}

/// Where the figures are.
struct Figures<'a> {
    live: &'a cli::Live,
    opened: &'a capture::Opened,
    raw: &'a raw::Queue,
    sent: &'a send::Queue,
    dial: &'a Dial,
    made: &'a encode::Counts,
    gone: &'a publish::Counts,
}

impl Figures<'_> {
    /// Tells them each second, for ever.
    async fn tick(&self, report: &Reporter) {
        let mut before = Before::default();
        let mut ticks = tokio::time::interval(Duration::from_secs(1));
        ticks.tick().await;
        loop {
            ticks.tick().await;
            let stats = self.now(Some(&before));
            before = Before {
                frames: stats.frames,
                video: self.gone.video_bytes.load(Relaxed),
                audio: self.gone.audio_bytes.load(Relaxed),
            };
            report.stats(stats);
        }
    }

    /// All of them; rates are since `before`, a second ago.
    fn now(&self, before: Option<&Before>) -> Stats {
        let depth = self.sent.depth();
        let (video, audio) = (self.gone.video_bytes.load(Relaxed), self.gone.audio_bytes.load(Relaxed));
        let frames = self.made.frames.load(Relaxed);
        let kbps = |bytes: u64| bytes as f64 * 8.0 / 1000.0;
        Stats {
            seconds: self.made.media_ms.load(Relaxed) as f64 / 1000.0,
            fps: before.map_or(0.0, |before| (frames - before.frames) as f64),
            video_kbps: before.map_or(0.0, |before| kbps(video - before.video)),
            audio_kbps: before.map_or(0.0, |before| kbps(audio - before.audio)),
            target_kbps: self.dial.kbps(),
            frames,
            key_frames: self.made.key_frames.load(Relaxed),
            dropped_raw: self.raw.dropped(),
            dropped_sent: depth.dropped,
            sound_corrections: self.made.sound_corrections.load(Relaxed),
            queue_frames: depth.frames,
            queue_ms: depth.ms,
            bytes_sent: video + audio,
            reconnects: self.gone.reconnects.load(Relaxed),
            width: self.live.size.0,
            height: self.live.size.1,
            source: self.opened.video.as_ref().map_or("none".to_owned(), |video| video.name.clone()),
            sound: self.opened.sound.as_ref().map_or("none".to_owned(), |sound| sound.name.clone()),
        }
    }
}

/// A second ago.
#[derive(Debug, Default)]
struct Before {
    frames: u64,
    video: u64,
    audio: u64,
}
