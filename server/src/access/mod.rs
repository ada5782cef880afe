//! Who may watch: a token for the multivariant playlist, then an address with a secret of the session in its path.
//!
//! **Belongs here:** tokens, keys, path secrets, what is remembered of them. **Does not:** routes (`deliver`, `control`), rows
//! (`store`).
//!
//! ```text
//! /live/pb_1/index.m3u8?token=JWT ──▶ ses_9~SECRET/video/media.m3u8 ──▶ p7.m4s     (a CDN keeps one copy for everybody)
//! ```

pub(crate) mod keys;
mod token;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use subtle::ConstantTimeEq;

use crate::clock::Clock;
use crate::store::{Error, Guard, Page, Policy, Store, id};

/// Answers that are remembered, at most; then all are forgotten.
const REMEMBERED: usize = 10_000;
/// A viewer's id: letters, digits, `-` and `_`.
const VIEWER: usize = 64;

/// Why somebody may not watch.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Denied {
    #[error("this channel needs a token: add ?token=JWT to the address of the playlist")]
    NoToken,
    #[error("the token can't be read: {0}")]
    Malformed(&'static str),
    #[error("the token's `alg` is not that of its key: ES256 and EdDSA are taken, `none` never is")]
    Algorithm,
    #[error("the token's `kid` names no signing key of this server: it may have been deleted")]
    UnknownKey,
    #[error("the token's signature is wrong")]
    Signature,
    #[error("the token has expired: ask for a new one where you got it")]
    Expired,
    #[error("the token is not valid yet (`nbf`)")]
    Early,
    #[error("the token is for another channel: its `sub` must be the playback id in the address")]
    OtherPlayback,
    #[error("this address was revoked, or is not whole: load the multivariant playlist again")]
    Secret,
    #[error("there is nothing here")]
    Nothing,
    #[error("the database does not answer: try again")]
    Unavailable,
}

/// Who watches, where they said so.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Viewer(pub Option<String>);

impl Viewer {
    /// What isn't fit for an address is left out.
    pub(crate) fn told(text: Option<&str>) -> Self {
        let fit = |text: &&str| {
            (1..=VIEWER).contains(&text.len())
                && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        };
        Self(text.filter(fit).map(str::to_owned))
    }
}

/// Decides about viewers; clones share what they remember.
#[derive(Clone)]
pub(crate) struct Gate(Arc<Inner>);

struct Inner {
    store: Store,
    clock: Clock,
    known: Mutex<Known>,
}

/// What the database said. Every change of a policy, a secret or a key voids it.
#[derive(Default)]
struct Known {
    /// Counts the changes: what was asked before one must not be remembered after it.
    changes: u64,
    policies: HashMap<String, Policy>,
    guards: HashMap<String, Arc<Guard>>,
    keys: Option<Arc<token::Keys>>,
}

impl Gate {
    pub(crate) fn new(store: Store, clock: Clock) -> Self {
        Self(Arc::new(Inner { store, clock, known: Mutex::default() }))
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A policy, a secret or a key was changed.
    pub(crate) fn changed(&self) {
        let mut known = self.known();
        *known = Known { changes: known.changes + 1, ..Known::default() };
    }

    /// Whether somebody may have the multivariant playlist of a playback id.
    pub(crate) async fn admit(&self, playback: &str, token: Option<&str>) -> Result<Viewer, Denied> {
        match self.policy(playback).await? {
            Some(Policy::Signed) => self.check(playback, token).await,
            // Who asks for nobody's address is told so elsewhere.
            Some(Policy::Public) | None => Ok(Viewer::default()),
        }
    }

    /// The same by session: for catch-up and recordings.
    pub(crate) async fn admit_to(&self, session: &str, token: Option<&str>) -> Result<Viewer, Denied> {
        let guard = self.guard(session).await?;
        match guard.policy {
            Policy::Signed => self.check(&guard.playback_id, token).await,
            Policy::Public => Ok(Viewer::default()),
        }
    }

    /// How an admitted viewer's addresses name the session: `ses_…`, or `ses_…~SECRET`.
    pub(crate) async fn folder(&self, session: &str) -> Result<String, Denied> {
        let guard = self.guard(session).await?;
        Ok(match guard.policy {
            Policy::Signed => format!("{session}~{}", guard.secret),
            Policy::Public => session.to_owned(),
        })
    }

    /// The session that a part of a path names, if who has that path may have what lies under it.
    pub(crate) async fn enter<'a>(&self, playback: Option<&str>, folder: &'a str) -> Result<&'a str, Denied> {
        let (session, secret) = match folder.split_once('~') {
            Some((session, secret)) => (session, Some(secret)),
            None => (folder, None),
        };
        let guard = self.guard(session).await?;
        if playback.is_some_and(|playback| playback != guard.playback_id) {
            return Err(Denied::Nothing);
        }
        match (guard.policy, secret) {
            (Policy::Public, None) => Ok(session),
            // One name a thing, or caches would keep it twice. Who watched while it was signed goes on.
            (Policy::Public, Some(secret)) | (Policy::Signed, Some(secret))
                if bool::from(secret.as_bytes().ct_eq(guard.secret.as_bytes())) =>
            {
                Ok(session)
            }
            (Policy::Public | Policy::Signed, _) => Err(Denied::Secret),
        }
    }

    async fn check(&self, playback: &str, token: Option<&str>) -> Result<Viewer, Denied> {
        let token = token.ok_or(Denied::NoToken)?;
        let keys = self.keys().await?;
        token::check(token, playback, &keys, self.0.clock.utc().unix_timestamp())
    }

    async fn policy(&self, playback: &str) -> Result<Option<Policy>, Denied> {
        let changes = {
            let known = self.known();
            if let Some(policy) = known.policies.get(playback) {
                return Ok(Some(*policy));
            }
            known.changes
        };
        let Some(policy) = self.0.store.policy(playback).await.map_err(unavailable)? else { return Ok(None) };
        let mut known = self.known();
        if known.changes == changes {
            if known.policies.len() >= REMEMBERED {
                known.policies.clear();
            }
            known.policies.insert(playback.to_owned(), policy);
        }
        Ok(Some(policy))
    }

    async fn guard(&self, session: &str) -> Result<Arc<Guard>, Denied> {
        if !id::is(id::Prefix::Session, session) {
            return Err(Denied::Nothing);
        }
        let changes = {
            let known = self.known();
            if let Some(guard) = known.guards.get(session) {
                return Ok(Arc::clone(guard));
            }
            known.changes
        };
        let found = self.0.store.guard(session).await.map_err(unavailable)?;
        let guard = Arc::new(found.ok_or(Denied::Nothing)?);
        let mut known = self.known();
        if known.changes == changes {
            if known.guards.len() >= REMEMBERED {
                known.guards.clear();
            }
            known.guards.insert(session.to_owned(), Arc::clone(&guard));
        }
        Ok(guard)
    }

    async fn keys(&self) -> Result<Arc<token::Keys>, Denied> {
        let changes = {
            let known = self.known();
            if let Some(keys) = &known.keys {
                return Ok(Arc::clone(keys));
            }
            known.changes
        };
        let page = Page { after: None, limit: crate::store::MAX_SIGNING_KEYS as u32 };
        let rows = self.0.store.signing_keys(page).await.map_err(unavailable)?.items;
        let keys: token::Keys = rows.iter().map(|row| (row.id.clone(), token::Key::new(row))).collect();
        let keys = Arc::new(keys);
        let mut known = self.known();
        if known.changes == changes {
            known.keys = Some(Arc::clone(&keys));
        }
        Ok(keys)
    }
}

fn unavailable(error: Error) -> Denied {
    tracing::error!("can't tell who may watch: {error}");
    Denied::Unavailable
}
