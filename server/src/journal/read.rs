//! Reading back: what a session's files hold, found by segment, by part, or as a whole.

use std::collections::HashMap;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use hls::journal::{Index, scan};
use hls::recording::{Layout, Source, layouts};

/// Sessions whose scanned files are kept at hand, and the samples in them: an hour has about 300,000, which are 5 MB.
const CACHED: usize = 16;
const CACHED_SAMPLES: usize = 4_000_000;

/// Everything under the sessions folder. Its methods block on the disk.
#[derive(Clone)]
pub(crate) struct Library {
    root: Arc<Path>,
    cache: Arc<Mutex<Cache>>,
}

#[derive(Default)]
struct Cache {
    clock: u64,
    sessions: HashMap<String, Cached>,
}

#[derive(Default)]
struct Cached {
    used: u64,
    samples: usize,
    /// By path: the length when it was scanned, and what was found.
    files: HashMap<PathBuf, (u64, Arc<Index>)>,
}

/// A session's renditions, video first.
#[derive(Clone, Debug)]
pub(crate) struct Files {
    pub tracks: Vec<Track>,
}

/// One rendition's files in order; never empty.
#[derive(Clone, Debug)]
pub(crate) struct Track {
    pub name: String,
    pub files: Vec<(PathBuf, Arc<Index>)>,
}

/// Bytes in a file.
#[derive(Clone, Debug)]
pub(crate) struct Located {
    pub path: PathBuf,
    pub offset: u64,
    pub len: u64,
}

impl Track {
    /// A segment: its parts, which lie end to end.
    pub(crate) fn segment(&self, msn: u64) -> Option<Located> {
        self.files.iter().find_map(|(path, index)| {
            let mut parts = index.parts.iter().filter(|part| part.msn == msn);
            let first = parts.next()?;
            let last = parts.next_back().unwrap_or(first);
            let len = last.offset + last.len - first.offset;
            Some(Located { path: path.clone(), offset: first.offset, len })
        })
    }

    /// A part by its running number.
    pub(crate) fn part(&self, number: u64) -> Option<Located> {
        self.files.iter().find_map(|(path, index)| {
            let part = index.parts.iter().find(|part| part.number == number)?;
            Some(Located { path: path.clone(), offset: part.offset, len: part.len })
        })
    }

    /// An initialisation segment by its number.
    pub(crate) fn init(&self, number: u32) -> Option<Bytes> {
        let (_, index) = self.files.iter().find(|(_, index)| index.header.init == number)?;
        Some(index.init.clone())
    }

    /// What the files hold, for playlists and layouts.
    pub(crate) fn indexes(&self) -> Vec<&Index> {
        self.files.iter().map(|(_, index)| &**index).collect()
    }
}

impl Files {
    /// The session as MP4 files, one for each codec configuration; pieces name files by their place in [`Self::paths`].
    pub(crate) fn layouts(&self) -> Vec<Layout> {
        let files = self.tracks.iter().flat_map(|track| &track.files);
        let sources = files.enumerate().map(|(file, (_, index))| Source { file, index });
        layouts(&sources.collect::<Vec<_>>())
    }

    /// All files, rendition by rendition.
    pub(crate) fn paths(&self) -> Vec<PathBuf> {
        self.tracks.iter().flat_map(|track| &track.files).map(|(path, _)| path.clone()).collect()
    }
}

impl Library {
    /// The sessions under `root`.
    pub(crate) fn new(root: &Path) -> Self {
        Self { root: root.into(), cache: Arc::default() }
    }

    /// Scans what is there now; files that have not grown since the last time are not read again. `None` where the
    /// session has no media.
    pub(crate) fn open(&self, session: &str) -> std::io::Result<Option<Files>> {
        // Session ids are ours: letters, digits, underscore. Anything else would be a path.
        if session.is_empty() || !session.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
            return Ok(None);
        }
        let folder = self.root.join(session);
        if !folder.is_dir() {
            return Ok(None);
        }
        let known = self.known(session);
        let mut tracks = Vec::new();
        // Video leads in every list; the two folders are the only ones.
        for name in ["video", "audio"] {
            let mut files = scan_folder(&folder.join(name), &known)?;
            files.extend(scan_folder(&super::late(&folder.join(name)), &known)?);
            if !files.is_empty() {
                tracks.push((name, files));
            }
        }
        if tracks.is_empty() {
            return Ok(None);
        }
        self.keep(session, tracks.iter().flat_map(|(_, files)| files.iter().cloned()));
        let tracks = tracks
            .into_iter()
            .map(|(name, files)| Track {
                name: name.to_owned(),
                files: files.into_iter().map(|(path, _, index)| (path, index)).collect(),
            })
            .collect();
        Ok(Some(Files { tracks }))
    }

    /// How long a session's recording lasts, and its bytes as one MP4.
    pub(crate) fn measure(&self, session: &str) -> std::io::Result<Option<(Duration, u64)>> {
        let Some(files) = self.open(session)? else { return Ok(None) };
        let layouts = files.layouts();
        let seconds: f64 = layouts.iter().map(|layout| layout.duration).sum();
        let bytes = layouts.first().map_or(0, |layout| layout.len);
        Ok(Some((Duration::try_from_secs_f64(seconds).unwrap_or_default(), bytes)))
    }

    fn known(&self, session: &str) -> HashMap<PathBuf, (u64, Arc<Index>)> {
        let cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        cache.sessions.get(session).map(|cached| cached.files.clone()).unwrap_or_default()
    }

    fn keep(&self, session: &str, files: impl Iterator<Item = (PathBuf, u64, Arc<Index>)>) {
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        cache.clock += 1;
        let used = cache.clock;
        let files: HashMap<_, _> = files.map(|(path, len, index)| (path, (len, index))).collect();
        let samples = files.values().flat_map(|(_, index)| &index.parts).map(|part| part.samples.len()).sum();
        cache.sessions.insert(session.to_owned(), Cached { used, samples, files });
        cache.trim();
    }
}

impl Cache {
    /// The one asked for last stays, whatever its size.
    fn trim(&mut self) {
        let samples = |cache: &Self| cache.sessions.values().map(|cached| cached.samples).sum::<usize>();
        while self.sessions.len() > CACHED || (self.sessions.len() > 1 && samples(self) > CACHED_SAMPLES) {
            let oldest = self.sessions.iter().min_by_key(|(_, c)| c.used).map(|(name, _)| name.clone());
            oldest.and_then(|name| self.sessions.remove(&name));
        }
    }
}

/// A rendition's journal files in order, with their lengths.
pub(super) fn list(folder: &Path) -> std::io::Result<Vec<(PathBuf, u64)>> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut files = Vec::new();
    for entry in entries {
        let entry = entry?;
        let path = entry.path();
        if path.extension().is_some_and(|ext| ext == "m4s") {
            files.push((path, entry.metadata()?.len()));
        }
    }
    // Names are first MSNs with leading zeros; longer ones are later ones.
    files.sort_by_key(|(path, _)| (path.as_os_str().len(), path.clone()));
    Ok(files)
}

fn scan_folder(
    folder: &Path,
    known: &HashMap<PathBuf, (u64, Arc<Index>)>,
) -> std::io::Result<Vec<(PathBuf, u64, Arc<Index>)>> {
    let mut files = Vec::new();
    for (path, len) in list(folder)? {
        let index = match known.get(&path) {
            Some((scanned, index)) if *scanned == len => Arc::clone(index),
            _ => match scan(BufReader::new(File::open(&path)?)) {
                Ok(index) => Arc::new(index),
                Err(hls::journal::Error::Io(error)) => return Err(error),
                Err(error) => {
                    // Its head may be on its way to the disk this very moment.
                    tracing::debug!("{} is left out: {error}", path.display());
                    continue;
                }
            },
        };
        if !index.parts.is_empty() {
            files.push((path, len, index));
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cache_holds_so_many_samples_and_always_the_last() {
        let mut cache = Cache::default();
        for (used, samples) in [(1, CACHED_SAMPLES / 2), (2, CACHED_SAMPLES / 2), (3, 1)] {
            cache.sessions.insert(used.to_string(), Cached { used, samples, ..Cached::default() });
            cache.trim();
        }
        assert!(!cache.sessions.contains_key("1") && cache.sessions.len() == 2);
        let huge = Cached { used: 4, samples: CACHED_SAMPLES * 2, ..Cached::default() };
        cache.sessions.insert("4".to_owned(), huge);
        cache.trim();
        assert_eq!(cache.sessions.keys().collect::<Vec<_>>(), ["4"]);
    }
}
