//! A certificate that the server makes for itself, for trying things out: kept in `DIR/tls`, so that who trusts it once
//! needn't again.

use std::path::Path;

use anyhow::Context;
use time::{Duration, OffsetDateTime};
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;

use super::files::{self, Files};
use crate::store::write_private;

/// Apple's systems take none that is valid for longer than 825 days, others none over 398.
const LIFE: Duration = Duration::days(397);
/// One that ends sooner than this is made anew at the next start.
const SPARE: Duration = Duration::days(30);

/// The files in `DIR/tls`; made where they are missing, end soon or are for other names.
pub(super) fn ensure(dir: &Path, names: &[String], now: OffsetDateTime) -> anyhow::Result<Files> {
    let dir = dir.join("tls");
    let files = Files { cert: dir.join("self-signed.pem"), key: dir.join("self-signed.key") };
    if good(&files, names, now) {
        return Ok(files);
    }
    std::fs::create_dir_all(&dir).with_context(|| format!("can't make the folder {}", dir.display()))?;
    let key = rcgen::KeyPair::generate().context("can't make a key")?;
    let mut params = rcgen::CertificateParams::new(names)
        .with_context(|| format!("can't make a certificate for {}", names.join(", ")))?;
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(rcgen::DnType::CommonName, "Sigma Live, self-signed");
    // A day back, for clients whose clocks are behind.
    params.not_before = now - Duration::days(1);
    params.not_after = now + LIFE;
    let cert = params.self_signed(&key).context("can't make a certificate")?;
    // The key first: a certificate without its key would be taken for a good pair's half.
    write_private(&files.key, key.serialize_pem().as_bytes())?;
    std::fs::write(&files.cert, cert.pem())
        .with_context(|| format!("can't write {}", files.cert.display()))?;
    tracing::warn!(
        "made a self-signed certificate for {}: {}. It is good for trying things out and for machines that are told \
         to trust this file (`sigma-broadcast --ca`, `curl --cacert`); browsers warn of it, players and most encoders \
         refuse it. For viewers get one of a public authority and set [tls] cert and key",
        names.join(", "),
        files.cert.display()
    );
    Ok(files)
}

fn good(files: &Files, names: &[String], now: OffsetDateTime) -> bool {
    let Ok(loaded) = files::load(files, now) else { return false };
    if loaded.warning.is_some() || loaded.expires < now + SPARE {
        return false;
    }
    CertificateDer::from_pem_file(&files.cert).is_ok_and(|cert| {
        let held = names_of(&cert);
        names.iter().all(|name| held.contains(name))
    })
}

fn names_of(cert: &CertificateDer<'_>) -> Vec<String> {
    use x509_parser::extensions::GeneralName;
    let Ok((_, cert)) = x509_parser::parse_x509_certificate(cert) else { return Vec::new() };
    let Ok(Some(names)) = cert.subject_alternative_name() else { return Vec::new() };
    let names = names.value.general_names.iter();
    names
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => Some((*name).to_owned()),
            GeneralName::IPAddress(bytes) => match <[u8; 4]>::try_from(*bytes) {
                Ok(four) => Some(std::net::IpAddr::from(four).to_string()),
                Err(_) => <[u8; 16]>::try_from(*bytes).ok().map(|b| std::net::IpAddr::from(b).to_string()),
            },
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use time::macros::datetime;

    use super::*;

    #[test]
    fn it_is_kept_until_it_ends_or_is_for_other_names() {
        let dir = tempfile::tempdir().unwrap();
        let now = datetime!(2026-01-01 0:00 UTC);
        let names = |more: &[&str]| -> Vec<String> {
            ["localhost", "127.0.0.1", "::1"].iter().chain(more).map(|n| (*n).to_owned()).collect()
        };
        let text = |now, more: &[&str]| {
            let files = ensure(dir.path(), &names(more), now).unwrap();
            std::fs::read_to_string(files.cert).unwrap()
        };
        let first = text(now, &[]);
        assert_eq!(text(now + Duration::days(360), &[]), first);
        let other = text(now + Duration::days(360), &["live.example.com"]);
        assert_ne!(other, first);
        assert_eq!(text(now + Duration::days(360), &[]), other, "one that can do more is good too");
        assert_ne!(text(now + Duration::days(360 + 368), &[]), other);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode =
                std::fs::metadata(dir.path().join("tls/self-signed.key")).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }
}
