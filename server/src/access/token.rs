//! A viewer's token: a JWT (RFC 7519), signed ES256 or EdDSA by a key whose public half this server has.

use std::collections::{HashMap, HashSet};

use jsonwebtoken::{DecodingKey, Validation};
use serde::Deserialize;

use super::{Denied, Viewer};
use crate::store::{Algorithm, SigningKey};

/// Bytes. One of ours has about 300.
const MAX_LEN: usize = 4096;
/// Clocks of the signer and of this machine may differ by so many seconds.
const LEEWAY: i64 = 5;

/// Keys by id, ready to check with.
pub(super) type Keys = HashMap<String, Key>;

pub(super) struct Key {
    algorithm: jsonwebtoken::Algorithm,
    key: DecodingKey,
}

impl Key {
    pub(super) fn new(row: &SigningKey) -> Self {
        match row.algorithm {
            Algorithm::Es256 => {
                Self { algorithm: jsonwebtoken::Algorithm::ES256, key: DecodingKey::from_ec_der(&row.public) }
            }
            Algorithm::EdDsa => {
                Self { algorithm: jsonwebtoken::Algorithm::EdDSA, key: DecodingKey::from_ed_der(&row.public) }
            }
        }
    }
}

/// Only what is needed, whatever else stands there: an unknown `alg` must not be a syntax error.
#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
}

#[derive(Deserialize)]
struct Claims {
    sub: Option<String>,
    exp: Option<f64>,
    nbf: Option<f64>,
    viewer: Option<String>,
}

/// Checks a token for a playback id at `now` (Unix seconds).
pub(super) fn check(token: &str, playback: &str, keys: &Keys, now: i64) -> Result<Viewer, Denied> {
    if token.len() > MAX_LEN {
        return Err(Denied::Malformed("it is longer than 4 KiB"));
    }
    let header = header(token).ok_or(Denied::Malformed("it is no JWT"))?;
    // RFC 8725 §3.1: the key decides about the algorithm, never the token; `none` is nobody's.
    if header.alg != "ES256" && header.alg != "EdDSA" {
        return Err(Denied::Algorithm);
    }
    let kid = header.kid.ok_or(Denied::UnknownKey)?;
    let key = keys.get(&kid).ok_or(Denied::UnknownKey)?;
    let mut validation = Validation::new(key.algorithm);
    // Times and subject are checked below, against our own clock and with our own words.
    validation.required_spec_claims = HashSet::new();
    (validation.validate_exp, validation.validate_nbf, validation.validate_aud) = (false, false, false);
    let claims = jsonwebtoken::decode::<Claims>(token, &key.key, &validation).map_err(|error| {
        use jsonwebtoken::errors::ErrorKind;
        match error.kind() {
            ErrorKind::InvalidSignature => Denied::Signature,
            ErrorKind::InvalidAlgorithm => Denied::Algorithm,
            _ => Denied::Malformed("its claims can't be read"),
        }
    })?;
    let claims = claims.claims;
    let seconds = |time: f64| if time.is_finite() { time as i64 } else { i64::MIN };
    match claims.exp.map(seconds) {
        None => return Err(Denied::Malformed("it has no `exp`")),
        Some(exp) if exp.saturating_add(LEEWAY) <= now => return Err(Denied::Expired),
        Some(_) => {}
    }
    if claims.nbf.map(seconds).is_some_and(|nbf| nbf > now + LEEWAY) {
        return Err(Denied::Early);
    }
    match claims.sub {
        Some(sub) if sub == playback => Ok(Viewer::told(claims.viewer.as_deref())),
        Some(_) | None => Err(Denied::OtherPlayback),
    }
}

fn header(token: &str) -> Option<Header> {
    use base64::Engine;
    let mut parts = token.split('.');
    let (first, rest) = (parts.next()?, parts.count());
    let json = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(first).ok()?;
    if rest == 2 { serde_json::from_slice(&json).ok() } else { None }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use jsonwebtoken::{EncodingKey, encode};
    use serde_json::{Value, json};
    use time::OffsetDateTime;

    use super::*;

    struct Pair {
        kid: &'static str,
        algorithm: Algorithm,
        private: Vec<u8>,
        public: Vec<u8>,
    }

    fn pair(kid: &'static str, algorithm: Algorithm) -> Pair {
        let made = super::super::keys::generate(algorithm).unwrap();
        let key = rcgen::KeyPair::from_pem(&made.private_pem).unwrap();
        Pair { kid, algorithm, private: key.serialize_der(), public: made.public }
    }

    impl Pair {
        fn sign(&self, claims: &Value) -> String {
            let (algorithm, key) = match self.algorithm {
                Algorithm::Es256 => (jsonwebtoken::Algorithm::ES256, EncodingKey::from_ec_der(&self.private)),
                Algorithm::EdDsa => (jsonwebtoken::Algorithm::EdDSA, EncodingKey::from_ed_der(&self.private)),
            };
            let mut header = jsonwebtoken::Header::new(algorithm);
            header.kid = Some(self.kid.to_owned());
            encode(&header, claims, &key).unwrap()
        }

        fn keys(&self) -> Keys {
            let row = SigningKey {
                id: self.kid.to_owned(),
                name: String::new(),
                algorithm: self.algorithm,
                public: self.public.clone(),
                created_at: OffsetDateTime::UNIX_EPOCH,
            };
            Keys::from([(self.kid.to_owned(), Key::new(&row))])
        }
    }

    const NOW: i64 = 1_800_000_000;

    #[test]
    fn what_a_token_may_say() {
        for algorithm in [Algorithm::Es256, Algorithm::EdDsa] {
            let pair = pair("sig_1", algorithm);
            let keys = pair.keys();
            let good = json!({ "sub": "pb_1", "exp": NOW + 60 });
            let with = |name: &str, value: Value| {
                let mut claims = good.clone();
                claims[name] = value;
                check(&pair.sign(&claims), "pb_1", &keys, NOW)
            };
            assert_eq!(with("aud", json!("anybody")), Ok(Viewer(None)));
            assert_eq!(with("viewer", json!("v-7_x")), Ok(Viewer(Some("v-7_x".to_owned()))));
            assert_eq!(with("viewer", json!("two words")), Ok(Viewer(None)));
            for (name, value, expect) in [
                ("exp", json!(NOW - 5), Denied::Expired),
                ("exp", Value::Null, Denied::Malformed("it has no `exp`")),
                ("exp", json!("tomorrow"), Denied::Malformed("its claims can't be read")),
                ("nbf", json!(NOW + 6), Denied::Early),
                ("sub", json!("pb_2"), Denied::OtherPlayback),
                ("sub", Value::Null, Denied::OtherPlayback),
            ] {
                assert_eq!(with(name, value.clone()), Err(expect), "{name} {value}");
            }
            assert_eq!(with("exp", json!(NOW - 4)), Ok(Viewer(None)), "clocks differ a little");
            assert_eq!(with("exp", json!(NOW as f64 + 0.5)), Ok(Viewer(None)));
            assert_eq!(with("nbf", json!(NOW + 5)), Ok(Viewer(None)));
        }
    }

    #[test]
    fn what_is_no_token_of_ours() {
        let (ours, theirs) = (pair("sig_1", Algorithm::Es256), pair("sig_1", Algorithm::Es256));
        let keys = ours.keys();
        let claims = json!({ "sub": "pb_1", "exp": NOW + 60 });
        let check = |token: &str| check(token, "pb_1", &keys, NOW);
        let token = ours.sign(&claims);
        assert_eq!(check(&theirs.sign(&claims)), Err(Denied::Signature));
        assert_eq!(check(&pair("sig_2", Algorithm::Es256).sign(&claims)), Err(Denied::UnknownKey));
        // A key of another kind under a known id.
        assert_eq!(check(&pair("sig_1", Algorithm::EdDsa).sign(&claims)), Err(Denied::Algorithm));

        let parts: Vec<&str> = token.split('.').collect();
        let forge = |header: Value, signature: &str| {
            format!("{}.{}.{signature}", URL_SAFE_NO_PAD.encode(header.to_string()), parts[1])
        };
        assert_eq!(check(&forge(json!({ "alg": "none", "kid": "sig_1" }), "")), Err(Denied::Algorithm));
        assert_eq!(
            check(&forge(json!({ "alg": "HS256", "kid": "sig_1" }), parts[2])),
            Err(Denied::Algorithm)
        );
        assert_eq!(check(&forge(json!({ "alg": "ES256" }), parts[2])), Err(Denied::UnknownKey));
        let other = URL_SAFE_NO_PAD.encode(json!({ "sub": "pb_1", "exp": NOW + 9999 }).to_string());
        assert_eq!(check(&format!("{}.{other}.{}", parts[0], parts[2])), Err(Denied::Signature));
        for text in ["", "a.b", "a.b.c", "a.b.c.d", &token[1..], &format!("{token}.x")] {
            assert_eq!(check(text), Err(Denied::Malformed("it is no JWT")), "{text}");
        }
        let long = format!("{token}{}", "A".repeat(MAX_LEN + 1 - token.len()));
        assert_eq!(check(&long), Err(Denied::Malformed("it is longer than 4 KiB")));
        assert_ne!(check(&long[..MAX_LEN]), check(&long));
    }
}
