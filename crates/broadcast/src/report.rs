//! What a broadcast says while it runs: JSON lines for programs, or states and a status line for a person.
//!
//! **Belongs here:** wording and printing. **Does not:** collecting figures.

use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use api::broadcast::{Line, Notice, Phase, State, Stats};

/// Where lines go.
pub struct Reporter {
    say: Box<dyn Fn(&Line) + Send + Sync>,
}

impl Reporter {
    /// Lines go to `say`.
    pub fn new(say: impl Fn(&Line) + Send + Sync + 'static) -> Self {
        Self { say: Box::new(say) }
    }

    /// One JSON object a line on stdout.
    pub fn json() -> Self {
        Self::new(|line| {
            if let Ok(text) = serde_json::to_string(line) {
                // Nobody listens any more: not a reason to stop the broadcast.
                let _ = writeln!(io::stdout().lock(), "{text}");
            }
        })
    }

    /// For a person, on stdout: a status line that stays in place on a terminal, and comes every ten seconds elsewhere.
    pub fn human() -> Self {
        let terminal = io::stdout().is_terminal();
        let count = AtomicU64::new(0);
        Self::new(move |line| {
            let mut out = io::stdout().lock();
            let _ = match line {
                Line::Stats(stats) if terminal => {
                    write!(out, "\r\x1b[K{}", status(stats)).and_then(|()| out.flush())
                }
                Line::Stats(stats) if count.fetch_add(1, Relaxed).is_multiple_of(10) => {
                    writeln!(out, "{}", status(stats))
                }
                Line::Stats(_) => Ok(()),
                Line::State(_) | Line::Notice(_) => {
                    writeln!(out, "{}{}", if terminal { "\r\x1b[K" } else { "" }, words(line))
                }
            };
        })
    }

    /// The broadcast entered another state.
    pub fn state(&self, state: Phase, reason: Option<String>) {
        (self.say)(&Line::State(State { state, reason }));
    }

    /// Something a person should know.
    pub fn notice(&self, message: String) {
        (self.say)(&Line::Notice(Notice { message }));
    }

    /// Figures.
    pub fn stats(&self, stats: Stats) {
        (self.say)(&Line::Stats(stats));
    }
}

fn words(line: &Line) -> String {
    match line {
        Line::State(State { state, reason }) => {
            let state = match state {
                Phase::Connecting => "Connecting",
                Phase::Live => "Live",
                Phase::Reconnecting => "Connection lost, trying again",
                Phase::Stopped => "Stopped",
                Phase::Failed => "Failed",
            };
            reason.as_ref().map_or(state.to_owned(), |reason| format!("{state}: {reason}"))
        }
        Line::Notice(Notice { message }) => format!("Note: {message}"),
        Line::Stats(stats) => status(stats),
    }
}

fn status(stats: &Stats) -> String {
    let seconds = stats.seconds as u64;
    let (h, m, s) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let mut text = format!(
        "{h:02}:{m:02}:{s:02}  {:.1} fps  {:.0}+{:.0} kbit/s  {} + {}",
        stats.fps, stats.video_kbps, stats.audio_kbps, stats.source, stats.sound
    );
    if stats.dropped_raw + stats.dropped_sent > 0 {
        text += &format!("  dropped {} (encoder) {} (network)", stats.dropped_raw, stats.dropped_sent);
    }
    text
}

impl std::fmt::Debug for Reporter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Reporter")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn for_a_person() {
        let stats = Stats {
            seconds: 3725.4,
            fps: 29.97,
            video_kbps: 2480.2,
            audio_kbps: 127.6,
            source: "testcard".into(),
            sound: "tone".into(),
            ..Stats::default()
        };
        assert_eq!(status(&stats), "01:02:05  30.0 fps  2480+128 kbit/s  testcard + tone");
        let dropped = Stats { dropped_raw: 2, dropped_sent: 30, ..stats };
        assert!(status(&dropped).ends_with("dropped 2 (encoder) 30 (network)"));
        let line = Line::State(State { state: Phase::Failed, reason: Some("no such key".into()) });
        assert_eq!(words(&line), "Failed: no such key");
    }
}
