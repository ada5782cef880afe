//! Writing: one thread with a bounded queue. A disk that is slow or full must never stop what is live, so a queue that
//! is full drops, a write that fails is given up, and both are told.

use std::collections::HashMap;
use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

use anyhow::Context as _;
use hls::journal::LATE;
use live::recording::Least;
use tokio::sync::oneshot;

use super::health::Health;
use super::read::{names, path};

/// Jobs under way: some ten seconds of a hundred renditions.
const QUEUE: usize = 4096;
/// Bytes under way.
const QUEUE_BYTES: u64 = 256 << 20;

pub(super) enum Job {
    Open {
        folder: Arc<Path>,
        msn: u64,
        head: bytes::Bytes,
        health: Arc<Health>,
    },
    Append {
        folder: Arc<Path>,
        msn: u64,
        data: bytes::Bytes,
    },
    /// Of what is live, or of what came late.
    Close {
        folder: Arc<Path>,
        late: bool,
    },
    /// Files that hold nothing from this segment on go away.
    Trim {
        folder: Arc<Path>,
        from: u64,
        before: u64,
    },
    /// The session's files are not to be kept.
    Mark {
        session: Arc<Path>,
    },
    /// What the session's recordings must reach.
    Least {
        session: Arc<Path>,
        least: Least,
    },
    /// The session's recording is closed before this segment.
    Cut {
        session: Arc<Path>,
        msn: u64,
        next: bool,
    },
    /// Everything before it is in the files.
    Flush(oneshot::Sender<()>),
}

/// The writing thread's handle. The thread ends when the last handle is gone.
#[derive(Clone)]
pub(crate) struct Writer {
    jobs: SyncSender<Job>,
    pending: Arc<AtomicU64>,
    /// The sessions under it are written.
    pub(crate) root: Arc<Path>,
}

impl Writer {
    /// Starts the thread; files go under `root`, where so many bytes are left free.
    pub(crate) fn start(root: &Path, reserve: u64) -> anyhow::Result<Self> {
        std::fs::create_dir_all(root).with_context(|| format!("can't make {}", root.display()))?;
        let (jobs, inbox) = sync_channel(QUEUE);
        let pending = Arc::new(AtomicU64::new(0));
        let (done, room) = (Arc::clone(&pending), Room { root: root.into(), reserve, full: false });
        std::thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || work(&inbox, &done, room))
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

    /// What a session's recordings must reach, kept beside them.
    pub(crate) fn least(&self, session: &str, least: Least) {
        self.send(Job::Least { session: self.root.join(session).into(), least }, 0);
    }

    /// A session's recording is closed before this segment.
    pub(crate) fn cut(&self, session: &str, msn: u64, next: bool) {
        self.send(Job::Cut { session: self.root.join(session).into(), msn, next }, 0);
    }

    pub(super) fn send(&self, job: Job, bytes: u64) -> bool {
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

/// A rendition's file that is being written.
struct Open {
    file: File,
    /// What is whole.
    len: u64,
    health: Arc<Health>,
}

fn work(inbox: &Receiver<Job>, pending: &AtomicU64, mut room: Room) {
    // What came late of a rendition has a file of its own.
    let mut files: HashMap<(Arc<Path>, bool), Open> = HashMap::new();
    while let Ok(job) = inbox.recv() {
        match job {
            Job::Open { folder, msn, head, health } => {
                let key = (folder, msn >= LATE);
                if let Some(open) = files.remove(&key) {
                    sealed(&open.file);
                }
                match room.ask().and_then(|()| create(&key.0, msn, &head)) {
                    Ok(file) => {
                        files.insert(key, Open { file, len: head.len() as u64, health });
                    }
                    Err(error) => health.fail(&key.0, msn, &error),
                }
                pending.fetch_sub(head.len() as u64, Ordering::Relaxed);
            }
            Job::Append { folder, msn, data } => {
                let key = (folder, msn >= LATE);
                if let Some(open) = files.get_mut(&key) {
                    match room.ask().and_then(|()| append(open, &data)) {
                        Ok(()) => open.health.wrote(msn),
                        Err(error) => {
                            open.health.fail(&key.0, msn, &error);
                            files.remove(&key);
                        }
                    }
                }
                pending.fetch_sub(data.len() as u64, Ordering::Relaxed);
            }
            Job::Close { folder, late } => {
                if let Some(open) = files.remove(&(folder, late)) {
                    sealed(&open.file);
                }
            }
            Job::Trim { folder, from, before } => {
                if let Err(error) = trim(&folder, from, before) {
                    tracing::warn!("what left the window can't be deleted in {}: {error}", folder.display());
                }
            }
            Job::Mark { session } => {
                if let Err(error) = super::mark(&session) {
                    tracing::warn!("can't write in {}: {error}", session.display());
                }
            }
            Job::Least { session, least } => {
                if let Err(error) = super::write_least(&session, least) {
                    tracing::warn!("can't write in {}: {error}", session.display());
                }
            }
            Job::Cut { session, msn, next } => {
                if let Err(error) = super::add_cut(&session, msn, next) {
                    tracing::warn!("can't write in {}: {error}", session.display());
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
    let path = path(folder, msn);
    let mut file = File::create_new(&path)?;
    let written = file.write_all(head);
    if written.is_err() {
        // Half a head is no file; where even this fails, the next start sets it aside.
        let _ = std::fs::remove_file(&path);
    }
    written.map(|()| file)
}

/// All of it, or as if nothing had been written.
fn append(open: &mut Open, data: &[u8]) -> std::io::Result<()> {
    let written = open.file.write_all(data);
    match written {
        Ok(()) => open.len += data.len() as u64,
        // Where this fails too, what is torn is known by its boxes.
        Err(_) => {
            let _ = open.file.set_len(open.len);
        }
    }
    written
}

/// A finished file must survive a power cut; the open one may lose its tail.
fn sealed(file: &File) {
    if let Err(error) = file.sync_data() {
        tracing::warn!("can't flush a journal file to disk: {error}");
    }
}

/// A file goes where the one after it begins before what is needed. `from`: those before it are kept.
fn trim(folder: &Path, from: u64, before: u64) -> std::io::Result<()> {
    let mut names = names(folder)?;
    names.retain(|first| *first >= from);
    for (first, next) in names.iter().zip(names.iter().skip(1)) {
        if *next > before {
            break;
        }
        std::fs::remove_file(path(folder, *first))?;
    }
    Ok(())
}

/// Keeps the disk from being filled to the brim: the database is there too.
struct Room {
    root: Arc<Path>,
    reserve: u64,
    full: bool,
}

impl Room {
    /// Once full, it is so until there is clearly more than the least: not to stop and go with each segment.
    fn ask(&mut self) -> std::io::Result<()> {
        let free = sys::disk::free(&self.root)?;
        let least = if self.full { self.reserve + self.reserve / 4 } else { self.reserve };
        self.full = free < least;
        if self.full {
            let mib = |bytes: u64| bytes >> 20;
            let why =
                format!("the disk has {} MiB left, of which {} stay free", mib(free), mib(self.reserve));
            return Err(std::io::Error::new(std::io::ErrorKind::StorageFull, why));
        }
        Ok(())
    }
}
