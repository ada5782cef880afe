//! The server's side: one worker for all channels, started when there is something to do, ended when it hangs, started
//! again when it died.
//!
//! ```text
//!             a job                    an answer
//!   Absent ─────────▶ Running ◀──────────────────┐
//!     ▲  (after a pause, │ └───── a job ─────────┘
//!     │   if it failed)  │
//!     └── idle for a minute, crash, no answer in time, nonsense
//! ```

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{sleep, timeout};
use transcode::{Decoder, Job, Message, Slate};

use super::hardware::Hardware;

/// A still of 4K takes two seconds on a slow machine.
const DEADLINE: Duration = Duration::from_secs(15);
/// A worker with nothing to do keeps its memory for so long.
const IDLE: Duration = Duration::from_secs(60);
/// Before the second start after a failure; doubled with each failure that follows.
const PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// Jobs that wait, at most.
const QUEUE: usize = 64;

/// What is started as the worker.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    pub path: PathBuf,
    pub args: Vec<String>,
}

impl Program {
    /// This very program, in its other role.
    pub(crate) fn own(path: PathBuf) -> Self {
        Self { path, args: vec![super::NAME.to_owned(), std::process::id().to_string()] }
    }

    /// Starts a worker, which is killed when it is dropped. What it says for people goes into the log.
    pub(super) fn spawn(&self) -> std::io::Result<Pipes> {
        let mut child = Command::new(&self.path)
            .args(&self.args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let gone = || std::io::Error::other("it has no pipes");
        let jobs = child.stdin.take().ok_or_else(gone)?;
        let results = child.stdout.take().ok_or_else(gone)?;
        let words = child.stderr.take().ok_or_else(gone)?;
        tokio::spawn(log(words));
        Ok(Pipes {
            child,
            jobs,
            results: Reader { pipe: results, decoder: Decoder::default(), buffer: Vec::new() },
        })
    }
}

/// A running worker and the two ways of speaking with it.
pub(super) struct Pipes {
    pub child: Child,
    pub jobs: ChildStdin,
    pub results: Reader,
}

/// Messages out of a worker's stdout.
pub(super) struct Reader {
    pipe: ChildStdout,
    decoder: Decoder,
    buffer: Vec<u8>,
}

impl Reader {
    /// The next one; `None` at the end. An error is a clause about the worker, after which nothing can be read.
    pub(super) async fn next(&mut self) -> Result<Option<Message>, String> {
        self.buffer.resize(64 << 10, 0);
        loop {
            match self.decoder.next() {
                Ok(Some(message)) => return Ok(Some(message)),
                Ok(None) => {}
                Err(error) => return Err(format!("spoke nonsense: {error}")),
            }
            match self.pipe.read(&mut self.buffer).await {
                Ok(0) => return Ok(None),
                Ok(read) => self.decoder.push(&self.buffer[..read]),
                Err(error) => return Err(format!("is gone: {error}")),
            }
        }
    }
}

/// Why a job has no result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Error {
    /// This server was started without a worker.
    #[error("this server has no transcode worker")]
    Off,
    /// Too many wait.
    #[error("{QUEUE} jobs wait for the transcode worker already")]
    Busy,
    /// The worker's word.
    #[error("the transcode worker can't do it: {0}")]
    Failed(String),
    /// It ended, hung or spoke nonsense, twice.
    #[error("the transcode worker {0}")]
    Broken(String),
}

struct Request {
    job: Job,
    reply: oneshot::Sender<Result<Slate, Error>>,
}

/// Gives jobs to the worker; clones give them to the same.
#[derive(Clone)]
pub(crate) struct Transcoder {
    requests: Option<mpsc::Sender<Request>>,
    program: Option<Program>,
    hardware: Hardware,
}

impl Transcoder {
    /// Nothing is started before the first job. `None`: every job is refused.
    pub(crate) fn start(program: Option<Program>) -> Self {
        let requests = program.clone().map(|program| Self::with(program, DEADLINE, IDLE, PAUSE));
        Self { requests, program, hardware: Hardware::default() }
    }

    /// Tries these encoders of graphics hardware.
    pub(crate) fn try_hardware(&self, kinds: Vec<codec::hardware::Kind>) {
        if let Some(program) = &self.program {
            self.hardware.look_for(kinds, program);
        }
    }

    /// What encodes pictures; `None`: x264.
    pub(crate) fn hardware(&self) -> Option<codec::hardware::Kind> {
        self.hardware.get()
    }

    /// For workers of one's own; `None` where there are none.
    pub(crate) fn program(&self) -> Option<&Program> {
        self.program.as_ref()
    }

    fn with(program: Program, deadline: Duration, idle: Duration, pause: Duration) -> mpsc::Sender<Request> {
        let (requests, inbox) = mpsc::channel(QUEUE);
        let supervisor = Supervisor { program, deadline, idle, pause, failures: 0, worker: None };
        tokio::spawn(supervisor.run(inbox));
        requests
    }

    #[cfg(all(test, unix))]
    pub(super) fn for_test(program: Program, deadline: Duration, pause: Duration) -> Self {
        let requests = Some(Self::with(program.clone(), deadline, IDLE, pause));
        Self { requests, program: Some(program), hardware: Hardware::default() }
    }

    /// Encodes a slate. The job's number is given here.
    pub(crate) async fn slate(&self, job: Job) -> Result<Slate, Error> {
        let requests = self.requests.as_ref().ok_or(Error::Off)?;
        let (reply, answer) = oneshot::channel();
        requests.try_send(Request { job, reply }).map_err(|_| Error::Busy)?;
        answer.await.unwrap_or(Err(Error::Off))
    }
}

struct Supervisor {
    program: Program,
    deadline: Duration,
    idle: Duration,
    pause: Duration,
    /// In a row.
    failures: u32,
    worker: Option<Pipes>,
}

impl Supervisor {
    async fn run(mut self, mut inbox: mpsc::Receiver<Request>) {
        let mut number = 0;
        loop {
            let request = match timeout(self.idle, inbox.recv()).await {
                Ok(Some(request)) => request,
                Ok(None) => return,
                Err(_) => {
                    // Its stdin ends, and so does it.
                    self.worker = None;
                    match inbox.recv().await {
                        Some(request) => request,
                        None => return,
                    }
                }
            };
            let Request { mut job, mut reply } = request;
            number += 1;
            job.number = number;
            let result = tokio::select! {
                result = self.attempt(job) => result,
                // Nobody waits for it any more; a worker in the middle of a job is no use to the next.
                () = reply.closed() => {
                    self.worker = None;
                    continue;
                }
            };
            let _ = reply.send(result);
        }
    }

    /// Twice at most: a worker that died of the last job is not this one's fault.
    async fn attempt(&mut self, job: Job) -> Result<Slate, Error> {
        match self.once(job.clone()).await {
            Err(Error::Broken(_)) => self.once(job).await,
            result => result,
        }
    }

    async fn once(&mut self, job: Job) -> Result<Slate, Error> {
        let broken = |why: std::io::Error| Error::Broken(format!("can't be reached: {why}"));
        if self.worker.is_none() {
            if self.failures > 0 {
                let doubled = self.pause.saturating_mul(1 << (self.failures - 1).min(16));
                sleep(doubled.min(LONGEST_PAUSE)).await;
            }
            self.worker =
                self.program.spawn().inspect_err(|_| self.failures += 1).map_err(broken).map(Some)?;
        }
        let Some(worker) = &mut self.worker else { return Err(Error::Off) };
        let outcome = match timeout(self.deadline, ask(worker, job)).await {
            Ok(Ok(slate)) => Ok(Ok(slate)),
            Ok(Err(Error::Failed(why))) => Ok(Err(Error::Failed(why))),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(Error::Broken(format!("gave no answer in {} s", self.deadline.as_secs_f32()))),
        };
        match outcome {
            Ok(answer) => {
                self.failures = 0;
                answer
            }
            Err(error) => {
                tracing::warn!("{error}; it is ended, and started again for the next job");
                self.failures += 1;
                if let Some(mut worker) = self.worker.take() {
                    let _ = worker.child.kill().await;
                }
                Err(error)
            }
        }
    }
}

async fn ask(worker: &mut Pipes, job: Job) -> Result<Slate, Error> {
    let number = job.number;
    let bytes = Message::Job(job).to_bytes().map_err(|error| Error::Failed(error.to_string()))?;
    let gone = |error: std::io::Error| Error::Broken(format!("is gone: {error}"));
    worker.jobs.write_all(&bytes).await.map_err(gone)?;
    worker.jobs.flush().await.map_err(gone)?;
    match worker.results.next().await.map_err(Error::Broken)? {
        Some(Message::Done(done)) if done.number == number => Ok(done.slate),
        Some(Message::Failed(failed)) if failed.number == number => Err(Error::Failed(failed.reason)),
        Some(_) => Err(Error::Broken("answered what it was not asked".to_owned())),
        None => {
            let status = worker.child.wait().await.map_or_else(|error| error.to_string(), |s| s.to_string());
            Err(Error::Broken(format!("ended ({status})")))
        }
    }
}

/// What it says for people goes into the server's log, in pieces of 4 KiB at most.
async fn log(mut words: impl tokio::io::AsyncRead + Unpin) {
    let mut buffer = vec![0; 4096];
    while let Ok(read @ 1..) = words.read(&mut buffer).await {
        let text = String::from_utf8_lossy(&buffer[..read]);
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            tracing::info!("transcode-worker: {}", line.trim_end());
        }
    }
}
