//! The request log of a run: what `sigma-probe replay` reads. A line a request, in the order of the answers:
//! microseconds since the start, viewer, status, bytes of the body, path with its query.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;

/// The first line.
const TITLE: &str = "# sigma-probe requests 1: microseconds viewer status bytes path";

/// The file being written; threads share it.
pub(super) struct Log(Mutex<BufWriter<File>>);

/// One request of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Request {
    /// When it was sent.
    pub at: Duration,
    pub viewer: u32,
    pub status: u16,
    pub bytes: u64,
    /// With its query.
    pub path: String,
}

impl Log {
    pub(super) fn create(path: &Path) -> anyhow::Result<Self> {
        let file = File::create(path).with_context(|| format!("can't write the log {}", path.display()))?;
        let mut file = BufWriter::new(file);
        writeln!(file, "{TITLE}").with_context(|| format!("can't write the log {}", path.display()))?;
        Ok(Self(Mutex::new(file)))
    }

    pub(super) fn line(&self, at: Duration, viewer: u32, status: u16, bytes: u64, path: &str) {
        let mut file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // What fails here fails again at the end, where it is told.
        let _ = writeln!(file, "{} {viewer} {status} {bytes} {path}", at.as_micros());
    }

    pub(super) fn finish(&self) -> anyhow::Result<()> {
        let mut file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        file.flush().context("can't write the log to its end: is the disk full?")
    }
}

/// Reads a log, in the order of sending.
pub(super) fn read(text: &str) -> anyhow::Result<Vec<Request>> {
    anyhow::ensure!(text.lines().next() == Some(TITLE), "not a log of `sigma-probe swarm --log`");
    let mut requests = Vec::new();
    for (number, line) in text.lines().enumerate().skip(1) {
        let request = request(line).with_context(|| format!("line {} of the log: {line}", number + 1))?;
        requests.push(request);
    }
    requests.sort_by_key(|request| request.at);
    Ok(requests)
}

fn request(line: &str) -> Option<Request> {
    let mut fields = line.splitn(5, ' ');
    let at = Duration::from_micros(fields.next()?.parse().ok()?);
    let (viewer, status) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    let bytes = fields.next()?.parse().ok()?;
    let path = fields.next().filter(|path| path.starts_with('/'))?.to_owned();
    Some(Request { at, viewer, status, bytes, path })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn reads_what_it_writes_in_the_order_of_sending() {
        let folder = std::env::temp_dir().join(format!("sigma-probe-log-{}", std::process::id()));
        let log = Log::create(&folder).unwrap();
        log.line(Duration::from_micros(7), 3, 200, 99, "/a b?c=d");
        log.line(Duration::from_micros(2), 1, 404, 0, "/x");
        log.finish().unwrap();
        let text = std::fs::read_to_string(&folder).unwrap();
        std::fs::remove_file(&folder).unwrap();
        let read = read(&text).unwrap();
        let expect = |at, viewer, status, bytes, path: &str| Request {
            at: Duration::from_micros(at),
            viewer,
            status,
            bytes,
            path: path.to_owned(),
        };
        assert_eq!(read, [expect(2, 1, 404, 0, "/x"), expect(7, 3, 200, 99, "/a b?c=d")]);
    }

    #[test]
    fn says_where_a_log_is_wrong() {
        assert!(read("GET /").is_err());
        for line in ["1 2 3", "1 2 3 4 x", "x 2 200 4 /", "1 2 99999 4 /"] {
            let error = read(&format!("{TITLE}\n1 1 200 1 /\n{line}\n")).unwrap_err();
            assert!(error.to_string().starts_with("line 3"), "{error}");
        }
    }
}
