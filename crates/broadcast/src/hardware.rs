//! Which of the hardware's encoders works here. Each is tried in a process of its own: a driver may take it down.

use std::process::Command;

use codec::hardware::{Kind, child};
use sys::child::Outcome;

/// What makes the pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// The processor.
    X264,
    /// The first of the hardware's that works, else x264.
    Auto,
    /// This one, else x264.
    One(Kind),
}

impl Choice {
    /// By its name.
    pub fn of(name: &str) -> Option<Self> {
        match name {
            "x264" => Some(Self::X264),
            "auto" => Some(Self::Auto),
            name => Kind::of(name).map(Self::One),
        }
    }

    /// What is to be used, and what must be told where that isn't what was asked for.
    pub fn settle(self) -> (Option<Kind>, Option<String>) {
        match self {
            Self::X264 => (None, None),
            Self::Auto => (Kind::ALL.into_iter().find(|kind| works(*kind).is_ok()), None),
            Self::One(kind) => match works(kind) {
                Ok(()) => (Some(kind), None),
                Err(why) => {
                    (None, Some(format!("x264 encodes the picture: {} doesn't work: {why}", kind.name())))
                }
            },
        }
    }
}

/// Each, and why it can't be used.
pub fn found() -> Vec<(Kind, Result<(), String>)> {
    Kind::ALL.into_iter().map(|kind| (kind, works(kind))).collect()
}

fn works(kind: Kind) -> Result<(), String> {
    let program = std::env::current_exe().map_err(|error| format!("it can't be tried: {error}"))?;
    let tried = sys::child::run(Command::new(program).args([child::ARGUMENT, kind.name()]), child::LIMIT);
    match tried {
        Ok(Outcome::Ended(status, said)) => child::verdict(status.success(), &status.to_string(), &said),
        Ok(Outcome::Hung) => Err(format!("its driver gave no answer in {} s", child::LIMIT.as_secs())),
        Err(error) => Err(format!("it can't be tried: {error}")),
    }
}
