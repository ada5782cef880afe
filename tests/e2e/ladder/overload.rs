//! A worker that gets too little of the machine.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tests::process::{self, Process};
use tests::server::Server;
use tests::wait;

/// The worker of this process id runs for some milliseconds of each hundred, until it is gone.
const SQUEEZE: &str = "while kill -STOP $0; do sleep 0.1; kill -CONT $0; sleep 0.003; done";

/// Little work, but more than that.
const SMALL: &str = "testsrc2=s=320x180:r=30";

fn told(server: &Server, kind: &str) -> Result<Option<Value>> {
    let about = |event: &Value| event["type"] == kind && event["data"]["alert"] == "ladder_shed";
    Ok(server.events()?.into_iter().find(about))
}

#[test]
fn what_is_given_up_is_told_and_taken_back() -> Result<()> {
    let server = Server::start()?;
    let one = json!({ "width": 256, "height": 144, "preset": "slow" });
    let ladder = json!({ "ladder": { "kind": "list", "renditions": [one] } });
    let channel = server.channel("Studio", &ladder)?;
    let _publisher = super::publish(&channel, SMALL, 400)?;
    server.session_is(&channel, "live", Duration::from_secs(20))?;
    let opened = wait("an alert", Duration::from_secs(60), || {
        // A worker that hung is replaced meanwhile.
        let _squeezed = server
            .process
            .children()?
            .iter()
            .map(|worker| Process::start(Command::new("sh").args(["-c", SQUEEZE, worker])))
            .collect::<Result<Vec<_>>>()?;
        std::thread::sleep(Duration::from_secs(3));
        told(&server, "alert.opened")
    });
    server.process.children()?.iter().for_each(|worker| drop(process::signal(worker, "CONT")));
    let opened = opened.with_context(|| server.process.log())?;
    let detail = opened["data"]["detail"].as_str().unwrap_or_default();
    ensure!(detail == "144p with every other picture", "{opened}");
    ensure!(told(&server, "alert.closed")?.is_none(), "{opened}");
    // After ten seconds with room.
    wait("the alert to close", Duration::from_secs(200), || told(&server, "alert.closed"))
        .with_context(|| server.process.log())?;
    Ok(())
}
