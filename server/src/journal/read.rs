//! Reading back: what a session's files hold, found by segment, by part, or as a whole.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use hls::journal::{Index, LATE, scan, scan_on};
use hls::recording::{Cuts, Layout, Source, Trim, trimmed};

use super::Writer;
use super::keep::Keep;
use super::recording::Recordings;
use crate::clock::Clock;

/// Samples of scanned files that are kept at hand: an hour has about 300,000, which are 5 MB.
const CACHED_SAMPLES: usize = 4_000_000;
/// The renditions that are recorded, the leading one first.
pub(super) const RENDITIONS: [&str; 2] = ["video", "audio"];

/// The name of one, and of no other path: `video`, `audio`, and of what is made `360p`, `640x360`, `sound`.
fn plain(name: &str) -> bool {
    (1..=16).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}

/// Everything under the sessions folder. Its methods block on the disk, but for those that say so.
#[derive(Clone)]
pub(crate) struct Library {
    root: Arc<Path>,
    writer: Writer,
    scans: Arc<Mutex<Scans>>,
    pub(super) recordings: Recordings,
    /// Who uses what, and what must stay.
    pub(crate) keep: Keep,
}

/// Files as they were found.
#[derive(Default)]
pub(super) struct Scans {
    clock: u64,
    samples: usize,
    files: HashMap<PathBuf, Scan>,
    /// The first MSNs of a folder's files.
    folders: HashMap<PathBuf, Arc<[u64]>>,
}

struct Scan {
    used: u64,
    len: u64,
    samples: usize,
    index: Arc<Index>,
}

/// A session's renditions, video first.
#[derive(Clone, Debug)]
pub(crate) struct Files {
    pub tracks: Vec<Track>,
    cuts: Cuts,
}

/// One rendition's files in order; never empty.
#[derive(Clone, Debug)]
pub(crate) struct Track {
    pub name: String,
    pub files: Vec<(PathBuf, Arc<Index>)>,
}

/// What is asked for of a rendition.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Wanted {
    Init(u32),
    Segment(u64),
    /// The key frame that a segment begins with.
    Key(u64),
    Part(u64),
}

impl Track {
    /// What the files hold, for playlists and layouts.
    pub(crate) fn indexes(&self) -> Vec<&Index> {
        self.files.iter().map(|(_, index)| &**index).collect()
    }
}

impl Files {
    fn sources(&self) -> Vec<Source<'_>> {
        let files = self.tracks.iter().flat_map(|track| &track.files);
        files.enumerate().map(|(file, (_, index))| Source { file, index }).collect()
    }

    /// The session as an MP4 file, trimmed: one for each codec configuration. Pieces name files by their place in
    /// [`Self::paths`].
    pub(crate) fn layout(&self, configuration: usize, trim: &Trim) -> Option<Layout> {
        trimmed(&self.sources(), &self.cuts, configuration, trim)
    }

    /// All files, rendition by rendition.
    pub(crate) fn paths(&self) -> Vec<PathBuf> {
        self.tracks.iter().flat_map(|track| &track.files).map(|(path, _)| path.clone()).collect()
    }
}

impl Library {
    /// The sessions under `root`, which `writer` writes.
    pub(crate) fn new(root: &Path, writer: Writer, clock: Clock) -> Self {
        let (scans, recordings) = Default::default();
        Self { root: root.into(), writer, scans, recordings, keep: Keep::new(clock) }
    }

    /// What was handed over to the journal is in the files. Does not block.
    pub(crate) async fn settle(&self) {
        self.writer.flush().await;
    }

    /// Where a session's files are; `None` where that can't be the name of one. Session ids are ours: letters, digits,
    /// underscore. Anything else would be a path.
    pub(crate) fn folder(&self, session: &str) -> Option<PathBuf> {
        let ours = !session.is_empty() && session.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        ours.then(|| self.root.join(session))
    }

    /// The sessions that have a folder.
    pub(crate) fn sessions(&self) -> std::io::Result<Vec<String>> {
        let entries = std::fs::read_dir(&self.root)?;
        entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
    }

    /// Scans what is there now; files that have not grown since the last time are not read again. `None` where the
    /// session has no media.
    pub(crate) fn open(&self, session: &str) -> std::io::Result<Option<Files>> {
        let Some(folder) = self.folder(session) else { return Ok(None) };
        let (mut tracks, cuts) = (Vec::new(), super::cuts(&folder));
        // What came late of what is recorded has a place before it.
        let place = |index: &Index| index.header.late.unwrap_or(index.header.first_msn);
        let recorded = |index: &Index| cuts.end.is_none_or(|end| place(index) < end);
        for name in RENDITIONS {
            let mut files = Vec::new();
            for (path, len) in list(&folder.join(name))? {
                let index = self.scan(&path, Some(len))?;
                let index = index.filter(|index| !index.parts.is_empty() && recorded(index));
                files.extend(index.map(|index| (path, index)));
            }
            if !files.is_empty() {
                tracks.push(Track { name: name.to_owned(), files });
            }
        }
        Ok((!tracks.is_empty()).then_some(Files { tracks, cuts }))
    }

    /// A rendition's files from the one that has segment `msn` on.
    pub(super) fn from(&self, session: &str, name: &str, msn: u64) -> std::io::Result<Vec<Arc<Index>>> {
        let Some(folder) = self.folder(session) else { return Ok(Vec::new()) };
        let folder = folder.join(name);
        let names = self.names(&folder, true)?;
        let first = names.partition_point(|first| *first <= msn).saturating_sub(1);
        let scans = names[first..].iter().map(|first| self.scan(&path(&folder, *first), None));
        scans.filter_map(Result::transpose).collect()
    }

    /// The file that an initialisation segment stands in. Numbers rise from file to file, but for what came late: its files
    /// are the last, and few.
    fn find_init(&self, folder: &Path, names: &[u64], number: u32) -> std::io::Result<Option<Arc<Index>>> {
        let (live, late) = names.split_at(names.partition_point(|first| *first < LATE));
        if u64::from(number) < LATE {
            let found = self.find(folder, live, Wanted::Init(number))?.map(|(_, index)| index);
            if found.as_ref().is_some_and(|index| index.header.init == number) {
                return Ok(found);
            }
        }
        for first in late {
            let index = self.scan(&path(folder, *first), None)?;
            if index.as_ref().is_some_and(|index| index.header.init == number) {
                return Ok(index);
            }
        }
        Ok(None)
    }

    /// A piece of media. The work does not grow with the session: one file is looked at, or a few.
    pub(crate) fn load(&self, session: &str, name: &str, wanted: Wanted) -> std::io::Result<Option<Bytes>> {
        let Some(folder) = self.folder(session).filter(|_| plain(name)) else {
            return Ok(None);
        };
        let folder = folder.join(name);
        for fresh in [false, true] {
            let names = self.names(&folder, fresh)?;
            if let Wanted::Init(number) = wanted {
                match self.find_init(&folder, &names, number)? {
                    Some(index) => return Ok(Some(index.init.clone())),
                    None => continue,
                }
            }
            let Some((path, index)) = self.find(&folder, &names, wanted)? else { continue };
            let range = match wanted {
                Wanted::Init(_) => continue,
                Wanted::Key(msn) => match key(&path, &index, msn)? {
                    Some(part) => return Ok(Some(part)),
                    None => continue,
                },
                Wanted::Segment(msn) => {
                    let from = index.parts.partition_point(|part| part.msn < msn);
                    let to = index.parts.partition_point(|part| part.msn <= msn);
                    index.parts.get(from..to).and_then(|parts| Some((parts.first()?, parts.last()?)))
                }
                Wanted::Part(number) => {
                    let at =
                        number.checked_sub(index.header.first_part).and_then(|at| usize::try_from(at).ok());
                    at.and_then(|at| index.parts.get(at)).map(|part| (part, part))
                }
            };
            if let Some((first, last)) = range {
                return read_at(&path, first.offset, last.offset + last.len - first.offset).map(Some);
            }
        }
        Ok(None)
    }

    /// The file that has it if any has: files are in order of all of these numbers.
    fn find(
        &self,
        folder: &Path,
        names: &[u64],
        wanted: Wanted,
    ) -> std::io::Result<Option<(PathBuf, Arc<Index>)>> {
        let (mut low, mut high) = (0, names.len());
        if let Wanted::Segment(msn) | Wanted::Key(msn) = wanted {
            high = names.partition_point(|first| *first <= msn);
            low = high.saturating_sub(1);
        }
        let mut found = None;
        while low < high {
            let middle = low + (high - low) / 2;
            let path = path(folder, names[middle]);
            let Some(index) = self.scan(&path, None)? else {
                high = middle;
                continue;
            };
            let reached = match wanted {
                Wanted::Segment(msn) | Wanted::Key(msn) => index.header.first_msn <= msn,
                Wanted::Part(number) => index.header.first_part <= number,
                Wanted::Init(number) => index.header.init <= number,
            };
            if reached {
                found = Some((path, index));
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(found)
    }

    pub(super) fn scans(&self) -> MutexGuard<'_, Scans> {
        self.scans.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The first MSNs of a folder's files.
    fn names(&self, folder: &Path, fresh: bool) -> std::io::Result<Arc<[u64]>> {
        if !fresh && let Some(names) = self.scans().folders.get(folder) {
            return Ok(Arc::clone(names));
        }
        let names: Arc<[u64]> = names(folder)?.into();
        let mut scans = self.scans();
        if scans.folders.len() >= 1024 {
            scans.folders.clear();
        }
        scans.folders.insert(folder.to_owned(), Arc::clone(&names));
        Ok(names)
    }

    /// What is in a file; `None` where it is gone, or its head is on its way to the disk this very moment.
    pub(super) fn scan(&self, path: &Path, len: Option<u64>) -> std::io::Result<Option<Arc<Index>>> {
        let len = match len.map_or_else(|| path.metadata().map(|meta| meta.len()), Ok) {
            Ok(len) => len,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let before = match self.scans().get(path, len) {
            Some((known, index)) if known == len => return Ok(Some(index)),
            before => before,
        };
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let reader = BufReader::new(file);
        // The file that is being written has more each time.
        let scanned = match before {
            Some((_, index)) => scan_on(reader, (*index).clone()),
            None => scan(reader),
        };
        match scanned {
            Ok(index) => Ok(Some(self.scans().put(path, len, index))),
            Err(hls::journal::Error::Io(error)) => Err(error),
            Err(error) => {
                tracing::debug!("{} is left out: {error}", path.display());
                Ok(None)
            }
        }
    }

    /// Nothing of a session is wanted any more.
    pub(crate) fn remove(&self, session: &str) -> std::io::Result<()> {
        let Some(folder) = self.folder(session) else { return Ok(()) };
        self.recordings.forget(session);
        self.remove_folder(&folder)
    }

    /// Nothing of one of its renditions is wanted any more.
    pub(crate) fn remove_rendition(&self, session: &str, rendition: &str) -> std::io::Result<()> {
        let Some(folder) = self.folder(session) else { return Ok(()) };
        self.remove_folder(&folder.join(rendition))
    }

    fn remove_folder(&self, folder: &Path) -> std::io::Result<()> {
        {
            let mut scans = self.scans();
            scans.folders.retain(|path, _| !path.starts_with(folder));
            let gone: Vec<_> = scans.files.keys().filter(|path| path.starts_with(folder)).cloned().collect();
            gone.iter().for_each(|path| scans.discard(path));
        }
        match std::fs::remove_dir_all(folder) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
            Ok(()) | Err(_) => Ok(()),
        }
    }
}

impl Scans {
    /// What a file of this length, or a shorter one, was found to hold, and that length.
    fn get(&mut self, path: &Path, len: u64) -> Option<(u64, Arc<Index>)> {
        self.clock += 1;
        let scan = self.files.get_mut(path).filter(|scan| scan.len <= len)?;
        scan.used = self.clock;
        Some((scan.len, Arc::clone(&scan.index)))
    }

    fn put(&mut self, path: &Path, len: u64, index: Index) -> Arc<Index> {
        self.discard(path);
        let samples = index.parts.iter().map(|part| part.samples.len()).sum();
        let index = Arc::new(index);
        self.samples += samples;
        let scan = Scan { used: self.clock, len, samples, index: Arc::clone(&index) };
        self.files.insert(path.to_owned(), scan);
        // The one asked for last stays, whatever its size. Many at once, so that this is done seldom.
        if self.samples > CACHED_SAMPLES && self.files.len() > 1 {
            let mut oldest: Vec<_> =
                self.files.iter().map(|(path, scan)| (scan.used, path.clone())).collect();
            oldest.sort_unstable();
            for (_, old) in oldest.into_iter().filter(|(_, old)| old != path) {
                if self.samples <= CACHED_SAMPLES / 2 {
                    break;
                }
                self.discard(&old);
            }
        }
        index
    }

    pub(super) fn discard(&mut self, path: &Path) {
        self.samples -= self.files.remove(path).map_or(0, |scan| scan.samples);
    }
}

/// A journal file by its first MSN.
pub(super) fn path(folder: &Path, first: u64) -> PathBuf {
    folder.join(format!("{first:06}.m4s"))
}

/// The first MSNs of a rendition's journal files, in order.
pub(super) fn names(folder: &Path) -> std::io::Result<Vec<u64>> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut names = Vec::new();
    for entry in entries {
        let name = entry?.file_name();
        names.extend(name.to_str().and_then(|name| name.strip_suffix(".m4s")?.parse::<u64>().ok()));
    }
    names.sort_unstable();
    Ok(names)
}

/// A rendition's journal files in order, with their lengths.
pub(super) fn list(folder: &Path) -> std::io::Result<Vec<(PathBuf, u64)>> {
    let mut files = Vec::new();
    for first in names(folder)? {
        let path = path(folder, first);
        match path.metadata() {
            Ok(meta) => files.push((path, meta.len())),
            // Trimmed meanwhile.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(files)
}

/// The key frame that a segment begins with, as a part of its own: only its bytes are read.
fn key(path: &Path, index: &Index, msn: u64) -> std::io::Result<Option<Bytes>> {
    let parts = || index.parts.iter().skip_while(|part| part.msn < msn).take_while(|part| part.msn == msn);
    let first = parts().next();
    let sample = first.and_then(|part| part.samples.first()).filter(|sample| sample.key);
    let (Some(first), Some(sample)) = (first, sample) else { return Ok(None) };
    let ticks = parts().flat_map(|part| &part.samples).map(|sample| sample.duration);
    let ticks = ticks.fold(0, u32::saturating_add);
    let data = read_at(path, first.payload, sample.size.into())?;
    let sequence = (first.number + 1) as u32;
    Ok(Some(hls::mp4::key_part(sequence, first.decode_time, *sample, ticks, data)))
}

/// A stretch of a file.
pub(super) fn read_at(path: &Path, offset: u64, len: u64) -> std::io::Result<Bytes> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(offset))?;
    let mut data = vec![0; usize::try_from(len).map_err(std::io::Error::other)?];
    file.read_exact(&mut data)?;
    Ok(data.into())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn so_many_samples_are_kept_and_always_the_last() {
        let mut scans = Scans::default();
        let huge = |samples: usize| {
            let mut index = scan(std::io::Cursor::new(super::super::tests::journal_file())).unwrap();
            let sample = index.parts[0].samples[0];
            index.parts.truncate(1);
            index.parts[0].samples = vec![sample; samples];
            index
        };
        for name in ["a", "b", "c"] {
            scans.put(Path::new(name), 1, huge(CACHED_SAMPLES / 2));
        }
        assert!(scans.samples <= CACHED_SAMPLES && scans.get(Path::new("c"), 1).is_some());
        assert!(scans.get(Path::new("a"), 1).is_none() && scans.get(Path::new("c"), 0).is_none());
        scans.put(Path::new("d"), 1, huge(CACHED_SAMPLES + 1));
        assert!(scans.get(Path::new("d"), 1).is_some() && scans.files.len() == 1);
    }
}
