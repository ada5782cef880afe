//! `[tls]` in `sigma.toml`: the certificate of `https` and `rtmps`.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Deserialize;

use super::Public;
use crate::tls::{Files, Source};

/// What was told about the certificate: in the file, or by flags.
#[derive(Clone, Debug, Default, Args, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Tls {
    /// The certificate of --https and --rtmps, PEM, followed by those of its authorities.
    #[arg(long = "tls-cert", env = "SIGMA_TLS_CERT", value_name = "FILE", requires = "key")]
    cert: Option<PathBuf>,
    /// Its private key, PEM. Both files are taken anew when they change.
    #[arg(long = "tls-key", env = "SIGMA_TLS_KEY", value_name = "FILE", requires = "cert")]
    key: Option<PathBuf>,
    /// Make a certificate for --https and --rtmps, to try things out with; it is kept in DIR/tls.
    #[arg(long, conflicts_with_all = ["cert", "key"])]
    #[serde(default)]
    self_signed: bool,
    /// Names and addresses for the self-signed certificate, beside localhost and those of [public].
    #[arg(skip)]
    #[serde(default)]
    names: Vec<String>,
}

impl Tls {
    fn is_told(&self) -> bool {
        self.cert.is_some() || self.key.is_some() || self.self_signed
    }

    /// Paths in a file are meant from the folder that it lies in.
    pub(super) fn beside(mut self, file: &Path) -> Self {
        let folder = file.parent().unwrap_or(Path::new(""));
        for path in [&mut self.cert, &mut self.key].into_iter().flatten() {
            *path = folder.join(&path);
        }
        self
    }

    /// What flags say wins over what the file says, as a whole.
    pub(super) fn source(
        flags: &Self,
        file: &Self,
        listeners: &[SocketAddr],
        public: &Public,
    ) -> anyhow::Result<Option<Source>> {
        let told = if flags.is_told() { flags } else { file };
        match (&told.cert, &told.key, told.self_signed) {
            (Some(_), _, true) | (_, Some(_), true) => {
                anyhow::bail!("[tls] has both files and self_signed: leave one out")
            }
            (Some(cert), Some(key), false) => {
                Ok(Some(Source::Files(Files { cert: cert.clone(), key: key.clone() })))
            }
            (Some(_), None, false) => {
                anyhow::bail!("[tls] has a cert, but no key: give its private key, too")
            }
            (None, Some(_), false) => {
                anyhow::bail!("[tls] has a key, but no cert: give its certificate, too")
            }
            (None, None, true) => Ok(Some(Source::SelfSigned(names(&file.names, listeners, public)))),
            (None, None, false) if listeners.is_empty() => Ok(None),
            (None, None, false) => anyhow::bail!(
                "https and rtmps need a certificate: give --tls-cert and --tls-key (or [tls] cert, key), or \
                 --self-signed for one to try things out with"
            ),
        }
    }
}

/// What a client of this server may call it.
fn names(told: &[String], listeners: &[SocketAddr], public: &Public) -> Vec<String> {
    let mut names: Vec<String> = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).to_vec();
    let ips = listeners.iter().map(SocketAddr::ip).filter(|ip| !ip.is_unspecified());
    let urls = [&public.http_url, &public.rtmp_url, &public.rtmps_url].into_iter().flatten();
    let more =
        ips.map(|ip| ip.to_string()).chain(urls.filter_map(|url| host(url))).chain(told.iter().cloned());
    for name in more {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// The host of a URL, an IPv6 address without its brackets.
fn host(url: &str) -> Option<String> {
    let rest = url.split_once("://")?.1;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = match authority.strip_prefix('[') {
        Some(v6) => v6.split(']').next()?,
        None => authority.split(':').next()?,
    };
    (!host.is_empty()).then(|| host.to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn source(text: &str, listeners: &[&str]) -> Result<Option<Source>, String> {
        let file: Tls = toml::from_str(text).unwrap();
        let file = file.beside(Path::new("/etc/sigma/sigma.toml"));
        let listeners: Vec<SocketAddr> = listeners.iter().map(|at| at.parse().unwrap()).collect();
        let public = Public {
            http_url: Some("https://live.example.com:8443/".to_owned()),
            rtmps_url: Some("rtmps://[2001:db8::1]".to_owned()),
            ..Public::default()
        };
        Tls::source(&Tls::default(), &file, &listeners, &public).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_told_and_what_is_missing() {
        let files = Files { cert: "/etc/sigma/c.pem".into(), key: "/keys/k.pem".into() };
        assert_eq!(source("cert = 'c.pem'\nkey = '/keys/k.pem'", &[]), Ok(Some(Source::Files(files))));
        assert_eq!(source("", &[]), Ok(None));
        let names =
            ["localhost", "127.0.0.1", "::1", "192.0.2.7", "live.example.com", "2001:db8::1", "studio"];
        assert_eq!(
            source("self_signed = true\nnames = ['studio', '::1']", &["0.0.0.0:443", "192.0.2.7:1936"]),
            Ok(Some(Source::SelfSigned(names.map(str::to_owned).to_vec())))
        );
        for (text, expect) in [
            ("", "--self-signed"),
            ("cert = 'c'", "no key"),
            ("key = 'k'", "no cert"),
            ("cert = 'c'\nkey = 'k'\nself_signed = true", "leave one out"),
        ] {
            let error = source(text, &["0.0.0.0:443"]).unwrap_err();
            assert!(error.contains(expect), "{text}: {error}");
        }
    }
}
