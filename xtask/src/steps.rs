//! Progress that a person can read: `[3/7] Building the programs … 12 s`.

use std::io::Write;
use std::time::{Duration, Instant};

use anyhow::Result;

/// Numbers the steps of a longer job.
pub(crate) struct Steps {
    total: usize,
    begun: usize,
}

impl Steps {
    /// A job of so many steps.
    pub(crate) fn new(total: usize) -> Self {
        Self { total, begun: 0 }
    }

    /// A step that prints nothing of its own: one line in all.
    pub(crate) fn quiet<T>(&mut self, title: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
        self.step(title, " ", work)
    }

    /// A step that prints as it goes: its time comes on a line of its own.
    pub(crate) fn noisy<T>(&mut self, title: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
        self.step(title, "\n", work)
    }

    fn step<T>(&mut self, title: &str, gap: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
        self.begun += 1;
        let head = format!("[{}/{}] {title} …", self.begun, self.total);
        print!("{head}{gap}");
        // Nobody is there to read it where stdout is closed: no reason to stop.
        let _ = std::io::stdout().flush();
        let start = Instant::now();
        let result = work();
        let took = seconds(start.elapsed());
        let end = if result.is_ok() { took } else { format!("failed after {took}") };
        match gap {
            "\n" => println!("{head} {end}"),
            _ => println!("{end}"),
        }
        result
    }
}

/// `0.3 s`, `12 s`, `3 min 05 s`.
pub(crate) fn seconds(took: Duration) -> String {
    let whole = took.as_secs();
    match whole {
        0..=9 => format!("{:.1} s", took.as_secs_f64()),
        10..=59 => format!("{whole} s"),
        _ => format!("{} min {:02} s", whole / 60, whole % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_told_at_the_precision_that_matters() {
        let cases = [(0, "0.0 s"), (320, "0.3 s"), (12_700, "12 s"), (185_000, "3 min 05 s")];
        for (ms, told) in cases {
            assert_eq!(seconds(Duration::from_millis(ms)), told);
        }
    }

    #[test]
    fn a_failed_step_hands_its_error_on() {
        let mut steps = Steps::new(1);
        let result: Result<()> = steps.quiet("Failing", || anyhow::bail!("no"));
        assert!(result.is_err());
    }
}
