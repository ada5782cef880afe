//! Rule 25 on a server with a certificate of its own, and what the probe says of one that it can't trust.

use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::json;
use tests::ffmpeg;
use tests::fixture::{self, Kind};
use tests::server::Server;

use super::{NEEDS_TLS, broken, check, probe, rules};

/// Seconds.
const WATCH: u64 = 10;

fn start() -> Result<Server> {
    Server::start_with_flags(tempfile::tempdir()?, &["--https", "127.0.0.1:0", "--self-signed"])
}

#[test]
fn tls_and_http_2() -> Result<()> {
    let server = start()?;
    let cert = server.data().join("tls/self-signed.pem");
    let cert = cert.to_str().context("UTF-8")?;
    let channel = server.channel("Studio", &json!({}))?;
    let file = fixture::file(Kind::BFrames48Stereo)?.display().to_string();
    let input = ["-re", "-stream_loop", "2", "-i", &file, "-c", "copy"];
    let _publisher = ffmpeg::publish_with(&input, &channel.publish_url)?;
    server.session_is(&channel, "live", Duration::from_secs(6))?;

    let plain = channel.hls_url.as_str();
    let secure = plain.replace(&server.http, &server.https);
    let ways: [(&str, &[&str], bool); 3] = [
        (&secure, &["--ca", cert], true),
        (&secure, &["--insecure"], true),
        // h2c: HTTP/2 where nobody could agree on it.
        (plain, &["--http", "http2"], false),
    ];
    thread::scope(|scope| {
        let tries = ways.map(|(url, flags, tls)| (flags, tls, scope.spawn(|| probe(url, WATCH, flags))));
        for (flags, tls, report) in tries {
            let report = report.join().map_err(|_| anyhow::anyhow!("{flags:?} panicked"))??;
            for outcome in ["fail", "warn"] {
                ensure!(rules(&report, outcome).is_empty(), "{flags:?}: {}", broken(&report));
            }
            let tried = if tls { "pass" } else { "not_exercised" };
            ensure!(rules(&report, tried).contains(&NEEDS_TLS), "{flags:?}: {report}");
            let tracks = report["tracks"].as_array().context("tracks")?;
            ensure!(
                tracks.len() == 2 && tracks.iter().all(|t| t["http"] == "HTTP/2.0"),
                "{flags:?}: {tracks:?}"
            );
        }
        Ok(())
    })
}

#[test]
fn a_certificate_that_nobody_vouches_for() -> Result<()> {
    let (server, other) = (start()?, start()?);
    let url = format!("{}/live/pb_x/index.m3u8", server.https);
    let of = |server: &Server| server.data().join("tls/self-signed.pem").display().to_string();
    let (own, others) = (of(&server), of(&other));
    for (flags, expect) in [
        (vec![], ["certificate is not trusted", "--insecure"]),
        (vec!["--ca", &others], ["certificate is not trusted", "--ca FILE"]),
        (vec!["--ca", "Cargo.toml"], ["can't read the CA certificate Cargo.toml", "no certificate"]),
        (vec!["--ca", "missing.pem"], ["can't read the CA certificate missing.pem", "No such file"]),
        // Trusted: what is wrong now is the address.
        (vec!["--ca", &own], ["can't read a playlist", "status 404"]),
        (vec!["--insecure"], ["can't read a playlist", "status 404"]),
    ] {
        let out = check(&url, 1, &flags)?;
        let said = String::from_utf8_lossy(&out.stderr);
        ensure!(out.status.code() == Some(2), "{flags:?}: {}: {said}", out.status);
        for part in expect {
            ensure!(said.contains(part), "{flags:?}: no `{part}` in {said}");
        }
    }
    Ok(())
}
