//! TLS with other people's programs: curl and ffmpeg as viewers, ffmpeg, GStreamer and our broadcaster as publishers.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::json;
use tests::ffmpeg;
use tests::fixture::{self, Kind};
use tests::process::{Process, built};
use tests::server::{Channel, Server};

/// A server with a certificate of its own.
fn start() -> Result<(Server, PathBuf)> {
    let flags = ["--https", "127.0.0.1:0", "--rtmps", "127.0.0.1:0", "--self-signed"];
    let server = Server::start_with_flags(tempfile::tempdir()?, &flags)?;
    let cert = server.data().join("tls/self-signed.pem");
    ensure!(server.process.log().contains("browsers warn of it"), "{}", server.process.log());
    Ok((server, cert))
}

fn curl(args: &[&str]) -> Result<(bool, String)> {
    let out = Command::new("curl").args(["-sS", "--max-time", "20"]).args(args).output().context("curl")?;
    Ok((
        out.status.success(),
        String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr),
    ))
}

#[test]
fn curl_speaks_every_version_of_http() -> Result<()> {
    let (server, cert) = start()?;
    let cert = cert.to_str().context("UTF-8")?;
    let (plain, secure) = (format!("{}/healthz", server.http), format!("{}/healthz", server.https));
    let version = ["-o", "/dev/null", "-w", "%{http_version} %{http_code}"];
    for (flags, url, expect) in [
        (vec!["--http1.1"], &plain, "1.1 200"),
        (vec!["--http2-prior-knowledge"], &plain, "2 200"),
        (vec!["--cacert", cert], &secure, "2 200"),
        (vec!["--cacert", cert, "--http1.1"], &secure, "1.1 200"),
        (vec!["--cacert", cert, "--tls-max", "1.2"], &secure, "2 200"),
        (vec!["--cacert", cert, "-I"], &secure, "2 200"),
    ] {
        let (_, said) = curl(&[&version[..], &flags, &[url]].concat())?;
        ensure!(said == expect, "{flags:?} {url}: {said}");
    }
    let (trusted, said) = curl(&[&secure])?;
    ensure!(!trusted && said.contains("self"), "{said}");
    let (old, said) = curl(&["--cacert", cert, "--tls-max", "1.1", &secure])?;
    ensure!(!old, "TLS 1.1: {said}");
    let preflight =
        ["-X", "OPTIONS", "-H", "Origin: https://a.example", "-H", "Access-Control-Request-Method: GET"];
    let (_, said) =
        curl(&[&["-i"], &preflight[..], &[&format!("{}/live/pb_x/index.m3u8", server.http)]].concat())?;
    for header in
        ["access-control-allow-origin: *", "access-control-allow-headers: *", "access-control-max-age"]
    {
        ensure!(said.contains(header), "{header}: {said}");
    }
    Ok(())
}

#[test]
fn ffmpeg_publishes_and_watches_over_tls() -> Result<()> {
    let (server, cert) = start()?;
    let cert = cert.to_str().context("UTF-8")?;
    let channel = server.channel("Studio", &json!({}))?;
    let card = fixture::file(Kind::BFrames48Stereo)?;
    let mut publisher = ffmpeg::publish(&card, &format!("{}/live/{}", server.rtmps, channel.key))?;
    server.session_is(&channel, "live", Duration::from_secs(10)).with_context(|| publisher.log())?;
    let url = channel.hls_url.replace(&server.http, &server.https);
    // It mentions each MAP that it reads again.
    ffmpeg::run(&[
        "-v",
        "error",
        "-tls_verify",
        "1",
        "-ca_file",
        cert,
        "-i",
        &url,
        "-t",
        "2",
        "-f",
        "null",
        "-",
    ])?;
    publisher.signal("INT")?;
    publisher.ended(Duration::from_secs(5))?;
    server.session_is(&channel, "ended", Duration::from_secs(5))?;
    Ok(())
}

#[test]
fn gstreamer_publishes_over_tls() -> Result<()> {
    let (server, _) = start()?;
    let channel = server.channel("Studio", &json!({}))?;
    let pipeline = format!(
        "flvmux name=mux streamable=true ! rtmp2sink tls-validation-flags=0 location={}/live/{} \
         videotestsrc is-live=true ! video/x-raw,width=320,height=180,framerate=30/1 ! x264enc tune=zerolatency \
         key-int-max=30 ! h264parse ! queue ! mux. \
         audiotestsrc is-live=true ! avenc_aac ! aacparse ! queue ! mux.",
        server.rtmps, channel.key
    );
    let mut publisher =
        Process::start(Command::new("gst-launch-1.0").arg("-e").args(pipeline.split_whitespace()))?;
    server.session_is(&channel, "live", Duration::from_secs(15)).with_context(|| publisher.log())?;
    publisher.signal("INT")?;
    publisher.ended(Duration::from_secs(5))?;
    ensure!(!publisher.log().contains("ERROR"), "{}", publisher.log());
    server.session_is(&channel, "ended", Duration::from_secs(5))?;
    Ok(())
}

fn broadcast(server: &Server, channel: &Channel, more: &[&str]) -> Result<Process> {
    let mut command = Command::new(built("sigma-broadcast")?);
    command.args(["--to", &format!("{}/live", server.rtmps), "--source", "testcard", "--size", "320x180"]);
    command.args(["--duration", "3"]).args(more).env("SIGMA_STREAM_KEY", &channel.key);
    Process::start(&mut command)
}

#[test]
fn our_broadcaster_trusts_the_file_it_is_given_and_nothing_else() -> Result<()> {
    let (server, cert) = start()?;
    let channel = server.channel("Studio", &json!({}))?;
    let mut refused = broadcast(&server, &channel, &[])?;
    ensure!(!refused.ended(Duration::from_secs(10))?.success());
    let said = refused.log();
    ensure!(said.contains("self-signed") && said.contains("--ca"), "{said}");
    ensure!(!said.contains(&channel.key), "the key is shown: {said}");

    let mut wrong = broadcast(&server, &channel, &["--ca", "Cargo.toml"])?;
    ensure!(wrong.ended(Duration::from_secs(10))?.code() == Some(64));
    ensure!(wrong.log().contains("not a PEM file"), "{}", wrong.log());

    let mut trusting = broadcast(&server, &channel, &["--ca", cert.to_str().context("UTF-8")?])?;
    trusting.succeeds(Duration::from_secs(20))?;
    server.session_is(&channel, "ended", Duration::from_secs(5))?;
    Ok(())
}

#[test]
fn a_certificate_that_cannot_be_used_is_told_at_the_start() -> Result<()> {
    let data = tempfile::tempdir()?;
    let path = data.path().join("missing.pem").display().to_string();
    for (flags, expect) in [
        (vec!["--https", "127.0.0.1:0"], "need a certificate"),
        (
            vec!["--https", "127.0.0.1:0", "--tls-cert", &path, "--tls-key", &path],
            "can't read the certificate",
        ),
    ] {
        let mut command = Command::new(built("sigma-server")?);
        command
            .args(["--http", "127.0.0.1:0", "--rtmp", "127.0.0.1:0", "--data-dir"])
            .arg(data.path())
            .args(&flags);
        let mut server = Process::start(&mut command)?;
        ensure!(!server.ended(Duration::from_secs(10))?.success());
        ensure!(server.log().contains(expect), "{flags:?}: {}", server.log());
    }
    Ok(())
}
