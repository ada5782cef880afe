//! What `sigma-broadcast` says with `--json` (one object a line on stdout) and takes with `--control` (one object a line
//! on stdin), and what `sigma-broadcast devices --json` prints.
//!
//! **Belongs here:** shapes only. **Does not:** how a broadcast runs.

use serde::{Deserialize, Serialize};

/// One line of `--json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Line {
    /// The broadcast entered another state.
    State(State),
    /// Figures, once a second while it runs.
    Stats(Stats),
    /// Something a person should know, that changes no state: a device that delivers another size, a bad command.
    Notice(Notice),
}

/// `{"type":"state","state":"reconnecting","reason":"…"}`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// Where the broadcast stands.
    pub state: Phase,
    /// Why, where there is something to tell: the server's words, an error and what to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Where a broadcast stands.
///
/// ```text
/// connecting ──▶ live ⇄ reconnecting
///      └──────────┴──────────┴──▶ stopped (asked to) | failed (a refusal, a lost device)
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Devices are open; the server has not accepted the stream yet.
    Connecting,
    /// The server takes the stream.
    Live,
    /// The connection was lost (or the key is busy) and is being tried again.
    Reconnecting,
    /// Ended as asked; the process exits with 0.
    Stopped,
    /// Ended against its will; the process exits with 1, or with 2 where the server refused the key.
    Failed,
}

/// Figures of a running broadcast. Counts are since its start; rates are over the last second.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Stats {
    /// Seconds since the first frame.
    pub seconds: f64,
    /// Frames encoded in the last second.
    pub fps: f64,
    /// Video sent in the last second, kbit/s.
    pub video_kbps: f64,
    /// Sound sent in the last second, kbit/s.
    pub audio_kbps: f64,
    /// What the video encoder is told to make, kbit/s.
    pub target_kbps: u32,
    /// Frames encoded.
    pub frames: u64,
    /// Key frames among them.
    pub key_frames: u64,
    /// Raw frames thrown away because the encoder was slower than the source.
    pub dropped_raw: u64,
    /// Encoded frames thrown away because the network was slower than the encoder, or away.
    pub dropped_sent: u64,
    /// Times that silence was put in, or sound left out, to keep it with the picture.
    #[serde(default)]
    pub sound_corrections: u64,
    /// Frames that wait to be sent.
    pub queue_frames: u32,
    /// How long the oldest of them has to wait at least, in ms of media.
    pub queue_ms: u32,
    /// Bytes handed to the network.
    pub bytes_sent: u64,
    /// Connections made after the first.
    pub reconnects: u32,
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
    /// The source in words: `testcard`, `camera: Integrated Webcam`.
    pub source: String,
    /// The sound in words: `tone`, `microphone: default`, `none`.
    pub sound: String,
}

/// `{"type":"notice","message":"…"}`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// For a person.
    pub message: String,
}

/// One line of `--control`. The end of stdin means `stop`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "cmd", rename_all = "snake_case", deny_unknown_fields)]
pub enum Command {
    /// Unpublish and exit: `{"cmd":"stop"}`.
    Stop,
    /// Another video bitrate from the next frame on: `{"cmd":"bitrate","kbps":1500}`.
    Bitrate {
        /// kbit/s, 100 to 50 000.
        kbps: u32,
    },
}

/// What `devices --json` prints.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Devices {
    /// In the order of `--source camera:N`.
    pub cameras: Vec<Camera>,
    /// In the order of `--sound mic:N`.
    pub microphones: Vec<Microphone>,
    /// Encoders in this build, and those of graphics hardware, be they usable or not.
    pub encoders: Vec<Encoder>,
}

/// A camera.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Camera {
    /// The N of `--source camera:N`.
    pub index: u32,
    /// What the driver calls it.
    pub name: String,
}

/// A microphone, or another input that sound comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Microphone {
    /// The N of `--sound mic:N`.
    pub index: u32,
    /// What the system calls it.
    pub name: String,
    /// What `--sound mic` takes.
    pub default: bool,
}

/// An encoder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Encoder {
    /// `x264`, `fdk-aac`, `nvenc` …
    pub name: String,
    /// `h264`, `aac`.
    pub codec: String,
    /// Runs on something else than the CPU.
    pub hardware: bool,
    /// It works on this machine.
    #[serde(default = "yes")]
    pub usable: bool,
    /// A clause, where it doesn't.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why_not: Option<String>,
}

fn yes() -> bool {
    true
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn lines_are_what_the_console_reads() {
        let line = Line::State(State { state: Phase::Reconnecting, reason: Some("lost".into()) });
        let text = serde_json::to_string(&line).unwrap();
        assert_eq!(text, r#"{"type":"state","state":"reconnecting","reason":"lost"}"#);
        assert_eq!(serde_json::from_str::<Line>(&text).unwrap(), line);
        let live = Line::State(State { state: Phase::Live, reason: None });
        assert_eq!(serde_json::to_string(&live).unwrap(), r#"{"type":"state","state":"live"}"#);
    }

    #[test]
    fn commands() {
        let cases = [
            (r#"{"cmd":"stop"}"#, Some(Command::Stop)),
            (r#"{"cmd":"bitrate","kbps":1500}"#, Some(Command::Bitrate { kbps: 1500 })),
            (r#"{"cmd":"bitrate"}"#, None),
            (r#"{"cmd":"bitrate","kbps":-1}"#, None),
            (r#"{"cmd":"dance"}"#, None),
            ("stop", None),
        ];
        for (text, expect) in cases {
            assert_eq!(serde_json::from_str::<Command>(text).ok(), expect, "{text}");
        }
    }
}
