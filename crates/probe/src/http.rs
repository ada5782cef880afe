//! HTTP/1.1 and HTTP/2, over TLS or not, with everything kept that a verdict may need: the headers as they came (nothing is
//! decompressed or redirected behind our back) and the times of the first and the last byte.

use std::io::Read;
use std::path::PathBuf;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use flate2::read::MultiGzDecoder;
pub use reqwest::Url;

use crate::clock::Clock;

/// The most that one answer may hold, as sent and after decompression.
pub const BODY_LIMIT: usize = 64 << 20;

/// Which HTTP to speak.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Version {
    /// HTTP/2 where TLS agrees on it, HTTP/1.1 otherwise.
    #[default]
    Auto,
    /// HTTP/1.1 alone.
    Http1,
    /// HTTP/2 at once, also without TLS (h2c).
    Http2,
}

/// How to connect.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Options {
    /// Trust this CA as well (a PEM file)
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// Take any certificate, a self-signed one too
    #[arg(long)]
    pub insecure: bool,
    /// Which HTTP to speak
    #[arg(long, value_enum, default_value = "auto")]
    pub http: Version,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The certificate file.
    #[error("can't read the CA certificate {path}: {why}")]
    Certificate {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// No connection, or it broke.
    #[error("{url}: {why}")]
    Transport {
        /// What was asked for.
        url: String,
        /// The whole chain of causes.
        why: String,
    },
    /// More than [`BODY_LIMIT`].
    #[error("{url}: the answer is longer than {BODY_LIMIT} bytes")]
    TooLong {
        /// What was asked for.
        url: String,
    },
    /// The body ended early, or is no gzip.
    #[error("{url}: can't decompress the body: {why}")]
    Encoding {
        /// What was asked for.
        url: String,
        /// What is wrong.
        why: String,
    },
    /// Nothing whole within the time given.
    #[error("{url}: no whole answer within {limit:?}")]
    Timeout {
        /// What was asked for.
        url: String,
        /// The time given.
        limit: Duration,
    },
}

/// An answer, whole. Times are those of the [`Clock`] that the client was made with.
#[derive(Clone, Debug)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// `HTTP/1.1` or `HTTP/2.0`.
    pub version: &'static str,
    /// Names in lower case, values as sent (bytes that are no text are replaced).
    pub headers: Vec<(String, String)>,
    /// As sent: still compressed if `content-encoding` says so.
    pub body: Bytes,
    /// When the request went out.
    pub sent: Duration,
    /// When the headers were there.
    pub head: Duration,
    /// When the first byte of the body was there; none in an empty body.
    pub first: Option<Duration>,
    /// When the last byte was there.
    pub done: Duration,
}

impl Response {
    /// The first header of that name (lower case).
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    /// The body, decompressed where `content-encoding: gzip` says so.
    pub fn plain(&self) -> Result<Bytes, String> {
        match self.header("content-encoding").map(str::trim) {
            None | Some("identity" | "") => Ok(self.body.clone()),
            Some("gzip" | "x-gzip") => {
                let mut out = Vec::new();
                let mut reader = MultiGzDecoder::new(self.body.as_ref()).take(BODY_LIMIT as u64 + 1);
                reader.read_to_end(&mut out).map_err(|e| e.to_string())?;
                if out.len() > BODY_LIMIT {
                    return Err(format!("more than {BODY_LIMIT} bytes"));
                }
                Ok(out.into())
            }
            Some(other) => Err(format!("Content-Encoding: {other}, which nobody asked for")),
        }
    }

    /// The decompressed body as text.
    pub fn text(&self) -> Result<String, String> {
        String::from_utf8(self.plain()?.into()).map_err(|_| "not UTF-8".to_owned())
    }
}

/// A client with its pool of connections. Clones share it.
#[derive(Clone, Debug)]
pub struct Client {
    inner: reqwest::Client,
    clock: Clock,
}

impl Client {
    /// A client that follows no redirect and sends no header but what it is told to.
    pub fn new(options: &Options, clock: Clock) -> Result<Self, Error> {
        let mut builder = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .tls_version_min(reqwest::tls::Version::TLS_1_2)
            .connect_timeout(Duration::from_secs(10))
            .tcp_nodelay(true)
            .no_proxy()
            .user_agent(concat!("sigma-probe/", env!("CARGO_PKG_VERSION")));
        if let Some(path) = &options.ca {
            let fault = |why: String| Error::Certificate { path: path.clone(), why };
            let pem = std::fs::read(path).map_err(|e| fault(e.to_string()))?;
            let certs = reqwest::Certificate::from_pem_bundle(&pem).map_err(|e| fault(chain(&e)))?;
            if certs.is_empty() {
                return Err(fault("there is no certificate in it (a PEM file is wanted)".into()));
            }
            builder = builder.tls_certs_merge(certs);
        }
        builder = match options.http {
            Version::Auto => builder,
            Version::Http1 => builder.http1_only(),
            Version::Http2 => builder.http2_prior_knowledge(),
        };
        let inner = builder.tls_danger_accept_invalid_certs(options.insecure).build();
        let inner = inner.map_err(|e| Error::Transport { url: "the TLS set-up".into(), why: chain(&e) })?;
        Ok(Self { inner, clock })
    }

    /// The clock that answers are timed by.
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// A GET with these headers; the whole answer, whatever its status, or an error after `limit`.
    pub async fn get(
        &self,
        url: &Url,
        headers: &[(&'static str, &str)],
        limit: Duration,
    ) -> Result<Response, Error> {
        let whole = tokio::time::timeout(limit, self.whole(url, headers)).await;
        whole.unwrap_or_else(|_| Err(Error::Timeout { url: url.to_string(), limit }))
    }

    async fn whole(&self, url: &Url, headers: &[(&'static str, &str)]) -> Result<Response, Error> {
        let fault = |e: reqwest::Error| Error::Transport {
            url: url.to_string(),
            why: plainly(chain(&e.without_url())),
        };
        let mut request = self.inner.get(url.clone());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let sent = self.clock.now();
        let mut answer = request.send().await.map_err(fault)?;
        let head = self.clock.now();
        let text = |v: &reqwest::header::HeaderValue| String::from_utf8_lossy(v.as_bytes()).into_owned();
        let headers = answer.headers().iter().map(|(n, v)| (n.as_str().to_owned(), text(v))).collect();
        let (mut body, mut first) = (BytesMut::new(), None);
        while let Some(chunk) = answer.chunk().await.map_err(fault)? {
            if body.len() + chunk.len() > BODY_LIMIT {
                return Err(Error::TooLong { url: url.to_string() });
            }
            if !chunk.is_empty() {
                first = first.or_else(|| Some(self.clock.now()));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Response {
            status: answer.status().as_u16(),
            version: match answer.version() {
                reqwest::Version::HTTP_2 => "HTTP/2.0",
                reqwest::Version::HTTP_10 => "HTTP/1.0",
                _ => "HTTP/1.1",
            },
            headers,
            body: body.freeze(),
            sent,
            head,
            first,
            done: self.clock.now(),
        })
    }
}

/// What is wrong with a certificate, and what to do; other errors as they are.
fn plainly(why: String) -> String {
    let Some((_, what)) = why.split_once("invalid peer certificate: ") else { return why };
    format!(
        "the server's certificate is not trusted ({what}): name the authority that vouches for it with --ca FILE, or take \
         any with --insecure"
    )
}

/// An error with all its causes, in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut out = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !out.contains(&cause_text) {
            out = format!("{out}: {cause_text}");
        }
        next = cause.source();
    }
    out
}
