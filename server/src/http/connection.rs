//! One connection: first what is plain HTTP/1.1, then hyper, and a meter beside both.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, Response, Version};
use axum::routing::future::RouteFuture;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Either};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tower::Service as _;

use super::lean::{self, End};
use super::meter::{Meter, Verdict};
use super::metered::{Running, Shared, Stream, Watched};
use super::rewind::Rewind;
use super::{Front, GOODBYE, HEAD, HEADERS, access};
use crate::tls::Acceptor;

/// Requests that one HTTP/2 connection may have under way.
const STREAMS: u32 = 128;
/// A connection that holds requests is asked so often whether it is still there.
const PING: Duration = Duration::from_secs(20);

/// Answers the requests of a connection.
pub(super) struct Service {
    pub shared: Shared,
    front: Arc<Front>,
    peer: SocketAddr,
}

impl Service {
    /// Begins with a request.
    pub(super) fn call(&self, mut request: Request<Body>) -> (RouteFuture<Infallible>, Asked) {
        let running = self.shared.request(request.version() >= Version::HTTP_2);
        let client = self.front.proxies.client(self.peer.ip(), request.headers());
        request.extensions_mut().insert(client);
        let line = self.front.log.then(|| Box::new((access::line(&request), self.peer)));
        (self.front.router.clone().call(request), Asked { running, line })
    }
}

/// A request under way.
pub(super) struct Asked {
    running: Running,
    /// For the access log.
    line: Option<Box<(String, SocketAddr)>>,
}

impl Asked {
    /// Its answer is there.
    pub(super) fn answered(self, answer: Result<Response<Body>, Infallible>) -> Response<Watched> {
        let answer = answer.unwrap_or_else(|never| match never {});
        if let Some((line, peer)) = self.line.as_deref() {
            tracing::info!("access: {line} {} {peer}", answer.status().as_u16());
        }
        answer.map(|body| Watched::new(body, self.running))
    }
}

/// Serves until it is over, or stays too long at what it does. `held` is let go then. What few connections need is boxed:
/// there may be thousands, and most wait.
pub(super) fn run<H: Send + 'static>(
    front: Arc<Front>,
    stream: TcpStream,
    peer: SocketAddr,
    tls: Option<Acceptor>,
    stop: watch::Receiver<bool>,
    held: H,
) -> impl Future<Output = ()> + Send {
    let shared = Shared::new(Meter::new(front.timeouts, front.clock.now()), front.clock.clone());
    let stream = Stream::new(stream, shared.clone());
    let service = Service { shared, front, peer };
    let serving = match tls {
        None => Either::Left(talk(stream, service, stop)),
        Some(tls) => Either::Right(over_tls(stream, service, tls, stop)),
    };
    serving.map(|()| drop(held))
}

fn over_tls(
    stream: Stream<TcpStream>,
    service: Service,
    tls: Acceptor,
    mut stop: watch::Receiver<bool>,
) -> BoxFuture<'static, ()> {
    Box::pin(async move {
        let shaken = tokio::select! {
            shaken = tokio::time::timeout(service.front.timeouts.header, tls.accept(stream)) => shaken,
            _ = stop.wait_for(|stop| *stop) => return,
        };
        let peer = service.peer;
        match shaken {
            Ok(Ok(stream)) => talk(stream, service, stop).await,
            Ok(Err(error)) => tracing::debug!("HTTPS connection from {peer}: no TLS: {error}"),
            Err(_) => tracing::debug!("HTTPS connection from {peer}: no TLS in time"),
        }
    })
}

async fn talk<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    mut stream: S,
    service: Service,
    mut stop: watch::Receiver<bool>,
) {
    let stopped = stop.clone();
    let begun = {
        let plain = pin!(lean::serve(&mut stream, &service, &stopped));
        match guard(plain, &service, &mut stop, |_| GoesOn::No).await {
            Some(Ok(End::Otherwise(begun))) => begun,
            Some(Err(error)) => return tracing::debug!("HTTP connection from {}: {error}", service.peer),
            Some(Ok(End::Closed)) | None => return,
        }
    };
    rest(Rewind::new(begun, stream), service, stop).await;
}

fn rest<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    stream: Rewind<S>,
    service: Service,
    mut stop: watch::Receiver<bool>,
) -> BoxFuture<'static, ()> {
    Box::pin(async move {
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(None)
            .max_buf_size(HEAD)
            .max_headers(HEADERS);
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(STREAMS)
            .max_header_list_size(HEAD as u32)
            .max_send_buf_size(256 << 10)
            .keep_alive_interval(PING)
            .keep_alive_timeout(PING);
        let answer = service_fn(|request: Request<hyper::body::Incoming>| {
            let (answer, asked) = service.call(request.map(Body::new));
            answer.map(|answer| Ok::<_, Infallible>(asked.answered(answer)))
        });
        let connection = pin!(builder.serve_connection(TokioIo::new(stream), answer));
        let ended = guard(connection, &service, &mut stop, |connection| {
            connection.graceful_shutdown();
            GoesOn::Yes
        });
        if let Some(Err(error)) = ended.await {
            tracing::debug!("HTTP connection from {}: {error}", service.peer);
        }
    })
}

/// Whether a connection that nobody needs has something to say yet.
enum GoesOn {
    Yes,
    No,
}

/// Lets a connection go on as its meter allows. `leave`: nobody needs it, or the server stops. `None` where it is cut.
async fn guard<F: Future>(
    mut connection: Pin<&mut F>,
    service: &Service,
    stop: &mut watch::Receiver<bool>,
    leave: impl Fn(Pin<&mut F>) -> GoesOn,
) -> Option<F::Output> {
    let clock = service.shared.clock();
    let mut leaving = false;
    loop {
        let now = clock.now();
        let verdict = service.shared.meter().verdict(now);
        let again = match verdict {
            Verdict::Fine(then) => then.saturating_duration_since(now),
            Verdict::Idle if leaving => return None,
            Verdict::Idle => {
                leaving = true;
                match leave(connection.as_mut()) {
                    GoesOn::Yes => GOODBYE,
                    GoesOn::No => return None,
                }
            }
            Verdict::Cut(why) => {
                tracing::debug!("HTTP connection from {} closed: {why}", service.peer);
                return None;
            }
        };
        tokio::select! {
            biased;
            ended = connection.as_mut() => return Some(ended),
            () = tokio::time::sleep(again) => {}
            _ = stop.wait_for(|stop| *stop), if !leaving => {
                leaving = true;
                let goes_on = leave(connection.as_mut());
                if matches!(goes_on, GoesOn::No) && !service.shared.meter().busy() {
                    return None;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::disallowed_methods)]
    use super::*;
    use crate::clock::Clock;
    use crate::http::{Connections, Proxies, Timeouts};

    #[tokio::test]
    async fn a_connection_takes_little() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let peer = listener.local_addr().unwrap();
        let stream = TcpStream::connect(peer).await.unwrap();
        let second = Duration::from_secs(1);
        let timeouts = Timeouts { header: second, idle: second, write: second };
        let connections = Connections { all: 1, of_an_address: 1 };
        let (router, proxies) = (axum::Router::new(), Proxies::new(&[]));
        let front = Front::new(router, timeouts, connections, proxies, Clock::system(), false);
        let (_stop, stopping) = watch::channel(false);
        let connection = run(Arc::new(front), stream, peer, None, stopping, ());
        let size = std::mem::size_of_val(&connection);
        assert!(size <= 1_600, "{size} bytes: what moved into it twice?");
    }
}
