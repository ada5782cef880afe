//! A camera, through nokhwa and V4L2's own interface, with the project's test camera behind it (tests/camera).

use std::path::{Path, PathBuf};
use std::process::Command;

use api::broadcast::{Devices, Line, Phase};
use codec::{Picture, Plane};
use media::Kind;

use crate::process::Program;
use crate::server::Server;

/// The built test camera, and the folder that stands in for /dev.
struct Camera {
    folder: tempfile::TempDir,
}

impl Camera {
    fn build() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/camera/v4l2.c");
        let library = folder.path().join("libv4l2camera.so");
        let mut gcc = Command::new("gcc");
        gcc.args(["-shared", "-fPIC", "-O2", "-Wall", "-Wextra", "-Werror", "-o"])
            .arg(&library)
            .arg(source)
            .arg("-ldl");
        assert!(gcc.status().unwrap().success(), "gcc is needed for the test camera");
        std::fs::create_dir(folder.path().join("dev")).unwrap();
        std::fs::write(folder.path().join("dev/video0"), "").unwrap();
        Self { folder }
    }

    fn plug(&self, command: &mut tokio::process::Command) {
        let library: PathBuf = self.folder.path().join("libv4l2camera.so");
        command.env("LD_PRELOAD", library).env("SIGMA_TEST_CAMERA_DEV", self.folder.path().join("dev"));
    }
}

/// The frame number that the test camera drew into the top eighth: 16 bars.
fn frame_number(picture: &Picture) -> u32 {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let row = picture.rows(Plane::Y).nth(height / 16).unwrap();
    (0..16).fold(0, |number, bar| number << 1 | u32::from(row[(bar * 2 + 1) * width / 32] > 126))
}

#[tokio::test]
async fn it_is_listed() {
    let camera = Camera::build();
    let mut command = Program::command("devices --json");
    camera.plug(&mut command);
    let output = command.output().await.unwrap();
    let devices: Devices = serde_json::from_slice(&output.stdout).unwrap();
    let [found] = devices.cameras.as_slice() else { panic!("{devices:?}") };
    assert_eq!(
        (found.index, found.name.contains("Sigma Test Camera") || found.name.contains("video0")),
        (0, true)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_streams_a_moving_picture() {
    let camera = Camera::build();
    let server = Server::start().await;
    let args = "--source camera --sound none --size 640x480 --preset ultrafast --duration 2";
    let mut command = Program::live(&server, args);
    camera.plug(&mut command);
    let mut program = Program::start(command);
    let received = server.receive(usize::MAX).await;
    assert!(received.clean);
    let mut source = String::new();
    while let Some(line) = program.line().await {
        if let Line::Stats(stats) = line {
            source = stats.source;
        }
    }
    assert!(source.contains("640x480 30 fps YUYV"), "{source}");
    assert_eq!(program.exit_code().await, Some(0));
    let numbers: Vec<u32> = received.pictures().iter().map(frame_number).collect();
    assert!(numbers.len() >= 50, "30 fps for 2 s: {}", numbers.len());
    assert!(numbers.is_sorted_by(|a, b| a < b), "each picture is a newer one: {numbers:?}");
    // Capture times, not arrival times: evenly spaced, whatever the scheduler did.
    let units = received.units(Kind::Video);
    for (unit, number) in units.iter().zip(&numbers) {
        let expect = i64::from(number - numbers[0]) * 1000 / 30;
        let off = unit.pts.minus(units[0].pts).as_millis() - expect;
        assert!(off.abs() <= 15, "picture {number} is off by {off} ms");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pulled_cable_ends_with_a_clear_message() {
    let camera = Camera::build();
    let server = Server::start().await;
    let mut command =
        Program::live(&server, "--source camera --sound none --size 640x480 --preset ultrafast");
    camera.plug(&mut command);
    command.env("SIGMA_TEST_CAMERA_VANISH", "30");
    let mut program = Program::start(command);
    let (received, why) = tokio::join!(server.receive(usize::MAX), program.until(Phase::Failed));
    assert!(received.clean);
    let why = why.unwrap();
    assert!(why.contains("is gone: plug it in and go live again"), "{why}");
    assert_eq!(program.exit_code().await, Some(1));
}
