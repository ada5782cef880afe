//! A session as MP4 files: made once, read from the journal in place.

use std::collections::HashMap;
use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hls::recording::fragmented::{Growing, Known, Progress, grow, patch};
use hls::recording::{Layout, Source, Trim};

use super::Library;
use super::read::{RENDITIONS, list, path, read_at};

/// Bytes of `moov` boxes and tables that are kept at hand: an hour has about 3 MB.
const CACHED: usize = 96 << 20;
/// Bytes read at a time.
const CHUNK: usize = 512 << 10;

/// What was made so far.
#[derive(Clone, Default)]
pub(super) struct Recordings(Arc<Inner>);

#[derive(Default)]
struct Inner {
    state: Mutex<State>,
    /// One is made at a time: whoever else wants the same finds it made.
    making: Mutex<()>,
}

#[derive(Default)]
struct State {
    /// The one used last at the end.
    whole: Vec<(Key, Option<Arc<Whole>>)>,
    growing: HashMap<String, Arc<Mutex<Growth>>>,
}

#[derive(Clone, Debug, PartialEq)]
struct Key {
    session: String,
    configuration: usize,
    trim: Trim,
}

/// A progressive MP4 of a session that is over.
#[derive(Debug)]
struct Whole {
    layout: Layout,
    /// Where each piece begins in the MP4.
    places: Vec<u64>,
    paths: Vec<PathBuf>,
}

#[derive(Default)]
struct Growth {
    list: Vec<Growing>,
    next: Progress,
}

/// One MP4 of a session.
#[derive(Clone)]
pub(crate) struct Recording {
    /// Bytes, so far.
    pub len: u64,
    /// An entity tag: what has the same begins with the same bytes.
    pub tag: String,
    body: Body,
}

#[derive(Clone)]
enum Body {
    Whole(Arc<Whole>),
    Growing { growth: Arc<Mutex<Growth>>, configuration: usize, folder: PathBuf },
}

/// A rendition of a session that runs: what is known of it beside its files.
pub(crate) struct Rendition {
    pub name: String,
    /// Its first initialisation segment.
    pub init: Option<Arc<hls::Init>>,
    /// The segments before this are closed.
    pub closed: u64,
}

impl Library {
    /// An MP4 of a session that is over; `None` where there is none of that number.
    pub(crate) fn recording(
        &self,
        session: &str,
        configuration: usize,
        trim: &Trim,
    ) -> std::io::Result<Option<Recording>> {
        let key = Key { session: session.to_owned(), configuration, trim: *trim };
        let _making = self.recordings.0.making.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = self.recordings.get(&key) {
            return Ok(found.map(|whole| Recording::whole(&key, whole)));
        }
        let Some(files) = self.open(session)? else { return Ok(None) };
        let whole = files.layout(configuration, trim).map(|layout| {
            let places = layout.pieces.iter().scan(layout.head.len() as u64, |at, piece| {
                *at += piece.len;
                Some(*at - piece.len)
            });
            let places = places.collect();
            Arc::new(Whole { layout, places, paths: files.paths() })
        });
        self.recordings.put(key.clone(), whole.clone());
        Ok(whole.map(|whole| Recording::whole(&key, whole)))
    }

    /// What there is so far of a session that runs: the segments that all its renditions have closed. Everything handed to
    /// the journal must be in the files (`settle`).
    pub(crate) fn growing(
        &self,
        session: &str,
        configuration: usize,
        renditions: &[Rendition],
    ) -> std::io::Result<Option<Recording>> {
        let Some(folder) = self.folder(session) else { return Ok(None) };
        let growth = Arc::clone(self.recordings.state().growing.entry(session.to_owned()).or_default());
        let found = {
            let mut growth = growth.lock().unwrap_or_else(PoisonError::into_inner);
            let Growth { list, next } = &mut *growth;
            let until = renditions.iter().map(|rendition| rendition.closed).min().unwrap_or(0);
            if next.msn < until {
                let mut scans = Vec::new();
                for rendition in renditions {
                    scans.extend(self.from(session, &rendition.name, next.msn)?);
                }
                let sources: Vec<_> =
                    scans.iter().enumerate().map(|(file, index)| Source { file, index }).collect();
                let known: Vec<Known> = renditions
                    .iter()
                    .filter_map(|r| r.init.as_ref().map(|init| (r.name.clone(), init.data.clone())))
                    .collect();
                grow(list, next, &known, &sources, &super::cuts(&folder), until);
            }
            list.get(configuration).map(|growing| (growing.len, tag('g', configuration, &growing.head, 0)))
        };
        let body = Body::Growing { growth, configuration, folder };
        Ok(found.map(|(len, tag)| Recording { len, tag, body }))
    }

    /// The session's MP4s that have reached what they must: which, how long each lasts, and its bytes. They are made, and stay at
    /// hand. Where there are some, and none has, nothing is kept of the session any more.
    pub(crate) fn measure(&self, session: &str) -> std::io::Result<Vec<(u32, Duration, u64)>> {
        let least = self.folder(session).map(|folder| super::least(&folder)).unwrap_or_default();
        let (mut found, mut part) = (Vec::new(), 0);
        while let Some(recording) = self.recording(session, part as usize, &Trim::default())? {
            let Body::Whole(whole) = &recording.body else { break };
            let long = Duration::try_from_secs_f64(whole.layout.duration).unwrap_or_default();
            part += 1;
            if least.reached(long, recording.len) {
                found.push((part, long, recording.len));
            }
        }
        if let (true, 1.., Some(folder)) = (found.is_empty(), part, self.folder(session)) {
            super::mark(&folder)?;
        }
        Ok(found)
    }

    /// Of a session that is over nothing is kept behind the end of its recording.
    pub(crate) fn remove_rest(&self, session: &str) -> std::io::Result<()> {
        let Some(folder) = self.folder(session) else { return Ok(()) };
        let Some(end) = super::cuts(&folder).end else { return Ok(()) };
        for folder in RENDITIONS.map(|name| folder.join(name)) {
            for (path, _) in list(&folder)? {
                let index = self.scan(&path, None)?;
                if index.is_some_and(|index| index.header.late.unwrap_or(index.header.first_msn) >= end) {
                    self.scans().discard(&path);
                    std::fs::remove_file(path)?;
                }
            }
        }
        Ok(())
    }
}

impl Recordings {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn get(&self, key: &Key) -> Option<Option<Arc<Whole>>> {
        let mut state = self.state();
        let at = state.whole.iter().position(|(known, _)| known == key)?;
        let entry = state.whole.remove(at);
        let found = entry.1.clone();
        state.whole.push(entry);
        Some(found)
    }

    fn put(&self, key: Key, whole: Option<Arc<Whole>>) {
        let mut state = self.state();
        state.growing.remove(&key.session);
        state.whole.push((key, whole));
        let size = |state: &State| -> usize {
            state.whole.iter().map(|(_, whole)| 256 + whole.as_ref().map_or(0, |whole| whole.size())).sum()
        };
        // The newest stays, whatever its size.
        while size(&state) > CACHED && state.whole.len() > 1 {
            state.whole.remove(0);
        }
    }

    pub(super) fn forget(&self, session: &str) {
        let mut state = self.state();
        state.growing.remove(session);
        state.whole.retain(|(key, _)| key.session != session);
    }
}

impl Whole {
    fn size(&self) -> usize {
        self.layout.head.len() + self.layout.pieces.len() * (size_of::<hls::recording::Piece>() + 8)
    }
}

fn tag(kind: char, configuration: usize, head: &[u8], len: u64) -> String {
    // Not for secrecy: two heads of a session that differ.
    let mut hasher = DefaultHasher::new();
    head.hash(&mut hasher);
    format!("\"{kind}{configuration}-{:016x}-{len}\"", hasher.finish())
}

impl Recording {
    fn whole(key: &Key, whole: Arc<Whole>) -> Self {
        let len = whole.layout.len;
        let tag = tag('p', key.configuration, &whole.layout.head, len);
        Self { len, tag, body: Body::Whole(whole) }
    }

    /// Reads a range.
    pub(crate) fn reader(self, range: Range<u64>) -> Reader {
        Reader { body: self.body, range, open: None }
    }
}

/// A range of an MP4 on its way out.
pub(crate) struct Reader {
    body: Body,
    /// What is left.
    range: Range<u64>,
    open: Option<(usize, File)>,
}

impl Reader {
    /// The next bytes; `None` at the end. Blocks on the disk.
    pub(crate) fn next(&mut self) -> std::io::Result<Option<bytes::Bytes>> {
        if self.range.is_empty() {
            return Ok(None);
        }
        let mut chunk = Vec::with_capacity(CHUNK.min((self.range.end - self.range.start) as usize));
        match self.body.clone() {
            Body::Whole(whole) => {
                self.copy(&whole.layout.head, 0, &mut chunk);
                let mut piece = whole.places.partition_point(|at| *at <= self.range.start).saturating_sub(1);
                while chunk.len() < CHUNK && !self.range.is_empty() {
                    self.piece(&whole, piece, &mut chunk)?;
                    piece += 1;
                }
            }
            Body::Growing { growth, configuration, folder } => {
                while chunk.len() < CHUNK && !self.range.is_empty() {
                    self.run(&growth, configuration, &folder, &mut chunk)?;
                }
            }
        }
        Ok(Some(chunk.into()))
    }

    /// Takes what is wanted of `bytes`, which stand at `at` in the MP4.
    fn copy(&mut self, bytes: &[u8], at: u64, chunk: &mut Vec<u8>) {
        let from = self.range.start.saturating_sub(at) as usize;
        let to = (self.range.end.saturating_sub(at)).min(bytes.len() as u64) as usize;
        if let Some(wanted) = bytes.get(from..to) {
            chunk.extend_from_slice(wanted);
            self.range.start += wanted.len() as u64;
        }
    }

    fn piece(&mut self, whole: &Whole, number: usize, chunk: &mut Vec<u8>) -> std::io::Result<()> {
        let short = || std::io::Error::other("the recording is shorter than its table says");
        let (Some(piece), Some(at)) = (whole.layout.pieces.get(number), whole.places.get(number)) else {
            return Err(short());
        };
        let skip = self.range.start.checked_sub(*at).ok_or_else(short)?;
        let room = (CHUNK - chunk.len()) as u64;
        let len = piece.len.saturating_sub(skip).min(self.range.end - self.range.start).min(room);
        let file = match self.open.take().filter(|(open, _)| *open == piece.file) {
            Some((_, file)) => file,
            None => File::open(whole.paths.get(piece.file).ok_or_else(short)?)?,
        };
        let mut file = self.open.insert((piece.file, file)).1.by_ref();
        file.seek(SeekFrom::Start(piece.offset + skip))?;
        let before = chunk.len();
        (&mut file).take(len).read_to_end(chunk)?;
        if chunk.len() - before != len as usize {
            return Err(short());
        }
        self.range.start += len;
        Ok(())
    }

    fn run(
        &mut self,
        growth: &Mutex<Growth>,
        configuration: usize,
        folder: &Path,
        chunk: &mut Vec<u8>,
    ) -> std::io::Result<()> {
        let (head, found) = {
            let growth = growth.lock().unwrap_or_else(PoisonError::into_inner);
            let growing = growth.list.get(configuration).ok_or(std::io::ErrorKind::NotFound)?;
            let run = growing.runs.get(growing.find(self.range.start)).copied();
            let name = run.and_then(|run| growing.renditions().nth(run.patch.track as usize - 1));
            (growing.head.clone(), run.zip(name.map(str::to_owned)))
        };
        if self.range.start < head.len() as u64 {
            self.copy(&head, 0, chunk);
            return Ok(());
        }
        let (run, name) = found.ok_or(std::io::ErrorKind::UnexpectedEof)?;
        let mut segment = read_at(&path(&folder.join(name), run.file), run.offset, run.len)?.to_vec();
        patch(&mut segment, &run.patch);
        self.copy(&segment, run.at, chunk);
        Ok(())
    }
}
