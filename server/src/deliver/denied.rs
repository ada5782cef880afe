//! Why somebody may not watch, as an answer.

use axum::http::header::{CACHE_CONTROL, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;

use super::Deliver;
use super::reply::problem;
use super::vod::nothing;
use crate::access::Denied;

/// 401 where another token may help, 403 where not.
pub(super) fn denied(deliver: &Deliver, why: &Denied) -> Response {
    let (status, code) = match why {
        Denied::NoToken => (StatusCode::UNAUTHORIZED, "token_missing"),
        Denied::Malformed(_) => (StatusCode::UNAUTHORIZED, "token_malformed"),
        Denied::Algorithm => (StatusCode::UNAUTHORIZED, "token_algorithm"),
        Denied::UnknownKey => (StatusCode::UNAUTHORIZED, "token_key_unknown"),
        Denied::Signature => (StatusCode::UNAUTHORIZED, "token_signature"),
        Denied::Expired => (StatusCode::UNAUTHORIZED, "token_expired"),
        Denied::Early => (StatusCode::UNAUTHORIZED, "token_not_yet_valid"),
        Denied::OtherPlayback => (StatusCode::FORBIDDEN, "token_wrong_playback"),
        Denied::Secret => (StatusCode::FORBIDDEN, "playback_revoked"),
        Denied::Nothing => return nothing(deliver),
        Denied::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
    };
    let mut answer = problem(&deliver.clock, status, code, why.to_string());
    // The next one under this address may have a better token; a path secret is in the address itself.
    if *why != Denied::Secret {
        answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    if status == StatusCode::UNAUTHORIZED {
        answer.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    answer
}

/// `?token=`, or `Authorization: Bearer` from players that can send headers.
pub(super) fn token<'a>(query: Option<&'a str>, headers: &'a HeaderMap) -> Option<&'a str> {
    value(query, "token").or_else(|| {
        let header = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
        let (scheme, token) = header.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    })
}

/// One value of a query. Neither tokens nor viewers' ids have characters that would be escaped.
pub(super) fn value<'a>(query: Option<&'a str>, name: &str) -> Option<&'a str> {
    let pairs = query?.split('&').filter_map(|pair| pair.split_once('='));
    pairs.into_iter().find(|(found, value)| *found == name && !value.is_empty()).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn where_a_token_may_stand() {
        let mut headers = HeaderMap::new();
        assert_eq!(token(Some("v=1&token=a.b.c&x=2"), &headers), Some("a.b.c"));
        assert_eq!(token(Some("token=&tokens=x"), &headers), None);
        assert_eq!(token(None, &headers), None);
        headers.insert(header::AUTHORIZATION, "bearer d.e.f".parse().unwrap());
        assert_eq!(token(None, &headers), Some("d.e.f"));
        assert_eq!(token(Some("token=a.b.c"), &headers), Some("a.b.c"));
    }
}
