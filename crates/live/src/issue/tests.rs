#![allow(clippy::unwrap_used, clippy::disallowed_methods)]
use expect_test::expect;

use super::*;

fn all() -> Vec<Issue> {
    vec![
        Issue::ClockJump { by_ms: -7_000 },
        Issue::ClockDrift { behind_ms: 5_200 },
        Issue::AudioDrift { percent: -0.4 },
        Issue::MediaGap { track: "video", seconds: 3.04 },
        Issue::SoundMissing,
        Issue::TrackRefused { track: "audio" },
        Issue::ConfigChanged { track: "video", to: "avc1.64001f 1280x720".into() },
        Issue::LongGop { seconds: 8.333 },
        Issue::Malformed { detail: "video tag is cut short".into() },
        Issue::Overload { dropped: 12 },
        Issue::NotRecorded { detail: "the disk is full. Make room".into() },
    ]
}

#[test]
fn each_says_its_code_its_cause_and_what_to_do() {
    let text: String = all().iter().map(|issue| format!("{}: {issue}\n", issue.code())).collect();
    expect![[r#"
        clock_jump: the publisher's clock jumped by -7000 ms; players see a discontinuity. Look for a source that restarts, sleeps, or loops a file
        clock_drift: the publisher's clock fell 5200 ms behind the server's; players see a discontinuity. Look at the uplink and the encoder's load: it must encode and send in real time
        audio_drift: the sound runs 0.40 % slower than its timestamps; it is held to them. Set the sound card and the encoder to the same sample rate, or let the encoder resample to its timestamps
        media_gap: no video came for 3.0 s; players see a gap. Look at the source: a camera, microphone or scene that stopped
        sound_missing: the announced sound does not come; players hear silence. Look at the microphone, or publish without sound
        track_refused: audio came that the session did not begin with; it is left out. Start all sources before publishing, or ask for a new session (restream)
        config_changed: the video changed to avc1.64001f 1280x720 in mid-stream; players see a discontinuity. Keep size, codec and sample rate for a whole session
        long_gop: key frames come every 8.3 s, too far apart for this latency mode; viewers join late. Set the encoder's key frame interval to 2 s or less
        malformed: a message was dropped: video tag is cut short. Update the encoder, or try another
        overload: the server could not keep up and dropped 12 frames. Give the server more time: fewer channels, a lower bitrate
        not_recorded: the disk is full. Make room
    "#]].assert_eq(&text);
}

#[test]
fn kinds_do_not_share_a_place() {
    let mut places: Vec<_> = all().iter().map(Issue::index).collect();
    places.sort_unstable();
    assert_eq!(places, (0..Issue::KINDS).collect::<Vec<_>>());
}

#[test]
fn one_opens_counts_and_closes() {
    let start = Instant::now();
    let at = |s| start + Duration::from_secs(s);
    let (mut issues, gop) = (Issues::default(), |seconds| Issue::LongGop { seconds });
    assert!(matches!(
        issues.note(gop(8.0), at(0)),
        Some(Kind::IngestIssue { state: State::Open, count: 1, .. })
    ));
    assert_eq!(issues.note(gop(9.0), at(8)), None);
    assert!(issues.note(Issue::SoundMissing, at(9)).is_some(), "another kind");
    assert_eq!(issues.due(), Some(at(38)));
    assert_eq!(issues.close(at(37)), None);
    let state = State::Closed { lasted: Duration::from_secs(8) };
    assert_eq!(issues.close(at(38)), Some(Kind::IngestIssue { issue: gop(9.0), state, count: 2 }));
    assert_eq!(issues.due(), Some(at(39)));
    assert!(issues.note(gop(8.0), at(40)).is_some(), "it opens again");
}
