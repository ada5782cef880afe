//! `rtmp://HOST[:PORT]/APP/KEY`. The key is a secret: neither `Display` nor `Debug` shows it.
use std::{fmt, str::FromStr};

/// Where to publish.
#[derive(Clone, PartialEq, Eq)]
pub struct Url {
    tls: bool,
    host: String,
    port: u16,
    app: String,
    key: String,
}

/// Why an address is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadUrl {
    /// Not `rtmp://` or `rtmps://`.
    #[error("the address must begin with rtmp:// or rtmps://")]
    Scheme,
    /// No host, or a malformed one.
    #[error("the address has no valid host: rtmp://HOST[:PORT]/APP/KEY")]
    Host,
    /// Not a port.
    #[error("the port must be between 1 and 65535")]
    Port,
    /// No key.
    #[error("the stream key is missing: rtmp://HOST[:PORT]/APP/KEY")]
    Key,
}

impl Url {
    /// An address with its key as the last part of the path, a query included.
    pub fn parse(text: &str) -> Result<Self, BadUrl> {
        let mut url = Self::split(text)?;
        let path = std::mem::take(&mut url.app);
        let end = path.find('?').unwrap_or(path.len());
        let (app, key) = match path[..end].rfind('/') {
            Some(slash) => (&path[..slash], &path[slash + 1..]),
            None => ("", path.as_str()),
        };
        if key.is_empty() || key.starts_with('?') {
            return Err(BadUrl::Key);
        }
        (url.app, url.key) = (app.trim_end_matches('/').to_owned(), key.to_owned());
        Ok(url)
    }

    /// An address without a key, and the key apart: so that it needn't stand in a command line.
    pub fn with_key(text: &str, key: &str) -> Result<Self, BadUrl> {
        let mut url = Self::split(text)?;
        if key.is_empty() {
            return Err(BadUrl::Key);
        }
        url.app = url.app.trim_end_matches('/').to_owned();
        url.key = key.to_owned();
        Ok(url)
    }

    /// The whole path goes to `app`.
    fn split(text: &str) -> Result<Self, BadUrl> {
        let (scheme, rest) = text.trim().split_once("://").ok_or(BadUrl::Scheme)?;
        let tls = match scheme.to_ascii_lowercase().as_str() {
            "rtmp" => false,
            "rtmps" => true,
            _ => return Err(BadUrl::Scheme),
        };
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (host, port) = match authority.strip_prefix('[') {
            // An IPv6 address.
            Some(rest) => {
                let (host, port) = rest.split_once(']').ok_or(BadUrl::Host)?;
                (host, port.strip_prefix(':').or(port.is_empty().then_some("")).ok_or(BadUrl::Host)?)
            }
            None => authority.split_once(':').unwrap_or((authority, "")),
        };
        if host.is_empty() || host.contains(|c: char| c.is_whitespace() || "?#@/\\[]".contains(c)) {
            return Err(BadUrl::Host);
        }
        let port = match port {
            "" if tls => 443,
            "" => 1935,
            port => port.parse().ok().filter(|port| *port != 0).ok_or(BadUrl::Port)?,
        };
        let app = path.trim_start_matches('/').to_owned();
        Ok(Self { tls, host: host.to_owned(), port, app, key: String::new() })
    }

    /// Whether it is `rtmps`.
    pub fn tls(&self) -> bool {
        self.tls
    }

    /// Name or address, an IPv6 address without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// 1935, or 443 with TLS, unless the address says so.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The application.
    pub fn app(&self) -> &str {
        &self.app
    }

    /// The secret.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// `HOST:PORT`, for messages.
    pub fn peer(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// The address without the key, as `connect` sends it.
    pub fn tc_url(&self) -> String {
        let scheme = if self.tls { "rtmps" } else { "rtmp" };
        format!("{scheme}://{}/{}", self.peer(), self.app)
    }
}

impl FromStr for Url {
    type Err = BadUrl;
    fn from_str(text: &str) -> Result<Self, BadUrl> {
        Self::parse(text)
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/…", self.tc_url())
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Url({self})")
    }
}
