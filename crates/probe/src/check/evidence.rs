//! What was seen of an origin: every request with its answer and its times, playlists and fragments read. The rules judge
//! this and nothing else, so a verdict can be had from a recorded session as from a live one.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::http::{Response, Url};
use crate::mp4::{Fragment, Init};
use crate::playlist::media::{Map, Range};
use crate::playlist::{Media, Multivariant};

/// All of a check. Times are since its start.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    /// What was asked for.
    pub url: String,
    /// When the watch began.
    pub began: Duration,
    /// When it was over.
    pub until: Duration,
    /// The wall clock at zero, since 1970.
    pub wall: Duration,
    /// The answer to the first request.
    pub entry: Option<Exchange>,
    /// What it said, unless it was a media playlist.
    pub multivariant: Option<Multivariant>,
    /// Each media playlist: variants first, then renditions.
    pub tracks: Vec<Track>,
}

/// A request and what came of it.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// Where to.
    pub url: Url,
    /// The header lines that mattered.
    pub headers: Vec<(&'static str, String)>,
    /// When it went out.
    pub sent: Duration,
    /// When it was over.
    pub done: Duration,
    /// The answer (a fragment's without its body), or why there is none.
    pub outcome: Result<Arc<Response>, String>,
    /// Bytes of the body.
    pub len: usize,
}

impl Exchange {
    /// The status, 0 where there was no answer.
    pub fn status(&self) -> u16 {
        self.outcome.as_ref().map_or(0, |r| r.status)
    }

    /// A header of the answer.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.outcome.as_ref().ok().and_then(|r| r.header(name))
    }

    /// How long it took.
    pub fn took(&self) -> Duration {
        self.done.saturating_sub(self.sent)
    }

    /// A query parameter, as a number.
    pub fn asked(&self, name: &str) -> Option<u64> {
        self.url.query_pairs().find(|(n, _)| n == name).and_then(|(_, v)| v.parse().ok())
    }

    /// Whether it was a blocking reload.
    pub fn blocking(&self) -> bool {
        self.url.query_pairs().any(|(n, _)| n == "_HLS_msn")
    }
}

/// A media playlist over time.
#[derive(Clone, Debug)]
pub struct Track {
    /// For people: `video 1280x720`, `audio main`.
    pub name: String,
    /// Its playlist.
    pub url: Url,
    /// What the multivariant playlist says of it.
    pub role: Role,
    /// Full playlists in the order of their answers.
    pub updates: Vec<Update>,
    /// Reloads that brought none.
    pub refused: Vec<Exchange>,
    /// Parts, segments, maps.
    pub resources: Vec<Resource>,
    /// Maps by their address and range.
    pub inits: BTreeMap<String, Result<Init, String>>,
    /// Deliberate requests.
    pub tests: Vec<Test>,
}

/// What a track is in the multivariant playlist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The index of its EXT-X-STREAM-INF.
    Variant(usize),
    /// The index of its EXT-X-MEDIA.
    Rendition(usize),
    /// There is no multivariant playlist.
    Alone,
}

/// One full playlist.
#[derive(Clone, Debug)]
pub struct Update {
    /// How it came.
    pub exchange: Exchange,
    /// Its text.
    pub text: Arc<str>,
    /// What it says.
    pub media: Arc<Media>,
}

/// What a resource is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// EXT-X-MAP.
    Init,
    /// EXT-X-PART.
    Part,
    /// A whole segment.
    Segment,
}

/// Why a resource was asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Why {
    /// It was listed.
    Listed,
    /// It was hinted, and not listed yet.
    Hinted,
    /// It was listed no more, since then.
    Gone(Duration),
}

/// A part, a segment or a map, fetched.
#[derive(Clone, Debug)]
pub struct Resource {
    /// What it is.
    pub kind: Kind,
    /// Why it was asked for.
    pub why: Why,
    /// The segment's number, and the part's index.
    pub place: (u64, u64),
    /// As the playlist writes it.
    pub uri: String,
    /// Its bytes in there.
    pub range: Option<Range>,
    /// How it came.
    pub exchange: Exchange,
    /// The first bytes, for a person.
    pub head: Vec<u8>,
    /// Its samples, where it is a part or a segment in fMP4 with its map known.
    pub fragments: Option<Result<Vec<Fragment>, String>>,
}

/// A deliberate request.
#[derive(Clone, Debug)]
pub struct Test {
    /// What it tries.
    pub purpose: Purpose,
    /// How it went.
    pub exchange: Exchange,
    /// The newest playlist when it was sent.
    pub before: Arc<Media>,
    /// The newest playlist that was known when it was over.
    pub after: Arc<Media>,
    /// The playlist in the answer, and its text.
    pub answer: Option<(Arc<Media>, Arc<str>)>,
    /// Of a delta: the full playlist asked for at the same time.
    pub full: Option<(Arc<Media>, Arc<str>)>,
}

/// What a deliberate request tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// `_HLS_msn` of the segment in the making, without a part (rule 18).
    Segment,
    /// The farthest segment that may be asked for (rules 18, 20, 21).
    Farthest,
    /// The part after the hinted one (rule 18).
    PartAhead,
    /// A part past the last of its segment (rule 18).
    PartPastLast,
    /// An `_HLS_msn` that is there already (rule 19).
    Past,
    /// An `_HLS_msn` that has left the playlist (rule 19).
    LongPast,
    /// `_HLS_part` alone (rule 20).
    PartAlone,
    /// `_HLS_msn` too far ahead (rule 20).
    TooFar,
    /// `_HLS_part` past the advance limit (rule 20).
    PartTooFar,
    /// All three parameters after EXT-X-ENDLIST (rule 21).
    AfterEnd,
    /// `_HLS_skip=YES` (rule 22).
    Delta,
    /// `_HLS_skip=v2` (rule 22).
    DeltaV2,
    /// A part that was never hinted (rule 23).
    NeverHinted,
    /// A playlist without Accept-Encoding (rule 24).
    Identity,
    /// A playlist over HTTP/1.1 alone (rule 25).
    Http1,
}

/// A map's key in [`Track::inits`].
pub fn map_key(map: &Map) -> String {
    match map.range {
        Some(Range { start, len }) => format!("{} {len}@{start}", map.uri),
        None => map.uri.clone(),
    }
}

impl Track {
    /// The newest playlist.
    pub fn latest(&self) -> Option<&Update> {
        self.updates.last()
    }

    /// EXT-X-TARGETDURATION, 0 where none was seen.
    pub fn target(&self) -> f64 {
        self.latest().and_then(|u| u.media.target_duration).unwrap_or(0) as f64
    }

    /// PART-TARGET.
    pub fn part_target(&self) -> Option<f64> {
        self.latest().and_then(|u| u.media.part_target)
    }

    /// Its first map that was read.
    pub fn init(&self) -> Option<&Init> {
        self.inits.values().find_map(|i| i.as_ref().ok())
    }

    /// Whether it has pictures: by its map where that was read.
    pub fn has_video(&self) -> Option<bool> {
        self.init().map(|i| i.tracks.iter().any(|t| t.handler == "vide"))
    }

    /// All parts listed at any time, by place, each as it was first listed; with the playlist that did.
    pub fn parts(&self) -> BTreeMap<(u64, u64), (&crate::playlist::media::Part, &Update)> {
        let mut out = BTreeMap::new();
        for update in &self.updates {
            for (msn, index, part) in update.media.parts() {
                out.entry((msn, index)).or_insert((part, update));
            }
        }
        out
    }

    /// All whole segments listed at any time, each as it was first listed; with the playlist that did.
    pub fn segments(&self) -> BTreeMap<u64, (&crate::playlist::media::Segment, &Update)> {
        let mut out = BTreeMap::new();
        for update in &self.updates {
            for segment in &update.media.segments {
                out.entry(segment.msn).or_insert((segment, update));
            }
        }
        out
    }

    /// Samples of a part or a segment that were read.
    pub fn samples(&self, kind: Kind, place: (u64, u64)) -> Option<&[Fragment]> {
        let found = self.resources.iter().filter(|r| r.kind == kind && r.place == place);
        found.filter_map(|r| r.fragments.as_ref()?.as_deref().ok()).next()
    }
}
