//! HTTP/1.1 answers out of the bytes as they come (RFC 9112): sans-IO, and without a copy of a body that nobody wants.

/// The most that the head of an answer, or a line between chunks, may take.
const HEAD: usize = 16 << 10;
/// Header fields of an answer.
const FIELDS: usize = 64;

/// What is wrong with an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Error {
    /// The peer closed a connection on which it owed nothing yet.
    #[error("closed before the answer")]
    Closed,
    #[error("cut off")]
    CutOff,
    #[error("not HTTP/1.1: {0}")]
    Malformed(&'static str),
    #[error("a head of more than {HEAD} bytes")]
    HeadTooLong,
}

/// What the head says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Head {
    pub status: u16,
    /// The connection may be used again.
    pub keep: bool,
    pub gzip: bool,
    pub location: Option<String>,
}

/// One answer on its way in.
///
/// ```text
/// Head ─┬─▶ Length ──────────────────▶ Done
///       ├─▶ Size ⇄ Chunk, Size ─▶ Trailer ─▶ Done
///       └─▶ Close ───── end of input ─▶ Done
/// ```
#[derive(Debug)]
pub(super) struct Reader {
    head: Head,
    state: State,
    /// A head or a line that came in pieces.
    partial: Vec<u8>,
    /// Bytes of the body.
    body: u64,
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    Head,
    Length(u64),
    Size,
    /// What is left of it, with the line end that follows.
    Chunk {
        data: u64,
        end: u8,
    },
    Trailer,
    Close,
    Done,
}

impl Reader {
    /// Nothing has come yet.
    pub(super) fn new() -> Self {
        Self { head: Head::default(), state: State::Head, partial: Vec::new(), body: 0 }
    }

    pub(super) fn done(&self) -> bool {
        self.state == State::Done
    }

    pub(super) fn head(&self) -> &Head {
        &self.head
    }

    /// Bytes of the body so far.
    pub(super) fn body(&self) -> u64 {
        self.body
    }

    /// What is left of a body of known length: it may be passed over unseen.
    pub(super) fn rest(&self) -> Option<u64> {
        match self.state {
            State::Length(rest) => Some(rest),
            State::Head | State::Size | State::Chunk { .. } | State::Trailer | State::Close | State::Done => {
                None
            }
        }
    }

    /// So many bytes of [`Reader::rest`] were passed over.
    pub(super) fn skipped(&mut self, bytes: u64) {
        if let State::Length(rest) = &mut self.state {
            self.body += bytes;
            *rest = rest.saturating_sub(bytes);
            if *rest == 0 {
                self.state = State::Done;
            }
        }
    }

    /// The peer sends no more.
    pub(super) fn end(&mut self) -> Result<(), Error> {
        match self.state {
            State::Close | State::Done => {
                self.state = State::Done;
                Ok(())
            }
            State::Head if self.partial.is_empty() => Err(Error::Closed),
            State::Head | State::Length(_) | State::Size | State::Chunk { .. } | State::Trailer => {
                Err(Error::CutOff)
            }
        }
    }

    /// Takes what came; the body goes to `sink`.
    pub(super) fn feed(&mut self, mut data: &[u8], sink: &mut impl FnMut(&[u8])) -> Result<(), Error> {
        while !data.is_empty() {
            let taken = match &mut self.state {
                State::Head => self.take_head(data)?,
                State::Length(rest) => {
                    let taken = within(data, *rest);
                    *rest -= taken as u64;
                    if *rest == 0 {
                        self.state = State::Done;
                    }
                    self.pass(&data[..taken], sink)
                }
                State::Chunk { data: rest, .. } if *rest > 0 => {
                    let taken = within(data, *rest);
                    *rest -= taken as u64;
                    self.pass(&data[..taken], sink)
                }
                State::Chunk { end, .. } => {
                    let expected = if *end == 2 { b'\r' } else { b'\n' };
                    if data[0] != expected {
                        return Err(Error::Malformed("a chunk longer than its size"));
                    }
                    *end -= 1;
                    if *end == 0 {
                        self.state = State::Size;
                    }
                    1
                }
                State::Size | State::Trailer => self.take_line(data)?,
                State::Close => self.pass(data, sink),
                State::Done => return Err(Error::Malformed("more than was asked for")),
            };
            data = &data[taken..];
        }
        Ok(())
    }

    fn pass(&mut self, body: &[u8], sink: &mut impl FnMut(&[u8])) -> usize {
        self.body += body.len() as u64;
        sink(body);
        body.len()
    }

    /// Reads the head once all of it is there; gives how much of `data` belongs to it.
    fn take_head(&mut self, data: &[u8]) -> Result<usize, Error> {
        let before = self.partial.len();
        let parsed = if before == 0 {
            parse(data)?
        } else {
            self.partial.extend_from_slice(data);
            parse(&self.partial)?
        };
        let Some((length, head, state)) = parsed else {
            if before == 0 {
                self.partial.extend_from_slice(data);
            }
            if self.partial.len() > HEAD {
                return Err(Error::HeadTooLong);
            }
            return Ok(data.len());
        };
        self.partial.clear();
        // RFC 9110 §15.2: others may come before the answer itself.
        if head.status >= 200 {
            self.head = head;
            self.state = state;
        }
        length.checked_sub(before).ok_or(Error::Malformed("head"))
    }

    /// A chunk's size, or a line after the last one.
    fn take_line(&mut self, data: &[u8]) -> Result<usize, Error> {
        let end = data.iter().position(|byte| *byte == b'\n');
        let taken = end.map_or(data.len(), |end| end + 1);
        self.partial.extend_from_slice(&data[..taken]);
        if self.partial.len() > HEAD {
            return Err(Error::HeadTooLong);
        }
        if end.is_none() {
            return Ok(taken);
        }
        let line = std::mem::take(&mut self.partial);
        let line = line.trim_ascii();
        if self.state == State::Trailer {
            if line.is_empty() {
                self.state = State::Done;
            }
            return Ok(taken);
        }
        let digits = line.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
        let size = std::str::from_utf8(digits).ok().and_then(|text| u64::from_str_radix(text, 16).ok());
        self.state = match size.ok_or(Error::Malformed("the size of a chunk"))? {
            0 => State::Trailer,
            data => State::Chunk { data, end: 2 },
        };
        Ok(taken)
    }
}

fn within(data: &[u8], rest: u64) -> usize {
    usize::try_from(rest).map_or(data.len(), |rest| rest.min(data.len()))
}

/// Length of the head, what it says, and how the body comes; `None` while it isn't whole.
fn parse(data: &[u8]) -> Result<Option<(usize, Head, State)>, Error> {
    let mut fields = [httparse::EMPTY_HEADER; FIELDS];
    let mut response = httparse::Response::new(&mut fields);
    let length = match response.parse(data).map_err(|_| Error::Malformed("head"))? {
        httparse::Status::Partial => return Ok(None),
        httparse::Status::Complete(length) => length,
    };
    let mut head = Head {
        status: response.code.unwrap_or_default(),
        keep: response.version == Some(1),
        ..Head::default()
    };
    let mut state = State::Close;
    let mut chunked = false;
    for field in response.headers.iter() {
        let value = field.value.trim_ascii();
        let is = |name: &str| field.name.eq_ignore_ascii_case(name);
        if is("content-length") {
            let length = std::str::from_utf8(value).ok().and_then(|text| text.parse().ok());
            state = State::Length(length.ok_or(Error::Malformed("Content-Length"))?);
        } else if is("transfer-encoding") {
            chunked = true;
        } else if is("content-encoding") {
            head.gzip = value.eq_ignore_ascii_case(b"gzip");
        } else if is("connection") {
            head.keep = !value.eq_ignore_ascii_case(b"close");
        } else if is("location") {
            head.location = std::str::from_utf8(value).ok().map(str::to_owned);
        }
    }
    if chunked {
        state = State::Size;
    }
    if matches!(head.status, 204 | 304) || state == State::Length(0) {
        state = State::Done;
    }
    if state == State::Close {
        head.keep = false;
    }
    Ok(Some((length, head, state)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Reads it whole and cut in two at every place; all must agree.
    #[track_caller]
    fn check(answer: &[u8], status: u16, keep: bool, body: &[u8]) {
        for cut in 0..answer.len() {
            let mut reader = Reader::new();
            let mut got = Vec::new();
            let mut sink = |data: &[u8]| got.extend_from_slice(data);
            reader.feed(&answer[..cut], &mut sink).unwrap();
            assert!(!reader.done() || reader.head().status == status);
            reader.feed(&answer[cut..], &mut sink).unwrap();
            if !reader.done() {
                reader.end().unwrap();
            }
            assert_eq!((reader.head().status, reader.head().keep), (status, keep), "cut at {cut}");
            assert_eq!((&got[..], reader.body()), (body, body.len() as u64), "cut at {cut}");
        }
    }

    #[test]
    fn bodies_by_length_by_chunks_and_to_the_end() {
        check(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello", 200, true, b"hello");
        check(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", 404, false, b"");
        check(
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\nT: 1\r\n\r\n",
            200,
            true,
            b"abc0123456789",
        );
        check(b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n", 204, true, b"");
        check(b"HTTP/1.0 200 OK\r\n\r\nall", 200, false, b"all");
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (answer, error) in [
            (&b""[..], Error::Closed),
            (b"HTTP/1.1 200", Error::CutOff),
            (b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhell", Error::CutOff),
            (
                b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello!",
                Error::Malformed("more than was asked for"),
            ),
            (b"HTTP/1.1 200 OK\r\ncontent-length: -5\r\n\r\n", Error::Malformed("Content-Length")),
            (
                b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nx\r\n",
                Error::Malformed("the size of a chunk"),
            ),
            (
                b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nab",
                Error::Malformed("a chunk longer than its size"),
            ),
            (b"SSH-2.0-x\r\n\r\n", Error::Malformed("head")),
        ] {
            let mut reader = Reader::new();
            let outcome = reader.feed(answer, &mut |_| {}).and_then(|()| reader.end());
            assert_eq!(outcome, Err(error), "{}", String::from_utf8_lossy(answer));
        }
    }

    #[test]
    fn a_head_has_its_limit() {
        let line = |length: usize| [b"HTTP/1.1 200 OK\r\nx: ".to_vec(), vec![b'a'; length]].concat();
        let read = |data: &[u8]| Reader::new().feed(data, &mut |_| {});
        assert_eq!(read(&line(HEAD - 20)), Ok(()));
        assert_eq!(read(&line(HEAD - 19)), Err(Error::HeadTooLong));
    }

    #[test]
    fn a_body_may_be_passed_over() {
        let mut reader = Reader::new();
        reader.feed(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc", &mut |_| {}).unwrap();
        assert_eq!(reader.rest(), Some(6));
        reader.skipped(6);
        assert!(reader.done() && reader.body() == 9);
    }
}
