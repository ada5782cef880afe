//! Writing: one thread with a bounded queue. A disk that is slow or full must never stop what is live, so a queue that
//! is full drops, a write that fails is given up, and both are told.

use std::collections::HashMap;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

use anyhow::Context as _;
use hls::journal::{Log, Write};
use tokio::sync::oneshot;

/// Jobs under way: some ten seconds of a hundred renditions.
const QUEUE: usize = 4096;
/// Bytes under way.
const QUEUE_BYTES: u64 = 256 << 20;

enum Job {
    Open {
        folder: Arc<Path>,
        msn: u64,
        head: bytes::Bytes,
        health: Arc<Health>,
    },
    Append {
        folder: Arc<Path>,
        data: bytes::Bytes,
    },
    Close {
        folder: Arc<Path>,
    },
    /// Everything before it is in the files.
    Flush(oneshot::Sender<()>),
}

/// The writing thread's handle. The thread ends when the last handle is gone.
#[derive(Clone)]
pub(crate) struct Writer {
    jobs: SyncSender<Job>,
    pending: Arc<AtomicU64>,
    root: Arc<Path>,
}

/// What a rendition's writes have met.
#[derive(Debug, Default)]
struct Health {
    failed: AtomicBool,
    why: std::sync::Mutex<Option<String>>,
}

/// Why media did not get into the journal.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    /// The disk said no.
    #[error("the recording can't be written: {0}. What is live goes on; free some space or check the disk")]
    Disk(String),
    /// The disk is too slow.
    #[error("the disk can't keep up: {0} parts are missing in the recording. What is live goes on")]
    Slow(u64),
}

impl Writer {
    /// Starts the thread; files go under `root`.
    pub(crate) fn start(root: &Path) -> anyhow::Result<Self> {
        std::fs::create_dir_all(root).with_context(|| format!("can't make {}", root.display()))?;
        let (jobs, inbox) = sync_channel(QUEUE);
        let pending = Arc::new(AtomicU64::new(0));
        let done = Arc::clone(&pending);
        std::thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || work(&inbox, &done))
            .context("can't start the journal's thread")?;
        Ok(Self { jobs, pending, root: root.into() })
    }

    /// Returns once everything handed over before is in the files.
    pub(crate) async fn flush(&self) {
        let (done, wait) = oneshot::channel();
        let jobs = self.jobs.clone();
        // The queue may be full, so this may block for as long as the disk does.
        let sent = tokio::task::spawn_blocking(move || jobs.send(Job::Flush(done)).is_ok()).await;
        if sent.unwrap_or(false) {
            let _ = wait.await;
        }
    }

    fn send(&self, job: Job, bytes: u64) -> bool {
        if self.pending.load(Ordering::Relaxed) + bytes > QUEUE_BYTES {
            return false;
        }
        self.pending.fetch_add(bytes, Ordering::Relaxed);
        match self.jobs.try_send(job) {
            Ok(()) => true,
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                self.pending.fetch_sub(bytes, Ordering::Relaxed);
                false
            }
        }
    }
}

fn work(inbox: &Receiver<Job>, pending: &AtomicU64) {
    let mut files: HashMap<Arc<Path>, (File, Arc<Health>)> = HashMap::new();
    while let Ok(job) = inbox.recv() {
        match job {
            Job::Open { folder, msn, head, health } => {
                let bytes = head.len() as u64;
                if let Some((file, _)) = files.remove(&folder) {
                    sealed(&file);
                }
                match create(&folder, msn, &head) {
                    Ok(file) => {
                        files.insert(folder, (file, health));
                    }
                    Err(error) => fail(&health, &folder, &error),
                }
                pending.fetch_sub(bytes, Ordering::Relaxed);
            }
            Job::Append { folder, data } => {
                if let Some((file, _)) = files.get_mut(&folder)
                    && let Err(error) = file.write_all(&data)
                    && let Some((_, health)) = files.remove(&folder)
                {
                    fail(&health, &folder, &error);
                }
                pending.fetch_sub(data.len() as u64, Ordering::Relaxed);
            }
            Job::Close { folder } => {
                if let Some((file, _)) = files.remove(&folder) {
                    sealed(&file);
                }
            }
            Job::Flush(done) => {
                let _ = done.send(());
            }
        }
    }
}

fn create(folder: &Path, msn: u64, head: &[u8]) -> std::io::Result<File> {
    std::fs::create_dir_all(folder)?;
    let mut file = File::create_new(folder.join(format!("{msn:06}.m4s")))?;
    file.write_all(head)?;
    Ok(file)
}

/// A finished file must survive a power cut; the open one may lose its tail.
fn sealed(file: &File) {
    if let Err(error) = file.sync_data() {
        tracing::warn!("can't flush a journal file to disk: {error}");
    }
}

fn fail(health: &Health, folder: &Path, error: &std::io::Error) {
    tracing::error!("can't write the journal in {}: {error}", folder.display());
    if let Ok(mut why) = health.why.lock() {
        *why = Some(error.to_string());
    }
    health.failed.store(true, Ordering::Release);
}

/// What a file's head says of its rendition.
pub(crate) struct Context<'a> {
    pub index: &'a hls::Index,
    pub track: &'a media::Track,
    pub frame_rate: Option<media::Rational>,
}

/// Writes one rendition of one session.
pub(crate) struct Recorder {
    writer: Writer,
    folder: Arc<Path>,
    session: String,
    rendition: String,
    health: Arc<Health>,
    log: Option<Log>,
    /// Of what comes late: see `hls::journal::Header::late`.
    place: Option<u64>,
    /// Parts that did not get into the journal.
    missing: u64,
}

impl Recorder {
    /// Nothing is written before the first part.
    pub(crate) fn new(writer: &Writer, session: &str, rendition: &str) -> Self {
        let folder: PathBuf = super::folder(&writer.root, session, rendition);
        Self {
            writer: writer.clone(),
            folder: folder.into(),
            session: session.to_owned(),
            rendition: rendition.to_owned(),
            health: Arc::default(),
            log: None,
            place: None,
            missing: 0,
        }
    }

    /// Of media that comes too late to be shown: in a folder of its own, where the numbers of what is live don't matter.
    pub(crate) fn late(writer: &Writer, session: &str, rendition: &str) -> Self {
        let mut late = Self::new(writer, session, rendition);
        late.folder = super::late(&late.folder).into();
        late
    }

    /// Hands over what came late.
    pub(crate) fn apply_late(
        &mut self,
        place: u64,
        change: &hls::Change,
        context: &Context<'_>,
    ) -> Result<(), Trouble> {
        self.place = Some(place);
        self.apply(change, context)
    }

    /// Hands a change over. After a loss nothing is written until the next segment, which begins a new file: in a file
    /// parts follow each other without a hole.
    pub(crate) fn apply(&mut self, change: &hls::Change, context: &Context<'_>) -> Result<(), Trouble> {
        let mut met = Ok(());
        if self.health.failed.swap(false, Ordering::Acquire) {
            self.log = None;
            let why = self.health.why.lock().ok().and_then(|mut why| why.take()).unwrap_or_default();
            met = Err(Trouble::Disk(why));
        }
        // What failed was an earlier write: this change may fare better.
        self.write(change, context).and(met)
    }

    fn write(&mut self, change: &hls::Change, context: &Context<'_>) -> Result<(), Trouble> {
        if let hls::Change::Part(part) = change
            && self.log.is_none()
        {
            if part.index > 0 {
                self.missing += 1;
                return Ok(());
            }
            let Context { index, track, frame_rate } = context;
            let control = index.control.clone();
            let init = index.init(part.init).cloned();
            let (session, rendition) = (self.session.as_str(), self.rendition.as_str());
            self.log = Some(Log::new(session, rendition, control, (*track).clone(), *frame_rate, init));
        }
        let Some(log) = &mut self.log else { return Ok(()) };
        if let Some(place) = self.place {
            log.set_late(place);
        }
        if matches!(change, hls::Change::Init(_)) {
            log.set_track(context.track.clone());
        }
        for write in log.apply(change) {
            let (job, bytes) = match write {
                Write::Open { msn, head } => {
                    let bytes = head.len() as u64;
                    let health = Arc::clone(&self.health);
                    (Job::Open { folder: Arc::clone(&self.folder), msn, head, health }, bytes)
                }
                Write::Append(data) => {
                    let bytes = data.len() as u64;
                    (Job::Append { folder: Arc::clone(&self.folder), data }, bytes)
                }
            };
            if !self.writer.send(job, bytes) {
                self.missing += 1;
                self.log = None;
                return Err(Trouble::Slow(self.missing));
            }
        }
        Ok(())
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        // Where even this finds no room, the file is closed with the thread.
        self.writer.send(Job::Close { folder: Arc::clone(&self.folder) }, 0);
    }
}
