//! RTMP in, plain and over TLS: accepts connections, asks the [`Door`] whether a key may publish, and feeds what comes to whoever was
//! behind the door: tracks and access units, on the publisher's own clock.
//!
//! **Belongs here:** sockets, their limits, FLV into access units, the words that a publisher reads. **Does not:** who may
//! publish, sessions, the session's clock (`channel`).

mod limits;
mod publisher;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use live::channel::Kick;
use live::event::Issue;
use live::{PublisherId, Refusal};
use media::flv::Metadata;
use media::{AccessUnit, Track};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot, watch};

use crate::clock::Clock;
use crate::tls::Acceptor;

/// A publisher that asks to be let in.
#[derive(Debug)]
pub(crate) struct Knock {
    /// The connection's number.
    pub publisher: PublisherId,
    /// Its address and port.
    pub peer: SocketAddr,
    /// The stream key, as sent. Never log it.
    pub key: String,
    /// What the publisher calls itself.
    pub encoder: Option<String>,
}

/// Where an admitted publisher's media goes.
#[derive(Debug)]
pub(crate) struct Seat {
    /// Bounded: where the reader is slow, the publisher's TCP window closes.
    pub feed: mpsc::Sender<Feed>,
    /// Fires when the publisher must go.
    pub kicked: oneshot::Receiver<Kick>,
}

/// What an admitted publisher sent, in order. Dropping the sender without an `End` means lost.
#[derive(Debug)]
pub(crate) enum Feed {
    /// `onMetaData`.
    Metadata(Metadata),
    /// A new or changed track.
    Track(Track),
    /// A picture or a sound frame, in the publisher's own milliseconds.
    Unit(AccessUnit),
    /// Something odd; the publisher goes on.
    Issue(Issue),
    /// The last item.
    End(End),
}

/// How a publisher went.
#[derive(Debug)]
pub(crate) enum End {
    /// A clean goodbye.
    Unpublished,
    /// The connection went without one: a clause.
    Lost(String),
    /// It sent what can't be taken, and was told.
    Refused(Refusal),
    /// The server stops, and the publisher is told to come back: no end of a session.
    Stopping,
}

/// Decides about publishers.
pub(crate) trait Door: Clone + Send + Sync + 'static {
    /// Lets a publisher in or not.
    fn knock(&self, knock: Knock) -> impl Future<Output = Result<Seat, Refusal>> + Send;
    /// A publisher went away before it could knock: it spoke something else, was too slow, or broke a limit.
    fn turned_away(&self, peer: SocketAddr, why: Refusal) -> impl Future<Output = ()> + Send;
}

/// Takes publishers in, from one listener or several.
#[derive(Clone)]
pub(crate) struct Intake<D> {
    door: D,
    clock: Clock,
    doorway: limits::Doorway,
    number: Arc<AtomicU64>,
}

impl<D: Door> Intake<D> {
    /// `most`: connections at once.
    pub(crate) fn new(door: D, clock: Clock, most: usize) -> Self {
        Self { door, clock, doorway: limits::Doorway::new(most), number: Arc::default() }
    }

    /// Accepts until `stop` turns true; then connections end by themselves as their feeds close.
    pub(crate) async fn serve(
        self,
        listener: TcpListener,
        tls: Option<Acceptor>,
        mut stop: watch::Receiver<bool>,
    ) {
        let Self { door, clock, doorway, number } = self;
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                _ = stop.wait_for(|stop| *stop) => return,
            };
            let (stream, peer) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Out of file descriptors, mostly: give the others time to go.
                    if doorway.worth_a_line(clock.now()) {
                        tracing::error!("can't accept an RTMP connection: {error}");
                    }
                    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                    continue;
                }
            };
            let pass = match doorway.enter(peer.ip()) {
                Ok(pass) => pass,
                Err(full) => {
                    if doorway.worth_a_line(clock.now()) {
                        tracing::warn!("RTMP connection from {peer} closed: {full}");
                    }
                    continue;
                }
            };
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!("{peer}: {error}");
            }
            let id = PublisherId(number.fetch_add(1, Ordering::Relaxed) + 1);
            let connection = publisher::Connection { peer, id, pass, stop: stop.clone() };
            match tls.clone() {
                None => tokio::spawn(publisher::run(stream, connection, door.clone())),
                Some(tls) => tokio::spawn(publisher::run_over_tls(stream, tls, connection, door.clone())),
            };
        }
    }
}
