//! Playlists as a small player reads them: what it fetches next, and nothing that only a judge would ask for. One pass, no
//! copies but of the names. What isn't understood is passed over; `check` is the one that complains.

use std::time::Duration;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Either kind of playlist.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Playlist {
    /// The playlists to play together: a variant's, and the audio rendition that goes with it.
    Multivariant(Vec<String>),
    /// One rendition.
    Media(Media),
}

/// One rendition's playlist.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Media {
    /// TARGETDURATION.
    pub target: Duration,
    /// PART-TARGET, where there are parts.
    pub part_target: Option<Duration>,
    /// HOLD-BACK.
    pub hold_back: Option<Duration>,
    /// PART-HOLD-BACK.
    pub part_hold_back: Option<Duration>,
    /// CAN-BLOCK-RELOAD.
    pub blocks: bool,
    /// CAN-SKIP-UNTIL.
    pub skip_until: Option<Duration>,
    /// ENDLIST.
    pub ended: bool,
    /// MEDIA-SEQUENCE: older ones are gone.
    pub oldest: u64,
    /// In order; in a delta update the newest only. The last one may be open.
    pub segments: Vec<Segment>,
    /// PRELOAD-HINT of a part.
    pub hint: Option<Resource>,
}

/// A segment, or the beginning of one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Segment {
    /// Its media sequence number.
    pub msn: u64,
    /// Its discontinuity sequence number.
    pub discontinuity: u64,
    /// PROGRAM-DATE-TIME since 1970, its own or counted on from one before.
    pub date: Option<Duration>,
    /// EXT-X-MAP.
    pub map: Option<Resource>,
    /// As far as they are listed.
    pub parts: Vec<Part>,
    /// Duration and place; `None` while it is open.
    pub whole: Option<(Duration, Resource)>,
    /// EXT-X-GAP.
    pub gap: bool,
}

/// EXT-X-PART.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Part {
    pub duration: Duration,
    pub resource: Resource,
    pub independent: bool,
    pub gap: bool,
}

/// What to fetch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Resource {
    /// As the playlist has it.
    pub uri: String,
    /// First byte and number of bytes.
    pub range: Option<(u64, u64)>,
}

impl Media {
    /// The place after the newest part: media sequence number and part.
    pub(super) fn edge(&self) -> (u64, usize) {
        match self.segments.last() {
            Some(last) if last.whole.is_none() => (last.msn, last.parts.len()),
            Some(last) => (last.msn.saturating_add(1), 0),
            None => (self.oldest, 0),
        }
    }

    /// The segment of this number, where it is listed.
    pub(super) fn segment(&self, msn: u64) -> Option<&Segment> {
        let first = self.segments.first()?.msn;
        self.segments.get(usize::try_from(msn.checked_sub(first)?).ok()?)
    }
}

impl Segment {
    /// How much of it there is.
    pub(super) fn duration(&self) -> Duration {
        match &self.whole {
            Some((duration, _)) => *duration,
            None => self.parts.iter().map(|part| part.duration).sum(),
        }
    }
}

/// Reads a playlist; `None` where it is none.
pub(super) fn parse(text: &str) -> Option<Playlist> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if !text.starts_with("#EXTM3U") {
        return None;
    }
    if text.contains("\n#EXT-X-STREAM-INF:") {
        return Some(Playlist::Multivariant(multivariant(text)));
    }
    Some(Playlist::Media(media(text)))
}

/// The variant of the highest bandwidth, and the default audio of its group (the first where none is).
fn multivariant(text: &str) -> Vec<String> {
    let mut audio: Vec<(&str, bool, &str)> = Vec::new();
    let mut best: Option<(u64, &str, Option<&str>)> = None;
    let mut variant = None;
    for line in text.lines().map(str::trim) {
        if let Some(list) = line.strip_prefix("#EXT-X-MEDIA:") {
            // One without a URI is muxed into the variant.
            if attribute(list, "TYPE") == Some("AUDIO")
                && let (Some(group), Some(uri)) = (attribute(list, "GROUP-ID"), attribute(list, "URI"))
            {
                audio.push((group, attribute(list, "DEFAULT") == Some("YES"), uri));
            }
        } else if let Some(list) = line.strip_prefix("#EXT-X-STREAM-INF:") {
            let bandwidth = attribute(list, "BANDWIDTH").and_then(|b| b.parse().ok()).unwrap_or(0);
            variant = Some((bandwidth, attribute(list, "AUDIO")));
        } else if !line.is_empty()
            && !line.starts_with('#')
            && let Some((bandwidth, group)) = variant.take()
            && best.is_none_or(|(most, ..)| bandwidth > most)
        {
            best = Some((bandwidth, line, group));
        }
    }
    let Some((_, uri, group)) = best else { return Vec::new() };
    let of_group = || audio.iter().filter(|(name, ..)| Some(*name) == group);
    let sound = of_group().find(|(_, default, _)| *default).or_else(|| of_group().next());
    std::iter::once(uri).chain(sound.map(|(.., uri)| *uri)).map(str::to_owned).collect()
}

fn media(text: &str) -> Media {
    let mut media = Media::default();
    let mut reader = Reader::default();
    for line in text.lines().map(str::trim) {
        reader.line(line, &mut media);
    }
    let open = &reader.open;
    if !open.parts.is_empty() {
        media.segments.push(reader.open);
    }
    media
}

/// What stands before a segment's URI.
#[derive(Default)]
struct Reader {
    open: Segment,
    duration: Duration,
    byte_range: Option<(u64, Option<u64>)>,
    /// Where a range without an offset goes on.
    range_end: u64,
}

impl Reader {
    fn line(&mut self, line: &str, media: &mut Media) {
        let Some(tag) = line.strip_prefix("#EXT") else {
            if !line.is_empty() && !line.starts_with('#') {
                self.segment(line, media);
            }
            return;
        };
        let (name, value) = tag.split_once(':').unwrap_or((tag, ""));
        match name {
            "INF" => self.duration = seconds(value.split(',').next()).unwrap_or_default(),
            "-X-PART" => self.part(value),
            "-X-PROGRAM-DATE-TIME" => self.open.date = date(value),
            "-X-DISCONTINUITY" => self.open.discontinuity = self.open.discontinuity.saturating_add(1),
            "-X-GAP" => self.open.gap = true,
            "-X-BYTERANGE" => self.byte_range = byte_range(value),
            "-X-MAP" => {
                let range = attribute(value, "BYTERANGE").and_then(byte_range);
                let range = range.map(|(len, at)| (at.unwrap_or(0), len));
                self.open.map = attribute(value, "URI").map(|uri| Resource { uri: uri.to_owned(), range });
            }
            "-X-TARGETDURATION" => media.target = seconds(Some(value)).unwrap_or_default(),
            "-X-PART-INF" => media.part_target = seconds(attribute(value, "PART-TARGET")),
            "-X-SERVER-CONTROL" => {
                media.blocks = attribute(value, "CAN-BLOCK-RELOAD") == Some("YES");
                media.hold_back = seconds(attribute(value, "HOLD-BACK"));
                media.part_hold_back = seconds(attribute(value, "PART-HOLD-BACK"));
                media.skip_until = seconds(attribute(value, "CAN-SKIP-UNTIL"));
            }
            "-X-MEDIA-SEQUENCE" => {
                media.oldest = value.parse().unwrap_or(0);
                self.open.msn = media.oldest;
            }
            "-X-DISCONTINUITY-SEQUENCE" => self.open.discontinuity = value.parse().unwrap_or(0),
            "-X-SKIP" => {
                let skipped = attribute(value, "SKIPPED-SEGMENTS").and_then(|n| n.parse().ok()).unwrap_or(0);
                self.open.msn = self.open.msn.saturating_add(skipped);
            }
            "-X-PRELOAD-HINT" if attribute(value, "TYPE") == Some("PART") => {
                let at = attribute(value, "BYTERANGE-START").and_then(|n| n.parse().ok());
                let len = attribute(value, "BYTERANGE-LENGTH").and_then(|n| n.parse().ok());
                let range = at.zip(len);
                media.hint = attribute(value, "URI").map(|uri| Resource { uri: uri.to_owned(), range });
            }
            "-X-ENDLIST" => media.ended = true,
            _ => {}
        }
    }

    fn part(&mut self, list: &str) {
        let (Some(duration), Some(uri)) = (seconds(attribute(list, "DURATION")), attribute(list, "URI"))
        else {
            return;
        };
        let range = attribute(list, "BYTERANGE").and_then(byte_range).map(|range| self.placed(range));
        self.open.parts.push(Part {
            duration,
            resource: Resource { uri: uri.to_owned(), range },
            independent: attribute(list, "INDEPENDENT") == Some("YES"),
            gap: attribute(list, "GAP") == Some("YES"),
        });
    }

    fn segment(&mut self, uri: &str, media: &mut Media) {
        let range = self.byte_range.take().map(|range| self.placed(range));
        self.open.whole = Some((self.duration, Resource { uri: uri.to_owned(), range }));
        let next = Segment {
            msn: self.open.msn.saturating_add(1),
            discontinuity: self.open.discontinuity,
            date: self.open.date.map(|date| date + self.duration),
            map: self.open.map.clone(),
            ..Segment::default()
        };
        media.segments.push(std::mem::replace(&mut self.open, next));
    }

    fn placed(&mut self, (len, at): (u64, Option<u64>)) -> (u64, u64) {
        let at = at.unwrap_or(self.range_end);
        self.range_end = at.saturating_add(len);
        (at, len)
    }
}

/// An attribute's value, without its quotes.
fn attribute<'a>(list: &'a str, name: &str) -> Option<&'a str> {
    let mut rest = list;
    loop {
        let (key, after) = rest.split_once('=')?;
        let (value, next) = match after.strip_prefix('"') {
            Some(quoted) => {
                let (value, next) = quoted.split_once('"')?;
                (value, next.strip_prefix(',').unwrap_or(next))
            }
            None => after.split_once(',').unwrap_or((after, "")),
        };
        if key.trim() == name {
            return Some(value);
        }
        rest = next;
    }
}

/// A day at most, so that sums of them stay sums.
fn seconds(text: Option<&str>) -> Option<Duration> {
    let duration = Duration::try_from_secs_f64(text?.trim().parse().ok()?).ok()?;
    (duration <= Duration::from_secs(86_400)).then_some(duration)
}

fn date(text: &str) -> Option<Duration> {
    let date = OffsetDateTime::parse(text.trim(), &Rfc3339).ok()?;
    let nanos = u64::try_from(date.unix_timestamp_nanos()).ok()?;
    Some(Duration::from_nanos(nanos))
}

/// `LENGTH[@OFFSET]`
fn byte_range(text: &str) -> Option<(u64, Option<u64>)> {
    let (len, at) = match text.split_once('@') {
        Some((len, at)) => (len, Some(at.parse().ok()?)),
        None => (text, None),
    };
    Some((len.parse().ok()?, at))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;

    fn media_of(text: &str) -> Media {
        match parse(text) {
            Some(Playlist::Media(media)) => media,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_best_variant_with_its_sound() {
        let text = "#EXTM3U\n\
            #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"x, URI=no\",URI=\"en.m3u8\"\n\
            #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"y\",DEFAULT=YES,URI=\"de.m3u8\"\n\
            #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"b\",NAME=\"z\",DEFAULT=YES,URI=\"other.m3u8\"\n\
            #EXT-X-STREAM-INF:BANDWIDTH=100,AUDIO=\"b\"\nlow.m3u8\n\
            #EXT-X-STREAM-INF:AVERAGE-BANDWIDTH=1,BANDWIDTH=200,CODECS=\"a,b\",AUDIO=\"a\"\nhigh.m3u8\n\
            #EXT-X-STREAM-INF:BANDWIDTH=150\nmid.m3u8\n";
        let expect = Playlist::Multivariant(vec!["high.m3u8".into(), "de.m3u8".into()]);
        assert_eq!(parse(text), Some(expect));
        let alone = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\na.m3u8\n";
        assert_eq!(parse(alone), Some(Playlist::Multivariant(vec!["a.m3u8".into()])));
        assert_eq!(parse("<html>"), None);
    }

    #[test]
    fn parts_dates_and_the_hint() {
        let media = media_of(
            "#EXTM3U\n#EXT-X-TARGETDURATION:2\n\
            #EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=0.6,HOLD-BACK=6,CAN-SKIP-UNTIL=12\n\
            #EXT-X-PART-INF:PART-TARGET=0.2\n#EXT-X-MEDIA-SEQUENCE:7\n#EXT-X-DISCONTINUITY-SEQUENCE:3\n\
            #EXT-X-SKIP:SKIPPED-SEGMENTS=2\n\
            #EXT-X-PROGRAM-DATE-TIME:1970-01-01T00:00:10.500Z\n#EXT-X-MAP:URI=\"i0.mp4\"\n\
            #EXT-X-PART:DURATION=0.2,URI=\"p1\",INDEPENDENT=YES\n#EXT-X-PART:DURATION=0.1,URI=\"p2\",GAP=YES\n\
            #EXTINF:0.3,\ns9\n#EXT-X-DISCONTINUITY\n#EXT-X-PART:DURATION=0.2,URI=\"p3\"\n\
            #EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"p4\"\n",
        );
        let ms = Duration::from_millis;
        assert_eq!((media.target, media.part_target, media.oldest), (ms(2_000), Some(ms(200)), 7));
        assert_eq!((media.part_hold_back, media.hold_back), (Some(ms(600)), Some(ms(6_000))));
        assert_eq!((media.blocks, media.skip_until, media.ended), (true, Some(ms(12_000)), false));
        assert_eq!(media.edge(), (10, 1));
        let [closed, open] = &media.segments[..] else { panic!("{media:?}") };
        assert_eq!((closed.msn, closed.discontinuity, closed.date), (9, 3, Some(ms(10_500))));
        assert_eq!((open.msn, open.discontinuity, open.date), (10, 4, Some(ms(10_800))));
        assert_eq!(open.map, closed.map);
        assert_eq!(closed.map.as_ref().unwrap().uri, "i0.mp4");
        let flags: Vec<_> = closed.parts.iter().map(|p| (p.independent, p.gap)).collect();
        assert_eq!(flags, [(true, false), (false, true)]);
        assert_eq!((open.whole.clone(), open.duration()), (None, ms(200)));
        assert_eq!(media.hint.unwrap().uri, "p4");
        assert!(media.segments[0].whole.is_some());
    }

    #[test]
    fn segments_by_number_and_by_range() {
        let media = media_of(
            "#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXT-X-MEDIA-SEQUENCE:1\n#EXTINF:6,\n#EXT-X-BYTERANGE:10@5\na\n\
            #EXTINF:6,\n#EXT-X-BYTERANGE:20\na\n#EXT-X-GAP\n#EXTINF:5.5,\nb\n#EXT-X-ENDLIST\n",
        );
        let ranges: Vec<_> = media.segments.iter().map(|s| s.whole.as_ref().unwrap().1.range).collect();
        assert_eq!(ranges, [Some((5, 10)), Some((15, 20)), None]);
        assert!(media.ended && media.segments[2].gap && !media.segments[1].gap);
        assert_eq!(media.segment(2).unwrap().msn, 2);
        assert!(media.segment(0).is_none() && media.segment(4).is_none());
        assert_eq!(media.edge(), (4, 0));
    }

    #[test]
    fn nonsense_is_passed_over() {
        for text in [
            "#EXTM3U",
            "#EXTM3U\n#EXTINF:x,\na\n#EXT-X-PART:DURATION=0.2\n#EXT-X-PART:URI=\"",
            "#EXTM3U\n#EXT-X-SKIP:SKIPPED-SEGMENTS=99999999999999999999\n#EXT-X-MEDIA-SEQUENCE:-1\n#EXTINF:1e400,\na",
            "#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:18446744073709551615\n#EXTINF:1,\na\n#EXTINF:1,\nb",
            "#EXTM3U\n#EXT-X-PROGRAM-DATE-TIME:yesterday\n#EXTINF:-3,\na\n#EXT-X-BYTERANGE:9@\nb",
        ] {
            assert!(matches!(parse(text), Some(Playlist::Media(_))), "{text}");
        }
    }
}
