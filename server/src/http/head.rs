//! The heads of HTTP/1.1 messages (RFC 9112) in their plain form: what players send, and what they get. Sans-IO.
//!
//! Nothing is guessed here. A request that isn't plain (a body, an upgrade, another version, a fault) is for hyper to judge.

use axum::body::Body;
use axum::http::header::{
    CONNECTION, CONTENT_LENGTH, DATE, EXPECT, HOST, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, Uri, Version, response};
use bytes::{Bytes, BytesMut};

use super::{HEAD, HEADERS};

/// What came of a connection and wasn't read yet.
#[derive(Debug, Default)]
pub(super) struct Incoming {
    bytes: BytesMut,
    /// So many of them hold no end of a head.
    seen: usize,
}

/// What came is no plain request; all of it is still there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NotPlain;

const END: &[u8] = b"\r\n\r\n";

impl Incoming {
    pub(super) fn add(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// More than a head may take is no plain request.
    pub(super) fn has_room(&self) -> bool {
        self.bytes.len() <= HEAD
    }

    pub(super) fn into_bytes(self) -> Bytes {
        self.bytes.freeze()
    }

    /// Takes the next request; `None` while its head isn't whole.
    pub(super) fn next(&mut self) -> Result<Option<Request<Body>>, NotPlain> {
        let Some(end) = self.end()? else {
            self.seen = self.bytes.len();
            return if self.has_room() { Ok(None) } else { Err(NotPlain) };
        };
        let head = self.bytes.split_to(end).freeze();
        self.seen = 0;
        match request(&head).filter(|_| end <= HEAD) {
            Some(request) => {
                if self.bytes.is_empty() {
                    // Keeps nothing of a connection that waits.
                    self.bytes = BytesMut::new();
                }
                Ok(Some(request))
            }
            None => {
                self.bytes = [head, std::mem::take(&mut self.bytes).freeze()].concat().as_slice().into();
                Err(NotPlain)
            }
        }
    }
}

impl Incoming {
    /// Where the first head ends, if it is there. A line that ends otherwise than RFC 9112 §2.2 wants it isn't plain.
    fn end(&self) -> Result<Option<usize>, NotPlain> {
        let lines = self.bytes.iter().enumerate().skip(self.seen).filter(|(_, byte)| **byte == b'\n');
        for (at, _) in lines {
            let line = &self.bytes[..=at];
            if line.ends_with(END) {
                return Ok(Some(line.len()));
            }
            if !line.ends_with(b"\r\n") {
                return Err(NotPlain);
            }
        }
        Ok(None)
    }
}

/// Header fields that change where a message ends, or what becomes of its connection.
const FRAMING: [HeaderName; 6] = [CONTENT_LENGTH, TRANSFER_ENCODING, EXPECT, UPGRADE, TE, TRAILER];

fn request(head: &Bytes) -> Option<Request<Body>> {
    let mut fields = [httparse::EMPTY_HEADER; HEADERS];
    let mut parsed = httparse::Request::new(&mut fields);
    // Bare line feeds would end it before the end that was found.
    if parsed.parse(head) != Ok(httparse::Status::Complete(head.len())) || parsed.version != Some(1) {
        return None;
    }
    let method = match parsed.method? {
        "GET" => Method::GET,
        "HEAD" => Method::HEAD,
        _ => return None,
    };
    let path = parsed.path.filter(|path| path.starts_with('/'))?;
    let mut request = Request::new(Body::empty());
    *request.method_mut() = method;
    *request.uri_mut() = Uri::from_maybe_shared(head.slice_ref(path.as_bytes())).ok()?;
    *request.version_mut() = Version::HTTP_11;
    let mut headers = HeaderMap::with_capacity(parsed.headers.len());
    for field in parsed.headers.iter() {
        let name = HeaderName::from_bytes(field.name.as_bytes()).ok()?;
        let value = HeaderValue::from_maybe_shared(head.slice_ref(field.value)).ok()?;
        let plain = name != CONNECTION || value.as_bytes().eq_ignore_ascii_case(b"keep-alive");
        if !plain || FRAMING.contains(&name) {
            return None;
        }
        headers.append(name, value);
    }
    // RFC 9112 §3.2: exactly one.
    if headers.get_all(HOST).iter().count() != 1 {
        return None;
    }
    *request.headers_mut() = headers;
    Some(request)
}

/// How the end of an answer's body is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// It has none.
    Nothing,
    Length(u64),
    Chunked,
}

impl Framing {
    /// `exact`: the body's length, where it is known.
    pub(super) fn of(to_head: bool, answer: &response::Parts, exact: Option<u64>) -> Self {
        let bodiless = [StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED].contains(&answer.status);
        if to_head || bodiless || answer.status.is_informational() {
            return Self::Nothing;
        }
        let told = answer.headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
        exact.or(told).map_or(Self::Chunked, Self::Length)
    }
}

/// An answer's head. `date` as RFC 9110 §5.6.7 wants it.
pub(super) fn answer(parts: &response::Parts, framing: Framing, close: bool, date: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(512);
    let mut put = |pieces: &[&[u8]]| pieces.iter().for_each(|piece| out.extend_from_slice(piece));
    let reason = parts.status.canonical_reason().unwrap_or_default();
    put(&[b"HTTP/1.1 ", parts.status.as_str().as_bytes(), b" ", reason.as_bytes()]);
    for (name, value) in &parts.headers {
        put(&[b"\r\n", name.as_str().as_bytes(), b": ", value.as_bytes()]);
    }
    match framing {
        Framing::Length(length) if !parts.headers.contains_key(CONTENT_LENGTH) => {
            put(&[b"\r\ncontent-length: ", length.to_string().as_bytes()]);
        }
        Framing::Chunked => put(&[b"\r\ntransfer-encoding: chunked"]),
        Framing::Length(_) | Framing::Nothing => {}
    }
    if close {
        put(&[b"\r\nconnection: close"]);
    }
    if !parts.headers.contains_key(DATE) {
        put(&[b"\r\ndate: ", date.as_bytes()]);
    }
    put(&[END]);
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use axum::http::Response;
    use expect_test::expect;

    use super::*;

    /// What each of the requests is, however they are cut in two.
    #[track_caller]
    fn check(text: &str, expect: &[&str]) {
        for cut in 0..text.len() {
            let (mut incoming, mut got) = (Incoming::default(), Vec::new());
            for piece in [&text[..cut], &text[cut..]] {
                incoming.add(piece.as_bytes());
                while let Ok(Some(request)) = incoming.next() {
                    got.push(format!("{} {}", request.method(), request.uri()));
                }
            }
            match incoming.next() {
                Ok(_) => got.extend((!incoming.bytes.is_empty()).then(|| "…".to_owned())),
                Err(NotPlain) => {
                    got.push("not plain".to_owned());
                    let left = incoming.into_bytes();
                    assert!(text.as_bytes().ends_with(&left) && !left.is_empty(), "cut at {cut}");
                }
            }
            assert_eq!(got, expect, "cut at {cut}");
        }
    }

    #[test]
    fn plain_requests_and_others() {
        let get = |fields: &str| format!("GET /a?b=1 HTTP/1.1\r\nHost: x\r\n{fields}\r\n");
        check(&get(""), &["GET /a?b=1"]);
        check(&get("connection: Keep-Alive\r\nX-Empty:\r\n"), &["GET /a?b=1"]);
        check(&(get("") + "HEAD / HTTP/1.1\r\nhost: y\r\n\r\nGET"), &["GET /a?b=1", "HEAD /", "…"]);
        check(&(get("") + "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), &["GET /a?b=1", "not plain"]);
        for fields in [
            "Content-Length: 0\r\n",
            "Transfer-Encoding: chunked\r\n",
            "Connection: close\r\n",
            "Connection: keep-alive, upgrade\r\n",
            "Upgrade: websocket\r\n",
            "Expect: 100-continue\r\n",
            "Host: y\r\n",
            "A : b\r\n",
            "A: b\n\n",
            " folded: x\r\n",
        ] {
            check(&get(fields), &["not plain"]);
        }
        for text in [
            "GET / HTTP/1.0\r\nHost: x\r\n\r\n",
            "GET / HTTP/1.1\r\n\r\n",
            "GET http://x/ HTTP/1.1\r\nHost: x\r\n\r\n",
            "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: x\r\n\r\n",
            "get / HTTP/1.1\r\nHost: x\r\n\r\n",
            "\u{16}\u{3}\u{1}\r\n\r\n",
        ] {
            check(text, &["not plain"]);
        }
    }

    #[test]
    fn a_head_has_its_limits() {
        let start = "GET / HTTP/1.1\r\nHost: x\r\nA: ";
        let long = |more: usize| format!("{start}{}\r\n\r\n", "a".repeat(HEAD - start.len() - 4 + more));
        let next = |text: &str| {
            let mut incoming = Incoming::default();
            incoming.add(text.as_bytes());
            incoming.next().map(|request| request.is_some())
        };
        assert_eq!(long(0).len(), HEAD);
        assert_eq!(next(&long(0)), Ok(true));
        assert_eq!(next(&long(1)), Err(NotPlain));
        assert_eq!(next(&long(0)[..HEAD - 1]), Ok(false));
        assert_eq!(next(&long(9)[..HEAD + 1]), Err(NotPlain));
        let many =
            |fields: usize| format!("GET / HTTP/1.1\r\nHost: x\r\n{}\r\n", "A: b\r\n".repeat(fields - 1));
        assert_eq!(next(&many(HEADERS)), Ok(true));
        assert_eq!(next(&many(HEADERS + 1)), Err(NotPlain));
    }

    #[test]
    fn what_was_read_is_let_go() {
        let mut incoming = Incoming::default();
        incoming.add(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n");
        drop(incoming.next().unwrap().unwrap());
        assert_eq!(incoming.bytes.capacity(), 0);
    }

    #[test]
    fn heads_of_answers() {
        let date = "Sun, 06 Nov 1994 08:49:37 GMT";
        let parts = |status: u16, fields: &[(&str, &str)]| {
            let mut response = Response::builder().status(status);
            for (name, value) in fields {
                response = response.header(*name, *value);
            }
            response.body(()).unwrap().into_parts().0
        };
        let text = |parts: &response::Parts, to_head, exact, close| {
            let framing = Framing::of(to_head, parts, exact);
            let head = String::from_utf8(answer(parts, framing, close, date)).unwrap();
            format!("{framing:?}\n{}", head.replace('\r', ""))
        };
        expect![[r#"
            Length(5)
            HTTP/1.1 200 OK
            etag: "a"
            content-length: 5
            date: Sun, 06 Nov 1994 08:49:37 GMT

        "#]]
        .assert_eq(&text(&parts(200, &[("etag", "\"a\"")]), false, Some(5), false));
        // A stream that says how long it is, one that doesn't, and none.
        let told = parts(206, &[("content-length", "7"), ("date", "now")]);
        expect![[r#"
            Length(7)
            HTTP/1.1 206 Partial Content
            content-length: 7
            date: now
            connection: close

        "#]]
        .assert_eq(&text(&told, false, None, true));
        expect![[r#"
            Chunked
            HTTP/1.1 200 OK
            transfer-encoding: chunked
            date: Sun, 06 Nov 1994 08:49:37 GMT

        "#]]
        .assert_eq(&text(&parts(200, &[]), false, None, false));
        for (to_head, status) in [(true, 200), (false, 204), (false, 304)] {
            assert_eq!(Framing::of(to_head, &parts(status, &[]), Some(0)), Framing::Nothing);
        }
    }
}
