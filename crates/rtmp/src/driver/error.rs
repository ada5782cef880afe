//! Why a connection ended, with its peer.
use std::io;

/// Why a connection ended. Peers are `IP:PORT`, or `HOST:PORT` of a client's address.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The peer broke the protocol or a limit, or refused us.
    #[error("{peer}: {error}")]
    Protocol {
        /// Who.
        peer: String,
        /// What and where.
        #[source]
        error: crate::Error,
    },
    /// The connection broke.
    #[error("{peer}: connection lost: {error}")]
    Io {
        /// Who.
        peer: String,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// The peer closed the connection without an unpublish.
    #[error("{peer}: closed the connection")]
    Closed {
        /// Who.
        peer: String,
    },
    /// The peer left before it asked for anything: a port scan or a health check.
    #[error("{peer}: connected and left without a word")]
    Probe {
        /// Who.
        peer: String,
    },
    /// The peer has taken no byte for the write timeout.
    #[error("{peer}: takes no data any more")]
    WriteStalled {
        /// Who.
        peer: String,
    },
    /// Nothing came for the idle time.
    #[error("{peer}: sent nothing for too long")]
    Idle {
        /// Who.
        peer: String,
    },
    /// The server's certificate comes from nobody who is trusted here (client).
    #[error("{peer}: its certificate is self-signed, or of an authority that is not trusted here")]
    Untrusted {
        /// Who.
        peer: String,
    },
    /// The server's certificate is for another name, expired or broken (client).
    #[error("{peer}: {why}")]
    Certificate {
        /// Who.
        peer: String,
        /// What is wrong with it.
        why: String,
    },
    /// No connection within the connect timeout.
    #[error("{peer}: no answer in time")]
    ConnectTime {
        /// Who.
        peer: String,
    },
}

impl Error {
    /// The server's refusal, if that is what it is (client).
    pub fn refused(&self) -> Option<&crate::client::Refused> {
        match self {
            Error::Protocol { error: crate::Error { kind: crate::Kind::Refused(refused), .. }, .. } => {
                Some(refused)
            }
            _ => None,
        }
    }
}
