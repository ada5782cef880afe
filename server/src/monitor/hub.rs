//! The open GOP of each rendition, and who reads it.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use media::{AccessUnit, Kind, Track};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

/// Units on their way to a reader, beside the GOP that it begins with: some three seconds.
const QUEUE: usize = 256;
/// Readers of one session's renditions; who reads pictures with their sound is two.
const READERS: usize = 64;
/// Units and bytes of a GOP that is kept: who comes in a longer one waits for the next.
const MOST_UNITS: usize = 1_024;
const MOST_BYTES: usize = 16 << 20;

/// One session's renditions.
#[derive(Debug)]
pub(crate) struct Hub(Mutex<Vec<Stream>>);

#[derive(Debug)]
struct Stream {
    name: String,
    kind: Kind,
    made: bool,
    track: Option<Track>,
    gop: VecDeque<AccessUnit>,
    bytes: usize,
    readers: Vec<Reader>,
}

#[derive(Debug)]
struct Reader {
    out: mpsc::Sender<Item>,
    /// It knows the track as it is now.
    told: bool,
    /// It missed something: it goes on with a key frame.
    wants_key: bool,
}

/// What a reader gets.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Item {
    /// Before the first unit of a kind, and where it changes.
    Track(Track),
    /// In decode order.
    Unit(AccessUnit),
}

/// Why nobody can read here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// There is no rendition of that name.
    Unknown,
    /// [`READERS`] read already.
    Full,
}

impl Hub {
    /// Of these renditions, the source's first.
    pub(crate) fn new(renditions: &[hls::presentation::Rendition]) -> Self {
        let stream = |of: &hls::presentation::Rendition| Stream {
            name: of.name.clone(),
            kind: of.track.kind,
            made: of.made,
            track: None,
            gop: VecDeque::new(),
            bytes: 0,
            readers: Vec::new(),
        };
        Self(Mutex::new(renditions.iter().map(stream).collect()))
    }

    fn streams(&self) -> MutexGuard<'_, Vec<Stream>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A unit of a rendition, which carries this now.
    pub(crate) fn push(&self, rendition: usize, track: &Track, unit: &AccessUnit) {
        if let Some(stream) = self.streams().get_mut(rendition) {
            stream.push(track, unit);
        }
    }

    /// Nothing more comes.
    pub(crate) fn close(&self) {
        self.streams().iter_mut().for_each(|stream| stream.readers.clear());
    }

    /// The rendition of this name with its sound, from its open GOP on; the source unless told.
    pub(crate) fn read(&self, name: Option<&str>) -> Result<mpsc::Receiver<Item>, Refused> {
        let mut streams = self.streams();
        let main = match name {
            Some(name) => streams.iter().position(|stream| stream.name == name),
            None => (!streams.is_empty()).then_some(0),
        };
        let main = main.ok_or(Refused::Unknown)?;
        if streams.iter().map(|stream| stream.readers.len()).sum::<usize>() >= READERS {
            return Err(Refused::Full);
        }
        let mut chosen = vec![main];
        if streams[main].kind == Kind::Video {
            let made = streams[main].made;
            let sound = |stream: &Stream| stream.kind == Kind::Audio && (made || !stream.made);
            chosen.extend(streams.iter().rposition(sound));
        }
        let mut begun: Vec<_> = chosen.iter().flat_map(|at| streams[*at].gop.iter().cloned()).collect();
        let start = streams[main].gop.front().map(|unit| unit.dts);
        begun.retain(|unit| start.is_some_and(|start| unit.dts >= start));
        begun.sort_by_key(|unit| unit.dts);
        let (out, inbox) = mpsc::channel(begun.len() + chosen.len() + QUEUE);
        for at in chosen {
            let stream = &mut streams[at];
            let begins = stream.kind == Kind::Audio || !stream.gop.is_empty();
            if let Some(track) = &stream.track {
                let _ = out.try_send(Item::Track(track.clone()));
            }
            let told = stream.track.is_some();
            stream.readers.push(Reader { out: out.clone(), told, wants_key: !begins });
        }
        for unit in begun {
            let _ = out.try_send(Item::Unit(unit));
        }
        Ok(inbox)
    }
}

impl Stream {
    fn push(&mut self, track: &Track, unit: &AccessUnit) {
        if self.track.as_ref() != Some(track) {
            self.track = Some(track.clone());
            (self.gop, self.bytes) = Default::default();
            self.readers.iter_mut().for_each(|reader| reader.told = false);
        }
        self.keep(unit);
        self.readers.retain_mut(|reader| reader.give(track, unit));
    }

    /// Of sound the last second or so is kept.
    fn keep(&mut self, unit: &AccessUnit) {
        let begins = unit.key && self.kind == Kind::Video;
        if begins {
            (self.gop, self.bytes) = Default::default();
        }
        if self.kind == Kind::Audio || begins || !self.gop.is_empty() {
            self.bytes += unit.data.len();
            self.gop.push_back(unit.clone());
        }
        while self.gop.len() > MOST_UNITS || self.bytes > MOST_BYTES {
            let drops = if self.kind == Kind::Video { self.gop.len() } else { 1 };
            self.bytes -= self.gop.drain(..drops).map(|unit| unit.data.len()).sum::<usize>();
        }
    }
}

impl Reader {
    /// False where it is gone.
    fn give(&mut self, track: &Track, unit: &AccessUnit) -> bool {
        if self.wants_key && !unit.key {
            return !self.out.is_closed();
        }
        let sent = if self.told { Ok(()) } else { self.out.try_send(Item::Track(track.clone())) };
        let sent = sent.and_then(|()| {
            self.told = true;
            self.out.try_send(Item::Unit(unit.clone()))
        });
        self.wants_key = sent.is_err();
        !matches!(sent, Err(TrySendError::Closed(_)))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use media::{Rational, Timestamp, aac, avc};

    use super::*;

    fn video(width: u32) -> Track {
        let (record, profile) = (bytes::Bytes::new(), [0x64, 0, 0x1f]);
        let sample_aspect = Rational { num: 1, den: 1 };
        Track::video(avc::Config { record, width, height: 360, profile, frame_rate: None, sample_aspect })
    }

    fn sound() -> Track {
        Track::audio(aac::Config::announced(48_000, 2).unwrap())
    }

    fn hub() -> Hub {
        let made = |name, track| hls::presentation::Rendition {
            made: true,
            ..hls::presentation::Rendition::source(name, track)
        };
        let source = hls::presentation::Rendition::source;
        Hub::new(&[source("video", video(640)), source("audio", sound()), made("240p", video(426))])
    }

    fn unit(kind: Kind, ms: i64, key: bool) -> AccessUnit {
        let dts = Timestamp::millis(ms);
        AccessUnit { kind, dts, pts: dts, key, data: vec![0; 8].into() }
    }

    /// Times of what waits, `K` before a key frame's, `a` before sound's, `T` for a track.
    fn got(inbox: &mut mpsc::Receiver<Item>) -> Vec<String> {
        let letter = |item| match item {
            Item::Track(_) => "T".to_owned(),
            Item::Unit(unit) => {
                let letter = match (unit.kind, unit.key) {
                    (Kind::Audio, _) => "a",
                    (Kind::Video, true) => "K",
                    (Kind::Video, false) => "",
                };
                format!("{letter}{}", unit.dts.as_millis())
            }
        };
        std::iter::from_fn(|| inbox.try_recv().ok()).map(letter).collect()
    }

    #[test]
    fn a_reader_begins_with_the_open_gop_and_its_sound() {
        let hub = hub();
        for ms in (0..300).step_by(40) {
            hub.push(0, &video(640), &unit(Kind::Video, ms, ms % 120 == 0));
            hub.push(1, &sound(), &unit(Kind::Audio, ms + 5, true));
            hub.push(2, &video(426), &unit(Kind::Video, ms, ms % 120 == 0));
        }
        let mut source = hub.read(None).unwrap();
        let mut small = hub.read(Some("240p")).unwrap();
        for inbox in [&mut source, &mut small] {
            assert_eq!(got(inbox), ["T", "T", "K240", "a245", "280", "a285"]);
        }
        hub.push(0, &video(640), &unit(Kind::Video, 320, false));
        assert_eq!((got(&mut source), got(&mut small)), (vec!["320".to_owned()], vec![]));
        // Another configuration comes before its first unit.
        hub.push(2, &video(320), &unit(Kind::Video, 360, true));
        assert_eq!(got(&mut small), ["T", "K360"]);
        assert_eq!(hub.read(Some("720p")).unwrap_err(), Refused::Unknown);
        hub.close();
        assert_eq!(source.try_recv(), Err(mpsc::error::TryRecvError::Disconnected));
    }

    #[test]
    fn who_is_slow_goes_on_with_a_key_frame() {
        let hub = hub();
        hub.push(0, &video(640), &unit(Kind::Video, 0, true));
        let mut inbox = hub.read(None).unwrap();
        for ms in 1..2_000 {
            hub.push(0, &video(640), &unit(Kind::Video, ms, ms % 100 == 0));
        }
        let first = got(&mut inbox);
        assert!(first.len() <= QUEUE + 4, "{}", first.len());
        for ms in 2_001..2_110 {
            hub.push(0, &video(640), &unit(Kind::Video, ms, ms % 100 == 0));
        }
        assert_eq!(got(&mut inbox).first().map(String::as_str), Some("K2100"));
    }

    #[test]
    fn so_many_read_and_not_one_more_and_those_who_left_make_room() {
        let hub = hub();
        let all: Vec<_> = (0..READERS / 2).map(|_| hub.read(None).unwrap()).collect();
        assert_eq!(hub.read(None).unwrap_err(), Refused::Full);
        drop(all);
        hub.push(0, &video(640), &unit(Kind::Video, 0, true));
        hub.push(1, &sound(), &unit(Kind::Audio, 0, true));
        assert!(hub.read(None).is_ok());
    }

    #[test]
    fn a_gop_at_the_limit_and_beyond() {
        let hub = hub();
        let push = |ms| hub.push(0, &video(640), &unit(Kind::Video, ms, ms == 0));
        (0..MOST_UNITS as i64).for_each(push);
        assert_eq!(got(&mut hub.read(None).unwrap()).len(), MOST_UNITS + 1);
        push(MOST_UNITS as i64);
        assert_eq!(got(&mut hub.read(None).unwrap()), ["T"]);
    }
}
