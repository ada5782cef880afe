//! One session's thumbnails as they come: the newest in memory, everything on its way to the disk.

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use media::Timestamp;
use tokio::sync::watch;
use transcode::watch::Thumbnail;

use super::disk::{self, Change};

/// Sheets on their way to a disk that is too slow, at most.
const WAITING: usize = 8;

/// A sheet of tiles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sheet {
    /// From 0, as they come.
    pub number: u32,
    /// Pixels of a tile across and down.
    pub tile_size: (u32, u32),
    /// Each tile's place, and when it is shown: ms on the session's clock.
    pub tiles: Vec<(u32, i64)>,
}

/// A picture, or where it lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Image {
    Memory(Bytes),
    File(PathBuf),
}

/// What came of one session.
#[derive(Debug)]
pub(crate) struct Album {
    /// `None`: in memory only.
    folder: Option<PathBuf>,
    every: Duration,
    window: Option<Duration>,
    reserve: u64,
    state: Mutex<State>,
    /// What is waiting for the disk is in it.
    settled: watch::Sender<bool>,
}

#[derive(Debug, Default)]
struct State {
    jpeg: Option<Bytes>,
    webp: Option<Bytes>,
    sheets: VecDeque<Sheet>,
    /// The first tile of the newest sheet: another worker's sheet has another.
    since: Option<Timestamp>,
    next: u32,
    /// The newest sheet, and without a folder all of them.
    images: BTreeMap<u32, Bytes>,
    change: Change,
    writing: bool,
    /// It has been said in the log.
    said: bool,
}

impl Album {
    pub(super) fn open(
        folder: Option<PathBuf>,
        every: Duration,
        window: Option<Duration>,
        reserve: u64,
    ) -> Self {
        let sheets: VecDeque<_> =
            folder.as_ref().and_then(|folder| disk::load(folder).ok()).unwrap_or_default().into();
        let next = sheets.back().map_or(0, |sheet| sheet.number + 1);
        let newest = |webp| Some(std::fs::read(disk::thumbnail(folder.as_ref()?, webp)).ok()?.into());
        let (jpeg, webp) = (newest(false), newest(true));
        let state = Mutex::new(State { jpeg, webp, sheets, next, ..State::default() });
        Self { folder, every, window, reserve, state, settled: watch::Sender::new(true) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the next one. What is shown no later than the newest is left out.
    pub(crate) fn put(self: &Arc<Self>, made: Thumbnail) {
        let mut state = self.state();
        let at = made.at.as_millis();
        if state.newest().is_some_and(|newest| at <= newest) {
            return;
        }
        let other = |sheet: &Sheet| {
            state.since != Some(made.since)
                || sheet.tiles.last().is_some_and(|(place, _)| *place >= made.tile)
        };
        if state.sheets.back().is_none_or(other) {
            let (number, tile_size) = (state.next, made.tile_size);
            state.next += 1;
            state.since = Some(made.since);
            state.sheets.push_back(Sheet { number, tile_size, tiles: Vec::new() });
            if self.folder.is_some() {
                state.images.clear();
            }
        }
        let Some(sheet) = state.sheets.back_mut() else { return };
        sheet.tiles.push((made.tile, at));
        let number = sheet.number;
        let line = disk::line(sheet, made.tile, at);
        (state.jpeg, state.webp) = (Some(made.jpeg.clone()), made.webp.clone());
        state.images.insert(number, made.sheet.clone());
        self.forget(&mut state, at);
        if self.folder.is_some() {
            state.change.add(line, number, made);
            while state.change.sheets.len() > WAITING {
                state.change.sheets.pop_first();
            }
            if !std::mem::replace(&mut state.writing, true) {
                self.settled.send_replace(false);
                let album = Arc::clone(self);
                tokio::task::spawn_blocking(move || album.write());
            }
        }
    }

    /// What is older than the window, where nothing more is kept.
    fn forget(&self, state: &mut State, now: i64) {
        let Some(window) = self.window else { return };
        let oldest = now - i64::try_from(window.as_millis()).unwrap_or(i64::MAX);
        while state.sheets.len() > 1 && state.sheets[0].tiles.last().is_none_or(|(_, at)| *at < oldest) {
            if let Some(gone) = state.sheets.pop_front() {
                state.images.remove(&gone.number);
                state.change.sheets.remove(&gone.number);
                state.change.gone.push(gone.number);
            }
        }
    }

    /// Until nothing waits.
    fn write(&self) {
        let Some(folder) = &self.folder else { return };
        loop {
            let change = {
                let mut state = self.state();
                if state.change.is_empty() {
                    state.writing = false;
                    self.settled.send_replace(true);
                    return;
                }
                std::mem::take(&mut state.change)
            };
            let lost: Vec<_> = change.sheets.keys().copied().collect();
            if let Err(error) = disk::write(folder, change, self.reserve) {
                let mut state = self.state();
                if !std::mem::replace(&mut state.said, true) {
                    tracing::warn!("thumbnails can't be written in {}: {error}", folder.display());
                }
                // The newest is in memory; of those before, what isn't on the disk isn't there.
                let newest = state.sheets.back().map(|sheet| sheet.number);
                state.sheets.retain(|sheet| Some(sheet.number) == newest || !lost.contains(&sheet.number));
            }
        }
    }

    /// Returns once the disk has met with everything that came.
    pub(crate) async fn settle(&self) {
        let _ = self.settled.subscribe().wait_for(|settled| *settled).await;
    }

    /// How often there is one.
    pub(crate) fn every(&self) -> Duration {
        self.every
    }

    /// The newest, as JPEG or WebP.
    pub(crate) fn thumbnail(&self, webp: bool) -> Option<Bytes> {
        let state = self.state();
        if webp { state.webp.clone() } else { state.jpeg.clone() }
    }

    /// All sheets, the oldest first.
    pub(crate) fn sheets(&self) -> Vec<Sheet> {
        self.state().sheets.iter().cloned().collect()
    }

    /// A sheet that has so many tiles, or more by now.
    pub(crate) fn sheet(&self, number: u32, tiles: usize) -> Option<Image> {
        let state = self.state();
        let sheet = state.sheets.iter().find(|sheet| sheet.number == number)?;
        if tiles > sheet.tiles.len() {
            return None;
        }
        match (state.images.get(&number), &self.folder) {
            (Some(image), _) => Some(Image::Memory(image.clone())),
            (None, Some(folder)) => Some(Image::File(disk::sheet(folder, number))),
            (None, None) => None,
        }
    }
}

impl State {
    fn newest(&self) -> Option<i64> {
        self.sheets.back()?.tiles.last().map(|(_, at)| *at)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const EVERY: Duration = Duration::from_secs(5);

    /// The tile at `place` of the sheet that began at `since`, in seconds.
    pub(super) fn made(since: i64, place: u32) -> Thumbnail {
        let at = Timestamp::millis((since + 5 * i64::from(place)) * 1000);
        let text = |what: &str| Bytes::from(format!("{what} {since} {place}"));
        Thumbnail {
            channel: 1,
            at,
            jpeg: text("jpeg"),
            webp: Some(text("webp")),
            sheet: text("sheet"),
            since: Timestamp::millis(since * 1000),
            tile: place,
            tile_size: (160, 90),
        }
    }

    fn album(folder: Option<&std::path::Path>, window: Option<u64>) -> Arc<Album> {
        let window = window.map(Duration::from_secs);
        Arc::new(Album::open(folder.map(|folder| folder.join("stills")), EVERY, window, 0))
    }

    #[tokio::test]
    async fn what_came_is_there_again_after_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let first = album(Some(dir.path()), None);
        for place in 0..25 {
            first.put(made(10, place));
        }
        first.put(made(135, 0));
        // Late, and from a worker that was replaced.
        first.put(made(20, 0));
        first.put(made(140, 0));
        assert_eq!(first.thumbnail(false).unwrap(), "jpeg 140 0");
        assert_eq!(first.thumbnail(true).unwrap(), "webp 140 0");
        first.settle().await;
        let counts = |album: &Album| -> Vec<_> {
            album.sheets().iter().map(|sheet| (sheet.number, sheet.tiles.len())).collect()
        };
        assert_eq!(counts(&first), [(0, 25), (1, 1), (2, 1)]);
        assert_eq!(first.sheet(2, 1), Some(Image::Memory("sheet 140 0".into())));
        let Some(Image::File(path)) = first.sheet(0, 25) else { unreachable!() };
        assert_eq!(std::fs::read(path).unwrap(), b"sheet 10 24");
        assert_eq!((first.sheet(0, 26), first.sheet(7, 1)), (None, None));
        // A line that was cut short is not there.
        let tiles = dir.path().join("stills/tiles");
        let mut text = std::fs::read_to_string(&tiles).unwrap();
        text.push_str("2 1 1450");
        std::fs::write(&tiles, text).unwrap();
        let again = album(Some(dir.path()), None);
        assert_eq!(again.sheets(), first.sheets());
        assert_eq!(again.thumbnail(false), first.thumbnail(false));
        assert_eq!(again.thumbnail(true), first.thumbnail(true));
        again.put(made(200, 0));
        assert_eq!(counts(&again).last(), Some(&(3, 1)));
        again.settle().await;
        assert_eq!(std::fs::read(dir.path().join("stills/thumbnail.jpg")).unwrap(), b"jpeg 200 0");
    }

    #[tokio::test]
    async fn only_the_window_is_kept_where_nothing_is_recorded() {
        let dir = tempfile::tempdir().unwrap();
        for folder in [None, Some(dir.path())] {
            let album = album(folder, Some(60));
            for since in [0, 125, 250] {
                for place in 0..25 {
                    album.put(made(since, place));
                }
            }
            let numbers: Vec<_> = album.sheets().iter().map(|sheet| sheet.number).collect();
            assert_eq!(numbers, [2]);
            album.put(made(375, 0));
            let numbers: Vec<_> = album.sheets().iter().map(|sheet| sheet.number).collect();
            assert_eq!(numbers, [2, 3]);
            assert_eq!(album.sheet(1, 1), None);
            assert!(album.sheet(2, 25).is_some());
            album.settle().await;
        }
        assert!(!dir.path().join("stills/1.jpg").exists() && dir.path().join("stills/2.jpg").exists());
    }

    #[tokio::test]
    async fn a_disk_that_is_full_keeps_what_is_in_memory() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("stills");
        let album = Arc::new(Album::open(Some(folder.clone()), EVERY, None, u64::MAX - 1));
        album.put(made(0, 0));
        album.settle().await;
        assert!(!folder.join("0.jpg").exists());
        assert!(album.sheet(0, 1).is_some() && album.thumbnail(false).is_some());
    }
}
