//! `sigma-live`, the desktop program: a window on the console, and the two programs behind it (the server and the
//! broadcaster) started and stopped with it.
//!
//! **Belongs here:** the window, its commands, the supervision of children. **Does not:** a codec, a camera, the API:
//! the page speaks to the server itself. Of our crates only `api` may be imported.
#![cfg_attr(all(windows, not(debug_assertions)), windows_subsystem = "windows")]

mod controller;
mod settings;
mod shell;
mod supervisor;

use std::process::ExitCode;

fn main() -> ExitCode {
    // Tauri brings its own runtime: no #[tokio::main] around it.
    match shell::run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sigma-live: {error:#}");
            ExitCode::FAILURE
        }
    }
}
