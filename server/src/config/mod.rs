//! What the operator decides before the server starts: flags, then `SIGMA_*`, then `sigma.toml`, then defaults.
//! What can be changed while it runs (channels, keys, tokens) lives in the database instead.

mod keep;
mod limits;
mod thumbnails;
mod tls;
mod transcode;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Parser;
use serde::Deserialize;

pub use keep::{Retention, Storage};
pub use limits::Limits;
pub use thumbnails::Thumbnails;
use tls::Tls;
pub use transcode::Transcode;

/// Takes RTMP in, keeps every second of it, and serves it as Low-Latency HLS.
#[derive(Debug, Parser)]
#[command(name = "sigma-server", version)]
pub struct Args {
    /// Where the database, the recordings and the admin token live; made if missing.
    #[arg(long, env = "SIGMA_DATA_DIR", value_name = "DIR")]
    data_dir: PathBuf,
    /// Where players, the console and the API connect [default: 127.0.0.1:8080]; port 0 takes a free one.
    #[arg(long, env = "SIGMA_HTTP", value_name = "ADDR:PORT")]
    http: Option<SocketAddr>,
    /// Where encoders publish [default: 127.0.0.1:1935]; port 0 takes a free one.
    #[arg(long, env = "SIGMA_RTMP", value_name = "ADDR:PORT")]
    rtmp: Option<SocketAddr>,
    /// Where players, the console and the API connect over TLS; port 0 takes a free one.
    #[arg(long, env = "SIGMA_HTTPS", value_name = "ADDR:PORT")]
    https: Option<SocketAddr>,
    /// Where encoders publish over TLS; port 0 takes a free one.
    #[arg(long, env = "SIGMA_RTMPS", value_name = "ADDR:PORT")]
    rtmps: Option<SocketAddr>,
    #[command(flatten)]
    tls: Tls,
    /// A TOML file with the same settings [default: DIR/sigma.toml, where there is one].
    #[arg(long, env = "SIGMA_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Log a line for each HTTP request: method, path, status, address; no tokens.
    #[arg(long, env = "SIGMA_ACCESS_LOG")]
    access_log: bool,
    /// Print one line of JSON on stdout once the server serves: its addresses, its admin token, its version.
    #[arg(long)]
    pub ready_json: bool,
    /// Stop when stdin ends, so that a program that started the server can't leave it behind.
    #[arg(long)]
    pub stop_with_stdin: bool,
    #[arg(long, env = "SIGMA_PUBLIC_RTMP_URL", hide = true)]
    public_rtmp_url: Option<String>,
    #[arg(long, env = "SIGMA_PUBLIC_RTMPS_URL", hide = true)]
    public_rtmps_url: Option<String>,
    #[arg(long, env = "SIGMA_PUBLIC_HTTP_URL", hide = true)]
    public_http_url: Option<String>,
    #[arg(long, env = "SIGMA_PUBLIC_CDN_URL", hide = true)]
    public_cdn_url: Option<String>,
}

/// Everything decided.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where the database and the sessions live.
    pub data_dir: PathBuf,
    /// HTTP listener.
    pub http: SocketAddr,
    /// RTMP listener.
    pub rtmp: SocketAddr,
    /// HTTP over TLS.
    pub https: Option<SocketAddr>,
    /// RTMP over TLS.
    pub rtmps: Option<SocketAddr>,
    /// The certificate of both.
    pub(crate) tls: Option<crate::tls::Source>,
    /// What it tells the world when it stands behind something.
    pub public: Public,
    /// What clients of HTTP may take.
    pub limits: Limits,
    /// A line for each HTTP request.
    pub access_log: bool,
    /// How long recordings are kept.
    pub retention: Retention,
    /// The disk.
    pub storage: Storage,
    /// What is made of what comes in.
    pub transcode: Transcode,
    /// Small pictures of what is live.
    pub thumbnails: Thumbnails,
    /// The program to start as the transcode worker: this one, unless a test does without.
    pub worker: Option<PathBuf>,
}

/// Addresses as the world sees them; where `None`, the listener's own.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Public {
    /// `rtmp://live.example.com`
    pub rtmp_url: Option<String>,
    /// `rtmps://live.example.com`
    pub rtmps_url: Option<String>,
    /// `https://live.example.com`
    pub http_url: Option<String>,
    /// `https://cdn.example.com`: what players are sent to, in place of `http_url`.
    pub cdn_url: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    http: Option<SocketAddr>,
    rtmp: Option<SocketAddr>,
    https: Option<SocketAddr>,
    rtmps: Option<SocketAddr>,
    #[serde(default)]
    tls: Tls,
    #[serde(default)]
    public: Public,
    #[serde(default)]
    limits: Limits,
    #[serde(default)]
    access_log: bool,
    #[serde(default)]
    retention: Retention,
    #[serde(default)]
    storage: Storage,
    #[serde(default)]
    transcode: Transcode,
    #[serde(default)]
    thumbnails: Thumbnails,
}

impl File {
    fn read(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| format!("can't read {}", path.display()))?;
        let file: Self = toml::from_str(&text)
            .with_context(|| format!("{} isn't a valid configuration", path.display()))?;
        Ok(Self { tls: file.tls.beside(path), ..file })
    }
}

impl Config {
    /// Flags and environment (already in `args`) over the file over the defaults.
    pub fn load(args: &Args) -> anyhow::Result<Self> {
        let beside = args.data_dir.join("sigma.toml");
        let file = match &args.config {
            Some(path) => File::read(path)?,
            None if beside.is_file() => File::read(&beside)?,
            None => File::default(),
        };
        file.limits.check()?;
        file.transcode.check()?;
        file.thumbnails.check()?;
        let local = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let (https, rtmps) = (args.https.or(file.https), args.rtmps.or(file.rtmps));
        let public = Public {
            rtmp_url: args.public_rtmp_url.clone().or(file.public.rtmp_url),
            rtmps_url: args.public_rtmps_url.clone().or(file.public.rtmps_url),
            http_url: args.public_http_url.clone().or(file.public.http_url),
            cdn_url: args.public_cdn_url.clone().or(file.public.cdn_url),
        };
        let over_tls: Vec<_> = https.into_iter().chain(rtmps).collect();
        Ok(Self {
            data_dir: args.data_dir.clone(),
            worker: std::env::current_exe().ok(),
            http: args.http.or(file.http).unwrap_or_else(|| local(8080)),
            rtmp: args.rtmp.or(file.rtmp).unwrap_or_else(|| local(1935)),
            https,
            rtmps,
            tls: Tls::source(&args.tls, &file.tls, &over_tls, &public)?,
            public,
            limits: file.limits,
            access_log: args.access_log || file.access_log,
            retention: file.retention,
            storage: file.storage,
            transcode: file.transcode,
            thumbnails: file.thumbnails,
        })
    }

    /// A server for tests: any free ports, everything under `data_dir`.
    pub fn local(data_dir: &Path) -> Self {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self {
            data_dir: data_dir.to_owned(),
            http: any,
            rtmp: any,
            https: None,
            rtmps: None,
            tls: None,
            public: Public::default(),
            limits: Limits::default(),
            access_log: false,
            retention: Retention::default(),
            storage: Storage::default(),
            transcode: Transcode::default(),
            thumbnails: Thumbnails::default(),
            worker: None,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn load(flags: &[&str], file: &str) -> anyhow::Result<Config> {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("sigma.toml"), file).unwrap();
        let dir = dir.path().to_str().unwrap();
        Config::load(&Args::parse_from(["sigma-server", "--data-dir", dir].iter().chain(flags)))
    }

    #[test]
    fn a_flag_wins_over_the_file_and_the_file_over_the_default() {
        let c = load(&[], "").unwrap();
        assert_eq!((c.http.port(), c.rtmp.port()), (8080, 1935));
        let c = load(&["--http", "127.0.0.1:1"], "http = '127.0.0.1:2'\nrtmp = '127.0.0.1:3'").unwrap();
        assert_eq!((c.http.port(), c.rtmp.port()), (1, 3));
        let c = load(&[], "[public]\ncdn_url = 'https://cdn.example.com'").unwrap();
        assert_eq!(c.public.cdn_url.as_deref(), Some("https://cdn.example.com"));
    }

    #[test]
    fn an_unknown_key_is_refused_by_name() {
        let error = format!("{:#}", load(&[], "htpp = '127.0.0.1:2'").unwrap_err());
        assert!(error.contains("htpp") && error.contains("sigma.toml"), "{error}");
        assert!(load(&[], "[public]\nrtmp = 'x'").is_err());
    }

    #[test]
    fn limits_have_defaults_and_none_may_be_zero() {
        let limits = load(&[], "[limits]\nheld_per_address = 7").unwrap().limits;
        assert_eq!(limits, Limits { held_per_address: 7, ..Limits::default() });
        let error = format!("{:#}", load(&[], "[limits]\nwrite_timeout_s = 0").unwrap_err());
        assert!(error.contains("write_timeout_s"), "{error}");
        assert!(load(&[], "[limits]\nconnexions = 1").is_err());
    }

    #[test]
    fn thumbnails_may_be_rare_or_none() {
        let every = |text: &str| load(&[], text).map(|config| config.thumbnails.every().map(|d| d.as_secs()));
        assert_eq!(every("").unwrap(), Some(5));
        assert_eq!(every("[thumbnails]\nevery_s = 0").unwrap(), None);
        assert_eq!(every("[thumbnails]\nevery_s = 3600").unwrap(), Some(3_600));
        assert!(every("[thumbnails]\nevery_s = 3601").unwrap_err().to_string().contains("every_s"));
    }

    #[test]
    fn an_encoder_is_named_or_left_to_the_server() {
        for (name, tried) in [("x264", 0), ("auto", 5), ("vaapi", 1)] {
            let config = load(&[], &format!("[transcode]\nencoder = '{name}'")).unwrap();
            assert_eq!(config.transcode.tried().len(), tried, "{name}");
        }
        let error = format!("{:#}", load(&[], "[transcode]\nencoder = 'x265'").unwrap_err());
        assert!(error.contains("x265") && error.contains("media_foundation"), "{error}");
    }

    #[test]
    fn a_share_of_the_machine_at_its_limits_and_beyond() {
        assert_eq!(load(&[], "").unwrap().transcode.share, 0.8);
        for (share, good) in
            [("0.0001", true), ("100.0", true), ("0.00009", false), ("100.001", false), ("nan", false)]
        {
            let loaded = load(&[], &format!("[transcode]\nshare = {share}"));
            assert_eq!(loaded.is_ok(), good, "{share}");
            if let Err(error) = loaded {
                assert!(format!("{error:#}").contains("[transcode] share"), "{error:#}");
            }
        }
    }
}
