//! A publisher on a stream: [`Request::read`], then accept or reject, then [`Publisher::next`].
use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::Instant,
};

use super::{
    Error, clock,
    pipe::{Pipe, Turn},
};
use crate::{
    Limits, Output,
    server::{Event, Publish, Session},
};

pub use crate::server::{Message, Refusal};

/// How a connection is treated.
#[derive(Clone, Debug)]
pub struct Config {
    /// What the peer may ask of us.
    pub limits: Limits,
    /// A peer that takes no byte for this long is gone.
    pub write_timeout: Duration,
    /// A publisher that sends no byte for this long is gone. `None`: the caller decides.
    pub idle_timeout: Option<Duration>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            write_timeout: Duration::from_secs(5),
            idle_timeout: Some(Duration::from_secs(60)),
        }
    }
}

/// A peer that asks to publish; it waits for an answer.
pub struct Request<S> {
    connection: Connection<S>,
    publish: Publish,
}

/// An accepted publisher.
pub struct Publisher<S> {
    connection: Connection<S>,
    publish: Publish,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Request<S> {
    /// Handshake, connect, createStream and publish, under the limits of `config`.
    pub async fn read(stream: S, peer: SocketAddr, config: &Config) -> Result<Self, Error> {
        let mut connection = Connection {
            pipe: Pipe::new(stream, peer.to_string(), config.write_timeout),
            session: Session::new(config.limits.clone(), clock::now().into_std()),
            peer,
            idle_timeout: None,
            last_read: clock::now(),
            failed: None,
            at_end: false,
        };
        match connection.next().await {
            Ok(Some(Event::Publish(publish))) => {
                if let Some(error) = connection.failed.take() {
                    connection.farewell().await;
                    return Err(error);
                }
                connection.idle_timeout = config.idle_timeout;
                Ok(Self { connection, publish })
            }
            Ok(Some(Event::Message(_) | Event::Unpublished) | None) => Err(connection.pipe.closed()),
            Err(error) => {
                connection.farewell().await;
                Err(error)
            }
        }
    }

    /// The application name: the path of the address without the key.
    pub fn app(&self) -> &str {
        &self.publish.app
    }

    /// The stream key, without its query.
    pub fn key(&self) -> &str {
        &self.publish.key
    }

    /// What followed `?` in the key, or else in the application.
    pub fn query(&self) -> Option<&str> {
        self.publish.query.as_deref()
    }

    /// Who.
    pub fn peer(&self) -> SocketAddr {
        self.connection.peer
    }

    /// `flashVer` as the publisher sent it, e.g. `FMLE/3.0 (compatible; Lavf59.27.100)`.
    pub fn encoder(&self) -> Option<&str> {
        self.publish.encoder.as_deref()
    }

    /// The whole address as the publisher sent it.
    pub fn tc_url(&self) -> Option<&str> {
        self.publish.tc_url.as_deref()
    }

    /// Tells the publisher to go ahead.
    pub async fn accept(self) -> Result<Publisher<S>, Error> {
        let Self { mut connection, publish } = self;
        connection.session.accept().map_err(|error| connection.pipe.protocol(error))?;
        connection.last_read = clock::now();
        Ok(Publisher { connection, publish })
    }

    /// Tells the publisher why not, and closes.
    pub async fn reject(self, why: Refusal) -> Result<(), Error> {
        self.connection.refuse(&why).await
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Publisher<S> {
    /// The next message; `None` after a clean unpublish. Cancel safe.
    pub async fn next(&mut self) -> Result<Option<Message>, Error> {
        match self.connection.next().await? {
            Some(Event::Message(message)) => Ok(Some(message)),
            Some(Event::Publish(_) | Event::Unpublished) | None => Ok(None),
        }
    }

    /// Ends a running publish with a status that the publisher sees, and closes.
    pub async fn refuse(self, why: Refusal) -> Result<(), Error> {
        self.connection.refuse(&why).await
    }

    /// After `next` gave `None`: lets the publisher hang up first, for up to 2 s, since some (GStreamer) report an error
    /// otherwise. The publish is over already: end it before this, and don't wait for it where others wait.
    pub async fn finish(self) {
        if !self.connection.at_end {
            self.connection.pipe.wait_for_end().await;
        }
    }

    /// Who.
    pub fn peer(&self) -> SocketAddr {
        self.connection.peer
    }

    /// `flashVer` as the publisher sent it.
    pub fn encoder(&self) -> Option<&str> {
        self.publish.encoder.as_deref()
    }

    /// Bytes received so far, the handshake included.
    pub fn bytes_received(&self) -> u64 {
        self.connection.session.bytes_received()
    }
}

struct Connection<S> {
    pipe: Pipe<S>,
    session: Session,
    peer: SocketAddr,
    idle_timeout: Option<Duration>,
    last_read: Instant,
    /// Given after the events that came before it.
    failed: Option<Error>,
    at_end: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    /// The next event; `None` once the peer has unpublished.
    async fn next(&mut self) -> Result<Option<Event>, Error> {
        loop {
            let deadline = match self.session.poll_output() {
                Output::Send(bytes) => {
                    self.pipe.queue(bytes);
                    continue;
                }
                Output::Event(event) => return Ok(Some(event)),
                Output::Timeout(deadline) => deadline.map(Instant::from_std),
            };
            if let Some(error) = self.failed.take() {
                return Err(error);
            }
            if self.at_end || self.session.is_ended() && deadline.is_none() {
                return Ok(None);
            }
            let idle = self.idle_timeout.map(|idle| self.last_read + idle);
            let until = [deadline, idle].into_iter().flatten().min();
            let turn = match self.pipe.turn(until).await {
                // It has said goodbye: how it hangs up is its own affair.
                Err(Error::Io { .. }) if self.session.is_ended() => Turn::Read(&[]),
                turn => turn?,
            };
            let result = match turn {
                Turn::Drained => Ok(()),
                Turn::Read([]) => {
                    self.at_end = self.session.is_ended();
                    self.session.handle_end();
                    if !self.at_end {
                        let peer = self.pipe.peer();
                        let silent = self.session.bytes_received() == 0;
                        self.failed =
                            Some(if silent { Error::Probe { peer } } else { Error::Closed { peer } });
                    }
                    Ok(())
                }
                Turn::Read(bytes) => {
                    let now = clock::now();
                    self.last_read = now;
                    self.session.handle_input(bytes, now.into_std())
                }
                Turn::Deadline => {
                    let now = clock::now();
                    if idle.is_some_and(|idle| now >= idle) {
                        return Err(Error::Idle { peer: self.pipe.peer() });
                    }
                    self.session.handle_timeout(now.into_std())
                }
            };
            if let Err(error) = result {
                self.failed = Some(self.pipe.protocol(error));
            }
        }
    }

    async fn refuse(mut self, why: &Refusal) -> Result<(), Error> {
        self.session.reject(why).map_err(|error| self.pipe.protocol(error))?;
        self.send_all();
        self.pipe.finish().await
    }

    /// Tells a peer that failed why, if it still listens.
    async fn farewell(mut self) {
        self.send_all();
        if !self.pipe.is_drained() {
            let _ = self.pipe.finish().await;
        }
    }

    fn send_all(&mut self) {
        loop {
            match self.session.poll_output() {
                Output::Send(bytes) => self.pipe.queue(bytes),
                Output::Event(_) => {}
                Output::Timeout(_) => return,
            }
        }
    }
}
