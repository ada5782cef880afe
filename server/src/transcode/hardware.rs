//! Which encoder of graphics hardware works here. Each is tried in a process of its own, so that its driver can't take the server
//! along.

use std::process::{Command, ExitCode};
use std::sync::{Arc, OnceLock};

use codec::hardware::{Kind, child};
use sys::child::Outcome;

use super::Program;

/// The program's first argument for that; the encoder's name follows.
pub const TRY: &str = child::ARGUMENT;

/// The one to use, once it is known.
#[derive(Clone, Default)]
pub(super) struct Hardware(Arc<OnceLock<Kind>>);

impl Hardware {
    pub(super) fn get(&self) -> Option<Kind> {
        self.0.get().copied()
    }

    /// Tries these in order. Sessions that begin before it is known use x264.
    pub(super) fn look_for(&self, kinds: Vec<Kind>, program: &Program) {
        if kinds.is_empty() {
            return;
        }
        let (found, path) = (Arc::clone(&self.0), program.path.clone());
        tokio::task::spawn_blocking(move || {
            for kind in kinds {
                let tried = sys::child::run(Command::new(&path).args([TRY, kind.name()]), child::LIMIT);
                let works = match tried {
                    Ok(Outcome::Ended(status, said)) => {
                        child::verdict(status.success(), &status.to_string(), &said)
                    }
                    Ok(Outcome::Hung) => Err("its driver gave no answer".to_owned()),
                    Err(error) => Err(format!("it can't be tried: {error}")),
                };
                match works {
                    Ok(()) => {
                        tracing::info!("renditions are encoded by {}", kind.title());
                        let _ = found.set(kind);
                        return;
                    }
                    Err(why) => tracing::info!("{} can't be used here: {why}", kind.title()),
                }
            }
            tracing::info!("renditions are encoded by x264");
        });
    }
}

/// The other side: in a process of its own.
pub fn try_encoder(name: &str) -> ExitCode {
    match child::here(name) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            println!("{why}");
            ExitCode::FAILURE
        }
    }
}
