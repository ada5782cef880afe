//! The stream under a connection and the bodies over it, telling its [`Meter`] what goes through.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use axum::body::{Body, HttpBody};
use bytes::Bytes;
use hyper::body::{Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::meter::Meter;
use crate::clock::Clock;

/// A meter that a connection's parts share.
#[derive(Clone)]
pub(super) struct Shared {
    meter: Arc<Mutex<Meter>>,
    clock: Clock,
}

impl Shared {
    pub(super) fn new(meter: Meter, clock: Clock) -> Self {
        Self { meter: Arc::new(Mutex::new(meter)), clock }
    }

    pub(super) fn meter(&self) -> MutexGuard<'_, Meter> {
        self.meter.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn clock(&self) -> &Clock {
        &self.clock
    }

    /// A request begins, until the answer's body is gone.
    pub(super) fn request(&self, multiplexed: bool) -> Running {
        self.meter().request(multiplexed);
        Running(self.clone())
    }
}

/// A request under way.
pub(super) struct Running(Shared);

impl Drop for Running {
    fn drop(&mut self) {
        let now = self.0.clock.now();
        self.0.meter().done(now);
    }
}

/// The socket itself, under TLS where there is TLS.
pub(super) struct Stream<S> {
    inner: S,
    shared: Shared,
}

impl<S> Stream<S> {
    pub(super) fn new(inner: S, shared: Shared) -> Self {
        Self { inner, shared }
    }

    fn wrote(&self, polled: Poll<std::io::Result<usize>>) -> Poll<std::io::Result<usize>> {
        let now = self.shared.clock.now();
        match &polled {
            Poll::Ready(Ok(bytes)) => self.shared.meter().wrote(*bytes, now),
            Poll::Pending => self.shared.meter().blocked(now),
            Poll::Ready(Err(_)) => {}
        }
        polled
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Stream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(cx, buf))?;
        if buf.filled().len() > before {
            let now = self.shared.clock.now();
            self.shared.meter().read(now);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Stream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        let polled = Pin::new(&mut self.inner).poll_write(cx, buf);
        self.wrote(polled)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[std::io::IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        let polled = Pin::new(&mut self.inner).poll_write_vectored(cx, bufs);
        self.wrote(polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

/// An answer's body, in frames of bounded size, so that HTTP/2 takes no more of it than its window lets it send.
pub(super) struct Watched {
    body: Body,
    /// What is left of the frame under way.
    rest: Bytes,
    running: Running,
    counted: bool,
}

/// Bytes in a frame, at most.
const FRAME: usize = 64 << 10;

impl Watched {
    pub(super) fn new(body: Body, running: Running) -> Self {
        let counted = !body.is_end_stream();
        if counted {
            let now = running.0.clock.now();
            running.0.meter().body(now);
        }
        Self { body, rest: Bytes::new(), running, counted }
    }
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = if self.rest.is_empty() {
            Pin::new(&mut self.body).poll_frame(cx)
        } else {
            Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut self.rest)))))
        };
        let now = self.running.0.clock.now();
        self.running.0.meter().pulled(now, polled.is_ready());
        let frame = match ready!(polled) {
            Some(Ok(frame)) => frame,
            other => return Poll::Ready(other),
        };
        Poll::Ready(Some(Ok(match frame.into_data() {
            Ok(mut data) => {
                self.rest = data.split_off(data.len().min(FRAME));
                Frame::data(data)
            }
            Err(trailers) => trailers,
        })))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let hint = self.body.size_hint();
        let rest = self.rest.len() as u64;
        let mut whole = SizeHint::new();
        whole.set_lower(hint.lower() + rest);
        if let Some(upper) = hint.upper() {
            whole.set_upper(upper + rest);
        }
        whole
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if self.counted {
            let now = self.running.0.clock.now();
            self.running.0.meter().body_gone(now);
        }
    }
}
