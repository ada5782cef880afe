//! What the broadcaster says of itself, line by line, as a person reads it.

use std::io::Write;
use std::time::{Duration, Instant};

use serde::Deserialize;

/// Without a terminal a line this often is enough.
const QUIET: Duration = Duration::from_secs(10);

/// A line of `sigma-broadcast --json`: as much of it as is shown.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Line {
    State { state: String, reason: Option<String> },
    Stats(Stats),
    Notice { message: String },
}

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct Stats {
    seconds: f64,
    fps: f64,
    video_kbps: f64,
    audio_kbps: f64,
    dropped_raw: u64,
    dropped_sent: u64,
    reconnects: u32,
    width: u32,
    height: u32,
    source: String,
    sound: String,
}

/// Prints status lines: one that changes in place on a terminal, one every ten seconds elsewhere.
pub(super) struct Status {
    terminal: bool,
    open: bool,
    printed: Option<Instant>,
    live_since: Option<Instant>,
}

impl Status {
    pub(super) fn new(terminal: bool) -> Self {
        Self { terminal, open: false, printed: None, live_since: None }
    }

    /// Since when the server has been taking the stream.
    pub(super) fn live_since(&self) -> Option<Instant> {
        self.live_since
    }

    /// A line on the broadcaster's stdout.
    pub(super) fn read(&mut self, line: &str) {
        match serde_json::from_str(line) {
            Ok(Line::State { state, reason }) => {
                if state == "live" {
                    self.live_since.get_or_insert_with(Instant::now);
                }
                self.end();
                match reason {
                    Some(reason) => println!("{state}: {reason}"),
                    None => println!("{state}"),
                }
            }
            Ok(Line::Notice { message }) => {
                self.end();
                println!("{message}");
            }
            Ok(Line::Stats(stats)) => self.show(&stats),
            Err(_) => {} // a line of a later version
        }
    }

    /// Leaves the line that changes in place.
    pub(super) fn end(&mut self) {
        if std::mem::take(&mut self.open) {
            println!();
        }
    }

    fn show(&mut self, stats: &Stats) {
        if self.terminal {
            print!("\r\x1b[K{}", words(stats));
            let _ = std::io::stdout().flush();
            self.open = true;
        } else if self.printed.is_none_or(|at| at.elapsed() >= QUIET) {
            println!("{}", words(stats));
            self.printed = Some(Instant::now());
        }
    }
}

fn words(stats: &Stats) -> String {
    let Stats { width, height, fps, video_kbps, audio_kbps, source, sound, .. } = stats;
    let whole = Duration::from_secs_f64(stats.seconds.clamp(0.0, 1e9)).as_secs();
    let mut text = format!(
        "{}:{:02}:{:02}  {source} {width}x{height} {fps:.1} fps {video_kbps:.0} kbit/s  {sound} {audio_kbps:.0} kbit/s",
        whole / 3600,
        whole / 60 % 60,
        whole % 60
    );
    let lost = stats.dropped_raw.saturating_add(stats.dropped_sent);
    if lost > 0 {
        text.push_str(&format!("  {lost} frames lost"));
    }
    if stats.reconnects > 0 {
        text.push_str(&format!("  {} reconnects", stats.reconnects));
    }
    text
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    fn check(line: &str, expect: Expect) {
        let Ok(Line::Stats(stats)) = serde_json::from_str(line) else { panic!("no stats: {line}") };
        expect.assert_eq(&words(&stats));
    }

    #[test]
    fn figures_become_a_line_to_read() {
        check(
            r#"{"type":"stats","seconds":3725.4,"fps":29.97,"video_kbps":4012.6,"audio_kbps":128.2,"width":1280,
                "height":720,"source":"testcard","sound":"tone","queue_frames":0}"#,
            expect!["1:02:05  testcard 1280x720 30.0 fps 4013 kbit/s  tone 128 kbit/s"],
        );
        check(
            r#"{"type":"stats","seconds":-1,"dropped_raw":2,"dropped_sent":3,"reconnects":1}"#,
            expect!["0:00:00   0x0 0.0 fps 0 kbit/s   0 kbit/s  5 frames lost  1 reconnects"],
        );
    }

    #[test]
    fn on_air_is_counted_from_the_first_live() {
        let mut status = Status::new(false);
        status.read(r#"{"type":"state","state":"connecting"}"#);
        assert_eq!(status.live_since(), None);
        status.read(r#"{"type":"state","state":"live"}"#);
        let since = status.live_since();
        assert!(since.is_some());
        status.read(r#"{"type":"state","state":"live"}"#);
        status.read("nonsense");
        assert_eq!(status.live_since(), since);
    }
}
