//! After a crash: torn tails are cut off, files without a whole part go away.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use std::time::SystemTime;

use anyhow::Context;
use bytes::Bytes;
use hls::journal::{Entry, Index, scan};

use super::read::{list, path, read_at};

/// What an unfinished session's files hold.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// Rendition by rendition, video first, each with its files in order.
    pub renditions: Vec<(String, Vec<Index>)>,
    /// The newest key frame of the pictures, for the slate.
    pub key: Option<Bytes>,
    /// When the last byte was written.
    pub written: Option<SystemTime>,
}

/// Repairs an unfinished session's files and says what they hold. Blocks on the disk.
pub(crate) fn repair(root: &Path, session: &str) -> anyhow::Result<Found> {
    let mut found = Found::default();
    for name in ["video", "audio"] {
        let folder = super::folder(root, session, name);
        let mut files = Vec::new();
        for (path, _) in list(&folder).with_context(|| format!("can't list {}", folder.display()))? {
            if let Some((index, written)) = mend(&path)? {
                // The slate is no sign of the publisher.
                if !index.header.live_only {
                    found.written = found.written.max(Some(written));
                }
                files.push(index);
            }
        }
        if name == "video" {
            found.key =
                last_key(&folder, &files).with_context(|| format!("can't read {}", folder.display()))?;
        }
        if !files.is_empty() {
            found.renditions.push((name.to_owned(), files));
        }
    }
    Ok(found)
}

/// Of the configuration that a session goes on with.
fn last_key(folder: &Path, files: &[Index]) -> std::io::Result<Option<Bytes>> {
    let mut own = files.iter().rev().filter(|file| !file.header.live_only);
    let Some(last) = own.clone().next() else { return Ok(None) };
    let found = own.find_map(|file| {
        let key = |part: &&Entry| part.samples.first().is_some_and(|sample| sample.key);
        let part = file.parts.iter().rev().find(key).filter(|_| file.init == last.init)?;
        Some((file.header.first_msn, part.payload, part.samples.first()?.size))
    });
    found.map(|(file, at, size)| read_at(&path(folder, file), at, size.into())).transpose()
}

fn mend(path: &Path) -> anyhow::Result<Option<(Index, SystemTime)>> {
    let shown = path.display();
    let file = File::open(path).with_context(|| format!("can't open {shown}"))?;
    let written =
        file.metadata().and_then(|meta| meta.modified()).with_context(|| format!("can't read {shown}"))?;
    match scan(BufReader::new(file)) {
        Ok(index) if index.parts.is_empty() => {
            std::fs::remove_file(path).with_context(|| format!("can't remove {shown}"))?;
            Ok(None)
        }
        Ok(index) => {
            if index.torn > 0 {
                tracing::warn!("{shown}: {} bytes of an unfinished part are cut off", index.torn);
                let file = File::options().write(true).open(path);
                file.and_then(|file| file.set_len(index.valid_len))
                    .with_context(|| format!("can't cut {shown}"))?;
            }
            Ok(Some((index, written)))
        }
        // A disk that doesn't answer says nothing about the file.
        Err(hls::journal::Error::Io(error)) => Err(error).with_context(|| format!("can't read {shown}")),
        Err(error) => {
            // Kept for whoever wants to look, out of the way of the player.
            tracing::warn!("{shown} is set aside as .bad: {error}");
            std::fs::rename(path, path.with_extension("bad"))
                .with_context(|| format!("can't rename {shown}"))?;
            Ok(None)
        }
    }
}
