//! What a channel may be set to: defaults, ranges, and what to say where they are left.

use std::ops::RangeInclusive;
use std::time::Duration;

use api::channel::{Create, LatencyMode, Update};

use super::convert;
use super::problem::{Problem, Result};
use crate::store::{Policy, Settings};

const RECONNECT_WINDOW: Duration = Duration::from_secs(30);
const RECONNECT_RANGE: RangeInclusive<u32> = 5..=3600;
const DURATION_RANGE: RangeInclusive<u32> = 10..=604_800;
const NAME_MAX: usize = 100;

/// Where players may stand behind live in a mode, and where they stand unless told; seconds.
fn target(mode: LatencyMode) -> (f64, f64, f64) {
    match mode {
        LatencyMode::UltraLow => (0.6, 4.0, 0.6),
        LatencyMode::Low => (4.0, 10.0, 9.0),
        LatencyMode::Normal => (10.0, 30.0, 24.0),
    }
}

/// The settings of a new channel.
pub(super) fn of(create: Create) -> Result<Settings> {
    let mode = create.latency_mode.unwrap_or(LatencyMode::UltraLow);
    Ok(Settings {
        name: name(&create.name)?,
        latency_mode: convert::mode_in(mode),
        latency_target: latency_target(mode, create.latency_target_s)?,
        record: create.record.unwrap_or(true),
        max_duration: max_duration(create.max_duration_s)?,
        reconnect_window: create.reconnect_window_s.map_or(Ok(RECONNECT_WINDOW), reconnect_window)?,
        policy: create.playback.and_then(|p| p.policy).map_or(Policy::Public, convert::policy_in),
    })
}

/// `old` with the changes.
pub(super) fn merge(old: Settings, update: Update) -> Result<Settings> {
    let mode = update.latency_mode.unwrap_or_else(|| convert::mode_out(old.latency_mode));
    let moved = convert::mode_in(mode) != old.latency_mode;
    Ok(Settings {
        name: update.name.map_or(Ok(old.name), |text| name(&text))?,
        latency_mode: convert::mode_in(mode),
        latency_target: match update.latency_target_s {
            None if !moved => old.latency_target,
            told => latency_target(mode, told)?,
        },
        record: update.record.unwrap_or(old.record),
        max_duration: update.max_duration_s.map_or(Ok(old.max_duration), max_duration)?,
        reconnect_window: update.reconnect_window_s.map_or(Ok(old.reconnect_window), reconnect_window)?,
        policy: update.playback.and_then(|p| p.policy).map_or(old.policy, convert::policy_in),
    })
}

/// The name of a channel or a token.
pub(super) fn name(text: &str) -> Result<String> {
    let name = text.trim();
    if name.is_empty() {
        return Err(Problem::field("name", "`name` is empty: give it 1 to 100 characters"));
    }
    let count = name.chars().count();
    if count > NAME_MAX {
        return Err(Problem::field(
            "name",
            format!("`name` has {count} characters, but may have {NAME_MAX} at most"),
        ));
    }
    if name.chars().any(char::is_control) {
        return Err(Problem::field("name", "`name` holds a control character, such as a line break"));
    }
    Ok(name.to_owned())
}

fn latency_target(mode: LatencyMode, told: Option<f64>) -> Result<Duration> {
    let (from, to, default) = target(mode);
    let seconds = told.unwrap_or(default);
    if !(from..=to).contains(&seconds) {
        let mode = convert::mode_in(mode).name();
        return Err(Problem::field(
            "latency_target_s",
            format!("`latency_target_s` is {seconds}, but latency_mode {mode} takes {from} to {to}"),
        ));
    }
    // In range, so neither negative nor too large.
    Ok(Duration::from_millis((seconds * 1000.0).round() as u64))
}

fn max_duration(told: Option<u32>) -> Result<Option<Duration>> {
    told.map(|seconds| in_range("max_duration_s", seconds, DURATION_RANGE)).transpose()
}

fn reconnect_window(seconds: u32) -> Result<Duration> {
    in_range("reconnect_window_s", seconds, RECONNECT_RANGE)
}

fn in_range(field: &'static str, seconds: u32, range: RangeInclusive<u32>) -> Result<Duration> {
    if range.contains(&seconds) {
        return Ok(Duration::from_secs(seconds.into()));
    }
    let (from, to) = range.into_inner();
    Err(Problem::field(field, format!("`{field}` is {seconds}, but must be {from} to {to}")))
}
