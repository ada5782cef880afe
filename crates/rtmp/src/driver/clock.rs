//! The one place where the drivers read the time: tokio's, so that tests can stop it.
use tokio::time::Instant;

#[expect(clippy::disallowed_methods, reason = "the drivers are a shell: they give the time to the core")]
pub(super) fn now() -> Instant {
    Instant::now()
}
