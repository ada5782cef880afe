//! TLS for viewers and publishers: one certificate, taken anew when its files change.
//!
//! **Belongs here:** certificates and handshakes. **Does not:** what is said over them (`http`, `ingest`).

mod files;
mod self_signed;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::Context;
use arc_swap::ArcSwap;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{ServerConfig, crypto};
use tokio_rustls::server::TlsStream;

use crate::clock::Clock;

pub(crate) use files::Files;

/// How often the files are looked at.
pub(crate) const LOOK: Duration = Duration::from_secs(2);

/// Where the certificate comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Files(Files),
    /// Made by the server, for these names and addresses.
    SelfSigned(Vec<String>),
}

/// The certificate in use; clones are handles to the same.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    files: Files,
    current: Arc<Current>,
    clock: Clock,
}

#[derive(Debug)]
struct Current(ArcSwap<CertifiedKey>);

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.load_full())
    }
}

/// What tells one state of a file from another.
type Stamp = Option<(SystemTime, u64)>;

impl Identity {
    /// Reads the files, or makes them in `dir`.
    pub(crate) fn open(source: &Source, dir: &Path, clock: Clock) -> anyhow::Result<Self> {
        let files = match source {
            Source::Files(files) => files.clone(),
            Source::SelfSigned(names) => self_signed::ensure(dir, names, clock.utc())?,
        };
        let loaded = files::load(&files, clock.utc())?;
        if let Some(warning) = &loaded.warning {
            tracing::warn!("TLS certificate: {warning}");
        }
        let current = Arc::new(Current(ArcSwap::from_pointee(loaded.certified)));
        Ok(Self { files, current, clock })
    }

    /// For connections that speak one of these protocols (ALPN).
    pub(crate) fn acceptor(&self, protocols: &[&[u8]]) -> anyhow::Result<Acceptor> {
        let provider = Arc::new(crypto::aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .context("can't set up TLS")?
            .with_no_client_auth()
            .with_cert_resolver(self.current.clone());
        config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
        Ok(Acceptor(TlsAcceptor::from(Arc::new(config))))
    }

    /// Takes the files anew whenever they change, for as long as it is polled. Connections that are open go on.
    pub(crate) async fn follow(self, every: Duration) {
        let mut known = self.stamps();
        let mut changing = known;
        let mut tick = tokio::time::interval(every);
        loop {
            tick.tick().await;
            let stamps = self.stamps();
            // The two are written one after the other: wait until nothing moves any more.
            if stamps != changing || stamps == known {
                changing = stamps;
                continue;
            }
            known = stamps;
            match files::load(&self.files, self.clock.utc()) {
                Ok(loaded) => {
                    self.current.0.store(Arc::new(loaded.certified));
                    tracing::info!(
                        "took the new TLS certificate {}, good until {}",
                        self.files.cert.display(),
                        loaded.expires.date()
                    );
                    if let Some(warning) = loaded.warning {
                        tracing::warn!("TLS certificate: {warning}");
                    }
                }
                Err(error) => tracing::error!("the TLS certificate stays as it was: {error}"),
            }
        }
    }

    fn stamps(&self) -> [Stamp; 2] {
        [&self.files.cert, &self.files.key].map(|path| {
            let meta = std::fs::metadata(path).ok()?;
            Some((meta.modified().ok()?, meta.len()))
        })
    }
}

/// Shakes hands.
#[derive(Clone)]
pub(crate) struct Acceptor(TlsAcceptor);

impl Acceptor {
    pub(crate) async fn accept<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: S,
    ) -> std::io::Result<TlsStream<S>> {
        self.0.accept(stream).await
    }
}

#[cfg(test)]
mod tests;
