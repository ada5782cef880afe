//! What the end-to-end tests share: the built programs, running in folders of their own on free ports, and the tools of
//! others (ffmpeg, ffprobe, GStreamer) that publish to them and read what comes out.
//!
//! **Belongs here:** starting, stopping and asking real processes. **Does not:** assertions about the product, mocks.

pub mod ffmpeg;
pub mod fixture;
pub mod process;
pub mod server;

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// Asks again until there is an answer: for what another process does in its own time. Fails, naming `what`, after `limit`.
pub fn wait<T>(what: &str, limit: Duration, mut ask: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let end = Instant::now() + limit;
    loop {
        match ask() {
            Ok(Some(answer)) => return Ok(answer),
            Ok(None) if Instant::now() < end => {}
            Ok(None) => bail!("waited {limit:?} for {what}"),
            Err(error) if Instant::now() >= end => {
                return Err(error.context(format!("waited {limit:?} for {what}")));
            }
            Err(_) => {}
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}
