//! Rows and facts into the API's shapes, by hand: so that neither changes by accident with the other.

use super::PublicUrls;
use super::channels::Health;
use crate::store;

pub(super) fn channel(
    row: store::Channel,
    key: Option<String>,
    source: Option<api::session::Source>,
    urls: &PublicUrls,
) -> api::channel::Channel {
    let status = match (row.stopped, &row.live_session) {
        (true, _) => api::channel::Status::Stopped,
        (false, Some(_)) => api::channel::Status::Active,
        (false, None) => api::channel::Status::Idle,
    };
    api::channel::Channel {
        status,
        latency_mode: mode_out(row.settings.latency_mode),
        latency_target_s: row.settings.latency_target.as_secs_f64(),
        ingest: api::channel::Ingest { rtmp_url: urls.ingest(), rtmps_url: urls.ingest_over_tls() },
        stream_key: key,
        playback: api::channel::Playback {
            hls_url: urls.hls(&row.playback_id),
            dvr_url: urls.dvr(&row.playback_id),
            thumbnail_url: urls.thumbnail(&row.playback_id),
            storyboard_url: urls.storyboard(&row.playback_id),
            watch_url: urls.watch(&row.playback_id),
            policy: policy_out(row.settings.policy),
            id: row.playback_id,
        },
        record: row.settings.record,
        recording: kept(&row.settings.recording),
        max_duration_s: row.settings.max_duration.map(|d| d.as_secs() as u32),
        reconnect_window_s: row.settings.reconnect_window.as_secs() as u32,
        dvr_window_s: row.settings.dvr_window.as_secs() as u32,
        retention: api::channel::Retention {
            max_age_s: row.settings.retention.max_age.map(|d| d.as_secs() as u32),
            max_bytes: row.settings.retention.max_bytes,
        },
        ladder: kept(&row.settings.ladder),
        processing: kept(&row.settings.processing),
        detectors: kept(&row.settings.detectors),
        slate: api::channel::Slate {
            after_ms: row.settings.slate_after.as_millis() as u32,
            picture: row.slate_picture.map(picture),
        },
        logo: row.logo.map(picture),
        name: row.settings.name,
        live_session_id: row.live_session,
        source,
        created_at: row.created_at,
        updated_at: row.updated_at,
        id: row.id,
    }
}

fn picture(of: crate::store::Picture) -> api::channel::SlatePicture {
    let crate::store::Picture { content_type, width, height, bytes } = of;
    api::channel::SlatePicture { content_type, width, height, bytes }
}

/// What an older or newer version wrote differently is as if it had not been set.
fn kept<T: serde::de::DeserializeOwned + Default>(json: &str) -> T {
    serde_json::from_str(json).unwrap_or_default()
}

/// `measured` is what a running session receives by now, `health` how that is.
pub(super) fn session(
    row: store::Session,
    measured: Option<live::Source>,
    health: Option<Health>,
) -> api::session::Session {
    use api::session::{EndReason as To, Status};
    use live::session::EndReason as From;
    api::session::Session {
        id: row.id,
        channel_id: row.channel_id,
        status: match row.status {
            live::session::Status::Init => Status::Init,
            live::session::Status::Processing => Status::Processing,
            live::session::Status::Live => Status::Live,
            live::session::Status::Error => Status::Error,
            live::session::Status::Ended => Status::Ended,
        },
        end_reason: row.end_reason.map(|reason| match reason {
            From::Unpublished => To::Unpublished,
            From::PublisherLost => To::PublisherLost,
            From::Stopped => To::Stopped,
            From::Restreamed => To::Restreamed,
            From::MaxDuration => To::MaxDuration,
            From::EndedByOperator => To::EndedByOperator,
            From::ChannelDeleted => To::ChannelDeleted,
            From::Refused => To::Refused,
        }),
        source: measured.or(row.source).map(source),
        health: health.map(self::health),
        created_at: row.created_at,
        live_at: row.live_at,
        ended_at: row.ended_at,
    }
}

fn source(source: live::Source) -> api::session::Source {
    let live::Source { codecs, width, height, fps, bitrate, encoder } = source;
    api::session::Source { codecs, width, height, fps, bitrate, encoder }
}

fn health(health: Health) -> api::session::Health {
    let Health { alerts, sound, av_drift_ms } = health;
    let alert = |(alert, since): (live::watch::Alert, _)| api::session::Alert {
        alert: alert.code().to_owned(),
        cause: alert.cause(),
        fix: alert.fix().to_owned(),
        since,
    };
    api::session::Health {
        alerts: alerts.into_iter().map(alert).collect(),
        sound: sound.map(|sound| api::session::Sound {
            peak_dbfs: sound.peak_dbfs,
            clipped_percent: sound.clipped * 100.0,
            momentary_lufs: sound.momentary_lufs,
            short_term_lufs: sound.short_term_lufs,
            integrated_lufs: sound.integrated_lufs,
        }),
        av_drift_ms: av_drift_ms.map(f64::round),
    }
}

/// `folder` is how addresses name the session.
pub(super) fn asset(row: store::Asset, folder: &str, urls: &PublicUrls) -> api::asset::Asset {
    let (kind, url) = match row.kind {
        live::event::AssetKind::Recording => (api::asset::Kind::Recording, urls.recording(folder, row.part)),
        live::event::AssetKind::CatchUp => (api::asset::Kind::CatchUp, urls.catch_up(folder)),
        live::event::AssetKind::Thumbnail => (api::asset::Kind::Thumbnail, urls.kept_thumbnail(folder)),
        live::event::AssetKind::Storyboard => (api::asset::Kind::Storyboard, urls.kept_storyboard(folder)),
    };
    api::asset::Asset {
        id: row.id,
        session_id: row.session_id,
        kind,
        part: row.part,
        url,
        duration_s: row.duration.map(|d| d.as_secs_f64()),
        bytes: row.bytes,
        title: row.title,
        in_s: row.trim.from,
        out_s: row.trim.until,
        created_at: row.created_at,
    }
}

pub(super) fn key(row: store::Key, shown: bool) -> api::stream_key::StreamKey {
    api::stream_key::StreamKey {
        id: row.id,
        channel_id: row.channel_id,
        key: shown.then_some(row.text),
        created_at: row.created_at,
    }
}

pub(super) fn event(row: store::Event) -> api::event::Event {
    api::event::Event {
        id: format!("evt_{:016}", row.seq),
        kind: row.name,
        at: row.at,
        channel_id: row.channel_id,
        session_id: row.session_id,
        text: row.text,
        data: row.data,
    }
}

pub(super) fn token(row: store::Token) -> api::token::Token {
    let scope = match row.scope {
        store::Scope::Read => api::token::Scope::Read,
        store::Scope::Operate => api::token::Scope::Operate,
        store::Scope::Admin => api::token::Scope::Admin,
    };
    api::token::Token { id: row.id, name: row.name, scope, created_at: row.created_at }
}

pub(super) fn scope_in(scope: api::token::Scope) -> store::Scope {
    match scope {
        api::token::Scope::Read => store::Scope::Read,
        api::token::Scope::Operate => store::Scope::Operate,
        api::token::Scope::Admin => store::Scope::Admin,
    }
}

pub(super) fn mode_in(mode: api::channel::LatencyMode) -> store::LatencyMode {
    match mode {
        api::channel::LatencyMode::Normal => store::LatencyMode::Normal,
        api::channel::LatencyMode::Low => store::LatencyMode::Low,
        api::channel::LatencyMode::UltraLow => store::LatencyMode::UltraLow,
    }
}

pub(super) fn mode_out(mode: store::LatencyMode) -> api::channel::LatencyMode {
    match mode {
        store::LatencyMode::Normal => api::channel::LatencyMode::Normal,
        store::LatencyMode::Low => api::channel::LatencyMode::Low,
        store::LatencyMode::UltraLow => api::channel::LatencyMode::UltraLow,
    }
}

pub(super) fn policy_in(policy: api::channel::Policy) -> store::Policy {
    match policy {
        api::channel::Policy::Public => store::Policy::Public,
        api::channel::Policy::Signed => store::Policy::Signed,
    }
}

fn policy_out(policy: store::Policy) -> api::channel::Policy {
    match policy {
        store::Policy::Public => api::channel::Policy::Public,
        store::Policy::Signed => api::channel::Policy::Signed,
    }
}

pub(super) fn signing_key(row: store::SigningKey) -> api::signing_key::SigningKey {
    let algorithm = match row.algorithm {
        store::Algorithm::Es256 => api::signing_key::Algorithm::Es256,
        store::Algorithm::EdDsa => api::signing_key::Algorithm::EdDsa,
    };
    let public_key = crate::access::keys::public_pem(&row);
    api::signing_key::SigningKey {
        id: row.id,
        name: row.name,
        algorithm,
        public_key,
        created_at: row.created_at,
    }
}

pub(super) fn algorithm_in(algorithm: api::signing_key::Algorithm) -> store::Algorithm {
    match algorithm {
        api::signing_key::Algorithm::Es256 => store::Algorithm::Es256,
        api::signing_key::Algorithm::EdDsa => store::Algorithm::EdDsa,
    }
}

/// A page of a list, with the id of its last item as the cursor of the next.
pub(super) fn page<T, U>(
    list: store::Listing<T>,
    id: impl Fn(&T) -> String,
    item: impl FnMut(T) -> U,
) -> api::Page<U> {
    let next_cursor = if list.more { list.items.last().map(id) } else { None };
    api::Page { data: list.items.into_iter().map(item).collect(), next_cursor }
}
