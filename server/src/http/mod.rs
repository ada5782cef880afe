//! The HTTP front: HTTP/1.1 and HTTP/2 on plain sockets and over TLS, how many connections there may be, and how long each
//! may take for what.
//!
//! **Belongs here:** connections. **Does not:** routes (`control`, `deliver`), certificates (`tls`).
//!
//! ```text
//! socket ─▶ (TLS) ─▶ lean: plain HTTP/1.1 ─┬─▶ service: the router
//!                     └─▶ hyper: the rest ─┘
//! ```
//!
//! A connection begins with HTTP/2's preface or speaks HTTP/1.1; over TLS the two agree by ALPN and do the same.

mod access;
mod client;
mod connection;
mod date;
mod head;
mod lean;
mod meter;
mod metered;
mod rewind;
#[cfg(test)]
mod tests;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::clock::Clock;
use crate::quota::Quota;
use crate::tls::Acceptor;

pub(crate) use client::{Client, Proxies};
pub(crate) use meter::Timeouts;

/// The head of a request: bytes, and how many headers.
const HEAD: usize = 16 << 10;
const HEADERS: usize = 64;
/// Once nobody needs it, or the server stops, an HTTP/2 connection has so long to say goodbye.
const GOODBYE: Duration = Duration::from_secs(1);
/// To somebody for whom there is no room, in HTTP/1.1; over TLS nothing can be said so early.
const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\n\
    Content-Type: text/plain\r\nContent-Length: 48\r\n\r\ntoo many connections: try again in a few seconds";

/// What a front may hold, and whom it believes.
#[derive(Clone)]
pub(crate) struct Front {
    router: Router,
    timeouts: Timeouts,
    connections: Quota<()>,
    addresses: Quota<IpAddr>,
    proxies: Proxies,
    clock: Clock,
    log: bool,
}

/// How many connections there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Connections {
    /// On all listeners together.
    pub all: usize,
    /// Of one address that is no trusted proxy.
    pub of_an_address: usize,
}

impl Front {
    pub(crate) fn new(
        router: Router,
        timeouts: Timeouts,
        connections: Connections,
        proxies: Proxies,
        clock: Clock,
        log: bool,
    ) -> Self {
        let Connections { all, of_an_address } = connections;
        let (connections, addresses) = (Quota::new(all), Quota::new(of_an_address));
        Self { router, timeouts, connections, addresses, proxies, clock, log }
    }

    /// Accepts until `stop` turns true; comes back when every connection has had its answers. Dropped, it drops them.
    pub(crate) async fn serve(
        self,
        listener: TcpListener,
        tls: Option<Acceptor>,
        mut stop: watch::Receiver<bool>,
    ) {
        let front = Arc::new(self);
        let mut open = JoinSet::new();
        let mut told = Throttle::default();
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                _ = stop.wait_for(|stop| *stop) => break,
                Some(_) = open.join_next() => continue,
            };
            let (stream, peer) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Out of file descriptors, mostly: give the others time to go.
                    if told.worth_a_line(&front.clock) {
                        tracing::error!("can't accept an HTTP connection: {error}");
                    }
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            };
            let proxy = front.proxies.trusts(peer.ip());
            let all = front.connections.take(());
            let of_address = if proxy { Some(None) } else { front.addresses.take(peer.ip()).map(Some) };
            let (Some(all), Some(of_address)) = (all, of_address) else {
                if told.worth_a_line(&front.clock) {
                    let (all, own) = (front.connections.limit(), front.addresses.limit());
                    tracing::warn!(
                        "HTTP connection from {peer} closed: {all} are open, or {own} of this address \
                         ([limits] connections, connections_per_address)"
                    );
                }
                if tls.is_none() {
                    turn_away(stream);
                }
                continue;
            };
            // Parts are small and each counts: none waits for the next.
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!("can't set TCP_NODELAY: {error}");
            }
            let held = (all, of_address);
            open.spawn(connection::run(Arc::clone(&front), stream, peer, tls.clone(), stop.clone(), held));
        }
        drop(listener);
        while open.join_next().await.is_some() {}
    }
}

/// Says that there is no room, if that can be said without waiting.
fn turn_away(stream: TcpStream) {
    tokio::spawn(async move {
        let mut stream = stream;
        let say = async {
            stream.write_all(FULL).await?;
            stream.shutdown().await?;
            // Closing on unread bytes would make TCP take back what was said.
            tokio::io::copy(&mut stream, &mut tokio::io::sink()).await
        };
        let _ = tokio::time::timeout(GOODBYE, say).await;
    });
}

/// At most one line a second about those who were turned away.
#[derive(Default)]
struct Throttle(Option<std::time::Instant>);

impl Throttle {
    fn worth_a_line(&mut self, clock: &Clock) -> bool {
        let now = clock.now();
        let quiet = self.0.is_none_or(|last| now.duration_since(last) >= Duration::from_secs(1));
        if quiet {
            self.0 = Some(now);
        }
        quiet
    }
}
