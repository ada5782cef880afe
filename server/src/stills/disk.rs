//! The files of a session's thumbnails.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use transcode::watch::{TILES, Thumbnail};

use super::Sheet;

const INDEX: &str = "tiles";
/// Bytes of an index at most: a month of a tile each second.
const MOST_INDEX: u64 = 128 << 20;

/// What the disk doesn't have yet.
#[derive(Debug, Default)]
pub(super) struct Change {
    lines: String,
    /// The newest of each, by number.
    pub sheets: BTreeMap<u32, Bytes>,
    newest: Option<(Bytes, Option<Bytes>)>,
    /// Sheets that go.
    pub gone: Vec<u32>,
}

impl Change {
    pub(super) fn add(&mut self, line: String, sheet: u32, made: Thumbnail) {
        self.lines.push_str(&line);
        self.sheets.insert(sheet, made.sheet);
        self.newest = Some((made.jpeg, made.webp));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lines.is_empty() && self.gone.is_empty()
    }
}

/// A tile's line.
pub(super) fn line(sheet: &Sheet, place: u32, at: i64) -> String {
    let mut line = String::new();
    let (width, height) = sheet.tile_size;
    let _ = writeln!(line, "{} {place} {at} {width} {height}", sheet.number);
    line
}

/// Sheets first: a tile that is named is there.
pub(super) fn write(folder: &Path, change: Change, reserve: u64) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    for number in &change.gone {
        remove(&sheet(folder, *number))?;
    }
    if sys::disk::free(folder)? < reserve {
        return Err(std::io::Error::other("the disk is nearly full"));
    }
    for (number, data) in &change.sheets {
        put(&sheet(folder, *number), data)?;
    }
    if let Some((jpeg, webp)) = &change.newest {
        put(&folder.join("thumbnail.jpg"), jpeg)?;
        match webp {
            Some(webp) => put(&folder.join("thumbnail.webp"), webp)?,
            None => remove(&folder.join("thumbnail.webp"))?,
        }
    }
    let mut index = std::fs::OpenOptions::new().append(true).create(true).open(folder.join(INDEX))?;
    index.write_all(change.lines.as_bytes())
}

/// Whole, or as it was before.
fn put(path: &Path, data: &[u8]) -> std::io::Result<()> {
    let beside = path.with_extension("new");
    std::fs::write(&beside, data)?;
    std::fs::rename(beside, path)
}

fn remove(path: &Path) -> std::io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Where a sheet is.
pub(crate) fn sheet(folder: &Path, number: u32) -> PathBuf {
    folder.join(format!("{number}.jpg"))
}

/// The sheets that are there, the oldest first; a line that can't be read is none.
pub(crate) fn load(folder: &Path) -> std::io::Result<Vec<Sheet>> {
    let path = folder.join(INDEX);
    match path.metadata() {
        Ok(meta) if meta.len() > MOST_INDEX => return Err(std::io::Error::other("its index is too long")),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Ok(_) => {}
        Err(error) => return Err(error),
    }
    let text = std::fs::read(path)?;
    let text = String::from_utf8_lossy(&text);
    let mut sheets: Vec<Sheet> = Vec::new();
    for line in text.split_inclusive('\n').filter(|line| line.ends_with('\n')) {
        let Some((number, place, at, tile_size)) = tile(line) else { continue };
        match sheets.last_mut() {
            Some(last) if last.number == number => last.tiles.push((place, at)),
            Some(last) if last.number > number => {}
            _ => sheets.push(Sheet { number, tile_size, tiles: vec![(place, at)] }),
        }
    }
    sheets.retain(|one| sheet(folder, one.number).is_file());
    Ok(sheets)
}

fn tile(line: &str) -> Option<(u32, u32, i64, (u32, u32))> {
    let mut fields = line.split_whitespace();
    let mut next = || fields.next()?.parse::<i64>().ok();
    let (number, place, at, width, height) = (next()?, next()?, next()?, next()?, next()?);
    let side = |side: i64| u32::try_from(side).ok().filter(|side| (1..=8192).contains(side));
    let place = u32::try_from(place).ok().filter(|place| *place < TILES)?;
    Some((u32::try_from(number).ok()?, place, at, (side(width)?, side(height)?)))
}

/// What is kept of a session that is over: bytes of its thumbnail, and of all of its sheets; `None` where it has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kept {
    pub thumbnail: u64,
    pub sheets: u64,
}

impl Kept {
    /// Measured.
    pub(crate) fn of(folder: &Path) -> std::io::Result<Option<Self>> {
        let thumbnail = match folder.join("thumbnail.jpg").metadata() {
            Ok(meta) => meta.len(),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut sheets = 0;
        for one in load(folder)? {
            sheets += sheet(folder, one.number).metadata()?.len();
        }
        Ok(Some(Self { thumbnail, sheets }))
    }
}

/// The newest thumbnail that was kept.
pub(crate) fn thumbnail(folder: &Path, webp: bool) -> PathBuf {
    folder.join(if webp { "thumbnail.webp" } else { "thumbnail.jpg" })
}
