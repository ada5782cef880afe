//! A stream with what is still to be written to it: reads and writes at the same time, and loses nothing when a future
//! is dropped.
use std::{
    collections::VecDeque,
    future::poll_fn,
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::{Buf, Bytes};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, timeout, timeout_at},
};

use super::{Error, clock};

/// Bounds what one read can cause in a session.
const READ: usize = 16 << 10;
/// How long a peer that was told no may take to hang up.
const LINGER: Duration = Duration::from_secs(1);

pub(super) struct Pipe<S> {
    stream: S,
    peer: String,
    write_timeout: Duration,
    queue: VecDeque<Bytes>,
    unflushed: bool,
    /// When the peer last took a byte, or there was first one to take.
    progress: Instant,
    sent: u64,
    /// Why nothing can be written any more, and since when. Reading goes on for a moment.
    broken: Option<(io::Error, Instant)>,
    buffer: Box<[u8]>,
}

/// What happened on the stream.
pub(super) enum Turn<'a> {
    /// These bytes came; none at the end.
    Read(&'a [u8]),
    /// Everything queued is written.
    Drained,
    /// The deadline came.
    Deadline,
}

enum Progress {
    Read(usize),
    Drained,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Pipe<S> {
    pub(super) fn new(stream: S, peer: String, write_timeout: Duration) -> Self {
        Self {
            stream,
            peer,
            write_timeout,
            queue: VecDeque::new(),
            unflushed: false,
            progress: clock::now(),
            sent: 0,
            broken: None,
            buffer: vec![0; READ].into(),
        }
    }

    pub(super) fn peer(&self) -> String {
        self.peer.clone()
    }

    pub(super) fn sent(&self) -> u64 {
        self.sent
    }

    pub(super) fn queue(&mut self, bytes: Bytes) {
        if self.is_drained() {
            self.progress = clock::now();
        }
        self.queue.push_back(bytes);
    }

    pub(super) fn is_drained(&self) -> bool {
        self.queue.is_empty() && !self.unflushed
    }

    fn can_write(&self) -> bool {
        !self.is_drained() && self.broken.is_none()
    }

    pub(super) fn protocol(&self, error: crate::Error) -> Error {
        Error::Protocol { peer: self.peer(), error }
    }

    pub(super) fn closed(&self) -> Error {
        Error::Closed { peer: self.peer() }
    }

    /// Reads, writes what is queued, waits for neither longer than it may. Cancel safe.
    pub(super) async fn turn(&mut self, deadline: Option<Instant>) -> Result<Turn<'_>, Error> {
        loop {
            let write_limit = self.can_write().then(|| self.progress + self.write_timeout);
            let broken_limit = self.broken.as_ref().map(|(_, since)| *since + LINGER);
            let until = [deadline, write_limit, broken_limit].into_iter().flatten().min();
            let progress = poll_fn(|cx| self.poll(cx));
            let progress = match until {
                Some(until) => timeout_at(until, progress).await,
                None => Ok(progress.await),
            };
            match progress {
                Ok(Ok(Progress::Read(length))) => return Ok(Turn::Read(&self.buffer[..length])),
                Ok(Ok(Progress::Drained)) => return Ok(Turn::Drained),
                Ok(Err(error)) => return Err(Error::Io { peer: self.peer(), error }),
                Err(_) => {}
            }
            let now = clock::now();
            if let Some((error, _)) = self.broken.take_if(|(_, since)| now >= *since + LINGER) {
                return Err(Error::Io { peer: self.peer(), error });
            }
            if deadline.is_some_and(|deadline| now >= deadline) {
                return Ok(Turn::Deadline);
            }
            // Bytes may have gone out since the limit was set.
            if self.can_write() && now >= self.progress + self.write_timeout {
                return Err(Error::WriteStalled { peer: self.peer() });
            }
        }
    }

    /// What has come already, if anything.
    pub(super) async fn peek(&mut self) -> Result<Option<&[u8]>, Error> {
        let polled = poll_fn(|cx| Poll::Ready(self.poll_read(cx))).await;
        match polled {
            Poll::Ready(Ok(length)) => Ok(Some(&self.buffer[..length])),
            Poll::Ready(Err(error)) => Err(Error::Io { peer: self.peer(), error }),
            Poll::Pending => Ok(None),
        }
    }

    /// Writes what is queued; what comes meanwhile is not for us any more.
    pub(super) async fn flush(&mut self) -> Result<(), Error> {
        while !self.is_drained() {
            if let Turn::Read([]) = self.turn(None).await? {
                return Err(self.closed());
            }
        }
        Ok(())
    }

    /// Writes what is queued, ends our side, and gives the peer a moment to end its own: closing on unread bytes would
    /// make TCP take back what we said.
    pub(super) async fn finish(mut self) -> Result<(), Error> {
        self.flush().await?;
        let linger = async {
            poll_fn(|cx| Pin::new(&mut self.stream).poll_shutdown(cx)).await?;
            while poll_fn(|cx| self.poll_read(cx)).await? > 0 {}
            io::Result::Ok(())
        };
        let _ = timeout(LINGER, linger).await;
        Ok(())
    }

    /// Waits a moment for the peer to hang up first: GStreamer takes it for a failure if we do, even after its goodbye.
    pub(super) async fn wait_for_end(mut self) {
        let end = async { while !matches!(self.turn(None).await, Ok(Turn::Read([])) | Err(_)) {} };
        let _ = timeout(2 * LINGER, end).await;
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Progress>> {
        if self.can_write() {
            match self.poll_write(cx) {
                Poll::Ready(Ok(())) => return Poll::Ready(Ok(Progress::Drained)),
                // A peer that hangs up with our answers unread (FFmpeg) resets the connection: its last words, the goodbye
                // among them, can be read nevertheless.
                Poll::Ready(Err(error)) => self.broken = Some((error, clock::now())),
                Poll::Pending => {}
            }
        }
        self.poll_read(cx).map_ok(Progress::Read)
    }

    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(front) = self.queue.front_mut() {
            let written = ready!(Pin::new(&mut self.stream).poll_write(cx, front))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.sent += written as u64;
            self.progress = clock::now();
            self.unflushed = true;
            front.advance(written);
            if front.is_empty() {
                self.queue.pop_front();
            }
        }
        ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
        self.unflushed = false;
        Poll::Ready(Ok(()))
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut buffer = ReadBuf::new(&mut self.buffer);
        ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer))?;
        Poll::Ready(Ok(buffer.filled().len()))
    }
}
