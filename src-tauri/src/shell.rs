//! The Tauri glue: a window, six commands, three events. Everything that thinks is in `controller`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;
use api::broadcast::{Devices, Line};
use tauri::{AppHandle, Emitter, Manager, RunEvent, WebviewUrl, WebviewWindowBuilder, WindowEvent};

use crate::controller::{Connection, Controller, Problem, Status, Target, Window};
use crate::settings::Settings;

const MAIN: &str = "main";

#[expect(clippy::disallowed_methods, reason = "generate_context! holds an exit of its own")]
pub(crate) fn run() -> anyhow::Result<()> {
    let app = tauri::Builder::default()
        .invoke_handler(tauri::generate_handler![connection, devices, broadcast, go_live, stop, quit])
        .setup(|app| Ok(setup(app)?))
        .build(tauri::generate_context!())
        .context("can't open a window: is there a display?")?;
    app.run(on_event);
    Ok(())
}

fn setup(app: &mut tauri::App) -> anyhow::Result<()> {
    let settings = Settings::load(app.path().app_data_dir().context("can't find a folder for data")?)?;
    let controller = Controller::new(settings, Arc::new(Main(app.handle().clone())));
    app.manage(Arc::clone(&controller));
    app.manage(CloseAsked(AtomicBool::new(false)));
    tauri::async_runtime::block_on(controller.start());
    WebviewWindowBuilder::new(app, MAIN, WebviewUrl::App("index.html".into()))
        .title("Sigma Live")
        .inner_size(1200.0, 780.0)
        .min_inner_size(360.0, 480.0)
        .build()?;
    Ok(())
}

/// Whether the page was already asked about closing while live: the second time the window just closes, so that a
/// page that hangs can't keep it open.
struct CloseAsked(AtomicBool);

fn on_event(app: &AppHandle, event: RunEvent) {
    match event {
        RunEvent::WindowEvent { event: WindowEvent::CloseRequested { api, .. }, .. } => {
            let live = app.state::<Arc<Controller>>().is_live();
            if live && !app.state::<CloseAsked>().0.swap(true, Ordering::Relaxed) {
                api.prevent_close();
                tell(app, "close-asked", ());
            }
        }
        RunEvent::Exit => {
            let controller = Arc::clone(app.state::<Arc<Controller>>().inner());
            tauri::async_runtime::block_on(controller.close());
        }
        _ => {}
    }
}

/// The window as the controller sees it.
struct Main(AppHandle);

impl Window for Main {
    fn broadcast(&self, line: &Line) {
        tell(&self.0, "broadcast", line);
    }

    fn server_lost(&self, problem: &Problem) {
        tell(&self.0, "server-lost", problem);
    }
}

fn tell(app: &AppHandle, event: &str, payload: impl serde::Serialize + Clone) {
    if let Err(error) = app.emit_to(MAIN, event, payload) {
        eprintln!("sigma-live: the window did not take '{event}': {error}");
    }
}

type Shared<'a> = tauri::State<'a, Arc<Controller>>;

#[tauri::command]
async fn connection(controller: Shared<'_>) -> Result<Connection, Problem> {
    controller.connection().await
}

#[tauri::command]
async fn devices(controller: Shared<'_>) -> Result<Devices, Problem> {
    controller.devices().await
}

#[tauri::command]
async fn broadcast(controller: Shared<'_>) -> Result<Status, Problem> {
    Ok(controller.status())
}

#[tauri::command]
async fn go_live(controller: Shared<'_>, target: Target) -> Result<(), Problem> {
    controller.go_live(target).await
}

#[tauri::command]
async fn stop(controller: Shared<'_>) -> Result<(), Problem> {
    controller.stop().await;
    Ok(())
}

/// The person confirmed that the window may close while live.
#[tauri::command]
async fn quit(app: AppHandle) -> Result<(), Problem> {
    app.exit(0);
    Ok(())
}
