//! Which pictures of a faster source a slower rendition takes.

use media::{Rational, Timescale, Timestamp};

/// At most so many pictures a second, as evenly as the source allows.
#[derive(Debug)]
pub(super) struct Pace {
    /// Ticks from a picture to the next.
    period: f64,
    /// When the next one is due.
    due: Option<f64>,
}

impl Pace {
    pub(super) fn new(rate: Rational) -> Self {
        Self { period: f64::from(Timescale::VIDEO.hz()) / rate.as_f64().max(1.0), due: None }
    }

    /// Every other picture of what it took before, or all of them again.
    pub(super) fn every(&mut self, rate: Rational, divisor: f64) {
        self.period = divisor * f64::from(Timescale::VIDEO.hz()) / rate.as_f64().max(1.0);
    }

    /// Whether this picture is taken. A key frame always is.
    pub(super) fn takes(&mut self, at: Timestamp, key: bool) -> bool {
        let at = at.rescale(Timescale::VIDEO).ticks as f64;
        // A third of a period early is on time: sources are rounded to milliseconds.
        let (early, late) = (self.period / 3.0, self.period);
        match self.due {
            Some(due) if !key && at < due - early && at > due - 2.0 * self.period => false,
            Some(due) if !key && at <= due + late && at >= due - early => {
                self.due = Some(due + self.period);
                true
            }
            Some(_) | None => {
                self.due = Some(at + self.period);
                true
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(source: f64, rate: Rational, seconds: f64, millis: bool) -> Vec<i64> {
        let mut pace = Pace::new(rate);
        (0..(source * seconds) as i64)
            .map(|n| n as f64 / source * 90_000.0)
            .map(|at| if millis { (at / 90.0).floor() * 90.0 } else { at })
            .map(|at| at as i64)
            .filter(|at| pace.takes(Timestamp::new(*at, Timescale::VIDEO), false))
            .collect()
    }

    #[test]
    fn as_many_as_asked_and_evenly() {
        let rate = |num, den| Rational { num, den };
        for (source, rate, want) in [
            (30.0, rate(30, 1), 300),
            (60.0, rate(30, 1), 300),
            (59.94, rate(30_000, 1001), 300),
            (50.0, rate(25, 1), 250),
            (25.0, rate(30, 1), 250),
            (29.97, rate(30, 1), 300),
            (60.0, rate(25, 1), 250),
            (30.0, rate(15, 1), 150),
        ] {
            for millis in [false, true] {
                let taken = taken(source, rate, 10.0, millis);
                assert!(taken.len().abs_diff(want) <= 1, "{source} to {rate:?}: {} pictures", taken.len());
                let widest = taken.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or(0) as f64;
                let period = 90_000.0 / rate.as_f64().min(source);
                assert!(
                    widest <= period + 90_000.0 / source + 180.0,
                    "{source} to {rate:?}: a hole of {widest}"
                );
            }
        }
    }

    #[test]
    fn a_jump_either_way_starts_anew() {
        let mut pace = Pace::new(Rational { num: 30, den: 1 });
        for at in [0, 3000, 900_000, 903_000, 5000, 8000] {
            assert!(pace.takes(Timestamp::new(at, Timescale::VIDEO), false), "{at}");
        }
        assert!(!pace.takes(Timestamp::new(9000, Timescale::VIDEO), false));
        assert!(pace.takes(Timestamp::new(9100, Timescale::VIDEO), true));
    }
}
