//! The storyboard: WebVTT whose cues name tiles of sheets (`#xywh=`, Media Fragments URI 1.0 §4.2.2).

use std::fmt::Write;
use std::time::Duration;

use transcode::watch::COLUMNS;

use super::Sheet;

/// Where on a playlist's time line a moment of the session's clock lies, in ms; `None` where it has none.
pub(crate) trait Place {
    fn place(&self, at: i64) -> Option<i64>;
}

/// The session's clock itself, from the beginning of its window on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Live {
    /// ms.
    pub from: i64,
}

impl Place for Live {
    fn place(&self, at: i64) -> Option<i64> {
        (at >= self.from && at >= 0).then_some(at)
    }
}

/// What was recorded, laid end to end.
#[derive(Clone, Debug, Default)]
pub(crate) struct Recorded {
    /// Beginning and length on the session's clock, ms, in order of presentation.
    pub segments: Vec<(i64, i64)>,
}

impl Place for Recorded {
    fn place(&self, at: i64) -> Option<i64> {
        let mut before = 0;
        for (start, long) in &self.segments {
            if (*start..start + long).contains(&at) {
                return Some(before + at - start);
            }
            before += long;
        }
        None
    }
}

/// `folder`: how the text's address reaches the sheets'. `zero`: what the clock's zero is, where it isn't the playlist's
/// beginning. A tile stands until the next, or for `every`.
pub(crate) fn render(
    sheets: &[Sheet],
    place: &impl Place,
    folder: &str,
    zero: Option<&str>,
    every: Duration,
) -> String {
    let mut out = String::from("WEBVTT\n");
    if let Some(zero) = zero {
        // Apple's HLS: cues are on the media's own time line.
        let _ = write!(
            out,
            "X-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:0\n\nNOTE 00:00:00.000 is {zero} of PROGRAM-DATE-TIME\n"
        );
    }
    let every = i64::try_from(every.as_millis()).unwrap_or(i64::MAX).max(1);
    let tiles = sheets.iter().flat_map(|sheet| sheet.tiles.iter().map(move |tile| (sheet, tile)));
    let mut tiles: Vec<_> =
        tiles.filter_map(|(sheet, (tile, at))| Some((place.place(*at)?, sheet, *tile))).collect();
    tiles.sort_by_key(|(at, sheet, tile)| (*at, sheet.number, *tile));
    for (i, (from, sheet, tile)) in tiles.iter().enumerate() {
        let to = tiles.get(i + 1).map_or(from + every, |(next, ..)| *next).max(from + 1);
        let (width, height) = sheet.tile_size;
        let (x, y) = (tile % COLUMNS * width, tile / COLUMNS * height);
        let _ = write!(
            out,
            "\n{} --> {}\n{folder}/{}-{}.jpg#xywh={x},{y},{width},{height}\n",
            time(*from),
            time(to),
            sheet.number,
            sheet.tiles.len()
        );
    }
    out
}

fn time(ms: i64) -> String {
    let (seconds, ms) = (ms / 1000, ms % 1000);
    format!("{:02}:{:02}:{:02}.{ms:03}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    fn sheets() -> Vec<Sheet> {
        let sheet =
            |number, tiles: &[(u32, i64)]| Sheet { number, tile_size: (160, 90), tiles: tiles.to_vec() };
        vec![sheet(0, &[(4, 1_000), (5, 6_000)]), sheet(3, &[(0, 3_661_500)])]
    }

    #[test]
    fn cues_name_tiles_and_last_until_the_next() {
        let live = Live { from: 2_000 };
        let text = render(
            &sheets(),
            &live,
            "ses_1/storyboard",
            Some("2026-01-01T00:00:00.000Z"),
            Duration::from_secs(5),
        );
        expect![[r#"
            WEBVTT
            X-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:0

            NOTE 00:00:00.000 is 2026-01-01T00:00:00.000Z of PROGRAM-DATE-TIME

            00:00:06.000 --> 01:01:01.500
            ses_1/storyboard/0-2.jpg#xywh=0,90,160,90

            01:01:01.500 --> 01:01:06.500
            ses_1/storyboard/3-1.jpg#xywh=0,0,160,90
        "#]]
        .assert_eq(&text);
    }

    /// A hole of the publisher's is none of the recording's.
    #[test]
    fn recorded_time_goes_on_over_holes() {
        let recorded = Recorded { segments: vec![(500, 2_000), (5_000, 2_000)] };
        let text = render(&sheets(), &recorded, "storyboard", None, Duration::from_secs(5));
        expect![[r#"
            WEBVTT

            00:00:00.500 --> 00:00:03.000
            storyboard/0-2.jpg#xywh=640,0,160,90

            00:00:03.000 --> 00:00:08.000
            storyboard/0-2.jpg#xywh=0,90,160,90
        "#]]
        .assert_eq(&text);
        assert_eq!(render(&[], &recorded, "storyboard", None, Duration::ZERO), "WEBVTT\n");
    }
}
