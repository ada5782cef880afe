//! A line for each request, for who wants to count: no tokens, no path secrets, no viewers.

use axum::http::Request;

/// Method, path, and the delivery directives of its query.
pub(super) fn line<B>(request: &Request<B>) -> String {
    let path = request.uri().path();
    let mut line = format!("{} ", request.method());
    for (number, part) in path.split('/').enumerate() {
        if number > 0 {
            line.push('/');
        }
        match part.split_once('~') {
            Some((session, _)) => line.extend([session, "~…"]),
            None => line.push_str(part),
        }
    }
    let query = request.uri().query().unwrap_or_default();
    let directives: Vec<&str> = query.split('&').filter(|pair| pair.starts_with("_HLS_")).collect();
    if !directives.is_empty() {
        line.push('?');
        line.push_str(&directives.join("&"));
    }
    line
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_is_told_of_a_request() {
        for (uri, expect) in [
            ("/", "GET /"),
            ("/live/pb_1/index.m3u8?token=a.b.c", "GET /live/pb_1/index.m3u8"),
            (
                "/live/pb_1/ses_1~secret/video/media.m3u8?v=me&_HLS_msn=7&_HLS_part=1",
                "GET /live/pb_1/ses_1~…/video/media.m3u8?_HLS_msn=7&_HLS_part=1",
            ),
        ] {
            assert_eq!(line(&Request::get(uri).body(()).unwrap()), expect);
        }
    }
}
