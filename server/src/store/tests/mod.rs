#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;
use std::path::Path;
use std::time::Duration;

use live::event::{Asset as LiveAsset, AssetKind, DeleteReason, Kind, Subject};
use live::session::{EndReason, Status, Trouble};
use live::{ChannelId, Refusal, SessionId, Source};

use super::*;

fn open(dir: &Path) -> Store {
    Store::open(dir, Clock::system()).unwrap()
}

fn settings(name: &str) -> Settings {
    Settings {
        name: name.into(),
        latency_mode: LatencyMode::UltraLow,
        latency_target: Duration::from_millis(600),
        record: true,
        max_duration: Some(Duration::from_secs(3600)),
        reconnect_window: Duration::from_secs(30),
        dvr_window: Duration::from_secs(7200),
        retention: Retention { max_age: Some(Duration::from_secs(86_400)), max_bytes: Some(1 << 40) },
        policy: Policy::Public,
        slate_after: Duration::from_millis(1500),
        ladder: r#"{"kind":"source"}"#.to_owned(),
        processing: "{}".to_owned(),
        recording: "{}".to_owned(),
        detectors: "{}".to_owned(),
    }
}

fn all() -> Page {
    Page { after: None, limit: 200 }
}

fn event(channel: &Channel, session: Option<&str>, kind: Kind) -> live::Event {
    let name = channel.settings.name.as_str().into();
    let subject = Subject { id: ChannelId::new(channel.id.as_str()), name };
    live::Event { channel: Some(subject), session: session.map(SessionId::new), kind }
}

async fn channel(store: &Store, name: &str) -> Channel {
    store.create_channel(settings(name), None).await.unwrap().channel
}

async fn first_key(store: &Store, channel: &str) -> Key {
    store.keys(channel, all()).await.unwrap().items.remove(0)
}

#[tokio::test]
async fn everything_survives_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let admin = store.admin_token().to_owned();
    let made = channel(&store, "Studio A").await;
    let key = first_key(&store, &made.id).await;
    let token = store.create_token("wall", Scope::Read).await.unwrap();
    let source = Source {
        codecs: vec!["avc1.64001f".into(), "mp4a.40.2".into()],
        width: Some(1280),
        height: Some(720),
        fps: Some(29.97),
        bitrate: Some(2_500_000),
        encoder: Some("Lavf59.27.100".into()),
    };
    for kind in [
        Kind::SessionCreated,
        Kind::SessionProcessing { source: source.clone() },
        Kind::SessionLive { after: Duration::from_millis(900) },
        Kind::SessionError {
            trouble: Trouble::Silent(Duration::from_millis(1500)),
            window: Duration::from_secs(30),
        },
    ] {
        store.record(event(&made, Some("ses_1"), kind)).await.unwrap();
    }
    let asset =
        LiveAsset { id: "ast_1".into(), kind: AssetKind::Recording, part: 1, duration: None, bytes: Some(7) };
    store.record(event(&made, Some("ses_1"), Kind::AssetReady { asset })).await.unwrap();
    let before = store.events(0, 200).await.unwrap().items;
    drop(store);

    let store = open(dir.path());
    assert_eq!(store.admin_token(), admin);
    assert_eq!(store.find_token(&admin).await.unwrap().unwrap().scope, Scope::Admin);
    assert_eq!(store.find_token(&token.text).await.unwrap(), Some(token.token));
    assert_eq!(first_key(&store, &made.id).await, key);
    let found = Lookup::Found { channel: made.id.clone(), key: key.id };
    assert_eq!(store.find_key(&key.text).await.unwrap(), found);
    let kept = store.channel(&made.id).await.unwrap().unwrap();
    assert_eq!(kept, Channel { live_session: Some("ses_1".into()), ..made.clone() });
    assert_eq!(store.channel_of_playback(&made.playback_id).await.unwrap(), Some(kept));
    let unfinished = store.unfinished_sessions().await.unwrap();
    assert_eq!(unfinished.len(), 1);
    assert_eq!((unfinished[0].status, &unfinished[0].source), (Status::Error, &Some(source)));
    assert!(unfinished[0].live_at.is_some());
    assert_eq!(store.assets("ses_1", all()).await.unwrap().items[0].bytes, Some(7));
    assert_eq!(store.events(0, 200).await.unwrap().items, before);
    let names: Vec<_> = before.iter().map(|event| event.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "channel.created",
            "session.created",
            "session.processing",
            "session.live",
            "session.error",
            "asset.ready"
        ]
    );
    let next = store.record(live::Event::rejected("peer", Refusal::BadKey)).await.unwrap();
    assert_eq!(next, before[before.len() - 1].seq + 1);
}

#[tokio::test]
async fn a_key_is_found_until_it_is_revoked() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let (a, b) = (channel(&store, "a").await, channel(&store, "b").await);
    let old = first_key(&store, &a.id).await;
    let new = store.create_key(&a.id).await.unwrap().unwrap();
    assert_ne!(old.text, new.text);
    assert!(!store.revoke_key(&b.id, &old.id).await.unwrap(), "the key of another channel");
    assert!(store.revoke_key(&a.id, &old.id).await.unwrap());
    assert!(!store.revoke_key(&a.id, &old.id).await.unwrap(), "twice");
    assert_eq!(store.find_key(&old.text).await.unwrap(), Lookup::Unknown);
    let found = Lookup::Found { channel: a.id.clone(), key: new.id };
    assert_eq!(store.find_key(&new.text).await.unwrap(), found);
    assert_eq!(store.keys(&a.id, all()).await.unwrap().items.len(), 1);

    for wrong in
        ["", "sk_", &new.text[..new.text.len() - 1], &new.text.to_uppercase(), &"x".repeat(MAX_KEY_LEN)]
    {
        assert_eq!(store.find_key(wrong).await.unwrap(), Lookup::Unknown, "{wrong}");
    }
    assert_eq!(store.find_key(&"x".repeat(MAX_KEY_LEN + 1)).await.unwrap(), Lookup::TooLong);

    store.record(event(&a, None, Kind::ChannelDeleted)).await.unwrap();
    assert_eq!(store.find_key(&new.text).await.unwrap(), Lookup::Unknown);
    assert_eq!(store.create_key(&a.id).await.unwrap(), None);
    assert_eq!(store.channel(&a.id).await.unwrap(), None);
}

#[tokio::test]
async fn keys_have_a_limit() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let made = channel(&store, "a").await;
    for _ in 1..MAX_KEYS {
        store.create_key(&made.id).await.unwrap().unwrap();
    }
    assert!(matches!(store.create_key(&made.id).await, Err(Error::Limit { .. })));
}

#[tokio::test]
async fn no_secret_lies_in_the_database() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let made = channel(&store, "a").await;
    let key = first_key(&store, &made.id).await;
    let token = store.create_token("t", Scope::Read).await.unwrap();
    store.flush().await.unwrap();
    let file = fs::read(dir.path().join("sigma.db")).unwrap();
    let holds = |text: &str| file.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(holds(&made.id), "the search itself works");
    assert!(!holds(&key.text) && !holds(&token.text) && !holds(store.admin_token()));
}

#[tokio::test]
#[cfg(unix)]
async fn the_secret_files_are_their_owners_only() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    for name in ["secret", "admin-token"] {
        let mode = fs::metadata(dir.path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    let text = fs::read_to_string(dir.path().join("admin-token")).unwrap();
    assert_eq!(text.trim(), store.admin_token());
}

#[tokio::test]
async fn a_revoked_admin_token_is_replaced_at_the_next_start() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let old = store.admin_token().to_owned();
    let id = store.find_token(&old).await.unwrap().unwrap().id;
    assert!(store.revoke_token(&id).await.unwrap());
    assert_eq!(store.find_token(&old).await.unwrap(), None);
    drop(store);
    let store = open(dir.path());
    assert_ne!(store.admin_token(), old);
    assert_eq!(store.find_token(&old).await.unwrap(), None, "the file must not bring it back");
    assert!(store.find_token(store.admin_token()).await.unwrap().is_some());
}

#[test]
fn a_newer_database_is_refused_with_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path()));
    let sql = Connection::open(dir.path().join("sigma.db")).unwrap();
    sql.pragma_update(None, "user_version", schema::KNOWN + 1).unwrap();
    drop(sql);
    let error = Store::open(dir.path(), Clock::system()).unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, Error::Newer { .. }), "{text}");
    assert!(text.contains("newer sigma-server") && text.contains("install that version"), "{text}");
}

#[test]
fn a_lost_or_damaged_secret_is_said() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path()));
    let secret = dir.path().join("secret");
    fs::write(&secret, b"short").unwrap();
    let text = Store::open(dir.path(), Clock::system()).unwrap_err().to_string();
    assert!(text.contains("not 32 bytes"), "{text}");
    fs::remove_file(&secret).unwrap();
    let text = Store::open(dir.path(), Clock::system()).unwrap_err().to_string();
    assert!(text.contains("is missing") && text.contains("backup"), "{text}");
}

#[tokio::test]
async fn old_events_go_and_numbers_are_not_used_again() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    channel(&store, "a").await;
    let last = store.record(live::Event::rejected("peer", Refusal::BadKey)).await.unwrap();
    store.flush().await.unwrap();
    drop(store);
    let later = Clock::ahead_by(Duration::from_secs(31 * 24 * 3600));
    let store = Store::open(dir.path(), later).unwrap();
    assert!(store.events(0, 200).await.unwrap().items.is_empty());
    assert_eq!(store.record(live::Event::rejected("peer", Refusal::BadKey)).await.unwrap(), last + 1);
}

#[tokio::test]
async fn an_event_that_makes_no_sense_leaves_no_trace() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let made = channel(&store, "a").await;
    store.record(event(&made, Some("ses_1"), Kind::SessionCreated)).await.unwrap();
    let (kind, part) = (AssetKind::Recording, 1);
    let asset = LiveAsset { id: "ast_1".into(), kind, part, duration: None, bytes: None };
    let stray = store.record(event(&made, Some("ses_2"), Kind::AssetReady { asset })).await;
    assert!(matches!(&stray, Err(error @ Error::Sqlite(_)) if !error.may_pass()), "of no session");
    assert_eq!(store.events(0, 200).await.unwrap().items.len(), 2);
    assert_eq!(store.asset("ast_1").await.unwrap(), None);
}

#[tokio::test]
async fn the_state_of_a_session_follows_its_events() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let made = channel(&store, "a").await;
    let after = Duration::from_secs(1);
    for (kind, status) in [
        (Kind::SessionCreated, Status::Init),
        (
            Kind::SessionError { trouble: Trouble::Silent(Duration::from_millis(1500)), window: after },
            Status::Error,
        ),
        (Kind::SessionRecovered { status: Status::Init, after }, Status::Init),
        (Kind::SessionProcessing { source: Source::default() }, Status::Processing),
        (Kind::SessionLive { after }, Status::Live),
        (Kind::SessionEnded { reason: EndReason::MaxDuration, lasted: after }, Status::Ended),
    ] {
        store.record(event(&made, Some("ses_1"), kind)).await.unwrap();
        assert_eq!(store.session("ses_1").await.unwrap().unwrap().status, status);
    }
    let session = store.session("ses_1").await.unwrap().unwrap();
    assert_eq!(session.end_reason, Some(EndReason::MaxDuration));
    assert!(session.live_at.is_some() && session.ended_at.is_some());
    assert!(store.unfinished_sessions().await.unwrap().is_empty());
    store.record(event(&made, None, Kind::ChannelStopped)).await.unwrap();
    assert!(store.channel(&made.id).await.unwrap().unwrap().stopped);
    store.record(event(&made, None, Kind::ChannelStarted)).await.unwrap();
    assert!(!store.channel(&made.id).await.unwrap().unwrap().stopped);
}

#[tokio::test]
async fn the_same_promise_makes_one_channel() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let promise = |key: &str, request: &str| {
        Some(Idempotency { token_id: "tok_1".into(), key: key.into(), request: request.into() })
    };
    let first = store.create_channel(settings("a"), promise("k", "a")).await.unwrap();
    drop(store);
    let store = open(dir.path());
    let again = store.create_channel(settings("a"), promise("k", "a")).await.unwrap();
    assert!(!first.replayed && again.replayed);
    assert_eq!(first.channel, again.channel);
    let other = store.create_channel(settings("b"), promise("k", "b")).await;
    assert!(matches!(other, Err(Error::KeyReused)));
    assert!(!store.create_channel(settings("a"), promise("l", "a")).await.unwrap().replayed);
    drop(store);
    let store = Store::open(dir.path(), Clock::ahead_by(Duration::from_secs(25 * 3600))).unwrap();
    assert!(!store.create_channel(settings("a"), promise("k", "a")).await.unwrap().replayed);
}

#[tokio::test]
async fn an_asset_is_trimmed_and_deleted_and_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let made = channel(&store, "Studio A").await;
    let trim = |store: &Store| {
        let store = store.clone();
        async move { store.trim("ses_1", AssetKind::Recording, 2).await.unwrap() }
    };
    assert_eq!(trim(&store).await, Trimmed::To(Default::default()), "nobody knows the session");
    store.record(event(&made, Some("ses_1"), Kind::SessionCreated)).await.unwrap();
    assert_eq!(trim(&store).await, Trimmed::To(Default::default()), "it runs");
    let reason = EndReason::Unpublished;
    let ended = Kind::SessionEnded { reason, lasted: Duration::from_secs(9) };
    store.record(event(&made, Some("ses_1"), ended)).await.unwrap();
    let names = vec!["ses_1".to_owned(), "ses_2".to_owned()];
    let kept = store.kept(names.clone()).await.unwrap().remove(0);
    assert!(!kept.announced && kept.assets.is_empty() && kept.max_bytes == Some(1 << 40));
    let (recording, catch_up) = (AssetKind::Recording, AssetKind::CatchUp);
    for (id, kind, part) in [("ast_1", recording, 1), ("ast_2", recording, 2), ("ast_3", catch_up, 1)] {
        // What comes last is there before it is announced.
        let coming = store.trim("ses_1", catch_up, 1).await.unwrap();
        assert_eq!(coming, Trimmed::To(Default::default()), "{id}");
        let duration = Some(Duration::from_secs(4));
        let asset = LiveAsset { id: id.to_owned(), kind, part, duration, bytes: None };
        store.record(event(&made, Some("ses_1"), Kind::AssetReady { asset })).await.unwrap();
    }
    let points = hls::recording::Trim { from: Some(1.25), until: None };
    let row = store.update_asset("ast_2", Some("The goal".into()), points).await.unwrap().unwrap();
    assert_eq!((row.title.as_deref(), row.trim, row.part), (Some("The goal"), points, 2));
    assert_eq!(trim(&store).await, Trimmed::To(points));
    assert!(store.delete_asset("ast_2", DeleteReason::MaxAge).await.unwrap());
    assert!(!store.delete_asset("ast_2", DeleteReason::MaxAge).await.unwrap());
    assert_eq!(trim(&store).await, Trimmed::Deleted);
    let last = store.events(0, 200).await.unwrap().items.pop().unwrap();
    assert_eq!((last.name.as_str(), &last.data["reason"]), ("asset.deleted", &"max_age".into()));
    assert_eq!(last.session_id.as_deref(), Some("ses_1"));
    let kept = store.kept(names).await.unwrap().remove(0);
    assert_eq!((kept.announced, kept.assets), (true, vec!["ast_1".to_owned(), "ast_3".to_owned()]));
}

/// Where the end of a session could not be written, the channel's next one is none the worse.
#[tokio::test]
async fn a_new_session_ends_the_one_before() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let made = channel(&store, "Studio A").await;
    store.record(event(&made, Some("ses_1"), Kind::SessionCreated)).await.unwrap();
    store.record(event(&made, Some("ses_2"), Kind::SessionCreated)).await.unwrap();
    let running = store.unfinished_sessions().await.unwrap();
    assert_eq!(running.iter().map(|session| session.id.as_str()).collect::<Vec<_>>(), ["ses_2"]);
    let ended = store.session("ses_1").await.unwrap().unwrap();
    assert_eq!((ended.status, ended.end_reason), (Status::Ended, Some(EndReason::PublisherLost)));
}
