//! Ladders and processing: renditions in step with the source, by a worker that may die, and what is done to picture and sound.

mod budget;
mod inputs;
mod overload;
mod watch;

use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tests::process::{self, Process, built};
use tests::server::{Channel, Server, fetch};
use tests::{ffmpeg, wait};
use watch::{Playlist, playlist, sample, variants};

/// 640x360 with B-frames, a key frame a second; a tone of -24.1 dB RMS.
fn publish(channel: &Channel, picture: &str, seconds: u32) -> Result<Process> {
    let seconds = seconds.to_string();
    let encode = "-c:v libx264 -preset ultrafast -tune zerolatency -bf 2 -g 30 -keyint_min 30 -sc_threshold 0 -pix_fmt yuv420p \
                  -b:v 800k -c:a aac -ac 2 -ar 48000 -t";
    let mut args = vec!["-re", "-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", "sine=f=440:r=48000"];
    args.extend(encode.split_whitespace());
    args.push(&seconds);
    ffmpeg::publish_with(&args, &channel.publish_url)
}

const MOVES: &str = "testsrc2=s=640x360:r=30";

fn ladder() -> Value {
    let one = |width: u32, height: u32| json!({ "width": width, "height": height, "preset": "ultrafast" });
    json!({ "ladder": { "kind": "list", "renditions": [one(426, 240), one(256, 144)] } })
}

#[test]
fn renditions_are_in_step_with_the_source() -> Result<()> {
    let server = Server::start()?;
    let channel = server.channel("Studio", &ladder())?;
    let mut publisher = publish(&channel, MOVES, 16)?;
    server.session_is(&channel, "live", Duration::from_secs(8))?;
    let variants = variants(&channel)?;
    let sizes: Vec<_> = variants.iter().map(|variant| variant.size.as_str()).collect();
    ensure!(sizes == ["640x360", "426x240", "256x144"], "{sizes:?}");

    // Judged by the rules, to the end.
    let url = channel.hls_url.clone();
    let judge = std::thread::spawn(move || -> Result<Value> {
        let args = ["check", &url, "--for", "20s", "--slack", "1s", "--strict", "--json"];
        let out = Command::new(built("sigma-probe")?).args(args).output()?;
        Ok(serde_json::from_slice(&out.stdout)?)
    });

    // The same segments at the same time, and each with its key frames where the source has them.
    // The source's very first picture may have been brought forward to its sound.
    wait("four segments", Duration::from_secs(10), || {
        Ok((playlist(&variants[2])?.segments.len() >= 4).then_some(()))
    })?;
    let lists: Vec<Playlist> = variants.iter().map(playlist).collect::<Result<_>>()?;
    let last = lists.iter().filter_map(|list| list.segments.last()).map(|s| s.msn).min().context("none")?;
    for msn in last - 2..=last {
        let of = |list: &Playlist| list.segments.iter().find(|s| s.msn == msn).cloned();
        let source = of(&lists[0]).context("no such segment")?;
        for (list, variant) in lists.iter().zip(&variants) {
            let segment = of(list).with_context(|| format!("{} has no segment {msn}", variant.size))?;
            ensure!(!segment.gap && segment.duration == source.duration, "{}: {segment:?}", variant.size);
            ensure!(segment.time == source.time, "{}: {segment:?}, not {source:?}", variant.size);
            let (file, keys) = sample(list, &segment)?;
            let (_, expected) = sample(&lists[0], &source)?;
            ensure!(keys == expected && !keys.is_empty(), "{}: {keys:?}, not {expected:?}", variant.size);
            let path = file.path().display().to_string();
            let probed = ffmpeg::probe(&path)?;
            let size = format!("{}x{}", probed["streams"][0]["width"], probed["streams"][0]["height"]);
            ensure!(size == variant.size, "{probed}");
            ffmpeg::decode(&path)?;
        }
    }
    publisher.succeeds(Duration::from_secs(30))?;
    let report = judge.join().map_err(|_| anyhow::anyhow!("the judge panicked"))??;
    let bad: Vec<_> = report["rules"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|rule| rule["outcome"] == "fail" || rule["outcome"] == "warn")
        .collect();
    ensure!(bad.is_empty() && report["rules"].is_array(), "{bad:#?}");
    Ok(())
}

/// A worker that gets this signal in mid-show is replaced, and what is missing meanwhile is a GAP at most.
fn survives(name: &str) -> Result<()> {
    let server = Server::start()?;
    let channel = server.channel("Studio", &ladder())?;
    let _publisher = publish(&channel, MOVES, 30)?;
    server.session_is(&channel, "live", Duration::from_secs(8))?;
    let variants = variants(&channel)?;
    wait("two segments", Duration::from_secs(8), || {
        Ok((playlist(&variants[2])?.segments.len() >= 2).then_some(()))
    })?;
    let before = server.process.children()?;
    ensure!(!before.is_empty(), "no worker");
    for worker in &before {
        process::signal(worker, name)?;
    }
    let newest =
        |at: usize| Ok::<_, anyhow::Error>(playlist(&variants[at])?.segments.last().map_or(0, |s| s.msn));
    let (hit, began) = (newest(0)?, std::time::Instant::now());
    wait("another worker", Duration::from_millis(2_500), || {
        Ok(server.process.children()?.iter().any(|worker| !before.contains(worker)).then_some(()))
    })
    .with_context(|| server.process.log())?;
    let replaced = began.elapsed();
    ensure!(replaced < Duration::from_millis(2_500), "replaced after {replaced:?}");
    wait("the show to go on", Duration::from_secs(12), || Ok((newest(2)? >= hit + 5).then_some(())))
        .with_context(|| server.process.log())?;
    let source = playlist(&variants[0])?;
    for variant in &variants[1..] {
        let list = playlist(variant)?;
        let gaps = list.segments.iter().filter(|segment| segment.gap).count();
        ensure!(gaps <= 3, "{}: {gaps} gaps in {:#?}", variant.size, list.segments);
        let whole = list.segments.last().is_some_and(|segment| !segment.gap);
        // On a machine that has too much to do it may be given up meanwhile.
        let shed = || server.process.log().contains("can't make all of session");
        ensure!(whole || shed(), "{}: {:#?}\n{}", variant.size, list.segments, server.process.log());
        for segment in &list.segments {
            let other = source.segments.iter().find(|other| other.msn == segment.msn);
            ensure!(other.is_none_or(|other| other.time == segment.time), "{segment:?}, not {other:?}");
        }
        let newest = list.segments.iter().rev().find(|segment| !segment.gap).context("all gaps")?;
        let (file, _) = sample(&list, newest)?;
        ffmpeg::decode(&file.path().display().to_string())?;
    }
    ensure!(server.session_is(&channel, "live", Duration::from_secs(1)).is_ok(), "{}", server.process.log());
    Ok(())
}

#[test]
fn a_worker_that_dies_is_replaced() -> Result<()> {
    survives("KILL")
}

#[test]
fn a_worker_that_hangs_is_replaced() -> Result<()> {
    survives("STOP")
}

/// Mean volume in dB of a file.
fn volume(path: &str) -> Result<f64> {
    let args = ["-hide_banner", "-nostdin", "-i", path, "-af", "volumedetect", "-f", "null", "-"];
    let out = Command::new("ffmpeg").args(args).output()?;
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    let found = said.split("mean_volume:").nth(1).and_then(|rest| rest.split_whitespace().next());
    found.and_then(|number| number.parse().ok()).with_context(|| said.clone())
}

/// How bright the upper half is.
fn upper(path: &str) -> Result<u8> {
    ffmpeg::brightness_of(path, "crop=iw:ih/2:0:0")
}

#[test]
fn what_is_asked_of_picture_and_sound_is_done_and_changes_while_live() -> Result<()> {
    let server = Server::start()?;
    let asked = json!({ "processing": { "picture": { "flip": true }, "sound": { "gain_db": -12 } } });
    let channel = server.channel("Studio", &asked)?;
    // White above, black below.
    let _publisher = publish(&channel, "color=white:s=640x360:r=30,drawbox=y=180:h=180:c=black:t=fill", 30)?;
    server.session_is(&channel, "live", Duration::from_secs(8))?;
    let list = variants(&channel)?;
    ensure!(list.len() == 1 && list[0].size == "640x360" && !list[0].url.contains("/video/"), "{list:?}");
    // What came in is nobody's.
    let source = list[0].url.replace("/360p/", "/video/");
    ensure!(source != list[0].url && fetch("GET", &source, None, None)?.0 == 404, "{source}");
    let newest = |variant: &watch::Variant| -> Result<Option<String>> {
        let list = playlist(variant)?;
        let Some(segment) = list.segments.iter().rev().find(|segment| !segment.gap) else { return Ok(None) };
        let (file, _) = sample(&list, segment)?;
        Ok(Some(file.into_temp_path().keep()?.display().to_string()))
    };
    let sound = watch::sound(&channel)?;
    let file = wait("a picture", Duration::from_secs(5), || newest(&list[0]))?;
    ensure!(upper(&file)? < 60, "{}", upper(&file)?);
    let heard = volume(&wait("sound", Duration::from_secs(5), || newest(&sound))?)?;
    ensure!((heard + 36.1).abs() < 1.0, "{heard} dB");

    let other = json!({ "processing": { "picture": { "flip": null }, "sound": { "gain_db": 0 } } });
    let (status, answer) = server.api("PATCH", &format!("/channels/{}", channel.id), Some(&other))?;
    ensure!(status == 200 && answer["processing"]["picture"]["flip"] == false, "{status} {answer}");
    wait("the change", Duration::from_secs(6), || {
        let file = newest(&list[0])?.context("no picture")?;
        Ok((upper(&file)? > 200).then_some(()))
    })?;
    wait("the sound's change", Duration::from_secs(6), || {
        Ok(((volume(&newest(&sound)?.context("no sound")?)? + 24.1).abs() < 1.0).then_some(()))
    })?;

    // A black logo over the upper half.
    let folder = tempfile::tempdir()?;
    let black = folder.path().join("black.png").display().to_string();
    ffmpeg::run(&["-f", "lavfi", "-i", "color=black:s=640x180", "-frames:v", "1", "-update", "1", &black])?;
    let url = format!("{}/api/v1/channels/{}/logo", server.http, channel.id);
    let file = ("image/png", std::fs::read(&black)?);
    let (status, answer) = tests::server::send("PUT", &url, Some(&server.token), Some(file))?;
    ensure!(status == 200, "{status} {}", String::from_utf8_lossy(&answer));
    let place = json!({ "processing": { "picture": { "logo": { "height": 0.5, "corner": "top_left" } } } });
    let (status, answer) = server.api("PATCH", &format!("/channels/{}", channel.id), Some(&place))?;
    ensure!(status == 200 && answer["logo"]["width"] == 640, "{status} {answer}");
    let shows = |least: u8, most: u8| {
        wait("the logo to come or go", Duration::from_secs(6), || {
            let file = newest(&list[0])?.context("no picture")?;
            Ok((least..=most).contains(&upper(&file)?).then_some(()))
        })
        .with_context(|| server.process.log())
    };
    shows(0, 60)?;
    ensure!(tests::server::send("DELETE", &url, Some(&server.token), None)?.0 == 204);
    shows(200, 255)?;
    ensure!(server.newest_session(&channel)?.is_some_and(|session| session["status"] == "live"));
    Ok(())
}

#[test]
fn the_slate_is_in_every_size() -> Result<()> {
    let server = Server::start()?;
    let mut settings = ladder();
    settings["slate"] = json!({ "after_ms": 500 });
    let channel = server.channel("Studio", &settings)?;
    let publisher = publish(&channel, MOVES, 40)?;
    server.session_is(&channel, "live", Duration::from_secs(8))?;
    let variants = variants(&channel)?;
    wait("two segments", Duration::from_secs(8), || {
        Ok((playlist(&variants[2])?.segments.len() >= 2).then_some(()))
    })?;
    publisher.signal("STOP")?;
    for variant in &variants {
        wait("the slate", Duration::from_secs(10), || {
            let list = playlist(variant)?;
            let shown = list.segments.iter().filter(|segment| segment.discontinuity && !segment.gap).count();
            Ok((shown >= 1).then_some(()))
        })
        .with_context(|| format!("{}: {}", variant.size, server.process.log()))?;
        let list = playlist(variant)?;
        let (file, _) = sample(&list, list.segments.last().context("none")?)?;
        let probed = ffmpeg::probe(&file.path().display().to_string())?;
        let size = format!("{}x{}", probed["streams"][0]["width"], probed["streams"][0]["height"]);
        ensure!(size == variant.size, "{probed}");
    }
    publisher.signal("CONT")?;
    server.session_is(&channel, "live", Duration::from_secs(4))?;
    let hit = playlist(&variants[0])?.segments.last().map_or(0, |segment| segment.msn);
    wait("the show to go on", Duration::from_secs(12), || {
        let lists: Vec<Playlist> = variants.iter().map(playlist).collect::<Result<_>>()?;
        Ok(lists
            .iter()
            .all(|list| list.segments.last().is_some_and(|s| s.msn >= hit + 3 && !s.gap))
            .then_some(()))
    })
    .with_context(|| server.process.log())?;
    let lists: Vec<Playlist> = variants.iter().map(playlist).collect::<Result<_>>()?;
    for (list, variant) in lists.iter().zip(&variants) {
        let gaps = list.segments.iter().filter(|segment| segment.gap).count();
        ensure!(gaps <= 1, "{}: {gaps} gaps in {:#?}", variant.size, list.segments);
    }
    Ok(())
}

#[test]
fn after_a_restart_the_ladder_is_made_again() -> Result<()> {
    let server = Server::start()?;
    let channel = server.channel("Studio", &ladder())?;
    let first = publish(&channel, MOVES, 40)?;
    server.session_is(&channel, "live", Duration::from_secs(8))?;
    std::thread::sleep(Duration::from_secs(3));
    drop(first);
    let server = server.killed_and_started()?;
    let channel = Channel {
        hls_url: format!("{}/live/{}/index.m3u8", server.http, channel.playback),
        publish_url: format!("{}/live/{}", server.rtmp, channel.key),
        ..channel
    };
    let _second = publish(&channel, MOVES, 30)?;
    server.session_is(&channel, "live", Duration::from_secs(8))?;
    ensure!(server.sessions(&channel)?.len() == 1, "{}", server.process.log());
    wait("the ladder", Duration::from_secs(12), || {
        let variants = variants(&channel)?;
        let lists: Vec<Playlist> = variants.iter().map(playlist).collect::<Result<_>>()?;
        let goes_on = lists.iter().all(|list| list.segments.last().is_some_and(|segment| !segment.gap));
        Ok((lists.len() == 3 && goes_on).then_some(()))
    })
    .with_context(|| server.process.log())?;
    Ok(())
}

#[test]
fn presets_and_what_holds_back() -> Result<()> {
    let server = Server::start()?;
    // By what comes in; pictures half a second later, sound three.
    let quality = json!({
        "latency_mode": "low",
        "ladder": { "kind": "auto", "encoding": "quality" },
        "processing": { "sound": { "loudness_lufs": -20 } },
    });
    let channel = server.channel("Studio", &quality)?;
    let publisher = publish(&channel, MOVES, 30)?;
    server.session_is(&channel, "live", Duration::from_secs(15))?;
    let variants = variants(&channel)?;
    let sizes: Vec<_> = variants.iter().map(|variant| variant.size.as_str()).collect();
    ensure!(sizes == ["640x360", "426x240"], "{sizes:?}");
    let sound = watch::sound(&channel)?;
    ensure!(sound.url.contains("/sound/"), "{sound:?}");
    for variant in variants.iter().chain([&sound]) {
        wait("three segments without a gap", Duration::from_secs(12), || {
            let list = playlist(variant)?;
            ensure!(
                list.segments.iter().all(|segment| !segment.gap),
                "{}: {:#?}",
                variant.url,
                list.segments
            );
            Ok((list.segments.len() >= 3).then_some(()))
        })
        .with_context(|| server.process.log())?;
    }
    drop(publisher);

    let channel = server.channel("Radio", &json!({ "ladder": { "kind": "audio_only" } }))?;
    let _publisher = publish(&channel, MOVES, 30)?;
    server.session_is(&channel, "live", Duration::from_secs(8))?;
    let index = watch::text(&channel.hls_url)?;
    ensure!(
        index.contains("mp4a.40.2") && !index.contains("avc1") && !index.contains("RESOLUTION"),
        "{index}"
    );
    Ok(())
}

/// Seconds of a stream's packets, and their number, of what ffmpeg reads of a monitor feed in four seconds.
fn monitored(server: &Server, path: &str) -> Result<String> {
    let token = format!("Authorization: Bearer {}\r\n", server.token);
    let url = format!("{}{path}", server.http);
    let args = ["-v", "error", "-headers", &token, "-read_intervals", "%+4", "-count_packets"];
    let entries = ["-show_entries", "stream=codec_name,width,nb_read_packets", "-of", "csv=p=0", &url];
    let out = Command::new("timeout").arg("20").arg("ffprobe").args(args).args(entries).output()?;
    ensure!(out.status.success(), "{path}: {}", String::from_utf8_lossy(&out.stderr));
    Ok(String::from_utf8(out.stdout)?)
}

#[test]
fn the_monitor_feed_has_any_rendition() -> Result<()> {
    let server = Server::start()?;
    let channel = server.channel("Studio", &ladder())?;
    let path = format!("/monitor/{}.flv", channel.id);
    let (status, problem) =
        tests::server::request("GET", &format!("{}{path}", server.http), Some(&server.token), None)?;
    ensure!(status == 404 && problem["code"] == "nothing_on", "{status} {problem}");
    let _publisher = publish(&channel, MOVES, 30)?;
    server.session_is(&channel, "live", Duration::from_secs(8))?;
    ensure!(fetch("GET", &format!("{}{path}", server.http), None, None)?.0 == 401, "it needs a token");
    for (query, width) in [("", 640), ("?rendition=240p", 426), ("?rendition=144p", 256)] {
        let said = monitored(&server, &format!("{path}{query}"))?;
        let count = |codec: &str| -> Option<u32> {
            said.lines().find(|line| line.contains(codec))?.rsplit(',').next()?.trim().parse().ok()
        };
        ensure!(said.contains(&format!("h264,{width}")), "{said}");
        ensure!(count("h264").is_some_and(|n| (90..=180).contains(&n)), "{said}");
        ensure!(count("aac").is_some_and(|n| n >= 120), "{said}");
    }
    let url = format!("{}{path}?rendition=1080p", server.http);
    let (status, problem) = tests::server::request("GET", &url, Some(&server.token), None)?;
    ensure!(status == 404 && problem["code"] == "nothing_on", "{status} {problem}");
    Ok(())
}

#[test]
fn a_publisher_of_another_size_goes_on_in_the_same_renditions() -> Result<()> {
    let server = Server::start()?;
    let channel = server.channel("Studio", &ladder())?;
    let first = publish(&channel, MOVES, 30)?;
    server.session_is(&channel, "live", Duration::from_secs(8))?;
    std::thread::sleep(Duration::from_secs(2));
    first.signal("KILL")?;
    drop(first);
    // Taller than it is wide, and of another rate.
    let _second = publish(&channel, "testsrc2=s=270x480:r=25", 30)?;
    std::thread::sleep(Duration::from_secs(1));
    server.session_is(&channel, "live", Duration::from_secs(8))?;
    ensure!(server.sessions(&channel)?.len() == 1, "{}", server.process.log());
    let variants = variants(&channel)?;
    let hit = playlist(&variants[0])?.segments.last().map_or(0, |segment| segment.msn);
    for variant in &variants[1..] {
        let list = wait("the show to go on", Duration::from_secs(15), || {
            let list = playlist(variant)?;
            let goes_on = list.segments.iter().rev().take(3).all(|segment| !segment.gap);
            Ok((goes_on && list.segments.last().is_some_and(|s| s.msn >= hit + 5)).then_some(list))
        })
        .with_context(|| format!("{}: {}", variant.size, server.process.log()))?;
        let gaps = list.segments.iter().filter(|segment| segment.gap).count();
        ensure!(gaps <= 2, "{}: {gaps} gaps in {:#?}", variant.size, list.segments);
        let (file, _) = sample(&list, list.segments.last().context("none")?)?;
        let probed = ffmpeg::probe(&file.path().display().to_string())?;
        let size = format!("{}x{}", probed["streams"][0]["width"], probed["streams"][0]["height"]);
        ensure!(size == variant.size, "{probed}");
    }
    Ok(())
}
