//! Ids: a prefix that says what it is, then a ULID, so that they sort by the time they were made.

use std::sync::{Mutex, PoisonError};

use time::OffsetDateTime;
use ulid::Ulid;

/// What an id is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prefix {
    /// `ch_`
    Channel,
    /// `pb_`
    Playback,
    /// `ses_`
    Session,
    /// `key_`
    Key,
    /// `tok_`
    Token,
    /// `ast_`
    Asset,
    /// `req_`
    Request,
    /// `sig_`
    SigningKey,
}

impl Prefix {
    /// With its underscore.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Channel => "ch_",
            Self::Playback => "pb_",
            Self::Session => "ses_",
            Self::Key => "key_",
            Self::Token => "tok_",
            Self::Asset => "ast_",
            Self::Request => "req_",
            Self::SigningKey => "sig_",
        }
    }
}

/// The last that was minted: two of one millisecond still sort by the order of their making.
static LAST: Mutex<Ulid> = Mutex::new(Ulid::nil());

/// A new id.
pub fn mint(prefix: Prefix, now: OffsetDateTime) -> String {
    let ms = u64::try_from(super::millis(now)).unwrap_or(0);
    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    let fresh = Ulid::from_parts(ms, rand::random());
    let next = if last.timestamp_ms() == ms { last.increment().unwrap_or(fresh) } else { fresh };
    *last = next;
    format!("{}{}", prefix.as_str(), next.to_string().to_lowercase())
}

/// It has the shape of an id of this kind; it needn't exist.
pub fn is(prefix: Prefix, text: &str) -> bool {
    text.strip_prefix(prefix.as_str()).is_some_and(|rest| {
        rest.len() == ulid::ULID_LEN && rest.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_lowercase())
    })
}
