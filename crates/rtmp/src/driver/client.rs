//! Publishing to a server: [`Publisher::connect`], then metadata and tags, then [`Publisher::close`].
use std::{io, sync::Arc, time::Duration};

use media::flv::{Metadata, Tag};
use rustls_platform_verifier::BuilderVerifierExt;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::{Instant, timeout},
};
use tokio_rustls::{
    TlsConnector,
    rustls::{
        self, ClientConfig, RootCertStore, crypto,
        pki_types::{CertificateDer, ServerName, pem::PemObject},
    },
};

use super::{
    Error, clock,
    pipe::{Pipe, Turn},
};
use crate::{
    Limits, Output,
    client::{Event, Session},
};

pub use crate::client::{BadUrl, Refused, Url};

/// How to publish.
#[derive(Clone, Debug)]
pub struct Config {
    /// What the server may ask of us.
    pub limits: Limits,
    /// Until DNS, TCP and TLS are done.
    pub connect_timeout: Duration,
    /// A server that takes no byte for this long is gone.
    pub write_timeout: Duration,
    /// Whose certificates are taken (`rtmps`).
    pub trust: Trust,
}

/// Whose certificates are taken.
#[derive(Clone, Debug, Default)]
pub enum Trust {
    /// Those of the authorities that the system knows.
    #[default]
    System,
    /// These and no others: authorities, or servers' own self-signed ones.
    Only(Vec<CertificateDer<'static>>),
}

/// Why a file has no certificates to trust.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BadTrust {
    /// Not PEM, or without a `CERTIFICATE`.
    #[error("it is not a PEM file with a certificate")]
    NoCertificate,
}

impl Trust {
    /// The certificates of a PEM file's content.
    pub fn only(pem: &[u8]) -> Result<Self, BadTrust> {
        let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
        match certificates {
            Ok(certificates) if !certificates.is_empty() => Ok(Self::Only(certificates)),
            Ok(_) | Err(_) => Err(BadTrust::NoCertificate),
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            limits: Limits::default(),
            connect_timeout: seconds(10),
            write_timeout: seconds(10),
            trust: Trust::System,
        }
    }
}

/// Anything that bytes go through both ways.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// A running publish.
pub struct Publisher {
    pipe: Pipe<Box<dyn Stream>>,
    session: Session,
}

impl Publisher {
    /// Resolves, connects (TLS for `rtmps`), and publishes. Returns once the server
    /// has said go; a no is [`Error::refused`].
    pub async fn connect(url: &Url, config: &Config) -> Result<Self, Error> {
        let stream = timeout(config.connect_timeout, open(url, &config.trust))
            .await
            .map_err(|_| Error::ConnectTime { peer: url.peer() })?
            .map_err(|error| failed(url, error))?;
        Self::over(stream, url, config).await
    }

    /// The same on a stream that is open already.
    pub async fn over(stream: impl Stream + 'static, url: &Url, config: &Config) -> Result<Self, Error> {
        let pipe: Pipe<Box<dyn Stream>> = Pipe::new(Box::new(stream), url.peer(), config.write_timeout);
        let now = clock::now().into_std();
        let session =
            Session::new(url.clone(), config.limits.clone(), now).map_err(|error| pipe.protocol(error))?;
        let mut publisher = Self { pipe, session };
        loop {
            let (deadline, published) = publisher.take_outputs();
            if published {
                return Ok(publisher);
            }
            publisher.turn(deadline).await?;
        }
    }

    /// Sends `@setDataFrame onMetaData`.
    pub async fn metadata(&mut self, metadata: &Metadata) -> Result<(), Error> {
        self.session.metadata(metadata).map_err(|error| self.pipe.protocol(error))?;
        self.drain().await
    }

    /// Sends a tag, and returns once the system has taken it: the caller's queue is where to drop. Dropping the future
    /// loses nothing, the rest goes out with the next call.
    pub async fn send(&mut self, tag: Tag) -> Result<(), Error> {
        self.session.tag(tag).map_err(|error| self.pipe.protocol(error))?;
        self.drain().await
    }

    /// Waits until the server ends the publish or the connection breaks, and says which: for a `select!` beside the
    /// source of tags.
    pub async fn closed(&mut self) -> Error {
        loop {
            let (deadline, _) = self.take_outputs();
            if let Err(error) = self.turn(deadline).await {
                return error;
            }
        }
    }

    /// FCUnpublish, deleteStream, and closes.
    pub async fn close(mut self) -> Result<(), Error> {
        self.session.close().map_err(|error| self.pipe.protocol(error))?;
        self.take_outputs();
        self.pipe.finish().await
    }

    /// Bytes sent so far, the handshake included.
    pub fn bytes_sent(&self) -> u64 {
        self.pipe.sent()
    }

    /// Bytes that the server has acknowledged, of [`bytes_sent`](Self::bytes_sent). Servers do so every few megabytes,
    /// some never.
    pub fn bytes_acknowledged(&self) -> u64 {
        self.session.bytes_acknowledged()
    }

    /// Writes everything, and looks at what the server has said meanwhile.
    async fn drain(&mut self) -> Result<(), Error> {
        loop {
            let (deadline, _) = self.take_outputs();
            if self.pipe.is_drained() {
                break;
            }
            self.turn(deadline).await?;
        }
        let Some(bytes) = self.pipe.peek().await? else { return Ok(()) };
        if bytes.is_empty() {
            return Err(self.pipe.closed());
        }
        self.session.handle_input(bytes, clock::now().into_std()).map_err(|error| self.pipe.protocol(error))
    }

    async fn turn(&mut self, deadline: Option<Instant>) -> Result<(), Error> {
        let result = match self.pipe.turn(deadline).await? {
            Turn::Read([]) => return Err(self.pipe.closed()),
            Turn::Read(bytes) => self.session.handle_input(bytes, clock::now().into_std()),
            Turn::Drained => Ok(()),
            Turn::Deadline => self.session.handle_timeout(clock::now().into_std()),
        };
        result.map_err(|error| self.pipe.protocol(error))
    }

    /// Queues what is to be sent. Gives the session's deadline, and whether the server said go.
    fn take_outputs(&mut self) -> (Option<Instant>, bool) {
        let mut published = false;
        loop {
            match self.session.poll_output() {
                Output::Send(bytes) => self.pipe.queue(bytes),
                Output::Event(Event::Published) => published = true,
                Output::Event(Event::Acknowledged(_)) => {}
                Output::Timeout(deadline) => return (deadline.map(Instant::from_std), published),
            }
        }
    }
}

async fn open(url: &Url, trust: &Trust) -> io::Result<Box<dyn Stream>> {
    let tcp = TcpStream::connect((url.host(), url.port())).await?;
    tcp.set_nodelay(true)?;
    if !url.tls() {
        return Ok(Box::new(tcp));
    }
    let name = ServerName::try_from(url.host().to_owned()).map_err(io::Error::other)?;
    let config = tls(trust).map_err(io::Error::other)?;
    Ok(Box::new(TlsConnector::from(Arc::new(config)).connect(name, tcp).await?))
}

fn tls(trust: &Trust) -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let builder = match trust {
        Trust::System => builder.with_platform_verifier()?,
        Trust::Only(certificates) => {
            let mut roots = RootCertStore::empty();
            for certificate in certificates {
                roots.add(certificate.clone())?;
            }
            builder.with_root_certificates(roots)
        }
    };
    Ok(builder.with_no_client_auth())
}

/// A certificate that isn't taken is told apart from a connection that broke.
fn failed(url: &Url, error: io::Error) -> Error {
    let peer = url.peer();
    let tls = error.get_ref().and_then(|error| error.downcast_ref::<rustls::Error>());
    match tls {
        Some(rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer)) => {
            Error::Untrusted { peer }
        }
        Some(error @ rustls::Error::InvalidCertificate(_)) => {
            Error::Certificate { peer, why: error.to_string() }
        }
        Some(_) | None => Error::Io { peer, error },
    }
}
