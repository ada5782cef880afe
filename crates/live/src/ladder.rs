//! Which renditions a source gets, and what they cost.
//!
//! ```text
//!   1080p30 in ─▶ auto ─▶ (1080 as it comes in) 720 480 360 240
//! ```

/// Lines of the renditions that are chosen by themselves, the largest first.
pub const HEIGHTS: [u32; 7] = [2160, 1440, 1080, 720, 480, 360, 240];

/// What comes in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Source {
    /// Pixels across, as shown: after the shape of its pixels.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
    /// Pictures a second.
    pub fps: f64,
    /// kbit/s of all tracks, where it is announced or measured.
    pub kbps: Option<u32>,
}

/// A rendition to make.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rung {
    /// Pixels across, even.
    pub width: u32,
    /// Pixels down, even.
    pub height: u32,
    /// Pictures a second at most.
    pub fps: f64,
    /// kbit/s, pictures only.
    pub kbps: u32,
}

/// What must be true of the source for a rendition to exist; what isn't known is not true.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Condition {
    /// Pixels across, from and to.
    pub width: (Option<u32>, Option<u32>),
    /// Pixels down, from and to.
    pub height: (Option<u32>, Option<u32>),
    /// Pictures a second, from and to.
    pub fps: (Option<f64>, Option<f64>),
    /// kbit/s of all tracks, from and to.
    pub kbps: (Option<u32>, Option<u32>),
}

impl Condition {
    /// Whether the source is like this.
    pub fn met(&self, source: &Source) -> bool {
        let within = |value: Option<f64>, (from, to): (Option<f64>, Option<f64>)| {
            let asked = from.is_some() || to.is_some();
            value.map_or(!asked, |value| {
                from.is_none_or(|from| value >= from) && to.is_none_or(|to| value <= to)
            })
        };
        let wide = |(from, to): (Option<u32>, Option<u32>)| (from.map(f64::from), to.map(f64::from));
        within(Some(source.width.into()), wide(self.width))
            && within(Some(source.height.into()), wide(self.height))
            && within(Some(source.fps), self.fps)
            && within(source.kbps.map(f64::from), wide(self.kbps))
    }
}

/// The renditions of a source, the largest first: those of [`HEIGHTS`] below it, and its own size where it isn't given out as
/// it comes in. None above `max_height` lines (of the shorter side, for one that stands upright).
pub fn auto(source: &Source, max_height: Option<u32>, as_it_comes: bool) -> Vec<Rung> {
    let short = source.width.min(source.height);
    let most = max_height.unwrap_or(u32::MAX);
    let own = (!as_it_comes && short <= most).then_some(short & !1);
    // A rendition hardly smaller than the next one is not worth its cost.
    let below =
        HEIGHTS.into_iter().filter(|lines| *lines <= most && f64::from(*lines) < f64::from(short) * 0.9);
    own.into_iter().chain(below).filter(|lines| *lines >= 64).map(|lines| rung(source, lines)).collect()
}

/// A rendition of so many lines, of the source's shape.
fn rung(source: &Source, lines: u32) -> Rung {
    let (width, height) = (f64::from(source.width.max(1)), f64::from(source.height.max(1)));
    let scale = f64::from(lines) / width.min(height);
    let even = |side: f64| (((side * scale / 2.0).round() as u32) * 2).clamp(16, 8192);
    let (width, height) = (even(width), even(height));
    // The smallest are for slow links: 30 pictures a second are enough there.
    let fps = if lines <= 480 { slower(source.fps, 31.0) } else { slower(source.fps, 61.0) };
    let rung = Rung { width, height, fps, kbps: 0 };
    let kbps = bitrate(width, height, fps);
    // Not more than what comes in is worth.
    let most = source.kbps.map_or(u32::MAX, |kbps| kbps.max(100));
    Rung { kbps: kbps.min(most), ..rung }
}

/// Divided by a whole number until it is no more than `most`, so that pictures stay evenly apart.
fn slower(fps: f64, most: f64) -> f64 {
    let divisor = (fps / most).ceil().max(1.0);
    fps / divisor
}

/// kbit/s that pictures of a size want: 3000 for 1280x720 at 30, rising more slowly than pixels do.
pub fn bitrate(width: u32, height: u32, fps: f64) -> u32 {
    let pixels = f64::from(width) * f64::from(height) / (1280.0 * 720.0);
    let rate = 3000.0 * pixels.powf(0.75) * (fps / 30.0).max(0.2).powf(0.6);
    ((rate / 50.0).round() * 50.0).clamp(100.0, 60_000.0) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(width: u32, height: u32, fps: f64) -> Source {
        Source { width, height, fps, kbps: None }
    }

    fn sizes(rungs: &[Rung]) -> Vec<(u32, u32, u32)> {
        rungs.iter().map(|rung| (rung.width, rung.height, rung.fps.round() as u32)).collect()
    }

    #[test]
    fn never_above_the_source() {
        let cases: [(_, _, _, &[_]); 9] = [
            (
                source(1920, 1080, 30.0),
                None,
                true,
                &[(1280, 720, 30), (854, 480, 30), (640, 360, 30), (426, 240, 30)],
            ),
            (
                source(1280, 720, 60.0),
                None,
                false,
                &[(1280, 720, 60), (854, 480, 30), (640, 360, 30), (426, 240, 30)],
            ),
            (
                source(3840, 2160, 50.0),
                Some(720),
                true,
                &[(1280, 720, 50), (854, 480, 25), (640, 360, 25), (426, 240, 25)],
            ),
            (
                source(1920, 1080, 120.0),
                Some(1080),
                false,
                &[(1920, 1080, 60), (1280, 720, 60), (854, 480, 30), (640, 360, 30), (426, 240, 30)],
            ),
            // Upright.
            (source(720, 1280, 30.0), None, true, &[(480, 854, 30), (360, 640, 30), (240, 426, 30)]),
            // 4:3, and hardly larger than a rendition.
            (source(640, 480, 25.0), None, true, &[(480, 360, 25), (320, 240, 25)]),
            (source(700, 500, 25.0), None, true, &[(504, 360, 25), (336, 240, 25)]),
            (source(320, 180, 30.0), None, true, &[]),
            (source(321, 181, 30.0), None, false, &[(320, 180, 30)]),
        ];
        for (source, most, as_it_comes, want) in cases {
            assert_eq!(sizes(&auto(&source, most, as_it_comes)), want, "{source:?} {most:?} {as_it_comes}");
        }
    }

    #[test]
    fn bits_fit_the_size_and_never_exceed_what_comes_in() {
        for (width, height, fps, from, to) in [
            (3840, 2160, 60.0, 20_000, 30_000),
            (1920, 1080, 30.0, 5_000, 6_000),
            (1280, 720, 30.0, 3_000, 3_000),
            (640, 360, 30.0, 1_000, 1_200),
            (426, 240, 15.0, 300, 500),
        ] {
            let kbps = bitrate(width, height, fps);
            assert!((from..=to).contains(&kbps), "{width}x{height} at {fps}: {kbps}");
        }
        let poor = Source { kbps: Some(800), ..source(1920, 1080, 30.0) };
        assert!(auto(&poor, None, true).iter().all(|rung| rung.kbps <= 800));
    }

    #[test]
    fn conditions_hold_at_their_limits_and_not_beyond() {
        let hd = Source { kbps: Some(4000), ..source(1920, 1080, 30.0) };
        let all = Condition {
            width: (Some(1920), Some(1920)),
            height: (Some(1080), Some(1080)),
            fps: (Some(30.0), Some(30.0)),
            kbps: (Some(4000), Some(4000)),
        };
        assert!(all.met(&hd) && Condition::default().met(&hd));
        for other in [
            Condition { width: (Some(1921), None), ..all },
            Condition { width: (None, Some(1919)), ..all },
            Condition { height: (Some(1081), None), ..all },
            Condition { height: (None, Some(1079)), ..all },
            Condition { fps: (Some(30.1), None), ..all },
            Condition { fps: (None, Some(29.9)), ..all },
            Condition { kbps: (Some(4001), None), ..all },
            Condition { kbps: (None, Some(3999)), ..all },
        ] {
            assert!(!other.met(&hd), "{other:?}");
        }
        let unknown = Source { kbps: None, ..hd };
        assert!(!all.met(&unknown) && Condition::default().met(&unknown));
    }
}
