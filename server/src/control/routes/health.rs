//! `/healthz` and `/readyz`: for whoever watches over the process.

use axum::extract::State;

use crate::control::Control;
use crate::control::problem::Result;

/// `GET /healthz`: the process answers.
pub(in crate::control) async fn alive() -> &'static str {
    "ok\n"
}

/// `GET /readyz`: so does its database.
pub(in crate::control) async fn ready(State(control): State<Control>) -> Result<&'static str> {
    control.store.check().await?;
    Ok("ok\n")
}
