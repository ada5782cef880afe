//! A ladder as a player sees it.

use anyhow::{Context, Result, ensure};
use tempfile::NamedTempFile;
use tests::server::{Channel, fetch};

/// A rendition of the multivariant playlist.
#[derive(Debug)]
pub(super) struct Variant {
    /// `640x360`; empty for sound.
    pub size: String,
    /// Of its media playlist.
    pub url: String,
}

/// A media playlist.
pub(super) struct Playlist {
    pub segments: Vec<Segment>,
    folder: String,
}

#[derive(Clone, Debug)]
pub(super) struct Segment {
    pub msn: u64,
    pub uri: String,
    /// As it is written.
    pub duration: String,
    /// PROGRAM-DATE-TIME as it is written; empty where it isn't.
    pub time: String,
    pub gap: bool,
    pub discontinuity: bool,
    map: String,
}

pub(super) fn text(url: &str) -> Result<String> {
    let (status, bytes) = fetch("GET", url, None, None)?;
    ensure!(status == 200, "{url}: {status}");
    Ok(String::from_utf8(bytes)?)
}

fn quoted(line: &str, name: &str) -> Option<String> {
    Some(line.split(&format!("{name}=\"")).nth(1)?.split('"').next()?.to_owned())
}

fn url(channel: &Channel, path: &str) -> String {
    format!("{}/{path}", channel.hls_url.trim_end_matches("/index.m3u8"))
}

pub(super) fn variants(channel: &Channel) -> Result<Vec<Variant>> {
    let index = text(&channel.hls_url)?;
    let lines: Vec<_> = index.lines().collect();
    let variant = |pair: &[&str]| {
        let size =
            pair[0].strip_prefix("#EXT-X-STREAM-INF:")?.split("RESOLUTION=").nth(1)?.split(',').next()?;
        Some(Variant { size: size.to_owned(), url: url(channel, pair[1]) })
    };
    Ok(lines.windows(2).filter_map(variant).collect())
}

/// The rendition of sound.
pub(super) fn sound(channel: &Channel) -> Result<Variant> {
    let index = text(&channel.hls_url)?;
    let path = index.lines().filter(|line| line.contains("TYPE=AUDIO")).find_map(|line| quoted(line, "URI"));
    Ok(Variant { size: String::new(), url: url(channel, &path.with_context(|| index.clone())?) })
}

pub(super) fn playlist(of: &Variant) -> Result<Playlist> {
    let text = text(&of.url)?;
    let folder = of.url.split("/media.m3u8").next().unwrap_or_default().to_owned();
    let (mut segments, mut msn, mut discontinuity) = (Vec::new(), 0, false);
    let (mut map, mut time, mut duration, mut gap) = (String::new(), String::new(), String::new(), false);
    for line in text.lines() {
        if let Some(number) = line.strip_prefix("#EXT-X-MEDIA-SEQUENCE:") {
            msn = number.parse()?;
        } else if line.starts_with("#EXT-X-MAP:") {
            map = quoted(line, "URI").unwrap_or_default();
        } else if let Some(at) = line.strip_prefix("#EXT-X-PROGRAM-DATE-TIME:") {
            time = at.to_owned();
        } else if let Some(seconds) = line.strip_prefix("#EXTINF:") {
            duration = seconds.trim_end_matches(',').to_owned();
        } else if line == "#EXT-X-DISCONTINUITY" {
            discontinuity = true;
        } else if line == "#EXT-X-GAP" {
            gap = true;
        } else if !line.starts_with('#') && !line.is_empty() {
            let taken = (std::mem::take(&mut time), std::mem::take(&mut duration), std::mem::take(&mut gap));
            let (time, duration, gap) = taken;
            let (uri, map, discontinuity) =
                (line.to_owned(), map.clone(), std::mem::take(&mut discontinuity));
            segments.push(Segment { msn, uri, duration, time, gap, discontinuity, map });
            msn += 1;
        }
    }
    Ok(Playlist { segments, folder })
}

/// A segment with its initialisation as a file, and the times of its key frames, in 90 kHz.
pub(super) fn sample(list: &Playlist, segment: &Segment) -> Result<(NamedTempFile, Vec<i64>)> {
    let get = |name: &str| -> Result<Vec<u8>> {
        let (status, bytes) = fetch("GET", &format!("{}/{name}", list.folder), None, None)?;
        ensure!(status == 200, "{name}: {status}");
        Ok(bytes)
    };
    let (init, media) = (get(&segment.map)?, get(&segment.uri)?);
    let file = NamedTempFile::new()?;
    std::fs::write(file.path(), [init, media.clone()].concat())?;
    let mut keys = Vec::new();
    for moof in boxes(&media, b"moof") {
        for traf in boxes(moof, b"traf") {
            let tfdt = boxes(traf, b"tfdt").next().context("no tfdt")?;
            let trun = boxes(traf, b"trun").next().context("no trun")?;
            let mut at = i64::from_be_bytes(tfdt.get(4..12).context("tfdt")?.try_into()?);
            // Ours have a data offset, and of each sample duration, size, flags and composition offset.
            for sample in trun.get(12..).context("trun")?.chunks_exact(16) {
                let number =
                    |n: usize| i32::from_be_bytes([sample[n], sample[n + 1], sample[n + 2], sample[n + 3]]);
                keys.extend((number(8) == 0x0200_0000).then_some(at + i64::from(number(12))));
                at += i64::from(number(0));
            }
        }
    }
    Ok((file, keys))
}

/// What is in the boxes of a kind.
fn boxes<'a>(mut data: &'a [u8], kind: &'static [u8; 4]) -> impl Iterator<Item = &'a [u8]> {
    std::iter::from_fn(move || {
        loop {
            let size = u32::from_be_bytes(data.get(..4)?.try_into().ok()?) as usize;
            let (head, rest) = data.split_at_checked(size.max(8))?;
            data = rest;
            if &head[4..8] == kind {
                return Some(&head[8..]);
            }
        }
    })
}
