//! Where a playlist lies, and what its URIs mean.

use std::rc::Rc;

use reqwest::Url;

use super::client::{Error, Net, Origin};
use super::player::Directives;

/// A playlist's address.
#[derive(Clone)]
pub(super) struct Base {
    pub origin: Rc<Origin>,
    pub url: Url,
    /// Path and query.
    pub path: String,
    /// The path up to its last slash.
    folder: String,
}

impl Base {
    pub(super) async fn new(net: &Net, url: Url) -> Result<Self, Error> {
        let origin = net.origin(&url).await?;
        let path = request_path(&url);
        let folder = url.path().rsplit_once('/').map_or("/", |(folder, _)| folder);
        let folder = format!("{}/", folder.trim_end_matches('/'));
        Ok(Self { origin, url, path, folder })
    }

    /// The path of a reload (RFC 8216bis §6.2.5: directives after what the playlist's own query holds, in this order).
    pub(super) fn reload(&self, directives: &Directives) -> String {
        let mut path = self.path.clone();
        let mut add = |name: &str, value: &dyn std::fmt::Display| {
            let mark = if path.contains('?') { '&' } else { '?' };
            path.push_str(&format!("{mark}{name}={value}"));
        };
        if let Some(msn) = directives.msn {
            add("_HLS_msn", &msn);
        }
        if let Some(part) = directives.part {
            add("_HLS_part", &part);
        }
        if directives.skip {
            add("_HLS_skip", &"YES");
        }
        path
    }

    /// Server and path of something that the playlist names.
    pub(super) async fn locate(&self, net: &Net, uri: &str) -> Result<(Rc<Origin>, String), Error> {
        if plain(uri) {
            return Ok((Rc::clone(&self.origin), format!("{}{uri}", self.folder)));
        }
        let url = self.join(uri)?;
        Ok((net.origin(&url).await?, request_path(&url)))
    }

    /// The same as a URL.
    pub(super) fn join(&self, uri: &str) -> Result<Url, Error> {
        let fault = |error| Error::Connect(std::io::Error::new(std::io::ErrorKind::InvalidInput, error));
        self.url.join(uri).map_err(fault)
    }
}

fn request_path(url: &Url) -> String {
    match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    }
}

/// A name in the same folder that needs no care: most are, and there are tens of thousands a second.
fn plain(uri: &str) -> bool {
    let name = uri.split('?').next().unwrap_or_default();
    !name.is_empty()
        && !name.starts_with(['/', '.'])
        && !name.contains("/.")
        && uri.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~/?=&%+,".contains(&byte))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[tokio::test]
    async fn what_uris_mean() {
        let net = Net::new();
        let url = Url::parse("http://127.0.0.1:8080/live/a/media.m3u8?v=1").unwrap();
        let base = Base::new(&net, url).await.unwrap();
        for (uri, path) in [
            ("p1.m4s", "/live/a/p1.m4s"),
            ("p1.m4s?session=x", "/live/a/p1.m4s?session=x"),
            ("../b/p1.m4s", "/live/b/p1.m4s"),
            ("x/./y", "/live/a/x/y"),
            ("/z", "/z"),
            ("http://127.0.0.1:8080/q?r", "/q?r"),
            ("a b", "/live/a/a%20b"),
        ] {
            let (origin, got) = base.locate(&net, uri).await.unwrap();
            assert_eq!(got, path, "{uri}");
            assert!(Rc::ptr_eq(&origin, &base.origin), "{uri}");
        }
        let (other, _) = base.locate(&net, "http://127.0.0.1:9/q").await.unwrap();
        assert!(!Rc::ptr_eq(&other, &base.origin));
    }

    #[tokio::test]
    async fn directives_follow_the_query() {
        let net = Net::new();
        for (url, path) in [
            ("http://127.0.0.1/m.m3u8?v=1", "/m.m3u8?v=1&_HLS_msn=7&_HLS_part=2&_HLS_skip=YES"),
            ("http://127.0.0.1/m.m3u8", "/m.m3u8?_HLS_msn=7&_HLS_part=2&_HLS_skip=YES"),
        ] {
            let base = Base::new(&net, Url::parse(url).unwrap()).await.unwrap();
            assert_eq!(base.reload(&Directives { msn: Some(7), part: Some(2), skip: true }), path);
            assert_eq!(base.reload(&Directives::default()), base.path);
        }
    }
}
