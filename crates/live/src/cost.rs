//! What a rendition takes of the processors: estimated by its pixels, and learnt from what workers really took.

use std::collections::BTreeMap;
use std::fmt;
use std::iter::Sum;
use std::time::Duration;

/// Thousandths of one core, all of the time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cores(pub u64);

impl Cores {
    /// Of a number of cores; nothing where it is below zero.
    pub fn new(cores: f64) -> Self {
        Self((cores * 1000.0).round().clamp(0.0, 1e12) as u64)
    }

    /// As a number of cores.
    pub fn as_f64(self) -> f64 {
        self.0 as f64 / 1000.0
    }

    /// Processor time that was taken within `wall`.
    pub fn of(taken: Duration, wall: Duration) -> Self {
        Self::new(taken.as_secs_f64() / wall.as_secs_f64().max(0.001))
    }

    /// What is left of it; never below nothing.
    pub fn less(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// Both together.
    pub fn and(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sum for Cores {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), Self::and)
    }
}

impl fmt::Display for Cores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.2}", self.as_f64())
    }
}

/// x264's presets, from the fastest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "x264's names")]
pub enum Preset {
    Ultrafast,
    Superfast,
    Veryfast,
    Faster,
    Fast,
    Medium,
    Slow,
}

/// How pixels are made from pixels, from the cheapest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "the usual names")]
pub enum Scaler {
    FastBilinear,
    Bilinear,
    Bicubic,
    Lanczos,
}

/// Kinds of work, each of which is learnt by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// What is done once for all renditions: decoding, filters, sound.
    Shared,
    /// Scaling and encoding.
    Rendition {
        /// Speed.
        preset: Preset,
        /// Half a second is held back.
        lookahead: bool,
        /// How it is scaled.
        scaler: Scaler,
    },
}

/// A piece of work.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Work {
    /// Which kind.
    pub kind: Kind,
    /// Pixels a second.
    pub pixels: f64,
    /// Nanoseconds a pixel beside what its kind takes: filters.
    pub extra: f64,
    /// Beside its pixels: sound.
    pub fixed: Cores,
}

/// Decoding, in nanoseconds a pixel of what comes in.
const DECODE: f64 = 2.5;

impl Kind {
    /// Nanoseconds a pixel on a usual core, before anything is learnt.
    fn usual(self) -> f64 {
        match self {
            Self::Shared => DECODE,
            Self::Rendition { preset, lookahead, scaler } => {
                let encode = match preset {
                    Preset::Ultrafast => 3.0,
                    Preset::Superfast => 4.5,
                    Preset::Veryfast => 7.0,
                    Preset::Faster => 11.0,
                    Preset::Fast => 15.0,
                    Preset::Medium => 20.0,
                    Preset::Slow => 35.0,
                };
                let scale = match scaler {
                    Scaler::FastBilinear => 1.0,
                    Scaler::Bilinear => 3.0,
                    Scaler::Bicubic => 4.0,
                    Scaler::Lanczos => 6.0,
                };
                encode * if lookahead { 1.2 } else { 1.0 } + scale
            }
        }
    }
}

impl Work {
    /// What it takes on a usual core.
    fn usual(&self) -> Cores {
        let pixels = if self.pixels.is_finite() { self.pixels.max(0.0) } else { 0.0 };
        Cores::new(pixels * (self.kind.usual() + self.extra.max(0.0)) / 1e9).and(self.fixed)
    }
}

/// What is measured weighs as much as what was known after so long.
const MEMORY: Duration = Duration::from_secs(60);
/// Nothing is believed of work that was watched for a shorter time: it begins with a burst.
const BELIEVED: Duration = Duration::from_secs(30);
/// How far a machine may be from the usual, either way.
const FURTHEST: f64 = 20.0;

/// What was learnt of this machine.
#[derive(Clone, Debug, Default)]
pub struct Model {
    learnt: BTreeMap<Kind, Learnt>,
}

#[derive(Clone, Copy, Debug)]
struct Learnt {
    /// Of what is usual.
    factor: f64,
    watched: Duration,
}

impl Model {
    /// What a piece of work takes. One of a kind that was never watched: as much as others take here, compared with the usual.
    pub fn cost(&self, work: &Work) -> Cores {
        let factor = self.known(work.kind).unwrap_or_else(|| self.machine());
        Cores::new(work.usual().as_f64() * factor)
    }

    fn known(&self, kind: Kind) -> Option<f64> {
        self.learnt.get(&kind).filter(|learnt| learnt.watched >= BELIEVED).map(|learnt| learnt.factor)
    }

    fn machine(&self) -> f64 {
        let known: Vec<_> = self.learnt.keys().filter_map(|kind| self.known(*kind)).map(f64::ln).collect();
        if known.is_empty() { 1.0 } else { (known.iter().sum::<f64>() / known.len() as f64).exp() }
    }

    /// What a ladder took within `wall`: `total`, and of it what is known of each piece. The others share the rest by what is
    /// usual.
    pub fn learn(&mut self, pieces: &[(Work, Option<Cores>)], total: Cores, wall: Duration) {
        let told: Cores = pieces.iter().filter_map(|(_, taken)| *taken).sum();
        let untold: Cores =
            pieces.iter().filter(|(_, taken)| taken.is_none()).map(|(work, _)| work.usual()).sum();
        let rest = total.less(told).as_f64() / untold.as_f64().max(0.001);
        let mut of: BTreeMap<Kind, (f64, f64)> = BTreeMap::new();
        for (work, taken) in pieces {
            let usual = work.usual().as_f64();
            let (all, took) = of.entry(work.kind).or_default();
            *all += usual;
            *took += taken.map_or(usual * rest, Cores::as_f64);
        }
        for (kind, (usual, took)) in of.into_iter().filter(|(_, (usual, _))| *usual > 0.0) {
            let factor = (took / usual).clamp(1.0 / FURTHEST, FURTHEST);
            let learnt = self.learnt.entry(kind).or_insert(Learnt { factor, watched: Duration::ZERO });
            let weight = wall.as_secs_f64() / (learnt.watched.min(MEMORY) + wall).as_secs_f64().max(0.001);
            learnt.factor += (factor - learnt.factor) * weight;
            learnt.watched = learnt.watched.saturating_add(wall);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VERYFAST: Kind =
        Kind::Rendition { preset: Preset::Veryfast, lookahead: false, scaler: Scaler::Bicubic };
    const SLOW: Kind = Kind::Rendition { preset: Preset::Slow, lookahead: true, scaler: Scaler::Lanczos };

    fn work(kind: Kind, lines: u32) -> Work {
        let pixels = f64::from(lines * lines) * 16.0 / 9.0 * 30.0;
        Work { kind, pixels, extra: 0.0, fixed: Cores(0) }
    }

    fn seconds(s: u64) -> Duration {
        Duration::from_secs(s)
    }

    #[test]
    fn the_estimate_rises_with_pixels_preset_and_scaler() {
        let model = Model::default();
        let cost = |kind, lines| model.cost(&work(kind, lines));
        assert!(cost(VERYFAST, 360) < cost(VERYFAST, 720) && cost(VERYFAST, 720) < cost(SLOW, 720));
        let all = [Preset::Ultrafast, Preset::Superfast, Preset::Veryfast, Preset::Faster, Preset::Fast];
        let all = all.into_iter().chain([Preset::Medium, Preset::Slow]);
        let kind = |preset| Kind::Rendition { preset, lookahead: false, scaler: Scaler::Bicubic };
        let costs: Vec<_> = all.map(|preset| cost(kind(preset), 720)).collect();
        assert!(costs.windows(2).all(|pair| pair[0] < pair[1]), "{costs:?}");
        let filtered = Work { extra: 5.0, ..work(Kind::Shared, 720) };
        assert!(model.cost(&filtered) > cost(Kind::Shared, 720));
        // What nobody can ask for costs nothing, and not less.
        let odd = Work { pixels: f64::NAN, extra: -9.0, ..work(VERYFAST, 720) };
        assert_eq!(model.cost(&odd), Cores(0));
    }

    #[test]
    fn what_was_watched_is_believed_after_a_while_and_followed() {
        let mut model = Model::default();
        let (piece, usual) = (work(VERYFAST, 720), Model::default().cost(&work(VERYFAST, 720)));
        let twice = Cores(usual.0 * 2);
        for _ in 0..5 {
            model.learn(&[(piece, Some(twice))], twice, seconds(5));
        }
        assert_eq!(model.cost(&piece), usual, "not yet");
        model.learn(&[(piece, Some(twice))], twice, seconds(5));
        assert_eq!(model.cost(&piece), twice);
        // And so of what was never watched: it is a slow machine.
        let slow = Model::default().cost(&work(SLOW, 360));
        assert!(model.cost(&work(SLOW, 360)).0.abs_diff(slow.0 * 2) <= 1);
        for _ in 0..60 {
            model.learn(&[(piece, Some(usual))], usual, seconds(5));
        }
        assert!(model.cost(&piece).0.abs_diff(usual.0) < usual.0 / 50, "{}", model.cost(&piece));
    }

    #[test]
    fn the_rest_of_a_worker_is_shared_by_what_is_usual() {
        let (shared, large, small) = (work(Kind::Shared, 720), work(VERYFAST, 480), work(SLOW, 240));
        let usual = |piece: &Work| Model::default().cost(piece);
        let total = Cores((usual(&shared).0 + usual(&small).0) * 3 + usual(&large).0);
        let mut model = Model::default();
        let pieces = [(shared, None), (large, Some(usual(&large))), (small, None)];
        model.learn(&pieces, total, seconds(30));
        assert_eq!(model.cost(&large), usual(&large));
        for piece in [shared, small] {
            assert!(model.cost(&piece).0.abs_diff(usual(&piece).0 * 3) <= 3, "{piece:?}");
        }
    }

    #[test]
    fn nonsense_moves_it_no_further_than_a_machine_can_be() {
        let piece = work(VERYFAST, 720);
        let usual = Model::default().cost(&piece);
        for (taken, want) in [(Cores(0), usual.0 / 20), (Cores(u64::MAX), usual.0 * 20)] {
            let mut model = Model::default();
            model.learn(&[(piece, Some(taken))], taken, seconds(30));
            assert!(model.cost(&piece).0.abs_diff(want) <= 1);
        }
    }
}
