//! The handshake, which is rml_rtmp's, behind a look at the first bytes: many strangers knock at an open port.
//!
//! A handshake is 1 + 1536 + 1536 bytes each way, so that its size needs no further limit.
use rml_rtmp::handshake::{Handshake as Inner, HandshakeProcessResult, PeerType};

use crate::Kind;

const LENGTH: usize = 1 + 1536 + 1536;

pub(crate) struct Handshake {
    inner: Inner,
    received: usize,
}

impl Handshake {
    pub(crate) fn server() -> Self {
        Self { inner: Inner::new(PeerType::Server), received: 0 }
    }

    /// With the first bytes to send.
    pub(crate) fn client() -> Result<(Self, Vec<u8>), Kind> {
        let mut inner = Inner::new(PeerType::Client);
        let hello =
            inner.generate_outbound_p0_and_p1().map_err(|error| Kind::Handshake(error.to_string()))?;
        Ok((Self { inner, received: 0 }, hello))
    }

    pub(crate) fn received(&self) -> u64 {
        self.received as u64
    }

    /// Takes what belongs to the handshake. Gives back what to send, and whether it is done.
    pub(crate) fn input(&mut self, input: &mut &[u8]) -> Result<(Vec<u8>, bool), Kind> {
        if self.received == 0 && !input.is_empty() {
            recognise(input)?;
        }
        let (ours, rest) = input.split_at(input.len().min(LENGTH - self.received));
        *input = rest;
        self.received += ours.len();
        match self.inner.process_bytes(ours).map_err(|error| Kind::Handshake(error.to_string()))? {
            HandshakeProcessResult::InProgress { response_bytes } => Ok((response_bytes, false)),
            HandshakeProcessResult::Completed { response_bytes, .. } => Ok((response_bytes, true)),
        }
    }
}

/// RTMP begins with version 3. Anything else is somebody else, and is told so at once.
fn recognise(input: &[u8]) -> Result<(), Kind> {
    const HTTP: [&str; 10] = [
        "GET ",
        "POST ",
        "HEAD ",
        "PUT ",
        "OPTIONS ",
        "CONNECT ",
        "DELETE ",
        "PATCH ",
        "PRI * HTTP/2",
        "HTTP/",
    ];
    match input[0] {
        3 => Ok(()),
        0x16 if input.get(1).is_none_or(|major| *major == 3) => Err(Kind::Tls),
        version @ (6 | 8 | 9) => Err(Kind::Rtmpe(version)),
        byte => {
            let http = HTTP.iter().map(|word| word.as_bytes()).any(|word| {
                let seen = word.len().min(input.len());
                word[..seen] == input[..seen]
            });
            Err(if http { Kind::Http } else { Kind::NotRtmp(byte) })
        }
    }
}
