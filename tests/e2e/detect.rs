//! Alerts about picture and sound: opened and closed on a real publisher, none on a good one.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use media::flv::TagKind;
use serde_json::{Value, json};
use tests::fixture::{self, Kind};
use tests::process::Process;
use tests::server::{Channel, Server};
use tests::{ffmpeg, wait};

use crate::scripted::Publisher;

/// 640x360 at 30 a second, a key frame a second.
fn publish(channel: &Channel, picture: &str, sound: &str) -> Result<Process> {
    let encode = "-c:v libx264 -preset ultrafast -tune zerolatency -g 30 -keyint_min 30 -sc_threshold 0 -pix_fmt yuv420p \
                  -b:v 1500k -c:a aac -b:a 128k -ac 2 -ar 48000 -t 120";
    let mut args = vec!["-re", "-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", sound];
    args.extend(encode.split_whitespace());
    ffmpeg::publish_with(&args, &channel.publish_url)
}

/// With a ladder, so that all pictures are decoded.
fn ladder(detectors: &Value) -> Value {
    let one = json!({ "width": 256, "height": 144, "preset": "ultrafast" });
    json!({ "ladder": { "kind": "list", "renditions": [one] }, "detectors": detectors })
}

/// Whether each alert opened or closed, in order: `black opened`.
fn told(server: &Server) -> Result<Vec<String>> {
    let events = server.get("/events?limit=200")?;
    let events = events["data"].as_array().context("no events")?.clone();
    let alerts = events.iter().filter_map(|event| {
        let turn = event["type"].as_str()?.strip_prefix("alert.")?.to_owned();
        Some(format!("{} {turn}", event["data"]["alert"].as_str()?))
    });
    Ok(alerts.collect())
}

fn until_told(server: &Server, what: &str) -> Result<()> {
    wait(what, Duration::from_secs(60), || Ok(told(server)?.iter().any(|told| told == what).then_some(())))
        .with_context(|| format!("{:?}\n{}", told(server), server.process.log()))
}

fn health(server: &Server, channel: &Channel) -> Result<Value> {
    Ok(server.newest_session(channel)?.context("no session")?["health"].clone())
}

#[test]
fn what_is_wrong_with_picture_and_sound_is_told_and_taken_back() -> Result<()> {
    told_and_taken_back(ladder)
}

/// The same where nothing is made: by key frames and sound.
#[test]
fn what_is_wrong_is_told_of_a_channel_that_is_passed_on_as_it_comes() -> Result<()> {
    told_and_taken_back(|detectors| json!({ "detectors": detectors }))
}

fn told_and_taken_back(settings: impl Fn(&Value) -> Value) -> Result<()> {
    let server = Server::start()?;
    let detectors = json!({
        "black": { "after_s": 2 }, "frozen": { "after_s": 3 }, "silence": { "after_s": 2 }, "clipping": { "after_s": 2 },
    });
    let channel = server.channel("Studio", &settings(&detectors))?;
    let picture = "testsrc2=s=640x360:r=30,drawbox=c=black:t=fill:enable='between(t,6,16)',\
                   drawbox=c=gray:t=fill:enable='between(t,22,34)'";
    // In 16 bits and on both sides before it is turned up: floats aren't cut off, and ffmpeg's way to two takes 3 dB off.
    let sound = "sine=f=440:r=48000,aformat=sample_fmts=s16:channel_layouts=stereo,volume=0:enable='between(t,6,16)',\
                 volume=30dB:precision=fixed:enable='between(t,22,34)'";
    let _publisher = publish(&channel, picture, sound)?;
    server.session_is(&channel, "live", Duration::from_secs(15))?;
    let open = |alerts: &[&str]| {
        wait("the session's health", Duration::from_secs(60), || {
            let health = health(&server, &channel)?;
            let open = health["alerts"].as_array().cloned().unwrap_or_default();
            let has = |alert: &&str| open.iter().any(|open| open["alert"] == **alert && open["fix"] != "");
            Ok((open.len() == alerts.len() && alerts.iter().all(has)).then_some(health))
        })
        .with_context(|| format!("{:?}\n{}", told(&server), server.process.log()))
    };
    let silent = open(&["black", "silence"])?;
    ensure!(silent["sound"]["peak_dbfs"].as_f64().is_some_and(|peak| peak < -60.0), "{silent}");
    let whole = open(&[])?;
    // A sine of an eighth of full scale on both sides.
    let lufs = whole["sound"]["momentary_lufs"].as_f64().context("no loudness")?;
    ensure!((-22.0..-15.0).contains(&lufs), "{whole}");
    let distorted = open(&["frozen", "clipping"])?;
    ensure!(distorted["sound"]["clipped_percent"].as_f64().is_some_and(|share| share > 1.0), "{distorted}");
    open(&[])?;
    for alert in ["black", "silence", "frozen", "clipping"] {
        until_told(&server, &format!("{alert} opened"))?;
        until_told(&server, &format!("{alert} closed"))?;
    }
    let told = told(&server)?;
    ensure!(told.iter().filter(|told| !told.starts_with("ladder_shed")).count() == 8, "{told:?}");
    Ok(())
}

#[test]
fn a_good_picture_and_sound_are_no_alert_and_what_is_off_is_not_told() -> Result<()> {
    let server = Server::start()?;
    // All at once, and the first second counts.
    let strict = json!({
        "black": { "after_s": 1 }, "frozen": { "after_s": 1 }, "silence": { "after_s": 1 }, "clipping": { "after_s": 1 },
        "loudness": { "after_s": 1 }, "av_drift": { "after_s": 1 },
    });
    let good = server.channel("Good", &ladder(&strict))?;
    let passed_on = server.channel("Passed on", &json!({ "detectors": strict }))?;
    let off = json!({ "black": { "on": false }, "silence": { "on": false } });
    let off = server.channel("Off", &json!({ "detectors": off }))?;
    let (_good, _passed_on) = (publish_card(&good)?, publish_card(&passed_on)?);
    let _off = publish(&off, "color=black:s=640x360:r=30", "anullsrc=r=48000:cl=stereo")?;
    for channel in [&good, &passed_on, &off] {
        server.session_is(channel, "live", Duration::from_secs(15))?;
    }
    for channel in [&good, &passed_on] {
        let measured = wait("figures", Duration::from_secs(60), || {
            let health = health(&server, channel)?;
            let whole = health["av_drift_ms"].is_number() && health["sound"].is_object();
            Ok(whole.then_some(health))
        })
        .with_context(|| server.process.log())?;
        ensure!(measured["av_drift_ms"].as_f64().is_some_and(|ms| ms.abs() < 150.0), "{measured}");
    }
    std::thread::sleep(Duration::from_secs(8));
    let mut told = told(&server)?;
    told.retain(|told| !told.starts_with("ladder_shed"));
    ensure!(told.is_empty(), "{told:?}\n{}", server.process.log());
    // Switched on while live.
    let on = json!({ "detectors": { "black": { "on": true, "after_s": 1 }, "silence": { "on": true, "after_s": 1 } } });
    let (status, answer) = server.api("PATCH", &format!("/channels/{}", off.id), Some(&on))?;
    ensure!(status == 200 && answer["detectors"]["black"]["on"] == true, "{status} {answer}");
    until_told(&server, "black opened")?;
    until_told(&server, "silence opened")?;
    Ok(())
}

/// Our own test card: pictures that move, a beep a second.
fn publish_card(channel: &Channel) -> Result<Process> {
    let file = fixture::file(Kind::BFrames48Stereo)?.display().to_string();
    let args = ["-re", "-stream_loop", "-1", "-i", &file, "-c", "copy", "-t", "120"];
    ffmpeg::publish_with(&args, &channel.publish_url)
}

#[test]
fn sound_whose_clock_runs_ahead_is_told() -> Result<()> {
    let server = Server::start()?;
    let detectors = json!({ "av_drift": { "after_s": 2, "over_ms": 150 } });
    let channel = server.channel("Studio", &json!({ "detectors": detectors }))?;
    let mut publisher = Publisher::connect(&channel.publish_url)?;
    let tags = fixture::tags(Kind::BFrames48Stereo)?;
    let (start, mut found) = (Instant::now(), false);
    'shows: for round in 0..4 {
        for tag in &tags {
            let mut tag = tag.clone();
            tag.timestamp += round * fixture::SECONDS * 1000;
            let due = start + Duration::from_millis(tag.timestamp.into());
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            if tag.kind == TagKind::Audio {
                tag.timestamp += tag.timestamp * 3 / 100;
            }
            publisher.send(tag)?;
        }
        found = told(&server)?.iter().any(|told| told == "av_drift opened");
        if found {
            break 'shows;
        }
    }
    ensure!(found, "{:?} {}\n{}", told(&server), health(&server, &channel)?, server.process.log());
    publisher.close()?;
    // With the session every alert is over.
    until_told(&server, "av_drift closed")
}
