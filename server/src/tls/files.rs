//! A certificate and its key out of PEM files, with errors that say which file is wrong and what to do.

use std::path::{Path, PathBuf};

use time::OffsetDateTime;
use tokio_rustls::rustls;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, pem};
use tokio_rustls::rustls::sign::CertifiedKey;

/// Where the two lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Files {
    /// The certificate, then those of its authorities.
    pub cert: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// Why a certificate can't be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("can't read the {what} {}: {source}", path.display())]
    Read { what: &'static str, path: PathBuf, source: std::io::Error },
    #[error(
        "{} is not a PEM file with a certificate: it must hold `-----BEGIN CERTIFICATE-----`. Give the server's \
         certificate, followed by those of its authorities (often called fullchain.pem)",
        .0.display()
    )]
    NoCertificate(PathBuf),
    #[error(
        "{} is not a PEM file with a private key: it must hold `-----BEGIN PRIVATE KEY-----` (or RSA or EC \
         PRIVATE KEY), without a password",
        .0.display()
    )]
    NoKey(PathBuf),
    #[error("{} can't be used: {why}", path.display())]
    Unusable { path: PathBuf, why: String },
    #[error(
        "the key {} does not belong to the certificate {}: give the two that were made together, the server's own \
         certificate first in its file",
        key.display(),
        cert.display()
    )]
    Mismatch { cert: PathBuf, key: PathBuf },
}

/// What the files hold.
pub(super) struct Loaded {
    pub certified: CertifiedKey,
    /// What the operator should know although it can be used.
    pub warning: Option<String>,
    /// Until when, for the log.
    pub expires: OffsetDateTime,
}

pub(super) fn load(files: &Files, now: OffsetDateTime) -> Result<Loaded, Error> {
    let read = |what, path: &Path| {
        std::fs::read(path).map_err(|source| Error::Read { what, path: path.to_owned(), source })
    };
    let (cert, key) = (read("certificate", &files.cert)?, read("key", &files.key)?);
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&cert)
        .collect::<Result<_, _>>()
        .map_err(|_: pem::Error| Error::NoCertificate(files.cert.clone()))?;
    let Some(first) = chain.first().cloned() else { return Err(Error::NoCertificate(files.cert.clone())) };
    let key = PrivateKeyDer::from_pem_slice(&key).map_err(|_| Error::NoKey(files.key.clone()))?;
    let unusable = |path: &Path, why: String| Error::Unusable { path: path.to_owned(), why };
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let signing = provider.key_provider.load_private_key(key);
    let signing = signing.map_err(|error| unusable(&files.key, error.to_string()))?;
    let certified = CertifiedKey::new(chain, signing);
    certified.keys_match().map_err(|error| match error {
        rustls::Error::InconsistentKeys(_) => {
            Error::Mismatch { cert: files.cert.clone(), key: files.key.clone() }
        }
        error => unusable(&files.cert, error.to_string()),
    })?;
    let (from, to) = validity(&first).map_err(|why| unusable(&files.cert, why))?;
    let path = files.cert.display();
    let warning = if now > to {
        Some(format!(
            "{path} expired on {}: clients refuse it. Renew it; the server takes the new one by itself",
            to.date()
        ))
    } else if now < from {
        Some(format!("{path} is not valid before {from}: clients refuse it. Is this machine's clock right?"))
    } else {
        None
    };
    Ok(Loaded { certified, warning, expires: to })
}

/// From when until when.
pub(super) fn validity(cert: &CertificateDer<'_>) -> Result<(OffsetDateTime, OffsetDateTime), String> {
    let (_, cert) = x509_parser::parse_x509_certificate(cert).map_err(|error| error.to_string())?;
    let validity = cert.validity();
    Ok((validity.not_before.to_datetime(), validity.not_after.to_datetime()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use expect_test::{Expect, expect};
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-01-01 0:00 UTC);

    fn pair(to: OffsetDateTime) -> (String, String) {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.not_before = datetime!(2025-01-01 0:00 UTC);
        params.not_after = to;
        (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
    }

    #[track_caller]
    fn check(cert: Option<&str>, key: Option<&str>, expect: Expect) {
        let dir = tempfile::tempdir().unwrap();
        let files = Files { cert: dir.path().join("cert.pem"), key: dir.path().join("key.pem") };
        for (path, text) in [(&files.cert, cert), (&files.key, key)] {
            if let Some(text) = text {
                std::fs::write(path, text).unwrap();
            }
        }
        let told = match load(&files, NOW) {
            Ok(Loaded { warning, .. }) => warning.unwrap_or("fine".to_owned()),
            Err(error) => error.to_string(),
        };
        expect.assert_eq(&told.replace(&dir.path().display().to_string(), "DIR"));
    }

    #[test]
    fn each_wrong_file_has_its_own_words() {
        let (cert, key) = pair(datetime!(2027-01-01 0:00 UTC));
        let (_, other) = pair(datetime!(2027-01-01 0:00 UTC));
        let (old, old_key) = pair(datetime!(2025-06-01 0:00 UTC));
        check(Some(&cert), Some(&key), expect!["fine"]);
        check(
            None,
            Some(&key),
            expect!["can't read the certificate DIR/cert.pem: No such file or directory (os error 2)"],
        );
        check(
            Some(&cert),
            None,
            expect!["can't read the key DIR/key.pem: No such file or directory (os error 2)"],
        );
        check(
            Some("hello"),
            Some(&key),
            expect![[
                r#"DIR/cert.pem is not a PEM file with a certificate: it must hold `-----BEGIN CERTIFICATE-----`. Give the server's certificate, followed by those of its authorities (often called fullchain.pem)"#
            ]],
        );
        check(
            Some(&key),
            Some(&key),
            expect![[
                r#"DIR/cert.pem is not a PEM file with a certificate: it must hold `-----BEGIN CERTIFICATE-----`. Give the server's certificate, followed by those of its authorities (often called fullchain.pem)"#
            ]],
        );
        check(
            Some(&cert),
            Some(&cert),
            expect![[
                r#"DIR/key.pem is not a PEM file with a private key: it must hold `-----BEGIN PRIVATE KEY-----` (or RSA or EC PRIVATE KEY), without a password"#
            ]],
        );
        check(
            Some(&cert),
            Some(&other),
            expect![[
                r#"the key DIR/key.pem does not belong to the certificate DIR/cert.pem: give the two that were made together, the server's own certificate first in its file"#
            ]],
        );
        check(
            Some(&old),
            Some(&old_key),
            expect![
                "DIR/cert.pem expired on 2025-06-01: clients refuse it. Renew it; the server takes the new one by itself"
            ],
        );
        let torn = &cert[..cert.len() / 2];
        check(
            Some(torn),
            Some(&key),
            expect![[
                r#"DIR/cert.pem is not a PEM file with a certificate: it must hold `-----BEGIN CERTIFICATE-----`. Give the server's certificate, followed by those of its authorities (often called fullchain.pem)"#
            ]],
        );
    }
}
