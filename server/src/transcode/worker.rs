//! The worker's side: jobs from stdin, results to stdout, one after the other, until stdin ends; or one ladder.

use std::io::{Read, Write};

use anyhow::Context;
use transcode::{Decoder, Done, Failed, Job, Message};

use super::{ladder, watch};

/// The program's first argument; after it the server's process id.
pub const NAME: &str = "transcode-worker";

/// Works until the server has gone.
pub fn run(parent: Option<u32>) -> anyhow::Result<()> {
    match parent {
        Some(parent) => sys::parent_death::die_with(parent),
        None => sys::parent_death::die_with_parent(),
    }
    .context("the worker can't be bound to its server")?;
    work(std::io::stdin().lock(), std::io::stdout())
}

fn work(mut jobs: impl Read, mut results: impl Write + Send) -> anyhow::Result<()> {
    let mut decoder = Decoder::default();
    let mut next = ladder::reader(&mut decoder, &mut jobs);
    while let Some(message) = next()? {
        match message {
            Message::Job(job) => {
                let bytes = answer(&job).to_bytes().or_else(|error| {
                    Message::Failed(Failed { number: job.number, reason: error.to_string() }).to_bytes()
                })?;
                results.write_all(&bytes).and_then(|()| results.flush()).context("the server is gone")?;
            }
            Message::Open(open) => return ladder::run(&open, next, results),
            Message::Watch => return watch::run(next, results),
            Message::Done(_)
            | Message::Failed(_)
            | Message::Opened
            | Message::Change(_)
            | Message::Config(_)
            | Message::Unit(_)
            | Message::Effort(_)
            | Message::Lost(_)
            | Message::Measured(_)
            | Message::End
            | Message::Watched(_)
            | Message::Thumbnail(_)
            | Message::Blind(_) => anyhow::bail!("the server sent neither a job nor a ladder to open"),
        }
    }
    Ok(())
}

fn answer(job: &Job) -> Message {
    let number = job.number;
    match super::slate::encode(job) {
        Ok(slate) => Message::Done(Done { number, slate }),
        Err(error) => Message::Failed(Failed { number, reason: format!("{error:#}") }),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use media::Rational;
    use transcode::{Picture, Sound, Still};

    use super::*;

    #[test]
    fn every_job_is_answered_and_a_bad_one_stops_nothing() {
        let rate = Rational { num: 25, den: 1 };
        let still = |width| Some(Still { picture: Picture::Black, width, height: 90, rate });
        let sound = Some(Sound { sample_rate: 48_000, channels: 2 });
        let mut jobs = Vec::new();
        for (number, still) in [(1, still(4)), (2, still(160)), (3, None)] {
            jobs.extend(Message::Job(Job { number, still, sound }).to_bytes().unwrap());
        }
        let mut results = Vec::new();
        work(&jobs[..], &mut results).unwrap();
        let mut decoder = Decoder::default();
        decoder.push(&results);
        assert!(matches!(decoder.next(), Ok(Some(Message::Failed(Failed { number: 1, .. })))));
        for (number, video) in [(2, true), (3, false)] {
            let Ok(Some(Message::Done(done))) = decoder.next() else { unreachable!("no result {number}") };
            assert_eq!(
                (done.number, done.slate.video.is_some(), done.slate.audio.is_some()),
                (number, video, true)
            );
        }
    }

    #[test]
    fn nonsense_ends_it() {
        assert!(work(&b"GET / HTTP/1.1\r\n"[..], Vec::new()).is_err());
    }
}
