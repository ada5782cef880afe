//! The server's side of a ladder: a worker process that is fed the source's units and read for the renditions'.
//!
//! ```text
//!   Feed::send ─▶ queue ─▶ stdin ─▶ worker ─▶ stdout ─▶ Made
//! ```
//!
//! Both queues are bounded. A worker that doesn't keep up fills the first, and whoever feeds it learns so at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use media::{AccessUnit, Kind, Track};
use tokio::io::AsyncWriteExt;
use tokio::process::ChildStdin;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use transcode::Message;
use transcode::ladder::{Config, Lost, Open, Unit};
use transcode::measured::{Figures, Measured};
use transcode::watch::Thumbnail;

use super::work::track;
use crate::transcode::supervise::{Pipes, Program};

/// Messages on their way to a worker: two seconds of a show.
const FED: usize = 256;
/// Messages on their way from it.
const MADE: usize = 256;
/// A worker that says nothing for so long, while it is fed, hangs; and one that makes sound alone, which may be held back for
/// the sake of its loudness.
const HANGS: Duration = Duration::from_millis(1_200);
const HANGS_WITH_SOUND: Duration = Duration::from_secs(5);
/// It is fed where it took so many units since its last word, or doesn't take the next one. It may hold back fewer.
const FED_UNITS: u32 = 20;
/// To start, up to the first thing made, and to give out what it holds back.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a worker made. Outputs are counted from 1.
#[derive(Debug)]
pub(crate) enum Made {
    /// Before the first unit of an output, and where it changes.
    Track(u8, Track),
    /// In decode order.
    Unit(u8, AccessUnit),
    /// Of the pictures as they are after processing, as often as was ordered.
    Thumbnail(Thumbnail),
    /// This output can't go on: a clause for the log.
    Lost(u8, String),
    /// What the source is like.
    Measured(Figures),
    /// Everything is out.
    Ended,
    /// The worker can't go on: a clause for the log. Nothing follows.
    Broken(String),
}

/// What is wrong with a message to a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// It is behind by [`FED`] messages.
    Behind,
    /// It is gone.
    Gone,
}

/// A running ladder. Dropping it kills its worker.
#[derive(Debug)]
pub(crate) struct Feed {
    messages: mpsc::Sender<Message>,
    /// What doesn't wait for the units that wait.
    urgent: mpsc::Sender<Message>,
    made: mpsc::Receiver<Made>,
    task: JoinHandle<()>,
}

impl Feed {
    /// Starts a worker, which is fed these messages first. `makes`: anything of this kind. `process`: says which process it is while
    /// it runs.
    pub(crate) fn start(
        program: &Program,
        open: Open,
        first: Vec<Message>,
        makes: impl Fn(Kind) -> bool,
        process: Arc<AtomicU32>,
    ) -> Self {
        let hangs = if makes(Kind::Video) { HANGS } else { HANGS_WITH_SOUND };
        let sound = makes(Kind::Audio);
        let (messages, inbox) = mpsc::channel(FED);
        let (urgent, first_of_all) = mpsc::channel(FED);
        let (told, made) = mpsc::channel(MADE);
        let program = program.clone();
        let task = tokio::spawn(async move {
            let process = Process(process);
            let queues = (inbox, first_of_all);
            let end = match run(&program, open, first, queues, &told, (hangs, sound), &process).await {
                Ok(()) => Made::Ended,
                Err(why) => Made::Broken(why),
            };
            drop(process);
            let _ = told.send(end).await;
        });
        Self { messages, urgent, made, task }
    }

    /// Hands a message on without waiting.
    pub(crate) fn send(&self, message: Message) -> Result<(), Refused> {
        let queue = if matches!(message, Message::Effort(_)) { &self.urgent } else { &self.messages };
        queue.try_send(message).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => Refused::Behind,
            mpsc::error::TrySendError::Closed(_) => Refused::Gone,
        })
    }

    /// The next thing it made; for ever after the end nothing.
    pub(crate) async fn made(&mut self) -> Made {
        match self.made.recv().await {
            Some(made) => made,
            None => std::future::pending().await,
        }
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Which process a worker is; 0 once it has gone.
struct Process(Arc<AtomicU32>);

impl Drop for Process {
    fn drop(&mut self) {
        self.0.store(0, Relaxed);
    }
}

async fn run(
    program: &Program,
    open: Open,
    first: Vec<Message>,
    (mut inbox, mut urgent): (mpsc::Receiver<Message>, mpsc::Receiver<Message>),
    told: &mpsc::Sender<Made>,
    (hangs, sound): (Duration, bool),
    process: &Process,
) -> Result<(), String> {
    let unreached = |why: std::io::Error| format!("can't be reached: {why}");
    let Pipes { child: mut worker, jobs: mut input, results: mut reader } =
        program.spawn().map_err(unreached)?;
    process.0.store(worker.id().unwrap_or(0), Relaxed);
    write(&mut input, &Message::Open(open)).await?;
    match timeout(PATIENCE, reader.next()).await {
        Err(_) => return Err(format!("did not begin in {} s", PATIENCE.as_secs())),
        Ok(Err(why)) => return Err(why),
        Ok(Ok(None)) => return Err("ended as it began".to_owned()),
        Ok(Ok(Some(Message::Opened))) => {}
        Ok(Ok(Some(Message::Failed(failed)))) => return Err(format!("can't do it: {}", failed.reason)),
        Ok(Ok(Some(_))) => return Err("answered what it was not asked".to_owned()),
    }
    // Units since its last word, and whether one is on its way in.
    let (fed, waits) = (AtomicU32::new(0), AtomicBool::new(false));
    let feeding = async {
        let mut first = first.into_iter();
        loop {
            let message = match urgent.try_recv().ok().or_else(|| first.next()) {
                Some(message) => message,
                None => {
                    let next = tokio::select! {
                        biased;
                        Some(message) = urgent.recv() => Some(message),
                        message = inbox.recv() => message,
                    };
                    match next {
                        Some(message) => message,
                        None => break,
                    }
                }
            };
            waits.store(true, Relaxed);
            write(&mut input, &message).await?;
            waits.store(false, Relaxed);
            // Nothing comes of sound that is only measured.
            let counts =
                matches!(&message, Message::Unit(Unit { unit, .. }) if sound || unit.kind == Kind::Video);
            fed.fetch_add(u32::from(counts), Relaxed);
            if message == Message::End {
                break;
            }
        }
        drop(input);
        Ok(())
    };
    let reading = async {
        let mut patience = PATIENCE;
        loop {
            let Ok(message) = timeout(patience, reader.next()).await else {
                if waits.load(Relaxed) || fed.load(Relaxed) >= FED_UNITS {
                    return Err(format!("gave nothing for {} s", patience.as_secs_f32()));
                }
                continue;
            };
            patience = hangs;
            fed.store(0, Relaxed);
            let Some(message) = message? else { return Err("ended".to_owned()) };
            let Some(made) = made(message)? else { return Ok(()) };
            if told.send(made).await.is_err() {
                return Ok(());
            }
        }
    };
    tokio::pin!(feeding, reading);
    let outcome = tokio::select! {
        read = &mut reading => read,
        fed = &mut feeding => match fed {
            Err(why) => Err(why),
            Ok(()) => timeout(PATIENCE, reading).await.unwrap_or_else(|_| Err("did not end".to_owned())),
        },
    };
    let _ = worker.kill().await;
    outcome
}

/// `None` at the end.
fn made(message: Message) -> Result<Option<Made>, String> {
    Ok(Some(match message {
        Message::Config(Config { output, kind, config }) => {
            let track = track(kind, &config).map_err(|error| format!("made what can't be read: {error}"))?;
            Made::Track(output, track)
        }
        Message::Unit(Unit { output, unit }) => Made::Unit(output, unit),
        Message::Lost(Lost { output, reason }) => Made::Lost(output, reason),
        Message::Measured(Measured { figures, .. }) => Made::Measured(figures),
        Message::Thumbnail(thumbnail) => Made::Thumbnail(thumbnail),
        Message::End => return Ok(None),
        Message::Job(_)
        | Message::Done(_)
        | Message::Failed(_)
        | Message::Open(_)
        | Message::Opened
        | Message::Change(_)
        | Message::Effort(_)
        | Message::Watch
        | Message::Watched(_)
        | Message::Blind(_) => return Err("said what no ladder says".to_owned()),
    }))
}

async fn write(input: &mut ChildStdin, message: &Message) -> Result<(), String> {
    let bytes = message.to_bytes().map_err(|error| format!("was to be sent what is too long: {error}"))?;
    input.write_all(&bytes).await.map_err(|error| format!("is gone: {error}"))
}
