//! The machine's budget, and a ladder whose worker can't be started.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tests::process::built;
use tests::server::{Channel, Server};
use tests::wait;

use super::watch::{playlist, text, variants};
use super::{MOVES, ladder, publish};

/// What was told of this alert of a channel, in order: opened with its data, or closed.
fn told(server: &Server, channel: &Channel, alert: &str) -> Result<Vec<(String, Value)>> {
    let events = server.events()?.into_iter();
    let ours = events.filter(|e| e["channel_id"] == channel.id.as_str() && e["data"]["alert"] == alert);
    Ok(ours.map(|e| (e["type"].as_str().unwrap_or_default().to_owned(), e["data"].clone())).collect())
}

fn sizes(channel: &Channel) -> Result<Vec<String>> {
    Ok(variants(channel)?.into_iter().map(|variant| variant.size).collect())
}

#[test]
fn a_ladder_without_room_starts_with_the_source_alone_and_grows() -> Result<()> {
    // Before anything is learnt the first ladder takes 0.287 of a core, the second 0.046, its smallest rendition alone 0.025.
    // Without the first there is room for the second also on a machine that turns out much slower.
    let cores = std::thread::available_parallelism()?.get() as f64;
    let server = Server::start_with(&format!("[transcode]\nshare = {}", 0.317 / cores))?;
    let slow = json!({ "width": 640, "height": 360, "preset": "slow" });
    let slow = json!({ "ladder": { "kind": "list", "renditions": [slow] } });
    let first = server.channel("First", &slow)?;
    let second = server.channel("Second", &ladder())?;
    let _first_publisher = publish(&first, MOVES, 60)?;
    server.session_is(&first, "live", Duration::from_secs(10))?;

    let _second_publisher = publish(&second, MOVES, 90)?;
    server.session_is(&second, "live", Duration::from_secs(10))?;
    let list = sizes(&second)?;
    ensure!(list == ["640x360"], "{list:?} {}", server.process.log());
    let alerts = told(&server, &second, "ladder_over_budget")?;
    let (kind, data) = alerts.first().with_context(|| server.process.log())?;
    ensure!(kind == "alert.opened", "{alerts:?}");
    ensure!(data["cause"].as_str().is_some_and(|cause| cause.contains("what comes in alone")), "{data}");
    ensure!(data["fix"].as_str().is_some_and(|fix| fix.starts_with("144p would fit")), "{data}");
    let system = server.get("/system")?;
    let budget = &system["budget"];
    let of = |channel: &Channel| {
        let ladders = budget["ladders"].as_array().into_iter().flatten();
        ladders.into_iter().find(|one| one["channel_id"] == channel.id.as_str()).cloned().unwrap_or_default()
    };
    ensure!(of(&first)["state"] == "whole" && of(&second)["state"] != "whole", "{system:#}");
    ensure!(budget["granted_cores"].as_f64() <= budget["cores"].as_f64(), "{system:#}");
    let worker = wait("a look at the first one's worker", Duration::from_secs(20), || {
        let system = server.get("/system")?;
        let mut workers = system["workers"].as_array().cloned().unwrap_or_default().into_iter();
        Ok(workers.find(|one| one["channel_id"] == first.id.as_str()))
    })?;
    ensure!(worker["memory_bytes"].as_u64() > Some(0), "{worker}");
    ensure!(system["memory"]["total_bytes"].as_u64() > Some(0) && system["disk"].is_object(), "{system:#}");

    // Whoever watches sees a level appear, and nothing else.
    let url = second.hls_url.clone();
    let judge = std::thread::spawn(move || -> Result<Value> {
        let args = ["check", &url, "--for", "25s", "--slack", "1s", "--json"];
        let out = Command::new(built("sigma-probe")?).args(args).output()?;
        Ok(serde_json::from_slice(&out.stdout)?)
    });
    server.post(&format!("/channels/{}/stop", first.id), &json!({}))?;
    wait("the second to grow", Duration::from_secs(60), || Ok((sizes(&second)?.len() == 3).then_some(())))
        .with_context(|| server.process.log())?;
    ensure!(sizes(&second)? == ["640x360", "426x240", "256x144"], "{}", text(&second.hls_url)?);
    wait("the alert to close", Duration::from_secs(10), || {
        let alerts = told(&server, &second, "ladder_over_budget")?;
        Ok(alerts.last().is_some_and(|(kind, _)| kind == "alert.closed").then_some(()))
    })
    .with_context(|| server.process.log())?;
    let variants = variants(&second)?;
    let lists = variants.iter().map(playlist).collect::<Result<Vec<_>>>()?;
    wait("segments of each", Duration::from_secs(20), || {
        let lists = variants.iter().map(playlist).collect::<Result<Vec<_>>>()?;
        let whole = lists.iter().all(|list| list.segments.iter().rev().take(2).all(|one| !one.gap));
        Ok(whole.then_some(()))
    })?;
    for (list, variant) in lists.iter().zip(&variants) {
        for segment in &list.segments {
            let other = lists[0].segments.iter().find(|other| other.msn == segment.msn);
            ensure!(other.is_none_or(|other| other.time == segment.time), "{}: {segment:?}", variant.size);
        }
    }
    let report = judge.join().map_err(|_| anyhow::anyhow!("the judge panicked"))??;
    let bad: Vec<_> =
        report["rules"].as_array().into_iter().flatten().filter(|rule| rule["outcome"] == "fail").collect();
    ensure!(bad.is_empty() && report["rules"].is_array(), "{bad:#?}");
    Ok(())
}

#[test]
fn a_worker_that_cannot_be_started_is_told() -> Result<()> {
    // As when a server runs on while its program is replaced.
    let folder = tempfile::tempdir()?;
    let program = folder.path().join("sigma-server");
    std::fs::copy(built("sigma-server")?, &program)?;
    let server = Server::start_program(&program)?;
    std::fs::remove_file(&program)?;
    let asked = json!({ "processing": { "picture": { "flip": true } } });
    let channel = server.channel("Studio", &asked)?;
    let _publisher = publish(&channel, MOVES, 30)?;
    let alert = wait("the alert", Duration::from_secs(20), || {
        Ok(told(&server, &channel, "ladder_failed")?.into_iter().next())
    })
    .with_context(|| server.process.log())?;
    let (kind, data) = alert;
    ensure!(kind == "alert.opened", "{kind} {data}");
    ensure!(data["cause"].as_str().is_some_and(|cause| cause.ends_with("viewers get no picture")), "{data}");
    ensure!(data["fix"].as_str().is_some_and(|fix| fix.contains("restart the server")), "{data}");
    // What came in is nobody's.
    let (_, list) = tests::server::fetch("GET", &channel.hls_url, None, None)?;
    ensure!(!String::from_utf8_lossy(&list).contains("RESOLUTION"), "{}", String::from_utf8_lossy(&list));
    Ok(())
}
