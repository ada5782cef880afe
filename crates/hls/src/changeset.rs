//! What one push changed, as values for the shell to apply: store, journal, publish.

use std::sync::Arc;

use bytes::Bytes;
use media::Timestamp;

use crate::{PartInfo, Segment};

/// What happened to one rendition, in order.
#[derive(Clone, Debug, Default)]
pub struct Changeset {
    /// Apply them in this order.
    pub changes: Vec<Change>,
}

/// One thing that happened.
#[derive(Clone, Debug)]
pub enum Change {
    /// The initialisation segment that parts from here on need: a new one, or one from before.
    Init(Arc<Init>),
    /// A part is complete. Its bytes go to the journal and to whoever waits for `p{N}.m4s`.
    Part(Part),
    /// A segment is complete: its parts laid end to end (none where `gap`).
    Sealed(Arc<Segment>),
    /// A segment left the live playlist; its URLs answer for 3×TD more.
    Removed(Arc<Segment>),
    /// Media that came after its place was taken: for the journal alone, nobody is shown it.
    Late {
        /// The live segment from which on its place is taken.
        place: u64,
        /// An `Init` or a `Part`; its numbers are apart from those of what is live.
        change: Box<Self>,
    },
}

/// An initialisation segment (`ftyp` + `moov`), the target of EXT-X-MAP.
#[derive(Clone, Debug, PartialEq)]
pub struct Init {
    /// `K` of `init{K}.mp4`, from 0.
    pub number: u32,
    /// `ftyp` + `moov`.
    pub data: Bytes,
}

impl Init {
    /// `init{K}.mp4`.
    pub fn uri(&self) -> String {
        format!("init{}.mp4", self.number)
    }
}

/// A complete part with its bytes.
#[derive(Clone, Debug)]
pub struct Part {
    /// What the playlist says of it.
    pub info: PartInfo,
    /// The segment it belongs to.
    pub msn: u64,
    /// Its place in the segment, from 0 (`_HLS_part`).
    pub index: u32,
    /// The segment begins after EXT-X-DISCONTINUITY.
    pub discontinuity: bool,
    /// Discontinuities before (and at the start of) its segment since the session began.
    pub discontinuity_sequence: u64,
    /// The EXT-X-MAP it needs.
    pub init: u32,
    /// Not the publisher's: shown live, left out of recording and catch-up.
    pub live_only: bool,
    /// `tfdt`, in the track's scale.
    pub decode_time: u64,
    /// Presentation time of its first frame since the session's epoch.
    pub start: Timestamp,
    /// `styp`? `moof` `mdat`: `styp` in the first part of a segment.
    pub data: Bytes,
}
