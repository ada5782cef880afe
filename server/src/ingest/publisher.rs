//! One connection, from its first byte to its last.

use std::net::SocketAddr;
use std::time::Duration;

use live::channel::Kick;
use live::event::Issue;
use live::{PublisherId, Refusal};
use media::flv::{Demuxer, Item};
use rtmp::driver;
use rtmp::driver::server::{Config, Message, Publisher, Refusal as Told, Request};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;

use super::limits::Pass;
use super::{Door, End, Feed, Knock, Seat};
use crate::tls::Acceptor;

/// A publisher that sends no byte for so long is gone; until then the session's own rules decide about silence.
const IDLE: Duration = Duration::from_secs(60);
const WRITE: Duration = Duration::from_secs(5);

/// A TLS handshake takes no longer.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// A connection that was let in.
pub(super) struct Connection {
    pub peer: SocketAddr,
    pub id: PublisherId,
    pub pass: Pass,
    pub stop: watch::Receiver<bool>,
}

/// The same after a TLS handshake.
pub(super) async fn run_over_tls<D: Door>(
    stream: TcpStream,
    tls: Acceptor,
    mut connection: Connection,
    door: D,
) {
    let shaken = tokio::select! {
        shaken = tokio::time::timeout(HANDSHAKE, tls.accept(stream)) => shaken,
        () = stopped(&mut connection.stop) => return,
    };
    let peer = connection.peer;
    let why = match shaken {
        Ok(Ok(stream)) => return run(stream, connection, door).await,
        Ok(Err(error)) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            tracing::debug!("{peer} connected to the RTMPS port and left before TLS was up");
            return;
        }
        Ok(Err(error)) => format!("no TLS: {error}"),
        Err(_) => format!("no TLS within {} s", HANDSHAKE.as_secs()),
    };
    door.turned_away(peer, Refusal::Protocol(why)).await;
}

pub(super) async fn run<D: Door, S: AsyncRead + AsyncWrite + Unpin + Send>(
    stream: S,
    connection: Connection,
    door: D,
) {
    let Connection { peer, id: publisher, mut pass, mut stop } = connection;
    let config = Config { limits: rtmp::Limits::default(), write_timeout: WRITE, idle_timeout: Some(IDLE) };
    let request = tokio::select! {
        request = Request::read(stream, peer, &config) => request,
        () = stopped(&mut stop) => return,
    };
    let request = match request {
        Ok(request) => request,
        Err(driver::Error::Probe { .. }) => {
            tracing::debug!("{peer} connected to the RTMP port and left without a word");
            return;
        }
        Err(error) => {
            door.turned_away(peer, refusal_of(&error)).await;
            return;
        }
    };
    let knock =
        Knock { publisher, peer, key: request.key().to_owned(), encoder: request.encoder().map(printable) };
    let seat = door.knock(knock).await;
    pass.settled();
    let seat = match seat {
        Ok(seat) => seat,
        Err(refusal) => {
            // It is told why; whether it still listens changes nothing.
            let _ = request.reject(in_rtmp(&refusal)).await;
            return;
        }
    };
    let publisher = match request.accept().await {
        Ok(publisher) => publisher,
        Err(error) => {
            let _ = seat.feed.send(Feed::End(End::Lost(clause(&error)))).await;
            return;
        }
    };
    feed(publisher, seat, stop).await;
}

/// Carries messages into the seat until one side has enough.
async fn feed<S: AsyncRead + AsyncWrite + Unpin>(
    mut publisher: Publisher<S>,
    seat: Seat,
    mut stop: watch::Receiver<bool>,
) {
    let Seat { feed, mut kicked } = seat;
    let mut demuxer = Demuxer::new();
    loop {
        let message = tokio::select! {
            message = publisher.next() => message,
            kick = &mut kicked => {
                // The sender is only dropped with the whole server.
                if let Ok(kick) = kick {
                    let _ = publisher.refuse(of_kick(&kick)).await;
                }
                return;
            }
            () = stopped(&mut stop) => {
                // With a queue that is full there is no time to wait for room.
                let _ = feed.try_send(Feed::End(End::Stopping));
                let _ = publisher.refuse(Told::Shutdown).await;
                return;
            }
        };
        let mut then = None;
        let item = match message {
            Ok(Some(Message::Metadata(mut metadata))) => {
                metadata.encoder = metadata.encoder.as_deref().map(printable);
                Feed::Metadata(metadata)
            }
            Ok(Some(Message::Tag(tag))) => match demuxer.push(&tag) {
                Ok(Item::Track(track)) => Feed::Track(track),
                Ok(Item::Unit(unit)) => Feed::Unit(unit),
                Ok(Item::Changed(track, unit)) => {
                    then = Some(Feed::Unit(unit));
                    Feed::Track(track)
                }
                Ok(Item::Nothing) => continue,
                Err(error) if error.is_codec() => {
                    let refusal = Refusal::Codec(error.to_string());
                    let told = in_rtmp(&refusal);
                    let _ = feed.send(Feed::End(End::Refused(refusal))).await;
                    let _ = publisher.refuse(told).await;
                    return;
                }
                Err(error) => Feed::Issue(Issue::Malformed { detail: error.to_string() }),
            },
            Ok(None) => Feed::End(End::Unpublished),
            Err(driver::Error::Protocol { error, .. }) => {
                Feed::End(End::Refused(Refusal::Protocol(error.to_string())))
            }
            Err(error) => Feed::End(End::Lost(clause(&error))),
        };
        let last = matches!(item, Feed::End(_));
        let clean = matches!(item, Feed::End(End::Unpublished));
        // A full queue makes the publisher wait; a kick must not.
        let mut sent = true;
        for item in [Some(item), then].into_iter().flatten() {
            sent = tokio::select! {
                // What was read and has room is not lost to a stop.
                biased;
                sent = feed.send(item) => sent.is_ok(),
                () = stopped(&mut stop) => return,
            };
        }
        if last {
            if clean {
                // GStreamer takes it for a failure if we hang up first.
                tokio::select! { () = publisher.finish() => {}, () = stopped(&mut stop) => {} }
            }
            return;
        }
        if !sent {
            // The receiver goes with a kick that is on its way.
            if let Ok(kick) = kicked.await {
                let _ = publisher.refuse(of_kick(&kick)).await;
            }
            return;
        }
    }
}

async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

/// In the words of the protocol; the publisher reads them.
fn of_kick(kick: &Kick) -> Told {
    match kick {
        Kick::TakenOver => Told::Takeover,
        Kick::Stopped => Told::Stopped,
        Kick::Refused(refusal) => in_rtmp(refusal),
        Kick::Silent | Kick::Ended | Kick::MaxDuration | Kick::Deleted => Told::Limit(kick.to_string()),
    }
}

fn in_rtmp(refusal: &Refusal) -> Told {
    match refusal {
        Refusal::BadKey | Refusal::KeyTooLong => Told::BadKey,
        Refusal::Busy => Told::Busy,
        Refusal::Stopped => Told::Stopped,
        Refusal::Codec(text) => Told::Codec(text.clone()),
        Refusal::Deleted | Refusal::Protocol(_) | Refusal::Limit(_) => Told::Limit(refusal.to_string()),
    }
}

fn refusal_of(error: &driver::Error) -> Refusal {
    match error {
        driver::Error::Protocol { error, .. } => match &error.kind {
            rtmp::Kind::Key { .. } => Refusal::KeyTooLong,
            _ => Refusal::Protocol(error.to_string()),
        },
        error => Refusal::Protocol(clause(error)),
    }
}

/// The error without its peer, which the log line already names.
fn clause(error: &driver::Error) -> String {
    match error {
        driver::Error::Protocol { error, .. } => error.to_string(),
        driver::Error::Io { error, .. } => error.to_string(),
        driver::Error::Closed { .. } => "it closed the connection".to_owned(),
        driver::Error::WriteStalled { .. } => "it takes no data any more".to_owned(),
        driver::Error::Idle { .. } => format!("it sent nothing for {} s", IDLE.as_secs()),
        error => error.to_string(),
    }
}

/// What a publisher says of itself ends up in log lines and on screens: one line, no control codes, not too long.
fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(128).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_can_not_begin_a_log_line_of_its_own() {
        assert_eq!(printable("OBS 30\r\n2026 INFO \u{1b}[2Jall is well"), "OBS 302026 INFO [2Jall is well");
        assert_eq!(printable(&"é".repeat(500)).chars().count(), 128);
    }
}
