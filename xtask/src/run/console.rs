//! What feeds the server: the desktop window where there is a display, else the broadcaster alone.

use std::process::Command;

use super::server::{Api, Channel};
use crate::checkout;

/// Somewhere to open a window.
pub(super) fn there_is_a_display() -> bool {
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    cfg!(any(windows, target_os = "macos")) || set("DISPLAY") || set("WAYLAND_DISPLAY")
}

/// `sigma-live`, ready to go live: on what it finds, or on a source that was named.
pub(super) fn window(api: &Api, source: &str) -> Command {
    let mut command = Command::new(checkout::program("sigma-live"));
    command
        .env("SIGMA_SERVER_URL", api.base())
        .env("SIGMA_TOKEN", api.token())
        .env("SIGMA_GO_LIVE", if source == "auto" { "1" } else { source });
    command
}

/// `sigma-broadcast`, which publishes to that channel until its stdin ends. The key goes by the environment: arguments
/// stand in `ps`.
pub(super) fn broadcaster(channel: &Channel, source: &str, sound: Option<&str>) -> Command {
    let mut command = Command::new(checkout::program("sigma-broadcast"));
    command
        .args(["--to", &channel.ingest.rtmp_url, "--source", source])
        .args(["--json", "--control"])
        .env("SIGMA_STREAM_KEY", channel.stream_key.as_deref().unwrap_or_default());
    if let Some(sound) = sound.or_else(|| (source == "auto").then_some("auto")) {
        command.args(["--sound", sound]);
    }
    command
}
