//! The same over TLS: publishers and viewers of a server with a certificate of its own.

use rtmp::driver::Error;
use rtmp::driver::client::{Config as Client, Publisher, Trust, Url};

use super::fixture;
use super::rig::{Rig, settings};
use crate::config::Config;
use crate::tls::Source;

fn over_tls(config: &mut Config) {
    let any = "127.0.0.1:0".parse().unwrap();
    (config.https, config.rtmps) = (Some(any), Some(any));
    config.tls = Some(Source::SelfSigned(vec!["127.0.0.1".to_owned()]));
}

async fn publish(rig: &Rig, trust: Trust) -> Result<Publisher, Error> {
    let url = Url::parse(&format!("{}/live/{}", rig.server.rtmps_url().unwrap(), rig.key)).unwrap();
    Publisher::connect(&url, &Client { trust, ..Client::default() }).await
}

#[tokio::test]
async fn a_publisher_and_a_viewer_who_trust_the_certificate() {
    let rig = Rig::configured(settings(), over_tls).await;
    let pem = std::fs::read(rig.dir.path().join("tls/self-signed.pem")).unwrap();
    let mut publisher = publish(&rig, Trust::only(&pem).unwrap()).await.unwrap();
    publisher.metadata(&fixture::metadata()).await.unwrap();
    for tag in fixture::tags() {
        publisher.send(tag).await.unwrap();
    }
    let folder = rig.folder("video").await;

    let base = rig.server.https_url().unwrap();
    let root = reqwest::Certificate::from_pem(&pem).unwrap();
    for (version, web) in [
        (reqwest::Version::HTTP_2, reqwest::Client::builder()),
        (reqwest::Version::HTTP_11, reqwest::Client::builder().http1_only()),
    ] {
        let web = web.tls_certs_only([root.clone()]).build().unwrap();
        let answer = web.get(format!("{base}{folder}/media.m3u8")).send().await.unwrap();
        assert_eq!((answer.version(), answer.status().as_u16()), (version, 200));
        assert!(answer.text().await.unwrap().starts_with("#EXTM3U"));
    }
    assert!(rig.web.get(format!("{base}/healthz")).send().await.is_err(), "nobody trusts it unless told to");
    publisher.close().await.unwrap();
    rig.until("ended", async |rig| rig.sessions().await[0].ended_at.is_some()).await;
}

#[tokio::test]
async fn a_publisher_who_does_not_trust_it_is_told_so_and_so_is_the_server() {
    let rig = Rig::configured(settings(), over_tls).await;
    let error = publish(&rig, Trust::System).await.err().unwrap();
    assert!(matches!(error, Error::Untrusted { .. }), "{error}");

    // Neither does anybody get in with plain RTMP.
    let port = rig.server.rtmps_url().unwrap().replace("rtmps://", "rtmp://");
    let plain = Url::parse(&format!("{port}/live/{}", rig.key)).unwrap();
    assert!(Publisher::connect(&plain, &Client::default()).await.is_err());
    rig.until("rejections", async |rig| {
        let events = rig.events().await;
        let told: Vec<_> = events.iter().filter(|event| event.name == "ingest.rejected").collect();
        told.len() == 2 && told.iter().all(|event| event.text.contains("no TLS"))
    })
    .await;
}
