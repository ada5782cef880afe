//! `--control`: commands as JSON lines on stdin. The end of stdin stops the broadcast.
//!
//! **Belongs here:** reading and checking commands. **Does not:** carrying them out beyond turning the dial.

use std::io::{BufRead, Read};
use std::sync::Arc;

use api::broadcast::Command;
use tokio::sync::watch;

use crate::encode::Dial;
use crate::report::Reporter;

/// The longest command, bytes.
const MOST_LINE: u64 = 4096;
/// kbit/s, as on the command line.
const BITRATES: std::ops::RangeInclusive<u32> = 100..=50_000;

/// Reads commands until `stop` or the end of `input`, then sets `stop`. Blocks: give it a thread.
pub fn obey(mut input: impl BufRead, dial: &Dial, stop: &watch::Sender<bool>, report: &Reporter) {
    loop {
        let mut line = Vec::new();
        match input.by_ref().take(MOST_LINE + 1).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => break,
            Ok(length) if length as u64 > MOST_LINE => {
                report.notice(format!(
                    "a command of more than {MOST_LINE} bytes: stopping, as it can't be understood"
                ));
                break;
            }
            Ok(_) => {}
        }
        if line.trim_ascii().is_empty() {
            continue;
        }
        match serde_json::from_slice(&line) {
            Ok(Command::Stop) => break,
            Ok(Command::Bitrate { kbps }) if BITRATES.contains(&kbps) => dial.set_kbps(kbps),
            Ok(Command::Bitrate { kbps }) => {
                let (least, most) = BITRATES.into_inner();
                report.notice(format!(
                    "a bitrate of {kbps} kbit/s is not possible: it takes {least} to {most}"
                ));
            }
            Err(error) => report.notice(format!("not a command: {error}")),
        }
    }
    let _ = stop.send(true);
}

/// Obeys stdin on a thread of its own, which ends with the process.
pub fn obey_stdin(dial: Arc<Dial>, stop: watch::Sender<bool>, report: Arc<Reporter>) -> std::io::Result<()> {
    let run = move || obey(std::io::stdin().lock(), &dial, &stop, &report);
    std::thread::Builder::new().name("control".to_owned()).spawn(run).map(drop)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::Mutex;

    use api::broadcast::Line;

    use super::*;

    /// Bitrate at the end, notices given; it always stops.
    fn check(input: &str, kbps: u32, notices: usize) {
        let (dial, (stop, stopped)) = (Dial::new(2500), watch::channel(false));
        let said = Arc::new(Mutex::new(0));
        let report = {
            let said = said.clone();
            Reporter::new(move |line| *said.lock().unwrap() += usize::from(matches!(line, Line::Notice(_))))
        };
        obey(input.as_bytes(), &dial, &stop, &report);
        assert_eq!(
            (dial.kbps(), *said.lock().unwrap(), *stopped.borrow()),
            (kbps, notices, true),
            "{input:.60}"
        );
    }

    #[test]
    fn commands() {
        check("", 2500, 0);
        check("{\"cmd\":\"bitrate\",\"kbps\":900}\n", 900, 0);
        check("{\"cmd\":\"stop\"}\n{\"cmd\":\"bitrate\",\"kbps\":900}\n", 2500, 0);
        check("{\"cmd\":\"bitrate\",\"kbps\":99}\n{\"cmd\":\"bitrate\",\"kbps\":100}", 100, 1);
        check("{\"cmd\":\"bitrate\",\"kbps\":50001}\n{\"cmd\":\"bitrate\",\"kbps\":50000}\r\n", 50_000, 1);
        check("hello\n\n{\"cmd\":\"bitrate\",\"kbps\":700}\n", 700, 1);
        let at_limit = format!("{{\"cmd\":\"bitrate\",\"kbps\":700}}{}", " ".repeat(4096 - 30));
        check(&format!("{at_limit}\n"), 700, 0);
        check(&format!("{at_limit}  \n"), 2500, 1);
    }
}
