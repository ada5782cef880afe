//! Our own reader of playlists (draft-pantos-hls-rfc8216bis §4). It takes what players take, and notes as a
//! [`Fault`] each line that the draft does not allow: a reading always comes with what is wrong with it.
//!
//! **Does not belong here:** whether the origin behaves; that is the rules' business.

pub mod attributes;
pub mod delta;
pub mod media;
pub mod multivariant;
#[cfg(test)]
mod tests;

pub use media::Media;
pub use multivariant::Multivariant;

/// The longest text that is read.
pub const MAX_LEN: usize = 16 << 20;

/// A line that the draft does not allow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// From 1.
    pub line: usize,
    /// What is wrong with it.
    pub what: String,
}

/// Why a text is no playlist at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// §4.1: the first line.
    #[error("no playlist: the first line is not #EXTM3U")]
    NoHeader,
    /// More than [`MAX_LEN`].
    #[error("a playlist of {0} bytes; {MAX_LEN} at most are read")]
    TooLong(usize),
    /// §4.1: it is one or the other.
    #[error("a playlist with tags of both a multivariant and a media playlist")]
    Both,
}

/// Either kind.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "one at a time")]
pub enum Playlist {
    /// Variants and renditions.
    Multivariant(Multivariant),
    /// Segments and parts.
    Media(Media),
}

/// Reads either kind: a tag of a multivariant playlist makes it one (§4.4.6).
pub fn parse(text: &str) -> Result<Playlist, Error> {
    if text.len() > MAX_LEN {
        return Err(Error::TooLong(text.len()));
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if lines(text).next().is_none_or(|(_, line)| line.trim_end() != "#EXTM3U") {
        return Err(Error::NoHeader);
    }
    let has = |names: &[&str]| lines(text).any(|(_, l)| names.contains(&split(l).0));
    let multivariant =
        has(&["#EXT-X-STREAM-INF", "#EXT-X-MEDIA", "#EXT-X-I-FRAME-STREAM-INF", "#EXT-X-SESSION-DATA"]);
    let media = has(&["#EXTINF", "#EXT-X-TARGETDURATION", "#EXT-X-PART", "#EXT-X-MEDIA-SEQUENCE"]);
    match (multivariant, media) {
        (true, true) => Err(Error::Both),
        (true, false) => Ok(Playlist::Multivariant(multivariant::parse(text))),
        (false, _) => Ok(Playlist::Media(media::parse(text))),
    }
}

/// The lines that say something, counted from 1: no blank lines.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().enumerate().map(|(at, line)| (at + 1, line)).filter(|(_, line)| !line.trim().is_empty())
}

/// A tag's name with its `#`, and what follows the colon.
fn split(line: &str) -> (&str, &str) {
    if !line.starts_with('#') {
        return (line, "");
    }
    line.split_once(':').unwrap_or((line, ""))
}
