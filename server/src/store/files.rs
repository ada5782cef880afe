//! The two files beside the database that hold secrets, and what is done with the first: looking up by keyed hash, sealing.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::Path;

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{ChaCha20Poly1305, Nonce};
use hmac::{Hmac, Mac};
use sha2::Sha256;

use super::Error;

const SECRET: usize = 32;
const NONCE: usize = 12;

/// What a hash is for: the same text hashes differently for each.
#[derive(Clone, Copy, Debug)]
pub(super) enum Purpose {
    StreamKey,
    Token,
    Request,
    Playback,
}

/// Keys derived from `DIR/secret`.
pub(super) struct Secret {
    stream_key: [u8; 32],
    token: [u8; 32],
    request: [u8; 32],
    playback: [u8; 32],
    seal: [u8; 32],
}

impl Secret {
    /// Reads the file, or makes it where nothing was sealed yet.
    pub(super) fn load(path: &Path, sealed: bool) -> Result<Self, Error> {
        let bad = |what| Error::Secret { path: path.to_owned(), what };
        let root: [u8; SECRET] = match fs::read(path) {
            Ok(bytes) => bytes.try_into().map_err(|_| bad("the secret file is not 32 bytes long"))?,
            Err(error) if error.kind() == ErrorKind::NotFound && sealed => {
                return Err(bad("the secret file is missing"));
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let fresh: [u8; SECRET] = rand::random();
                write_private(path, &fresh)?;
                fresh
            }
            Err(source) => return Err(Error::File { path: path.to_owned(), source }),
        };
        let derive = |label: &str| mac(&root, label.as_bytes());
        Ok(Self {
            stream_key: derive("stream key lookup"),
            token: derive("token lookup"),
            request: derive("idempotent request"),
            playback: derive("playback path"),
            seal: derive("stream key seal"),
        })
    }

    /// HMAC-SHA256, keyed by purpose.
    pub(super) fn hash(&self, purpose: Purpose, text: &[u8]) -> [u8; 32] {
        let key = match purpose {
            Purpose::StreamKey => &self.stream_key,
            Purpose::Token => &self.token,
            Purpose::Request => &self.request,
            Purpose::Playback => &self.playback,
        };
        mac(key, text)
    }

    /// The same as letters and digits, five bits each.
    pub(super) fn text(&self, purpose: Purpose, text: &[u8]) -> String {
        self.hash(purpose, text).iter().map(letter).collect()
    }

    /// Nonce and ciphertext; bound to the row's id, so that rows can't be swapped.
    pub(super) fn seal(&self, id: &str, text: &str) -> Result<Vec<u8>, Error> {
        let nonce: [u8; NONCE] = rand::random();
        let payload = Payload { msg: text.as_bytes(), aad: id.as_bytes() };
        let sealed = ChaCha20Poly1305::new(&self.seal.into())
            .encrypt(&Nonce::from(nonce), payload)
            .map_err(|_| Error::Seal(id.to_owned()))?;
        Ok([&nonce[..], &sealed].concat())
    }

    /// What [`Self::seal`] sealed.
    pub(super) fn open(&self, id: &str, sealed: &[u8]) -> Result<String, Error> {
        let bad = || Error::Seal(id.to_owned());
        let (nonce, text) = sealed.split_first_chunk::<NONCE>().ok_or_else(bad)?;
        let payload = Payload { msg: text, aad: id.as_bytes() };
        let text = ChaCha20Poly1305::new(&self.seal.into())
            .decrypt(&Nonce::from(*nonce), payload)
            .map_err(|_| bad())?;
        String::from_utf8(text).map_err(|_| bad())
    }
}

fn mac(key: &[u8; 32], text: &[u8]) -> [u8; 32] {
    // RFC 2104 §2: a key shorter than the block is filled up with zeros.
    let mut block = [0; 64];
    block[..key.len()].copy_from_slice(key);
    let mut mac = <Hmac<Sha256> as hmac::digest::KeyInit>::new(&block.into());
    mac.update(text);
    mac.finalize().into_bytes().into()
}

/// 160 random bits as 32 letters and digits that survive being read aloud.
pub(super) fn random_text() -> String {
    let bytes: [u8; 32] = rand::random();
    bytes.iter().map(letter).collect()
}

fn letter(byte: &u8) -> char {
    const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
    char::from(ALPHABET[usize::from(byte % 32)])
}

/// Writes a file that only its owner can read, wholly or not at all.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let at = |source| Error::File { path: path.to_owned(), source };
    let fresh = path.with_extension("new");
    match fs::remove_file(&fresh) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(at(error)),
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&fresh).map_err(at)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(at)?;
    fs::rename(&fresh, path).map_err(at)?;
    // The name must survive a power cut too.
    path.parent().map_or(Ok(()), |dir| File::open(dir).and_then(|dir| dir.sync_all())).map_err(at)
}
