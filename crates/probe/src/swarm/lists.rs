//! Playlists that many viewers get: read once. Viewers that share a process may share what they read: a playlist is the
//! same bytes for all of them (where the origin puts no viewer's name into it), and a swarm that unpacked and read each of
//! them would measure itself.

use std::collections::{HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Read;
use std::rc::Rc;
use std::time::Duration;

use flate2::read::MultiGzDecoder;

use super::playlist::{self, Media, Playlist};

/// Playlists that are kept.
const KEPT: usize = 64;
/// An unpacked playlist's size, at most.
const TEXT: u64 = 8 << 20;

/// A playlist as viewers share it.
#[derive(Clone, Debug)]
pub(super) enum Shared {
    Multivariant(Vec<String>),
    Media(Rc<Media>),
}

/// What was read last.
#[derive(Default)]
pub(super) struct Lists {
    read: VecDeque<(u64, Vec<u8>, Shared)>,
    seen: HashMap<u64, Duration>,
    order: VecDeque<u64>,
}

impl Lists {
    /// Reads a body as sent; `None` where it is no playlist.
    pub(super) fn read(&mut self, body: Vec<u8>, gzip: bool) -> Option<Shared> {
        let hash = hashed(&body);
        if let Some((.., shared)) = self.read.iter().find(|(of, bytes, _)| *of == hash && *bytes == body) {
            return Some(shared.clone());
        }
        let shared = match playlist::parse(&unpacked(&body, gzip)?)? {
            Playlist::Multivariant(uris) => Shared::Multivariant(uris),
            Playlist::Media(media) => Shared::Media(Rc::new(media)),
        };
        self.read.push_back((hash, body, shared.clone()));
        self.read.drain(..self.read.len().saturating_sub(KEPT));
        Some(shared)
    }

    /// When the first viewer had this rendition's playlist with this edge.
    pub(super) fn first_seen(&mut self, rendition: &str, edge: (u64, usize), now: Duration) -> Duration {
        let key = hashed(&(rendition, edge));
        if let Some(first) = self.seen.get(&key) {
            return *first;
        }
        self.seen.insert(key, now);
        self.order.push_back(key);
        if self.order.len() > KEPT
            && let Some(old) = self.order.pop_front()
        {
            self.seen.remove(&old);
        }
        now
    }
}

fn hashed(value: &(impl Hash + ?Sized)) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

fn unpacked(body: &[u8], gzip: bool) -> Option<String> {
    if !gzip {
        return String::from_utf8(body.to_vec()).ok();
    }
    let mut text = String::new();
    MultiGzDecoder::new(body).take(TEXT).read_to_string(&mut text).ok()?;
    Some(text)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;

    #[test]
    fn the_same_bytes_are_read_once() {
        let mut lists = Lists::default();
        let mut media = |number: usize| match lists
            .read(format!("#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:{number}").into(), false)
        {
            Some(Shared::Media(media)) => media,
            other => panic!("{other:?}"),
        };
        let first = media(0);
        assert!(Rc::ptr_eq(&first, &media(0)));
        assert_ne!(first, media(1));
        (2..=KEPT).for_each(|number| drop(media(number)));
        assert!(!Rc::ptr_eq(&first, &media(0)), "forgotten, and read again");
        assert!(lists.read(b"<html>".to_vec(), false).is_none());
        assert!(lists.read(b"no gzip".to_vec(), true).is_none());
    }

    #[test]
    fn the_first_to_see_an_edge_is_remembered() {
        let mut lists = Lists::default();
        let at = Duration::from_millis;
        assert_eq!(lists.first_seen("/a", (1, 0), at(5)), at(5));
        assert_eq!(lists.first_seen("/b", (1, 0), at(6)), at(6));
        assert_eq!(lists.first_seen("/a", (1, 0), at(9)), at(5));
        for msn in 2..200 {
            lists.first_seen("/a", (msn, 0), at(10));
        }
        assert_eq!((lists.seen.len(), lists.order.len()), (KEPT, KEPT));
    }
}
