#![allow(clippy::unwrap_used)]

use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::*;

fn write_pair(files: &Files) {
    let key = rcgen::KeyPair::generate().unwrap();
    let cert =
        rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
    std::fs::write(&files.cert, cert.pem()).unwrap();
    std::fs::write(&files.key, key.serialize_pem()).unwrap();
}

/// A connection of a client that trusts this certificate file and nothing else; both ends.
async fn connect(
    acceptor: &Acceptor,
    trusted: &Path,
) -> std::io::Result<(
    tokio_rustls::client::TlsStream<tokio::io::DuplexStream>,
    TlsStream<tokio::io::DuplexStream>,
)> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(trusted).unwrap()).unwrap();
    let mut config = ClientConfig::builder_with_provider(Arc::new(crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let (near, far) = duplex(64 << 10);
    let name = ServerName::try_from("localhost").unwrap();
    let (client, server) =
        tokio::join!(TlsConnector::from(Arc::new(config)).connect(name, near), acceptor.accept(far));
    let client = client?;
    Ok((client, server?))
}

#[tokio::test]
async fn a_new_certificate_is_taken_and_open_connections_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let files = Files { cert: dir.path().join("cert.pem"), key: dir.path().join("key.pem") };
    write_pair(&files);
    let old = dir.path().join("old.pem");
    std::fs::copy(&files.cert, &old).unwrap();
    let identity = Identity::open(&Source::Files(files.clone()), dir.path(), Clock::system()).unwrap();
    let acceptor = identity.acceptor(&[b"h2"]).unwrap();
    let follow = tokio::spawn(identity.clone().follow(Duration::from_millis(10)));

    let (mut client, mut server) = connect(&acceptor, &old).await.unwrap();
    assert_eq!(client.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));

    // A key that doesn't belong to the certificate is not taken.
    std::fs::write(&files.key, rcgen::KeyPair::generate().unwrap().serialize_pem() + "\n").unwrap();
    tokio::time::sleep(Duration::from_millis(60)).await;
    connect(&acceptor, &old).await.unwrap();

    write_pair(&files);
    let taken = async {
        while connect(&acceptor, &files.cert).await.is_err() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), taken).await.expect("the new one must be taken");
    assert!(connect(&acceptor, &old).await.is_err());

    client.write_all(b"still here").await.unwrap();
    client.flush().await.unwrap();
    let mut heard = [0; 10];
    server.read_exact(&mut heard).await.unwrap();
    assert_eq!(&heard, b"still here");
    follow.abort();
}
