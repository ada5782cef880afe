//! `sigma-probe check`: watch an origin for a while ([`collect`], the only place with I/O), judge what was seen ([`rules`],
//! pure), say it ([`report`]).

pub mod collect;
pub mod evidence;
pub mod report;
pub mod rules;
mod run;

pub use run::{Args, run};
