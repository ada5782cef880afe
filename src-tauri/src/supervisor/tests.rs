//! The controller with real child processes: shell scripts that stand where the programs stand.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;

use api::broadcast::{Line, Phase};
use tokio::sync::mpsc;

use crate::controller::{Controller, Problem, Target, Window};
use crate::settings::{Programs, Server, Settings};

#[derive(Debug)]
enum Told {
    Broadcast(Line),
    ServerLost(Problem),
}

struct Page(mpsc::UnboundedSender<Told>);

impl Window for Page {
    fn broadcast(&self, line: &Line) {
        self.0.send(Told::Broadcast(line.clone())).unwrap();
    }
    fn server_lost(&self, problem: &Problem) {
        self.0.send(Told::ServerLost(problem.clone())).unwrap();
    }
}

struct Desk {
    controller: Arc<Controller>,
    told: mpsc::UnboundedReceiver<Told>,
    folder: tempfile::TempDir,
}

/// `server` and `broadcast` are bodies of shell scripts; they find a place to leave traces in $HERE.
fn desk(server: &str, broadcast: &str) -> Desk {
    let folder = tempfile::tempdir().unwrap();
    let script = |name: &str, body: &str| -> PathBuf {
        let path = folder.path().join(name);
        let here = folder.path().display();
        std::fs::write(&path, format!("#!/bin/sh\nHERE='{here}'\n{body}\n")).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
        path
    };
    let programs = Programs { server: script("server", server), broadcast: script("broadcast", broadcast) };
    let data_dir = folder.path().join("data");
    let settings = Settings { server: Server::Own { data_dir }, programs, go_live: Some("testcard".into()) };
    let (page, told) = mpsc::unbounded_channel();
    Desk { controller: Controller::new(settings, Arc::new(Page(page))), told, folder }
}

impl Desk {
    fn left(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.path().join(name)).unwrap_or_default()
    }

    async fn state(&mut self) -> (Phase, String) {
        loop {
            match self.told.recv().await.unwrap() {
                Told::Broadcast(Line::State(state)) => {
                    return (state.state, state.reason.unwrap_or_default());
                }
                Told::Broadcast(_) => {}
                Told::ServerLost(problem) => panic!("{problem:?}"),
            }
        }
    }
}

fn target() -> Target {
    Target {
        channel: "ch_1".into(),
        url: "rtmp://127.0.0.1:1/live".into(),
        key: "secret".into(),
        source: "testcard".into(),
    }
}

const SERVER: &str = r#"echo "$@" > "$HERE/server-args"
echo '{"http":"http://127.0.0.1:5","rtmp":"rtmp://127.0.0.1:6","admin_token":"t","version":"1"}'
cat > /dev/null
echo stopped > "$HERE/server-end""#;

const BROADCAST: &str = r#"echo "$@" > "$HERE/args"; echo "$SIGMA_STREAM_KEY" > "$HERE/key"
echo '{"type":"state","state":"live"}'
echo 'not for this version'
cat > /dev/null
echo unpublished > "$HERE/end"
echo '{"type":"state","state":"stopped"}'"#;

#[tokio::test]
async fn live_and_stopped_and_closed() {
    let mut desk = desk(SERVER, BROADCAST);
    desk.controller.start().await;
    let connection = desk.controller.connection().await.unwrap();
    assert_eq!((connection.url.as_str(), connection.token.as_str()), ("http://127.0.0.1:5", "t"));
    assert_eq!(connection.go_live.as_deref(), Some("testcard"));
    assert_eq!(desk.controller.connection().await.unwrap().go_live, None, "only the first page is told");
    assert!(desk.left("server-args").contains("--ready-json --stop-with-stdin"));

    desk.controller.go_live(target()).await.unwrap();
    assert_eq!(desk.state().await.0, Phase::Live);
    assert!(desk.controller.is_live());
    assert_eq!(desk.left("key"), "secret\n");
    assert!(!desk.left("args").contains("secret"), "the key must not stand in ps");
    let again = desk.controller.go_live(target()).await.unwrap_err();
    assert_eq!(again.code, "already_live");

    desk.controller.stop().await;
    assert_eq!(desk.left("end"), "unpublished\n");
    assert_eq!(desk.state().await.0, Phase::Stopped);
    assert!(!desk.controller.is_live());

    desk.controller.go_live(target()).await.unwrap();
    desk.controller.close().await;
    assert_eq!(desk.left("server-end"), "stopped\n");
    assert!(!desk.controller.is_live());
}

#[tokio::test]
async fn a_broadcaster_that_dies_is_said() {
    let mut desk = desk(SERVER, "exit 3");
    desk.controller.go_live(target()).await.unwrap();
    let (phase, reason) = desk.state().await;
    assert_eq!(phase, Phase::Failed);
    assert!(reason.contains("sigma-broadcast") && reason.contains('3'), "{reason}");
    assert!(!desk.controller.is_live());
}

#[tokio::test]
async fn a_refusal_keeps_its_reason() {
    let refuse = r#"echo '{"type":"state","state":"failed","reason":"the key was refused"}'; exit 2"#;
    let mut desk = desk(SERVER, refuse);
    desk.controller.go_live(target()).await.unwrap();
    assert_eq!(desk.state().await, (Phase::Failed, "the key was refused".to_owned()));
}

#[tokio::test]
async fn a_server_that_fails() {
    let cases = [("exit 1", "program_ended"), ("echo hello", "program_version")];
    for (script, code) in cases {
        let desk = desk(script, BROADCAST);
        desk.controller.start().await;
        assert_eq!(desk.controller.connection().await.unwrap_err().code, code, "{script}");
        desk.controller.close().await;
    }
}

#[tokio::test]
async fn a_server_that_dies_later_is_said() {
    let dies = r#"echo '{"http":"http://127.0.0.1:5","admin_token":"t"}'; exit 9"#;
    let mut desk = desk(dies, BROADCAST);
    desk.controller.start().await;
    match desk.told.recv().await.unwrap() {
        Told::ServerLost(problem) => assert_eq!(problem.code, "program_ended"),
        Told::Broadcast(line) => panic!("{line:?}"),
    }
    assert!(desk.controller.connection().await.is_err());
}

#[tokio::test]
async fn programs_that_are_missing_are_named() {
    let desk = desk(SERVER, BROADCAST);
    std::fs::remove_file(desk.folder.path().join("broadcast")).unwrap();
    let problem = desk.controller.go_live(target()).await.unwrap_err();
    assert_eq!(problem.code, "program_missing");
    assert!(problem.message.contains("broadcast"), "{}", problem.message);
    assert!(!desk.controller.is_live());
}

#[tokio::test]
async fn only_rtmp_is_published_to() {
    let desk = desk(SERVER, BROADCAST);
    let target = Target { url: "file:///etc".into(), ..target() };
    assert_eq!(desk.controller.go_live(target).await.unwrap_err().code, "bad_address");
}

#[tokio::test]
async fn devices_are_listed() {
    let answer = r#"printf '{"cameras":[{"index":0,"name":"Lens"}],\n"microphones":[],"encoders":[]}'; echo "$@" > "$HERE/args""#;
    let desk = desk(SERVER, answer);
    let devices = desk.controller.devices().await.unwrap();
    assert_eq!(devices.cameras.first().unwrap().name, "Lens");
    assert_eq!(desk.left("args"), "devices --json\n");
}
