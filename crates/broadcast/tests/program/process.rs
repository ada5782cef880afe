//! `sigma-broadcast` as its callers see it: lines, signals, stdin, exit codes.

use std::process::Stdio;
use std::time::Duration;

use api::broadcast::{Devices, Line, Phase};
use rtmp::driver::server::Refusal;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

use crate::server::Server;

/// The built program, with its JSON lines.
pub struct Program {
    pub child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Program {
    pub fn command(args: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sigma-broadcast"));
        command.args(args.split_whitespace()).kill_on_drop(true);
        command.env_remove("SIGMA_STREAM_KEY");
        command
    }

    /// Goes live with `--json`, to `server`.
    pub fn live(server: &Server, args: &str) -> Command {
        let mut command = Self::command(&format!("--to rtmp://{}/live --json {args}", server.address));
        command.env("SIGMA_STREAM_KEY", "key");
        command
    }

    pub fn start(mut command: Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    pub async fn line(&mut self) -> Option<Line> {
        let line = self.lines.next_line().await.unwrap()?;
        Some(serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}")))
    }

    /// The next state and its reason.
    pub async fn state(&mut self) -> Option<(Phase, Option<String>)> {
        loop {
            if let Line::State(state) = self.line().await? {
                return Some((state.state, state.reason));
            }
        }
    }

    pub async fn until(&mut self, phase: Phase) -> Option<String> {
        loop {
            match self.state().await {
                Some((state, reason)) if state == phase => return reason,
                Some(_) => {}
                None => panic!("it ended before it was {phase:?}"),
            }
        }
    }

    pub async fn exit_code(&mut self) -> Option<i32> {
        self.child.wait().await.unwrap().code()
    }
}

const SMALL: &str = "--source testcard --size 640x360 --preset ultrafast --bitrate 800";

async fn output(args: &str) -> (Option<i32>, String, String) {
    let output = Program::command(args).output().await.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[tokio::test]
async fn usage_errors_exit_with_64() {
    for (args, expect) in [
        ("", "--to <URL>"),
        ("--to rtmp://h/live", "SIGMA_STREAM_KEY"),
        ("--to rtmp://h/live/k --size 1", "WIDTHxHEIGHT"),
        ("--to rtmp://h/live/k --source testcard --loop", "--loop is for a file"),
    ] {
        let (code, _, error) = output(args).await;
        assert_eq!(code, Some(64), "{args}");
        assert!(error.contains(expect), "{args}: {error}");
    }
    assert_eq!(output("--version").await.0, Some(0));
}

#[tokio::test]
async fn devices() {
    let (code, text, _) = output("devices --json").await;
    assert_eq!(code, Some(0));
    let devices: Devices = serde_json::from_str(&text).unwrap();
    assert!(devices.encoders.iter().any(|encoder| encoder.name == "x264" && !encoder.hardware));
}

/// Each way to ask for an end: the stream is unpublished within a second and the exit code is 0.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn asked_to_end() {
    for how in ["command", "eof", "SIGINT", "SIGTERM"] {
        let server = Server::start().await;
        let mut program = Program::start(Program::live(&server, &format!("{SMALL} --control")));
        let end = async {
            program.until(Phase::Live).await;
            let mut stdin = program.child.stdin.take().unwrap();
            match how {
                "command" => stdin.write_all(b"{\"cmd\":\"stop\"}\n").await.unwrap(),
                "eof" => drop(stdin),
                signal => {
                    let pid = program.child.id().unwrap().to_string();
                    Command::new("kill").args(["-s", &signal[3..], &pid]).status().await.unwrap();
                    program.child.stdin = Some(stdin);
                }
            }
            let ended = timeout(Duration::from_secs(1), program.until(Phase::Stopped)).await;
            assert!(ended.is_ok(), "{how} took longer than a second");
            assert_eq!(program.exit_code().await, Some(0), "{how}");
        };
        let ((), received) = tokio::join!(end, server.receive(usize::MAX));
        assert!(received.clean, "{how}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_key_exits_with_2() {
    let server = Server::start().await;
    let mut program = Program::start(Program::live(&server, SMALL));
    server.request().await.reject(Refusal::BadKey).await.unwrap();
    let why = program.until(Phase::Failed).await.unwrap();
    assert!(why.contains(&Refusal::BadKey.description()), "{why}");
    assert_eq!(program.exit_code().await, Some(2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_file_exits_with_1() {
    let server = Server::start().await;
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let mut program = Program::start(Program::live(&server, &format!("--source {file}")));
    let why = program.until(Phase::Failed).await.unwrap();
    assert!(why.contains("Cargo.toml"), "{why}");
    assert_eq!(program.exit_code().await, Some(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_key_is_nowhere_in_the_output() {
    let server = Server::start().await;
    let mut command = Program::live(&server, SMALL);
    command.env("SIGMA_STREAM_KEY", "hush-hush").stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    server.request().await.reject(Refusal::Stopped).await.unwrap();
    let output = child.wait_with_output().await.unwrap();
    let all = [output.stdout, output.stderr].concat();
    assert!(!String::from_utf8_lossy(&all).contains("hush-hush"));
}
