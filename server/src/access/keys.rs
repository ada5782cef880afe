//! Signing keys as people and programs hand them over: PEM in and out, and the set of public ones as JWKs (RFC 7517).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tokio_rustls::rustls::pki_types::SubjectPublicKeyInfoDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;

use crate::store::{Algorithm, SigningKey};

/// SubjectPublicKeyInfo (RFC 5480 §2, RFC 8410 §4) up to the key's own bytes: one encoding each in DER.
const P256: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86,
    0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
const ED25519: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
/// An uncompressed point: 4, x, y.
const POINT: usize = 65;

/// A pair that was just made.
pub(crate) struct Made {
    pub public: Vec<u8>,
    /// PKCS #8.
    pub private_pem: String,
}

/// A new pair.
pub(crate) fn generate(algorithm: Algorithm) -> Result<Made, rcgen::Error> {
    let kind = match algorithm {
        Algorithm::Es256 => &rcgen::PKCS_ECDSA_P256_SHA256,
        Algorithm::EdDsa => &rcgen::PKCS_ED25519,
    };
    let pair = rcgen::KeyPair::generate_for(kind)?;
    Ok(Made { public: pair.public_key_raw().to_vec(), private_pem: pair.serialize_pem() })
}

/// A public key out of PEM; `None` where it is none of P-256 or Ed25519.
pub(crate) fn read_public(pem: &str) -> Option<(Algorithm, Vec<u8>)> {
    let der = SubjectPublicKeyInfoDer::from_pem_slice(pem.as_bytes()).ok()?;
    if let Some(point) = der.strip_prefix(&P256[..]) {
        return (point.len() == POINT && point[0] == 4).then(|| (Algorithm::Es256, point.to_vec()));
    }
    let key = der.strip_prefix(&ED25519[..])?;
    (key.len() == 32).then(|| (Algorithm::EdDsa, key.to_vec()))
}

/// The other way.
pub(crate) fn public_pem(key: &SigningKey) -> String {
    let prefix = match key.algorithm {
        Algorithm::Es256 => &P256[..],
        Algorithm::EdDsa => &ED25519[..],
    };
    let text = base64::engine::general_purpose::STANDARD.encode([prefix, &key.public].concat());
    let lines: Vec<_> = text.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
    format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", lines.join("\n"))
}

/// As `/.well-known/jwks.json` lists it.
pub(crate) fn jwk(key: &SigningKey) -> Value {
    let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let common = json!({ "kid": key.id, "use": "sig", "alg": key.algorithm.name() });
    let own = match (key.algorithm, key.public.split_at_checked(33)) {
        // RFC 7518 §6.2.1
        (Algorithm::Es256, Some((x, y))) => {
            json!({ "kty": "EC", "crv": "P-256", "x": text(&x[1..]), "y": text(y) })
        }
        // RFC 8037 §2
        (Algorithm::EdDsa, _) | (Algorithm::Es256, None) => {
            json!({ "kty": "OKP", "crv": "Ed25519", "x": text(&key.public) })
        }
    };
    let mut jwk = common;
    if let (Some(jwk), Value::Object(own)) = (jwk.as_object_mut(), own) {
        jwk.extend(own);
    }
    jwk
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn public_keys_go_round() {
        for (algorithm, kty) in [(Algorithm::Es256, "EC"), (Algorithm::EdDsa, "OKP")] {
            let made = generate(algorithm).unwrap();
            let pair = rcgen::KeyPair::from_pem(&made.private_pem).unwrap();
            assert_eq!(read_public(&pair.public_key_pem()), Some((algorithm, made.public.clone())));
            let key = SigningKey {
                id: "sig_1".to_owned(),
                name: String::new(),
                algorithm,
                public: made.public,
                created_at: time::OffsetDateTime::UNIX_EPOCH,
            };
            assert_eq!(read_public(&public_pem(&key)), Some((algorithm, key.public.clone())));
            // Read back by a library that isn't ours.
            let jwk: jsonwebtoken::jwk::Jwk = serde_json::from_value(jwk(&key)).unwrap();
            assert_eq!(serde_json::to_value(&jwk).unwrap()["kty"], kty);
            assert!(jsonwebtoken::DecodingKey::from_jwk(&jwk).is_ok());
        }
    }

    #[test]
    fn what_is_no_public_key() {
        let p384 = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap();
        let ours = rcgen::KeyPair::generate().unwrap();
        let cut = ours.public_key_pem().replace("MFk", "MFg");
        for pem in [p384.public_key_pem(), ours.serialize_pem(), cut, "hello".to_owned(), String::new()] {
            assert_eq!(read_public(&pem), None, "{pem}");
        }
    }
}
