//! A server's no.
use std::fmt;

/// What the server said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refused {
    /// E.g. `NetStream.Publish.BadName`.
    pub code: String,
    /// For people; may be empty.
    pub description: String,
    /// For programs, from our own server only: `bad_key`, `busy`, `stopped`, `takeover`, `shutdown`, `codec`, `limit`,
    /// `internal`.
    pub reason: Option<String>,
}

impl Refused {
    /// Somebody else is publishing here: worth another try soon. Other servers say only `BadName`, for a wrong key too.
    pub fn is_busy(&self) -> bool {
        match &self.reason {
            Some(reason) => reason == "busy",
            None => self.code == "NetStream.Publish.BadName",
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.description.as_str(), self.code.as_str()) {
            ("", "") => write!(f, "no reason given"),
            ("", code) => write!(f, "{code}"),
            (description, "") => write!(f, "{description}"),
            (description, code) => write!(f, "{description} ({code})"),
        }
    }
}
