//! The reader of media playlists, line by line.

use std::sync::Arc;
use std::time::Duration;

use super::{Head, Hint, Map, Media, Part, Range, Report, Segment, ServerControl, Skip};
use crate::playlist::attributes::{self, Attributes};
use crate::playlist::{Fault, lines, split};

pub(crate) fn parse(text: &str) -> Media {
    let mut reader = Reader::default();
    for (line, content) in lines(text) {
        reader.line(line, content);
    }
    reader.end()
}

#[derive(Default)]
struct Reader {
    out: Media,
    /// EXTINF that waits for its URI.
    duration: Option<f64>,
    /// EXT-X-BYTERANGE that waits for its URI.
    range: Option<(u64, Option<u64>)>,
    /// Where the last range of a resource ended, for those without an offset of their own.
    ended: Option<(String, u64)>,
}

impl Reader {
    fn line(&mut self, line: usize, content: &str) {
        let (tag, value) = split(content);
        match tag {
            "#EXTM3U" => {}
            "#EXT-X-VERSION" => self.out.version = self.integer(tag, value, line, self.out.version.is_some()),
            "#EXT-X-TARGETDURATION" => {
                self.out.target_duration = self.integer(tag, value, line, self.out.target_duration.is_some());
            }
            "#EXT-X-MEDIA-SEQUENCE" => {
                if !self.out.segments.is_empty() {
                    self.fault(line, "EXT-X-MEDIA-SEQUENCE after the first segment (§4.4.3.2)");
                }
                self.out.media_sequence = self.integer(tag, value, line, false).unwrap_or(0);
            }
            "#EXT-X-DISCONTINUITY-SEQUENCE" => {
                if !self.out.segments.is_empty() || self.out.open.discontinuity.is_some() {
                    self.fault(line, "EXT-X-DISCONTINUITY-SEQUENCE after the first segment (§4.4.3.3)");
                }
                self.out.discontinuity_sequence =
                    self.integer(tag, value, line, self.out.discontinuity_sequence.is_some());
            }
            "#EXT-X-PLAYLIST-TYPE" => self.out.playlist_type = Some(value.trim().to_owned()),
            "#EXT-X-ENDLIST" => self.out.ended = true,
            "#EXT-X-INDEPENDENT-SEGMENTS" => self.out.independent_segments = true,
            "#EXT-X-I-FRAMES-ONLY" => self.out.i_frames_only = true,
            "#EXT-X-PART-INF" => {
                let list = attributes::parse(value, line, &mut self.out.faults);
                self.out.part_target = list.seconds("PART-TARGET", line, &mut self.out.faults);
            }
            "#EXT-X-SERVER-CONTROL" => self.server_control(value, line),
            "#EXT-X-SKIP" => self.skip(value, line),
            "#EXTINF" => self.extinf(value, line),
            "#EXT-X-BYTERANGE" => self.range = self.byte_range(value, line),
            "#EXT-X-DISCONTINUITY" => self.out.open.discontinuity = Some(line),
            "#EXT-X-GAP" => self.out.open.gap = true,
            "#EXT-X-MAP" => self.map(value, line),
            "#EXT-X-PROGRAM-DATE-TIME" => {
                self.out.open.date_time = date_time(value.trim());
                self.out.open.date_time_line = Some(line);
                if self.out.open.date_time.is_none() {
                    self.fault(line, format!("EXT-X-PROGRAM-DATE-TIME:{value} is no date and time"));
                }
            }
            "#EXT-X-PART" => self.part(value, line),
            "#EXT-X-PRELOAD-HINT" => self.hint(value, line),
            "#EXT-X-RENDITION-REPORT" => self.report(value, line),
            _ if content.starts_with('#') => {}
            uri => self.segment(uri.trim(), line),
        }
    }

    fn end(mut self) -> Media {
        if self.duration.is_some() {
            self.fault(0, "the last EXTINF has no URI");
        }
        if self.out.target_duration.is_none() {
            self.fault(0, "no EXT-X-TARGETDURATION (§4.4.3.1)");
        }
        self.out
    }

    fn fault(&mut self, line: usize, what: impl Into<String>) {
        self.out.faults.push(Fault { line, what: what.into() });
    }

    fn integer(&mut self, tag: &str, value: &str, line: usize, again: bool) -> Option<u64> {
        let parsed = value.trim().parse().ok();
        if parsed.is_none() {
            self.fault(line, format!("{tag}:{value} is no number"));
        }
        if again {
            self.fault(line, format!("{tag} stands twice (§4.1)"));
        }
        parsed
    }

    fn extinf(&mut self, value: &str, line: usize) {
        let text = value.split(',').next().unwrap_or_default().trim();
        let duration = text.parse().ok().filter(|d: &f64| d.is_finite() && *d >= 0.0);
        if duration.is_none() {
            self.fault(line, format!("EXTINF:{value} is no duration"));
        }
        if self.duration.is_some() {
            self.fault(line, "EXTINF twice for one segment");
        }
        self.duration = duration.or(Some(0.0));
    }

    fn segment(&mut self, uri: &str, line: usize) {
        let Some(duration) = self.duration.take() else {
            return self.fault(line, "a URI without EXTINF");
        };
        let range = self.range.take().map(|(len, start)| self.place(uri, len, start));
        let map = self.out.open.map.clone();
        let head = std::mem::replace(&mut self.out.open, Head { map, ..Head::default() });
        let msn = self.out.next_msn();
        self.out.segments.push(Segment { msn, duration, uri: uri.to_owned(), range, head, line });
    }

    fn server_control(&mut self, value: &str, line: usize) {
        let faults = &mut self.out.faults;
        let list = attributes::parse(value, line, faults);
        self.out.server_control = Some(ServerControl {
            can_block_reload: list.yes("CAN-BLOCK-RELOAD", line, faults),
            can_skip_until: list.seconds("CAN-SKIP-UNTIL", line, faults),
            can_skip_dateranges: list.yes("CAN-SKIP-DATERANGES", line, faults),
            hold_back: list.seconds("HOLD-BACK", line, faults),
            part_hold_back: list.seconds("PART-HOLD-BACK", line, faults),
        });
    }

    fn skip(&mut self, value: &str, line: usize) {
        let faults = &mut self.out.faults;
        let list = attributes::parse(value, line, faults);
        let segments = list.integer("SKIPPED-SEGMENTS", line, faults);
        let dateranges = list.get("RECENTLY-REMOVED-DATERANGES").is_some();
        match segments {
            Some(segments) if self.out.segments.is_empty() && self.out.skip.is_none() => {
                self.out.skip = Some(Skip { segments, dateranges, line });
            }
            Some(_) => self.fault(line, "EXT-X-SKIP twice, or after the first segment (§4.4.5.2)"),
            None => self.fault(line, "EXT-X-SKIP without SKIPPED-SEGMENTS"),
        }
    }

    fn map(&mut self, value: &str, line: usize) {
        let list = attributes::parse(value, line, &mut self.out.faults);
        let Some(uri) = self.uri(&list, line) else { return };
        let range = self.attribute_range(&list, &uri, line);
        self.out.open.map = Some(Arc::new(Map { uri, range }));
        self.out.open.map_line = Some(line);
    }

    fn part(&mut self, value: &str, line: usize) {
        let list = attributes::parse(value, line, &mut self.out.faults);
        let Some(uri) = self.uri(&list, line) else { return };
        let duration = list.seconds("DURATION", line, &mut self.out.faults);
        if duration.is_none_or(|d| d == 0.0) {
            self.fault(line, "EXT-X-PART without DURATION");
        }
        let range = self.attribute_range(&list, &uri, line);
        let faults = &mut self.out.faults;
        let (independent, gap) = (list.yes("INDEPENDENT", line, faults), list.yes("GAP", line, faults));
        let duration = duration.unwrap_or(0.0);
        self.out.open.parts.push(Part { uri, duration, independent, gap, range, line });
    }

    fn hint(&mut self, value: &str, line: usize) {
        let list = attributes::parse(value, line, &mut self.out.faults);
        let Some(uri) = self.uri(&list, line) else { return };
        let faults = &mut self.out.faults;
        let kind = list.word("TYPE", line, faults).unwrap_or_default();
        if !matches!(kind.as_str(), "PART" | "MAP") {
            faults.push(Fault { line, what: format!("EXT-X-PRELOAD-HINT of type `{kind}`") });
        }
        self.out.hints.push(Hint {
            kind,
            uri,
            start: list.integer("BYTERANGE-START", line, faults).unwrap_or(0),
            len: list.integer("BYTERANGE-LENGTH", line, faults),
            map: self.out.open.map.clone(),
            line,
        });
    }

    fn report(&mut self, value: &str, line: usize) {
        let list = attributes::parse(value, line, &mut self.out.faults);
        let Some(uri) = self.uri(&list, line) else { return };
        let faults = &mut self.out.faults;
        let (last_msn, last_part) =
            (list.integer("LAST-MSN", line, faults), list.integer("LAST-PART", line, faults));
        self.out.reports.push(Report { uri, last_msn, last_part, line });
    }

    fn uri(&mut self, list: &Attributes<'_>, line: usize) -> Option<String> {
        let uri = list.string("URI", line, &mut self.out.faults);
        if uri.is_none() {
            self.fault(line, "no URI");
        }
        uri
    }

    fn attribute_range(&mut self, list: &Attributes<'_>, uri: &str, line: usize) -> Option<Range> {
        let text = list.string("BYTERANGE", line, &mut self.out.faults)?;
        let (len, start) = self.byte_range(&text, line)?;
        Some(self.place(uri, len, start))
    }

    /// `LENGTH[@OFFSET]`.
    fn byte_range(&mut self, text: &str, line: usize) -> Option<(u64, Option<u64>)> {
        let (len, start) = text.trim().split_once('@').map_or((text, None), |(l, s)| (l, Some(s)));
        let len = len.trim().parse().ok();
        let start = start.map(|s| s.trim().parse().ok());
        match (len, start) {
            (Some(len), None) => Some((len, None)),
            (Some(len), Some(Some(start))) => Some((len, Some(start))),
            _ => {
                self.fault(line, format!("`{text}` is no byte range"));
                None
            }
        }
    }

    /// Without an offset a range begins where the one before of the same resource ended (§4.4.4.2).
    fn place(&mut self, uri: &str, len: u64, start: Option<u64>) -> Range {
        let follows = self.ended.as_ref().filter(|(of, _)| of == uri).map_or(0, |(_, end)| *end);
        let start = start.unwrap_or(follows);
        self.ended = Some((uri.to_owned(), start.saturating_add(len)));
        Range { start, len }
    }
}

/// ISO 8601 with a zone, as §4.4.4.6 asks for; since 1970.
fn date_time(text: &str) -> Option<Duration> {
    use time::format_description::well_known::{Iso8601, Rfc3339};
    let parsed = time::OffsetDateTime::parse(text, &Rfc3339)
        .or_else(|_| time::OffsetDateTime::parse(text, &Iso8601::PARSING))
        .ok()?;
    u64::try_from(parsed.unix_timestamp_nanos()).ok().map(Duration::from_nanos)
}
