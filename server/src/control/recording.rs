//! What a channel's recordings may be asked to be. Kept as the JSON that the API speaks.

use api::ladder::OnlyIf;
use api::recording::Recording;

use super::problem::{Problem, Result};

const MOST_SECONDS: u64 = 604_800;
const MOST_BYTES: u64 = 1 << 50;

/// Conditions as they are kept.
pub(super) fn recording(told: &Recording) -> Result<String> {
    let Recording { only_if, min_duration_s, min_bytes, max_duration_s, max_bytes, next: _ } = told;
    let (least_s, most_s) = (min_duration_s.map(u64::from), max_duration_s.map(u64::from));
    for (name, value, allowed) in [
        ("min_duration_s", least_s, 1..=MOST_SECONDS),
        ("max_duration_s", most_s, 10..=MOST_SECONDS),
        ("min_bytes", *min_bytes, 1..=MOST_BYTES),
        ("max_bytes", *max_bytes, 1_000_000..=MOST_BYTES),
    ] {
        if let Some(value) = value.filter(|value| !allowed.contains(value)) {
            let field = format!("recording.{name}");
            let wrong = format!("`{field}` is {value}, but must be {} to {}", allowed.start(), allowed.end());
            return Err(Problem::field(field, wrong));
        }
    }
    for (name, least, most) in [("duration_s", least_s, most_s), ("bytes", *min_bytes, *max_bytes)] {
        if let (Some(least), Some(most)) = (least, most)
            && least > most
        {
            let field = format!("recording.min_{name}");
            let wrong =
                format!("`{field}` is {least}, but `max_{name}` is {most}: no recording is like that");
            return Err(Problem::field(field, wrong));
        }
    }
    only_if.iter().try_for_each(possible)?;
    // Numbers alone: there is nothing in them that JSON can't say.
    Ok(serde_json::to_string(told).unwrap_or_default())
}

/// Something can be like this.
fn possible(asked: &OnlyIf) -> Result<()> {
    let wide = |value: Option<u32>| value.map(f64::from);
    for (name, least, most) in [
        ("width", wide(asked.min_width), wide(asked.max_width)),
        ("height", wide(asked.min_height), wide(asked.max_height)),
        ("fps", asked.min_fps, asked.max_fps),
        ("kbps", wide(asked.min_kbps), wide(asked.max_kbps)),
    ] {
        if let (Some(least), Some(most)) = (least, most)
            && least > most
        {
            let field = format!("recording.only_if.min_{name}");
            let wrong = format!("`{field}` is {least}, but `max_{name}` is {most}: nothing is like that");
            return Err(Problem::field(field, wrong));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    #[test]
    fn conditions_at_their_limits_and_beyond() {
        let of = |told: serde_json::Value| recording(&serde_json::from_value(told).unwrap());
        for good in [
            json!({}),
            json!({"min_duration_s": 1, "min_bytes": 1}),
            json!({"min_duration_s": 604_800, "min_bytes": 1u64 << 50}),
            json!({"max_duration_s": 10, "max_bytes": 1_000_000, "next": true}),
            json!({"max_duration_s": 604_800, "max_bytes": 1u64 << 50}),
            json!({"min_duration_s": 10, "max_duration_s": 10}),
            json!({"only_if": {"min_width": 640, "max_width": 640, "min_fps": 25.0, "max_fps": 25.0}}),
        ] {
            of(good).unwrap();
        }
        for (bad, word) in [
            (json!({"min_duration_s": 0}), "min_duration_s"),
            (json!({"min_duration_s": 604_801}), "min_duration_s"),
            (json!({"min_bytes": 0}), "min_bytes"),
            (json!({"max_duration_s": 9}), "max_duration_s"),
            (json!({"max_duration_s": 604_801}), "max_duration_s"),
            (json!({"max_bytes": 999_999}), "max_bytes"),
            (json!({"max_bytes": (1u64 << 50) + 1}), "max_bytes"),
            (json!({"min_duration_s": 11, "max_duration_s": 10}), "min_duration_s"),
            (json!({"min_bytes": 1_000_001, "max_bytes": 1_000_000}), "min_bytes"),
            (json!({"min_bytes": (1u64 << 50) + 1}), "min_bytes"),
            (json!({"only_if": {"min_height": 641, "max_height": 640}}), "min_height"),
            (json!({"only_if": {"min_fps": 25.1, "max_fps": 25.0}}), "min_fps"),
        ] {
            let problem = of(bad).unwrap_err();
            assert!(format!("{problem:?}").contains(word), "{problem:?}");
        }
    }
}
