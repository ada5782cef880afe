//! The server's side: one worker for all channels, started with the first key frame, ended when nobody needs it, replaced
//! where it dies or hangs.
//!
//! ```text
//!            a key frame                    nobody watches for a minute
//!   Absent ─────────────▶ Running ─────────────────────────────────────▶ Absent
//!     ▲                     │ it ended, gave nothing for 1.2 s, spoke nonsense
//!     └── after a pause ────┘ what it wasn't at is sent to the next one
//! ```
//!
//! At most one key frame of a channel is on its way: another that comes meanwhile is left out.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use bytes::Bytes;
use media::{AccessUnit, CodecConfig, Kind, Timestamp, Track};
use tokio::io::AsyncWriteExt;
use tokio::process::ChildStdin;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use transcode::measured::{Figures, Measured};
use transcode::watch::{Blind, Item, Thumbnail, Watched};
use transcode::{Message, limits};

use crate::transcode::order::Measure;
use crate::transcode::supervise::{Pipes, Program};

/// Channels that are watched at once; those beyond have no thumbnails.
pub(super) const MOST_CHANNELS: usize = 256;
/// Messages of all channels on their way.
const QUEUE: usize = 1_024;
/// Answers to one channel on their way: it gets one at a time, and figures each second.
const ANSWERS: usize = 8;
/// To start, up to the first answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// A worker that has something to do and says nothing for so long hangs.
const HANGS: Duration = Duration::from_millis(1_200);
/// A worker with nothing to do keeps its memory for so long.
const IDLE: Duration = Duration::from_secs(60);
/// Before another is started after one that never gave an answer; doubled each time.
const PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// A channel that so many workers in a row died of isn't looked at any more, until its configuration changes.
const MOST_DEATHS: u32 = 3;
/// From one key frame that is measured to the next, at least.
const APART: Timestamp = Timestamp::millis(900);

/// Where channels are watched; clones are handles to the same.
#[derive(Clone, Debug)]
pub(crate) struct Watcher {
    asks: Option<mpsc::Sender<(u32, Ask)>>,
    numbers: Arc<AtomicU32>,
}

#[derive(Debug)]
enum Ask {
    Join(mpsc::Sender<Saw>),
    Item(Item),
}

/// What was seen of a channel.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Saw {
    /// As it was asked for.
    Thumbnail(Thumbnail),
    /// There is none: a clause for the log.
    Nothing(String),
    /// What it is like.
    Figures(Figures),
}

/// One channel's.
#[derive(Debug)]
pub(crate) struct Eye {
    channel: u32,
    asks: mpsc::Sender<(u32, Ask)>,
    saw: mpsc::Receiver<Saw>,
    /// From one thumbnail to the next; `None`: there are none.
    every: Option<Duration>,
    due: Option<Timestamp>,
    measure: Measure,
    /// The newest key frame that was measured.
    measured: Option<Timestamp>,
}

impl Watcher {
    /// Nothing is started before there is something to look at. `None`: nothing is looked at.
    pub(crate) fn start(program: Option<Program>) -> Self {
        let asks = program.map(|program| {
            let (asks, inbox) = mpsc::channel(QUEUE);
            tokio::spawn(Supervisor { program, channels: BTreeMap::new(), failures: 0 }.run(inbox));
            asks
        });
        Self { asks, numbers: Arc::default() }
    }

    /// Watches a channel: a thumbnail about so often, where there are any.
    pub(crate) fn watch(&self, tracks: &[Track], every: Option<Duration>) -> Option<Eye> {
        let asks = self.asks.clone()?;
        let channel = self.numbers.fetch_add(1, Relaxed).wrapping_add(1);
        let (out, saw) = mpsc::channel(ANSWERS);
        asks.try_send((channel, Ask::Join(out))).ok()?;
        let eye = Eye { channel, asks, saw, every, due: None, measure: Measure::default(), measured: None };
        tracks.iter().for_each(|track| eye.track(track));
        Some(eye)
    }
}

impl Eye {
    /// The channel goes on with another configuration.
    pub(crate) fn track(&self, track: &Track) {
        let config = match &track.config {
            CodecConfig::Avc(avc) => avc.record.clone(),
            CodecConfig::Aac(aac) => aac.asc.clone(),
        };
        self.ask(Item::Track(track.kind, config));
    }

    /// What is measured of it from now on.
    pub(crate) fn measure(&mut self, measure: Measure) {
        if self.measure != measure {
            self.measure = measure;
            self.ask(Item::Measure { pictures: measure.pictures, sound: measure.sound });
        }
    }

    /// Whether it looks at pictures.
    pub(crate) fn pictures(&self) -> bool {
        self.every.is_some() || self.measure.pictures
    }

    /// A unit as viewers get it: a key frame is looked at where it is time.
    pub(crate) fn unit(&mut self, unit: &AccessUnit) {
        match unit.kind {
            Kind::Video if unit.key => {
                let still = self.every().is_some_and(|every| {
                    self.due.is_none_or(|due| unit.pts >= due || unit.pts < due.minus(every))
                });
                let apart = |last: Timestamp| unit.pts < last || unit.pts.minus(last) >= APART;
                let measured = self.measure.pictures && self.measured.is_none_or(apart);
                if still {
                    self.due = self.every().map(|every| unit.pts.plus(every));
                }
                if still || measured {
                    self.measured = Some(unit.pts);
                    self.ask(Item::Unit { unit: unit.clone(), still });
                }
            }
            // Pictures and configurations go first where the worker is behind.
            Kind::Audio if self.measure.sound && self.asks.capacity() > QUEUE / 2 => {
                self.ask(Item::Unit { unit: unit.clone(), still: false });
            }
            Kind::Video | Kind::Audio => {}
        }
    }

    #[cfg(test)]
    pub(super) fn due(&self) -> Option<Timestamp> {
        self.due
    }

    fn every(&self) -> Option<Timestamp> {
        self.every.map(|every| Timestamp::of_duration(every, media::Timescale::MILLIS))
    }

    /// What can't be taken is left out.
    fn ask(&self, item: Item) {
        let _ = self.asks.try_send((self.channel, Ask::Item(item)));
    }

    /// The next thing that was seen; for ever after the end nothing.
    pub(crate) async fn saw(&mut self) -> Saw {
        match self.saw.recv().await {
            Some(saw) => saw,
            None => std::future::pending().await,
        }
    }
}

impl Drop for Eye {
    fn drop(&mut self) {
        self.ask(Item::Gone);
    }
}

struct Supervisor {
    program: Program,
    channels: BTreeMap<u32, Channel>,
    /// Workers in a row that never gave an answer.
    failures: u32,
}

struct Channel {
    out: mpsc::Sender<Saw>,
    tracks: Vec<(Kind, Bytes)>,
    /// What is measured, where anything is.
    measure: Option<Item>,
    /// What it waits for, and its place among all that wait.
    waits: Option<(u64, AccessUnit)>,
    /// Workers in a row that died of it.
    deaths: u32,
}

impl Supervisor {
    async fn run(mut self, mut inbox: mpsc::Receiver<(u32, Ask)>) {
        let mut count = 0;
        loop {
            while !self.waits() {
                let Some((channel, ask)) = inbox.recv().await else { return };
                if self.take(channel, ask, &mut count).is_some_and(|message| spare(&message)) {
                    break;
                }
            }
            let mut answered = false;
            let outcome = self.session(&mut inbox, &mut count, &mut answered).await;
            let Err(why) = outcome else {
                if inbox.is_closed() {
                    return;
                }
                continue;
            };
            self.failures = if answered { 0 } else { self.failures + 1 };
            let pause = match self.failures {
                0 | 1 => Duration::ZERO,
                failures => PAUSE.saturating_mul(1 << (failures - 2).min(16)).min(LONGEST_PAUSE),
            };
            tracing::warn!(
                "the worker that looks at key frames {why}; another is started in {:.2} s",
                pause.as_secs_f64()
            );
            // It may have died of the first that it had not answered.
            let first = self.channels.values().filter_map(|one| Some(one.waits.as_ref()?.0)).min();
            for one in self.channels.values_mut() {
                if one.waits.as_ref().is_some_and(|(number, _)| Some(*number) == first) {
                    one.waits = None;
                    one.deaths += 1;
                    let _ = one.out.try_send(Saw::Nothing(format!("the worker {why}")));
                }
            }
            sleep(pause).await;
        }
    }

    fn waits(&self) -> bool {
        self.channels.values().any(|one| one.waits.is_some())
    }

    /// What the worker is to be told of it, where one runs.
    fn take(&mut self, channel: u32, ask: Ask, count: &mut u64) -> Option<Message> {
        let item = match ask {
            Ask::Join(out) => {
                self.channels.retain(|_, one| !one.out.is_closed());
                if self.channels.len() < MOST_CHANNELS {
                    let (tracks, measure, waits, deaths) = Default::default();
                    self.channels.insert(channel, Channel { out, tracks, measure, waits, deaths });
                } else {
                    tracing::warn!("{MOST_CHANNELS} channels have thumbnails already: another has none");
                }
                return None;
            }
            Ask::Item(item) => item,
        };
        match &item {
            Item::Gone => drop(self.channels.remove(&channel)?),
            Item::Track(kind, config) => {
                let one = self.channels.get_mut(&channel)?;
                one.tracks.retain(|(known, _)| known != kind);
                one.tracks.push((*kind, config.clone()));
                one.deaths = 0;
            }
            Item::Measure { .. } => self.channels.get_mut(&channel)?.measure = Some(item.clone()),
            Item::Unit { unit, still } => {
                let one = self.channels.get_mut(&channel)?;
                if unit.data.len() > limits::UNIT
                    || one.deaths >= MOST_DEATHS
                    || *still && one.waits.is_some()
                {
                    return None;
                }
                if *still {
                    *count += 1;
                    one.waits = Some((*count, unit.clone()));
                }
            }
        }
        Some(Message::Watched(Watched { channel, item }))
    }

    /// All that a new worker has to know.
    fn again(&self) -> Vec<Message> {
        let message = |channel: &u32, item| Message::Watched(Watched { channel: *channel, item });
        let tracks = self.channels.iter().flat_map(|(channel, one)| {
            let tracks = one.tracks.iter().cloned();
            let tracks = tracks.map(|(kind, config)| Item::Track(kind, config));
            tracks.chain(one.measure.clone()).map(move |item| message(channel, item))
        });
        let mut waits: Vec<_> =
            self.channels.iter().filter_map(|(channel, one)| Some((one.waits.clone()?, channel))).collect();
        waits.sort_by_key(|((number, _), _)| *number);
        let units =
            waits.into_iter().map(|((_, unit), channel)| message(channel, Item::Unit { unit, still: true }));
        tracks.chain(units).collect()
    }

    /// One worker, as long as it lasts. An error is a clause about it.
    async fn session(
        &mut self,
        inbox: &mut mpsc::Receiver<(u32, Ask)>,
        count: &mut u64,
        answered: &mut bool,
    ) -> Result<(), String> {
        let Pipes { child: mut worker, jobs, results: mut reader } =
            self.program.spawn().map_err(|why| format!("can't be reached: {why}"))?;
        // Written by a task of its own: a worker that waits for its answer to be read reads nothing.
        let (tell, told) = mpsc::channel(QUEUE + 2 * MOST_CHANNELS);
        let writing = tokio::spawn(write(jobs, told));
        let _ = tell.try_send(Message::Watch);
        let mut again = self.again().into_iter();
        let mut begun = false;
        let mut alarm = Box::pin(sleep(PATIENCE));
        let outcome = loop {
            if begun {
                again.by_ref().for_each(|message| drop(tell.try_send(message)));
            }
            tokio::select! {
                ask = inbox.recv() => {
                    let Some((channel, ask)) = ask else { break Ok(()) };
                    let idle = !self.waits();
                    let message = self.take(channel, ask, count);
                    if idle && begun {
                        alarm.set(sleep(HANGS));
                    }
                    // Before it has begun, `again` tells it; made anew, so that it tells this too.
                    if !begun {
                        again = self.again().into_iter();
                    } else if let Some(message) = message {
                        let spare = spare(&message);
                        if tell.try_send(message).is_err() && !spare {
                            break Err("doesn't take what it is sent".to_owned());
                        }
                    }
                }
                message = reader.next() => match message {
                    Ok(Some(message)) => {
                        if let Err(why) = self.answer(message, &mut begun, answered) {
                            break Err(why);
                        }
                        alarm.set(sleep(if self.waits() { HANGS } else { IDLE }));
                    }
                    Ok(None) => break Err("ended".to_owned()),
                    Err(why) => break Err(why),
                },
                () = &mut alarm => {
                    if self.waits() || !begun || tell.capacity() == 0 {
                        break Err("gave no answer in time".to_owned());
                    }
                    if self.channels.values().all(|one| one.out.is_closed()) {
                        break Ok(());
                    }
                    alarm.set(sleep(IDLE));
                }
            }
        };
        writing.abort();
        let _ = timeout(PATIENCE, worker.kill()).await;
        outcome
    }

    fn answer(&mut self, message: Message, begun: &mut bool, answered: &mut bool) -> Result<(), String> {
        let (channel, saw) = match message {
            Message::Opened if !*begun => {
                *begun = true;
                return Ok(());
            }
            Message::Measured(Measured { channel, figures }) => {
                if let Some(one) = self.channels.get(&channel) {
                    let _ = one.out.try_send(Saw::Figures(figures));
                }
                return Ok(());
            }
            Message::Thumbnail(thumbnail) => (thumbnail.channel, Saw::Thumbnail(thumbnail)),
            Message::Blind(Blind { channel, reason }) => (channel, Saw::Nothing(reason)),
            _ => return Err("said what it was not asked".to_owned()),
        };
        *answered = true;
        let Some(one) = self.channels.get_mut(&channel) else { return Ok(()) };
        one.deaths = 0;
        if one.waits.take().is_some() {
            let _ = one.out.try_send(saw);
        }
        Ok(())
    }
}

/// What is only measured: where it can't be taken, it isn't missed.
fn spare(message: &Message) -> bool {
    matches!(message, Message::Watched(Watched { item: Item::Unit { still: false, .. }, .. }))
}

async fn write(mut jobs: ChildStdin, mut told: mpsc::Receiver<Message>) {
    while let Some(message) = told.recv().await {
        // What is too long is left out: its channel waits, and the worker is taken to hang.
        let Ok(bytes) = message.to_bytes() else { continue };
        if jobs.write_all(&bytes).await.is_err() {
            return;
        }
    }
}
