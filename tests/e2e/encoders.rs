//! Encoders of graphics hardware, on a machine that may have some or none.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tests::process::{Process, built};
use tests::server::Server;
use tests::wait;

#[test]
fn each_is_listed_and_x264_stands_in_for_what_does_not_work() -> Result<()> {
    let listed = Command::new(built("sigma-broadcast")?).args(["devices", "--json"]).output()?;
    let devices: Value = serde_json::from_slice(&listed.stdout)?;
    let encoders = devices["encoders"].as_array().context("no encoders")?;
    for name in ["nvenc", "vaapi", "qsv", "videotoolbox", "media_foundation"] {
        let one = encoders.iter().find(|one| one["name"] == name).context(name)?;
        let why = one["why_not"].as_str().unwrap_or_default();
        ensure!(one["hardware"] == true && (one["usable"] == true) == why.is_empty(), "{one}");
    }

    // Of one that is another system's, whatever this machine has.
    let other = if cfg!(target_os = "linux") { "videotoolbox" } else { "vaapi" };
    let server = Server::start_with(&format!("[transcode]\nencoder = '{other}'"))?;
    wait("its trial", Duration::from_secs(30), || {
        Ok(server.process.log().contains("renditions are encoded by x264").then_some(()))
    })?;
    ensure!(server.process.log().contains("it is not for this operating system"), "{}", server.process.log());
    let rendition = json!({ "width": 256, "height": 144, "preset": "ultrafast" });
    let channel =
        server.channel("Studio", &json!({ "ladder": { "kind": "list", "renditions": [rendition] } }))?;
    let mut command = Command::new(built("sigma-broadcast")?);
    command.args(["--source", "testcard", "--sound", "tone", "--size", "640x360", "--duration", "20"]);
    command.args(["--json", "--encoder", other, "--to", &channel.publish_url]);
    let publisher = Process::start(&mut command)?;
    let notice = wait("the notice", Duration::from_secs(30), || {
        let line = publisher.line(Duration::from_secs(30))?;
        Ok(line.contains("\"notice\"").then_some(line))
    })?;
    ensure!(notice.contains("x264 encodes the picture"), "{notice}");
    server.session_is(&channel, "live", Duration::from_secs(20))?;
    wait("the ladder", Duration::from_secs(20), || {
        let (_, index) = tests::server::fetch("GET", &channel.hls_url, None, None)?;
        Ok(String::from_utf8_lossy(&index).contains("256x144").then_some(()))
    })
    .with_context(|| server.process.log())?;
    Ok(())
}
