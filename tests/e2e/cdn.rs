//! Behind nginx as `assets/nginx/sigma-live.conf` sets it up, 200 viewers cost the server the media requests of one.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::json;
use tests::ffmpeg;
use tests::fixture::{self, Kind};
use tests::process::Process;
use tests::server::Server;

const VIEWERS: usize = 200;
/// How long each of them plays.
const WATCH: Duration = Duration::from_secs(8);

/// nginx with the shipped file, its addresses and folders replaced; where it listens.
fn nginx(folder: &Path, origin: &str) -> Result<(Process, String)> {
    let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/nginx/sigma-live.conf");
    let text = std::fs::read_to_string(shipped)?;
    for stands in ["/var/cache/nginx/sigma-live", "server 127.0.0.1:8080;", "listen 80;"] {
        ensure!(text.contains(stands), "the shipped file has no {stands}");
    }
    let site = text
        .replace("/var/cache/nginx/sigma-live", &folder.join("cache").display().to_string())
        .replace("server 127.0.0.1:8080;", &format!("server {origin};"))
        .replace("listen 80;", &format!("listen 127.0.0.1:{port};"));
    let at = folder.display();
    let conf = format!(
        "daemon off; master_process off; pid {at}/pid; error_log stderr warn;\n\
         events {{ worker_connections 4096; }}\n\
         http {{ access_log off; client_body_temp_path {at}/body; proxy_temp_path {at}/proxy; \
         fastcgi_temp_path {at}/f; uwsgi_temp_path {at}/u; scgi_temp_path {at}/s;\n{site}\n}}\n"
    );
    std::fs::write(folder.join("nginx.conf"), conf)?;
    // Debian keeps it where a plain user's PATH doesn't lead.
    let sbin = Path::new("/usr/sbin/nginx");
    let mut command = Command::new(if sbin.exists() { sbin } else { Path::new("nginx") });
    command.args(["-e", "stderr", "-p"]).arg(folder).arg("-c").arg(folder.join("nginx.conf"));
    let process = Process::start(&mut command)?;
    let url = format!("http://127.0.0.1:{port}");
    tests::wait("nginx", Duration::from_secs(10), || {
        Ok(tests::server::fetch("GET", &format!("{url}/healthz"), None, None).ok().filter(|(s, _)| *s == 200))
    })
    .with_context(|| process.log())?;
    Ok((process, url))
}

/// A GET with its own connection kept.
fn get(agent: &ureq::Agent, url: &str) -> Result<String> {
    let mut answer = agent.get(url).call().with_context(|| url.to_owned())?;
    Ok(String::from_utf8_lossy(&answer.body_mut().read_to_vec()?).into_owned())
}

/// The attribute of the last line with this tag.
fn last<'a>(playlist: &'a str, tag: &str, name: &str) -> Option<&'a str> {
    let line = playlist.lines().rfind(|line| line.starts_with(tag))?;
    line.split_once(&format!("{name}=\""))?.1.split('"').next()
}

/// Plays in the small: blocking reloads of one rendition, and each new part once. Gives the paths that it asked for, and
/// when each was there.
fn watch(base: &str, playback: &str) -> Result<BTreeMap<String, Instant>> {
    let agent: ureq::Agent =
        ureq::Agent::config_builder().timeout_global(Some(Duration::from_secs(30))).build().into();
    let multivariant = get(&agent, &format!("{base}/live/{playback}/index.m3u8"))?;
    let line = multivariant.lines().find(|l| l.contains("/video/media.m3u8")).context("no video")?;
    let (folder, query) = line.split_once("/media.m3u8").context("no folder")?;
    let path = format!("/live/{playback}/{folder}");
    let end = Instant::now() + WATCH;
    let mut asked = BTreeMap::new();
    let mut playlist = get(&agent, &format!("{base}{path}/media.m3u8{query}"))?;
    while Instant::now() < end {
        // What comes next: the part that is hinted, and the playlist that has it.
        let segments = playlist.lines().filter(|l| l.ends_with(".m4s") && !l.starts_with('#')).count() as u64;
        let first: u64 = playlist
            .lines()
            .find_map(|l| l.strip_prefix("#EXT-X-MEDIA-SEQUENCE:"))
            .context("no sequence")?
            .parse()?;
        let open = playlist.lines().rev().take_while(|l| l.starts_with('#'));
        let part = open.filter(|l| l.starts_with("#EXT-X-PART:")).count();
        let directives = format!("_HLS_msn={}&_HLS_part={part}", first + segments);
        let next = get(&agent, &format!("{base}{path}/media.m3u8{query}&{directives}"))?;
        asked.insert(format!("{path}/media.m3u8?{directives}"), Instant::now());
        let newest = last(&next, "#EXT-X-PART:", "URI").context("no part")?;
        get(&agent, &format!("{base}{path}/{newest}"))?;
        asked.insert(format!("{path}/{newest}"), Instant::now());
        ensure!(next != playlist, "a blocking reload brought nothing new:\n{next}");
        playlist = next;
    }
    Ok(asked)
}

#[test]
fn two_hundred_viewers_cost_the_server_the_requests_of_one() -> Result<()> {
    let server = Server::start_with_flags(tempfile::tempdir()?, &["--access-log"])?;
    let channel = server.channel("Studio", &json!({}))?;
    let folder = tempfile::tempdir()?;
    let (_nginx, base) = nginx(folder.path(), server.http.trim_start_matches("http://"))?;
    let card = fixture::file(Kind::BFrames48Stereo)?;
    let card = card.to_str().context("UTF-8")?;
    let endless = ["-re", "-stream_loop", "-1", "-i", card, "-c", "copy"];
    let _publisher = ffmpeg::publish_with(&endless, &channel.publish_url)?;
    server.session_is(&channel, "live", Duration::from_secs(10))?;

    let asked = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..VIEWERS {
            scope.spawn(|| {
                let told = watch(&base, &channel.playback);
                asked.lock().unwrap_or_else(|e| e.into_inner()).push(told);
            });
        }
    });
    let asked = asked.into_inner().unwrap_or_else(|e| e.into_inner());
    let asked: Vec<BTreeMap<String, Instant>> = asked.into_iter().collect::<Result<_>>()?;
    let requests: usize = asked.iter().map(BTreeMap::len).sum();
    let mut different: BTreeMap<&String, Vec<Instant>> = BTreeMap::new();
    for (path, at) in asked.iter().flatten() {
        different.entry(path).or_default().push(*at);
    }
    // How long after the first viewer the others have a blocking answer: nginx looks every 500 ms.
    let playlists = different.iter().filter(|(path, _)| path.contains("_HLS_msn")).map(|(_, times)| times);
    let behind = |times: &Vec<Instant>| -> Vec<Duration> {
        let first = times.iter().min().copied();
        times.iter().filter_map(|at| Some(at.duration_since(first?))).collect()
    };
    let mut late: Vec<Duration> = playlists.flat_map(behind).collect();
    late.sort_unstable();

    // What came to the server, by path and directives.
    let mut came: HashMap<String, usize> = HashMap::new();
    for line in server.process.log().lines() {
        let Some((_, line)) = line.split_once("access: GET ") else { continue };
        let path = line.split(' ').next().unwrap_or_default();
        *came.entry(path.to_owned()).or_default() += 1;
    }
    let media: usize = different.keys().map(|path| came.get(path.as_str()).copied().unwrap_or(0)).sum();
    let own = came.get(&format!("/live/{}/index.m3u8", channel.playback)).copied().unwrap_or(0);
    println!(
        "{VIEWERS} viewers: {requests} media requests for {} different things; the server saw {media}, and {own} \
         multivariant playlists; a blocking answer came p50 {:?}, p95 {:?} after the first viewer's",
        different.len(),
        late.get(late.len() / 2),
        late.get(late.len() * 95 / 100),
    );
    ensure!(own == VIEWERS, "{own} multivariant playlists");
    ensure!(requests > 20 * different.len(), "{requests} requests are too few to prove anything");
    // A viewer who is late asks once more for what the cache has let go.
    ensure!(media * 20 <= different.len() * 21, "{media} requests for {} different things", different.len());
    Ok(())
}
