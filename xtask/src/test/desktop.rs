//! What the desktop window needs to be compiled and tested.

use anyhow::{Result, bail};

use crate::{checkout, node, tool};

/// Tauri builds the web UI into the window: it must be there first.
pub(super) fn needs_a_ui() -> Result<()> {
    if checkout::root().join("ui").join("dist").is_dir() { Ok(()) } else { node::build_ui() }
}

/// The beginning of a command line with a display and a session bus: Xvfb where there is no display.
pub(super) fn screen() -> Result<Option<Vec<String>>> {
    if cfg!(not(target_os = "linux")) || std::env::var_os("SIGMA_TEST_DISPLAY").is_some() {
        return Ok(None);
    }
    for name in ["dbus-run-session", "xvfb-run"] {
        if tool::find(name).is_none() {
            bail!("there is no `{name}`: run the step `packages` first");
        }
    }
    let words =
        ["dbus-run-session", "--", "xvfb-run", "--auto-servernum", "--server-args", "-screen 0 1280x800x24"];
    Ok(Some(words.map(str::to_owned).to_vec()))
}
