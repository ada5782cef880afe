//! A light HTTP/1.1 client for thousands of viewers on one thread: kept connections, one buffer for all of them, bodies
//! that nobody wants never copied.

use std::cell::RefCell;
use std::collections::HashMap;
use std::future::poll_fn;
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use reqwest::Url;
use tokio::io::{AsyncRead, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::ServerName;

use super::wire::{self, Head, Reader};

/// What one read takes at most.
const CHUNK: usize = 64 << 10;
/// What a read takes that expects a head, and a body that is to be passed over.
const GLANCE: usize = 2 << 10;
/// What a body of which the text is wanted may take.
const TEXT: usize = 8 << 20;
/// No answer in this time is none (hls.js gives media 20 s).
const PATIENCE: Duration = Duration::from_secs(20);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error("connect")]
    Connect(std::io::Error),
    #[error("tls")]
    Tls(std::io::Error),
    #[error("broken connection")]
    Broken(std::io::Error),
    #[error("not HTTP: {0}")]
    Wire(#[from] wire::Error),
    #[error("body too long")]
    TooLong,
    #[error("timeout")]
    Timeout,
}

impl Error {
    /// A name to count by.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Connect(_) => "connect",
            Self::Tls(_) => "tls",
            Self::Broken(_) | Self::Wire(wire::Error::Closed | wire::Error::CutOff) => "broken",
            Self::Wire(wire::Error::Malformed(_) | wire::Error::HeadTooLong) => "malformed",
            Self::TooLong => "too_long",
            Self::Timeout => "timeout",
        }
    }
}

/// A server: scheme, host, port.
pub(super) struct Origin {
    /// As in `Host`.
    authority: String,
    address: SocketAddr,
    tls: Option<(TlsConnector, ServerName<'static>)>,
}

/// What all viewers of a thread share.
pub(super) struct Net {
    scratch: RefCell<Box<[u8]>>,
    nowhere: RefCell<Box<[MaybeUninit<u8>]>>,
    origins: RefCell<HashMap<String, Rc<Origin>>>,
    tls: Option<TlsConnector>,
}

/// What was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Want {
    /// The text of the body, compressed if the server can.
    Text,
    /// That it came.
    Nothing,
}

/// A whole answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub head: Head,
    /// Bytes of the body as sent.
    pub bytes: u64,
    /// The body as sent, where it was wanted.
    pub text: Vec<u8>,
}

impl Net {
    pub(super) fn new() -> Self {
        Self {
            scratch: RefCell::new(vec![0; CHUNK].into_boxed_slice()),
            nowhere: RefCell::new(Box::new_uninit_slice(4 * CHUNK)),
            origins: RefCell::default(),
            tls: connector(),
        }
    }

    /// The server of a URL; its name is looked up once.
    pub(super) async fn origin(&self, url: &Url) -> Result<Rc<Origin>, Error> {
        let name = url.origin().ascii_serialization();
        if let Some(known) = self.origins.borrow().get(&name) {
            return Ok(Rc::clone(known));
        }
        let invalid = |what| Error::Connect(std::io::Error::new(std::io::ErrorKind::InvalidInput, what));
        let host = url.host_str().ok_or_else(|| invalid("no host"))?;
        let port = url.port_or_known_default().ok_or_else(|| invalid("no port"))?;
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let mut addresses = tokio::net::lookup_host((bare, port)).await.map_err(Error::Connect)?;
        let address = addresses.next().ok_or_else(|| invalid("a name without an address"))?;
        let tls = match (url.scheme(), &self.tls) {
            ("https", Some(connector)) => {
                let name = ServerName::try_from(bare.to_owned()).map_err(|_| invalid("no name for TLS"))?;
                Some((connector.clone(), name))
            }
            ("http", _) => None,
            _ => return Err(invalid("neither http nor https")),
        };
        let authority = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        let origin = Rc::new(Origin { authority, address, tls });
        self.origins.borrow_mut().insert(name, Rc::clone(&origin));
        Ok(origin)
    }
}

/// HTTP/1.1 over TLS, with the certificates that the system trusts.
fn connector() -> Option<TlsConnector> {
    use rustls_platform_verifier::BuilderVerifierExt;
    use tokio_rustls::rustls::{ClientConfig, crypto};
    let provider = Arc::new(crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().ok()?;
    let config = config.with_platform_verifier().ok()?.with_no_client_auth();
    Some(TlsConnector::from(Arc::new(config)))
}

/// A viewer's connections that wait for their next request.
#[derive(Default)]
pub(super) struct Pool(RefCell<Vec<(Rc<Origin>, Stream)>>);

impl Pool {
    fn take(&self, origin: &Rc<Origin>) -> Option<Stream> {
        let mut kept = self.0.borrow_mut();
        let found = kept.iter().rposition(|(of, _)| Rc::ptr_eq(of, origin))?;
        Some(kept.swap_remove(found).1)
    }
}

/// A GET. A kept connection that the server closed meanwhile is replaced.
pub(super) async fn get(
    net: &Net,
    pool: &Pool,
    origin: &Rc<Origin>,
    path: &str,
    range: Option<(u64, u64)>,
    want: Want,
) -> Result<Answer, Error> {
    let request = request(origin, path, range, want);
    let asked = async {
        if let Some(kept) = pool.take(origin) {
            match exchange(net, kept, &request, want).await {
                Err(Error::Broken(_) | Error::Wire(wire::Error::Closed)) => {}
                outcome => return outcome,
            }
        }
        exchange(net, connect(origin).await?, &request, want).await
    };
    let (answer, stream) = tokio::time::timeout(PATIENCE, asked).await.unwrap_or(Err(Error::Timeout))?;
    if answer.head.keep {
        pool.0.borrow_mut().push((Rc::clone(origin), stream));
    }
    Ok(answer)
}

fn request(origin: &Origin, path: &str, range: Option<(u64, u64)>, want: Want) -> Vec<u8> {
    let coding = match want {
        Want::Text => "accept-encoding: gzip\r\n",
        Want::Nothing => "",
    };
    let range = range.map_or(String::new(), |(at, len)| {
        format!("range: bytes={at}-{}\r\n", at.saturating_add(len).saturating_sub(1))
    });
    let (host, agent) = (&origin.authority, concat!("sigma-probe/", env!("CARGO_PKG_VERSION")));
    format!(
        "GET {path} HTTP/1.1\r\nhost: {host}\r\nuser-agent: {agent}\r\naccept: */*\r\n{coding}{range}\r\n"
    )
    .into()
}

async fn connect(origin: &Origin) -> Result<Stream, Error> {
    let tcp = TcpStream::connect(origin.address).await.map_err(Error::Connect)?;
    tcp.set_nodelay(true).map_err(Error::Connect)?;
    match &origin.tls {
        None => Ok(Stream::Plain(tcp)),
        Some((connector, name)) => {
            let tls = connector.connect(name.clone(), tcp).await.map_err(Error::Tls)?;
            Ok(Stream::Tls(Box::new(tls)))
        }
    }
}

async fn exchange(
    net: &Net,
    mut stream: Stream,
    request: &[u8],
    want: Want,
) -> Result<(Answer, Stream), Error> {
    match &mut stream {
        Stream::Plain(tcp) => tcp.write_all(request).await,
        Stream::Tls(tls) => tls.write_all(request).await,
    }
    .map_err(Error::Broken)?;
    let mut reader = Reader::new();
    let mut text = Vec::new();
    while !reader.done() {
        if let (Want::Nothing, Some(rest), Stream::Plain(tcp)) = (want, reader.rest(), &stream) {
            let skipped = skip(net, tcp, rest).await.map_err(Error::Broken)?;
            match skipped {
                0 => reader.end()?,
                _ => reader.skipped(skipped as u64),
            }
            continue;
        }
        let glance = want == Want::Nothing && reader.body() == 0 && matches!(stream, Stream::Plain(_));
        let most = if glance { GLANCE } else { CHUNK };
        poll_fn(|cx| {
            let scratch = &mut *net.scratch.borrow_mut();
            let mut buffer = ReadBuf::new(&mut scratch[..most]);
            ready!(stream.poll_read(cx, &mut buffer)).map_err(Error::Broken)?;
            let came = buffer.filled();
            if came.is_empty() {
                return Poll::Ready(reader.end().map_err(Error::from));
            }
            let sink = &mut |data: &[u8]| match want {
                Want::Text => text.extend_from_slice(data),
                Want::Nothing => {}
            };
            Poll::Ready(reader.feed(came, sink).map_err(Error::from))
        })
        .await?;
        if text.len() > TEXT {
            return Err(Error::TooLong);
        }
    }
    Ok((Answer { head: reader.head().clone(), bytes: reader.body(), text }, stream))
}

/// Takes bytes off the socket without looking at them.
#[cfg(target_os = "linux")]
async fn skip(net: &Net, tcp: &TcpStream, most: u64) -> std::io::Result<usize> {
    tcp.async_io(tokio::io::Interest::READABLE, || {
        let nowhere = &mut *net.nowhere.borrow_mut();
        let most = usize::try_from(most).map_or(nowhere.len(), |most| most.min(nowhere.len()));
        // tcp(7): with MSG_TRUNC the bytes are dropped, and nothing is written.
        socket2::SockRef::from(tcp).recv_with_flags(&mut nowhere[..most], libc::MSG_TRUNC)
    })
    .await
}

#[cfg(not(target_os = "linux"))]
async fn skip(net: &Net, tcp: &TcpStream, most: u64) -> std::io::Result<usize> {
    tcp.async_io(tokio::io::Interest::READABLE, || {
        let scratch = &mut *net.scratch.borrow_mut();
        let most = usize::try_from(most).map_or(scratch.len(), |most| most.min(scratch.len()));
        tcp.try_read(&mut scratch[..most])
    })
    .await
}

/// A connection.
enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Stream {
    fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        match self {
            Self::Plain(tcp) => Pin::new(tcp).poll_read(cx, buffer),
            Self::Tls(tls) => Pin::new(tls.as_mut()).poll_read(cx, buffer),
        }
    }
}
