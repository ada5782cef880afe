//! What a channel may be set to: defaults, ranges, and what to say where they are left.

use std::ops::RangeInclusive;
use std::time::Duration;

use api::channel::{Create, LatencyMode, Update};
use hls::recording::Trim;

use super::problem::{Problem, Result};
use super::recording::recording;
use super::{convert, detectors, processing};
use crate::store::{Asset, Policy, Retention, Settings};

const RECONNECT_WINDOW: Duration = Duration::from_secs(30);
const RECONNECT_RANGE: RangeInclusive<u32> = 5..=3600;
const DURATION_RANGE: RangeInclusive<u32> = 10..=604_800;
const DVR_WINDOW: Duration = Duration::from_secs(30);
const DVR_RANGE: RangeInclusive<u32> = 30..=604_800;
const AGE_RANGE: RangeInclusive<u32> = 60..=315_360_000;
const LEAST_BYTES: u64 = 1_000_000;
const SLATE_AFTER: Duration = live::session::SLATE_AFTER;
const SLATE_RANGE: RangeInclusive<u32> = 500..=10_000;
const NAME_MAX: usize = 100;
const TITLE_MAX: usize = 200;
/// What a trim leaves at least.
const LEAST_TRIM: f64 = 0.1;

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
        recording: recording(&create.recording.unwrap_or_default())?,
        max_duration: max_duration(create.max_duration_s)?,
        reconnect_window: create.reconnect_window_s.map_or(Ok(RECONNECT_WINDOW), reconnect_window)?,
        dvr_window: create.dvr_window_s.map_or(Ok(DVR_WINDOW), dvr_window)?,
        retention: create.retention.map_or(Ok(Retention::default()), retention)?,
        policy: create.playback.and_then(|p| p.policy).map_or(Policy::Public, convert::policy_in),
        slate_after: create.slate.and_then(|slate| slate.after_ms).map_or(Ok(SLATE_AFTER), slate_after)?,
        ladder: processing::ladder(&create.ladder.unwrap_or_default())?,
        processing: processing::of(&create.processing.unwrap_or_default())?,
        detectors: detectors::of(&create.detectors.unwrap_or_default())?,
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
        recording: update.recording.map_or(Ok(old.recording), |told| recording(&told))?,
        max_duration: update.max_duration_s.map_or(Ok(old.max_duration), max_duration)?,
        reconnect_window: update.reconnect_window_s.map_or(Ok(old.reconnect_window), reconnect_window)?,
        dvr_window: update.dvr_window_s.map_or(Ok(old.dvr_window), dvr_window)?,
        retention: update.retention.map_or(Ok(old.retention), retention)?,
        policy: update.playback.and_then(|p| p.policy).map_or(old.policy, convert::policy_in),
        slate_after: update
            .slate
            .and_then(|slate| slate.after_ms)
            .map_or(Ok(old.slate_after), slate_after)?,
        ladder: update.ladder.map_or(Ok(old.ladder), |told| processing::ladder(&told))?,
        processing: match update.processing {
            Some(told) => processing::merge(&old.processing, told)?,
            None => old.processing,
        },
        detectors: match update.detectors {
            Some(told) => detectors::merge(&old.detectors, told)?,
            None => old.detectors,
        },
    })
}

/// The name of a channel or a token.
pub(super) fn name(text: &str) -> Result<String> {
    line("name", text, NAME_MAX)
}

/// A line of text for people.
fn line(field: &'static str, text: &str, most: usize) -> Result<String> {
    let line = text.trim();
    let count = line.chars().count();
    let wrong = if count == 0 {
        format!("`{field}` is empty: give it 1 to {most} characters")
    } else if count > most {
        format!("`{field}` has {count} characters, but may have {most} at most")
    } else if line.chars().any(char::is_control) {
        format!("`{field}` holds a control character, such as a line break")
    } else {
        return Ok(line.to_owned());
    };
    Err(Problem::field(field, wrong))
}

/// An asset's title and trim with the changes.
pub(super) fn asset(old: &Asset, update: api::asset::Update) -> Result<(Option<String>, Trim)> {
    let title = match update.title {
        Some(told) => told.map(|text| line("title", &text, TITLE_MAX)).transpose()?,
        None => old.title.clone(),
    };
    let trim =
        Trim { from: update.in_s.unwrap_or(old.trim.from), until: update.out_s.unwrap_or(old.trim.until) };
    let end = old.duration.map_or(f64::INFINITY, |d| d.as_secs_f64());
    let from = trim.from.unwrap_or(0.0);
    if !(from >= 0.0 && from + LEAST_TRIM <= end) {
        let wrong = format!("`in_s` is {from}, but must be 0 to {:.3}", (end - LEAST_TRIM).max(0.0));
        return Err(Problem::field("in_s", wrong));
    }
    // The last frame of one track may end a little before that of the other.
    if let Some(until) = trim.until.filter(|until| !(*until >= from + LEAST_TRIM && *until <= end + 1.0)) {
        let wrong = format!("`out_s` is {until}, but must be {:.3} to {end:.3}", from + LEAST_TRIM);
        return Err(Problem::field("out_s", wrong));
    }
    Ok((title, trim))
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

fn slate_after(ms: u32) -> Result<Duration> {
    if SLATE_RANGE.contains(&ms) {
        return Ok(Duration::from_millis(ms.into()));
    }
    let (from, to) = SLATE_RANGE.into_inner();
    Err(Problem::field("slate.after_ms", format!("`slate.after_ms` is {ms}, but must be {from} to {to}")))
}

fn dvr_window(seconds: u32) -> Result<Duration> {
    in_range("dvr_window_s", seconds, DVR_RANGE)
}

fn retention(told: api::channel::Retention) -> Result<Retention> {
    let max_age = told.max_age_s.map(|s| in_range("retention.max_age_s", s, AGE_RANGE)).transpose()?;
    if let Some(bytes) = told.max_bytes.filter(|bytes| !(LEAST_BYTES..=i64::MAX as u64).contains(bytes)) {
        let wrong = format!("`retention.max_bytes` is {bytes}, but must be at least {LEAST_BYTES}");
        return Err(Problem::field("retention.max_bytes", wrong));
    }
    Ok(Retention { max_age, max_bytes: told.max_bytes })
}

fn in_range(field: &'static str, seconds: u32, range: RangeInclusive<u32>) -> Result<Duration> {
    if range.contains(&seconds) {
        return Ok(Duration::from_secs(seconds.into()));
    }
    let (from, to) = range.into_inner();
    Err(Problem::field(field, format!("`{field}` is {seconds}, but must be {from} to {to}")))
}
