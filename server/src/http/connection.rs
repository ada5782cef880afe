//! One connection: first what is plain HTTP/1.1, then hyper, and a meter beside both.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response, Version};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tower::Service as _;

use super::lean::{self, End};
use super::meter::Verdict;
use super::metered::{Shared, Watched};
use super::rewind::Rewind;
use super::{Front, GOODBYE, HEAD, HEADERS, Proxies, access};

/// Requests that one HTTP/2 connection may have under way.
const STREAMS: u32 = 128;
/// A connection that holds requests is asked so often whether it is still there.
const PING: Duration = Duration::from_secs(20);

/// Answers the requests of a connection.
pub(super) struct Service {
    pub shared: Shared,
    router: Router,
    proxies: Proxies,
    peer: SocketAddr,
    log: bool,
}

impl Service {
    pub(super) fn answer(
        &self,
        mut request: Request<Body>,
    ) -> impl Future<Output = Response<Watched>> + Send + use<> {
        let running = self.shared.request(request.version() >= Version::HTTP_2);
        let client = self.proxies.client(self.peer.ip(), request.headers());
        request.extensions_mut().insert(client);
        let line = self.log.then(|| access::line(&request));
        let peer = self.peer;
        let answer = self.router.clone().call(request);
        async move {
            let answer = answer.await.unwrap_or_else(|never| match never {});
            if let Some(line) = line {
                tracing::info!("access: {line} {} {peer}", answer.status().as_u16());
            }
            answer.map(|body| Watched::new(body, running))
        }
    }
}

/// Serves until it is over, or stays too long at what it does.
pub(super) async fn run<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    front: Front,
    mut stream: S,
    peer: SocketAddr,
    shared: Shared,
    mut stop: watch::Receiver<bool>,
) {
    let Front { router, proxies, log, .. } = front;
    let service = Service { shared, router, proxies, peer, log };
    let begun = {
        let stopped = stop.clone();
        let plain = pin!(lean::serve(&mut stream, &service, &stopped));
        match guard(plain, &service, &mut stop, |_| GoesOn::No).await {
            Some(Ok(End::Otherwise(begun))) => begun,
            Some(Err(error)) => return tracing::debug!("HTTP connection from {peer}: {error}"),
            Some(Ok(End::Closed)) | None => return,
        }
    };
    // Apart, so that a connection that doesn't need it has no room for it.
    Box::pin(rest(Rewind::new(begun, stream), service, stop)).await;
}

async fn rest<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    stream: Rewind<S>,
    service: Service,
    mut stop: watch::Receiver<bool>,
) {
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
        let answer = service.answer(request.map(Body::new));
        async move { Ok::<_, Infallible>(answer.await) }
    });
    let connection = pin!(builder.serve_connection(TokioIo::new(stream), answer));
    let ended = guard(connection, &service, &mut stop, |connection| {
        connection.graceful_shutdown();
        GoesOn::Yes
    });
    if let Some(Err(error)) = ended.await {
        tracing::debug!("HTTP connection from {}: {error}", service.peer);
    }
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
