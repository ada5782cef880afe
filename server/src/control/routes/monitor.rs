//! `/monitor/{channel_id}.flv`: a rendition as it comes, without a playlist.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use crate::control::Control;
use crate::control::auth::Read;
use crate::control::extract::Query;
use crate::control::problem::{Problem, Result};
use crate::monitor::{Refused, Writer};

/// What may be asked.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::control) struct Ask {
    rendition: Option<String>,
}

/// `GET /monitor/{channel_id}.flv?rendition=`
pub(in crate::control) async fn serve(
    _: Read,
    State(control): State<Control>,
    Path(file): Path<String>,
    Query(ask): Query<Ask>,
) -> Result<Response> {
    let nothing = |what: String| Problem::new(StatusCode::NOT_FOUND, "nothing_on", what);
    let channel = file.strip_suffix(".flv").unwrap_or(&file);
    let Some(hub) = control.monitor.find(channel) else {
        return Err(nothing(format!("nothing is on channel {channel} now")));
    };
    let inbox = hub.read(ask.rendition.as_deref()).map_err(|why| match why {
        Refused::Unknown => {
            nothing(format!("the session has no rendition {:?}", ask.rendition.unwrap_or_default()))
        }
        Refused::Full => {
            let what = "as many read this session's monitor feed as may: close one".to_owned();
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "too_many_readers", what)
        }
    })?;
    let tags = futures_util::stream::unfold((inbox, Writer::default()), |(mut inbox, mut writer)| async {
        let item = inbox.recv().await?;
        let bytes = writer.write(&item);
        Some((Ok::<_, std::convert::Infallible>(bytes), (inbox, writer)))
    });
    let head = [(CONTENT_TYPE, "video/x-flv"), (CACHE_CONTROL, "no-store")];
    Ok((head, Body::from_stream(tags)).into_response())
}
