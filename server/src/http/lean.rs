//! HTTP/1.1 as players speak it, for little: a connection that waits holds no buffers, an answer in memory leaves by one
//! `writev`. hyper keeps two buffers of 8 KB for each connection, and a player has four (docs/adr/0009).
//!
//! Whatever isn't plain (see [`head`]) goes to hyper with all that follows on its connection.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::mem::MaybeUninit;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use axum::body::HttpBody;
use axum::http::{Method, Response};
use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::sync::watch;

use super::connection::Service;
use super::date;
use super::head::{self, Framing, Incoming, NotPlain};
use super::metered::Watched;

/// One read takes so much; a thread has one such buffer.
const READ: usize = 16 << 10;

thread_local! {
    static SCRATCH: RefCell<Box<[MaybeUninit<u8>]>> = RefCell::new(Box::new_uninit_slice(READ));
}

/// How it ended.
pub(super) enum End {
    /// The connection is done with.
    Closed,
    /// These bytes came, and they begin what isn't plain.
    Otherwise(Bytes),
}

/// Answers plain requests one after the other.
pub(super) async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    service: &Service,
    stop: &watch::Receiver<bool>,
) -> io::Result<End> {
    let mut incoming = Incoming::default();
    loop {
        let request = match incoming.next() {
            Ok(Some(request)) => request,
            Err(NotPlain) => return Ok(End::Otherwise(incoming.into_bytes())),
            Ok(None) => match poll_fn(|cx| poll_more(stream, &mut incoming, cx)).await? {
                0 => return Ok(End::Closed),
                _ => continue,
            },
        };
        let to_head = request.method() == Method::HEAD;
        let close;
        let (head, framing, body) = {
            let (answer, asked) = service.call(request);
            let mut answer = pin!(answer);
            let answered = poll_fn(|cx| {
                if let Poll::Ready(answer) = answer.as_mut().poll(cx) {
                    return Poll::Ready(Ok(Some(answer)));
                }
                // Who went needs no answer. Who asks ahead waits.
                while incoming.has_room() {
                    if ready!(poll_more(stream, &mut incoming, cx))? == 0 {
                        return Poll::Ready(Ok(None));
                    }
                }
                Poll::Pending
            });
            let answered: io::Result<_> = answered.await;
            let Some(answer) = answered? else { return Ok(End::Closed) };
            close = *stop.borrow();
            begin(asked.answered(answer), to_head, close, service)
        };
        send(stream, head, framing, body).await?;
        if close {
            stream.shutdown().await?;
            return Ok(End::Closed);
        }
    }
}

/// Reads once; 0 is the end.
fn poll_more<S: AsyncRead + Unpin>(
    stream: &mut S,
    incoming: &mut Incoming,
    cx: &mut Context<'_>,
) -> Poll<io::Result<usize>> {
    SCRATCH.with_borrow_mut(|scratch| {
        let mut buffer = ReadBuf::uninit(scratch);
        ready!(Pin::new(stream).poll_read(cx, &mut buffer))?;
        incoming.add(buffer.filled());
        Poll::Ready(Ok(buffer.filled().len()))
    })
}

/// An answer's head, and what follows.
fn begin(
    answer: Response<Watched>,
    to_head: bool,
    close: bool,
    service: &Service,
) -> (Bytes, Framing, Watched) {
    let (parts, body) = answer.into_parts();
    let framing = Framing::of(to_head, &parts, body.size_hint().exact());
    let head = date::with(service.shared.clock(), |date| head::answer(&parts, framing, close, date));
    (head.into(), framing, body)
}

async fn send<S: AsyncWrite + Unpin>(
    stream: &mut S,
    mut head: Bytes,
    framing: Framing,
    mut body: Watched,
) -> io::Result<()> {
    let mut left = match framing {
        Framing::Nothing => 0,
        Framing::Length(length) => length,
        Framing::Chunked => u64::MAX,
    };
    while left > 0 {
        let frame = poll_fn(|cx| match Pin::new(&mut body).poll_frame(cx) {
            // What isn't there yet doesn't hold up the head.
            Poll::Pending if head.has_remaining() => Poll::Ready(None),
            polled => polled.map(Some),
        });
        let data = match frame.await {
            None => {
                stream.write_all_buf(&mut head).await?;
                continue;
            }
            Some(None) => break,
            Some(Some(frame)) => frame.map_err(io::Error::other)?.into_data().unwrap_or_default(),
        };
        if data.len() as u64 > left {
            return Err(io::Error::other("a body longer than its head says"));
        }
        if data.is_empty() {
            continue;
        }
        if framing == Framing::Chunked {
            let size = format!("{:x}\r\n", data.len());
            let end = Bytes::from_static(b"\r\n");
            stream
                .write_all_buf(&mut std::mem::take(&mut head).chain(size.as_bytes()).chain(data).chain(end))
                .await?;
        } else {
            left -= data.len() as u64;
            stream.write_all_buf(&mut std::mem::take(&mut head).chain(data)).await?;
        }
    }
    match framing {
        Framing::Length(_) if left > 0 => return Err(io::Error::other("a body shorter than its head says")),
        Framing::Chunked => stream.write_all_buf(&mut head.chain(&b"0\r\n\r\n"[..])).await?,
        Framing::Length(_) | Framing::Nothing => stream.write_all_buf(&mut head).await?,
    }
    // TLS may keep what it was given.
    stream.flush().await
}
