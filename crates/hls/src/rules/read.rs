//! A reader of media playlists that knows only what stands in them.

use std::collections::BTreeMap;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// A media playlist.
#[derive(Clone, Debug, Default)]
pub(super) struct Playlist {
    pub version: u64,
    pub target: u64,
    pub control: BTreeMap<String, String>,
    pub part_target: Option<f64>,
    pub msn: u64,
    pub discontinuities: Option<u64>,
    /// INDEPENDENT-SEGMENTS.
    pub independent: bool,
    pub typed: bool,
    pub skipped: u64,
    /// The last may be open: no URI yet.
    pub segments: Vec<Segment>,
    pub hints: Vec<Hint>,
    pub reports: Vec<BTreeMap<String, String>>,
    pub ended: bool,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Segment {
    pub msn: u64,
    pub discontinuity: bool,
    /// In force.
    pub map: Option<String>,
    /// PROGRAM-DATE-TIME, ms since 1970.
    pub date: Option<i64>,
    pub parts: Vec<Part>,
    pub gap: bool,
    pub duration: Option<f64>,
    pub uri: Option<String>,
    /// DISCONTINUITY, MAP or PROGRAM-DATE-TIME came behind a part.
    pub late: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Part {
    pub uri: String,
    pub duration: f64,
    pub independent: bool,
    pub gap: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Hint {
    pub kind: String,
    pub uri: String,
    /// In force before it.
    pub map: Option<String>,
    /// A DISCONTINUITY stands before it, and no part since.
    pub discontinuity: bool,
}

impl Segment {
    fn touched(&self) -> bool {
        self.discontinuity || self.date.is_some() || !self.parts.is_empty() || self.gap
    }
}

impl Playlist {
    pub(super) fn read(text: &str) -> Self {
        let mut list = Self::default();
        let (mut now, mut map) = (Segment::default(), None);
        let mut lines = text.lines();
        assert_eq!(lines.next(), Some("#EXTM3U"));
        for line in lines {
            let (tag, value) = line.split_once(':').unwrap_or((line, ""));
            let number = || value.parse().unwrap();
            match tag {
                "#EXT-X-VERSION" => list.version = number(),
                "#EXT-X-TARGETDURATION" => list.target = number(),
                "#EXT-X-SERVER-CONTROL" => list.control = attributes(value),
                "#EXT-X-PART-INF" => {
                    list.part_target = Some(attributes(value)["PART-TARGET"].parse().unwrap());
                }
                "#EXT-X-MEDIA-SEQUENCE" => list.msn = number(),
                "#EXT-X-DISCONTINUITY-SEQUENCE" => list.discontinuities = Some(number()),
                "#EXT-X-INDEPENDENT-SEGMENTS" => list.independent = true,
                "#EXT-X-PLAYLIST-TYPE" => list.typed = true,
                "#EXT-X-SKIP" => list.skipped = attributes(value)["SKIPPED-SEGMENTS"].parse().unwrap(),
                "#EXT-X-DISCONTINUITY" => {
                    now.late |= !now.parts.is_empty();
                    now.discontinuity = true;
                }
                "#EXT-X-MAP" => {
                    now.late |= !now.parts.is_empty();
                    map = Some(attributes(value)["URI"].clone());
                }
                "#EXT-X-PROGRAM-DATE-TIME" => {
                    now.late |= !now.parts.is_empty();
                    let at = OffsetDateTime::parse(value, &Rfc3339).unwrap();
                    now.date = Some((at.unix_timestamp_nanos() / 1_000_000) as i64);
                }
                "#EXT-X-PART" => {
                    let a = attributes(value);
                    let yes = |name: &str| a.get(name).is_some_and(|value| value == "YES");
                    let (uri, duration) = (a["URI"].clone(), a["DURATION"].parse().unwrap());
                    let (independent, gap) = (yes("INDEPENDENT"), yes("GAP"));
                    now.map = map.clone();
                    now.parts.push(Part { uri, duration, independent, gap });
                }
                "#EXT-X-GAP" => now.gap = true,
                "#EXTINF" => now.duration = Some(value.strip_suffix(',').unwrap().parse().unwrap()),
                "#EXT-X-PRELOAD-HINT" => {
                    let a = attributes(value);
                    list.hints.push(Hint {
                        kind: a["TYPE"].clone(),
                        uri: a["URI"].clone(),
                        map: map.clone(),
                        discontinuity: now.discontinuity && now.parts.is_empty(),
                    });
                }
                "#EXT-X-RENDITION-REPORT" => list.reports.push(attributes(value)),
                "#EXT-X-ENDLIST" => list.ended = true,
                uri if !uri.starts_with('#') => {
                    now.uri = Some(uri.to_owned());
                    list.end(&mut now, &map);
                }
                tag => panic!("{tag}?"),
            }
        }
        if now.touched() {
            list.end(&mut now, &map);
        }
        list
    }

    fn end(&mut self, now: &mut Segment, map: &Option<String>) {
        let mut segment = std::mem::take(now);
        segment.msn = self.msn + self.skipped + self.segments.len() as u64;
        segment.map = map.clone();
        self.segments.push(segment);
    }

    /// Every part that is listed, with its segment.
    pub(super) fn parts(&self) -> impl Iterator<Item = (&Segment, &Part)> {
        self.segments.iter().flat_map(|segment| segment.parts.iter().map(move |part| (segment, part)))
    }

    /// Seconds of what is listed.
    pub(super) fn length(&self) -> f64 {
        let parts = |s: &Segment| s.parts.iter().map(|part| part.duration).sum();
        self.segments.iter().map(|s| s.duration.unwrap_or_else(|| parts(s))).sum()
    }

    pub(super) fn seconds(&self, name: &str) -> Option<f64> {
        self.control.get(name).map(|value| value.parse().unwrap())
    }
}

fn attributes(text: &str) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    let mut rest = text;
    while let Some((name, after)) = rest.split_once('=') {
        let (value, left) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap(),
            None => after.split_at(after.find(',').unwrap_or(after.len())),
        };
        assert!(all.insert(name.to_owned(), value.to_owned()).is_none(), "{name} twice");
        rest = left.strip_prefix(',').unwrap_or(left);
    }
    all
}
