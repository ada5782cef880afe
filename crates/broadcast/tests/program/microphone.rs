//! A microphone, through cpal and ALSA, with PulseAudio of our own behind it: what is played into it comes out.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use api::broadcast::{Devices, Phase};
use broadcast::testcard::render;

use crate::process::Program;
use crate::server::Server;

/// A sound server without hardware whose default source is `mic`; ends with the test.
struct Pulse {
    folder: tempfile::TempDir,
    server: Child,
}

impl Pulse {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("pulseaudio");
        command.args(["--exit-idle-time=-1", "--daemonize=no", "-n", "-L", "module-native-protocol-unix"]);
        command.args(["-L", "module-null-sink sink_name=fake rate=48000 channels=2"]);
        command.args(["-L", "module-remap-source source_name=mic master=fake.monitor"]);
        Self::of(&mut command, folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let server = command.spawn().unwrap();
        let pulse = Self { folder, server };
        while !pulse.run("pactl", &["set-default-source", "mic"]) {
            std::thread::yield_now();
        }
        pulse
    }

    fn of<'a>(command: &'a mut Command, folder: &Path) -> &'a mut Command {
        command.env("XDG_RUNTIME_DIR", folder).env("HOME", folder).env_remove("PULSE_SERVER")
    }

    fn run(&self, program: &str, args: &[&str]) -> bool {
        let mut command = Command::new(program);
        Self::of(command.args(args), self.folder.path()).stderr(Stdio::null());
        command.status().unwrap().success()
    }

    fn plug(&self, command: &mut tokio::process::Command) {
        command.env("XDG_RUNTIME_DIR", self.folder.path()).env("HOME", self.folder.path());
    }
}

impl Drop for Pulse {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_played_into_it_comes_out() {
    let pulse = Pulse::start();
    let tone = pulse.folder.path().join("tone.wav");
    render::sound(&tone, 20.0).unwrap();

    let mut command = Program::command("devices --json");
    pulse.plug(&mut command);
    let output = command.output().await.unwrap();
    let devices: Devices = serde_json::from_slice(&output.stdout).unwrap();
    assert!(devices.microphones.iter().any(|microphone| microphone.default), "{devices:?}");

    let mut playing = Command::new("paplay");
    let folder = pulse.folder.path();
    let mut playing = Pulse::of(playing.args(["-d", "fake"]).arg(&tone), folder).spawn().unwrap();
    let server = Server::start().await;
    let args = "--source testcard --sound mic --size 640x360 --preset ultrafast --duration 3";
    let mut command = Program::live(&server, args);
    pulse.plug(&mut command);
    let mut program = Program::start(command);
    let (received, _) = tokio::join!(server.receive(usize::MAX), program.until(Phase::Stopped));
    let _ = playing.kill();
    let _ = playing.wait();
    assert_eq!(program.exit_code().await, Some(0));

    let samples: Vec<i16> = received.sounds().into_iter().flat_map(|sound| sound.samples).collect();
    let seconds = samples.len() as f64 / 96_000.0;
    assert!((2.8..3.2).contains(&seconds), "{seconds} s of sound");
    // A beep of 100 ms a second: in 3 s between 2 and 4 of them, so about a tenth is loud.
    let loud = samples.chunks(96).filter(|ms| ms.iter().any(|s| s.unsigned_abs() > 2_000)).count();
    assert!((150..=420).contains(&loud), "{loud} ms are loud");
    // Each beep is 1 kHz: two crossings of zero a millisecond.
    let left: Vec<i16> = samples.iter().step_by(2).copied().collect();
    let crossings = left
        .windows(2)
        .filter(|w| (w[0] < 0) != (w[1] < 0) && w[0].unsigned_abs().max(w[1].unsigned_abs()) > 500);
    let hz = crossings.count() as f64 / 2.0 / (loud as f64 / 1000.0);
    assert!((950.0..1050.0).contains(&hz), "{hz} Hz");
}
