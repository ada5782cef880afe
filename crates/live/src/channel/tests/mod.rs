#![allow(clippy::unwrap_used, clippy::panic)]
mod model;
mod slate;

use std::fmt::Write;
use std::time::{Duration, Instant};

use expect_test::{Expect, expect};

use super::*;
use crate::{ChannelId, Event};

/// A channel on a virtual clock that starts at 0.
struct Bench {
    zero: Instant,
    at: Duration,
    channel: Channel,
    told: String,
}

fn config() -> Config {
    Config {
        name: "Studio A".into(),
        reconnect_window: Duration::from_secs(30),
        max_duration: None,
        slate_after: crate::session::SLATE_AFTER,
    }
}

impl Bench {
    #[expect(clippy::disallowed_methods, reason = "any instant will do: only differences count")]
    fn new(config: Config, stopped: bool) -> Self {
        let channel = Channel::new(ChannelId::new("ch_1"), config, stopped);
        Self { zero: Instant::now(), at: Duration::ZERO, channel, told: String::new() }
    }

    /// Moves to `ms`, waking the channel whenever it asked to be.
    fn at(&mut self, ms: u64) -> &mut Self {
        let to = Duration::from_millis(ms);
        while let Some(due) = self.channel.poll_timeout().filter(|due| *due <= self.zero + to) {
            self.at = self.at.max(due.saturating_duration_since(self.zero));
            self.channel.handle_timeout(self.zero + self.at);
            self.drain();
        }
        self.at = to;
        self
    }

    fn input(&mut self, input: Input) -> &mut Self {
        self.channel.handle_input(input, self.zero + self.at);
        self.drain();
        self
    }

    fn drain(&mut self) {
        while let Some(output) = self.channel.poll_output() {
            let at = self.at.as_secs_f64();
            match output {
                Output::Command(command) => writeln!(self.told, "{at:<4.1}   {command:?}").unwrap(),
                Output::Event(event) => {
                    writeln!(self.told, "{at:<4.1} {}: {event}", event.name()).unwrap();
                }
            }
        }
    }

    fn publish(&mut self, publisher: u64) -> &mut Self {
        self.input(Input::Publish {
            publisher: PublisherId(publisher),
            peer: format!("127.0.0.1:500{publisher}"),
            encoder: Some("Lavf59".into()),
            session: SessionId::new(format!("ses_{publisher}")),
        })
    }

    fn media(&mut self, publisher: u64) -> &mut Self {
        self.input(Input::Media { publisher: PublisherId(publisher) })
    }

    fn key_frame(&mut self, publisher: u64, behind_ms: u64) -> &mut Self {
        let behind = Duration::from_millis(behind_ms);
        self.media(publisher).input(Input::KeyFrame { publisher: PublisherId(publisher), behind })
    }

    fn go_live(&mut self, publisher: u64) -> &mut Self {
        let source = Source {
            codecs: vec!["avc1.64001f".into(), "mp4a.40.2".into()],
            width: Some(1280),
            height: Some(720),
            fps: Some(30.0),
            ..Source::default()
        };
        self.publish(publisher)
            .input(Input::Tracks { publisher: PublisherId(publisher), source })
            .input(Input::Playable { session: SessionId::new(format!("ses_{publisher}")) })
    }

    #[track_caller]
    fn check(&self, expect: &Expect) {
        expect.assert_eq(&self.told);
    }
}

fn bench() -> Bench {
    Bench::new(config(), false)
}

/// A bench that is live at 0, with what led there forgotten.
fn live() -> Bench {
    let mut bench = bench();
    bench.go_live(1).told.clear();
    bench
}

#[test]
fn a_session_from_birth_to_a_clean_end() {
    let mut bench = bench();
    bench.go_live(1).at(1000).media(1).input(Input::Unpublished { publisher: PublisherId(1) });
    assert_eq!(bench.channel.status(), Status::Idle);
    bench.check(&expect![[r#"
        0.0    OpenSession { session: ses_1 }
        0.0  session.created: channel Studio A: session ses_1 created
        0.0  channel.activated: channel Studio A: active
        0.0    Admit { publisher: PublisherId(1), session: ses_1, resumed: false }
        0.0  ingest.connected: channel Studio A: publisher 127.0.0.1:5001 connected (Lavf59)
        0.0  session.processing: channel Studio A: session ses_1 receives avc1.64001f + mp4a.40.2, 1280x720 at 30 fps
        0.0  session.live: channel Studio A: session ses_1 is live, 0.0 s after the publisher
        0.8    PrepareSlate { session: ses_1 }
        1.0  ingest.disconnected: channel Studio A: publisher 127.0.0.1:5001 is gone: it ended the stream
        1.0  session.ended: channel Studio A: session ses_1 ended after 1.0 s: the publisher ended it
        1.0    CloseSession { session: ses_1, reason: Unpublished }
    "#]]);
}

#[test]
fn a_second_publisher_is_busy_until_the_first_was_silent_for_two_seconds() {
    let mut bench = live();
    bench.at(500).media(1).at(2400).publish(2).at(2500).publish(3).media(1).at(2600).key_frame(3, 0);
    bench.check(&expect![[r#"
        1.2    PrepareSlate { session: ses_1 }
        2.0  session.error: channel Studio A: session ses_1 is in error: the publisher sent nothing for 1.5 s; it waits 30 s for media
        2.0    ShowSlate { session: ses_1 }
        2.4    Refuse { publisher: PublisherId(2), refusal: Busy }
        2.4  ingest.rejected: channel Studio A: publisher 127.0.0.1:5002 refused: another publisher is live on this channel. End that one first, or use another channel's key.
        2.5  ingest.disconnected: channel Studio A: publisher 127.0.0.1:5001 is gone: another publisher took over after this one fell silent
        2.5    Kick { publisher: PublisherId(1), reason: TakenOver }
        2.5    Admit { publisher: PublisherId(3), session: ses_1, resumed: true }
        2.5  ingest.connected: channel Studio A: publisher 127.0.0.1:5003 resumes the session (Lavf59)
        2.6    EndSlate { session: ses_1, anew: false }
        2.6  session.recovered: channel Studio A: session ses_1 recovered after 0.6 s
    "#]]);
}

#[test]
fn a_lost_publisher_may_come_back_in_the_window() {
    let mut bench = live();
    let why = "connection reset by peer".to_owned();
    bench.at(1000).media(1).input(Input::Lost { publisher: PublisherId(1), why });
    bench.at(30_900).publish(2).at(35_800).key_frame(2, 0);
    bench.check(&expect![[r#"
        0.8    PrepareSlate { session: ses_1 }
        1.0  ingest.disconnected: channel Studio A: publisher 127.0.0.1:5001 is gone: connection reset by peer
        1.0  session.error: channel Studio A: session ses_1 is in error: the publisher was lost (connection reset by peer); it waits 30 s for media
        1.0    PrepareSlate { session: ses_1 }
        2.5    ShowSlate { session: ses_1 }
        30.9   Admit { publisher: PublisherId(2), session: ses_1, resumed: true }
        30.9 ingest.connected: channel Studio A: publisher 127.0.0.1:5002 resumes the session (Lavf59)
        35.8   EndSlate { session: ses_1, anew: false }
        35.8 session.recovered: channel Studio A: session ses_1 recovered after 34.8 s
    "#]]);
}

#[test]
fn a_lost_publisher_that_stays_away_ends_the_session() {
    let mut bench = live();
    bench.input(Input::Lost { publisher: PublisherId(1), why: "timed out".into() });
    bench.at(30_000).publish(2);
    bench.check(&expect![[r#"
        0.0  ingest.disconnected: channel Studio A: publisher 127.0.0.1:5001 is gone: timed out
        0.0  session.error: channel Studio A: session ses_1 is in error: the publisher was lost (timed out); it waits 30 s for media
        0.0    PrepareSlate { session: ses_1 }
        1.5    ShowSlate { session: ses_1 }
        30.0 session.ended: channel Studio A: session ses_1 ended after 30.0 s: the publisher did not come back in the reconnect window
        30.0   CloseSession { session: ses_1, reason: PublisherLost }
        30.0   OpenSession { session: ses_2 }
        30.0 session.created: channel Studio A: session ses_2 created
        30.0 channel.activated: channel Studio A: active
        30.0   Admit { publisher: PublisherId(2), session: ses_2, resumed: false }
        30.0 ingest.connected: channel Studio A: publisher 127.0.0.1:5002 connected (Lavf59)
    "#]]);
}

#[test]
fn silence_is_an_error_then_the_end() {
    let mut bench = live();
    bench.at(1400).media(1).at(2800).at(40_000);
    bench.check(&expect![[r#"
        0.8    PrepareSlate { session: ses_1 }
        2.1    PrepareSlate { session: ses_1 }
        2.9  session.error: channel Studio A: session ses_1 is in error: the publisher sent nothing for 1.5 s; it waits 30 s for media
        2.9    ShowSlate { session: ses_1 }
        32.9 ingest.disconnected: channel Studio A: publisher 127.0.0.1:5001 is gone: nothing came for the whole reconnect window
        32.9   Kick { publisher: PublisherId(1), reason: Silent }
        32.9 session.ended: channel Studio A: session ses_1 ended after 32.9 s: the publisher did not come back in the reconnect window
        32.9   CloseSession { session: ses_1, reason: PublisherLost }
    "#]]);
}

#[test]
fn stop_ends_and_refuses_until_start() {
    let mut bench = live();
    bench.at(100).input(Input::Stop).input(Input::Stop).publish(2).input(Input::Start).publish(3);
    bench.check(&expect![[r#"
        0.1  ingest.disconnected: channel Studio A: publisher 127.0.0.1:5001 is gone: the channel was stopped
        0.1    Kick { publisher: PublisherId(1), reason: Stopped }
        0.1  session.ended: channel Studio A: session ses_1 ended after 0.1 s: the channel was stopped
        0.1    CloseSession { session: ses_1, reason: Stopped }
        0.1  channel.stopped: channel Studio A: stopped; publishers are refused until it is started
        0.1    Refuse { publisher: PublisherId(2), refusal: Stopped }
        0.1  ingest.rejected: channel Studio A: publisher 127.0.0.1:5002 refused: the channel is stopped. Start it, then publish again.
        0.1  channel.updated: channel Studio A: started; publishers are taken again
        0.1    OpenSession { session: ses_3 }
        0.1  session.created: channel Studio A: session ses_3 created
        0.1  channel.activated: channel Studio A: active
        0.1    Admit { publisher: PublisherId(3), session: ses_3, resumed: false }
        0.1  ingest.connected: channel Studio A: publisher 127.0.0.1:5003 connected (Lavf59)
    "#]]);
}

#[test]
fn restream_keeps_the_publisher() {
    let mut bench = live();
    bench.at(100).input(Input::Restream { session: SessionId::new("ses_b") }).media(1);
    bench.input(Input::Playable { session: SessionId::new("ses_1") });
    bench.input(Input::Playable { session: SessionId::new("ses_b") });
    bench.check(&expect![[r#"
        0.1  session.ended: channel Studio A: session ses_1 ended after 0.1 s: a new session was asked for
        0.1    CloseSession { session: ses_1, reason: Restreamed }
        0.1    OpenSession { session: ses_b }
        0.1  session.created: channel Studio A: session ses_b created
        0.1  session.processing: channel Studio A: session ses_b receives avc1.64001f + mp4a.40.2, 1280x720 at 30 fps
        0.1  session.live: channel Studio A: session ses_b is live, 0.0 s after the publisher
    "#]]);
}

#[test]
fn restream_with_nobody_connected_only_ends() {
    let mut bench = live();
    bench.input(Input::Lost { publisher: PublisherId(1), why: "timed out".into() });
    bench.input(Input::Restream { session: SessionId::new("ses_b") });
    bench.check(&expect![[r#"
        0.0  ingest.disconnected: channel Studio A: publisher 127.0.0.1:5001 is gone: timed out
        0.0  session.error: channel Studio A: session ses_1 is in error: the publisher was lost (timed out); it waits 30 s for media
        0.0    PrepareSlate { session: ses_1 }
        0.0  session.ended: channel Studio A: session ses_1 ended after 0.0 s: a new session was asked for
        0.0    CloseSession { session: ses_1, reason: Restreamed }
    "#]]);
}

#[test]
fn an_unsupported_codec_ends_the_session_and_is_told() {
    let mut bench = bench();
    let refusal = Refusal::Codec("audio codec MP3 is not supported: publish AAC".into());
    bench.publish(1).input(Input::Refused { publisher: PublisherId(1), refusal });
    bench.check(&expect![[r#"
        0.0    OpenSession { session: ses_1 }
        0.0  session.created: channel Studio A: session ses_1 created
        0.0  channel.activated: channel Studio A: active
        0.0    Admit { publisher: PublisherId(1), session: ses_1, resumed: false }
        0.0  ingest.connected: channel Studio A: publisher 127.0.0.1:5001 connected (Lavf59)
        0.0  ingest.rejected: channel Studio A: publisher 127.0.0.1:5001 refused: audio codec MP3 is not supported: publish AAC.
        0.0    Kick { publisher: PublisherId(1), reason: Refused(Codec("audio codec MP3 is not supported: publish AAC")) }
        0.0  session.ended: channel Studio A: session ses_1 ended after 0.0 s: what the publisher sent can't be taken
        0.0    CloseSession { session: ses_1, reason: Refused }
    "#]]);
}

#[test]
fn a_revoked_key_ends_the_connection_and_the_session_waits() {
    let mut bench = bench();
    bench.go_live(1).told.clear();
    bench.input(Input::Revoked { publisher: PublisherId(2) });
    bench.input(Input::Revoked { publisher: PublisherId(1) });
    bench.check(&expect![[r#"
        0.0  ingest.disconnected: channel Studio A: publisher 127.0.0.1:5001 is gone: its stream key was revoked
        0.0  session.error: channel Studio A: session ses_1 is in error: the publisher was lost (its stream key was revoked); it waits 30 s for media
        0.0    PrepareSlate { session: ses_1 }
        0.0    Kick { publisher: PublisherId(1), reason: Refused(BadKey) }
    "#]]);
}

#[test]
fn maximum_duration_counts_time_in_error_too() {
    let mut bench = Bench::new(Config { max_duration: Some(Duration::from_secs(3)), ..config() }, false);
    bench.go_live(1).told.clear();
    bench.at(1000).media(1).at(5000);
    bench.check(&expect![[r#"
        0.8    PrepareSlate { session: ses_1 }
        1.8    PrepareSlate { session: ses_1 }
        2.5  session.error: channel Studio A: session ses_1 is in error: the publisher sent nothing for 1.5 s; it waits 30 s for media
        2.5    ShowSlate { session: ses_1 }
        3.0  ingest.disconnected: channel Studio A: publisher 127.0.0.1:5001 is gone: the session reached the channel's maximum duration
        3.0    Kick { publisher: PublisherId(1), reason: MaxDuration }
        3.0  session.ended: channel Studio A: session ses_1 ended after 3.0 s: it reached the channel's maximum duration
        3.0    CloseSession { session: ses_1, reason: MaxDuration }
    "#]]);
}

#[test]
fn delete_ends_and_is_final() {
    let mut bench = live();
    bench.input(Input::Delete).input(Input::Delete).input(Input::Start).publish(2);
    bench.check(&expect![[r#"
        0.0  ingest.disconnected: channel Studio A: publisher 127.0.0.1:5001 is gone: the channel was deleted
        0.0    Kick { publisher: PublisherId(1), reason: Deleted }
        0.0  session.ended: channel Studio A: session ses_1 ended after 0.0 s: the channel was deleted
        0.0    CloseSession { session: ses_1, reason: ChannelDeleted }
        0.0  channel.deleted: channel Studio A: deleted; its recordings are kept
        0.0    Refuse { publisher: PublisherId(2), refusal: Deleted }
        0.0  ingest.rejected: channel Studio A: publisher 127.0.0.1:5002 refused: the channel was deleted. Use another channel's key.
    "#]]);
}

fn recovered(silent_for: u64) -> Input {
    Input::Recovered {
        session: SessionId::new("ses_0"),
        was_live: true,
        age: Duration::from_secs(600),
        silent_for: Duration::from_secs(silent_for),
    }
}

#[test]
fn after_a_restart_the_window_runs_from_the_last_media() {
    let mut inside = bench();
    inside.input(recovered(10)).at(19_000).publish(2).media(2).key_frame(2, 0);
    inside.check(&expect![[r#"
        0.0  session.error: channel Studio A: session ses_0 is in error: the server was restarted; it waits 20 s for media
        0.0    ShowSlate { session: ses_0 }
        19.0   Admit { publisher: PublisherId(2), session: ses_0, resumed: true }
        19.0 ingest.connected: channel Studio A: publisher 127.0.0.1:5002 resumes the session (Lavf59)
        19.0   EndSlate { session: ses_0, anew: false }
        19.0 session.recovered: channel Studio A: session ses_0 recovered after 29.0 s
    "#]]);
    let mut late = bench();
    late.input(recovered(10)).at(20_000).publish(2);
    late.check(&expect![[r#"
        0.0  session.error: channel Studio A: session ses_0 is in error: the server was restarted; it waits 20 s for media
        0.0    ShowSlate { session: ses_0 }
        20.0 session.ended: channel Studio A: session ses_0 ended after 620.0 s: the publisher did not come back in the reconnect window
        20.0   CloseSession { session: ses_0, reason: PublisherLost }
        20.0   OpenSession { session: ses_2 }
        20.0 session.created: channel Studio A: session ses_2 created
        20.0 channel.activated: channel Studio A: active
        20.0   Admit { publisher: PublisherId(2), session: ses_2, resumed: false }
        20.0 ingest.connected: channel Studio A: publisher 127.0.0.1:5002 connected (Lavf59)
    "#]]);
    let mut too_late = bench();
    too_late.input(recovered(31));
    too_late.check(&expect![[r#"
        0.0  session.error: channel Studio A: session ses_0 is in error: the server was restarted; it waits 0 s for media
        0.0  session.ended: channel Studio A: session ses_0 ended after 600.0 s: the publisher did not come back in the reconnect window
        0.0    CloseSession { session: ses_0, reason: PublisherLost }
    "#]]);
}

#[test]
fn new_settings_hold_for_the_running_session() {
    let mut bench = live();
    bench.input(Input::Lost { publisher: PublisherId(1), why: "timed out".into() });
    bench.at(6000).input(Input::Update(Config { reconnect_window: Duration::from_secs(5), ..config() }));
    bench.at(6000);
    assert_eq!(bench.channel.status(), Status::Idle);
}

#[test]
fn an_issue_is_told_when_it_opens_and_when_it_is_over() {
    let mut bench = live();
    bench.told.clear();
    let issue = || Input::Issue { publisher: PublisherId(1), issue: Issue::ClockJump { by_ms: -70 } };
    for ms in (0..12_000).step_by(1000) {
        bench.at(ms).media(1).input(issue());
    }
    assert_eq!(bench.told.matches("ingest.issue").count(), 1, "{}", bench.told);
    for ms in (12_000..60_000).step_by(1000) {
        bench.at(ms).media(1);
    }
    assert_eq!(bench.told.matches("ingest.issue").count(), 2, "{}", bench.told);
    assert!(bench.told.contains("over, after 11 s") && bench.told.contains("(12 times)"), "{}", bench.told);
}

#[test]
fn refusals_are_all_given_but_not_all_told() {
    let mut bench = Bench::new(config(), true);
    for n in 0..100 {
        bench.publish(n);
    }
    assert_eq!(bench.told.matches("Refuse {").count(), 100);
    assert_eq!(bench.told.matches("ingest.rejected").count(), 20);
    bench.told.clear();
    bench.at(1000).publish(100).publish(101);
    assert_eq!(bench.told.matches("ingest.rejected").count(), 1);
}

#[test]
fn a_stranger_without_a_channel() {
    let event = Event::rejected("127.0.0.1:5123", Refusal::BadKey);
    expect!["publisher 127.0.0.1:5123 refused: the stream key is wrong. Copy the key from the channel page."]
        .assert_eq(&event.to_string());
}
