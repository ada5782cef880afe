//! Supervision, with shells that play bad workers.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use transcode::{Job, Message, Slate, Sound};

use super::supervise::Error;
use super::{Program, Transcoder};

fn job() -> Job {
    Job { number: 0, still: None, sound: Some(Sound { sample_rate: 48_000, channels: 2 }) }
}

fn shell(script: &str) -> Transcoder {
    let program = Program { path: "/bin/sh".into(), args: vec!["-c".to_owned(), script.to_owned()] };
    Transcoder::for_test(program, Duration::from_millis(500), Duration::from_millis(1))
}

/// The answer of job 1, as octal escapes for `printf`.
fn answer(number: u32) -> String {
    let done = Message::Done(transcode::Done { number, slate: Slate::default() });
    done.to_bytes().unwrap().iter().map(|byte| format!("\\{byte:03o}")).collect()
}

#[tokio::test]
async fn what_breaks_is_told_and_started_again() {
    for (script, why) in [
        ("exit 3", "ended (exit status: 3)"),
        ("printf 'no frames, only text'", "spoke nonsense"),
        ("exec sleep 600", "gave no answer in 0.5 s"),
    ] {
        let Err(Error::Broken(told)) = shell(script).slate(job()).await else { unreachable!("{script}") };
        assert!(told.contains(why) || told.contains("is gone"), "{script}: {told}");
    }
    let nobody = Program { path: "/nonexistent/worker".into(), args: vec![] };
    let nobody = Transcoder::for_test(nobody, Duration::from_secs(1), Duration::from_millis(1));
    assert!(matches!(nobody.slate(job()).await, Err(Error::Broken(_))));
    assert_eq!(Transcoder::start(None).slate(job()).await, Err(Error::Off));
}

#[tokio::test]
async fn one_crash_costs_a_job_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mark = dir.path().join("died").display().to_string();
    let script =
        format!("test -e {mark} || {{ touch {mark}; exit 1; }}; printf '{}'; exec cat >/dev/null", answer(1));
    assert_eq!(shell(&script).slate(job()).await, Ok(Slate::default()));
}

#[tokio::test]
async fn an_answer_to_another_job_is_not_taken() {
    let script = format!("printf '{}'; exec cat >/dev/null", answer(77));
    assert!(matches!(shell(&script).slate(job()).await, Err(Error::Broken(_))));
}
