//! Rules 24, 25, 26: encodings, HTTP versions, caches.

use super::sheet::{Finding, Sheet};
use crate::check::evidence::{Evidence, Exchange, Kind, Purpose, Track};

/// §4: of playlists.
const PLAYLIST_TYPES: [&str; 2] = ["application/vnd.apple.mpegurl", "audio/mpegurl"];
/// Of media that HLS carries.
const MEDIA_TYPES: [&str; 9] = [
    "video/mp4",
    "audio/mp4",
    "application/mp4",
    "video/iso.segment",
    "audio/iso.segment",
    "video/mp2t",
    "audio/aac",
    "audio/mpeg",
    "text/vtt",
];

/// All playlists' exchanges that were answered with one, the first being the address's own.
fn playlists(evidence: &Evidence) -> impl Iterator<Item = (Option<&Track>, &Exchange)> {
    let own = evidence.entry.iter().map(|e| (None, e));
    own.chain(evidence.tracks.iter().flat_map(|t| t.updates.iter().map(move |u| (Some(t), &u.exchange))))
}

fn on(track: Option<&Track>, what: String, exchange: &Exchange) -> Finding {
    track.map_or_else(|| Finding::overall(&*what), |t| Finding::on(t, &*what)).asked(exchange)
}

fn mime(exchange: &Exchange) -> String {
    let value = exchange.header("content-type").unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

pub(super) fn encoding(evidence: &Evidence, sheet: &mut Sheet) {
    let varies = |e: &Exchange| {
        let names = |v: &str| {
            v.split(',').any(|n| matches!(n.trim().to_ascii_lowercase().as_str(), "accept-encoding" | "*"))
        };
        e.outcome.as_ref().is_ok_and(|r| r.headers.iter().any(|(n, v)| n == "vary" && names(v)))
    };
    for (track, exchange) in playlists(evidence) {
        sheet.tried();
        if !exchange.header("content-encoding").is_some_and(|v| v.trim().eq_ignore_ascii_case("gzip")) {
            sheet.must(on(
                track,
                "a playlist comes without gzip, though it was accepted".to_owned(),
                exchange,
            ));
        }
        if !varies(exchange) {
            sheet.must(on(track, "a playlist comes without Vary: Accept-Encoding".to_owned(), exchange));
        }
        if !PLAYLIST_TYPES.contains(&mime(exchange).as_str()) {
            let what = format!("a playlist's Content-Type is `{}`", mime(exchange));
            sheet.must(on(track, what, exchange));
        }
    }
    for track in &evidence.tracks {
        for test in track.tests.iter().filter(|t| t.purpose == Purpose::Identity) {
            sheet.tried();
            let encoded = test.exchange.header("content-encoding").is_some_and(|v| v.trim() != "identity");
            if encoded {
                sheet.must(on(
                    Some(track),
                    "a playlist comes compressed, though nobody asked".to_owned(),
                    &test.exchange,
                ));
            } else if test.exchange.status() == 200 && !varies(&test.exchange) {
                sheet.must(on(
                    Some(track),
                    "a plain playlist comes without Vary: Accept-Encoding".to_owned(),
                    &test.exchange,
                ));
            }
        }
        for resource in &track.resources {
            sheet.tried();
            let exchange = &resource.exchange;
            let what = match exchange.status() {
                200 | 206 if !MEDIA_TYPES.contains(&mime(exchange).as_str()) => {
                    format!("the Content-Type of media is `{}`", mime(exchange))
                }
                300..=399 => format!("media is redirected: status {}", exchange.status()),
                _ => continue,
            };
            sheet.must(Finding::on(track, what).fetched(resource));
        }
        for refused in track.refused.iter().filter(|e| (300..400).contains(&e.status())) {
            sheet.must(on(
                Some(track),
                format!("a media playlist is redirected: status {}", refused.status()),
                refused,
            ));
        }
    }
}

pub(super) fn versions(evidence: &Evidence, sheet: &mut Sheet) {
    let secure = evidence.url.starts_with("https:");
    for (track, test) in evidence.tracks.iter().flat_map(|t| t.tests.iter().map(move |x| (t, x))) {
        if test.purpose != Purpose::Http1 {
            continue;
        }
        let version = test.exchange.outcome.as_ref().map_or("nothing", |r| r.version);
        if test.exchange.status() != 200 || !version.starts_with("HTTP/1.") {
            let what =
                format!("a request over HTTP/1.1 alone got {version}, status {}", test.exchange.status());
            sheet.must(Finding::on(track, what).asked(&test.exchange));
        }
    }
    if !secure {
        return sheet.note("HTTP/1.1 was tried; TLS and HTTP/2 take an https:// address");
    }
    for track in &evidence.tracks {
        for update in &track.updates {
            sheet.tried();
            let version = update.exchange.outcome.as_ref().map_or("nothing", |r| r.version);
            if version != "HTTP/2.0" {
                let what = format!("TLS agreed on {version}, not on HTTP/2");
                sheet.must(Finding::on(track, what).asked(&update.exchange));
            }
        }
    }
}

/// `Cache-Control`, as far as lifetimes go. Seconds.
#[derive(Debug, Default, PartialEq, Eq)]
struct Caching {
    max_age: Option<u64>,
    shared: Option<u64>,
    no_store: bool,
    no_cache: bool,
    private: bool,
    immutable: bool,
}

impl Caching {
    fn of(exchange: &Exchange) -> Option<Self> {
        let answer = exchange.outcome.as_ref().ok()?;
        let lines: Vec<_> =
            answer.headers.iter().filter(|(n, _)| n == "cache-control").map(|(_, v)| v.as_str()).collect();
        let mut out = Self::default();
        for item in lines.iter().flat_map(|l| l.split(',')) {
            let item = item.trim().to_ascii_lowercase();
            let (name, value) = item.split_once('=').unwrap_or((&item, ""));
            let seconds = value.trim_matches('"').parse().ok();
            match name {
                "max-age" => out.max_age = seconds,
                "s-maxage" => out.shared = seconds,
                "no-store" => out.no_store = true,
                "no-cache" => out.no_cache = true,
                "private" => out.private = true,
                "immutable" => out.immutable = true,
                _ => {}
            }
        }
        (!lines.is_empty()).then_some(out)
    }

    /// Seconds that a CDN may answer from its cache.
    fn shared(&self) -> u64 {
        if self.no_store || self.no_cache || self.private {
            return 0;
        }
        self.shared.or(self.max_age).unwrap_or(0)
    }

    /// Seconds that a browser may.
    fn browser(&self) -> u64 {
        if self.no_store || self.no_cache { 0 } else { self.max_age.unwrap_or(0) }
    }
}

pub(super) fn caching(evidence: &Evidence, sheet: &mut Sheet) {
    for track in &evidence.tracks {
        let target = track.target() as u64;
        for update in &track.updates {
            sheet.tried();
            let exchange = &update.exchange;
            let kind = if exchange.blocking() { "a blocking answer" } else { "a playlist" };
            let half = (target / 2).max(1);
            let what = match Caching::of(exchange) {
                None => format!("{kind} without Cache-Control"),
                Some(c) if exchange.blocking() && c.shared() == 0 => {
                    "a blocking answer that no CDN may keep: every viewer's request reaches the origin"
                        .to_owned()
                }
                // After the end nothing changes any more.
                Some(_) if update.media.ended => continue,
                Some(c) if exchange.blocking() && c.browser() > 0 => {
                    let age = c.browser();
                    format!(
                        "a blocking answer that browsers keep for {age} s: players that ask again get the old one"
                    )
                }
                Some(c) if !exchange.blocking() && c.shared().max(c.browser()) > half => {
                    format!(
                        "a live playlist may be kept for {} s; half a target duration is {half} s",
                        c.shared().max(c.browser())
                    )
                }
                Some(_) => continue,
            };
            sheet.must(on(Some(track), what, exchange));
        }
        for resource in &track.resources {
            let (exchange, name) = (
                &resource.exchange,
                match resource.kind {
                    Kind::Init => "a map",
                    Kind::Part => "a part",
                    Kind::Segment => "a segment",
                },
            );
            if !matches!(exchange.status(), 200 | 206) {
                continue;
            }
            sheet.tried();
            let what = match Caching::of(exchange) {
                None => format!("{name} without Cache-Control"),
                Some(c) if c.shared() < 6 * target && !c.immutable => {
                    format!(
                        "{name} may be kept for {} s; it never changes, and six target durations are {} s",
                        c.shared(),
                        6 * target
                    )
                }
                Some(c) if c.private || c.no_store => format!("{name} that no CDN may keep"),
                Some(_) => continue,
            };
            sheet.must(Finding::on(track, what).fetched(resource));
        }
        for test in track.tests.iter().filter(|t| (400..500).contains(&t.exchange.status())) {
            sheet.tried();
            let status = test.exchange.status();
            let what = match Caching::of(&test.exchange) {
                None => format!("a {status} without Cache-Control"),
                Some(c) if c.shared() == 0 => format!(
                    "a {status} that no CDN may keep: asking for what is not there reaches the origin each time"
                ),
                Some(c) if c.shared() > target.max(2) => {
                    format!("a {status} may be kept for {} s; about 1 s is right", c.shared())
                }
                Some(_) => continue,
            };
            sheet.must(Finding::on(track, what).asked(&test.exchange));
        }
    }
}
